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
		configuration(uninvoked, nil, namespace, args.Traces),
		sidecar.Resiliency(event.Services()),
	}
	for _, service := range Names() {
		if callers := invocations[service]; len(callers) > 0 {
			objects = append(objects, configuration(configurationOf(service), callers, namespace, args.Traces))
		}
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

// invocation lets a service invoke another at a path.
type invocation struct{ by, path string }

// invocations are who may invoke a service: the MCP server and the web ask the backend what a
// person may see, and the backend has a person's assistant reach the MCP server. Everything
// else goes by events.
var invocations = map[string][]invocation{
	event.Backend: {{event.MCP, "/api/v1/**"}, {event.Web, "/api/v1/**"}},
	event.MCP:     {{event.Backend, "/mcp"}},
}

// uninvoked is the Configuration of the sidecars of those that nobody may invoke.
const uninvoked = "companion"

// configurationOf is the name of the Configuration that a service's sidecar reads. It decides
// who may call: one for all would let whoever may invoke one service try the path at every other.
func configurationOf(service string) string {
	if len(invocations[service]) == 0 {
		return uninvoked
	}
	return service
}

// configuration is what sidecars are configured by, whose services only those callers may invoke.
func configuration(name string, callers []invocation, namespace pulumi.StringInput, traces *Traces) sidecar.Resource {
	policies := []any{}
	for _, caller := range callers {
		policies = append(policies, map[string]any{
			"appId": caller.by, "defaultAction": "deny", "trustDomain": "public", "namespace": namespace,
			"operations": []any{map[string]any{"name": caller.path, "httpVerb": []any{"*"}, "action": "allow"}},
		})
	}
	return sidecar.Resource{
		APIVersion: "dapr.io/v1alpha1", Kind: "Configuration", Name: name,
		Fields: map[string]any{"spec": map[string]any{
			"tracing":       traces.sidecar(),
			"metric":        sidecar.Metrics(),
			"accessControl": map[string]any{"defaultAction": "deny", "trustDomain": "public", "policies": policies},
		}},
	}
}
