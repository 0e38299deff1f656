package kube

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// lostSeconds is how long a pod stays on a node that Kubernetes has given up. It gives a node up
// 40 to 50 s after its last sign of life, which DOKS does not let one set; by its own default a
// pod would then wait for the node for five minutes more.
const lostSeconds = 10

// lost are the taints of nodes that Kubernetes has given up.
var lost = []string{"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"}

// LeaveLostNodes are the tolerations of pods that keep nothing: another is started elsewhere
// soon after their node is lost. Pods with a volume wait for the node, as is Kubernetes' default:
// the volume is attached to it, and a pod of a StatefulSet is not replaced before the node says
// that it has ended.
func LeaveLostNodes() corev1.TolerationArray {
	var all corev1.TolerationArray
	for _, taint := range lost {
		all = append(all, corev1.TolerationArgs{
			Key: pulumi.String(taint), Operator: pulumi.String("Exists"), Effect: pulumi.String("NoExecute"), TolerationSeconds: pulumi.Int(lostSeconds),
		})
	}
	return all
}

// LeaveLostNodesValues are the same, as charts take them.
func LeaveLostNodesValues() []any {
	var all []any
	for _, taint := range lost {
		all = append(all, map[string]any{"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": lostSeconds})
	}
	return all
}
