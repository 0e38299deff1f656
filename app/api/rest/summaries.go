package rest

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/overview/score"
	"github.com/wealth-companion/companion/app/overview/summary"
)

// Span is how a caller asks for a time.
type Span struct {
	From string `query:"from" doc:"YYYY-MM-DD; without it, the first day of the last day's month" maxLength:"10"`
	To   string `query:"to" doc:"YYYY-MM-DD, this day included; without it, today" maxLength:"10"`
}

func (s Span) period() summary.Period { return summary.Period{From: s.From, To: s.To} }

// In is how a caller asks for a total in a currency.
type In struct {
	Currency string `query:"currency" doc:"ISO 4217: that of the total; without it, that of the caller's oldest wallet" maxLength:"3"`
}

type askFinancial struct {
	Span
	In
}

type askCategories struct {
	Span
	Type string `query:"type" enum:"income,expense" default:"expense"`
}

type askTrends struct {
	In
	Months int `query:"months" default:"12" minimum:"1" maximum:"60" doc:"How many, the current one included"`
}

func (r routes) summaries() {
	own(r, operation{http.MethodGet, "/summaries/financial", "financialSummary", "What was earned and spent within a time", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *askFinancial) (summary.Financial, error) {
			return r.api.Dashboards.Summaries.Financial(ctx, user, in.period(), in.Currency)
		})
	own(r, operation{http.MethodGet, "/summaries/categories", "categorySummary", "What was spent on each category, against the time before", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *askCategories) (summary.Categories, error) {
			return r.api.Dashboards.Summaries.Categories(ctx, user, in.period(), in.Type)
		})
	own(r, operation{http.MethodGet, "/summaries/trends", "trends", "What was earned and spent, month by month", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *askTrends) (summary.Trends, error) {
			return r.api.Dashboards.Summaries.Trends(ctx, user, in.Months, in.Currency)
		})
	own(r, operation{http.MethodGet, "/dashboard", "dashboard", "What a start page needs, in one answer", 0, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (summary.Dashboard, error) {
			return r.api.Dashboards.Of(ctx, user)
		})
	own(r, operation{http.MethodGet, "/health-score", "healthScore", "How well the caller's money does, and why", 0, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (score.Score, error) {
			return r.api.Dashboards.Health(ctx, user)
		})
}
