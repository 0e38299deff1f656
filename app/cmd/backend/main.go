// Command backend is the application's API and its system of record.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/wealth-companion/companion/app/api/rest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/finance/task"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/openid"
	"github.com/wealth-companion/companion/app/service"
)

// cacheLife is how old an answer may be that is served while the database is unavailable.
const cacheLife = time.Hour

func main() {
	service.Main(event.Backend, true, func(s *service.Service) (service.Parts, error) {
		limits, wrongLimits := rest.LoadLimits(os.Getenv)
		tokens, wrongKeys := account.ParseKeys(s.Config.SigningKey)
		if wrongKeys != nil {
			return service.Parts{}, errors.Join(wrongLimits, fmt.Errorf("AUTH_SIGNING_KEY: %w", wrongKeys))
		}
		provider, wrongProvider := openid.Load(os.Getenv, tokens.All())
		mails, wrongMail := mailing(os.Getenv)
		if err := errors.Join(wrongLimits, wrongProvider, wrongMail); err != nil {
			return service.Parts{}, err
		}
		api := rest.New(s.Pool, event.Backend, tokens.Key, s.Log, s.Metrics.Request)
		api.Limits, api.OpenID, api.Ending, api.Tokens = limits, provider, s.Ending, tokens
		api.At(os.Getenv("APPLICATION_URL"), mails)
		api.PushKey = os.Getenv("VAPID_PUBLIC_KEY")
		reminders := &task.Reminders{Pool: s.Pool, Service: event.Backend, Log: s.Log}
		work := []func(context.Context){
			api.Live.Run, reminders.Run, api.Accounts.Ended.Run, api.Accounts.RunMail, api.Accounts.RunErasure, api.Accounts.RunUnconfirmed,
			func(ctx context.Context) { api.Requests.Run(ctx) }, // which Handler makes
		}
		if store := os.Getenv("STATE_STORE_NAME"); store != "" {
			cache := bus.NewCache(store, cacheLife, s.Log)
			api.Cache = cache
			work = append(work, cache.Run, bus.NewRestorer(store, s.Log).Run)
		}
		handlers := map[string]bus.Handler{event.TypeInsightGenerated: api.Insights.Take, event.TypeAlertSent: api.Alerts.Take}
		return service.Parts{
			Public:       api.Handler(),
			Handlers:     bus.ByTopic(event.Backend, handlers),
			AnswersAlone: true,
			Work:         work,
		}, nil
	})
}

// mailing tells whether the notification agent of this installation sends e-mail.
func mailing(getenv func(string) string) (bool, error) {
	if getenv("MAIL_ENABLED") != "true" {
		return false, nil
	}
	if getenv("APPLICATION_URL") == "" {
		return false, errors.New("APPLICATION_URL is not set: e-mails lead to it (https://...)")
	}
	return true, nil
}
