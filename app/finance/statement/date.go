package statement

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	letterwidth "golang.org/x/text/width"
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
		"DD-MM-YYYY", "MM-DD-YYYY", "DD-MM-YY", "YY-MM-DD", "YY/MM/DD", "YY.MM.DD", "YYYY/MM/DD", "YYYY.MM.DD", "YYYYMMDD", "DDMMYYYY",
		"DD MMM YYYY", "DD-MMM-YYYY", "DD-MMM-YY", "MMM DD, YYYY", "DD MMM YY", "DD. MMM YYYY", "DD/MMM/YYYY", "MMM DD YYYY",
	}
	all := days
	for _, clock := range []string{" HH:mm:ss", " HH:mm", "THH:mm:ss", "THH:mm:ssZ"} {
		for _, day := range days {
			all = append(all, day+clock)
		}
	}
	all = append(all, "YYYY-MM-DDTHH:mm", "YYYYMMDDTHHmmss", "YYYYMMDDHHmmss")
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
	{"YYYY", "2006"}, {"YY", "06"}, {"MMMM", "Jan"}, {"MMM", "Jan"}, {"MM", "1"}, {"M", "1"}, {"DD", "2"}, {"D", "2"},
	{"HH", "15"}, {"mm", "04"}, {"ss", "05"},
}

