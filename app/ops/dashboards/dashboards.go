// Package dashboards reads Grafana's dashboards as the program lays them out in the cluster,
// runs their queries, and draws them as a page: what can be had of them without Grafana.
package dashboards

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Dashboard is what is read of a dashboard.
type Dashboard struct {
	Name, Title, Description string
	Panels                   []Panel // and headlines, in their order
}

// Panel is what is read of a panel.
type Panel struct {
	ID                       int
	Type                     string // as Grafana calls it: timeseries, stat, table, or row for a headline
	Title, Description, Unit string
	Width                    int // of 24 columns
	Stacked                  bool
	// Whole is that values are counts, which a rate's extrapolation has made fractions of.
	Whole bool
	// Empty is what Grafana shows where there is no data. A panel without it always has some.
	Empty   string
	Steps   []Step
	Queries []Query
}

// Step is the value from which on a colour holds; nil: from the lowest on.
type Step struct {
	Value *float64
	Color string
}

// Query is an expression of Prometheus', and what its series are called.
type Query struct{ Expr, Legend string }

// Parse reads dashboards from their JSON, by their names, first the one called on-call and
// then by the alphabet.
func Parse(files map[string]string) ([]Dashboard, error) {
	names := slices.SortedFunc(maps.Keys(files), func(a, b string) int {
		const first = "on-call"
		switch {
		case a == b:
			return 0
		case a == first || b != first && a < b:
			return -1
		}
		return 1
	})
	var all []Dashboard
	for _, name := range names {
		one, err := parse(files[name])
		if err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", name, err)
		}
		all = append(all, one)
	}
	return all, nil
}

// parse reads what is drawn. That all of it is as Grafana's schema says, the tests of what
// writes it check.
func parse(content string) (Dashboard, error) {
	var read struct {
		UID, Title, Description string
		Panels                  []struct {
			ID                       int
			Type, Title, Description string
			GridPos                  struct{ W int }
			FieldConfig              struct {
				Defaults struct {
					Unit, NoValue string
					Decimals      *float64
					Thresholds    struct{ Steps []Step }
					Custom        struct{ Stacking struct{ Mode string } }
				}
			}
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal([]byte(content), &read); err != nil {
		return Dashboard{}, err
	}
	d := Dashboard{Name: read.UID, Title: read.Title, Description: read.Description}
	for _, p := range read.Panels {
		its := p.FieldConfig.Defaults
		panel := Panel{
			ID: p.ID, Type: p.Type, Title: p.Title, Description: p.Description, Unit: its.Unit, Width: p.GridPos.W,
			Stacked: its.Custom.Stacking.Mode == "normal", Empty: its.NoValue, Steps: its.Thresholds.Steps,
			Whole: its.Decimals != nil && *its.Decimals == 0,
		}
		for _, target := range p.Targets {
			panel.Queries = append(panel.Queries, Query{target.Expr, target.LegendFormat})
		}
		if len(panel.Queries) == 0 && panel.Type != row {
			return Dashboard{}, fmt.Errorf("panel %q has no query", panel.Title)
		}
		d.Panels = append(d.Panels, panel)
	}
	if d.Name == "" || len(d.Panels) == 0 {
		return Dashboard{}, fmt.Errorf("it has no uid or no panels")
	}
	return d, nil
}

// The types of panels.
const (
	row        = "row"
	timeseries = "timeseries"
	stat       = "stat"
	table      = "table"
)
