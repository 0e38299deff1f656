package statement

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/shopspring/decimal"
	letterwidth "golang.org/x/text/width"

	"github.com/wealth-companion/companion/app/core/money"
)

var errZero = errors.New("the amount is zero: there is nothing to book")

// symbols of currencies as banks write them.
var symbols = map[string]string{
	"€": "EUR", "£": "GBP", "₹": "INR", "R$": "BRL", "US$": "USD", "A$": "AUD", "CA$": "CAD", "AU$": "AUD",
	"NZ$": "NZD", "HK$": "HKD", "S$": "SGD", "zł": "PLN", "zl": "PLN", "Kč": "CZK", "Kc": "CZK", "Ft": "HUF", "Ft.": "HUF", "Fr.": "CHF", "Fr": "CHF", "SFr.": "CHF",
	"₺": "TRY", "TL": "TRY", "₽": "RUB", "₴": "UAH", "₩": "KRW", "₪": "ILS", "₫": "VND", "₱": "PHP", "฿": "THB", "лв.": "BGN", "лв": "BGN", "R": "ZAR", "din.": "RSD", "Euro": "EUR", "euro": "EUR", "euros": "EUR",
	"円": "JPY", "원": "KRW", "JP¥": "JPY", "CN¥": "CNY", "RMB": "CNY", "NT$": "TWD", "MX$": "MXN", "грн": "UAH", "грн.": "UAH", "ден": "MKD", "₸": "KZT", "Rp": "IDR", "RM": "MYR", "₦": "NGN", "KSh": "KES",
}

// amount is an amount as written.
type amount struct {
	value decimal.Decimal // negative with a minus, brackets or a debit beside it
	unit  unit            // as written beside it
	plus  bool            // a plus is written
	minus bool            // a minus or brackets are written
	side  int             // -1: says debit, 1: says credit, 0: neither
}

// parseAmount reads an amount and, where it is written there, its currency.
func parseAmount(text, mark string) (decimal.Decimal, string, error) {
	a, err := readAmount(text, mark)
	return a.value, a.unit.currency, err
}

// readAmount reads an amount with what its signs and the words beside it say.
// mark is the decimal mark, "." or ",". Digits that do not fit it are refused:
// 12.50 with a decimal comma is not 1250.
func readAmount(text, mark string) (amount, error) {
	p, ok := takeApart(text)
	if !ok {
		return amount{}, fmt.Errorf("%s is not an amount", quote(text))
	}
	if err := p.contradiction(); err != nil {
		return amount{}, fmt.Errorf("%s has %w", quote(text), err)
	}
	whole, fraction, err := p.number(mark)
	if err != nil {
		return amount{}, fmt.Errorf("%s %w", quote(text), err)
	}
	a := amount{unit: unit{p.currency, p.symbol}, plus: p.plus > 0, minus: p.minus > 0, side: p.side}
	if strings.Trim(whole+fraction, "0") == "" {
		return a, errZero
	}
	plain := whole
	if fraction != "" {
		plain += "." + fraction
	}
	if a.value, err = money.Parse(plain); err != nil {
		return amount{}, fmt.Errorf("%s has more digits than an amount has: at most 13 before and 4 after the mark", quote(text))
	}
	if p.negative() {
		a.value = a.value.Neg()
	}
	return a, nil
}

// parts of an amount.
type parts struct {
	plus, minus   int // how many are written; a pair of brackets is a minus
	opened, close int // brackets
	side          int
	sides         int
	currency      string
	symbol        string // of money, that several currencies share
	digits        string // digits and . , ' and spaces between them
}

// unwrap takes off what programs put around a value for spreadsheets: ="...", =-45.00,
// quotation marks, the apostrophe that makes a text of it.
func unwrap(text string) string {
	text = strings.TrimSpace(text)
	if len(text) < 2 {
		return text
	}
	if inner, ok := strings.CutPrefix(text, `="`); ok {
		return strings.TrimSpace(strings.TrimSuffix(inner, `"`))
	}
	if text[0] == '"' && text[len(text)-1] == '"' {
		return strings.TrimSpace(text[1 : len(text)-1])
	}
	if text[0] == '\'' && strings.Count(text, "'") == 1 || text[0] == '=' && strings.IndexAny(text[1:2], "+-.0123456789") == 0 {
		return strings.TrimSpace(text[1:])
	}
	return text
}

const maxAmount = 60 // bytes of an amount as written

