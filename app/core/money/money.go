// Package money reads, checks, rounds and writes amounts, and knows the currencies
// of ISO 4217. Amounts are decimal everywhere; no floating point number ever holds
// one.
//
// Rounding: an amount is rounded to its currency's minor unit, halves away from
// zero, once, where a result is shown or stored (Round); sums and conversions are
// reckoned unrounded. An amount that is split is allocated, not divided, so that
// the parts add up to it exactly (Allocate).
package money

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/shopspring/decimal"
)

// The limits of amounts, by which the database's columns (numeric(17, 4)), the
// API and the events' schemas are made; a test holds the three together.
const (
	// MaxDigits are the digits before the point of an amount that is entered or kept.
	MaxDigits = 13
	// MaxDecimals are the digits after the point: as many as any currency has.
	MaxDecimals = 4
	// MaxSumDigits are the digits before the point of a sum of amounts: a hundred
	// thousand million of the largest.
	MaxSumDigits = 24
)

// The patterns of amounts in events' schemas.
var (
	AmountPattern = fmt.Sprintf(`^[0-9]{1,%d}(\.[0-9]{1,%d})?$`, MaxDigits, MaxDecimals)
	SignedPattern = fmt.Sprintf(`^-?[0-9]{1,%d}(\.[0-9]{1,%d})?$`, MaxDigits, MaxDecimals)
	SumPattern    = fmt.Sprintf(`^[0-9]{1,%d}(\.[0-9]{1,%d})?$`, MaxSumDigits, MaxDecimals)
)

// Max is the largest amount that can be kept.
var Max = decimal.New(1, MaxDigits).Sub(decimal.New(1, -MaxDecimals))

var (
	positive = regexp.MustCompile(AmountPattern)
	signed   = regexp.MustCompile(SignedPattern)
	number   = regexp.MustCompile(`^-?([0-9]+)(?:\.([0-9]+))?$`)
)

// Parse reads a positive amount of any currency, written plainly ("12.50"), with
// at most MaxDigits before and MaxDecimals after the point. Whoever knows the
// currency uses ParseIn.
func Parse(text string) (decimal.Decimal, error) {
	if !positive.MatchString(text) {
		return decimal.Zero, malformed(text, "12.50")
	}
	amount, err := decimal.NewFromString(text)
	if err != nil {
		return decimal.Zero, malformed(text, "12.50")
	}
	if !amount.IsPositive() {
		return decimal.Zero, fmt.Errorf("%q is not more than zero", text)
	}
	return amount, nil
}

// ParseSigned reads an amount of any currency that may be zero or less ("-12.50").
func ParseSigned(text string) (decimal.Decimal, error) {
	if !signed.MatchString(text) {
		return decimal.Zero, malformed(text, "12.50 or -12.50")
	}
	return decimal.NewFromString(text)
}

// ParseIn reads a positive amount of a currency: Parse, and Fits.
func ParseIn(text, code string) (decimal.Decimal, error) {
	amount, err := Parse(text)
	if err != nil {
		return amount, err
	}
	return amount, Fits(amount, code)
}

// ParseSignedIn reads an amount of a currency that may be zero or less.
func ParseSignedIn(text, code string) (decimal.Decimal, error) {
	amount, err := ParseSigned(text)
	if err != nil {
		return amount, err
	}
	return amount, Fits(amount, code)
}

// malformed says what is wrong with a text that is no amount.
func malformed(text, example string) error {
	parts := number.FindStringSubmatch(text)
	switch {
	case text == "":
		return fmt.Errorf("is needed, such as %s", example)
	case parts == nil && strings.Contains(text, ","):
		return fmt.Errorf("%q is not an amount such as %s: write a point before the decimals, and nothing between thousands", shorten(text), example)
	case parts == nil:
		return fmt.Errorf("%q is not an amount such as %s", shorten(text), example)
	case len(parts[1]) > MaxDigits:
		return fmt.Errorf("has more than %d digits before the point", MaxDigits)
	case len(parts[2]) > MaxDecimals:
		return fmt.Errorf("has more than %d decimals; no currency has so many", MaxDecimals)
	case strings.HasPrefix(text, "-"):
		return fmt.Errorf("%q is not more than zero", text)
	}
	return fmt.Errorf("%q is not an amount such as %s", shorten(text), example)
}

// shorten keeps what a caller made up from filling an error.
func shorten(text string) string {
	runes := []rune(text)
	if len(runes) <= 40 {
		return text
	}
	return string(runes[:40]) + "…"
}

