package strimzi

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	strimziv1 "github.com/scholzj/strimzi-go/pkg/apis/core.strimzi.io/v1"
	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"software.sslmate.com/src/go-pkcs12"
)

// The resources of strimzi-observed.md.
const observedKafka = `
apiVersion: kafka.strimzi.io/v1
kind: KafkaNodePool
metadata:
  name: dual
  labels: {strimzi.io/cluster: events}
spec:
  replicas: 3
  roles: [controller, broker]
  storage:
    type: jbod
    volumes:
      - {id: 0, type: persistent-claim, size: 1Gi, deleteClaim: true, kraftMetadata: shared}
---
apiVersion: kafka.strimzi.io/v1
kind: Kafka
metadata:
  name: events
spec:
  kafka:
    version: 4.3.1
    listeners:
      - {name: tls, port: 9093, type: internal, tls: true, authentication: {type: scram-sha-512}}
    authorization: {type: simple}
    config:
      default.replication.factor: 3
      min.insync.replicas: 2
      auto.create.topics.enable: false
  entityOperator:
    userOperator: {}
`

var observedPods = []string{"events-dual-0", "events-dual-1", "events-dual-2"}

// TestObserved is strimzi-observed.md as a table: every object, name, label, port,
// key and status in it.
func TestObserved(t *testing.T) {
	admin := newFakeAdmin()
	b := newBench(t, userOperatorInPod(admin), connectTo(admin))
	b.create(observedKafka + "\n---\n" + userDocument("backend", topicRule, groupRule))
	kafka := b.awaitKafka("events", "Ready", "", time.Minute)
	user := b.awaitUser("backend", "Ready", "", time.Minute)

	for sentence, check := range map[string]func(t *testing.T, b *bench){
		"StrimziPodSet events-dual owns the pods events-dual-0..2":      podSetOwnsPods,
		"a pod has the name, subdomain, ports, labels and annotations":  podAsObserved,
		"the bootstrap Service is a ClusterIP for brokers":              bootstrapAsObserved,
		"the brokers Service is headless":                               brokersAsObserved,
		"Secrets have their keys":                                       secretsAsObserved,
		"certificates are for the nodes and of the cluster's authority": certificatesAsObserved,
		"the user's Secret has its password and labels":                 userSecretAsObserved,
		"one ConfigMap a broker":                                        configMapsAsObserved,
		"one claim a broker and volume":                                 claimsAsObserved,
		"PodDisruptionBudgets":                                          budgetsAsObserved,
		"NetworkPolicies":                                               policiesAsObserved,
		"ServiceAccounts":                                               accountsAsObserved,
		"the entity operator's Deployment":                              entityAsObserved,
		"the broker's configuration":                                    configurationAsObserved,
		"nothing else is there":                                         nothingElse,
	} {
		t.Run(sentence, func(t *testing.T) { check(t, &bench{t: t, namespace: b.namespace, api: b.api}) })
	}

	t.Run("status of Kafka", func(t *testing.T) {
		status := kafka.Status
		require.Equal(t, "4.3.1", status.KafkaVersion)
		require.Equal(t, "4.3-IV0", status.KafkaMetadataVersion)
		require.Equal(t, Version, status.OperatorLastSuccessfulVersion)
		require.Len(t, status.ClusterId, 22)
		require.Equal(t, []kafkav1.UsedNodePoolStatus{{Name: "dual"}}, status.KafkaNodePools)
		require.Len(t, status.Conditions, 1)
		require.NotEmpty(t, status.Conditions[0].LastTransitionTime)

		host := "events-kafka-bootstrap." + b.namespace + ".svc"
		var ca corev1.Secret
		require.NoError(t, b.get(&ca, "events-cluster-ca-cert"))
		require.Equal(t, []kafkav1.ListenerStatus{{
			Name:             "tls",
			Addresses:        []kafkav1.ListenerAddress{{Host: host, Port: ptr(int32(9093))}},
			BootstrapServers: host + ":9093",
			Certificates:     []string{string(ca.Data["ca.crt"])},
		}}, status.Listeners)
	})
	t.Run("status of KafkaNodePool", func(t *testing.T) {
		var pool kafkav1.KafkaNodePool
		require.NoError(t, b.get(&pool, "dual"))
		require.Equal(t, kafka.Status.ClusterId, pool.Status.ClusterId)
		require.Equal(t, []int32{0, 1, 2}, pool.Status.NodeIds)
		require.EqualValues(t, 3, pool.Status.Replicas)
		require.Equal(t, []kafkav1.ProcessRoles{"controller", "broker"}, pool.Status.Roles)
		require.Equal(t, "strimzi.io/cluster=events,strimzi.io/kind=Kafka,strimzi.io/name=events-kafka,strimzi.io/pool-name=dual", pool.Status.LabelSelector)
		require.Equal(t, pool.Generation, pool.Status.ObservedGeneration)
	})
	t.Run("status of KafkaUser", func(t *testing.T) {
		require.Equal(t, "backend", user.Status.Secret)
		require.Equal(t, "backend", user.Status.Username)
	})
	t.Run("Kafka was given the user", func(t *testing.T) {
		var secret corev1.Secret
		require.NoError(t, b.get(&secret, "backend"))
		admin.locked(func() {
			require.Equal(t, string(secret.Data["password"]), admin.passwords["backend"])
			require.Len(t, admin.acls["User:backend"], 6)
		})
	})
}

