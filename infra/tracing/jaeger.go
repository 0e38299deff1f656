package tracing

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// volumeName is the name of Jaeger's volume, and traces where it is.
const (
	volumeName = "traces"
	traces     = "/traces"
)

// newJaeger creates Jaeger: one pod, since nobody else may have its volume.
func newJaeger(ctx *pulumi.Context, name string, args *Jaeger, namespace pulumi.StringOutput, child pulumi.ResourceOption) error {
	template, err := part{
		name: jaeger, image: args.Image, health: "/status", resources: args.Resources, configuration: storing(args.RetentionHours), volume: traces,
	}.template(ctx, name, namespace, child)
	if err != nil {
		return err
	}
	if err := newBudget(ctx, name, jaeger, namespace, child); err != nil {
		return err
	}
	_, err = appsv1.NewStatefulSet(ctx, name, &appsv1.StatefulSetArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(jaeger), Namespace: namespace, Labels: labels(jaeger)},
		Spec: appsv1.StatefulSetSpecArgs{
			ServiceName: pulumi.String(jaeger), Replicas: pulumi.Int(1),
			Selector: metav1.LabelSelectorArgs{MatchLabels: labels(jaeger)},
			Template: template,
			VolumeClaimTemplates: corev1.PersistentVolumeClaimTypeArray{corev1.PersistentVolumeClaimTypeArgs{
				Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(volumeName)},
				Spec: corev1.PersistentVolumeClaimSpecArgs{
					AccessModes: pulumi.ToStringArray([]string{"ReadWriteOnce"}),
					Resources:   corev1.VolumeResourceRequirementsArgs{Requests: pulumi.StringMap{"storage": pulumi.String(args.Storage)}},
				},
			}},
		},
	}, child)
	return err
}

// storing is Jaeger's configuration. Its query service has no log-in: it answers on the pod's
// own loopback, which is where a forwarded port ends.
func storing(hours int) map[string]any {
	const store, itself = "traces", "127.0.0.1:%d"
	return map[string]any{
		"extensions": map[string]any{
			"healthcheckv2": map[string]any{"use_v2": true, "http": map[string]any{"endpoint": everywhere(healthPort)}},
			"jaeger_storage": map[string]any{"backends": map[string]any{store: map[string]any{"badger": map[string]any{
				"ephemeral": false, "ttl": map[string]any{"spans": fmt.Sprintf("%dh", hours)},
				"directories": map[string]any{"keys": traces + "/keys", "values": traces + "/values"},
			}}}},
			"jaeger_query": map[string]any{
				"storage": map[string]any{"traces": store}, "enable_tracing": false,
				"http": map[string]any{"endpoint": fmt.Sprintf(itself, QueryPort)}, "grpc": map[string]any{"endpoint": fmt.Sprintf(itself, QueryPort-1)},
			},
		},
		"exporters": map[string]any{"jaeger_storage_exporter": map[string]any{"trace_storage": store}},
		"service": map[string]any{
			"extensions": []any{"jaeger_storage", "jaeger_query", "healthcheckv2"},
			"pipelines": map[string]any{"traces": map[string]any{
				"receivers": []any{"otlp"}, "processors": []any{"memory_limiter", "batch"}, "exporters": []any{"jaeger_storage_exporter"},
			}},
		},
	}
}
