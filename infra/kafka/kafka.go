// Package kafka is the cluster of brokers: Strimzi's operator, the brokers, a
// user for each service with no more rights than its topics need, and the job
// that makes the topics.
package kafka

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/secret"
)

// KafkaArgs are the brokers' args. All are required but JavaOptions, Config
// and Namespace.
type KafkaArgs struct {
	Environment kube.Environment
	Chart       kube.Chart // Strimzi's operator
	Version     string     // Kafka's
	Brokers     int
	Storage     string // of each broker, a quantity
	Resources   kube.Requirements
	HeapMB      int               // in MiB
	JavaOptions map[string]string // -XX options, name to value
	Config      map[string]string // over the program's own broker settings
	// Images have companionctl, which creates the topics.
	Images kube.Images
	// Exporter tells Prometheus how far consumers are behind.
	Exporter bool
	// Services get a user each.
	Services []string
	// Protected has Pulumi refuse to delete the brokers. Their volumes outlive them anyway.
	Protected bool
	// ClientNamespace is the namespace whose pods may connect.
	ClientNamespace string
	// Seed is the secret that the users' passwords are derived from.
	Seed secret.Text
	// Certificates are those that the operator signs and renews; Quota is each user's.
	Certificates Certificates
	Quota        Quota
	// Namespace is the brokers' own; default kafka.
	Namespace string
}

// Certificates say how long the authorities, and what they sign, are good for, and how
// long before their end they are renewed.
type Certificates struct{ LifetimeDays, RenewalDays int }

// authority is how the operator keeps one of its two authorities. A renewal keeps the key:
// what the authority signed before and what it signs afterwards is good for clients that
// know the certificate of before, until that one ends.
func (c Certificates) authority() map[string]any {
	return map[string]any{
		"validityDays": c.LifetimeDays, "renewalDays": c.RenewalDays, "certificateExpirationPolicy": "renew-certificate",
	}
}

// Quota is the most that a user may take of a broker: bytes a second, and percent of a
// thread's time.
type Quota struct{ ProducerBytes, ConsumerBytes, RequestPercentage int }

// Kafka is a cluster that takes connections, with its topics.
type Kafka struct {
	pulumi.ResourceState

	Bootstrap pulumi.StringOutput // host:port of the listener with TLS and SCRAM
	Namespace pulumi.StringOutput
	// Passwords are the users', by service.
	Passwords map[string]secret.Text
	// Authority signed the brokers' certificates; PEM.
	Authority pulumi.StringOutput
	// Topics is the job that created the topics: what needs them depends on it.
	Topics pulumi.Resource
	// Labels are the brokers' pods', for network policies.
	Labels pulumi.StringMap
	// Metrics are the cluster operator's, and the exporter's.
	Metrics []kube.Scrape
}

const (
	clusterName = "events"
	poolName    = "dual"
	adminUser   = "admin"
	// SmokeUser is whom a deployment is proven as; its Secret has the same name.
	SmokeUser  = "smoke"
	apiVersion = "kafka.strimzi.io/v1"
	// AuthoritySecret is where the operator keeps the brokers' authority, with its
	// certificates under *.crt.
	AuthoritySecret = clusterName + "-cluster-ca-cert"
	// ListenerPort is the port of the listener with TLS and SCRAM.
	ListenerPort = 9093
	// ReplicationFactor of every topic, when there are brokers enough.
	replicationFactor = 3
)

