package matching

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
)

// BenchmarkTransfers compares as many movements as are read at most, in two currencies,
// most of them expenses, with few different amounts.
func BenchmarkTransfers(b *testing.B) {
	wallets := []uuid.UUID{uuid.New(), uuid.New()}
	convert := func(amount decimal.Decimal, _, _ string, _ time.Time) (decimal.Decimal, bool) {
		return amount.Mul(decimal.RequireFromString("0.9")), true
	}
	for _, many := range []int{1_250, 5_000} {
		var out, in []Side
		for i := range many {
			one := Side{
				Movement: Movement{Day: time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i/110), Amount: decimal.New(int64(125+100*(i%97)), -2), Description: fmt.Sprintf("Shop %d", i%300)},
				Wallet:   wallets[0], Name: "Main", Currency: "EUR",
			}
			if i%10 == 0 {
				one.Wallet, one.Name, one.Currency = wallets[1], "Dollars", "USD"
			}
			if i%25 == 3 || i%25 == 4 {
				in = append(in, one)
				continue
			}
			one.Amount = one.Amount.Neg()
			out = append(out, one)
		}
		b.Run(fmt.Sprint(many), func(b *testing.B) {
			for b.Loop() {
				Transfers(out, in, convert)
			}
		})
	}
}
