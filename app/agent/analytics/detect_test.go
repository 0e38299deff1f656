package analytics

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/tracing"
)

var begun = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func bought(category, merchant, amount string, when time.Time) history.Transaction {
	return history.Transaction{
		ID: tracing.NewID(), UserID: uuid.UUID{1}, WalletID: uuid.UUID{2}, Amount: decimal.RequireFromString(amount), Currency: "EUR",
		Type: event.Expense, Category: category, Description: merchant, At: when,
	}
}

// everyOtherDay buys groceries from one day of the year to another, for about 20.
func everyOtherDay(from, to int) []history.Transaction {
	var h []history.Transaction
	for day := from; day < to; day += 2 {
		amount := fmt.Sprintf("%d.%02d", 18+day/2*3%5, day*13%100)
		h = append(h, bought("groceries", []string{"Rewe", "Lidl"}[day%2], amount, begun.AddDate(0, 0, day).Add(18*time.Hour)))
	}
	return h
}

func fits(t *testing.T, found []finding.Finding) {
	t.Helper()
	for _, f := range found {
		e, err := event.New(t.Context(), event.Analytics, event.TypeInsightGenerated, "x", f.Insight(tracing.NewID(), uuid.UUID{1}))
		require.NoError(t, err)
		require.NoError(t, event.Check(e))
		require.NotEmpty(t, f.Detail)
		require.NotEmpty(t, f.Dismiss)
		require.NotEmpty(t, f.Facts)
	}
}

func TestForecast(t *testing.T) {
	h := everyOtherDay(0, 120) // January to April, about 300 a month
	now := begun.AddDate(0, 4, 9).Add(20 * time.Hour)
	may := func(extra ...history.Transaction) []history.Transaction {
		all := append(append([]history.Transaction{}, h...), extra...)
		history.Sort(all)
		return all
	}
	var double []history.Transaction
	for day := range 10 {
		double = append(double, bought("groceries", "Rewe", "40.00", begun.AddDate(0, 4, day).Add(12*time.Hour)))
	}
	var rent []history.Transaction
	for month := range 4 {
		rent = append(rent, bought("groceries", "Vegetable Box", "90.00", begun.AddDate(0, month, 19).Add(12*time.Hour)))
	}
	b := history.Budget{ID: uuid.UUID{5}, Category: "groceries", Currency: "EUR", Month: "2026-05", Limit: decimal.NewFromInt(400)}

	p, ok := Forecast(b, nil, may(everyOtherDay(120, 130)...), now)
	require.True(t, ok)
	require.Equal(t, 4, p.Months)
	require.Equal(t, 21, p.DaysLeft)
	require.InDelta(t, 310, p.Total.InexactFloat64(), 20, "the usual")
	require.Less(t, p.Chance, 0.2)

	found := BudgetForecasts([]history.Budget{b}, nil, may(double...), now)
	fits(t, found)
	require.Len(t, found, 1)
	require.Equal(t, "400.00", found[0].Facts["spent"])
	require.Greater(t, found[0].Confidence, 0.95)

	all := may(append(rent, everyOtherDay(120, 130)...)...)
	p, ok = Forecast(b, recurring.Find(all, now), all, now)
	require.True(t, ok)
	require.Equal(t, "90", p.Bills.String(), "what recurs is still to come, once")
	require.InDelta(t, 400, p.Total.InexactFloat64(), 20)

	sofa := may(append(everyOtherDay(120, 130), bought("groceries", "Rewe", "160.00", now.Add(-time.Hour)))...)
	p, _ = Forecast(b, nil, sofa, now)
	require.InDelta(t, 555, p.Total.InexactFloat64(), 20, "a single large purchase is spent, but little of it is a pace, which would make 800")

	for name, when := range map[string]time.Time{
		"too early in the month": begun.AddDate(0, 4, 3), "another month": begun.AddDate(0, 5, 9),
	} {
		_, ok := Forecast(b, nil, may(), when)
		require.False(t, ok, name)
	}
	b.Limit = decimal.NewFromInt(399)
	require.Empty(t, BudgetForecasts([]history.Budget{b}, nil, may(double...), now), "what is passed is told of elsewhere")
	_, ok = Forecast(b, nil, double, now)
	require.True(t, ok, "without a month before, from the tenth on")
	_, ok = Forecast(b, nil, double[:8], now.AddDate(0, 0, -2))
	require.False(t, ok)
	_, ok = Forecast(b, nil, nil, now)
	require.False(t, ok, "without any history")
}

