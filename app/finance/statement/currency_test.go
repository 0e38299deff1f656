package statement

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheCurrencyOfAnAmountIsNeverGuessed(t *testing.T) {
	const (
		usd, eur, bare = "2026-09-13 -1 USD", "2026-09-13 -1 EUR", "2026-09-13 -1"
	)
	for name, c := range map[string]struct {
		file  string
		asks  []string
		lines []string // with the currency, or the sign that several share
		bad   map[int]string
	}{
		"a sign that several currencies share": {"Date,Text,Amount\n2026-09-13,A,-$1.00\n2026-09-14,B,-$2.00\n", nil, []string{bare + " $", "2026-09-14 -2 $"}, nil},
		"kronor behind the amount":             {"Datum;Text;Belopp\n2026-09-13;A;-1,00 kr\n", nil, []string{bare + " kr"}, nil},
		"the sign stands in the header":        {"Date,Text,Amount ($)\n2026-09-13,A,-1.00\n", nil, []string{bare + " $"}, nil},
		"the sign and the code":                {"Date,Text,Amount\n2026-09-13,A,-$1.00 USD\n", nil, []string{usd + " $"}, nil},
		"a code beside a sign that it has not": {"Date,Text,Amount\n2026-09-13,A,-$1.00 EUR\n", nil, nil, map[int]string{2: "two currencies"}},
		"two codes":                            {"Date,Text,Amount\n2026-09-13,A,EUR -1.00 USD\n", nil, nil, map[int]string{2: "is not an amount"}},
		"the amount and its column disagree":   {"Date,Text,Amount,Currency\n2026-09-13,A,-1.00 EUR,USD\n", nil, nil, map[int]string{2: "two currencies"}},
		"a sign in the column of currencies":   {"Date,Text,Amount,Currency\n2026-09-13,A,-1.00,$\n", nil, []string{bare + " $"}, nil},
		"a column found by its values":         {"Date,Text,Amount,Unit\n2026-09-13,A,-1.00,USD\n2026-09-13,B,-1.00,EUR\n", nil, []string{usd, eur}, nil},
		"a column without a header":            {"2026-09-13,A shop,-1.00,USD\n2026-09-13,B shop,-1.00,EUR\n", nil, []string{usd, eur}, nil},
		"two columns found by their values":    {"Date,Text,Amount,Unit,Shown\n2026-09-13,A,-1.00,USD,EUR\n2026-09-13,B,-1.00,EUR,EUR\n", []string{"currency"}, []string{usd, eur}, nil},
		"two columns that say the same":        {"Date,Text,Amount,Unit,Shown\n2026-09-13,A,-1.00,USD,USD\n", nil, []string{usd}, nil},
		"a column of original currencies":      {"Date,Text,Amount,Original unit\n2026-09-13,A,-1.00,USD\n", nil, []string{bare}, nil},
		"not in every row":                     {"Date,Text,Amount,Unit\n2026-09-13,A,-1.00,USD\n2026-09-13,B,-1.00,\n", nil, []string{bare, bare}, nil},
		"a line before the table":              {"Currency: USD\nDate,Text,Amount\n2026-09-13,A,-1.00\n", nil, []string{usd}, nil},
		"a line of two values before it":       {"Konto;DE12\nWährung;USD\nDatum;Text;Betrag\n13.09.2026;A;-1,00\n", nil, []string{usd}, nil},
		"a balance before it":                  {"Kontostand:;1.234,00 EUR\nDatum;Text;Betrag\n13.09.2026;A;-1,00\n", nil, []string{eur}, nil},
		"a sentence before it":                 {"All amounts in USD\n\nDate,Text,Amount\n2026-09-13,A,-1.00\n", nil, []string{usd}, nil},
		"a line after it":                      {"Date,Text,Amount\n2026-09-13,A,-1.00\nCurrency: USD\n", nil, []string{usd}, map[int]string{3: ""}},
		"a line before it and the amounts":     {"Currency: USD\nDate,Text,Amount\n2026-09-13,A,-1.00 EUR\n", nil, []string{eur}, nil},
		"a line before it and a sign":          {"Currency: USD\nDate,Text,Amount\n2026-09-13,A,-1.00 kr\n", nil, nil, map[int]string{3: "two currencies"}},
		"words before it that are none":        {"Valuta: TOP\nAccount: ALL\nDate,Text,Amount\n2026-09-13,A,-1.00\n", nil, []string{bare}, nil},
		"a fee in another currency":            {"Date,Text,Amount,Fee,Balance\n2026-09-13,A,-1.00 USD,,9.00\n2026-09-14,B,-1.00 USD,0.10 EUR,7.90\n", nil, []string{usd}, map[int]string{3: "the fee"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Detect(CSV, strings.NewReader(c.file))
			require.NoError(t, err)
			var asks []string
			for _, a := range p.Ambiguities {
				if a.Field != AskDescription {
					asks = append(asks, string(a.Field))
				}
			}
			require.Equal(t, c.asks, asks, "%v", p.Ambiguities)
			lines, bad, err := Parse(CSV, strings.NewReader(c.file), p.Mapping)
			require.NoError(t, err)
			var got []string
			for i, text := range plainLines(lines) {
				got = append(got, strings.Join(strings.Fields(text+" "+lines[i].Currency+" "+lines[i].Symbol), " "))
			}
			require.Equal(t, c.lines, got)
			require.Len(t, bad, len(c.bad), "%v", bad)
			for _, b := range bad {
				require.Contains(t, b.Reason, c.bad[b.Number])
			}
		})
	}
	_, _, err := proposed(t, "Currency: USD\nAccount currency: EUR\nDate,Text,Amount\n2026-09-13,A,-1.00\n")
	require.ErrorContains(t, err, "name USD, EUR")
}

func TestASignOfMoneyIsOfItsCurrencies(t *testing.T) {
	for _, c := range []struct {
		currency, symbol string
		want             bool
	}{{"USD", "$", true}, {"CAD", "$", true}, {"EUR", "$", false}, {"CNY", "¥", true}, {"SEK", "kr", true}, {"EUR", "kr", false}, {"PKR", "Rs", true}, {"EUR", "", false}} {
		require.Equal(t, c.want, Writes(c.currency, c.symbol), "%v", c)
	}
	for format, text := range map[Format]string{
		QIF: "!Type:Bank\nD2026-09-13\nT-$1.00\nPA\n^\n", OFX: "<OFX>\n<STMTTRN>\n<DTPOSTED>20260913\n<TRNAMT>-$1.00\n<NAME>A\n</OFX>",
	} {
		lines, bad, err := Parse(format, strings.NewReader(text), Mapping{})
		require.NoError(t, err)
		require.Empty(t, bad)
		require.Equal(t, "$", lines[0].Symbol, format)
	}
	lines, _, err := Parse(OFX, strings.NewReader("<OFX>\n<STMTTRN>\n<DTPOSTED>20260913\n<TRNAMT>USD -1.00\n<NAME>A\n</OFX>"), Mapping{})
	require.NoError(t, err)
	require.Equal(t, "USD", lines[0].Currency, "of a statement that names none")
	_, bad, err := Parse(OFX, strings.NewReader("<OFX><CURDEF>EUR\n<STMTTRN>\n<DTPOSTED>20260913\n<TRNAMT>-$1.00\n<NAME>A\n</OFX>"), Mapping{})
	require.NoError(t, err)
	require.Len(t, bad, 1)
	require.Contains(t, bad[0].Reason, "another currency")
}
