package statement

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

const delimiters = ";,\t|"

// maxJoined is over how many lines of the file a quoted value may go. A quote
// that is never closed costs its own line then, not the rest of the file.
const maxJoined = 20

// rows hands out a CSV's rows one after the other.
type rows struct {
	lines     []string
	at        int // index of the next line
	delimiter rune
	width     int // of the header; 0 when not known
	buffer    *bufio.Reader
}

func newRows(lines []string, skip int, delimiter string) *rows {
	return &rows{lines: lines, at: min(skip, len(lines)), delimiter: rune(delimiter[0]), buffer: bufio.NewReaderSize(nil, 4096)}
}

// next gives the next row that is not empty and the number of its first line,
// 0 at the end. After an error, reading goes on with the line that follows.
func (r *rows) next() (fields []string, number int, err error) {
	for r.at < len(r.lines) {
		first := r.at
		fields, used, err := r.row()
		r.at += used
		if err != nil {
			return nil, first + 1, err
		}
		if strings.TrimSpace(strings.Join(fields, "")) != "" {
			return fields, first + 1, nil
		}
	}
	return nil, 0, io.EOF
}

func (r *rows) row() (fields []string, used int, err error) {
	text := r.lines[r.at]
	if !strings.Contains(text, `"`) {
		if len(text) > MaxLineLength {
			return nil, 1, errLong
		}
		fields = strings.Split(text, string(r.delimiter))
		return fields, 1, width(fields)
	}
	for used = 1; ; used++ {
		if len(text) > MaxLineLength {
			return nil, 1, errLong
		}
		fields, err = r.read(text, false)
		if errors.Is(err, csv.ErrBareQuote) && used == 1 { // 27" monitor
			fields, err = r.read(text, true)
		}
		if err == nil && (used == 1 || r.width == 0 || len(fields) == r.width) {
			return fields, used, width(fields)
		}
		if used == maxJoined || r.at+used >= len(r.lines) || !errors.Is(err, csv.ErrQuote) {
			return nil, 1, errors.New("a quotation mark is not closed, or stands inside a quoted value: correct the line, two marks (\"\") stand for one")
		}
		text += "\n" + r.lines[r.at+used]
	}
}

func (r *rows) read(text string, lazy bool) ([]string, error) {
	r.buffer.Reset(strings.NewReader(text))
	reader := csv.NewReader(r.buffer)
	reader.Comma, reader.LazyQuotes, reader.FieldsPerRecord = r.delimiter, lazy, -1
	return reader.Read()
}

var errLong = fmt.Errorf("the line is longer than %d KiB: correct or remove it", MaxLineLength>>10)

func width(fields []string) error {
	if len(fields) > maxColumns {
		return fmt.Errorf("the line has more than %d columns: is the delimiter the right one?", maxColumns)
	}
	return nil
}

// columns are a mapping's columns as indexes, -1 for those not asked for.
type columns struct {
	date, amount, direction, debit, credit, category, currency, reference, account, fee int

	description []int
	signs       signs
	units       map[int]unit // the currencies that headers of amounts name, by the column
	table       unit         // the currency that the lines around the table name
}

func (m Mapping) columns(h headers) (c columns, err error) {
	for _, want := range []struct {
		field  string
		column Column
		index  *int
	}{
		{"date", m.Date, &c.date}, {"amount", m.Amount, &c.amount}, {"direction", m.Direction, &c.direction},
		{"debit", m.Debit, &c.debit}, {"credit", m.Credit, &c.credit}, {"category", m.Category, &c.category},
		{"currency", m.Currency, &c.currency}, {"reference", m.Reference, &c.reference},
		{"accountColumn", m.AccountColumn, &c.account}, {"fee", m.Fee, &c.fee},
	} {
		if want.column == notThere && (want.index == &c.account || want.index == &c.fee || want.index == &c.currency) {
			*want.index = -1
			continue
		}
		if *want.index, err = h.find(want.field, want.column); err != nil {
			return c, err
		}
	}
	for _, column := range m.Description {
		i, err := h.find("description", column)
		if err != nil {
			return c, err
		}
		c.description = append(c.description, i)
	}
	c.units = c.namedByHeader(h)
	return c, nil
}

