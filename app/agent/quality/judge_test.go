//go:build !integration

package quality

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/analytics"
	"github.com/wealth-companion/companion/app/agent/banking"
	"github.com/wealth-companion/companion/app/agent/household"
	"github.com/wealth-companion/companion/app/agent/investment"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/merchant"
)

// judge compares what was said with the truth.
func judge(h *household.Household, found map[string][]said) *card {
	c := &card{scores: map[string]*score{}}
	judgeTransactions(c, analytics.KindAnomaly, h.Planted(household.Anomaly), found[analytics.KindAnomaly])
	judgeTransactions(c, banking.KindDuplicate, h.Planted(household.Duplicate), found[banking.KindDuplicate])
	judgeTransactions(c, banking.KindPriceRise, h.Planted(household.PriceRise), found[banking.KindPriceRise])
	judgeRecurring(c, h, found[banking.KindRecurring])
	judgeBills(c, h, found[banking.KindUpcomingBill])
	judgeCashFlow(c, h, found[banking.KindCashFlow])
	judgeForecasts(c, h, found[analytics.KindForecast])
	judgePace(c, h, found[analytics.KindPace])
	judgePatterns(c, h, found)
	judgeSaving(c, h, found)
	judgeGoals(c, h, found[investment.KindGoalPace])
	return c
}

// judgeTransactions: the transaction that was planted, and no other.
func judgeTransactions(c *card, kind string, truth []household.Item, found []said) {
	open := map[string]household.Item{}
	for _, item := range truth {
		open[item.Transaction.String()] = item
	}
	for _, f := range found {
		if _, is := open[f.Related["transactionId"]]; is {
			c.hit(kind)
			delete(open, f.Related["transactionId"])
			continue
		}
		c.wrong(kind, f.Finding, f.at)
	}
	for _, id := range slices.Sorted(maps.Keys(open)) {
		c.missed(kind, "%+v", open[id])
	}
}

