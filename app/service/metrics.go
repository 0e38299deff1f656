package service

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is what a process counts.
type Metrics struct {
	registry  *prometheus.Registry
	waiting   prometheus.Gauge
	published *prometheus.CounterVec
	handled   *prometheus.CounterVec
	requests  *prometheus.HistogramVec
}

func newMetrics(service string) *Metrics {
	labels := prometheus.Labels{"service": service}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "outbox_waiting_events", Help: "Events that are written but not yet published.", ConstLabels: labels}),
		published: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "events_published_total", Help: "Events that the broker took.", ConstLabels: labels}, []string{"topic"}),
		handled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "events_handled_total", Help: "Deliveries of events, by what came of them.", ConstLabels: labels}, []string{"topic", "outcome"}),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "How long requests took.", ConstLabels: labels,
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}}, []string{"method", "route", "status"}),
	}
	m.registry.MustRegister(m.waiting, m.published, m.handled, m.requests,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Request counts a request. route is the pattern, not the path, so that there
// are not as many series as objects.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Observe(took.Seconds())
}

func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
