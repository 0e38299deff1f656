package build

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/progress"
)

// record counts the stages that a builder opened, and who awaits a lock.
type record struct {
	stages  atomic.Int32
	details chan string
}

func newRecord() *record { return &record{details: make(chan string, 64)} }

func (r *record) Stage(string) progress.Stage {
	r.stages.Add(1)
	return stage{r}
}

type stage struct{ *record }

func (s stage) Detail(format string, args ...any) { s.details <- fmt.Sprintf(format, args...) }
func (stage) Done(error)                          {}

// checkout is a project with one tool, hello, which prints what it was made of.
func checkout(t *testing.T) (*Builder, *record) {
	t.Helper()
	report := newRecord()
	b := &Builder{Root: t.TempDir(), Cache: t.TempDir(), Report: report}
	write(t, b.Root, "rehearsal/tools/hello/go.mod", "module example.org/hello\n\ngo 1.26\n")
	write(t, b.Root, "rehearsal/tools/hello/go.sum", "")
	write(t, b.Root, "rehearsal/tools/hello/cmd/main.go", greet("hello"))
	return b, report
}

func greet(word string) string {
	return "package main\n\nvar name = \"nobody\"\n\nfunc main() { println(\"" + word + "\", name) }\n"
}

func hello() Program { return Program{Name: "hello", Tool: "hello", Package: "./cmd"} }

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func says(t *testing.T, program string) string {
	t.Helper()
	out, err := exec.Command(program).CombinedOutput()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

// made lists what is in the cache, without the locks.
func made(t *testing.T, b *Builder) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(b.Cache, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() && !strings.HasPrefix(entry.Name(), ".new-") || strings.HasSuffix(path, ".lock") {
			return err
		}
		names = append(names, entry.Name())
		return nil
	}))
	return names
}

func TestProgramIsKeptByWhatItIsMadeOf(t *testing.T) {
	b, report := checkout(t)
	first, err := b.Go(t.Context(), hello())
	require.NoError(t, err)
	require.Equal(t, "hello nobody", says(t, first))

	before := report.stages.Load()
	again, err := b.Go(t.Context(), hello())
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, before, report.stages.Load(), "nothing was built the second time")

	seen := map[string]string{first: "as it was"}
	for _, change := range []struct {
		name   string
		change func(*Program)
	}{
		{"other flags", func(p *Program) { p.LDFlags = "-X main.name=somebody" }},
		{"other tags", func(p *Program) { p.Tags = "some" }},
		{"another version pinned", func(*Program) {
			write(t, b.Root, "rehearsal/tools/hello/go.mod", "module example.org/hello\n\ngo 1.26.1\n")
		}},
		{"another sum", func(*Program) { write(t, b.Root, "rehearsal/tools/hello/go.sum", "\n") }},
		{"other sources", func(*Program) { write(t, b.Root, "rehearsal/tools/hello/cmd/main.go", greet("good day")) }},
		{"one more source", func(*Program) { write(t, b.Root, "rehearsal/tools/hello/sub/sub.go", "package sub\n") }},
	} {
		program := hello()
		change.change(&program)
		path, err := b.Go(t.Context(), program)
		require.NoError(t, err, change.name)
		require.NotContains(t, seen, path, "%s must build anew", change.name)
		seen[path] = change.name
		if change.name == "other flags" {
			require.Equal(t, "hello somebody", says(t, path))
		}
		if change.name == "other sources" {
			require.Equal(t, "good day nobody", says(t, path))
		}
	}

	// A test of the tool's is no part of the program.
	last, err := b.Go(t.Context(), hello())
	require.NoError(t, err)
	write(t, b.Root, "rehearsal/tools/hello/cmd/main_test.go", "package main\n")
	same, err := b.Go(t.Context(), hello())
	require.NoError(t, err)
	require.Equal(t, last, same)

	// Nor is the tool's own code a part of a program that a version pins.
	pinned := hello()
	pinned.Package = "example.org/hello/cmd"
	first, err = b.Go(t.Context(), pinned)
	require.NoError(t, err)
	write(t, b.Root, "rehearsal/tools/hello/other/other.go", "package other\n")
	again, err = b.Go(t.Context(), pinned)
	require.NoError(t, err)
	require.Equal(t, first, again)
}