// userOperatorInPod runs the user operator for its pod, and nothing for the others.
func userOperatorInPod(admin Admin) containerRuntime {
	m := &machine{connect: connectTo(admin)}
	return m.runOperatorOnly
}

func podSetOwnsPods(t *testing.T, b *bench) {
	var set strimziv1.StrimziPodSet
	require.NoError(t, b.get(&set, "events-dual"))
	require.Len(t, set.Spec.Pods, 3)
	require.Equal(t, "KafkaNodePool", set.OwnerReferences[0].Kind)
	b.eventually(5*time.Second, "the pod set's status", func() error {
		require.NoError(t, b.get(&set, "events-dual"))
		if s := set.Status; s == nil || s.Pods != 3 || s.ReadyPods != 3 || s.CurrentPods != 3 || s.ObservedGeneration != set.Generation {
			return fmt.Errorf("is %+v", s)
		}
		return nil
	})
	for _, name := range observedPods {
		var pod corev1.Pod
		require.NoError(t, b.get(&pod, name))
		require.Len(t, pod.OwnerReferences, 1)
		require.Equal(t, "StrimziPodSet", pod.OwnerReferences[0].Kind)
		require.Equal(t, "events-dual", pod.OwnerReferences[0].Name)
	}
}

func podAsObserved(t *testing.T, b *bench) {
	for _, name := range observedPods {
		var pod corev1.Pod
		require.NoError(t, b.get(&pod, name))
		require.Equal(t, name, pod.Spec.Hostname)
		require.Equal(t, "events-kafka-brokers", pod.Spec.Subdomain)
		require.Equal(t, "events-kafka", pod.Spec.ServiceAccountName)
		require.EqualValues(t, 0, *pod.Spec.SecurityContext.FSGroup)
		container := pod.Spec.Containers[0]
		require.Equal(t, "quay.io/strimzi/kafka:1.2.0-kafka-4.3.1", container.Image)
		require.Equal(t, map[string]int32{
			"tcp-ctrlplane": 9090, "tcp-replication": 9091, "tcp-clientstls": 9093, "tcp-kafkaagent": 8443,
		}, containerPorts(container))
		require.NotEmpty(t, container.ReadinessProbe.Exec.Command)
		require.Equal(t, map[string]string{
			"strimzi.io/cluster": "events", "strimzi.io/kind": "Kafka", "strimzi.io/name": "events-kafka",
			"strimzi.io/pool-name": "dual", "strimzi.io/broker-role": "true", "strimzi.io/controller-role": "true",
			"strimzi.io/component-type": "kafka", "strimzi.io/controller": "strimzipodset",
			"strimzi.io/controller-name": "events-dual", "strimzi.io/pod-name": name,
			"app.kubernetes.io/name": "kafka", "app.kubernetes.io/instance": "events",
			"app.kubernetes.io/part-of": "strimzi-events", "app.kubernetes.io/managed-by": "strimzi-cluster-operator",
		}, pod.Labels)
		for _, annotation := range []string{
			"strimzi.io/revision", "strimzi.io/broker-configuration-hash", "strimzi.io/server-cert-hash",
			"strimzi.io/cluster-ca-cert-generation", "strimzi.io/cluster-ca-key-generation", "strimzi.io/clients-ca-cert-generation",
		} {
			require.NotEmpty(t, pod.Annotations[annotation], annotation)
		}
	}
}

