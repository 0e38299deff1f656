package service

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

func TestAServiceNeedsItsTokens(t *testing.T) {
	all := map[string]string{
		"DATABASE_URL": "postgres://x", "PUBSUB_NAME": "events", sidecar.APIToken: "api", sidecar.AppToken: "app",
	}
	without := func(keys ...string) func(string) string {
		return func(key string) string {
			for _, left := range keys {
				if key == left {
					return ""
				}
			}
			return all[key]
		}
	}
	config, err := Load("analytics", without(), false)
	require.NoError(t, err)
	require.Equal(t, "app", config.AppToken)
	config, err = LoadStateless("mcp", without())
	require.NoError(t, err)
	require.Equal(t, "app", config.AppToken)

	_, err = Load("analytics", without(sidecar.APIToken, sidecar.AppToken), false)
	require.ErrorContains(t, err, "DAPR_API_TOKEN is not set")
	require.ErrorContains(t, err, "APP_API_TOKEN is not set")
	_, err = LoadStateless("mcp", without(sidecar.AppToken))
	require.EqualError(t, err, "APP_API_TOKEN is not set: it is what the sidecar shows when it calls this service")
}
