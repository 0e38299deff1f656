package dashboards

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/ops/prometheus"
)

// Source answers queries.
type Source interface {
	// Range evaluates an expression from one time to another, each step.
	Range(ctx context.Context, expression string, from, to time.Time, step time.Duration) ([]prometheus.Series, error)
	// Now evaluates it at a time.
	Now(ctx context.Context, expression string, at time.Time) ([]prometheus.Series, error)
}

// Span is what of the past is looked at.
type Span struct {
	To    time.Time
	Since time.Duration
}

// The most points of a panel, and the least time between two: Prometheus reads no more often.
const (
	points = 120
	least  = 15 * time.Second
)

func (s Span) step() time.Duration { return max(least, (s.Since / points).Round(time.Second)) }

// From is where it begins.
func (s Span) From() time.Time { return s.To.Add(-s.Since) }

// expression replaces Grafana's own words. Rates are over four readings at least, of which the
// slowest stack's are 30 s apart.
func (s Span) expression(expr string) string {
	const readings = 4 * 30 * time.Second
	return strings.ReplaceAll(expr, "$__rate_interval", fmt.Sprintf("%ds", int(max(readings, s.step()+readings/4).Seconds())))
}

// Shown is a dashboard with what its queries found.
type Shown struct {
	Dashboard
	Panels []ShownPanel
}

// ShownPanel is a panel with what its queries found.
type ShownPanel struct {
	Panel
	Series []Series
	// Err is what Prometheus said of a query that it refused.
	Err error
}

// Series is a line of a panel: a value at each step, NaN where there is none.
type Series struct {
	Name   string
	Labels map[string]string
	Values []float64
}

// Last is the last value that there is; false: there is none.
func (s Series) Last() (float64, bool) {
	for i := len(s.Values) - 1; i >= 0; i-- {
		if finite(s.Values[i]) {
			return s.Values[i], true
		}
	}
	return 0, false
}

func finite(value float64) bool { return !math.IsNaN(value) && !math.IsInf(value, 0) }

// atOnce is how many panels are asked for at a time: Prometheus has others to serve.
const atOnce = 4

// Run runs every query. What Prometheus refuses is kept with the panel; the error is that it
// could not be asked.
func Run(ctx context.Context, source Source, span Span, dashboards []Dashboard) ([]Shown, error) {
	all := make([]Shown, len(dashboards))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, d := range dashboards {
		all[i] = Shown{Dashboard: d, Panels: make([]ShownPanel, len(d.Panels))}
		for j, p := range d.Panels {
			shown := &all[i].Panels[j]
			shown.Panel = p
			group.Go(func() error {
				shown.Series, shown.Err = run(ctx, source, span, p)
				return ctx.Err()
			})
		}
	}
	return all, group.Wait()
}

func run(ctx context.Context, source Source, span Span, p Panel) ([]Series, error) {
	var all []Series
	for _, q := range p.Queries {
		var found []prometheus.Series
		var err error
		if p.Type == table {
			found, err = source.Now(ctx, span.expression(q.Expr), span.To)
		} else {
			found, err = source.Range(ctx, span.expression(q.Expr), span.From(), span.To, span.step())
		}
		if err != nil {
			return nil, err
		}
		for _, its := range found {
			s := Series{Name: named(q.Legend, its.Labels), Labels: its.Labels, Values: spread(its, span, p.Type)}
			if _, has := s.Last(); has {
				all = append(all, s)
			}
		}
	}
	return all, nil
}

var placeholder = regexp.MustCompile(`{{(\w+)}}`)

// named is what a series is called.
func named(legend string, labels map[string]string) string {
	return placeholder.ReplaceAllStringFunc(legend, func(found string) string { return labels[strings.Trim(found, "{}")] })
}

// spread has a value for each step: Prometheus leaves out those that there are not.
func spread(its prometheus.Series, span Span, kind string) []float64 {
	if kind == table {
		return its.Values()
	}
	step := span.step()
	values := make([]float64, int(span.Since/step)+1)
	for i := range values {
		values[i] = math.NaN()
	}
	for _, sample := range its.Samples {
		if i := int(sample.At.Sub(span.From()).Round(step) / step); i >= 0 && i < len(values) {
			values[i] = sample.Value
		}
	}
	return values
}

// Faults lists what is wrong: panels whose query fails, and those without data that always have
// some.
func Faults(all []Shown) []string {
	var faults []string
	for _, d := range all {
		for _, p := range d.Panels {
			at := fmt.Sprintf("%s: %s", d.Name, p.Title)
			switch {
			case p.Err != nil:
				faults = append(faults, fmt.Sprintf("%s: %v", at, p.Err))
			case p.Type != row && len(p.Series) == 0 && p.Empty == "":
				faults = append(faults, at+" has no data")
			}
		}
	}
	return faults
}
