package dashboards

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-analyze/charts"
)

//go:embed page.html
var page string

// Page writes the dashboards as one page of HTML that needs nothing else.
func Page(w io.Writer, span Span, all []Shown) error {
	parsed, err := template.New("page").Funcs(template.FuncMap{
		"chart":  func(p ShownPanel) (template.HTML, error) { return chart(p, span) },
		"legend": legend, "numbers": numbers, "columns": columns, "cells": cells,
		"clock": func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 MST") },
	}).Parse(page)
	if err != nil {
		return err
	}
	return parsed.Execute(w, struct {
		Span   Span
		All    []Shown
		Faults []string
	}{span, all, Faults(all)})
}

// Sizes of a chart, in pixels: 24 columns are as wide as a page that is printed across.
const (
	columnWidth = 56
	chartHeight = 190
)

// theme is that of the charts; the page has its colours in the legends.
var theme = charts.GetTheme(charts.ThemeVividLight).WithBackgroundColor(charts.ColorTransparent)

// chart draws a panel over time as SVG.
func chart(p ShownPanel, span Span) (template.HTML, error) {
	painter := charts.NewPainter(charts.PainterOptions{
		OutputFormat: charts.ChartOutputSVG, Width: p.Width*columnWidth - 24, Height: chartHeight, Theme: theme,
	})
	data := make([][]float64, len(p.Series))
	for i, s := range p.Series {
		data[i] = make([]float64, len(s.Values))
		for j, value := range s.Values {
			switch {
			case finite(value):
				data[i][j] = value
			case p.Stacked:
				data[i][j] = 0 // what there is not adds nothing
			default:
				data[i][j] = charts.GetNullValue()
			}
		}
	}
	options := charts.NewLineChartOptionWithData(data)
	options.Theme = theme
	options.Legend.Show = charts.Ptr(false)
	options.Symbol = charts.Symbol{Shape: charts.SymbolNone}
	options.LineStrokeWidth = 1.5
	options.StackSeries = charts.Ptr(p.Stacked)
	options.ValueFormatter = func(value float64) string { return format(p.Unit, value) }
	options.XAxis.Labels = clocks(span, len(data[0]))
	options.XAxis.LabelCount = p.Width / 2
	options.XAxis.BoundaryGap = charts.Ptr(false)
	options.YAxis[0].LabelCount = 4
	if lowest(p.Series) >= 0 {
		options.YAxis[0].Min = charts.Ptr(0.0)
	}
	if err := painter.LineChart(options); err != nil {
		return "", fmt.Errorf("draw %s: %w", p.Title, err)
	}
	drawn, err := painter.Bytes()
	return template.HTML(drawn), err //nolint:gosec // the library's SVG, in which names are escaped
}

func lowest(series []Series) float64 {
	low := math.Inf(1)
	for _, s := range series {
		for _, value := range s.Values {
			if finite(value) {
				low = min(low, value)
			}
		}
	}
	return low
}

func clocks(span Span, n int) []string {
	labels := make([]string, n)
	for i := range labels {
		labels[i] = clock(span.From().Add(time.Duration(i) * span.step()).UTC())
	}
	return labels
}

// entry is a line of a legend.
type entry struct {
	Name, Color, Last, Most string
}

// named are the most series that a legend names; the rest are counted.
const namedSeries = 10

func legend(p ShownPanel) []entry {
	var entries []entry
	for i, s := range p.Series {
		if i == namedSeries {
			return append(entries, entry{Name: fmt.Sprintf("and %d more", len(p.Series)-i)})
		}
		last, _ := s.Last()
		most := math.Inf(-1)
		for _, value := range s.Values {
			if finite(value) {
				most = max(most, value)
			}
		}
		entries = append(entries, entry{s.Name, color(i), p.format(last), p.format(most)})
	}
	return entries
}

func color(i int) string {
	its := theme.GetSeriesColor(i)
	return fmt.Sprintf("#%02x%02x%02x", its.R, its.G, its.B)
}

// numbers are the last values of a panel, in the colours of its steps.
func numbers(p ShownPanel) []entry {
	var entries []entry
	for _, s := range p.Series {
		last, _ := s.Last()
		entries = append(entries, entry{Name: s.Name, Last: p.format(last), Color: stepColor(p.Steps, last)})
	}
	return entries
}

func stepColor(steps []Step, value float64) string {
	its := ""
	for _, step := range steps {
		if step.Value == nil || value >= *step.Value {
			its = step.Color
		}
	}
	return its
}

// columns are the labels of a table's series.
func columns(p ShownPanel) []string {
	all := map[string]bool{}
	for _, s := range p.Series {
		for label := range s.Labels {
			if !strings.HasPrefix(label, "__") {
				all[label] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func cells(p ShownPanel, s Series) []string {
	var values []string
	for _, label := range columns(p) {
		values = append(values, s.Labels[label])
	}
	return values
}
