package statement

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// How much of a file Detect looks at.
const (
	sampleBytes = 256 << 10
	sampleRows  = 1000
	previewRows = 20
)

// Proposal is a mapping to be looked at before anything is imported.
type Proposal struct {
	Mapping Mapping
	// Header and Rows show a CSV's columns, the first 20 rows; no header: nil.
	Header []string
	Rows   [][]string
	// Accounts are those whose movements an OFX, CAMT, MT940 or QIF file holds.
	Accounts []string
	// unmarked is an amount that says neither debit nor credit, if there is one.
	unmarked string
	// Ambiguities are what a person must decide or look at. Without any, the
	// mapping can be used as it is.
	Ambiguities []Ambiguity
}

// Detect proposes a mapping from the beginning of a statement. OFX, CAMT and MT940
// need none.
func Detect(format Format, r io.Reader) (Proposal, error) {
	most := int64(sampleBytes)
	if format != QIF { // which accounts it holds only the whole file tells
		most = MaxBytes
	}
	raw, err := io.ReadAll(io.LimitReader(r, most+1))
	if err != nil {
		return Proposal{}, fmt.Errorf("read the statement: %w", err)
	}
	if len(raw) > sampleBytes && format == QIF { // whole lines only
		raw = raw[:bytes.LastIndexByte(raw[:sampleBytes], '\n')+1]
		if len(raw) == 0 {
			return Proposal{}, errNoLines
		}
	}
	d, err := decodeAs(raw, "")
	if err != nil {
		return Proposal{}, err
	}
	text, encoding := d.text, d.encoding
	p := Proposal{Mapping: Mapping{Encoding: encoding}}
	if len(d.doubts) > 0 {
		p.unsure("encoding", "the letters can be read in more than one code page", append([]string{encoding}, d.doubts...)...)
	}
	switch format {
	case OFX:
		var s sink
		found := ofxParser{s: &s, within: map[string]int{}, kinds: map[string]string{}}
		if err := found.parse(text); err == nil || len(s.accounts) > 1 { // why it cannot be read Parse will say
			p.tellAccounts(s)
			p.tellOFX(&found)
		}
		return p, nil
	case CAMT, MT940:
		return p, p.accounts(format, text)
	case QIF:
		return p, p.qif(text)
	case CSV:
		return p, p.csv(text)
	}
	return Proposal{}, errFormat
}

var errNoLines = invalid("file", "has no end of a line in its first %d KiB: is it a statement?", sampleBytes>>10)

// accounts asks whose movements are meant in a file of several accounts. Why a file
// cannot be read Parse will say.
func (p *Proposal) accounts(format Format, text string) error {
	var s sink
	if err := s.parse(format, text, p.Mapping); err == nil || len(s.accounts) > 1 {
		p.tellAccounts(s)
	}
	return nil
}

func (p *Proposal) tellAccounts(s sink) {
	p.Accounts = s.accounts
	if len(s.accounts) > 1 {
		p.unsure("account", "the file holds more than one account: choose whose movements are meant", s.accounts...)
	}
}

func (p *Proposal) qif(text string) error {
	records, err := qifRecords(text, &sink{})
	if err != nil {
		return err
	}
	orders := qifOrders(records)
	switch {
	case len(orders) == 0:
		p.unsure("dateLayout", "no date can be read")
	case len(orders) > 1:
		p.unsure("dateLayout", "every date can be read in more than one way", orders...)
	default:
		if example, other := qifMixed(records, orders[0]); other != "" {
			p.unsure("dateLayout", mixedReason(example, orders[0], other), orders[0], other)
		}
	}
	if len(orders) > 0 {
		p.Mapping.DateLayout = orders[0]
	}
	var finding markFinding
	p.Mapping.DecimalMark, finding = qifMark(records)
	p.tellMark(finding)
	var s sink
	for _, r := range records {
		s.in(r.own)
	}
	p.tellAccounts(s)
	return nil
}

