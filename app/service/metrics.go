package service

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/trace"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/service/requests"
	"github.com/wealth-companion/companion/app/service/spans"
)

// Metrics is what a process counts.
type Metrics struct {
	registry  *prometheus.Registry
	labels    prometheus.Labels
	outbox    *outboxMetrics
	retention *retentionMetrics
	handled   *prometheus.CounterVec
	after     *prometheus.HistogramVec
	accepted  *prometheus.HistogramVec
	business  *businessMetrics
	requests  *prometheus.HistogramVec
	spans     *prometheus.CounterVec
}

func newMetrics(service string) *Metrics {
	labels := prometheus.Labels{"service": service}
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		labels:    labels,
		outbox:    newOutboxMetrics(labels),
		retention: newRetentionMetrics(labels),
		handled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "events_handled_total", Help: "Deliveries of events, by what came of them.", ConstLabels: labels}, []string{"topic", "outcome"}),
		after: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "event_handled_after_seconds", Help: "How long after an event was made it was handled for the first time.", ConstLabels: labels,
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 600, 3600}}, []string{"topic"}),
		accepted: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "event_handled_since_accepted_seconds", Help: "How long after what an event follows from was accepted the event was handled for the first time.", ConstLabels: labels,
			Buckets: []float64{.1, .25, .5, 1, 2.5, 5, 10, 30, 60, 600, 3600}}, []string{"topic"}),
		business: newBusinessMetrics(service, labels),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "How long requests took.", ConstLabels: labels,
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}}, []string{"method", "route", "status"}),
		spans: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trace_spans_total", Help: "Spans of traces that are recorded: ended here, and what came of their export. What ended and is neither exported nor failed was dropped, or waits.", ConstLabels: labels}, []string{"outcome"}),
	}
	for _, outcome := range spans.Outcomes() {
		m.spans.WithLabelValues(outcome)
	}
	m.registry.MustRegister(m.outbox.collectors()...)
	m.registry.MustRegister(m.retention.removed, m.retention.overdue)
	// A counter that begins with its first event shows no increase by it: an alert about
	// single events would miss that one.
	for _, topic := range event.ConsumedBy(service) {
		for _, outcome := range bus.Outcomes() {
			m.handled.WithLabelValues(topic.Name, outcome)
		}
		m.after.WithLabelValues(topic.Name)
		m.accepted.WithLabelValues(topic.Name)
	}
	for _, topic := range event.PublishedBy(service) {
		m.outbox.published.WithLabelValues(topic.Name)
		m.outbox.refused.WithLabelValues(topic.Name)
		m.outbox.deadLettered.WithLabelValues(topic.Name)
	}
	m.registry.MustRegister(m.business.collectors()...)
	m.registry.MustRegister(m.handled, m.after, m.accepted, m.requests, m.spans,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts a request. route is the pattern, never the path, so that there
// are not as many series as objects. The method is the caller's word and counts by
// name only when HTTP knows it: a series stays in memory for as long as the process.
func (m *Metrics) Request(ctx context.Context, method, route string, status int, took time.Duration) {
	observe(m.requests.WithLabelValues(requests.Method(method), route, knownStatus(status)), took, trace.SpanContextFromContext(ctx))
}

// observe observes a time, with the trace that it is of as an exemplar if that is recorded.
func observe(by prometheus.Observer, took time.Duration, of trace.SpanContext) {
	seconds := max(0, took.Seconds())
	if with, can := by.(prometheus.ExemplarObserver); can && of.IsSampled() {
		with.ObserveWithExemplar(seconds, prometheus.Labels{"trace_id": of.TraceID().String()})
		return
	}
	by.Observe(seconds)
}

// exported counts spans by what came of them.
func (m *Metrics) exported(outcome string, spans int) {
	m.spans.WithLabelValues(outcome).Add(float64(spans))
}

// delivered counts a delivery of an event. topic is one that the service handles.
func (m *Metrics) delivered(topic, outcome string) { m.handled.WithLabelValues(topic, outcome).Inc() }

// handledFirst counts an event that was handled for the first time, and how long that took
// since it was made, and since that was accepted which it follows from. Clocks of two nodes
// differ: no event is handled before it is made.
func (m *Metrics) handledFirst(topic string, e event.CloudEvent) {
	its := trace.SpanContextFromContext(tracing.Remote(context.Background(), e.TraceParent))
	observe(m.after.WithLabelValues(topic), time.Since(e.Time), its)
	if e.AcceptedAt != nil {
		observe(m.accepted.WithLabelValues(topic), time.Since(*e.AcceptedAt), its)
	}
	m.business.handled(topic, e)
}

// connections counts what the pool of the database's sessions does.
func (m *Metrics) connections(pool *pgxpool.Pool) {
	m.registry.MustRegister(poolMetrics{pool, m.labels})
}

// other labels what a caller has made up.
const other = "other"

// knownStatus labels a status; 0 is that of an answer that was never begun.
func knownStatus(status int) string {
	if status != 0 && http.StatusText(status) == "" {
		return other
	}
	return strconv.Itoa(status)
}

// handler answers Prometheus; exemplars go with the format of OpenMetrics only.
func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
}
