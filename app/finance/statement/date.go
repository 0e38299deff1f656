package statement

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Days before and after these come from a layout that does not fit.
const (
	firstYear = 1900
	lastYear  = 2199
)

// A layout as the person knows it and as Go does.
type layout struct{ ours, gos string }

// The layouts that Detect tries, those it prefers first.
var layouts = func() (out []layout) {
	days := []string{
		"YYYY-MM-DD", "DD.MM.YYYY", "DD.MM.YY", "DD/MM/YYYY", "MM/DD/YYYY", "DD/MM/YY", "MM/DD/YY",
		"DD-MM-YYYY", "MM-DD-YYYY", "DD-MM-YY", "YYYY/MM/DD", "YYYY.MM.DD", "YYYYMMDD", "DDMMYYYY",
		"DD MMM YYYY", "DD-MMM-YYYY", "DD-MMM-YY", "MMM DD, YYYY", "DD MMM YY", "DD. MMM YYYY", "DD/MMM/YYYY", "MMM DD YYYY",
	}
	all := days
	for _, clock := range []string{" HH:mm:ss", " HH:mm", "THH:mm:ss", "THH:mm:ssZ"} {
		for _, day := range days {
			all = append(all, day+clock)
		}
	}
	for _, ours := range all {
		gos, err := goLayout(ours)
		if err != nil {
			panic(err) // a constant above is wrong: the tests' first line tells
		}
		out = append(out, layout{ours, gos})
	}
	return out
}()

// Day and month take one digit or two, in the file as in the layout; without a mark
// beside them they take two, for 2026111 would be two days.
var tokens = []struct{ ours, gos string }{
	{"YYYY", "2006"}, {"YY", "06"}, {"MMM", "Jan"}, {"MM", "1"}, {"M", "1"}, {"DD", "2"}, {"D", "2"},
	{"HH", "15"}, {"mm", "04"}, {"ss", "05"},
}

// goLayout turns DD.MM.YYYY into Go's layout.
func goLayout(layout string) (string, error) {
	var out strings.Builder
	seen := map[string]bool{}
	token := false // the last that was written
next:
	for rest := layout; rest != ""; {
		for _, t := range tokens {
			if strings.HasPrefix(rest, t.ours) {
				if seen[t.ours[:1]] {
					return "", fmt.Errorf("%s has %s twice", quote(layout), t.ours[:1])
				}
				seen[t.ours[:1]] = true
				rest = rest[len(t.ours):]
				if len(t.gos) == 1 && (token || strings.IndexAny(rest, "YMDHms") == 0) {
					out.WriteByte('0')
				}
				token = true
				out.WriteString(t.gos)
				continue next
			}
		}
		if !strings.ContainsRune("./- ,:TZ", rune(rest[0])) {
			return "", fmt.Errorf("%s is not a layout of dates: write DD, MM or MMM, YYYY or YY, HH, mm, ss, and what stands between, such as DD.MM.YYYY", quote(layout))
		}
		token = false
		out.WriteByte(rest[0])
		rest = rest[1:]
	}
	if !seen["D"] || !seen["M"] || !seen["Y"] {
		return "", fmt.Errorf("%s lacks day, month or year: write for instance DD.MM.YYYY", quote(layout))
	}
	return out.String(), nil
}

// parseDate reads a date by a layout of Go's; layout is how the person knows it.
func parseDate(text, gos, layout string) (time.Time, error) {
	return parsePlain(plainDate(text, strings.HasSuffix(gos, "Z")), text, gos, layout)
}

// parsePlain reads what plainDate made of text.
func parsePlain(plain, text, gos, layout string) (time.Time, error) {
	at, err := time.Parse(gos, plain)
	if err != nil {
		return at, fmt.Errorf("%s is not a date written %s", quote(text), layout)
	}
	return at, inRange(at, text)
}

var (
	monthWord = regexp.MustCompile(`\pL{3,}\.?`)
	offset    = regexp.MustCompile(`(:\d\d(?:\.\d+)?) ?(?:[+-]\d\d:?\d\d|Z|UTC|GMT)$`)
)

// plainDate takes off what surrounds a date, turns a month's name in any
// language into Go's, and drops the offset: the day counts as the bank wrote it.
func plainDate(text string, zoned bool) string {
	text = unwrap(text)
	if len(text) > 40 {
		return text
	}
	if !zoned {
		text = offset.ReplaceAllString(text, "$1")
	}
	return monthWord.ReplaceAllStringFunc(text, func(word string) string {
		if month := monthOf(strings.TrimSuffix(word, ".")); month > 0 {
			return time.Month(month).String()[:3]
		}
		return word
	})
}

func inRange(at time.Time, text string) error {
	if at.Year() < firstYear || at.Year() > lastYear {
		return fmt.Errorf("%s is in the year %d: does the layout of dates fit?", quote(text), at.Year())
	}
	return nil
}

// mixed returns a date that a layout does not read and the layout that does: a file
// that writes both 13/02 and 02/13 leaves 01/02 open. Both are empty when there is none.
func mixed(dates []string, chosen string) (example, other string) {
	own := layouts[slices.IndexFunc(layouts, func(l layout) bool { return l.ours == chosen })]
	for _, text := range dates {
		if _, err := parseDate(text, own.gos, own.ours); err == nil {
			continue
		}
		for _, l := range layouts {
			if _, err := parseDate(text, l.gos, l.ours); err == nil {
				return text, l.ours
			}
		}
	}
	return "", ""
}

// fitting gives the layouts that read most of the dates, in the order of
// preference; two that read every date alike count once.
func fitting(dates []string) []string {
	var best []string
	var readings []string
	most := 0
	plain, zoned := make([]string, len(dates)), make([]string, len(dates)) // once, not for each layout
	for i, text := range dates {
		plain[i], zoned[i] = plainDate(text, false), plainDate(text, true)
	}
	for _, layout := range layouts {
		as := plain
		if strings.HasSuffix(layout.gos, "Z") {
			as = zoned
		}
		var reading strings.Builder
		count := 0
		for i, text := range dates {
			at, err := parsePlain(as[i], text, layout.gos, layout.ours)
			if err != nil {
				reading.WriteByte(';')
				continue
			}
			count++
			fmt.Fprintf(&reading, "%d;", at.Unix())
		}
		switch {
		case count == 0 || count < most:
			continue
		case count > most:
			best, readings, most = nil, nil, count
		}
		known := false
		for _, r := range readings {
			known = known || r == reading.String()
		}
		if !known {
			best, readings = append(best, layout.ours), append(readings, reading.String())
		}
	}
	return best
}