// NewKafka installs the operator, and creates the brokers, their users and the topics.
func NewKafka(ctx *pulumi.Context, name string, args *KafkaArgs, opts ...pulumi.ResourceOption) (*Kafka, error) {
	if err := kube.Check("kafka.KafkaArgs", map[string]any{
		"Chart": args.Chart.Chart, "Version": args.Version, "Storage": args.Storage, "Resources.Memory": args.Resources.Memory,
		"Images.Registry": args.Images.Registry, "Images.Credentials": args.Images.Credentials, "Seed": args.Seed, "ClientNamespace": args.ClientNamespace,
	}); err != nil {
		return nil, err
	}
	if args.Brokers < 1 || args.HeapMB < 1 {
		return nil, fmt.Errorf("kafka.KafkaArgs: Brokers is %d and HeapMB %d: both must be positive", args.Brokers, args.HeapMB)
	}
	if c := args.Certificates; c.RenewalDays < 1 || c.RenewalDays >= c.LifetimeDays {
		return nil, fmt.Errorf("kafka.KafkaArgs: certificates of %d days are to be renewed %d days before their end", c.LifetimeDays, c.RenewalDays)
	}
	if q := args.Quota; q.ProducerBytes < 1 || q.ConsumerBytes < 1 || q.RequestPercentage < 1 {
		return nil, fmt.Errorf("kafka.KafkaArgs: Quota is %+v: all of it must be positive", q)
	}
	k := &Kafka{Labels: pulumi.ToStringMap(map[string]string{"strimzi.io/cluster": clusterName, "strimzi.io/kind": "Kafka"})}
	if err := ctx.RegisterComponentResource(kube.Token("kafka", "Kafka"), name, k, opts...); err != nil {
		return nil, err
	}
	var child pulumi.ResourceOption = pulumi.Parent(k)
	namespace, err := newNamespace(ctx, name, args, child)
	if err != nil {
		return nil, err
	}
	child = namespace.In(child)
	in := namespace.Name
	k.Namespace, k.Metrics = in, metrics(args, in)
	k.Bootstrap = pulumi.Sprintf("%s-kafka-bootstrap.%s.svc:%d", clusterName, in, ListenerPort)
	operator, err := kube.NewReleaseWithDefinitions(ctx, name+"-strimzi", "strimzi", args.Environment, args.Chart, in, map[string]any{
		"priorityClassName": kube.PlatformPriority,
		"tolerations":       kube.LeaveLostNodesValues(), // the brokers, which have volumes, wait for their node
		// What the operator lays out keeps to the namespace's standard.
		"extraEnvs": []any{map[string]any{"name": "STRIMZI_POD_SECURITY_PROVIDER_CLASS", "value": string(kube.Restricted)}},
	}, child)
	if err != nil {
		return nil, err
	}
	brokers, err := newBrokers(ctx, name, args, in, child, pulumi.DependsOn([]pulumi.Resource{operator}))
	if err != nil {
		return nil, err
	}
	k.Authority = brokers.StatusText("listeners", 0, "certificates", 0)
	admin, err := newUser(ctx, name, adminUser, args, adminRights(), in, brokers, child)
	if err != nil {
		return nil, err
	}
	if _, err := newUser(ctx, name, SmokeUser, args, smokeRights(), in, brokers, child); err != nil {
		return nil, err
	}
	k.Passwords = map[string]secret.Text{}
	for _, service := range args.Services {
		k.Passwords[service] = Password(args.Seed, service)
		if _, err := newUser(ctx, name, service, args, rights(service), in, brokers, child); err != nil {
			return nil, err
		}
	}
	access, err := args.Images.NewPullSecret(ctx, name, in, child)
	if err != nil {
		return nil, err
	}
	if k.Topics, err = newTopics(ctx, name, k.Bootstrap, args, in, child, pulumi.DependsOn([]pulumi.Resource{admin, access})); err != nil {
		return nil, err
	}
	if args.Exporter {
		user, err := newUser(ctx, name, exporterApp, args, exporterRights(), in, brokers, child)
		if err != nil {
			return nil, err
		}
		if err := newExporter(ctx, name, k.Bootstrap, args, in, child, pulumi.DependsOn([]pulumi.Resource{user, access, k.Topics})); err != nil {
			return nil, err
		}
	}
	return k, ctx.RegisterResourceOutputs(k, pulumi.Map{"bootstrap": k.Bootstrap, "namespace": k.Namespace, "authority": k.Authority})
}

// metrics are those of the operator of the cluster (what it reconciles, and what of that fails)
// and of the exporter, where there is one.
func metrics(args *KafkaArgs, namespace pulumi.StringInput) []kube.Scrape {
	all := []kube.Scrape{{
		Name: "strimzi", Namespace: namespace, JobLabel: "name", Pods: pulumi.StringMap{"strimzi.io/kind": pulumi.String("cluster-operator")},
		Endpoints: []kube.Endpoint{{Name: "http", Port: 8080}},
	}}
	if args.Exporter {
		all = append(all, exporterMetrics(namespace))
	}
	return all
}

// newNamespace creates the brokers' namespace. Who may connect to brokers and operators is
// in the policies that the operator creates for them; its brokers read their certificates
// from the API server.
func newNamespace(ctx *pulumi.Context, name string, args *KafkaArgs, child pulumi.ResourceOption) (*kube.Namespace, error) {
	var ports []int // one that two have counts once
	for _, scrape := range metrics(args, nil) {
		ports = append(ports, scrape.Ports()...)
	}
	slices.Sort(ports)
	return kube.NewNamespace(ctx, name, &kube.NamespaceArgs{
		Environment: args.Environment, Namespace: cmp.Or(args.Namespace, "kafka"), PodSecurity: kube.Restricted,
		// The brokers, the two operators and the exporter while they are replaced, and jobs.
		Quota:    kube.Quota{Pods: args.Brokers + 12, CPU: strconv.Itoa(4 * args.Brokers), Memory: strconv.Itoa(16*args.Brokers) + "Gi", Volumes: 2 * args.Brokers},
		Defaults: kube.Requirements{CPU: "20m", Memory: "64Mi", MemoryLimit: "512Mi"},
		Ingress: []kube.Allow{
			kube.Metrics(slices.Compact(ports)...),
		},
		Egress: []kube.Allow{{Name: "to-within", Peers: []kube.Peer{{}}}},
		APIClients: []pulumi.StringMap{
			{"strimzi.io/kind": pulumi.String("cluster-operator")},
			{"strimzi.io/cluster": pulumi.String(clusterName)},
		},
	}, child)
}

