//go:build production

package production

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/deploy"
	"github.com/wealth-companion/companion/rehearsal/doapi"
	"github.com/wealth-companion/companion/rehearsal/image"
	"github.com/wealth-companion/companion/rehearsal/parts"
	"github.com/wealth-companion/companion/rehearsal/postgres"
	"github.com/wealth-companion/companion/rehearsal/process"
	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

// cannot are the commands that the walk does not run, by how they begin, and why.
var cannot = map[string]string{
	"export DIGITALOCEAN_TOKEN=": "the walk has an account of its own",
	"export DNS_TOKEN=":          "and nobody asks for certificates",
	"export ALERT_WEBHOOK=":      "and nobody to tell",
	"export DATABASE_ADMIN_URL=": "and a database",
	"export DATABASE=":           "of its own",
	"doctl registry login":       "the walk is logged in to the stand-in's registry",
	"pulumi login":               "the state is in a folder",
	"pulumi up":                  "the account has no nodes; `make up` carries out the same program on this machine's",
	"make ci-smoke STACK=prod":   "nothing runs; `make up` ends with the same validation",
	"doctl kubernetes cluster":   "nothing runs",
	"pulumi state unprotect":     "it undoes what production needs",
	"make preview STACK=prod":    "it is this walk's preview without the secrets, and has its own test in e2e",
	"make test-production":       "it is this test",
	"pulumi stack output":        "there are none before an update; e2e reads the rehearsal's",
}

func reason(command string) string {
	for begins, why := range cannot {
		if strings.HasPrefix(command, begins) {
			return why
		}
	}
	return ""
}

// TestProductionDocument goes through docs/production.md from nothing. A command that is
// changed is run as it is then; one that cannot be run needs its reason.
func TestProductionDocument(t *testing.T) {
	folders, err := settings.NewFolders()
	require.NoError(t, err)
	raw, err := os.ReadFile(filepath.Join(folders.Root, "docs", "production.md"))
	require.NoError(t, err)
	commands, err := Commands(t.Context(), string(raw))
	require.NoError(t, err)
	for _, command := range Mentioned(string(raw)) {
		known := reason(command) != ""
		for _, run := range commands {
			known = known || strings.HasPrefix(run, command)
		}
		require.True(t, known, "docs/production.md names `%s`: put it into a block of the language sh, or say in `cannot` why it is not run", command)
	}
	w := newWalk(t, folders)
	var script strings.Builder
	script.WriteString("set -euo pipefail\ntrap 'echo \"FAILED: $step\" >&2' ERR\n")
	ran := 0
	for _, command := range commands {
		if why := reason(command); why != "" {
			t.Logf("not run (%s): %s", why, command)
			continue
		}
		ran++
		// The images go to the walk's own registry.
		command = strings.ReplaceAll(command, "registry.digitalocean.com/", w.registry+"/")
		// Nobody is asked.
		command = strings.Replace(command, "infra/foundation up ", "infra/foundation up --yes ", 1)
		step := "'" + strings.ReplaceAll(command, "'", `'\''`) + "'"
		script.WriteString("step=" + step + "\nprintf '%(%T)T $ %s\\n' -1 \"$step\"\n" + command + "\n")
	}
	require.Greater(t, ran, 12, "the document has its commands in blocks of the language sh")
	out := w.run(t, script.String())
	require.Contains(t, out, "the database is ready for backend, analytics, banking, investment, notification")
	require.Contains(t, out, "0 violations block")
	require.Regexp(t, `\+ \d+ to create`, out)
	require.NotContains(t, w.file(t, "Pulumi.prod.yaml"), "postgres://", "secrets are encrypted")
	require.FileExists(t, filepath.Join(w.folder, "bin", "ci", "sbom", "backend-linux-amd64.spdx.json"))
}

// walk is a checkout, an account, a registry and a database of nobody's.
type walk struct {
	folder      string
	registry    string // host:port
	environment []string
}

