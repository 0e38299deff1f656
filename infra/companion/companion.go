// Package companion is the application: which services there are and how each
// differs, and the Dapr components by which they reach Kafka and Redis.
package companion

import (
	"fmt"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
	"github.com/wealth-companion/companion/infra/dapr"
	"github.com/wealth-companion/companion/infra/data"
	"github.com/wealth-companion/companion/infra/edge"
	"github.com/wealth-companion/companion/infra/kafka"
	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/secret"
	"github.com/wealth-companion/companion/infra/workload"
)

// Namespace is the application's unless CompanionArgs says otherwise.
const Namespace = "companion"

// Names lists the services.
func Names() []string { return append(event.Services(), event.MCP, event.Web) }

// Programs lists what there is an image of: the services and companionctl.
func Programs() []string { return append(Names(), "companionctl") }

// Size is how a service is sized.
type Size struct {
	Replicas  int
	Resources kube.Requirements
	// Scaling, if set, has an autoscaler set the number of pods in place of Replicas.
	Scaling *workload.Scaling
}

// pods is the largest number of the service's pods.
func (s Size) pods() int {
	if s.Scaling == nil {
		return s.Replicas
	}
	return s.Scaling.Max
}

// CompanionArgs are what the application is given. All are required but Options
// and Namespace.
type CompanionArgs struct {
	Environment kube.Environment
	Sizes       map[string]Size // by service, for each of Names
	Sidecar     kube.Requirements
	// Images are those of Programs. Their release names the job that migrates the
	// database: it runs once a release.
	Images kube.Images
	Edge   *edge.Edge
	// MaxBody is the edge's, in bytes.
	MaxBody int
	Kafka   *kafka.Kafka
	// Store is the state store.
	Store *data.Store
	// DatabaseURLs are the services' own, by service; MigrationURL is the
	// migrator's, who owns their schemas.
	DatabaseURLs map[string]secret.Text
	MigrationURL secret.Text
	// DatabaseAuthority is the certificate (PEM) of who signed PostgreSQL's; empty: a public
	// authority did.
	DatabaseAuthority string
	// SigningKey is of access tokens; a JSON list has the key that signs first, and others
	// that are still accepted.
	SigningKey secret.Text
	// SessionKey encrypts the cookies of the web; a list as SigningKey.
	SessionKey secret.Text
	// SidecarSeed is what the tokens are derived from by which services and their sidecars know
	// one another.
	SidecarSeed secret.Text
	Options     Options
	// PodRange is the range of pods' addresses, in which NGINX is (CIDR).
	PodRange pulumi.StringInput
	// ControlPlane is Dapr, which must be there before the first pod.
	ControlPlane *dapr.Dapr
	// Network is where the services may connect to outside the cluster.
	Network Network
	// Drills has `companionctl drill` find that it may make things fail here.
	Drills bool
	// Nodes is the node pool of the services.
	Nodes     pulumi.Resource
	Namespace string
}

func (a *CompanionArgs) check() error {
	required := map[string]any{
		"Images.Release": a.Images.Release, "Images.Registry": a.Images.Registry, "Images.Credentials": a.Images.Credentials, "MigrationURL": a.MigrationURL,
		"SigningKey": a.SigningKey, "SessionKey": a.SessionKey, "SidecarSeed": a.SidecarSeed, "PodRange": a.PodRange, "Nodes": a.Nodes, "Sidecar.Memory": a.Sidecar.Memory,
	}
	for _, service := range event.Services() {
		required["DatabaseURLs."+service] = a.DatabaseURLs[service]
	}
	if err := kube.Check("companion.CompanionArgs", required); err != nil {
		return err
	}
	if a.Edge == nil || a.Kafka == nil || a.ControlPlane == nil || a.Store == nil {
		return fmt.Errorf("companion.CompanionArgs: Edge, Kafka, Store and ControlPlane are required")
	}
	for _, service := range Names() {
		if a.Sizes[service].pods() < 1 {
			return fmt.Errorf("companion.CompanionArgs: Sizes has no replicas for %s", service)
		}
	}
	return nil
}

