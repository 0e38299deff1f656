package strimzi

import (
	"fmt"
	"strconv"

	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	portUserOperator      = 8081
	entityProbeDelay      = 10
	entityCertKey         = "entity-operator" // of the Secret: entity-operator.crt and .key
	clusterOperatorKey    = "cluster-operator"
	defaultReconciliation = 120000 // milliseconds
)

// Environment by which the cluster operator tells the user operator what to do.
const (
	envNamespace       = "STRIMZI_NAMESPACE"
	envLabels          = "STRIMZI_LABELS"
	envBootstrap       = "STRIMZI_KAFKA_BOOTSTRAP_SERVERS"
	envInterval        = "STRIMZI_FULL_RECONCILIATION_INTERVAL_MS"
	envClientsCACert   = "STRIMZI_CA_CERT_NAME"
	envClientsCAKey    = "STRIMZI_CA_KEY_NAME"
	envCANamespace     = "STRIMZI_CA_NAMESPACE"
	envCAValidity      = "STRIMZI_CA_VALIDITY"
	envCARenewal       = "STRIMZI_CA_RENEWAL"
	envClusterCACert   = "STRIMZI_CLUSTER_CA_CERT_SECRET_NAME"
	envEntityKeySecret = "STRIMZI_EO_KEY_SECRET_NAME" //nolint:gosec // the name of a Secret, not one
	envSecretPrefix    = "STRIMZI_SECRET_PREFIX"
	envACLs            = "STRIMZI_ACLS_ADMIN_API_SUPPORTED"
)

// entityObjects are those of the entity operator, without its Deployment.
func (m *model) entityObjects() []client.Object {
	labels := m.entityLabels("entity-operator")
	return []client.Object{
		&corev1.ServiceAccount{ObjectMeta: m.meta(m.entityOperator(), labels)},
		&rbacv1.Role{ObjectMeta: m.meta(m.entityOperator(), labels), Rules: entityRules()},
		&rbacv1.RoleBinding{
			ObjectMeta: m.meta(m.userRole(), m.entityLabels("entity-user-operator")),
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: m.entityOperator()},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: m.entityOperator(), Namespace: m.namespace}},
		},
		m.entityNetworkPolicy(),
		m.entityBudget(),
	}
}

func entityRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		{
			APIGroups: []string{"kafka.strimzi.io"}, Resources: []string{"kafkausers"},
			Verbs: []string{"get", "list", "watch", "create", "patch", "update", "delete"},
		},
		{
			APIGroups: []string{"kafka.strimzi.io"}, Resources: []string{"kafkausers/status"},
			Verbs: []string{"get", "patch", "update"},
		},
		{
			APIGroups: []string{""}, Resources: []string{"secrets"},
			Verbs: []string{"get", "list", "watch", "create", "delete", "patch", "update"},
		},
		{APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"create", "patch"}},
	}
}

func (m *model) entityNetworkPolicy() *networkingv1.NetworkPolicy {
	policy := &networkingv1.NetworkPolicy{ObjectMeta: m.meta(m.entityOperator(), m.entityLabels("entity-operator"))}
	policy.Spec.PodSelector = metav1.LabelSelector{MatchLabels: m.entitySelector()}
	policy.Spec.PolicyTypes = []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
	policy.Spec.Ingress = []networkingv1.NetworkPolicyIngressRule{ingress(portUserOperator)}
	return policy
}

func (m *model) entityBudget() *policyv1.PodDisruptionBudget {
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: m.meta(m.entityOperator(), m.entityLabels("entity-operator"))}
	unavailable := int32(1)
	if t := m.kafka.Spec.EntityOperator.Template; t != nil && t.PodDisruptionBudget != nil {
		unavailable = t.PodDisruptionBudget.MaxUnavailable
		budget.Labels = merged(metadataLabels(t.PodDisruptionBudget.Metadata), budget.Labels)
	}
	budget.Spec.MaxUnavailable = ptr(intstr.FromInt32(unavailable))
	budget.Spec.Selector = &metav1.LabelSelector{MatchLabels: m.entitySelector()}
	return budget
}

