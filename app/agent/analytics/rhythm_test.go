package analytics

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/history"
)

func TestRhythm(t *testing.T) {
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	require.InDelta(t, 7, rhythmOf().days(monday, monday.AddDate(0, 0, 7)), 1e-9, "even without purchases")
	var bought []history.Transaction
	for day := range 70 {
		amount := int64(10)
		if day%7 > 4 {
			amount = 40
		}
		bought = append(bought, history.Transaction{Amount: decimal.NewFromInt(amount), At: monday.AddDate(0, 0, day)})
	}
	r := rhythmOf(bought)
	require.InDelta(t, 7, r.days(monday, monday.AddDate(0, 0, 7)), 1e-9, "a week is a week")
	require.InDelta(t, 2.94, r.weekend/r.weekday, 0.01, "four times, drawn towards once by 20 against 70")
	require.Zero(t, r.days(monday, monday))
}
