package statement

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
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
	date, amount, direction, debit, credit, category, currency, reference int

	description []int
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
	} {
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
	for range lines { // each turn takes a line at least
		if err := s.full(); err != nil {
			return err
		}
		row, number, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			var l Line
			if l, err = m.line(row, c, layout); err == nil {
				l.Number = number
				s.add(l)
				continue
			}
		}
		s.refuse(number, "%s", err.Error())
	}
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
	if l.Amount, l.Currency, err = m.amount(row, c, need); err != nil {
		return l, err
	}
	may := func(i int) string {
		if i < 0 || i >= len(row) {
			return ""
		}
		return row[i]
	}
	var words []string
	for _, i := range c.description {
		words = append(words, may(i))
	}
	l.Description = strings.Join(words, " ")
	l.Category, l.Reference = may(c.category), may(c.reference)
	if code := strings.TrimSpace(may(c.currency)); code != "" {
		l.Currency = code
		if iso := symbols[code]; iso != "" {
			l.Currency = iso
		}
	}
	return l, nil
}

func (m Mapping) amount(row []string, c columns, need func(string, int) (string, error)) (amount decimal.Decimal, currency string, err error) {
	if c.amount >= 0 {
		text, err := need("amount", c.amount)
		if err != nil {
			return amount, "", err
		}
		amount, currency, err = parseAmount(text, m.DecimalMark)
		if err != nil || c.direction < 0 {
			return amount, currency, err
		}
		word, err := need("direction", c.direction)
		if err != nil {
			return amount, "", err
		}
		out, known := directions[header(word)]
		switch {
		case !known:
			return amount, "", fmt.Errorf("%s says neither debit nor credit", quote(word))
		case out:
			amount = amount.Abs().Neg()
		default:
			amount = amount.Abs()
		}
		return amount, currency, nil
	}
	// The pair: the one that does not apply is empty or zero. Banks write what
	// is debited with or without a minus.
	given := 0
	for _, side := range []struct {
		what   string
		column int
	}{{"debit", c.debit}, {"credit", c.credit}} {
		if side.column < 0 {
			continue
		}
		text, err := need(side.what, side.column)
		if err != nil {
			return amount, "", err
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		value, code, err := parseAmount(text, m.DecimalMark)
		if errors.Is(err, errZero) {
			continue
		}
		if err != nil {
			return amount, "", err
		}
		if side.what == "debit" {
			value = value.Abs().Neg()
		}
		amount, currency = value, code
		given++
	}
	switch given {
	case 0:
		return amount, "", errors.New("neither debit nor credit holds an amount")
	case 2:
		return amount, "", errors.New("both debit and credit hold an amount")
	}
	return amount, currency, nil
}

// directions: whether money goes out.
var directions = map[string]bool{
	"s": true, "soll": true, "d": true, "dr": true, "debit": true, "dbit": true, "out": true, "-": true, "belastung": true, "lastschrift": true, "ausgabe": true,
	"h": false, "haben": false, "c": false, "cr": false, "credit": false, "crdt": false, "in": false, "+": false, "gutschrift": false, "einnahme": false,
}
