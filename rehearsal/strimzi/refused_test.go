package strimzi

import (
	"fmt"
	"testing"
	"time"

	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

func typeName(o runtime.Object) string { return fmt.Sprintf("%T", o) }

var testImages = map[string]string{"4.3.1": "kafka:4.3.1"}

// observedResources are the resources of strimzi-observed.md, to be changed.
func observedResources(t *testing.T) (*kafkav1.Kafka, *kafkav1.KafkaNodePool) {
	t.Helper()
	b := &bench{t: t}
	documents := splitDocuments(observedKafka)
	pool, kafka := b.decode(documents[0]).(*kafkav1.KafkaNodePool), b.decode(documents[1]).(*kafkav1.Kafka)
	pool.Namespace, kafka.Namespace = "kafka", "kafka"
	return kafka, pool
}

func TestInvalidResources(t *testing.T) {
	for sentence, c := range map[string]struct {
		edit func(k *kafkav1.Kafka, p *kafkav1.KafkaNodePool)
		want string
	}{
		"a version that no image is for": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) { k.Spec.Kafka.Version = "3.9.0" },
			"Kafka version 3.9.0 is not supported. Supported versions are: [4.3.1].",
		},
		"a metadata version of another release": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) { k.Spec.Kafka.MetadataVersion = "4.2-IV1" },
			"Metadata version 4.2-IV1 is invalid",
		},
		"no listener": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) { k.Spec.Kafka.Listeners = nil },
			"listeners is missing",
		},
		"a listener on a port of the cluster's own": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) { k.Spec.Kafka.Listeners[0].Port = 9091 },
			"listener tls: port 9091 is reserved",
		},
		"two listeners on one port": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) {
				other := k.Spec.Kafka.Listeners[0]
				other.Name = "other"
				k.Spec.Kafka.Listeners = append(k.Spec.Kafka.Listeners, other)
			},
			"9093 is given twice",
		},
		"a listener of a type that is not here": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) {
				k.Spec.Kafka.Listeners[0].Type = kafkav1.LOADBALANCER_KAFKALISTENERTYPE
			},
			"type loadbalancer is not supported",
		},
		"certificates without TLS": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) {
				k.Spec.Kafka.Listeners[0].Tls = false
				k.Spec.Kafka.Listeners[0].Authentication.Type = kafkav1.TLS_KAFKALISTENERAUTHENTICATIONTYPE
			},
			"authentication by tls needs tls: true",
		},
		"a replication factor above the number of brokers": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) {
				k.Spec.Kafka.Config["default.replication.factor"] = 4
			},
			"'default.replication.factor' should be set to 3 or less",
		},
		"a replication factor that is no number": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) {
				k.Spec.Kafka.Config["default.replication.factor"] = "many"
			},
			"Property default.replication.factor should be an integer",
		},
		"Cruise Control": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) { k.Spec.CruiseControl = &kafkav1.CruiseControlSpec{} },
			"spec.cruiseControl is not supported",
		},
		"an authority whose key is replaced": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) {
				k.Spec.ClusterCa = &kafkav1.CertificateAuthority{CertificateExpirationPolicy: kafkav1.REPLACE_KEY_CERTIFICATEEXPIRATIONPOLICY}
			},
			"spec.clusterCa.certificateExpirationPolicy of replace-key is not supported",
		},
		"a topic operator": {
			func(k *kafkav1.Kafka, _ *kafkav1.KafkaNodePool) {
				k.Spec.EntityOperator.TopicOperator = &kafkav1.EntityTopicOperatorSpec{}
			},
			"spec.entityOperator.topicOperator is not supported",
		},
		"no controller": {
			func(_ *kafkav1.Kafka, p *kafkav1.KafkaNodePool) { p.Spec.Roles = []kafkav1.ProcessRoles{"broker"} },
			"at least one KafkaNodePool with the controller role",
		},
		"no broker": {
			func(k *kafkav1.Kafka, p *kafkav1.KafkaNodePool) {
				p.Spec.Roles = []kafkav1.ProcessRoles{"controller"}
				k.Spec.Kafka.Config = nil
			},
			"at least one KafkaNodePool with the broker role",
		},
		"no storage": {
			func(_ *kafkav1.Kafka, p *kafkav1.KafkaNodePool) { p.Spec.Storage = nil },
			"KafkaNodePool dual has no storage",
		},
		"a size that is none": {
			func(_ *kafkav1.Kafka, p *kafkav1.KafkaNodePool) { p.Spec.Storage.Volumes[0].Size = "much" },
			`the size "much" of volume data-0 is not valid`,
		},
		"two volumes for the metadata": {
			func(_ *kafkav1.Kafka, p *kafkav1.KafkaNodePool) {
				other := p.Spec.Storage.Volumes[0]
				other.Id = ptr(int32(1))
				p.Spec.Storage.Volumes = append(p.Spec.Storage.Volumes, other)
			},
			"only one volume can hold KRaft's metadata",
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			kafka, pool := observedResources(t)
			c.edit(kafka, pool)
			_, err := newModel(kafka, []kafkav1.KafkaNodePool{*pool}, testImages)
			require.ErrorAs(t, err, &invalid{})
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestNodeIDs(t *testing.T) {
	had := func(ids ...int32) *kafkav1.KafkaNodePoolStatus { return &kafkav1.KafkaNodePoolStatus{NodeIds: ids} }
	for sentence, c := range map[string]struct {
		replicas []int32
		status   []*kafkav1.KafkaNodePoolStatus
		want     [][]int32
	}{
		"new pools count through":                   {[]int32{3, 2}, []*kafkav1.KafkaNodePoolStatus{nil, nil}, [][]int32{{0, 1, 2}, {3, 4}}},
		"nodes keep their ids":                      {[]int32{2, 2}, []*kafkav1.KafkaNodePoolStatus{had(4, 2), had(0, 1)}, [][]int32{{2, 4}, {0, 1}}},
		"a new node takes the lowest that is free":  {[]int32{3, 2}, []*kafkav1.KafkaNodePoolStatus{had(0, 3), had(1, 4)}, [][]int32{{0, 2, 3}, {1, 4}}},
		"the highest goes":                          {[]int32{1, 2}, []*kafkav1.KafkaNodePoolStatus{had(5, 3, 7), had(0, 1)}, [][]int32{{3}, {0, 1}}},
		"an id that goes is not given anew at once": {[]int32{1, 2}, []*kafkav1.KafkaNodePoolStatus{had(0, 1), had(2)}, [][]int32{{0}, {2, 3}}},
	} {
		t.Run(sentence, func(t *testing.T) {
			kafka, template := observedResources(t)
			kafka.Spec.Kafka.Config = nil
			var pools []kafkav1.KafkaNodePool
			for i := range c.replicas {
				pool := template.DeepCopy()
				pool.Name, pool.Spec.Replicas, pool.Status = fmt.Sprint("p", i), c.replicas[i], c.status[i]
				pools = append(pools, *pool)
			}
			m, err := newModel(kafka, pools, testImages)
			require.NoError(t, err)
			var got [][]int32
			for _, p := range m.pools {
				var ids []int32
				for _, n := range p.nodes {
					ids = append(ids, n.id)
				}
				got = append(got, ids)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestBrokerConfig(t *testing.T) {
	kafka, pool := observedResources(t)
	kafka.Spec.Kafka.Listeners = append(kafka.Spec.Kafka.Listeners,
		kafkav1.GenericKafkaListener{Name: "plain", Port: 9092, Type: kafkav1.INTERNAL_KAFKALISTENERTYPE},
		kafkav1.GenericKafkaListener{Name: "certs", Port: 9094, Type: kafkav1.INTERNAL_KAFKALISTENERTYPE, Tls: true,
			Authentication: &kafkav1.KafkaListenerAuthentication{Type: kafkav1.TLS_KAFKALISTENERAUTHENTICATIONTYPE}})
	require.NoError(t, yaml.Unmarshal([]byte(`
num.partitions: 3
log.retention.bytes: 1073741824
node.id: 99
ssl.protocol: TLSv1.3
listeners: nonsense
controller.quorum.fetch.timeout.ms: 5000
`), &kafka.Spec.Kafka.Config))
	controllers := pool.DeepCopy()
	controllers.Name, controllers.Spec.Roles = "controllers", []kafkav1.ProcessRoles{"controller"}
	pool.Spec.Roles = []kafkav1.ProcessRoles{"broker"}

	m, err := newModel(kafka, []kafkav1.KafkaNodePool{*pool, *controllers}, testImages)
	require.NoError(t, err)
	controller := m.brokerConfig(m.pools[0], m.pools[0].nodes[0])
	broker := m.brokerConfig(m.pools[1], m.pools[1].nodes[0])

	for sentence, c := range map[string]struct {
		text, key string
		want      []string
	}{
		"a broker has no controller's listener":         {broker, "listeners", []string{"REPLICATION-9091://0.0.0.0:9091,TLS-9093://0.0.0.0:9093,PLAIN-9092://0.0.0.0:9092,CERTS-9094://0.0.0.0:9094"}},
		"a broker knows the controllers' protocol":      {broker, "listener.security.protocol.map", []string{"CONTROLPLANE-9090:SSL,REPLICATION-9091:SSL,TLS-9093:SASL_SSL,PLAIN-9092:PLAINTEXT,CERTS-9094:SSL"}},
		"a listener of certificates trusts the clients": {broker, "listener.name.certs-9094.ssl.truststore.certificates", []string{"${strimzidir:/opt/kafka/trust-bundle:clients-ca.crt}"}},
		"a controller has its listener only":            {controller, "listeners", []string{"CONTROLPLANE-9090://0.0.0.0:9090"}},
		"a controller has no inter-broker listener":     {controller, "inter.broker.listener.name", nil},
		"roles":                                 {controller, "process.roles", []string{"controller"}},
		"large numbers are written out":         {broker, "log.retention.bytes", []string{"1073741824"}},
		"the operator's options stay its own":   {broker, "node.id", []string{"3"}},
		"exceptions are allowed":                {broker, "ssl.protocol", []string{"TLSv1.3"}},
		"exceptions among the controllers' too": {broker, "controller.quorum.fetch.timeout.ms", []string{"5000"}},
	} {
		t.Run(sentence, func(t *testing.T) { require.Equal(t, c.want, valuesOf(c.text, c.key)) })
	}
	require.Equal(t, []string{"listeners", "node.id"}, forbidden(kafka.Spec.Kafka.Config))
}

func TestKafkaThatCannotBe(t *testing.T) {
	admin := newFakeAdmin()
	b := newBench(t, userOperatorInPod(admin), connectTo(admin), func(o *Options) { o.Timeout = 4 * time.Second })
	documents := splitDocuments(observedKafka)

	t.Run("without a node pool it is not ready, and says why", func(t *testing.T) {
		b := b.in(t)
		b.create(documents[1])
		kafka := b.awaitKafka("events", "NotReady", "InvalidResourceException", 20*time.Second)
		require.Contains(t, kafka.Status.Conditions[0].Message, "KafkaNodePools for Kafka cluster events do not exist")
	})
	t.Run("with one it becomes ready", func(t *testing.T) {
		b := b.in(t)
		b.create(documents[0])
		b.awaitKafka("events", "Ready", "", 30*time.Second)
	})
	t.Run("made invalid, it keeps its pods and says so", func(t *testing.T) {
		b := b.in(t)
		b.kubelet.forget()
		change(b, &kafkav1.Kafka{}, "events", func(k *kafkav1.Kafka) { k.Spec.Kafka.Version = "9.9.9" })
		kafka := b.awaitKafka("events", "NotReady", "InvalidResourceException", 20*time.Second)
		require.Contains(t, kafka.Status.Conditions[0].Message, "9.9.9")
		require.Empty(t, b.kubelet.seen())
		change(b, &kafkav1.Kafka{}, "events", func(k *kafkav1.Kafka) { k.Spec.Kafka.Version = "4.3.1" })
		b.awaitKafka("events", "Ready", "", 20*time.Second)
	})
	t.Run("what is recommended and missing is a warning", func(t *testing.T) {
		b := b.in(t)
		change(b, &kafkav1.Kafka{}, "events", func(k *kafkav1.Kafka) { delete(k.Spec.Kafka.Config, "min.insync.replicas") })
		kafka := b.awaitKafka("events", "Ready", "", 30*time.Second)
		require.NoError(t, hasCondition(kafka.Status.Conditions, "Warning", "KafkaMinInsyncReplicas"))
	})
	t.Run("controllers are neither added nor removed", func(t *testing.T) {
		b := b.in(t)
		change(b, &kafkav1.KafkaNodePool{}, "dual", func(p *kafkav1.KafkaNodePool) { p.Spec.Replicas = 5 })
		b.eventually(20*time.Second, "a warning", func() error {
			var kafka kafkav1.Kafka
			if err := b.get(&kafka, "events"); err != nil {
				return err
			}
			return hasCondition(kafka.Status.Conditions, "Warning", "ScaleDownPreventionCheck")
		})
		require.Len(t, listed(t, b.list(&corev1.PersistentVolumeClaimList{})), 3)
		change(b, &kafkav1.KafkaNodePool{}, "dual", func(p *kafkav1.KafkaNodePool) { p.Spec.Replicas = 3 })
	})
	t.Run("brokers are added, and removed when they hold nothing", func(t *testing.T) {
		b := b.in(t)
		b.create(`
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata: {name: more, labels: {strimzi.io/cluster: events}}
spec:
  replicas: 2
  roles: [broker]
  storage: {type: ephemeral}
`)
		b.eventually(30*time.Second, "two brokers more", func() error { return b.ready("events-more-3", "events-more-4") })
		b.awaitKafka("events", "Ready", "", 30*time.Second)
		admin.locked(func() { admin.hosting = map[int32]bool{4: true} })
		change(b, &kafkav1.KafkaNodePool{}, "more", func(p *kafkav1.KafkaNodePool) { p.Spec.Replicas = 1 })
		b.eventually(20*time.Second, "a warning", func() error {
			var kafka kafkav1.Kafka
			if err := b.get(&kafka, "events"); err != nil {
				return err
			}
			return hasCondition(kafka.Status.Conditions, "Warning", "ScaleDownPreventionCheck")
		})
		require.NoError(t, b.ready("events-more-4"))
		admin.locked(func() { admin.hosting = nil })
		change(b, &kafkav1.Kafka{}, "events", func(k *kafkav1.Kafka) { k.Annotations = map[string]string{"example": "look again"} })
		b.eventually(20*time.Second, "the broker should go, with what it had", func() error {
			if b.get(&corev1.Pod{}, "events-more-4") == nil || b.get(&corev1.Secret{}, "events-more-4") == nil ||
				b.get(&corev1.ConfigMap{}, "events-more-4") == nil {
				return fmt.Errorf("it is there")
			}
			return b.ready("events-more-3")
		})
	})
	t.Run("pods that do not start make it not ready after the timeout", func(t *testing.T) {
		b := b.in(t)
		var pod corev1.Pod
		require.NoError(t, b.get(&pod, "events-dual-0"))
		b.kubelet.setReady(t.Context(), &pod, corev1.ConditionFalse)
		b.eventually(30*time.Second, "not ready", func() error {
			var kafka kafkav1.Kafka
			if err := b.get(&kafka, "events"); err != nil {
				return err
			}
			return hasCondition(kafka.Status.Conditions, "NotReady", "TimeoutException")
		})
		b.kubelet.setReady(t.Context(), &pod, corev1.ConditionTrue)
		b.awaitKafka("events", "Ready", "", 20*time.Second)
	})
}

func (b *bench) ready(names ...string) error {
	for _, name := range names {
		var pod corev1.Pod
		if err := b.get(&pod, name); err != nil {
			return err
		}
		if !ready(&pod) {
			return fmt.Errorf("pod %s is not ready", name)
		}
	}
	return nil
}
