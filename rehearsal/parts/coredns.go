package parts

import (
	"context"

	"github.com/wealth-companion/companion/rehearsal/build"
	"github.com/wealth-companion/companion/rehearsal/image"
)

const corednsVersion = "1.15.0"

// CoreDNSImage is the cluster's name server.
const CoreDNSImage = "registry.k8s.io/coredns/coredns:v" + corednsVersion

func corednsPart() Part {
	return Part{
		Name: "CoreDNS", Version: corednsVersion, Origin: "Go modules", Memory: 60,
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			program, err := c.program(ctx, build.Program{Name: "coredns", Tool: "coredns", Package: "github.com/coredns/coredns"})
			if err != nil {
				return nil, err
			}
			recipe := program65532(CoreDNSImage, program, "/coredns")
			for i := range recipe.Files {
				if recipe.Files[i].Path == "/coredns" {
					recipe.Files[i].Capabilities = []uint{image.CapNetBindService}
				}
			}
			return []image.Recipe{recipe}, nil
		},
	}
}
