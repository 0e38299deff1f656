// Package edge is where requests arrive: NGINX behind a load balancer, the
// certificate that it serves, and the DNS records that lead to it.
package edge

import (
	"cmp"
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	helmv3 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/v3"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/workload"
)

// EdgeArgs are the edge's settings. All are required but Namespace and, with an
// issuer of kind ca, DNSToken.
type EdgeArgs struct {
	Environment kube.Environment
	Domain      string // the application is at app.<Domain>
	Nginx       kube.Chart
	CertManager kube.Chart
	Issuer      Issuer
	Replicas    int
	// Port is where people reach the load balancer, the port of every link; default 443.
	Port int
	// LoadBalancer is the name that DigitalOcean shows.
	LoadBalancer string
	// DNSToken answers ACME's challenges in DigitalOcean's DNS: it lies in the cluster, and
	// so may do nothing else.
	DNSToken pulumi.StringInput
	// ProxyRange is the network (CIDR) of the load balancer's own address, from which
	// NGINX believes the PROXY protocol.
	ProxyRange string
	// RouteNamespace is the namespace whose routes are accepted.
	RouteNamespace string
	// MaxBody is the largest request body in bytes: what the services accept, since
	// NGINX would refuse first.
	MaxBody int
	// Namespace is NGINX's own; default nginx-gateway.
	Namespace string
}

// The kinds of Issuer.
const (
	ACME      = "acme" // an ACME server, such as Let's Encrypt's
	Authority = "ca"   // an authority of the stack's own
)

// Issuer signs the edge's certificate. Email and Server are ACME's: who is notified of
// trouble, and the URL of the directory.
type Issuer struct{ Kind, Email, Server string }

// Edge is a gateway that answers with a valid certificate.
type Edge struct {
	pulumi.ResourceState

	Host             string              // app.<domain>
	URL              string              // of the application, without a slash at the end
	GatewayName      pulumi.StringOutput // what routes name as their parent
	GatewayNamespace pulumi.StringOutput
	Address          pulumi.StringOutput // of the load balancer
	// CertManager is there once cert-manager signs certificates.
	CertManager pulumi.Resource
	// Metrics are NGINX's and cert-manager's.
	Metrics []kube.Scrape
}

const (
	gatewayName  = "companion"
	tlsSecret    = "companion-tls"
	listenerHTTP = "http"
	httpsPort    = 443
)

// ListenerHTTPS is the listener with TLS, as routes name it.
const ListenerHTTPS = "https"

// newAddress returns the edge with what is known of it before it is created.
func newAddress(args *EdgeArgs) *Edge {
	e := &Edge{Host: "app." + args.Domain}
	e.URL = "https://" + e.Host
	if port := args.port(); port != httpsPort {
		e.URL += ":" + strconv.Itoa(port)
	}
	return e
}

func (args *EdgeArgs) port() int { return cmp.Or(args.Port, httpsPort) }

