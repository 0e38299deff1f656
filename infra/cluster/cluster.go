// Package cluster is the VPC and the DOKS cluster in it, with access to the registry that
// its images come from.
package cluster

import (
	"time"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// ClusterArgs describe the cluster, its network and its access to the registry. All are
// required but AdminRanges.
type ClusterArgs struct {
	ClusterName pulumi.StringInput
	Region      pulumi.StringInput // DigitalOcean's slug
	Version     pulumi.StringInput // DigitalOcean's exact slug, of the cluster's creation
	HA          pulumi.BoolInput   // a control plane of several machines
	// NodeSize and NodeCount are the system pool's. Another NodeSize (DigitalOcean's
	// slug) replaces the cluster.
	NodeSize  pulumi.StringInput
	NodeCount pulumi.IntInput
	// Application is the pool of the services.
	Application Pool
	// ScaleDown is when DigitalOcean takes a node of it away again.
	ScaleDown ScaleDown
	// Maintenance is when DigitalOcean installs patch versions.
	Maintenance Window
	// Protected has Pulumi refuse to delete the cluster, and keeps the volumes and load
	// balancers of one that is deleted all the same.
	Protected bool
	// AdminRanges are the networks (CIDR) that reach the Kubernetes API; every network
	// when empty.
	AdminRanges []string

	// Private networks in CIDR notation that do not overlap.
	VPCRange     pulumi.StringInput
	PodRange     pulumi.StringInput
	ServiceRange pulumi.StringInput

	// Registry is the name of the account's registry, which exists already: all stacks of
	// an account share it, and images are pushed before there is a cluster.
	Registry string
	// Programs are those whose images the stack runs, each in a repository of its name.
	Programs []string
	// Release is the images' tag in the registry.
	Release string
	// Account is asked for what the tag names.
	Account Account
}

// Pool is a node pool. DigitalOcean scales it between the limits when they differ.
type Pool struct {
	Size               string // DigitalOcean's slug
	MinNodes, MaxNodes int
}

// scales tells whether DigitalOcean decides on the number of nodes.
func (p Pool) scales() bool { return p.MaxNodes > p.MinNodes }

// ScaleDown is when DigitalOcean's autoscaler takes a node away.
type ScaleDown struct {
	Utilization  int // percent of what the node offers, below which it may go
	AfterMinutes int // for how long it must have been below
}

// Window is the weekly maintenance window.
type Window struct {
	Day   string // of the week, or any
	Start string // UTC, 15:00
}

func (a *ClusterArgs) check() error {
	return kube.Check("cluster.ClusterArgs", map[string]any{
		"ClusterName": a.ClusterName, "Region": a.Region, "Version": a.Version, "HA": a.HA, "NodeSize": a.NodeSize, "NodeCount": a.NodeCount,
		"VPCRange": a.VPCRange, "PodRange": a.PodRange, "ServiceRange": a.ServiceRange, "Registry": a.Registry,
		"Release": a.Release, "Account.Token": a.Account.Token,
		"Application.Size": a.Application.Size, "Maintenance.Day": a.Maintenance.Day, "Maintenance.Start": a.Maintenance.Start,
	})
}

// Cluster is a DOKS cluster, ready to take resources.
type Cluster struct {
	pulumi.ResourceState

	ID         pulumi.IDOutput     // DigitalOcean's id
	VPC        pulumi.IDOutput     // that of its network
	Name       pulumi.StringOutput // DigitalOcean's name
	Kubeconfig pulumi.StringOutput // secret, YAML; valid for a day or more
	Registry   pulumi.StringOutput // host and name, what image names begin with
	// Images are the release's, by the digests that its tag has in the registry.
	Images kube.Images
	// Cilium is the cluster's network plugin.
	Cilium bool
	// Nodes is the pool of the services: their pods depend on it.
	Nodes pulumi.Resource
}

// NewCluster creates the VPC, the cluster and its node pools.
func NewCluster(ctx *pulumi.Context, name string, args *ClusterArgs, opts ...pulumi.ResourceOption) (*Cluster, error) {
	if err := args.check(); err != nil {
		return nil, err
	}
	c := &Cluster{Cilium: true} // of every DOKS cluster
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
	if err := c.openRegistry(ctx, name, args, child); err != nil {
		return nil, err
	}
	doks, err := newDOKS(ctx, name, args, vpc, child)
	if err != nil {
		return nil, err
	}
	if c.Nodes, err = newApplicationPool(ctx, name, args.Application, doks, child); err != nil {
		return nil, err
	}
	c.ID, c.VPC = doks.ID(), vpc.ID()
	c.Name = doks.Name
	c.Kubeconfig = kubeconfig(ctx, doks)
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{
		"id": c.ID, "name": c.Name, "kubeconfig": c.Kubeconfig, "registry": c.Registry,
	})
}

