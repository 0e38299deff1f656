// Package workload is what every service of ours gets: a Deployment with Dapr's
// sidecar, probes, resources, a restricted security context, spread over nodes,
// a disruption budget and a network policy.
package workload

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/messaging/sidecar"
	"github.com/wealth-companion/companion/infra/kube"
)

// The ports of every service.
const (
	PublicPort     = 8080 // its API, where it has one
	eventsPort     = 8081 // Dapr's way in, on the pod's own loopback
	operationsPort = 8082 // probes and metrics; 9090 has those of the sidecar
	sidecarPort    = 50002
	// sidecarMetricsPort is the sidecar's own.
	sidecarMetricsPort = 9090
)

// Metrics are those of all services of a namespace and of their sidecars.
func Metrics(namespace pulumi.StringInput) kube.Scrape {
	return kube.Scrape{
		Name: "services", Namespace: namespace, JobLabel: "app.kubernetes.io/name",
		Pods: pulumi.StringMap{"app.kubernetes.io/part-of": pulumi.String(kube.PartOf)},
		Endpoints: []kube.Endpoint{
			{Name: operationsName, Port: operationsPort},
			{Name: "dapr-metrics", Port: sidecarMetricsPort, Path: "/"}, // as the injector names it
		},
	}
}

// operationsName is the name of operationsPort.
const operationsName = "operations"

// Secret is a value that a service gets from a Kubernetes Secret.
type Secret struct{ Name, Key string }

// TokenKey is the key under which Dapr's injector looks for a token in a Secret.
const TokenKey = "token"

// WorkloadArgs describe a service. Namespace, Image, Replicas or Scaling, Resources,
// Sidecar, SidecarConfiguration, SidecarToken and AppToken are required.
type WorkloadArgs struct {
	// Name is the service's one name: Dapr app id, Deployment, ServiceAccount,
	// container; default: the component's.
	Name        string
	Namespace   pulumi.StringInput
	Environment kube.Environment
	Image       pulumi.StringInput
	// Version is the release's, a label of the pods.
	Version string
	// Replicas is the number of pods, unless Scaling has an autoscaler set it.
	Replicas  pulumi.IntInput
	Scaling   *Scaling
	Resources kube.Requirements
	Sidecar   kube.Requirements
	Env       pulumi.StringMap
	Secrets   map[string]Secret // environment variable to where its value is
	// SidecarConfiguration is the Dapr Configuration that the sidecar reads.
	SidecarConfiguration string
	// SidecarToken is the Secret with what the sidecar asks of the service, and AppToken that
	// with what the service asks of its sidecar, both under TokenKey.
	SidecarToken, AppToken string
	// SidecarSecrets are those that the sidecar reads for its components when it starts:
	// pods are replaced when one has another name.
	SidecarSecrets pulumi.StringArray
	// Files are in folders of their own, each with one file that is called by the Secret's key.
	Files map[string]Secret
	// Scratch is a folder that outlives the service's process, not its pod; empty: none.
	Scratch string
	// Egress is where the service and its sidecar may connect to, besides other sidecars,
	// the name server and the API server.
	Egress []kube.Allow
	// PublicNamespace is the namespace whose pods may call the service's API; nil:
	// the service has none.
	PublicNamespace pulumi.StringInput
}

// Workload is a service that runs.
type Workload struct {
	pulumi.ResourceState

	// Service is the API's name within the namespace; empty where there is none.
	Service pulumi.StringOutput
	// Labels are the pods', for network policies of those they call.
	Labels pulumi.StringMap
}

