package strimzi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	strimziv1 "github.com/scholzj/strimzi-go/pkg/apis/core.strimzi.io/v1"
	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Strimzi's defaults.
const (
	defaultGrace        = 30
	defaultTemporary    = "5Mi"
	defaultInitialDelay = 15
	defaultTimeout      = 5

	temporaryVolume = "strimzi-tmp"
	configVolume    = "kafka-metrics-and-logging"
	configPath      = "/opt/kafka/custom-config/"
)

// generations are what a pod's certificates and configuration were when it was
// laid out; they become annotations, and a difference rolls the pod.
type generations struct {
	clusterCACert, clusterCAKey, clientsCACert string
	serverCert                                 map[string]string // by pod
	configuration                              map[string]string // by pod
}

// podSet is the pool's StrimziPodSet, with its pods written out.
func (m *model) podSet(p pool, g generations) (*strimziv1.StrimziPodSet, error) {
	name := m.names.podSet(p.resource.Name)
	set := &strimziv1.StrimziPodSet{
		TypeMeta: metav1.TypeMeta{APIVersion: "core.strimzi.io/v1", Kind: "StrimziPodSet"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: m.namespace, Name: name,
			Labels:          merged(templateLabels(p.podSetMeta), m.poolLabels(p.resource.Name)),
			Annotations:     merged(templateAnnotations(p.podSetMeta), map[string]string{annotationKafkaVersion: m.version.version}),
			OwnerReferences: ownedBy(p.resource, "KafkaNodePool"),
		},
		Spec: &strimziv1.StrimziPodSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: with(m.kafkaSelector(), labelPool, p.resource.Name)},
		},
	}
	for _, n := range p.nodes {
		pod, err := m.podOf(p, n, g)
		if err != nil {
			return nil, err
		}
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(pod)
		if err != nil {
			return nil, fmt.Errorf("pod %s: %w", n.pod, err)
		}
		delete(object, "status")
		set.Spec.Pods = append(set.Spec.Pods, object)
	}
	return set, nil
}

