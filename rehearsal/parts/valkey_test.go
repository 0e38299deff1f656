//go:build integration

package parts

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/doapi/doapitest"
	"github.com/wealth-companion/companion/rehearsal/valkey"
)

// managedStore is the state store's component as the program has it in prod, with values in
// place of its Secret's.
const managedStore = `
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: state}
spec:
  type: state.redis
  version: v1
  metadata:
    - {name: redisHost, value: "%s:%d"}
    - {name: keyPrefix, value: name}
    - {name: enableTLS, value: "true"}
    - {name: redisUsername, value: "%s"}
    - {name: redisPassword, value: "%s"}
`

// The sidecar has what DigitalOcean's database gives it and no more: TLS, and a user who may
// not administer the server.
func TestDaprKeepsStateInAManagedDatabase(t *testing.T) {
	servers := valkey.New(t.TempDir(), &doapitest.Backend{})
	t.Cleanup(func() { require.NoError(t, servers.Close()) })
	_, api := doapitest.Start(t, t.TempDir(), servers)
	client := doapitest.Client(t, api)
	made, _, err := client.Databases.Create(t.Context(), &godo.DatabaseCreateRequest{
		Name: "companion", EngineSlug: "valkey", Version: "8", SizeSlug: "db-s-1vcpu-1gb", Region: "fra1", NumNodes: 1,
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		made, _, err = client.Databases.Get(t.Context(), made.ID)
		return err == nil && made.Status == "online"
	}, 30*time.Second, 50*time.Millisecond)
	private := made.PrivateConnection
	address := startDaprd(t, fmt.Sprintf(managedStore, private.Host, private.Port, private.User, private.Password)) + "/v1.0/state/state"

	status, said := call(t, http.MethodPost, address, `[{"key": "a", "value": {"n": 1}, "metadata": {"ttlInSeconds": "60"}}]`)
	require.Equal(t, http.StatusNoContent, status, said)
	status, said = call(t, http.MethodGet, address+"/a", "")
	require.Equal(t, http.StatusOK, status, said)
	require.JSONEq(t, `{"n": 1}`, said)
	status, said = call(t, http.MethodPost, address, `[{"key": "a", "value": {"n": 2}, "etag": "7"}]`)
	require.Equal(t, http.StatusConflict, status, "ETags are compared by a script: %s", said)
	status, said = call(t, http.MethodPost, address, `[{"key": "a", "value": {"n": 2}, "etag": "1"}]`)
	require.Equal(t, http.StatusNoContent, status, said)
	status, said = call(t, http.MethodDelete, address+"/a", "")
	require.Equal(t, http.StatusNoContent, status, said)
	status, _ = call(t, http.MethodGet, address+"/a", "")
	require.Equal(t, http.StatusNoContent, status)
}
