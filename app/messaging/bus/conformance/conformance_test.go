//go:build integration

package conformance_test

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/analytics"
	"github.com/wealth-companion/companion/app/agent/banking"
	"github.com/wealth-companion/companion/app/agent/investment"
	"github.com/wealth-companion/companion/app/agent/notification"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/messaging/bus/conformance"
	"github.com/wealth-companion/companion/app/people/alert"
	"github.com/wealth-companion/companion/app/people/insight"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func TestObservers(t *testing.T) {
	for service, watch := range map[string]func(*observer.Observer) *observer.Observer{
		event.Analytics: analytics.Watch, event.Banking: banking.Watch, event.Investment: investment.Watch,
	} {
		t.Run(service, func(t *testing.T) {
			conformance.Run(t, func(t *testing.T) conformance.Subject {
				pool := pgtest.Pool(t, service)
				agent := watch(&observer.Observer{
					Pool: pool, Log: slog.New(slog.DiscardHandler), Settings: observer.Settings{Interval: 24 * time.Hour, Settle: time.Hour},
				})
				return conformance.Subject{
					Service: service, Pool: pool, Handlers: agent.Handlers(), Batches: agent.Batches(), User: tracing.NewID(),
					State: []string{
						"SELECT to_jsonb(t) - 'original' FROM seen_transactions t ORDER BY id",
						"SELECT * FROM transaction_changes ORDER BY event_id", "SELECT * FROM spending ORDER BY category",
						"SELECT * FROM budgets ORDER BY id", "SELECT * FROM wallets ORDER BY id", "SELECT * FROM goals ORDER BY id",
						"SELECT * FROM preferences", "SELECT * FROM dismissals ORDER BY insight_id",
					},
				}
			})
		})
	}
}

func TestNotification(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Subject {
		pool := pgtest.Pool(t, event.Notification)
		agent := &notification.Agent{Pool: pool, Letters: &notification.Mail{}} // which nothing is given to send
		return conformance.Subject{
			Service: event.Notification, Pool: pool, Handlers: agent.Handlers(), User: tracing.NewID(),
			State: []string{
				"SELECT source_event_id, channel, title, message, status FROM alerts ORDER BY source_event_id, channel",
				"SELECT data::text FROM preferences",
				"SELECT id, user_id, email, kind, link FROM letters ORDER BY id",
			},
		}
	})
}

func TestBackend(t *testing.T) {
	conformance.Run(t, func(t *testing.T) conformance.Subject {
		pool := pgtest.Pool(t, event.Backend)
		user := tracing.NewID()
		_, err := pool.Exec(t.Context(), "INSERT INTO users (id, email, name, password_hash) VALUES ($1, 'a@example.org', 'A', 'x')", user)
		require.NoError(t, err)
		insights := &insight.Insights{Pool: pool, Service: event.Backend}
		alerts := &alert.Alerts{Pool: pool}
		return conformance.Subject{
			Service: event.Backend, Pool: pool, User: user,
			Delete: func(t *testing.T) {
				_, err := pool.Exec(t.Context(), "DELETE FROM users WHERE id = $1", user)
				require.NoError(t, err)
			},
			Handlers: bus.ByTopic(event.Backend, map[string]bus.Handler{
				event.TypeInsightGenerated: insights.Take, event.TypeAlertSent: alerts.Take,
			}),
			State: []string{
				"SELECT id, type, title, message, confidence FROM insights ORDER BY id",
				"SELECT id, channel, title, message, status FROM alerts ORDER BY id",
			},
		}
	})
}