func parseCSV(text string, m Mapping, s *sink) error {
	lines, err := split(text)
	if err != nil {
		return err
	}
	layout, err := goLayout(m.DateLayout)
	if err != nil {
		return invalid("dateLayout", "%s", err.Error())
	}
	r := newRows(lines, m.SkipLines, m.Delimiter)
	var h headers
	if !m.NoHeader {
		names, number, err := r.next()
		if errors.Is(err, io.EOF) {
			return invalid("file", "has no line after the %d that are skipped", m.SkipLines)
		}
		if err != nil {
			return invalid("file", "line %d, the header: %s", number, err.Error())
		}
		h = newHeaders(names)
		r.width = len(names)
	}
	c, err := m.columns(h)
	if err != nil {
		return err
	}
	var all []record
	for range lines { // each turn takes a line at least
		if max(len(all), len(s.bad)) > 2*MaxMovements {
			break // too many already
		}
		row, number, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			s.refuse(number, "%s", err.Error())
			continue
		}
		all = append(all, record{row, number})
	}
	if c.account >= 0 { // there may be a table for each account
		all = slices.DeleteFunc(all, func(row record) bool { return h.again(row.fields) })
	}
	all = s.firstTable(lines, m, h, all)
	for _, row := range all {
		if h.again(row.fields) {
			return invalid("file", "has its header once more in line %d, as files of several accounts do: name the column of the accounts in accountColumn, or export each account into a file of its own", row.number)
		}
	}
	if c.table, err = m.ofTable(lines, all, c.date); err != nil {
		return err
	}
	near := h.beside(c)
	near.states(h, c, all)
	near.fee = slices.DeleteFunc(near.fee, func(i int) bool { return m.Fee == notThere || i == c.fee })
	if all, err = m.ofAccount(s, h, c, all); err != nil {
		return err
	}
	width := r.width
	if m.NoHeader {
		width = usualWidth(all)
	}
	wide := m.tooWide(all, c, width)
	// What is in a wider line's columns may belong into others, and tells nothing of them.
	exact := slices.DeleteFunc(slices.Clone(all), func(row record) bool { return len(row.fields) > width })
	if len(exact) == 0 {
		exact = slices.DeleteFunc(slices.Clone(all), wide)
	}
	c.signs = m.signs(exact, c)
	balance := newRunning(h, c, m.DecimalMark)
	sums := newTotals(all, c, m.DecimalMark)
	for place, row := range all {
		if err := s.full(); err != nil {
			return err
		}
		if wide(row) {
			s.refuse(row.number, "the line has %d columns where %d belong: put the value that holds the delimiter into quotation marks", len(row.fields), width)
			continue
		}
		if reason := near.unbooked(row.fields); reason != "" {
			s.refuse(row.number, "%s", reason)
			continue
		}
		if reason := sums.total(row.fields); reason != "" {
			s.refuse(row.number, "%s", reason)
			continue
		}
		l, err := m.line(row.fields, c, layout)
		if err != nil {
			s.refuse(row.number, "%s", err.Error())
			continue
		}
		if isBalance(l.Description) {
			s.refuse(row.number, "%s", errBalance.Error())
			continue
		}
		l.Number = row.number
		booked, err := m.charged(l, row.fields, c)
		if err != nil {
			s.refuse(row.number, "%s", err.Error())
			continue
		}
		before := len(s.lines)
		for _, one := range booked {
			s.add(one)
		}
		if len(s.lines) > before {
			balance.add(row.fields, place, before)
		}
		if told := near.charge(row.fields, h, m.DecimalMark); told != "" {
			s.refuse(row.number, "%s", told)
		}
	}
	wrong := map[int]bool{} // by number: a row's fee goes with it
	for i, reason := range balance.contradicted(s.lines) {
		s.refuse(s.lines[i].Number, "%s", reason)
		wrong[s.lines[i].Number] = true
	}
	s.lines = slices.DeleteFunc(s.lines, func(l Line) bool { return wrong[l.Number] })
	slices.SortStableFunc(s.bad, func(a, b Bad) int { return a.Number - b.Number })
	return s.full()
}

