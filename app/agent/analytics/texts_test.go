package analytics

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/finding/findingtest"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
)

// TestTexts holds every text of this agent against testdata/texts.md.
func TestTexts(t *testing.T) {
	var cases []findingtest.Case
	cases = append(cases, warnings()...)
	cases = append(cases, anomalies()...)
	cases = append(cases, forecasts(t)...)
	cases = append(cases, paces(t)...)
	cases = append(cases, patterns(t)...)
	findingtest.Check(t, event.Analytics, "testdata/texts.md", cases)
}

func amount(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func warnings() []findingtest.Case {
	now := time.Date(2026, 11, 12, 12, 0, 0, 0, time.UTC)
	var cases []findingtest.Case
	for _, c := range []struct{ when, category, currency, spent, limit string }{
		{"a budget's threshold is reached", "groceries", "EUR", "412.50", "500"},
		{"a budget's threshold is reached, in a currency without decimals", "groceries", "JPY", "41250", "50000"},
		{"a budget's threshold is reached, in a currency of three decimals", "groceries", "KWD", "41.125", "50"},
		{"a cent is left of a budget", "groceries", "EUR", "499.99", "500"},
		{"all of a budget is spent, to the cent", "groceries", "EUR", "500", "500"},
		{"a budget of a cent is spent", "groceries", "EUR", "0.01", "0.01"},
		{"a budget as large as any", "groceries", "EUR", "9999999999998.50", "9999999999999"},
		{"a budget of a category with a long name", "long", "EUR", "412.50", "500"},
		{"a budget of a category with markup in its name", "markup", "EUR", "412.50", "500"},
		{"a budget of a category that was deleted", "pet-food", "EUR", "412.50", "500"},
	} {
		b := observer.Budget{Budget: history.Budget{ID: uuid.UUID{5}, Category: c.category, Currency: c.currency, Month: "2026-11", Limit: amount(c.limit)},
			Set: amount(c.limit), Threshold: 80, Spent: amount(c.spent)}
		cases = append(cases, findingtest.Case{When: c.when, Finding: warning(b, stand(b.Limit, b.Spent, b.Threshold), now)})
	}
	return cases
}

func anomalies() []findingtest.Case {
	var cases []findingtest.Case
	for _, c := range []struct {
		when, amount, currency, category, merchant, on, by, usual string
		samples                                                   int
	}{
		{"far above the usual at a merchant", "250", "EUR", "groceries", "rewe", "Rewe", "merchant", "20", 12},
		{"far above the usual at a merchant, in yen", "25000", "JPY", "groceries", "rewe", "Rewe", "merchant", "2000.5", 12},
		{"far above the usual at a merchant, in dinars", "25.5", "KWD", "groceries", "rewe", "Rewe", "merchant", "2.0005", 12},
		{"a little above the usual at a merchant", "31", "EUR", "groceries", "rewe", "Rewe", "merchant", "20", 8},
		{"thousands of times the usual at a merchant", "250000", "EUR", "groceries", "rewe", "Rewe", "merchant", "0.50", 8},
		{"a charge that recurs is far above its price", "99.90", "EUR", "subscriptions", "netflix", "Netflix", "series", "9.99", 5},
		{"a charge that came once before is far above its price", "999", "EUR", "insurance", "adac", "Adac", "series", "89", 1},
		{"far above the usual of a category", "900", "EUR", "groceries", "hofladen", finding.Category("groceries"), "category", "20", 60},
		{"far above the usual of a category with a long name", "900", "EUR", "long", "hofladen", finding.Category("long"), "category", "20", 60},
		{"far above the usual of a category, of nobody who is named", "900", "EUR", "markup", "", finding.Category("markup"), "category", "20", 60},
		{"far above all else", "4000", "EUR", "travel", "lufthansa", "your other expenses", "all", "1200", 180},
	} {
		spent := history.Transaction{ID: uuid.UUID{3}, UserID: uuid.UUID{1}, Amount: amount(c.amount), Currency: c.currency, Type: event.Expense, Category: c.category, Merchant: c.merchant}
		cases = append(cases, findingtest.Case{When: c.when, Finding: unusualExpense(spent, c.on, c.by, amount(c.usual), c.samples, 0.8)})
	}
	return cases
}

func forecasts(t *testing.T) []findingtest.Case {
	h := everyOtherDay(0, 120)
	for day := range 10 {
		h = append(h, bought("groceries", "Rewe", "40.00", begun.AddDate(0, 4, day).Add(12*time.Hour)))
	}
	now := begun.AddDate(0, 4, 9).Add(20 * time.Hour)
	b := history.Budget{ID: uuid.UUID{5}, Category: "groceries", Currency: "EUR", Month: "2026-05", Limit: decimal.NewFromInt(450)}
	found := BudgetForecasts([]history.Budget{b}, nil, h, now)
	require.Len(t, found, 1)
	cases := []findingtest.Case{{When: "at this pace a budget will not do", Finding: found[0]}}
	b.Limit = decimal.NewFromInt(400)
	found = BudgetForecasts([]history.Budget{b}, nil, h, now)
	require.Len(t, found, 1)
	cases = append(cases, findingtest.Case{When: "all of a budget is spent, and more will be", Finding: found[0]})
	for _, c := range []struct {
		when, spent, bills, everyday, limit, currency string
		days                                          int
	}{
		{"bills alone will exceed a budget, with a day left", "380", "90", "0", "400", "EUR", 1},
		{"bills and everyday spending will exceed a budget", "300", "90", "60.25", "400", "EUR", 9},
		{"a budget in yen will not do", "30000", "0", "12000", "40000", "JPY", 9},
		{"a budget in dinars will not do", "30.125", "4.5", "12.255", "40", "KWD", 2},
		{"refunds are more than what was spent, and large bills are to come", "-20", "500", "30", "400", "EUR", 20},
	} {
		p := Projection{Spent: amount(c.spent), Bills: amount(c.bills), Everyday: amount(c.everyday), DaysLeft: c.days, Chance: 0.95, Months: 6}
		p.Total = p.Spent.Add(p.Bills).Add(p.Everyday)
		b := history.Budget{ID: uuid.UUID{5}, Category: "groceries", Currency: c.currency, Month: "2026-11", Limit: amount(c.limit)}
		cases = append(cases, findingtest.Case{When: c.when, Finding: passing(b, p, now)})
	}
	return cases
}

func paces(t *testing.T) []findingtest.Case {
	var cases []findingtest.Case
	for _, c := range []struct {
		when, currency string
		day            int
	}{{"more than usual on a category", "EUR", 13}, {"more than usual on a category, in yen, on the 21st", "JPY", 21}} {
		h := everyOtherDay(0, 120)
		for day := range c.day {
			h = append(h, bought("groceries", "Rewe", "40", begun.AddDate(0, 4, day).Add(12*time.Hour)))
		}
		for i := range h {
			h[i].Currency, h[i].Category = c.currency, "groceries"
		}
		found := CategoryPace(h, nil, begun.AddDate(0, 4, c.day-1).Add(20*time.Hour))
		require.Len(t, found, 1, c.when)
		cases = append(cases, findingtest.Case{When: c.when, Finding: found[0]})
	}
	return cases
}

func patterns(t *testing.T) []findingtest.Case {
	var weekends, growing []history.Transaction
	for day := range 140 {
		at := begun.AddDate(0, 0, day)
		amount := "10"
		if isWeekend(at) {
			amount = "35.50"
		}
		weekends = append(weekends, bought("leisure", fmt.Sprint("Bar ", string(rune('a'+day%7))), amount, at.Add(20*time.Hour)))
	}
	now := begun.AddDate(0, 0, 139)
	found := WeekendPattern(weekends, nil, now)
	require.Len(t, found, 1)
	cases := []findingtest.Case{{When: "weekends cost more", Finding: found[0]}}
	for month := range growthMonths {
		for i := range 8 + 2*month {
			growing = append(growing, bought("groceries", "Rewe", fmt.Sprintf("%d.00", 18+i%5), begun.AddDate(0, month, i)))
		}
	}
	found = CategoryGrowth(growing, nil, begun.AddDate(0, growthMonths, 1))
	require.Len(t, found, 1)
	cases = append(cases, findingtest.Case{When: "a category grows", Finding: found[0]})
	for i := range growing {
		if growing[i].At.Before(begun.AddDate(0, 4, 0)) && i%9 > 0 {
			growing[i].Amount = amount("0.10") // next to nothing at first
		}
	}
	found = CategoryGrowth(growing, nil, begun.AddDate(0, growthMonths, 1))
	require.Len(t, found, 1)
	return append(cases, findingtest.Case{When: "a category grows from next to nothing", Finding: found[0]})
}
