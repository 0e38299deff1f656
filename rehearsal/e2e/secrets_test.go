//go:build rehearsal && drills

package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/daemon"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

// use has the person read and write until the returned function is called, which
// returns how many requests were answered and those that failed.
func (p *person) use(t *testing.T) func() (answered int, failed []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var answered int
	var failed []string
	var done sync.WaitGroup
	done.Go(func() {
		refreshed := time.Now()
		for ctx.Err() == nil {
			if time.Since(refreshed) > 5*time.Minute { // a third of a token's life
				var next session
				if err := p.do(context.WithoutCancel(ctx), http.MethodPost, "/auth/refresh", map[string]string{"refreshToken": p.session.RefreshToken}, &next); err != nil {
					failed = append(failed, time.Now().UTC().Format(time.TimeOnly)+" "+err.Error())
				} else {
					p.session, refreshed = next, time.Now()
				}
			}
			read := p.do(context.WithoutCancel(ctx), http.MethodGet, "/wallets", nil, nil)
			written := p.do(context.WithoutCancel(ctx), http.MethodPost, "/transactions", map[string]string{
				"walletId": p.wallet, "type": "expense", "amount": "1.00", "category": "groceries", "description": "rotation",
				"timestamp": time.Now().UTC().Format(time.RFC3339),
			}, nil)
			if written == nil {
				p.written++
			}
			for _, err := range []error{read, written} {
				if err != nil {
					failed = append(failed, time.Now().UTC().Format(time.TimeOnly)+" "+err.Error())
					continue
				}
				answered++
			}
			time.Sleep(200 * time.Millisecond) // well below the limit of requests a person
		}
	})
	return func() (int, []string) {
		cancel()
		done.Wait()
		return answered, failed
	}
}

// balance is what is in the person's wallet.
func (p *person) balance(t *testing.T) string {
	t.Helper()
	var wallet struct{ Balance string }
	require.NoError(t, p.do(t.Context(), http.MethodGet, "/wallets/"+p.wallet, nil, &wallet))
	return wallet.Balance
}

// TestSecretsChange takes minutes of updates by Pulumi.
func TestSecretsChange(t *testing.T) {
	m := runningMachine(t)
	story(t, []step{
		{"secrets change while somebody uses the application, and a wrong one changes nothing", m.rotatesSecrets},
	})
}

// rotatesSecrets gives the backend another signing key, another password of Redis and
// another log-in of the database while somebody uses it, and then a secret that is wrong.
func (m *machine) rotatesSecrets(t *testing.T) {
	secrets, err := m.folders.LoadSecrets()
	require.NoError(t, err)
	server := daemon.Postgres(m.folders.State, secrets)
	list := func(values ...string) string {
		raw, err := json.Marshal(values)
		require.NoError(t, err)
		return string(raw)
	}
	set := func(key, value string) {
		m.run(t, time.Minute, "pulumi", "config", "set", "--secret", "--path", "companion:"+key, value)
	}
	pods := func() string {
		// Those that end still run for seconds.
		return m.kubectl(t, "get", "pods", "--all-namespaces", "--field-selector", "status.phase=Running", "--output",
			`go-template={{range .items}}{{if not .metadata.deletionTimestamp}}{{index .metadata.labels "app.kubernetes.io/name"}} {{.metadata.uid}}{{"\n"}}{{end}}{{end}}`)
	}
	login := exec.CommandContext(t.Context(), m.folders.Program("companionctl"), "database", "login", "--service", "backend", "--login", "backend_2")
	password := uuid.NewString()
	login.Env = append(os.Environ(), "DATABASE_ADMIN_URL="+server.AdminURL(), "LOGIN_PASSWORD="+password)
	out, err := login.CombinedOutput()
	require.NoError(t, err, string(out))

	before := pods()
	stop := m.register(t).use(t)
	set("authSigningKey", list(uuid.NewString()+uuid.NewString(), secrets.AuthSigningKey))
	set("redisPassword", list(uuid.NewString(), secrets.Redis))
	set("databaseUrls.backend", server.VerifiedURL("backend_2", password, settings.Database))
	m.run(t, 10*time.Minute, "pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
	answered, failed := stop()
	t.Logf("%d requests were answered", answered)
	require.Empty(t, failed)
	require.Greater(t, answered, 100)
	replaced := map[string]bool{}
	for _, line := range difference(strings.Split(before, "\n"), strings.Split(pods(), "\n")) {
		replaced[strings.Fields(line)[0]] = true
	}
	// mcp signs confirmations with a key that follows from the signing key.
	require.Equal(t, map[string]bool{"backend": true, "mcp": true, "redis": true}, replaced, "what does not read them stays")

	before = pods()
	stop = m.register(t).use(t)
	set("authSigningKey", list("too short", secrets.AuthSigningKey))
	said, err := m.try(t, 10*time.Minute, "pulumi", "up", "--yes", "--skip-preview", "--non-interactive")
	require.Error(t, err, "a wrong secret is told of")
	require.Contains(t, said, "AUTH_SIGNING_KEY")
	answered, failed = stop()
	require.Empty(t, failed, "the pods of before go on")
	require.Greater(t, answered, 100)
	for line := range strings.Lines(before) {
		if strings.HasPrefix(line, "backend ") {
			require.Contains(t, pods(), line)
		}
	}
	m.run(t, 10*time.Minute, "up") // as it was
	m.run(t, 5*time.Minute, "pulumi", "preview", "--expect-no-changes", "--non-interactive")
}
