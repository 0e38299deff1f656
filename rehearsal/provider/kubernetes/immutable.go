package kubernetes

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var identity = []string{"kind", "metadata.name", "metadata.namespace"}

var selector = []string{"spec.selector"}

var roleRef = []string{"roleRef"}

// replacing lists, for each kind, the fields whose change replaces the object
// under the official plugin. That is not every field the API server refuses to
// change: a change to one of the others fails there, and so it does here.
var replacing = map[schema.GroupKind][]string{
	{Group: "apps", Kind: "DaemonSet"}:  selector,
	{Group: "apps", Kind: "Deployment"}: selector,
	{Group: "apps", Kind: "StatefulSet"}: {
		"spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector",
		"spec.serviceName", "spec.volumeClaimTemplates",
	},
	{Group: "batch", Kind: "Job"}: {
		"spec.completions", "spec.parallelism", "spec.selector", "spec.template",
	},
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}: roleRef,
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:        roleRef,
	{Group: "storage.k8s.io", Kind: "StorageClass"}:                  {"parameters", "provisioner"},

	{Kind: "PersistentVolume"}: {
		"spec.csi", "spec.fc", "spec.hostPath", "spec.iscsi", "spec.local", "spec.nfs",
	},
	{Kind: "PersistentVolumeClaim"}: {
		"spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName",
	},
	{Kind: "ResourceQuota"}: {"spec.scopes"},
	{Kind: "Service"}:       {"spec.clusterIP"},
	{Kind: "Pod"}:           podFields(),
}

// podFields is nearly all of a Pod: only labels, annotations, tolerations and
// the active deadline change in place.
func podFields() []string {
	fields := []string{
		"spec.affinity", "spec.automountServiceAccountToken", "spec.dnsConfig", "spec.dnsPolicy",
		"spec.enableServiceLinks", "spec.hostAliases", "spec.hostIPC", "spec.hostNetwork", "spec.hostPID",
		"spec.hostname", "spec.imagePullSecrets", "spec.nodeName", "spec.nodeSelector", "spec.overhead",
		"spec.preemptionPolicy", "spec.priority", "spec.priorityClassName", "spec.readinessGates",
		"spec.restartPolicy", "spec.runtimeClassName", "spec.schedulerName", "spec.securityContext",
		"spec.serviceAccount", "spec.serviceAccountName", "spec.shareProcessNamespace", "spec.subdomain",
		"spec.terminationGracePeriodSeconds", "spec.volumes",
	}
	container := []string{
		"args", "command", "env", "image", "imagePullPolicy", "lifecycle", "livenessProbe", "ports",
		"readinessProbe", "resources", "securityContext", "stdin", "stdinOnce", "terminationMessagePath",
		"terminationMessagePolicy", "tty", "volumeDevices", "volumeMounts", "workingDir",
	}
	for _, list := range []string{"spec.containers", "spec.initContainers"} {
		for _, field := range container {
			fields = append(fields, list+"."+field)
		}
	}
	return fields
}

// immutableFields are the fields of this object whose change replaces it.
// ConfigMaps and Secrets are replaced when their data changes, so that what
// mounts them rolls, unless the provider was told to change them in place.
func (p *Provider) immutableFields(object *unstructured.Unstructured) []string {
	fields := slices.Clone(identity)
	sealed, _, _ := unstructured.NestedBool(object.Object, "immutable")
	switch {
	case isSecret(object):
		fields = append(fields, "type")
		if sealed || !p.settings.secretMutable {
			fields = append(fields, "data", "stringData")
		}
	case isConfigMap(object):
		if sealed || !p.settings.configMapMutable {
			fields = append(fields, "data", "binaryData")
		}
	default:
		fields = append(fields, replacing[object.GroupVersionKind().GroupKind()]...)
	}
	return fields
}
