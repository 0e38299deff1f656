//go:build integration

package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/finance/imports"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/store/db"
)

// differences are what a user's kept sums and those from scratch differ in.
func differences(t *testing.T, books *ledger.Ledger, user uuid.UUID) []string {
	t.Helper()
	var found []string
	require.NoError(t, db.AsUser(t.Context(), books.Pool, user, func(tx pgx.Tx) error {
		rows, err := tx.Query(t.Context(), "SELECT concat_ws(': ', what, kept, computed) FROM sums_that_differ()")
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	}))
	return found
}

// recompute has the database compute a user's sums from scratch.
func recompute(t *testing.T, books *ledger.Ledger, user uuid.UUID) {
	t.Helper()
	require.NoError(t, db.AsUser(t.Context(), books.Pool, user, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "SELECT make_sums_anew()")
		return err
	}))
}

// rows counts a user's rows of a table.
func rows(t *testing.T, books *ledger.Ledger, user uuid.UUID, table string) (count int) {
	t.Helper()
	require.NoError(t, db.AsUser(t.Context(), books.Pool, user, func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&count)
	}))
	return count
}

// Whatever happens to transactions, what is kept is what they sum up to.
func TestSumsAreKept(t *testing.T) {
	const steps = 400
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, seed))
			books := &ledger.Ledger{Pool: pgtest.AsService(t, event.Backend), Service: event.Backend}
			statements := &imports.Imports{Pool: books.Pool, Ledger: books}
			user, another := join(t, books), join(t, books)
			live(t, books, user, "America/Los_Angeles")
			var wallets []ledger.Wallet
			for i, code := range []string{"EUR", "EUR", "USD"} {
				w, err := books.CreateWallet(t.Context(), user, ledger.NewWallet{Name: fmt.Sprint("wallet ", i), Type: "checking", Currency: code, OpeningBalance: "-12.5"})
				require.NoError(t, err)
				wallets = append(wallets, w)
			}
			theirs, err := books.CreateWallet(t.Context(), another, ledger.NewWallet{Name: "theirs", Type: "cash", Currency: "EUR"})
			require.NoError(t, err)
			categories, err := books.Categories(t.Context(), user, false)
			require.NoError(t, err)
			var all, imported []uuid.UUID
			amount := func() string { return fmt.Sprintf("%d.%02d", random.IntN(1000)+1, random.IntN(100)) }
			moment := func() *time.Time {
				at := time.Date(2026, time.Month(random.IntN(12)+1), random.IntN(31)+1, random.IntN(24), 0, 0, 0, time.UTC)
				if at.After(time.Now()) {
					at = at.AddDate(-1, 0, 0)
				}
				return &at
			}
			one := func() uuid.UUID { return all[random.IntN(len(all))] }
			entry := func() ledger.NewTransaction {
				n := ledger.NewTransaction{WalletID: wallets[random.IntN(3)].ID, Amount: amount(), Timestamp: moment()}
				switch random.IntN(5) {
				case 0:
					n.Type = event.Transfer
					if to := wallets[random.IntN(3)].ID; to != n.WalletID {
						n.ToWalletID = &to
						n.ToAmount = n.Amount
					}
				case 1:
					n.Type, n.Category = event.Income, "salary"
				case 2:
					n.Type, n.Category = event.Income, "shopping" // a refund
				default:
					n.Type, n.Category = event.Expense, []string{"groceries", "shopping"}[random.IntN(2)]
				}
				return n
			}
			done := map[string]int{}
			for step := range steps {
				var err error
				var what string
				switch choice := random.IntN(20); {
				case choice < 8 || len(all) == 0:
					what = "post"
					var posted ledger.Transaction
					if posted, err = books.Post(t.Context(), user, entry()); err == nil {
						all = append(all, posted.ID)
					}
				case choice < 12:
					what = "edit"
					n := entry()
					edit := ledger.Edit{WalletID: &n.WalletID, Amount: &n.Amount, Timestamp: n.Timestamp}
					if random.IntN(2) == 0 {
						edit.Type = &n.Type
						if n.Type != event.Transfer {
							edit.Category = &n.Category
						} else if n.ToWalletID != nil {
							edit.ToWalletID, edit.ToAmount = n.ToWalletID, &n.ToAmount
						}
					}
					_, err = books.Update(t.Context(), user, one(), "", edit)
				case choice < 14:
					what = "delete"
					_, err = books.Delete(t.Context(), user, one(), "")
				case choice < 16:
					what = "restore"
					_, err = books.Restore(t.Context(), user, one(), "")
				case choice == 16:
					what = "import"
					var lines strings.Builder
					lines.WriteString("Date,Payee,Amount\n")
					for range random.IntN(30) + 1 {
						fmt.Fprintf(&lines, "%s,Shop %d,%s%s\n", moment().Format(time.DateOnly), random.IntN(9), []string{"-", ""}[random.IntN(2)], amount())
					}
					var file imports.Import
					if file, err = statements.Import(t.Context(), user, imports.New{File: imports.File{WalletID: wallets[random.IntN(3)].ID, File: []byte(lines.String())}}); err == nil {
						imported = append(imported, file.ID)
					}
				case choice == 17 && len(imported) > 0:
					what = "undo an import"
					err = statements.Undo(t.Context(), user, imported[random.IntN(len(imported))])
				case choice == 18:
					what = "archive or restore a wallet"
					w := wallets[random.IntN(3)].ID
					if _, err = books.ArchiveWallet(t.Context(), user, w, ""); err == nil {
						_, err = books.RestoreWallet(t.Context(), user, w, "")
					}
				default:
					what = "rename a category"
					_, err = books.RenameCategory(t.Context(), user, categories[random.IntN(len(categories))].ID, "", ledger.CategoryEdit{Name: fmt.Sprint("name ", step)})
				}
				if err == nil {
					done[what]++
				} // what is refused changes nothing either
				if step%20 == 0 || step == steps-1 {
					require.Empty(t, differences(t, books, user), "after step %d, %s (%v)", step, what, err)
				}
			}
			for _, what := range []string{"post", "edit", "delete", "restore", "import", "undo an import", "archive or restore a wallet", "rename a category"} {
				require.NotZero(t, done[what], what)
			}

			// Side by side: changes wait for one another, and none is lost.
			var group errgroup.Group
			for worker := range 8 {
				mine := rand.New(rand.NewPCG(seed, uint64(worker)))
				entries := make([]ledger.NewTransaction, 20)
				for i := range entries {
					entries[i] = entry()
				}
				group.Go(func() error {
					for _, n := range entries {
						posted, err := books.Post(t.Context(), user, n)
						if err != nil && n.ToAmount == "" {
							return err
						}
						if err == nil && posted.Type == event.Expense { // its balance stays, its sums change
							category := []string{"leisure", "health", "housing"}[mine.IntN(3)]
							if _, err := books.Update(t.Context(), user, posted.ID, "", ledger.Edit{Category: &category}); err != nil {
								return err
							}
						}
						if err == nil && mine.IntN(2) == 0 {
							if _, err := books.Delete(t.Context(), user, posted.ID, ""); err != nil {
								return err
							}
						}
					}
					return nil
				})
			}
			for range 5 { // and for sums that are computed meanwhile
				recompute(t, books, user)
			}
			require.NoError(t, group.Wait())
			require.Empty(t, differences(t, books, user))

			// Balances are their sums.
			now, err := books.Wallets(t.Context(), user, true)
			require.NoError(t, err)
			for _, w := range now {
				var fromScratch string
				require.NoError(t, db.AsUser(t.Context(), books.Pool, user, func(tx pgx.Tx) error {
					return tx.QueryRow(t.Context(), `SELECT (w.opening_balance + coalesce(sum(CASE WHEN t.to_wallet_id = w.id THEN coalesce(t.to_amount, t.amount)
						WHEN t.type = 'income' THEN t.amount ELSE -t.amount END), 0))::numeric(20, 2)::text
						FROM wallets w LEFT JOIN transactions t ON (t.wallet_id = w.id OR t.to_wallet_id = w.id) AND t.deleted_at IS NULL
						WHERE w.id = $1 GROUP BY w.id`, w.ID).Scan(&fromScratch)
				}))
				require.Equal(t, fromScratch, w.Balance.StringFixed(2), w.Name)
			}

			// What is wrong is seen, and mended.
			require.NoError(t, db.AsUser(t.Context(), books.Pool, user, func(tx pgx.Tx) error {
				if _, err := tx.Exec(t.Context(), "UPDATE daily_sums SET amount = amount + 1 WHERE date = (SELECT min(date) FROM daily_sums)"); err != nil {
					return err
				}
				_, err := tx.Exec(t.Context(), "DELETE FROM wallet_balances WHERE wallet_id = $1", wallets[0].ID)
				return err
			}))
			require.NotEmpty(t, differences(t, books, user))
			recompute(t, books, user)
			require.Empty(t, differences(t, books, user))

			// Another's sums are another's, and an account takes its own with it.
			_, err = books.Post(t.Context(), another, ledger.NewTransaction{WalletID: theirs.ID, Amount: "7", Type: event.Expense, Category: "groceries"})
			require.NoError(t, err)
			require.NotZero(t, rows(t, books, user, "daily_sums"))
			_, err = books.Pool.Exec(t.Context(), "DELETE FROM users WHERE id = $1", user)
			require.NoError(t, err)
			for _, table := range []string{"daily_sums", "wallet_balances", "transactions"} {
				require.Zero(t, rows(t, books, user, table), table)
			}
			require.Equal(t, 1, rows(t, books, another, "daily_sums"))
			require.Empty(t, differences(t, books, another))
		})
	}
}

