// Package view has the web's pages: what they show is given to them, they ask nobody.
package view

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/words"
)

// Page is what all pages have.
type Page struct {
	*words.Locale
	Zone     *time.Location
	Title    string
	Here     string    // path and query of the page, to come back to
	Section  string    // of the navigation; empty: none
	Person   bool      // somebody is logged in
	Unread   int64     // alerts
	Since    time.Time // alerts from then on are shown live
	Notice   string    // what has just happened
	Stale    *time.Time
	Category map[string]string // names by slug
}

// live is the address of the alerts that came since the page was asked for: agents may be faster
// than the browser, which asks for them when it shows the page.
func (p Page) live() string { return "/live?since=" + strconv.FormatInt(p.Since.UnixMilli(), 10) }

// Form is what a person typed, and what of it is wrong.
type Form struct {
	Values  map[string]string
	Wrong   map[string]string // by field
	Problem string            // of the whole
	// ProblemLang is the language of what comes from the API in words of its own.
	ProblemLang string
	Key         string // Idempotency-Key: pressed twice, it is carried out once
}

// Failed reports whether there is something to correct.
func (f Form) Failed() bool { return len(f.Wrong) > 0 || f.Problem != "" }

// category is a category's name. Names that the person has not changed are in the page's language.
func (p Page) category(slug string) string {
	name := p.Category[slug]
	if name == "" {
		name = strings.ReplaceAll(slug, "-", " ")
	}
	if standard, known := p.Text.Categories[slug]; known && strings.EqualFold(name, words.All[0].Text.Categories[slug]) {
		return standard
	}
	return name
}

// share is the width of a bar in percent, between 0 and 100.
func share(percent float64) string {
	return strconv.FormatFloat(min(100, max(0, percent)), 'f', 1, 64)
}

func negative(amount string) bool { return strings.HasPrefix(amount, "-") }

func positiveOf(amount string) string { return strings.TrimPrefix(amount, "-") }

// changed says how this month's expenses are against last month's till the same day.
func (p Page) changed(change *float64) string {
	switch {
	case change == nil:
		return p.Text.NothingBefore
	case *change > 0:
		return p.Text.More(p.Percent(*change))
	case *change < 0:
		return p.Text.Less(p.Percent(-*change))
	default:
		return p.Text.SameAsBefore
	}
}

// against compares an amount with the one before: its change in percent; nil: there was none.
func against(now, before string) *float64 {
	a, errA := decimal.NewFromString(now)
	b, errB := decimal.NewFromString(before)
	if errA != nil || errB != nil || !b.IsPositive() {
		return nil
	}
	change := a.Sub(b).Mul(decimal.NewFromInt(100)).DivRound(b, 1).InexactFloat64()
	return &change
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// ring is the dash of a score's circle, whose circumference is 238.
func ring(score int64) string {
	return strconv.FormatFloat(float64(score)*238.76/100, 'f', 1, 64) + " 240"
}

func stateTag(state backend.BudgetStatusState) string {
	switch state {
	case backend.Exceeded:
		return "tag bad"
	case backend.Warning:
		return "tag warn"
	default:
		return "tag good"
	}
}

func first[T any](all []T, n int) []T { return all[:min(n, len(all))] }

func (p Page) overdue(due *string) bool {
	return due != nil && *due < time.Now().In(p.Zone).Format(time.DateOnly)
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// designBudgets are budgets in each state.
var designBudgets = []backend.Budget{
	{Category: "groceries", Amount: "400", Currency: "EUR", Status: &backend.BudgetStatus{Spent: "120.00", Limit: "400.00", Left: "280.00", Percent: 30, State: backend.Ok}},
	{Category: "leisure", Amount: "100", Currency: "EUR", Status: &backend.BudgetStatus{Spent: "91.00", Limit: "100.00", Left: "9.00", Percent: 91, State: backend.Warning}},
	{Category: "transport", Amount: "50", Currency: "EUR", Status: &backend.BudgetStatus{Spent: "62.00", Limit: "50.00", Left: "-12.00", Percent: 124, State: backend.Exceeded}},
	{Category: "health", Amount: "50", Currency: "EUR"},
}
