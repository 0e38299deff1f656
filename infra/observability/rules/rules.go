// Package rules is what Prometheus computes and what it alerts about: objectives of what
// people notice, with the rates at which their budgets of errors burn, and a few conditions
// that no objective sees. There is an alert only where somebody has something to do, which
// docs/runbook.md says under the alert's name.
//
// Series have the labels that the scraping gives them: job is the service's name for a service
// of ours, and the pod's label app otherwise; endpoint is the port's name.
package rules

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
)

// Severities say who gets an alert, and when.
const (
	// Page is for somebody who is on call, now: people notice it.
	Page = "page"
	// Ticket is for the next working day.
	Ticket = "ticket"
)

// Runbook is where every alert's entry is.
const Runbook = "https://github.com/wealth-companion/companion/blob/main/docs/runbook.md"

// Rule is a series that is recorded or a condition that is alerted about, as Prometheus
// reads it.
type Rule struct {
	Record      string            `json:"record,omitempty" yaml:"record,omitempty"`
	Alert       string            `json:"alert,omitempty" yaml:"alert,omitempty"`
	Expr        string            `json:"expr" yaml:"expr"`
	For         string            `json:"for,omitempty" yaml:"for,omitempty"`
	Labels      map[string]string `json:"labels,omitempty" yaml:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty" yaml:"annotations,omitempty"`
}

// Group is rules that are evaluated one after another.
type Group struct {
	Name     string `json:"name" yaml:"name"`
	Interval string `json:"interval,omitempty" yaml:"interval,omitempty"`
	Rules    []Rule `json:"rules" yaml:"rules"`
}

// Groups lists every group.
func Groups() []Group {
	groups := []Group{}
	for _, o := range Objectives() {
		groups = append(groups, o.group())
	}
	return append(groups, services(), events(), platform(), monitoring())
}

// Spec is the spec of a PrometheusRule with the groups, as plain values.
func Spec() map[string]any {
	encoded, err := json.Marshal(map[string]any{"groups": Groups()})
	if err != nil {
		panic(err) // strings only
	}
	var spec map[string]any
	if err := json.Unmarshal(encoded, &spec); err != nil {
		panic(err)
	}
	return spec
}

// Alerts lists the names of the alerts, each once, in their order.
func Alerts() []string {
	var names []string
	for _, group := range Groups() {
		for _, rule := range group.Rules {
			if rule.Alert != "" && !slices.Contains(names, rule.Alert) {
				names = append(names, rule.Alert)
			}
		}
	}
	return names
}

// alert is a condition that somebody is told of.
type alert struct {
	name, severity string
	// service is whom it is about; empty: the series say it, or it is nobody's in particular.
	service string
	expr    string
	// lasts is for how long the condition has to hold.
	lasts string
	// summary is one line for who is woken; description says what follows for people. Both
	// are templates of Prometheus'.
	summary, description string
	// dashboard shows it; groupOf sets it where it is empty.
	dashboard string
}

func (a alert) rule() Rule {
	labels := map[string]string{"severity": a.severity}
	if a.service != "" {
		labels["service"] = a.service
	}
	return Rule{
		Alert: a.name, Expr: a.expr, For: a.lasts, Labels: labels,
		Annotations: map[string]string{"summary": a.summary, "description": a.description, "runbook_url": Runbook + "#" + Anchor(a.name), "dashboard": "/d/" + a.dashboard},
	}
}

// Anchor is that of an alert's entry in the runbook, whose heading is the alert's name.
func Anchor(name string) string { return strings.ToLower(name) }

// The dashboards that alerts name: Grafana has each at /d/ and its name.
const (
	EventsDashboard     = "events"
	DaprDashboard       = "dapr"
	EdgeDashboard       = "edge"
	DatabaseDashboard   = "database"
	MonitoringDashboard = "monitoring"
)

// ServiceDashboard is the name of a service's dashboard.
func ServiceDashboard(service string) string { return "service-" + service }

// groupOf is alerts that the same dashboard shows, but those that name another.
func groupOf(name, dashboard string, alerts ...alert) Group {
	group := Group{Name: name}
	for _, a := range alerts {
		a.dashboard = cmp.Or(a.dashboard, dashboard)
		group.Rules = append(group.Rules, a.rule())
	}
	return group
}
