package rest

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/finance/budget"
	"github.com/wealth-companion/companion/app/finance/currency"
	"github.com/wealth-companion/companion/app/finance/goal"
	"github.com/wealth-companion/companion/app/finance/imports"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/finance/task"
	"github.com/wealth-companion/companion/app/overview/demo"
	"github.com/wealth-companion/companion/app/overview/export"
	"github.com/wealth-companion/companion/app/overview/summary"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/alert"
	"github.com/wealth-companion/companion/app/people/assistant"
	"github.com/wealth-companion/companion/app/people/insight"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/store/live"
)

// New makes the API on a database with the tables of service, which publishes
// its events. What an installation may do without (Limits, OpenID, Cache) is
// set afterwards, before Handler.
func New(pool *pgxpool.Pool, service string, signingKey []byte, log *slog.Logger, observe func(ctx context.Context, method, route string, status int, took time.Duration)) *API {
	books := &ledger.Ledger{Pool: pool, Service: service}
	rates := &currency.Rates{Pool: pool}
	hub := &live.Hub{Pool: pool, Log: log}
	a := &API{
		Accounts:    account.New(pool, preference.Publisher{Service: service}, books.Begin, log),
		Tokens:      account.Tokens{Key: signingKey},
		Preferences: &preference.Store{Pool: pool, Publisher: preference.Publisher{Service: service}},
		Exports:     &export.Exporter{Pool: pool},
		Ledger:      books,
		Rates:       rates,
		Imports:     &imports.Imports{Pool: pool, Ledger: books},
		Budgets:     &budget.Budgets{Pool: pool, Service: service},
		Goals:       &goal.Goals{Pool: pool, Service: service},
		Tasks:       &task.Tasks{Pool: pool},
		Insights:    &insight.Insights{Pool: pool, Service: service, Live: hub},
		Alerts:      &alert.Alerts{Pool: pool, Live: hub},
		Live:        hub,
		Log:         log,
		Observe:     observe,
	}
	a.Assistants = &assistant.Assistants{Pool: pool, Accounts: a.Accounts}
	a.Dashboards = &summary.Dashboards{
		Summaries: &summary.Summaries{Pool: pool, Ledger: books, Rates: rates},
		Budgets:   a.Budgets, Goals: a.Goals, Tasks: a.Tasks, Insights: a.Insights, Alerts: a.Alerts,
	}
	a.Demos = &demo.Demos{Pool: pool, Ledger: books, Budgets: a.Budgets, Goals: a.Goals, Tasks: a.Tasks}
	return a
}

// At says where people find the application (such as https://app.example.org; "":
// nowhere), and whether the notification agent sends e-mail.
func (a *API) At(url string, mails bool) {
	publisher := a.Accounts.Publisher
	publisher.URL = strings.TrimSuffix(url, "/")
	a.Accounts.Publisher, a.Preferences.Publisher, a.Accounts.Mails = publisher, publisher, mails
	a.Assistants.Issuer = publisher.URL
}
