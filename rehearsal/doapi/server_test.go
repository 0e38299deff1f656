package doapi_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/doapi"
	"github.com/wealth-companion/companion/rehearsal/doapi/doapitest"
)

// start runs an API with an empty account.
func start(t *testing.T) (*godo.Client, *doapitest.Backend, *doapi.Server) {
	t.Helper()
	backend := &doapitest.Backend{}
	server, address := doapitest.Start(t, t.TempDir(), backend)
	return doapitest.Client(t, address), backend, server
}

// requireStatus checks that a call failed as DigitalOcean fails.
func requireStatus(t *testing.T, err error, status int, message string) {
	t.Helper()
	var failed *godo.ErrorResponse
	require.ErrorAs(t, err, &failed)
	require.Equal(t, status, failed.Response.StatusCode, failed.Message)
	require.Contains(t, failed.Message, message)
	require.NotEmpty(t, failed.RequestID)
}

// eventually waits for what a cluster's keeper does in its own time.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, 10*time.Second, 5*time.Millisecond, what)
}

func TestRequestsAreRefused(t *testing.T) {
	_, address := doapitest.Start(t, t.TempDir(), nil)
	for name, test := range map[string]struct {
		method, path, token, body string
		status                    int
		says                      string
	}{
		"without a token":                       {"GET", "/v2/account", "", "", 401, `"id":"unauthorized"`},
		"with another token":                    {"GET", "/v2/account", "dop_v1_other", "", 401, "Unable to authenticate you"},
		"for something the rehearsal lacks":     {"GET", "/v2/droplets", doapitest.Token, "", 501, "GET /v2/droplets is not part of the rehearsal's DigitalOcean API"},
		"for an object that is missing":         {"GET", "/v2/vpcs/none", doapitest.Token, "", 404, `"id":"not_found"`},
		"with a body that is no JSON":           {"POST", "/v2/vpcs", doapitest.Token, "{", 400, "error parsing request body"},
		"with an empty body":                    {"POST", "/v2/vpcs", doapitest.Token, "", 400, "it is empty"},
		"with a field of another type":          {"POST", "/v2/vpcs", doapitest.Token, `{"name": 1}`, 400, "name must be a string, not a number"},
		"for a page that is no number":          {"GET", "/v2/vpcs?page=two", doapitest.Token, "", 400, "page must be a number from 1 on"},
		"to upgrade a cluster that is not here": {"POST", "/v2/kubernetes/clusters/none/upgrade", doapitest.Token, `{}`, 404, "could not be found"},
	} {
		t.Run(name, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), test.method, address+test.path, strings.NewReader(test.body))
			require.NoError(t, err)
			request.Header.Set("Authorization", "Bearer "+test.token)
			answer, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			defer func() { _ = answer.Body.Close() }()
			text, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.Equal(t, test.status, answer.StatusCode, string(text))
			require.Contains(t, string(text), test.says)
			require.Contains(t, string(text), answer.Header.Get("x-request-id"))
			require.NotEmpty(t, answer.Header.Get("ratelimit-limit"))
		})
	}
}

func TestAccountAndRate(t *testing.T) {
	client, _, _ := start(t)
	account, answer, err := client.Account.Get(t.Context())
	require.NoError(t, err)
	require.Equal(t, "active", account.Status)
	require.Equal(t, 5000, answer.Rate.Limit)
	require.Equal(t, 4999, answer.Rate.Remaining)
	require.WithinDuration(t, time.Now().Add(time.Hour), answer.Rate.Reset.Time, time.Minute)
}

func TestListsComeInPages(t *testing.T) {
	client, _, _ := start(t)
	for _, name := range []string{"one", "two", "three"} {
		_, _, err := client.Tags.Create(t.Context(), &godo.TagCreateRequest{Name: name})
		require.NoError(t, err)
	}
	var seen []string
	options := &godo.ListOptions{Page: 1, PerPage: 2}
	for {
		tags, answer, err := client.Tags.List(t.Context(), options)
		require.NoError(t, err)
		require.Equal(t, 3, answer.Meta.Total)
		for _, tag := range tags {
			seen = append(seen, tag.Name)
		}
		if answer.Links.IsLastPage() {
			break
		}
		current, err := answer.Links.CurrentPage()
		require.NoError(t, err)
		options.Page = current + 1
	}
	require.Equal(t, []string{"one", "two", "three"}, seen)
}

func TestStateSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	first, err := doapi.New(dir, doapitest.Token, nil)
	require.NoError(t, err)
	require.NoError(t, first.Close())

	_, address := doapitest.Start(t, dir, nil)
	made := makeVPC(t, doapitest.Client(t, address), "kept", "10.110.0.0/20")

	_, again := doapitest.Start(t, dir, nil)
	found, _, err := doapitest.Client(t, again).VPCs.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, made, found)

	leftovers, err := filepath.Glob(filepath.Join(dir, "doapi", "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(dir, "doapi", "state.json")}, leftovers)
	info, err := os.Stat(leftovers[0])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the state holds tokens")
}

func TestStartIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ token, file, says string }{
		"without a token":        {"", "", "needs the token"},
		"with a state in shreds": {"token", "{", "is damaged (remove it to start with an empty account)"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, "doapi"), 0o700))
			if test.file != "" {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "doapi", "state.json"), []byte(test.file), 0o600))
			}
			_, err := doapi.New(dir, test.token, nil)
			require.ErrorContains(t, err, test.says)
		})
	}
}

func TestChangesAtOnceAreAllKept(t *testing.T) {
	client, _, _ := start(t)
	done := make(chan error)
	for i := range 20 {
		go func() {
			_, _, err := client.Domains.Create(context.Background(), &godo.DomainCreateRequest{Name: string(rune('a'+i)) + ".example.com"})
			done <- err
		}()
	}
	for range 20 {
		require.NoError(t, <-done)
	}
	domains, _, err := client.Domains.List(t.Context(), &godo.ListOptions{PerPage: 200})
	require.NoError(t, err)
	require.Len(t, domains, 20)
}
