//go:build integration

package ledger_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/finance/imports"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// live gives a user a time zone.
func live(t *testing.T, books *ledger.Ledger, user uuid.UUID, zone string) {
	t.Helper()
	require.NoError(t, db.AsUser(t.Context(), books.Pool, user, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO preferences (user_id, timezone, updated_at) VALUES ($1, $2, now())
			ON CONFLICT (user_id) DO UPDATE SET timezone = excluded.timezone`, user, zone)
		return err
	}))
}

// lastEvent decodes the last event that was enqueued.
func lastEvent[T any](t *testing.T, books *ledger.Ledger) (data T) {
	t.Helper()
	var payload []byte
	require.NoError(t, books.Pool.QueryRow(t.Context(), "SELECT payload FROM outbox ORDER BY id DESC LIMIT 1").Scan(&payload))
	var e event.CloudEvent
	require.NoError(t, json.Unmarshal(payload, &e))
	data, err := event.Decode[T](e)
	require.NoError(t, err)
	return data
}

func TestATransactionCountsOnItsDayWhereThePersonLives(t *testing.T) {
	books := &ledger.Ledger{Pool: pgtest.AsService(t, event.Backend), Service: event.Backend}
	ada := join(t, books)
	wallet, err := books.CreateWallet(t.Context(), ada, ledger.NewWallet{Name: "Main", Type: "checking", Currency: "USD"})
	require.NoError(t, err)
	evening := time.Date(2026, 10, 1, 3, 0, 0, 0, time.UTC) // 20:00 on 30 September in Los Angeles
	entry := ledger.NewTransaction{WalletID: wallet.ID, Amount: "12.50", Type: event.Expense, Category: "groceries", Timestamp: &evening}

	nowhere, err := books.Post(t.Context(), ada, entry)
	require.NoError(t, err)
	require.Equal(t, "2026-10-01", nowhere.Date, "without a time zone it is UTC")

	live(t, books, ada, "America/Los_Angeles")
	posted, err := books.Post(t.Context(), ada, entry)
	require.NoError(t, err)
	require.Equal(t, "2026-09-30", posted.Date)
	require.Equal(t, "2026-09-30", lastEvent[event.TransactionCreated](t, books).Date)

	live(t, books, ada, "Asia/Tokyo")
	kept, err := books.Get(t.Context(), ada, posted.ID)
	require.NoError(t, err)
	require.Equal(t, "2026-09-30", kept.Date, "a move changes nothing of the past")
	text := "moved"
	kept, err = books.Update(t.Context(), ada, posted.ID, "", ledger.Edit{Description: &text, Timestamp: &evening})
	require.NoError(t, err)
	require.Equal(t, "2026-09-30", kept.Date, "nor does an edit that leaves the time as it is")
	require.NotContains(t, lastEvent[event.TransactionUpdated](t, books).Changes, "date")

	later := evening.Add(time.Minute)
	kept, err = books.Update(t.Context(), ada, posted.ID, "", ledger.Edit{Timestamp: &later})
	require.NoError(t, err)
	require.Equal(t, "2026-10-01", kept.Date, "another time counts on its day where the person lives now")
	require.Equal(t, event.Change{Before: "2026-09-30", After: "2026-10-01"}, lastEvent[event.TransactionUpdated](t, books).Changes["date"])

	evenLater := later.Add(time.Minute)
	_, err = books.Update(t.Context(), ada, posted.ID, "", ledger.Edit{Timestamp: &evenLater})
	require.NoError(t, err)
	require.Equal(t, event.Change{Before: "2026-10-01", After: "2026-10-01"}, lastEvent[event.TransactionUpdated](t, books).Changes["date"],
		"told with each new time, for who listens works with the day")
}

// A list of a day shows what counts on it, as summaries do, and nothing else.
func TestASearchByDaysIsByTheDayOnWhichTransactionsCount(t *testing.T) {
	books := &ledger.Ledger{Pool: pgtest.AsService(t, event.Backend), Service: event.Backend}
	ada := join(t, books)
	wallet, err := books.CreateWallet(t.Context(), ada, ledger.NewWallet{Name: "Main", Type: "checking", Currency: "USD"})
	require.NoError(t, err)
	post := func(zone, name, at string) {
		live(t, books, ada, zone)
		when, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		_, err = books.Post(t.Context(), ada, ledger.NewTransaction{WalletID: wallet.ID, Amount: "1", Type: event.Expense, Category: "other", Description: name, Timestamp: &when})
		require.NoError(t, err)
	}
	post("America/Los_Angeles", "the last evening of September", "2026-10-01T03:00:00Z")
	post("America/Los_Angeles", "the first morning of October", "2026-10-01T15:00:00Z")
	post("Pacific/Kiritimati", "October begins in Kiritimati", "2026-09-30T10:30:00Z")
	post("Pacific/Pago_Pago", "September ends in Pago Pago", "2026-10-01T10:30:00Z")
	find := func(from, until string) (names []string) {
		found, err := books.Search(t.Context(), ada, ledger.Filter{From: from, Until: until}, pagination.Request{Limit: 10})
		require.NoError(t, err)
		for _, one := range found.Items {
			names = append(names, one.Description)
		}
		return names
	}
	require.Equal(t, []string{"September ends in Pago Pago", "the last evening of September"}, find("2026-09-01", "2026-09-30"))
	require.Equal(t, []string{"the first morning of October", "October begins in Kiritimati"}, find("2026-10-01", "2026-10-31"))
	require.Equal(t, []string{"the first morning of October", "September ends in Pago Pago", "the last evening of September"}, find("2026-10-01T00:00:00Z", ""), "a time is an instant")
}

func TestAStatementsDayStays(t *testing.T) {
	books := &ledger.Ledger{Pool: pgtest.AsService(t, event.Backend), Service: event.Backend}
	ada := join(t, books)
	live(t, books, ada, "America/Los_Angeles")
	wallet, err := books.CreateWallet(t.Context(), ada, ledger.NewWallet{Name: "Main", Type: "checking", Currency: "USD"})
	require.NoError(t, err)
	_, err = (&imports.Imports{Pool: books.Pool, Ledger: books}).Import(t.Context(), ada, imports.New{
		File: imports.File{WalletID: wallet.ID, File: []byte("Date,Payee,Amount\n2026-10-01,REWE,-1.00\n")},
	})
	require.NoError(t, err)
	require.Equal(t, "2026-10-01", lastEvent[event.TransactionCreated](t, books).Date, "not the day before, though midnight UTC is")
}

func TestRefundsAreIncomeFiledUnderAnExpense(t *testing.T) {
	books := &ledger.Ledger{Pool: pgtest.AsService(t, event.Backend), Service: event.Backend}
	ada := join(t, books)
	wallet, err := books.CreateWallet(t.Context(), ada, ledger.NewWallet{Name: "Main", Type: "checking", Currency: "EUR"})
	require.NoError(t, err)
	post := func(kind, category string) (ledger.Transaction, error) {
		return books.Post(t.Context(), ada, ledger.NewTransaction{WalletID: wallet.ID, Amount: "12.50", Type: kind, Category: category})
	}
	refund, err := post(event.Income, "shopping")
	require.NoError(t, err)
	require.True(t, refund.Refund)
	require.True(t, lastEvent[event.TransactionCreated](t, books).Refund)
	income, err := post(event.Income, "salary")
	require.NoError(t, err)
	require.False(t, income.Refund)
	_, err = post(event.Expense, "salary")
	var invalid apperror.Invalid
	require.ErrorAs(t, err, &invalid)
	require.Equal(t, "category", invalid.Field)

	shopping, expense := "shopping", event.Expense
	changed, err := books.Update(t.Context(), ada, income.ID, "", ledger.Edit{Category: &shopping})
	require.NoError(t, err)
	require.True(t, changed.Refund)
	require.Equal(t, event.Change{Before: "", After: "true"}, lastEvent[event.TransactionUpdated](t, books).Changes["refund"])
	changed, err = books.Update(t.Context(), ada, income.ID, "", ledger.Edit{Type: &expense})
	require.NoError(t, err)
	require.False(t, changed.Refund)
	_, err = books.Update(t.Context(), ada, refund.ID, "", ledger.Edit{Type: &expense, Category: ptr("salary")})
	require.ErrorAs(t, err, &invalid)
}

func ptr[T any](value T) *T { return &value }