// NewEdge creates the edge and waits until it has an address and a certificate.
func NewEdge(ctx *pulumi.Context, name string, args *EdgeArgs, opts ...pulumi.ResourceOption) (*Edge, error) {
	required := map[string]any{
		"Domain": args.Domain, "Nginx": args.Nginx.Chart, "CertManager": args.CertManager.Chart, "Issuer.Kind": args.Issuer.Kind,
		"LoadBalancer": args.LoadBalancer, "ProxyRange": args.ProxyRange, "RouteNamespace": args.RouteNamespace,
	}
	if args.Issuer.Kind == ACME {
		required["DNSToken"] = args.DNSToken
	}
	if err := kube.Check("edge.EdgeArgs", required); err != nil {
		return nil, err
	}
	if args.Replicas < 1 || args.MaxBody < 1 {
		return nil, fmt.Errorf("edge.EdgeArgs: Replicas is %d and MaxBody %d: both must be positive", args.Replicas, args.MaxBody)
	}
	e := newAddress(args)
	if err := ctx.RegisterComponentResource(kube.Token("edge", "Edge"), name, e, opts...); err != nil {
		return nil, err
	}
	var child pulumi.ResourceOption = pulumi.Parent(e)
	issuer, err := newIssuer(ctx, name, args, child)
	if err != nil {
		return nil, err
	}
	namespace, err := newNamespace(ctx, name, args, child)
	if err != nil {
		return nil, err
	}
	child = namespace.In(child)
	in := namespace.Name
	e.GatewayNamespace = in
	e.Metrics = []kube.Scrape{nginxMetrics(in), certManagerMetrics(pulumi.String(certManagerNamespace))}
	e.CertManager = issuer
	certificate, err := kube.NewObject(ctx, name+"-certificate", kube.Object{
		APIVersion: "cert-manager.io/v1", Kind: "Certificate", Name: tlsSecret, Namespace: in, WaitFor: []string{"Ready"},
		Fields: map[string]any{"spec": map[string]any{
			"secretName": tlsSecret,
			"dnsNames":   []any{e.Host},
			"issuerRef":  map[string]any{"name": issuerName, "kind": "ClusterIssuer"},
			"privateKey": map[string]any{"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
		}},
	}, child, pulumi.DependsOn([]pulumi.Resource{issuer}))
	if err != nil {
		return nil, err
	}
	nginx, err := newNginx(ctx, name, args, e.Host, in, child)
	if err != nil {
		return nil, err
	}
	if err := newBudget(ctx, name, in, child); err != nil {
		return nil, err
	}
	gateway, err := newGateway(ctx, name, args, e.Host, in, child, pulumi.DependsOn([]pulumi.Resource{nginx, certificate}))
	if err != nil {
		return nil, err
	}
	e.GatewayName = pulumi.String(gatewayName).ToStringOutput()
	e.Address = loadBalancerAddress(ctx, args.LoadBalancer, gateway)
	if err := newDNSRecords(ctx, name, args, e.Address, child); err != nil {
		return nil, err
	}
	return e, ctx.RegisterResourceOutputs(e, pulumi.Map{
		"host": pulumi.String(e.Host), "gatewayName": e.GatewayName, "gatewayNamespace": e.GatewayNamespace, "address": e.Address,
	})
}

// newNamespace creates NGINX's namespace. Its chart gives the control plane's container the
// capability to signal NGINX (KILL), which the restricted standard does not allow.
func newNamespace(ctx *pulumi.Context, name string, args *EdgeArgs, child pulumi.ResourceOption) (*kube.Namespace, error) {
	return kube.NewNamespace(ctx, name, &kube.NamespaceArgs{
		Environment: args.Environment, Namespace: cmp.Or(args.Namespace, "nginx-gateway"), PodSecurity: kube.Baseline,
		Quota:    kube.Quota{Pods: 2*args.Replicas + 2, CPU: "4", Memory: "4Gi", LoadBalancers: 1},
		Defaults: kube.Requirements{CPU: "50m", Memory: "64Mi", MemoryLimit: "512Mi"},
		Ingress: []kube.Allow{
			// By way of the load balancer, whose address is the node's where nodes pass it on.
			{Name: "people", Ports: []int{80, httpsPort}},
			kube.Metrics(nginxMetrics(nil).Ports()...),
		},
		Egress: []kube.Allow{
			{Name: "services", Peers: []kube.Peer{{Namespace: pulumi.String(args.RouteNamespace)}}, Ports: []int{workload.PublicPort}},
		},
		APIClients: []pulumi.StringMap{{}},
	}, child)
}

// loadBalancerAddress is the load balancer's IP address, once the gateway has one: in
// Kubernetes, it has only a name (see newNginx).
func loadBalancerAddress(ctx *pulumi.Context, name string, gateway *kube.Resource) pulumi.StringOutput {
	return gateway.StatusText("addresses", 0, "value").ApplyT(func(string) (string, error) {
		found, err := digitalocean.LookupLoadBalancer(ctx, &digitalocean.LookupLoadBalancerArgs{Name: &name})
		if err != nil {
			return "", fmt.Errorf("address of load balancer %s: %w", name, err)
		}
		return found.Ip, nil
	}).(pulumi.StringOutput)
}

// lingerSeconds is how long a pod of NGINX's goes on serving when it is to end: the load
// balancer must have seen by its health checks, of which it makes one every three seconds,
// that the node has no pod any more.
const lingerSeconds = 15

var lingering = map[string]any{"preStop": map[string]any{"sleep": map[string]any{"seconds": lingerSeconds}}}

// release is the Helm release of NGINX.
const release = "nginx-gateway"

// podLabels are the labels of NGINX's pods, by which the chart selects them.
func podLabels() map[string]any {
	return map[string]any{"app.kubernetes.io/name": "nginx-gateway-fabric", "app.kubernetes.io/instance": release}
}

// nginxMetrics are those of NGINX and of its control plane. The port is there where the
// chart's metrics.enable is true.
func nginxMetrics(namespace pulumi.StringInput) kube.Scrape {
	return kube.Scrape{
		Name: "nginx", Namespace: namespace, JobLabel: "app.kubernetes.io/name", Pods: podSelector(),
		Endpoints: []kube.Endpoint{{Name: "metrics", Port: 9113}},
	}
}

// podSelector are the labels of NGINX's pods, as resources take them.
func podSelector() pulumi.StringMap {
	labels := pulumi.StringMap{}
	for key, value := range podLabels() {
		labels[key] = pulumi.String(value.(string))
	}
	return labels
}

// newBudget has an upgrade of nodes take down one pod of NGINX's at a time.
func newBudget(ctx *pulumi.Context, name string, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) error {
	_, err := policyv1.NewPodDisruptionBudget(ctx, name+"-nginx", &policyv1.PodDisruptionBudgetArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(release), Namespace: namespace.ToStringOutput()},
		Spec: policyv1.PodDisruptionBudgetSpecArgs{
			MaxUnavailable: pulumi.Int(1), Selector: metav1.LabelSelectorArgs{MatchLabels: podSelector()},
		},
	}, opts...)
	return err
}

