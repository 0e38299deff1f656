// Command backend is the application's API and its system of record.
package main

import (
	"context"
	"errors"
	"os"

	"github.com/wealth-companion/companion/app/account"
	"github.com/wealth-companion/companion/app/alert"
	"github.com/wealth-companion/companion/app/budget"
	"github.com/wealth-companion/companion/app/bus"
	"github.com/wealth-companion/companion/app/currency"
	"github.com/wealth-companion/companion/app/demo"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/export"
	"github.com/wealth-companion/companion/app/goal"
	"github.com/wealth-companion/companion/app/httpapi"
	"github.com/wealth-companion/companion/app/imports"
	"github.com/wealth-companion/companion/app/insight"
	"github.com/wealth-companion/companion/app/ledger"
	"github.com/wealth-companion/companion/app/live"
	"github.com/wealth-companion/companion/app/openid"
	"github.com/wealth-companion/companion/app/preference"
	"github.com/wealth-companion/companion/app/service"
	"github.com/wealth-companion/companion/app/summary"
	"github.com/wealth-companion/companion/app/task"
)

func main() {
	service.Main(event.Backend, true, func(s *service.Service) (service.Parts, error) {
		limits, wrongLimits := httpapi.LoadLimits(os.Getenv)
		provider, wrongProvider := openid.Load(os.Getenv, []byte(s.Config.SigningKey))
		if err := errors.Join(wrongLimits, wrongProvider); err != nil {
			return service.Parts{}, err
		}
		books := &ledger.Ledger{Pool: s.Pool, Service: event.Backend}
		insights := &insight.Insights{Pool: s.Pool, Service: event.Backend}
		alerts := &alert.Alerts{Pool: s.Pool}
		hub := &live.Hub{Pool: s.Pool, Log: s.Log}
		reminders := &task.Reminders{Pool: s.Pool, Service: event.Backend, Log: s.Log}
		api := &httpapi.API{
			Accounts:    &account.Accounts{Pool: s.Pool, Service: event.Backend, Begin: books.Begin},
			Tokens:      account.Tokens{Key: []byte(s.Config.SigningKey)},
			OpenID:      provider,
			Preferences: &preference.Store{Pool: s.Pool, Service: event.Backend},
			Exports:     &export.Exporter{Pool: s.Pool},
			Limits:      limits,
			Ledger:      books,
			Rates:       &currency.Rates{Pool: s.Pool},
			Imports:     &imports.Imports{Pool: s.Pool, Ledger: books},
			Budgets:     &budget.Budgets{Pool: s.Pool, Service: event.Backend},
			Goals:       &goal.Goals{Pool: s.Pool, Service: event.Backend},
			Tasks:       &task.Tasks{Pool: s.Pool},
			Insights:    insights,
			Alerts:      alerts,
			Live:        hub,
			Ending:      s.Ending,
			Log:         s.Log,
			Observe:     s.Metrics.Request,
		}
		api.Dashboards = &summary.Dashboards{
			Summaries: &summary.Summaries{Pool: s.Pool, Ledger: books, Rates: &currency.Rates{Pool: s.Pool}},
			Budgets:   api.Budgets, Goals: api.Goals, Tasks: api.Tasks, Insights: insights, Alerts: alerts,
		}
		api.Demos = &demo.Demos{Pool: s.Pool, Ledger: books, Budgets: api.Budgets, Goals: api.Goals, Tasks: api.Tasks}
		all := map[string]bus.Handler{event.TypeInsightGenerated: insights.Take, event.TypeAlertSent: alerts.Take}
		return service.Parts{
			Public:       api.Handler(),
			Handlers:     bus.ByTopic(event.Backend, all),
			AnswersAlone: true,
			Work:         []func(context.Context){hub.Run, reminders.Run},
		}, nil
	})
}
