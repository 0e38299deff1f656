package event

import (
	"encoding/json"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/money"
)

// amounts finds the patterns of amounts in a schema, by where they are.
func amounts(at string, schema any, found map[string]string) {
	switch schema := schema.(type) {
	case map[string]any:
		if pattern, is := schema["pattern"].(string); is && strings.Contains(pattern, "[0-9]{1,4})?$") {
			found[at] = pattern
		}
		for key, value := range schema {
			amounts(at+"/"+key, value, found)
		}
	case []any:
		for _, value := range schema {
			amounts(at, value, found)
		}
	}
}

// What the database and the API can hold, events can carry: every amount of every
// type of event is limited as package money says, and sums more generously.
func TestEventsCarryTheLargestAmounts(t *testing.T) {
	files, err := schemas.ReadDir("schema")
	require.NoError(t, err)
	found := map[string]string{}
	for _, file := range files {
		raw, err := schemas.ReadFile(path.Join("schema", file.Name()))
		require.NoError(t, err)
		var document any
		require.NoError(t, json.Unmarshal(raw, &document))
		amounts(file.Name(), document, found)
	}
	require.GreaterOrEqual(t, len(found), 10, "the search finds amounts")
	largest := money.Max
	// A budget and what is left of another; a hundred thousand million of the largest.
	sums := []decimal.Decimal{largest.Add(largest), largest.Mul(decimal.New(1, 11))}
	for at, pattern := range found {
		require.Contains(t, []string{money.AmountPattern, money.SignedPattern, money.SumPattern}, pattern, at)
		is := regexp.MustCompile(pattern)
		require.Regexp(t, is, money.Format(largest), at)
		if strings.Contains(at, "budgetAmount") || strings.Contains(at, "actualAmount") {
			for _, sum := range sums {
				require.Regexp(t, is, money.Format(sum), at)
			}
		}
		if pattern == money.SignedPattern {
			require.Regexp(t, is, money.Format(largest.Neg()), at)
		}
	}
}
