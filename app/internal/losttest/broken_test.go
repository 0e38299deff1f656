//go:build integration

package losttest

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/messaging/inbox"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
	"github.com/wealth-companion/companion/app/store/db"
)

// What PostgreSQL itself breaks says nothing of the event: it is delivered again as
// often as that happens, none is an attempt, and nothing is dead-lettered.
func TestAHandlerThatPostgreSQLBreaksUsesUpNoAttempt(t *testing.T) {
	for name, c := range map[string]struct {
		code string
		step func(ctx context.Context, tx pgx.Tx, another *pgx.Conn) error
	}{
		"a deadlock": {"40P01", func(ctx context.Context, tx pgx.Tx, another *pgx.Conn) error {
			// The other one waits first; ours looks for a circle first, and is the one that is ended.
			if _, err := tx.Exec(ctx, "SET LOCAL deadlock_timeout = '10ms'; UPDATE contended SET n = n + 1 WHERE id = 1"); err != nil {
				return err
			}
			if _, err := another.Exec(ctx, "BEGIN; SET LOCAL deadlock_timeout = '1min'; UPDATE contended SET n = n + 1 WHERE id = 2"); err != nil {
				return err
			}
			waited := make(chan error, 1)
			go func() {
				_, err := another.Exec(ctx, "UPDATE contended SET n = n + 1 WHERE id = 1; COMMIT")
				waited <- err
			}()
			_, err := tx.Exec(ctx, `DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))
				LOOP PERFORM pg_sleep(0.005); END LOOP; END $$`)
			if err == nil {
				_, err = tx.Exec(ctx, "UPDATE contended SET n = n + 1 WHERE id = 2")
			}
			_ = tx.Rollback(ctx) // which lets the other go on
			<-waited
			return err
		}},
		"a serialization failure": {"40001", func(ctx context.Context, tx pgx.Tx, another *pgx.Conn) error {
			var n int
			if err := tx.QueryRow(ctx, "SELECT n FROM contended WHERE id = 1").Scan(&n); err != nil {
				return err
			}
			if _, err := another.Exec(ctx, "UPDATE contended SET n = n + 1 WHERE id = 1"); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "UPDATE contended SET n = $1 WHERE id = 1", n+1)
			return err
		}},
		"a session that is ended": {"57P01", func(ctx context.Context, tx pgx.Tx, another *pgx.Conn) error {
			if _, err := another.Exec(ctx, "SELECT pg_terminate_backend($1, 5000)", tx.Conn().PgConn().PID()); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, "UPDATE contended SET n = n + 1 WHERE id = 1")
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			pool := serializable(t, pgtest.Pool(t, event.Notification))
			_, err := pool.Exec(t.Context(), "CREATE TABLE contended (id int PRIMARY KEY, n int NOT NULL); INSERT INTO contended VALUES (1, 0), (2, 0)")
			require.NoError(t, err)
			another, err := pgx.Connect(t.Context(), pgtest.AdminURL(pool))
			require.NoError(t, err)
			defer func() { _ = another.Close(t.Context()) }()
			const broken = 7 // more often than a handler may fail
			deliveries, outcomes := 0, map[string]int{}
			topic, _ := event.OfType(event.TypeUserDeleted)
			handle := func(ctx context.Context, e event.CloudEvent) (bool, error) {
				deliveries++
				return inbox.Once(ctx, pool, e.ID, func(tx pgx.Tx) error {
					if _, err := tx.Exec(ctx, "INSERT INTO gone (user_id, deleted_at) VALUES (gen_random_uuid(), now())"); err != nil || deliveries > broken {
						return err
					}
					err := c.step(ctx, tx, another)
					var server *pgconn.PgError
					if errors.As(err, &server) || c.code != "57P01" { // of a session that is ended the client may see the connection only
						require.NotNil(t, server, err)
						require.Equal(t, c.code, server.Code)
					}
					require.Error(t, err)
					return err
				})
			}
			receiver := (&bus.Receiver{
				Service: event.Notification, Handlers: map[string]bus.Handler{topic.Name: handle},
				Outage: func(_ context.Context, err error) bool { return db.Transient(err) },
				DeadLetter: func(context.Context, string, string, []byte) error {
					require.Fail(t, "dead-lettered")
					return nil
				},
				Log: slog.New(slog.DiscardHandler), Outcome: func(_, outcome string) { outcomes[outcome]++ },
			}).Handler()
			user := tracing.NewID()
			e, err := event.New(t.Context(), event.Backend, event.TypeUserDeleted, user.String(), event.UserDeleted{UserID: user, DeletedAt: time.Now().UTC()})
			require.NoError(t, err)
			raw, err := json.Marshal(e)
			require.NoError(t, err)
			for delivery := range broken + 2 {
				answer := httptest.NewRecorder()
				receiver.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, sidecar.Events+topic.Name, strings.NewReader(string(raw))))
				want := http.StatusServiceUnavailable
				if delivery >= broken {
					want = http.StatusOK
				}
				require.Equal(t, want, answer.Code, answer.Body)
			}
			require.Equal(t, map[string]int{bus.Postponed: broken, bus.Handled: 1, bus.Duplicate: 1}, outcomes)
			require.Equal(t, 1, count(t, pool, "SELECT count(*) FROM gone"), "the effect, once")
		})
	}
}

// serializable opens a pool as pool's whose transactions see one state of the database.
func serializable(t *testing.T, pool *pgxpool.Pool) *pgxpool.Pool {
	config := pool.Config()
	config.ConnConfig.RuntimeParams["default_transaction_isolation"] = "repeatable read"
	its, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(its.Close)
	return its
}