// goLayout turns DD.MM.YYYY into Go's layout; of a layout that counts from a day on it
// is empty.
func goLayout(layout string) (string, error) {
	if layout == layoutExcel || layout == layoutSeconds || layout == layoutMilliseconds {
		return "", nil
	}
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

// Layouts of columns of numbers that count from a day on.
const (
	layoutExcel        = "EXCEL"   // days since the end of 1899, as spreadsheets keep dates
	layoutSeconds      = "UNIX"    // seconds since 1970, UTC
	layoutMilliseconds = "UNIX-MS" // milliseconds since 1970, UTC
)

// counted reads a number that counts from a day on; ok: the layout is of that kind.
func counted(text, layout string) (at time.Time, ok bool, err error) {
	if layout != layoutExcel && layout != layoutSeconds && layout != layoutMilliseconds {
		return at, false, nil
	}
	whole, fraction, _ := strings.Cut(unwrap(text), ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || len(whole) > 13 || strings.Trim(fraction, "0123456789") != "" {
		return at, true, fmt.Errorf("%s is not a number such as %s needs", quote(text), layout)
	}
	switch layout {
	case layoutExcel:
		at = time.Date(1899, time.December, 30, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(min(n, 200_000)))
	case layoutSeconds:
		at = time.Unix(n, 0).UTC()
	default:
		at = time.UnixMilli(n).UTC()
	}
	return at, true, inRange(at, text)
}

// countedLayout is the layout of a column in which every value is a number that counts
// from a day on between 2000 and 2050; empty: they are no such numbers.
func countedLayout(dates []string) string {
	for _, kind := range []struct {
		layout string
		digits int
	}{{layoutExcel, 5}, {layoutSeconds, 10}, {layoutMilliseconds, 13}} {
		if len(dates) > 0 && !slices.ContainsFunc(dates, func(text string) bool {
			whole, _, _ := strings.Cut(unwrap(text), ".")
			at, _, err := counted(text, kind.layout)
			return err != nil || len(whole) != kind.digits || at.Year() < 2000 || at.Year() > 2050
		}) {
			return kind.layout
		}
	}
	return ""
}

// parseDate reads a date by a layout of Go's; layout is how the person knows it.
func parseDate(text, gos, layout string) (time.Time, error) {
	if at, is, err := counted(text, layout); is {
		return at, err
	}
	return parseForms(dateForms(text), text, gos, layout)
}

// parseForms reads what dateForms made of text.
func parseForms(forms []string, text, gos, layout string) (time.Time, error) {
	for _, form := range forms {
		if at, err := time.Parse(gos, form); err == nil {
			return at, inRange(at, text)
		}
	}
	return time.Time{}, fmt.Errorf("%s is not a date written %s", quote(text), layout)
}

const maxDate = 80 // bytes of a date as written

var (
	monthWord = regexp.MustCompile(`\pL{3,}\.?`)
	offset    = regexp.MustCompile(`(:\d\d(?:\.\d+)?) ?(?:[+-]\d\d:?\d\d|Z|UTC|GMT)$`)
	// What follows a time of day beside an offset: zones by their names, GMT+1, [Europe/Paris].
	zone     = regexp.MustCompile(`(\d:\d\d(?::\d\d)?)(?:[.,]\d+)? ?(?:(?:\(?(?:Z|UTC|GMT|[CEW]ES?T|MSK|BST|IST|JST|KST|SGT|HKT|SAST|TRT|BRT|A?[CEMP][SD]T|AE[SD]T|AW[SD]T|NZ[SD]T)\)?)? ?(?:[+-]\d{1,2}(?::?\d\d)?)?)(?: ?\[[A-Za-z_/]+\])?(?: (?:Uhr|h|hrs|hod\.?))?$`)
	halfDay  = regexp.MustCompile(`(?i)\b(\d{1,2}):(\d\d)((?::\d\d)?)(?:\.\d+)? ?([ap])\.? ?m\.?(\pL?)`)
	halfCJK  = regexp.MustCompile(`(午前|上午|오전|午後|下午|오후) ?(\d{1,2})[:時时시] ?(\d{1,2})`)
	yearCJK  = regexp.MustCompile(`(令和)?(\d{1,4}) ?[年년] ?(\d{1,2}) ?[月월] ?(\d{1,2}) ?[日일]`)
	between  = regexp.MustCompile(`(\d)(?:,|;)? *(?:um |at |à |kl\.? ?|klo |alle |ore |a las |[-\x{2013}|·] )? *\b(\d{1,2}:\d\d)`)
	hourMark = regexp.MustCompile(`(\d{4}|\d{4}[-./]\d{1,2}[-./]\d{1,2})[ ,]+(?:um |at |à |kl\.? ?|klo |ore )?(\d{1,2})[.h](\d\d)(?:[.m](\d\d))?s?$`)
	ordinal  = regexp.MustCompile(`\b(\d{1,2})(?:st|nd|rd|th|er|re|º|ª|°)(\pL?)`)
	yearLead = regexp.MustCompile(`^(\d{4})[ ./-]+([A-Z][a-z]{2})[ ./-]+(\d{1,2})\b`)
	spaces   = regexp.MustCompile(`[\s\x{a0}\x{2000}-\x{200a}\x{202f}\x{3000}]+`)
	numbers  = regexp.MustCompile(`\d+`)
	spaced   = regexp.MustCompile(`(\d[./-]) (\d)`)
)

// dateForms are the ways to read a date: as written but for a month's name, which becomes
// Go's; without an offset, since the day counts as the bank wrote it; and, where
// it differs, without the weekday and the words that stand between. A layout fits when it
// reads one of them.
func dateForms(text string) []string {
	text = unwrap(text)
	if len(text) > maxDate {
		return []string{text}
	}
	if strings.Trim(text, "0123456789-/.:") == "" { // most are: nothing is to be reduced but a point behind
		forms := []string{text}
		if plain := strings.TrimRight(text, "."); plain != text {
			forms = append(forms, plain)
		}
		return forms
	}
	whole := withMonth(text)
	forms := []string{whole}
	for _, form := range []string{offset.ReplaceAllString(whole, "$1"), plainDate(text)} {
		if !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	return forms
}

// withMonth turns a month's name in any language into Go's.
func withMonth(text string) string {
	return monthWord.ReplaceAllStringFunc(text, func(word string) string {
		if month := monthOf(strings.TrimSuffix(word, ".")); month > 0 {
			return time.Month(month).String()[:3]
		}
		return word
	})
}

// plainDate reduces a date to numbers, a month's name and the time of the day: what else
// banks write there changes nothing of its meaning.
func plainDate(text string) string {
	text = strings.TrimSpace(spaces.ReplaceAllString(letterwidth.Fold.String(text), " "))
	if strings.IndexFunc(text, unicode.IsDigit) < 0 {
		return text
	}
	text = halfCJK.ReplaceAllStringFunc(text, func(found string) string {
		part := halfCJK.FindStringSubmatch(found)
		return clock24(part[2], part[1] == "午後" || part[1] == "下午" || part[1] == "오후") + ":" + part[3]
	})
	text = yearCJK.ReplaceAllStringFunc(text, func(found string) string {
		part := yearCJK.FindStringSubmatch(found)
		year, _ := strconv.Atoi(part[2])
		if part[1] != "" { // an era: its first year is 2019
			year += 2018
		}
		return fmt.Sprintf("%04d-%s-%s", year, part[3], part[4])
	})
	text = halfDay.ReplaceAllStringFunc(text, func(found string) string {
		part := halfDay.FindStringSubmatch(found)
		if part[5] != "" { // another word
			return found
		}
		return clock24(part[1], strings.EqualFold(part[4], "p")) + ":" + part[2] + part[3]
	})
	text = hourMark.ReplaceAllStringFunc(text, func(found string) string {
		part := hourMark.FindStringSubmatch(found)
		clock := part[1] + " " + part[2] + ":" + part[3]
		if part[4] != "" {
			clock += ":" + part[4]
		}
		return clock
	})
	text = zone.ReplaceAllString(text, "$1")
	text = between.ReplaceAllString(text, "$1 $2")
	text = ordinal.ReplaceAllStringFunc(text, func(found string) string {
		part := ordinal.FindStringSubmatch(found)
		if part[2] != "" {
			return found
		}
		return part[1]
	})
	text = withoutWords(text)
	text = withMonth(text)
	text = strings.TrimLeft(strings.TrimRight(strings.TrimSpace(text), ".,"), "-,. ")
	for range 2 { // 2026. 09. 03
		text = spaced.ReplaceAllString(text, "$1$2")
	}
	return yearLead.ReplaceAllString(text, "$3 $2 $1")
}

// clock24 is an hour of twelve as one of twenty-four; other hours stay.
func clock24(hour string, afternoon bool) string {
	n, err := strconv.Atoi(hour)
	if err != nil || n < 1 || n > 12 {
		return hour
	}
	n %= 12
	if afternoon {
		n += 12
	}
	return fmt.Sprintf("%02d", n)
}

var dateWord = regexp.MustCompile(`[(]?\pL+[.,)]*`)

// withoutWords drops weekdays and the words that stand between the parts of a date. Some
// weekdays are written as months are (mar, martes or marzo): these go only where another
// word or three numbers make the date.
func withoutWords(text string) string {
	clockless, _, _ := strings.Cut(text, ":")
	have := len(numbers.FindAllString(clockless, -1))
	if strings.Contains(text, ":") {
		have-- // the hour
	}
	found := dateWord.FindAllString(text, -1)
	named := 0
	for _, word := range found {
		if monthOf(strings.Trim(word, "(.,)")) > 0 {
			named++
		}
	}
	return strings.TrimSpace(spaces.ReplaceAllString(dateWord.ReplaceAllStringFunc(text, func(word string) string {
		folded := fold(word)
		switch {
		case folded == "t", folded == "z":
			return word
		case betweenDate[folded]:
			return ""
		case weekdays[folded]:
			if monthOf(strings.Trim(word, "(.,)")) == 0 {
				return ""
			}
			if named > 1 || have >= 3 {
				named--
				return ""
			}
		}
		return word
	}), " "))
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
	at := slices.IndexFunc(layouts, func(l layout) bool { return l.ours == chosen })
	if at < 0 {
		return "", ""
	}
	own := layouts[at]
	for _, text := range dates {
		if _, err := parseDate(text, own.gos, own.ours); err == nil {
			continue
		}
		for _, l := range layouts {
			if _, err := parseDate(text, l.gos, l.ours); err == nil && isYearFirst(l) == isYearFirst(own) {
				return text, l.ours
			}
		}
	}
	return "", ""
}

// fitting gives the layouts that read most of the dates, in the order of
// preference; two that read every date alike count once.
func fitting(dates []string) []string {
	forms := make([][]string, len(dates)) // once, not for each layout
	for i, text := range dates {
		forms[i] = dateForms(text)
	}
	var days, years fits
	for _, layout := range layouts {
		if !isYearFirst(layout) {
			days.try(dates, forms, layout, days.count)
		}
	}
	for _, layout := range layouts {
		if isYearFirst(layout) {
			years.try(dates, forms, layout, max(days.count, years.count))
		}
	}
	return yearFirst(days, years)
}

// fits are the layouts that read most of some dates, those that read them alike once.
type fits struct {
	layouts, readings []string
	spans             []int64 // seconds from the first day to the last, by the layout
	count             int     // of the dates that they read
}

// try reads the dates by a layout, until fewer than enough can be read by it.
func (f *fits) try(dates []string, forms [][]string, layout layout, enough int) {
	var reading strings.Builder
	count, first, last := 0, int64(0), int64(0)
	for i, text := range dates {
		at, err := parseForms(forms[i], text, layout.gos, layout.ours)
		if err != nil {
			if reading.WriteByte(';'); count+len(dates)-i-1 < enough {
				return
			}
			continue
		}
		if count++; count == 1 {
			first, last = at.Unix(), at.Unix()
		}
		first, last = min(first, at.Unix()), max(last, at.Unix())
		fmt.Fprintf(&reading, "%d;", at.Unix())
	}
	switch {
	case count == 0 || count < enough:
		return
	case count > f.count:
		*f = fits{count: count}
	}
	if !slices.Contains(f.readings, reading.String()) {
		f.layouts, f.readings, f.spans = append(f.layouts, layout.ours), append(f.readings, reading.String()), append(f.spans, last-first)
	}
}

// isYearFirst tells layouts whose first two digits are the year.
func isYearFirst(l layout) bool {
	return strings.HasPrefix(l.ours, "YY") && !strings.HasPrefix(l.ours, "YYYY")
}

// yearFirst settles whether years of two digits stand first (26.09.13), which nearly every
// date of days first can be read as too: a statement goes over a short time, so what makes a
// much longer one of it is out. What is left with the year first is asked about.
func yearFirst(days, years fits) []string {
	switch {
	case len(years.layouts) == 0 || years.count < days.count:
		return days.layouts
	case len(days.layouts) == 0:
		return years.layouts
	case slices.Min(years.spans) > slices.Min(days.spans)/2 && slices.Min(years.spans) != slices.Min(days.spans):
		return days.layouts
	case slices.Min(years.spans) < slices.Min(days.spans):
		return append(years.layouts, days.layouts...)
	}
	return append(days.layouts, years.layouts...)
}
