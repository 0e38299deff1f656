package tracing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// user is whom the images of both parts run as.
const user = 10001

// Where a part's configuration is.
const (
	configurationFolder = "/etc/otel"
	configurationFile   = "config.yaml"
)

// part is one of the two programs, which are collectors both and differ in their configuration.
type part struct {
	name          string // collector or jaeger
	image         string
	health        string // the path at which it says whether it is well
	resources     kube.Requirements
	configuration map[string]any // besides what is common to both
	volume        string         // where its volume is mounted; empty: it has none
}

// template creates the part's configuration and its Service, and returns its pods. They are
// replaced when the configuration changes: they read it when they start.
func (p part) template(ctx *pulumi.Context, name string, namespace pulumi.StringOutput, child pulumi.ResourceOption) (corev1.PodTemplateSpecArgs, error) {
	limiter, err := limiter(p.resources)
	if err != nil {
		return corev1.PodTemplateSpecArgs{}, err
	}
	raw, err := json.MarshalIndent(kube.Merge(common(limiter), p.configuration), "", "  ") // JSON is YAML
	if err != nil {
		return corev1.PodTemplateSpecArgs{}, fmt.Errorf("configuration of %s: %w", p.name, err)
	}
	heap, err := p.resources.GoMemoryLimit()
	if err != nil {
		return corev1.PodTemplateSpecArgs{}, err
	}
	metadata := metav1.ObjectMetaArgs{Name: pulumi.String(p.name), Namespace: namespace, Labels: labels(p.name)}
	if _, err := corev1.NewConfigMap(ctx, name, &corev1.ConfigMapArgs{
		Metadata: metadata, Data: pulumi.StringMap{configurationFile: pulumi.String(raw)},
	}, child); err != nil {
		return corev1.PodTemplateSpecArgs{}, err
	}
	if _, err := corev1.NewService(ctx, name, &corev1.ServiceArgs{
		Metadata: metadata,
		Spec: corev1.ServiceSpecArgs{
			Selector: labels(p.name),
			Ports: corev1.ServicePortArray{corev1.ServicePortArgs{
				Name: pulumi.String("otlp"), Port: pulumi.Int(otlpPort), AppProtocol: pulumi.String("grpc"),
			}},
		},
	}, child); err != nil {
		return corev1.PodTemplateSpecArgs{}, err
	}
	all := labels(p.name)
	maps.Copy(all, partOf())
	sum := sha256.Sum256(raw)
	return corev1.PodTemplateSpecArgs{
		Metadata: metav1.ObjectMetaArgs{
			Labels: all, Annotations: pulumi.StringMap{"companion/configuration": pulumi.String(hex.EncodeToString(sum[:5]))},
		},
		Spec: p.pod(heap),
	}, nil
}

func (p part) pod(heap string) corev1.PodSpecArgs {
	probe := func(period, failures int) corev1.ProbeArgs {
		return corev1.ProbeArgs{
			HttpGet:       corev1.HTTPGetActionArgs{Path: pulumi.String(p.health), Port: pulumi.Int(healthPort)},
			PeriodSeconds: pulumi.Int(period), FailureThreshold: pulumi.Int(failures), TimeoutSeconds: pulumi.Int(2),
		}
	}
	port := func(name string, number int) corev1.ContainerPortArgs {
		return corev1.ContainerPortArgs{Name: pulumi.String(name), ContainerPort: pulumi.Int(number)}
	}
	mounts := corev1.VolumeMountArray{corev1.VolumeMountArgs{
		Name: pulumi.String("configuration"), MountPath: pulumi.String(configurationFolder), ReadOnly: pulumi.Bool(true),
	}}
	if p.volume != "" {
		mounts = append(mounts, corev1.VolumeMountArgs{Name: pulumi.String(volumeName), MountPath: pulumi.String(p.volume)})
	}
	security := kube.RestrictedPod(user)
	security.FsGroup = pulumi.Int(user)
	var tolerations corev1.TolerationArray // a pod with a volume waits for its node
	if p.volume == "" {
		tolerations = kube.LeaveLostNodes()
	}
	return corev1.PodSpecArgs{
		Tolerations:                  tolerations,
		PriorityClassName:            pulumi.String(kube.ServicePriority),
		AutomountServiceAccountToken: pulumi.Bool(false),
		EnableServiceLinks:           pulumi.Bool(false),
		SecurityContext:              security,
		TopologySpreadConstraints: corev1.TopologySpreadConstraintArray{corev1.TopologySpreadConstraintArgs{
			MaxSkew: pulumi.Int(1), TopologyKey: pulumi.String("kubernetes.io/hostname"), WhenUnsatisfiable: pulumi.String("ScheduleAnyway"),
			LabelSelector: metav1.LabelSelectorArgs{MatchLabels: labels(p.name)},
		}},
		Containers: corev1.ContainerArray{corev1.ContainerArgs{
			Name: pulumi.String(p.name), Image: pulumi.String(p.image),
			Args: pulumi.ToStringArray([]string{"--config=" + configurationFolder + "/" + configurationFile}),
			Env:  corev1.EnvVarArray{corev1.EnvVarArgs{Name: pulumi.String("GOMEMLIMIT"), Value: pulumi.String(heap)}},
			Ports: corev1.ContainerPortArray{
				port("otlp", otlpPort), port("health", healthPort), port(metricsName, metricsPort),
			},
			StartupProbe: probe(1, 120), LivenessProbe: probe(10, 3), ReadinessProbe: probe(5, 2),
			Resources: p.resources.Container(), SecurityContext: kube.RestrictedContainer(), VolumeMounts: mounts,
		}},
		Volumes: corev1.VolumeArray{corev1.VolumeArgs{
			Name: pulumi.String("configuration"), ConfigMap: corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(p.name)},
		}},
	}
}

// The parts of a container's memory, in percent, at which a program refuses what it is sent until
// it has less, and at which it collects garbage to have less. What is refused is sent again.
const (
	refuseShare  = 80
	collectShare = 85
)

// limiter is the setting of the processor that refuses.
func limiter(r kube.Requirements) (map[string]any, error) {
	hard, err := r.MemoryShare(collectShare)
	if err != nil {
		return nil, err
	}
	between, err := r.MemoryShare(collectShare - refuseShare)
	return map[string]any{"check_interval": "1s", "limit_mib": hard >> 20, "spike_limit_mib": between >> 20}, err
}

// common is what both parts are configured by: spans come by OTLP, and of itself a program tells
// metrics to Prometheus, and writes logs as JSON.
func common(limiter map[string]any) map[string]any {
	return map[string]any{
		"receivers": map[string]any{"otlp": map[string]any{"protocols": map[string]any{"grpc": map[string]any{"endpoint": everywhere(otlpPort)}}}},
		"processors": map[string]any{
			"memory_limiter": limiter,
			"batch":          map[string]any{"timeout": "1s", "send_batch_size": 512, "send_batch_max_size": 2048},
		},
		"service": map[string]any{"telemetry": map[string]any{
			"logs": map[string]any{"encoding": "json", "level": "info"},
			"metrics": map[string]any{"level": "normal", "readers": []any{map[string]any{"pull": map[string]any{
				"exporter": map[string]any{"prometheus": map[string]any{"host": "0.0.0.0", "port": metricsPort}},
			}}}},
		}},
	}
}

func everywhere(port int) string { return fmt.Sprintf("0.0.0.0:%d", port) }