// line reads one row.
func (m Mapping) line(row []string, c columns, layout string) (l Line, err error) {
	need := func(what string, i int) (string, error) {
		if i >= len(row) {
			return "", fmt.Errorf("the line has %d columns, the %s is column %d", len(row), what, i+1)
		}
		return row[i], nil
	}
	if text, err := need("date", c.date); err != nil {
		return l, err
	} else if l.At, err = parseDate(text, layout, m.DateLayout); err != nil {
		return l, err
	}
	var of unit
	if l.Amount, of, err = m.amount(row, c, need); err != nil {
		return l, err
	}
	may := func(i int) string {
		if i < 0 || i >= len(row) {
			return ""
		}
		return unwrap(row[i])
	}
	var words []string
	for _, i := range c.description {
		if word := may(i); !slices.Contains(words, word) { // banks write one text into several columns
			words = append(words, word)
		}
	}
	l.Description = strings.Join(words, " ")
	l.Category, l.Reference = may(c.category), may(c.reference)
	if code := may(c.currency); code != "" {
		if of, err = of.and(unitOfValue(code)); err != nil {
			return l, err
		}
	}
	if of.currency == "" && c.table.currency != "" {
		if of, err = of.and(c.table); err != nil {
			return l, err
		}
	}
	l.Currency, l.Symbol = of.currency, of.symbol
	return l, nil
}

func (m Mapping) amount(row []string, c columns, need func(string, int) (string, error)) (decimal.Decimal, unit, error) {
	if c.amount < 0 {
		return m.pair(row, c, need)
	}
	text, err := need("amount", c.amount)
	if err != nil {
		return decimal.Zero, unit{}, err
	}
	a, err := readAmount(text, m.DecimalMark)
	if err != nil {
		return a.value, a.unit, err
	}
	if a.unit == (unit{}) {
		a.unit = c.units[c.amount]
	}
	word := ""
	if c.direction >= 0 {
		if word, err = need("direction", c.direction); err != nil {
			return decimal.Zero, unit{}, err
		}
	}
	says := c.signs.kinds.sideOf(word)
	switch {
	case says != 0:
		if usual := c.signs.sides[says]; usual == 0 || usual != a.value.Sign() {
			return decimal.Zero, unit{}, fmt.Errorf("%s beside %s contradicts the other lines with the same word: enter it by hand", quote(text), quote(word))
		}
		return a.value.Abs().Mul(decimal.NewFromInt(int64(says))), a.unit, nil
	case strings.TrimSpace(word) != "":
		return decimal.Zero, unit{}, fmt.Errorf("%s says neither debit nor credit", quote(word))
	case a.side != 0, a.plus && !c.signs.amountHasMinus:
		return a.value, a.unit, nil
	case m.Inverted:
		return a.value.Neg(), a.unit, nil
	}
	return a.value, a.unit, nil
}

// pair reads the columns of debit and credit, of which the one that does not
// apply is empty or zero.
func (m Mapping) pair(row []string, c columns, need func(string, int) (string, error)) (amount decimal.Decimal, of unit, err error) {
	given := 0
	for _, column := range []struct {
		what  string
		index int
		usual int // the sign that most of the column's amounts have
		out   bool
	}{{"debit", c.debit, c.signs.debit, true}, {"credit", c.credit, c.signs.credit, false}} {
		if column.index < 0 {
			continue
		}
		text, err := need(column.what, column.index)
		if err != nil {
			return amount, of, err
		}
		if empty(text) {
			continue
		}
		a, err := readAmount(text, m.DecimalMark)
		if errors.Is(err, errZero) {
			continue
		}
		if err != nil {
			return amount, of, err
		}
		given++
		amount, of = a.value, a.unit
		if of == (unit{}) {
			of = c.units[column.index]
		}
		if a.side != 0 {
			continue
		}
		if column.usual == 0 {
			return decimal.Zero, of, fmt.Errorf("of the amounts under %s as many have a minus as have none: which of them go out cannot be told, enter these by hand", column.what)
		}
		if column.usual < 0 {
			amount = amount.Neg()
		}
		if column.out != m.Inverted {
			amount = amount.Neg()
		}
	}
	switch given {
	case 0:
		return amount, of, errors.New("neither debit nor credit holds an amount")
	case 2:
		return amount, of, errors.New("both debit and credit hold an amount")
	}
	return amount, of, nil
}