func (p *Proposal) tellMark(finding markFinding) {
	switch finding {
	case markUnsure:
		p.unsure("decimalMark", "the amounts can be read with a decimal point and with a decimal comma", ".", ",")
	case markConflict:
		p.unsure("decimalMark", "some amounts have a decimal point, others a decimal comma", ".", ",")
	}
}

// A role is what a column is for. The names are headers as banks write them,
// in English and German, folded, those that fit best first.
type role int

const (
	roleDate role = iota
	roleAmount
	roleDebit
	roleCredit
	roleDirection
	rolePayee
	rolePurpose
	roleCategory
	roleCurrency
	roleReference
)

var roleNames = map[role][]string{
	roleDate: {"buchungstag", "buchungsdatum", "buchung", "booking date", "posting date", "posted date", "post date", "date posted", "datum",
		"date", "transaction date", "trans date", "completed date", "created", "umsatzdatum", "transaktionsdatum", "started date", "belegdatum",
		"valutadatum", "valuta", "wertstellung", "wertstellungsdatum", "value date"},
	roleAmount:    {"betrag", "amount", "umsatz", "transaction amount", "buchungsbetrag", "net amount", "summe", "value"},
	roleDebit:     {"soll", "debit", "belastung", "lastschrift", "ausgang", "ausgabe", "ausgaben", "debit amount", "withdrawal", "withdrawals", "withdrawal amt", "paid out", "money out"},
	roleCredit:    {"haben", "credit", "gutschrift", "eingang", "einnahme", "einnahmen", "credit amount", "deposit", "deposits", "deposit amt", "paid in", "money in"},
	roleDirection: {"soll haben", "s h", "sollhaben", "debit credit", "d c", "dr cr", "credit debit indicator", "credit debit", "direction"},
	rolePayee: {"payee", "empfanger", "zahlungsempfanger in", "zahlungsempfanger", "begunstigter zahlungspflichtiger", "beguenstigter zahlungspflichtiger",
		"auftraggeber begunstigter", "auftraggeber empfanger", "name zahlungsbeteiligter", "zahlungspflichtiger", "zahlungspflichtige r", "counterparty", "partner name", "merchant", "name"},
	rolePurpose:  {"narration", "verwendungszweck", "beschreibung", "description", "purpose", "payment reference", "memo", "details", "narrative", "text", "notes", "particulars"},
	roleCategory: {"kategorie", "category"},
	roleCurrency: {"wahrung", "waehrung", "currency", "buchungswahrung"},
	roleReference: {"transaktions id", "transaktionsnummer", "transaction id", "transaction reference", "id", "fitid", "buchungsreferenz", "bankreferenz",
		"referenz", "reference", "referenznummer", "reference number", "ref"},
}

// Names that are used only where a file has none of the above.
var lastPurpose = []string{"buchungstext", "vorgang", "umsatztyp", "transaction type", "type"}

// unitBehind is a currency behind what a header says.
var unitBehind = regexp.MustCompile(` (in )?([a-z]{3}|euro|円|元|원)$`)

// title makes "Betrag (€)" and "BETRAG in EUR" the same.
func title(name string) string {
	folded := fold(name)
	if unitOf(name).currency == "" && !unitWord[folded[strings.LastIndexByte(folded, ' ')+1:]] {
		return folded
	}
	return unitBehind.ReplaceAllString(folded, "")
}

var unitWord = set(`eur euro usd gbp chf 円 元 원`)

// roles gives the columns of each role, those that fit best first.
func roles(row []string) map[role][]int {
	folded := foldedTitles(row)
	out := map[role][]int{}
	for r, names := range roleNames {
		for _, name := range names {
			for i := range folded {
				if folded[i] == name {
					out[r] = append(out[r], i)
				}
			}
		}
	}
	byWords(folded, out)
	return out
}

func foldedTitles(row []string) []string {
	folded := make([]string, len(row))
	for i, cell := range row {
		folded[i] = title(cell)
		if bare := strings.TrimRight(folded[i], "0123456789 "); len(bare) > 3 { // Beschreibung1, Omschrijving-2
			folded[i] = bare
		}
	}
	return folded
}

