package mcp

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConfirmation(t *testing.T) {
	now := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	key := bytes.Repeat([]byte("k"), 32)
	type arguments struct{ Amount string }
	text, err := issue(key, "ada", "add_transaction", arguments{"12.50"}, now)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		text, user, tool string
		amount           string
		key              []byte
		at               time.Time
		ok               bool
	}{
		"as asked":            {text, "ada", "add_transaction", "12.50", key, now.Add(9 * time.Minute), true},
		"another person":      {text, "bob", "add_transaction", "12.50", key, now, false},
		"another tool":        {text, "ada", "create_budget", "12.50", key, now, false},
		"another amount":      {text, "ada", "add_transaction", "1250", key, now, false},
		"too late":            {text, "ada", "add_transaction", "12.50", key, now.Add(11 * time.Minute), false},
		"not signed by us":    {text, "ada", "add_transaction", "12.50", bytes.Repeat([]byte("x"), 32), now, false},
		"made up":             {"yes", "ada", "add_transaction", "12.50", key, now, false},
		"cut off":             {text[:20], "ada", "add_transaction", "12.50", key, now, false},
		"longer than it was":  {text + "AAAA", "ada", "add_transaction", "12.50", key, now, false},
		"nothing at all":      {"", "ada", "add_transaction", "12.50", key, now, false},
		"just before the end": {text, "ada", "add_transaction", "12.50", key, now.Add(10 * time.Minute), true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := confirmed(c.key, c.text, c.user, c.tool, arguments{c.amount}, c.at)
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, errConfirmation)
		})
	}
	once, err := confirmed(key, text, "ada", "add_transaction", arguments{"12.50"}, now)
	require.NoError(t, err)
	twice, err := confirmed(key, text, "ada", "add_transaction", arguments{"12.50"}, now)
	require.NoError(t, err)
	require.Equal(t, once, twice, "its id is the Idempotency-Key")
}
