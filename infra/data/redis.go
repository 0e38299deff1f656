// Package data is the state store: Redis in the cluster, or Valkey that DigitalOcean runs.
// The system of record, PostgreSQL, is neither: Neon runs it, and the services have its
// connection string.
package data

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/secret"
)

// RedisArgs are Redis' settings. All but Namespace are required.
type RedisArgs struct {
	Environment kube.Environment
	Image       pulumi.StringInput
	Resources   kube.Requirements
	// Passwords are those that the services' user may use: the first is given to the
	// services, the others are still accepted.
	Passwords   []secret.Text
	Certificate Certificate
	// CertManager signs the server's certificate: its definitions exist once it does.
	CertManager pulumi.Resource
	// ClientNamespace is the namespace whose pods may connect.
	ClientNamespace pulumi.StringInput
	// Namespace is Redis' own; default data.
	Namespace string
}

const (
	// port is where Redis listens.
	port = 6379
	// User is the services', who may read and write keys.
	User = "companion"
	// maintainer is the pod's own, who may ask for a sign of life and have a new certificate read.
	maintainer = "maintainer"

	certificates = "/etc/redis/certificates"
	users        = "/etc/redis/users"
)

// NewRedis creates a Redis that takes TLS connections only, in a namespace of its own. It keeps
// nothing beyond its pod: with a volume, which is bound to a node, it would be away for as long as
// that node is.
func NewRedis(ctx *pulumi.Context, name string, args *RedisArgs, opts ...pulumi.ResourceOption) (*Store, error) {
	if err := args.check(); err != nil {
		return nil, err
	}
	most, err := args.Resources.MemoryShare(dataShare)
	if err != nil {
		return nil, err
	}
	labels := pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("redis")}
	r := &Store{Access: secret.Of(map[string]secret.Text{"username": User, "password": args.Passwords[0]})}
	if err := ctx.RegisterComponentResource(kube.Token("data", "Redis"), name, r, opts...); err != nil {
		return nil, err
	}
	var child pulumi.ResourceOption = pulumi.Parent(r)
	namespace, err := kube.NewNamespace(ctx, name, &kube.NamespaceArgs{
		Environment: args.Environment, Namespace: cmp.Or(args.Namespace, "data"), PodSecurity: kube.Restricted,
		Quota:    kube.Quota{Pods: 3, CPU: "2", Memory: "2Gi"},
		Defaults: kube.Requirements{CPU: "20m", Memory: "32Mi", MemoryLimit: "128Mi"},
		Ingress: []kube.Allow{{
			Name: "clients", Pods: labels, Peers: []kube.Peer{{Namespace: args.ClientNamespace}}, Ports: []int{port},
		}},
	}, child)
	if err != nil {
		return nil, err
	}
	child = namespace.In(child)
	in := namespace.Name
	r.Namespace, r.Egress = in, kube.Allow{Peers: []kube.Peer{{Namespace: in, Labels: labels}}, Ports: []int{port}}
	metadata := metav1.ObjectMetaArgs{
		Name: pulumi.String("redis"), Namespace: in, Labels: labels,
	}
	accounts, err := secret.NewImmutable(ctx, name+"-users", "redis-users", in, secret.Of(accountsOf(args.Passwords)), child)
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
	certificate, err := newCertificate(ctx, name, args, in, child)
	if err != nil {
		return nil, err
	}
	if r.Ready, err = appsv1.NewDeployment(ctx, name, &appsv1.DeploymentArgs{
		Metadata: metadata,
		Spec: appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(1),
			Selector: metav1.LabelSelectorArgs{MatchLabels: labels},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: labels},
				Spec:     pod(args, most, accounts.Name),
			},
		},
	}, child, pulumi.DependsOn([]pulumi.Resource{accounts.Resource, certificate})); err != nil {
		return nil, err
	}
	r.Address = pulumi.Sprintf("%s.%s.svc:%d", service.Metadata.Name().Elem(), in, port)
	return r, ctx.RegisterResourceOutputs(r, pulumi.Map{"address": r.Address, "namespace": in})
}

func (args *RedisArgs) check() error {
	required := map[string]any{
		"Image": args.Image, "Resources.Memory": args.Resources.Memory, "Resources.MemoryLimit": args.Resources.MemoryLimit,
		"Passwords": nil, "ClientNamespace": args.ClientNamespace, "CertManager": args.CertManager,
		"Certificate.Lifetime": args.Certificate.Lifetime, "Certificate.RenewBefore": args.Certificate.RenewBefore,
	}
	if len(args.Passwords) > 0 {
		required["Passwords"] = args.Passwords[0]
	}
	return kube.Check("data.RedisArgs", required)
}

// accountsOf is the content of a Secret with the list of users, in which passwords are
// hashed, and the maintainer's password.
func accountsOf(passwords []secret.Text) map[string]secret.Text {
	maintenance := secret.Derive(passwords[0], "redis maintainer")
	var accepted []string
	for _, password := range passwords {
		accepted = append(accepted, "#"+hash(password))
	}
	return map[string]secret.Text{
		"password": maintenance,
		// INFO tells the sidecar whether there are replicas to wait for; EVAL is how it
		// compares ETags.
		"users.acl": secret.Text(fmt.Sprintf("user default off\nuser %s on %s ~* resetchannels -@all +@read +@write +@connection +@transaction +@scripting -@dangerous +info\nuser %s on #%s resetchannels -@all +ping +config|set\n",
			User, strings.Join(accepted, " "), maintainer, hash(maintenance))),
	}
}

