package service

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/outbox"
)

// outboxMetrics is what the outbox's relay counts (outbox.Observer). Of several
// replicas one relays; the others' gauges are zero.
type outboxMetrics struct {
	waiting      prometheus.Gauge
	oldest       prometheus.Gauge
	blockedLanes *prometheus.GaugeVec
	blockedSince *prometheus.GaugeVec
	published    *prometheus.CounterVec
	refused      *prometheus.CounterVec
	deadLettered *prometheus.CounterVec
}

func newOutboxMetrics(labels prometheus.Labels) *outboxMetrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels})
	}
	byTopic := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: labels}, []string{"topic"})
	}
	gaugeBy := func(name, help string, by ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, by)
	}
	return &outboxMetrics{
		blockedLanes: gaugeBy("outbox_blocked_lanes", "Lanes (a topic and a key) whose oldest event waits for another attempt after one that failed.", "topic"),
		blockedSince: gaugeBy("outbox_blocked_seconds", "How long ago the first attempt failed: of the topic as a whole (what=\"topic\"), or of the lane that has waited longest (what=\"lane\"); 0: none waits.", "topic", "what"),
		waiting:      gauge("outbox_waiting_events", "Events that are written but not yet published; 100000 stands for that many or more."),
		oldest:       gauge("outbox_oldest_event_age_seconds", "How long the oldest event that is not published has waited."),
		published:    byTopic("events_published_total", "Events that the broker took."),
		refused:      byTopic("outbox_refused_total", "Refusals of an event or its topic by the broker."),
		deadLettered: byTopic("outbox_dead_lettered_total", "Events that the outbox put on the dead letters, for the broker refused them."),
	}
}

func (m *outboxMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.waiting, m.oldest, m.blockedLanes, m.blockedSince, m.published, m.refused, m.deadLettered}
}

func (m *outboxMetrics) Waiting(events int, oldest time.Duration) {
	m.waiting.Set(float64(events))
	m.oldest.Set(oldest.Seconds())
}

// Blocked counts by the topics that there are: what the outbox holds of unknown ones is
// counted together, and the last of them is seen.
func (m *outboxMetrics) Blocked(topic string, b outbox.Blocked) {
	label := knownTopic(topic)
	m.blockedLanes.WithLabelValues(label).Set(float64(b.Lanes))
	m.blockedSince.WithLabelValues(label, "lane").Set(b.Longest.Seconds())
	m.blockedSince.WithLabelValues(label, "topic").Set(b.Topic.Seconds())
}

func (m *outboxMetrics) Published(topic string, events int) {
	m.published.WithLabelValues(knownTopic(topic)).Add(float64(events))
}

func (m *outboxMetrics) Refused(topic string) { m.refused.WithLabelValues(knownTopic(topic)).Inc() }

func (m *outboxMetrics) DeadLettered(topic string) {
	m.deadLettered.WithLabelValues(knownTopic(topic)).Inc()
}

// knownTopic labels a topic: a row of the outbox may name any.
func knownTopic(topic string) string {
	if _, known := event.Find(topic); known {
		return topic
	}
	return other
}
