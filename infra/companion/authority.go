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
	labels := pulumi.StringMap{"app.kubernetes.io/name": pulumi.String(authorityApp)}
	if err := kube.NewAPIAccess(ctx, name+"-"+authorityApp+"-api-server", authorityApp+"-api-server", args.Environment, namespace.ToStringOutput(), labels, child); err != nil {
		return err
	}
	return newKeeper(ctx, name, &keeper{
		app: authorityApp, namespace: namespace, priority: kube.ServicePriority,
		// The operator renews the authority many days before its end, and an hour is soon
		// enough after a renewal by hand.
		schedule: "17 * * * *",
		args: pulumi.StringArray{
			pulumi.String("authority"),
			pulumi.Sprintf("--from=%s/%s", args.Kafka.Namespace, kafka.AuthoritySecret), pulumi.Sprintf("--to=%s/%s", namespace, authoritySecret),
			pulumi.String("--deployment=" + strings.Join(event.Services(), ",")),
		},
		rights: []right{
			{"reads", args.Kafka.Namespace, rbacv1.PolicyRuleArray{rule("", "secrets", []string{kafka.AuthoritySecret}, "get")}},
			{"changes", namespace, rbacv1.PolicyRuleArray{
				rule("", "secrets", []string{authoritySecret}, "get", "patch"),
				rule("apps", "deployments", event.Services(), "get", "patch"),
			}},
		},
	}, args, child)
}

// keeper is a job that keeps an authority by companionctl, whenever it is time.
type keeper struct {
	app       string // its name, and that of its account
	namespace pulumi.StringInput
	priority  string
	schedule  string
	args      pulumi.StringArray // of companionctl
	rights    []right
}

// right is what the account may do in a namespace; verb is what that is for.
type right struct {
	verb      string
	namespace pulumi.StringInput
	rules     rbacv1.PolicyRuleArray
}

// rule lets objects of these names be used so; of any name when there are none.
func rule(group, resource string, names []string, verbs ...string) rbacv1.PolicyRuleArgs {
	allowed := rbacv1.PolicyRuleArgs{
		ApiGroups: pulumi.ToStringArray([]string{group}), Resources: pulumi.ToStringArray([]string{resource}), Verbs: pulumi.ToStringArray(verbs),
	}
	if len(names) > 0 {
		allowed.ResourceNames = pulumi.ToStringArray(names)
	}
	return allowed
}

// newKeeper creates the job and its account.
func newKeeper(ctx *pulumi.Context, name string, k *keeper, args *CompanionArgs, child pulumi.ResourceOption) error {
	name += "-" + k.app
	labels := pulumi.StringMap{"app.kubernetes.io/name": pulumi.String(k.app)}
	metadata := metav1.ObjectMetaArgs{Name: pulumi.String(k.app), Namespace: k.namespace.ToStringOutput(), Labels: labels}
	account, err := corev1.NewServiceAccount(ctx, name, &corev1.ServiceAccountArgs{Metadata: metadata, AutomountServiceAccountToken: pulumi.Bool(false)}, child)
	if err != nil {
		return err
	}
	var bound []pulumi.Resource
	for _, one := range k.rights {
		binding, err := newRight(ctx, name+"-"+one.verb, one, account, metadata, child)
		if err != nil {
			return err
		}
		bound = append(bound, binding)
	}
	_, err = batchv1.NewCronJob(ctx, name, &batchv1.CronJobArgs{
		Metadata: metadata,
		Spec: batchv1.CronJobSpecArgs{
			Schedule: pulumi.String(k.schedule), ConcurrencyPolicy: pulumi.String("Forbid"), StartingDeadlineSeconds: pulumi.Int(1800),
			SuccessfulJobsHistoryLimit: pulumi.Int(1), FailedJobsHistoryLimit: pulumi.Int(3),
			JobTemplate: batchv1.JobTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels},
				Spec: batchv1.JobSpecArgs{
					BackoffLimit: pulumi.Int(1), ActiveDeadlineSeconds: pulumi.Int(3000),
					Template: corev1.PodTemplateSpecArgs{
						Metadata: metav1.ObjectMetaArgs{Labels: kube.Labels(k.app, args.Images.Release)},
						Spec: corev1.PodSpecArgs{
							ServiceAccountName:           account.Metadata.Name(),
							AutomountServiceAccountToken: pulumi.Bool(true), // calling the API server is what it is for
							PriorityClassName:            pulumi.String(k.priority),
							RestartPolicy:                pulumi.String("Never"),
							ImagePullSecrets:             kube.PullSecrets(),
							SecurityContext:              kube.RestrictedPod(kube.Nonroot),
							Containers: corev1.ContainerArray{corev1.ContainerArgs{
								Name:            pulumi.String("companionctl"),
								Image:           args.Images.Of("companionctl"),
								Args:            k.args,
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

// newRight gives the account the right.
func newRight(ctx *pulumi.Context, name string, r right, account *corev1.ServiceAccount, metadata metav1.ObjectMetaArgs, child pulumi.ResourceOption) (pulumi.Resource, error) {
	there := metadata
	there.Namespace = r.namespace.ToStringOutput()
	role, err := rbacv1.NewRole(ctx, name, &rbacv1.RoleArgs{Metadata: there, Rules: r.rules}, child)
	if err != nil {
		return nil, err
	}
	return rbacv1.NewRoleBinding(ctx, name, &rbacv1.RoleBindingArgs{
		Metadata: there,
		RoleRef: rbacv1.RoleRefArgs{
			ApiGroup: pulumi.String("rbac.authorization.k8s.io"), Kind: pulumi.String("Role"), Name: role.Metadata.Name().Elem(),
		},
		Subjects: rbacv1.SubjectArray{rbacv1.SubjectArgs{
			Kind: pulumi.String("ServiceAccount"), Name: account.Metadata.Name().Elem(), Namespace: metadata.Namespace,
		}},
	}, child)
}
