package statement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/wealth-companion/companion/app/core/money"
)

// shared are the signs of money that several currencies write, each with these currencies.
// Beside an amount such a sign tells only which currencies it is not in.
var shared = map[string][]string{
	"$": strings.Fields("USD AUD CAD NZD HKD SGD TWD MXN ARS CLP COP UYU DOP CUP BRL BSD BBD BMD BZD BND FJD GYD JMD KYD LRD NAD NIO SBD SRD TTD XCD BOB MOP TOP WST"),
	"¥": {"JPY", "CNY"}, "C$": {"CAD", "NIO"}, "元": {"CNY", "TWD", "HKD"},
	"kr": nordic, "kr.": nordic, "Kr": nordic, "Kr.": nordic,
	"Rs": rupees, "Rs.": rupees, "₨": rupees,
	"lei": {"RON", "MDL"}, "Lei": {"RON", "MDL"}, "руб.": {"RUB", "BYN"}, "руб": {"RUB", "BYN"}, "р.": {"RUB", "BYN"},
}

var (
	nordic = []string{"SEK", "NOK", "DKK", "ISK"}
	rupees = []string{"INR", "PKR", "LKR", "NPR", "MUR", "SCR"}
)

// Writes reports whether amounts in a currency are written with a sign of money that
// several currencies share, as Line.Symbol has it.
func Writes(currency, symbol string) bool { return slices.Contains(shared[symbol], currency) }

// unit is the currency of an amount as far as it is named: by its ISO 4217 code, or only
// by a sign that several currencies share. The zero unit names none.
type unit struct{ currency, symbol string }

func (u unit) String() string {
	if u.currency != "" {
		return u.currency
	}
	return u.symbol
}

// unitOfValue reads the value of a column of currencies: a code, a sign, or what is neither
// and will be refused.
func unitOfValue(text string) unit {
	text = strings.TrimSpace(text)
	if _, is := shared[text]; is {
		return unit{symbol: text}
	}
	if iso := symbols[text]; iso != "" {
		return unit{currency: iso}
	}
	return unit{currency: strings.ToUpper(text)}
}

// and joins what two places of a file say of an amount's currency; it fails where they
// contradict each other.
func (u unit) and(other unit) (unit, error) {
	joined := u
	if joined.currency == "" {
		joined.currency = other.currency
	}
	if joined.symbol == "" {
		joined.symbol = other.symbol
	}
	different := u.currency != "" && other.currency != "" && u.currency != other.currency
	different = different || u.symbol != "" && other.symbol != "" && !slices.Equal(shared[u.symbol], shared[other.symbol])
	if different || joined.currency != "" && joined.symbol != "" && !Writes(joined.currency, joined.symbol) {
		return u, fmt.Errorf("the line names two currencies, %s and %s: which one the amount is in cannot be told", quote(u.String()), quote(other.String()))
	}
	return joined, nil
}

// unitOf returns the currency that a column's header names: "Betrag (EUR)",
// "Amount in USD", "Umsatz €", "Belopp (kr)".
func unitOf(name string) unit {
	words := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" ()[]/.,:_-", r) })
	for i, word := range words {
		if _, is := shared[word]; is && (i > 0 || len(words) > 1) {
			return unit{symbol: word}
		}
		if iso := symbols[word]; iso != "" && (i > 0 || len(words) > 1) && word != "R" {
			return unit{currency: iso}
		}
		if i > 0 && isCode(word) && !noUnit[word] {
			return unit{currency: word}
		}
	}
	return unit{}
}

// isCode reports whether a word is a currency's code in capitals.
func isCode(word string) bool {
	return len(word) == 3 && word == strings.ToUpper(word) && money.ValidCurrency(word)
}

// noUnit are codes of currencies that are words of headers in capitals.
var noUnit = map[string]bool{"ALL": true, "TOP": true}

