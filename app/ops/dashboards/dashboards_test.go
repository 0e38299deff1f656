package dashboards

import (
	"context"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/ops/prometheus"
)

// dashboard is one with a panel of each type, in what matters of Grafana's JSON.
const dashboard = `{"uid": "events", "title": "Event flow", "description": "From one to the other.", "panels": [
	{"id": 1, "type": "row", "title": "Published", "gridPos": {"w": 24}},
	{"id": 2, "type": "timeseries", "title": "Rate", "description": "By topic.", "gridPos": {"w": 12},
		"targets": [{"expr": "rate(events[$__rate_interval])", "legendFormat": "{{topic}} of {{service}}"}],
		"fieldConfig": {"defaults": {"unit": "suffix: /s", "custom": {"stacking": {"mode": "normal"}}}}},
	{"id": 3, "type": "stat", "title": "Left", "gridPos": {"w": 12}, "targets": [{"expr": "left", "legendFormat": "left"}],
		"fieldConfig": {"defaults": {"unit": "percentunit", "thresholds": {"steps": [{"value": null, "color": "red"}, {"value": 0.25, "color": "green"}]}}}},
	{"id": 4, "type": "table", "title": "Alerts", "gridPos": {"w": 12}, "targets": [{"expr": "ALERTS"}], "fieldConfig": {"defaults": {"noValue": "Nothing fires."}}}
]}`

func TestWhatIsReadOfADashboard(t *testing.T) {
	all, err := Parse(map[string]string{"b": strings.Replace(dashboard, "events", "b", 1), "on-call": strings.Replace(dashboard, "events", "on-call", 1), "a": dashboard})
	require.NoError(t, err)
	require.Len(t, all, 3)
	require.Equal(t, []string{"on-call", "events", "b"}, []string{all[0].Name, all[1].Name, all[2].Name})
	zero := 0.25
	require.Equal(t, Panel{ID: 3, Type: "stat", Title: "Left", Unit: "percentunit", Width: 12, Steps: []Step{{nil, "red"}, {&zero, "green"}}, Queries: []Query{{"left", "left"}}}, all[0].Panels[2])
	require.True(t, all[0].Panels[1].Stacked)

	for name, c := range map[string]struct{ content, want string }{
		"no JSON":               {"{", "dashboard x: unexpected end"},
		"nothing":               {"{}", "no uid or no panels"},
		"a panel without query": {`{"uid": "x", "panels": [{"type": "stat", "title": "Left"}]}`, `panel "Left" has no query`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(map[string]string{"x": c.content})
			require.ErrorContains(t, err, c.want)
		})
	}
}

// answers is a Prometheus that has those series, by expression.
type answers map[string][]prometheus.Series

func (a answers) Range(_ context.Context, expression string, from, to time.Time, step time.Duration) ([]prometheus.Series, error) {
	if expression == "refused" {
		return nil, errors.New("parse error")
	}
	return a[expression], nil
}

func (a answers) Now(ctx context.Context, expression string, at time.Time) ([]prometheus.Series, error) {
	return a.Range(ctx, expression, at, at, 0)
}

var span = Span{To: time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC), Since: 30 * time.Minute}

// over is a series with those values at the last steps.
func over(labels map[string]string, values ...float64) prometheus.Series {
	its := prometheus.Series{Labels: labels}
	for i, value := range values {
		its.Samples = append(its.Samples, prometheus.Sample{At: span.To.Add(time.Duration(i-len(values)+1) * span.step()), Value: value})
	}
	return its
}

func run1(t *testing.T, source answers) Shown {
	t.Helper()
	all, err := Parse(map[string]string{"events": dashboard})
	require.NoError(t, err)
	shown, err := Run(t.Context(), source, span, all)
	require.NoError(t, err)
	require.Len(t, shown, 1)
	return shown[0]
}

