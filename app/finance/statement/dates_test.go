package statement

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A date in whatever way banks write it is read, and what is proposed reads it without a question.
func TestDatesAsBanksWriteThem(t *testing.T) {
	for text, want := range map[string]string{
		"Thu 3 Sep 2026":                          "2026-09-03T00:00",
		"Thursday, 3 September 2026":              "2026-09-03T00:00",
		"Thursday, September 13, 2026":            "2026-09-13T00:00",
		"September 13th, 2026":                    "2026-09-13T00:00",
		"3rd Sep 2026":                            "2026-09-03T00:00",
		"Do, 13.09.2026":                          "2026-09-13T00:00",
		"Do. 13.09.2026":                          "2026-09-13T00:00",
		"jeu. 3 sept. 2026":                       "2026-09-03T00:00",
		"mar. 3 mars 2026":                        "2026-03-03T00:00",
		"mar 3 mar 2026":                          "2026-03-03T00:00",
		"mar 13/09/2026":                          "2026-09-13T00:00",
		"1er septembre 2026":                      "2026-09-01T00:00",
		"3 de septiembre de 2026":                 "2026-09-03T00:00",
		"jueves, 3 de septiembre de 2026":         "2026-09-03T00:00",
		"quinta-feira, 3 de março de 2026":        "2026-03-03T00:00",
		"3. září 2026":                            "2026-09-03T00:00",
		"3 сентября 2026 г.":                      "2026-09-03T00:00",
		"2026. 09. 03.":                           "2026-09-03T00:00",
		"2026.09.03.":                             "2026-09-03T00:00",
		"2026. szeptember 3.":                     "2026-09-03T00:00",
		"2026 Sep 3":                              "2026-09-03T00:00",
		"2026-Sep-03":                             "2026-09-03T00:00",
		"13.09.2026.":                             "2026-09-13T00:00",
		"13. 9. 2026":                             "2026-09-13T00:00",
		"2026年9月3日":                               "2026-09-03T00:00",
		"2026年09月03日 14:05":                       "2026-09-03T14:05",
		"2026年9月3日(木)":                            "2026-09-03T00:00",
		"令和8年9月3日":                                "2026-09-03T00:00",
		"2026년 9월 3일":                             "2026-09-03T00:00",
		"２０２６／０９／１３":                              "2026-09-13T00:00",
		"2026-09-03 오후 2:15":                      "2026-09-03T14:15",
		"09/13/2026 2:15 PM":                      "2026-09-13T14:15",
		"09/13/2026 12:15 AM":                     "2026-09-13T00:15",
		"09/13/2026 12:15:09 p.m.":                "2026-09-13T12:15",
		"13/09/2026, 23:30":                       "2026-09-13T23:30",
		"13.09.2026 um 14:05 Uhr":                 "2026-09-13T14:05",
		"13 sept. 2026 à 14:05":                   "2026-09-13T14:05",
		"13.9.2026 klo 14.05":                     "2026-09-13T14:05",
		"13/09/2026 14h05":                        "2026-09-13T14:05",
		"2026-08-31T23:30+02:00":                  "2026-08-31T23:30",
		"2026-08-31T23:30:00.123+0200":            "2026-08-31T23:30",
		"2026-08-31 23:30:00 GMT+1":               "2026-08-31T23:30",
		"2026-08-31 23:30:00 GMT+01:00":           "2026-08-31T23:30",
		"2026-08-31 23:30:00 CEST":                "2026-08-31T23:30",
		"Aug 31, 2026 11:30:00 PM PDT":            "2026-08-31T23:30",
		"2026-08-31T23:30:00+02:00[Europe/Paris]": "2026-08-31T23:30",
		"2026-08-31 23:30:00 UTC":                 "2026-08-31T23:30",
		"Sep 3, 2026":                             "2026-09-03T00:00",
		"\u00a013.09.2026\u202f":                  "2026-09-13T00:00",
		"'13/09/2026":                             "2026-09-13T00:00",
	} {
		t.Run(text, func(t *testing.T) {
			file := "Date;Description;Amount\n" + text + ";A;-1.00\n"
			p, err := Detect(CSV, strings.NewReader(file))
			require.NoError(t, err)
			require.Empty(t, p.Ambiguities)
			lines, bad, err := Parse(CSV, strings.NewReader(file), p.Mapping)
			require.NoError(t, err)
			require.Empty(t, bad)
			require.Equal(t, want, lines[0].At.Format("2006-01-02T15:04"), p.Mapping.DateLayout)
		})
	}
}

func TestWhatIsNoDateIsNotMadeOne(t *testing.T) {
	for _, text := range []string{"Total", "3 of 4", "mar", "13/09", "32.09.2026", "2026-13-13", "13.09.2026 25:00", "13.09.2026 PM", "September 2026", "3 Foo 2026"} {
		require.False(t, dated(text), text)
	}
}

func TestDatesThatAreNumbersAreAskedAbout(t *testing.T) {
	for name, c := range map[string]struct{ first, second, layout, day string }{
		"a spreadsheet's days":        {"46266", "46270", "EXCEL", "2026-09-01"},
		"a spreadsheet's moments":     {"46266.75", "46270", "EXCEL", "2026-09-01"},
		"seconds since 1970":          {"1788220800", "1788307200", "UNIX", "2026-09-01"},
		"milliseconds since 1970":     {"1788220800123", "1788307200000", "UNIX-MS", "2026-09-01"},
		"numbers of which one is not": {"46266", "1", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := "Date,Description,Amount\n" + c.first + ",A,-3.20\n" + c.second + ",B,-4.00\n"
			p, err := Detect(CSV, strings.NewReader(file))
			require.NoError(t, err)
			require.Equal(t, []string{"dateLayout"}, fields(p))
			require.Equal(t, c.layout, p.Mapping.DateLayout)
			if c.layout == "" {
				return
			}
			lines, bad, err := Parse(CSV, strings.NewReader(file), p.Mapping)
			require.NoError(t, err)
			require.Empty(t, bad)
			require.Equal(t, c.day, lines[0].At.Format(time.DateOnly))
		})
	}
}

func TestQIFDatesAsProgramsWriteThem(t *testing.T) {
	for text, want := range map[string]string{
		"13 Sep 2026": "2026-09-13", "3-Sep-26": "2026-09-03", "13 septembre 2026": "2026-09-13", "2026-09-13 10:11": "2026-09-13",
		"13/09'26": "2026-09-13", "9/13' 6": "2006-09-13", "13.09.2026 23:59:59": "2026-09-13", "2026-09-13T10:11:12": "2026-09-13",
		"9/13/2026, 2:15 PM": "2026-09-13", "13 Foo 2026": "",
	} {
		t.Run(text, func(t *testing.T) {
			file := "!Type:Bank\nD" + text + "\nT-10.00\nPA\n^\n"
			p, err := Detect(QIF, strings.NewReader(file))
			require.NoError(t, err)
			if want == "" {
				require.Equal(t, []string{"dateLayout"}, fields(p))
				return
			}
			require.Empty(t, p.Ambiguities)
			lines, bad, err := Parse(QIF, strings.NewReader(file), p.Mapping)
			require.NoError(t, err)
			require.Empty(t, bad)
			require.Equal(t, []string{want + " -10"}, plainLines(lines))
		})
	}
}
