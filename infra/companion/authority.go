package companion

import (
	"encoding/base64"
	"strings"

	batchv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/batch/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/kafka"
	"github.com/wealth-companion/companion/infra/kube"
)

// authorityApp is the name of what keeps the copy of the brokers' authority, and of all
// that belongs to it.
const authorityApp = "kafka-authority"

// authoritySchedule is when it looks: the operator renews the authority many days before
// its end, and an hour is soon enough after a renewal by hand.
const authoritySchedule = "17 * * * *"

// newAuthorityCopy creates the Secret with the certificates that the services' sidecars
// trust brokers by. What it begins with is the program's; from then on the job of
// newAuthorityJob keeps it, since the operator renews the authority between two updates.
func newAuthorityCopy(ctx *pulumi.Context, name string, args *CompanionArgs, namespace pulumi.StringInput, child pulumi.ResourceOption) (pulumi.Resource, error) {
	encoded := args.Kafka.Authority.ApplyT(func(pem string) string { return base64.StdEncoding.EncodeToString([]byte(pem)) }).(pulumi.StringOutput)
	return corev1.NewSecret(ctx, name+"-"+authoritySecret, &corev1.SecretArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(authoritySecret), Namespace: namespace.ToStringOutput()},
		Data:     pulumi.StringMap{"ca.crt": encoded},
	}, child, pulumi.IgnoreChanges([]string{"data"}))
}

// newAuthorityJob creates the job that brings the copy up to date and has the services'
// pods replaced, one Deployment after another, when the operator has renewed the authority.
// Its account may read that one Secret of the operator's, change the copy, and change those
// Deployments.
func newAuthorityJob(ctx *pulumi.Context, name string, args *CompanionArgs, namespace pulumi.StringInput, child pulumi.ResourceOption) error {
	name += "-" + authorityApp
	labels := pulumi.StringMap{"app.kubernetes.io/name": pulumi.String(authorityApp)}
	metadata := metav1.ObjectMetaArgs{Name: pulumi.String(authorityApp), Namespace: namespace.ToStringOutput(), Labels: labels}
	account, err := corev1.NewServiceAccount(ctx, name, &corev1.ServiceAccountArgs{Metadata: metadata, AutomountServiceAccountToken: pulumi.Bool(false)}, child)
	if err != nil {
		return err
	}
	bound, err := newAuthorityRights(ctx, name, args, account, metadata, child)
	if err != nil {
		return err
	}
	if err := kube.NewAPIAccess(ctx, name+"-api-server", authorityApp+"-api-server", args.Environment, namespace.ToStringOutput(), labels, child); err != nil {
		return err
	}
	_, err = batchv1.NewCronJob(ctx, name, &batchv1.CronJobArgs{
		Metadata: metadata,
		Spec: batchv1.CronJobSpecArgs{
			Schedule: pulumi.String(authoritySchedule), ConcurrencyPolicy: pulumi.String("Forbid"), StartingDeadlineSeconds: pulumi.Int(1800),
			SuccessfulJobsHistoryLimit: pulumi.Int(1), FailedJobsHistoryLimit: pulumi.Int(3),
			JobTemplate: batchv1.JobTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels},
				Spec: batchv1.JobSpecArgs{
					BackoffLimit: pulumi.Int(1), ActiveDeadlineSeconds: pulumi.Int(3000),
					Template: corev1.PodTemplateSpecArgs{
						Metadata: metav1.ObjectMetaArgs{Labels: kube.Labels(authorityApp, args.Images.Release)},
						Spec: corev1.PodSpecArgs{
							ServiceAccountName:           account.Metadata.Name(),
							AutomountServiceAccountToken: pulumi.Bool(true), // calling the API server is what it is for
							PriorityClassName:            pulumi.String(kube.ServicePriority),
							RestartPolicy:                pulumi.String("Never"),
							ImagePullSecrets:             kube.PullSecrets(),
							SecurityContext:              kube.RestrictedPod(kube.Nonroot),
							Containers: corev1.ContainerArray{corev1.ContainerArgs{
								Name:  pulumi.String("companionctl"),
								Image: args.Images.Of("companionctl"),
								Args: pulumi.StringArray{
									pulumi.String("authority"),
									pulumi.Sprintf("--from=%s/%s", args.Kafka.Namespace, kafka.AuthoritySecret), pulumi.Sprintf("--to=%s/%s", namespace, authoritySecret),
									pulumi.String("--deployment=" + strings.Join(event.Services(), ",")),
								},
								Resources:       kube.Requirements{CPU: "20m", Memory: "32Mi", MemoryLimit: "128Mi"}.Container(),
								SecurityContext: kube.RestrictedContainer(),
							}},
						},
					},
				},
			},
		},
	}, child, pulumi.DependsOn(bound))
	return err
}

// newAuthorityRights lets the account read the operator's Secret, and change the copy and
// the Deployments of those services that use it.
func newAuthorityRights(ctx *pulumi.Context, name string, args *CompanionArgs, account *corev1.ServiceAccount, metadata metav1.ObjectMetaArgs, child pulumi.ResourceOption) ([]pulumi.Resource, error) {
	rule := func(group, resource string, names []string, verbs ...string) rbacv1.PolicyRuleArgs {
		return rbacv1.PolicyRuleArgs{
			ApiGroups: pulumi.ToStringArray([]string{group}), Resources: pulumi.ToStringArray([]string{resource}),
			ResourceNames: pulumi.ToStringArray(names), Verbs: pulumi.ToStringArray(verbs),
		}
	}
	there := metadata
	there.Namespace = args.Kafka.Namespace
	var bound []pulumi.Resource
	for _, one := range []struct {
		name     string
		metadata metav1.ObjectMetaArgs
		rules    rbacv1.PolicyRuleArray
	}{
		{name + "-reads", there, rbacv1.PolicyRuleArray{rule("", "secrets", []string{kafka.AuthoritySecret}, "get")}},
		{name + "-changes", metadata, rbacv1.PolicyRuleArray{
			rule("", "secrets", []string{authoritySecret}, "get", "patch"),
			rule("apps", "deployments", event.Services(), "get", "patch"),
		}},
	} {
		role, err := rbacv1.NewRole(ctx, one.name, &rbacv1.RoleArgs{Metadata: one.metadata, Rules: one.rules}, child)
		if err != nil {
			return nil, err
		}
		binding, err := rbacv1.NewRoleBinding(ctx, one.name, &rbacv1.RoleBindingArgs{
			Metadata: one.metadata,
			RoleRef: rbacv1.RoleRefArgs{
				ApiGroup: pulumi.String("rbac.authorization.k8s.io"), Kind: pulumi.String("Role"), Name: role.Metadata.Name().Elem(),
			},
			Subjects: rbacv1.SubjectArray{rbacv1.SubjectArgs{
				Kind: pulumi.String("ServiceAccount"), Name: account.Metadata.Name().Elem(), Namespace: metadata.Namespace,
			}},
		}, child)
		if err != nil {
			return nil, err
		}
		bound = append(bound, binding)
	}
	return bound, nil
}