// wordRoles are used where no header is known as a whole: a word of it says
// what the column is for. The order decides between words of two kinds.
var wordRoles = []struct {
	role  role
	words map[string]bool
}{
	{roleDate, dateWords}, {roleDirection, directionWords}, {roleDebit, debitWords}, {roleCredit, creditWords}, {roleAmount, amountWords},
	{roleCategory, categoryWords}, {roleCurrency, currencyWords}, {rolePayee, payeeWords}, {rolePurpose, purposeWords},
}

func byWords(folded []string, out map[role][]int) {
	taken := map[int]bool{}
	for _, columns := range out {
		for _, i := range columns {
			taken[i] = true
		}
	}
	had := map[role]bool{}
	for r := range out {
		had[r] = true
	}
	for i, name := range folded {
		words := wordsOf(name)
		any := func(of map[string]bool) bool { return hasWord(name, of) }
		if taken[i] || any(balanceWords) || any(rateWords) || any(timeWords) || any(feeWords) || any(statusWords) || any(originalWords) {
			continue
		}
		for _, try := range wordRoles {
			if had[try.role] || !any(try.words) || try.role == rolePayee && any(accountWords) {
				continue
			}
			if try.role == rolePayee && any(bankWords) {
				continue
			}
			if try.role != roleCurrency && try.role != roleDate && try.role != roleAmount && any(currencyWords) && len(words) > 1 {
				continue
			}
			out[try.role] = append(out[try.role], i)
			break
		}
	}
	booking := func(i int) int { // the day of booking before that of value
		switch {
		case hasWord(folded[i], valueDayWords):
			return 2
		case hasWord(folded[i], bookingWords):
			return 0
		}
		return 1
	}
	if !had[roleDate] {
		slices.SortStableFunc(out[roleDate], func(a, b int) int { return booking(a) - booking(b) })
	}
}

// table is a sample cut by one delimiter.
type table struct {
	delimiter string
	rows      [][]string
	numbers   []int
	head      int // index of the header's row, -1: not recognised
	roles     map[role][]int
	score     int
	// unsurePair: which of debit and credit is which nothing tells.
	unsurePair bool
}

func cut(lines []string, delimiter string) table {
	t := table{delimiter: delimiter, head: -1}
	r := newRows(lines, 0, delimiter)
	widths := map[int]int{}
	for range lines {
		row, number, err := r.next()
		if errors.Is(err, io.EOF) || len(t.rows) == sampleRows {
			break
		}
		if err == nil {
			t.rows, t.numbers = append(t.rows, row), append(t.numbers, number)
			widths[len(row)]++
		}
	}
	best := 0
	for i, row := range t.rows[:min(len(t.rows), 40)] {
		found := roles(row)
		if len(found[roleDate]) > 0 && len(found[roleAmount])+len(found[roleDebit])+len(found[roleCredit]) > 0 && len(found) > best {
			best, t.head, t.roles = len(found), i, found
		}
	}
	// Rows that are as wide as most, wider rows first among equals; a header
	// that is understood outweighs it.
	for width, count := range widths {
		if width > 1 {
			t.score = max(t.score, count*100+min(width, 99))
		}
	}
	t.score += best * 1_000_000
	return t
}

