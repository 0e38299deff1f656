package history

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

func day(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }

func TestBetween(t *testing.T) {
	all := []Transaction{{At: day(5)}, {At: day(1)}, {At: day(3)}}
	Sort(all)
	for name, c := range map[string]struct{ from, to, want int }{
		"all of it":                   {1, 6, 3},
		"the end is not part of it":   {1, 5, 2},
		"the beginning is part of it": {3, 4, 1},
		"nothing there":               {6, 9, 0},
		"from after to":               {5, 1, 0},
	} {
		t.Run(name, func(t *testing.T) { require.Len(t, Between(all, day(c.from), day(c.to)), c.want) })
	}
}

func TestSortDoesNotDependOnTheOrderGiven(t *testing.T) {
	a, b := Transaction{ID: uuid.UUID{1}, At: day(1)}, Transaction{ID: uuid.UUID{2}, At: day(1)}
	one, two := []Transaction{a, b}, []Transaction{b, a}
	Sort(one)
	Sort(two)
	require.Equal(t, one, two)
}

func TestFlow(t *testing.T) {
	here, there := uuid.UUID{1}, uuid.UUID{2}
	ten, twelve := decimal.NewFromInt(10), decimal.NewFromInt(12)
	for name, c := range map[string]struct {
		t           Transaction
		here, there string
	}{
		"income":                    {Transaction{Type: event.Income, WalletID: here, Amount: ten}, "10", "0"},
		"expense":                   {Transaction{Type: event.Expense, WalletID: here, Amount: ten}, "-10", "0"},
		"transfer":                  {Transaction{Type: event.Transfer, WalletID: here, ToWalletID: &there, Amount: ten}, "-10", "10"},
		"between currencies":        {Transaction{Type: event.Transfer, WalletID: here, ToWalletID: &there, Amount: ten, ToAmount: twelve}, "-10", "12"},
		"to a place that is no one": {Transaction{Type: event.Transfer, WalletID: here, Amount: ten}, "-10", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.here, c.t.Flow(here).String())
			require.Equal(t, c.there, c.t.Flow(there).String())
		})
	}
}
