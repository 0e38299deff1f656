//go:build !integration

// Once a run is enough: the pass of the tests with real servers leaves it out.

package matching

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/household"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/merchant"
)

// The households on which the rules are measured: a seed gives the same household
// again, so that figures can be compared.
const firstSeed, households = 40001, 20

// layouts are how banks word what a person would call by the merchant's name.
var layouts = map[string]func(name string, r *rand.Rand, day time.Time) string{
	"as it is": func(name string, _ *rand.Rand, _ time.Time) string { return name },
	"capitals, town": func(name string, r *rand.Rand, _ time.Time) string {
		return fmt.Sprintf("%s BERLIN DE %d", strings.ToUpper(name), 1000+r.IntN(9000))
	},
	"fixed words first": func(name string, _ *rand.Rand, day time.Time) string {
		return "KARTENZAHLUNG GIROCARD " + day.Format("02.01") + " " + strings.ToUpper(name)
	},
	"cut off": func(name string, _ *rand.Rand, _ time.Time) string {
		return strings.ToUpper(name)[:min(len(name), 10)]
	},
	"payee and purpose": func(name string, r *rand.Rand, _ time.Time) string {
		return fmt.Sprintf("%s GmbH, Ihr Einkauf Rechnung %d, danke", name, r.IntN(1e6))
	},
	"carrier": func(name string, r *rand.Rand, _ time.Time) string {
		return fmt.Sprintf("PAYPAL *%s %d", strings.ToUpper(name), r.IntN(1e8))
	},
}

// inOwnWords is what a person notes of it.
func inOwnWords(name, category string, r *rand.Rand) string {
	switch x := r.Float64(); {
	case x < 0.62:
		return strings.ToLower(name)
	case x < 0.77:
		return strings.Fields(name + " x")[0]
	case x < 0.85: // a letter too few
		at := len(name) / 2
		return name[:at] + name[min(at+1, len(name)):]
	case x < 0.95:
		return category
	default:
		return ""
	}
}

// tally counts what was claimed and what was true.
type tally struct{ right, wrong, missed int }

func (c tally) precision() float64 { return float64(c.right) / float64(max(1, c.right+c.wrong)) }
func (c tally) recall() float64    { return float64(c.right) / float64(max(1, c.right+c.missed)) }
func (c *tally) add(o tally)       { c.right += o.right; c.wrong += o.wrong; c.missed += o.missed }

func (c tally) String() string {
	return fmt.Sprintf("precision %.3f, recall %.3f (%d right, %d wrong, %d missed)", c.precision(), c.recall(), c.right, c.wrong, c.missed)
}

// lags are how many days after the person's the bank's day lies.
func bankLag(r *rand.Rand) int {
	switch x := r.Float64(); {
	case x < 0.04:
		return -1 // noted the day after, or of another time zone
	case x < 0.46:
		return 0
	case x < 0.72:
		return 1
	case x < 0.85:
		return 2
	case x < 0.95:
		return 3
	default:
		return 4
	}
}

// bank is a household's account statement over three months and what the person
// entered of it, with the truth: which row is which line.
type bank struct {
	lines []Movement
	rows  []Row
	truth map[int]int
}

// noted is a statement of which a person entered a good half by hand, and besides
// much else that is not on it.
func noted(h *household.Household, layout string, r *rand.Rand) bank {
	word := layouts[layout]
	b := bank{truth: map[int]int{}}
	account := h.Wallets[0].ID
	from := h.Start.AddDate(0, 12, 0)
	for _, x := range history.Between(h.Transactions, from, from.AddDate(0, 3, 0)) {
		flow := x.Flow(account)
		if flow.IsZero() {
			continue
		}
		day := history.Day(x.At)
		name := merchant.Normalise(x.Description)
		origin, own := Entered, inOwnWords(name, x.Category, r)
		if x.Type == event.Transfer {
			origin = Moved
		} else if r.Float64() < 0.06 {
			origin = Elsewhere // into the wrong wallet, or moved there
		}
		listed, entered := r.Float64() < 0.9, r.Float64() < 0.6 // cash is on no statement
		if listed {
			if entered {
				b.truth[len(b.lines)] = len(b.rows)
			}
			booked := day.AddDate(0, 0, bankLag(r))
			b.lines = append(b.lines, Movement{booked, flow, word(name, r, booked)})
		}
		if entered {
			b.rows = append(b.rows, Row{Movement: Movement{day, flow, own}, Origin: origin})
		}
	}
	return b
}

