package words

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestEveryTextIsThere(t *testing.T) {
	reference := reflect.ValueOf(All[0].Text)
	for _, l := range All {
		text := reflect.ValueOf(l.Text)
		for i := range text.NumField() {
			name := text.Type().Field(i).Name
			require.False(t, text.Field(i).IsZero(), "%s lacks %s", l.Tag, name)
			if text.Field(i).Kind() == reflect.Map {
				require.ElementsMatch(t, keys(reference.Field(i)), keys(text.Field(i)), "%s: %s", l.Tag, name)
			}
		}
	}
}

func keys(m reflect.Value) (all []string) {
	for _, key := range m.MapKeys() {
		all = append(all, key.String())
	}
	return all
}

func TestAmountsAreWrittenByLanguage(t *testing.T) {
	english, german := ByTag("en"), ByTag("de")
	for name, c := range map[string]struct{ text, code, english, german string }{
		"groups of thousands":            {"1234567.50", "EUR", "€1,234,567.50", "1.234.567,50\u00a0€"},
		"a minus as wide as plus":        {"-0.05", "EUR", "−€0.05", "−0,05\u00a0€"},
		"nothing has no sign":            {"0.00", "EUR", "€0.00", "0,00\u00a0€"},
		"no more places than it has":     {"1200.00", "JPY", "¥1,200", "1.200\u00a0¥"},
		"three places":                   {"1.500", "KWD", "KWD\u00a01.500", "1,500\u00a0KWD"},
		"no place is dropped in silence": {"1.2345", "EUR", "€1.2345", "1,2345\u00a0€"},
		"a code where there is no sign":  {"12.00", "CHF", "CHF\u00a012.00", "12,00\u00a0CHF"},
		"all digits of the largest":      {"9999999999999.99", "EUR", "€9,999,999,999,999.99", "9.999.999.999.999,99\u00a0€"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.english, english.Amount(c.text, c.code))
			require.Equal(t, c.german, german.Amount(c.text, c.code))
		})
	}
	require.Equal(t, "+€1.00", english.Signed("1", "EUR"))
	require.Equal(t, "12,50", german.Input("12.5", "EUR"))
}

func TestAmountsAreReadByLanguage(t *testing.T) {
	for name, c := range map[string]struct{ tag, text, want string }{
		"english":                                {"en", "1,234.50", "1234.50"},
		"german":                                 {"de", "1.234,50", "1234.50"},
		"german without groups":                  {"de", "1234,5", "1234.5"},
		"a group alone is a group":               {"de", "1.234", "1234"},
		"a point that can be no group":           {"de", "12.50", "12.50"},
		"a comma that can be no group":           {"en", "12,5", "12.5"},
		"three places":                           {"en", "1.234", "1.234"},
		"a minus of either width":                {"en", "−12", "-12"},
		"a space as a separator":                 {"de", "1 234,50", "1234.50"},
		"less than one":                          {"de", ",50", "0.50"},
		"zero before a separator is no thousand": {"de", "0.500", ""},
		"groups of the wrong size":               {"en", "12,34.50", ""},
		"two points":                             {"en", "1.2.3", ""},
		"a group behind the point":               {"de", "1,234.5", ""},
		"words":                                  {"en", "ten", ""},
		"nothing":                                {"en", "", ""},
		"an exponent":                            {"en", "1e5", ""},
		"a sign inside":                          {"en", "1-2", ""},
		"other digits":                           {"en", "١٢", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ByTag(c.tag).Parse(c.text)
			if c.want == "" {
				require.ErrorIs(t, err, ErrAmount, got)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("1.234,50")
	f.Add("-0,5")
	f.Fuzz(func(t *testing.T, text string) {
		for _, l := range All {
			got, err := l.Parse(text)
			if err != nil {
				continue
			}
			// What was read is read the same again, after it was written for editing: with all
			// its digits, since ISO 4217 gives XXX, its code for no currency, no minor unit.
			again, err := l.Parse(l.Input(got, "XXX"))
			require.NoError(t, err)
			require.Equal(t, l.Amount(got, "EUR"), l.Amount(again, "EUR"))
		}
	})
}

func TestDays(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := time.Date(2026, 12, 31, 23, 30, 0, 0, time.UTC)
	require.Equal(t, "1\u00a0Jan\u00a02027, 00:30", ByTag("en").Moment(at, berlin))
	require.Equal(t, "1.\u00a0Jan.\u00a02027, 00:30", ByTag("de").Moment(at, berlin))
	require.Equal(t, "März\u00a02026", ByTag("de").Month("2026-03"))
	require.Equal(t, "12.5%", ByTag("en").Percent(12.5))
	require.Equal(t, "−12\u00a0%", ByTag("de").Percent(-12))
}

func TestTheLanguageOfARequest(t *testing.T) {
	for name, c := range map[string]struct{ accept, chosen, want string }{
		"the browser's":                    {"de-AT,de;q=0.9,en;q=0.8", "", "de"},
		"the default":                      {"", "", "en"},
		"one that there is not":            {"fr", "", "en"},
		"the chosen one":                   {"de", "en", "en"},
		"a chosen one that there is not":   {"de", "xx", "de"},
		"a header that cannot be read":     {";;;", "", "en"},
		"the second where the first lacks": {"fr,de;q=0.5", "", "de"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Accept-Language", c.accept)
			if c.chosen != "" {
				r.AddCookie(&http.Cookie{Name: Cookie, Value: c.chosen})
			}
			require.Equal(t, c.want, Of(r).Tag)
		})
	}
}
