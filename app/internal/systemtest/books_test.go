//go:build integration || faults || bench

package systemtest

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
)

// books are the services' tables, read by one who may read all of them: no
// service may.
type books struct{ pool *pgxpool.Pool }

func openBooks(t *testing.T, s *stack.Stack) books {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), s.DatabaseURL("admin", "companion"))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	// The outbox forgets what was published; the books need all of it.
	for _, service := range stack.Services() {
		_, err := pool.Exec(t.Context(), strings.ReplaceAll(`
			CREATE TABLE SERVICE.written (LIKE SERVICE.outbox);
			CREATE FUNCTION SERVICE.write_down() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
				$$ BEGIN INSERT INTO SERVICE.written SELECT NEW.*; RETURN NULL; END $$;
			CREATE TRIGGER write_down AFTER INSERT ON SERVICE.outbox FOR EACH ROW EXECUTE FUNCTION SERVICE.write_down()`, "SERVICE", service))
		require.NoError(t, err)
	}
	return books{pool}
}

func column[T any](ctx context.Context, b books, query string, args ...any) ([]T, error) {
	rows, err := b.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

// one returns a query's one value.
func one[T any](t *testing.T, b books, query string, args ...any) T {
	t.Helper()
	values, err := column[T](t.Context(), b, query, args...)
	require.NoError(t, err)
	require.Len(t, values, 1)
	return values[0]
}

// waiting says what is not published and not handled yet; nothing when all is.
func (b books) waiting(ctx context.Context) ([]string, error) {
	var found []string
	services := stack.Services()
	for _, publisher := range services {
		unsent, err := column[int](ctx, b, fmt.Sprintf("SELECT count(*) FROM %s.outbox", publisher))
		if err != nil {
			return nil, err
		}
		if unsent[0] > 0 {
			found = append(found, fmt.Sprintf("%d events in the outbox of %s", unsent[0], publisher))
		}
		for _, topic := range event.PublishedBy(publisher) {
			for _, consumer := range topic.Consumers {
				if !slices.Contains(services, consumer) {
					continue
				}
				unhandled, err := column[int](ctx, b, fmt.Sprintf(`SELECT count(*) FROM %s.written o
					WHERE o.topic = $1 AND NOT EXISTS (SELECT FROM %s.inbox i WHERE i.event_id = o.event_id)`, publisher, consumer), topic.Name)
				if err != nil {
					return nil, err
				}
				if unhandled[0] > 0 {
					found = append(found, fmt.Sprintf("%d of %s not handled by %s", unhandled[0], topic.Name, consumer))
				}
			}
		}
	}
	return found, nil
}

// settle waits until every event was published and handled by every consumer.
func (b books) settle(t *testing.T, within time.Duration) {
	t.Helper()
	var found []string
	var err error
	calm := 0
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		// Twice in a row: a service may answer an event with another.
		if found, err = b.waiting(t.Context()); err == nil && len(found) == 0 {
			if calm++; calm == 2 {
				return
			}
			continue
		}
		calm = 0
	}
	require.NoError(t, err)
	require.Failf(t, "events are missing", "after %s still: %s", within, strings.Join(found, "; "))
}

// check compares what the services have with what people know.
func (b books) check(t *testing.T, l *load) {
	t.Helper()
	for _, p := range l.people {
		b.checkPerson(t, l, p)
	}
	// What the agents published had one effect each.
	for _, service := range stack.Services() {
		require.Zero(t, one[int](t, b, "SELECT count(*) - count(DISTINCT event_id) FROM "+service+".written"), "events of %s", service)
	}
	require.Equal(t, 0, one[int](t, b, `SELECT count(*) FROM (SELECT source_event_id, channel FROM notification.alerts
		GROUP BY 1, 2 HAVING count(*) > 1) doubled`), "alerts for one event on one channel")
	require.Equal(t,
		ids(t, b, "SELECT DISTINCT (payload->'data'->>'alertId')::uuid FROM notification.written WHERE topic = 'notification.alert.sent'"),
		ids(t, b, "SELECT id FROM backend.alerts"), "the audit is of the alerts that were sent")
	var insights []string
	for _, service := range stack.Services() {
		insights = append(insights, ids(t, b, "SELECT (payload->'data'->>'insightId')::uuid FROM "+service+".written WHERE topic = 'ai.insight.generated'")...)
	}
	slices.Sort(insights)
	require.Equal(t, insights, ids(t, b, "SELECT id FROM backend.insights"), "the backend's insights are those that were found")
}