func TestFailedBuildLeavesNothingAndSaysWhatFailed(t *testing.T) {
	t.Run("code that does not compile", func(t *testing.T) {
		b, _ := checkout(t)
		write(t, b.Root, "rehearsal/tools/hello/cmd/main.go", "package main\n\nfunc main() { missing() }\n")
		path, err := b.Go(t.Context(), hello())
		require.Empty(t, path)
		require.ErrorContains(t, err, "build hello: ./cmd, pinned in rehearsal/tools/hello/go.mod: go: exit status 1")
		require.ErrorContains(t, err, "undefined: missing")
		require.Empty(t, made(t, b))

		write(t, b.Root, "rehearsal/tools/hello/cmd/main.go", greet("mended"))
		path, err = b.Go(t.Context(), hello())
		require.NoError(t, err)
		require.Equal(t, "mended nobody", says(t, path))
	})
	t.Run("a package that no module brings", func(t *testing.T) {
		b, _ := checkout(t)
		program := hello()
		program.Package = "example.org/elsewhere/cmd/other"
		_, err := b.Go(t.Context(), program)
		require.ErrorContains(t, err, "build hello: example.org/elsewhere/cmd/other, pinned in rehearsal/tools/hello/go.mod")
		require.Empty(t, made(t, b))
	})
	t.Run("a tool that is not there", func(t *testing.T) {
		b, _ := checkout(t)
		program := hello()
		program.Tool = "nowhere"
		_, err := b.Go(t.Context(), program)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorContains(t, err, "hello: ")
	})
	t.Run("no Go", func(t *testing.T) {
		b, _ := checkout(t)
		t.Setenv("PATH", t.TempDir())
		_, err := b.Go(t.Context(), hello())
		require.ErrorIs(t, err, exec.ErrNotFound)
		require.ErrorContains(t, err, "go is not installed: run `make packages`")
		require.Empty(t, made(t, b))
	})
	t.Run("of a long output, the end", func(t *testing.T) {
		b, _ := checkout(t)
		fakeGo(t, "for i in $(seq 100); do echo line $i; done; exit 1")
		_, err := b.Go(t.Context(), hello())
		require.ErrorContains(t, err, "line 81\n")
		require.ErrorContains(t, err, "line 100")
		require.NotContains(t, err.Error(), "line 80\n")
	})
}

// fakeGo puts a script in the place of the Go tool.
func fakeGo(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestInterruptedBuildEndsItsCompilers(t *testing.T) {
	b, _ := checkout(t)
	note := filepath.Join(t.TempDir(), "pid")
	fakeGo(t, "sleep 120 & echo $! > "+note+".new; mv "+note+".new "+note+"; wait")
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	failed := make(chan error, 1)
	go func() {
		_, err := b.Go(ctx, hello())
		failed <- err
	}()
	var compiler int
	require.Eventually(t, func() bool {
		raw, err := os.ReadFile(note)
		if err != nil {
			return false
		}
		compiler, err = strconv.Atoi(strings.TrimSpace(string(raw)))
		return err == nil
	}, 20*time.Second, 20*time.Millisecond)

	interrupt()
	require.ErrorIs(t, <-failed, context.Canceled)
	require.Empty(t, made(t, b))
	require.Eventually(t, func() bool { return !runs(compiler) }, 10*time.Second, 20*time.Millisecond, "the compiler still runs")
}

// runs tells whether a process is there and not merely unreaped.
func runs(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false
	}
	return err != nil || !strings.Contains(string(raw), ") Z ")
}

