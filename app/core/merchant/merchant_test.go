package merchant

import (
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
		"nobody is named":                   {"Payment 12345", ""},
		"nothing":                           {"", ""},
		"not UTF-8":                         {"caf\xe9 x", "caf x"},
		"h&m":                               {"H&M 123", "h&m"},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, Normalise(c.description)) })
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
