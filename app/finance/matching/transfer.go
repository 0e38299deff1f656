package matching

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/money"
)

// Side is a movement that may be one side of a transfer between two of a person's
// wallets.
type Side struct {
	Movement
	Wallet   uuid.UUID
	Name     string // the wallet's
	Currency string
}

// Transfer says that Out and In, indexes of what left and what came, are probably
// the two sides of one transfer.
type Transfer struct {
	Out, In int
	Reason  string
}

// How many days what came may lie before and after what left.
const (
	arrivesBefore = 2
	arrivesAfter  = 5
)

// tolerance is how much the amounts of a transfer between currencies may differ,
// converted at the known rate: banks take a margin.
var tolerance = decimal.New(3, -2)

// Words by which banks and people call a transfer between one's own accounts.
var transferWords = regexp.MustCompile(`(?i)\b(transfer|transfers|umbuchung|Übertrag|uebertrag|überweisung|ueberweisung|own account|savings|eigenes konto|sparkonto|top[- ]?up|virement|transferencia|overboeking|bonifico)\b`)

// Convert returns what an amount of one currency was worth in another on a day;
// ok is false where no rate is known.
type Convert func(amount decimal.Decimal, from, to string, on time.Time) (converted decimal.Decimal, ok bool)

// Transfers finds what left one wallet and came to another: the same amount within
// days, or one that the rates explain. Each movement is at most in one pair.
func Transfers(out, in []Side, convert Convert) []Transfer {
	left := newDepartures(out, in, convert)
	var edges []edge
	for j, came := range in {
		roughly := came.Amount.Abs().InexactFloat64()
		for _, i := range left.near(came) {
			if left.out[i].Currency != came.Currency && left.worth(i, came.Currency).unlike(roughly) {
				continue
			}
			if weight := left.weigh(i, j); weight > 0 {
				edges = append(edges, edge{i, j, weight})
			}
		}
	}
	var found []Transfer
	for _, e := range assign(edges) {
		found = append(found, Transfer{e.left, e.right, left.reason(e.left, e.right)})
	}
	return found
}

// departures are what left wallets, by what tells most of it apart from what came: the
// time grows with the pairs that are possible, not with all.
type departures struct {
	out, in    []Side
	left, came naming // of out and of in
	convert    Convert
	byAmount   map[sum][]int    // indexes of out, by day
	byCurrency map[string][]int // the same
	currencies []string
	worths     map[wanted]worth
}

// sum is an amount as a key: equal amounts are written alike.
type sum struct{ currency, amount string }

// wanted asks what a movement is worth in a currency.
type wanted struct {
	out  int
	code string
}

// worth is what is expected to come of what left, in another currency, and by how much it
// may differ. All are zero where no rate is known.
type worth struct {
	expected, margin decimal.Decimal
	roughly          float64 // expected
}

// unlike reports whether an amount is so far from what is expected that no decimal
// needs to be asked. It passes over pairs only, with room for what floats lose.
func (w worth) unlike(roughly float64) bool {
	const room = 0.04 // more than tolerance
	return math.Abs(roughly-w.roughly) > room*w.roughly
}

func newDepartures(out, in []Side, convert Convert) *departures {
	d := &departures{out: out, in: in, left: naming{out, map[int]bool{}}, came: naming{in, map[int]bool{}}, convert: convert, byAmount: map[sum][]int{}, byCurrency: map[string][]int{}, worths: map[wanted]worth{}}
	order := make([]int, len(out))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return out[a].Day.Compare(out[b].Day) })
	for _, i := range order {
		code := out[i].Currency
		d.byAmount[sumOf(out[i])] = append(d.byAmount[sumOf(out[i])], i)
		d.byCurrency[code] = append(d.byCurrency[code], i)
	}
	d.currencies = slices.Sorted(maps.Keys(d.byCurrency))
	return d
}

func sumOf(s Side) sum { return sum{s.Currency, s.Amount.Abs().String()} }

// near are the indexes of what may have come as that: the same amount, or any in
// another currency, within days.
func (d *departures) near(came Side) []int {
	found := slices.Clone(d.within(d.byAmount[sumOf(came)], came.Day))
	for _, code := range d.currencies {
		if code != came.Currency {
			found = append(found, d.within(d.byCurrency[code], came.Day)...)
		}
	}
	return found
}

