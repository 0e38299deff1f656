package parts

import "github.com/wealth-companion/companion/rehearsal/build"

// PulumiVersion is the engine's. Its Go language host is older: it is the last
// that is a module of its own, and the engine's protocol with it did not change.
const PulumiVersion = "3.259.0"

// Versions of the providers' plugins: those of the SDKs that the program uses.
const (
	KubernetesPlugin   = "4.30.0"
	DigitalOceanPlugin = "4.57.0"
)

func pulumiPart() Part {
	return Part{
		Name: "Pulumi", Version: PulumiVersion, Origin: "Go modules",
		hosts: []build.Program{
			{
				Name: "pulumi", Tool: "pulumi", Package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
				LDFlags: "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v" + PulumiVersion,
			},
			{Name: "pulumi-language-go", Tool: "pulumi-language-go", Package: "github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go"},
		},
	}
}
