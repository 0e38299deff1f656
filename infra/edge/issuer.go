package edge

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

const (
	certManagerNamespace = "cert-manager"
	issuerName           = "companion"
	authoritySecret      = "companion-ca"
)

// newIssuer installs cert-manager and the issuer that the stack asks for.
func newIssuer(ctx *pulumi.Context, name string, args *EdgeArgs, child pulumi.ResourceOption) (*kube.Resource, error) {
	namespace, err := newCertManagerNamespace(ctx, name+"-cert-manager", args, child)
	if err != nil {
		return nil, err
	}
	child = namespace.In(child)
	in := namespace.Name
	manager, err := kube.NewRelease(ctx, name+"-cert-manager", "cert-manager", args.CertManager, in, map[string]any{
		// Its definitions are templates of the chart: Helm upgrades them with the rest.
		"installCRDs": true,
		"global":      map[string]any{"priorityClassName": kube.PlatformPriority},
		// The program has monitors of its own.
		"prometheus": map[string]any{"enabled": true, "servicemonitor": map[string]any{"enabled": false}},
		// DigitalOcean upgrades no cluster with a webhook that may take 30 s, the chart's default.
		"webhook":         map[string]any{"timeoutSeconds": 10, "tolerations": kube.LeaveLostNodesValues(), "resources": kube.Requirements{CPU: "20m", Memory: "32Mi", MemoryLimit: "128Mi"}.Values()},
		"cainjector":      map[string]any{"tolerations": kube.LeaveLostNodesValues(), "resources": kube.Requirements{CPU: "20m", Memory: "64Mi", MemoryLimit: "256Mi"}.Values()},
		"startupapicheck": map[string]any{"resources": kube.Requirements{CPU: "20m", Memory: "32Mi", MemoryLimit: "128Mi"}.Values()},
		"tolerations":     kube.LeaveLostNodesValues(),
		"resources":       kube.Requirements{CPU: "20m", Memory: "64Mi", MemoryLimit: "256Mi"}.Values(),
	}, child)
	if err != nil {
		return nil, err
	}
	after := pulumi.DependsOn([]pulumi.Resource{manager})
	switch args.Issuer.Kind {
	case ACME:
		return newACME(ctx, name, args, in, child, after)
	case Authority:
		return newAuthority(ctx, name, in, child, after)
	}
	return nil, fmt.Errorf("edge.EdgeArgs: Issuer.Kind is %q: it must be %s or %s", args.Issuer.Kind, ACME, Authority)
}

// certManagerMetrics are those of the controller, which tell when certificates end.
func certManagerMetrics(namespace pulumi.StringInput) kube.Scrape {
	return kube.Scrape{
		Name: "cert-manager", Namespace: namespace, JobLabel: "app.kubernetes.io/name",
		Pods: pulumi.StringMap{
			"app.kubernetes.io/name": pulumi.String("cert-manager"), "app.kubernetes.io/component": pulumi.String("controller"),
		},
		Endpoints: []kube.Endpoint{{Name: "http-metrics", Port: 9402}},
	}
}

// webhookPort is that of cert-manager's webhook.
const webhookPort = 10250

// newCertManagerNamespace creates cert-manager's namespace. For ACME it calls the authority
// and DigitalOcean's API, and looks for its records at the domain's own name servers.
func newCertManagerNamespace(ctx *pulumi.Context, name string, args *EdgeArgs, child pulumi.ResourceOption) (*kube.Namespace, error) {
	settings := &kube.NamespaceArgs{
		Environment: args.Environment, Namespace: certManagerNamespace, PodSecurity: kube.Restricted,
		Quota:    kube.Quota{Pods: 10, CPU: "2", Memory: "2Gi"},
		Defaults: kube.Requirements{CPU: "20m", Memory: "48Mi", MemoryLimit: "512Mi"},
		Ingress: []kube.Allow{
			// The API server's address, as pods see it, is not known.
			{Name: "webhooks", Ports: []int{webhookPort}},
			kube.Metrics(certManagerMetrics(nil).Ports()...),
		},
		APIClients: []pulumi.StringMap{{}},
	}
	if args.Issuer.Kind == ACME {
		settings.Egress = []kube.Allow{
			{Name: "acme", Peers: kube.Internet(), Ports: []int{httpsPort}},
			{Name: "name-servers", Peers: kube.Internet(), Ports: []int{53}, UDP: []int{53}},
		}
	}
	return kube.NewNamespace(ctx, name, settings, child)
}