func newBrokers(ctx *pulumi.Context, name string, args *KafkaArgs, namespace pulumi.StringInput, child, after pulumi.ResourceOption) (*kube.Resource, error) {
	labels := map[string]string{"strimzi.io/cluster": clusterName}
	pool, err := kube.NewObject(ctx, name+"-pool", kube.Object{
		APIVersion: apiVersion, Kind: "KafkaNodePool", Name: poolName, Namespace: namespace, Labels: labels,
		Fields: map[string]any{"spec": map[string]any{
			"replicas": args.Brokers,
			"roles":    []any{"controller", "broker"},
			"storage": map[string]any{"type": "jbod", "volumes": []any{map[string]any{
				"id": 0, "type": "persistent-claim", "size": args.Storage, "deleteClaim": false, "kraftMetadata": "shared",
			}}},
			"resources": map[string]any{
				"requests": map[string]any{"cpu": args.Resources.CPU, "memory": args.Resources.Memory},
				"limits":   map[string]any{"memory": args.Resources.MemoryLimit},
			},
			"jvmOptions": javaOptions(args),
			"template": map[string]any{"pod": map[string]any{
				"priorityClassName": kube.PlatformPriority,
				// A node that fails takes one broker with it, not two.
				"topologySpreadConstraints": []any{map[string]any{
					"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
					"labelSelector": map[string]any{"matchLabels": map[string]any{"strimzi.io/pool-name": poolName}},
				}},
			}},
		}},
	}, child, after)
	if err != nil {
		return nil, err
	}
	return kube.NewObject(ctx, name+"-cluster", kube.Object{
		APIVersion: apiVersion, Kind: "Kafka", Name: clusterName, Namespace: namespace, WaitFor: []string{"Ready"},
		Fields: map[string]any{"spec": map[string]any{
			"kafka": map[string]any{
				"version": args.Version,
				"listeners": []any{map[string]any{
					"name": "tls", "port": ListenerPort, "type": "internal", "tls": true,
					"authentication": map[string]any{"type": "scram-sha-512"},
					// The operator's own network policy would let everybody in.
					"networkPolicyPeers": []any{
						map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"kubernetes.io/metadata.name": args.ClientNamespace}}},
						map[string]any{"podSelector": map[string]any{"matchLabels": map[string]any{appLabel: topicsApp}}},
						map[string]any{"podSelector": map[string]any{"matchLabels": map[string]any{appLabel: exporterApp}}},
					},
				}},
				"authorization":  map[string]any{"type": "simple"},
				"config":         brokerConfig(args),
				"readinessProbe": map[string]any{"initialDelaySeconds": 5, "periodSeconds": 5, "timeoutSeconds": 5},
				"livenessProbe":  map[string]any{"initialDelaySeconds": 30, "timeoutSeconds": 10},
			},
			"clusterCa": args.Certificates.authority(),
			"clientsCa": args.Certificates.authority(),
			"entityOperator": map[string]any{
				"userOperator": map[string]any{},
				"template":     map[string]any{"pod": map[string]any{"priorityClassName": kube.PlatformPriority}},
			},
		}},
	}, child, pulumi.Protect(args.Protected), pulumi.DependsOn([]pulumi.Resource{pool}))
}

// javaOptions sizes the heap; the stack may add options of the machine's.
func javaOptions(args *KafkaArgs) map[string]any {
	heap := fmt.Sprintf("%dm", args.HeapMB)
	options := map[string]any{"-Xms": heap, "-Xmx": heap}
	if len(args.JavaOptions) > 0 {
		options["-XX"] = toAny(args.JavaOptions)
	}
	return options
}

// brokerConfig are the settings that keep an acknowledged event: every replica
// in step but one must have it. Topics come from the catalogue alone.
func brokerConfig(args *KafkaArgs) map[string]any {
	inSync := min(2, args.Brokers)
	config := map[string]any{
		"auto.create.topics.enable":                "false",
		"default.replication.factor":               replicationFactor,
		"min.insync.replicas":                      inSync,
		"offsets.topic.replication.factor":         replicationFactor,
		"transaction.state.log.replication.factor": replicationFactor,
		"transaction.state.log.min.isr":            inSync,
		"offsets.topic.num.partitions":             12,
		"group.initial.rebalance.delay.ms":         500,
	}
	return kube.Merge(config, toAny(args.Config))
}

func toAny(options map[string]string) map[string]any {
	all := map[string]any{}
	for key, value := range options {
		all[key] = value
	}
	return all
}

// TopicNames lists every topic, dead letters too.
func TopicNames() []string {
	var names []string
	for _, topic := range event.Catalogue() {
		names = append(names, topic.Name, topic.DeadLetter())
	}
	return names
}