func (m *model) podOf(p pool, n node, g generations) (*corev1.Pod, error) {
	spec := m.kafka.Spec.Kafka
	template := p.pod
	if template == nil {
		template = &kafkav1.PodTemplate{}
	}
	container := p.container
	if container == nil {
		container = &kafkav1.ContainerTemplate{}
	}
	temporary, err := resource.ParseQuantity(orElse(template.TmpDirSizeLimit, defaultTemporary))
	if err != nil {
		return nil, invalidf("KafkaNodePool %s: tmpDirSizeLimit %q is not valid", p.resource.Name, template.TmpDirSizeLimit)
	}
	volumes, mounts, err := m.volumes(p, n)
	if err != nil {
		return nil, err
	}
	volumes = append(volumes,
		corev1.Volume{Name: temporaryVolume, VolumeSource: corev1.VolumeSource{
			EmptyDir: &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMediumMemory, SizeLimit: &temporary}}},
		corev1.Volume{Name: configVolume, VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: n.pod}}}},
		secretVolume("broker-certs", n.pod),
		secretVolume("trust-bundle", m.trustBundle()),
	)
	mounts = append(mounts,
		corev1.VolumeMount{Name: temporaryVolume, MountPath: "/tmp"},
		corev1.VolumeMount{Name: configVolume, MountPath: configPath, ReadOnly: true},
		corev1.VolumeMount{Name: "broker-certs", MountPath: brokerCertsPath, ReadOnly: true},
		corev1.VolumeMount{Name: "trust-bundle", MountPath: trustBundlePath, ReadOnly: true},
	)
	extra, err := additionalVolumes(template.Volumes)
	if err != nil {
		return nil, err
	}
	security := template.SecurityContext
	if security == nil {
		// As Strimzi's baseline provider: volumes belong to the group of Kafka's user.
		security = &corev1.PodSecurityContext{FSGroup: ptr(int64(0))}
	}
	grace := int64(defaultGrace)
	if template.TerminationGracePeriodSeconds > 0 {
		grace = int64(template.TerminationGracePeriodSeconds)
	}
	env, err := m.environment(p)
	if err != nil {
		return nil, err
	}

	pod := &corev1.Pod{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: m.namespace, Name: n.pod,
			Labels: merged(metadataLabels(template.Metadata), m.podLabels(p.resource.Name, n)),
			Annotations: merged(metadataAnnotations(template.Metadata), map[string]string{
				annotationConfiguration: g.configuration[n.pod],
				annotationServerCert:    g.serverCert[n.pod],
				annotationClusterCACert: g.clusterCACert,
				annotationClusterCAKey:  g.clusterCAKey,
				annotationClientsCACert: g.clientsCACert,
				annotationKafkaVersion:  m.version.version,
			}),
		},
		Spec: corev1.PodSpec{
			Hostname:                      n.pod,
			Subdomain:                     m.names.brokers(),
			ServiceAccountName:            m.names.kafka(),
			AutomountServiceAccountToken:  ptr(false), // nothing in the pod asks the API server
			RestartPolicy:                 corev1.RestartPolicyAlways,
			TerminationGracePeriodSeconds: &grace,
			SecurityContext:               security,
			Affinity:                      template.Affinity,
			Tolerations:                   template.Tolerations,
			TopologySpreadConstraints:     template.TopologySpreadConstraints,
			PriorityClassName:             template.PriorityClassName,
			SchedulerName:                 template.SchedulerName,
			HostAliases:                   template.HostAliases,
			DNSPolicy:                     corev1.DNSPolicy(template.DnsPolicy),
			DNSConfig:                     template.DnsConfig,
			EnableServiceLinks:            template.EnableServiceLinks,
			HostUsers:                     template.HostUsers,
			ImagePullSecrets:              template.ImagePullSecrets,
			Volumes:                       append(volumes, extra...),
			Containers: []corev1.Container{{
				Name:            "kafka",
				Image:           m.version.image,
				Command:         []string{"/opt/kafka/kafka-run"},
				Env:             append(env, containerEnv(container.Env)...),
				Ports:           m.containerPorts(n),
				Resources:       resourcesOf(p.resource.Spec.Resources),
				SecurityContext: m.securityContext(container),
				VolumeMounts:    append(mounts, container.VolumeMounts...),
				LivenessProbe:   execProbe(spec.LivenessProbe, "alive"),
				ReadinessProbe:  execProbe(spec.ReadinessProbe, "ready"),
			}},
		},
	}
	content, err := json.Marshal(pod)
	if err != nil {
		return nil, fmt.Errorf("pod %s: %w", n.pod, err)
	}
	pod.Annotations[annotationRevision] = fingerprint(content)[:8]
	return pod, nil
}

// securityContext is a container's: its template's, or what Strimzi's provider of the
// restricted profile gives it.
func (m *model) securityContext(template *kafkav1.ContainerTemplate) *corev1.SecurityContext {
	if template.SecurityContext != nil || !m.restricted {
		return template.SecurityContext
	}
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr(false), RunAsNonRoot: ptr(true),
		Capabilities:   &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// volumes are those of the pool's storage.
func (m *model) volumes(p pool, n node) ([]corev1.Volume, []corev1.VolumeMount, error) {
	var volumes []corev1.Volume
	var mounts []corev1.VolumeMount
	for _, v := range p.volumes {
		source := corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}
		if v.claim {
			source = corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claimName(v, n)}}
		}
		if !v.claim && v.size != "" {
			limit, err := resource.ParseQuantity(v.size)
			if err != nil {
				return nil, nil, invalidf("KafkaNodePool %s: sizeLimit %q is not valid", p.resource.Name, v.size)
			}
			source.EmptyDir.SizeLimit = &limit
		}
		volumes = append(volumes, corev1.Volume{Name: v.name, VolumeSource: source})
		mounts = append(mounts, corev1.VolumeMount{Name: v.name, MountPath: v.mountPath()})
	}
	return volumes, mounts, nil
}