// newACME proves the domain by a DNS record, so that no port has to be open
// before there is a certificate.
func newACME(ctx *pulumi.Context, name string, args *EdgeArgs, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (*kube.Resource, error) {
	token, err := corev1.NewSecret(ctx, name+"-digitalocean-dns", &corev1.SecretArgs{
		Metadata:   metav1.ObjectMetaArgs{Name: pulumi.String("digitalocean-dns"), Namespace: namespace.ToStringOutput()},
		StringData: pulumi.StringMap{"token": args.DNSToken.ToStringOutput()},
	}, opts...)
	if err != nil {
		return nil, err
	}
	return kube.NewObject(ctx, name+"-issuer", kube.Object{
		APIVersion: "cert-manager.io/v1", Kind: "ClusterIssuer", Name: issuerName, WaitFor: []string{"Ready"},
		Fields: map[string]any{"spec": map[string]any{"acme": map[string]any{
			"email":               args.Issuer.Email,
			"server":              args.Issuer.Server,
			"privateKeySecretRef": map[string]any{"name": "acme-account"},
			"solvers": []any{map[string]any{"dns01": map[string]any{"digitalocean": map[string]any{
				"tokenSecretRef": map[string]any{"name": "digitalocean-dns", "key": "token"},
			}}}},
		}}},
	}, append(opts, pulumi.DependsOn([]pulumi.Resource{token}))...)
}

// newAuthority creates an authority of the stack's own. Its certificate, which a
// client must trust, is in the Secret companion-ca (tls.crt).
func newAuthority(ctx *pulumi.Context, name string, namespace pulumi.StringInput, child, after pulumi.ResourceOption) (*kube.Resource, error) {
	self, err := kube.NewObject(ctx, name+"-self-signed", kube.Object{
		APIVersion: "cert-manager.io/v1", Kind: "ClusterIssuer", Name: "self-signed", WaitFor: []string{"Ready"},
		Fields: map[string]any{"spec": map[string]any{"selfSigned": map[string]any{}}},
	}, child, after)
	if err != nil {
		return nil, err
	}
	certificate, err := kube.NewObject(ctx, name+"-authority", kube.Object{
		APIVersion: "cert-manager.io/v1", Kind: "Certificate", Name: authoritySecret, Namespace: namespace, WaitFor: []string{"Ready"},
		Fields: map[string]any{"spec": map[string]any{
			"isCA": true, "commonName": "Wealth Companion", "secretName": authoritySecret,
			// As cert-manager writes it: another spelling would be a change for ever.
			"duration":   "87600h0m0s",
			"privateKey": map[string]any{"algorithm": "ECDSA", "size": 256},
			"issuerRef":  map[string]any{"name": "self-signed", "kind": "ClusterIssuer"},
		}},
	}, child, pulumi.DependsOn([]pulumi.Resource{self}))
	if err != nil {
		return nil, err
	}
	return kube.NewObject(ctx, name+"-issuer", kube.Object{
		APIVersion: "cert-manager.io/v1", Kind: "ClusterIssuer", Name: issuerName, WaitFor: []string{"Ready"},
		Fields: map[string]any{"spec": map[string]any{"ca": map[string]any{"secretName": authoritySecret}}},
	}, child, pulumi.DependsOn([]pulumi.Resource{certificate}))
}