func containerPorts(c corev1.Container) map[string]int32 {
	ports := map[string]int32{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	return ports
}

func servicePorts(s corev1.Service) map[string]int32 {
	ports := map[string]int32{}
	for _, p := range s.Spec.Ports {
		ports[p.Name] = p.Port
	}
	return ports
}

func bootstrapAsObserved(t *testing.T, b *bench) {
	var service corev1.Service
	require.NoError(t, b.get(&service, "events-kafka-bootstrap"))
	require.Equal(t, corev1.ServiceTypeClusterIP, service.Spec.Type)
	require.NotEqual(t, corev1.ClusterIPNone, service.Spec.ClusterIP)
	require.Equal(t, map[string]int32{"tcp-replication": 9091, "tcp-clientstls": 9093}, servicePorts(service))
	require.Equal(t, map[string]string{
		"strimzi.io/cluster": "events", "strimzi.io/kind": "Kafka", "strimzi.io/name": "events-kafka", "strimzi.io/broker-role": "true",
	}, service.Spec.Selector)
}

func brokersAsObserved(t *testing.T, b *bench) {
	var service corev1.Service
	require.NoError(t, b.get(&service, "events-kafka-brokers"))
	require.Equal(t, corev1.ClusterIPNone, service.Spec.ClusterIP)
	require.True(t, service.Spec.PublishNotReadyAddresses)
	require.Equal(t, map[string]int32{
		"tcp-ctrlplane": 9090, "tcp-replication": 9091, "tcp-kafkaagent": 8443, "tcp-clientstls": 9093,
	}, servicePorts(service))
}

func secretsAsObserved(t *testing.T, b *bench) {
	for name, keys := range map[string][]string{
		"events-cluster-ca":                 {"ca.key"},
		"events-cluster-ca-cert":            {"ca.crt", "ca.p12", "ca.password"},
		"events-clients-ca":                 {"ca.key"},
		"events-clients-ca-cert":            {"ca.crt", "ca.p12", "ca.password"},
		"events-cluster-operator-certs":     {"cluster-operator.crt", "cluster-operator.key"},
		"events-trustbundle":                {"clients-ca.crt", "cluster-ca.crt"},
		"events-dual-0":                     {"events-dual-0.crt", "events-dual-0.key"},
		"events-dual-1":                     {"events-dual-1.crt", "events-dual-1.key"},
		"events-dual-2":                     {"events-dual-2.crt", "events-dual-2.key"},
		"events-entity-user-operator-certs": {"entity-operator.crt", "entity-operator.key"},
	} {
		var secret corev1.Secret
		require.NoError(t, b.get(&secret, name), name)
		require.Equal(t, keys, slices.Sorted(maps.Keys(secret.Data)), name)
		require.Equal(t, "events", secret.Labels["strimzi.io/cluster"], name)
		for key, value := range secret.Data {
			require.NotEmpty(t, value, "%s of %s", key, name)
		}
	}
}

func certificatesAsObserved(t *testing.T, b *bench) {
	var ca corev1.Secret
	require.NoError(t, b.get(&ca, "events-cluster-ca-cert"))
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(ca.Data["ca.crt"]))
	stored, err := pkcs12.DecodeTrustStore(ca.Data["ca.p12"], string(ca.Data["ca.password"]))
	require.NoError(t, err)
	require.Len(t, stored, 1)

	verify := func(secret, key, subject string, hosts ...string) {
		var s corev1.Secret
		require.NoError(t, b.get(&s, secret))
		cert, err := parseCertificate(s.Data[key+".crt"])
		require.NoError(t, err)
		require.Equal(t, subject, cert.Subject.String())
		_, err = parseKey(s.Data[key+".key"])
		require.NoError(t, err)
		for _, host := range append(hosts, "") {
			_, err := cert.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
			require.NoError(t, err, host)
		}
	}
	for _, pod := range observedPods {
		verify(pod, pod, "CN=events-kafka,O=io.strimzi",
			pod+".events-kafka-brokers."+b.namespace+".svc", "events-kafka-bootstrap."+b.namespace+".svc",
			"events-kafka-bootstrap."+b.namespace+".svc.cluster.local", "events-kafka-bootstrap")
	}
	verify("events-cluster-operator-certs", "cluster-operator", "CN=cluster-operator,O=io.strimzi")
	verify("events-entity-user-operator-certs", "entity-operator", "CN=events-entity-user-operator,O=io.strimzi")
}