// entityDeployment runs the user operator. Its annotations change with its
// certificate, so that it restarts.
func (m *model) entityDeployment(image string, annotations map[string]string) (*appsv1.Deployment, error) {
	spec := m.kafka.Spec.EntityOperator
	user := spec.UserOperator
	if user.Image != "" {
		image = user.Image
	}
	template := spec.Template
	if template == nil {
		template = &kafkav1.EntityOperatorTemplate{}
	}
	pod := template.Pod
	if pod == nil {
		pod = &kafkav1.PodTemplate{}
	}
	container := template.UserOperatorContainer
	if container == nil {
		container = &kafkav1.ContainerTemplate{}
	}
	interval := int64(defaultReconciliation)
	if user.ReconciliationIntervalMs != nil {
		interval = *user.ReconciliationIntervalMs
	}
	if user.WatchedNamespace != "" && user.WatchedNamespace != m.namespace {
		return nil, invalidf("spec.entityOperator.userOperator.watchedNamespace: another namespace than %s is not supported by this operator", m.namespace)
	}
	temporary, err := resource.ParseQuantity(orElse(pod.TmpDirSizeLimit, defaultTemporary))
	if err != nil {
		return nil, invalidf("spec.entityOperator.template.pod.tmpDirSizeLimit %q is not valid", pod.TmpDirSizeLimit)
	}
	validity, renewal := days(m.kafka.Spec.ClientsCa)
	labels := m.entityLabels("entity-operator")
	grace := int64(defaultGrace)
	if pod.TerminationGracePeriodSeconds > 0 {
		grace = int64(pod.TerminationGracePeriodSeconds)
	}

	deployment := &appsv1.Deployment{ObjectMeta: m.meta(m.entityOperator(), labels)}
	strategy := appsv1.RollingUpdateDeploymentStrategyType
	if t := template.Deployment; t != nil {
		deployment.Labels = merged(metadataLabels(t.Metadata), labels)
		deployment.Annotations = metadataAnnotations(t.Metadata)
		if t.DeploymentStrategy == kafkav1.RECREATE_DEPLOYMENTSTRATEGY {
			strategy = appsv1.RecreateDeploymentStrategyType
		}
	}
	deployment.Spec = appsv1.DeploymentSpec{
		Replicas: ptr(int32(1)),
		Strategy: appsv1.DeploymentStrategy{Type: strategy},
		Selector: &metav1.LabelSelector{MatchLabels: m.entitySelector()},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{
				Labels:      merged(metadataLabels(pod.Metadata), labels),
				Annotations: merged(metadataAnnotations(pod.Metadata), annotations),
			},
			Spec: corev1.PodSpec{
				ServiceAccountName:            m.entityOperator(),
				TerminationGracePeriodSeconds: &grace,
				SecurityContext:               pod.SecurityContext,
				Affinity:                      pod.Affinity,
				Tolerations:                   pod.Tolerations,
				TopologySpreadConstraints:     pod.TopologySpreadConstraints,
				PriorityClassName:             pod.PriorityClassName,
				ImagePullSecrets:              pod.ImagePullSecrets,
				Volumes: []corev1.Volume{{Name: "strimzi-uo-tmp", VolumeSource: corev1.VolumeSource{
					EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: &temporary}}}},
				Containers: []corev1.Container{{
					Name:  "user-operator",
					Image: image,
					Args:  []string{"user-operator"},
					Env: append([]corev1.EnvVar{
						{Name: envLabels, Value: labelCluster + "=" + m.cluster},
						{Name: envBootstrap, Value: fmt.Sprintf("%s:%d", m.bootstrap(), portReplication)},
						{Name: envNamespace, Value: m.namespace},
						{Name: envInterval, Value: strconv.FormatInt(interval, 10)},
						{Name: envClientsCACert, Value: m.clientsCACert()},
						{Name: envClientsCAKey, Value: m.clientsCA()},
						{Name: envCANamespace, Value: m.namespace},
						{Name: envCAValidity, Value: strconv.Itoa(int(validity))},
						{Name: envCARenewal, Value: strconv.Itoa(int(renewal))},
						{Name: envClusterCACert, Value: m.clusterCACert()},
						{Name: envEntityKeySecret, Value: m.userCerts()},
						{Name: envSecretPrefix, Value: user.SecretPrefix},
						{Name: envACLs, Value: boolean(m.simple())},
					}, containerEnv(container.Env)...),
					Ports:           []corev1.ContainerPort{{Name: "healthcheck-uo", ContainerPort: portUserOperator, Protocol: corev1.ProtocolTCP}},
					Resources:       resourcesOf(user.Resources),
					SecurityContext: m.securityContext(container),
					VolumeMounts:    append([]corev1.VolumeMount{{Name: "strimzi-uo-tmp", MountPath: "/tmp"}}, container.VolumeMounts...),
					LivenessProbe:   httpProbe(user.LivenessProbe, "/healthy", "healthcheck-uo", entityProbeDelay),
					ReadinessProbe:  httpProbe(user.ReadinessProbe, "/ready", "healthcheck-uo", entityProbeDelay),
				}},
			},
		},
	}
	return deployment, nil
}

// days are how long certificates are valid, and how long before their end they
// are renewed.
func days(ca *kafkav1.CertificateAuthority) (validity, renewal int32) {
	validity, renewal = defaultValidity, defaultRenewal
	if ca != nil && ca.ValidityDays > 0 {
		validity = ca.ValidityDays
	}
	if ca != nil && ca.RenewalDays > 0 {
		renewal = ca.RenewalDays
	}
	return validity, renewal
}