func hash(password secret.Text) string {
	sum := sha256.Sum256([]byte(password))
	return hex.EncodeToString(sum[:])
}

// dataShare is the part of the container's memory that data may take, in percent. The
// rest is for clients' buffers.
const dataShare = 60

// renewal is how often the server's certificate is looked at.
const renewal = 10 * time.Second

// command has a shell run the server with files in these folders.
func command(certificates, users string, port int, maxMemory int64, renewal time.Duration) string {
	return fmt.Sprintf(start, certificates, users, maintainer, port, maxMemory, int(renewal.Seconds()))
}

// start gives the server its settings on its standard input, as the process that is told
// when the pod ends, and has it read a new certificate when cert-manager has renewed the one it has: the volume follows the Secret.
// The client does not verify the server, which is in the same pod: after a renewal of the
// authority, the server has a certificate of the one before.
const start = `renew() {
  known="$(cat %[1]s/tls.crt)"
  while sleep %[6]d; do
    current="$(cat %[1]s/tls.crt)"
    if [ "$current" != "$known" ] && redis-cli -p %[4]d --tls --insecure --user %[3]s config set tls-cert-file %[1]s/tls.crt tls-key-file %[1]s/tls.key tls-ca-cert-file %[1]s/ca.crt; then
      known="$current"
    fi
  done
}
renew &
exec redis-server - <<SETTINGS
port 0
tls-port %[4]d
tls-cert-file %[1]s/tls.crt
tls-key-file %[1]s/tls.key
tls-ca-cert-file %[1]s/ca.crt
tls-auth-clients no
tls-protocols "TLSv1.2 TLSv1.3"
bind * -::*
save ""
appendonly no
aclfile %[2]s/users.acl
maxmemory %[5]d
maxmemory-policy volatile-ttl
SETTINGS
`

func pod(args *RedisArgs, maxMemory int64, accounts string) corev1.PodSpecArgs {
	// What is cached makes room, the one that would end first; without a limit the kernel
	// would end the server. The maintainer's password
	// reaches the client by its own variable: it does not show in a list of processes.
	probe := corev1.ProbeArgs{
		Exec: corev1.ExecActionArgs{Command: pulumi.ToStringArray([]string{
			"redis-cli", "--tls", "--insecure", "--user", maintainer, "ping",
		})},
		PeriodSeconds: pulumi.Int(5), TimeoutSeconds: pulumi.Int(3),
	}
	mount := func(volume, path string) corev1.VolumeMountArgs {
		return corev1.VolumeMountArgs{Name: pulumi.String(volume), MountPath: pulumi.String(path), ReadOnly: pulumi.Bool(true)}
	}
	return corev1.PodSpecArgs{
		PriorityClassName:            pulumi.String(kube.PlatformPriority),
		Tolerations:                  kube.LeaveLostNodes(),
		AutomountServiceAccountToken: pulumi.Bool(false),
		SecurityContext: corev1.PodSecurityContextArgs{
			RunAsNonRoot: pulumi.Bool(true), RunAsUser: pulumi.Int(999), RunAsGroup: pulumi.Int(999), FsGroup: pulumi.Int(999),
			SeccompProfile: corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
		},
		Containers: corev1.ContainerArray{corev1.ContainerArgs{
			Name:    pulumi.String("redis"),
			Image:   args.Image,
			Command: pulumi.ToStringArray([]string{"sh", "-c", command(certificates, users, port, maxMemory, renewal)}),
			Env: corev1.EnvVarArray{corev1.EnvVarArgs{
				Name: pulumi.String("REDISCLI_AUTH"),
				ValueFrom: corev1.EnvVarSourceArgs{SecretKeyRef: corev1.SecretKeySelectorArgs{
					Name: pulumi.String(accounts), Key: pulumi.String("password"),
				}},
			}},
			Ports:           corev1.ContainerPortArray{corev1.ContainerPortArgs{ContainerPort: pulumi.Int(port)}},
			ReadinessProbe:  probe,
			LivenessProbe:   probe,
			Resources:       args.Resources.Container(),
			SecurityContext: kube.RestrictedContainer(),
			VolumeMounts:    corev1.VolumeMountArray{mount("certificates", certificates), mount("users", users)},
		}},
		Volumes: corev1.VolumeArray{
			corev1.VolumeArgs{Name: pulumi.String("certificates"), Secret: corev1.SecretVolumeSourceArgs{
				SecretName: pulumi.String(certificateSecret), DefaultMode: pulumi.Int(0o440),
			}},
			corev1.VolumeArgs{Name: pulumi.String("users"), Secret: corev1.SecretVolumeSourceArgs{
				SecretName: pulumi.String(accounts), DefaultMode: pulumi.Int(0o440),
				Items: corev1.KeyToPathArray{corev1.KeyToPathArgs{Key: pulumi.String("users.acl"), Path: pulumi.String("users.acl")}},
			}},
		},
	}
}
