//go:build integration

package db_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

// Every column of an amount holds as many digits as package money allows, no less
// and no more; rates are no amounts, and sums of many amounts have no limit.
func TestColumnsOfAmountsAgreeWithPackageMoney(t *testing.T) {
	for _, service := range []string{event.Backend, event.Analytics} {
		rows, err := pgtest.Pool(t, service).Query(t.Context(), `SELECT table_name || '.' || column_name, numeric_precision, numeric_scale
			FROM information_schema.columns c JOIN information_schema.tables USING (table_schema, table_name)
			WHERE data_type = 'numeric' AND table_type = 'BASE TABLE' AND table_schema = current_schema() AND table_name NOT IN ('rates', 'daily_sums', 'wallet_balances')`)
		require.NoError(t, err)
		type column struct {
			Name             string
			Precision, Scale *int
		}
		columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(columns), 5, service)
		for _, c := range columns {
			require.NotNil(t, c.Precision, "%s is unlimited", c.Name)
			require.Equal(t, money.MaxDecimals, *c.Scale, "%s of %s", c.Name, service)
			require.Equal(t, money.MaxDigits, *c.Precision-*c.Scale, "%s of %s", c.Name, service)
		}
	}
}