func claimName(v volume, n node) string { return v.name + "-" + n.pod }

func (m *model) containerPorts(n node) []corev1.ContainerPort {
	ports := []corev1.ContainerPort{{Name: "tcp-kafkaagent", ContainerPort: portAgent}}
	if n.controller {
		ports = append(ports, corev1.ContainerPort{Name: "tcp-ctrlplane", ContainerPort: portControlPlane})
	}
	if n.broker {
		ports = append(ports, corev1.ContainerPort{Name: "tcp-replication", ContainerPort: portReplication})
		for _, l := range m.listeners {
			ports = append(ports, corev1.ContainerPort{Name: portName(l), ContainerPort: l.Port})
		}
	}
	for i := range ports {
		ports[i].Protocol = corev1.ProtocolTCP
	}
	return ports
}

// portName is a port's in pods and Services. Three listeners keep the names they
// had before listeners could be named.
func portName(l kafkav1.GenericKafkaListener) string {
	switch {
	case l.Name == "plain" && l.Port == 9092:
		return "tcp-clients"
	case l.Name == "tls" && l.Port == 9093:
		return "tcp-clientstls"
	case l.Name == "external" && l.Port == 9094:
		return "tcp-external"
	}
	return "tcp-" + l.Name
}

// environment tells the launcher of the resource's Java options.
func (m *model) environment(p pool) ([]corev1.EnvVar, error) {
	var env []corev1.EnvVar
	set := func(name, value string) { env = append(env, corev1.EnvVar{Name: name, Value: value}) }
	set("KAFKA_CLUSTER_NAME", m.cluster)
	jvm := p.jvm
	if jvm == nil {
		jvm = &kafkav1.JvmOptions{}
	}
	set("STRIMZI_KAFKA_GC_LOG_ENABLED", fmt.Sprint(jvm.GcLoggingEnabled))
	var heap []string
	if jvm.Xms != "" {
		heap = append(heap, "-Xms"+jvm.Xms)
	}
	if jvm.Xmx != "" {
		heap = append(heap, "-Xmx"+jvm.Xmx)
	}
	if len(heap) > 0 {
		set("KAFKA_HEAP_OPTS", strings.Join(heap, " "))
	}
	if jvm.Xmx == "" {
		set("STRIMZI_DYNAMIC_HEAP_PERCENTAGE", "50")
		set("STRIMZI_DYNAMIC_HEAP_MAX", "5368709120")
	}
	var options []string
	for _, option := range slices.Sorted(maps.Keys(jvm.XX)) {
		switch value := jvm.XX[option]; value {
		case "true":
			options = append(options, "-XX:+"+option)
		case "false":
			options = append(options, "-XX:-"+option)
		default:
			options = append(options, "-XX:"+option+"="+value)
		}
	}
	if len(options) > 0 {
		set("KAFKA_JVM_PERFORMANCE_OPTS", strings.Join(options, " "))
	}
	var properties []string
	for _, property := range jvm.JavaSystemProperties {
		if strings.ContainsAny(property.Name+property.Value, " \t\n") {
			return nil, invalidf("the Java system property %s must not contain blanks", property.Name)
		}
		properties = append(properties, "-D"+property.Name+"="+property.Value)
	}
	if len(properties) > 0 {
		set("STRIMZI_JAVA_SYSTEM_PROPERTIES", strings.Join(properties, " "))
	}
	return env, nil
}

func execProbe(p *kafkav1.Probe, command string) *corev1.Probe {
	probe := probeOf(p)
	probe.ProbeHandler = corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/opt/kafka/kafka-run", command}}}
	return probe
}

