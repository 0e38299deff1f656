package matching

import (
	"fmt"
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
	order := make([]int, len(out)) // by day
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return out[a].Day.Compare(out[b].Day) })
	var edges []edge
	reasons := map[[2]int]string{}
	for j, came := range in {
		begin := sort.Search(len(order), func(k int) bool { return days(out[order[k]].Day, came.Day) <= arrivesAfter })
		for _, i := range order[begin:] {
			if days(out[i].Day, came.Day) < -arrivesBefore {
				break
			}
			if weight, reason := weighTransfer(out[i], came, convert); weight > 0 {
				edges = append(edges, edge{i, j, weight})
				reasons[[2]int{i, j}] = reason
			}
		}
	}
	var found []Transfer
	for _, e := range assign(edges) {
		found = append(found, Transfer{e.left, e.right, reasons[[2]int{e.left, e.right}]})
	}
	return found
}

// weighTransfer tells how probable it is that two movements are one transfer, 0:
// they are not, and what speaks for it.
func weighTransfer(out, in Side, convert Convert) (float64, string) {
	if out.Wallet == in.Wallet {
		return 0, ""
	}
	lag := days(out.Day, in.Day)
	words := speaksOfTransfer(out, in.Name) + speaksOfTransfer(in, out.Name)
	left, came := out.Amount.Abs(), in.Amount.Abs()
	what := "the same amount"
	close := 1.0
	switch {
	case out.Currency == in.Currency && !left.Equal(came):
		return 0, ""
	case out.Currency != in.Currency:
		expected, known := convert(left, out.Currency, in.Currency, out.Day)
		if !known || !expected.IsPositive() {
			return 0, ""
		}
		off := came.Sub(expected).Abs().DivRound(expected, 6)
		if off.GreaterThan(tolerance) {
			return 0, ""
		}
		what = fmt.Sprintf("%s at the known rate, within %s%%", money.FormatIn(money.Round(expected, in.Currency), in.Currency), off.Mul(decimal.NewFromInt(100)).StringFixed(1))
		close = 1 - off.Div(tolerance).InexactFloat64()/2
	}
	// Without a word of it, only what arrived soon: somebody else may have sent the
	// same amount.
	if words == 0 && (lag < -1 || lag > 3) {
		return 0, ""
	}
	reason := what + ", " + apart(lag)
	if words > 0 {
		reason += ", and a description that speaks of a transfer"
	}
	return close + 0.3*float64(words) - lagWeight*float64(lag*lag), reason
}

// speaksOfTransfer is 1 when a movement's description names a transfer or the
// other side's wallet, else 0.
func speaksOfTransfer(side Side, other string) int {
	if transferWords.MatchString(side.Description) {
		return 1
	}
	name := strings.TrimSpace(strings.ToLower(other))
	if len(name) >= 4 && strings.Contains(strings.ToLower(side.Description), name) {
		return 1
	}
	return 0
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
