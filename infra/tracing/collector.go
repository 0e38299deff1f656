package tracing

import (
	"fmt"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/tracing/known"
)

// newCollector creates the collector. It keeps nothing: a span that it was given when Jaeger
// does not answer waits in its memory for a minute.
func newCollector(ctx *pulumi.Context, name string, args *Collector, namespace pulumi.StringOutput, child pulumi.ResourceOption) error {
	template, err := part{
		name: collector, image: args.Image, health: "/", resources: args.Resources, configuration: collecting(),
	}.template(ctx, name, namespace, child)
	if err != nil {
		return err
	}
	if err := newBudget(ctx, name, collector, namespace, child); err != nil {
		return err
	}
	_, err = appsv1.NewDeployment(ctx, name, &appsv1.DeploymentArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(collector), Namespace: namespace, Labels: labels(collector)},
		Spec: appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(args.Replicas),
			Selector: metav1.LabelSelectorArgs{MatchLabels: labels(collector)},
			Strategy: appsv1.DeploymentStrategyArgs{RollingUpdate: appsv1.RollingUpdateDeploymentArgs{
				MaxSurge: pulumi.Int(1), MaxUnavailable: pulumi.Int(0),
			}},
			Template: template,
		},
	}, child)
	return err
}

// collecting is the collector's configuration.
func collecting() map[string]any {
	return map[string]any{
		"extensions": map[string]any{"health_check": map[string]any{"endpoint": everywhere(healthPort)}},
		"processors": map[string]any{"transform": reducing()},
		"exporters": map[string]any{"otlp": map[string]any{
			"endpoint": fmt.Sprintf("%s.%s.svc:%d", jaeger, Namespace, otlpPort), "tls": map[string]any{"insecure": true},
			"sending_queue": map[string]any{"queue_size": 200}, "retry_on_failure": map[string]any{"max_elapsed_time": "60s"},
		}},
		"service": map[string]any{
			"extensions": []any{"health_check"},
			"pipelines": map[string]any{"traces": map[string]any{
				"receivers": []any{"otlp"}, "processors": []any{"memory_limiter", "transform", "batch"}, "exporters": []any{"otlp"},
			}},
		},
	}
}

// Attributes of the sidecars' spans that are known values, besides those of the services.
var sidecars = []string{"dapr.protocol", "dapr.status_code"}

// reducing leaves of each span what may be kept. The services do so themselves, but their
// sidecars note whole paths, keys and the texts of errors.
func reducing() map[string]any {
	kept := append(known.Attributes(), sidecars...)
	of := func(context string, statements ...string) map[string]any {
		return map[string]any{"context": context, "statements": statements}
	}
	return map[string]any{
		// A span that cannot be reduced does not pass.
		"error_mode": "propagate",
		"trace_statements": []any{
			of("resource", keep("attributes", "service.name", "telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version")),
			of("scope", keep("attributes")),
			of("span",
				keep("attributes", kept...),
				`set(status.message, "")`,
				`set(trace_state, "")`,
				// A sidecar's span of a request is named after its path: what follows the name of
				// the service in it, somebody made up.
				`replace_pattern(name, "^(CallLocal/[^/]*)/.*$", "$$1")`,
				`replace_pattern(name, "^(/v1[.]0[^/]*/[^/]*/[^/]*)/.*$", "$$1")`,
			),
			of("spanevent", keep("attributes", kept...)),
		},
	}
}

// keep is the statement that removes all keys but those.
func keep(of string, keys ...string) string {
	quoted := make([]string, 0, len(keys))
	for _, key := range keys {
		quoted = append(quoted, `"`+key+`"`)
	}
	return "keep_keys(" + of + ", [" + strings.Join(quoted, ", ") + "])"
}
