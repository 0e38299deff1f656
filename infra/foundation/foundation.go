// Package foundation is what a DigitalOcean account has once, for all of its stacks: the
// container registry, the DNS zones, and who may issue certificates for them. It is a
// Pulumi project of its own (Pulumi.yaml), because it is there before any stack (images
// are pushed to the registry first) and outlives each of them.
package foundation

import (
	"fmt"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// FoundationArgs describe the account. All are required but SecurityContact.
type FoundationArgs struct {
	Registry Registry
	Zones    []string // domains
	// CertificateAuthority is the only authority that may issue certificates for the zones,
	// by its name in CAA records.
	CertificateAuthority string
	// SecurityContact is the mailto: address that authorities report refused requests to.
	SecurityContact string
	// Protected has Pulumi refuse to delete the registry and the zones.
	Protected bool
}

// Registry is the container registry.
type Registry struct {
	Name   string
	Tier   string // DigitalOcean's subscription: starter, basic or professional
	Region string // DigitalOcean's slug
}

// Foundation is the account with all that stacks look up in it.
type Foundation struct {
	pulumi.ResourceState

	Registry     pulumi.StringOutput // host and name, what image names begin with
	RegistryName pulumi.StringOutput
	Zones        []string
}

// recordTTL is how long resolvers keep the CAA records, in seconds.
const recordTTL = 3600

// NewFoundation creates the registry and the zones, or takes over those that the account
// has already.
func NewFoundation(ctx *pulumi.Context, name string, args *FoundationArgs, opts ...pulumi.ResourceOption) (*Foundation, error) {
	required := map[string]any{
		"Registry.Name": args.Registry.Name, "Registry.Tier": args.Registry.Tier, "Registry.Region": args.Registry.Region,
		"CertificateAuthority": args.CertificateAuthority,
	}
	if len(args.Zones) == 0 {
		required["Zones"] = nil
	}
	if err := kube.Check("foundation.FoundationArgs", required); err != nil {
		return nil, err
	}
	f := &Foundation{Zones: args.Zones}
	if err := ctx.RegisterComponentResource(kube.Token("foundation", "Foundation"), name, f, opts...); err != nil {
		return nil, err
	}
	kept := []pulumi.ResourceOption{pulumi.Parent(f), pulumi.Protect(args.Protected)}
	registry, err := newRegistry(ctx, name, args.Registry, kept...)
	if err != nil {
		return nil, err
	}
	f.Registry, f.RegistryName = registry.Endpoint, registry.Name
	for _, zone := range args.Zones {
		if err := newZone(ctx, name, zone, args, kept...); err != nil {
			return nil, err
		}
	}
	return f, ctx.RegisterResourceOutputs(f, pulumi.Map{"registry": f.Registry, "zones": pulumi.ToStringArray(args.Zones)})
}

func newRegistry(ctx *pulumi.Context, name string, registry Registry, opts ...pulumi.ResourceOption) (*digitalocean.ContainerRegistry, error) {
	_, err := digitalocean.LookupContainerRegistry(ctx, &digitalocean.LookupContainerRegistryArgs{Name: registry.Name})
	return digitalocean.NewContainerRegistry(ctx, name, &digitalocean.ContainerRegistryArgs{
		Name: pulumi.String(registry.Name), SubscriptionTierSlug: pulumi.String(registry.Tier), Region: pulumi.String(registry.Region),
	}, takeOver(ctx, "registry", registry.Name, err, opts)...)
}

// newZone creates a zone and says in it who may issue certificates (CAA, RFC 8659).
func newZone(ctx *pulumi.Context, name, zone string, args *FoundationArgs, opts ...pulumi.ResourceOption) error {
	_, err := digitalocean.LookupDomain(ctx, &digitalocean.LookupDomainArgs{Name: zone})
	domain, err := digitalocean.NewDomain(ctx, name+"-"+zone, &digitalocean.DomainArgs{Name: pulumi.String(zone)}, takeOver(ctx, "domain", zone, err, opts)...)
	if err != nil {
		return err
	}
	records := map[string]string{"issue": args.CertificateAuthority + "."}
	if args.SecurityContact != "" {
		records["iodef"] = args.SecurityContact
	}
	for tag, value := range records {
		if _, err := digitalocean.NewDnsRecord(ctx, fmt.Sprintf("%s-%s-%s", name, zone, tag), &digitalocean.DnsRecordArgs{
			Domain: domain.Name, Type: pulumi.String("CAA"), Name: pulumi.String("@"), Flags: pulumi.Int(0), Tag: pulumi.String(tag),
			Value: pulumi.String(value), Ttl: pulumi.Int(recordTTL),
		}, opts[0]); err != nil {
			return err
		}
	}
	return nil
}

// takeOver adds to the options of a resource what has Pulumi take over the one that exists
// already, as a look-up told: to create it again fails, and one that the state has is left
// as it is. A look-up that failed for another reason is told by the creation.
func takeOver(ctx *pulumi.Context, kind, id string, missing error, opts []pulumi.ResourceOption) []pulumi.ResourceOption {
	if missing != nil {
		_ = ctx.Log.Debug(fmt.Sprintf("%s %s is created: %v", kind, id, missing), nil)
		return opts
	}
	return append(opts[:len(opts):len(opts)], pulumi.Import(pulumi.ID(id)))
}
