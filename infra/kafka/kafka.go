// Package kafka is the cluster of brokers: Strimzi's operator, the brokers, a
// user for each service with no more rights than its topics need, and the job
// that makes the topics.
package kafka

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/stacks"
)

// Args are the brokers' settings.
type Args struct {
	Chart stacks.Chart
	Kafka stacks.Kafka
	// AdminImage is the image of companionctl, which makes the topics.
	AdminImage pulumi.StringInput
	// Services are given a user each.
	Services []string
	// Seed is the secret that the users' passwords follow from.
	Seed pulumi.StringInput
}

// Kafka is a cluster that takes connections, with its topics.
type Kafka struct {
	pulumi.ResourceState

	Bootstrap string // host:port of the listener with TLS and SCRAM
	// Passwords are the users', by service; secret.
	Passwords map[string]pulumi.StringOutput
	// Authority signed the brokers' certificates; PEM.
	Authority pulumi.StringOutput
	// Topics is the job that made the topics: what needs them depends on it.
	Topics pulumi.Resource
}

const (
	namespaceName = "kafka"
	clusterName   = "events"
	poolName      = "dual"
	adminUser     = "admin"
	apiVersion    = "kafka.strimzi.io/v1"
	listenerPort  = 9093
	// ReplicationFactor of every topic, when there are brokers enough.
	replicationFactor = 3
)

// New makes the operator and the brokers.
func New(ctx *pulumi.Context, name string, args Args, opts ...pulumi.ResourceOption) (*Kafka, error) {
	k := &Kafka{Bootstrap: fmt.Sprintf("%s-kafka-bootstrap.%s.svc:%d", clusterName, namespaceName, listenerPort)}
	if err := ctx.RegisterComponentResource(kube.Token("kafka", "Kafka"), name, k, opts...); err != nil {
		return nil, err
	}
	child := pulumi.Parent(k)
	namespace, err := kube.NewNamespace(ctx, namespaceName, child)
	if err != nil {
		return nil, err
	}
	in := namespace.Metadata.Name().Elem()
	operator, err := kube.NewRelease(ctx, "strimzi", args.Chart, in, nil, child)
	if err != nil {
		return nil, err
	}
	brokers, err := newBrokers(ctx, args.Kafka, in, child, pulumi.DependsOn([]pulumi.Resource{operator}))
	if err != nil {
		return nil, err
	}
	k.Authority = brokers.StatusText("listeners", 0, "certificates", 0)
	admin, err := newUser(ctx, adminUser, Password(args.Seed, adminUser), adminRights(), in, brokers, child)
	if err != nil {
		return nil, err
	}
	k.Passwords = map[string]pulumi.StringOutput{}
	for _, service := range args.Services {
		k.Passwords[service] = Password(args.Seed, service)
		if _, err := newUser(ctx, service, k.Passwords[service], rights(service), in, brokers, child); err != nil {
			return nil, err
		}
	}
	if k.Topics, err = newTopics(ctx, k.Bootstrap, args, in, admin, child); err != nil {
		return nil, err
	}
	return k, ctx.RegisterResourceOutputs(k, pulumi.Map{"bootstrap": pulumi.String(k.Bootstrap)})
}

func newBrokers(ctx *pulumi.Context, settings stacks.Kafka, namespace pulumi.StringInput, child, after pulumi.ResourceOption) (*kube.Resource, error) {
	labels := map[string]string{"strimzi.io/cluster": clusterName}
	pool, err := kube.NewObject(ctx, kube.Object{
		APIVersion: apiVersion, Kind: "KafkaNodePool", Name: poolName, Namespace: namespace, Labels: labels,
		Fields: map[string]any{"spec": map[string]any{
			"replicas": settings.Brokers,
			"roles":    []any{"controller", "broker"},
			"storage": map[string]any{"type": "jbod", "volumes": []any{map[string]any{
				"id": 0, "type": "persistent-claim", "size": settings.Storage, "deleteClaim": false, "kraftMetadata": "shared",
			}}},
			"resources": map[string]any{
				"requests": map[string]any{"cpu": settings.Resources.CPU, "memory": settings.Resources.Memory},
				"limits":   map[string]any{"memory": settings.Resources.MemoryLimit},
			},
			"jvmOptions": javaOptions(settings),
			"template": map[string]any{"pod": map[string]any{
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
	return kube.NewObject(ctx, kube.Object{
		APIVersion: apiVersion, Kind: "Kafka", Name: clusterName, Namespace: namespace, WaitFor: []string{"Ready"},
		Fields: map[string]any{"spec": map[string]any{
			"kafka": map[string]any{
				"version": settings.Version,
				"listeners": []any{map[string]any{
					"name": "tls", "port": listenerPort, "type": "internal", "tls": true,
					"authentication": map[string]any{"type": "scram-sha-512"},
				}},
				"authorization":  map[string]any{"type": "simple"},
				"config":         brokerConfig(settings),
				"readinessProbe": map[string]any{"initialDelaySeconds": 5, "periodSeconds": 5, "timeoutSeconds": 5},
				"livenessProbe":  map[string]any{"initialDelaySeconds": 30, "timeoutSeconds": 10},
			},
			"entityOperator": map[string]any{"userOperator": map[string]any{}},
		}},
	}, child, pulumi.DependsOn([]pulumi.Resource{pool}))
}

// javaOptions sizes the heap; the stack may add options of the machine's.
func javaOptions(settings stacks.Kafka) map[string]any {
	heap := fmt.Sprintf("%dm", settings.HeapMB)
	options := map[string]any{"-Xms": heap, "-Xmx": heap}
	if len(settings.JavaOptions) > 0 {
		options["-XX"] = toAny(settings.JavaOptions)
	}
	return options
}

// brokerConfig are the settings that keep an acknowledged event: every replica
// in step but one must have it. Topics come from the catalogue alone.
func brokerConfig(settings stacks.Kafka) map[string]any {
	inSync := min(2, settings.Brokers)
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
	return kube.Merge(config, toAny(settings.Config))
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