// Rows that are removed, not only marked, leave their sums.
func TestSumsOfRemovedRows(t *testing.T) {
	books := &ledger.Ledger{Pool: pgtest.AsService(t, event.Backend), Service: event.Backend}
	user := join(t, books)
	w, err := books.CreateWallet(t.Context(), user, ledger.NewWallet{Name: "Main", Type: "cash", Currency: "EUR"})
	require.NoError(t, err)
	for range 3 {
		_, err := books.Post(t.Context(), user, ledger.NewTransaction{WalletID: w.ID, Amount: "7", Type: event.Expense, Category: "groceries"})
		require.NoError(t, err)
	}
	require.NoError(t, db.AsUser(t.Context(), books.Pool, user, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "DELETE FROM transactions WHERE id = (SELECT id FROM transactions LIMIT 1)")
		return err
	}))
	require.Empty(t, differences(t, books, user))
	found, err := books.Wallet(t.Context(), user, w.ID)
	require.NoError(t, err)
	require.Equal(t, "-14.00", found.Balance.String())
}

// Changes of one person's that touch the same sums in opposite orders, as two imports
// do whose files are sorted the other way round, wait for one another: neither fails.
func TestChangesInOppositeOrdersDoNotDeadlock(t *testing.T) {
	books := &ledger.Ledger{Pool: pgtest.AsService(t, event.Backend), Service: event.Backend}
	user := join(t, books)
	var wallets []uuid.UUID
	for _, name := range []string{"one", "other"} {
		w, err := books.CreateWallet(t.Context(), user, ledger.NewWallet{Name: name, Type: "cash", Currency: "EUR"})
		require.NoError(t, err)
		wallets = append(wallets, w.ID)
	}
	const rounds, days = 20, 10
	var group errgroup.Group
	for _, backwards := range []bool{false, true} {
		group.Go(func() error {
			for range rounds {
				err := db.AsUser(t.Context(), books.Pool, user, func(tx pgx.Tx) error {
					for i := range days {
						if backwards {
							i = days - 1 - i
						}
						day := time.Date(2026, 3, 1+i, 12, 0, 0, 0, time.UTC)
						_, err := tx.Exec(t.Context(), `INSERT INTO transactions (id, user_id, wallet_id, amount, currency, type, category, description, tags, occurred_at, date, created_at, updated_at)
							VALUES (gen_random_uuid(), $1, $2, 1, 'EUR', 'expense', 'other', '', '{}', $3::timestamptz, ($3::timestamptz)::date, now(), now())`, user, wallets[i%2], day)
						if err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, group.Wait())
	require.Empty(t, differences(t, books, user))
	require.Equal(t, 2*rounds*days, rows(t, books, user, "transactions"))
}
