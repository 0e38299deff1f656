package phrasing

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
)

// Check tells why a text may not stand for a message that rests on facts, or nil.
// Every number in it must be in the message or the facts, however it is written:
//
//   - decimal marks: 1,234.50 and 1.234,50 are 1234.5; 12,50 is 12.5. A comma before
//     exactly three digits groups them, a single point never does;
//   - dates: 2026-11-05, November 5th, 5 November 2026 and November 2026 must be a
//     date, or a month, of the facts, and are no numbers besides;
//   - percent and currency signs may stand before or behind; a sign's currency must
//     be named in the facts, and so must what looks like a currency's code;
//   - a minus must be there too;
//   - words for numbers, "twice" and "half" among them, must be there as the word or
//     its digits.
//
// A text of a category's figures must name the category.
//
// Every word must be one that the message or the facts use, or that claims nothing
// more than they do, every number must stay what it is of (meaning.go), and what could
// be must not become what is (claims.go).
//
// Refused too: links, addresses, digits joined to letters unless the same word is in the
// facts, characters other than English letters, digits, punctuation and signs of
// currencies unless the message or the facts have them, and texts that are empty or
// too long.
func Check(text, message string, facts map[string]string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return errors.New("it is empty")
	case !utf8.ValidString(text):
		return errors.New("it is not UTF-8")
	case utf8.RuneCountInString(text) > MaxMessage:
		return fmt.Errorf("it has more than %d characters", MaxMessage)
	case link.MatchString(text):
		return errors.New("it holds a link or an address")
	}
	if err := checkCharacters(text, message, facts); err != nil {
		return err
	}
	if err := checkNumbers(text, message, facts); err != nil {
		return err
	}
	if err := checkWords(text, message, facts); err != nil {
		return err
	}
	if category := strings.ToLower(facts["category"]); category != "" && strings.Contains(strings.ToLower(message), category) && !strings.Contains(strings.ToLower(text), category) && number.MatchString(text) {
		return fmt.Errorf("it does not say that it is about %s", category)
	}
	return checkMeaning(text, message, facts)
}

// punctuation are the characters of a text besides letters, digits and signs of
// currencies: whatever else looks like a letter or a mark may claim anything.
const punctuation = " .,;:!?'\"()/%-–—−’\u00a0\u202f"

func checkCharacters(text, message string, facts map[string]string) error {
	given := message
	for _, fact := range facts {
		given += fact
	}
	for _, r := range text {
		_, money := currencies[string(r)]
		switch {
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)), money, strings.ContainsRune(punctuation, r):
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Co), !strings.ContainsRune(given, r):
			return fmt.Errorf("%U is a character that texts do not hold", r)
		case unicode.IsNumber(r):
			return fmt.Errorf("%q is a number that cannot be compared", r)
		}
	}
	return nil
}

func checkNumbers(text, message string, facts map[string]string) error {
	if strayPercent.MatchString(text) {
		return errors.New("a percent sign stands behind no number")
	}
	known := read(message)
	for _, fact := range facts {
		known.add(read(fact))
	}
	return known.cover(read(text))
}

// said is what a text says in numbers.
type said struct {
	dates, months, clocks, numbers, words, tokens, currencies []string
}

func (s *said) add(other said) {
	s.dates = append(s.dates, other.dates...)
	s.months = append(s.months, other.months...)
	s.clocks = append(s.clocks, other.clocks...)
	s.numbers = append(s.numbers, other.numbers...)
	s.words = append(s.words, other.words...)
	s.tokens = append(s.tokens, other.tokens...)
	s.currencies = append(s.currencies, other.currencies...)
}

// cover tells what text says that is not in s.
func (s *said) cover(text said) error {
	for _, date := range text.dates {
		// Without its year, a date is one of any year.
		if !slices.ContainsFunc(s.dates, func(known string) bool { return known == date || strings.HasSuffix(known, date) && date[0] == '-' }) {
			return fmt.Errorf("the date %s is not among the facts", date)
		}
	}
	for _, month := range text.months {
		if !slices.Contains(s.months, month) && !slices.ContainsFunc(s.dates, func(known string) bool { return strings.HasPrefix(known, month) }) {
			return fmt.Errorf("the month %s is not among the facts", month)
		}
	}
	for what, pair := range map[string][2][]string{
		"time": {text.clocks, s.clocks}, "number": {text.numbers, s.numbers}, "word": {text.tokens, s.tokens}, "currency": {text.currencies, s.currencies},
	} {
		for _, one := range pair[0] {
			if !slices.Contains(pair[1], one) {
				return fmt.Errorf("the %s %s is not among the facts", what, one)
			}
		}
	}
	for _, word := range text.words {
		if !slices.Contains(s.words, word) && !slices.Contains(s.numbers, values[word]) {
			return fmt.Errorf("the number %q is not among the facts", word)
		}
	}
	return nil
}

const monthNames = `(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?`