// within are those that left so many days around a day that a transfer may take.
func (d *departures) within(byDay []int, day time.Time) []int {
	begin := sort.Search(len(byDay), func(k int) bool { return days(d.out[byDay[k]].Day, day) <= arrivesAfter })
	end := sort.Search(len(byDay), func(k int) bool { return days(d.out[byDay[k]].Day, day) < -arrivesBefore })
	return byDay[begin:end]
}

// worth is what a movement is worth in another currency; each is compared with many.
func (d *departures) worth(i int, code string) worth {
	w, known := d.worths[wanted{i, code}]
	if known {
		return w
	}
	one := d.out[i]
	if expected, found := d.convert(one.Amount.Abs(), one.Currency, code, one.Day); found && expected.IsPositive() {
		w = worth{expected, expected.Mul(tolerance), expected.InexactFloat64()}
	}
	d.worths[wanted{i, code}] = w
	return w
}

// off is how far what came is from what left, as a share of it; ok is false when both
// cannot be one amount.
func (d *departures) off(i, j int) (share decimal.Decimal, ok bool) {
	came := d.in[j]
	if d.out[i].Currency == came.Currency {
		return decimal.Zero, true // near returned equal amounts
	}
	w := d.worth(i, came.Currency)
	off := came.Amount.Abs().Sub(w.expected).Abs()
	if w.expected.IsZero() || off.GreaterThan(w.margin) {
		return decimal.Zero, false
	}
	return off.DivRound(w.expected, 6), true
}

// weigh tells how probable it is that what left and what came, near to it, are one
// transfer; 0: they are not.
func (d *departures) weigh(i, j int) float64 {
	came := d.in[j]
	if d.out[i].Wallet == came.Wallet {
		return 0
	}
	off, ok := d.off(i, j)
	if !ok {
		return 0
	}
	// Descriptions are read last, for amounts tell most pairs apart.
	lag := days(d.out[i].Day, came.Day)
	words := d.words(i, j)
	// Without a word of it, only what arrived soon: somebody else may have sent the
	// same amount.
	if words == 0 && (lag < -1 || lag > 3) {
		return 0
	}
	close := 1 - off.Div(tolerance).InexactFloat64()/2
	return close + 0.3*float64(words) - lagWeight*float64(lag*lag)
}

// reason is what speaks for a pair, for people.
func (d *departures) reason(i, j int) string {
	came := d.in[j]
	what := "the same amount"
	if code := came.Currency; d.out[i].Currency != code {
		off, _ := d.off(i, j)
		what = fmt.Sprintf("%s at the known rate, within %s%%", money.FormatIn(money.Round(d.worth(i, code).expected, code), code), off.Mul(decimal.NewFromInt(100)).StringFixed(1))
	}
	what += ", " + apart(days(d.out[i].Day, came.Day))
	if d.words(i, j) > 0 {
		what += ", and a description that speaks of a transfer"
	}
	return what
}

// words counts the sides whose description speaks of a transfer.
func (d *departures) words(i, j int) int {
	count := 0
	if d.left.speaks(i, d.in[j].Name) {
		count++
	}
	if d.came.speaks(j, d.out[i].Name) {
		count++
	}
	return count
}

// naming are movements, and of whose description it is known whether it names a transfer:
// each is compared with many.
type naming struct {
	sides []Side
	known map[int]bool
}

// speaks reports whether a movement's description names a transfer or the other
// side's wallet.
func (n naming) speaks(i int, other string) bool {
	named, known := n.known[i]
	if !known {
		named = transferWords.MatchString(n.sides[i].Description)
		n.known[i] = named
	}
	if named {
		return true
	}
	name := strings.TrimSpace(strings.ToLower(other))
	return len(name) >= 4 && strings.Contains(strings.ToLower(n.sides[i].Description), name)
}

// apart says how many days lie between two movements.
func apart(lag int) string {
	switch lag = max(lag, -lag); lag {
	case 0:
		return "on the same day"
	case 1:
		return "a day apart"
	default:
		return fmt.Sprintf("%d days apart", lag)
	}
}
