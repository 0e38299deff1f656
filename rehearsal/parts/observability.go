package parts

import (
	"context"
	"path/filepath"

	"github.com/wealth-companion/companion/rehearsal/build"
	"github.com/wealth-companion/companion/rehearsal/image"
)

const (
	prometheusOperatorVersion = "0.85.0"
	// prometheusVersion is the module's; releases are called by prometheusRelease.
	prometheusVersion   = "0.316.0"
	prometheusRelease   = "3.16.0"
	alertmanagerVersion = "0.28.1"
)

// prometheusCommon is the package whose Version says what the programs call themselves.
const prometheusCommon = "github.com/prometheus/common/version.Version"

func prometheusOperatorPart() Part {
	const tool, module = "prometheus-operator", "github.com/prometheus-operator/prometheus-operator"
	return Part{
		Name: "Prometheus operator", Version: prometheusOperatorVersion, Origin: "Go modules", Memory: 80, Later: true,
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			var recipes []image.Recipe
			for _, one := range []struct{ name, command, at string }{
				{"prometheus-operator", "operator", "/bin/operator"},
				{"prometheus-config-reloader", "prometheus-config-reloader", "/bin/prometheus-config-reloader"},
			} {
				program, err := c.program(ctx, build.Program{
					Name: one.name, Tool: tool, Package: module + "/cmd/" + one.command, LDFlags: "-X " + prometheusCommon + "=" + prometheusOperatorVersion,
				})
				if err != nil {
					return nil, err
				}
				recipes = append(recipes, program65532("quay.io/prometheus-operator/"+one.name+":v"+prometheusOperatorVersion, program, one.at))
			}
			return recipes, nil
		},
		chart: func(ctx context.Context, c *Catalogue) (*chartSource, error) {
			at, err := c.build.ModuleDir(ctx, tool, module)
			if err != nil {
				return nil, err
			}
			source := chartFrom(filepath.Join(c.root, "rehearsal", "charts", "kube-prometheus-stack"))
			return source, source.definitions(filepath.Join(at, "example", "prometheus-operator-crd"))
		},
	}
}

// prometheusPart is Prometheus with one way of finding targets, the one that its operator
// uses, and without its pages, which lie in no module.
func prometheusPart() Part {
	return Part{
		Name: "Prometheus", Version: prometheusVersion, Origin: "Go modules, without the pages and the clouds' ways of finding targets", Memory: 350, Later: true,
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			program, err := c.program(ctx, build.Program{
				Name: "prometheus", Tool: "prometheus", Package: "github.com/prometheus/prometheus/cmd/prometheus",
				Tags: "netgo,remove_all_sd,enable_kubernetes_sd", LDFlags: "-X " + prometheusCommon + "=" + prometheusRelease,
			})
			if err != nil {
				return nil, err
			}
			return []image.Recipe{program65532("quay.io/prometheus/prometheus:v"+prometheusRelease, program, "/bin/prometheus")}, nil
		},
	}
}

func alertmanagerPart() Part {
	return Part{
		Name: "Alertmanager", Version: alertmanagerVersion, Origin: "Go modules", Memory: 50, Later: true,
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			program, err := c.program(ctx, build.Program{
				Name: "alertmanager", Tool: "alertmanager", Package: "github.com/prometheus/alertmanager/cmd/alertmanager",
				LDFlags: "-X " + prometheusCommon + "=" + alertmanagerVersion,
			})
			if err != nil {
				return nil, err
			}
			return []image.Recipe{program65532("quay.io/prometheus/alertmanager:v"+alertmanagerVersion, program, "/bin/alertmanager")}, nil
		},
	}
}
