package merchant

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/history"
)

func TestNormalise(t *testing.T) {
	for name, c := range map[string]struct{ description, want string }{
		"a plain name":                      {"Netflix", "netflix"},
		"carrier, domain and number":        {"PAYPAL *NETFLIX.COM 4029357733 NL", "netflix"},
		"card purchase with a terminal":     {"Card purchase REWE MARKT #0421 12.03.2026", "rewe markt"},
		"direct debit with a mandate":       {"SEPA Direct Debit Stadtwerke München GmbH REF 88121-3", "stadtwerke munchen"},
		"a month in the reference":          {"Rent March 2026", "rent"},
		"accents":                           {"Café Zoë", "cafe zoe"},
		"a name with a digit stays":         {"7eleven 0042", "7eleven"},
		"digits and letters in a reference": {"Spotify P2A41B9C", "spotify"},
		"square":                            {"SQ *BLUE BOTTLE", "blue bottle"},
		"only the first words":              {"Deutsche Bahn Fernverkehr Frankfurt am Main", "deutsche bahn fernverkehr"},
		"a fee for a card":                  {"Card fee 2026", "card fee"},
		"a fee for a transfer":              {"Transfer fee 2026", "transfer fee"},
		"nobody is named":                   {"Payment 12345", ""},
		"nothing":                           {"", ""},
		"not UTF-8":                         {"caf\xe9 x", "caf x"},
		"h&m":                               {"H&M 123", "h&m"},
		"a legal form in letters":           {"Philips Lighting B.V. Eindhoven", "philips lighting eindhoven"},
		"another legal form in letters":     {"Enel Energia S.p.A.", "enel energia"},
		"one letter is part of a name":      {"Plan B Bar", "plan b bar"},
		"letters are the name":              {"B & Q 0421", "b & q"},
		"a carrier with its legal form":     {"PayPal (Europe) S.a.r.l. et Cie, S.C.A. NETFLIX", "netflix"},
		"a carrier that says for whom":      {"PayPal Europe S.a.r.l. et Cie S.C.A 1029384756 . , Ihr Einkauf bei Spotify AB", "spotify"},
		"a carrier without an asterisk":     {"PAYPAL SPOTIFY", "spotify"},
		"a bank that carries":               {"Klarna Bank AB Zalando", "zalando"},
		"the carrier itself":                {"PayPal Europe S.a.r.l. et Cie", "paypal"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, Normalise(c.description)) })
	}
}

// A person who shops at the same few merchants in many towns.
func TestAMerchantInManyTownsStaysOne(t *testing.T) {
	towns := strings.Fields("Ulm Bonn Mainz Trier Essen Hagen Siegen Kassel Fulda Erfurt Jena Gera")
	var all []string
	chance := rand.New(rand.NewPCG(1, 2))
	shops := []string{"REWE", "Deutsche Bahn Fernverkehr", "Lidl", "dm drogerie", "Aldi", "Kino"}
	for i := range 240 {
		all = append(all, shops[i%len(shops)]+" "+towns[chance.IntN(len(towns))])
	}
	w := Learn(all)
	require.Empty(t, w.Before)
	for _, shop := range shops {
		require.Equal(t, w.Normalise(shop+" Bonn"), w.Normalise(shop+" Ulm"))
	}
	require.Equal(t, "rewe", w.Normalise("REWE Ulm"))
	require.Equal(t, "deutsche bahn fernverkehr", w.Normalise("Deutsche Bahn Fernverkehr Bonn"))
}

func TestLearn(t *testing.T) {
	names := strings.Fields("Rewe Lidl Aldi Netflix Shell Zara Ikea Douglas Thalia Esso")
	rows := func(many int, format ...string) (all []string) {
		for i := range many {
			all = append(all, fmt.Sprintf(format[i%len(format)], names[i*7%len(names)]))
		}
		return all
	}
	for name, c := range map[string]struct {
		rows              []string
		description, want string
	}{
		"fixed words before":                 {rows(40, "ZULK PRANDO EST VI %s"), "ZULK PRANDO EST VI Rewe", "rewe"},
		"a name that is new":                 {rows(40, "ZULK PRANDO EST VI %s"), "ZULK PRANDO EST VI Kaufland", "kaufland"},
		"nothing but the fixed words":        {rows(40, "ZULK PRANDO EST VI %s"), "ZULK PRANDO EST VI", "zulk prando est"},
		"fixed words behind":                 {rows(40, "%s QUENSA TILBRO VERN"), "Rewe QUENSA TILBRO VERN", "rewe"},
		"of two banks":                       {rows(60, "ZULK PRANDO EST %s", "QUEN MABRE DUN %s"), "QUEN MABRE DUN Rewe", "rewe"},
		"beside rows without":                {rows(60, "ZULK PRANDO EST %s", "%s"), "Rewe", "rewe"},
		"too few rows to tell":               {rows(5, "ZULK PRANDO %s"), "ZULK PRANDO Rewe", "zulk prando rewe"},
		"one merchant alone":                 {slices.Repeat([]string{"Blue Bottle Coffee Roasters"}, 50), "Blue Bottle Coffee Roasters", "blue bottle coffee"},
		"no rows":                            {nil, "Rewe", "rewe"},
		"card purchase, as many banks write": {nil, "Card purchase, A", "a"},
		"a masked card":                      {nil, "Purchase by card no XXXX1234 at Rewe", "rewe"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, Learn(c.rows).Normalise(c.description)) })
	}
}

func TestOf(t *testing.T) {
	require.Equal(t, "known", Of(history.Transaction{Merchant: "known", Description: "Netflix"}))
	require.Equal(t, "netflix", Of(history.Transaction{Description: "Netflix"}))
	require.Equal(t, "Blue Bottle", Show("blue bottle"))
	require.Empty(t, Show(""))
}

func FuzzNormalise(f *testing.F) {
	f.Add("PAYPAL *NETFLIX.COM 4029357733 NL")
	f.Fuzz(func(t *testing.T, description string) {
		once := Normalise(description)
		require.LessOrEqual(t, len(once), 4*len(description)+1)
		Show(once)
	})
}
