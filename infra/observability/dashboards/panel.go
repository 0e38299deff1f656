package dashboards

import (
	"math"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// kind is how a panel shows its series.
type kind int

const (
	lines   kind = iota // over time
	stacked             // over time, one upon another
	numbers             // the last values
	list                // the labels of the series that there are now
)

// panel is what a panel shows.
type panel struct {
	title, description string
	unit               string // as Grafana calls it
	kind               kind
	width              uint32 // of 24 columns; 0: a third of them
	queries            []query
	// empty says what it means when there is nothing to show; without it that is a fault.
	empty string
	// steps are where values become better or worse, from low to high.
	steps []step
}

// query is an expression, and what its series are called, with their labels in {{ }}.
type query struct{ expr, legend string }

// step is a value and the colour from there on. Below the first one it is green.
type step struct {
	from  float64
	color string
}

// lowest is the step that decides the colour below all others.
var lowest = math.Inf(-1)

// The colours of steps.
const (
	red   = "red"
	amber = "orange"
	green = "green"
)

// Sizes, in Grafana's grid.
const (
	columns       = 24
	third         = columns / 3
	height        = 8
	numbersHeight = 5 // there are no axes
)

// source is Prometheus, as kube-prometheus-stack names it in Grafana.
var source = common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("prometheus")}

// tag is on every dashboard: by it each leads to all.
const tag = "companion"

// grafanaDashboard is of the schema that Grafana reads from ConfigMaps: the newer one, which the
// SDK prefers, goes by Grafana's own API.
type grafanaDashboard = dashboard.Dashboard //nolint:staticcheck // that newer one

func (b board) build() (grafanaDashboard, error) {
	builder := dashboard.NewDashboardBuilder(b.title) //nolint:staticcheck // see grafanaDashboard
	builder.Uid(b.uid).Description(b.description).Tags([]string{tag}).Readonly().
		Time("now-3h", "now").Refresh("30s").Timezone("browser").Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Link(dashboard.NewDashboardLinkBuilder("Dashboards").Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{tag}).AsDropdown(true).KeepTime(true))
	id := uint32(0)
	for _, r := range b.rows {
		id++
		builder = builder.WithRow(dashboard.NewRowBuilder(r.title).Id(id))
		for _, p := range r.panels {
			id++
			builder = builder.WithPanel(p.builder(id))
		}
	}
	return builder.Build()
}

func (p panel) builder(id uint32) *dashboard.PanelBuilder {
	width, tall := p.width, uint32(height)
	if width == 0 {
		width = third
	}
	if p.kind == numbers {
		tall = numbersHeight
	}
	made := dashboard.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source).
		Span(width).Height(tall).Unit(p.unit).Thresholds(p.thresholds())
	if p.empty != "" {
		made = made.NoValue(p.empty)
	}
	if p.unit == count {
		made = made.Decimals(0) // increase() extrapolates: five transactions are 4.9
	}
	for i, q := range p.queries {
		target := prometheus.NewDataqueryBuilder().RefId(string(rune('A' + i))).Datasource(source).Expr(q.expr).LegendFormat(q.legend)
		if p.kind == list {
			target = target.Instant().Format(prometheus.PromQueryFormatTable)
		} else {
			target = target.Range()
		}
		made = made.WithTarget(target)
	}
	switch p.kind {
	case numbers:
		options := stat.NewOptions()
		options.ReduceOptions.Calcs = []string{"lastNotNull"}
		return made.Type("stat").Options(options)
	case list:
		options := table.NewOptions()
		options.Footer = nil
		return made.Type("table").Options(options).Custom(table.NewFieldConfig()).WithTransformation(dashboard.DataTransformerConfig{
			Id: "organize", Options: map[string]any{"excludeByName": map[string]bool{"Time": true, "Value": true, "__name__": true}},
		})
	default:
		return p.overTime(made)
	}
}

func (p panel) overTime(made *dashboard.PanelBuilder) *dashboard.PanelBuilder {
	options := timeseries.NewOptions()
	options.Legend.ShowLegend, options.Legend.Calcs = true, []string{"lastNotNull", "max"}
	options.Legend.DisplayMode = common.LegendDisplayModeTable
	options.Tooltip.Mode, options.Tooltip.Sort = common.TooltipDisplayModeMulti, common.SortOrderDescending
	custom := timeseries.NewFieldConfig()
	custom.FillOpacity = cog.ToPtr(8.0)
	custom.AxisSoftMin = cog.ToPtr(0.0)
	if p.kind == stacked {
		custom.Stacking = &common.StackingConfig{Mode: cog.ToPtr(common.StackingModeNormal), Group: cog.ToPtr("A")}
		custom.FillOpacity = cog.ToPtr(40.0)
	}
	if len(p.steps) > 0 {
		custom.ThresholdsStyle = &common.GraphThresholdsStyleConfig{Mode: common.GraphThresholdsStyleModeDashed}
	}
	return made.Type("timeseries").Options(options).Custom(custom)
}

func (p panel) thresholds() *dashboard.ThresholdsConfigBuilder {
	steps := []dashboard.Threshold{{Color: green}} // without a value it holds from the lowest on
	for _, s := range p.steps {
		if s.from == lowest {
			steps[0].Color = s.color
			continue
		}
		steps = append(steps, dashboard.Threshold{Value: cog.ToPtr(s.from), Color: s.color})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}
