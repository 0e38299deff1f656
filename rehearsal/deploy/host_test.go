package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/settings"
)

func TestTheLanguageHostIsToldWhereToBuild(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "of one's own")
	require.NoError(t, os.Mkdir(folder, 0o755))
	host := filepath.Join(folder, "host")
	require.NoError(t, os.WriteFile(host, []byte("#!/bin/sh\nprintf '%s|' \"$@\"\n"), 0o755))
	at := filepath.Join(folder, "pulumi-language-go")
	require.NoError(t, os.Symlink(host, at), "as it was installed before")
	for range 2 {
		require.NoError(t, InstallLanguageHost(host, at))
	}
	for name, c := range map[string]struct{ environment, want string }{
		"one that is told":     {buildTarget + "=" + folder + "/program", "-buildTarget|" + folder + "/program|-root=/a b|127.0.0.1:1|"},
		"one that is not told": {"A=b", "-buildTarget||-root=/a b|127.0.0.1:1|"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(at, "-root=/a b", "127.0.0.1:1")
			cmd.Env = []string{c.environment}
			out, err := cmd.CombinedOutput()
			require.NoError(t, err)
			require.Equal(t, c.want, string(out))
		})
	}
}

func TestEveryProjectsProgramIsBuiltInAPlaceOfItsOwn(t *testing.T) {
	folders := settings.Folders{Root: filepath.Join("..", "..")}
	programs := Programs(folders)
	require.Len(t, programs, 2)
	targets := map[string]bool{}
	for pkg, target := range programs {
		require.FileExists(t, filepath.Join(folders.Root, pkg, "main.go"))
		targets[target] = true
	}
	require.Len(t, targets, 2)
	// What is built beforehand is what Pulumi builds: elsewhere, it would link anew without a word.
	for _, p := range []project{application, foundation} {
		declared, err := workspace.LoadProject(filepath.Join(folders.Root, p.path, "Pulumi.yaml"))
		require.NoError(t, err)
		require.Equal(t, p.main, filepath.Join(p.path, declared.Main))
	}
}

func TestTheEngineCanWriteNoDebugLogs(t *testing.T) {
	home := t.TempDir()
	logs := filepath.Join(home, "logs")
	require.NoError(t, os.MkdirAll(filepath.Join(logs, "of before"), 0o700))
	for range 2 {
		require.NoError(t, withoutDebugLogs(home))
		require.ErrorContains(t, os.MkdirAll(logs, 0o700), "not a directory", "what the engine does, and goes on without")
	}
}
