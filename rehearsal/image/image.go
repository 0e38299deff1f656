// Package image assembles OCI images from files and serves them: the rehearsal
// has no container builder and needs none.
package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// File is one entry of an image.
type File struct {
	Path    string      // in the image, absolute
	Source  string      // the file on this machine; or
	Content string      // its content; or
	Link    string      // what a symbolic link points at
	Dir     bool        // an empty folder
	Mode    fs.FileMode // 0o644 (0o755 for a folder) when 0
	UID     int
	GID     int
	// Capabilities are file capabilities, permitted and effective, by the
	// kernel's numbers (CapKill, CapNetBindService).
	Capabilities []uint
}

// The capabilities that files of ours carry: include/uapi/linux/capability.h.
const (
	CapKill           uint = 5
	CapNetBindService uint = 10
)

// Recipe is an image as it is to be.
type Recipe struct {
	Ref        string // the name under which production pulls it
	Files      []File
	User       string // uid[:gid]
	Entrypoint []string
	Command    []string
	Env        []string
	WorkDir    string
}

// Users returns /etc/passwd and /etc/group for a user and group of that name.
// A container runtime that does not find the id in both makes the group root.
func Users(name string, uid, gid int) []File {
	return []File{
		{Path: "/etc/passwd", Content: fmt.Sprintf("root:x:0:0:root:/root:/sbin/nologin\n%s:x:%d:%d:%s:/:/sbin/nologin\n", name, uid, gid, name)},
		{Path: "/etc/group", Content: fmt.Sprintf("root:x:0:\n%s:x:%d:\n", name, gid)},
	}
}

// Tree takes a folder of this machine over, below the given path.
func Tree(at, source string) ([]File, error) {
	var files []File
	err := filepath.WalkDir(source, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(source, name)
		if err != nil {
			return err
		}
		info, err := os.Stat(name) // what a link points at is taken over, not the link
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if info.Mode()&0o111 != 0 {
			mode = 0o755
		}
		files = append(files, File{Path: path.Join(at, filepath.ToSlash(relative)), Source: name, Mode: mode})
		return nil
	})
	return files, err
}

// key tells two recipes apart without reading what their files hold: what is
// built has its content in its name, and other files change their time.
func (r Recipe) key() (string, error) {
	sum := sha256.New()
	fmt.Fprintf(sum, "layout 1\n%q %q %q %q %q %q\n", r.Ref, r.User, r.Entrypoint, r.Command, r.Env, r.WorkDir)
	for _, file := range r.Files {
		fmt.Fprintf(sum, "%q %q %q %v %o %d %d %v\n", file.Path, file.Content, file.Link, file.Dir, file.Mode, file.UID, file.GID, file.Capabilities)
		if file.Source == "" {
			continue
		}
		info, err := os.Stat(file.Source)
		if err != nil {
			return "", fmt.Errorf("image %s: %w", r.Ref, err)
		}
		fmt.Fprintf(sum, "%q %d %d\n", file.Source, info.Size(), info.ModTime().UnixNano())
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

// Build assembles the image: one layer, the same bytes for the same files.
func (r Recipe) Build() (v1.Image, error) {
	content, err := r.layer()
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", r.Ref, err)
	}
	image := mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1)
	// Not compressed: it travels over a bridge of this machine, and is unpacked
	// three times.
	image, err = mutate.AppendLayers(image, static.NewLayer(content, types.OCIUncompressedLayer))
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", r.Ref, err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.Architecture, config.OS = "amd64", "linux"
	config.Config = v1.Config{
		User: r.User, Entrypoint: r.Entrypoint, Cmd: r.Command, WorkingDir: r.WorkDir,
		Env: append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, r.Env...),
	}
	return mutate.ConfigFile(image, config)
}

func (r Recipe) layer() ([]byte, error) {
	files := make([]File, len(r.Files))
	copy(files, r.Files)
	sort.SliceStable(files, func(i, j int) bool { return files[i].Path < files[j].Path })
	var out bytes.Buffer
	writer := tar.NewWriter(&out)
	made := map[string]bool{"/": true, ".": true}
	for i, file := range files {
		if i > 0 && files[i-1].Path == file.Path {
			return nil, fmt.Errorf("%s is in the recipe twice", file.Path)
		}
		if err := parents(writer, made, path.Dir(file.Path)); err != nil {
			return nil, err
		}
		if err := add(writer, made, file); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Path, err)
		}
	}
	return out.Bytes(), writer.Close()
}

func parents(writer *tar.Writer, made map[string]bool, dir string) error {
	if made[dir] {
		return nil
	}
	if err := parents(writer, made, path.Dir(dir)); err != nil {
		return err
	}
	return add(writer, made, File{Path: dir, Dir: true})
}

// epoch is every file's time, so that an image depends on contents alone.
var epoch = time.Unix(0, 0).UTC()

func add(writer *tar.Writer, made map[string]bool, file File) error {
	header := &tar.Header{
		Name: strings.TrimPrefix(file.Path, "/"), Uid: file.UID, Gid: file.GID,
		Mode: int64(file.Mode.Perm()), ModTime: epoch, Format: tar.FormatPAX,
	}
	if file.Mode&fs.ModeSticky != 0 {
		header.Mode |= 0o1000
	}
	if len(file.Capabilities) > 0 {
		header.PAXRecords = map[string]string{"SCHILY.xattr.security.capability": capabilities(file.Capabilities)}
	}
	switch {
	case file.Dir:
		header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		if file.Mode == 0 {
			header.Mode = 0o755
		}
		made[file.Path] = true
		return writer.WriteHeader(header)
	case file.Link != "":
		header.Typeflag, header.Linkname, header.Mode = tar.TypeSymlink, file.Link, 0o777
		return writer.WriteHeader(header)
	}
	content := []byte(file.Content)
	if file.Source != "" {
		var err error
		if content, err = os.ReadFile(file.Source); err != nil {
			return err
		}
	}
	if file.Mode == 0 {
		header.Mode = 0o644
	}
	header.Typeflag, header.Size = tar.TypeReg, int64(len(content))
	if err := writer.WriteHeader(header); err != nil {
		return err
	}
	_, err := writer.Write(content)
	return err
}

// capabilities is the value of the attribute security.capability (struct
// vfs_cap_data, revision 2): permitted, and effective at once.
func capabilities(numbers []uint) string {
	const revision2, effective = 0x02000000, 0x000001
	var permitted uint64
	for _, number := range numbers {
		permitted |= 1 << number
	}
	raw := binary.LittleEndian.AppendUint32(nil, revision2|effective)
	raw = binary.LittleEndian.AppendUint32(raw, uint32(permitted))
	raw = binary.LittleEndian.AppendUint32(raw, 0)
	raw = binary.LittleEndian.AppendUint32(raw, uint32(permitted>>32))
	raw = binary.LittleEndian.AppendUint32(raw, 0)
	return string(raw)
}
