// Package data is Redis, the state store. The system of record, PostgreSQL, is
// not in the cluster: Neon runs it, and the services have its connection string.
package data

import (
	"cmp"
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/wealth-companion/companion/infra/kube"
)

// RedisArgs are Redis' settings. All but Namespace are required.
type RedisArgs struct {
	Image     pulumi.StringInput
	Storage   pulumi.StringInput // a quantity
	Resources kube.Requirements
	Password  pulumi.StringInput // secret
	// ClientNamespace is the namespace whose pods may connect.
	ClientNamespace pulumi.StringInput
	// Namespace is Redis' own; default data.
	Namespace string
}

// Redis is a Redis that persists its writes.
type Redis struct {
	pulumi.ResourceState

	Address   pulumi.StringOutput // host:port
	Namespace pulumi.StringOutput
	// Labels are its pods', for network policies.
	Labels pulumi.StringMap
}

const port = 6379

// NewRedis creates Redis in a namespace of its own.
func NewRedis(ctx *pulumi.Context, name string, args *RedisArgs, opts ...pulumi.ResourceOption) (*Redis, error) {
	if err := kube.Check("data.RedisArgs", map[string]any{
		"Image": args.Image, "Storage": args.Storage, "Resources.Memory": args.Resources.Memory, "Resources.MemoryLimit": args.Resources.MemoryLimit, "Password": args.Password, "ClientNamespace": args.ClientNamespace,
	}); err != nil {
		return nil, err
	}
	most, err := maxMemory(args.Resources.MemoryLimit)
	if err != nil {
		return nil, err
	}
	r := &Redis{Labels: pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("redis")}}
	if err := ctx.RegisterComponentResource(kube.Token("data", "Redis"), name, r, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(r)
	namespace, err := kube.NewNamespace(ctx, name, cmp.Or(args.Namespace, "data"), nil, child)
	if err != nil {
		return nil, err
	}
	r.Namespace = namespace.Metadata.Name().Elem()
	labels := r.Labels
	metadata := metav1.ObjectMetaArgs{
		Name: pulumi.String("redis"), Namespace: r.Namespace, Labels: labels,
	}
	secret, err := corev1.NewSecret(ctx, name, &corev1.SecretArgs{
		Metadata:   metadata,
		StringData: pulumi.StringMap{"password": args.Password},
	}, child)
	if err != nil {
		return nil, err
	}
	service, err := corev1.NewService(ctx, name, &corev1.ServiceArgs{
		Metadata: metadata,
		Spec: corev1.ServiceSpecArgs{
			Selector: labels,
			Ports:    corev1.ServicePortArray{corev1.ServicePortArgs{Name: pulumi.String("redis"), Port: pulumi.Int(port)}},
		},
	}, child)
	if err != nil {
		return nil, err
	}
	if _, err := appsv1.NewStatefulSet(ctx, name, &appsv1.StatefulSetArgs{
		Metadata: metadata,
		Spec: appsv1.StatefulSetSpecArgs{
			ServiceName: service.Metadata.Name().Elem(),
			Replicas:    pulumi.Int(1),
			Selector:    metav1.LabelSelectorArgs{MatchLabels: labels},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels},
				Spec:     pod(args, most, secret),
			},
			VolumeClaimTemplates: corev1.PersistentVolumeClaimTypeArray{corev1.PersistentVolumeClaimTypeArgs{
				Metadata: metav1.ObjectMetaArgs{Name: pulumi.String("data")},
				Spec: corev1.PersistentVolumeClaimSpecArgs{
					AccessModes: pulumi.ToStringArray([]string{"ReadWriteOnce"}),
					Resources:   corev1.VolumeResourceRequirementsArgs{Requests: pulumi.StringMap{"storage": args.Storage}},
				},
			}},
		},
	}, child); err != nil {
		return nil, err
	}
	if _, err := networkingv1.NewNetworkPolicy(ctx, name, &networkingv1.NetworkPolicyArgs{
		Metadata: metadata,
		Spec: networkingv1.NetworkPolicySpecArgs{
			PodSelector: metav1.LabelSelectorArgs{MatchLabels: labels},
			PolicyTypes: pulumi.ToStringArray([]string{"Ingress"}),
			Ingress: networkingv1.NetworkPolicyIngressRuleArray{networkingv1.NetworkPolicyIngressRuleArgs{
				From: networkingv1.NetworkPolicyPeerArray{networkingv1.NetworkPolicyPeerArgs{
					NamespaceSelector: metav1.LabelSelectorArgs{MatchLabels: pulumi.StringMap{"kubernetes.io/metadata.name": args.ClientNamespace}},
				}},
				Ports: networkingv1.NetworkPolicyPortArray{networkingv1.NetworkPolicyPortArgs{Port: pulumi.Int(port)}},
			}},
		},
	}, child); err != nil {
		return nil, err
	}
	r.Address = pulumi.Sprintf("%s.%s.svc:%d", service.Metadata.Name().Elem(), r.Namespace, port)
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{"address": r.Address, "namespace": r.Namespace})
}

// dataShare is the part of the container's memory that data may take, in percent. The
// rest is for clients' buffers and for the copy while the append-only file is rewritten.
const dataShare = 60

// maxMemory is what data may take, in bytes, of a memory limit.
func maxMemory(limit string) (int64, error) {
	quantity, err := resource.ParseQuantity(limit)
	if err != nil {
		return 0, fmt.Errorf("data.RedisArgs: Resources.MemoryLimit is %q: set it to a quantity such as 256Mi", limit)
	}
	return quantity.Value() / 100 * dataShare, nil
}

func pod(args *RedisArgs, maxMemory int64, secret *corev1.Secret) corev1.PodSpecArgs {
	// The password reaches the server as a setting on its standard input, and the
	// probe by the client's own variable: neither shows in a list of processes. What is
	// cached makes room, the one that would end first; without a limit the kernel would
	// end the server, which would load the same data again.
	start := fmt.Sprintf(`printf 'port 6379\nbind * -::*\ndir /data\nappendonly yes\nmaxmemory %d\nmaxmemory-policy volatile-ttl\nrequirepass %%s\n' "$REDISCLI_AUTH" | exec redis-server -`, maxMemory)
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
			Image:   args.Image,
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
			Resources:       args.Resources.Container(),
			SecurityContext: kube.Restricted(),
			VolumeMounts:    corev1.VolumeMountArray{corev1.VolumeMountArgs{Name: pulumi.String("data"), MountPath: pulumi.String("/data")}},
		}},
	}
}
