package parts

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"github.com/wealth-companion/companion/rehearsal/build"
	"github.com/wealth-companion/companion/rehearsal/image"
)

const certManagerVersion = "1.11.5"

func certManagerPart() Part {
	return Part{
		Name: "cert-manager", Version: certManagerVersion, Origin: "Go modules", Memory: 120,
		images: func(ctx context.Context, c *Catalogue) ([]image.Recipe, error) {
			var recipes []image.Recipe
			for _, name := range []string{"controller", "webhook", "cainjector", "ctl"} {
				program, err := c.program(ctx, build.Program{
					Name: "cert-manager-" + name, Tool: "cert-manager",
					Package: "github.com/cert-manager/cert-manager/cmd/" + name,
					LDFlags: "-X github.com/cert-manager/cert-manager/pkg/util.AppVersion=v" + certManagerVersion,
				})
				if err != nil {
					return nil, err
				}
				recipe := program65532("quay.io/jetstack/cert-manager-"+name+":v"+certManagerVersion, program, "/app/cmd/"+name+"/"+name)
				recipe.User = "1000"
				recipe.Files = append(recipe.Files[2:], image.Users("cert-manager", 1000, 1000)...)
				recipes = append(recipes, recipe)
			}
			return recipes, nil
		},
		chart: func(ctx context.Context, c *Catalogue) (*chartSource, error) {
			module, err := c.build.ModuleDir(ctx, "cert-manager", "github.com/cert-manager/cert-manager")
			if err != nil {
				return nil, err
			}
			source := chartFrom(filepath.Join(module, "deploy", "charts", "cert-manager"))
			// The release process fills the template in, and puts the definitions
			// behind one switch.
			metadata, err := os.ReadFile(filepath.Join(source.dir, "Chart.template.yaml"))
			if err != nil {
				return nil, err
			}
			source.files["Chart.yaml"] = strings.NewReplacer(
				"v0.1.0", "v"+certManagerVersion, "{{IS_PRERELEASE}}", "false").Replace(string(metadata))
			definitions, err := filepath.Glob(filepath.Join(module, "deploy", "crds", "*.yaml"))
			if err != nil {
				return nil, err
			}
			all := "{{- if .Values.installCRDs }}\n"
			for _, name := range definitions {
				raw, err := os.ReadFile(name)
				if err != nil {
					return nil, err
				}
				all += "---\n" + string(raw)
			}
			source.files["templates/crds.yaml"] = all + "\n{{- end }}\n"
			return source, nil
		},
	}
}
