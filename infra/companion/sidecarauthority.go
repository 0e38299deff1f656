package companion

import (
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/dapr"
	"github.com/wealth-companion/companion/infra/kube"
)

// sidecarAuthorityApp is the name of what renews Dapr's authority, and of all that belongs
// to it.
const sidecarAuthorityApp = "dapr-authority"

// newSidecarAuthorityJob creates the job that renews Dapr's authority, which Dapr makes for
// a year and never again. It is in the control plane's namespace, where the key is; its
// account may change the authority there, and in the services' namespace their Deployments,
// whose pods it reads: a sidecar has its roots from when its pod was created.
func newSidecarAuthorityJob(ctx *pulumi.Context, name string, args *CompanionArgs, namespace pulumi.StringInput, child pulumi.ResourceOption) error {
	there := args.ControlPlane.Namespace
	if _, err := args.Images.NewPullSecret(ctx, name+"-"+sidecarAuthorityApp, there, child); err != nil {
		return err
	}
	// Empty but while a renewal lasts; what it holds is the job's.
	next, err := corev1.NewSecret(ctx, name+"-"+sidecarAuthorityApp+"-next", &corev1.SecretArgs{
		Metadata: metav1.ObjectMetaArgs{Name: pulumi.String(sidecarAuthorityApp), Namespace: there},
	}, child, pulumi.IgnoreChanges([]string{"data", "metadata.annotations"}))
	if err != nil {
		return err
	}
	certificates := args.ControlPlane.Certificates
	return newKeeper(ctx, name, &keeper{
		app: sidecarAuthorityApp, namespace: there, priority: kube.PlatformPriority,
		// A renewal takes two days, and is begun many days before it must be over.
		schedule: "37 * * * *",
		args: pulumi.StringArray{
			pulumi.String("sidecar-authority"),
			pulumi.Sprintf("--namespace=%s", there), pulumi.Sprintf("--next=%s", next.Metadata.Name().Elem()), pulumi.Sprintf("--clients=%s", namespace),
			pulumi.String("--deployment=" + strings.Join(Names(), ",")),
			pulumi.String("--lifetime=" + certificates.Lifetime), pulumi.String("--renew-before=" + certificates.RenewBefore),
			pulumi.String("--workload-lifetime=" + certificates.Workload),
		},
		rights: []right{
			{"renews", there, rbacv1.PolicyRuleArray{
				rule("", "secrets", []string{dapr.TrustBundle, sidecarAuthorityApp}, "get", "patch"),
				rule("", "configmaps", []string{dapr.TrustBundle}, "get", "patch"),
			}},
			{"replaces", namespace, rbacv1.PolicyRuleArray{
				rule("apps", "deployments", Names(), "get", "patch"),
				rule("", "pods", nil, "list"),
			}},
		},
	}, args, child)
}
