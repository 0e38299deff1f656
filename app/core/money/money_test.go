package money

import (
	"math/rand/v2"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string // want "" means refused
		why        string
	}{
		"two places are kept":             {"12.50", "12.50", ""},
		"a whole number gets two places":  {"7", "7.00", ""},
		"four places are kept":            {"0.1234", "0.1234", ""},
		"trailing zeros do not count":     {"1.5000", "1.50", ""},
		"a sum that floats get wrong":     {"1000000000000.01", "1000000000000.01", ""},
		"zero is refused":                 {"0.00", "", "is not more than zero"},
		"a negative amount is refused":    {"-1.00", "", "is not more than zero"},
		"scientific notation is refused":  {"1e3", "", `"1e3" is not an amount such as 12.50`},
		"five places are refused":         {"0.00001", "", "has more than 4 decimals"},
		"a thousands mark is refused":     {"1,000.00", "", "nothing between thousands"},
		"a decimal comma is refused":      {"12,50", "", "write a point before the decimals"},
		"nothing is refused":              {"", "", "is needed"},
		"more than 13 digits are refused": {"12345678901234", "", "has more than 13 digits before the point"},
		"another script is refused":       {"١٢", "", "is not an amount"},
	} {
		t.Run(name, func(t *testing.T) {
			amount, err := Parse(c.text)
			if c.want == "" {
				require.ErrorContains(t, err, c.why)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, Format(amount))
		})
	}
}

func TestParseSigned(t *testing.T) {
	for text, want := range map[string]string{"-12.5": "-12.5", "0": "0", "12": "12"} {
		amount, err := ParseSigned(text)
		require.NoError(t, err)
		require.Equal(t, want, amount.String())
	}
	for _, text := range []string{"", "+1", "--1", "-", "1e4", "12345678901234"} {
		_, err := ParseSigned(text)
		require.Error(t, err, text)
	}
}

func TestAnAmountFitsItsCurrency(t *testing.T) {
	for name, c := range map[string]struct{ text, code, why string }{
		"cents of the euro":                  {"12.50", "EUR", ""},
		"less than a cent":                   {"0.0001", "EUR", "0.0001 is not an amount of EUR, which has 2 decimals"},
		"yen have no decimals":               {"1200.55", "JPY", "1200.55 is not an amount of JPY, which has no decimals"},
		"zeros at the end are none":          {"1200.00", "JPY", ""},
		"three decimals of the dinar":        {"1.234", "KWD", ""},
		"four of the dinar":                  {"1.2345", "KWD", "KWD, which has 3 decimals"},
		"four of the unidad de fomento":      {"1.2345", "CLF", ""},
		"what is retired had two, mostly":    {"1.234", "HRK", "HRK, which has 2 decimals"},
		"the largest there is":               {"9999999999999.99", "EUR", ""},
		"more digits than are kept, in yens": {"99999999999990", "JPY", "more than 13 digits"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseIn(c.text, c.code)
			if c.why == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.why)
		})
	}
	_, err := ParseSignedIn("-0.001", "EUR")
	require.ErrorContains(t, err, "-0.001 is not an amount of EUR")
}

func TestCheckCurrency(t *testing.T) {
	for code, why := range map[string]string{
		"EUR": "", "JPY": "", "XCG": "", "SLE": "", "VED": "", "ZWG": "", "CHE": "",
		"eur":  "must be written in capital letters: EUR",
		"EURO": "must be an ISO 4217 code such as EUR",
		"":     "must be an ISO 4217 code such as EUR",
		"ZZZ":  `"ZZZ" is not a currency that ISO 4217 lists`,
		"BTC":  `"BTC" is not a currency that ISO 4217 lists`,
		"DEM":  "DEM (Deutsche Mark) was retired in March 2002: use the currency that replaced it",
		"HRK":  "HRK (Kuna) was retired in January 2023",
		"BGN":  "BGN (Bulgarian Lev) was retired in January 2026",
		"XAU":  "XAU (Gold) has no minor unit in ISO 4217",
		"XXX":  "has no minor unit",
		"XTS":  "has no minor unit",
	} {
		err := CheckCurrency(code)
		require.Equal(t, why == "", ValidCurrency(code), code)
		if why == "" {
			require.NoError(t, err, code)
			continue
		}
		require.ErrorContains(t, err, why, code)
	}
}

func TestCurrencies(t *testing.T) {
	var codes []string
	for _, c := range Currencies() {
		codes = append(codes, c.Code)
		require.GreaterOrEqual(t, c.Digits, int32(0), c.Code)
		require.NotEmpty(t, c.Name)
	}
	require.IsIncreasing(t, codes)
	require.Len(t, codes, 165)
	require.Subset(t, codes, []string{"EUR", "USD", "JPY", "CHF", "INR"})
	for code, want := range map[string]int32{"EUR": 2, "JPY": 0, "KWD": 3, "CLF": 4, "ISK": 0, "???": 2, "XAU": 2} {
		require.Equal(t, want, Digits(code), code)
	}
}