func userSecretAsObserved(t *testing.T, b *bench) {
	var secret corev1.Secret
	require.NoError(t, b.get(&secret, "backend"))
	require.Equal(t, []string{"password", "sasl.jaas.config"}, slices.Sorted(maps.Keys(secret.Data)))
	require.Equal(t, "events", secret.Labels["strimzi.io/cluster"])
	require.Equal(t, "KafkaUser", secret.Labels["strimzi.io/kind"])
	require.Equal(t, fmt.Sprintf(
		`org.apache.kafka.common.security.scram.ScramLoginModule required username="backend" password="%s";`, secret.Data["password"]),
		string(secret.Data["sasl.jaas.config"]))
	require.Equal(t, "KafkaUser", secret.OwnerReferences[0].Kind)
}

func configMapsAsObserved(t *testing.T, b *bench) {
	var kafka kafkav1.Kafka
	require.NoError(t, b.get(&kafka, "events"))
	for _, name := range observedPods {
		var config corev1.ConfigMap
		require.NoError(t, b.get(&config, name))
		require.Equal(t, []string{"cluster.id", "log4j2.properties", "metadata.version", "server.config"}, slices.Sorted(maps.Keys(config.Data)))
		require.Equal(t, kafka.Status.ClusterId, config.Data["cluster.id"])
		require.Equal(t, "4.3-IV0", config.Data["metadata.version"])
	}
}

func claimsAsObserved(t *testing.T, b *bench) {
	for _, pod := range observedPods {
		var claim corev1.PersistentVolumeClaim
		require.NoError(t, b.get(&claim, "data-0-"+pod))
		require.Equal(t, "1Gi", claim.Spec.Resources.Requests.Storage().String())
	}
}

func budgetsAsObserved(t *testing.T, b *bench) {
	var kafka, entity policyv1.PodDisruptionBudget
	require.NoError(t, b.get(&kafka, "events-kafka"))
	require.Equal(t, "2", kafka.Spec.MinAvailable.String())
	require.Nil(t, kafka.Spec.MaxUnavailable)
	require.NoError(t, b.get(&entity, "events-entity-operator"))
}

func policiesAsObserved(t *testing.T, b *bench) {
	var kafka, entity networkingv1.NetworkPolicy
	require.NoError(t, b.get(&kafka, "events-network-policy-kafka"))
	open := map[string]int{}
	for _, rule := range kafka.Spec.Ingress {
		open[rule.Ports[0].Port.String()] = len(rule.From)
	}
	require.Equal(t, map[string]int{"9090": 2, "9091": 5, "8443": 1, "9093": 0}, open)
	require.NoError(t, b.get(&entity, "events-entity-operator"))
}

func accountsAsObserved(t *testing.T, b *bench) {
	require.NoError(t, b.get(&corev1.ServiceAccount{}, "events-kafka"))
	require.NoError(t, b.get(&corev1.ServiceAccount{}, "events-entity-operator"))
}

func entityAsObserved(t *testing.T, b *bench) {
	var deployment appsv1.Deployment
	require.NoError(t, b.get(&deployment, "events-entity-operator"))
	require.Equal(t, "quay.io/strimzi/operator:1.2.0", deployment.Spec.Template.Spec.Containers[0].Image)
	require.Equal(t, "events-entity-operator", deployment.Spec.Template.Labels["strimzi.io/name"])
}

