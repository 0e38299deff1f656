package merchant

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// layouts are how banks write a card payment or a direct debit around a name. Those
// with words of no language show what is learnt rather than known.
var layouts = map[string][]string{
	"English, card and terminal": {"CARD PURCHASE, %N", "POS %d %N %T", "Purchase by card no %d at %N", "DIRECT DEBIT PAYMENT TO %N REF %d"},
	"English, date before":       {"Visa debit contactless purchase on %D %N %T", "Recurring card transaction authorised on %D %N", "Bill pay to %N"},
	"German":                     {"KARTENZAHLUNG %N//%T/DE %D", "Einkauf mit girocard bei %N %T", "SEPA-Lastschrift an %N Mandat %d"},
	"German, long":               {"Kauf mit Debitkarte Nr %d vom %D bei %N", "Zahlung per Basislastschrift Gläubiger %N"},
	"French":                     {"PAIEMENT PAR CARTE BANCAIRE DU %D %N %T", "ACHAT CB %N %D", "PRLV SEPA EUROPEEN EMIS PAR %N"},
	"Spanish":                    {"COMPRA CON TARJETA EN %N, %T", "PAGO CON TARJETA %d EN %N", "RECIBO DOMICILIADO DE %N"},
	"Italian":                    {"PAGAMENTO CON CARTA DI DEBITO PRESSO %N %T", "ADDEBITO DIRETTO A FAVORE DI %N"},
	"Dutch":                      {"BEA, Betaalpas %N,PAS%d NR:%d %T", "Betaling met pas bij %N %D", "SEPA incasso algemeen doorlopend %N"},
	"Polish":                     {"Płatność kartą przy użyciu terminala %N %T", "Zakup przy użyciu karty %d %N"},
	"Swedish":                    {"Kortköp %D %N %T", "Köp med bankkort hos %N", "Autogiro till %N"},
	"no known language":          {"ZORF MELKA DUN IPSI %N %T", "ZORF MELKA TRAM %N"},
	"one long phrase":            {"QUEN VARU SOLTI MABRE KIN %N"},
	"one word":                   {"GLIFTEN %N %d"},
	"words behind":               {"%N QUENSA TILBRO VERN", "%N %T QUENSA TILBRO VERN"},
	"words before and behind":    {"ZULK PRANDO EST %N UM BLEFTO %d"},
	"plain":                      {"%N", "%N %T"},
}

// heldOut are layouts that were written down before, and not looked at while, the
// numbers in wording.go were chosen.
var heldOut = map[string][]string{
	"Portuguese":            {"COMPRA %d %N %T CONTACTLESS", "PAGAMENTO DE SERVICOS %N", "DEBITO DIRETO %N %d"},
	"Czech":                 {"Platba kartou u obchodníka %N, %T, datum %D", "Inkaso ve prospěch %N"},
	"Norwegian":             {"Visa varekjøp %D %N %T", "Avtalegiro til %N"},
	"Hungarian":             {"Kártyás vásárlás %d, %N, %T", "Csoportos beszedés kedvezményezett %N"},
	"Turkish":               {"Kredi kartı ile peşin satış %N %T", "Otomatik ödeme talimatı kurum %N"},
	"American":              {"CHECKCARD %d %N %T", "PURCHASE AUTHORIZED ON %D %N %T CARD %d", "ACH WEB RECUR DEBIT PMT %N"},
	"no language at all":    {"BRAMI TOKU %N %T", "BRAMI SELVU NATO %N", "KERU %N"},
	"the terminal's number": {"TRM%d LOC%d %N %T", "%N *%d"},
	"all behind":            {"%N;%T;HUND VEKA", "%N;HUND VEKA;SULT"},
}

var (
	shops = strings.Split("Rewe,Lidl,Aldi,Carrefour,Starbucks,Netflix,Spotify,Shell,Ikea,Zara,Mercadona,Monoprix,Jumbo,Biedronka,Coop,Blue Bottle,Whole Foods,Golden Dragon,Bowling World,Thalia Books,Toy World,Fitness First,City Bus,Green Valley Market,Pharmacy Nord,Optik Klar,Burger Barn,Pizza Pronto,Taverna Rina,Hotel Basol", ",")
	towns = strings.Split("Berlin,Springfield,Lyon,Utrecht,Gdansk,Valencia,Torino,Malmo", ",")
)

