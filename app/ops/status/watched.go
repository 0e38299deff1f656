package status

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/wealth-companion/companion/app/ops/prometheus"
)

// Monitor is what Prometheus and Alertmanager know.
type Monitor interface {
	Alerts(context.Context) ([]prometheus.Alert, error)
	MarkSilenced(context.Context, []prometheus.Alert) error
	Targets(context.Context) ([]prometheus.Target, error)
	Values(ctx context.Context, expression, label string) (map[string]float64, error)
}

// Alerts looks at the alerts that fire; those that are silenced are nobody's at the moment.
func Alerts(m Monitor) Check {
	return Check{"alerts", func(ctx context.Context) (string, []Problem, error) {
		alerts, err := m.Alerts(ctx)
		if err != nil {
			return "", nil, err
		}
		silent := m.MarkSilenced(ctx, alerts)
		says, problems := ofAlerts(alerts)
		if silent != nil {
			problems = append([]Problem{{What: "nobody is told of alerts: " + firstLine(silent), Runbook: "alertingbroken"}}, problems...)
		}
		return says, problems, nil
	}}
}

func ofAlerts(alerts []prometheus.Alert) (string, []Problem) {
	var problems []Problem
	states := map[string]int{}
	for _, a := range alerts {
		states[a.State]++
		if a.State == prometheus.Firing {
			since := a.Since
			problems = append(problems, Problem{What: fmt.Sprintf("%s (%s): %s", a.Name, a.Severity, a.Summary), Since: &since, Runbook: a.Entry()})
		}
	}
	says := "none fires"
	if n := states[prometheus.Firing]; n > 0 {
		says = counted(n, "fires", "fire")
	}
	for _, state := range []string{prometheus.Pending, prometheus.Silenced} {
		if n := states[state]; n > 0 {
			says += fmt.Sprintf(", %d %s", n, state)
		}
	}
	return says, oldestFirst(problems)
}

// oldestEvent is how long an event may wait in an outbox: it is published within a second.
const oldestEvent = time.Minute

// Outboxes looks at the events that services have not published yet.
func Outboxes(m Monitor) Check {
	return Check{"outboxes", func(ctx context.Context) (string, []Problem, error) {
		ages, err := m.Values(ctx, "max by (service) (outbox_oldest_event_age_seconds)", "service")
		if err != nil {
			return "", nil, err
		}
		waiting, err := m.Values(ctx, "max by (service) (outbox_waiting_events)", "service")
		if err != nil {
			return "", nil, err
		}
		if len(ages) == 0 {
			return "", nil, fmt.Errorf("Prometheus has no outbox_oldest_event_age_seconds") //nolint:staticcheck // a name
		}
		says, problems := ofOutboxes(ages, waiting, time.Now())
		return says, problems, nil
	}}
}

func ofOutboxes(ages, waiting map[string]float64, now time.Time) (string, []Problem) {
	var problems []Problem
	oldest := 0.0
	for _, service := range slices.Sorted(maps.Keys(ages)) {
		age := ages[service]
		oldest = max(oldest, age)
		if age > oldestEvent.Seconds() {
			since := now.Add(-time.Duration(age * float64(time.Second)))
			problems = append(problems, Problem{
				What: fmt.Sprintf("%s does not publish: %s", service, counted(int(waiting[service]), "event waits", "events wait")), Since: &since, Runbook: "outboxstuck",
			})
		}
	}
	return fmt.Sprintf("the oldest event waits for %ds", int(oldest)), oldestFirst(problems)
}

// Targets looks at what Prometheus reads: of what it does not read, no alert comes.
func Targets(m Monitor) Check {
	return Check{"metrics", func(ctx context.Context) (string, []Problem, error) {
		targets, err := m.Targets(ctx)
		if err != nil {
			return "", nil, err
		}
		says, problems := ofTargets(targets)
		return says, problems, nil
	}}
}

func ofTargets(targets []prometheus.Target) (string, []Problem) {
	var problems []Problem
	for _, t := range targets {
		if t.Health == "down" {
			problems = append(problems, Problem{What: strings.TrimSpace(fmt.Sprintf("%s %s is not read: %s", t.Job, t.Pod, t.Error)), Runbook: "targetdown"})
		}
	}
	return fmt.Sprintf("%d of %d targets are read", len(targets)-len(problems), len(targets)), problems
}
