package main

import (
	"fmt"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/infra/autoscaling"
	"github.com/wealth-companion/companion/infra/cluster"
	"github.com/wealth-companion/companion/infra/companion"
	"github.com/wealth-companion/companion/infra/dapr"
	"github.com/wealth-companion/companion/infra/data"
	"github.com/wealth-companion/companion/infra/edge"
	"github.com/wealth-companion/companion/infra/kafka"
	"github.com/wealth-companion/companion/infra/observability"
	"github.com/wealth-companion/companion/infra/platform"
	"github.com/wealth-companion/companion/infra/tracing"
	"github.com/wealth-companion/companion/infra/workload"
)

// Every component prefixes its children with its own name, so that a program may
// hold two of it.
func TestTwoPlatformsFitIntoOneStack(t *testing.T) {
	e := &engine{}
	twice := func(ctx *pulumi.Context) error {
		settings, secrets, err := load(configuration(t, "prod"))
		if err != nil {
			return err
		}
		for _, name := range []string{"one", "another"} {
			if _, err := platform.NewPlatform(ctx, name, arguments(settings, secrets)); err != nil {
				return err
			}
		}
		return nil
	}
	err := pulumi.RunErr(twice, pulumi.WithMocks("wealth-companion", "prod", e), func(info *pulumi.RunInfo) { info.Config = configuration(t, "prod") })
	require.NoError(t, err)
	times := map[string]int{}
	for _, one := range e.asked {
		times[one.Type+" "+one.Name]++
	}
	require.Greater(t, len(times), 200)
	for resource, n := range times {
		require.Equal(t, 1, n, resource)
	}
}

func TestComponentsNameTheArgumentsThatAreMissing(t *testing.T) {
	for name, c := range map[string]struct {
		build func(*pulumi.Context) error
		wants []string
	}{
		"cluster": {func(ctx *pulumi.Context) error {
			_, err := cluster.NewCluster(ctx, "x", &cluster.ClusterArgs{})
			return err
		}, []string{"cluster.ClusterArgs", "ClusterName", "Region", "Release", "VPCRange"}},
		"dapr": {func(ctx *pulumi.Context) error {
			_, err := dapr.NewDapr(ctx, "x", &dapr.DaprArgs{})
			return err
		}, []string{"dapr.DaprArgs", "Certificates.Lifetime", "Chart", "SidecarNamespace"}},
		"edge": {func(ctx *pulumi.Context) error {
			_, err := edge.NewEdge(ctx, "x", &edge.EdgeArgs{Issuer: edge.Issuer{Kind: edge.ACME}})
			return err
		}, []string{"edge.EdgeArgs", "Domain", "DNSToken", "Nginx"}},
		"kafka": {func(ctx *pulumi.Context) error {
			_, err := kafka.NewKafka(ctx, "x", &kafka.KafkaArgs{})
			return err
		}, []string{"kafka.KafkaArgs", "Chart", "Seed", "Storage"}},
		"redis": {func(ctx *pulumi.Context) error {
			_, err := data.NewRedis(ctx, "x", &data.RedisArgs{})
			return err
		}, []string{"data.RedisArgs", "Image", "Password"}},
		"valkey": {func(ctx *pulumi.Context) error {
			_, err := data.NewValkey(ctx, "x", &data.ValkeyArgs{})
			return err
		}, []string{"data.ValkeyArgs", "Cluster", "Size", "VPCRange"}},
		"workload": {func(ctx *pulumi.Context) error {
			_, err := workload.NewWorkload(ctx, "x", &workload.WorkloadArgs{})
			return err
		}, []string{"workload.WorkloadArgs", "Image", "Namespace", "SidecarToken"}},
		"autoscaling": {func(ctx *pulumi.Context) error {
			_, err := autoscaling.NewAutoscaling(ctx, "x", &autoscaling.AutoscalingArgs{})
			return err
		}, []string{"autoscaling.AutoscalingArgs", "CertManager", "MetricsServer"}},
		"observability": {func(ctx *pulumi.Context) error {
			_, err := observability.NewObservability(ctx, "x", &observability.ObservabilityArgs{})
			return err
		}, []string{"observability.ObservabilityArgs", "Chart", "Prometheus.Retention", "Prometheus.Storage"}},
		"tracing": {func(ctx *pulumi.Context) error {
			_, err := tracing.NewTracing(ctx, "x", &tracing.TracingArgs{})
			return err
		}, []string{"tracing.TracingArgs", "Collector.Image", "Collector.Replicas", "Jaeger.RetentionHours", "Jaeger.Storage"}},
		"companion": {func(ctx *pulumi.Context) error {
			_, err := companion.NewCompanion(ctx, "x", &companion.CompanionArgs{})
			return err
		}, []string{"companion.CompanionArgs", "DatabaseURLs.backend", "MigrationURL", "Release"}},
	} {
		t.Run(name, func(t *testing.T) {
			e := &engine{}
			err := pulumi.RunErr(c.build, pulumi.WithMocks("wealth-companion", "prod", e))
			for _, want := range c.wants {
				require.ErrorContains(t, err, want)
			}
			for _, one := range e.asked {
				require.Equal(t, "pulumi:pulumi:Stack", one.Type, fmt.Sprintf("%s is created", one.Name))
			}
		})
	}
}
