// Package currency turns amounts of one currency into another's, at rates that
// users enter or import. A rate that is missing is reported, never guessed.
package currency

import (
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/money"
)

// Round rounds an amount to its currency's minor unit: see money.Round.
func Round(amount decimal.Decimal, code string) decimal.Decimal { return money.Round(amount, code) }

// precision is how many places a division keeps: more than any rate has.
const precision = 20

// Pair says which rate: what one unit of Base is worth in Quote.
type Pair struct{ Base, Quote string }

// Step is a rate that a conversion went by.
type Step struct {
	Base     string `json:"base"`
	Quote    string `json:"quote"`
	Date     string `json:"date" doc:"YYYY-MM-DD: from when on the rate holds"`
	Rate     string `json:"rate" doc:"What one unit of base is worth in quote"`
	Inverted bool   `json:"inverted" doc:"The amount was of the currency quote, and was divided by the rate"`
}

// MissingRateError says that there is no way from one currency to another on a day.
type MissingRateError struct {
	From, To string
	On       time.Time
}

func (e *MissingRateError) Error() string {
	return fmt.Sprintf("there is no rate from %s to %s on or before %s: PUT /api/v1/rates takes one", e.From, e.To, e.On.Format(time.DateOnly))
}

// dated is a rate from a day on.
type dated struct {
	day  time.Time
	rate decimal.Decimal
}

// Table is a user's rates, or those of them that a conversion needs. The zero
// value has none.
type Table struct {
	rates map[Pair][]dated // by day
}

// Add puts a rate into the table. Days may come in any order.
func (t *Table) Add(pair Pair, day time.Time, rate decimal.Decimal) {
	if t.rates == nil {
		t.rates = map[Pair][]dated{}
	}
	all := t.rates[pair]
	at := sort.Search(len(all), func(i int) bool { return all[i].day.After(day) })
	t.rates[pair] = slices.Insert(all, at, dated{day, rate})
}

// last is the latest rate of a pair on or before a day.
func (t *Table) last(pair Pair, on time.Time) (dated, bool) {
	all := t.rates[pair]
	at := sort.Search(len(all), func(i int) bool { return all[i].day.After(on) })
	if at == 0 {
		return dated{}, false
	}
	return all[at-1], true
}

// leg is a rate and the direction in which it is taken.
type leg struct {
	pair     Pair
	inverted bool
	dated
}

// direct finds the rate between two currencies, whichever way round it was
// entered: the later of the two, and of the same day the one that needs no
// division.
func (t *Table) direct(from, to string, on time.Time) (leg, bool) {
	straight, ok := t.last(Pair{from, to}, on)
	inverse, also := t.last(Pair{to, from}, on)
	switch {
	case also && (!ok || inverse.day.After(straight.day)):
		return leg{Pair{to, from}, true, inverse}, true
	case ok:
		return leg{Pair{from, to}, false, straight}, true
	default:
		return leg{}, false
	}
}

// way finds the rates from one currency to another: one, or two through a
// common currency, of which that one is taken whose older rate is the newest.
func (t *Table) way(from, to string, on time.Time) []leg {
	if one, ok := t.direct(from, to, on); ok {
		return []leg{one}
	}
	var best []leg
	older := func(way []leg) time.Time {
		if way[1].day.Before(way[0].day) {
			return way[1].day
		}
		return way[0].day
	}
	for _, middle := range t.codes() {
		first, ok := t.direct(from, middle, on)
		if !ok {
			continue
		}
		second, ok := t.direct(middle, to, on)
		if !ok {
			continue
		}
		way := []leg{first, second}
		if best == nil || older(way).After(older(best)) {
			best = way
		}
	}
	return best
}

// codes are the currencies of the table, in the order of the alphabet.
func (t *Table) codes() []string {
	var all []string
	for pair := range t.rates {
		all = append(all, pair.Base, pair.Quote)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Convert turns an amount into another currency at the latest rates on or
// before a day, and says which. It does not round: see Round. The error is a
// *MissingRateError.
func (t *Table) Convert(amount decimal.Decimal, from, to string, on time.Time) (decimal.Decimal, []Step, error) {
	if from == to {
		return amount, []Step{}, nil
	}
	on = Day(on)
	way := t.way(from, to, on)
	if way == nil {
		return decimal.Zero, nil, &MissingRateError{from, to, on}
	}
	steps := make([]Step, 0, len(way))
	for _, l := range way {
		if l.inverted {
			amount = amount.DivRound(l.rate, precision)
		} else {
			amount = amount.Mul(l.rate)
		}
		steps = append(steps, Step{l.pair.Base, l.pair.Quote, l.day.Format(time.DateOnly), l.rate.String(), l.inverted})
	}
	return amount, steps, nil
}

// Into returns a function that converts into one currency at one day's rates;
// ok is false where there is no rate.
func (t *Table) Into(to string, on time.Time) func(amount decimal.Decimal, from string) (converted decimal.Decimal, ok bool) {
	return func(amount decimal.Decimal, from string) (decimal.Decimal, bool) {
		converted, _, err := t.Convert(amount, from, to, on)
		return converted, err == nil
	}
}

// Day is the day, UTC, of a time.
func Day(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// Currency is one that amounts can be kept in.
type Currency struct {
	Code   string `json:"code" doc:"ISO 4217" example:"EUR"`
	Name   string `json:"name" example:"Euro"`
	Digits int32  `json:"digits" doc:"Decimals of its minor unit: amounts have no more"`
}

// All lists the currencies that amounts can be kept in, by code.
func All() []Currency {
	var all []Currency
	for _, c := range money.Currencies() {
		all = append(all, Currency{c.Code, c.Name, c.Digits})
	}
	return all
}
