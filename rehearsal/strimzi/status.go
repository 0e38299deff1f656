package strimzi

import (
	"fmt"
	"time"

	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
)

// Conditions as Strimzi writes them: what fails is NotReady with status True.
const (
	conditionReady    = "Ready"
	conditionNotReady = "NotReady"
	conditionWarning  = "Warning"
	conditionPaused   = "ReconciliationPaused"

	reasonCreating = "Creating"
	reasonInvalid  = "InvalidResourceException"
	reasonTimeout  = "TimeoutException"
	reasonClient   = "KubernetesClientException"
)

func condition(kind, reason, message string) kafkav1.Condition {
	return kafkav1.Condition{Type: kind, Status: "True", Reason: reason, Message: message}
}

// warned puts the warnings in front, where Strimzi has them.
func warned(warnings []warning, last kafkav1.Condition) []kafkav1.Condition {
	var conditions []kafkav1.Condition
	for _, w := range warnings {
		conditions = append(conditions, condition(conditionWarning, w.reason, w.message))
	}
	return append(conditions, last)
}

// dated gives conditions the time of their last change: that of an equal one
// before, or now.
func dated(conditions, before []kafkav1.Condition, now time.Time) []kafkav1.Condition {
	for i := range conditions {
		conditions[i].LastTransitionTime = now.UTC().Format("2006-01-02T15:04:05.000000000Z")
		for _, old := range before {
			time := old.LastTransitionTime
			old.LastTransitionTime = conditions[i].LastTransitionTime
			if old == conditions[i] && time != "" {
				conditions[i].LastTransitionTime = time
			}
		}
	}
	return conditions
}

// listenerStatuses tell clients where to begin and whom to trust.
func (m *model) listenerStatuses(authority []byte) []kafkav1.ListenerStatus {
	var statuses []kafkav1.ListenerStatus
	for _, l := range m.listeners {
		host, port := m.names.service(m.bootstrap()), l.Port
		status := kafkav1.ListenerStatus{
			Name:             l.Name,
			Addresses:        []kafkav1.ListenerAddress{{Host: host, Port: &port}},
			BootstrapServers: fmt.Sprintf("%s:%d", host, port),
		}
		if l.Tls {
			status.Certificates = []string{string(authority)}
		}
		statuses = append(statuses, status)
	}
	return statuses
}