// csv looks at the beginning of a file, and for accounts at all of it.
func (p *Proposal) csv(whole string) error {
	text := whole
	if len(text) > sampleBytes {
		if text = text[:strings.LastIndexByte(text[:sampleBytes], '\n')+1]; text == "" {
			return errNoLines
		}
	}
	lines := strings.Split(text, "\n")
	var t table
	for i := range len(delimiters) {
		if other := cut(lines, delimiters[i:i+1]); other.score > t.score {
			t = other
		}
	}
	if t.score == 0 {
		return invalid("file", "has no columns separated by a semicolon, a comma, a tab or a bar: is it a CSV?")
	}
	m := &p.Mapping
	m.Delimiter = t.delimiter
	if t.head < 0 && !t.guess() {
		p.Rows = t.rows[:min(len(t.rows), previewRows)]
		p.unsure("date", "no column looks like dates: say which lines to skip, and the columns")
		return nil
	}
	data := t.rows
	var names headers
	if t.head >= 0 {
		data = t.rows[t.head+1:]
		m.SkipLines = t.numbers[t.head] - 1
		p.Header = t.rows[t.head]
		names = newHeaders(p.Header)
	} else {
		m.NoHeader = true
		m.SkipLines = t.numbers[0] - 1
	}
	p.Rows = data[:min(len(data), previewRows)]
	if len(data) == 0 {
		p.unsure("file", "has no lines after the header")
	}
	if len(text) < len(whole) || len(t.rows) >= sampleRows { // what settles a question may come late
		data = p.rest(whole)
	}
	if t.head >= 0 { // a wider line is refused: what is in its columns tells nothing
		if fit := slices.DeleteFunc(slices.Clone(data), func(row []string) bool { return used(row) > len(p.Header) }); len(fit) > 0 {
			data = fit
		}
	}
	p.columns(names, t, data)
	if c, err := m.columns(names); err == nil && !m.NoHeader {
		p.fees(names, data)
		p.tellColumns(names, c, data)
	}
	return nil
}

// rest are the rows of a whole file after its header, as many as are imported at most.
func (p *Proposal) rest(whole string) (data [][]string) {
	lines := strings.SplitN(whole, "\n", MaxLines+1)
	r := newRows(lines[:min(len(lines), MaxLines)], p.Mapping.SkipLines, p.Mapping.Delimiter)
	head := 1
	if p.Mapping.NoHeader {
		head = 0
	}
	for {
		row, _, err := r.next()
		switch {
		case errors.Is(err, io.EOF), len(data) > 2*MaxMovements:
			return data[min(len(data), head):]
		case err == nil:
			data = append(data, row)
		}
	}
}

// guess finds the columns of a table without a header that is known: a column
// of dates, one of amounts, the longest text. It drops what stands before.
func (t *table) guess() bool {
	first, date := -1, -1
	for i, row := range t.rows[:min(len(t.rows), 40)] {
		for c, cell := range row {
			if first < 0 && len(row) > 1 && dated(cell) {
				first, date = i, c
			}
		}
	}
	if first < 0 {
		return false
	}
	width := len(t.rows[first])
	t.roles = map[role][]int{roleDate: {date}}
	if first > 0 && len(t.rows[first-1]) == width { // a header in other words
		defer t.worded(t.rows[first:], width)
	}
	longest, text := 0, -1
	for c := range width {
		amounts, marked, length := 0, 0, 0
		cells := column(t.rows[first:], c)
		for _, cell := range cells {
			if part, ok := takeApart(cell); ok {
				amounts++
				if strings.ContainsAny(part.digits, ".,") {
					marked++
				}
			} else if strings.ContainsFunc(cell, unicode.IsLetter) {
				length += len(cell)
			}
		}
		switch {
		case c == date, c < 0, datesOnly(cells[:min(len(cells), 50)]):
		case amounts == len(cells) && marked > 0:
			t.roles[roleAmount] = append(t.roles[roleAmount], c)
		case length > longest && differs(cells):
			longest, text = length, c
		}
	}
	if text >= 0 {
		t.roles[rolePurpose] = []int{text}
	}
	if first > 0 && len(t.rows[first-1]) == width {
		t.head = first - 1
		return true
	}
	t.rows, t.numbers = t.rows[first:], t.numbers[first:]
	return true
}

