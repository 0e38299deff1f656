package service

import (
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wealth-companion/companion/app/core/event"
)

// businessMetrics is what people and agents do, as events tell it. Of several services that
// consume a topic the first of its list counts, so that each event counts once. No label says
// who it was.
type businessMetrics struct {
	service      string
	transactions *prometheus.CounterVec
	insights     *prometheus.CounterVec
	dismissed    *prometheus.CounterVec
	alerts       *prometheus.CounterVec
	detectors    names
}

func newBusinessMetrics(service string, labels prometheus.Labels) *businessMetrics {
	counter := func(name, help string, by ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, by)
	}
	m := &businessMetrics{
		service:      service,
		transactions: counter("transactions_total", "Transactions that people entered or imported.", "type"),
		insights:     counter("insights_total", "Insights that were shown to people, by what found them.", "type", "detector"),
		dismissed:    counter("insights_dismissed_total", "Insights that people dismissed, and what they said of them.", "detector", "feedback"),
		alerts:       counter("alerts_total", "Alerts, by the channel and by what became of them.", "channel", "status"),
	}
	// What there is most of begins at zero, as in newMetrics.
	if m.counts("finance.transaction.created") {
		for _, kind := range []string{event.Income, event.Expense, event.Transfer} {
			m.transactions.WithLabelValues(kind)
		}
	}
	if m.counts("notification.alert.sent") {
		m.alerts.WithLabelValues("in_app", "delivered")
	}
	return m
}

// counts tells whether this service is the one that counts a topic's events.
func (m *businessMetrics) counts(topic string) bool {
	known, _ := event.Find(topic)
	return len(known.Consumers) > 0 && known.Consumers[0] == m.service
}

func (m *businessMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.transactions, m.insights, m.dismissed, m.alerts}
}

// handled counts an event that is within its contract, by whose enumerations the labels are of
// a known set.
func (m *businessMetrics) handled(topic string, e event.CloudEvent) {
	if !m.counts(topic) {
		return
	}
	switch e.Type {
	case event.TypeTransactionCreated:
		if data, err := event.Decode[event.TransactionCreated](e); err == nil {
			m.transactions.WithLabelValues(data.Type).Inc()
		}
	case event.TypeInsightGenerated:
		if data, err := event.Decode[event.InsightGenerated](e); err == nil {
			m.insights.WithLabelValues(data.InsightType, m.detectors.known(data.RelatedEntities["detector"])).Inc()
		}
	case event.TypeInsightDismissed:
		if data, err := event.Decode[event.InsightDismissed](e); err == nil {
			m.dismissed.WithLabelValues(m.detectors.known(data.Detector), data.Feedback).Inc()
		}
	case event.TypeAlertSent:
		if data, err := event.Decode[event.AlertSent](e); err == nil {
			m.alerts.WithLabelValues(data.Channel, data.Status).Inc()
		}
	}
}

// mostNames bounds names: agents have some thirty detectors.
const mostNames = 64

// names keeps a label to as many values as there may be; it is ready for use when zero.
type names struct {
	mu   sync.Mutex
	seen []string
}

// known returns name, or other when there are too many of them.
func (n *names) known(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if slices.Contains(n.seen, name) {
		return name
	}
	if len(n.seen) == mostNames {
		return other
	}
	n.seen = append(n.seen, name)
	return name
}
