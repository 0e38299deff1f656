package strimzi

import (
	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func (m *model) meta(name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: m.namespace, Name: name, Labels: labels, OwnerReferences: ownedBy(m.kafka, "Kafka"),
	}
}

func (m *model) template() *kafkav1.KafkaClusterTemplate {
	if t := m.kafka.Spec.Kafka.Template; t != nil {
		return t
	}
	return &kafkav1.KafkaClusterTemplate{}
}

func (m *model) kafkaServiceAccount() *corev1.ServiceAccount {
	t := m.template().ServiceAccount
	account := &corev1.ServiceAccount{ObjectMeta: m.meta(m.names.kafka(), merged(templateLabels(t), m.kafkaLabels()))}
	account.Annotations = templateAnnotations(t)
	return account
}

// bootstrapService is where clients begin.
func (m *model) bootstrapService() *corev1.Service {
	service := m.service(m.bootstrap(), m.template().BootstrapService)
	service.Labels = with(service.Labels, "strimzi.io/discovery", "true")
	service.Spec.Selector = with(m.kafkaSelector(), labelBrokerRole, "true")
	service.Spec.Ports = append([]corev1.ServicePort{servicePort("tcp-replication", portReplication)}, m.listenerPorts()...)
	return service
}

// brokersService gives every node a name, before it is ready: nodes need one
// another to become so.
func (m *model) brokersService() *corev1.Service {
	service := m.service(m.names.brokers(), m.template().BrokersService)
	service.Spec.ClusterIP = corev1.ClusterIPNone
	service.Spec.PublishNotReadyAddresses = true
	service.Spec.Selector = m.kafkaSelector()
	service.Spec.Ports = append([]corev1.ServicePort{
		servicePort("tcp-ctrlplane", portControlPlane),
		servicePort("tcp-replication", portReplication),
		servicePort("tcp-kafkaagent", portAgent),
	}, m.listenerPorts()...)
	return service
}

func (m *model) service(name string, t *kafkav1.InternalServiceTemplate) *corev1.Service {
	service := &corev1.Service{ObjectMeta: m.meta(name, m.kafkaLabels())}
	service.Spec.Type = corev1.ServiceTypeClusterIP
	if t == nil {
		return service
	}
	service.Labels = merged(metadataLabels(t.Metadata), service.Labels)
	service.Annotations = metadataAnnotations(t.Metadata)
	if t.IpFamilyPolicy != "" {
		service.Spec.IPFamilyPolicy = ptr(corev1.IPFamilyPolicy(t.IpFamilyPolicy))
	}
	for _, family := range t.IpFamilies {
		service.Spec.IPFamilies = append(service.Spec.IPFamilies, corev1.IPFamily(family))
	}
	return service
}

func (m *model) listenerPorts() []corev1.ServicePort {
	var ports []corev1.ServicePort
	for _, l := range m.listeners {
		ports = append(ports, servicePort(portName(l), l.Port))
	}
	return ports
}

func servicePort(name string, port int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: port, TargetPort: intstr.FromInt32(port), Protocol: corev1.ProtocolTCP}
}

// claims are the volumes of one pool that outlive its pods.
func (m *model) claims(p pool) ([]*corev1.PersistentVolumeClaim, error) {
	var claims []*corev1.PersistentVolumeClaim
	for _, n := range p.nodes {
		for _, v := range p.volumes {
			if !v.claim {
				continue
			}
			size, err := resource.ParseQuantity(v.size)
			if err != nil {
				return nil, invalidf("KafkaNodePool %s: the size %q of volume %s is not valid", p.resource.Name, v.size, v.name)
			}
			claim := &corev1.PersistentVolumeClaim{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: m.namespace, Name: claimName(v, n),
					Labels:      merged(templateLabels(p.claim), m.poolLabels(p.resource.Name)),
					Annotations: merged(templateAnnotations(p.claim), map[string]string{"strimzi.io/delete-claim": boolean(v.deleteClaim)}),
				},
				Spec: corev1.PersistentVolumeClaimSpec{
					AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
					Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: size}},
				},
			}
			if v.class != "" {
				claim.Spec.StorageClassName = &v.class
			}
			if v.attributes != "" {
				claim.Spec.VolumeAttributesClassName = &v.attributes
			}
			if len(v.selector) > 0 {
				claim.Spec.Selector = &metav1.LabelSelector{MatchLabels: v.selector}
			}
			// Without deleteClaim the data stays when the resources go.
			if v.deleteClaim {
				claim.OwnerReferences = ownedBy(p.resource, "KafkaNodePool")
			}
			claims = append(claims, claim)
		}
	}
	return claims, nil
}

