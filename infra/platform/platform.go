// Package platform composes the layers; it is the only place that knows them all.
package platform

import (
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/cluster"
	"github.com/wealth-companion/companion/infra/companion"
	"github.com/wealth-companion/companion/infra/dapr"
	"github.com/wealth-companion/companion/infra/data"
	"github.com/wealth-companion/companion/infra/edge"
	"github.com/wealth-companion/companion/infra/kafka"
	"github.com/wealth-companion/companion/stacks"
)

// Secrets are a stack's secrets; every value is a secret output.
type Secrets struct {
	DatabaseURLs      map[string]pulumi.StringInput // by service
	RedisPassword     pulumi.StringOutput
	AuthSigningKey    pulumi.StringOutput
	KafkaSeed         pulumi.StringOutput // the Kafka users' passwords follow from it
	DigitalOceanToken pulumi.StringOutput
	// Options are the secrets of what an installation may do without, by their keys.
	Options map[string]pulumi.StringInput
	// PushKey is the public one of Options' pushPrivateKey.
	PushKey string
}

// New makes everything of a stack and returns its outputs by name.
func New(ctx *pulumi.Context, config stacks.Config, secrets Secrets) (pulumi.Map, error) {
	ground, err := cluster.New(ctx, "cluster", cluster.Args{Cluster: config.Cluster, Registry: config.Registry})
	if err != nil {
		return nil, err
	}
	provider, err := kubernetes.NewProvider(ctx, "doks", &kubernetes.ProviderArgs{
		Kubeconfig:            ground.Kubeconfig,
		EnableServerSideApply: pulumi.Bool(true),
	}, pulumi.Parent(ground))
	if err != nil {
		return nil, err
	}
	in := pulumi.Providers(provider)
	image := func(name string) pulumi.StringInput {
		return pulumi.Sprintf("%s/%s:%s", ground.Registry, name, config.Release)
	}
	sidecars, err := dapr.New(ctx, "dapr", dapr.Args{Chart: config.Charts.Dapr, HA: config.Dapr.HA, Namespace: companion.Namespace}, in)
	if err != nil {
		return nil, err
	}
	front, err := edge.New(ctx, "edge", edge.Args{
		Domain: config.Domain, Nginx: config.Charts.NginxGatewayFabric, CertManager: config.Charts.CertManager,
		Issuer: config.Issuer, Replicas: config.Edge.Replicas, LoadBalancer: config.Cluster.Name + "-edge",
		DNSToken: secrets.DigitalOceanToken, Namespace: companion.Namespace,
	}, in)
	if err != nil {
		return nil, err
	}
	events, err := kafka.New(ctx, "kafka", kafka.Args{
		Chart: config.Charts.Strimzi, Kafka: config.Kafka, AdminImage: image("companionctl"), Services: event.Services(), Seed: secrets.KafkaSeed,
	}, in)
	if err != nil {
		return nil, err
	}
	redis, err := data.New(ctx, "redis", data.Args{
		Redis: config.Redis, Password: secrets.RedisPassword, Clients: companion.Namespace,
	}, in)
	if err != nil {
		return nil, err
	}
	if _, err := companion.New(ctx, "companion", companion.Args{
		Services: config.Services, Image: image, Edge: front, Kafka: events,
		Redis: redis.Address, RedisPassword: secrets.RedisPassword,
		DatabaseURLs: secrets.DatabaseURLs, SigningKey: secrets.AuthSigningKey, ControlPlane: sidecars, Pods: config.Cluster.PodRange,
		Options: companion.Options{
			Mail: config.Mail, Push: config.Push, OIDC: config.OIDC, Conversation: config.Conversation,
			Secrets: secrets.Options, PushKey: secrets.PushKey,
		},
	}, in); err != nil {
		return nil, err
	}
	url := "https://" + front.Host
	return pulumi.Map{
		stacks.OutputKubeconfig:     ground.Kubeconfig,
		stacks.OutputClusterName:    ground.Name,
		stacks.OutputClusterID:      ground.ID,
		stacks.OutputURL:            pulumi.String(url),
		stacks.OutputAPIURL:         pulumi.String(url + "/api/v1"),
		stacks.OutputGatewayAddress: front.Address,
		stacks.OutputRegistry:       ground.Registry,
		stacks.OutputRelease:        pulumi.String(config.Release),
		stacks.OutputTopics:         pulumi.ToStringArray(kafka.TopicNames()),
		stacks.OutputNamespaces: pulumi.ToStringMap(map[string]string{
			"application": companion.Namespace, "kafka": "kafka", "data": "data", "edge": front.GatewayNamespace,
		}),
	}, nil
}