// NewWorkload creates the service and waits until it is ready.
func NewWorkload(ctx *pulumi.Context, name string, args *WorkloadArgs, opts ...pulumi.ResourceOption) (*Workload, error) {
	if err := kube.Check("workload.WorkloadArgs", map[string]any{
		"Namespace": args.Namespace, "Image": args.Image,
		"Resources.Memory": args.Resources.Memory, "Sidecar.Memory": args.Sidecar.Memory,
		"SidecarConfiguration": args.SidecarConfiguration, "SidecarToken": args.SidecarToken, "AppToken": args.AppToken,
	}); err != nil {
		return nil, err
	}
	heap, err := args.Resources.GoMemoryLimit()
	if err != nil {
		return nil, err
	}
	sidecarHeap, err := args.Sidecar.GoMemoryLimit()
	if err != nil {
		return nil, err
	}
	if (args.Replicas == nil) == (args.Scaling == nil) {
		return nil, errors.New("workload.WorkloadArgs: one of Replicas and Scaling is required")
	}
	own := cmp.Or(args.Name, name)
	// Only the name is in the selector: it can never be changed.
	selector := pulumi.StringMap{"app.kubernetes.io/name": pulumi.String(own)}
	w := &Workload{Labels: selector, Service: pulumi.String("").ToStringOutput()}
	if err := ctx.RegisterComponentResource(kube.Token("workload", "Workload"), name, w, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(w)
	metadata := metav1.ObjectMetaArgs{Name: pulumi.String(own), Namespace: args.Namespace.ToStringOutput(), Labels: selector}
	account, err := corev1.NewServiceAccount(ctx, name, &corev1.ServiceAccountArgs{Metadata: metadata}, child)
	if err != nil {
		return nil, err
	}
	access, err := newAccess(ctx, name, args.SidecarSecrets, account, metadata, child)
	if err != nil {
		return nil, err
	}
	if args.PublicNamespace != nil {
		w.Service = pulumi.String(own).ToStringOutput()
		if _, err := corev1.NewService(ctx, name, &corev1.ServiceArgs{
			Metadata: metadata,
			Spec: corev1.ServiceSpecArgs{
				Selector: selector,
				Ports: corev1.ServicePortArray{corev1.ServicePortArgs{
					Name: pulumi.String("http"), Port: pulumi.Int(80), TargetPort: pulumi.Int(PublicPort),
				}},
			},
		}, child); err != nil {
			return nil, err
		}
	}
	if _, err := policyv1.NewPodDisruptionBudget(ctx, name, &policyv1.PodDisruptionBudgetArgs{
		Metadata: metadata,
		Spec: policyv1.PodDisruptionBudgetSpecArgs{
			MaxUnavailable: pulumi.Int(1),
			Selector:       metav1.LabelSelectorArgs{MatchLabels: selector},
		},
	}, child); err != nil {
		return nil, err
	}
	if err := newNetwork(ctx, name, own, args, selector, child); err != nil {
		return nil, err
	}
	if args.Scaling != nil {
		if err := newAutoscaler(ctx, name, own, args.Scaling, metadata, child); err != nil {
			return nil, err
		}
	}
	_, err = appsv1.NewDeployment(ctx, name, &appsv1.DeploymentArgs{
		Metadata: metadata,
		Spec: appsv1.DeploymentSpecArgs{
			Replicas: replicas(args.Replicas),
			Selector: metav1.LabelSelectorArgs{MatchLabels: selector},
			Strategy: appsv1.DeploymentStrategyArgs{RollingUpdate: appsv1.RollingUpdateDeploymentArgs{
				MaxSurge: pulumi.Int(1), MaxUnavailable: pulumi.Int(0),
			}},
			Template: corev1.PodTemplateSpecArgs{
				Metadata: metav1.ObjectMetaArgs{Labels: kube.Labels(own, args.Version), Annotations: annotations(own, args, sidecarHeap)},
				Spec:     pod(own, args, heap, account, selector),
			},
		},
	}, child, pulumi.DependsOn([]pulumi.Resource{access}), pulumi.Timeouts(&pulumi.CustomTimeouts{Create: readyTimeout, Update: readyTimeout}))
	if err != nil {
		return nil, err
	}
	return w, ctx.RegisterResourceOutputs(w, pulumi.Map{"service": w.Service})
}

// replicas is a Deployment's number of pods, which it does not name where an autoscaler owns
// it: it would be set back by each update.
func replicas(configured pulumi.IntInput) pulumi.IntPtrInput {
	if configured == nil {
		return nil
	}
	return configured.ToIntOutput().ToIntPtrOutput()
}

// Seconds for which a pod that is told to end takes requests as before, since NGINX takes
// a moment to learn of it; and for which its sidecar goes on as if nothing was said: what
// the service still answers needs it.
const (
	preStop      = 5
	sidecarStays = 12
)

// readyTimeout is how long a service may take to become ready; the update fails
// after it.
const readyTimeout = "5m"

// newAccess lets the service's account read the secrets that its sidecar's
// components refer to, and no others.
func newAccess(ctx *pulumi.Context, name string, secrets pulumi.StringArray, account *corev1.ServiceAccount, metadata metav1.ObjectMetaArgs, child pulumi.ResourceOption) (pulumi.Resource, error) {
	if len(secrets) == 0 { // a rule that names none would allow all
		return account, nil
	}
	role, err := rbacv1.NewRole(ctx, name+"-secrets", &rbacv1.RoleArgs{
		Metadata: metadata,
		Rules: rbacv1.PolicyRuleArray{rbacv1.PolicyRuleArgs{
			ApiGroups: pulumi.ToStringArray([]string{""}), Resources: pulumi.ToStringArray([]string{"secrets"}),
			ResourceNames: secrets, Verbs: pulumi.ToStringArray([]string{"get"}),
		}},
	}, child)
	if err != nil {
		return nil, err
	}
	return rbacv1.NewRoleBinding(ctx, name+"-secrets", &rbacv1.RoleBindingArgs{
		Metadata: metadata,
		RoleRef: rbacv1.RoleRefArgs{
			ApiGroup: pulumi.String("rbac.authorization.k8s.io"), Kind: pulumi.String("Role"), Name: role.Metadata.Name().Elem(),
		},
		Subjects: rbacv1.SubjectArray{rbacv1.SubjectArgs{
			Kind: pulumi.String("ServiceAccount"), Name: account.Metadata.Name().Elem(), Namespace: metadata.Namespace,
		}},
	}, child)
}

// annotations are those by which Dapr's injector adds the sidecar.
func annotations(name string, args *WorkloadArgs, heap string) pulumi.StringMap {
	r := args.Sidecar
	all := pulumi.ToStringMap(map[string]string{
		"dapr.io/enabled":                               "true",
		"dapr.io/app-id":                                name,
		"dapr.io/app-port":                              fmt.Sprint(eventsPort),
		"dapr.io/app-protocol":                          "http",
		"dapr.io/api-token-secret":                      args.SidecarToken,
		"dapr.io/app-token-secret":                      args.AppToken,
		"dapr.io/config":                                args.SidecarConfiguration,
		"dapr.io/log-as-json":                           "true",
		"dapr.io/sidecar-cpu-request":                   r.CPU,
		"dapr.io/sidecar-memory-request":                r.Memory,
		"dapr.io/sidecar-memory-limit":                  r.MemoryLimit,
		"dapr.io/env":                                   goMemory + "=" + heap,
		"dapr.io/block-shutdown-duration":               fmt.Sprintf("%ds", sidecarStays),
		"dapr.io/volume-mounts":                         tokenVolume + ":/var/run/secrets/kubernetes.io/serviceaccount",
		"dapr.io/graceful-shutdown-seconds":             "20",
		"dapr.io/sidecar-seccomp-profile-type":          "RuntimeDefault",
		"dapr.io/sidecar-readiness-probe-delay-seconds": "1",
	})
	if args.Scratch != "" {
		// What is there outlives containers, not pods. Without this, the autoscaler takes no node
		// away that such a pod is on.
		all["cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"] = pulumi.String(scratchVolume)
	}
	all["companion/sidecar-configuration"] = args.SidecarSecrets.ToStringArrayOutput().ApplyT(func(names []string) string {
		return strings.Join(slices.Sorted(slices.Values(names)), " ")
	}).(pulumi.StringOutput)
	return all
}

func pod(name string, args *WorkloadArgs, heap string, account *corev1.ServiceAccount, selector pulumi.StringMap) corev1.PodSpecArgs {
	probe := func(path string, period, failures int) corev1.ProbeArgs {
		return corev1.ProbeArgs{
			HttpGet:       corev1.HTTPGetActionArgs{Path: pulumi.String(path), Port: pulumi.Int(operationsPort)},
			PeriodSeconds: pulumi.Int(period), FailureThreshold: pulumi.Int(failures), TimeoutSeconds: pulumi.Int(2),
		}
	}
	ports := corev1.ContainerPortArray{corev1.ContainerPortArgs{Name: pulumi.String(operationsName), ContainerPort: pulumi.Int(operationsPort)}}
	if args.PublicNamespace != nil {
		ports = append(ports, corev1.ContainerPortArgs{Name: pulumi.String("http"), ContainerPort: pulumi.Int(PublicPort)})
	}
	var mounts corev1.VolumeMountArray
	volumes := corev1.VolumeArray{sidecarToken()}
	if args.Scratch != "" {
		mounts = corev1.VolumeMountArray{corev1.VolumeMountArgs{Name: pulumi.String(scratchVolume), MountPath: pulumi.String(args.Scratch)}}
		volumes = append(volumes, corev1.VolumeArgs{
			Name: pulumi.String(scratchVolume), EmptyDir: corev1.EmptyDirVolumeSourceArgs{SizeLimit: pulumi.String("16Mi")},
		})
	}
	for at, folder := range slices.Sorted(maps.Keys(args.Files)) {
		from, volume := args.Files[folder], fmt.Sprintf("files-%d", at)
		mounts = append(mounts, corev1.VolumeMountArgs{Name: pulumi.String(volume), MountPath: pulumi.String(folder), ReadOnly: pulumi.Bool(true)})
		volumes = append(volumes, corev1.VolumeArgs{Name: pulumi.String(volume), Secret: corev1.SecretVolumeSourceArgs{
			SecretName: pulumi.String(from.Name),
			Items:      corev1.KeyToPathArray{corev1.KeyToPathArgs{Key: pulumi.String(from.Key), Path: pulumi.String(from.Key)}},
		}})
	}
	return corev1.PodSpecArgs{
		ServiceAccountName: account.Metadata.Name(),
		// The sidecar alone calls the API server, by a token of its own.
		AutomountServiceAccountToken: pulumi.Bool(false),
		PriorityClassName:            pulumi.String(kube.ServicePriority),
		ImagePullSecrets:             kube.PullSecrets(),
		// A request in flight is answered before the pod goes.
		TerminationGracePeriodSeconds: pulumi.Int(40),
		SecurityContext:               kube.RestrictedPod(kube.Nonroot),
		NodeSelector:                  pulumi.StringMap{kube.PoolLabel: pulumi.String(kube.ApplicationPool)},
		Tolerations: append(kube.LeaveLostNodes(), corev1.TolerationArgs{
			Key: pulumi.String(kube.PoolLabel), Value: pulumi.String(kube.ApplicationPool), Effect: pulumi.String("NoSchedule"),
		}),
		TopologySpreadConstraints: corev1.TopologySpreadConstraintArray{corev1.TopologySpreadConstraintArgs{
			MaxSkew: pulumi.Int(1), TopologyKey: pulumi.String("kubernetes.io/hostname"),
			WhenUnsatisfiable: pulumi.String("ScheduleAnyway"),
			LabelSelector:     metav1.LabelSelectorArgs{MatchLabels: selector},
		}},
		Containers: corev1.ContainerArray{corev1.ContainerArgs{
			Name:           pulumi.String(name),
			Image:          args.Image.ToStringOutput(),
			Env:            environment(name, args, heap),
			Ports:          ports,
			StartupProbe:   probe("/healthz", 1, 60),
			LivenessProbe:  probe("/healthz", 10, 3),
			ReadinessProbe: probe("/readyz", 2, 2),
			Resources:      args.Resources.Container(),
			// NGINX takes a moment to learn that the pod is going; it must not be
			// refused meanwhile.
			Lifecycle:       corev1.LifecycleArgs{PreStop: corev1.LifecycleHandlerArgs{Sleep: corev1.SleepActionArgs{Seconds: pulumi.Int(preStop)}}},
			SecurityContext: kube.RestrictedContainer(),
			VolumeMounts:    mounts,
		}},
		Volumes: volumes,
	}
}

// goMemory is the variable by which Go's runtime knows its memory limit.
const goMemory = "GOMEMLIMIT"

// environment is in the order of the variables' names, so that a plan shows
// what changed and nothing else.
func environment(name string, args *WorkloadArgs, heap string) corev1.EnvVarArray {
	plain := pulumi.StringMap{"SERVICE_NAME": pulumi.String(name), goMemory: pulumi.String(heap)}
	maps.Copy(plain, args.Env)
	var env corev1.EnvVarArray
	for _, key := range slices.Sorted(maps.Keys(plain)) {
		env = append(env, corev1.EnvVarArgs{Name: pulumi.String(key), Value: plain[key].ToStringOutput()})
	}
	secrets := map[string]Secret{sidecar.APIToken: {args.SidecarToken, TokenKey}, sidecar.AppToken: {args.AppToken, TokenKey}}
	maps.Copy(secrets, args.Secrets)
	for _, key := range slices.Sorted(maps.Keys(secrets)) {
		from := secrets[key]
		env = append(env, corev1.EnvVarArgs{Name: pulumi.String(key), ValueFrom: corev1.EnvVarSourceArgs{
			SecretKeyRef: corev1.SecretKeySelectorArgs{Name: pulumi.String(from.Name), Key: pulumi.String(from.Key)},
		}})
	}
	return env
}

// scratchVolume is WorkloadArgs.Scratch's.
const scratchVolume = "scratch"

// tokenVolume has what a pod's account needs at the API server.
const tokenVolume = "api-access"

// sidecarToken is what Kubernetes mounts into every container by default, and here into
// the sidecar's only: it reads its components' secrets.
func sidecarToken() corev1.VolumeArgs {
	return corev1.VolumeArgs{Name: pulumi.String(tokenVolume), Projected: corev1.ProjectedVolumeSourceArgs{
		Sources: corev1.VolumeProjectionArray{
			corev1.VolumeProjectionArgs{ServiceAccountToken: corev1.ServiceAccountTokenProjectionArgs{
				Path: pulumi.String("token"), ExpirationSeconds: pulumi.Int(3607),
			}},
			corev1.VolumeProjectionArgs{ConfigMap: corev1.ConfigMapProjectionArgs{
				Name:  pulumi.String("kube-root-ca.crt"),
				Items: corev1.KeyToPathArray{corev1.KeyToPathArgs{Key: pulumi.String("ca.crt"), Path: pulumi.String("ca.crt")}},
			}},
			corev1.VolumeProjectionArgs{DownwardAPI: corev1.DownwardAPIProjectionArgs{Items: corev1.DownwardAPIVolumeFileArray{
				corev1.DownwardAPIVolumeFileArgs{
					Path:     pulumi.String("namespace"),
					FieldRef: corev1.ObjectFieldSelectorArgs{FieldPath: pulumi.String("metadata.namespace")},
				},
			}}},
		},
	}}
}

// newNetwork lets in NGINX where there is an API, the other services' sidecars, and the
// collectors of metrics; and out to the other sidecars, and where Egress says.
func newNetwork(ctx *pulumi.Context, name, own string, args *WorkloadArgs, selector pulumi.StringMap, child pulumi.ResourceOption) error {
	sidecars := kube.Allow{Peers: []kube.Peer{{}}, Ports: []int{sidecarPort}}
	ingress := []kube.Allow{
		sidecars,
		kube.Metrics(Metrics(args.Namespace).Ports()...),
	}
	if args.PublicNamespace != nil {
		ingress = append(ingress, kube.Allow{Peers: []kube.Peer{{Namespace: args.PublicNamespace}}, Ports: []int{PublicPort}})
	}
	namespace := args.Namespace.ToStringOutput()
	if err := kube.NewNetworkPolicy(ctx, name, kube.NetworkPolicy{
		Name: own, Namespace: namespace, Pods: selector, Ingress: ingress, Egress: append([]kube.Allow{sidecars}, args.Egress...),
	}, child); err != nil {
		return err
	}
	return kube.NewAPIAccess(ctx, name+"-api-server", own+"-api-server", args.Environment, namespace, selector, child)
}
