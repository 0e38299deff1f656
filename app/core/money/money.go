// Package money reads and writes amounts. They are decimal everywhere; no
// floating point number ever holds one.
package money

import (
	"fmt"
	"regexp"

	"github.com/shopspring/decimal"
	iso "golang.org/x/text/currency"
)

var (
	plain    = regexp.MustCompile(`^[0-9]{1,13}(\.[0-9]{1,4})?$`)
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
)

// Parse reads a positive amount written plainly ("12.50"), with at most four
// places after the point: as many as any currency has.
func Parse(text string) (decimal.Decimal, error) {
	if !plain.MatchString(text) {
		return decimal.Zero, fmt.Errorf("%q is not an amount such as 12.50", text)
	}
	amount, err := decimal.NewFromString(text)
	if err != nil {
		return decimal.Zero, fmt.Errorf("%q is not an amount: %w", text, err)
	}
	if !amount.IsPositive() {
		return decimal.Zero, fmt.Errorf("%q is not more than zero", text)
	}
	return amount, nil
}

// Format writes an amount with two places, or four where it needs them.
func Format(amount decimal.Decimal) string {
	if amount.Equal(amount.Round(2)) {
		return amount.StringFixed(2)
	}
	return amount.StringFixed(4)
}

// ValidCurrency tells whether code is one of ISO 4217's, in capital letters.
func ValidCurrency(code string) bool {
	if !currency.MatchString(code) {
		return false
	}
	_, err := iso.ParseISO(code)
	return err == nil
}