// judgeRecurring: each bill with charges enough, with its cadence, once.
func judgeRecurring(c *card, h *household.Household, found []said) {
	least := map[string]int{"weekly": 5, "monthly": 3, "quarterly": 3, "yearly": 2}
	open := map[string]household.Item{}
	for _, item := range h.Planted(household.Recurring) {
		charges := 0
		fmt.Sscan(item.Note, &charges)
		if charges >= least[item.Cadence]+1 || item.Cadence == "yearly" && charges == 2 {
			open[merchant.Normalise(item.Merchant)+"|"+item.Cadence] = item
		}
	}
	all := maps.Clone(open)
	for _, item := range h.Planted(household.Recurring) {
		all[merchant.Normalise(item.Merchant)+"|"+item.Cadence] = item
	}
	for _, f := range found {
		key := f.Related["merchant"] + "|" + f.Facts["cadence"]
		if _, is := open[key]; is {
			c.hit(banking.KindRecurring)
			delete(open, key)
			continue
		}
		if _, young := all[key]; !young {
			c.wrong(banking.KindRecurring, f.Finding, f.at)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(open)) {
		c.missed(banking.KindRecurring, "%+v", open[key])
	}
}

// judgeBills: a charge came within four days of the day told, of that amount by a
// quarter; and every charge but a bill's first ones was told of before.
func judgeBills(c *card, h *household.Household, found []said) {
	told := map[string][]said{}
	for _, f := range found {
		told[f.Related["merchant"]] = append(told[f.Related["merchant"]], f)
		due, _ := time.Parse(time.DateOnly, f.Facts["due"])
		if due.After(h.End.AddDate(0, 0, -5)) {
			continue // what comes of it lies beyond the end
		}
		amount := decimal.RequireFromString(f.Facts["amount"])
		came := false
		for _, t := range history.Between(h.Transactions, due.AddDate(0, 0, -4), due.AddDate(0, 0, 5)) {
			off := t.Amount.Sub(amount).Abs().Mul(decimal.NewFromInt(4))
			came = came || t.Type == event.Expense && t.Merchant == f.Related["merchant"] && off.LessThanOrEqual(amount) && t.At.After(f.at)
		}
		if !came {
			c.wrong(banking.KindUpcomingBill, f.Finding, f.at)
			continue
		}
		c.hit(banking.KindUpcomingBill)
	}
	for _, item := range h.Planted(household.Recurring) {
		seen := 0
		for _, t := range h.Transactions {
			if t.Merchant != merchant.Normalise(item.Merchant) || t.Category != item.Category || item.Cadence == "weekly" {
				continue
			}
			seen++
			if seen <= 4 && item.Cadence != "yearly" || seen <= 2 {
				continue
			}
			before := slices.ContainsFunc(told[t.Merchant], func(f said) bool {
				due, _ := time.Parse(time.DateOnly, f.Facts["due"])
				return f.at.Before(t.At) && due.Sub(t.At).Abs() < 6*24*time.Hour
			})
			if !before && !h.IsPlanted(t.ID, household.Duplicate) {
				c.missed(banking.KindUpcomingBill, "%s %s", t.At.Format(time.DateOnly), t.Merchant)
			}
		}
	}
}

// judgeCashFlow: the current account fell below zero between the warning and the
// payday; each time it does so two days or more after a payday was warned of.
func judgeCashFlow(c *card, h *household.Household, found []said) {
	bank := h.Wallets[0]
	type span struct {
		from, to time.Time
		negative time.Time
	}
	var spans []span
	balance := bank.Opening
	for _, t := range h.Transactions {
		salary := t.Type == event.Income && t.Category == "salary"
		if salary {
			if n := len(spans); n > 0 {
				spans[n-1].to = t.At
			}
			spans = append(spans, span{from: t.At, to: h.End})
		}
		balance = balance.Add(t.Flow(bank.ID))
		if n := len(spans); n > 0 && balance.IsNegative() && spans[n-1].negative.IsZero() {
			spans[n-1].negative = t.At
		}
	}
	at := 0
	for i, s := range spans {
		var first *said
		for ; at < len(found) && found[at].at.Before(s.to); at++ {
			if first == nil && !found[at].at.Before(s.from) {
				first = &found[at]
			}
		}
		learnt := s.from.After(h.Start.AddDate(0, 6, 0)) && i < len(spans)-1
		switch {
		case first != nil && !s.negative.IsZero():
			c.hit(banking.KindCashFlow)
		case first != nil && i < len(spans)-1:
			c.wrong(banking.KindCashFlow, first.Finding, first.at)
		case first == nil && learnt && s.negative.Sub(s.from) > 48*time.Hour && s.negative.After(s.from):
			c.missed(banking.KindCashFlow, "%s to %s, on %s", s.from.Format(time.DateOnly), s.to.Format(time.DateOnly), s.negative.Format(time.DateOnly))
		}
	}
}

// judgeForecasts: the month ended above the limit; and each planted month of
// overspending that did was told of before the limit was passed.
func judgeForecasts(c *card, h *household.Household, found []said) {
	spent := map[string]decimal.Decimal{}
	passed := map[uuid.UUID]time.Time{}
	byPlace := map[string]history.Budget{}
	for _, b := range h.Budgets {
		byPlace[b.Category+"|"+b.Month] = b
	}
	for _, t := range h.Transactions {
		if t.Type != event.Expense {
			continue
		}
		key := t.Category + "|" + history.Month(t.At)
		spent[key] = spent[key].Add(t.Amount)
		if b, has := byPlace[key]; has && spent[key].GreaterThan(b.Limit) && passed[b.ID].IsZero() {
			passed[b.ID] = t.At
		}
	}
	told := map[uuid.UUID]bool{}
	for _, f := range found {
		told[f.Subject] = true
		if passed[f.Subject].IsZero() {
			c.wrong(analytics.KindForecast, f.Finding, f.at)
			continue
		}
		c.hit(analytics.KindForecast)
	}
	for _, item := range h.Planted(household.Overspend) {
		b := byPlace[item.Category+"|"+history.Month(item.From)]
		at := passed[b.ID]
		if !at.IsZero() && at.Day() > 6 && !told[b.ID] {
			c.missed(analytics.KindForecast, "%s %s, passed on %s", b.Category, b.Month, at.Format(time.DateOnly))
		}
	}
}

// judgePace: the months planted, by category, and those of planted growth, which
// are above the usual too and so are neither right nor wrong.
func judgePace(c *card, h *household.Household, found []said) {
	told := map[string]bool{}
	growth := h.Planted(household.Growth)
	planted := map[string]bool{}
	for _, item := range h.Planted(household.Overspend) {
		planted[item.Category+"|"+history.Month(item.From)] = true
	}
	for _, f := range found {
		key := f.Related["category"] + "|" + f.Related["month"]
		told[key] = true
		switch {
		case planted[key]:
			c.hit(analytics.KindPace)
		case len(growth) > 0 && growth[0].Category == f.Related["category"] && f.at.After(growth[0].From):
		default:
			c.wrong(analytics.KindPace, f.Finding, f.at)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(planted)) {
		if !told[key] {
			c.missed(analytics.KindPace, "%s", key)
		}
	}
}

func judgePatterns(c *card, h *household.Household, found map[string][]said) {
	planted := len(h.Planted(household.Weekend)) > 0
	if weekend := found[analytics.KindWeekend]; planted && len(weekend) > 0 {
		c.hit(analytics.KindWeekend)
	} else if planted {
		c.missed(analytics.KindWeekend, "all along")
	} else if len(weekend) > 0 {
		c.wrong(analytics.KindWeekend, weekend[0].Finding, weekend[0].at)
	}
	open := h.Planted(household.Growth)
	seen := map[string]bool{}
	for _, f := range found[analytics.KindGrowth] {
		switch category := f.Related["category"]; {
		case len(h.Planted(household.Growth)) > 0 && h.Planted(household.Growth)[0].Category == category &&
			f.at.After(open0(h).From) && f.at.Before(open0(h).To.AddDate(0, 4, 0)):
			if !seen[category] {
				c.hit(analytics.KindGrowth)
			}
			seen[category] = true
			open = nil
		default:
			c.wrong(analytics.KindGrowth, f.Finding, f.at)
		}
	}
	for _, item := range open {
		c.missed(analytics.KindGrowth, "%+v", item)
	}
}

func open0(h *household.Household) household.Item { return h.Planted(household.Growth)[0] }

// judgeRate: the savings rate changed as planted.
func judgeRate(c *card, h *household.Household, found []said) {
	open := h.Planted(household.RateChange)
	for _, f := range found {
		if len(open) > 0 && strings.Contains(f.Detail, "|"+open[0].Note+"|") && f.at.After(open[0].From) {
			c.hit(investment.KindSavingsRate)
			open = nil
			continue
		}
		if planted := h.Planted(household.RateChange); len(planted) > 0 && strings.Contains(f.Detail, "|"+planted[0].Note+"|") && f.at.After(planted[0].From) {
			continue // the same change, in the next quarter
		}
		if growth := h.Planted(household.Growth); len(growth) > 0 && f.at.After(growth[0].From) && strings.Contains(f.Detail, "|down|") {
			continue // spending that grew lowers it as well
		}
		c.wrong(investment.KindSavingsRate, f.Finding, f.at)
	}
	for _, item := range open {
		c.missed(investment.KindSavingsRate, "%+v", item)
	}
}

// judgeSaving: the savings rate; the reserve and idle cash by the household's planned
// costs, which the detectors do not know.
func judgeSaving(c *card, h *household.Household, found map[string][]said) {
	judgeRate(c, h, found[investment.KindSavingsRate])
	bank, savings := h.Wallets[0], h.Wallets[1]
	three := decimal.NewFromInt(3)
	month := h.MonthlyCost
	short, idle := false, false
	for day := h.Start.AddDate(0, 6, 0); day.Before(h.End); day = day.AddDate(0, 1, 0) {
		night := day.Add(24*time.Hour - time.Second)
		held := h.BalanceAt(bank.ID, night).Add(h.BalanceAt(savings.ID, night))
		short = short || held.Sub(month.Div(decimal.NewFromInt(2))).LessThan(h.EssentialCost.Mul(three))
		balance := h.BalanceAt(bank.ID, night.AddDate(0, 0, -90))
		least := balance
		for _, t := range history.Between(h.Transactions, night.AddDate(0, 0, -90).Add(1), night.Add(1)) {
			balance = balance.Add(t.Flow(bank.ID))
			least = decimal.Min(least, balance)
		}
		buffer := decimal.Max(month.Mul(decimal.NewFromInt(6)).Sub(h.BalanceAt(savings.ID, night)), month)
		idle = idle || least.Sub(buffer).GreaterThanOrEqual(month)
	}
	one := func(kind string, is bool) {
		f := found[kind]
		for len(f) > 0 && f[0].at.Before(h.Start.AddDate(0, 6, 0)) {
			f = f[1:]
		}
		switch {
		case is && len(found[kind]) > 0:
			c.hit(kind)
		case is:
			c.missed(kind, "savings %s, month %s, essential %s", savings.Opening, month, h.EssentialCost)
		case len(f) > 0:
			c.wrong(kind, f[0].Finding, f[0].at)
		}
	}
	one(investment.KindEmergencyFund, short)
	one(investment.KindIdleCash, idle)
}

// judgeGoals: the goal ended below nine tenths of its target.
func judgeGoals(c *card, h *household.Household, found []said) {
	told := map[uuid.UUID]said{}
	for _, f := range found {
		if _, before := told[f.Subject]; !before {
			told[f.Subject] = f
		}
	}
	for _, g := range h.Goals {
		if g.Deadline.After(h.End) {
			continue
		}
		missed := g.Saved.LessThan(g.Target.Mul(decimal.RequireFromString("0.9")))
		f, is := told[g.ID]
		switch {
		case missed && is:
			c.hit(investment.KindGoalPace)
		case missed:
			c.missed(investment.KindGoalPace, "%s %s of %s", g.Name, g.Saved, g.Target)
		case is:
			c.wrong(investment.KindGoalPace, f.Finding, f.at)
		}
	}
}
