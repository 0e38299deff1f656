package mcp

import (
	"bytes"
	"encoding/base64"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConfirmation(t *testing.T) {
	now := time.Date(2026, 11, 3, 12, 0, 0, 0, time.UTC)
	key := bytes.Repeat([]byte("k"), 32)
	type arguments struct{ Amount string }
	asked := purpose{"ada", "session", "add_transaction", arguments{"12.50"}}
	text, err := issue(key, asked, relayed, "Record an expense", now)
	require.NoError(t, err)
	with := func(change func(*purpose)) purpose {
		other := asked
		change(&other)
		return other
	}
	for name, c := range map[string]struct {
		text string
		its  purpose
		by   way
		key  []byte
		at   time.Time
		ok   bool
	}{
		"as asked":            {text, asked, relayed, key, now.Add(9 * time.Minute), true},
		"just before the end": {text, asked, relayed, key, now.Add(10 * time.Minute), true},
		"another person":      {text, with(func(p *purpose) { p.user = "bob" }), relayed, key, now, false},
		"another session":     {text, with(func(p *purpose) { p.session = "other" }), relayed, key, now, false},
		"another tool":        {text, with(func(p *purpose) { p.tool = "create_budget" }), relayed, key, now, false},
		"another amount":      {text, with(func(p *purpose) { p.arguments = arguments{"1250"} }), relayed, key, now, false},
		"another way to ask":  {text, asked, elicited, key, now, false},
		"too late":            {text, asked, relayed, key, now.Add(11 * time.Minute), false},
		"not signed by us":    {text, asked, relayed, bytes.Repeat([]byte("x"), 32), now, false},
		"made up":             {"yes", asked, relayed, key, now, false},
		"cut off":             {text[:20], asked, relayed, key, now, false},
		"longer than it was":  {text + "AAAA", asked, relayed, key, now, false},
		"nothing at all":      {"", asked, relayed, key, now, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := confirmed(c.key, c.text, c.its, c.by, c.at)
			if !c.ok {
				require.ErrorIs(t, err, errConfirmation)
				return
			}
			require.NoError(t, err)
			require.True(t, got.of("Record an expense"))
			require.False(t, got.of("Record an income"))
			require.Equal(t, now, got.issued)
		})
	}
	once, err := confirmed(key, text, asked, relayed, now)
	require.NoError(t, err)
	twice, err := confirmed(key, text, asked, relayed, now)
	require.NoError(t, err)
	require.Equal(t, once.id, twice.id, "its id is the Idempotency-Key")

	raw, err := base64.RawURLEncoding.DecodeString(text)
	require.NoError(t, err)
	for i := range raw {
		forged := bytes.Clone(raw)
		forged[i] ^= 1
		_, err := confirmed(key, base64.RawURLEncoding.EncodeToString(forged), asked, relayed, now)
		require.ErrorIs(t, err, errConfirmation, "byte %d", i)
	}
}
