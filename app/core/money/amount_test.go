package money

import (
	"encoding/json"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func TestAmountsInJSON(t *testing.T) {
	for name, c := range map[string]struct{ in, out string }{
		"whole":            {`"12"`, `"12.00"`},
		"one place":        {`"-0.5"`, `"-0.50"`},
		"four places":      {`"1.2345"`, `"1.2345"`},
		"floats get wrong": {`"0.3"`, `"0.30"`},
	} {
		t.Run(name, func(t *testing.T) {
			var a Amount
			require.NoError(t, json.Unmarshal([]byte(c.in), &a))
			out, err := json.Marshal(struct{ A Amount }{a})
			require.NoError(t, err)
			require.JSONEq(t, `{"A":`+c.out+`}`, string(out))
		})
	}
	var a Amount
	require.Error(t, json.Unmarshal([]byte(`12.5`), &a), "a number may have been a float")
	require.Error(t, json.Unmarshal([]byte(`"ten"`), &a))
	require.Equal(t, "1.00", Of(decimal.NewFromInt(1)).String())
}
