package phrasing

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const message = "You have spent 1234.50 of 1500.00 EUR on groceries in 2026-11 (82.3%), three times, last on 2026-11-05 at 15:04."

var facts = map[string]string{
	"spent": "1234.50", "limit": "1500.00", "percent": "82.3", "currency": "EUR", "due": "2026-12-01", "merchant": "7eleven", "advised": "3 to 6", "change": "-4",
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"the message itself":                    {message, true},
		"fewer numbers":                         {"You have spent much on groceries.", true},
		"grouped, the English way":              {"You spent 1,234.50 EUR.", true},
		"grouped, the German way":               {"You spent 1.234,50 EUR.", true},
		"a decimal comma":                       {"You spent 82,3% of it.", true},
		"grouped with an apostrophe":            {"You spent 1’234.50 EUR.", true},
		"zeros left out":                        {"You spent 1234.5 of 1500 EUR.", true},
		"the sign of the currency":              {"You spent €1,234.50.", true},
		"the sign behind":                       {"You spent 1,234.50€.", true},
		"percent as a word":                     {"That is 82.3 percent.", true},
		"a date in words":                       {"It is due on December 1st, 2026.", true},
		"a date in other words":                 {"It is due on 1 December.", true},
		"the month in words":                    {"You have spent 1234.50 EUR on groceries in November 2026.", true},
		"the month of a date":                   {"It is due in December 2026.", true},
		"a time":                                {"Last at 15:04.", true},
		"a word for what is there as digits":    {"Three to six are advised.", true},
		"digits for what is there as a range":   {"3-6 are advised.", true},
		"a name with digits":                    {"You were at 7eleven.", true},
		"less than zero":                        {"The change is -4.", true},
		"a fact that is put in doubt":           {"You may have spent 1234.50 EUR on groceries.", false},
		"a number of its own":                   {"You have 265.50 EUR left.", false},
		"a rounded number":                      {"You spent about 1235 EUR.", false},
		"a rounded percentage":                  {"You used 82%.", false},
		"a share for a percentage":              {"You used 0.823 of it.", false},
		"ten times as much":                     {"You spent 12345.0 EUR.", false},
		"a point where the comma groups":        {"The limit is 1.500 EUR.", false},
		"another currency's sign":               {"You spent $1,234.50.", false},
		"another currency's code":               {"You spent 1,234.50 USD.", false},
		"another date":                          {"It is due on December 2nd.", false},
		"another year":                          {"It is due on December 1st, 2027.", false},
		"another month":                         {"Groceries cost a lot in October 2026.", false},
		"a date's day as a number":              {"You bought 5 times.", false},
		"another time":                          {"Last at 16:04.", false},
		"a word for a number of its own":        {"You went there nine times.", false},
		"a word for a share":                    {"You have used half of it.", false},
		"a word for a multiple":                 {"That is twice the usual.", false},
		"thousands by a letter":                 {"You spent 1.2k EUR.", false},
		"an exponent":                           {"You spent 1e3 EUR.", false},
		"less than zero, which it is not":       {"You spent -1234.50 EUR.", false},
		"more than zero, which it is not":       {"It changed by 4.", false},
		"digits of another script":              {"You spent ١٢٣٤ EUR.", false},
		"a fraction":                            {"You have used ½ of it.", false},
		"an ordinal":                            {"It is your 4th purchase.", false},
		"a link":                                {"See https://example.com for help.", false},
		"empty":                                 {"  ", false},
		"too long":                              {strings.Repeat("word ", 101), false},
		"as long as may be":                     {strings.Repeat("a ", 250), true},
		"control characters":                    {"You spent\x00 a lot.", false},
		"no number as anything is written":      {"You spent 1,2.3,4 EUR.", false},
		"a domain to log in at":                 {"Please log in at secure-bank.support.", false},
		"a domain alone":                        {"More at secure-bank.support today.", false},
		"an e-mail address":                     {"Write to help@example.", false},
		"a refund that never was":               {"You were refunded 1234.50 EUR.", false},
		"a password that is asked for":          {"Your password is needed.", false},
		"urgency of its own":                    {"Act immediately, you spent 1234.50 EUR.", false},
		"a hidden character":                    {"You sp\u200bent a lot.", false},
		"text turned round":                     {"You \u202espent a lot.", false},
		"a letter of another script":            {"You spеnt a lot.", false},
		"a number hidden behind a known prefix": {"You spent 1234.505 EUR.", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := Check(c.text, message, facts)
			if c.ok {
				require.NoError(t, err)
			} else {
				require.Error(t, err)
			}
		})
	}
}

func TestPhrase(t *testing.T) {
	var orders, text string
	says := func(answer string, err error) Phraser {
		return Phraser{Timeout: 50 * time.Millisecond, Converse: func(_ context.Context, o, x string) (string, error) {
			orders, text = o, x
			return answer, err
		}}
	}
	got, err := says(" You spent\n1,234.50 EUR. ", nil).Phrase(t.Context(), message, facts)
	require.NoError(t, err)
	require.Equal(t, "You spent 1,234.50 EUR.", got)
	require.NotEmpty(t, orders)
	require.Contains(t, text, message)
	require.Contains(t, text, "- spent: 1234.50\n")

	_, err = says("You spent 9 EUR.", nil).Phrase(t.Context(), message, facts)
	require.ErrorContains(t, err, "the number 9 is not among the facts")
	away := errors.New("away")
	for _, answer := range []string{"You spent 9 EUR.", "You spent 1234.50 EUR on \"topsecret7q\".", "Topsecret7q charges you 1234.50 EUR.", "You may spend 1,234.50 EUR."} {
		var log bytes.Buffer
		_, err = says(answer, nil).Phrase(t.Context(), message, facts)
		slog.New(slog.NewJSONHandler(&log, nil)).Warn("kept", "reason", err)
		require.Contains(t, log.String(), "the model's answer is refused: ", answer)
		for _, private := range []string{"1234", "1,234", " 9", "topsecret7q", "Topsecret7q"} {
			require.NotContains(t, log.String(), private, answer)
		}
	}
	_, err = says("", away).Phrase(t.Context(), message, facts)
	require.ErrorIs(t, err, away)

	slow := Phraser{Timeout: 10 * time.Millisecond, Converse: func(ctx context.Context, _, _ string) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	}}
	_, err = slow.Phrase(t.Context(), message, facts)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
