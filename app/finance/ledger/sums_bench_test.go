//go:build integration && bench

package ledger_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/finance/imports"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

// TestBenchKeptSums measures what keeping sums costs: an import of 5,000 rows and
// single transactions, with the triggers and without them in turn.
func TestBenchKeptSums(t *testing.T) {
	const rows, singles, turns = 5000, 300, 5
	books := &ledger.Ledger{Pool: pgtest.AsService(t, event.Backend), Service: event.Backend}
	statements := &imports.Imports{Pool: books.Pool, Ledger: books}
	admin := books.Pool.Config().ConnConfig.Copy()
	admin.User = "admin"
	connection, err := pgx.ConnectConfig(t.Context(), admin)
	require.NoError(t, err)
	defer func() { _ = connection.Close(t.Context()) }()
	took := map[string][]time.Duration{}
	for turn := range 2 * turns {
		state := []string{"ENABLE", "DISABLE"}[turn%2]
		_, err := connection.Exec(t.Context(), "ALTER TABLE "+event.Backend+".transactions "+state+" TRIGGER USER")
		require.NoError(t, err)
		user := join(t, books)
		w, err := books.CreateWallet(t.Context(), user, ledger.NewWallet{Name: "Main", Type: "checking", Currency: "EUR"})
		require.NoError(t, err)
		var file strings.Builder
		file.WriteString("Date,Payee,Amount\n")
		for i := range rows {
			fmt.Fprintf(&file, "%s,Shop %d,-%d.%02d\n", time.Date(2021, 1, 1+i/3, 0, 0, 0, 0, time.UTC).Format(time.DateOnly), i, 1+i%90, i%100)
		}
		measure := func(what string, do func()) {
			began := time.Now()
			do()
			took[what+" "+state] = append(took[what+" "+state], time.Since(began))
		}
		measure("import", func() {
			done, err := statements.Import(t.Context(), user, imports.New{File: imports.File{WalletID: w.ID, File: []byte(file.String())}})
			require.NoError(t, err)
			require.Equal(t, rows, done.Imported)
		})
		measure("post", func() {
			for range singles {
				_, err := books.Post(t.Context(), user, ledger.NewTransaction{WalletID: w.ID, Amount: "7.25", Type: event.Expense, Category: "groceries"})
				require.NoError(t, err)
			}
		})
	}
	for _, what := range []string{"import", "post"} {
		for _, state := range []string{"ENABLE", "DISABLE"} {
			all := took[what+" "+state]
			slices.Sort(all)
			t.Logf("%s, triggers %sD: least %s, middle %s", what, state, all[0], all[len(all)/2])
		}
	}
}
