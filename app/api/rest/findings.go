package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/people/alert"
	"github.com/wealth-companion/companion/app/people/insight"
	"github.com/wealth-companion/companion/app/store/pagination"
)

type listInsights struct {
	Paged
	Type  string `query:"type" enum:"spending_pattern,budget_warning,savings_tip,investment_suggestion" doc:"Without it, all types"`
	State string `query:"state" enum:"active,dismissed,all" default:"active" doc:"active: neither dismissed nor expired"`
}

type dismissInsight struct {
	One
	Keyed
	Body insight.Dismissal
}

func (r routes) insights() {
	own(r, operation{http.MethodGet, "/insights", "listInsights", "What the agents found, newest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *listInsights) (pagination.List[insight.Insight], error) {
			p, err := in.request()
			if err != nil {
				return pagination.List[insight.Insight]{}, err
			}
			return r.api.Insights.List(ctx, user, in.Type, in.State, p)
		})
	own(r, operation{http.MethodGet, "/insights/{id}", "getInsight", "One insight, whatever its state", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *One) (insight.Insight, error) {
			return r.api.Insights.Get(ctx, user, in.id())
		})
	own(r, operation{http.MethodPost, "/insights/{id}/read", "readInsight", "Note that an insight is read", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *act) (insight.Insight, error) {
			return r.api.Insights.Read(ctx, user, in.id())
		})
	own(r, operation{http.MethodPost, "/insights/{id}/dismiss", "dismissInsight", "Take an insight off the list and say why", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *dismissInsight) (insight.Insight, error) {
			return r.api.Insights.Dismiss(ctx, user, in.id(), in.Body)
		})
}

type listAlerts struct {
	Paged
	Unread bool `query:"unread" doc:"true: only those in the application that are not read"`
}

// keyed is a request that needs no body.
type keyed struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"A UUID, a new one for each new request: sent again with the same within 24 hours, it is carried out once" format:"uuid"`
}

func (k keyed) idempotencyKey() (string, []byte) { return k.IdempotencyKey, nil }

func (r routes) alerts() {
	own(r, operation{http.MethodGet, "/alerts", "listAlerts", "What the caller was told, newest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *listAlerts) (pagination.List[alert.Alert], error) {
			p, err := in.request()
			if err != nil {
				return pagination.List[alert.Alert]{}, err
			}
			return r.api.Alerts.List(ctx, user, in.Unread, p)
		})
	own(r, operation{http.MethodGet, "/alerts/unread", "countUnreadAlerts", "How many alerts in the application are not read", 0, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (alert.Count, error) {
			return r.api.Alerts.Unread(ctx, user)
		})
	own(r, operation{http.MethodGet, "/alerts/wait", "awaitAlerts", "Wait until there is an alert that the caller does not know", 0, 0}, r.awaitAlerts)
	own(r, operation{http.MethodPost, "/alerts/read", "readAlerts", "Note that all alerts are read", 0, 0},
		func(ctx context.Context, user uuid.UUID, _ *keyed) (alert.Count, error) {
			return r.api.Alerts.ReadAll(ctx, user)
		})
	own(r, operation{http.MethodPost, "/alerts/{id}/read", "readAlert", "Note that an alert is read", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *act) (alert.Alert, error) {
			return r.api.Alerts.Read(ctx, user, in.id())
		})
}
