package main

import (
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/infra/autoscaling"
	"github.com/wealth-companion/companion/infra/cluster"
	"github.com/wealth-companion/companion/infra/companion"
	"github.com/wealth-companion/companion/infra/dapr"
	"github.com/wealth-companion/companion/infra/data"
	"github.com/wealth-companion/companion/infra/edge"
	"github.com/wealth-companion/companion/infra/kafka"
	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/observability"
	"github.com/wealth-companion/companion/infra/observability/dashboards"
	"github.com/wealth-companion/companion/infra/observability/rules"
	"github.com/wealth-companion/companion/infra/platform"
	"github.com/wealth-companion/companion/infra/workload"
	"github.com/wealth-companion/companion/stacks"
)

// arguments maps a stack's configuration to the layers' arguments.
func arguments(c stacks.Config, s secrets) *platform.PlatformArgs {
	return &platform.PlatformArgs{
		Cluster: cluster.ClusterArgs{
			ClusterName: pulumi.String(c.Cluster.Name), Region: pulumi.String(c.Cluster.Region), Version: pulumi.String(c.Cluster.Version),
			HA: pulumi.Bool(c.Cluster.HA), NodeSize: pulumi.String(c.Cluster.NodeSize), NodeCount: pulumi.Int(c.Cluster.NodeCount),
			Application: cluster.Pool(c.Cluster.Application), ScaleDown: cluster.ScaleDown(c.Cluster.ScaleDown), Maintenance: cluster.Window(c.Cluster.Maintenance),
			Protected: c.Cluster.Protected, AdminRanges: c.Cluster.AdminRanges,
			VPCRange: pulumi.String(c.Cluster.VPCRange), PodRange: pulumi.String(c.Cluster.PodRange), ServiceRange: pulumi.String(c.Cluster.ServiceRange),
			Registry: c.Registry.Name, Programs: companion.Programs(), Release: c.Release, Account: s.account,
		},
		Dapr: dapr.DaprArgs{Chart: kube.Chart(c.Charts.Dapr), HA: c.Dapr.HA, Certificates: dapr.Certificates(c.Dapr.Certificates)},
		Edge: edge.EdgeArgs{
			Domain: c.Domain, Nginx: kube.Chart(c.Charts.NginxGatewayFabric), CertManager: kube.Chart(c.Charts.CertManager),
			Issuer: edge.Issuer(c.Issuer), Replicas: c.Edge.Replicas, Port: c.Edge.Port, LoadBalancer: c.Cluster.Name + "-edge",
			ProxyRange: c.Cluster.VPCRange, DNSToken: s.dnsToken, MaxBody: limits.MaxFileBody,
		},
		Kafka: kafka.KafkaArgs{
			Chart: kube.Chart(c.Charts.Strimzi), Version: c.Kafka.Version, Brokers: c.Kafka.Brokers, Storage: c.Kafka.Storage,
			Resources: kube.Requirements(c.Kafka.Resources), HeapMB: c.Kafka.HeapMB, JavaOptions: c.Kafka.JavaOptions, Config: c.Kafka.Config,
			Seed: s.kafkaSeed, Protected: c.Cluster.Protected,
			Certificates: kafka.Certificates(c.Kafka.Certificates), Quota: kafka.Quota(c.Kafka.Quota),
		},
		Redis: redis(c, s), Valkey: valkey(c), Autoscaling: measured(c),
		Companion: companion.CompanionArgs{
			Sizes: sizes(c.Services), Sidecar: kube.Requirements(c.Services.Sidecar),
			DatabaseURLs: s.databaseURLs, MigrationURL: s.migrationURL, DatabaseAuthority: c.Database.Authority, SigningKey: s.authSigningKey, SessionKey: s.sessionKey, SidecarSeed: s.sidecarSeed,
			PodRange: pulumi.String(c.Cluster.PodRange), Options: options(c, s), Network: companion.Network(c.Network), Drills: c.Drills,
		},
		Observability: watching(c, s),
	}
}

