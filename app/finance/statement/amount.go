package statement

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/money"
)

var errZero = errors.New("the amount is zero: there is nothing to book")

// The parts of an amount as banks write it: brackets, sign, currency, sign,
// digits, currency, sign or side of the account (S/DR out, H/CR in), bracket.
var written = regexp.MustCompile(`^(\()? *([+-])? *([€£$¥]|[A-Z]{3})? *([+-])? *([0-9.,][0-9 .,']*?) *([€£$¥]|[A-Z]{3})? *([+-]|S|H|DR|CR)? *(\))?$`)

var symbols = map[string]string{"€": "EUR", "£": "GBP", "$": "", "¥": ""} // the last two are several countries'

var sameMark = strings.NewReplacer(
	"\u00a0", " ", "\u202f", " ", "\u2009", " ", // spaces between thousands
	"\u2212", "-", "\u2013", "-", // minus, en dash
	"’", "'")

// parseAmount reads an amount and, where it is written there, its currency.
// mark is the decimal mark, "." or ",". Digits that do not fit it are refused:
// 12.50 with a decimal comma is not 1250.
func parseAmount(text, mark string) (decimal.Decimal, string, error) {
	part, ok := takeApart(text)
	if !ok {
		return decimal.Zero, "", fmt.Errorf("%s is not an amount", quote(text))
	}
	negative, err := part.negative()
	if err != nil {
		return decimal.Zero, "", fmt.Errorf("%s has %w", quote(text), err)
	}
	whole, fraction, err := part.number(mark)
	if err != nil {
		return decimal.Zero, "", fmt.Errorf("%s %w", quote(text), err)
	}
	if strings.Trim(whole+fraction, "0") == "" {
		return decimal.Zero, part.currency, errZero
	}
	plain := whole
	if fraction != "" {
		plain += "." + fraction
	}
	amount, err := money.Parse(plain)
	if err != nil {
		return decimal.Zero, "", fmt.Errorf("%s has more digits than an amount has: at most 13 before and 4 after the mark", quote(text))
	}
	if negative {
		amount = amount.Neg()
	}
	return amount, part.currency, nil
}

type parts struct {
	signs    []string // as found, brackets as "("
	open     bool     // only one of the brackets is there
	currency string
	digits   string
}

func takeApart(text string) (parts, bool) {
	text = strings.TrimSpace(sameMark.Replace(text))
	found := written.FindStringSubmatch(text)
	if len(text) > 60 || found == nil {
		return parts{}, false
	}
	p := parts{digits: found[5], open: found[1] != "" != (found[8] != "")}
	for _, sign := range []string{found[1], found[2], found[4], found[7]} {
		if sign != "" {
			p.signs = append(p.signs, sign)
		}
	}
	for _, code := range []string{found[3], found[6]} {
		if iso, symbol := symbols[code]; symbol {
			code = iso
		}
		if code != "" {
			p.currency = code
		}
	}
	return p, true
}

func (p parts) negative() (bool, error) {
	switch {
	case p.open:
		return false, errors.New("one bracket only")
	case len(p.signs) > 1:
		return false, errors.New("more than one sign")
	case len(p.signs) == 0:
		return false, nil
	}
	switch p.signs[0] {
	case "(", "-", "S", "DR":
		return true, nil
	}
	return false, nil
}

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
		for i, g := range groups {
			if i == 0 && (g == "" || len(g) > 3 || g[0] == '0') || i > 0 && len(g) != 3 {
				return "", "", fmt.Errorf("does not fit the decimal mark %q", mark)
			}
		}
		whole = strings.Join(groups, "")
	}
	if whole == "" && fraction == "" {
		return "", "", errors.New("has no digits")
	}
	if len(fraction) > 4 {
		fraction = fraction[:4] + strings.TrimRight(fraction[4:], "0")
	}
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		whole = "0"
	}
	return whole, fraction, nil
}

// What the amounts of a statement tell of their decimal mark.
type markFinding int

const (
	markSure markFinding = iota
	markUnsure
	markConflict
)

// decimalMark finds the mark that fits all amounts. It is unsure when they can
// be read either way (all like 1.234), and in conflict when some ask for the
// one, some for the other.
func decimalMark(amounts []string) (string, markFinding) {
	points, commas, either := 0, 0, 0
	for _, text := range amounts {
		p, ok := takeApart(text)
		if !ok {
			continue
		}
		point, comma := strings.LastIndex(p.digits, "."), strings.LastIndex(p.digits, ",")
		if point < 0 && comma < 0 {
			continue
		}
		mark, other, at := &points, &commas, point
		if comma > point {
			mark, other, at = &commas, &points, comma
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
			either++
		}
	}
	switch {
	case points > 0 && commas > 0:
		if commas > points {
			return ",", markConflict
		}
		return ".", markConflict
	case commas > 0:
		return ",", markSure
	case points == 0 && either > 0:
		return ".", markUnsure
	}
	return ".", markSure
}
