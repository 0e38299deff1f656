// The Pulumi program: it maps a stack's configuration to arguments.
package main

import (
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kafka"
	"github.com/wealth-companion/companion/infra/platform"
	"github.com/wealth-companion/companion/stacks"
)

func main() { pulumi.Run(run) }

func run(ctx *pulumi.Context) error {
	settings, err := load(ctx)
	if err != nil {
		return err
	}
	secrets, err := loadSecrets(ctx, settings)
	if err != nil {
		return err
	}
	p, err := platform.NewPlatform(ctx, "companion", arguments(settings, secrets))
	if err != nil {
		return err
	}
	outputs := outputsOf(p, settings)
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		ctx.Export(name, outputs[name])
	}
	return nil
}

// outputsOf are the stack's outputs by name: what each is, stacks says.
func outputsOf(p *platform.Platform, settings stacks.Config) pulumi.Map {
	return pulumi.Map{
		stacks.OutputKubeconfig:     p.Cluster.Kubeconfig,
		stacks.OutputClusterName:    p.Cluster.Name,
		stacks.OutputClusterID:      p.Cluster.ID,
		stacks.OutputURL:            p.Companion.URL,
		stacks.OutputAPIURL:         pulumi.Sprintf("%s/api/v1", p.Companion.URL),
		stacks.OutputGatewayAddress: p.Edge.Address,
		stacks.OutputRegistry:       p.Cluster.Registry,
		stacks.OutputRelease:        pulumi.String(settings.Release),
		stacks.OutputTopics:         pulumi.ToStringArray(kafka.TopicNames()),
		stacks.OutputNamespaces: pulumi.StringMap{
			"application": p.Companion.Namespace, "kafka": p.Kafka.Namespace, "data": p.Redis.Namespace, "edge": p.Edge.GatewayNamespace,
		},
	}
}
