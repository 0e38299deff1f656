package image

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T, dir string) *Store {
	t.Helper()
	store, err := Open(dir)
	require.NoError(t, err)
	return store
}

func small(ref, content string) Recipe {
	return Recipe{Ref: ref, Files: []File{{Path: "/content", Content: content}}}
}

func ensure(t *testing.T, store *Store, recipe Recipe) bool {
	t.Helper()
	made, err := store.Ensure(recipe)
	require.NoError(t, err)
	return made
}

// serve serves a store as the rehearsal's daemon does.
func serve(t *testing.T, store *Store) (host string) {
	t.Helper()
	server := httptest.NewServer(Handler(store, "private.example.com"))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// pull gets an image whole, checked against its digests.
func pull(t *testing.T, reference string) v1.Image {
	t.Helper()
	parsed, err := name.ParseReference(reference)
	require.NoError(t, err)
	image, err := remote.Image(parsed)
	require.NoError(t, err)
	layers, err := image.Layers()
	require.NoError(t, err)
	for _, layer := range layers {
		content, err := layer.Compressed() // as it is sent
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, content) // fails when the digest is not the content's
		require.NoError(t, err)
		require.NoError(t, content.Close())
	}
	_, err = image.ConfigFile()
	require.NoError(t, err)
	return image
}

func TestStoreMakesAnImageOnce(t *testing.T) {
	dir := t.TempDir()
	recipe := sample(t)
	require.True(t, ensure(t, open(t, dir), recipe))
	require.False(t, ensure(t, open(t, dir), recipe), "another process finds it")
	had, err := open(t, dir).Digest(recipe.Ref)
	require.NoError(t, err)
	require.Equal(t, digest(t, recipe), had)

	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(recipe.Files[2].Source, later, later))
	require.True(t, ensure(t, open(t, dir), recipe), "a file that may have changed is looked at anew")
	again, err := open(t, dir).Digest(recipe.Ref)
	require.NoError(t, err)
	require.Equal(t, had, again)

	recipe.Env = nil
	require.True(t, ensure(t, open(t, dir), recipe))
	other, err := open(t, dir).Digest(recipe.Ref)
	require.NoError(t, err)
	require.NotEqual(t, had, other)

	_, err = open(t, dir).Digest("registry.test/nobody:1")
	require.EqualError(t, err, "no image registry.test/nobody:1 in the store")
	_, err = open(t, dir).Ensure(Recipe{Ref: "registry.test/bad:1", Files: []File{{Path: "/lost", Source: "/nowhere/lost"}}})
	require.ErrorContains(t, err, "image registry.test/bad:1")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestRegistryServesWhatIsInTheStore(t *testing.T) {
	store := open(t, t.TempDir())
	host := serve(t, store)
	get := func(method, path string) int {
		request, err := http.NewRequestWithContext(t.Context(), method, "http://"+host+path, nil)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	require.Equal(t, http.StatusNotFound, get(http.MethodGet, "/v2/team/sample/manifests/1"), "nothing is in it")

	recipe := sample(t)
	ensure(t, store, recipe)
	ensure(t, store, small("docker.io/library/redis:7.0.15", "redis"))
	// A runtime that mirrors registry.test asks with the path alone.
	require.Equal(t, http.StatusOK, get(http.MethodHead, "/v2/team/sample/manifests/1?ns=registry.test"))
	require.Equal(t, http.StatusOK, get(http.MethodHead, "/v2/library/redis/manifests/7.0.15?ns=docker.io"))
	require.Equal(t, http.StatusNotFound, get(http.MethodHead, "/v2/team/sample/manifests/2"))

	image := pull(t, host+"/team/sample:1")
	sum, err := image.Digest()
	require.NoError(t, err)
	require.Equal(t, digest(t, recipe), sum.String())
	pull(t, host+"/team/sample@"+sum.String())

	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		require.Equal(t, http.StatusMethodNotAllowed, get(method, "/v2/team/sample/manifests/1"), method)
	}
}

