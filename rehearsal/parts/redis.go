package parts

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/wealth-companion/companion/rehearsal/image"
)

const redisVersion = "7.0.15"

// RedisImage is the state store's.
const RedisImage = "docker.io/library/redis:" + redisVersion

func redisPart() Part {
	return Part{
		Name: "Redis", Version: redisVersion, Origin: "Debian (redis-tools)", Memory: 30,
		images: func(context.Context, *Catalogue) ([]image.Recipe, error) {
			// Debian's checker is the server under another name: it goes by the name
			// that it is called with.
			const server, client = "/usr/bin/redis-check-rdb", "/usr/bin/redis-cli"
			libraries, err := sharedLibraries(server, client)
			if err != nil {
				return nil, err
			}
			files := append(image.Users("redis", 999, 999), libraries...)
			files = append(files,
				image.File{Path: "/usr/local/bin/redis-server", Source: server, Mode: 0o755},
				image.File{Path: "/usr/local/bin/redis-cli", Source: client, Mode: 0o755},
				image.File{Path: "/bin/busybox", Source: "/bin/busybox", Mode: 0o755},
				image.File{Path: "/bin/sh", Link: "busybox"},
				image.File{Path: "/bin/cat", Link: "busybox"},
				image.File{Path: "/bin/sleep", Link: "busybox"},
				image.File{Path: "/data", Dir: true, UID: 999, GID: 999},
				image.File{Path: "/tmp", Dir: true, Mode: 0o777},
			)
			return []image.Recipe{{Ref: RedisImage, Files: files, Command: []string{"redis-server"}, WorkDir: "/data"}}, nil
		},
	}
}

// sharedLibraries lists what the dynamic loader takes for the programs, at the
// places where it looks for them, and the loader itself.
func sharedLibraries(programs ...string) ([]image.File, error) {
	seen := map[string]bool{}
	var files []image.File
	for _, program := range programs {
		out, err := exec.Command("ldd", program).CombinedOutput()
		if err != nil && !bytes.Contains(out, []byte("statically linked")) {
			return nil, fmt.Errorf("ldd %s: %w: %s", program, err, bytes.TrimSpace(out))
		}
		for line := range strings.Lines(string(out)) {
			at := libraryPath(line)
			if at == "" || seen[at] {
				continue
			}
			seen[at] = true
			source, err := filepath.EvalSymlinks(at)
			if err != nil {
				return nil, fmt.Errorf("library of %s: %w", program, err)
			}
			files = append(files, image.File{Path: at, Source: source, Mode: 0o755})
		}
	}
	return files, nil
}

// libraryPath reads the path out of a line of ldd's, "name => /path (address)"
// or "/path (address)"; the kernel's own has none.
func libraryPath(line string) string {
	line = strings.TrimSpace(line)
	if _, after, ok := strings.Cut(line, "=> "); ok {
		line = after
	}
	path, _, _ := strings.Cut(line, " (")
	if !strings.HasPrefix(path, "/") {
		return ""
	}
	return path
}