// newNginx installs NGINX. The Gateway API's definitions are not the program's: DOKS
// installs and upgrades them.
func newNginx(ctx *pulumi.Context, name string, args *EdgeArgs, host string, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (*helmv3.Release, error) {
	return kube.NewReleaseWithDefinitions(ctx, name+"-nginx", release, args.Environment, args.Nginx, namespace, map[string]any{
		"fullnameOverride": "nginx-gateway",
		"nginxGateway": map[string]any{
			"gatewayClassName": "nginx",
			"replicaCount":     args.Replicas,
			"productTelemetry": map[string]any{"enable": false},
			// What the Gateway API has no words for are snippets: see NewServerFilter.
			"snippetsFilters": map[string]any{"enable": true},
			"readinessProbe":  map[string]any{"initialDelaySeconds": 1},
			"resources":       kube.Requirements{CPU: "50m", Memory: "64Mi", MemoryLimit: "256Mi"}.Values(),
			"lifecycle":       lingering,
		},
		"terminationGracePeriodSeconds": 2 * lingerSeconds,
		"tolerations":                   kube.LeaveLostNodesValues(),
		"topologySpreadConstraints": []any{map[string]any{
			"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
			"labelSelector": map[string]any{"matchLabels": podLabels()},
		}},
		// The load balancer is a proxy: NGINX would see its address in place of the client's.
		"nginx": map[string]any{
			"config": map[string]any{
				"rewriteClientIP": map[string]any{
					"mode":             "ProxyProtocol",
					"trustedAddresses": []any{map[string]any{"type": "CIDR", "value": args.ProxyRange}},
				},
				// Errors are logged with the request's line as it came, parameters and all: those
				// of NGINX, and not each client that goes away (info, the chart's level).
				"logging": map[string]any{"errorLevel": "error"},
			},
			"lifecycle": lingering,
		},
		"service": map[string]any{
			"type": "LoadBalancer",
			// Only nodes with a pod answer: the client's address stays known.
			"externalTrafficPolicy": "Local",
			"annotations": map[string]any{
				"service.beta.kubernetes.io/do-loadbalancer-name":                  args.LoadBalancer,
				"service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol": "true",
				// With an IP address in its status, kube-proxy would lead pods that call the
				// public name past the load balancer, and so without the PROXY protocol.
				"service.beta.kubernetes.io/do-loadbalancer-hostname": host,
			},
		},
	}, opts...)
}

// newGateway listens on both ports; what comes without TLS is sent to TLS.
func newGateway(ctx *pulumi.Context, name string, args *EdgeArgs, host string, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (*kube.Resource, error) {
	gateway, err := kube.NewObject(ctx, name+"-gateway", kube.Object{
		APIVersion: "gateway.networking.k8s.io/v1", Kind: "Gateway", Name: gatewayName, Namespace: namespace,
		WaitFor: []string{"Programmed", "{.status.addresses[0].value}"},
		Fields: map[string]any{"spec": map[string]any{
			"gatewayClassName": "nginx",
			"listeners": []any{
				map[string]any{
					"name": ListenerHTTPS, "hostname": host, "port": httpsPort, "protocol": "HTTPS",
					"tls": map[string]any{
						"mode":            "Terminate",
						"certificateRefs": []any{map[string]any{"name": tlsSecret, "kind": "Secret", "group": ""}},
					},
					"allowedRoutes": map[string]any{"namespaces": map[string]any{
						"from":     "Selector",
						"selector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": args.RouteNamespace}},
					}},
				},
				map[string]any{
					"name": listenerHTTP, "hostname": host, "port": 80, "protocol": "HTTP",
					"allowedRoutes": map[string]any{"namespaces": map[string]any{"from": "Same"}},
				},
			},
		}},
	}, opts...)
	if err != nil {
		return nil, err
	}
	after := append(opts, pulumi.DependsOn([]pulumi.Resource{gateway}))
	if err := newClientSettings(ctx, name, args.MaxBody, namespace, after...); err != nil {
		return nil, err
	}
	_, err = kube.NewObject(ctx, name+"-to-https", kube.Object{
		APIVersion: "gateway.networking.k8s.io/v1", Kind: "HTTPRoute", Name: "to-https", Namespace: namespace,
		Fields: map[string]any{"spec": map[string]any{
			"parentRefs": []any{map[string]any{"name": gatewayName, "sectionName": listenerHTTP}},
			"hostnames":  []any{host},
			"rules": []any{map[string]any{"filters": []any{map[string]any{
				"type":            "RequestRedirect",
				"requestRedirect": map[string]any{"scheme": "https", "port": args.port(), "statusCode": 301},
			}}}},
		}},
	}, after...)
	return gateway, err
}