// namedByHeader returns the currencies that the header's columns of amounts name.
func (c columns) namedByHeader(h headers) map[int]unit {
	units := map[int]unit{}
	for _, i := range []int{c.amount, c.debit, c.credit, c.fee} {
		if i >= 0 && i < len(h.shown) {
			units[i] = unitOf(h.shown[i])
		}
	}
	return units
}

// aroundTable returns the currencies that rows before or after the table name for all of
// it: "Currency: USD", "Opening balance;1.234,00 EUR", "All amounts in CHF".
func aroundTable(rows [][]string) []string {
	var found []string
	add := func(text string) bool {
		named := unitOf(text).currency
		if named == "" && isCode(strings.TrimSpace(text)) {
			named = strings.TrimSpace(text)
		}
		if p, ok := takeApart(text); named == "" && ok {
			named = p.currency
		}
		if named != "" && !slices.Contains(found, named) {
			found = append(found, named)
		}
		return named != ""
	}
	for _, row := range rows {
		for i, cell := range row {
			words := fold(cell)
			if !hasWord(words, currencyWords) && !hasWord(words, balanceWords) && !hasWord(words, allAmounts) || add(cell) {
				continue
			}
			for _, next := range row[i+1:] {
				if next = strings.Trim(next, " :"); next != "" {
					add(next)
					break
				}
			}
		}
	}
	return found
}

// allAmounts are words of a line that says in what currency all amounts are.
var allAmounts = set(`amounts beträge betraege montants importes importi bedragen belopp beløb beløp kwoty částky összegek`)

// ofTable is the currency that the lines around a CSV's table name.
func (m Mapping) ofTable(lines []string, all []record, date int) (unit, error) {
	if m.Currency != "" {
		return unit{}, nil
	}
	var around [][]string
	before := newRows(lines[:min(m.SkipLines, len(lines))], 0, m.Delimiter)
	for range m.SkipLines {
		row, _, err := before.next()
		if err == nil {
			around = append(around, row)
		} else if row == nil && before.at >= len(before.lines) {
			break
		}
	}
	for _, row := range all {
		if date >= len(row.fields) || !strings.ContainsAny(row.fields[date], "0123456789") {
			around = append(around, row.fields)
		}
	}
	switch found := aroundTable(around); len(found) {
	case 0:
		return unit{}, nil
	case 1:
		return unit{currency: found[0]}, nil
	default:
		return unit{}, invalid("currency", "is not settled: the lines around the table name %s. Name the column of the amounts' currencies, or give - if all are in the wallet's", strings.Join(found, ", "))
	}
}

// currencyColumns are the columns that name currencies by their values, and in every row,
// whatever they are called; not those of an original amount, of fees or of balances.
func currencyColumns(h headers, rows [][]string, taken []int) (found []int) {
	width := 0
	for _, row := range rows {
		width = max(width, len(row))
	}
	for i := range min(width, maxColumns) {
		name := fold(h.nameOf(i))
		cells := column(rows, i)
		if slices.Contains(taken, i) || len(cells) == 0 || len(cells) < len(rows) ||
			hasWord(name, originalWords) || hasWord(name, feeWords) || hasWord(name, balanceWords) || hasWord(name, rateWords) {
			continue
		}
		if !slices.ContainsFunc(cells, func(cell string) bool { return !isCode(unwrap(cell)) && shared[unwrap(cell)] == nil }) {
			found = append(found, i)
		}
	}
	return found
}

// currency finds the column of the amounts' currencies where no header says which it is.
func (p *Proposal) currency(h headers, rows [][]string, taken []int) {
	found := currencyColumns(h, rows, taken)
	if len(found) == 0 {
		return
	}
	p.Mapping.Currency = h.column(found[0])
	same := func(i int) bool { return slices.Equal(column(rows, i), column(rows, found[0])) }
	if !slices.ContainsFunc(found, func(i int) bool { return !same(i) }) {
		return
	}
	choices := []string{}
	for _, i := range found {
		choices = append(choices, string(h.column(i)))
	}
	p.unsure(AskCurrency, "several columns name currencies: choose the one of the amounts that are read, or - if all are in the wallet's", append(choices, string(notThere))...)
}
