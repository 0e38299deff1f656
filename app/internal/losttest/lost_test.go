//go:build integration

package losttest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/messaging/inbox"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/idempotency"
	"github.com/wealth-companion/companion/app/store/retention"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// death is the end of a client with all of its connections: nothing reaches the server any more, nor
// does an end of a connection, as when a node dies.
type death struct {
	mu   sync.Mutex
	dead bool
	gone chan struct{} // closed by it
}

func (d *death) has() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dead
}

// comes has the client die if that is when, and tells whether it is dead.
func (d *death) comes(when func() bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.dead && when() {
		d.dead = true
		close(d.gone)
	}
	return d.dead
}

// lossy is a connection of a client that dies.
type lossy struct {
	net.Conn
	death *death
	// loses tells of what the client is about to send whether it dies first.
	loses  func(sent []byte) bool
	ended  chan struct{} // closed when the client gives up
	ending sync.Once
}

func (c *lossy) Write(b []byte) (int, error) {
	if c.death.comes(func() bool { return c.loses(b) }) {
		return len(b), nil
	}
	return c.Conn.Write(b)
}

func (c *lossy) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.death.has() {
		<-c.ended
		return 0, os.ErrDeadlineExceeded
	}
	return n, err
}

func (c *lossy) SetDeadline(at time.Time) error {
	if !at.IsZero() {
		c.ending.Do(func() { close(c.ended) })
	}
	return c.Conn.SetDeadline(at)
}

// Close leaves the socket of a lost client open, so that the server hears of no end.
func (c *lossy) Close() error {
	c.ending.Do(func() { close(c.ended) })
	if c.death.has() {
		return nil
	}
	return c.Conn.Close()
}

// losing opens a pool as pool's whose client is lost when it is about to send a statement with
// that text; gone is closed then.
func losing(t *testing.T, pool *pgxpool.Pool, before string) (its *pgxpool.Pool, gone <-chan struct{}) {
	return losingAfter(t, pool, "", before)
}

// losingAfter is losing where the client has sent a statement with another text before.
func losingAfter(t *testing.T, pool *pgxpool.Pool, after, before string) (its *pgxpool.Pool, gone <-chan struct{}) {
	return losingWhere(t, pool.Config(), func() func([]byte) bool {
		armed := false
		return func(sent []byte) bool {
			armed = armed || bytes.Contains(sent, []byte(after))
			return armed && bytes.Contains(sent, []byte(before))
		}
	})
}

// losingWhere opens a pool whose client is lost where one of its connections says so, each of
// which has a function of its own; gone is closed then.
func losingWhere(t *testing.T, config *pgxpool.Config, points func() func(sent []byte) bool) (its *pgxpool.Pool, gone <-chan struct{}) {
	dial := config.ConnConfig.DialFunc
	dies := &death{gone: make(chan struct{})}
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = connection.Close() })
		return &lossy{Conn: connection, death: dies, loses: points(), ended: make(chan struct{})}, nil
	}
	its, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	return its, dies.gone
}

// unmindful receives what a pruner has to say.
type unmindful struct{}

func (unmindful) Removed(string, int)           {}
func (unmindful) Overdue(string, time.Duration) {}

