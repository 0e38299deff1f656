package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const outputs = `{"kubeconfig": "apiVersion: v1", "smokeKubeconfig": "apiVersion: v1", "clusterName": "companion", "clusterId": "1", "url": "https://app.example.com",
	"apiUrl": "https://app.example.com/api/v1", "gatewayAddress": "192.0.2.1", "registry": "registry.example.com/companion", "release": "1a2b3c",
	"topics": ["finance.transaction.created"], "namespaces": {"application": "companion", "kafka": "kafka", "data": "data", "edge": "nginx-gateway"}}`

func TestOutputs(t *testing.T) {
	for name, c := range map[string]struct {
		in, key, want, refused string
	}{
		"a text":                         {outputs, "url", "https://app.example.com\n", ""},
		"one within another":             {outputs, "namespaces.application", "companion\n", ""},
		"a list":                         {outputs, "topics", `["finance.transaction.created"]` + "\n", ""},
		"one that there is not":          {outputs, "namespaces.other", "", "there is no output namespaces.other"},
		"one below a text":               {outputs, "url.host", "", "there is no output url.host"},
		"secrets that are not shown":     {strings.Replace(outputs, `"kubeconfig": "apiVersion: v1"`, `"kubeconfig": ""`, 1), "url", "", "kubeconfig"},
		"outputs that another stack has": {`{"bucket": "x"}`, "url", "", "outputs.schema.json"},
		"no JSON":                        {"error: no stack selected", "url", "", "standard input is not the JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			err := run([]string{c.key}, strings.NewReader(c.in), &out)
			if c.refused != "" {
				require.ErrorContains(t, err, c.refused)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, out.String())
		})
	}
}
