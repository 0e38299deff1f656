package quality

import (
	"fmt"
	"testing"
	"time"

	"github.com/wealth-companion/companion/app/agent/analytics"
	"github.com/wealth-companion/companion/app/agent/banking"
	"github.com/wealth-companion/companion/app/agent/household"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/merchant"
)

// BenchmarkEvent is what the detectors cost for one more transaction, with 26
// months of history and with ten times as many. Each looks back over a window, so
// the second must cost about what the first does.
func BenchmarkEvent(b *testing.B) {
	benchmark(b, func(h []history.Transaction, now time.Time) {
		t := h[len(h)-1]
		analytics.Anomaly(t, h)
		banking.Duplicate(t, h)
	})
}

// BenchmarkNight is what one person's night costs: all series, and what is told of
// them, forecasts and pace.
func BenchmarkNight(b *testing.B) {
	benchmark(b, func(h []history.Transaction, now time.Time) {
		series := recurring.Find(h, now)
		banking.Recurring(series)
		banking.PriceRises(series, now)
		banking.UpcomingBills(series, now)
		analytics.CategoryPace(h, series, now)
		analytics.WeekendPattern(h, series, now)
		analytics.CategoryGrowth(h, series, now)
	})
}

func benchmark(b *testing.B, work func([]history.Transaction, time.Time)) {
	for _, times := range []int{1, 10} {
		h := household.Generate(5, household.Options{Months: 26 * times, Start: time.Date(2003, 1, 1, 0, 0, 0, 0, time.UTC)}).Transactions
		for i := range h {
			h[i].Merchant = merchant.Of(h[i])
		}
		now := h[len(h)-1].At
		b.Run(fmt.Sprintf("%dx", times), func(b *testing.B) {
			for b.Loop() {
				work(h, now)
			}
			b.ReportMetric(float64(len(h)), "transactions")
		})
	}
}