// Companion is the application, with its routes.
type Companion struct {
	pulumi.ResourceState

	Namespace pulumi.StringOutput
	URL       pulumi.StringOutput // of the application
	Metrics   kube.Scrape         // of the services and their sidecars
}

// NewCompanion migrates the database, then creates the services and their routes.
func NewCompanion(ctx *pulumi.Context, name string, args *CompanionArgs, opts ...pulumi.ResourceOption) (*Companion, error) {
	if err := args.check(); err != nil {
		return nil, err
	}
	c := &Companion{URL: pulumi.String(args.Edge.URL).ToStringOutput()}
	if err := ctx.RegisterComponentResource(kube.Token("companion", "Companion"), name, c, opts...); err != nil {
		return nil, err
	}
	var child pulumi.ResourceOption = pulumi.Parent(c)
	namespace, err := newNamespace(ctx, name, args, child)
	if err != nil {
		return nil, err
	}
	child = namespace.In(child)
	in := namespace.Name
	c.Namespace, c.Metrics = in, workload.Metrics(in)
	if args.Drills {
		if err := allowDrills(ctx, name, in, child); err != nil {
			return nil, err
		}
	}
	secrets, err := newSecrets(ctx, name, args, in, child)
	if err != nil {
		return nil, err
	}
	migrated, err := newMigration(ctx, name, args, secrets, in, child, pulumi.DependsOn(secrets.all))
	if err != nil {
		return nil, err
	}
	components, err := newComponents(ctx, name, args, secrets, in, child, pulumi.DependsOn(append(secrets.all, args.ControlPlane, args.Kafka.Topics)))
	if err != nil {
		return nil, err
	}
	for _, service := range Names() {
		workloadArgs := settings(service, args, secrets, in)
		if _, err := workload.NewWorkload(ctx, name+"-"+service, workloadArgs, child, pulumi.DependsOn(append(components, migrated, args.Nodes))); err != nil {
			return nil, err
		}
	}
	if err := newAuthorityJob(ctx, name, args, in, child); err != nil {
		return nil, err
	}
	if err := newSidecarAuthorityJob(ctx, name, args, in, child); err != nil {
		return nil, err
	}
	if err := newRoutes(ctx, name, args, in, child); err != nil {
		return nil, err
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{"namespace": c.Namespace, "url": c.URL})
}

// settings say how a service differs from the others.
func settings(service string, args *CompanionArgs, secrets *secrets, namespace pulumi.StringInput) *workload.WorkloadArgs {
	size := args.Sizes[service]
	w := &workload.WorkloadArgs{
		Name: service, Namespace: namespace, Image: args.Images.Of(service), Resources: size.Resources, Scaling: size.Scaling,
		Version: args.Images.Release, Environment: args.Environment, Egress: egress(service, args),
		Sidecar: args.Sidecar, SidecarConfiguration: configurationOf(service), SidecarToken: secrets.named(sidecarSecret(service)), AppToken: secrets.named(appSecret(service)), Env: pulumi.StringMap{}, Secrets: map[string]workload.Secret{},
	}
	if size.Scaling == nil {
		w.Replicas = pulumi.Int(size.Replicas)
	}
	if slices.Contains(event.Services(), service) {
		w.Env["PUBSUB_NAME"] = pulumi.String(sidecar.PubSub(service))
		w.Secrets["DATABASE_URL"] = workload.Secret{Name: secrets.named(databaseSecret(service)), Key: "url"}
		if args.DatabaseAuthority != "" {
			w.Env[authorityVariable] = pulumi.String(authorityFolder + "/" + authorityKey)
			w.Files = map[string]workload.Secret{authorityFolder: {Name: secrets.named(databaseSecret(service)), Key: authorityKey}}
		}
		w.SidecarSecrets = append(w.SidecarSecrets, secrets.output(kafkaSecret(service)), pulumi.String(authoritySecret))
		w.Scratch, w.Env["JOURNAL_DIR"] = journal, pulumi.String(journal)
	}
	switch service {
	case event.Backend:
		w.PublicNamespace = args.Edge.GatewayNamespace
		w.Env["TRUSTED_PROXIES"] = args.PodRange // NGINX forwards the client's address
		w.Env["STATE_STORE_NAME"] = pulumi.String(sidecar.StateStore)
		w.SidecarSecrets = append(w.SidecarSecrets, secrets.output(redisSecret))
		w.Secrets["AUTH_SIGNING_KEY"] = workload.Secret{Name: secrets.named(signingSecret), Key: "signingKey"}
	case event.MCP:
		w.PublicNamespace = args.Edge.GatewayNamespace
		w.Secrets["CONFIRMATION_KEY"] = workload.Secret{Name: secrets.named(confirmationSecret), Key: "confirmationKey"}
	case event.Web:
		w.PublicNamespace = args.Edge.GatewayNamespace
		w.Env["TRUSTED_PROXIES"] = args.PodRange
		w.Secrets["SESSION_KEY"] = workload.Secret{Name: secrets.named(sessionSecret), Key: "sessionKey"}
	}
	args.Options.set(service, args.Edge.URL, secrets, w)
	return w
}

