package household

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/history"
)

// plant hides duplicates and anomalies among the purchases of later months.
func (g *generator) plant() {
	from := g.Start.AddDate(0, min(7, g.months/2), 0)
	var candidates []int
	for i, t := range g.Transactions {
		worth := t.Amount.GreaterThan(decimal.NewFromInt(8)) && t.At.After(from) && t.At.Before(g.End.AddDate(0, 0, -2))
		if worth && (t.Category == "groceries" || t.Category == "leisure" || t.Category == "shopping" || t.Category == "subscriptions") {
			candidates = append(candidates, i)
		}
	}
	used := map[int]bool{}
	for _, i := range pick(g, candidates, g.count(2, 4)) {
		t := g.Transactions[i]
		used[i] = true
		again := t
		again.ID = g.id()
		again.At = t.At.Add(time.Duration(g.count(1, 1500)) * time.Minute)
		g.Transactions = append(g.Transactions, again)
		g.Truth = append(g.Truth, Item{Kind: Duplicate, Transaction: again.ID, Category: t.Category, From: again.At})
	}
	medians := map[string]float64{}
	for _, h := range g.habits {
		if h.spread >= 0.4 {
			medians[h.category] = h.median
		}
	}
	planted := 0
	for _, i := range pick(g, candidates, len(candidates)) {
		t := &g.Transactions[i]
		median, usual := medians[t.Category]
		if used[i] || !usual || planted >= 3 || g.abroad(t.At) || t.Description == "" || g.rhythmic(*t) {
			continue
		}
		planted++
		t.Amount = cents(median * g.between(7, 16))
		if g.chance(0.3) {
			t.Description = g.describe(g.shop(g.foreignName())) // somebody else with the card
		}
		g.Truth = append(g.Truth, Item{Kind: Anomaly, Transaction: t.ID, Category: t.Category, From: t.At})
	}
}

// rhythmic tells of purchases that are no ordinary ones of their category.
func (g *generator) rhythmic(t history.Transaction) bool {
	for _, b := range g.bills {
		if slices.Contains(b.charged, t.ID) {
			return true
		}
	}
	for _, h := range g.habits {
		if h.rhythm > 0 && t.Amount.Equal(cents(h.median)) {
			return true
		}
	}
	return false
}
