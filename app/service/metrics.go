package service

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wealth-companion/companion/app/service/requests"
)

// Metrics is what a process counts.
type Metrics struct {
	registry  *prometheus.Registry
	outbox    *outboxMetrics
	retention *retentionMetrics
	handled   *prometheus.CounterVec
	requests  *prometheus.HistogramVec
}

func newMetrics(service string) *Metrics {
	labels := prometheus.Labels{"service": service}
	m := &Metrics{
		registry:  prometheus.NewRegistry(),
		outbox:    newOutboxMetrics(labels),
		retention: newRetentionMetrics(labels),
		handled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "events_handled_total", Help: "Deliveries of events, by what came of them.", ConstLabels: labels}, []string{"topic", "outcome"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "How long requests took.", ConstLabels: labels,
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}}, []string{"method", "route", "status"}),
	}
	m.registry.MustRegister(m.outbox.collectors()...)
	m.registry.MustRegister(m.retention.removed, m.retention.overdue)
	m.registry.MustRegister(m.handled, m.requests,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts a request. route is the pattern, never the path, so that there
// are not as many series as objects. The method is the caller's word and counts by
// name only when HTTP knows it: a series stays in memory for as long as the process.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(requests.Method(method), route, knownStatus(status)).Observe(took.Seconds())
}

// delivered counts a delivery of an event. topic is one that the service handles.
func (m *Metrics) delivered(topic, outcome string) { m.handled.WithLabelValues(topic, outcome).Inc() }

// other labels what a caller has made up.
const other = "other"

// knownStatus labels a status; 0 is that of an answer that was never begun.
func knownStatus(status int) string {
	if status != 0 && http.StatusText(status) == "" {
		return other
	}
	return strconv.Itoa(status)
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
