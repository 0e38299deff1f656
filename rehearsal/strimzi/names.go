package strimzi

import (
	"fmt"
	"maps"
	"strconv"
)

// Version is the release of Strimzi that this package stands in for.
const Version = "1.2.0"

// Labels that Strimzi puts on what it makes.
const (
	labelCluster        = "strimzi.io/cluster"
	labelKind           = "strimzi.io/kind"
	labelName           = "strimzi.io/name"
	labelPool           = "strimzi.io/pool-name"
	labelComponent      = "strimzi.io/component-type"
	labelController     = "strimzi.io/controller"
	labelControllerName = "strimzi.io/controller-name"
	labelPod            = "strimzi.io/pod-name"
	labelBrokerRole     = "strimzi.io/broker-role"
	labelControllerRole = "strimzi.io/controller-role"
)

// Annotations by which the operator remembers, and takes orders.
const (
	annotationRevision        = "strimzi.io/revision"
	annotationConfiguration   = "strimzi.io/broker-configuration-hash"
	annotationServerCert      = "strimzi.io/server-cert-hash"
	annotationClusterCACert   = "strimzi.io/cluster-ca-cert-generation"
	annotationClusterCAKey    = "strimzi.io/cluster-ca-key-generation"
	annotationClientsCACert   = "strimzi.io/clients-ca-cert-generation"
	annotationCACertGen       = "strimzi.io/ca-cert-generation"
	annotationCAKeyGen        = "strimzi.io/ca-key-generation"
	annotationKafkaVersion    = "strimzi.io/kafka-version"
	annotationPaused          = "strimzi.io/pause-reconciliation"
	annotationForceRenew      = "strimzi.io/force-renew"
	annotationManualRolling   = "strimzi.io/manual-rolling-update"
	clusterOperatorName       = "strimzi-cluster-operator"
	userOperatorName          = "strimzi-user-operator"
	clusterOperatorCommonName = "cluster-operator"
	applicationName           = "strimzi"
)

// Ports of every cluster; listeners of the resource's own begin at 9092.
const (
	portControlPlane = 9090
	portReplication  = 9091
	portAgent        = 8443
	portFirstUser    = 9092

	listenerControlPlane = "CONTROLPLANE-9090"
	listenerReplication  = "REPLICATION-9091"
)

// names are those of everything that belongs to one Kafka cluster.
type names struct{ namespace, cluster string }

func (n names) kafka() string             { return n.cluster + "-kafka" }
func (n names) bootstrap() string         { return n.cluster + "-kafka-bootstrap" }
func (n names) brokers() string           { return n.cluster + "-kafka-brokers" }
func (n names) clusterCA() string         { return n.cluster + "-cluster-ca" }
func (n names) clusterCACert() string     { return n.cluster + "-cluster-ca-cert" }
func (n names) clientsCA() string         { return n.cluster + "-clients-ca" }
func (n names) clientsCACert() string     { return n.cluster + "-clients-ca-cert" }
func (n names) operatorCerts() string     { return n.cluster + "-cluster-operator-certs" }
func (n names) trustBundle() string       { return n.cluster + "-trustbundle" }
func (n names) userOperator() string      { return n.cluster + "-entity-user-operator" }
func (n names) userCerts() string         { return n.cluster + "-entity-user-operator-certs" }
func (n names) userRole() string          { return n.cluster + "-entity-user-operator-role" }
func (n names) topicOperator() string     { return n.cluster + "-entity-topic-operator" }
func (n names) exporter() string          { return n.cluster + "-kafka-exporter" }
func (n names) cruiseControl() string     { return n.cluster + "-cruise-control" }
func (n names) entityOperator() string    { return n.cluster + "-entity-operator" }
func (n names) networkPolicy() string     { return n.cluster + "-network-policy-kafka" }
func (n names) podSet(pool string) string { return n.cluster + "-" + pool }

func (n names) pod(pool string, id int32) string {
	return fmt.Sprintf("%s-%s-%d", n.cluster, pool, id)
}

// service is a Service's name as clients in other namespaces write it.
func (n names) service(name string) string { return name + "." + n.namespace + ".svc" }

// podHost is the name under which one node of the cluster is reached.
func (n names) podHost(pod string) string { return pod + "." + n.service(n.brokers()) }

// labels are those that everything of one component carries. The component's
// name is strimzi.io/name, its kind of thing the app.kubernetes.io/name.
func (n names) labels(name, component, application, manager string) map[string]string {
	return map[string]string{
		labelCluster:                   n.cluster,
		labelKind:                      "Kafka",
		labelName:                      name,
		labelComponent:                 component,
		"app.kubernetes.io/name":       application,
		"app.kubernetes.io/instance":   n.cluster,
		"app.kubernetes.io/part-of":    "strimzi-" + n.cluster,
		"app.kubernetes.io/managed-by": manager,
	}
}

func (n names) kafkaLabels() map[string]string {
	return n.labels(n.kafka(), "kafka", "kafka", clusterOperatorName)
}

func (n names) poolLabels(pool string) map[string]string {
	return with(n.kafkaLabels(), labelPool, pool)
}

func (n names) podLabels(pool string, node node) map[string]string {
	return with(n.poolLabels(pool),
		labelBrokerRole, strconv.FormatBool(node.broker),
		labelControllerRole, strconv.FormatBool(node.controller),
		labelController, "strimzipodset",
		labelControllerName, n.podSet(pool),
		labelPod, node.pod)
}

// kafkaSelector finds all pods of the cluster, whichever their pool.
func (n names) kafkaSelector() map[string]string {
	return map[string]string{labelCluster: n.cluster, labelKind: "Kafka", labelName: n.kafka()}
}

func (n names) certificateLabels() map[string]string {
	return n.labels(applicationName, "certificate-authority", "certificate-authority", clusterOperatorName)
}

func (n names) entityLabels(component string) map[string]string {
	return n.labels(n.entityOperator(), component, component, clusterOperatorName)
}

func (n names) entitySelector() map[string]string {
	return map[string]string{labelCluster: n.cluster, labelKind: "Kafka", labelName: n.entityOperator()}
}

// with adds pairs of key and value to a copy.
func with(labels map[string]string, pairs ...string) map[string]string {
	out := maps.Clone(labels)
	if out == nil {
		out = map[string]string{}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = pairs[i+1]
	}
	return out
}

// merged lays later maps over earlier ones.
func merged(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}
