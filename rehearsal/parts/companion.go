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
var Services = []string{"backend", "analytics", "banking", "investment", "notification", "mcp", "companionctl"}

// Registry is where production pulls the services' images from.
const Registry = "registry.digitalocean.com/wealth-companion"

// services builds the project's images with ko and tags them with a release
// that follows from their content.
func (c *Catalogue) services(ctx context.Context, store *image.Store) (string, error) {
	base, err := program65532("base", caCertificates, "/etc/ssl/cert.pem").Build()
	if err != nil {
		return "", err
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
				images[i], err = c.ko(ctx, base, service)
				stage.Done(err)
				return "", err
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return "", err
	}
	sum := sha256.New()
	digests := make([]string, len(images))
	for i, built := range images {
		digest, err := built.Digest()
		if err != nil {
			return "", err
		}
		digests[i] = digest.String()
		fmt.Fprintln(sum, Services[i], digest)
	}
	release := hex.EncodeToString(sum.Sum(nil)[:6])
	for i, built := range images {
		if err := store.Put(Registry+"/"+Services[i]+":"+release, digests[i], built); err != nil {
			return "", err
		}
	}
	return release, nil
}

func (c *Catalogue) ko(ctx context.Context, base v1.Image, service string) (v1.Image, error) {
	reference := name.MustParseReference("rehearsal.local/base")
	builder, err := build.NewGo(ctx, c.root+"/app",
		build.WithBaseImages(func(context.Context, string) (name.Reference, build.Result, error) {
			return reference, base, nil
		}),
		build.WithPlatforms("linux/amd64"),
		build.WithTrimpath(true),
		build.WithDisabledSBOM(),
		build.WithConfig(map[string]build.Config{
			"github.com/wealth-companion/companion/app/cmd/" + service: {
				Env: []string{"CGO_ENABLED=0", "GOGC=400"}, Flags: []string{"-buildvcs=false"}, Ldflags: []string{"-s", "-w"},
			},
		}),
	)
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