// Builders of two processes know of each other by the locks alone, as these do.
func TestTwoAtOnceBuildOnce(t *testing.T) {
	const others = 4
	report := newRecord()
	cache := t.TempDir()
	var times atomic.Int32
	make := func(_ context.Context, target string) error {
		times.Add(1)
		// All wait at the lock before the first is done.
		for waiting := 0; waiting < others; {
			if strings.HasPrefix(<-report.details, "awaiting another process") {
				waiting++
			}
		}
		return os.WriteFile(target, []byte("whole"), 0o644)
	}
	var group sync.WaitGroup
	paths := [others]string{}
	errs := [others]error{}
	for i := range others {
		group.Go(func() {
			b := &Builder{Cache: cache, Report: report}
			paths[i], errs[i] = b.Made(t.Context(), "things", "thing", []string{"1"}, "make a thing", make)
		})
	}
	group.Wait()
	require.EqualValues(t, 1, times.Load())
	for i := range others {
		require.NoError(t, errs[i])
		require.Equal(t, paths[0], paths[i])
	}
	raw, err := os.ReadFile(paths[0])
	require.NoError(t, err)
	require.Equal(t, "whole", string(raw))
}

func TestWhoWaitsForAnotherMayGiveUp(t *testing.T) {
	report := newRecord()
	b := &Builder{Cache: t.TempDir(), Report: report}
	begun, enough := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		_, err := b.Made(t.Context(), "things", "thing", nil, "make", func(_ context.Context, target string) error {
			close(begun)
			<-enough
			return os.WriteFile(target, nil, 0o644)
		})
		first <- err
	}()
	<-begun
	ctx, giveUp := context.WithCancel(t.Context())
	giveUp()
	_, err := b.Made(ctx, "things", "thing", nil, "make", func(context.Context, string) error {
		return errors.New("made by two at a time")
	})
	require.ErrorIs(t, err, context.Canceled)
	close(enough)
	require.NoError(t, <-first)
}

// One that fails leaves the lock to the next, who tries again.
func TestFailureOfOneIsNotTheOthers(t *testing.T) {
	b := &Builder{Cache: t.TempDir(), Report: progress.Discard}
	broken := errors.New("broken")
	var target string
	_, err := b.Made(t.Context(), "things", "thing", nil, "make a thing", func(_ context.Context, at string) error {
		target = at
		require.NoError(t, os.MkdirAll(filepath.Join(at, "half"), 0o755))
		return broken
	})
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, "make a thing: broken")
	require.Empty(t, made(t, b))

	// A process that was killed could not clean up after itself.
	write(t, target, "half/done", "")
	path, err := b.Made(t.Context(), "things", "thing", nil, "make a thing", func(_ context.Context, at string) error {
		require.NoDirExists(t, at)
		return os.Mkdir(at, 0o755)
	})
	require.NoError(t, err)
	require.DirExists(t, path)
	require.NoFileExists(t, filepath.Join(path, "half", "done"))
	require.NoDirExists(t, filepath.Dir(target))
}

func TestOwnProgramIsKeptByItsContent(t *testing.T) {
	b, _ := checkout(t)
	write(t, b.Root, "ours/go.mod", "module example.org/ours\n\ngo 1.26\n")
	write(t, b.Root, "ours/main.go", greet("ours"))
	t.Setenv("GOWORK", "off")
	first, err := b.Own(t.Context(), "ours", "ours", ".")
	require.NoError(t, err)
	require.Equal(t, "ours nobody", says(t, first))

	// A checkout sets new times on what did not change.
	later := time.Now().Add(time.Hour)
	require.NoError(t, os.Chtimes(filepath.Join(b.Root, "ours", "main.go"), later, later))
	same, err := b.Own(t.Context(), "ours", "ours", ".")
	require.NoError(t, err)
	require.Equal(t, first, same)

	write(t, b.Root, "ours/main.go", greet("changed"))
	second, err := b.Own(t.Context(), "ours", "ours", ".")
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	require.Equal(t, "changed nobody", says(t, second))
	require.Equal(t, "ours nobody", says(t, first), "one that may be running is not written over")

	write(t, b.Root, "ours/main.go", "package main\n\nfunc main() { missing() }\n")
	path, err := b.Own(t.Context(), "ours", "ours", ".")
	require.ErrorContains(t, err, "build ours: go: exit status 1")
	require.ErrorContains(t, err, "undefined: missing")
	require.Empty(t, path)
}