func TestAnomaly(t *testing.T) {
	now := begun.AddDate(0, 4, 9).Add(20 * time.Hour)
	var coffees, trip []history.Transaction
	for day := range 60 {
		coffees = append(coffees, bought("leisure", "Blue Bottle", "3.90", begun.AddDate(0, 0, day).Add(8*time.Hour)))
		if day < 20 {
			coffees = append(coffees, bought("leisure", fmt.Sprintf("Restaurant %c", 'a'+day), fmt.Sprint(20+day), begun.AddDate(0, 0, 3*day)))
		}
	}
	for i := range 3 {
		trip = append(trip, bought("travel", fmt.Sprintf("Bar %c", 'a'+i), "30", now.Add(-time.Duration(i)*time.Hour)))
	}
	var insurance []history.Transaction
	for month := range 4 {
		insurance = append(insurance, bought("groceries", "Box", "90.00", begun.AddDate(0, month, 9)))
	}
	for name, c := range map[string]struct {
		before []history.Transaction
		t      history.Transaction
		want   string
	}{
		"ten times the usual at the merchant":    {nil, bought("groceries", "Rewe", "200.00", now), "merchant"},
		"twice the usual":                        {nil, bought("groceries", "Rewe", "40.00", now), ""},
		"a merchant never seen, in its category": {nil, bought("groceries", "Kaviar Haus", "260.00", now), "category"},
		"the same on a journey":                  {trip, bought("groceries", "Kaviar Haus", "260.00", now), ""},
		"a dinner is no coffee":                  {coffees, bought("leisure", "Trattoria", "60.00", now), ""},
		"a category never seen":                  {nil, bought("travel", "Hotel", "40.00", now), ""},
		"and far above everything":               {nil, bought("travel", "Hotel", "60.00", now), "all"},
		"a charge that recurs":                   {insurance, bought("groceries", "Box", "95.00", now), ""},
		"and is thrice the usual":                {insurance, bought("groceries", "Box", "290.00", now), "series"},
	} {
		t.Run(name, func(t *testing.T) {
			h := append(everyOtherDay(0, 128), c.before...)
			h = append(h, c.t)
			history.Sort(h)
			f, is := Anomaly(c.t, h)
			require.Equal(t, c.want, f.Facts["by"])
			if is {
				fits(t, []finding.Finding{f})
				require.Equal(t, c.t.ID, f.Subject)
			}
		})
	}
	h := everyOtherDay(0, 10)
	_, is := Anomaly(bought("groceries", "Rewe", "900.00", now), h)
	require.False(t, is, "too little is known")
	income := bought("groceries", "Rewe", "900.00", now)
	income.Type = event.Income
	_, is = Anomaly(income, everyOtherDay(0, 128))
	require.False(t, is)
}

func TestCategoryPace(t *testing.T) {
	h := everyOtherDay(0, 120)
	now := begun.AddDate(0, 4, 14).Add(20 * time.Hour) // May 15
	require.Empty(t, CategoryPace(append(h, everyOtherDay(120, 135)...), nil, now))
	var double []history.Transaction
	for day := range 15 {
		double = append(double, bought("groceries", "Rewe", "42.00", begun.AddDate(0, 4, day).Add(12*time.Hour)))
	}
	found := CategoryPace(append(h, double...), nil, now)
	fits(t, found)
	require.Len(t, found, 1)
	require.Equal(t, "15th", found[0].Facts["day"])
	require.Equal(t, "630.00", found[0].Facts["spent"])
	one := append(append(h, everyOtherDay(120, 134)...), bought("groceries", "Rewe", "800.00", now))
	require.Empty(t, CategoryPace(one, nil, now), "one purchase is no pace")
	require.Empty(t, CategoryPace(append(everyOtherDay(60, 120), double...), nil, now), "two months are no usual")
	require.Empty(t, CategoryPace(append(h, double[:9]...), nil, begun.AddDate(0, 4, 8)), "too early")
}

