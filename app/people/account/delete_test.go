//go:build integration || bench

package account_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/store/db"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

const password = "correct horse battery"

func accounts(pool *pgxpool.Pool) *account.Accounts {
	return account.New(pool, preference.Publisher{Service: event.Backend},
		func(context.Context, pgx.Tx, uuid.UUID) error { return nil }, slog.New(slog.DiscardHandler))
}

// register makes an account with so many transactions, each with a row of its own in
// every table that grows with them.
func register(t testing.TB, a *account.Accounts, email string, transactions int) account.Caller {
	t.Helper()
	session, err := a.Register(t.Context(), account.Registration{Email: email, Password: password, Name: "Ada"})
	require.NoError(t, err)
	caller := session.Caller
	require.NoError(t, db.AsUser(t.Context(), a.Pool, caller.User, func(tx pgx.Tx) error {
		for _, statement := range []string{
			"SET LOCAL statement_timeout = 0",
			`INSERT INTO wallets (id, user_id, name, type, currency, created_at, updated_at)
				SELECT gen_random_uuid(), current_setting('app.user_id')::uuid, 'Wallet ' || n, 'checking', 'EUR', now(), now() FROM generate_series(1, 3) n`,
			`INSERT INTO categories (id, user_id, slug, name, kind, created_at, updated_at)
				SELECT gen_random_uuid(), current_setting('app.user_id')::uuid, 'category-' || n, 'Category ' || n, 'expense', now(), now() FROM generate_series(1, 20) n`,
			`INSERT INTO budgets (id, user_id, category, amount, currency, month, created_at, updated_at)
				SELECT gen_random_uuid(), current_setting('app.user_id')::uuid, 'category-' || n, 100, 'EUR', '2026-01-01', now(), now() FROM generate_series(1, 20) n`,
		} {
			if _, err := tx.Exec(t.Context(), statement); err != nil {
				return err
			}
		}
		_, err := tx.Exec(t.Context(), `INSERT INTO transactions
			(id, user_id, wallet_id, amount, currency, type, category, description, occurred_at, date, created_at, updated_at, fingerprint)
			SELECT gen_random_uuid(), w.user_id, w.id, 12.34, 'EUR', 'expense', 'category-' || n % 20, 'Groceries at the corner ' || n,
				at, at::date, now(), now(), md5(n::text)
			FROM generate_series(1, $1::int) n, LATERAL (SELECT now() - n * interval '10 minutes' AS at) t,
				LATERAL (SELECT id, user_id FROM wallets ORDER BY name OFFSET n % 3 LIMIT 1) w`, transactions)
		return err
	}))
	return caller
}

// left counts the user's rows by table.
func left(t testing.TB, pool *pgxpool.Pool, user uuid.UUID) map[string]int {
	t.Helper()
	counts := map[string]int{}
	require.NoError(t, db.AsUser(t.Context(), pool, user, func(tx pgx.Tx) error {
		rows, err := tx.Query(t.Context(), `SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
			WHERE c.column_name = 'user_id' AND t.table_type = 'BASE TABLE' AND c.table_schema = current_schema()`)
		if err != nil {
			return err
		}
		tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return err
		}
		for _, table := range tables {
			var n int
			if err := tx.QueryRow(t.Context(), "SELECT count(*) FROM "+table+" WHERE user_id = $1", user).Scan(&n); err != nil {
				return err
			}
			if n > 0 {
				counts[table] = n
			}
		}
		return nil
	}))
	return counts
}

func number(t testing.TB, pool *pgxpool.Pool, query string, args ...any) (n int) {
	t.Helper()
	require.NoError(t, pool.QueryRow(t.Context(), query, args...).Scan(&n))
	return n
}