// worded takes from a header of which parts alone are known what these say, and finds the
// columns of debits and credits by their values.
func (t *table) worded(data [][]string, width int) {
	date := t.roles[roleDate][0]
	known := roles(t.rows[t.head])
	for r, columns := range known {
		columns = slices.DeleteFunc(columns, func(i int) bool {
			money := r == roleAmount || r == roleDebit || r == roleCredit
			return i == date || money && !amountsIn(data, i) || !money && slices.Contains(t.roles[roleAmount], i)
		})
		known[r] = columns
		if r != roleDate && r != rolePurpose && r != rolePayee && len(columns) > 0 {
			t.roles[r] = columns
		}
	}
	if len(known[rolePurpose])+len(known[rolePayee]) > 0 {
		t.roles[rolePurpose], t.roles[rolePayee] = known[rolePurpose], known[rolePayee]
	}
	if len(known[roleAmount]) > 0 {
		return
	}
	if len(t.roles[roleDebit])+len(t.roles[roleCredit]) > 0 { // the other of the two may be called anything
		delete(t.roles, roleAmount)
		return
	}
	a, b := pairIn(data, width, date)
	if a < 0 {
		return
	}
	delete(t.roles, roleAmount)
	switch outgoing(data, width, a, b) {
	case -1:
		a, b = b, a
	case 0:
		t.unsurePair = true
	}
	t.roles[roleDebit], t.roles[roleCredit] = []int{a}, []int{b}
}

// datesOnly says that all values are dates: 28.09.2026 and 20260928 are no amounts.
func datesOnly(cells []string) bool {
	return len(cells) > 0 && !slices.ContainsFunc(cells, func(cell string) bool { return !dated(cell) })
}

// dated says that a layout reads a value.
func dated(cell string) bool {
	forms := dateForms(cell)
	return slices.ContainsFunc(layouts, func(l layout) bool {
		_, err := parseForms(forms, cell, l.gos, l.ours)
		return err == nil
	})
}

// differs says that a column's values are not all the same, as one's own
// account's number is.
func differs(cells []string) bool {
	return len(cells) < 2 || slices.ContainsFunc(cells, func(cell string) bool { return cell != cells[0] })
}

// sides finds the column whose values say debit or credit, and whether each row has one.
func sides(data [][]string, width int, not ...int) (index int, every bool) {
	for i := range width {
		cells := column(data, i)
		if len(cells) == 0 || slices.Contains(not, i) || slices.ContainsFunc(cells, func(cell string) bool { return side(unwrap(cell)) == 0 }) {
			continue
		}
		return i, len(cells) == len(data)
	}
	return -1, false
}

// column gives the values of a column that are not empty; -1: none.
func column(rows [][]string, c int) []string {
	var out []string
	for _, row := range rows {
		if c >= 0 && c < len(row) && strings.TrimSpace(row[c]) != "" {
			out = append(out, row[c])
		}
	}
	return out
}

