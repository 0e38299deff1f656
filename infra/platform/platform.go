// Package platform composes the layers; it is the only place that knows them all.
package platform

import (
	"errors"
	"slices"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/autoscaling"
	"github.com/wealth-companion/companion/infra/cluster"
	"github.com/wealth-companion/companion/infra/companion"
	"github.com/wealth-companion/companion/infra/dapr"
	"github.com/wealth-companion/companion/infra/data"
	"github.com/wealth-companion/companion/infra/edge"
	"github.com/wealth-companion/companion/infra/kafka"
	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/observability"
	"github.com/wealth-companion/companion/infra/smoke"
	"github.com/wealth-companion/companion/infra/tracing"
)

// PlatformArgs are the layers' arguments, without those that one layer gives to
// another.
type PlatformArgs struct {
	Cluster   cluster.ClusterArgs
	Dapr      dapr.DaprArgs
	Edge      edge.EdgeArgs
	Kafka     kafka.KafkaArgs
	Redis     *data.RedisArgs  // the state store in the cluster, or
	Valkey    *data.ValkeyArgs // outside it; one of them
	Companion companion.CompanionArgs
	// Observability is what watches all of it; nil: nothing does.
	Observability *observability.ObservabilityArgs
	// Tracing is what keeps traces; nil: nothing does.
	Tracing *tracing.TracingArgs
	// Autoscaling is what services' numbers of pods follow; nil: they stay the same.
	Autoscaling *autoscaling.AutoscalingArgs
}

// Platform is everything of a stack.
type Platform struct {
	pulumi.ResourceState

	Cluster   *cluster.Cluster
	Edge      *edge.Edge
	Kafka     *kafka.Kafka
	Store     *data.Store
	Companion *companion.Companion
	Smoke     *smoke.Smoke
	// Observability is nil where there is none.
	Observability *observability.Observability
}

// NewPlatform creates everything of a stack.
func NewPlatform(ctx *pulumi.Context, name string, args *PlatformArgs, opts ...pulumi.ResourceOption) (*Platform, error) {
	p := &Platform{}
	if err := ctx.RegisterComponentResource(kube.Token("platform", "Platform"), name, p, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(p)
	var err error
	if p.Cluster, err = cluster.NewCluster(ctx, name+"-cluster", &args.Cluster, child); err != nil {
		return nil, err
	}
	provider, err := kubernetes.NewProvider(ctx, name+"-doks", &kubernetes.ProviderArgs{
		Kubeconfig: p.Cluster.Kubeconfig,
		// New credentials are no other cluster, whose resources would be created anew.
		ClusterIdentifier:     p.Cluster.ID,
		EnableServerSideApply: pulumi.Bool(true),
	}, child)
	if err != nil {
		return nil, err
	}
	in := []pulumi.ResourceOption{child, pulumi.Providers(provider)}
	images := p.Cluster.Images

	priorities, err := kube.NewPriorities(ctx, name+"-priority", in...)
	if err != nil {
		return nil, err
	}
	environment := kube.Environment{Cilium: p.Cluster.Cilium, Priorities: priorities, Provider: provider, Cluster: p.Cluster.ID.ToStringOutput()}

	sidecars := args.Dapr
	sidecars.Environment = environment
	sidecars.SidecarNamespace = companion.Namespace
	controlPlane, err := dapr.NewDapr(ctx, name+"-dapr", &sidecars, in...)
	if err != nil {
		return nil, err
	}
	gateway := args.Edge
	gateway.Environment, gateway.RouteNamespace = environment, companion.Namespace
	if p.Edge, err = edge.NewEdge(ctx, name+"-edge", &gateway, in...); err != nil {
		return nil, err
	}
	brokers := args.Kafka
	brokers.Environment, brokers.ClientNamespace = environment, companion.Namespace
	brokers.Images, brokers.Services, brokers.Exporter = images, event.Services(), args.Observability != nil
	if p.Kafka, err = kafka.NewKafka(ctx, name+"-kafka", &brokers, in...); err != nil {
		return nil, err
	}
	if p.Store, err = newStore(ctx, name, args, p, environment, in...); err != nil {
		return nil, err
	}
	if args.Autoscaling != nil {
		measured := *args.Autoscaling
		measured.Environment, measured.CertManager = environment, p.Edge.CertManager
		if _, err := autoscaling.NewAutoscaling(ctx, name+"-autoscaling", &measured, in...); err != nil {
			return nil, err
		}
	}
	application := args.Companion
	application.Images, application.Edge, application.Kafka, application.ControlPlane = images, p.Edge, p.Kafka, controlPlane
	application.Environment, application.Nodes = environment, p.Cluster.Nodes
	application.Store, application.MaxBody = p.Store, gateway.MaxBody
	if p.Companion, err = companion.NewCompanion(ctx, name+"-app", &application, in...); err != nil {
		return nil, err
	}
	if p.Smoke, err = smoke.NewSmoke(ctx, name+"-smoke", &smoke.SmokeArgs{
		Kubeconfig: p.Cluster.Kubeconfig, Application: p.Companion.Namespace,
		Kafka: p.Kafka.Namespace, KafkaSecrets: []string{kafka.SmokeUser, kafka.AuthoritySecret},
	}, in...); err != nil {
		return nil, err
	}
	scrapes := slices.Concat([]kube.Scrape{p.Companion.Metrics, controlPlane.Metrics}, p.Kafka.Metrics, p.Edge.Metrics)
	if args.Tracing != nil {
		keeping := *args.Tracing
		keeping.Environment, keeping.ClientNamespace = environment, companion.Namespace
		traces, err := tracing.NewTracing(ctx, name+"-tracing", &keeping, in...)
		if err != nil {
			return nil, err
		}
		scrapes = append(scrapes, traces.Metrics)
	}
	if args.Observability != nil {
		watching := *args.Observability
		watching.Environment, watching.Scrapes = environment, scrapes
		if p.Observability, err = observability.NewObservability(ctx, name+"-observability", &watching, in...); err != nil {
			return nil, err
		}
	}
	return p, ctx.RegisterResourceOutputs(p, pulumi.Map{"url": p.Companion.URL})
}

// newStore creates the state store.
func newStore(ctx *pulumi.Context, name string, args *PlatformArgs, p *Platform, environment kube.Environment, opts ...pulumi.ResourceOption) (*data.Store, error) {
	if (args.Redis == nil) == (args.Valkey == nil) {
		return nil, errors.New("platform.PlatformArgs: one of Redis and Valkey is required")
	}
	if args.Valkey != nil {
		valkey := *args.Valkey
		valkey.VPC, valkey.Cluster = p.Cluster.VPC, p.Cluster.ID
		return data.NewValkey(ctx, name+"-valkey", &valkey, opts...)
	}
	redis := *args.Redis
	redis.Environment, redis.ClientNamespace, redis.CertManager = environment, pulumi.String(companion.Namespace), p.Edge.CertManager
	return data.NewRedis(ctx, name+"-redis", &redis, opts...)
}
