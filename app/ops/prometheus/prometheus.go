// Package prometheus asks Prometheus in the cluster what it knows.
package prometheus

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Namespace is that of what watches, as infra names it.
const Namespace = "observability"

// Address is Prometheus', as infra names it in the cluster.
const Address = "http://monitoring-prometheus.observability.svc:9090"

// AlertmanagerAddress is Alertmanager's, in the same way.
const AlertmanagerAddress = "http://monitoring-alertmanager.observability.svc:9093"

// Dialer connects to addresses that only the cluster can name.
type Dialer interface {
	Dial(network, address string) (net.Conn, error)
}

// Client asks one Prometheus, and the Alertmanager beside it.
type Client struct {
	api  v1.API
	http *http.Client
}

// New returns a client of the Prometheus at an http:// address, which the dialer connects to.
func New(address string, dialer Dialer) (*Client, error) {
	transport := &http.Transport{
		DialContext: func(_ context.Context, network, address string) (net.Conn, error) {
			return dialer.Dial(network, address)
		},
	}
	client, err := api.NewClient(api.Config{Address: address, RoundTripper: transport})
	if err != nil {
		return nil, fmt.Errorf("address of Prometheus: %w", err)
	}
	return &Client{api: v1.NewAPI(client), http: &http.Client{Transport: transport}}, nil
}

// Target is where Prometheus reads metrics.
type Target struct {
	Job      string    `json:"job"`
	Pod      string    `json:"pod,omitempty"`
	URL      string    `json:"url"`
	Health   string    `json:"health"` // up, down, or unknown before the first reading
	LastRead time.Time `json:"lastRead"`
	Error    string    `json:"error,omitempty"` // of the last reading
}

// Targets lists what Prometheus reads, in the order of jobs, pods and addresses.
func (c *Client) Targets(ctx context.Context) ([]Target, error) {
	found, err := c.api.Targets(ctx)
	if err != nil {
		return nil, fmt.Errorf("targets of Prometheus: %w", err)
	}
	targets := make([]Target, 0, len(found.Active))
	for _, one := range found.Active {
		targets = append(targets, Target{
			Job: string(one.Labels[model.JobLabel]), Pod: string(one.Labels["pod"]), URL: one.ScrapeURL,
			Health: string(one.Health), LastRead: one.LastScrape, Error: one.LastError,
		})
	}
	slices.SortFunc(targets, func(a, b Target) int {
		return strings.Compare(a.Job+" "+a.Pod+" "+a.URL, b.Job+" "+b.Pod+" "+b.URL)
	})
	return targets, nil
}

// Series is a series that an expression gives.
type Series struct {
	Labels  map[string]string
	Samples []Sample
}

// Sample is a value at a time.
type Sample struct {
	At    time.Time
	Value float64
}

// Values are those of the samples.
func (s Series) Values() []float64 {
	values := make([]float64, 0, len(s.Samples))
	for _, sample := range s.Samples {
		values = append(values, sample.Value)
	}
	return values
}

// Range evaluates an expression from one time to another, each step.
func (c *Client) Range(ctx context.Context, expression string, from, to time.Time, step time.Duration) ([]Series, error) {
	value, _, err := c.api.QueryRange(ctx, expression, v1.Range{Start: from, End: to, Step: step})
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", expression, err)
	}
	matrix, is := value.(model.Matrix)
	if !is {
		return nil, fmt.Errorf("query %s: it gives a %s, not series over time", expression, value.Type())
	}
	found := make([]Series, 0, len(matrix))
	for _, stream := range matrix {
		its := Series{Labels: labels(stream.Metric)}
		for _, pair := range stream.Values {
			its.Samples = append(its.Samples, Sample{pair.Timestamp.Time(), float64(pair.Value)})
		}
		found = append(found, its)
	}
	return found, nil
}

// Now evaluates an expression at a time: each series has one sample.
func (c *Client) Now(ctx context.Context, expression string, at time.Time) ([]Series, error) {
	value, _, err := c.api.Query(ctx, expression, at)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", expression, err)
	}
	vector, is := value.(model.Vector)
	if !is {
		return nil, fmt.Errorf("query %s: it gives a %s, not a vector", expression, value.Type())
	}
	found := make([]Series, 0, len(vector))
	for _, sample := range vector {
		found = append(found, Series{labels(sample.Metric), []Sample{{sample.Timestamp.Time(), float64(sample.Value)}}})
	}
	return found, nil
}

func labels(metric model.Metric) map[string]string {
	all := make(map[string]string, len(metric))
	for name, value := range metric {
		all[string(name)] = string(value)
	}
	return all
}

// Values evaluates an expression now and returns the values of its series, by the value that
// each has of a label.
func (c *Client) Values(ctx context.Context, expression, label string) (map[string]float64, error) {
	value, _, err := c.api.Query(ctx, expression, time.Now())
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", expression, err)
	}
	vector, is := value.(model.Vector)
	if !is {
		return nil, fmt.Errorf("query %s: it gives a %s, not a vector", expression, value.Type())
	}
	values := map[string]float64{}
	for _, sample := range vector {
		values[string(sample.Metric[model.LabelName(label)])] = float64(sample.Value)
	}
	return values, nil
}
