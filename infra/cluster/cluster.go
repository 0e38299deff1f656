// Package cluster is the VPC, the DOKS cluster in it and the registry that its
// images come from.
package cluster

import (
	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// ClusterArgs describe the cluster, its network and the registry. All are required.
type ClusterArgs struct {
	ClusterName pulumi.StringInput
	Region      pulumi.StringInput // DigitalOcean's slug
	Version     pulumi.StringInput // DigitalOcean's exact slug
	HA          pulumi.BoolInput   // a control plane of several machines
	NodeSize    pulumi.StringInput // DigitalOcean's slug
	NodeCount   pulumi.IntInput

	// Private networks in CIDR notation that do not overlap.
	VPCRange     pulumi.StringInput
	PodRange     pulumi.StringInput
	ServiceRange pulumi.StringInput

	RegistryName pulumi.StringInput
	RegistryTier pulumi.StringInput
}

func (a *ClusterArgs) check() error {
	return kube.Check("cluster.ClusterArgs", map[string]any{
		"ClusterName": a.ClusterName, "Region": a.Region, "Version": a.Version, "HA": a.HA, "NodeSize": a.NodeSize, "NodeCount": a.NodeCount,
		"VPCRange": a.VPCRange, "PodRange": a.PodRange, "ServiceRange": a.ServiceRange, "RegistryName": a.RegistryName, "RegistryTier": a.RegistryTier,
	})
}

// Cluster is a DOKS cluster, ready to take resources.
type Cluster struct {
	pulumi.ResourceState

	ID         pulumi.IDOutput     // DigitalOcean's id
	Name       pulumi.StringOutput // DigitalOcean's name
	Kubeconfig pulumi.StringOutput // secret, YAML
	Registry   pulumi.StringOutput // host and name, what image names begin with
}

// NewCluster creates the VPC, the registry and the cluster.
func NewCluster(ctx *pulumi.Context, name string, args *ClusterArgs, opts ...pulumi.ResourceOption) (*Cluster, error) {
	if err := args.check(); err != nil {
		return nil, err
	}
	c := &Cluster{}
	if err := ctx.RegisterComponentResource(kube.Token("cluster", "Cluster"), name, c, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(c)
	vpc, err := digitalocean.NewVpc(ctx, name, &digitalocean.VpcArgs{
		Name:    args.ClusterName,
		Region:  args.Region,
		IpRange: args.VPCRange,
	}, child)
	if err != nil {
		return nil, err
	}
	registry, err := digitalocean.NewContainerRegistry(ctx, name, &digitalocean.ContainerRegistryArgs{
		Name:                 args.RegistryName,
		Region:               args.Region,
		SubscriptionTierSlug: args.RegistryTier,
	}, child)
	if err != nil {
		return nil, err
	}
	doks, err := digitalocean.NewKubernetesCluster(ctx, name, &digitalocean.KubernetesClusterArgs{
		Name:          args.ClusterName,
		Region:        args.Region,
		Version:       args.Version,
		Ha:            args.HA,
		VpcUuid:       vpc.ID(),
		ClusterSubnet: args.PodRange,
		ServiceSubnet: args.ServiceRange,
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
			Size:      args.NodeSize,
			NodeCount: args.NodeCount,
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
