package cluster

import (
	"fmt"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// limits are the numbers of repositories that a registry's subscription tier holds;
// professional has none.
var limits = map[string]int{"starter": 1, "basic": 5}

// openRegistry finds the account's registry and creates credentials that may pull from it.
func (c *Cluster) openRegistry(ctx *pulumi.Context, name string, args *ClusterArgs, child pulumi.ResourceOption) error {
	found, err := digitalocean.LookupContainerRegistry(ctx, &digitalocean.LookupContainerRegistryArgs{Name: args.Registry})
	if err != nil {
		return fmt.Errorf("registry %s: create it and push the images first (docs/production.md): %w", args.Registry, err)
	}
	if limit, limited := limits[found.SubscriptionTierSlug]; limited && args.Repositories > limit {
		return fmt.Errorf("registry %s is of the tier %s, which holds %d repositories, and the application needs %d: change the tier to professional",
			args.Registry, found.SubscriptionTierSlug, limit, args.Repositories)
	}
	credentials, err := digitalocean.NewContainerRegistryDockerCredentials(ctx, name, &digitalocean.ContainerRegistryDockerCredentialsArgs{
		RegistryName: pulumi.String(args.Registry), Write: pulumi.Bool(false),
	}, child)
	if err != nil {
		return err
	}
	c.Registry = pulumi.String(found.Endpoint).ToStringOutput()
	c.PullCredentials = pulumi.ToSecret(credentials.DockerCredentials).(pulumi.StringOutput)
	return nil
}
