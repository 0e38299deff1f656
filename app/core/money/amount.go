package money

import (
	"encoding/json"
	"fmt"

	"github.com/shopspring/decimal"
)

// Amount is a sum of money in answers: a decimal string with two places, or
// four where it needs them ("12.50"). Requests hold plain strings, which Parse
// reads, so that what is wrong with one can be told.
type Amount struct{ decimal.Decimal }

// Of makes an Amount of a decimal.
func Of(d decimal.Decimal) Amount { return Amount{d} }

func (a Amount) String() string { return Format(a.Decimal) }

// MarshalText writes the amount as a decimal string.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// MarshalJSON writes the amount as a decimal string.
func (a Amount) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

// UnmarshalJSON reads a decimal string; a JSON number is refused, for it may
// have been a float somewhere.
func (a *Amount) UnmarshalJSON(raw []byte) error {
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return fmt.Errorf("an amount is a decimal string such as \"12.50\": %w", err)
	}
	return a.UnmarshalText([]byte(text))
}

// UnmarshalText reads a decimal string.
func (a *Amount) UnmarshalText(text []byte) error {
	value, err := decimal.NewFromString(string(text))
	if err != nil {
		return fmt.Errorf("%q is not an amount: %w", text, err)
	}
	a.Decimal = value
	return nil
}