// The library behind the registry knows manifests only while it runs.
func TestRegistryIsFilledAgainAfterARestart(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir)
	refs := map[string]string{}
	for i := range 5 {
		recipe := small(fmt.Sprintf("registry.test/team/image-%d:1", i), fmt.Sprint(i))
		ensure(t, store, recipe)
		refs[fmt.Sprintf("/team/image-%d", i)] = digest(t, recipe)
	}
	host := serve(t, open(t, dir))
	for path, want := range refs {
		for _, reference := range []string{host + path + ":1", host + path + "@" + want} {
			got, err := pull(t, reference).Digest()
			require.NoError(t, err)
			require.Equal(t, want, got.String())
		}
	}
}

// Images come while the registry serves, and in one tick of the file system's clock.
func TestRegistrySeesEveryChange(t *testing.T) {
	dir := t.TempDir()
	store := open(t, dir)
	host := serve(t, open(t, dir))
	refs := filepath.Join(dir, "refs.json")
	instant := time.Now()
	for i := range 5 {
		recipe := small("registry.test/team/changing:1", fmt.Sprint("content ", i))
		ensure(t, store, recipe)
		require.NoError(t, os.Chtimes(refs, instant, instant))
		got, err := pull(t, host+"/team/changing:1").Digest()
		require.NoError(t, err)
		require.Equal(t, digest(t, recipe), got.String(), "change %d", i)
	}
}

// Stores of two processes know of each other by the file alone, as these do.
func TestManyMayFillTheStore(t *testing.T) {
	dir := t.TempDir()
	const many = 16
	var group sync.WaitGroup
	errs := [many]error{}
	for i := range many {
		store := open(t, dir)
		group.Go(func() {
			_, errs[i] = store.Ensure(small(fmt.Sprintf("registry.test/team/image-%d:1", i), "the same content"))
		})
	}
	group.Wait()
	for i := range many {
		require.NoError(t, errs[i])
		_, err := open(t, dir).Digest(fmt.Sprintf("registry.test/team/image-%d:1", i))
		require.NoError(t, err, "a reference was lost")
	}
}

func TestBrokenStoreSaysWhatToDo(t *testing.T) {
	t.Run("references that are no JSON", func(t *testing.T) {
		dir := t.TempDir()
		store := open(t, dir)
		require.NoError(t, os.WriteFile(filepath.Join(dir, "refs.json"), []byte("{"), 0o644))
		_, err := store.Ensure(small("registry.test/team/it:1", ""))
		require.ErrorContains(t, err, "remove the folder, and it is created again")
	})
	t.Run("an image whose manifest is gone", func(t *testing.T) {
		dir := t.TempDir()
		store := open(t, dir)
		recipe := small("registry.test/team/it:1", "")
		ensure(t, store, recipe)
		require.NoError(t, os.Remove(filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(digest(t, recipe), "sha256:"))))
		answer, err := http.Get("http://" + serve(t, store) + "/v2/team/it/manifests/1")
		require.NoError(t, err)
		defer func() { require.NoError(t, answer.Body.Close()) }()
		require.Equal(t, http.StatusInternalServerError, answer.StatusCode)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Contains(t, string(body), "manifest of registry.test/team/it:1")
	})
}

// What is pushed somewhere else is the image as a whole, as it was made.
func TestStoreGivesImagesBack(t *testing.T) {
	store := open(t, t.TempDir())
	recipe := sample(t)
	ensure(t, store, recipe)
	image, err := open(t, store.dir).Image(recipe.Ref)
	require.NoError(t, err)
	require.NoError(t, validate.Image(image, validate.Fast)) // layers are kept uncompressed
	given, err := image.Digest()
	require.NoError(t, err)
	require.Equal(t, digest(t, recipe), given.String())

	_, err = store.Image("example.com/unknown:1")
	require.ErrorContains(t, err, "no image example.com/unknown:1")
}
