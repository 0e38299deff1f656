package analytics

import (
	"math"
	"time"

	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/core/history"
)

// rhythmSamples is how many purchases it takes to believe half of what they say
// of weekends.
const rhythmSamples = 20

// rhythm is how spending is spread over a week: what a day of the weekend counts
// and what a weekday does, seven days together 7. Who spends on weekends has not
// fallen behind on a Friday, nor is on a spree on a Sunday.
type rhythm struct{ weekend, weekday float64 }

// rhythmOf takes it from purchases, drawn towards the even one where they are few.
func rhythmOf(purchases ...[]history.Transaction) rhythm {
	weekend, weekday, n := 0.0, 0.0, 0.0
	for _, some := range purchases {
		for _, t := range some {
			n++
			if isWeekend(t.At) {
				weekend += stats.Float(t.Amount)
			} else {
				weekday += stats.Float(t.Amount)
			}
		}
	}
	if weekend <= 0 || weekday <= 0 {
		return rhythm{1, 1}
	}
	times := math.Exp(math.Log((weekend/2)/(weekday/5)) * n / (n + rhythmSamples))
	times = min(max(times, 0.2), 5)
	even := 7 / (5 + 2*times)
	return rhythm{weekend: even * times, weekday: even}
}

func isWeekend(at time.Time) bool {
	day := at.Weekday()
	return day == time.Saturday || day == time.Sunday
}

// days are those from a midnight to another, each as much as it counts.
func (r rhythm) days(from, to time.Time) float64 {
	sum := 0.0
	for day := from; day.Before(to); day = day.AddDate(0, 0, 1) {
		if isWeekend(day) {
			sum += r.weekend
		} else {
			sum += r.weekday
		}
	}
	return sum
}
