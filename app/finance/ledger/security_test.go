//go:build integration

package ledger_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/finance/currency"
	"github.com/wealth-companion/companion/app/finance/imports"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/idempotency"
	"github.com/wealth-companion/companion/app/store/pagination"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

func join(t *testing.T, books *ledger.Ledger) uuid.UUID {
	user := tracing.NewID()
	require.NoError(t, db.InTx(t.Context(), books.Pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "INSERT INTO users (id, email, password_hash) VALUES ($1, $2, '')", user, user.String()+"@example.org"); err != nil {
			return err
		}
		return books.Begin(t.Context(), tx, user)
	}))
	return user
}

func TestTheDatabaseKeepsUsersApart(t *testing.T) {
	pool := pgtest.AsService(t, event.Backend)
	books := &ledger.Ledger{Pool: pool, Service: event.Backend}
	ada, bob := join(t, books), join(t, books)
	wallet, err := books.CreateWallet(t.Context(), ada, ledger.NewWallet{Name: "Main", Type: "checking", Currency: "EUR"})
	require.NoError(t, err)
	ctx, request := idempotency.With(t.Context(), uuid.New(), []byte("a request"))
	entry := ledger.NewTransaction{WalletID: wallet.ID, Amount: "12.50", Type: event.Expense, Category: "groceries", Description: "REWE"}
	posted, err := books.Post(ctx, ada, entry)
	require.NoError(t, err)
	again, err := books.Post(ctx, ada, entry)
	require.NoError(t, err)
	require.Equal(t, posted, again)
	require.True(t, request.Replayed)
	amount := "13"
	_, err = books.Update(t.Context(), ada, posted.ID, "", ledger.Edit{Amount: &amount})
	require.NoError(t, err)
	statements := &imports.Imports{Pool: pool, Ledger: books}
	done, err := statements.Import(t.Context(), ada, imports.New{File: imports.File{WalletID: wallet.ID, File: []byte("Date,Payee,Amount\n2026-11-02,REWE,-1.00\n")}})
	require.NoError(t, err)
	require.Equal(t, 1, done.Imported)
	_, err = (&currency.Rates{Pool: pool}).Put(t.Context(), ada, currency.Rate{Date: "2026-11-02", Base: "EUR", Quote: "USD", Rate: "1.1"})
	require.NoError(t, err)
	found, err := books.Search(t.Context(), ada, ledger.Filter{Text: "rewe"}, pagination.Request{Limit: 10})
	require.NoError(t, err)
	require.Len(t, found.Items, 2)

	rows := map[string]int{"wallets": 1, "categories": 12, "transactions": 2, "imports": 1, "rates": 1}
	for table, its := range rows {
		var count int
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&count))
		require.Zero(t, count, "%s: nobody's are seen by nobody", table)
		for user, want := range map[uuid.UUID]int{ada: its, bob: map[string]int{"categories": 12}[table]} {
			require.NoError(t, db.AsUser(t.Context(), pool, user, func(tx pgx.Tx) error {
				return tx.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&count)
			}))
			require.Equal(t, want, count, table)
		}
	}
	err = db.AsUser(t.Context(), pool, bob, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE transactions SET user_id = $1", ada)
		require.NoError(t, err, "there is none to change")
		_, err = tx.Exec(t.Context(), "INSERT INTO rates (user_id, base, quote, day, rate, updated_at) VALUES ($1, 'EUR', 'USD', '2026-01-01', 1, now())", ada)
		return err
	})
	var refused *pgconn.PgError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "42501", refused.Code)

	// All of a user goes with the account, whatever refers to what.
	_, err = pool.Exec(t.Context(), "DELETE FROM users WHERE id = $1", ada)
	require.NoError(t, err)
	for table := range rows {
		var count int
		require.NoError(t, db.AsUser(t.Context(), pool, ada, func(tx pgx.Tx) error {
			return tx.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&count)
		}))
		require.Zero(t, count, table)
	}
}

func TestAPipelineWritesAllOrNothing(t *testing.T) {
	pool := pgtest.Pool(t, event.Backend)
	_, err := pool.Exec(t.Context(), `CREATE TABLE notes (text text PRIMARY KEY);
		CREATE FUNCTION check_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'too late'; END $$;
		CREATE CONSTRAINT TRIGGER checked_at_the_end AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW WHEN (NEW.text = 'checked at the end') EXECUTE FUNCTION check_note()`)
	require.NoError(t, err)
	wrong := errors.New("wrong")
	note := func(text string) func(db.Queue) error {
		return func(q db.Queue) error {
			_, err := q.Exec(t.Context(), "INSERT INTO notes VALUES ($1)", text)
			return err
		}
	}
	nothing := func(*pgx.Batch) {}
	for name, c := range map[string]struct {
		ask  func(*pgx.Batch)
		act  func(db.Queue) error
		want error
	}{
		"a first part that fails": {func(b *pgx.Batch) {
			b.Queue("SELECT 1/0")
		}, note("second"), &pgconn.PgError{}},
		"an answer that is not wanted": {func(b *pgx.Batch) {
			b.Queue("SELECT 1").QueryRow(func(pgx.Row) error { return wrong })
		}, note("second"), wrong},
		"a first part that writes": {func(b *pgx.Batch) { b.Queue("INSERT INTO notes VALUES ('first')") }, note("second"), &pgconn.PgError{}},
		"a second part that refuses": {nothing, func(q db.Queue) error {
			return errors.Join(note("first")(q), wrong)
		}, wrong},
		"a second part that fails": {nothing, func(q db.Queue) error {
			return errors.Join(note("first")(q), note("first")(q))
		}, &pgconn.PgError{}},
		"a second part that fails at its end": {nothing, func(q db.Queue) error {
			return errors.Join(note("first")(q), note("checked at the end")(q))
		}, &pgconn.PgError{}},
		"a second part that asks":      {nothing, func(q db.Queue) error { return q.QueryRow(t.Context(), "SELECT 1").Scan(new(int)) }, nil},
		"a second part with a failure": {nothing, func(q db.Queue) error { _, err := q.Query(t.Context(), "SELECT 1"); return err }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := db.Pipeline(t.Context(), pool, uuid.New(), c.ask, c.act)
			require.Error(t, err)
			var server *pgconn.PgError
			switch {
			case errors.Is(c.want, wrong):
				require.ErrorIs(t, err, wrong)
			case c.want != nil:
				require.ErrorAs(t, err, &server)
			}
			var count int
			require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM notes").Scan(&count))
			require.Zero(t, count)
		})
	}
	user := uuid.New()
	var asUser string
	require.NoError(t, db.Pipeline(t.Context(), pool, user, func(b *pgx.Batch) {
		b.Queue("SELECT current_setting('app.user_id')").QueryRow(func(row pgx.Row) error { return row.Scan(&asUser) })
	}, note("kept")))
	require.Equal(t, user.String(), asUser)
	var count int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM notes").Scan(&count))
	require.Equal(t, 1, count)
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT coalesce(current_setting('app.user_id', true), '')").Scan(&asUser))
	require.Empty(t, asUser, "the next one on this connection is nobody")
	require.Equal(t, int32(1), pool.Stat().TotalConns(), "no connection was given up")

	// Whoever waits no longer leaves no transaction behind.
	limited, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.Error(t, db.Pipeline(limited, pool, user, func(b *pgx.Batch) { b.Queue("SELECT pg_sleep(10)") }, note("late")))
	require.Eventually(t, func() bool {
		var open int
		err := pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&open)
		return err == nil && open == 0
	}, 10*time.Second, 20*time.Millisecond)
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM notes").Scan(&count))
	require.Equal(t, 1, count)
}