func newWalk(t *testing.T, folders settings.Folders) *walk {
	// PostgreSQL's account must be able to look into the folder, which t.TempDir's cannot.
	folder, err := os.MkdirTemp("", "companion-production-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	require.NoError(t, os.Chmod(folder, 0o755))
	state := filepath.Join(folder, "state")
	tools := filepath.Join(state, "bin")
	require.NoError(t, os.MkdirAll(tools, 0o755))

	catalogue := parts.New(folders.Root, folders.Cache, progress.Discard)
	binaries, err := catalogue.Binaries(t.Context(), parts.Previewing...)
	require.NoError(t, err)
	for _, name := range []string{"pulumi", "pulumi-language-go"} {
		require.NoError(t, os.Symlink(binaries[name], filepath.Join(tools, name)))
	}
	home := filepath.Join(state, "home")
	for _, plugin := range []deploy.Plugin{
		{Name: "kubernetes", Version: parts.KubernetesPlugin, Program: binaries["pulumi-resource-kubernetes"]},
		{Name: "digitalocean", Version: parts.DigitalOceanPlugin, Program: binaries["pulumi-resource-digitalocean"]},
	} {
		require.NoError(t, deploy.InstallPlugin(home, plugin))
	}

	w := &walk{folder: filepath.Join(folder, "checkout")}
	w.checkOut(t, folders.Root)
	const token = "dop_v1_walk"
	api, err := doapi.New(filepath.Join(state, "digitalocean"), token, doapi.PreviewOnly)
	require.NoError(t, err)
	account := httptest.NewServer(api)
	t.Cleanup(account.Close)
	store, err := image.Open(filepath.Join(state, "images"))
	require.NoError(t, err)
	private, err := image.NewPrivate(store, filepath.Join(state, "pushed.json"), api)
	require.NoError(t, err)
	images := httptest.NewServer(private)
	t.Cleanup(images.Close)
	w.registry = strings.TrimPrefix(images.URL, "http://")
	// As `doctl registry login` leaves it.
	login := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, w.registry, base64.StdEncoding.EncodeToString([]byte(token+":"+token)))
	require.NoError(t, os.WriteFile(filepath.Join(state, "config.json"), []byte(login), 0o600))

	database := startDatabase(t, state)
	w.environment = append(os.Environ(),
		"PATH="+tools+":"+os.Getenv("PATH"), "PULUMI_HOME="+home, "PULUMI_BACKEND_URL=file://"+state, "PULUMI_CONFIG_PASSPHRASE=walk",
		"PULUMI_SKIP_UPDATE_CHECK=true", "DOCKER_CONFIG="+state, "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true", "REHEARSAL_STATE="+filepath.Join(folder, "none"),
		"DIGITALOCEAN_TOKEN="+token, "DIGITALOCEAN_API_URL="+account.URL, "DNS_TOKEN=dop_v1_dns", "ALERT_WEBHOOK=https://alerts.invalid/",
		"DATABASE_ADMIN_URL="+database.AdminURL(), "DATABASE="+database.Address.String()+":"+database.Port+"/companion?sslmode=verify-full",
	)
	return w
}

// checkOut makes a checkout by links; what commands write into is the walk's own.
func (w *walk) checkOut(t *testing.T, root string) {
	require.NoError(t, link(root, w.folder, "infra", "foundation"))
}

// link fills a folder with links to what is in another one. Stack files are copies, and the
// folders below it that the names lead to are filled in the same way.
func link(from, to string, below ...string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for _, entry := range entries {
		source, target := filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())
		switch {
		case entry.Name() == ".git" || entry.Name() == "bin":
		case strings.HasPrefix(entry.Name(), "Pulumi."):
			raw, readErr := os.ReadFile(source)
			err = errors.Join(readErr, os.WriteFile(target, raw, 0o644))
		case len(below) > 0 && entry.Name() == below[0]:
			err = link(source, target, below[1:]...)
		default:
			err = os.Symlink(source, target)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func startDatabase(t *testing.T, state string) postgres.Server {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	server := postgres.Server{
		Dir: filepath.Join(state, "postgres"), Address: netip.MustParseAddr("127.0.0.1"), Port: port,
		Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Password: "walk", Database: "companion",
	}
	processes, err := process.New(state, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(func() { _ = processes.StopAll(20 * time.Second) })
	require.NoError(t, server.Start(t.Context(), processes))
	return server
}

func (w *walk) run(t *testing.T, script string) string {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	bash := exec.CommandContext(ctx, "bash", "-c", script)
	var out bytes.Buffer
	bash.Dir, bash.Env, bash.Stdout, bash.Stderr = w.folder, w.environment, &out, &out
	err := bash.Run()
	t.Log(out.String())
	require.NoError(t, err)
	return out.String()
}

func (w *walk) file(t *testing.T, name string) string {
	raw, err := os.ReadFile(filepath.Join(w.folder, name))
	require.NoError(t, err)
	return string(raw)
}
