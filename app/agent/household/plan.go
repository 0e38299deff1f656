package household

import (
	"math"
	"time"

	"github.com/wealth-companion/companion/app/core/history"
)

// settle decides who they are.
func (g *generator) settle() {
	g.bank, g.savings = g.id(), g.id()
	g.income = math.Round(g.between(1900, 5500))
	g.fortnightly = g.chance(0.15)
	g.payDay = g.count(24, 28)
	g.tight = g.chance(0.4)
	g.overspent = map[string]float64{}
	scale := math.Sqrt(g.income / 3000)

	weekend := g.between(0.9, 1.25)
	if g.chance(0.4) {
		weekend = g.between(3, 4)
		g.Truth = append(g.Truth, Item{Kind: Weekend, From: g.Start, To: g.End})
	}
	shops := func(n int, names ...string) []shop {
		var found []shop
		for _, name := range pick(g, names, n) {
			found = append(found, g.shop(name))
		}
		return found
	}
	g.habits = []*habit{
		{category: "groceries", shops: shops(3, "Rewe Markt", "Lidl", "Edeka", "Aldi", "Penny", "Alnatura", "Whole Foods"), perMonth: g.between(12, 18), median: 27 * scale, spread: 0.5, weekend: weekend},
		{category: "leisure", shops: shops(5, "Trattoria Roma", "Golden Dragon", "Kino Central", "Bowling World", "Cocktail Bar Sol", "Brauhaus", "Steam Games"), perMonth: g.between(9, 14), median: 21 * scale, spread: 0.5, weekend: weekend},
		{category: "shopping", shops: shops(5, "Amazon", "Zara", "H&M", "Ikea", "Decathlon", "MediaMarkt", "Etsy"), perMonth: g.between(6, 10), median: 26 * scale, spread: 0.6, weekend: weekend},
		{category: "health", shops: shops(2, "Pharmacy Nord", "DM Drogerie", "Optik Klar"), perMonth: g.between(1, 2.5), median: 17, spread: 0.5, weekend: 1},
		{category: "leisure", shops: shops(1, "Hairdresser Scissor", "Salon Bella"), rhythm: g.count(34, 48), median: price(g.between(25, 60)) + 0.01, weekend: 1},
	}
	if g.chance(0.6) {
		g.habits = append(g.habits, &habit{category: "transport", shops: shops(1, "Shell Station", "Aral Station", "Esso"), rhythm: g.count(8, 15), median: 58, spread: 0.22, weekend: 1})
	} else {
		g.habits = append(g.habits, &habit{category: "transport", shops: shops(1, "City Bus", "Metro Tickets"), perMonth: g.between(14, 22), median: 3.2, weekend: 0.5, twice: 0.7})
	}
	if g.chance(0.5) {
		g.habits = append(g.habits, &habit{category: "leisure", shops: shops(1, "Blue Bottle Coffee", "Starbucks", "Café Zoë"), perMonth: g.between(10, 20), median: 3.9, weekend: 0.8, twice: 0.25})
	}
}