// statement makes a person's rows of one bank's layout, or of several: the shops they
// go to, some much more often than others, each in one to three towns.
func statement(r *rand.Rand, many int, formats []string) (descriptions, names []string) {
	own := r.Perm(len(shops))[:12+r.IntN(10)]
	weights, all := make([]float64, len(own)), 0.0
	format, where := make([]string, len(own)), make([][]string, len(own))
	for i := range own {
		weights[i] = 0.3 + r.ExpFloat64()
		all += weights[i]
		format[i] = formats[min(int(r.ExpFloat64()), len(formats)-1)]
		for range 1 + r.IntN(3) {
			where[i] = append(where[i], towns[r.IntN(3)])
		}
	}
	for range many {
		x, at := r.Float64()*all, 0
		for at < len(own)-1 && x > weights[at] {
			x -= weights[at]
			at++
		}
		name := shops[own[at]]
		text := format[at]
		if r.IntN(12) == 0 { // bought there in another way
			text = formats[r.IntN(len(formats))]
		}
		shown := name
		if r.IntN(3) == 0 {
			shown = strings.ToUpper(name)
		}
		text = strings.ReplaceAll(text, "%N", shown)
		text = strings.ReplaceAll(text, "%T", where[at][r.IntN(len(where[at]))])
		text = strings.ReplaceAll(text, "%D", fmt.Sprintf("%02d.%02d.2026", 1+r.IntN(28), 1+r.IntN(12)))
		for strings.Contains(text, "%d") {
			text = strings.Replace(text, "%d", fmt.Sprint(1000+r.IntN(90000)), 1)
		}
		descriptions, names = append(descriptions, text), append(names, name)
	}
	return descriptions, names
}

// pairs counts pairs of rows: of those told to be one merchant's the share that are,
// and of those that are the share told so.
type pairs struct{ right, wrong, missed int }

func (p *pairs) add(q pairs)       { p.right += q.right; p.wrong += q.wrong; p.missed += q.missed }
func (p pairs) precision() float64 { return float64(p.right) / float64(max(1, p.right+p.wrong)) }
func (p pairs) recall() float64    { return float64(p.right) / float64(max(1, p.right+p.missed)) }
func count(got, want []string) (p pairs) {
	for i := range got {
		for j := range i {
			switch same := got[i] != "" && got[i] == got[j]; {
			case same && want[i] == want[j]:
				p.right++
			case same:
				p.wrong++
			case want[i] == want[j]:
				p.missed++
			}
		}
	}
	return p
}

// measure takes people of each layout; learnt: names are told by what was learnt of
// their own rows.
func measure(of map[string][]string, first uint64, people, rows int, learnt bool) map[string]pairs {
	found := map[string]pairs{}
	for layout, formats := range of {
		var sum pairs
		for seed := range people {
			r := rand.New(rand.NewPCG(first+uint64(seed), 0x6d65))
			descriptions, names := statement(r, rows, formats)
			var w Wording
			if learnt {
				w = Learn(descriptions)
			}
			got := make([]string, len(descriptions))
			for i, d := range descriptions {
				got[i] = w.Normalise(d)
			}
			sum.add(count(got, names))
		}
		found[layout] = sum
	}
	return found
}

func TestMerchantsAreToldApartInEveryLayout(t *testing.T) {
	const people, rows = 20, 200
	for name, c := range map[string]struct {
		layouts           map[string][]string
		precision, recall float64
	}{
		"layouts that were looked at": {layouts, 0.99, 0.91},
		"layouts that were not":       {heldOut, 0.98, 0.87},
	} {
		t.Run(name, func(t *testing.T) {
			const first = 70_001
			plain, learnt := measure(c.layouts, first, people, rows, false), measure(c.layouts, first, people, rows, true)
			var all pairs
			for _, layout := range slices.Sorted(maps.Keys(c.layouts)) {
				t.Logf("| %s | %.3f | %.3f | %.3f | %.3f |", layout, plain[layout].precision(), plain[layout].recall(), learnt[layout].precision(), learnt[layout].recall())
				all.add(learnt[layout])
			}
			t.Logf("all: %.3f %.3f", all.precision(), all.recall())
			require.GreaterOrEqual(t, all.precision(), c.precision)
			require.GreaterOrEqual(t, all.recall(), c.recall)
		})
	}
}

func BenchmarkLearn(b *testing.B) {
	descriptions, _ := statement(rand.New(rand.NewPCG(1, 2)), 20_000, layouts["English, card and terminal"])
	for b.Loop() {
		Learn(descriptions)
	}
}
