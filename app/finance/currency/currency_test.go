package currency

import (
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/money"
)

func day(text string) time.Time {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return at
}

func table(rates ...[4]string) *Table {
	t := &Table{}
	for _, r := range rates {
		t.Add(Pair{r[1], r[2]}, day(r[0]), decimal.RequireFromString(r[3]))
	}
	return t
}

func TestConvert(t *testing.T) {
	rates := table(
		[4]string{"2026-03-01", "EUR", "USD", "1.10"},
		[4]string{"2026-01-01", "EUR", "USD", "1.05"},
		[4]string{"2026-02-01", "USD", "EUR", "0.80"},
		[4]string{"2026-01-01", "EUR", "JPY", "160"},
		[4]string{"2026-01-01", "GBP", "CHF", "1.1"},
		[4]string{"2026-01-01", "CHF", "EUR", "1.0"},
		[4]string{"2026-02-01", "GBP", "USD", "1.3"},
		[4]string{"2026-02-15", "GBP", "CHF", "1.2"},
		[4]string{"2026-03-01", "AUD", "EUR", "3"},
	)
	for name, c := range map[string]struct {
		amount, from, to, on string
		want                 string // rounded to the minor units
		missing              bool
		steps                int
	}{
		"the same currency needs no rate":               {"12.345", "EUR", "EUR", "1990-01-01", "12.35", false, 0},
		"the latest rate on or before the day":          {"100", "EUR", "USD", "2026-01-31", "105", false, 1},
		"a rate of the day itself":                      {"100", "EUR", "USD", "2026-03-01", "110", false, 1},
		"the inverse where it is the later one":         {"100", "EUR", "USD", "2026-02-10", "125", false, 1},
		"back by division":                              {"110", "USD", "EUR", "2026-03-05", "100", false, 1},
		"an inverse is cut off at the end only":         {"100", "JPY", "EUR", "2026-02-01", "0.63", false, 1},
		"through a common currency":                     {"100", "USD", "JPY", "2026-03-02", "14545", false, 2},
		"the common currency whose rates are newer":     {"100", "GBP", "EUR", "2026-02-20", "104", false, 2},
		"of equally new ones the first by code":         {"100", "GBP", "EUR", "2026-01-20", "110", false, 2},
		"no rate before the first":                      {"1", "EUR", "USD", "2025-12-31", "", true, 0},
		"no rate of a currency":                         {"1", "EUR", "NOK", "2026-12-31", "", true, 0},
		"no way of three steps, which would be a guess": {"1", "AUD", "GBP", "2026-02-28", "", true, 0},
		"less than nothing":                             {"-100", "EUR", "USD", "2026-03-01", "-110", false, 1},
		"thirds are not lost":                           {"100", "EUR", "AUD", "2026-03-02", "33.33", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			got, steps, err := rates.Convert(decimal.RequireFromString(c.amount), c.from, c.to, day(c.on).Add(13*time.Hour))
			if c.missing {
				var missing *MissingRateError
				require.ErrorAs(t, err, &missing)
				require.Equal(t, c.from, missing.From)
				require.Equal(t, c.to, missing.To)
				_, ok := rates.Into(c.to, day(c.on))(got, c.from)
				require.False(t, ok)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, Round(got, c.to).String())
			require.Len(t, steps, c.steps)
		})
	}
}

func TestWhatASumLosesByRoundingEarly(t *testing.T) {
	rates := table([4]string{"2026-01-01", "USD", "EUR", "0.333"})
	var sum decimal.Decimal
	for range 1000 {
		one, _, err := rates.Convert(decimal.RequireFromString("0.01"), "USD", "EUR", day("2026-01-02"))
		require.NoError(t, err)
		sum = sum.Add(one)
	}
	require.Equal(t, "3.33", Round(sum, "EUR").String())
}

func TestAllListsWhatAmountsCanBeKeptIn(t *testing.T) {
	all := All()
	require.Contains(t, all, Currency{"JPY", "Yen", 0})
	for _, c := range all {
		require.NoError(t, money.CheckCurrency(c.Code))
	}
}