func TestRoundingIsHalfAwayFromZero(t *testing.T) {
	d := decimal.RequireFromString
	for name, c := range map[string]struct{ amount, code, want string }{
		"half a cent up":       {"0.005", "EUR", "0.01"},
		"half a cent, owed":    {"-0.005", "EUR", "-0.01"},
		"less than half":       {"0.00499999", "EUR", "0.00"},
		"half a yen":           {"0.5", "JPY", "1"},
		"a fils":               {"0.0005", "KWD", "0.001"},
		"not to the even cent": {"0.025", "EUR", "0.03"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, Round(d(c.amount), c.code).StringFixed(Digits(c.code)))
		})
	}
	require.Equal(t, "33.3", Percent(d("1"), d("3"), 1).String())
	require.Equal(t, "66.7", Percent(d("2"), d("3"), 1).String())
	require.Equal(t, "0.5", Percent(d("0.45"), d("100"), 1).String())
	require.Equal(t, "0", Percent(d("1"), d("0"), 1).String())
}

func TestAllocate(t *testing.T) {
	for name, c := range map[string]struct {
		amount, code string
		weights      []string
		want         []string
	}{
		"thirds of a euro":               {"1.00", "EUR", []string{"1", "1", "1"}, []string{"0.34", "0.33", "0.33"}},
		"as the database writes it":      {"1.0000", "EUR", []string{"1", "1", "1"}, []string{"0.34", "0.33", "0.33"}},
		"thirds of yen":                  {"100", "JPY", []string{"1", "1", "1"}, []string{"34", "33", "33"}},
		"what is owed":                   {"-1.00", "EUR", []string{"1", "1", "1"}, []string{"-0.34", "-0.33", "-0.33"}},
		"the largest remainder first":    {"0.10", "EUR", []string{"1", "5", "1"}, []string{"0.02", "0.07", "0.01"}},
		"a weight of zero gets nothing":  {"0.05", "EUR", []string{"0", "1", "1"}, []string{"0", "0.03", "0.02"}},
		"fewer units than parts":         {"0.01", "EUR", []string{"1", "1", "1"}, []string{"0.01", "0", "0"}},
		"finer than the minor unit":      {"0.001", "EUR", []string{"1", "1"}, []string{"0.001", "0"}},
		"one part is the whole":          {"12.34", "EUR", []string{"7"}, []string{"12.34"}},
		"weights may be amounts":         {"100.00", "EUR", []string{"19.99", "80.01"}, []string{"19.99", "80.01"}},
		"nothing, among two":             {"0", "EUR", []string{"1", "1"}, []string{"0", "0"}},
		"the largest amount there is":    {"9999999999999.99", "EUR", []string{"1", "2"}, []string{"3333333333333.33", "6666666666666.66"}},
		"a whole number with a exponent": {"1e3", "EUR", []string{"1", "2"}, []string{"333.33", "666.67"}},
	} {
		t.Run(name, func(t *testing.T) {
			var weights []decimal.Decimal
			for _, w := range c.weights {
				weights = append(weights, decimal.RequireFromString(w))
			}
			parts, err := Allocate(decimal.RequireFromString(c.amount), c.code, weights...)
			require.NoError(t, err)
			var got []string
			for _, p := range parts {
				got = append(got, p.String())
			}
			require.Equal(t, c.want, got)
		})
	}
	one := decimal.NewFromInt(1)
	for _, weights := range [][]decimal.Decimal{nil, {decimal.Zero}, {one, one.Neg()}} {
		_, err := Allocate(one, "EUR", weights...)
		require.Error(t, err)
	}
}

// Whatever is split, nothing is lost, no part is on the other side of zero, and
// none is a unit or more off its exact share.
func TestAllocateLosesNothing(t *testing.T) {
	chance := rand.New(rand.NewPCG(4217, 1))
	codes := []string{"EUR", "JPY", "KWD", "CLF"}
	for range 5000 {
		code := codes[chance.IntN(len(codes))]
		amount := decimal.New(chance.Int64N(1e15)-5e14, -Digits(code))
		weights, whole := make([]decimal.Decimal, 1+chance.IntN(9)), decimal.Zero
		for i := range weights {
			weights[i] = decimal.New(chance.Int64N(1000), -int32(chance.IntN(3)))
			whole = whole.Add(weights[i])
		}
		if whole.IsZero() {
			continue
		}
		parts, err := Allocate(amount, code, weights...)
		require.NoError(t, err)
		sum, unit := decimal.Zero, decimal.New(1, -Digits(code))
		for i, p := range parts {
			sum = sum.Add(p)
			require.True(t, p.Equal(Round(p, code)))
			require.False(t, p.Mul(amount).IsNegative())
			exact := amount.Mul(weights[i]).DivRound(whole, 20)
			require.True(t, p.Sub(exact).Abs().LessThan(unit), "%s of %s by %v", p, amount, weights)
		}
		require.True(t, sum.Equal(amount), "%s by %v", amount, weights)
	}
}

func TestTextsForPeople(t *testing.T) {
	d := decimal.RequireFromString
	for want, c := range map[string]struct{ amount, code string }{
		"12.50 EUR":  {"12.5", "EUR"},
		"1200 JPY":   {"1200.0000", "JPY"},
		"1.234 KWD":  {"1.234", "KWD"},
		"0.0001 EUR": {"0.0001", "EUR"}, // a row from before amounts were checked
		"-3.00 EUR":  {"-3", "EUR"},
	} {
		require.Equal(t, want, FormatIn(d(c.amount), c.code))
	}
}