func TestWeekendPattern(t *testing.T) {
	var even, weekends []history.Transaction
	for day := range 140 {
		when := begun.AddDate(0, 0, day).Add(12 * time.Hour)
		amount := "10.00"
		even = append(even, bought("leisure", "Bar", amount, when))
		if isWeekend(when) {
			amount = "35.00"
		}
		weekends = append(weekends, bought("leisure", "Bar", amount, when))
	}
	now := begun.AddDate(0, 0, 140)
	require.Empty(t, WeekendPattern(even, nil, now))
	found := WeekendPattern(weekends, nil, now)
	fits(t, found)
	require.Len(t, found, 1)
	require.Equal(t, "3.5", found[0].Facts["times"])
	require.Empty(t, WeekendPattern(weekends[60:], nil, now), "too few weeks")
}

func TestCategoryGrowth(t *testing.T) {
	var growing []history.Transaction
	for month := range 9 {
		for i := range 8 + 2*month {
			growing = append(growing, bought("leisure", "Bar", fmt.Sprintf("%d.00", 18+i%5), begun.AddDate(0, month, i)))
		}
	}
	now := begun.AddDate(0, 9, 0)
	found := CategoryGrowth(growing, nil, now)
	fits(t, found)
	require.Len(t, found, 1)
	require.Equal(t, "leisure|EUR|2026H2", found[0].Detail)
	steady := everyOtherDay(0, 273)
	require.Empty(t, CategoryGrowth(steady, nil, now))
	require.Empty(t, CategoryGrowth(growing[20:], nil, now), "fewer months than nine")
}

// givenBack is what comes back of purchases, two days later.
func givenBack(purchases ...history.Transaction) []history.Transaction {
	var back []history.Transaction
	for _, t := range purchases {
		t.ID, t.Type, t.Refund, t.At = tracing.NewID(), event.Income, true, t.At.AddDate(0, 0, 2)
		back = append(back, t)
	}
	return back
}

// What came back was not spent, whichever detector looks.
func TestRefundsLowerWhatWasSpent(t *testing.T) {
	sorted := func(parts ...[]history.Transaction) []history.Transaction {
		var all []history.Transaction
		for _, part := range parts {
			all = append(all, part...)
		}
		history.Sort(all)
		return all
	}
	h := everyOtherDay(0, 120)
	now := begun.AddDate(0, 4, 14).Add(20 * time.Hour)
	var double []history.Transaction
	for day := range 12 {
		double = append(double, bought("groceries", "Rewe", "52.00", begun.AddDate(0, 4, day).Add(12*time.Hour)))
	}
	require.Len(t, CategoryPace(sorted(h, double), nil, now), 1)
	require.Empty(t, CategoryPace(sorted(h, double, givenBack(double[2:]...)), nil, now))

	limit := history.Budget{Category: "groceries", Currency: "EUR", Month: history.Month(now), Limit: decimal.NewFromInt(400)}
	p, ok := Forecast(limit, nil, sorted(h, double, givenBack(double[:3]...)), now)
	require.True(t, ok)
	require.Equal(t, "468", p.Spent.String(), "12 purchases less 3")

	var growing, back []history.Transaction
	for month := range 9 {
		for i := range 8 + 2*month {
			growing = append(growing, bought("leisure", "Bar", fmt.Sprintf("%d.00", 18+i%5), begun.AddDate(0, month, i)))
			if i >= 8 {
				back = append(back, growing[len(growing)-1])
			}
		}
	}
	require.Len(t, CategoryGrowth(growing, nil, begun.AddDate(0, 9, 0)), 1)
	require.Empty(t, CategoryGrowth(sorted(growing, givenBack(back...)), nil, begun.AddDate(0, 9, 0)), "as much as ever stays spent")
}

func TestAWarningNamesTheMonthInWords(t *testing.T) {
	b := observer.Budget{
		Budget:    history.Budget{Category: "groceries", Currency: "JPY", Month: "2026-11", Limit: decimal.NewFromInt(10000)},
		Threshold: 80, Spent: decimal.NewFromInt(8500),
	}
	w := warning(b, stand(b.Limit, b.Spent, b.Threshold), time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	require.Equal(t, "You have spent 8500 of 10000 JPY on "+finding.Category("groceries")+" in November 2026.", w.Message)
	require.Equal(t, "2026-11", w.Related["month"])
}