func httpProbe(p *kafkav1.Probe, path, port string, delay int32) *corev1.Probe {
	probe := probeOf(p)
	if p == nil {
		probe.InitialDelaySeconds = delay
	}
	probe.ProbeHandler = corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
		Path: path, Port: intstr.FromString(port), Scheme: corev1.URISchemeHTTP}}
	return probe
}

func probeOf(p *kafkav1.Probe) *corev1.Probe {
	probe := &corev1.Probe{InitialDelaySeconds: defaultInitialDelay, TimeoutSeconds: defaultTimeout}
	if p == nil {
		return probe
	}
	probe.InitialDelaySeconds = p.InitialDelaySeconds
	if p.TimeoutSeconds > 0 {
		probe.TimeoutSeconds = p.TimeoutSeconds
	}
	if p.PeriodSeconds != nil {
		probe.PeriodSeconds = *p.PeriodSeconds
	}
	if p.SuccessThreshold != nil {
		probe.SuccessThreshold = *p.SuccessThreshold
	}
	if p.FailureThreshold != nil {
		probe.FailureThreshold = *p.FailureThreshold
	}
	return probe
}

func secretVolume(name, secret string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: secret}}}
}

func additionalVolumes(wanted []kafkav1.AdditionalVolume) ([]corev1.Volume, error) {
	var volumes []corev1.Volume
	for _, w := range wanted {
		source := corev1.VolumeSource{
			Secret: w.Secret, ConfigMap: w.ConfigMap, PersistentVolumeClaim: w.PersistentVolumeClaim, CSI: w.Csi, Image: w.Image,
		}
		if w.EmptyDir != nil {
			source.EmptyDir = &corev1.EmptyDirVolumeSource{Medium: corev1.StorageMedium(w.EmptyDir.Medium)}
			if w.EmptyDir.SizeLimit != "" {
				limit, err := resource.ParseQuantity(w.EmptyDir.SizeLimit)
				if err != nil {
					return nil, invalidf("volume %s: sizeLimit %q is not valid", w.Name, w.EmptyDir.SizeLimit)
				}
				source.EmptyDir.SizeLimit = &limit
			}
		}
		volumes = append(volumes, corev1.Volume{Name: w.Name, VolumeSource: source})
	}
	return volumes, nil
}

func containerEnv(wanted []kafkav1.ContainerEnvVar) []corev1.EnvVar {
	var env []corev1.EnvVar
	for _, w := range wanted {
		e := corev1.EnvVar{Name: w.Name, Value: w.Value}
		if w.ValueFrom != nil {
			e.ValueFrom = &corev1.EnvVarSource{SecretKeyRef: w.ValueFrom.SecretKeyRef, ConfigMapKeyRef: w.ValueFrom.ConfigMapKeyRef}
		}
		env = append(env, e)
	}
	return env
}

func metadataLabels(t *kafkav1.MetadataTemplate) map[string]string {
	if t == nil {
		return nil
	}
	return t.Labels
}

func metadataAnnotations(t *kafkav1.MetadataTemplate) map[string]string {
	if t == nil {
		return nil
	}
	return t.Annotations
}

func templateLabels(t *kafkav1.ResourceTemplate) map[string]string {
	if t == nil {
		return nil
	}
	return metadataLabels(t.Metadata)
}

func templateAnnotations(t *kafkav1.ResourceTemplate) map[string]string {
	if t == nil {
		return nil
	}
	return metadataAnnotations(t.Metadata)
}

// ownedBy makes deletion of the owner delete what it owns.
func ownedBy(owner metav1.Object, kind string) []metav1.OwnerReference {
	return []metav1.OwnerReference{{
		APIVersion: "kafka.strimzi.io/v1", Kind: kind, Name: owner.GetName(), UID: owner.GetUID(),
		Controller: ptr(false), BlockOwnerDeletion: ptr(false),
	}}
}

func ptr[T any](v T) *T { return &v }

func orElse(value, other string) string {
	if value == "" {
		return other
	}
	return value
}