// newClientSettings bounds what a client may send: a larger body gets 413, and
// one that stalls 408.
func newClientSettings(ctx *pulumi.Context, name string, maxBody int, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) error {
	_, err := kube.NewObject(ctx, name+"-client-settings", kube.Object{
		APIVersion: "gateway.nginx.org/v1alpha1", Kind: "ClientSettingsPolicy", Name: gatewayName, Namespace: namespace,
		Fields: map[string]any{"spec": map[string]any{
			"targetRef": map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": gatewayName},
			"body":      map[string]any{"maxSize": nginxSize(maxBody), "timeout": "30s"},
		}},
	}, opts...)
	return err
}

// nginxSize writes a number of bytes as NGINX's policies take it, rounded up: up to
// four digits of KiB or MiB.
func nginxSize(bytes int) string {
	const digits = 9999
	if kib := (bytes + 1<<10 - 1) >> 10; kib <= digits {
		return fmt.Sprintf("%dk", kib)
	}
	return fmt.Sprintf("%dm", (bytes+1<<20-1)>>20)
}

// newDNSRecords points the application's name at the load balancer. The zone is the
// account's: it exists, may hold records of others, and outlives the stack.
func newDNSRecords(ctx *pulumi.Context, name string, args *EdgeArgs, address pulumi.StringOutput, opts ...pulumi.ResourceOption) error {
	zone, err := digitalocean.LookupDomain(ctx, &digitalocean.LookupDomainArgs{Name: args.Domain})
	if err != nil {
		return fmt.Errorf("domain %s: add it to the DigitalOcean account first (docs/production.md): %w", args.Domain, err)
	}
	_, err = digitalocean.NewDnsRecord(ctx, name+"-app", &digitalocean.DnsRecordArgs{
		Domain: pulumi.String(zone.Name), Type: pulumi.String("A"), Name: pulumi.String("app"), Value: address, Ttl: pulumi.Int(300),
	}, opts...)
	return err
}
