package httpapi

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/alert"
	"github.com/wealth-companion/companion/app/insight"
	"github.com/wealth-companion/companion/app/page"
)

func (r routes) insights() {
	own(r, operation{http.MethodGet, "/insights", "listInsights", "What the agents found, newest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *Paged) (page.List[insight.Insight], error) {
			p, err := in.request()
			if err != nil {
				return page.List[insight.Insight]{}, err
			}
			return r.api.Insights.List(ctx, user, p)
		})
}

func (r routes) alerts() {
	own(r, operation{http.MethodGet, "/alerts", "listAlerts", "What the caller was told, newest first", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *Paged) (page.List[alert.Alert], error) {
			p, err := in.request()
			if err != nil {
				return page.List[alert.Alert]{}, err
			}
			return r.api.Alerts.List(ctx, user, p)
		})
}
