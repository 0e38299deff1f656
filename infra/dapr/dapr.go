// Package dapr is Dapr's control plane.
package dapr

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/stacks"
)

// Args are the control plane's settings.
type Args struct {
	Chart stacks.Chart
	HA    bool
	// Namespace is the one whose pods get sidecars.
	Namespace string
}

// Dapr is a control plane whose sidecar injector answers.
type Dapr struct{ pulumi.ResourceState }

// New installs Dapr.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Dapr, error) {
	d := &Dapr{}
	if err := ctx.RegisterComponentResource(kube.Token("dapr", "Dapr"), name, d, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(d)
	namespace, err := kube.NewNamespace(ctx, "dapr-system", child)
	if err != nil {
		return nil, err
	}
	_, err = kube.NewRelease(ctx, "dapr", args.Chart, namespace.Metadata.Name().Elem(), map[string]any{
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
				"matchLabels": map[string]any{"kubernetes.io/metadata.name": args.Namespace},
			},
		},
	}, child)
	if err != nil {
		return nil, err
	}
	return d, ctx.RegisterResourceOutputs(d, pulumi.Map{})
}
