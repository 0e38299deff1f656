//go:build integration

package provision_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/ops/provision"
	"github.com/wealth-companion/companion/app/store/db"
)

// Sums that somebody changed by hand are found, person by person, and repaired only
// when that is asked for.
func TestSumsAreCheckedAndRepaired(t *testing.T) {
	pool := pgtest.AsService(t, event.Backend)
	address := strings.Replace(pool.Config().ConnString(), event.Backend+"@", provision.Migrator+"@", 1)
	var users []uuid.UUID
	for range 3 {
		user, wallet := uuid.New(), uuid.New()
		users = append(users, user)
		require.NoError(t, db.AsUser(t.Context(), pool, user, func(tx pgx.Tx) error {
			for _, statement := range []string{
				"INSERT INTO users (id, email, password_hash) VALUES ($1::uuid, $1::uuid::text || $2::uuid::text, '')",
				"INSERT INTO wallets (id, user_id, name, type, currency, created_at, updated_at) VALUES ($2, $1, 'Main', 'cash', 'EUR', now(), now())",
				`INSERT INTO transactions (id, user_id, wallet_id, amount, currency, type, category, description, tags, occurred_at, date, created_at, updated_at)
					VALUES (gen_random_uuid(), $1, $2, 7, 'EUR', 'expense', 'other', '', '{}', now(), '2026-11-01', now(), now())`,
			} {
				if _, err := tx.Exec(t.Context(), statement, user, wallet); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	check := func(repair bool) (found []provision.Difference) {
		people, err := provision.CheckSums(t.Context(), address, repair, func(d provision.Difference) { found = append(found, d) })
		require.NoError(t, err)
		require.Equal(t, len(users), people)
		return found
	}
	require.Empty(t, check(false))
	require.NoError(t, db.AsUser(t.Context(), pool, users[1], func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "UPDATE daily_sums SET amount = 8")
		return err
	}))
	want := []provision.Difference{{User: users[1], What: "day 2026-11-01 EUR expense other", Kept: "8 of 1", Computed: "7.0000 of 1"}}
	require.Equal(t, want, check(false))
	require.Equal(t, want, check(true))
	require.Empty(t, check(false))
}
