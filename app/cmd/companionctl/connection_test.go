package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhichKafkaIsMeant(t *testing.T) {
	for name, c := range map[string]struct {
		flag       string
		env        map[string]string
		kubeconfig string // empty: KAFKA_BROKERS
		note       string
		err        string
	}{
		"the flag":                   {"a", nil, "a", "", ""},
		"inside the cluster":         {"", map[string]string{"KAFKA_BROKERS": "b:1"}, "", "", ""},
		"KUBECONFIG":                 {"", map[string]string{"KUBECONFIG": "c"}, "c", "KUBECONFIG (c)", ""},
		"the flag before brokers":    {"a", map[string]string{"KAFKA_BROKERS": "b:1"}, "a", "KAFKA_BROKERS is not looked at", ""},
		"the flag before KUBECONFIG": {"a", map[string]string{"KUBECONFIG": "c"}, "a", "", ""},
		"brokers before KUBECONFIG":  {"", map[string]string{"KAFKA_BROKERS": "b:1", "KUBECONFIG": "c"}, "", "KUBECONFIG is not looked at", ""},
		"nothing":                    {"", nil, "", "", "KUBECONFIG"},
	} {
		t.Run(name, func(t *testing.T) {
			kubeconfig, note, err := (&connection{kubeconfig: c.flag}).way(func(key string) string { return c.env[key] })
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.kubeconfig, kubeconfig)
			require.Contains(t, note, c.note)
			require.Equal(t, c.note == "", note == "")
		})
	}
}