// again is a statement that was imported before, downloaded once more in another
// layout, with pending movements booked by now, and a month longer.
func again(h *household.Household, layout string, r *rand.Rand) bank {
	word, before := layouts[layout], layouts["as it is"]
	b := bank{truth: map[int]int{}}
	account := h.Wallets[0].ID
	from := h.Start.AddDate(0, 12, 0)
	until := from.AddDate(0, 2, 0)
	for _, x := range history.Between(h.Transactions, from, from.AddDate(0, 3, 0)) {
		flow := x.Flow(account)
		if flow.IsZero() {
			continue
		}
		day, name := history.Day(x.At), merchant.Normalise(x.Description)
		booked := day
		if day.Before(until) {
			if day.After(until.AddDate(0, 0, -4)) && r.Float64() < 0.5 {
				booked = day.AddDate(0, 0, 1+r.IntN(3)) // was pending then
			}
			b.truth[len(b.lines)] = len(b.rows)
			b.rows = append(b.rows, Row{Movement: Movement{day, flow, before(name, r, day)}, Origin: Imported})
		}
		b.lines = append(b.lines, Movement{booked, flow, word(name, r, booked)})
	}
	return b
}

// measure counts by line: one that was marked and is there, is not there, one that
// is there and was not marked. exact counts those whose row is the very one.
func (b bank) measure() (found tally, exact int) {
	claimed := map[int]int{}
	for _, p := range Duplicates(merchant.NewReader(), b.lines, make([]bool, len(b.lines)), b.rows) {
		claimed[p.Line] = p.Row
	}
	for i := range b.lines {
		true1, there := b.truth[i]
		row, marked := claimed[i]
		switch {
		case there && marked:
			found.right++
			if row == true1 {
				exact++
			}
		case marked:
			found.wrong++
		case there:
			found.missed++
		}
	}
	return found, exact
}

// floors are slightly under what was measured.
var duplicateFloors = map[string]struct{ precision, recall float64 }{
	"noted": {0.90, 0.89},
	"again": {0.99, 0.99},
}

func TestDuplicatesOnHouseholdsAndBanksLayouts(t *testing.T) {
	for name, scenario := range map[string]func(*household.Household, string, *rand.Rand) bank{"noted": noted, "again": again} {
		for layout := range layouts {
			var all tally
			exact := 0
			for seed := uint64(firstSeed); seed < firstSeed+households; seed++ {
				h := household.Generate(seed, household.Options{})
				found, same := scenario(h, layout, rand.New(rand.NewPCG(seed, 7))).measure()
				all.add(found)
				exact += same
			}
			t.Logf("%-6s %-18s %v, the very row of %.3f", name, layout, all, float64(exact)/float64(max(1, all.right)))
			floor := duplicateFloors[name]
			require.GreaterOrEqual(t, all.precision(), floor.precision, "%s %s", name, layout)
			require.GreaterOrEqual(t, all.recall(), floor.recall, "%s %s", name, layout)
		}
	}
}

// Two banks list a household's transfers beside all else that its account and its
// savings see: each side in its own words and a few days apart.
func TestTransfersOnHouseholds(t *testing.T) {
	var all tally
	for seed := uint64(firstSeed); seed < firstSeed+households; seed++ {
		h := household.Generate(seed, household.Options{})
		r := rand.New(rand.NewPCG(seed, 11))
		account, savings := h.Wallets[0].ID, h.Wallets[1].ID
		var out, in []Side
		truth := map[int]int{}
		for _, x := range h.Transactions {
			day := history.Day(x.At)
			for _, wallet := range []uuid.UUID{account, savings} {
				flow := x.Flow(wallet)
				if flow.IsZero() {
					continue
				}
				side := Side{Movement: Movement{day, flow, merchant.Normalise(x.Description)}, Wallet: wallet, Currency: "EUR"}
				if x.Type == event.Transfer {
					side.Description = []string{"Standing order 12", "Transfer to own savings", "Ada Lovelace", ""}[r.IntN(4)]
					side.Day = day.AddDate(0, 0, r.IntN(2))
				}
				if flow.IsNegative() {
					out = append(out, side)
				} else {
					if x.Type == event.Transfer {
						side.Day = side.Day.AddDate(0, 0, r.IntN(3))
						truth[len(in)] = -1
					}
					in = append(in, side)
				}
			}
			if x.Type == event.Transfer {
				truth[len(in)-1] = len(out) - 1
			}
			if x.Type == event.Income && r.Float64() < 0.5 { // money of others, at round amounts
				in = append(in, Side{Movement: Movement{day.AddDate(0, 0, r.IntN(28)), decimal.NewFromInt(int64(10 * (1 + r.IntN(30)))), "Ben"}, Wallet: savings, Currency: "EUR"})
			}
		}
		claimed := map[int]int{}
		for _, f := range Transfers(out, in, nil) {
			claimed[f.In] = f.Out
		}
		for j := range in {
			i, is := truth[j]
			claim, marked := claimed[j]
			switch {
			case marked && is && claim == i:
				all.right++
			case marked:
				all.wrong++
			case is:
				all.missed++
			}
		}
	}
	t.Log(all)
	require.GreaterOrEqual(t, all.precision(), transferFloors.precision)
	require.GreaterOrEqual(t, all.recall(), transferFloors.recall)
}

var transferFloors = struct{ precision, recall float64 }{0.98, 0.98}
