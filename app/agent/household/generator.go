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

func (g *generator) chance(p float64) bool { return g.r.Float64() < p }

func (g *generator) between(low, high float64) float64 { return low + (high-low)*g.r.Float64() }

func (g *generator) count(low, high int) int { return low + g.r.IntN(high-low+1) }

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
