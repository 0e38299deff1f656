// Command backend is the application's API and its system of record.
package main

import (
	"github.com/wealth-companion/companion/app/account"
	"github.com/wealth-companion/companion/app/alert"
	"github.com/wealth-companion/companion/app/budget"
	"github.com/wealth-companion/companion/app/bus"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/httpapi"
	"github.com/wealth-companion/companion/app/insight"
	"github.com/wealth-companion/companion/app/ledger"
	"github.com/wealth-companion/companion/app/service"
)

func main() {
	service.Main(event.Backend, true, func(s *service.Service) (service.Parts, error) {
		books := &ledger.Ledger{Pool: s.Pool, Service: event.Backend}
		insights := &insight.Insights{Pool: s.Pool}
		alerts := &alert.Alerts{Pool: s.Pool}
		api := &httpapi.API{
			Accounts: &account.Accounts{Pool: s.Pool, Begin: books.Begin},
			Tokens:   account.Tokens{Key: []byte(s.Config.SigningKey)},
			Ledger:   books,
			Budgets:  &budget.Budgets{Pool: s.Pool, Service: event.Backend},
			Insights: insights,
			Alerts:   alerts,
			Log:      s.Log,
			Observe:  s.Metrics.Request,
		}
		all := map[string]bus.Handler{event.TypeInsightGenerated: insights.Take, event.TypeAlertSent: alerts.Take}
		return service.Parts{
			Public:       api.Handler(),
			Handlers:     bus.ByTopic(event.Backend, all),
			AnswersAlone: true,
		}, nil
	})
}