// columns fills the mapping in from the roles, and looks at the values.
func (p *Proposal) columns(names headers, t table, data [][]string) {
	m := &p.Mapping
	name := names.column
	t.dates(p.Header, data)
	first := func(r role) (int, Column) {
		if len(t.roles[r]) == 0 {
			return -1, ""
		}
		return t.roles[r][0], name(t.roles[r][0])
	}
	date, dateName := first(roleDate)
	m.Date = dateName
	if len(data) > 0 {
		p.layout(column(data, date))
	}

	var amounts []string
	amount, amountName := first(roleAmount)
	switch {
	case amount >= 0:
		m.Amount = amountName
		amounts = column(data, amount)
		width := 0
		if len(data) > 0 {
			width = len(data[0])
		}
		found, every := sides(data, width, date, amount)
		if found < 0 {
			found = t.sidesByHeader(data, date, amount)
			every = found >= 0 && len(column(data, found)) == len(data)
		}
		signed := slices.ContainsFunc(amounts, func(text string) bool { p, ok := takeApart(text); return ok && p.minus > 0 })
		if found >= 0 && (!signed || slices.Contains(t.roles[roleDirection], found)) {
			m.Direction = name(found)
		} else {
			every = false
		}
		if m.Direction == "" && !signed {
			if found = kindColumn(data, width, date, amount); found >= 0 {
				m.Direction, every = name(found), true
				p.tellKinds(m.Direction, column(data, found))
			}
		}
		if t.head < 0 || len(roles(p.Header)[roleAmount]) == 0 {
			if of := t.roles[roleAmount]; len(of) > 1 {
				var choices []string
				for _, i := range of {
					choices = append(choices, string(name(i)))
				}
				p.unsure("amount", "several columns hold amounts", choices...)
			}
		}
		if !every {
			p.sign(amounts, looksLikeACard(data, amount))
		}
	default:
		t.complete(data, date)
		debit, debitName := first(roleDebit)
		credit, creditName := first(roleCredit)
		m.Debit, m.Credit = debitName, creditName
		amounts = append(column(data, debit), column(data, credit)...)
		if debit < 0 && credit < 0 {
			p.unsure("amount", "no column looks like amounts: choose one")
		} else if debit < 0 || credit < 0 {
			p.unsure("debit", "only one of debit and credit was found: choose the other if there is one")
		}
		p.minus(debitName, column(data, debit))
		p.minus(creditName, column(data, credit))
		if t.unsurePair {
			p.unsure("inverted", fmt.Sprintf("each line has an amount under %s or under %s: false reads what is under the first as expenses, true what is under the second",
				quote(string(debitName)), quote(string(creditName))), "false", "true")
		}
	}
	var finding markFinding
	m.DecimalMark, finding = decimalMark(amounts)
	if finding == markUnsure && m.Delimiter == ";" {
		m.DecimalMark = ","
	}
	if finding == markUnsure && unsplit(p.Header, data) && !slices.ContainsFunc(amounts, func(text string) bool { return strings.Contains(text, ".") }) {
		m.DecimalMark, finding = ".", markSure
	}
	p.tellMark(finding)

	_, m.Category = first(roleCategory)
	if _, m.Currency = first(roleCurrency); m.Currency == "" {
		p.currency(names, data, slices.Concat(slices.Collect(maps.Values(t.roles))...))
	}
	_, m.Reference = first(roleReference)
	text := slices.Concat(t.roles[rolePayee], t.roles[rolePurpose])
	var others []int
	if len(text) == 0 && !m.NoHeader {
		others = texts(names, data[:min(len(data), sampleRows)], slices.Concat(slices.Collect(maps.Values(t.roles))...))
	}
	if len(others) == 1 {
		text = others
	}
	if len(text) == 0 {
		for i, cell := range p.Header {
			if slices.Contains(lastPurpose, title(cell)) {
				text = []int{i}
				break
			}
		}
	}
	if len(text) == 0 && len(others) > 0 {
		text = []int{longest(data, others)}
		choices := []string{string(name(text[0]))}
		for _, i := range others {
			if i != text[0] {
				choices = append(choices, string(name(i)))
			}
		}
		p.unsure("description", "several columns may be the description: choose one", choices...)
	}
	for _, i := range text {
		m.Description = append(m.Description, name(i))
	}
	if len(text) == 0 {
		p.unsure("description", "no column looks like a description: choose one")
	}
}

// complete finds the column of debits or of credits where the header tells the other alone.
func (t *table) complete(data [][]string, date int) {
	debits, credits := t.roles[roleDebit], t.roles[roleCredit]
	if len(debits)+len(credits) != 1 || len(data) == 0 {
		return
	}
	known, other := append(debits, credits...)[0], roleCredit
	if len(debits) == 0 {
		other = roleDebit
	}
	data = data[:min(len(data), sampleRows)]
	if found := pairOf(data, amountColumns(data, len(data[0]), known, date), known); found >= 0 {
		t.roles[other] = []int{found}
	}
}

// sidesByHeader finds a column that is headed as one of sides and mostly says one; rows
// that say something else are told.
func (t *table) sidesByHeader(data [][]string, not ...int) int {
	for _, i := range t.roles[roleDirection] {
		cells := column(data, i)
		says := 0
		for _, cell := range cells {
			if side(unwrap(cell)) != 0 {
				says++
			}
		}
		if !slices.Contains(not, i) && says > 0 && 2*says > len(cells) {
			return i
		}
	}
	return -1
}

