// Package edge is where people arrive: NGINX behind a load balancer, the
// certificate that it shows, and the names that lead to it.
package edge

import (
	"github.com/pulumi/pulumi-digitalocean/sdk/v4/go/digitalocean"
	helmv3 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/stacks"
)

// Args are the edge's settings.
type Args struct {
	Domain      string
	Nginx       stacks.Chart
	CertManager stacks.Chart
	Issuer      stacks.Issuer
	Replicas    int
	// LoadBalancer is the name that DigitalOcean shows.
	LoadBalancer string
	// DNSToken answers ACME's challenges in DigitalOcean's DNS; used with ACME only.
	DNSToken pulumi.StringOutput
	// Namespace is the one whose routes are taken.
	Namespace string
}

// Edge is a gateway that answers with a valid certificate.
type Edge struct {
	pulumi.ResourceState

	Host             string              // the application's name, app.<domain>
	GatewayName      string              // what routes name as their parent
	GatewayNamespace string              //
	Address          pulumi.StringOutput // of the load balancer
}

const (
	namespaceName = "nginx-gateway"
	gatewayName   = "companion"
	tlsSecret     = "companion-tls"
	listenerHTTP  = "http"
)

// ListenerHTTPS is the listener with TLS, as routes name it.
const ListenerHTTPS = "https"

// New makes the edge.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Edge, error) {
	e := &Edge{Host: "app." + args.Domain, GatewayName: gatewayName, GatewayNamespace: namespaceName}
	if err := ctx.RegisterComponentResource(kube.Token("edge", "Edge"), name, e, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(e)
	namespace, err := kube.NewNamespace(ctx, namespaceName, child)
	if err != nil {
		return nil, err
	}
	in := namespace.Metadata.Name().Elem()
	definitions, err := gatewayDefinitions(ctx, child)
	if err != nil {
		return nil, err
	}
	issuer, err := newIssuer(ctx, args, child)
	if err != nil {
		return nil, err
	}
	certificate, err := kube.NewObject(ctx, kube.Object{
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
	nginx, err := newNginx(ctx, args, in, definitions, child)
	if err != nil {
		return nil, err
	}
	gateway, err := newGateway(ctx, args, e.Host, in, child, pulumi.DependsOn([]pulumi.Resource{nginx, certificate}))
	if err != nil {
		return nil, err
	}
	e.Address = gateway.StatusText("addresses", 0, "value")
	if err := newNames(ctx, args, e.Address, child); err != nil {
		return nil, err
	}
	return e, ctx.RegisterResourceOutputs(e, pulumi.Map{"address": e.Address})
}

func newNginx(ctx *pulumi.Context, args Args, namespace pulumi.StringInput, definitions []pulumi.Resource, opts ...pulumi.ResourceOption) (*helmv3.Release, error) {
	return kube.NewRelease(ctx, namespaceName, args.Nginx, namespace, map[string]any{
		"fullnameOverride": namespaceName,
		"nginxGateway": map[string]any{
			"gatewayClassName": "nginx",
			"replicaCount":     args.Replicas,
			"productTelemetry": map[string]any{"enable": false},
			"readinessProbe":   map[string]any{"initialDelaySeconds": 1},
		},
		"service": map[string]any{
			"type": "LoadBalancer",
			// Only nodes with a pod answer: the client's address stays known.
			"externalTrafficPolicy": "Local",
			"annotations": map[string]any{
				"service.beta.kubernetes.io/do-loadbalancer-name": args.LoadBalancer,
			},
		},
	}, append(opts, pulumi.DependsOn(definitions))...)
}

// newGateway listens on both ports; what comes without TLS is sent to TLS.
func newGateway(ctx *pulumi.Context, args Args, host string, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (*kube.Resource, error) {
	routesFrom := func(where string) map[string]any {
		return map[string]any{"namespaces": map[string]any{
			"from":     "Selector",
			"selector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": where}},
		}}
	}
	gateway, err := kube.NewObject(ctx, kube.Object{
		APIVersion: "gateway.networking.k8s.io/v1", Kind: "Gateway", Name: gatewayName, Namespace: namespace,
		WaitFor: []string{"Programmed", "{.status.addresses[0].value}"},
		Fields: map[string]any{"spec": map[string]any{
			"gatewayClassName": "nginx",
			"listeners": []any{
				map[string]any{
					"name": ListenerHTTPS, "hostname": host, "port": 443, "protocol": "HTTPS",
					"tls": map[string]any{
						"mode":            "Terminate",
						"certificateRefs": []any{map[string]any{"name": tlsSecret, "kind": "Secret", "group": ""}},
					},
					"allowedRoutes": routesFrom(args.Namespace),
				},
				map[string]any{
					"name": listenerHTTP, "hostname": host, "port": 80, "protocol": "HTTP",
					"allowedRoutes": routesFrom(namespaceName),
				},
			},
		}},
	}, opts...)
	if err != nil {
		return nil, err
	}
	_, err = kube.NewObject(ctx, kube.Object{
		APIVersion: "gateway.networking.k8s.io/v1", Kind: "HTTPRoute", Name: "to-https", Namespace: namespace,
		Fields: map[string]any{"spec": map[string]any{
			"parentRefs": []any{map[string]any{"name": gatewayName, "sectionName": listenerHTTP}},
			"hostnames":  []any{host},
			"rules": []any{map[string]any{"filters": []any{map[string]any{
				"type":            "RequestRedirect",
				"requestRedirect": map[string]any{"scheme": "https", "port": 443, "statusCode": 301},
			}}}},
		}},
	}, append(opts, pulumi.DependsOn([]pulumi.Resource{gateway}))...)
	return gateway, err
}

// newNames makes the domain and points the application's name at the load balancer.
func newNames(ctx *pulumi.Context, args Args, address pulumi.StringOutput, opts ...pulumi.ResourceOption) error {
	domain, err := digitalocean.NewDomain(ctx, "domain", &digitalocean.DomainArgs{Name: pulumi.String(args.Domain)}, opts...)
	if err != nil {
		return err
	}
	_, err = digitalocean.NewDnsRecord(ctx, "app", &digitalocean.DnsRecordArgs{
		Domain: domain.Name, Type: pulumi.String("A"), Name: pulumi.String("app"), Value: address, Ttl: pulumi.Int(300),
	}, opts...)
	return err
}
