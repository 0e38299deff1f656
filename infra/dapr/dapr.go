// Package dapr is Dapr's control plane.
package dapr

import (
	"cmp"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// DaprArgs are the control plane's settings. Chart and SidecarNamespace are required.
type DaprArgs struct {
	Chart kube.Chart
	HA    bool // three of each part of the control plane
	// SidecarNamespace is the namespace whose pods get sidecars.
	SidecarNamespace string
	// Namespace is the control plane's own; default dapr-system.
	Namespace string
}

// Dapr is a control plane whose sidecar injector answers.
type Dapr struct {
	pulumi.ResourceState

	Namespace pulumi.StringOutput
}

// NewDapr installs Dapr's control plane.
func NewDapr(ctx *pulumi.Context, name string, args *DaprArgs, opts ...pulumi.ResourceOption) (*Dapr, error) {
	if err := kube.Check("dapr.DaprArgs", map[string]any{"Chart": args.Chart.Chart, "SidecarNamespace": args.SidecarNamespace}); err != nil {
		return nil, err
	}
	d := &Dapr{}
	if err := ctx.RegisterComponentResource(kube.Token("dapr", "Dapr"), name, d, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(d)
	namespace, err := kube.NewNamespace(ctx, name, cmp.Or(args.Namespace, "dapr-system"), nil, child)
	if err != nil {
		return nil, err
	}
	d.Namespace = namespace.Metadata.Name().Elem()
	_, err = kube.NewRelease(ctx, name, "dapr", args.Chart, d.Namespace, map[string]any{
		"global": map[string]any{
			"logAsJson": true,
			"ha":        map[string]any{"enabled": args.HA},
			"mtls":      map[string]any{"enabled": true},
		},
		"dapr_sidecar_injector": map[string]any{
			// A service without its sidecar could neither publish nor consume, and
			// would look healthy: better no pod than that. Only the application's
			// namespace is affected.
			"webhookFailurePolicy": "Fail",
			"namespaceSelector": map[string]any{
				"matchLabels": map[string]any{"kubernetes.io/metadata.name": args.SidecarNamespace},
			},
		},
	}, child)
	if err != nil {
		return nil, err
	}
	return d, ctx.RegisterResourceOutputs(d, pulumi.Map{"namespace": d.Namespace})
}
