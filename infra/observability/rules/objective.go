package rules

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/wealth-companion/companion/app/core/event"
)

// interval is how often the objectives' rules are evaluated, in seconds: the windows below
// count on it.
const interval = 30

// Objective is how well something has to work, over 30 days.
type Objective struct {
	// Name is the value of the label slo, Alert the name of its alerts.
	Name, Alert string
	Service     string
	// Goal is the share of events that have to be good, in percent.
	Goal float64
	// Of says in a few words what the events are, and Bad which of them are bad.
	Of, Bad string
	// all and bad are expressions: events and bad events a second.
	all, bad string
}

// Budget is the share of events that may be bad: 0.001 of a goal of 99.9%.
func (o Objective) Budget() float64 {
	budget, _ := strconv.ParseFloat(strconv.FormatFloat(1-o.Goal/100, 'f', 6, 64), 64)
	return budget
}

// The rules that every objective records, with the label slo.
const (
	Requests = "slo:requests:rate5m"
	Errors   = "slo:errors:rate5m"
)

// Ratio is the expression of the share of bad events over a window such as 1h.
func (o Objective) Ratio(window string) string {
	return fmt.Sprintf("(sum_over_time(%[1]s{slo=%[3]q}[%[4]s]) / sum_over_time(%[2]s{slo=%[3]q}[%[4]s]))", Errors, Requests, o.Name, window)
}

// burn is a rate at which the budget burns (1: it lasts for 30 days exactly) over a long
// window, and over a short one, so that the alert ends soon after its cause.
type burn struct {
	rate        float64
	long, short string
}

// Of the budget of 30 days are gone by then: 2% in an hour, 5% in six hours; 10% in a day,
// 10% in three days. (The Site Reliability Workbook, chapter 5.)
var burns = map[string][]burn{
	Page:   {{14.4, "1h", "5m"}, {6, "6h", "30m"}},
	Ticket: {{3, "1d", "2h"}, {1, "3d", "6h"}},
}

// fewest is how many bad events there are in the long window before anybody is told: at night, with
// ten requests an hour, a single one would be a tenth of them.
const fewest = 10

// dashboard shows where the time goes, or the requests that fail.
func (o Objective) dashboard() string {
	if o.Service == event.Notification {
		return EventsDashboard // the way there is of several services
	}
	return ServiceDashboard(o.Service)
}

func (o Objective) group() Group {
	labels := map[string]string{"slo": o.Name, "service": o.Service}
	group := Group{Name: "slo-" + o.Name, Interval: fmt.Sprintf("%ds", interval), Rules: []Rule{
		{Record: Requests, Expr: o.all, Labels: labels},
		// Without this zero there would be no series before the first error.
		{Record: Errors, Expr: fmt.Sprintf("%s\nor\n0 * %s", o.bad, o.all), Labels: labels},
	}}
	for _, severity := range []string{Page, Ticket} {
		var conditions []string
		for _, b := range burns[severity] {
			threshold := fmt.Sprintf("%g * %g", b.rate, o.Budget())
			conditions = append(conditions, fmt.Sprintf("(\n  %s > %s\n  and %s > %s\n  and sum_over_time(%s{slo=%q}[%s]) * %d >= %d\n)",
				o.Ratio(b.long), threshold, o.Ratio(b.short), threshold, Errors, o.Name, b.long, interval, fewest))
		}
		budget := "The budget of 30 days would be gone within two to five days."
		if severity == Ticket {
			budget = "The budget of 30 days will not last."
		}
		rule := alert{
			name: o.Alert, severity: severity, service: o.Service, expr: strings.Join(conditions, "\nor\n"), dashboard: o.dashboard(),
			summary:     fmt.Sprintf("%s: {{ $value | humanizePercentage }} %s", o.Of, o.Bad),
			description: fmt.Sprintf("The objective is %g%% good over 30 days. %s", o.Goal, budget),
		}.rule()
		rule.Labels["slo"] = o.Name
		group.Rules = append(group.Rules, rule)
	}
	return group
}
