package image

import (
	"bytes"
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
	"syscall"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// Store keeps images on disk as an OCI image layout, and which reference means
// which of them. It is safe for concurrent use, also by several processes: two
// checkouts share one cache.
type Store struct{ dir string }

// entry is what the store knows of a reference.
type entry struct {
	Key       string `json:"key"` // of the recipe that the image was made from
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
}

// Open opens the store in the folder, making it when it is not there.
func Open(dir string) (*Store, error) {
	if _, err := layout.FromPath(dir); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
		for file, content := range map[string]string{
			"oci-layout": `{"imageLayoutVersion":"1.0.0"}`,
			"index.json": `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`,
		} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o644); err != nil {
				return nil, err
			}
		}
	} else if err != nil {
		return nil, fmt.Errorf("image store %s: %w (remove the folder, and it is created again)", dir, err)
	}
	return &Store{dir: dir}, nil
}

// Ensure has the recipe's image in the store, and tells whether it had to be
// assembled.
func (s *Store) Ensure(recipe Recipe) (made bool, err error) {
	key, err := recipe.key()
	if err != nil {
		return false, err
	}
	refs, err := s.refs()
	if err != nil {
		return false, err
	}
	if had, ok := refs[recipe.Ref]; ok && had.Key == key {
		return false, nil
	}
	image, err := recipe.Build()
	if err != nil {
		return false, err
	}
	return true, s.Put(recipe.Ref, key, image)
}

// Put keeps an image under a reference.
func (s *Store) Put(ref, key string, image v1.Image) error {
	path, err := layout.FromPath(s.dir)
	if err != nil {
		return err
	}
	if err := path.WriteImage(image); err != nil {
		return fmt.Errorf("image %s: %w", ref, err)
	}
	digest, err := image.Digest()
	if err != nil {
		return err
	}
	mediaType, err := image.MediaType()
	if err != nil {
		return err
	}
	unlock, err := s.lock()
	if err != nil {
		return fmt.Errorf("image %s: %w", ref, err)
	}
	defer unlock()
	refs, err := s.refs()
	if err != nil {
		return err
	}
	refs[ref] = entry{Key: key, MediaType: string(mediaType), Digest: digest.String()}
	raw, err := json.MarshalIndent(refs, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.refsFile()+".new", raw, 0o644); err != nil {
		return err
	}
	return os.Rename(s.refsFile()+".new", s.refsFile())
}

// lock keeps everybody else from changing the references. It is held for as
// long as it takes to write a small file.
func (s *Store) lock() (unlock func(), err error) {
	file, err := os.OpenFile(s.refsFile()+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() { _ = file.Close() }, nil
}

// Digest returns the digest of the image under a reference.
func (s *Store) Digest(ref string) (string, error) {
	refs, err := s.refs()
	if err != nil {
		return "", err
	}
	had, ok := refs[ref]
	if !ok {
		return "", fmt.Errorf("no image %s in the store", ref)
	}
	return had.Digest, nil
}

func (s *Store) refsFile() string { return filepath.Join(s.dir, "refs.json") }

func (s *Store) refs() (map[string]entry, error) {
	raw, err := os.ReadFile(s.refsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]entry{}, nil
	}
	if err != nil {
		return nil, err
	}
	return s.parse(raw)
}

func (s *Store) parse(raw []byte) (map[string]entry, error) {
	refs := map[string]entry{}
	if err := json.Unmarshal(raw, &refs); err != nil {
		return nil, fmt.Errorf("%s: %w (remove the folder, and it is created again)", s.refsFile(), err)
	}
	return refs, nil
}

// Handler serves the store as a registry, to be read only. Every host name's
// images are in it, but those of the private one: a container runtime asks a mirror with
// the path alone. Images that are put into the store later are served at once.
func Handler(store *Store, private string) http.Handler {
	return &server{store: store, private: private}
}

type server struct {
	store   *Store
	private string // host

	mu     sync.Mutex
	seen   []byte // the references as they were when the registry was filled
	filled http.Handler
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.Error(w, `{"errors":[{"code":"UNSUPPORTED","message":"this registry is filled by the rehearsal alone"}]}`, http.StatusMethodNotAllowed)
		return
	}
	handler, err := s.current()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	handler.ServeHTTP(w, r)
}

// current returns a registry that knows every reference: the library keeps
// manifests in memory only, so they are put into it from disk.
func (s *server) current() (http.Handler, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// Read each time: two changes of a file may well have the same time.
	raw, err := os.ReadFile(s.store.refsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return http.NotFoundHandler(), nil
	}
	if err != nil {
		return nil, err
	}
	if s.filled != nil && bytes.Equal(raw, s.seen) {
		return s.filled, nil
	}
	refs, err := s.store.parse(raw)
	if err != nil {
		return nil, err
	}
	handler := registry.New(
		registry.Logger(log.New(io.Discard, "", 0)),
		registry.WithBlobHandler(registry.NewDiskBlobHandler(filepath.Join(s.store.dir, "blobs"))),
	)
	for ref, at := range refs {
		if strings.HasPrefix(ref, s.private+"/") {
			continue
		}
		if err := s.publish(handler, ref, at); err != nil {
			return nil, err
		}
	}
	s.filled, s.seen = handler, raw
	return handler, nil
}

func (s *server) publish(handler http.Handler, ref string, at entry) error {
	tag, err := name.NewTag(ref, name.StrictValidation)
	if err != nil {
		return err
	}
	manifest, err := os.ReadFile(filepath.Join(s.store.dir, "blobs", strings.Replace(at.Digest, ":", "/", 1)))
	if err != nil {
		return fmt.Errorf("manifest of %s: %w", ref, err)
	}
	for _, target := range []string{tag.TagStr(), at.Digest} {
		request := httptest.NewRequest(http.MethodPut, "/v2/"+tag.RepositoryStr()+"/manifests/"+target, bytes.NewReader(manifest))
		request.Header.Set("Content-Type", at.MediaType)
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, request)
		if answer.Code >= http.StatusBadRequest {
			return fmt.Errorf("publish %s: %d %s", ref, answer.Code, answer.Body)
		}
	}
	return nil
}
