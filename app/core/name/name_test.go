package name

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlain(t *testing.T) {
	for given, want := range map[string]string{
		"Ada Lovelace":               "Ada Lovelace",
		"  Ada\tLovelace \n":         "Ada Lovelace",
		"Ada\r\nBcc: all@x.org":      "Ada Bcc: all@x.org",
		"\u202egro.elpmaxe\u202c":    "gro.elpmaxe",
		"A\x00da\u200b\u2028Byron":   "Ada Byron",
		"\U0001F469\u200d\U0001F4BB": "\U0001F469\u200d\U0001F4BB",
		"a\xffb":                     "ab",
		"\u200b":                     "",
		"1234567890123":              "1234567890",
		"123456789 123":              "123456789",
		"ÄÖÜäöüßéèêë":                "ÄÖÜäöüßéèê",
	} {
		want := want
		longest := 10
		if len([]rune(want)) > longest {
			longest = 100
		}
		require.Equal(t, want, Plain(given, longest), "%q", given)
	}
}
