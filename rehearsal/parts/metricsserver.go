package parts

import (
	"context"
	"path/filepath"
	"regexp"

	"github.com/wealth-companion/companion/rehearsal/build"
	"github.com/wealth-companion/companion/rehearsal/image"
)

const metricsServerVersion = "0.9.0"

// chartedVersion is that of the program in the module's chart, which is of the release before.
var chartedVersion = regexp.MustCompile(`(?m)^appVersion: .*$`)

func metricsServerPart() Part {
	return Part{
		Name: "metrics-server", Version: metricsServerVersion, Origin: "Go modules", Memory: 60,
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			program, err := c.program(ctx, build.Program{
				Name: "metrics-server", Tool: "metrics-server", Package: "sigs.k8s.io/metrics-server/cmd/metrics-server",
				LDFlags: "-X k8s.io/client-go/pkg/version.gitVersion=v" + metricsServerVersion,
			})
			if err != nil {
				return nil, err
			}
			return []image.Recipe{program65532("registry.k8s.io/metrics-server/metrics-server:v"+metricsServerVersion, program, "/metrics-server")}, nil
		},
		chart: func(ctx context.Context, c *Catalogue) (*chartSource, error) {
			module, err := c.build.ModuleDir(ctx, "metrics-server", "sigs.k8s.io/metrics-server")
			if err != nil {
				return nil, err
			}
			source := chartFrom(filepath.Join(module, "charts", "metrics-server"))
			source.edit = func(name, content string) string {
				if name == "Chart.yaml" {
					return chartedVersion.ReplaceAllString(content, "appVersion: "+metricsServerVersion)
				}
				return content
			}
			return source, nil
		},
	}
}
