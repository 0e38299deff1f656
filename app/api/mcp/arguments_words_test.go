package mcp

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestArgumentsAreRefusedInWords(t *testing.T) {
	all := arguments{}
	takes[newTransaction](all, "add_transaction")
	takes[investment](all, "simulate_investment")
	takes[editTask](all, "update_task")
	takes[nothing](all, "list_wallets")
	const whole = `"walletId":"w","amount":"1","type":"expense","category":"c"`
	for name, c := range map[string]struct{ tool, arguments, says string }{
		"all there":          {"add_transaction", "{" + whole + "}", ""},
		"a name in error":    {"add_transaction", `{"walet":"w",` + whole + `}`, `"walet" is no argument of add_transaction: it takes`},
		"one is missing":     {"add_transaction", `{"walletId":"w","type":"expense","category":"c"}`, "amount is missing: more than zero"},
		"a number":           {"add_transaction", `{"walletId":"w","amount":12.5,"type":"expense","category":"c"}`, "amount must be a string: more than zero"},
		"an object":          {"add_transaction", `{"walletId":{},"amount":"1","type":"expense","category":"c"}`, "walletId must be a string: the id of a wallet"},
		"a text":             {"simulate_investment", `{"months":"twelve"}`, "months must be a whole number: for how long"},
		"a fraction":         {"simulate_investment", `{"months":1.5}`, "months must be a whole number"},
		"left out":           {"update_task", `{"id":"1","notes":""}`, ""},
		"no arguments":       {"list_wallets", "", ""},
		"none are taken":     {"list_wallets", `{"all":true}`, `list_wallets takes no arguments: leave "all" out`},
		"no object":          {"list_wallets", `[1]`, "must be a JSON object"},
		"a name with a line": {"list_wallets", `{"a\nb":1}`, `leave "a\nb" out`},
	} {
		t.Run(name, func(t *testing.T) {
			said := refused(c.tool, all[c.tool], json.RawMessage(c.arguments))
			if c.says == "" {
				require.Empty(t, said)
				return
			}
			require.Contains(t, said, c.says)
		})
	}
}