// empty is what banks write where there is no amount.
func empty(text string) bool {
	return strings.Trim(unwrap(text), " -\u2013\u2014\u00a0") == ""
}

// signs are what the columns of amounts have in common over the whole file.
type signs struct {
	debit, credit, fee int  // the sign that most have: 1 or -1; 0: as many of each
	amountHasMinus     bool // a plus beside minuses is as plain as they are

	kinds kindsOf
	sides map[int]int // the sign that most amounts of a side have, by the side; 0: as many of each
}

// ofSides looks at the amounts beside a column of sides.
func (found *signs) ofSides(rows []record, c columns, mark string) {
	var cells []string
	for _, row := range rows {
		if c.direction < len(row.fields) {
			cells = append(cells, row.fields[c.direction])
		}
	}
	found.kinds, _ = kindsIn(cells)
	found.kinds.none = !slices.ContainsFunc(cells, func(cell string) bool {
		_, known := kindsIn([]string{cell})
		return known > 0 && side(unwrap(cell)) == 0
	})
	found.sides = map[int]int{}
	for _, row := range rows {
		if c.direction >= len(row.fields) || c.amount >= len(row.fields) {
			continue
		}
		if a, err := readAmount(row.fields[c.amount], mark); err == nil {
			found.sides[found.kinds.sideOf(row.fields[c.direction])] += a.value.Sign()
		}
	}
	for says, sum := range found.sides {
		found.sides[says] = max(-1, min(1, sum))
	}
	if found.sides[1] < 0 && found.sides[-1] < 0 { // no amount is unsigned: a credit with a minus contradicts itself
		found.sides[1] = 0
	}
}

func (m Mapping) signs(rows []record, c columns) (found signs) {
	usual := func(index int) int {
		sum := 0
		for _, row := range rows {
			if index < 0 || index >= len(row.fields) {
				continue
			}
			if a, err := readAmount(row.fields[index], m.DecimalMark); err == nil && a.side == 0 {
				sum += a.value.Sign()
			}
		}
		if m.Minus == MinusOpposite {
			return 1
		}
		return max(-1, min(1, sum))
	}
	found.debit, found.credit, found.fee = usual(c.debit), usual(c.credit), usual(c.fee)
	if c.direction >= 0 && c.amount >= 0 {
		found.ofSides(rows, c, m.DecimalMark)
	}
	for _, row := range rows {
		if c.amount >= 0 && c.amount < len(row.fields) {
			p, ok := takeApart(row.fields[c.amount])
			found.amountHasMinus = found.amountHasMinus || ok && p.minus > 0
		}
	}
	return found
}

// record is one row with the line of the file on which it begins.
type record struct {
	fields []string
	number int
}

// tooWide returns whether a row has more values than there are columns. Empty values
// beyond the columns do not count, unless they may come from a delimiter that belonged
// into a value: others in the file did, or the delimiter is a comma and no amount has a
// point, so that 0,50 may have been one value.
func (m Mapping) tooWide(rows []record, c columns, width int) func(record) bool {
	filled, pointed := false, m.Delimiter != ","
	for _, row := range rows {
		filled = filled || used(row.fields) > width
		for _, i := range []int{c.amount, c.debit, c.credit} {
			pointed = pointed || i >= 0 && i < len(row.fields) && strings.Contains(row.fields[i], ".")
		}
	}
	return func(row record) bool {
		if filled || !pointed {
			return len(row.fields) > width
		}
		return used(row.fields) > width
	}
}

// usualWidth is how many columns most rows have; extra cells that are empty
// do not count.
func usualWidth(rows []record) int {
	counts, width := map[int]int{}, 0
	for _, row := range rows {
		n := used(row.fields)
		counts[n]++
		if counts[n] > counts[width] {
			width = n
		}
	}
	return width
}

func used(row []string) int {
	n := len(row)
	for n > 0 && strings.TrimSpace(row[n-1]) == "" {
		n--
	}
	return n
}