// takeApart reads the parts in whatever order: "-$3.00", "$(12.34)", "450.00 Dr".
func takeApart(text string) (p parts, ok bool) {
	text = unwrap(text)
	if len(text) == 0 || len(text) > maxAmount {
		return p, false
	}
	if !ascii(text) { // full-width digits and signs
		text = letterwidth.Fold.String(text)
	}
	for i := 0; i < len(text); {
		rest := text[i:]
		c := rest[0]
		switch {
		case c >= '0' && c <= '9', (c == '.' || c == ',') && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9':
			if p.digits != "" {
				return p, false
			}
			n := 0
			p.digits, n = run(rest)
			i += n
			continue
		case (c == '.' || c == ',') && p.digits != "" && !strings.HasSuffix(p.digits, "."): // 15,- and 15.
			i++
			dashes := strings.TrimLeft(rest[1:], "-\u2013\u2014")
			if n := len(rest) - 1 - len(dashes); n > 0 {
				i += n
			} else if strings.TrimSpace(rest[1:]) != "" {
				return p, false
			}
			continue
		case c == '+':
			p.plus++
			i++
			continue
		case c == '-':
			p.minus++
			i++
			continue
		case c == '(':
			p.opened++
			i++
			continue
		case c == ')':
			p.close++
			i++
			continue
		}
		r := []rune(rest)[0]
		size := len(string(r))
		switch {
		case unicode.IsSpace(r):
			i += size
		case strings.ContainsRune(minuses, r):
			p.minus++
			i += size
		case unicode.IsLetter(r) || unicode.Is(unicode.Sc, r):
			n := 0
			for j, letter := range rest {
				if !unicode.IsLetter(letter) && !unicode.Is(unicode.Sc, letter) && (letter != '.' || j == 0 || p.digits == "" && !strings.HasPrefix(rest[j+1:], " ") && j+1 < len(rest) && rest[j+1] >= '0' && rest[j+1] <= '9' && !hasSymbol(rest[:j+1])) {
					break
				}
				n = j + len(string(letter))
			}
			if !p.word(rest[:n]) {
				return p, false
			}
			i += n
		default:
			return p, false
		}
	}
	if p.opened == 1 && p.close == 1 && !bracketed.MatchString(text) {
		p.minus = max(p.minus, 1) // -($12.34) and (-12.34) are debits as $(12.34) is
	}
	return p, p.digits != ""
}

// minuses are characters that banks write for a minus; Japanese ones write triangles.
const minuses = "\u2212\u2013\u2014\u2010\u2011\u2012\u25b2\u25b3"

// bracketed finds a word in brackets, which is no minus: 2,000.00(Cr).
var bracketed = regexp.MustCompile(`\(\s*\pL+\.?\s*\)`)

func hasSymbol(word string) bool {
	_, known := symbols[word]
	return known || shared[word] != nil
}

// word takes a currency or a side of the account.
func (p *parts) word(word string) bool {
	if _, is := shared[word]; is {
		again := p.symbol != "" && p.symbol != word
		p.symbol = word
		return !again
	}
	if iso, known := symbols[word]; known {
		again := p.currency != "" && p.currency != iso
		p.currency = iso
		return !again
	}
	if len(word) == 3 && money.ValidCurrency(strings.ToUpper(word)) && (word == strings.ToUpper(word) || word == strings.ToLower(word)) {
		again := p.currency != "" && p.currency != strings.ToUpper(word)
		p.currency = strings.ToUpper(word)
		return !again
	}
	if side := side(word); side != 0 && word != "-" {
		p.sides++
		p.side = side
		return true
	}
	for _, cut := range []int{2, 1} { // "EUR" may stand before a side without a space, DR before a point
		if trimmed := strings.TrimRight(word, "."); cut == 2 && trimmed != word && trimmed != "" {
			return p.word(trimmed)
		}
	}
	return false
}

// run takes the digits from the beginning of a text, with what stands between.
func run(text string) (digits string, used int) {
	var out strings.Builder
	for i, r := range text {
		if r >= '0' && r <= '9' {
			out.WriteRune(r)
			used = i + 1
			continue
		}
		next := i + len(string(r))
		follows := next < len(text) && text[next] >= '0' && text[next] <= '9'
		switch {
		case !follows:
			return out.String(), used
		case r == '.' || r == ',' || r == '\'':
			out.WriteRune(r)
		case r == '’' || r == '‘' || r == '`' || r == '´' || r == '\u02bc':
			out.WriteByte('\'')
		case unicode.IsSpace(r):
			out.WriteByte(' ')
		default:
			return out.String(), used
		}
	}
	return out.String(), used
}

