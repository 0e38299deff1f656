package cluster

import (
	"fmt"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// limits are the numbers of repositories that a registry's subscription tier holds;
// professional has none.
var limits = map[string]int{"starter": 1, "basic": 5}

// openRegistry finds the account's registry and the release's images in it, and creates
// credentials that may pull them.
func (c *Cluster) openRegistry(ctx *pulumi.Context, name string, args *ClusterArgs, child pulumi.ResourceOption) error {
	found, err := digitalocean.LookupContainerRegistry(ctx, &digitalocean.LookupContainerRegistryArgs{Name: args.Registry})
	if err != nil {
		return fmt.Errorf("registry %s: create it and push the images first (docs/production.md): %w", args.Registry, err)
	}
	if limit, limited := limits[found.SubscriptionTierSlug]; limited && len(args.Programs) > limit {
		return fmt.Errorf("registry %s is of the tier %s, which holds %d repositories, and the application needs %d: change the tier to professional",
			args.Registry, found.SubscriptionTierSlug, limit, len(args.Programs))
	}
	digests, err := args.Account.digests(ctx.Context(), args.Registry, args.Release, args.Programs)
	if err != nil {
		return err
	}
	credentials, err := digitalocean.NewContainerRegistryDockerCredentials(ctx, name, &digitalocean.ContainerRegistryDockerCredentialsArgs{
		RegistryName: pulumi.String(args.Registry), Write: pulumi.Bool(false),
	}, child)
	if err != nil {
		return err
	}
	c.Registry = pulumi.String(found.Endpoint).ToStringOutput()
	c.Images = kube.Images{
		Registry: c.Registry, Release: args.Release, Digests: digests,
		Credentials: pulumi.ToSecret(credentials.DockerCredentials).(pulumi.StringOutput),
	}
	return nil
}
