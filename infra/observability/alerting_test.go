package observability

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhomAlertsGoTo(t *testing.T) {
	email := func(tls, user string) *Email {
		return &Email{To: "on-call@example.com", From: "alerts@example.com", Host: "smtp.example.com", Port: 587, TLS: tls, User: user, Password: "secret", Networks: []string{"203.0.113.0/24"}}
	}
	for name, c := range map[string]struct {
		receiver Receiver
		want     string // the receiver in Alertmanager's configuration
		port     int    // where Alertmanager connects to; 0: nowhere
	}{
		"nobody":    {Receiver{}, `{"name": "people"}`, 0},
		"a webhook": {Receiver{Webhook: "https://hooks.example.com/token"}, `{"name": "people", "webhook_configs": [{"url": "https://hooks.example.com/token", "send_resolved": true}]}`, 443},
		"a webhook at another port": {
			Receiver{Webhook: "https://hooks.example.com:8443/"}, `{"name": "people", "webhook_configs": [{"url": "https://hooks.example.com:8443/", "send_resolved": true}]}`, 8443,
		},
		"an address, with log-in": {Receiver{Email: email("starttls", "companion")}, `{"name": "people", "email_configs": [{
			"to": "on-call@example.com", "from": "alerts@example.com", "smarthost": "smtp.example.com:587", "send_resolved": true,
			"require_tls": true, "auth_username": "companion", "auth_password": "secret"}]}`, 587},
		"an address, by a server of the machine's own": {Receiver{Email: email("none", "")}, `{"name": "people", "email_configs": [{
			"to": "on-call@example.com", "from": "alerts@example.com", "smarthost": "smtp.example.com:587", "send_resolved": true, "require_tls": false}]}`, 587},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, c.receiver.check())
			got, err := json.Marshal(alerting(c.receiver)["receivers"].([]any)[0])
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(got))
			to := c.receiver.egress()
			if c.port == 0 {
				require.Nil(t, to)
				return
			}
			require.Equal(t, []int{c.port}, to.Ports)
			require.NotEmpty(t, to.Peers)
		})
	}
}

func TestReceiversThatAreNone(t *testing.T) {
	require.ErrorContains(t, Receiver{Webhook: "http://hooks.example.com/"}.check(), "no https:// address")
	require.ErrorContains(t, Receiver{Webhook: "https://hooks.example.com/", Email: &Email{}}.check(), "it must be one of them")
	require.ErrorContains(t, Receiver{Email: &Email{To: "x@example.com"}}.check(), "Receiver.Email.Host")
}

func TestPrometheusLeavesRoomInItsVolume(t *testing.T) {
	size, err := retentionSize("10Gi")
	require.NoError(t, err)
	require.Equal(t, "7168MB", size) // Prometheus' MB are 2^20 bytes
	for _, wrong := range []string{"", "10 GB", "500Mi"} {
		_, err := retentionSize(wrong)
		require.ErrorContains(t, err, "Prometheus.Storage")
	}
}