// watching is what watches the application, if it is configured.
func watching(c stacks.Config, s secrets) *observability.ObservabilityArgs {
	if !c.Observes() {
		return nil
	}
	o := c.Observability
	args := &observability.ObservabilityArgs{
		Chart: kube.Chart(*c.Charts.KubePrometheusStack),
		Rules: map[string]map[string]any{"companion": rules.Spec()}, Dashboards: dashboards.Files(),
		Prometheus: observability.Prometheus{
			Interval: o.Interval, Retention: o.Retention, Storage: o.Storage, SampleLimit: o.SampleLimit, Resources: kube.Requirements(o.Resources),
		},
	}
	if g := o.Grafana; g != nil {
		args.Grafana = &observability.Grafana{Password: s.grafanaPassword, Resources: kube.Requirements(g.Resources)}
	}
	switch o.Alerts.Receiver {
	case "webhook":
		args.Receiver.Webhook = s.alertWebhook
	case "email":
		m := c.Mail
		args.Receiver.Email = &observability.Email{
			To: o.Alerts.To, From: m.From, Host: m.Host, Port: m.Port, TLS: m.TLS, User: m.User, Password: s.options["mailPassword"], Networks: c.Network.Mail,
		}
	}
	return args
}

// redis is the state store in the cluster, if it is configured.
func redis(c stacks.Config, s secrets) *data.RedisArgs {
	r := c.Redis
	if r == nil {
		return nil
	}
	return &data.RedisArgs{
		Image: pulumi.String(r.Image), Resources: kube.Requirements(r.Resources),
		Passwords: s.redisPasswords, Certificate: data.Certificate{
			Lifetime: certManagerDuration(r.Certificate.Lifetime), RenewBefore: certManagerDuration(r.Certificate.RenewBefore),
		},
	}
}

// valkey is the state store that DigitalOcean runs, if it is configured: beside the
// cluster, in its network.
func valkey(c stacks.Config) *data.ValkeyArgs {
	v := c.Valkey
	if v == nil {
		return nil
	}
	args := &data.ValkeyArgs{
		DatabaseName: pulumi.String(c.Cluster.Name), Region: pulumi.String(c.Cluster.Region), Version: pulumi.String(v.Version),
		Size: pulumi.String(v.Size), Nodes: pulumi.Int(v.Nodes), VPCRange: c.Cluster.VPCRange, Protected: c.Cluster.Protected,
	}
	// A database has no window on any day.
	if m := c.Cluster.Maintenance; m.Day != "any" {
		args.Maintenance = &data.Maintenance{Day: m.Day, Hour: m.Start}
	}
	return args
}

// certManagerDuration writes a duration as cert-manager writes it back: another spelling
// would be a change at every preview.
func certManagerDuration(configured string) string {
	duration, err := time.ParseDuration(configured)
	if err != nil {
		return configured // the configuration was checked
	}
	return duration.String()
}

func sizes(services stacks.Services) map[string]companion.Size {
	all := map[string]companion.Size{}
	for name, service := range services.ByName() {
		size := companion.Size{Replicas: service.Replicas, Resources: kube.Requirements(service.Resources)}
		if a := service.Autoscaling; a != nil {
			size.Scaling = &workload.Scaling{
				Min: service.Replicas, Max: a.MaxReplicas, CPU: a.CPU, Memory: a.Memory, ScaleDown: time.Duration(a.ScaleDown) * time.Second,
			}
		}
		all[name] = size
	}
	return all
}

// measured is what services follow, if it is configured.
func measured(c stacks.Config) *autoscaling.AutoscalingArgs {
	if c.Charts.MetricsServer == nil {
		return nil
	}
	args := &autoscaling.AutoscalingArgs{MetricsServer: kube.Chart(*c.Charts.MetricsServer), Replicas: 1}
	if c.Cluster.HA {
		args.Replicas = 2
	}
	return args
}

// options are those that the stack configures.
func options(c stacks.Config, s secrets) companion.Options {
	var o companion.Options
	if m := c.Mail; m != nil {
		o.Mail = &companion.Mail{Host: m.Host, Port: m.Port, TLS: m.TLS, User: m.User, From: m.From, Password: s.options["mailPassword"]}
	}
	if p := c.Push; p != nil {
		o.Push = &companion.Push{Contact: p.Contact, PublicKey: s.pushPublicKey, PrivateKey: s.options["pushPrivateKey"]}
	}
	if i := c.OIDC; i != nil {
		o.OIDC = &companion.OIDC{Issuer: i.Issuer, ClientID: i.ClientID, ClientSecret: s.options["oidcClientSecret"]}
	}
	if m := c.Conversation; m != nil {
		o.Conversation = &companion.Conversation{Kind: m.Kind, Metadata: m.Metadata, Key: s.options["conversationKey"]}
	}
	return o
}