// newDOKS creates the cluster with its system pool, on which everything runs that holds
// data. DigitalOcean makes another size of this pool another cluster.
func newDOKS(ctx *pulumi.Context, name string, args *ClusterArgs, vpc *digitalocean.Vpc, opts ...pulumi.ResourceOption) (*digitalocean.KubernetesCluster, error) {
	cluster := &digitalocean.KubernetesClusterArgs{
		Name:          args.ClusterName,
		Region:        args.Region,
		Version:       args.Version,
		Ha:            args.HA,
		VpcUuid:       vpc.ID(),
		ClusterSubnet: args.PodRange,
		ServiceSubnet: args.ServiceRange,
		// Nodes are replaced by one more before one less.
		SurgeUpgrade: pulumi.Bool(true),
		AutoUpgrade:  pulumi.Bool(true),
		MaintenancePolicy: &digitalocean.KubernetesClusterMaintenancePolicyArgs{
			Day: pulumi.String(args.Maintenance.Day), StartTime: pulumi.String(args.Maintenance.Start),
		},
		// Load balancers and volumes that Kubernetes made go with a cluster whose data
		// nobody needs.
		DestroyAllAssociatedResources: pulumi.Bool(!args.Protected),
		NodePool: &digitalocean.KubernetesClusterNodePoolArgs{
			Name:      pulumi.String("system"),
			Size:      args.NodeSize,
			NodeCount: args.NodeCount,
			Labels:    pulumi.StringMap{kube.PoolLabel: pulumi.String(kube.SystemPool)},
		},
	}
	if len(args.AdminRanges) > 0 {
		cluster.ControlPlaneFirewall = &digitalocean.KubernetesClusterControlPlaneFirewallArgs{
			Enabled: pulumi.Bool(true), AllowedAddresses: pulumi.ToStringArray(args.AdminRanges),
		}
	}
	if args.Application.scales() {
		cluster.ClusterAutoscalerConfigurations = digitalocean.KubernetesClusterClusterAutoscalerConfigurationArray{digitalocean.KubernetesClusterClusterAutoscalerConfigurationArgs{
			ScaleDownUtilizationThreshold: pulumi.Float64(float64(args.ScaleDown.Utilization) / 100),
			ScaleDownUnneededTime:         pulumi.String((time.Duration(args.ScaleDown.AfterMinutes) * time.Minute).String()),
		}}
	}
	// DigitalOcean upgrades the version: to go back to the one of the creation would
	// replace the cluster.
	return digitalocean.NewKubernetesCluster(ctx, name, cluster, append(opts, pulumi.Protect(args.Protected), pulumi.IgnoreChanges([]string{"version"}))...)
}

// newApplicationPool creates the pool of the services. Its taint keeps everything else,
// and so every volume, on the system pool: the pool can be replaced by one of another
// size. It has no name of its own, since the new pool is created before the old one goes.
func newApplicationPool(ctx *pulumi.Context, name string, pool Pool, doks *digitalocean.KubernetesCluster, opts ...pulumi.ResourceOption) (pulumi.Resource, error) {
	args := &digitalocean.KubernetesNodePoolArgs{
		ClusterId: doks.ID(),
		Size:      pulumi.String(pool.Size),
		NodeCount: pulumi.Int(pool.MinNodes),
		Labels:    pulumi.StringMap{kube.PoolLabel: pulumi.String(kube.ApplicationPool)},
		Taints: digitalocean.KubernetesNodePoolTaintArray{digitalocean.KubernetesNodePoolTaintArgs{
			Key: pulumi.String(kube.PoolLabel), Value: pulumi.String(kube.ApplicationPool), Effect: pulumi.String("NoSchedule"),
		}},
	}
	if pool.scales() {
		args.AutoScale, args.MinNodes, args.MaxNodes = pulumi.Bool(true), pulumi.Int(pool.MinNodes), pulumi.Int(pool.MaxNodes)
		opts = append(opts, pulumi.IgnoreChanges([]string{"nodeCount"})) // the autoscaler's
	}
	return digitalocean.NewKubernetesNodePool(ctx, name+"-application", args, opts...)
}
