package prometheus

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/prometheus/common/model"
)

// The states of an alert.
const (
	Firing   = "firing"
	Pending  = "pending"  // its condition holds, and not for long enough yet
	Silenced = "silenced" // it fires, and somebody has Alertmanager tell nobody
)

// Alert is a condition that somebody is to be told of.
type Alert struct {
	Name     string            `json:"name"`
	Severity string            `json:"severity"` // page or ticket
	State    string            `json:"state"`
	Since    time.Time         `json:"since"` // when its condition began to hold
	Summary  string            `json:"summary"`
	Runbook  string            `json:"runbook,omitempty"` // the address of its entry
	Labels   map[string]string `json:"labels"`
}

// Entry is the anchor of the alert's entry in the runbook.
func (a Alert) Entry() string {
	if address, err := url.Parse(a.Runbook); err == nil {
		return address.Fragment
	}
	return ""
}

// Alerts lists the alerts that fire or are about to: pages first, and of those the ones that
// began first.
func (c *Client) Alerts(ctx context.Context) ([]Alert, error) {
	found, err := c.api.Alerts(ctx)
	if err != nil {
		return nil, fmt.Errorf("alerts of Prometheus: %w", err)
	}
	alerts := make([]Alert, 0, len(found.Alerts))
	for _, one := range found.Alerts {
		labels := map[string]string{}
		for name, value := range one.Labels {
			labels[string(name)] = string(value)
		}
		alerts = append(alerts, Alert{
			Name: labels[model.AlertNameLabel], Severity: labels["severity"], State: string(one.State), Since: one.ActiveAt,
			Summary: string(one.Annotations["summary"]), Runbook: string(one.Annotations["runbook_url"]), Labels: labels,
		})
	}
	slices.SortFunc(alerts, func(a, b Alert) int {
		return cmp.Or(cmp.Compare(order[a.State], order[b.State]), cmp.Compare(order[a.Severity], order[b.Severity]), a.Since.Compare(b.Since), cmp.Compare(a.Name, b.Name))
	})
	return alerts, nil
}

// order is that in which alerts are of interest.
var order = map[string]int{Firing: 0, Pending: 1, "page": 0, "ticket": 1}

// MarkSilenced asks Alertmanager which alerts it tells nobody of, and gives those that state.
// Alertmanager's have further labels, of the Prometheus that sent them.
func (c *Client) MarkSilenced(ctx context.Context, alerts []Alert) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, AlertmanagerAddress+"/api/v2/alerts?active=false&inhibited=false&silenced=true", nil)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("alerts of Alertmanager: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("alerts of Alertmanager: it answers %s", answer.Status)
	}
	var silenced []struct {
		Labels map[string]string `json:"labels"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&silenced); err != nil {
		return fmt.Errorf("alerts of Alertmanager: %w", err)
	}
	for i, alert := range alerts {
		for _, one := range silenced {
			if alert.State == Firing && within(alert.Labels, one.Labels) {
				alerts[i].State = Silenced
			}
		}
	}
	return nil
}

// within tells whether all labels of a are among those of b.
func within(a, b map[string]string) bool {
	for name, value := range a {
		if value != b[name] {
			return false
		}
	}
	return true
}