func TestPanelsWithoutDataAreFaults(t *testing.T) {
	rate := over(map[string]string{"topic": "finance.transaction.created", "service": "backend"}, 1, 2)
	full := answers{"rate(events[120s])": {rate}, "left": {over(nil, 0.5)}, "ALERTS": {over(map[string]string{"alertname": "ServiceDown"}, 1)}}
	require.Empty(t, Faults([]Shown{run1(t, full)}))

	quiet := answers{"rate(events[120s])": {rate}, "left": {over(nil, 0.5)}}
	require.Empty(t, Faults([]Shown{run1(t, quiet)}), "a list may be empty that says what it means")

	none := answers{"left": {over(nil, math.NaN(), math.Inf(1))}}
	require.Equal(t, []string{"events: Rate has no data", "events: Left has no data"}, Faults([]Shown{run1(t, none)}))

	all, err := Parse(map[string]string{"events": strings.Replace(dashboard, `"expr": "left"`, `"expr": "refused"`, 1)})
	require.NoError(t, err)
	shown, err := Run(t.Context(), full, span, all)
	require.NoError(t, err)
	require.Equal(t, []string{"events: Left: parse error"}, Faults(shown))

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Run(ended, full, span, all)
	require.ErrorIs(t, err, context.Canceled)
}

func TestSeriesHaveAValueAtEachStep(t *testing.T) {
	shown := run1(t, answers{"rate(events[120s])": {over(map[string]string{"topic": "x", "service": "backend"}, 1, 2)}, "left": {over(nil, 0.5)}})
	its := shown.Panels[1].Series[0]
	require.Equal(t, "x of backend", its.Name)
	require.Len(t, its.Values, 121)
	require.True(t, math.IsNaN(its.Values[118]))
	require.Equal(t, []float64{1, 2}, its.Values[119:])
	last, has := its.Last()
	require.True(t, has)
	require.Equal(t, 2.0, last)
}

func TestThePageShowsWhatThereIs(t *testing.T) {
	shown := run1(t, answers{
		"rate(events[120s])": {over(map[string]string{"topic": "<script>", "service": "backend"}, 1, math.NaN(), 3), over(map[string]string{"topic": "y", "service": "web"}, 2)},
		"left":               {over(nil, 0.5)},
	})
	var page strings.Builder
	require.NoError(t, Page(&page, span, []Shown{shown}))
	html := page.String()
	for _, want := range []string{
		"Event flow", "<svg", "&lt;script&gt; of backend", "3 /s", `<b class="green">50%</b>left`, "Nothing fires.", "2026-11-26 02:30 UTC",
	} {
		require.Contains(t, html, want)
	}
	for _, unwanted := range []string{"<script", "http://", "https://", " src="} {
		require.NotContains(t, strings.ReplaceAll(html, "http://www.w3.org/", ""), unwanted, "the page needs nothing else")
	}
	if file := os.Getenv("DASHBOARDS_PAGE"); file != "" {
		require.NoError(t, os.WriteFile(file, []byte(html), 0o644))
	}
	page.Reset()
	require.NoError(t, Page(&page, span, []Shown{run1(t, answers{})}))
	require.Contains(t, page.String(), "<li>events: Rate has no data</li>")
}

func TestValuesAreShort(t *testing.T) {
	for want, c := range map[string]struct {
		unit  string
		value float64
	}{
		"1.5 KiB": {"bytes", 1536}, "0 B": {"bytes", 0}, "234 ms": {"s", 0.234}, "12 min": {"s", 720}, "30 days": {"s", 30 * 86400}, "1.23 s": {"ms", 1234},
		"12.3k": {"short", 12345}, "1": {"short", 1}, "99.9%": {"percentunit", 0.999}, "0.25 cores": {"suffix: cores", 0.25}, "-5%": {"percentunit", -0.05},
		"3.5 req/s": {"reqps", 3.5}, "2 MiB/s": {"binBps", 2 << 20},
	} {
		require.Equal(t, want, format(c.unit, c.value))
	}
}

// What an increase makes fractions of is shown as what was counted.
func TestCountsAreWhole(t *testing.T) {
	require.Equal(t, "5", Panel{Unit: "short", Whole: true}.format(4.93))
	require.Equal(t, "4.93", Panel{Unit: "short"}.format(4.93))
}