// Where the services find PostgreSQL's authority: the client reads its place from a
// variable that libpq has too.
const (
	authorityVariable = "PGSSLROOTCERT"
	authorityFolder   = "/etc/companion/database"
	authorityKey      = "ca.crt"
)

// journal is where a service notes the events that it has under way.
const journal = "/var/lib/companion"

// DrillsAllowed is the ConfigMap whose presence lets `companionctl drill` make things fail.
const DrillsAllowed = "drills-allowed"

func allowDrills(ctx *pulumi.Context, name string, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) error {
	_, err := corev1.NewConfigMap(ctx, name+"-"+DrillsAllowed, &corev1.ConfigMapArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(DrillsAllowed), Namespace: namespace.ToStringOutput()},
		Data:     pulumi.StringMap{"by": pulumi.String("companion:drills of this stack")},
	}, opts...)
	return err
}

// paths lead requests from outside to the services that have an API.
var paths = []struct{ prefix, service string }{
	{"/api", event.Backend},
	{oauth.ResourcePath, event.MCP},
	// Where clients look for how assistants are let in: at the host's root (RFC 8414, RFC 9728).
	{oauth.ServerMetadataPath, event.Backend},
	{oauth.ResourceMetadataPath, event.MCP},
	{"/", event.Web}, // whatever no other has
}

// newRoutes leads requests to the services.
func newRoutes(ctx *pulumi.Context, name string, args *CompanionArgs, namespace pulumi.StringInput, child pulumi.ResourceOption) error {
	filter, err := edge.NewServerFilter(ctx, name+"-server-filter", args.MaxBody, namespace, child, pulumi.DependsOn([]pulumi.Resource{args.Edge}))
	if err != nil {
		return err
	}
	var rules []any
	for _, path := range paths {
		rules = append(rules, map[string]any{
			"matches": []any{map[string]any{"path": map[string]any{"type": "PathPrefix", "value": path.prefix}}},
			"filters": []any{map[string]any{
				"type":         "ExtensionRef",
				"extensionRef": map[string]any{"group": "gateway.nginx.org", "kind": "SnippetsFilter", "name": edge.ServerFilter},
			}},
			"backendRefs": []any{map[string]any{"name": path.service, "port": 80}},
		})
	}
	_, err = kube.NewObject(ctx, name+"-routes", kube.Object{
		APIVersion: "gateway.networking.k8s.io/v1", Kind: "HTTPRoute", Name: "api", Namespace: namespace,
		Fields: map[string]any{"spec": map[string]any{
			"parentRefs": []any{map[string]any{"name": args.Edge.GatewayName, "namespace": args.Edge.GatewayNamespace, "sectionName": edge.ListenerHTTPS}},
			"hostnames":  []any{args.Edge.Host},
			"rules":      rules,
		}},
	}, child, pulumi.DependsOn([]pulumi.Resource{args.Edge, filter}))
	return err
}
