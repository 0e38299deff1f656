package companion

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/dapr"
	"github.com/wealth-companion/companion/infra/kafka"
	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/secret"
)

// Network is where the services may connect to outside the cluster: networks (CIDR) of the
// database and of the mail server. Without any it is the Internet.
type Network struct{ Database, Mail []string }

const (
	postgresPort = 5432
	httpsPort    = 443
)

// portOf is the port of a URL, or the one that its scheme has without saying.
func portOf(address string, of int) int {
	parsed, err := url.Parse(address)
	if err != nil {
		return of
	}
	if port, err := strconv.Atoi(parsed.Port()); err == nil {
		return port
	}
	return of
}

// database lets pods connect to the database of a connection string.
func (n Network) database(address secret.Text) kube.Allow {
	return kube.Allow{Peers: kube.Ranges(n.Database), Ports: []int{portOf(string(address), postgresPort)}}
}

// newNamespace creates the application's namespace. Each service has its own exceptions
// besides those here.
func newNamespace(ctx *pulumi.Context, name string, args *CompanionArgs, child pulumi.ResourceOption) (*kube.Namespace, error) {
	pods := 3 // the migration, one that has just failed, and what keeps the brokers' authority
	for _, size := range args.Sizes {
		pods += size.pods() + 2 // one more while a release replaces them, and one that ends
	}
	migration := args.Network.database(args.MigrationURL)
	migration.Name, migration.Pods = "migration", pulumi.StringMap{"app.kubernetes.io/name": pulumi.String(migrationApp)}
	return kube.NewNamespace(ctx, name, &kube.NamespaceArgs{
		Environment: args.Environment, Namespace: cmp.Or(args.Namespace, Namespace), PodSecurity: kube.Restricted,
		Quota:    kube.Quota{Pods: pods, CPU: "40", Memory: "40Gi"},
		Defaults: kube.Requirements{CPU: "20m", Memory: "32Mi", MemoryLimit: "256Mi"},
		Egress:   []kube.Allow{migration},
	}, child)
}

// egress is where a service and its sidecar may connect to, besides other sidecars, the
// name server and the API server.
func egress(service string, args *CompanionArgs) []kube.Allow {
	allowed := []kube.Allow{{Peers: []kube.Peer{{Namespace: args.ControlPlane.Namespace}}, Ports: dapr.SidecarPorts()}}
	if service == event.Backend { // the state store's one scope
		allowed = append(allowed, args.Store.Egress)
	}
	if slices.Contains(event.Services(), service) {
		allowed = append(allowed,
			kube.Allow{Peers: []kube.Peer{{Namespace: args.Kafka.Namespace, Labels: args.Kafka.Labels}}, Ports: []int{kafka.ListenerPort}},
			args.Network.database(args.DatabaseURLs[service]))
	}
	if args.Traces != nil {
		allowed = append(allowed, args.Traces.Egress)
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
			outside.Ports = slices.Compact([]int{httpsPort, portOf(o.OIDC.Issuer, httpsPort)}) // what it leads to may be at either
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
