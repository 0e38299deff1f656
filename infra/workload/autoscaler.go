package workload

import (
	"time"

	autoscalingv2 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/autoscaling/v2"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Scaling has the number of pods follow the service's load. Of several targets the one that
// takes the most pods decides.
type Scaling struct {
	Min, Max int
	// CPU and Memory are what the service's own container takes in each pod on average, as
	// Kubernetes writes quantities; empty: it is not followed. The sidecar's part is not
	// counted: it grows with its share of events, whichever service they are for.
	CPU, Memory string
	// ScaleDown is how long fewer pods must have been enough before one goes.
	ScaleDown time.Duration
}

// Pods come as fast as Kubernetes' default has it, as many again or four in 15 seconds, and
// go one a minute: each that goes hands its share of the partitions to the others, who stop
// meanwhile.
const (
	upPeriod   = 15
	upPods     = 4
	upPercent  = 100
	downPeriod = 60
	downPods   = 1
)

// newAutoscaler creates the autoscaler of a service's Deployment.
func newAutoscaler(ctx *pulumi.Context, name, own string, scaling *Scaling, metadata metav1.ObjectMetaArgs, child pulumi.ResourceOption) error {
	var metrics autoscalingv2.MetricSpecArray
	for _, target := range []struct{ resource, average string }{{"cpu", scaling.CPU}, {"memory", scaling.Memory}} {
		if target.average == "" {
			continue
		}
		metrics = append(metrics, autoscalingv2.MetricSpecArgs{
			Type: pulumi.String("ContainerResource"),
			ContainerResource: autoscalingv2.ContainerResourceMetricSourceArgs{
				Container: pulumi.String(own), Name: pulumi.String(target.resource),
				Target: autoscalingv2.MetricTargetArgs{Type: pulumi.String("AverageValue"), AverageValue: pulumi.String(target.average)},
			},
		})
	}
	_, err := autoscalingv2.NewHorizontalPodAutoscaler(ctx, name, &autoscalingv2.HorizontalPodAutoscalerArgs{
		Metadata: metadata,
		Spec: autoscalingv2.HorizontalPodAutoscalerSpecArgs{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReferenceArgs{
				ApiVersion: pulumi.String("apps/v1"), Kind: pulumi.String("Deployment"), Name: pulumi.String(own),
			},
			MinReplicas: pulumi.Int(scaling.Min), MaxReplicas: pulumi.Int(scaling.Max),
			Metrics: metrics,
			Behavior: autoscalingv2.HorizontalPodAutoscalerBehaviorArgs{
				ScaleUp: autoscalingv2.HPAScalingRulesArgs{
					StabilizationWindowSeconds: pulumi.Int(0), SelectPolicy: pulumi.String("Max"),
					Policies: autoscalingv2.HPAScalingPolicyArray{policy("Pods", upPods, upPeriod), policy("Percent", upPercent, upPeriod)},
				},
				ScaleDown: autoscalingv2.HPAScalingRulesArgs{
					StabilizationWindowSeconds: pulumi.Int(int(scaling.ScaleDown.Seconds())), SelectPolicy: pulumi.String("Max"),
					Policies: autoscalingv2.HPAScalingPolicyArray{policy("Pods", downPods, downPeriod)},
				},
			},
		},
	}, child)
	return err
}

func policy(kind string, value, period int) autoscalingv2.HPAScalingPolicyArgs {
	return autoscalingv2.HPAScalingPolicyArgs{Type: pulumi.String(kind), Value: pulumi.Int(value), PeriodSeconds: pulumi.Int(period)}
}
