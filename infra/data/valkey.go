package data

import (
	"fmt"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/secret"
)

// ValkeyArgs are a managed Valkey's settings. All but Maintenance and Protected are required.
type ValkeyArgs struct {
	DatabaseName pulumi.StringInput // unique in the account
	Region       pulumi.StringInput // DigitalOcean's slug; the cluster's
	Version      pulumi.StringInput // the major one
	Size         pulumi.StringInput // DigitalOcean's slug
	Nodes        pulumi.IntInput    // the primary and its standbys
	// VPC is the id of the network in which it gets its private address, and VPCRange that
	// network's range (CIDR).
	VPC      pulumi.StringInput
	VPCRange string
	// Cluster is the id of the DOKS cluster that may connect: no other source is trusted.
	Cluster pulumi.StringInput
	// Maintenance is when DigitalOcean may install updates; it chooses without.
	Maintenance *Maintenance
	// Protected has Pulumi refuse to delete the database.
	Protected bool
}

// Maintenance is a weekly window.
type Maintenance struct {
	Day  string // monday to sunday
	Hour string // UTC, 15:00
}

// valkeyPort is where DigitalOcean's Valkey listens. Network policies name it before the
// database exists.
const valkeyPort = 25061

// evictionPolicy has what is cached make room, the one first that would end first: as
// Redis in the cluster has it, in DigitalOcean's spelling.
const evictionPolicy = "volatile_ttl"

// NewValkey creates a Valkey database that DigitalOcean runs, which the cluster reaches at
// its private address, by TLS and a password. The user is the one that the database comes
// with: DigitalOcean lets nobody add another.
func NewValkey(ctx *pulumi.Context, name string, args *ValkeyArgs, opts ...pulumi.ResourceOption) (*Store, error) {
	if err := kube.Check("data.ValkeyArgs", map[string]any{
		"DatabaseName": args.DatabaseName, "Region": args.Region, "Version": args.Version, "Size": args.Size, "Nodes": args.Nodes,
		"VPC": args.VPC, "VPCRange": args.VPCRange, "Cluster": args.Cluster,
	}); err != nil {
		return nil, err
	}
	s := &Store{Egress: kube.Allow{Peers: kube.Ranges([]string{args.VPCRange}), Ports: []int{valkeyPort}}}
	if err := ctx.RegisterComponentResource(kube.Token("data", "Valkey"), name, s, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(s)
	wanted := &digitalocean.DatabaseClusterArgs{
		Name: args.DatabaseName, Engine: pulumi.String("valkey"), Version: args.Version, Size: args.Size, NodeCount: args.Nodes,
		Region: args.Region, PrivateNetworkUuid: args.VPC.ToStringOutput(), EvictionPolicy: pulumi.String(evictionPolicy),
	}
	if m := args.Maintenance; m != nil {
		wanted.MaintenanceWindows = digitalocean.DatabaseClusterMaintenanceWindowArray{digitalocean.DatabaseClusterMaintenanceWindowArgs{
			Day: pulumi.String(m.Day), Hour: pulumi.String(m.Hour),
		}}
	}
	database, err := digitalocean.NewDatabaseCluster(ctx, name, wanted, child, pulumi.Protect(args.Protected))
	if err != nil {
		return nil, err
	}
	firewall, err := digitalocean.NewDatabaseFirewall(ctx, name, &digitalocean.DatabaseFirewallArgs{
		ClusterId: database.ID(),
		Rules: digitalocean.DatabaseFirewallRuleArray{digitalocean.DatabaseFirewallRuleArgs{
			Type: pulumi.String("k8s"), Value: args.Cluster,
		}},
	}, child)
	if err != nil {
		return nil, err
	}
	s.Ready = firewall
	s.Address = pulumi.All(database.PrivateHost, database.Port).ApplyT(func(known []any) (string, error) {
		host, _ := known[0].(string)
		port, _ := known[1].(int)
		if port != valkeyPort {
			return "", fmt.Errorf("the Valkey database listens at port %d, but the network policies let the services reach %d: change valkeyPort in infra/data", port, valkeyPort)
		}
		return fmt.Sprintf("%s:%d", host, port), nil
	}).(pulumi.StringOutput)
	s.Access = secret.OfOutputs(map[string]pulumi.StringOutput{"username": database.User, "password": database.Password})
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{"address": s.Address})
}