// plan decides what they owe regularly, and what is planted over months.
func (g *generator) plan() {
	monthly := func(name, category string, amount float64, day int) *bill {
		b := &bill{shop: g.shop(name), category: category, cadence: "monthly", months: 1, day: day, amount: amount, to: g.months}
		g.bills = append(g.bills, b)
		return b
	}
	rent := monthly("Rent Hausverwaltung", "housing", math.Round(g.income*g.between(0.26, 0.34)), g.count(1, 4))
	if g.chance(0.3) {
		rent.risesAt, rent.rise = g.count(6, g.months-4), g.between(1.04, 1.08)
	}
	power := monthly("Stadtwerke Strom", "utilities", g.between(50, 110), g.count(5, 20))
	power.season, power.noise = g.between(0.1, 0.4), 0.07
	if g.chance(0.5) {
		gas := monthly("Gasag Erdgas", "utilities", g.between(50, 90), g.count(5, 20))
		gas.season, gas.noise = g.between(0.3, 0.6), 0.1
	}
	monthly("Telekom Internet", "utilities", price(g.between(30, 50)), g.count(5, 28))
	monthly("Vodafone Mobile", "utilities", price(g.between(12, 35)), g.count(5, 28))
	g.bills = append(g.bills, &bill{
		shop: g.shop("Allianz Versicherung"), category: "insurance", cadence: "quarterly", months: 3, day: g.count(1, 20),
		monthInYear: g.r.IntN(3), amount: price(g.between(60, 160)), to: g.months,
	})
	for _, name := range pick(g, []string{"Netflix", "Spotify", "Disney Plus", "iCloud", "Adobe", "Audible", "FitX Gym", "New York Times", "Dropbox", "Xbox Pass"}, g.count(2, 6)) {
		s := monthly(name, "subscriptions", price(g.between(5, 30)), g.count(1, 30))
		switch g.r.IntN(6) {
		case 0:
			s.from = g.count(3, g.months-8) // began later
		case 1:
			s.to = g.count(8, g.months-2) // and some end
		case 2:
			s.foreign = g.between(0.008, 0.02)
		}
		if s.foreign == 0 && g.chance(0.5) && s.to-s.from > 9 {
			s.risesAt, s.rise = g.count(s.from+4, s.to-3), g.between(1.07, 1.35)
		}
	}
	for _, name := range pick(g, []string{"Amazon Prime", "ADAC", "Namecheap Domain", "Haftpflicht Huk", "Bahncard"}, g.count(1, 3)) {
		g.bills = append(g.bills, &bill{
			shop: g.shop(name), category: []string{"subscriptions", "insurance"}[g.r.IntN(2)], cadence: "yearly", months: 12, day: g.count(1, 28),
			monthInYear: g.r.IntN(12), amount: price(g.between(30, 140)), to: g.months,
		})
	}
	if g.chance(0.3) {
		g.bills = append(g.bills, &bill{shop: g.shop("Yoga Studio Om"), category: "leisure", cadence: "weekly", days: 7, weekday: time.Weekday(g.r.IntN(7)), amount: math.Round(g.between(9, 18)), to: g.months})
	}

	g.incomeTimes = make([]float64, g.months)
	change, times := g.months, 1.0
	if g.chance(0.5) && g.months > 14 {
		change, times = g.count(11, max(11, g.months-7)), g.between(0.68, 0.8)
		note := "down"
		if g.chance(0.4) {
			times, note = g.between(1.3, 1.5), "up"
		}
		g.Truth = append(g.Truth, Item{Kind: RateChange, From: g.Start.AddDate(0, change, 0), To: g.End, Note: note})
	}
	for m := range g.incomeTimes {
		g.incomeTimes[m] = 1
		if m >= change {
			g.incomeTimes[m] = times
		}
	}
	for year := g.Start.Year(); year <= g.End.Year(); year++ {
		begin := time.Date(year, time.Month(g.count(5, 9)), g.count(1, 20), 0, 0, 0, 0, time.UTC)
		g.holidays = append(g.holidays, [2]time.Time{begin, begin.AddDate(0, 0, g.count(6, 14))})
	}
	if g.chance(0.4) && g.months >= 18 {
		from := g.count(7, g.months-10)
		g.growth = Item{Kind: Growth, Category: []string{"groceries", "leisure"}[g.r.IntN(2)], From: g.Start.AddDate(0, from, 0), To: g.Start.AddDate(0, from+9, 0)}
		g.growthRate = g.between(1.1, 1.15)
		g.Truth = append(g.Truth, g.growth)
	}
	for range g.count(2, 4) {
		category := []string{"groceries", "leisure", "shopping"}[g.r.IntN(3)]
		month := g.Start.AddDate(0, g.count(7, g.months-1), 0)
		key := category + "|" + history.Month(month)
		if g.overspent[key] > 0 || category == g.growth.Category {
			continue
		}
		g.overspent[key] = g.between(2.2, 3.2)
		g.Truth = append(g.Truth, Item{Kind: Overspend, Category: category, From: month, To: month.AddDate(0, 1, 0)})
	}
}
