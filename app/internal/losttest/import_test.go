//go:build integration

package losttest

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/finance/imports"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/idempotency"
)

// importedRows are as many as one file may hold.
const importedRows = 5000

// statementOf is a file with that many expenses of a cent more each.
func statementOf(lines int) []byte {
	var file bytes.Buffer
	file.WriteString("Date,Amount,Description\n")
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range lines {
		fmt.Fprintf(&file, "%s,-%d.%02d,Purchase number %d\n", day.AddDate(0, 0, i%300).Format(time.DateOnly), i/100+1, i%100, i)
	}
	return file.Bytes()
}

// importing is a person with a wallet, whose file is imported with one Idempotency-Key.
type importing struct {
	pool   *pgxpool.Pool
	user   uuid.UUID
	wallet uuid.UUID
	key    uuid.UUID
}

func newImporting(t *testing.T) importing {
	pool := pgtest.AsService(t, event.Backend)
	books := &ledger.Ledger{Pool: pool, Service: event.Backend}
	accounts := account.New(pool, preference.Publisher{Service: event.Backend}, books.Begin, slog.New(slog.DiscardHandler))
	session, err := accounts.Register(t.Context(), account.Registration{Email: "ada@example.org", Password: "correct horse battery"})
	require.NoError(t, err)
	wallet, err := books.CreateWallet(t.Context(), session.Caller.User, ledger.NewWallet{Name: "Account", Type: "checking", Currency: "EUR"})
	require.NoError(t, err)
	return importing{pool, session.Caller.User, wallet.ID, uuid.New()}
}

func (i importing) send(ctx context.Context, pool *pgxpool.Pool) (imports.Import, error) {
	ctx, _ = idempotency.With(ctx, i.key, []byte("the file"))
	s := &imports.Imports{Pool: pool, Ledger: &ledger.Ledger{Pool: pool, Service: event.Backend}}
	return s.Import(ctx, i.user, imports.New{File: imports.File{WalletID: i.wallet, File: statementOf(importedRows)}})
}

// holds requires that the file is there as often as that, in everything that it changes.
func (i importing) holds(t *testing.T, times int) {
	t.Helper()
	require.Equal(t, times, count(t, i.pool, "SELECT count(*) FROM backend.imports"))
	require.Equal(t, times*importedRows, count(t, i.pool, "SELECT count(*) FROM backend.transactions"))
	require.Equal(t, times*importedRows, count(t, i.pool, "SELECT count(*) FROM backend.outbox WHERE payload->>'type' = $1", event.TypeTransactionCreated))
	require.Equal(t, times*importedRows, count(t, i.pool, "SELECT count(DISTINCT payload->'data'->>'transactionId') FROM backend.outbox WHERE payload->>'type' = $1", event.TypeTransactionCreated))
	require.Equal(t, times*importedRows, count(t, i.pool, "SELECT coalesce(sum(transactions), 0)::int FROM backend.daily_sums"))
	require.Zero(t, count(t, i.pool, `SELECT (100 * (coalesce(sum(moved), 0) - (SELECT coalesce(sum(-amount), 0) FROM backend.transactions)))::int FROM backend.wallet_balances`))
}

// cutAfter is a connection that breaks once a statement was sent, before its answer
// arrives: nobody knows whether it had its effect.
type cutAfter struct {
	net.Conn
	wrote, text []byte // text counts once wrote was sent
	armed       bool
	once        *sync.Once
}

func (c *cutAfter) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.armed = c.armed || bytes.Contains(b, c.wrote)
	if c.armed && bytes.Contains(b, c.text) {
		c.once.Do(func() {
			_, _ = c.Conn.Read(make([]byte, 1)) // the server has answered
			_ = c.Conn.Close()
		})
	}
	return n, err
}

// An import of as many rows as there may be, broken off between any two of its
// statements, and sent again with its key: it is there once, whole, and its answer
// is the same.
func TestAnImportThatIsBrokenOffIsThereOnceOrNotAtAll(t *testing.T) {
	// What was asked before, in a transaction of its own, is no part of the import.
	const written = "UPDATE idempotency_keys"
	lostAfter := func(before, statement string) func(*testing.T, importing) {
		return func(t *testing.T, i importing) {
			through, gone := losingAfter(t, i.pool, before, statement)
			ctx, giveUp := context.WithCancel(t.Context())
			var client sync.WaitGroup
			client.Go(func() { _, _ = i.send(ctx, through) })
			defer func() { giveUp(); client.Wait(); through.Close() }()
			select {
			case <-gone:
			case <-time.After(time.Minute):
				require.Fail(t, "the client never came to "+statement)
			}
			i.holds(t, 0)
		}
	}
	lostBefore := func(statement string) func(*testing.T, importing) { return lostAfter("", statement) }
	// ended has the server end the session as in a failover.
	ended := func(t *testing.T, i importing) {
		admin, err := pgx.Connect(t.Context(), pgtest.AdminURL(i.pool))
		require.NoError(t, err)
		defer func() { _ = admin.Close(t.Context()) }()
		failed := make(chan error, 1)
		go func() { _, err := i.send(t.Context(), i.pool); failed <- err }()
		for sent := 0; sent == 0; {
			select {
			case err := <-failed:
				require.Fail(t, "the import was over before its session was ended", err)
			default:
			}
			require.NoError(t, admin.QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
				WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' AND query LIKE '%INSERT INTO transactions%'`).Scan(&sent))
		}
		err = <-failed
		require.Error(t, err)
		require.True(t, db.Transient(err), "the API answers that the same may be sent again: %v", err)
		i.holds(t, 0)
	}
	answerLost := func(t *testing.T, i importing) {
		config := i.pool.Config()
		dial, once := config.ConnConfig.DialFunc, &sync.Once{}
		config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
			connection, err := dial(ctx, network, address)
			return &cutAfter{Conn: connection, wrote: []byte(written), text: []byte(commit), once: once}, err
		}
		through, err := pgxpool.NewWithConfig(t.Context(), config)
		require.NoError(t, err)
		defer through.Close()
		_, err = i.send(t.Context(), through)
		require.Error(t, err)
		require.True(t, db.Transient(err), "the API answers that the same may be sent again: %v", err)
		i.holds(t, 1)
	}
	for name, breakOff := range map[string]func(*testing.T, importing){
		"the client is lost before the transactions are written": lostBefore("INSERT INTO transactions"),
		"the client is lost before the events are written":       lostBefore("INSERT INTO outbox"),
		"the client is lost before the answer is kept":           lostBefore("UPDATE idempotency_keys"),
		"the client is lost before it commits":                   lostAfter(written, commit),
		"the session is ended while transactions are written":    ended,
		"the answer to the commit is lost":                       answerLost,
	} {
		t.Run(name, func(t *testing.T) {
			i := newImporting(t)
			breakOff(t, i)
			began := time.Now()
			var done imports.Import
			for {
				var err error
				if done, err = i.send(t.Context(), i.pool); err == nil {
					break
				}
				require.True(t, db.Transient(err), "%v", err)
				require.Less(t, time.Since(began), bound+10*time.Second, "the same person is held up: %v", err)
			}
			t.Logf("it was there %s after it was sent again", time.Since(began).Round(100*time.Millisecond))
			i.holds(t, 1)
			again, err := i.send(t.Context(), i.pool)
			require.NoError(t, err)
			require.Equal(t, done.ID, again.ID)
			require.Equal(t, importedRows, done.Imported)
			i.holds(t, 1)
		})
	}
}
