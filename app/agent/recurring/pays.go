package recurring

import (
	"math"
	"slices"
	"time"

	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/core/history"
)

const (
	// sameCharge is how far a charge may be from a steady amount and still be that of
	// the series, as after a new price; sameAmount where the merchant sells other
	// things too, so that only the amount tells the charge from a purchase.
	sameCharge, sameAmount = 0.25, 0.03
	// daysOff bounds how many days before or after its day a charge may be booked.
	daysOff = 10
)

// Unpaid are the days from the first one given up to, not including, the second on
// which charges are still to come, when booked are transactions of a sorted history
// that are dated after the present. A booked one pays the nearest day, once, if it is
// of the series' merchant, type and currency, near to that day, and of its amount:
// what else is bought there is no charge of the series. Days are dropped from left.
// It returns the transactions that pay none, for the next series.
func (s Series) Unpaid(from, to time.Time, booked []history.Transaction) (days []time.Time, left []history.Transaction) {
	days = s.Dates(from, to)
	for _, t := range booked {
		nearest := -1
		for i, day := range days {
			if s.pays(t, day) && (nearest < 0 || off(t, day) < off(t, days[nearest])) {
				nearest = i
			}
		}
		if nearest < 0 {
			left = append(left, t)
			continue
		}
		days = slices.Delete(days, nearest, nearest+1)
	}
	return days, left
}

func off(t history.Transaction, day time.Time) float64 { return math.Abs(daysBetween(t.At, day)) }

// pays tells whether a transaction may be the charge that is expected on a day.
func (s Series) pays(t history.Transaction, day time.Time) bool {
	return SameGroup(t, s.Last()) && s.due(t, day)
}

// due tells whether a transaction, with whomever it is, has the day and the amount of
// the charge that is expected on a day.
func (s Series) due(t history.Transaction, day time.Time) bool {
	if off(t, day) > max(float64(s.Cadence.slack), min(s.Cadence.length()/4, daysOff)) {
		return false
	}
	amount := stats.Float(t.Amount)
	switch {
	case s.Variable:
		low, high := amount, amount
		for i, p := range s.points {
			if i == 0 {
				low, high = p.amount, p.amount
			}
			low, high = min(low, p.amount), max(high, p.amount)
		}
		return amount >= low*(1-sameCharge) && amount <= high*(1+sameCharge)
	case s.among:
		return near(amount, stats.Float(s.Amount), sameAmount)
	}
	return near(amount, stats.Float(s.Amount), sameCharge)
}
