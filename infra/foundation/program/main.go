// The Pulumi program of the foundation: it maps a stack's configuration to arguments.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/foundation"
	"github.com/wealth-companion/companion/infra/values"
	"github.com/wealth-companion/companion/stacks"
)

func main() { values.Run(run) }

// run creates the foundation. Values are its configuration, as Pulumi gives it to the
// program. The outputs are named and described by stacks.FoundationOutputs.
func run(ctx *pulumi.Context, values map[string]string) error {
	c, err := stacks.ReadFoundationValues(values)
	if err != nil {
		return err
	}
	f, err := foundation.NewFoundation(ctx, "foundation", &foundation.FoundationArgs{
		Registry: foundation.Registry(c.Registry), Zones: c.Zones, CertificateAuthority: c.CertificateAuthority,
		SecurityContact: c.SecurityContact, Protected: c.Protected,
	})
	if err != nil {
		return err
	}
	ctx.Export("registry", f.Registry)
	ctx.Export("registryName", f.RegistryName)
	ctx.Export("zones", pulumi.ToStringArray(f.Zones))
	return nil
}
