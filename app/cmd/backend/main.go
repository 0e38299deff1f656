// Command backend is the application's API and its system of record.
package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/wealth-companion/companion/app/api/rest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/finance/task"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/people/openid"
	"github.com/wealth-companion/companion/app/service"
)

// cacheLife is how old an answer may be that is given while the database is away.
const cacheLife = time.Hour

func main() {
	service.Main(event.Backend, true, func(s *service.Service) (service.Parts, error) {
		limits, wrongLimits := rest.LoadLimits(os.Getenv)
		provider, wrongProvider := openid.Load(os.Getenv, []byte(s.Config.SigningKey))
		if err := errors.Join(wrongLimits, wrongProvider); err != nil {
			return service.Parts{}, err
		}
		api := rest.New(s.Pool, event.Backend, []byte(s.Config.SigningKey), s.Log, s.Metrics.Request)
		api.Limits, api.OpenID, api.Ending = limits, provider, s.Ending
		api.PushKey = os.Getenv("VAPID_PUBLIC_KEY")
		reminders := &task.Reminders{Pool: s.Pool, Service: event.Backend, Log: s.Log}
		work := []func(context.Context){api.Live.Run, reminders.Run}
		if store := os.Getenv("STATE_STORE_NAME"); store != "" {
			cache := bus.NewCache(store, cacheLife, s.Log)
			api.Cache = cache
			work = append(work, cache.Run)
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
