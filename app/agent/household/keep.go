package household

import (
	"math"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
)

// budget sets a limit a bit above what is meant to be spent, for each month.
func (g *generator) budget() {
	cost, essential := map[string]float64{}, 0.0
	for _, h := range g.habits {
		perMonth := h.perMonth * (1 + h.twice)
		if h.rhythm > 0 {
			perMonth = 30.4 / float64(h.rhythm)
		}
		cost[h.category] += perMonth * h.median * math.Exp(h.spread*h.spread/2)
	}
	for _, b := range g.bills {
		amount := b.amount * 365 / 84 // weekly
		if b.months > 0 {
			amount = b.amount / float64(b.months)
		}
		cost[b.category] += amount
	}
	all := 0.0
	for _, category := range sortedKeys(cost) {
		all += cost[category]
		switch category {
		case "groceries", "housing", "utilities", "transport", "health", "insurance":
			essential += cost[category]
		}
	}
	g.MonthlyCost, g.EssentialCost = cents(all+150), cents(essential) // 150: journeys and gifts
	for _, category := range []string{"groceries", "leisure", "shopping"} {
		limit := decimal.NewFromFloat(math.Ceil(cost[category]*g.between(1.15, 1.4)/10) * 10)
		for m := range g.months {
			g.Budgets = append(g.Budgets, history.Budget{
				ID: g.id(), UserID: g.UserID, Category: category, Currency: g.Currency, Month: history.Month(g.Start.AddDate(0, m, 0)), Limit: limit,
			})
		}
	}
}

func sortedKeys(m map[string]float64) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// pay brings the salaries, and after each moves what is not needed until the next
// to savings, or back from there.
func (g *generator) pay() {
	cost := g.MonthlyCost.InexactFloat64()
	// What some earn is about what they need, and little is left; others let their
	// money lie in the current account, or in savings where it is at its place.
	scarce, idle, rich := false, false, false
	switch p := g.r.Float64(); {
	case p < 0.5 && len(g.Planted(RateChange)) == 0:
		scarce = true
		g.income = cost * g.between(1.06, 1.1)
	case p > 0.75:
		idle = true
	case p > 0.65:
		rich = true
	}
	g.income = max(g.income, cost*g.between(1.06, 1.35)) // nobody lives on debt for good
	employer := g.shop("Acme Payroll")
	employer.template = "Salary %s"
	var paydays []time.Time
	share := 1.0
	if g.fortnightly {
		share = 14 * 12 / 365.0
		for day := g.Start.AddDate(0, 0, g.count(3, 9)); day.Before(g.End); day = day.AddDate(0, 0, 14) {
			paydays = append(paydays, day)
		}
	} else {
		for m := range g.months {
			day := g.Start.AddDate(0, m, g.payDay-1)
			for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
				day = day.AddDate(0, 0, -1) // employers pay before the weekend
			}
			paydays = append(paydays, day)
		}
	}
	opening, reserve := g.MonthlyCost.Mul(decimal.NewFromFloat(1.2)).Round(2), cents(cost*g.between(1, 6))
	target := g.between(1.3, 2.2)
	switch {
	case scarce:
		opening, reserve = cents(cost*0.7), cents(cost*g.between(0, 0.8))
	case idle:
		target = g.between(10, 20)
		opening, reserve = cents(cost*target), cents(cost*0.5)
	case rich:
		reserve = cents(cost * g.between(12, 20))
	}
	if g.chance(0.25) { // money that lies there for some days only
		day := g.Start.AddDate(0, g.count(4, g.months-2), g.r.IntN(20))
		g.add(event.Income, "other-income", shop{"Inheritance", "%s"}, cents(cost*g.between(8, 15)), g.at(day))
	}
	history.Sort(g.Transactions)
	balance, saved, at := opening, reserve, 0
	var made []history.Transaction
	for _, day := range paydays {
		morning, evening := day.Add(7*time.Hour), day.Add(22*time.Hour)
		for ; at < len(g.Transactions) && g.Transactions[at].At.Before(evening); at++ {
			balance = balance.Add(g.Transactions[at].Flow(g.bank))
		}
		m := int(day.Month()-g.Start.Month()) + 12*(day.Year()-g.Start.Year())
		salary := g.income * share * g.incomeTimes[m]
		if g.chance(0.15) {
			salary *= g.between(1.01, 1.05) // overtime
		}
		keep := cost * share * target
		switch {
		case target > 10:
			keep = cost * target
		case g.tight: // what is left for the month is at times too little
			keep = cost * share * g.between(0.75, 1.25)
		}
		pay := g.of(event.Income, "salary", employer, cents(salary), morning)
		balance = balance.Add(pay.Amount)
		made = append(made, pay)
		move := balance.Sub(cents(keep)).Round(0)
		from, to := g.bank, g.savings
		if move.IsNegative() {
			from, to = to, from
		}
		if move.Abs().LessThan(decimal.NewFromInt(20)) || move.IsNegative() && saved.LessThan(move.Neg()) {
			continue
		}
		t := g.of(event.Transfer, "transfer", shop{"Own account", "%s"}, move.Abs(), evening)
		t.WalletID, t.ToWalletID = from, &to
		made = append(made, t)
		balance, saved = balance.Sub(move), saved.Add(move)
	}
	g.Transactions = append(g.Transactions, made...)
	history.Sort(g.Transactions)
	g.Wallets = []Wallet{
		{history.Wallet{ID: g.bank, UserID: g.UserID, Name: "Current account", Type: history.Bank, Currency: g.Currency}, opening},
		{history.Wallet{ID: g.savings, UserID: g.UserID, Name: "Savings", Type: history.Savings, Currency: g.Currency}, reserve},
	}
	for i := range g.Wallets {
		g.Wallets[i].Balance = g.BalanceAt(g.Wallets[i].ID, g.End)
	}
}

// save makes two goals and what is put by for them, about once a month.
func (g *generator) save() {
	for _, name := range pick(g, []string{"New bicycle", "Journey to Japan", "Kitchen", "Reserve", "Car"}, 2) {
		span := g.count(9, min(20, g.months-2))
		created := g.Start.AddDate(0, g.r.IntN(g.months-span), g.r.IntN(25))
		goal := Goal{Goal: history.Goal{
			ID: g.id(), UserID: g.UserID, Name: name, Currency: g.Currency, Target: decimal.NewFromInt(int64(g.count(8, 120)) * 50),
			CreatedAt: created, Deadline: created.AddDate(0, span, 0),
		}}
		pace, day := g.between(1.02, 1.25), g.count(1, 28)
		if g.chance(0.45) {
			pace = g.between(0.35, 0.8)
		}
		each := goal.Target.InexactFloat64() / float64(span) * pace
		for m := range span + 1 {
			at := history.MonthOf(created).AddDate(0, m, day-1)
			if at.Before(created) || !at.Before(goal.Deadline) || g.chance(0.06) {
				continue
			}
			s := Saving{At: at, Amount: cents(each * g.between(0.75, 1.25))}
			goal.Savings = append(goal.Savings, s)
			goal.Saved = goal.Saved.Add(s.Amount)
		}
		g.Goals = append(g.Goals, goal)
	}
}
