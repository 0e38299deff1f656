package deploy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/settings"
)

func checkout(t *testing.T) settings.Folders {
	t.Helper()
	folders := settings.Folders{Root: t.TempDir(), State: t.TempDir()}
	for _, name := range []string{
		"go.work", "Pulumi.yaml", "Pulumi.prod.yaml", ".git/config", "app/app.go", "infra/go.mod", "infra/kube/kube.go",
		"infra/foundation/Pulumi.yaml", "infra/foundation/Pulumi.account.yaml", "infra/foundation/program/main.go",
	} {
		file := filepath.Join(folders.Root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(name), 0o600))
	}
	return folders
}

// What Pulumi writes beside its stacks' files must not be in the checkout.
func TestProjectsRunBesideTheCheckout(t *testing.T) {
	for stack, c := range map[string]struct{ program, module string }{
		"prod":    {"infra/kube/kube.go", "infra/go.mod"},
		"account": {"program/main.go", "../go.mod"},
	} {
		t.Run(stack, func(t *testing.T) {
			folders := checkout(t)
			p, err := projectOf(folders, stack)
			require.NoError(t, err)
			for range 2 { // again changes nothing
				require.NoError(t, p.mirror(folders))
			}
			dir := p.dir(folders)
			for _, file := range []string{"Pulumi.yaml", c.program, c.module} {
				require.FileExists(t, filepath.Join(dir, file))
			}
			require.NoFileExists(t, filepath.Join(dir, stackFile(stack)))
			require.NoDirExists(t, filepath.Join(p.root(folders), ".git"))
			require.NoError(t, os.WriteFile(filepath.Join(dir, stackFile(stack)), []byte("secrets"), 0o600))
			raw, err := os.ReadFile(p.file(folders, stack))
			require.NoError(t, err)
			require.NotEqual(t, "secrets", string(raw))
		})
	}
	_, err := projectOf(checkout(t), "nobody's")
	require.ErrorContains(t, err, "has no Pulumi.nobody's.yaml: the stacks are those with such a file, here or in infra/foundation")
}

func TestAStackFindsItsFoundation(t *testing.T) {
	folders := settings.Folders{Root: "../.."}
	for stack, want := range map[string]string{"prod": "account", "staging": "account", "rehearsal": "rehearsal-account"} {
		c, err := Read(folders, stack)
		require.NoError(t, err)
		got, err := FoundationOf(folders, c)
		require.NoError(t, err)
		require.Equal(t, want, got, stack)
		c.Domain = "elsewhere.example.com"
		_, err = FoundationOf(folders, c)
		require.ErrorContains(t, err, "companion:domain is elsewhere.example.com, which is no zone of a foundation")
	}
	require.True(t, IsFoundation(folders, "account"))
	require.False(t, IsFoundation(folders, "prod"))
}
