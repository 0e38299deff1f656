//go:build integration

package rest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSimulation(t *testing.T) {
	w := newWorld(t)
	w.join()
	answer := w.call(200, "POST", "/simulations/investment", object{"initial": "1000", "months": 12, "expectedReturn": "5", "fee": "0", "inflation": "0"})
	require.NotEmpty(t, answer["disclaimer"])
	require.Equal(t, "1000.00", answer["paidIn"])
	scenarios := answer["scenarios"].([]any)
	require.Len(t, scenarios, 3)
	expected := scenarios[1].(object)
	require.Equal(t, "expected", expected["name"])
	require.Equal(t, "1050.00", expected["final"])
	require.Equal(t, "50.00", expected["gain"])
	require.Len(t, expected["points"], 2)
	for field, body := range map[string]object{
		"initial":        {"initial": "1e9999999", "months": 12},
		"monthly":        {"monthly": "-1", "months": 12},
		"expectedReturn": {"initial": "1", "months": 12, "expectedReturn": "0.0000000000001"},
		"return":         {"initial": "1", "months": 12, "expectedReturn": "99"},
		"fee":            {"initial": "1", "months": 12, "fee": "ten"},
		"months":         {"initial": "1", "months": 0},
	} {
		first := w.call(422, "POST", "/simulations/investment", body)["errors"].([]any)[0].(object)
		require.Equal(t, field, first["field"])
	}
}
