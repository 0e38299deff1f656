// Package data is Redis, the state store. The system of record, PostgreSQL, is
// not in the cluster: Neon runs it, and the services have its connection string.
package data

import (
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/stacks"
)

// Args are Redis' settings.
type Args struct {
	Redis    stacks.Redis
	Password pulumi.StringInput // secret
	// Clients is the namespace whose pods may connect.
	Clients string
}

// Redis is a Redis that persists what it is told.
type Redis struct {
	pulumi.ResourceState

	Address pulumi.StringOutput // host:port
}

const (
	namespaceName = "data"
	port          = 6379
)

// New makes Redis.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Redis, error) {
	r := &Redis{}
	if err := ctx.RegisterComponentResource(kube.Token("data", "Redis"), name, r, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(r)
	namespace, err := kube.NewNamespace(ctx, namespaceName, child)
	if err != nil {
		return nil, err
	}
	labels := pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("redis")}
	metadata := metav1.ObjectMetaArgs{
		Name: pulumi.String("redis"), Namespace: namespace.Metadata.Name().Elem().ToStringPtrOutput(), Labels: labels,
	}
	secret, err := corev1.NewSecret(ctx, "redis", &corev1.SecretArgs{
		Metadata:   metadata,
		StringData: pulumi.StringMap{"password": args.Password},
	}, child)
	if err != nil {
		return nil, err
	}
	service, err := corev1.NewService(ctx, "redis", &corev1.ServiceArgs{
		Metadata: metadata,
		Spec: corev1.ServiceSpecArgs{
			Selector: labels,
			Ports:    corev1.ServicePortArray{corev1.ServicePortArgs{Name: pulumi.String("redis"), Port: pulumi.Int(port)}},
		},
	}, child)
	if err != nil {
		return nil, err
	}
	if _, err := appsv1.NewStatefulSet(ctx, "redis", &appsv1.StatefulSetArgs{
		Metadata: metadata,
		Spec: appsv1.StatefulSetSpecArgs{
			ServiceName: service.Metadata.Name().Elem(),
			Replicas:    pulumi.Int(1),
			Selector:    metav1.LabelSelectorArgs{MatchLabels: labels},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels},
				Spec:     pod(args, secret),
			},
			VolumeClaimTemplates: corev1.PersistentVolumeClaimTypeArray{corev1.PersistentVolumeClaimTypeArgs{
				Metadata: metav1.ObjectMetaArgs{Name: pulumi.String("data")},
				Spec: corev1.PersistentVolumeClaimSpecArgs{
					AccessModes: pulumi.ToStringArray([]string{"ReadWriteOnce"}),
					Resources:   corev1.VolumeResourceRequirementsArgs{Requests: pulumi.StringMap{"storage": pulumi.String(args.Redis.Storage)}},
				},
			}},
		},
	}, child); err != nil {
		return nil, err
	}
	if _, err := networkingv1.NewNetworkPolicy(ctx, "redis", &networkingv1.NetworkPolicyArgs{
		Metadata: metadata,
		Spec: networkingv1.NetworkPolicySpecArgs{
			PodSelector: metav1.LabelSelectorArgs{MatchLabels: labels},
			PolicyTypes: pulumi.ToStringArray([]string{"Ingress"}),
			Ingress: networkingv1.NetworkPolicyIngressRuleArray{networkingv1.NetworkPolicyIngressRuleArgs{
				From: networkingv1.NetworkPolicyPeerArray{networkingv1.NetworkPolicyPeerArgs{
					NamespaceSelector: metav1.LabelSelectorArgs{MatchLabels: pulumi.StringMap{"kubernetes.io/metadata.name": pulumi.String(args.Clients)}},
				}},
				Ports: networkingv1.NetworkPolicyPortArray{networkingv1.NetworkPolicyPortArgs{Port: pulumi.Int(port)}},
			}},
		},
	}, child); err != nil {
		return nil, err
	}
	r.Address = pulumi.Sprintf("%s.%s.svc:%d", service.Metadata.Name().Elem(), service.Metadata.Namespace().Elem(), port)
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{"address": r.Address})
}

func pod(args Args, secret *corev1.Secret) corev1.PodSpecArgs {
	// The password reaches the server as a setting on its standard input, and the
	// probe by the client's own variable: neither shows in a list of processes.
	const start = `printf 'port 6379\nbind * -::*\ndir /data\nappendonly yes\nmaxmemory-policy noeviction\nrequirepass %s\n' "$REDISCLI_AUTH" | exec redis-server -`
	probe := corev1.ProbeArgs{
		Exec:          corev1.ExecActionArgs{Command: pulumi.ToStringArray([]string{"redis-cli", "ping"})},
		PeriodSeconds: pulumi.Int(5), TimeoutSeconds: pulumi.Int(3),
	}
	return corev1.PodSpecArgs{
		AutomountServiceAccountToken: pulumi.Bool(false),
		SecurityContext: corev1.PodSecurityContextArgs{
			RunAsNonRoot: pulumi.Bool(true), RunAsUser: pulumi.Int(999), RunAsGroup: pulumi.Int(999), FsGroup: pulumi.Int(999),
			SeccompProfile: corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
		},
		Containers: corev1.ContainerArray{corev1.ContainerArgs{
			Name:    pulumi.String("redis"),
			Image:   pulumi.String(args.Redis.Image),
			Command: pulumi.ToStringArray([]string{"sh", "-c", start}),
			Env: corev1.EnvVarArray{corev1.EnvVarArgs{
				Name: pulumi.String("REDISCLI_AUTH"),
				ValueFrom: corev1.EnvVarSourceArgs{SecretKeyRef: corev1.SecretKeySelectorArgs{
					Name: secret.Metadata.Name(), Key: pulumi.String("password"),
				}},
			}},
			Ports:           corev1.ContainerPortArray{corev1.ContainerPortArgs{ContainerPort: pulumi.Int(port)}},
			ReadinessProbe:  probe,
			LivenessProbe:   probe,
			Resources:       kube.Resources(args.Redis.Resources),
			SecurityContext: kube.Restricted(),
			VolumeMounts:    corev1.VolumeMountArray{corev1.VolumeMountArgs{Name: pulumi.String("data"), MountPath: pulumi.String("/data")}},
		}},
	}
}
