package household

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
)

type generator struct {
	*Household
	r      *rand.Rand
	months int

	bank, savings uuid.UUID
	income        float64 // a month, planned
	fortnightly   bool
	payDay        int
	incomeTimes   []float64 // by month
	tight         bool      // lives from payday to payday
	habits        []*habit
	bills         []*bill
	holidays      [][2]time.Time
	growth        Item
	growthRate    float64
	overspent     map[string]float64 // "category|2024-05": times
}

// habit is spending that comes by chance.
type habit struct {
	category string
	shops    []shop
	perMonth float64 // purchases
	median   float64 // of their amounts
	spread   float64 // of the logarithm; 0: a fixed price
	weekend  float64 // times as many on a day of the weekend
	twice    float64 // how often it is paid twice on a day
	// rhythm is how many days lie between, for what is had now and then.
	rhythm, next int
	turn         int
}

// bill is what is charged again and again.
type bill struct {
	shop              shop
	category, cadence string
	months, days, day int // every so many months on that day, or every so many days
	amount            float64
	season, noise     float64 // of utilities: the swing over the year, and chance
	foreign           float64 // wobble of the exchange rate
	from, to          int     // months
	risesAt           int     // month from which it costs more; 0: never
	rise              float64
	charged           []uuid.UUID
	when              []time.Time
	rose              bool
	weekday           time.Weekday
	monthInYear       int
}

// shop is a merchant and how banks write it.
type shop struct{ name, template string }

var templates = []string{
	"%s", "PAYPAL *%s %d", "%s.COM %d", "SEPA Direct Debit %s GmbH REF %d", "Card purchase %s #%d", "SQ *%s", "%s %d NL", "SumUp *%s %d",
}

func (g *generator) shop(name string) shop { return shop{name, templates[g.r.IntN(len(templates))]} }

func (g *generator) describe(s shop) string {
	if !strings.Contains(s.template, "%d") {
		return fmt.Sprintf(s.template, upperIf(s.name, strings.ToUpper(s.template) == s.template))
	}
	return fmt.Sprintf(s.template, upperIf(s.name, g.r.IntN(3) == 0), 1000+g.r.IntN(899999))
}

func upperIf(name string, upper bool) string {
	if upper {
		return strings.ToUpper(name)
	}
	return name
}

func (g *generator) id() uuid.UUID {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(g.r.Uint32())
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

func (g *generator) chance(p float64) bool             { return g.r.Float64() < p }
func (g *generator) between(low, high float64) float64 { return low + (high-low)*g.r.Float64() }
func (g *generator) count(low, high int) int           { return low + g.r.IntN(high-low+1) }
func (g *generator) lognormal(median, s float64) float64 {
	return median * math.Exp(s*g.r.NormFloat64())
}

func (g *generator) poisson(mean float64) int {
	limit, product, n := math.Exp(-mean), g.r.Float64(), 0
	for product > limit && n < 50 {
		product *= g.r.Float64()
		n++
	}
	return n
}

// cents makes an amount of a number drawn by chance.
func cents(x float64) decimal.Decimal { return decimal.New(max(1, int64(math.Round(x*100))), -2) }

// price makes one that ends as prices do.
func price(x float64) float64 { return math.Max(1, math.Round(x)) - 0.01 }

func pick[T any](g *generator, from []T, n int) []T {
	from = slices.Clone(from)
	g.r.Shuffle(len(from), func(i, j int) { from[i], from[j] = from[j], from[i] })
	return from[:min(n, len(from))]
}

// at is a time of a day.
func (g *generator) at(day time.Time) time.Time {
	return day.Add(time.Duration(8*3600+g.r.IntN(13*3600)) * time.Second)
}

func (g *generator) of(kind, category string, s shop, amount decimal.Decimal, at time.Time) history.Transaction {
	return history.Transaction{
		ID: g.id(), UserID: g.UserID, WalletID: g.bank, Amount: amount, Currency: g.Currency, Type: kind,
		Category: category, Description: g.describe(s), At: at,
	}
}

func (g *generator) add(kind, category string, s shop, amount decimal.Decimal, at time.Time) uuid.UUID {
	t := g.of(kind, category, s, amount, at)
	g.Transactions = append(g.Transactions, t)
	return t.ID
}

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

func (g *generator) abroad(at time.Time) bool {
	for _, holiday := range g.holidays {
		if !at.Before(holiday[0]) && at.Before(holiday[1]) {
			return true
		}
	}
	return false
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
