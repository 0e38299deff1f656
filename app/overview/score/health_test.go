package score

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

var d = decimal.RequireFromString

func month(income, expenses string) Month { return Month{d(income), d(expenses)} }

func budget(limit, spent string) Budget {
	return Budget{Category: "groceries", Month: "2026-11", Currency: "EUR", Limit: d(limit), Spent: d(spent)}
}

func goal(pace, needed string) Goal {
	n := d(needed)
	return Goal{Name: "A bicycle", Pace: d(pace), Needed: &n}
}

func TestAssess(t *testing.T) {
	const none = -1
	for name, c := range map[string]struct {
		in                                   Input
		score                                int // none: no score
		verdict                              string
		budgets, savings, consistency, goals float64
	}{
		"nothing is known": {Input{}, none, "unknown", none, none, none, none},
		"all is well": {
			Input{Budgets: []Budget{budget("400", "400")}, Months: []Month{month("2000", "1600"), month("2000", "1600"), month("2000", "1600")}, Goals: []Goal{goal("100", "100")}},
			100, "excellent", 40, 30, 20, 10,
		},
		"a budget a quarter over is worth half": {Input{Budgets: []Budget{budget("400", "500")}}, 50, "fair", 20, none, none, none},
		"a budget half over is worth nothing":   {Input{Budgets: []Budget{budget("400", "600")}}, 0, "poor", 0, none, none, none},
		"one of two budgets is kept":            {Input{Budgets: []Budget{budget("400", "900"), budget("400", "1")}}, 50, "fair", 20, none, none, none},
		"a tenth is saved":                      {Input{Months: []Month{month("2000", "1800")}}, 50, "fair", none, 15, none, none},
		"only the last three months count for the savings": {
			Input{Months: []Month{month("2000", "9000"), month("2000", "1800"), month("2000", "1800"), month("2000", "1800")}}, none, "", none, 15, none, none,
		},
		"more is spent than earned":         {Input{Months: []Month{month("2000", "2500")}}, 0, "poor", none, 0, none, none},
		"there are expenses only":           {Input{Months: []Month{month("0", "2500")}}, 0, "poor", none, 0, none, none},
		"months without anything":           {Input{Months: []Month{month("0", "0"), month("0", "0")}}, none, "unknown", none, none, none, none},
		"two months are too few to compare": {Input{Months: []Month{month("2000", "1600"), month("2000", "1000")}}, 100, "excellent", none, 30, none, none},
		"uneven months": {
			// mean 1000, deviations 500, 0, 500: a third
			Input{Months: []Month{month("2000", "500"), month("2000", "1000"), month("2000", "1500")}}, 75, "good", none, 30, 7.4, none,
		},
		"a goal at half the needed pace":         {Input{Goals: []Goal{goal("50", "100")}}, 50, "fair", none, none, none, 5},
		"a goal that money is taken out of":      {Input{Goals: []Goal{goal("-50", "100")}}, 0, "poor", none, none, none, 0},
		"a goal without a deadline, with a pace": {Input{Goals: []Goal{{Name: "x", Pace: d("1")}}}, 100, "excellent", none, none, none, 10},
		"a goal without a deadline or a pace":    {Input{Goals: []Goal{{Name: "x"}}}, 0, "poor", none, none, none, 0},
		"a goal that is reached":                 {Input{Goals: []Goal{{Name: "x", Reached: true}}}, 100, "excellent", none, none, none, 10},
	} {
		t.Run(name, func(t *testing.T) {
			s := Assess(c.in)
			require.Len(t, s.Parts, 4)
			total := 0
			for i, want := range []float64{c.budgets, c.savings, c.consistency, c.goals} {
				part := s.Parts[i]
				total += part.Weight
				require.NotEmpty(t, part.Why)
				if part.Points == nil {
					require.EqualValues(t, none, want, part.Name)
					require.NotEmpty(t, part.Improve, "what to do for it to count")
					continue
				}
				if c.verdict != "" || want != none {
					require.InDelta(t, want, *part.Points, 0.05, part.Name)
				}
				require.Equal(t, *part.Points < float64(part.Weight), part.Improve != "", "%s: what is not full says how to raise it", part.Name)
			}
			require.Equal(t, 100, total)
			require.NotEmpty(t, s.Message)
			if c.verdict == "" {
				return
			}
			require.Equal(t, c.verdict, s.Verdict)
			if c.score == none {
				require.Nil(t, s.Score)
				return
			}
			require.Equal(t, c.score, *s.Score)
		})
	}
}

func TestTheFactsAreTold(t *testing.T) {
	s := Assess(Input{
		Currency: "EUR", Budgets: []Budget{budget("400", "500"), budget("100", "90")},
		Months: []Month{month("2000", "1800"), month("2000", "1800"), month("2000", "1800")},
	})
	require.Equal(t, map[string]string{"budgets": "2", "kept": "1", "furthestExceeded": "groceries in 2026-11: 500.00 of 400.00 EUR"}, s.Parts[0].Facts)
	require.Equal(t, map[string]string{"months": "3", "income": "6000.00 EUR", "expenses": "5400.00 EUR", "savingsRate": "10.0%"}, s.Parts[1].Facts)
	require.Equal(t, "Spend 200.00 EUR a month less, or earn as much more, to come to 20%.", s.Parts[1].Improve)
	require.Contains(t, s.Message, "90%")
}

func TestFactsAreInTheCurrencysMinorUnit(t *testing.T) {
	s := Assess(Input{
		Currency: "JPY",
		Budgets:  []Budget{{Category: "groceries", Month: "2026-11", Currency: "JPY", Limit: d("40000"), Spent: d("50000")}},
		Months:   []Month{month("200000", "190000"), month("200000", "190001"), month("200000", "190001")},
	})
	require.Equal(t, "groceries in 2026-11: 50000 of 40000 JPY", s.Parts[0].Facts["furthestExceeded"])
	require.Equal(t, "600000 JPY", s.Parts[1].Facts["income"])
	require.Contains(t, s.Parts[1].Improve, "Spend 30001 JPY a month less")
	require.Equal(t, "190001 JPY", s.Parts[2].Facts["mean"])
}
