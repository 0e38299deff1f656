package money

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string // want "" means refused
	}{
		"two places are kept":             {"12.50", "12.50"},
		"a whole number gets two places":  {"7", "7.00"},
		"four places are kept":            {"0.1234", "0.1234"},
		"trailing zeros do not count":     {"1.5000", "1.50"},
		"a sum that floats get wrong":     {"1000000000000.01", "1000000000000.01"},
		"zero is refused":                 {"0.00", ""},
		"a negative amount is refused":    {"-1.00", ""},
		"scientific notation is refused":  {"1e3", ""},
		"five places are refused":         {"0.00001", ""},
		"a thousands mark is refused":     {"1,000.00", ""},
		"nothing is refused":              {"", ""},
		"more than 13 digits are refused": {"12345678901234", ""},
	} {
		t.Run(name, func(t *testing.T) {
			amount, err := Parse(c.text)
			if c.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, Format(amount))
		})
	}
}

func TestValidCurrency(t *testing.T) {
	require.True(t, ValidCurrency("EUR"))
	require.False(t, ValidCurrency("eur"))
	require.False(t, ValidCurrency("EURO"))
	require.False(t, ValidCurrency("ZZZ"), "looks like one, and is none")
}