func count(t *testing.T, pool *pgxpool.Pool, query string, args ...any) (n int) {
	t.Helper()
	admin, err := pgx.Connect(t.Context(), pgtest.AdminURL(pool)) // whom row level security does not bind
	require.NoError(t, err)
	defer func() { _ = admin.Close(t.Context()) }()
	require.NoError(t, admin.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

// bound is how long the others may be held up by a client that is lost: until its
// transaction is ended, and as long again as they wait for a lock in vain.
const bound = db.IdleInTransaction + db.LockTimeout + 5*time.Second

// A client is lost between two statements of a transaction. The others go on within the
// bound, nothing is done twice, and nothing is lost.
func TestAClientThatIsLostInMidTransactionHoldsNobodyUpForLong(t *testing.T) {
	silent := slog.New(slog.DiscardHandler)
	type scene struct {
		pool  *pgxpool.Pool
		act   func(context.Context, *pgxpool.Pool) error // what the client was doing, and others do again
		check func(*testing.T)
	}
	handled := func(t *testing.T) scene {
		pool := pgtest.AsService(t, event.Notification)
		id := tracing.NewID().String()
		return scene{pool, func(ctx context.Context, pool *pgxpool.Pool) error {
			_, err := inbox.Once(ctx, pool, id, func(tx pgx.Tx) error {
				_, err := tx.Exec(ctx, "INSERT INTO gone (user_id, deleted_at) VALUES (gen_random_uuid(), now())")
				return err
			})
			return err
		}, func(t *testing.T) {
			require.Equal(t, 1, count(t, pool, "SELECT count(*) FROM notification.gone"), "once")
			require.Equal(t, 1, count(t, pool, "SELECT count(*) FROM notification.inbox"))
		}}
	}
	newAccount := func(t *testing.T, pool *pgxpool.Pool) (*account.Accounts, account.Caller) {
		accounts := account.New(pool, preference.Publisher{Service: event.Backend}, func(context.Context, pgx.Tx, uuid.UUID) error { return nil }, silent)
		session, err := accounts.Register(t.Context(), account.Registration{Email: "ada@example.org", Password: "correct horse battery"})
		require.NoError(t, err)
		return accounts, session.Caller
	}
	requested := func(t *testing.T) scene {
		pool := pgtest.AsService(t, event.Backend)
		_, caller := newAccount(t, pool)
		key := uuid.New()
		return scene{pool, func(ctx context.Context, pool *pgxpool.Pool) error {
			ctx, _ = idempotency.With(ctx, key, []byte("a request"))
			_, err := idempotency.Do(ctx, pool, caller.User, func(tx pgx.Tx) (string, error) {
				_, err := tx.Exec(ctx, `INSERT INTO categories (id, user_id, slug, name, kind, created_at, updated_at)
					VALUES (gen_random_uuid(), $1, gen_random_uuid()::text, 'x', 'expense', now(), now())`, caller.User)
				return "made", err
			})
			return err
		}, func(t *testing.T) {
			require.Equal(t, 1, count(t, pool, "SELECT count(*) FROM backend.categories"), "once")
			require.Equal(t, 1, count(t, pool, "SELECT count(*) FROM backend.idempotency_keys WHERE answer IS NOT NULL"))
		}}
	}
	pruned := func(t *testing.T) scene {
		pool := pgtest.AsService(t, event.Notification)
		_, err := pool.Exec(t.Context(), `INSERT INTO alerts (id, user_id, channel, title, message, source_event, source_event_id, status, created_at)
			SELECT gen_random_uuid(), gen_random_uuid(), 'email', 't', 'm', 's', gen_random_uuid(), 'failed', now() - interval '200 days' FROM generate_series(1, 1000)`)
		require.NoError(t, err)
		return scene{pool, func(ctx context.Context, pool *pgxpool.Pool) error {
			pruner := &retention.Pruner{Pool: pool, Service: event.Notification, Observer: unmindful{}, Log: silent}
			if err := pruner.Prune(ctx); err != nil {
				return err
			}
			var left int
			if err := pool.QueryRow(ctx, "SELECT count(*) FROM alerts").Scan(&left); err != nil || left == 0 {
				return err
			}
			return errLocked // rows that the lost client holds are left out
		}, func(t *testing.T) { require.Zero(t, count(t, pool, "SELECT count(*) FROM notification.alerts")) }}
	}
	erased := func(t *testing.T) scene {
		pool := pgtest.AsService(t, event.Backend)
		_, caller := newAccount(t, pool)
		require.NoError(t, db.AsUser(t.Context(), pool, caller.User, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO rates (user_id, base, quote, day, rate, updated_at)
				SELECT $1, 'EUR', 'USD', '2020-01-01'::date + n, 1, now() FROM generate_series(1, 100) n`, caller.User)
			if err != nil {
				return err
			}
			_, err = tx.Exec(t.Context(), "UPDATE users SET closed_at = now() WHERE id = $1", caller.User)
			return err
		}))
		return scene{pool, func(ctx context.Context, pool *pgxpool.Pool) error {
			return account.New(pool, preference.Publisher{Service: event.Backend}, nil, silent).Erase(ctx, caller.User)
		}, func(t *testing.T) {
			require.Zero(t, count(t, pool, "SELECT count(*) FROM backend.users"))
			require.Zero(t, count(t, pool, "SELECT count(*) FROM backend.rates"))
		}}
	}
	migrated := func(t *testing.T) scene {
		pool, err := db.Open(t.Context(), pgtest.URL(t), 0)
		require.NoError(t, err)
		t.Cleanup(pool.Close)
		return scene{pool, func(ctx context.Context, pool *pgxpool.Pool) error { return db.Migrate(ctx, pool, event.Backend) },
			func(t *testing.T) {
				require.Zero(t, count(t, pool, "SELECT count(*) - count(DISTINCT version_id) FROM goose_db_version"), "each once")
				require.Zero(t, count(t, pool, "SELECT count(*) FROM users"))
			}}
	}
	for name, c := range map[string]struct {
		make   func(*testing.T) scene
		before string // the statement that the client does not send any more
	}{
		"a handler, between the inbox's row and its state": {handled, "INSERT INTO gone"},
		"a handler, before it commits":                     {handled, commit},
		"a request, between its key and its answer":        {requested, "UPDATE idempotency_keys"},
		"a request, before it commits":                     {requested, commit},
		"the removal of old rows, before it commits":       {pruned, commit},
		"the erasure of an account, between two tables":    {erased, `DELETE FROM "insights"`},
		"the erasure of an account, before it is over":     {erased, "DELETE FROM users"},
		"a migration": {migrated, "CREATE TABLE categories"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			its := c.make(t)
			through, gone := losing(t, its.pool, c.before)
			ctx, giveUp := context.WithCancel(t.Context())
			var client sync.WaitGroup
			client.Go(func() { _ = its.act(ctx, through) })
			defer func() {
				giveUp()
				client.Wait()
				through.Close()
			}()
			select {
			case <-gone:
			case <-time.After(30 * time.Second):
				require.Fail(t, "the client never came to "+c.before)
			}
			began := time.Now()
			attempts := 0
			for {
				attempts++
				err := its.act(t.Context(), its.pool)
				if err == nil {
					break
				}
				require.True(t, errors.Is(err, errLocked) || db.Transient(err), "it counts as no attempt: %v", err)
				require.Less(t, time.Since(began), bound, "others are held up: %v", err)
				if errors.Is(err, errLocked) {
					time.Sleep(100 * time.Millisecond) // the pruner's pause
				}
			}
			took := time.Since(began)
			t.Logf("others went on after %s, at attempt %d", took.Round(100*time.Millisecond), attempts)
			require.Less(t, took, bound)
			its.check(t)
		})
	}
}

// commit is how a transaction's end is sent; synchronous_commit is no such.
const commit = "commit\x00"

// errLocked: there is more to remove, which somebody holds.
var errLocked = errors.New("rows are locked")