func (m *model) configMap(p pool, n node) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: m.namespace, Name: n.pod,
			Labels:          with(m.poolLabels(p.resource.Name), labelPod, n.pod),
			OwnerReferences: ownedBy(p.resource, "KafkaNodePool"),
		},
		Data: map[string]string{
			"server.config":     m.brokerConfig(p, n),
			"cluster.id":        m.id,
			"metadata.version":  m.version.metadata,
			"log4j2.properties": m.loggingConfig(),
		},
	}
}

// kafkaBudget allows one unavailable node at a time, over all pools.
func (m *model) kafkaBudget() *policyv1.PodDisruptionBudget {
	t := m.template().PodDisruptionBudget
	unavailable := 1
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: m.meta(m.names.kafka(), m.kafkaLabels())}
	if t != nil {
		unavailable = int(t.MaxUnavailable)
		budget.Labels = merged(metadataLabels(t.Metadata), budget.Labels)
		budget.Annotations = metadataAnnotations(t.Metadata)
	}
	// The pods' controller is none that Kubernetes knows the size of, so the
	// budget must be a number of pods that stay.
	budget.Spec.MinAvailable = ptr(intstr.FromInt(max(0, len(m.nodes())-unavailable)))
	budget.Spec.Selector = &metav1.LabelSelector{MatchLabels: m.kafkaSelector()}
	return budget
}

func (m *model) kafkaNetworkPolicy(operatorNamespace string) *networkingv1.NetworkPolicy {
	operator := networkingv1.NetworkPolicyPeer{
		PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{labelKind: "cluster-operator"}},
	}
	if operatorNamespace != m.namespace {
		operator.NamespaceSelector = &metav1.LabelSelector{}
	}
	pods := func(labels map[string]string) networkingv1.NetworkPolicyPeer {
		return networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: labels}}
	}
	kafka := pods(m.kafkaSelector())
	named := func(name string) networkingv1.NetworkPolicyPeer { return pods(map[string]string{labelName: name}) }

	policy := &networkingv1.NetworkPolicy{ObjectMeta: m.meta(m.networkPolicy(), m.kafkaLabels())}
	policy.Spec.PodSelector = metav1.LabelSelector{MatchLabels: m.kafkaSelector()}
	policy.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{
		ingress(portControlPlane, kafka, operator),
		ingress(portReplication, operator, kafka, named(m.entityOperator()), named(m.exporter()), named(m.cruiseControl())),
		ingress(portAgent, operator),
	}
	for _, l := range m.listeners {
		policy.Spec.Ingress = append(policy.Spec.Ingress, ingress(l.Port, l.NetworkPolicyPeers...))
	}
	return policy
}

// ingress allows a port to the peers, or to everyone without any.
func ingress(port int32, peers ...networkingv1.NetworkPolicyPeer) networkingv1.NetworkPolicyIngressRule {
	return networkingv1.NetworkPolicyIngressRule{
		From:  peers,
		Ports: []networkingv1.NetworkPolicyPort{{Protocol: ptr(corev1.ProtocolTCP), Port: ptr(intstr.FromInt32(port))}},
	}
}

func boolean(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