// beside are columns that change what a row means, found by their headers.
type beside struct{ status, fee []int }

func (h headers) beside(c columns) (b beside) {
	taken := append([]int{c.category, c.amount, c.debit, c.credit}, c.description...)
	for i, name := range h.shown {
		name = fold(name)
		switch {
		case slices.Contains(taken, i):
		case ownAccount[name]:
		case len(wordsOf(name)) == 1 && statusWords[wordsOf(name)[0]], name == "transaction status":
			b.status = append(b.status, i)
		case feeColumn(name):
			b.fee = append(b.fee, i)
		}
	}
	return b
}

// states adds the columns whose values are states of movements, whatever they are called.
func (b *beside) states(h headers, c columns, rows []record) {
	cells := cellsOf(rows)
	for i := range h.shown {
		if !slices.Contains(b.status, i) && !slices.Contains(c.description, i) && i != c.category && statesIn(column(cells, i)) {
			b.status = append(b.status, i)
		}
	}
}

// manyHeaders is how many rows without a digit are looked at: a statement has few.
const manyHeaders = 100

// firstTable leaves the rows of the table that is read: rows of another one, before or
// after it, have other columns and are told.
func (s *sink) firstTable(lines []string, m Mapping, h headers, all []record) []record {
	const otherTable = "is of the table that begins in line %d, which has other columns: export it into a file of its own"
	looked := 0
	before, header := newRows(lines[:min(m.SkipLines, len(lines))], 0, m.Delimiter), 0
	for range min(m.SkipLines, MaxMovements) {
		row, number, err := before.next()
		switch {
		case errors.Is(err, io.EOF):
		case err == nil && header > 0 && slices.ContainsFunc(row[:min(len(row), maxHeader)], dated):
			s.refuse(number, otherTable, header)
		case err == nil && wordsOnly(row) && looked < manyHeaders:
			if looked++; isHeader(row) {
				header = number
			}
		}
	}
	for i, row := range all {
		if h.again(row.fields) || !wordsOnly(row.fields) || looked >= manyHeaders {
			continue
		}
		if looked++; !isHeader(row.fields) {
			continue
		}
		for _, other := range all[i+1:] {
			s.refuse(other.number, otherTable, row.number)
		}
		return all[:i]
	}
	return all
}

const maxHeader = 60 // columns of another table's header that is looked for

// wordsOnly reports whether a row may be a header: three words or more and no digit.
func wordsOnly(row []string) bool {
	n := used(row)
	return n >= 3 && n <= maxHeader && !slices.ContainsFunc(row, func(cell string) bool { return strings.ContainsAny(cell, "0123456789") })
}

// isHeader reports whether a row names columns of a date and of amounts.
func isHeader(row []string) bool {
	found := roles(row)
	return len(found[roleDate]) > 0 && len(found[roleAmount])+len(found[roleDebit])+len(found[roleCredit]) > 0
}

// again reports whether a row is the header once more.
func (h headers) again(row []string) bool {
	return len(h.shown) > 1 && slices.EqualFunc(h.shown, row, func(name, cell string) bool { return fold(name) == fold(cell) })
}

func feeColumn(name string) bool {
	return hasWord(name, feeWords) && !hasWord(name, currencyWords) && !hasWord(name, typeWords) && !hasWord(name, purposeWords)
}

// unbooked says why a row moved no money, empty: it did.
func (b beside) unbooked(row []string) string {
	for _, i := range b.status {
		if i < len(row) && unbooked[fold(row[i])] {
			return fmt.Sprintf("is not booked: its state is %s", quote(row[i]))
		}
	}
	return ""
}

// charge describes a fee that stands beside the amount; "" when there is none.
func (b beside) charge(row []string, h headers, mark string) string {
	for _, i := range b.fee {
		if i >= len(row) || empty(row[i]) {
			continue
		}
		if _, err := readAmount(row[i], mark); !errors.Is(err, errZero) {
			return fmt.Sprintf("the amount is read, but %s under %s is not: enter the fee by hand if it was charged on top", quote(row[i]), quote(h.shown[i]))
		}
	}
	return ""
}
