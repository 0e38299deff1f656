package image

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"
)

// sample has one of everything that a recipe can hold.
func sample(t *testing.T) Recipe {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, []byte("a program"), 0o600))
	return Recipe{
		Ref: "registry.test/team/sample:1", User: "65532:65532", WorkDir: "/data",
		Entrypoint: []string{"/usr/bin/program"}, Command: []string{"serve"}, Env: []string{"COLOR=blue"},
		Files: append(Users("nonroot", 65532, 65532),
			File{Path: "/usr/bin/program", Source: program, Mode: 0o755, Capabilities: []uint{CapNetBindService}},
			File{Path: "/usr/bin/killer", Source: program, Mode: 0o755, Capabilities: []uint{CapKill, CapNetBindService, 38}},
			File{Path: "/etc/settings", Content: "color = blue\n", Mode: 0o640, UID: 101, GID: 1001},
			File{Path: "/bin/sh", Link: "busybox"},
			File{Path: "/data", Dir: true, UID: 999, GID: 998},
			File{Path: "/data/kept", Content: "kept"},
			File{Path: "/tmp", Dir: true, Mode: fs.ModeSticky | 0o777},
		),
	}
}

// entries reads a layer: what lies where, and in which order.
func entries(t *testing.T, layer v1.Layer) (order []string, headers map[string]*tar.Header, contents map[string]string) {
	t.Helper()
	stream, err := layer.Uncompressed()
	require.NoError(t, err)
	defer func() { require.NoError(t, stream.Close()) }()
	headers, contents = map[string]*tar.Header{}, map[string]string{}
	for reader := tar.NewReader(stream); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return order, headers, contents
		}
		require.NoError(t, err)
		require.NotContains(t, headers, header.Name, "written twice")
		raw, err := io.ReadAll(reader)
		require.NoError(t, err)
		order, headers[header.Name], contents[header.Name] = append(order, header.Name), header, string(raw)
	}
}

func build(t *testing.T, recipe Recipe) v1.Image {
	t.Helper()
	image, err := recipe.Build()
	require.NoError(t, err)
	return image
}

func digest(t *testing.T, recipe Recipe) string {
	t.Helper()
	sum, err := build(t, recipe).Digest()
	require.NoError(t, err)
	return sum.String()
}

func TestImageIsWhatTheRecipeSays(t *testing.T) {
	image := build(t, sample(t))
	config, err := image.ConfigFile()
	require.NoError(t, err)
	require.Equal(t, "linux/amd64", config.OS+"/"+config.Architecture)
	require.Equal(t, v1.Config{
		User: "65532:65532", WorkingDir: "/data", Entrypoint: []string{"/usr/bin/program"}, Cmd: []string{"serve"},
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "COLOR=blue"},
	}, config.Config)
	kind, err := image.MediaType()
	require.NoError(t, err)
	require.Equal(t, types.OCIManifestSchema1, kind)

	layers, err := image.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 1)
	id, err := layers[0].DiffID()
	require.NoError(t, err)
	require.Equal(t, []v1.Hash{id}, config.RootFS.DiffIDs, "a runtime checks what it unpacked against it")

	order, headers, contents := entries(t, layers[0])
	// A folder comes before what is in it, whether the recipe names it or not.
	require.Equal(t, []string{
		"bin/", "bin/sh", "data/", "data/kept", "etc/", "etc/group", "etc/passwd", "etc/settings", "tmp/",
		"usr/", "usr/bin/", "usr/bin/killer", "usr/bin/program",
	}, order)
	for name, want := range map[string]struct {
		kind     byte
		mode     int64
		uid, gid int
		content  string
	}{
		"bin/":            {tar.TypeDir, 0o755, 0, 0, ""},
		"bin/sh":          {tar.TypeSymlink, 0o777, 0, 0, ""},
		"data/":           {tar.TypeDir, 0o755, 999, 998, ""},
		"data/kept":       {tar.TypeReg, 0o644, 0, 0, "kept"},
		"etc/group":       {tar.TypeReg, 0o644, 0, 0, "root:x:0:\nnonroot:x:65532:\n"},
		"etc/passwd":      {tar.TypeReg, 0o644, 0, 0, "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"},
		"etc/settings":    {tar.TypeReg, 0o640, 101, 1001, "color = blue\n"},
		"tmp/":            {tar.TypeDir, 0o1777, 0, 0, ""},
		"usr/bin/program": {tar.TypeReg, 0o755, 0, 0, "a program"},
	} {
		header := headers[name]
		require.Equal(t, want.kind, header.Typeflag, name)
		require.Equal(t, want.mode, header.Mode, name)
		require.Equal(t, [2]int{want.uid, want.gid}, [2]int{header.Uid, header.Gid}, name)
		require.Equal(t, want.content, contents[name], name)
		require.True(t, header.ModTime.Equal(time.Unix(0, 0)), "%s: the time of a file must not change the image", name)
	}
	require.Equal(t, "busybox", headers["bin/sh"].Linkname)
}

