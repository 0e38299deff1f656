package household

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
)

// weekdays moves what falls on a weekend to the next Monday, as banks do.
func weekdays(day time.Time) time.Time {
	for day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
		day = day.AddDate(0, 0, 1)
	}
	return day
}

// charge makes all bills.
func (g *generator) charge() {
	for _, b := range g.bills {
		for month := b.from; month < b.to; month++ {
			first := g.Start.AddDate(0, month, 0)
			if b.days > 0 {
				for day := first; day.Before(first.AddDate(0, 1, 0)); day = day.AddDate(0, 0, 1) {
					if day.Weekday() == b.weekday && !g.chance(0.03) {
						g.chargeOnce(b, month, day)
					}
				}
				continue
			}
			if (month-b.monthInYear)%b.months != 0 || month < b.monthInYear {
				continue
			}
			last := first.AddDate(0, 1, -1).Day()
			day := weekdays(first.AddDate(0, 0, min(b.day, last)-1))
			if g.chance(0.15) {
				day = day.AddDate(0, 0, 1)
			}
			g.chargeOnce(b, month, day)
		}
		if len(b.when) > 0 {
			g.Truth = append(g.Truth, Item{
				Kind: Recurring, Merchant: b.shop.name, Category: b.category, Cadence: b.cadence, From: b.when[0], To: b.when[len(b.when)-1],
				Note: fmt.Sprint(len(b.when)),
			})
		}
	}
}

func (g *generator) chargeOnce(b *bill, month int, day time.Time) {
	if !day.Before(g.End) {
		return
	}
	amount := b.amount
	rises := b.risesAt > 0 && month >= b.risesAt
	if rises {
		amount = math.Round(amount*b.rise*100) / 100
	}
	if b.season > 0 {
		amount *= 1 + b.season*math.Cos(2*math.Pi*float64(day.YearDay()-15)/365)
	}
	if b.noise > 0 {
		amount *= 1 + b.noise*g.r.NormFloat64()
	}
	if b.foreign > 0 {
		amount *= 1 + b.foreign*g.r.NormFloat64()
	}
	at := g.at(day)
	id := g.add(event.Expense, b.category, b.shop, cents(amount), at)
	b.charged, b.when = append(b.charged, id), append(b.when, at)
	if rises && !b.rose {
		b.rose = true
		g.Truth = append(g.Truth, Item{Kind: PriceRise, Transaction: id, Merchant: b.shop.name, Category: b.category, From: at})
	}
}

// times is how many times as often as usual something is bought on a day.
func (g *generator) times(category string, day time.Time) float64 {
	times := 1.0
	if over := g.overspent[category+"|"+history.Month(day)]; over > 0 {
		times *= over
	}
	if category == g.growth.Category && !day.Before(g.growth.From) {
		end := day
		if end.After(g.growth.To) {
			end = g.growth.To
		}
		times *= math.Pow(g.growthRate, end.Sub(g.growth.From).Hours()/24/30.4)
	}
	if category == "shopping" && day.Month() == time.December && day.Day() < 24 {
		times *= 1.35
	}
	return times
}

// live is a day.
func (g *generator) live(day time.Time) {
	for _, holiday := range g.holidays {
		if day.Equal(holiday[0].AddDate(0, 0, -40)) {
			g.add(event.Expense, "travel", g.shop("Lufthansa"), cents(g.between(180, 600)), g.at(day))
		}
		if !day.Before(holiday[0]) && day.Before(holiday[1]) {
			if day.Equal(holiday[0]) {
				g.add(event.Expense, "travel", g.shop(fmt.Sprintf("Hotel %s", g.foreignName())), cents(g.between(400, 1200)), g.at(day))
			}
			for range g.poisson(1.6) {
				category := []string{"leisure", "leisure", "groceries", "travel"}[g.r.IntN(4)]
				g.add(event.Expense, category, g.shop(g.foreignName()), cents(g.lognormal(34, 0.6)), g.at(day))
			}
			return // nothing of what is usual at home
		}
	}
	for _, h := range g.habits {
		if h.rhythm > 0 {
			if h.next--; h.next <= 0 {
				amount := cents(h.median)
				if h.spread > 0 {
					amount = cents(g.lognormal(h.median, h.spread))
				}
				g.add(event.Expense, h.category, h.shops[0], amount, g.at(day))
				h.next = h.rhythm + g.count(-h.rhythm/4, h.rhythm/4)
			}
			continue
		}
		rate := h.perMonth / 30.4 * g.times(h.category, day) * 7 / (5 + 2*h.weekend)
		if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
			rate *= h.weekend
		}
		for range g.poisson(3 * rate) {
			// Who shopped yesterday needs less today: of three chances one is taken,
			// which makes purchases more even than a Poisson process.
			if h.turn = (h.turn + 1) % 3; h.turn != 0 {
				continue
			}
			at := g.at(day)
			s := h.shops[g.r.IntN(len(h.shops))]
			amount := cents(h.median)
			if h.spread > 0 {
				amount = cents(g.lognormal(h.median, h.spread))
			}
			g.add(event.Expense, h.category, s, amount, at)
			if h.twice > 0 && g.chance(h.twice) {
				g.add(event.Expense, h.category, s, amount, at.Add(time.Duration(g.count(20, 500))*time.Minute))
			}
		}
	}
	switch {
	case g.chance(5.0 / 365): // a birthday
		name := []string{"Toy World", "Thalia Books", "Blume 2000", "Amazon", "Douglas"}[g.r.IntN(5)]
		g.add(event.Expense, "gifts", g.shop(name), cents(g.between(25, 110)), g.at(day))
	case g.chance(0.8 / 365): // a payment failed and was made again
		s, amount, at := g.shop("Zalando"), cents(g.lognormal(50, 0.4)), g.at(day)
		g.add(event.Expense, "shopping", s, amount, at)
		g.add(event.Income, "other-income", s, amount, at.Add(5*time.Minute))
		g.add(event.Expense, "shopping", s, amount, at.Add(20*time.Minute))
	case g.chance(0.3 / 365): // two tickets, bought one by one
		s, amount, at := g.shop("Eventim Tickets"), cents(price(g.between(15, 45))), g.at(day)
		g.add(event.Expense, "leisure", s, amount, at)
		g.add(event.Expense, "leisure", s, amount, at.Add(time.Duration(g.count(2, 90))*time.Minute))
	}
}

func (g *generator) foreignName() string {
	const first, second = "BaMoTaRiLeSuCoVa", "rinasolatemiguno"
	var name strings.Builder
	name.WriteString(first[2*g.r.IntN(8):][:2])
	for range g.count(1, 3) {
		name.WriteString(second[2*g.r.IntN(8):][:2])
	}
	return name.String() + []string{" Bar", " Mercado", " Taverna", " Museo", " Beach"}[g.r.IntN(5)]
}

func (g *generator) abroad(at time.Time) bool {
	for _, holiday := range g.holidays {
		if !at.Before(holiday[0]) && at.Before(holiday[1]) {
			return true
		}
	}
	return false
}
