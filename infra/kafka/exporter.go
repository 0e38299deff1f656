package kafka

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

const (
	// exporterApp is the name of what Prometheus reads of the brokers, and of its user.
	exporterApp  = "kafka-exporter"
	exporterPort = 8080
)

// exporterRights are to look at every topic and group, and to read none.
func exporterRights() []any {
	return []any{acl("topic", "*", "literal", "Describe"), acl("group", "*", "literal", "Describe")}
}

// newExporter runs companionctl for Prometheus: how far consumers are behind, and whether
// partitions have their replicas. Both of its pods say the same, so that whoever adds figures up takes
// the greater one of each first.
func newExporter(ctx *pulumi.Context, name string, bootstrap pulumi.StringInput, args *KafkaArgs, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) error {
	size := kube.Requirements{CPU: "20m", Memory: "32Mi", MemoryLimit: "128Mi"}
	heap, err := size.GoMemoryLimit()
	if err != nil {
		return err
	}
	selector := pulumi.StringMap{appLabel: pulumi.String(exporterApp)}
	metadata := metav1.ObjectMetaArgs{Name: pulumi.String(exporterApp), Namespace: namespace.ToStringOutput(), Labels: selector}
	probe := func(period, failures int) corev1.ProbeArgs {
		return corev1.ProbeArgs{
			HttpGet:       corev1.HTTPGetActionArgs{Path: pulumi.String("/healthz"), Port: pulumi.Int(exporterPort)},
			PeriodSeconds: pulumi.Int(period), FailureThreshold: pulumi.Int(failures), TimeoutSeconds: pulumi.Int(5),
		}
	}
	environment := append(connection(bootstrap, exporterApp), corev1.EnvVarArgs{Name: pulumi.String("GOMEMLIMIT"), Value: pulumi.String(heap)})
	if _, err := policyv1.NewPodDisruptionBudget(ctx, name+"-exporter", &policyv1.PodDisruptionBudgetArgs{
		Metadata: metadata,
		Spec: policyv1.PodDisruptionBudgetSpecArgs{
			MaxUnavailable: pulumi.Int(1), Selector: metav1.LabelSelectorArgs{MatchLabels: selector},
		},
	}, opts...); err != nil {
		return err
	}
	_, err = appsv1.NewDeployment(ctx, name+"-exporter", &appsv1.DeploymentArgs{
		Metadata: metadata,
		Spec: appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(2),
			Selector: metav1.LabelSelectorArgs{MatchLabels: selector},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: kube.Labels(exporterApp, args.Images.Release)},
				Spec: corev1.PodSpecArgs{
					AutomountServiceAccountToken: pulumi.Bool(false),
					PriorityClassName:            pulumi.String(kube.ServicePriority),
					Tolerations:                  kube.LeaveLostNodes(),
					ImagePullSecrets:             kube.PullSecrets(),
					SecurityContext:              kube.RestrictedPod(kube.Nonroot),
					TopologySpreadConstraints: corev1.TopologySpreadConstraintArray{corev1.TopologySpreadConstraintArgs{
						MaxSkew: pulumi.Int(1), TopologyKey: pulumi.String("kubernetes.io/hostname"), WhenUnsatisfiable: pulumi.String("ScheduleAnyway"),
						LabelSelector: metav1.LabelSelectorArgs{MatchLabels: selector},
					}},
					Containers: corev1.ContainerArray{corev1.ContainerArgs{
						Name: pulumi.String("companionctl"), Image: args.Images.Of("companionctl"),
						Args: pulumi.ToStringArray([]string{"exporter", fmt.Sprintf("--listen=:%d", exporterPort)}),
						Env:  environment, VolumeMounts: authorityMounts(),
						Ports:        corev1.ContainerPortArray{corev1.ContainerPortArgs{Name: pulumi.String("metrics"), ContainerPort: pulumi.Int(exporterPort)}},
						StartupProbe: probe(1, 120), ReadinessProbe: probe(5, 2), LivenessProbe: probe(20, 3),
						Resources: size.Container(), SecurityContext: kube.RestrictedContainer(),
					}},
					Volumes: authorityVolumes(),
				},
			},
		},
	}, opts...)
	return err
}

// exporterMetrics are what the exporter serves.
func exporterMetrics(namespace pulumi.StringInput) kube.Scrape {
	return kube.Scrape{
		Name: exporterApp, Namespace: namespace, JobLabel: appLabel, Pods: pulumi.StringMap{appLabel: pulumi.String(exporterApp)},
		Endpoints: []kube.Endpoint{{Name: "metrics", Port: exporterPort}},
	}
}