func (p *Proposal) layout(dates []string) {
	found := fitting(dates)
	if counts := countedLayout(dates); counts != "" && len(found) == 0 {
		at, _, _ := counted(dates[0], counts)
		p.Mapping.DateLayout = counts
		p.unsure("dateLayout", fmt.Sprintf("the dates are numbers: %s is read as %s; where the days are right, keep %s", quote(dates[0]), at.Format(time.DateOnly), counts), counts)
		return
	}
	if len(found) == 0 {
		if len(dates) == 0 {
			p.unsure("dateLayout", "no line has a date: is it the right column?")
			return
		}
		p.unsure("dateLayout", fmt.Sprintf("the layout of %s is not known: write for instance DD.MM.YYYY", quote(dates[0])))
		return
	}
	p.Mapping.DateLayout = found[0]
	if len(found) > 1 {
		p.unsure("dateLayout", "every date can be read in more than one way", found...)
		return
	}
	if example, other := mixed(dates, found[0]); other != "" {
		p.unsure("dateLayout", mixedReason(example, found[0], other), found[0], other)
	}
}

func mixedReason(example, layout, other string) string {
	return fmt.Sprintf("dates are written in two ways: most can be read as %s, and %s only as %s; where a date can be read as both, nobody knows which is meant: export the file again, or correct it",
		layout, quote(example), other)
}

// fewMinuses is how many amounts with a minus, and none without, do not show how a
// column of debits or credits is written.
const fewMinuses = 2

// minus asks what the few amounts of a column of debits or credits mean when all have
// a minus.
func (p *Proposal) minus(name Column, amounts []string) {
	minuses, example := 0, ""
	for _, text := range amounts {
		part, ok := takeApart(text)
		switch {
		case !ok || strings.Trim(part.digits, "0., ") == "":
		case part.side != 0 || part.minus == 0:
			return
		default:
			minuses++
			example = text
		}
	}
	if minuses == 0 || minuses > fewMinuses {
		return
	}
	p.unsure("minus", fmt.Sprintf("under %s is only %s: %s, where the bank writes such amounts with a minus; %s, where it is a refund or a reversal and the money went the other way",
		quote(string(name)), quote(example), MinusColumn, MinusOpposite), MinusColumn, MinusOpposite)
}

// sign asks when most amounts are positive: a month in which little was spent,
// or a card's statement that lists what was bought without a minus. Amounts
// that say debit or credit need no answer. It asks too where texts speak of a card.
func (p *Proposal) sign(amounts []string, card bool) {
	positive, negative, example := 0, 0, ""
	for _, text := range amounts {
		part, ok := takeApart(text)
		switch {
		case !ok || part.side != 0:
		case part.negative():
			negative++
		default:
			positive++
			if part.plus == 0 && example == "" {
				example = text
			}
		}
	}
	p.unmarked = example
	if (positive > negative || card) && example != "" {
		p.unsure("inverted", fmt.Sprintf("most amounts have no minus: false reads %s as income, true as an expense", quote(example)), "false", "true")
	}
}

// OfCard asks about the signs, unless that is asked already or marks settle them: of a
// credit card's statement it is not known from the file whether a purchase has a minus.
func (p *Proposal) OfCard() {
	if p.unmarked == "" || slices.ContainsFunc(p.Ambiguities, func(a Ambiguity) bool { return a.Field == "inverted" }) {
		return
	}
	p.unsure("inverted", fmt.Sprintf("cards' statements often write purchases without a minus: false reads %s as income, true as an expense", quote(p.unmarked)), "false", "true")
}

// Open returns the questions that a mapping leaves open: those whose field it has as
// the proposal has it, unless answered names the field.
func (p Proposal) Open(m Mapping, answered []Field) []Ambiguity {
	proposed, given := fieldsOf(p.Mapping), fieldsOf(m)
	return slices.DeleteFunc(slices.Clone(p.Ambiguities), func(a Ambiguity) bool {
		changed := func(field Field) bool { return proposed[string(field)] != given[string(field)] }
		return slices.Contains(answered, a.Field) || changed(a.Field) || slices.ContainsFunc(a.or, changed)
	})
}

// fieldsOf are a mapping's values as JSON, by their names there.
func fieldsOf(m Mapping) map[string]string {
	text, _ := json.Marshal(m) // of strings, numbers and booleans
	var raw map[string]json.RawMessage
	_ = json.Unmarshal(text, &raw)
	fields := map[string]string{}
	for name, value := range raw {
		fields[name] = string(value)
	}
	return fields
}