// contradiction says what is wrong with the signs.
func (p parts) contradiction() error {
	switch {
	case p.opened != p.close || p.opened > 1:
		return errors.New("one bracket only")
	case p.plus+p.minus > 1, p.sides > 1:
		return errors.New("more than one sign")
	case p.currency != "" && p.symbol != "" && !Writes(p.currency, p.symbol):
		return errors.New("two currencies")
	case p.side > 0 && p.minus > 0, p.side < 0 && p.plus > 0:
		return errors.New("a sign that contradicts the word beside it")
	}
	return nil
}

func (p parts) negative() bool { return p.minus > 0 || p.side < 0 }

// number gives the digits before and after the mark, without marks between
// thousands, leading zeros, and zeros after the fourth place.
func (p parts) number(mark string) (whole, fraction string, err error) {
	other := map[string]string{".": ",", ",": "."}[mark]
	whole, fraction, _ = strings.Cut(p.digits, mark)
	if strings.Trim(fraction, "0123456789") != "" {
		return "", "", fmt.Errorf("does not fit the decimal mark %q", mark)
	}
	between := ""
	for _, c := range []string{other, " ", "'"} {
		if strings.Contains(whole, c) {
			if between != "" {
				return "", "", errors.New("has two kinds of marks between thousands")
			}
			between = c
		}
	}
	if between != "" {
		groups := strings.Split(whole, between)
		if !grouped(groups) {
			return "", "", fmt.Errorf("does not fit the decimal mark %q", mark)
		}
		whole = strings.Join(groups, "")
	}
	if whole == "" && fraction == "" {
		return "", "", errors.New("has no digits")
	}
	whole, fraction = settle(whole, fraction)
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	return whole, fraction, nil
}

// grouped accepts groups of three digits, and India's: three, before that twos.
func grouped(groups []string) bool {
	last := len(groups) - 1
	if groups[0] == "" || len(groups[0]) > 3 || groups[0][0] == '0' || len(groups[last]) != 3 {
		return false
	}
	inner := 0
	for _, g := range groups[1:last] {
		if inner == 0 {
			inner = len(g)
		}
		if len(g) != inner || inner != 2 && inner != 3 {
			return false
		}
	}
	return inner != 2 || len(groups[0]) <= 2
}

// settle takes back what a program's floating point made of an amount:
// 7.4299999999999997 is 7.43. Other digits after the fourth place stay.
func settle(whole, fraction string) (string, string) {
	if trimmed := strings.TrimRight(fraction, "0"); len(trimmed) <= 4 {
		return whole, fraction[:min(len(fraction), 4)]
	}
	if len(fraction) < 10 || len(whole)+len(fraction) > 40 {
		return whole, fraction
	}
	exact, err := decimal.NewFromString("0" + whole + "." + fraction)
	if err != nil {
		return whole, fraction
	}
	near := exact.Round(4)
	if near.Sub(exact).Abs().GreaterThan(decimal.New(1, -8)) {
		return whole, fraction
	}
	whole, fraction, _ = strings.Cut(near.String(), ".")
	return whole, fraction
}

// What the amounts of a statement tell of their decimal mark.
type markFinding int

const (
	markSure markFinding = iota
	markUnsure
	markConflict
)

// marks counts what amounts tell of their decimal mark.
type marks struct{ points, commas, either int }

func (m *marks) add(text string) {
	p, ok := takeApart(text)
	if !ok {
		return
	}
	point, comma := strings.LastIndex(p.digits, "."), strings.LastIndex(p.digits, ",")
	if point < 0 && comma < 0 {
		return
	}
	mark, other, at := &m.points, &m.commas, point
	if comma > point {
		mark, other, at = &m.commas, &m.points, comma
	}
	before, after := p.digits[:at], p.digits[at+1:]
	sign := p.digits[at : at+1]
	switch {
	case point >= 0 && comma >= 0: // 1.234,56: the last one
		*mark++
	case strings.Contains(before, sign): // 1.234.567: between thousands
		*other++
	case len(after) != 3, len(before) > 3, before == "", before[0] == '0', strings.ContainsAny(before, " '"):
		*mark++
	default:
		m.either++
	}
}

func (m marks) finding() (string, markFinding) {
	switch {
	case m.points > 0 && m.commas > 0:
		if m.commas > m.points {
			return ",", markConflict
		}
		return ".", markConflict
	case m.commas > 0:
		return ",", markSure
	case m.points == 0 && m.either > 0:
		return ".", markUnsure
	}
	return ".", markSure
}

// decimalMark finds the mark that fits all amounts. It is unsure when they can
// be read either way (all like 1.234), and in conflict when some ask for the
// one, some for the other.
func decimalMark(amounts []string) (string, markFinding) {
	var m marks
	for _, text := range amounts {
		m.add(text)
	}
	return m.finding()
}