// Fits tells why an amount cannot be one of a currency, in words for the person
// who entered it: it has more decimals than the currency, or more digits than are
// kept. nil: it can. Zeros at the end do not count: 1200.00 JPY is 1200 JPY.
func Fits(amount decimal.Decimal, code string) error {
	digits := Digits(code)
	switch {
	case amount.Abs().GreaterThan(Max):
		return fmt.Errorf("has more than %d digits before the point", MaxDigits)
	case amount.Equal(amount.Round(digits)):
		return nil
	case digits == 0:
		return fmt.Errorf("%s is not an amount of %s, which has no decimals", amount, code)
	case digits == 1:
		return fmt.Errorf("%s is not an amount of %s, which has one decimal", amount, code)
	}
	return fmt.Errorf("%s is not an amount of %s, which has %d decimals", amount, code, digits)
}

// Round rounds an amount to its currency's minor unit, halves away from zero. It
// is the last step of a sum or conversion, not one of each summand.
func Round(amount decimal.Decimal, code string) decimal.Decimal { return amount.Round(Digits(code)) }

var hundred = decimal.NewFromInt(100)

// Percent is the share of a whole that a part is, in percent, rounded to so many
// decimals, halves away from zero; of a whole of zero it is zero.
func Percent(part, whole decimal.Decimal, decimals int32) decimal.Decimal {
	if whole.IsZero() {
		return decimal.Zero
	}
	return part.Mul(hundred).DivRound(whole, decimals)
}

// Errors of Allocate.
var (
	errNoWeights = errors.New("an amount is allocated to one part at least")
	errWeights   = errors.New("weights are zero or more, and one of them is more than zero")
)

// Allocate splits an amount of a currency into parts in the ratio of the weights,
// each a multiple of the currency's minor unit (or of the amount's own last
// decimal that is not zero, if that is finer). The parts always add up to the amount: each gets its
// share rounded towards zero, and what that leaves is dealt out, one unit each, to
// those with the largest remainders, of equal ones to the first. A weight of zero
// gets nothing.
func Allocate(amount decimal.Decimal, code string, weights ...decimal.Decimal) ([]decimal.Decimal, error) {
	if len(weights) == 0 {
		return nil, errNoWeights
	}
	whole := decimal.Zero
	for _, w := range weights {
		if w.IsNegative() {
			return nil, errWeights
		}
		whole = whole.Add(w)
	}
	if whole.IsZero() {
		return nil, errWeights
	}
	places := Digits(code)
	for !amount.Equal(amount.Round(places)) {
		places++
	}
	units := amount.Abs().Shift(places)
	parts, remainders := make([]decimal.Decimal, len(weights)), make([]decimal.Decimal, len(weights))
	left := units
	for i, w := range weights {
		parts[i], remainders[i] = units.Mul(w).QuoRem(whole, 0)
		left = left.Sub(parts[i])
	}
	one := decimal.NewFromInt(1)
	for ; left.IsPositive(); left = left.Sub(one) {
		most := 0
		for i := range remainders {
			if remainders[i].GreaterThan(remainders[most]) {
				most = i
			}
		}
		parts[most], remainders[most] = parts[most].Add(one), decimal.Zero
	}
	for i := range parts {
		if parts[i] = parts[i].Shift(-places); amount.IsNegative() {
			parts[i] = parts[i].Neg()
		}
	}
	return parts, nil
}

// Format writes an amount with two decimals, or four where it needs them. It is
// how amounts are written in the API and in events; texts for people have FormatIn.
func Format(amount decimal.Decimal) string {
	if amount.Equal(amount.Round(2)) {
		return amount.StringFixed(2)
	}
	return amount.StringFixed(4)
}

// FormatIn writes an amount as people read it: with its currency's decimals, or
// with those it has where they are more, followed by the currency: "12.50 EUR",
// "1200 JPY".
func FormatIn(amount decimal.Decimal, code string) string { return Decimals(amount, code) + " " + code }

// Decimals writes an amount with its currency's decimals, or with those it has
// where they are more, without the currency.
func Decimals(amount decimal.Decimal, code string) string {
	if digits := Digits(code); amount.Equal(amount.Round(digits)) {
		return amount.StringFixed(digits)
	}
	return amount.String()
}

// Rounded writes an amount rounded to its currency's minor unit, without the
// currency: Decimals of Round.
func Rounded(amount decimal.Decimal, code string) string { return Decimals(Round(amount, code), code) }
