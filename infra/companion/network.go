package companion

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/dapr"
	"github.com/wealth-companion/companion/infra/data"
	"github.com/wealth-companion/companion/infra/kafka"
	"github.com/wealth-companion/companion/infra/kube"
)

// Network is where the services may connect to outside the cluster: networks (CIDR) of the
// database and of the mail server. Without any it is the Internet.
type Network struct{ Database, Mail []string }

const (
	postgresPort = 5432
	httpsPort    = 443
)

// newNamespace creates the application's namespace. Each service has its own exceptions
// besides those here.
func newNamespace(ctx *pulumi.Context, name string, args *CompanionArgs, child pulumi.ResourceOption) (*kube.Namespace, error) {
	pods := 2 // the migration, and one that has just failed
	for _, size := range args.Sizes {
		pods += size.Replicas + 2 // one more while a release replaces them, and one that ends
	}
	return kube.NewNamespace(ctx, name, &kube.NamespaceArgs{
		Environment: args.Environment, Namespace: cmp.Or(args.Namespace, Namespace), PodSecurity: kube.Restricted,
		Quota:    kube.Quota{Pods: pods, CPU: "40", Memory: "40Gi"},
		Defaults: kube.Requirements{CPU: "20m", Memory: "32Mi", MemoryLimit: "256Mi"},
		Egress: []kube.Allow{{
			Name: "migration", Pods: pulumi.StringMap{"app.kubernetes.io/name": pulumi.String(migrationApp)},
			Peers: kube.Ranges(args.Network.Database), Ports: []int{postgresPort},
		}},
	}, child)
}

// egress is where a service and its sidecar may connect to, besides other sidecars, the
// name server and the API server.
func egress(service string, args *CompanionArgs) []kube.Allow {
	allowed := []kube.Allow{
		{Peers: []kube.Peer{{Namespace: args.ControlPlane.Namespace}}, Ports: dapr.SidecarPorts()},
		{Peers: []kube.Peer{{Namespace: args.RedisNamespace, Labels: args.RedisLabels}}, Ports: []int{data.Port}},
	}
	if slices.Contains(event.Services(), service) {
		allowed = append(allowed,
			kube.Allow{Peers: []kube.Peer{{Namespace: args.Kafka.Namespace, Labels: args.Kafka.Labels}}, Ports: []int{kafka.ListenerPort}},
			kube.Allow{Peers: kube.Ranges(args.Network.Database), Ports: []int{postgresPort}})
	}
	return append(allowed, args.Options.egress(service, args.Network)...)
}

// egress is where the options have a service connect to.
func (o Options) egress(service string, network Network) []kube.Allow {
	var allowed []kube.Allow
	outside := kube.Allow{Peers: kube.Internet(), Ports: []int{httpsPort}}
	switch service {
	case event.Backend:
		if o.OIDC != nil {
			allowed = append(allowed, outside)
		}
	case event.Notification:
		if o.Mail != nil {
			allowed = append(allowed, kube.Allow{Peers: kube.Ranges(network.Mail), Ports: []int{o.Mail.Port}})
		}
		if o.Push != nil {
			allowed = append(allowed, outside)
		}
	case event.Analytics, event.Banking, event.Investment:
		if o.Conversation != nil && !strings.HasSuffix(o.Conversation.Kind, ".echo") {
			allowed = append(allowed, outside)
		}
	}
	return allowed
}