func configurationAsObserved(t *testing.T, b *bench) {
	var config corev1.ConfigMap
	require.NoError(t, b.get(&config, "events-dual-1"))
	text := config.Data["server.config"]
	host := func(pod string) string { return pod + ".events-kafka-brokers." + b.namespace + ".svc" }
	for key, want := range map[string]string{
		"node.id":                        "1",
		"process.roles":                  "broker,controller",
		"controller.listener.names":      "CONTROLPLANE-9090",
		"inter.broker.listener.name":     "REPLICATION-9091",
		"controller.quorum.voters":       fmt.Sprintf("0@%s:9090,1@%s:9090,2@%s:9090", host("events-dual-0"), host("events-dual-1"), host("events-dual-2")),
		"listeners":                      "CONTROLPLANE-9090://0.0.0.0:9090,REPLICATION-9091://0.0.0.0:9091,TLS-9093://0.0.0.0:9093",
		"advertised.listeners":           fmt.Sprintf("CONTROLPLANE-9090://%[1]s:9090,REPLICATION-9091://%[1]s:9091,TLS-9093://%[1]s:9093", host("events-dual-1")),
		"listener.security.protocol.map": "CONTROLPLANE-9090:SSL,REPLICATION-9091:SSL,TLS-9093:SASL_SSL",
		"listener.name.controlplane-9090.ssl.client.auth":   "required",
		"listener.name.controlplane-9090.ssl.keystore.type": "PEM",
		"listener.name.replication-9091.ssl.client.auth":    "required",
		"listener.name.replication-9091.ssl.keystore.type":  "PEM",
		"listener.name.tls-9093.ssl.keystore.type":          "PEM",
		"listener.name.tls-9093.sasl.enabled.mechanisms":    "SCRAM-SHA-512",
		"authorizer.class.name":                             "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"log.dirs":                                          "/var/lib/kafka/data-0/kafka-log1",
		"min.insync.replicas":                               "2",
		"default.replication.factor":                        "3",
		"auto.create.topics.enable":                         "false",
	} {
		require.Equal(t, []string{want}, valuesOf(text, key), key)
	}
	for _, user := range []string{"User:CN=events-kafka,O=io.strimzi", "User:CN=events-entity-user-operator,O=io.strimzi", "User:CN=cluster-operator,O=io.strimzi"} {
		require.Contains(t, strings.Split(valuesOf(text, "super.users")[0], ";"), user)
	}
	require.Greater(t, strings.Index(text, "min.insync.replicas="), strings.Index(text, "super.users="), "the resource's own configuration comes last")
}

func valuesOf(text, key string) []string {
	var values []string
	for _, line := range strings.Split(text, "\n") {
		if value, ok := strings.CutPrefix(line, key+"="); ok {
			values = append(values, value)
		}
	}
	return values
}

// nothingElse finds objects with the cluster's label that the table lacks.
func nothingElse(t *testing.T, b *bench) {
	for _, want := range []struct {
		list  client.ObjectList
		names []string
	}{
		{&corev1.ServiceList{}, []string{"events-kafka-bootstrap", "events-kafka-brokers"}},
		{&corev1.ConfigMapList{}, observedPods},
		{&corev1.PersistentVolumeClaimList{}, []string{"data-0-events-dual-0", "data-0-events-dual-1", "data-0-events-dual-2"}},
		{&policyv1.PodDisruptionBudgetList{}, []string{"events-entity-operator", "events-kafka"}},
		{&networkingv1.NetworkPolicyList{}, []string{"events-entity-operator", "events-network-policy-kafka"}},
		{&appsv1.DeploymentList{}, []string{"events-entity-operator"}},
		{&strimziv1.StrimziPodSetList{}, []string{"events-dual"}},
		{&corev1.SecretList{}, []string{
			"backend", "events-clients-ca", "events-clients-ca-cert", "events-cluster-ca", "events-cluster-ca-cert",
			"events-cluster-operator-certs", "events-dual-0", "events-dual-1", "events-dual-2",
			"events-entity-user-operator-certs", "events-trustbundle",
		}},
	} {
		require.NoError(t, b.api.List(t.Context(), want.list, client.InNamespace(b.namespace), client.HasLabels{labelCluster}))
		require.Equal(t, want.names, listed(t, want.list))
	}
}

func listed(t *testing.T, list client.ObjectList) []string {
	t.Helper()
	var names []string
	require.NoError(t, forEach(list, func(o client.Object) { names = append(names, o.GetName()) }))
	slices.Sort(names)
	return names
}
