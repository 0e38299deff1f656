package image

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/stretchr/testify/require"
)

// account is one that holds two repositories.
type account struct {
	repositories map[string]bool
	tags         map[string]string // by name
}

func (a *account) Authorize(password string, push bool) bool {
	return password == "write" || password == "read" && !push
}

func (a *account) Push(registry, repository string) error {
	if !a.repositories[registry+"/"+repository] && len(a.repositories) == 2 {
		return errors.New("registry contains 2 repositories, limit is 2")
	}
	a.repositories[registry+"/"+repository] = true
	return nil
}

func (a *account) Tag(registry, repository, tag, digest string) error {
	a.tags[registry+"/"+repository+":"+tag] = digest
	return nil
}

func as(password string) remote.Option {
	return remote.WithAuth(&authn.Basic{Username: "anyone", Password: password})
}

func requireRefused(t *testing.T, err error, status int, message string) {
	t.Helper()
	var refused *transport.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, status, refused.StatusCode)
	require.ErrorContains(t, err, message)
}

func TestPrivateRegistry(t *testing.T) {
	store, err := Open(filepath.Join(t.TempDir(), "images"))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "pushed.json")
	holder := &account{repositories: map[string]bool{}, tags: map[string]string{}}
	private, err := NewPrivate(store, file, holder)
	require.NoError(t, err)
	server := httptest.NewServer(private)
	t.Cleanup(server.Close)
	image, err := random.Image(100, 2)
	require.NoError(t, err)
	tag := func(server *httptest.Server, repository string) name.Tag {
		tag, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/companion/" + repository + ":1")
		require.NoError(t, err)
		return tag
	}

	requireRefused(t, remote.Write(tag(server, "backend"), image), http.StatusUnauthorized, "401")
	requireRefused(t, remote.Write(tag(server, "backend"), image, as("read")), http.StatusForbidden, "may only pull")
	require.NoError(t, remote.Write(tag(server, "backend"), image, as("write")))
	require.NoError(t, remote.Write(tag(server, "mcp"), image, as("write")))
	require.NoError(t, remote.Write(tag(server, "mcp"), image, as("write")), "again")
	requireRefused(t, remote.Write(tag(server, "analytics"), image, as("write")), http.StatusForbidden, "registry contains 2 repositories, limit is 2")

	_, err = remote.Get(tag(server, "backend"))
	requireRefused(t, err, http.StatusUnauthorized, "authentication required")
	pulled, err := remote.Image(tag(server, "backend"), as("read"))
	require.NoError(t, err)
	want, err := image.Digest()
	require.NoError(t, err)
	got, err := pulled.Digest()
	require.NoError(t, err)
	require.Equal(t, want, got)

	require.Equal(t, map[string]string{"companion/backend:1": want.String(), "companion/mcp:1": want.String()}, holder.tags, "the account knows what the tags name")

	again, err := NewPrivate(store, file, &account{})
	require.NoError(t, err)
	mirror := httptest.NewServer(Mirror(Handler(store, "registry.example.com"), "registry.example.com", again))
	t.Cleanup(mirror.Close)
	for host, status := range map[string]int{"registry.example.com": http.StatusOK, "docker.io": http.StatusNotFound} {
		request, err := http.NewRequest(http.MethodGet, mirror.URL+"/v2/companion/backend/manifests/1?ns="+host, nil)
		require.NoError(t, err)
		request.SetBasicAuth("anyone", "read")
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, status, answer.StatusCode, host)
	}
}
