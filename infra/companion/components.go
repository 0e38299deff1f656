package companion

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
	"github.com/wealth-companion/companion/infra/kube"
)

// newComponents creates what the sidecars read when they start. The pods depend
// on all of it: a sidecar that starts without a component does not publish.
func newComponents(ctx *pulumi.Context, name string, args *CompanionArgs, secrets *secrets, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	objects := []sidecar.Resource{
		sidecar.Component(sidecar.SecretStore, "secretstores.kubernetes", nil, scopes()...),
		sidecar.Redis(args.Store.Address, sidecar.RedisUser(secrets.output(redisSecret)), event.Backend),
		{
			APIVersion: "dapr.io/v1alpha1", Kind: "Configuration", Name: "companion",
			Fields: map[string]any{"spec": map[string]any{
				"tracing": map[string]any{"samplingRate": "1"},
				"metric":  sidecar.Metrics(),
				// Who may invoke whom: the MCP server asks the backend, and the
				// backend the MCP server. Everything else goes by events.
				"accessControl": map[string]any{
					"defaultAction": "deny", "trustDomain": "public",
					"policies": []any{caller(event.MCP, "/api/v1/**", namespace), caller(event.Backend, "/mcp", namespace)},
				},
			}},
		},
		sidecar.Resiliency(event.Services()),
	}
	for _, service := range event.Services() {
		objects = append(objects, sidecar.Kafka(service, args.Kafka.Bootstrap, sidecar.Authenticated(service, secrets.named(kafkaSecret(service)), authoritySecret), sidecar.TopicsOf(service)))
		objects = append(objects, sidecar.Subscriptions(service)...)
	}
	objects = append(objects, args.Options.components(secrets)...)
	var made []pulumi.Resource
	for _, o := range objects {
		resource, err := kube.NewObject(ctx, name+"-"+strings.ToLower(o.Kind)+"-"+o.Name, kube.Object{
			APIVersion: o.APIVersion, Kind: o.Kind, Name: o.Name, Namespace: namespace, Fields: o.Fields,
		}, opts...)
		if err != nil {
			return nil, err
		}
		made = append(made, resource)
	}
	return made, nil
}

// scopes are those services whose sidecars read secrets: of others, the component is
// none of their business. Which secrets a sidecar gets, its service's account decides.
func scopes() []any {
	var all []any
	for _, service := range event.Services() {
		all = append(all, service)
	}
	return all
}

// caller lets a service invoke others on that path.
func caller(service, path string, namespace pulumi.StringInput) map[string]any {
	return map[string]any{
		"appId": service, "defaultAction": "deny", "trustDomain": "public", "namespace": namespace,
		"operations": []any{map[string]any{"name": path, "httpVerb": []any{"*"}, "action": "allow"}},
	}
}
