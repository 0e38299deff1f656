package recurring

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/wealth-companion/companion/app/core/history"
)

// leastShared is how many letters a word needs by which two names may be one's.
const leastShared = 4

// joinRenamed puts transactions with a merchant that was renamed to those under its
// earlier name: "netflix" and "netflix international". Names alone do not tell, so the
// earlier group must be nothing but a series, the first transaction of the later one
// must be its next charge, by day and amount, and no other may be before it. What
// remains is groups by their earliest name.
func joinRenamed(groups map[group][]history.Transaction, now time.Time) {
	order := make([]group, 0, len(groups))
	for g := range groups {
		order = append(order, g)
	}
	slices.SortFunc(order, func(a, b group) int {
		return cmp.Or(groups[a][0].At.Compare(groups[b][0].At), cmp.Compare(a.key(), b.key()))
	})
	byWord := map[string][]group{} // earlier groups by a word of their latest name
	index := func(name string, g group) {
		for word := range strings.FieldsSeq(name) {
			if !slices.Contains(byWord[word], g) {
				byWord[word] = append(byWord[word], g)
			}
		}
	}
	for _, g := range order {
		if g.merchant == "" {
			continue
		}
		earlier, is := renamed(groups, byWord, g, now)
		if !is {
			index(g.merchant, g)
			continue
		}
		groups[earlier] = append(groups[earlier][:len(groups[earlier]):len(groups[earlier])], groups[g]...)
		delete(groups, g)
		index(g.merchant, earlier)
	}
}

// renamed finds the earlier group of which a group goes on; is tells whether one was found.
func renamed(groups map[group][]history.Transaction, byWord map[string][]group, g group, now time.Time) (found group, is bool) {
	first := groups[g][0]
	for word := range strings.FieldsSeq(g.merchant) {
		if len(word) < leastShared {
			continue
		}
		for _, earlier := range byWord[word] {
			all := groups[earlier]
			last := all[len(all)-1]
			if earlier.kind != g.kind || earlier.currency != g.currency || !last.At.Before(first.At) || first.At.Sub(last.At) > oneYear {
				continue
			}
			if goesOn(all, first, now) {
				return earlier, true
			}
		}
	}
	return found, false
}

// oneYear and a month is the longest that a series keeps still.
const oneYear = 396 * 24 * time.Hour

// goesOn tells whether a transaction is the next charge of what all transactions of
// an earlier group make one series of.
func goesOn(all []history.Transaction, t history.Transaction, now time.Time) bool {
	series := InGroup(all, all[len(all)-1].At)
	if len(series) != 1 || series[0].among || series[0].Odd != nil || t.At.After(now) {
		return false
	}
	s := series[0]
	for _, day := range s.Dates(history.Day(s.Last().At.AddDate(0, 0, 1)), t.At.AddDate(0, 0, daysOff+1)) {
		if s.due(t, day) {
			return true
		}
	}
	return false
}