// endSessions ends the sessions of PostgreSQL that remove transactions, as a failover
// would, once some are gone of as many as there were.
func endSessions(t testing.TB, admin *pgx.Conn, user uuid.UUID, there int) (ended int) {
	t.Helper()
	require.NoError(t, admin.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND state = 'active' AND query LIKE 'DELETE FROM "transactions"%'
			AND (SELECT count(*) FROM backend.transactions WHERE user_id = $1) < $2`, user, there).Scan(&ended))
	return ended
}

func TestAnAccountWithALongHistoryIsClosedAtOnceAndErasedThoughItsErasureIsKilledMidway(t *testing.T) {
	pool := pgtest.AsService(t, event.Backend)
	a := accounts(pool)
	const transactions = 60_000
	ada, eve := register(t, a, "ada@example.org", transactions), register(t, a, "eve@example.org", 1000)
	others := left(t, pool, eve.User)

	// The session is ended in the midst of the removal, and the process with it.
	admin, err := pgx.Connect(t.Context(), pgtest.AdminURL(pool))
	require.NoError(t, err)
	defer func() { _ = admin.Close(t.Context()) }()
	ctx, kill := context.WithCancel(t.Context())
	done := make(chan struct{})
	var killer sync.WaitGroup
	killer.Go(func() {
		for endSessions(t, admin, ada.User, transactions) == 0 {
			select {
			case <-done:
				return
			default:
			}
		}
		kill()
	})
	require.NoError(t, a.Delete(ctx, ada, password), "the account is closed, whatever becomes of the rest")
	close(done)
	killer.Wait()
	kill()
	some := left(t, pool, ada.User)["transactions"]
	require.NotZero(t, some, "it was killed midway")
	require.Less(t, some, transactions, "and had begun")

	_, err = a.Find(t.Context(), ada.User)
	require.ErrorIs(t, err, apperror.ErrUnauthorized)
	_, err = a.Login(t.Context(), "ada@example.org", password, account.Client{})
	require.ErrorIs(t, err, apperror.ErrUnauthorized)
	require.ErrorIs(t, a.Delete(t.Context(), ada, password), apperror.ErrUnauthorized)
	require.Equal(t, 1, number(t, pool, "SELECT count(*) FROM outbox WHERE payload->>'type' = $1", event.TypeUserDeleted))
	require.NotContains(t, left(t, pool, ada.User), "sessions")
	require.Zero(t, number(t, pool, "SELECT count(*) FROM users WHERE email LIKE 'ada%' OR name = 'Ada' AND id = $1", ada.User), "nothing says whose it was")
	_, err = a.Register(t.Context(), account.Registration{Email: "ada@example.org", Password: password})
	require.NoError(t, err, "the address is free")

	// Two replicas, neither of which was there before, find it at the same time.
	var both errgroup.Group
	for range 2 {
		both.Go(func() error { return accounts(pool).EraseClosed(t.Context(), time.Now()) })
	}
	require.NoError(t, both.Wait())
	require.Empty(t, left(t, pool, ada.User))
	require.Zero(t, number(t, pool, "SELECT count(*) FROM users WHERE id = $1", ada.User))
	require.Equal(t, others, left(t, pool, eve.User), "nobody else's rows go")
	for kind, want := range map[string]int{event.TypeWalletChanged: 3, event.TypeCategoryChanged: 20, event.TypeBudgetChanged: 20, event.TypeUserDeleted: 1} {
		require.Equal(t, want, number(t, pool, "SELECT count(*) FROM outbox WHERE payload->>'type' = $1", kind), "%s, each once", kind)
	}
}

// What somebody wrote who had not heard yet that the account is closed goes too.
func TestWhatIsWrittenWhileAnAccountIsErasedDoesNotOutliveIt(t *testing.T) {
	pool := pgtest.AsService(t, event.Backend)
	a := accounts(pool)
	ada := register(t, a, "ada@example.org", 20_000)
	began := make(chan struct{})
	var writer errgroup.Group
	writer.Go(func() error {
		for n := 0; ; n++ {
			err := db.AsUser(t.Context(), pool, ada.User, func(tx pgx.Tx) error {
				_, err := tx.Exec(t.Context(), `INSERT INTO transactions
					(id, user_id, wallet_id, amount, currency, type, category, occurred_at, date, created_at, updated_at)
					SELECT gen_random_uuid(), user_id, id, 1, 'EUR', 'expense', 'x', now(), now(), now(), now() FROM wallets LIMIT 1`)
				if err != nil {
					return err
				}
				_, err = tx.Exec(t.Context(), `INSERT INTO budgets (id, user_id, category, amount, currency, month, created_at, updated_at)
					VALUES (gen_random_uuid(), $1, $2, 1, 'EUR', '2026-01-01', now(), now())`, ada.User, fmt.Sprint("late-", n))
				return err
			})
			switch {
			case db.Orphan(err, "user_id"):
				return nil // the account is gone
			case err != nil && !db.Transient(err):
				return err
			}
			if n == 10 {
				close(began)
			}
		}
	})
	<-began
	require.NoError(t, a.Delete(t.Context(), ada, password))
	require.NoError(t, a.EraseClosed(t.Context(), time.Now()))
	require.NoError(t, writer.Wait())
	require.Empty(t, left(t, pool, ada.User))
	require.Equal(t, number(t, pool, "SELECT count(DISTINCT key) FROM outbox WHERE topic = 'finance.budget.changed'"),
		number(t, pool, "SELECT count(*) FROM outbox WHERE topic = 'finance.budget.changed' AND payload->'data'->>'category' = $1", event.Redacted))
}

func TestEraseLeavesAnOpenAccountAlone(t *testing.T) {
	pool := pgtest.AsService(t, event.Backend)
	a := accounts(pool)
	ada := register(t, a, "ada@example.org", 10)
	before := left(t, pool, ada.User)
	require.NoError(t, a.Erase(t.Context(), ada.User))
	require.Equal(t, before, left(t, pool, ada.User))
}

// Every table with a user's rows is removed from in steps, or holds few of them.
func TestTablesThatGrowAreErasedInSteps(t *testing.T) {
	pool := pgtest.AsService(t, event.Backend)
	few := []string{
		"identities", "sessions", "assistants", "oauth_codes", "preferences", "push_subscriptions", "demos", "one_time_tokens", "mail_requests", // some each
		"wallets", "categories", "goals", // limits.MaxOwned
		"wallet_balances", "reminders", "transfer_matches", "import_presets", // they go with a wallet, a task, a transaction, an import
		"budgets", // removed in steps as they are overwritten
	}
	rows, err := pool.Query(t.Context(), `SELECT DISTINCT c.table_name::text FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.column_name = 'user_id' AND t.table_type = 'BASE TABLE' AND c.table_schema = current_schema()`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.ElementsMatch(t, tables, append(account.ErasedFirst, few...))
}