var (
	link         = regexp.MustCompile(`(?i)[a-z]+://|www\.|@|\b[a-z0-9-]+\.[a-z]{2,}\b`)
	isoDate      = regexp.MustCompile(`\b[0-9]{4}-[0-9]{2}-[0-9]{2}\b`)
	isoMonth     = regexp.MustCompile(`\b[0-9]{4}-[0-9]{2}\b`)
	dayMonth     = regexp.MustCompile(`(?i)\b([0-9]{1,2})(?:st|nd|rd|th)?(?: of)? ` + monthNames + `(?:,? ([0-9]{4}))?\b`)
	monthDay     = regexp.MustCompile(`(?i)\b` + monthNames + ` ([0-9]{1,2})(?:st|nd|rd|th)?(?:,? ([0-9]{4}))?\b`)
	justYear     = regexp.MustCompile(`(?i)\b` + monthNames + ` ([0-9]{4})\b`)
	clock        = regexp.MustCompile(`\b[0-9]{1,2}:[0-9]{2}\b`)
	ordinal      = regexp.MustCompile(`(?i)\b([0-9]+)(?:st|nd|rd|th)\b`)
	mixed        = regexp.MustCompile(`[\p{L}\p{N}]*(?:\p{L}[0-9]|[0-9]\p{L})[\p{L}\p{N}]*`)
	number       = regexp.MustCompile(`(?:(?:^|[\s(\p{Sc}])[-−])?\p{Sc}?[0-9]+(?:[.,'’\x{00A0}\x{202F}][0-9]+)*`)
	letters      = regexp.MustCompile(`\p{L}+`)
	code         = regexp.MustCompile(`\b[A-Z]{3}\b`)
	strayPercent = regexp.MustCompile(`(?:^|[^0-9\s])\s*%`)
	sign         = regexp.MustCompile(`\p{Sc}`)
)

var currencies = map[string]string{"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₩": "KRW", "₺": "TRY", "₴": "UAH", "₪": "ILS", "฿": "THB"}

// values are the words for numbers, and which; "": none that digits would show.
// "one" is left out, for it mostly is none.
var values = map[string]string{
	"zero": "0", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9", "ten": "10",
	"eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18",
	"nineteen": "19", "twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
	"hundred": "100", "thousand": "1000", "million": "1000000", "billion": "", "dozen": "12", "dozens": "", "hundreds": "", "thousands": "", "millions": "",
	"half": "", "halves": "", "halved": "", "third": "", "thirds": "", "quarter": "", "quarters": "", "double": "", "doubled": "", "doubles": "", "twice": "",
	"triple": "", "tripled": "", "thrice": "", "quadruple": "", "couple": "", "fortnight": "",
}

// read finds what a text says in numbers. What is found is taken out, so that a
// date's parts are no numbers.
func read(text string) said {
	var s said
	take := func(pattern *regexp.Regexp, found func(groups []string) bool) {
		text = pattern.ReplaceAllStringFunc(text, func(match string) string {
			if found(pattern.FindStringSubmatch(match)) {
				return " "
			}
			return match
		})
	}
	s.currencies = append(s.currencies, code.FindAllString(text, -1)...)
	take(isoDate, func(g []string) bool { s.dates = append(s.dates, g[0]); return true })
	take(isoMonth, func(g []string) bool { s.months = append(s.months, g[0]); return true })
	take(dayMonth, func(g []string) bool { return s.date(g[3], g[2], g[1]) })
	take(justYear, func(g []string) bool {
		s.months = append(s.months, g[2]+"-"+monthOf(g[1]))
		return true
	})
	take(monthDay, func(g []string) bool { return s.date(g[3], g[1], g[2]) })
	take(clock, func(g []string) bool { s.clocks = append(s.clocks, g[0]); return true })
	take(ordinal, func(g []string) bool { s.numbers = append(s.numbers, normal(g[1])); return true })
	take(mixed, func(g []string) bool { s.tokens = append(s.tokens, strings.ToLower(g[0])); return true })
	for _, one := range sign.FindAllString(text, -1) {
		name, is := currencies[one]
		if !is {
			name = one
		}
		s.currencies = append(s.currencies, name)
	}
	take(number, func(g []string) bool { s.numbers = append(s.numbers, normal(g[0])); return true })
	for _, word := range letters.FindAllString(text, -1) {
		word = strings.ToLower(word)
		if _, is := values[word]; is {
			s.words = append(s.words, word)
		}
	}
	return s
}

// date notes a date in words; false when it is none.
func (s *said) date(year, month, day string) bool {
	if len(day) == 1 {
		day = "0" + day
	}
	// A leap year, so that February 29 is a day.
	if _, err := time.Parse(time.DateOnly, "2024-"+monthOf(month)+"-"+day); err != nil {
		return false
	}
	s.dates = append(s.dates, year+"-"+monthOf(month)+"-"+day)
	return true
}

func monthOf(name string) string {
	at := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", strings.ToLower(name)[:3])
	return fmt.Sprintf("%02d", at/3+1)
}

// normal is a number written one way: without signs of currency and grouping, a
// point for the decimal mark, no zeros that say nothing.
func normal(text string) string {
	minus := strings.ContainsAny(text, "-−")
	digits := strings.TrimLeftFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	digits = strings.NewReplacer("'", "", "’", "", "\u00a0", "", "\u202f", "").Replace(digits)
	points, commas := strings.Count(digits, "."), strings.Count(digits, ",")
	switch {
	case points > 0 && commas > 0:
		// The last one is the decimal mark.
		if strings.LastIndex(digits, ",") > strings.LastIndex(digits, ".") {
			digits = strings.Replace(strings.ReplaceAll(digits, ".", ""), ",", ".", 1)
		} else {
			digits = strings.ReplaceAll(digits, ",", "")
		}
	case points > 1:
		digits = strings.ReplaceAll(digits, ".", "")
	case commas == 1 && len(digits)-strings.Index(digits, ",") != 4:
		digits = strings.Replace(digits, ",", ".", 1)
	case commas > 0:
		digits = strings.ReplaceAll(digits, ",", "")
	}
	value, err := decimal.NewFromString(digits)
	if err != nil {
		return text // 1,2.3,4: as nothing is written
	}
	if minus {
		value = value.Neg()
	}
	return value.String()
}
