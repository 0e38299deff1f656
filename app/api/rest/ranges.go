package rest

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wealth-companion/companion/app/core/money"
)

// A range whose ends are turned round finds nothing, which looks like an answer: it
// is refused. Ends that cannot be read are left to who reads them.

// furthest is how far two time zones lie apart at most, in whole hours.
const furthest = 26 * time.Hour

// Resolve refuses a time that ends before it begins.
func (s *Span) Resolve(huma.Context) []error {
	return turned("from", "to", s.From, s.To, after)
}

// Resolve refuses ranges that are turned round.
func (s *SearchTransactions) Resolve(huma.Context) []error {
	return append(turned("from", "until", s.From, s.Until, after), turned("min", "max", s.Min, s.Max, more)...)
}

func turned(low, high, from, to string, beyond func(string, string) bool) []error {
	if from == "" || to == "" || !beyond(from, to) {
		return nil
	}
	return []error{&huma.ErrorDetail{Location: "query." + low, Message: "must not lie beyond " + high + ": exchange the two"}}
}

// after tells whether from, a day or a time, certainly comes after to.
func after(from, to string) bool {
	begin, beginsDay, err := dayOrTime(from)
	if err != nil {
		return false
	}
	end, endsDay, err := dayOrTime(to)
	if err != nil {
		return false
	}
	if beginsDay != endsDay { // the day's hours depend on the caller's time zone
		end = end.Add(furthest)
	}
	return begin.After(end)
}

func dayOrTime(text string) (at time.Time, day bool, err error) {
	if at, err = time.Parse(time.DateOnly, text); err == nil {
		return at, true, nil
	}
	at, err = time.Parse(time.RFC3339, text)
	return at, false, err
}

func more(least, most string) bool {
	low, err := money.Parse(least)
	if err != nil {
		return false
	}
	high, err := money.Parse(most)
	return err == nil && low.GreaterThan(high)
}
