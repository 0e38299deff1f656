package doapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/stretchr/testify/require"
	authenticationv1 "k8s.io/api/authentication/v1"

	"github.com/wealth-companion/companion/rehearsal/doapi"
	"github.com/wealth-companion/companion/rehearsal/doapi/doapitest"
)

// review asks what an API server asks of a token.
func review(t *testing.T, server *doapi.Server, token string) authenticationv1.TokenReviewStatus {
	t.Helper()
	body, err := json.Marshal(authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}})
	require.NoError(t, err)
	answer := httptest.NewRecorder()
	server.TokenReview().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
	require.Equal(t, http.StatusOK, answer.Code)
	var reviewed authenticationv1.TokenReview
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &reviewed))
	return reviewed.Status
}

func TestCredentialsExpire(t *testing.T) {
	clock := &doapitest.Clock{}
	server, address := doapitest.Start(t, t.TempDir(), &doapitest.Backend{}, doapi.WithClock(clock.Now))
	client := doapitest.Client(t, address)
	made := makeCluster(t, client, "")
	usual, _, err := client.Kubernetes.GetCredentials(t.Context(), made.ID, &godo.KubernetesClusterCredentialsGetRequest{})
	require.NoError(t, err)
	short, _, err := client.Kubernetes.GetCredentials(t.Context(), made.ID, &godo.KubernetesClusterCredentialsGetRequest{ExpirySeconds: godo.PtrTo(60)})
	require.NoError(t, err)
	for _, token := range []string{usual.Token, short.Token} {
		status := review(t, server, token)
		require.True(t, status.Authenticated)
		require.Contains(t, status.User.Groups, "system:masters")
	}
	require.False(t, review(t, server, "made up").Authenticated)
	require.False(t, review(t, server, "").Authenticated)

	clock.Advance(time.Minute)
	require.False(t, review(t, server, short.Token).Authenticated)
	require.True(t, review(t, server, usual.Token).Authenticated)
	clock.Advance(7 * 24 * time.Hour)
	require.False(t, review(t, server, usual.Token).Authenticated, "a week is over")
	fresh, _, err := client.Kubernetes.GetCredentials(t.Context(), made.ID, &godo.KubernetesClusterCredentialsGetRequest{})
	require.NoError(t, err)
	require.True(t, review(t, server, fresh.Token).Authenticated)
	require.False(t, review(t, server, usual.Token).Authenticated)

	_, err = client.Kubernetes.Delete(t.Context(), made.ID)
	require.NoError(t, err)
	eventually(t, "the cluster is gone", func() bool {
		_, _, err := client.Kubernetes.Get(t.Context(), made.ID)
		return err != nil
	})
	require.False(t, review(t, server, fresh.Token).Authenticated, "of a cluster that is gone")
}

// patched offers more patch versions as time goes by.
type patched struct {
	*doapitest.Backend
	versions []string
}

func (p *patched) Versions() []string { return p.versions }

func TestMaintenanceUpgradesThePatchVersion(t *testing.T) {
	backend := &patched{Backend: &doapitest.Backend{}, versions: []string{"1.36.2-do.0"}}
	server, address := doapitest.Start(t, t.TempDir(), backend)
	client := doapitest.Client(t, address)
	made := makeCluster(t, client, "")
	version := func() string {
		found, _, err := client.Kubernetes.Get(t.Context(), made.ID)
		require.NoError(t, err)
		return found.VersionSlug
	}
	backend.versions = []string{"1.37.0-do.0", "1.36.4-do.0", "1.36.3-do.0", "1.36.2-do.0"}
	require.NoError(t, server.Maintain())
	require.Equal(t, "1.36.2-do.0", version(), "auto_upgrade is off")
	_, _, err := client.Kubernetes.Update(t.Context(), made.ID, &godo.KubernetesClusterUpdateRequest{Name: made.Name, AutoUpgrade: godo.PtrTo(true)})
	require.NoError(t, err)
	require.NoError(t, server.Maintain())
	require.Equal(t, "1.36.4-do.0", version(), "the newest patch, not another minor version")
	eventually(t, "it runs again", func() bool { return state(t, client, made.ID) == "running" })
	_, err = client.Kubernetes.Upgrade(t.Context(), made.ID, &godo.KubernetesClusterUpgradeRequest{VersionSlug: "1.36.2-do.0"})
	requireStatus(t, err, 422, "cannot be upgraded to")
}
