package kafka

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/kube"
)

// topicsApp is the name of the job.
const topicsApp = "topics"

// newTopics runs companionctl in a Job. The Job's name follows from the
// catalogue, so that it runs again when the catalogue changes and only then. So does the
// resource's in Pulumi: one of the same name would be replaced with the image of before,
// whose change is ignored, and which knows the catalogue of before.
func newTopics(ctx *pulumi.Context, name string, bootstrap pulumi.StringInput, args *KafkaArgs, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (pulumi.Resource, error) {
	hash, err := catalogueHash(args.Brokers)
	if err != nil {
		return nil, err
	}
	return batchv1.NewJob(ctx, name+"-topics-"+hash, &batchv1.JobArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String("topics-" + hash), Namespace: namespace.ToStringOutput()},
		Spec: batchv1.JobSpecArgs{
			BackoffLimit: pulumi.Int(4),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: kube.Labels(topicsApp, args.Images.Release)},
				Spec: corev1.PodSpecArgs{
					RestartPolicy:                pulumi.String("Never"),
					AutomountServiceAccountToken: pulumi.Bool(false),
					ImagePullSecrets:             kube.PullSecrets(),
					SecurityContext:              kube.RestrictedPod(kube.Nonroot),
					Containers: corev1.ContainerArray{corev1.ContainerArgs{
						Name:            pulumi.String("companionctl"),
						Image:           args.Images.Of("companionctl"),
						Args:            pulumi.ToStringArray([]string{"topics", "apply", fmt.Sprintf("--replication=%d", replicationFactor)}),
						Env:             connection(bootstrap, adminUser),
						Resources:       kube.Requirements{CPU: "20m", Memory: "32Mi", MemoryLimit: "128Mi"}.Container(),
						SecurityContext: kube.RestrictedContainer(),
						VolumeMounts:    authorityMounts(),
					}},
					Volumes: authorityVolumes(),
				},
			},
		},
		// A new release's image alone is no reason to run again.
	}, append(opts, pulumi.IgnoreChanges([]string{"spec.template.spec.containers[0].image"}))...)
}

func catalogueHash(brokers int) (string, error) {
	raw, err := json.Marshal(event.Catalogue())
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(raw, "\n%d %d %s", replicationFactor, brokers, event.DeadLetterRetention))
	return hex.EncodeToString(sum[:4]), nil
}
