package recurring

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
)

// renames are how a bank writes one merchant, earlier and later; %d is a reference
// that differs each time.
var renames = map[string][2]string{
	"a legal name":                    {"NETFLIX.COM %d", "Netflix International B.V. %d"},
	"a legal name, of another series": {"Spotify P%d", "Spotify AB Stockholm"},
	"a carrier before it":             {"DROPBOX*%d", "PAYPAL *DROPBOX %d"},
	"PayPal's direct debit":           {"Audible GmbH", "PayPal Europe S.a.r.l. et Cie S.C.A . AUDIBLE, Ihr Einkauf bei AUDIBLE"},
	"PayPal's direct debit, before":   {"PP.%d.PP . DISNEY PLUS, Ihr Einkauf bei DISNEY PLUS", "Disney Plus"},
	"a card's number behind it":       {"Vodafone West", "VODAFONE WEST CARD 4711 XXXX %d"},
	"a direct debit before it":        {"Allianz Versicherung", "SEPA Direct Debit Allianz Lebensversicherung REF %d"},
	"a town behind it":                {"FitX", "FitX Deutschland Essen"},
	"a new brand with the old name":   {"Unitymedia", "Vodafone formerly Unitymedia"},
	"a shop's name in front":          {"Adobe Systems", "ADOBE *CREATIVE CLOUD %d"},
}

// others begin when a charge ends, and are none of its series.
var others = map[string]func(r *rand.Rand, last history.Transaction) []history.Transaction{
	"purchases at a shop of the name": func(r *rand.Rand, last history.Transaction) []history.Transaction {
		var all []history.Transaction
		for at := last.At; len(all) < 6; {
			at = at.AddDate(0, 0, 1+r.IntN(60))
			all = append(all, with(last, "Netflix Shop", 5+100*r.Float64(), at))
		}
		return all
	},
	"another contract at another price on another day": func(r *rand.Rand, last history.Transaction) []history.Transaction {
		var all []history.Transaction
		for i := range 6 {
			all = append(all, with(last, "Netflix Games", last.Amount.InexactFloat64()*(1.6+r.Float64()), last.At.AddDate(0, i+1, 8+r.IntN(3))))
		}
		return all
	},
	"a merchant of no common word, at the price and on the day": func(r *rand.Rand, last history.Transaction) []history.Transaction {
		var all []history.Transaction
		for i := range 6 {
			all = append(all, with(last, "Bakery Sunshine", last.Amount.InexactFloat64(), last.At.AddDate(0, i+1, 0)))
		}
		return all
	},
}

func with(like history.Transaction, description string, amount float64, at time.Time) history.Transaction {
	like.ID, like.Description, like.Amount, like.At = uuid.New(), description, decimal.NewFromFloat(amount).Round(2), at
	return like
}

// charged makes charges of a subscription: monthly, moved by weekends, sometimes dearer
// from one on.
func charged(r *rand.Rand, description string, start time.Time, many int, price float64) []history.Transaction {
	var all []history.Transaction
	for i := range many {
		day := businessDay(start.AddDate(0, i, 0), 1)
		text := description
		if n := countOf(description); n > 0 {
			text = fmt.Sprintf(description, 1000+r.IntN(899999))
		}
		all = append(all, history.Transaction{ID: uuid.New(), Amount: decimal.NewFromFloat(price).Round(2), Currency: "EUR", Type: event.Expense,
			Category: "subscriptions", Description: text, At: day.Add(9 * time.Hour)})
	}
	return all
}

func countOf(text string) int {
	n := 0
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '%' && text[i+1] == 'd' {
			n++
		}
	}
	return n
}

// TestASeriesGoesOnUnderANewName makes subscriptions whose merchant is written another
// way from some charge on, and others that end where something else begins. Precision is
// the share of joined pairs that are one's, recall the share of renamed that were joined.
func TestASeriesGoesOnUnderANewName(t *testing.T) {
	joined, wrong, missed := 0, 0, 0
	r := rand.New(rand.NewPCG(7, 11))
	for name, names := range renames {
		found := 0
		for range 30 {
			start := time.Date(2024, time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
			before, price := 4+r.IntN(10), 4+25*r.Float64()
			h := charged(r, names[0], start, before, price)
			if r.IntN(4) == 0 {
				price *= 1.05 + 0.15*r.Float64()
			}
			h = append(h, charged(r, names[1], start.AddDate(0, before, 0), 1+r.IntN(6), price)...)
			now := h[len(h)-1].At.Add(time.Hour)
			if series := Find(h, now); len(series) == 1 && len(series[0].Charges) == len(h) {
				joined, found = joined+1, found+1
				continue
			}
			missed++
		}
		t.Logf("%s: %d of 30", name, found)
	}
	for name, other := range others {
		for range 100 {
			start := time.Date(2024, time.Month(1+r.IntN(12)), 1+r.IntN(28), 0, 0, 0, 0, time.UTC)
			h := charged(r, "Netflix", start, 4+r.IntN(10), 4+25*r.Float64())
			last := h[len(h)-1]
			h = append(h, other(r, last)...)
			history.Sort(h)
			for _, s := range Find(h, h[len(h)-1].At.Add(time.Hour)) {
				if s.Charges[0].At.Before(last.At) && s.Last().At.After(last.At) {
					wrong++
					t.Logf("wrongly joined: %s", name)
				}
			}
		}
	}
	precision, recall := float64(joined)/float64(joined+wrong), float64(joined)/float64(joined+missed)
	t.Logf("precision %.3f, recall %.3f", precision, recall)
	require.GreaterOrEqual(t, precision, 0.97)
	require.GreaterOrEqual(t, recall, 0.85)
}

func TestARenamedSeriesKeepsItsKeyAndBearsTheNewName(t *testing.T) {
	h := charges("2026-01-03:9.99 2026-02-03:9.99 2026-03-03:9.99 2026-04-03:9.99")
	before := Find(h[:3], h[2].At)
	h[3].Description = "NETFLIX INTERNATIONAL BV 88213"
	after := Find(h, h[3].At)
	require.Len(t, after, 1)
	require.Len(t, after[0].Charges, 4)
	require.Equal(t, before[0].Key, after[0].Key, "what was said of it is not said anew")
	require.Equal(t, "Netflix International", after[0].Name)
}

// Two contracts of one company go on side by side.
func TestNeighboursAreNotJoined(t *testing.T) {
	power := charges("2026-01-05:80 2026-02-05:80 2026-03-05:80 2026-04-05:80 2026-05-05:80")
	gas := charges("2026-04-05:82 2026-05-05:82 2026-06-05:82")
	for i := range power {
		power[i].Description = "Stadtwerke Strom"
	}
	for i := range gas {
		gas[i].Description = "Stadtwerke Gas"
	}
	h := append(power, gas...)
	history.Sort(h)
	require.Len(t, Find(h, h[len(h)-1].At), 2)
}