func (b books) checkPerson(t *testing.T, l *load, p *person) {
	t.Helper()
	user := p.client.User
	var want []string
	for _, id := range p.accepted {
		want = append(want, id.String())
	}
	slices.Sort(want)
	require.Len(t, want, len(p.plan), "every transaction was accepted")
	require.Equal(t, want, ids(t, b, "SELECT id FROM backend.transactions WHERE user_id = $1", user), "transactions of the backend")
	tables := map[string]string{event.Backend: "backend.transactions"}
	for _, observer := range observers {
		tables[observer] = observer + ".seen_transactions"
		require.Equal(t, want, ids(t, b, "SELECT id FROM "+tables[observer]+" WHERE user_id = $1", user), "transactions that %s saw", observer)
	}
	for _, category := range categories {
		sum := p.spent(category)
		for service, table := range tables {
			got := decimal.RequireFromString(one[string](t, b,
				"SELECT coalesce(sum(amount), 0)::text FROM "+table+" WHERE user_id = $1 AND category = $2 AND type = 'expense'", user, category))
			require.True(t, sum.Equal(got), "%s has %s spent on %s, not %s", service, got, category, sum)
		}
		budget, set := p.budgets[category]
		if !set {
			continue
		}
		var stands struct {
			Status struct{ Spent decimal.Decimal }
		}
		require.NoError(t, p.client.Call(t.Context(), http.MethodGet, "/budgets/"+budget.ID.String(), nil, nil, &stands))
		require.True(t, sum.Equal(stands.Status.Spent), "the API says that %s of the budget for %s is spent, not %s", stands.Status.Spent, category, sum)
		said := func(kind string) int {
			return one[int](t, b, "SELECT count(*) FROM analytics.written WHERE payload->>'type' = $1 AND payload->>'subject' = $2", kind, budget.ID.String())
		}
		expected := budgets[category]
		warnings := said(event.TypeInsightGenerated)
		require.LessOrEqual(t, warnings, times(expected.warned), "warnings of the budget for %s", category)
		if !expected.exceeded { // of one that is passed at once, only that is said
			require.Equal(t, times(expected.warned), warnings, "warnings of the budget for %s", category)
		}
		require.Equal(t, times(expected.exceeded), said(event.TypeBudgetExceeded), "excesses of the budget for %s", category)
	}
}

// observers are the agents that keep every transaction.
var observers = []string{event.Analytics, event.Banking, event.Investment}

func times(happens bool) int {
	if happens {
		return 1
	}
	return 0
}

// ids returns a query's ids in order.
func ids(t *testing.T, b books, query string, args ...any) []string {
	t.Helper()
	found, err := column[uuid.UUID](t.Context(), b, query, args...)
	require.NoError(t, err)
	texts := make([]string, len(found))
	for i, id := range found {
		texts[i] = id.String()
	}
	slices.Sort(texts)
	return texts
}

// inLog counts the lines of a program's log that hold all of the texts.
func inLog(t *testing.T, s *stack.Stack, name string, texts ...string) int {
	t.Helper()
	raw, err := os.ReadFile(s.Log(name))
	require.NoError(t, err)
	count := 0
	for line := range strings.Lines(string(raw)) {
		if !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(line, text) }) {
			count++
		}
	}
	return count
}
