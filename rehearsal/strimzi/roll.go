package strimzi

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// A pod that has not become ready for so long is not just starting.
const stuckAfter = 30 * time.Second

// rollingAnnotations are what a pod is compared by, with what a difference means.
var rollingAnnotations = []struct{ annotation, reason string }{
	{annotationConfiguration, "the configuration changed"},
	{annotationServerCert, "the certificate changed"},
	{annotationClusterCACert, "the cluster's certificate authority was renewed"},
	{annotationClusterCAKey, "the cluster's certificate authority has a new key"},
	{annotationClientsCACert, "the clients' certificate authority was renewed"},
	{annotationRevision, "the pod's specification changed"},
}

// member is a node as it should be and as it is.
type member struct {
	node
	wanted map[string]string // annotations
	pod    *corev1.Pod       // nil while there is none
}

// outdated are the reasons to roll the pod.
func (m member) outdated() []string {
	var reasons []string
	for _, a := range rollingAnnotations {
		if m.pod.Annotations[a.annotation] != m.wanted[a.annotation] {
			reasons = append(reasons, a.reason)
		}
	}
	if len(reasons) > 1 {
		// The revision differs whenever anything does.
		reasons = slices.DeleteFunc(reasons, func(r string) bool { return r == "the pod's specification changed" })
	}
	if m.pod.Annotations[annotationManualRolling] == "true" {
		reasons = append(reasons, "a person asked for it")
	}
	return reasons
}

// stuck says whether the pod will not get ready by waiting: it was long enough in
// that state, or its container cannot start.
func (m member) stuck(now time.Time) bool {
	for _, c := range m.pod.Status.ContainerStatuses {
		if c.State.Waiting != nil && c.State.Waiting.Reason != "ContainerCreating" && c.State.Waiting.Reason != "PodInitializing" {
			return true
		}
	}
	since := m.pod.CreationTimestamp.Time
	for _, c := range m.pod.Status.Conditions {
		if c.Type == corev1.PodReady && !c.LastTransitionTime.IsZero() {
			since = c.LastTransitionTime.Time
		}
	}
	return now.Sub(since) > stuckAfter
}

// step is what to do next: roll a pod, or wait for something, or nothing.
type step struct {
	roll    *member
	reasons []string
	wait    string
	check   bool // roll only if no partition is under-replicated
}

// nextStep decides, from the pods alone. At most one working pod is unavailable at a
// time; pods that do not work are replaced without waiting for others, since
// waiting could be for ever.
func nextStep(members []member, now time.Time) step {
	var starting []string
	for i := range members {
		m := &members[i]
		switch {
		case m.pod == nil:
			starting = append(starting, fmt.Sprintf("pod %s is not there yet", m.node.pod))
		case m.pod.DeletionTimestamp != nil:
			starting = append(starting, fmt.Sprintf("pod %s is stopping", m.node.pod))
		case !ready(m.pod):
			starting = append(starting, fmt.Sprintf("pod %s is not ready%s", m.node.pod, trouble(m.pod)))
		}
	}
	for i := range members {
		m := &members[i]
		if m.pod == nil || m.pod.DeletionTimestamp != nil || ready(m.pod) {
			continue
		}
		if reasons := m.outdated(); len(reasons) > 0 && (len(starting) == 1 || m.stuck(now)) {
			return step{roll: m, reasons: reasons}
		}
	}
	if len(starting) > 0 {
		return step{wait: strings.Join(starting, "; ")}
	}
	for i := range members {
		if reasons := members[i].outdated(); len(reasons) > 0 {
			return step{roll: &members[i], reasons: reasons, check: true}
		}
	}
	return step{}
}

// trouble is what the kubelet or the scheduler says of a pod, if anything.
func trouble(pod *corev1.Pod) string {
	for _, c := range pod.Status.ContainerStatuses {
		if c.State.Waiting != nil && c.State.Waiting.Reason != "" {
			return fmt.Sprintf(" (%s)", c.State.Waiting.Reason)
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fmt.Sprintf(" (%s: %s)", c.Reason, c.Message)
		}
	}
	return ""
}

// rollOrder puts controllers that are no brokers first and the active controller
// last: each roll of it elects another.
func rollOrder(members []member, active int32) {
	rank := func(m member) int {
		switch {
		case m.id == active:
			return 2
		case m.broker:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(members, func(a, b member) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.id, b.id))
	})
}

// roll brings the pods up to date, a step at a time, and says what it waits for.
func (r *kafkas) roll(ctx context.Context, m *model, wanted map[string]map[string]string, settings *tls.Config) (string, error) {
	var pods corev1.PodList
	if err := r.client.List(ctx, &pods, client.InNamespace(m.namespace), client.MatchingLabels(m.kafkaSelector())); err != nil {
		return "", fmt.Errorf("list pods: %w", err)
	}
	var members []member
	for _, n := range m.nodes() {
		member := member{node: n, wanted: wanted[n.pod]}
		if i := slices.IndexFunc(pods.Items, func(p corev1.Pod) bool { return p.Name == n.pod }); i >= 0 {
			member.pod = &pods.Items[i]
		}
		members = append(members, member)
	}
	next := nextStep(members, r.now())
	if next.check {
		ctx, cancel := context.WithTimeout(ctx, adminTimeout)
		defer cancel()
		admin, err := r.connect(ctx, []string{m.replicationBootstrap()}, settings)
		if err != nil {
			return fmt.Sprintf("cannot roll %s: %v", next.roll.node.pod, err), nil
		}
		defer func() { _ = admin.Close() }()
		missing, err := admin.UnderReplicated()
		if err != nil {
			return fmt.Sprintf("cannot roll %s: %v", next.roll.node.pod, err), nil
		}
		if missing > 0 {
			return fmt.Sprintf("%d partitions are under-replicated, so no broker is rolled", missing), nil
		}
		active := int32(-1)
		if controllers := m.controllers(); len(controllers) > 0 {
			// Which one leads only decides on the order: not knowing it is no reason
			// to stop.
			address := fmt.Sprintf("%s:%d", m.podHost(controllers[0].pod), portControlPlane)
			if id, err := admin.ActiveController(address); err == nil {
				active = id
			}
		}
		rollOrder(members, active)
		next = nextStep(members, r.now())
	}
	if next.roll == nil {
		return next.wait, nil
	}
	pod := next.roll.pod
	log.FromContext(ctx).Info("rolling a pod", "pod", pod.Name, "reasons", next.reasons)
	if err := r.client.Delete(ctx, pod, client.Preconditions{UID: &pod.UID}); err != nil {
		// The cache was behind: the pod is another one by now.
		return "pod " + pod.Name + " is being replaced", client.IgnoreNotFound(ignoreConflict(err))
	}
	r.events.Eventf(m.kafka, pod, corev1.EventTypeNormal, "PodRolled", "Roll", "Pod %s is rolled: %s", pod.Name, strings.Join(next.reasons, ", "))
	return fmt.Sprintf("pod %s is rolled: %s", pod.Name, strings.Join(next.reasons, ", ")), nil
}

// replicationBootstrap is the operators' own way in.
func (m *model) replicationBootstrap() string {
	return fmt.Sprintf("%s:%d", m.names.service(m.bootstrap()), portReplication)
}
