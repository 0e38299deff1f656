package parts

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/wealth-companion/companion/rehearsal/build"
	"github.com/wealth-companion/companion/rehearsal/image"
)

const daprVersion = "1.16.0"

func daprPart() Part {
	stamp := "-X github.com/dapr/dapr/pkg/buildinfo.version=" + daprVersion
	program := func(name string) build.Program {
		p := build.Program{Name: name, Tool: "dapr", Package: "github.com/dapr/dapr/cmd/" + name, LDFlags: stamp}
		if name == "daprd" {
			// The components that are stable (Kafka, Redis and Kubernetes secrets
			// are), and the one that ours adds to them.
			p.Package, p.Tags = "./daprd", "stablecomponents"
		}
		return p
	}
	return Part{
		Name: "Dapr", Version: daprVersion, Origin: "Go modules", Memory: 500,
		hosts: []build.Program{program("daprd")},
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			var recipes []image.Recipe
			for _, name := range []string{"operator", "injector", "sentry", "placement", "scheduler", "daprd"} {
				built, err := c.program(ctx, program(name))
				if err != nil {
					return nil, err
				}
				recipes = append(recipes, program65532("ghcr.io/dapr/"+name+":"+daprVersion, built, "/"+name))
			}
			return recipes, nil
		},
		chart: func(ctx context.Context, c *Catalogue) (*chartSource, error) {
			module, err := c.build.ModuleDir(ctx, "dapr", "github.com/dapr/dapr")
			if err != nil {
				return nil, err
			}
			source := chartFrom(filepath.Join(module, "charts", "dapr"))
			// The release process stamps the version in, everywhere.
			source.edit = func(name, content string) string {
				if filepath.Base(name) == "Chart.yaml" {
					return strings.ReplaceAll(content, "'0.0.0'", daprVersion)
				}
				if name == "values.yaml" {
					return strings.Replace(content, "tag: 'edge'", "tag: '"+daprVersion+"'", 1)
				}
				return content
			}
			return source, nil
		},
	}
}
