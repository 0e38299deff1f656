// Package exporter tells Prometheus what the brokers know and do not tell it: how far consumers
// are behind, and whether partitions have their replicas. Its metrics have the names that
// exporters for Kafka commonly give them.
package exporter

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/wealth-companion/companion/app/ops/admin"
)

// Kafka is what is asked of a cluster.
type Kafka interface {
	Progress() ([]admin.Group, error)
	Replicas() ([]admin.Replicas, error)
	Close() error
}

// Open connects to a cluster, within the time that ctx has.
type Open func(ctx context.Context) (Kafka, error)

// Within is how long a look at the cluster may take. Prometheus waits for ten seconds.
const Within = 9 * time.Second

var (
	lag       = described("kafka_consumergroup_lag", "Events of a partition that the group has not handled. An upper bound where the topic is compacted.", "consumergroup", "topic", "partition")
	offset    = described("kafka_consumergroup_current_offset", "The offset of the first event of a partition that the group has not handled.", "consumergroup", "topic", "partition")
	members   = described("kafka_consumergroup_members", "Who reads for the group.", "consumergroup")
	replicas  = described("kafka_topic_partition_replicas", "Brokers that are to keep the partition.", "topic", "partition")
	inSync    = described("kafka_topic_partition_in_sync_replica", "Brokers that have all of the partition.", "topic", "partition")
	tooFew    = described("kafka_topic_partition_under_replicated_partition", "1 while fewer brokers have all of the partition than are to keep it.", "topic", "partition")
	described = func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
)

// Exporter looks at the cluster whenever it is scraped.
type Exporter struct {
	open Open
	log  *slog.Logger
	// turn is taken by who looks: two at once would ask the brokers twice.
	turn  chan struct{}
	kafka Kafka // nil: to be opened
}

// New returns an exporter that connects when it is first scraped, and again after a failure.
func New(open Open, log *slog.Logger) *Exporter {
	return &Exporter{open: open, log: log, turn: make(chan struct{}, 1)}
}

// Close ends the connection.
func (e *Exporter) Close() {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	e.forget()
}

func (e *Exporter) forget() {
	if e.kafka != nil {
		_ = e.kafka.Close()
		e.kafka = nil
	}
}

// Handler serves /metrics and /healthz. While the cluster does not answer, /metrics is an error:
// Prometheus counts the target as down, and keeps no figure of before for one of now. The process
// is healthy all the same, and nothing that a restart would mend.
func (e *Exporter) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), Within)
		defer cancel()
		found, err := e.look(ctx)
		if err != nil {
			e.log.ErrorContext(ctx, "Kafka does not say how far consumers are", "err", err)
			http.Error(w, "Kafka: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		registry := prometheus.NewRegistry()
		registry.MustRegister(found, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	})
	return mux
}

// look asks the cluster. Sarama's calls do not end with ctx, so who looks does so beside it and
// keeps the turn until the call is over, by its own time-outs at the latest.
func (e *Exporter) look(ctx context.Context) (*sight, error) {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("the look before is not over: %w", ctx.Err())
	}
	type answer struct {
		found *sight
		err   error
	}
	done := make(chan answer, 1)
	go func() {
		defer func() { <-e.turn }()
		found, err := e.ask(ctx)
		if err != nil {
			e.forget()
		}
		done <- answer{found, err}
	}()
	select {
	case a := <-done:
		return a.found, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("no answer within %s: %w", Within, ctx.Err())
	}
}

func (e *Exporter) ask(ctx context.Context) (*sight, error) {
	if e.kafka == nil {
		kafka, err := e.open(ctx)
		if err != nil {
			return nil, err
		}
		e.kafka = kafka
	}
	groups, err := e.kafka.Progress()
	if err != nil {
		return nil, err
	}
	kept, err := e.kafka.Replicas()
	if err != nil {
		return nil, err
	}
	return &sight{groups: groups, replicas: kept}, nil
}

// sight is what a look found.
type sight struct {
	groups   []admin.Group
	replicas []admin.Replicas
}

// Describe names the metrics.
func (s *sight) Describe(to chan<- *prometheus.Desc) {
	for _, one := range []*prometheus.Desc{lag, offset, members, replicas, inSync, tooFew} {
		to <- one
	}
}

// Collect hands the figures over.
func (s *sight) Collect(to chan<- prometheus.Metric) {
	gauge := func(of *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, value, labels...)
	}
	for _, g := range s.groups {
		gauge(members, float64(g.Members), g.Name)
		for _, p := range g.Partitions {
			partition := strconv.Itoa(int(p.Partition))
			gauge(lag, float64(p.Waiting), g.Name, p.Topic, partition)
			gauge(offset, float64(p.Committed), g.Name, p.Topic, partition)
		}
	}
	for _, r := range s.replicas {
		partition := strconv.Itoa(int(r.Partition))
		gauge(replicas, float64(r.Wanted), r.Topic, partition)
		gauge(inSync, float64(r.InSync), r.Topic, partition)
		under := 0.0
		if r.InSync < r.Wanted {
			under = 1
		}
		gauge(tooFew, under, r.Topic, partition)
	}
}
