package image

import (
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Image returns the image under a reference.
func (s *Store) Image(ref string) (v1.Image, error) {
	refs, err := s.refs()
	if err != nil {
		return nil, err
	}
	had, ok := refs[ref]
	if !ok {
		return nil, fmt.Errorf("no image %s in the store", ref)
	}
	digest, err := v1.NewHash(had.Digest)
	if err != nil {
		return nil, err
	}
	path, err := layout.FromPath(s.dir)
	if err != nil {
		return nil, err
	}
	raw, err := path.Bytes(digest)
	if err != nil {
		return nil, fmt.Errorf("image %s: %w", ref, err)
	}
	return partial.CompressedToImage(stored{path: path, mediaType: types.MediaType(had.MediaType), manifest: raw})
}

// stored is an image by its manifest's digest. The layout's own index does not name
// images: the store's references do.
type stored struct {
	path      layout.Path
	mediaType types.MediaType
	manifest  []byte
}

func (s stored) RawManifest() ([]byte, error)        { return s.manifest, nil }
func (s stored) MediaType() (types.MediaType, error) { return s.mediaType, nil }
func (s stored) parsed() (*v1.Manifest, error)       { return partial.Manifest(s) }
func (s stored) RawConfigFile() ([]byte, error) {
	manifest, err := s.parsed()
	if err != nil {
		return nil, err
	}
	return s.path.Bytes(manifest.Config.Digest)
}

func (s stored) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	manifest, err := s.parsed()
	if err != nil {
		return nil, err
	}
	if manifest.Config.Digest == digest {
		return partial.ConfigLayer(s)
	}
	for _, layer := range manifest.Layers {
		if layer.Digest == digest {
			return storedLayer{s.path, layer}, nil
		}
	}
	return nil, fmt.Errorf("layer %s is not one of the image's", digest)
}

type storedLayer struct {
	path layout.Path
	is   v1.Descriptor
}

func (l storedLayer) Digest() (v1.Hash, error)            { return l.is.Digest, nil }
func (l storedLayer) Size() (int64, error)                { return l.is.Size, nil }
func (l storedLayer) MediaType() (types.MediaType, error) { return l.is.MediaType, nil }
func (l storedLayer) Compressed() (io.ReadCloser, error)  { return l.path.Blob(l.is.Digest) }
