package summary_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/investment"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/finance/goal"
)

// What must be put aside a month to be in time is the same in the API and in what the
// agent says, wherever the person lives and up to the deadline's last minute.
func TestTheAPIAndTheAgentsNeedTheSameForAGoal(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 11))
	zones := []string{"America/Los_Angeles", "America/Santiago", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Europe/Berlin", "Asia/Kolkata"}
	compared := 0
	for range 2000 {
		zone := calendar.ZoneOrUTC(zones[random.IntN(len(zones))])
		created := time.Date(2025, 1, 1, random.IntN(24), random.IntN(60), 0, 0, time.UTC).AddDate(0, 0, random.IntN(365))
		deadline := calendar.Day(created, zone).AddDate(0, 0, 80+random.IntN(500))
		span := calendar.Start(deadline.AddDate(0, 0, 1), zone).Sub(created)
		now := created.Add(time.Duration(random.Int64N(int64(span)))).Truncate(time.Second)
		target, saved := decimal.New(1000_00+random.Int64N(9_000_00), -2), decimal.New(random.Int64N(1500_00), -2)
		pace, ok := investment.GoalPace(history.Goal{
			Currency: "EUR", Target: target, Saved: saved, CreatedAt: calendar.Clock(created, zone), Deadline: deadline,
		}, calendar.Clock(now, zone))
		if !ok {
			continue // too young to tell
		}
		compared++
		progress := goal.Assess(goal.Goal{
			Target: money.Of(target), Saved: money.Of(saved), CreatedAt: created, Deadline: calendar.DayName(deadline),
		}, decimal.Zero, now, zone)
		require.Equal(t, progress.Needed.StringFixed(2), pace.Needed.StringFixed(2), "%s of %s by %s, at %s in %s", saved, target, calendar.DayName(deadline), now, zone)
	}
	require.Greater(t, compared, 500)
}
