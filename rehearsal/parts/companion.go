package parts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/ko/pkg/build"
	"golang.org/x/sync/errgroup"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/wealth-companion/companion/rehearsal/image"
)

// Services are the project's own images, named as their folders under app/cmd.
var Services = []string{"backend", "analytics", "banking", "investment", "notification", "mcp", "web", "companionctl"}

// Registry is where production pulls the services' images from.
const Registry = "registry.digitalocean.com/wealth-companion"

// Release is the project's own images, built once.
type Release struct {
	Name   string     // the images' tag, which follows from their content
	Images []v1.Image // in the order of Services
}

// services builds the project's images into the store.
func (c *Catalogue) services(ctx context.Context, store *image.Store) (string, error) {
	release, err := c.Release(ctx, "")
	if err != nil {
		return "", err
	}
	for i, built := range release.Images {
		digest, err := built.Digest()
		if err != nil {
			return "", err
		}
		if err := store.Put(Registry+"/"+Services[i]+":"+release.Name, digest.String(), built); err != nil {
			return "", err
		}
	}
	return release.Name, nil
}

// Release builds the project's images with ko, and writes the SBOM of each (SPDX) into a
// folder unless that is empty.
func (c *Catalogue) Release(ctx context.Context, sboms string) (Release, error) {
	base, err := program65532("base", caCertificates, "/etc/ssl/cert.pem").Build()
	if err != nil {
		return Release{}, err
	}
	images := make([]v1.Image, len(Services))
	var once sync.Mutex // ko asks the Go tool about the module; one at a time
	group, ctx := errgroup.WithContext(ctx)
	for i, service := range Services {
		group.Go(func() error {
			_, err := c.slot(ctx, func() (string, error) {
				once.Lock()
				defer once.Unlock()
				stage := c.build.Report.Stage("build " + service + " with ko")
				var err error
				images[i], err = c.ko(ctx, base, service, sboms)
				stage.Done(err)
				return "", err
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return Release{}, err
	}
	sum := sha256.New()
	for i, built := range images {
		digest, err := built.Digest()
		if err != nil {
			return Release{}, err
		}
		fmt.Fprintln(sum, Services[i], digest)
	}
	return Release{Name: hex.EncodeToString(sum.Sum(nil)[:6]), Images: images}, nil
}

func (c *Catalogue) ko(ctx context.Context, base v1.Image, service, sboms string) (v1.Image, error) {
	bill := []build.Option{build.WithDisabledSBOM()}
	if sboms != "" {
		// ko names the file after the service and the platform.
		bill = []build.Option{build.WithSPDX("companion"), build.WithSBOMDir(sboms)}
	}
	reference := name.MustParseReference("rehearsal.local/base")
	builder, err := build.NewGo(ctx, c.root+"/app", append(bill,
		build.WithBaseImages(func(context.Context, string) (name.Reference, build.Result, error) {
			return reference, base, nil
		}),
		build.WithPlatforms("linux/amd64"),
		build.WithTrimpath(true),
		build.WithConfig(map[string]build.Config{
			"github.com/wealth-companion/companion/app/cmd/" + service: {
				Env: []string{"CGO_ENABLED=0", "GOGC=400"}, Flags: []string{"-buildvcs=false"}, Ldflags: []string{"-s", "-w"},
			},
		}),
	)...)
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", service, err)
	}
	result, err := builder.Build(ctx, "ko://github.com/wealth-companion/companion/app/cmd/"+service)
	if err != nil {
		return nil, fmt.Errorf("image of %s: %w", service, err)
	}
	built, ok := result.(v1.Image)
	if !ok {
		return nil, fmt.Errorf("image of %s: ko built %T, not one image", service, result)
	}
	return built, nil
}
