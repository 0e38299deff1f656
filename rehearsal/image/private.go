package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Access decides who may use a private registry.
type Access interface {
	// Authorize tells whether a password may pull, or push.
	Authorize(password string, push bool) bool
	// Push notes that an image is pushed to a repository of a registry, or refuses it.
	Push(registry, repository string) error
	// Tag notes what a tag of a repository names from now on (sha256:...).
	Tag(registry, repository, tag, digest string) error
}

// Private is a registry that answers 401 to whoever has no password, and knows the images
// that were pushed to it. It shares the store's blobs.
type Private struct {
	access Access
	blobs  string
	file   string // of what was pushed
	inner  http.Handler

	mu     sync.Mutex
	pushed map[string]pushedManifest // by path, NAME/manifests/TAG
}

type pushedManifest struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"` // hex, of SHA-256
}

// NewPrivate returns the registry with what was pushed to it before, as file says.
func NewPrivate(store *Store, file string, access Access) (*Private, error) {
	p := &Private{
		access: access, blobs: filepath.Join(store.dir, "blobs"), file: file, pushed: map[string]pushedManifest{},
	}
	if err := os.MkdirAll(p.blobs, 0o755); err != nil {
		return nil, err
	}
	p.inner = registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithBlobHandler(registry.NewDiskBlobHandler(p.blobs)))
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &p.pushed); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for path, at := range p.pushed {
		content, err := os.ReadFile(filepath.Join(p.blobs, "sha256", at.Digest))
		if err != nil {
			return nil, fmt.Errorf("%s was pushed, but is gone: %w", path, err)
		}
		request := httptest.NewRequest(http.MethodPut, "/v2/"+path, bytes.NewReader(content))
		request.Header.Set("Content-Type", at.MediaType)
		answer := httptest.NewRecorder()
		p.inner.ServeHTTP(answer, request)
		if answer.Code >= http.StatusBadRequest {
			return nil, fmt.Errorf("publish %s: %d %s", path, answer.Code, answer.Body)
		}
	}
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *Private) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	push := r.Method != http.MethodGet && r.Method != http.MethodHead
	_, password, _ := r.BasicAuth()
	if !p.access.Authorize(password, false) {
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return
	}
	if !push {
		p.inner.ServeHTTP(w, r)
		return
	}
	if !p.access.Authorize(password, true) {
		refuse(w, http.StatusForbidden, "DENIED", "the credentials may only pull")
		return
	}
	path := strings.TrimPrefix(r.URL.Path, "/v2/")
	name, repository, ok := strings.Cut(repositoryOf(path), "/")
	if !ok {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "a repository is within a registry: REGISTRY/REPOSITORY")
		return
	}
	if err := p.access.Push(name, repository); err != nil {
		refuse(w, http.StatusForbidden, "DENIED", err.Error())
		return
	}
	if r.Method == http.MethodPut && strings.Contains(path, "/manifests/") {
		p.putManifest(w, r, name, repository, path)
		return
	}
	p.inner.ServeHTTP(w, r)
}

// repositoryOf is the repository's name in a path of the registry's API.
func repositoryOf(path string) string {
	for _, part := range []string{"/manifests/", "/blobs/", "/tags/"} {
		if name, _, ok := strings.Cut(path, part); ok {
			return name
		}
	}
	return path
}

// putManifest keeps the manifest on disk too: the registry has it in memory alone.
func (p *Private) putManifest(w http.ResponseWriter, r *http.Request, name, repository, path string) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", err.Error())
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(content))
	answer := httptest.NewRecorder()
	p.inner.ServeHTTP(answer, r)
	if answer.Code < http.StatusBadRequest {
		sum := sha256.Sum256(content)
		if err := p.keep(path, content, pushedManifest{MediaType: r.Header.Get("Content-Type"), Digest: hex.EncodeToString(sum[:])}); err != nil {
			refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
			return
		}
		_, tag, _ := strings.Cut(path, "/manifests/")
		if digest := "sha256:" + hex.EncodeToString(sum[:]); tag != digest {
			if err := p.access.Tag(name, repository, tag, digest); err != nil {
				refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
				return
			}
		}
	}
	for key, values := range answer.Header() {
		w.Header()[key] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (p *Private) keep(path string, content []byte, at pushedManifest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	blob := filepath.Join(p.blobs, "sha256", at.Digest)
	if err := os.MkdirAll(filepath.Dir(blob), 0o755); err != nil {
		return err
	}
	if _, err := os.Stat(blob); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(blob, content, 0o644); err != nil {
			return err
		}
	}
	p.pushed[path] = at
	raw, err := json.MarshalIndent(p.pushed, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.file+".new", raw, 0o600); err != nil {
		return err
	}
	return os.Rename(p.file+".new", p.file)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"code": code, "message": message}}})
}

// Mirror is what container runtimes ask for every host's images: those of the private
// host's come from its registry. The runtime names the host in the parameter ns.
func Mirror(public http.Handler, host string, private http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("ns") == host {
			private.ServeHTTP(w, r)
			return
		}
		public.ServeHTTP(w, r)
	})
}
