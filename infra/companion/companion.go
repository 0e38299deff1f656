// Package companion is the application: which services there are and how each
// differs, and the Dapr components by which they reach Kafka and Redis.
package companion

import (
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
	"github.com/wealth-companion/companion/infra/edge"
	"github.com/wealth-companion/companion/infra/kafka"
	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/secret"
	"github.com/wealth-companion/companion/infra/workload"
	"github.com/wealth-companion/companion/stacks"
)

// Namespace is the application's.
const Namespace = "companion"

// Names lists the services.
func Names() []string { return append(event.Services(), event.MCP) }

// Args are what the application is given.
type Args struct {
	Services stacks.Services
	// Image returns the image of a service.
	Image func(service string) pulumi.StringInput
	Edge  *edge.Edge
	Kafka *kafka.Kafka
	// Redis is the state store's host:port.
	Redis         pulumi.StringInput
	RedisPassword pulumi.StringInput            // secret
	DatabaseURLs  map[string]pulumi.StringInput // secret, by service
	SigningKey    pulumi.StringInput            // secret: of access tokens
	Options       Options
	// Pods is the range of pods' addresses, in which NGINX is.
	Pods string
	// ControlPlane is Dapr, which must be there before the first pod.
	ControlPlane pulumi.Resource
}

// Companion is the application, with its route.
type Companion struct{ pulumi.ResourceState }

// New makes the application.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Companion, error) {
	c := &Companion{}
	if err := ctx.RegisterComponentResource(kube.Token("companion", "Companion"), name, c, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(c)
	namespace, err := corev1.NewNamespace(ctx, Namespace, &corev1.NamespaceArgs{Metadata: metav1.ObjectMetaArgs{
		Name: pulumi.String(Namespace),
		// What breaks the rules of the "restricted" standard is told, sidecars
		// being more than our own containers.
		Labels: pulumi.StringMap{"pod-security.kubernetes.io/warn": pulumi.String("restricted")},
	}}, child)
	if err != nil {
		return nil, err
	}
	in := namespace.Metadata.Name().Elem()
	secrets, err := newSecrets(ctx, args, in, child)
	if err != nil {
		return nil, err
	}
	components, err := newComponents(ctx, args, in, child, pulumi.DependsOn(append(secrets, args.ControlPlane, args.Kafka.Topics)))
	if err != nil {
		return nil, err
	}
	sizes := args.Services.ByName()
	for _, service := range Names() {
		if _, err := workload.New(ctx, service, settings(service, sizes[service], args, in), child, pulumi.DependsOn(components)); err != nil {
			return nil, err
		}
	}
	if err := newRoute(ctx, args.Edge, in, child); err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{})
}

// settings say how a service differs from the others.
func settings(service string, size stacks.Service, args Args, namespace pulumi.StringInput) workload.Args {
	its := workload.Args{
		Namespace: namespace, Image: args.Image(service), Service: size, Sidecar: args.Services.Sidecar,
		Env: map[string]string{}, Secrets: map[string]workload.Secret{}, SidecarSecrets: []string{"redis"},
	}
	if slices.Contains(event.Services(), service) {
		its.Env["PUBSUB_NAME"], its.Env["STATE_STORE_NAME"] = sidecar.PubSub(service), sidecar.StateStore
		its.Secrets["DATABASE_URL"] = workload.Secret{Name: service + "-database", Key: "url"}
		its.SidecarSecrets = append(its.SidecarSecrets, service+"-kafka", "kafka-ca")
		its.Scratch, its.Env["JOURNAL_DIR"] = journal, journal
	}
	switch service {
	case event.Backend:
		its.PublicFrom = args.Edge.GatewayNamespace
		its.Env["TRUSTED_PROXIES"] = args.Pods // NGINX says who asks
		its.Secrets["AUTH_SIGNING_KEY"] = workload.Secret{Name: "backend-auth", Key: "signingKey"}
	case event.MCP:
		its.PublicFrom = args.Edge.GatewayNamespace
		its.Secrets["CONFIRMATION_KEY"] = workload.Secret{Name: "mcp", Key: "confirmationKey"}
	}
	args.Options.set(service, "https://"+args.Edge.Host, &its)
	return its
}

// journal is where a service notes the events that it has under way.
const journal = "/var/lib/companion"

// paths lead requests from outside to the services that have an API.
var paths = []struct{ prefix, service string }{
	{"/api", event.Backend},
	{"/mcp", event.MCP},
}

// newRoute leads requests to the services.
func newRoute(ctx *pulumi.Context, e *edge.Edge, namespace pulumi.StringInput, child pulumi.ResourceOption) error {
	var rules []any
	for _, path := range paths {
		rules = append(rules, map[string]any{
			"matches":     []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": path.prefix}}},
			"backendRefs": []any{map[string]any{"name": path.service, "port": 80}},
		})
	}
	_, err := kube.NewObject(ctx, kube.Object{
		APIVersion: "gateway.networking.k8s.io/v1", Kind: "HTTPRoute", Name: "api", Namespace: namespace,
		Fields: map[string]any{"spec": map[string]any{
			"parentRefs": []any{map[string]any{"name": e.GatewayName, "namespace": e.GatewayNamespace, "sectionName": edge.ListenerHTTPS}},
			"hostnames":  []any{e.Host},
			"rules":      rules,
		}},
	}, child, pulumi.DependsOn([]pulumi.Resource{e}))
	return err
}

// newSecrets puts what the services must know where they read it.
func newSecrets(ctx *pulumi.Context, args Args, namespace pulumi.StringInput, child pulumi.ResourceOption) ([]pulumi.Resource, error) {
	contents := map[string]pulumi.StringMap{
		"backend-auth": {"signingKey": args.SigningKey},
		"mcp":          {"confirmationKey": secret.Derive(args.SigningKey, "mcp confirmations")},
		"redis":        {"password": args.RedisPassword},
		"kafka-ca":     {"ca.crt": args.Kafka.Authority},
	}
	for _, service := range event.Services() {
		contents[service+"-database"] = pulumi.StringMap{"url": args.DatabaseURLs[service]}
		contents[service+"-kafka"] = pulumi.StringMap{"password": args.Kafka.Passwords[service]}
	}
	if optional := args.Options.secrets(); len(optional) > 0 {
		contents[optionsSecret] = optional
	}
	var made []pulumi.Resource
	for name, content := range contents {
		one, err := corev1.NewSecret(ctx, "companion-"+name, &corev1.SecretArgs{
			Metadata:   metav1.ObjectMetaArgs{Name: pulumi.String(name), Namespace: namespace.ToStringOutput()},
			StringData: content,
		}, child)
		if err != nil {
			return nil, err
		}
		made = append(made, one)
	}
	return made, nil
}
