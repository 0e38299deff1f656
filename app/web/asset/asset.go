// Package asset serves the web's static files. The address of each contains a hash of its
// content, so that browsers keep it for good and a new release is seen at once.
package asset

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"
)

// Root is where the files are served.
const Root = "/assets/"

//go:embed static
var embedded embed.FS

// file is one asset, ready to be sent.
type file struct {
	kind            string // Content-Type
	content, packed []byte // packed is empty where compression gains nothing
}

// files are all assets, by the last part of their address, and the address of each by its name.
var files = sync.OnceValues(func() (map[string]file, map[string]string) {
	served, addresses := map[string]file{}, map[string]string{}
	entries, err := fs.ReadDir(embedded, "static")
	if err != nil {
		panic(err)
	}
	add := func(name string, content []byte) {
		sum := sha256.Sum256(content)
		extension := path.Ext(name)
		hashed := strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:6]) + extension
		addresses[name] = Root + hashed
		served[hashed] = file{kind: mime.TypeByExtension(extension), content: content, packed: pack(name, content)}
	}
	var sheets []string
	for _, entry := range entries {
		switch name := entry.Name(); path.Ext(name) {
		case ".css":
			sheets = append(sheets, name) // after what it refers to
		case ".txt": // licences
		default:
			add(name, read(name))
		}
	}
	for _, name := range sheets {
		add(name, reference.ReplaceAllFunc(read(name), func(found []byte) []byte {
			to, known := addresses[string(reference.FindSubmatch(found)[1])]
			if !known {
				panic("asset: " + name + " refers to " + string(found) + ", which is not embedded")
			}
			return []byte(`url("` + to + `")`)
		}))
	}
	return served, addresses
})

var reference = regexp.MustCompile(`url\("([^"]+)"\)`)

func read(name string) []byte {
	content, err := embedded.ReadFile("static/" + name)
	if err != nil {
		panic(err)
	}
	return content
}

// pack compresses what is not compressed by its own format.
func pack(name string, content []byte) []byte {
	if path.Ext(name) == ".woff2" {
		return nil
	}
	var packed bytes.Buffer
	to, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level exists
	_, _ = to.Write(content)
	_ = to.Close()
	return packed.Bytes()
}

func init() {
	// The machine's own list of types need not know them.
	for extension, kind := range map[string]string{".woff2": "font/woff2", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"} {
		if err := mime.AddExtensionType(extension, kind); err != nil {
			panic(err)
		}
	}
}

// URL returns the address of an asset. It panics for one that is not embedded.
func URL(name string) string {
	_, addresses := files()
	address, known := addresses[name]
	if !known {
		panic("asset: " + name + " is not embedded")
	}
	return address
}

// Handler serves the assets below Root.
func Handler() http.Handler {
	served, _ := files()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, known := served[strings.TrimPrefix(r.URL.Path, Root)]
		if !known {
			http.NotFound(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Type", f.kind)
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
		header.Set("Vary", "Accept-Encoding")
		content := f.content
		if len(f.packed) > 0 && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			header.Set("Content-Encoding", "gzip")
			content = f.packed
		}
		if r.Method != http.MethodHead {
			_, _ = w.Write(content) // fails only when the caller has gone
		}
	})
}
