package investment

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/finding/findingtest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
)

// TestTexts holds every text of this agent against testdata/texts.md.
func TestTexts(t *testing.T) {
	var cases []findingtest.Case
	cases = append(cases, rates(t)...)
	cases = append(cases, reserves(t)...)
	cases = append(cases, goals(t)...)
	findingtest.Check(t, event.Investment, "testdata/texts.md", cases)
}

func rates(t *testing.T) []findingtest.Case {
	var cases []findingtest.Case
	for _, c := range []struct {
		when     string
		expenses []int64
		currency string
		abroad   bool
	}{
		{"the savings rate fell", []int64{80, 78, 81, 80, 79, 82, 97, 99, 98, 96}, "EUR", false},
		{"the savings rate rose", []int64{80, 78, 81, 80, 79, 82, 60, 58, 61, 60}, "EUR", false},
		{"more is spent than comes in", []int64{80, 78, 81, 80, 79, 82, 135, 138, 132, 136}, "EUR", false},
		{"less than before is spent beyond what comes in", []int64{150, 148, 151, 152, 149, 150, 99, 100, 101, 100}, "EUR", false},
		{"the savings rate fell, in yen", []int64{80, 78, 81, 80, 79, 82, 97, 99, 98, 96}, "JPY", false},
		{"the savings rate fell, with money in two currencies", []int64{80, 78, 81, 80, 79, 82, 97, 99, 98, 96}, "EUR", true},
	} {
		h := months(hundreds(10), c.expenses)
		for i := range h {
			h[i].Currency = c.currency
		}
		if c.abroad {
			other := h[len(h)-1]
			other.ID, other.Currency = uuid.UUID{99}, "CHF"
			h = append(h, other)
		}
		found := SavingsRate(h, c.currency, begun.AddDate(0, 10, 3))
		require.Len(t, found, 1, c.when)
		cases = append(cases, findingtest.Case{When: c.when, Finding: found[0]})
	}
	return cases
}

func reserves(t *testing.T) []findingtest.Case {
	var cases []findingtest.Case
	now := begun.AddDate(0, 8, 5)
	for _, c := range []struct {
		when     string
		bank     string
		currency string
		abroad   bool
	}{
		{"a reserve of a cent less than three months", "2799.99", "EUR", false},
		{"a reserve of one month", "1200", "EUR", false},
		{"a reserve of a month and a half", "1600", "EUR", false},
		{"a reserve of a few days", "450", "EUR", false},
		{"no more than what is on its way out", "400", "EUR", false},
		{"nothing at hand", "0", "EUR", false},
		{"accounts below zero", "-312.50", "EUR", false},
		{"a thin reserve in yen", "1200", "JPY", false},
		{"a thin reserve in dinars", "1200.125", "KWD", false},
		{"a thin reserve beside money in another currency", "1200", "EUR", true},
	} {
		h := months(hundreds(8), []int64{80, 80, 80, 80, 80, 80, 80, 80})
		for i := range h {
			h[i].Currency = c.currency
		}
		w := []history.Wallet{{ID: bank, UserID: user, Type: history.Bank, Currency: c.currency, Balance: decimal.RequireFromString(c.bank)}}
		if c.abroad {
			w = append(w, history.Wallet{ID: savings, UserID: user, Type: history.Savings, Currency: "CHF", Balance: decimal.NewFromInt(5000)})
		}
		found := EmergencyFund(w, h, now)
		require.Len(t, found, 1, c.when)
		cases = append(cases, findingtest.Case{When: c.when, Finding: found[0]})
	}
	for _, c := range []struct{ when, currency string }{{"money lies idle", "EUR"}, {"money lies idle, in yen", "JPY"}, {"money lies idle, in dinars", "KWD"}} {
		h := months(hundreds(8), []int64{80, 80, 80, 80, 80, 80, 80, 80})
		for i := range h {
			h[i].Currency = c.currency
		}
		w := []history.Wallet{{ID: bank, UserID: user, Type: history.Bank, Currency: c.currency, Balance: decimal.RequireFromString("9000.5")}}
		found := IdleCash(w, h, now)
		require.Len(t, found, 1, c.when)
		cases = append(cases, findingtest.Case{When: c.when, Finding: found[0]})
	}
	return cases
}

func goals(t *testing.T) []findingtest.Case {
	var cases []findingtest.Case
	for _, c := range []struct {
		when, name, currency, target, saved string
		after                               time.Duration
	}{
		{"a goal is behind", "Bicycle", "EUR", "1200", "300", 181},
		{"nothing is saved for a goal", "Bicycle", "EUR", "1200", "0", 181},
		{"a goal is behind with a week left", "Bicycle", "EUR", "1200", "300", 358},
		{"a goal is behind on its last day", "Bicycle", "EUR", "1200", "300", 364},
		{"next to nothing is saved", "Bicycle", "EUR", "1200", "0.01", 181},
		{"a goal in yen is behind", "Bicycle", "JPY", "120000", "30000", 181},
		{"a goal in dinars is behind", "Bicycle", "KWD", "400", "20.125", 181},
		{"a goal with a long name is behind", "A journey to Japan with all the children and both grandparents in spring", "EUR", "12000", "300", 181},
		{"a goal with markup in its name is behind", `<i>Car</i> & "van"`, "EUR", "12000", "300", 181},
	} {
		g := history.Goal{ID: uuid.UUID{7}, Name: c.name, Currency: c.currency, Target: decimal.RequireFromString(c.target), Saved: decimal.RequireFromString(c.saved),
			CreatedAt: begun, Deadline: begun.AddDate(0, 0, 364)}
		found := GoalPaces([]history.Goal{g}, begun.Add(c.after*24*time.Hour).Add(6*time.Hour))
		require.Len(t, found, 1, c.when)
		cases = append(cases, findingtest.Case{When: c.when, Finding: found[0]})
	}
	return cases
}
