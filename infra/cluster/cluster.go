// Package cluster is the ground: the VPC, the DOKS cluster in it and the
// registry that its images come from.
package cluster

import (
	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/stacks"
)

// Args are the cluster's and the registry's settings.
type Args struct {
	Cluster  stacks.Cluster
	Registry stacks.Registry
}

// Cluster is a DOKS cluster, ready to take resources.
type Cluster struct {
	pulumi.ResourceState

	ID         pulumi.IDOutput     // DigitalOcean's id
	Name       pulumi.StringOutput //
	Kubeconfig pulumi.StringOutput // secret, YAML
	Registry   pulumi.StringOutput // host and name, what image names begin with
}

// New makes the cluster.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Cluster, error) {
	c := &Cluster{}
	if err := ctx.RegisterComponentResource(kube.Token("cluster", "Cluster"), name, c, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(c)
	vpc, err := digitalocean.NewVpc(ctx, name, &digitalocean.VpcArgs{
		Name:    pulumi.String(args.Cluster.Name),
		Region:  pulumi.String(args.Cluster.Region),
		IpRange: pulumi.String(args.Cluster.VPCRange),
	}, child)
	if err != nil {
		return nil, err
	}
	registry, err := digitalocean.NewContainerRegistry(ctx, name, &digitalocean.ContainerRegistryArgs{
		Name:                 pulumi.String(args.Registry.Name),
		Region:               pulumi.String(args.Cluster.Region),
		SubscriptionTierSlug: pulumi.String(args.Registry.Tier),
	}, child)
	if err != nil {
		return nil, err
	}
	doks, err := digitalocean.NewKubernetesCluster(ctx, name, &digitalocean.KubernetesClusterArgs{
		Name:          pulumi.String(args.Cluster.Name),
		Region:        pulumi.String(args.Cluster.Region),
		Version:       pulumi.String(args.Cluster.Version),
		Ha:            pulumi.Bool(args.Cluster.HA),
		VpcUuid:       vpc.ID(),
		ClusterSubnet: pulumi.String(args.Cluster.PodRange),
		ServiceSubnet: pulumi.String(args.Cluster.ServiceRange),
		// Nodes are replaced by one more before one less.
		SurgeUpgrade: pulumi.Bool(true),
		AutoUpgrade:  pulumi.Bool(false),
		MaintenancePolicy: &digitalocean.KubernetesClusterMaintenancePolicyArgs{
			Day: pulumi.String("sunday"), StartTime: pulumi.String("04:00"),
		},
		// Load balancers and volumes that Kubernetes made go with the cluster.
		DestroyAllAssociatedResources: pulumi.Bool(true),
		RegistryIntegration:           pulumi.Bool(true),
		NodePool: &digitalocean.KubernetesClusterNodePoolArgs{
			Name:      pulumi.String("pool"),
			Size:      pulumi.String(args.Cluster.NodeSize),
			NodeCount: pulumi.Int(args.Cluster.NodeCount),
		},
	}, child, pulumi.DependsOn([]pulumi.Resource{registry}))
	if err != nil {
		return nil, err
	}
	c.ID = doks.ID()
	c.Name = doks.Name
	c.Kubeconfig = pulumi.ToSecret(doks.KubeConfigs.Index(pulumi.Int(0)).RawConfig().Elem()).(pulumi.StringOutput)
	c.Registry = registry.Endpoint
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{
		"id": c.ID, "name": c.Name, "kubeconfig": c.Kubeconfig, "registry": c.Registry,
	})
}