func TestKeyTellsPartsApart(t *testing.T) {
	require.Equal(t, newKey("a", "b").String(), newKey("a", "b").String())
	for _, other := range [][]string{{"ab"}, {"a", "b", ""}, {"", "a", "b"}, {"b", "a"}, {"a"}} {
		require.NotEqual(t, newKey("a", "b").String(), newKey(other...).String(), "%q", other)
	}
}

// wheel writes a Python wheel and returns the line that requires it.
func wheel(t *testing.T, files map[string]fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hello-1.0-py3-none-any.whl")
	out, err := os.Create(path)
	require.NoError(t, err)
	archive := zip.NewWriter(out)
	add := func(name, content string, mode fs.FileMode) {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate}
		header.SetMode(mode)
		file, err := archive.CreateHeader(header)
		require.NoError(t, err)
		_, err = file.Write([]byte(content))
		require.NoError(t, err)
	}
	for name, mode := range files {
		add(name, "content of "+name, mode)
	}
	add("hello-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: hello\nVersion: 1.0\n", 0o644)
	add("hello-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n", 0o644)
	add("hello-1.0.dist-info/RECORD", "", 0o644)
	require.NoError(t, archive.Close())
	require.NoError(t, out.Close())
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return fmt.Sprintf("hello @ file://%s --hash=sha256:%x\n", path, sha256.Sum256(raw))
}

func TestWheelIsUnpackedWhenItsHashIsRight(t *testing.T) {
	b, report := checkout(t)
	line := wheel(t, map[string]fs.FileMode{"hello/bin/run": 0o755, "hello/data": 0o600})
	write(t, b.Root, "rehearsal/tools/hello/requirements.txt", line)
	dir, err := b.Wheel(t.Context(), "hello")
	require.NoError(t, err)
	for name, mode := range map[string]fs.FileMode{"hello/bin/run": 0o755, "hello/data": 0o644} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm(), name)
	}
	before := report.stages.Load()
	again, err := b.Wheel(t.Context(), "hello")
	require.NoError(t, err)
	require.Equal(t, dir, again)
	require.Equal(t, before, report.stages.Load())

	other := line[:len(line)-2] + "0\n"
	if other == line {
		other = line[:len(line)-2] + "1\n"
	}
	write(t, b.Root, "rehearsal/tools/hello/requirements.txt", other)
	_, err = b.Wheel(t.Context(), "hello")
	require.ErrorContains(t, err, "fetch hello's wheel")
	require.ErrorContains(t, err, "DO NOT MATCH THE HASHES")
}

func TestArchiveStaysInItsFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.zip")
	out, err := os.Create(path)
	require.NoError(t, err)
	archive := zip.NewWriter(out)
	_, err = archive.Create("../outside")
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	require.NoError(t, out.Close())
	dir := t.TempDir()
	require.ErrorContains(t, unzip(path, filepath.Join(dir, "inside")), `holds "../outside", which lies outside it`)
	require.NoFileExists(t, filepath.Join(dir, "outside"))
}

func TestModuleIsFoundWhereItsVersionIsPinned(t *testing.T) {
	t.Setenv("GOPROXY", "off")
	for name, c := range map[string]struct{ mod, module, words string }{
		"a module that is not pinned":    {"", "example.org/absent", "example.org/absent"},
		"a version that is nowhere":      {"\nrequire example.org/absent v1.2.3\n", "example.org/absent", "module lookup disabled by GOPROXY=off"},
		"a go.mod that cannot be parsed": {"\nrequire absent\n", "example.org/absent", "usage: require module/path v1.2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			b, _ := checkout(t)
			write(t, b.Root, "rehearsal/tools/hello/go.mod", "module example.org/hello\n\ngo 1.26\n"+c.mod)
			_, err := b.ModuleDir(t.Context(), "hello", c.module)
			require.ErrorContains(t, err, "module "+c.module+": ")
			require.ErrorContains(t, err, c.words)
		})
	}
}
