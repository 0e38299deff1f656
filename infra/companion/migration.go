package companion

import (
	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/kube"
)

// migrationApp is the name of the job's pods.
const migrationApp = "migration"

// newMigration brings the services' schemas up to date in a Job of its own role,
// before the first pod of a release starts. One that fails ends `pulumi up` there,
// and the pods of the release before go on. The job's name is the release's, so
// that it runs once for each.
func newMigration(ctx *pulumi.Context, name string, args *CompanionArgs, secrets *secrets, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (pulumi.Resource, error) {
	command := []string{"database", "migrate", "--timeout=5m"}
	for _, service := range event.Services() {
		command = append(command, "--service="+service)
	}
	env := corev1.EnvVarArray{corev1.EnvVarArgs{Name: pulumi.String("MIGRATION_DATABASE_URL"), ValueFrom: corev1.EnvVarSourceArgs{
		SecretKeyRef: corev1.SecretKeySelectorArgs{Name: pulumi.String(secrets.named(migrationSecret)), Key: pulumi.String("url")},
	}}}
	var mounts corev1.VolumeMountArray
	var volumes corev1.VolumeArray
	if args.DatabaseAuthority != "" {
		env = append(env, corev1.EnvVarArgs{Name: pulumi.String(authorityVariable), Value: pulumi.String(authorityFolder + "/" + authorityKey)})
		mounts = corev1.VolumeMountArray{corev1.VolumeMountArgs{
			Name: pulumi.String("authority"), MountPath: pulumi.String(authorityFolder), ReadOnly: pulumi.Bool(true),
		}}
		volumes = corev1.VolumeArray{corev1.VolumeArgs{Name: pulumi.String("authority"), Secret: corev1.SecretVolumeSourceArgs{
			SecretName: pulumi.String(secrets.named(migrationSecret)),
			Items:      corev1.KeyToPathArray{corev1.KeyToPathArgs{Key: pulumi.String(authorityKey), Path: pulumi.String(authorityKey)}},
		}}}
	}
	return batchv1.NewJob(ctx, name+"-migration", &batchv1.JobArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String("migrate-" + kube.NamePart(args.Images.Release)), Namespace: namespace.ToStringOutput()},
		Spec: batchv1.JobSpecArgs{
			BackoffLimit: pulumi.Int(2),
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: kube.Labels(migrationApp, args.Images.Release)},
				Spec: corev1.PodSpecArgs{
					PriorityClassName:            pulumi.String(kube.ServicePriority),
					RestartPolicy:                pulumi.String("Never"),
					AutomountServiceAccountToken: pulumi.Bool(false),
					ImagePullSecrets:             kube.PullSecrets(),
					SecurityContext:              kube.RestrictedPod(kube.Nonroot),
					Containers: corev1.ContainerArray{corev1.ContainerArgs{
						Name:            pulumi.String("companionctl"),
						Image:           args.Images.Of("companionctl"),
						Args:            pulumi.ToStringArray(command),
						Env:             env,
						VolumeMounts:    mounts,
						Resources:       kube.Requirements{CPU: "20m", Memory: "32Mi", MemoryLimit: "256Mi"}.Container(),
						SecurityContext: kube.RestrictedContainer(),
					}},
					Volumes: volumes,
				},
			},
		},
	}, opts...)
}
