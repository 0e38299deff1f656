package finding

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/money"
)

// nameLength is how many characters of a name a text shows: with two long names a
// message still has room for what it says of them.
const nameLength = 40

// Name is a name that somebody chose as texts show it: on one line, without characters
// that are not seen or turn the text around, and cut where it is long.
func Name(name string) string {
	seen := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, name)
	return Shorten(strings.Join(strings.Fields(seen), " "), nameLength)
}

// Count is a number with what it counts: "1 day", "2 days".
func Count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprint(n, " ", what, "s")
}

// mostTimes is the most that Times writes as a number.
const mostTimes = 1000

// Times is how many times as much something is, as people say it: "1.5", "12"; from
// ten on without decimals, beyond a thousand "more than 1000".
func Times(amount, of decimal.Decimal) string {
	times := amount.DivRound(of, 1)
	switch {
	case times.GreaterThan(decimal.NewFromInt(mostTimes)):
		return fmt.Sprint("more than ", mostTimes)
	case times.GreaterThanOrEqual(decimal.NewFromInt(10)):
		return times.Round(0).String()
	}
	return times.String()
}

// Sum is an amount that was worked out, rounded to its currency's minor unit, with the
// currency: "12.50 EUR", "1200 JPY".
func Sum(amount decimal.Decimal, code string) string {
	return money.FormatIn(money.Round(amount, code), code)
}

// About is an estimate without the currency: without decimals from 100 on, which no
// estimate is as exact as, else rounded to the currency's minor unit.
func About(amount decimal.Decimal, code string) string {
	if amount.Abs().GreaterThanOrEqual(decimal.NewFromInt(100)) {
		return amount.Round(0).String()
	}
	return money.Rounded(amount, code)
}
