package household

import (
	"testing"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/history"
)

func TestTheSameSeedGivesTheSameHousehold(t *testing.T) {
	require.Equal(t, Generate(7, Options{}), Generate(7, Options{}))
	require.NotEqual(t, Generate(7, Options{}).Transactions, Generate(8, Options{}).Transactions)
}

func TestAHouseholdIsPlausible(t *testing.T) {
	kinds := map[string]int{}
	for seed := range uint64(20) {
		h := Generate(seed, Options{})
		require.Greater(t, len(h.Transactions), 800)
		ids := map[uuid.UUID]bool{}
		for i, one := range h.Transactions {
			require.True(t, one.Amount.IsPositive())
			require.LessOrEqual(t, one.Amount.Exponent(), int32(0))
			require.GreaterOrEqual(t, one.Amount.Exponent(), int32(-2), "cents")
			require.False(t, one.At.Before(h.Start))
			require.True(t, one.At.Before(h.End.AddDate(0, 0, 3)), one.At)
			require.False(t, ids[one.ID])
			ids[one.ID] = true
			if i > 0 {
				require.False(t, one.At.Before(h.Transactions[i-1].At), "sorted")
			}
		}
		for _, item := range h.Truth {
			kinds[item.Kind]++
			if item.Transaction != uuid.Nil {
				require.True(t, ids[item.Transaction], "%s tells of a transaction", item.Kind)
			}
		}
		sum := decimal.Zero
		for _, w := range h.Wallets {
			sum = sum.Add(w.Balance)
		}
		require.True(t, sum.IsPositive(), "seed %d: nobody lives on debt", seed)
	}
	for _, kind := range []string{Recurring, PriceRise, Duplicate, Anomaly, Overspend, Growth, Weekend, RateChange} {
		require.Positive(t, kinds[kind], kind)
	}
	t.Log(kinds)
}

func TestGoalsAt(t *testing.T) {
	h := Generate(1, Options{})
	require.Empty(t, h.GoalsAt(h.Start.AddDate(0, 0, -1)))
	for i, g := range h.GoalsAt(h.End) {
		require.Equal(t, h.Goals[i].Saved.String(), g.Saved.String())
	}
}

func TestShorterSpans(t *testing.T) {
	for months := 14; months < 40; months += 5 {
		h := Generate(3, Options{Months: months, Currency: "USD"})
		require.Equal(t, h.Start.AddDate(0, months, 0), h.End)
		require.Equal(t, "USD", h.Transactions[0].Currency)
		history.Sort(h.Transactions)
	}
}

func BenchmarkGenerate(b *testing.B) {
	for seed := uint64(0); b.Loop(); seed++ {
		Generate(seed, Options{})
	}
}