// The attribute's bytes are what `setcap` writes: magic and flags, then the
// permitted and inheritable sets' lower and higher halves, all little-endian.
func TestCapabilitiesTravelAsPAXRecords(t *testing.T) {
	layers, err := build(t, sample(t)).Layers()
	require.NoError(t, err)
	_, headers, _ := entries(t, layers[0])
	const record = "SCHILY.xattr.security.capability"
	require.Equal(t, "\x01\x00\x00\x02"+"\x00\x04\x00\x00"+"\x00\x00\x00\x00"+"\x00\x00\x00\x00"+"\x00\x00\x00\x00",
		headers["usr/bin/program"].PAXRecords[record], "cap_net_bind_service=ep")
	require.Equal(t, "\x01\x00\x00\x02"+"\x20\x04\x00\x00"+"\x00\x00\x00\x00"+"\x40\x00\x00\x00"+"\x00\x00\x00\x00",
		headers["usr/bin/killer"].PAXRecords[record], "cap_kill,cap_net_bind_service,cap_perfmon=ep")
	for _, name := range []string{"etc/settings", "data/", "bin/sh"} {
		require.NotContains(t, headers[name].PAXRecords, record, name)
	}
}

func TestSameContentIsTheSameImage(t *testing.T) {
	recipe := sample(t)
	first := digest(t, recipe)
	require.Equal(t, first, digest(t, recipe))

	t.Run("whatever the order, the place and the time of its files", func(t *testing.T) {
		other := sample(t) // its program lies in another folder
		files := other.Files
		for i, j := 0, len(files)-1; i < j; i, j = i+1, j-1 {
			files[i], files[j] = files[j], files[i]
		}
		for _, file := range files {
			if file.Source != "" {
				require.NoError(t, os.Chtimes(file.Source, time.Unix(1, 0), time.Unix(1, 0)))
			}
		}
		require.Equal(t, first, digest(t, other))
	})
	for name, change := range map[string]func(*Recipe){
		"content":      func(r *Recipe) { r.Files[4].Content = "color = red\n" },
		"mode":         func(r *Recipe) { r.Files[4].Mode = 0o600 },
		"owner":        func(r *Recipe) { r.Files[4].UID = 102 },
		"capabilities": func(r *Recipe) { r.Files[2].Capabilities = nil },
		"entrypoint":   func(r *Recipe) { r.Entrypoint = nil },
		"environment":  func(r *Recipe) { r.Env = nil },
		"user":         func(r *Recipe) { r.User = "0" },
	} {
		t.Run("but not with another "+name, func(t *testing.T) {
			other := sample(t)
			change(&other)
			require.NotEqual(t, first, digest(t, other))
		})
	}
}

func TestRecipeThatCannotBeBuiltNamesItsImageAndFile(t *testing.T) {
	for name, c := range map[string]struct {
		file  File
		words string
	}{
		"a path that is there twice": {File{Path: "/etc/passwd", Content: "x"}, "/etc/passwd is in the recipe twice"},
		"a source that is missing":   {File{Path: "/lost", Source: "/nowhere/lost"}, "/lost: open /nowhere/lost"},
	} {
		t.Run(name, func(t *testing.T) {
			recipe := sample(t)
			recipe.Files = append(recipe.Files, c.file)
			_, err := recipe.Build()
			require.ErrorContains(t, err, "image registry.test/team/sample:1: ")
			require.ErrorContains(t, err, c.words)
		})
	}
}

func TestTreeTakesFilesOverWithTheirPrograms(t *testing.T) {
	source := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(source, "bin"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(source, "bin", "run"), nil, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(source, "data"), nil, 0o600))
	require.NoError(t, os.Symlink("data", filepath.Join(source, "link")))
	files, err := Tree("/opt/it", source)
	require.NoError(t, err)
	require.Equal(t, []File{
		{Path: "/opt/it/bin/run", Source: filepath.Join(source, "bin", "run"), Mode: 0o755},
		{Path: "/opt/it/data", Source: filepath.Join(source, "data"), Mode: 0o644},
		{Path: "/opt/it/link", Source: filepath.Join(source, "link"), Mode: 0o644},
	}, files)
	_, err = Tree("/opt/it", filepath.Join(source, "nowhere"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
