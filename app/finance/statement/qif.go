package statement

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// There is no kept library for QIF in Go; the format is a letter and a value a
// line, and a record ends with "^".

// qifRecord is one record as written.
type qifRecord struct {
	number int
	values map[byte]string
	parts  []qifPart // of a split transaction
	own    string    // the name of the account, where the file tells it
}

// qifPart is a part of a split transaction: what S, E and $ say.
type qifPart struct {
	number                 int
	category, memo, amount string
}

// The sections that hold lists and settings, and no movements of any kind.
var qifLists = map[string]bool{"cat": true, "class": true, "memorized": true, "security": true, "prices": true, "budget": true, "template": true, "tag": true, "payee": true}

// The sections that hold movements of money; of the others, those of
// securities and of what is not known are told, lists and settings are not.
var qifMoney = map[string]bool{"bank": true, "cash": true, "ccard": true, "oth a": true, "oth l": true}

func parseQIF(text string, m Mapping, s *sink) error {
	records, err := qifRecords(text, s)
	if err != nil {
		return err
	}
	layout := m.DateLayout
	if layout == "" {
		orders := qifOrders(records)
		switch {
		case len(orders) > 1:
			return invalid("dateLayout", "is missing: every date of the file can be read as %s: choose one", strings.Join(orders, " and as "))
		case len(orders) == 1:
			layout = orders[0]
			if example, other := qifMixed(records, layout); other != "" {
				return invalid("dateLayout", "is missing: %s", mixedReason(example, layout, other))
			}
		default: // every record is reported as bad
			layout = "MM/DD/YYYY"
		}
	}
	order, _ := qifOrder(layout) // checked with the mapping
	mark := m.DecimalMark
	if mark == "" {
		var finding markFinding
		if mark, finding = qifMark(records); finding != markSure {
			return invalid("decimalMark", `is missing: the amounts can be read with "." and with ",": choose one`)
		}
	}
	for _, r := range records {
		s.in(r.own)
		lines, err := r.lines(order, mark)
		if err != nil {
			s.refuse(r.number, "%s", err.Error())
		}
		for _, l := range lines {
			s.add(l)
		}
		if err := s.full(); err != nil {
			return err
		}
	}
	return nil
}

// qifRecords reads the records of the money sections.
func qifRecords(text string, s *sink) ([]qifRecord, error) {
	lines, err := split(text)
	if err != nil {
		return nil, err
	}
	var records []qifRecord
	const skip, money, securities, account, unknown = 0, 1, 2, 3, 4
	section, found := money, false // some banks leave the first !Type out
	current, name := qifRecord{values: map[byte]string{}}, ""
	kind := ""
	end := func() {
		switch {
		case current.number == 0:
		case section == securities:
			s.refuse(current.number, "a purchase or sale of securities is not imported: enter it by hand")
		case section == unknown:
			s.refuse(current.number, "a record of the kind %s is not imported: enter it by hand if it moved money", quote(kind))
		case section == account:
			name = current.values['N']
		case section == money:
			current.own = name
			records = append(records, current)
		}
		current = qifRecord{values: map[byte]string{}}
	}
	for i, line := range lines {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case len(line) > MaxLineLength:
			s.refuse(i+1, "%s", errLong.Error())
		case line[0] == '!':
			end()
			found = true
			kind, _ = strings.CutPrefix(strings.ToLower(line[1:]), "type:")
			switch kind = strings.TrimSpace(kind); {
			case qifMoney[kind]:
				section = money
			case kind == "invst":
				section = securities
			case kind == "account":
				section = account
			case strings.HasPrefix(kind, "option:"), strings.HasPrefix(kind, "clear:"):
			case qifLists[kind]:
				section = skip
			default:
				section = unknown
			}
		case line[0] == '^':
			end()
		default:
			if current.number == 0 {
				current.number = i + 1
			}
			current.part(line, i+1)
			// The first of a kind counts: what follows are the parts of a split
			// transaction and the lines of an address.
			if _, known := current.values[line[0]]; !known {
				current.values[line[0]] = strings.TrimSpace(line[1:])
			}
		}
	}
	end()
	if !found && len(s.bad)+len(records) > 0 && len(qifOrders(records)) == 0 {
		return nil, invalid("file", "is not QIF: it begins with no !Type and has no dates")
	}
	if len(s.bad)+len(records) == 0 {
		return nil, invalid("file", "has no transactions")
	}
	return records, nil
}

func (r qifRecord) line(order string, mark string) (l Line, err error) {
	l.Number = r.number
	if l.At, err = qifDate(r.values['D'], order); err != nil {
		return l, err
	}
	amount, known := r.values['T']
	if !known {
		amount = r.values['U']
	}
	read, err := readAmount(amount, mark)
	l.Amount, l.Currency, l.Symbol = read.value, read.unit.currency, read.unit.symbol
	if err != nil {
		return l, err
	}
	l.Description = r.values['P']
	if memo := r.values['M']; !strings.Contains(l.Description, memo) {
		l.Description += " " + memo
	}
	if isBalance(r.values['P']) {
		return l, errBalance
	}
	if l.Category, l.Transfer, err = r.filed(r.values['L']); err != nil {
		return l, err
	}
	// N is a cheque's number, or a word such as ATM, which marks no movement.
	if n := r.values['N']; n != "" && strings.Trim(n, "0123456789") == "" && strings.Trim(n, "0") != "" {
		l.Reference = n
	}
	return l, nil
}

// part takes a line of a split transaction: each part begins with its category, S.
func (r *qifRecord) part(line string, number int) {
	value := strings.TrimSpace(line[1:])
	if line[0] == 'S' {
		r.parts = append(r.parts, qifPart{number: number, category: value})
		return
	}
	if line[0] != 'E' && line[0] != '$' {
		return
	}
	if n := len(r.parts); n == 0 || line[0] == '$' && r.parts[n-1].amount != "" { // one without S
		r.parts = append(r.parts, qifPart{number: number})
	}
	last := &r.parts[len(r.parts)-1]
	if line[0] == 'E' {
		last.memo = value
	} else {
		last.amount = value
	}
}

// lines are a record's movements: one, or the parts of a split transaction, which must
// add up to it.
func (r qifRecord) lines(order, mark string) ([]Line, error) {
	whole, err := r.line(order, mark)
	if err != nil {
		return nil, err
	}
	if len(r.parts) == 0 {
		return []Line{whole}, nil
	}
	var lines []Line
	sum := decimal.Zero
	for i, part := range r.parts {
		l := whole
		l.Number = part.number
		if l.Amount, _, err = parseAmount(part.amount, mark); errors.Is(err, errZero) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("a part of the split: %w", err)
		}
		if l.Category, l.Transfer, err = r.filed(part.category); err != nil {
			return nil, err
		}
		if !strings.Contains(l.Description, part.memo) {
			l.Description += " " + part.memo
		}
		if l.Reference != "" { // the cheque's number marks the whole
			l.Reference = fmt.Sprintf("%s/%d", l.Reference, i+1)
		}
		sum = sum.Add(l.Amount)
		lines = append(lines, l)
	}
	if !sum.Equal(whole.Amount) {
		return nil, fmt.Errorf("its parts make %s, and the whole is %s: correct the file or enter it by hand", sum, whole.Amount)
	}
	return lines, nil
}

// filed gives what L or S says: a category, or in brackets a transfer's other account.
func (r qifRecord) filed(text string) (category, transfer string, err error) {
	other, is := strings.CutPrefix(text, "[")
	if !is {
		category, _, _ = strings.Cut(text, "/") // a class follows
		if strings.HasPrefix(category, "--") {  // --Split-- says that there are several
			category = ""
		}
		return category, "", nil
	}
	transfer, _, _ = strings.Cut(other, "]")
	if transfer != "" && strings.EqualFold(transfer, r.own) {
		return "", "", errors.New("is a correction of the account's own balance and no movement: enter it by hand if money did move")
	}
	return "", transfer, nil
}

// qifOrder gives the order of day, month and year in a layout: "DMY".
func qifOrder(layout string) (string, bool) {
	if _, err := goLayout(layout); err != nil {
		return "", false
	}
	order := ""
	for i := range len(layout) {
		if c := layout[i : i+1]; strings.Contains("DMY", c) && !strings.Contains(order, c) {
			order += c
		}
	}
	return order, true
}

var qifLayouts = []string{"MM/DD/YYYY", "DD/MM/YYYY", "YYYY/MM/DD"}

// qifMixed is mixed for QIF's dates.
func qifMixed(records []qifRecord, chosen string) (example, other string) {
	own, _ := qifOrder(chosen)
	for _, r := range records {
		if _, err := qifDate(r.values['D'], own); err == nil {
			continue
		}
		for _, layout := range qifLayouts {
			order, _ := qifOrder(layout)
			if _, err := qifDate(r.values['D'], order); err == nil {
				return r.values['D'], layout
			}
		}
	}
	return "", ""
}

// qifOrders gives the layouts that read most dates, one or those that read them
// differently; none when there is no date.
func qifOrders(records []qifRecord) []string {
	var best []string
	most, alike := 0, map[string]bool{}
	for _, layout := range qifLayouts {
		order, _ := qifOrder(layout)
		count := 0
		var reading strings.Builder
		for _, r := range records {
			at, err := qifDate(r.values['D'], order)
			if err == nil {
				count++
				fmt.Fprintf(&reading, "%d", at.Unix())
			}
			reading.WriteByte(';')
		}
		if count > most {
			best, most, alike = nil, count, map[string]bool{}
		}
		if count == most && !alike[reading.String()] {
			best, alike[reading.String()] = append(best, layout), true
		}
	}
	if most == 0 {
		return nil
	}
	return best
}

// qifDate reads a date whose parts stand in an order: 3/15/2026, 15.03.26, and
// Quicken's 3/15' 6, whose apostrophe begins a year from 2000.
func qifDate(text, order string) (at time.Time, err error) {
	wrong := fmt.Errorf("%s is not a date with %s", quote(text), strings.Join(strings.Split(order, ""), ", "))
	if at, named, err := qifNamed(text); named {
		return at, err
	}
	day := text
	if clock := qifClock.FindStringIndex(text); clock != nil {
		day = text[:clock[0]]
	}
	if strings.Contains(day, "'") && order[0] == 'Y' { // an apostrophe begins a year at the end
		return at, wrong
	}
	fields := strings.FieldsFunc(day, func(r rune) bool { return strings.ContainsRune("/.-' ", r) })
	if len(fields) == 1 && len(day) == 8 { // 20260304, 04032026
		first := map[bool]int{true: 4, false: 2}[order[0] == 'Y']
		fields = []string{day[:first], day[first : first+2], day[first+2:]}
	}
	if len(fields) != 3 {
		return at, wrong
	}
	var part [3]int
	for i, field := range fields {
		n, err := strconv.Atoi(field)
		if err != nil || n < 0 || len(field) > 4 {
			return at, wrong
		}
		part[strings.IndexByte("YMD", order[i])] = n
		long := order[i] == 'Y'
		if len(field) > 2 && !long || len(field) == 3 {
			return at, wrong
		}
		if long && len(field) < 3 {
			part[0] += 2000
			if n > 68 && !strings.Contains(text, "'") { // as Go and POSIX read two digits
				part[0] -= 100
			}
		}
	}
	at = time.Date(part[0], time.Month(part[1]), part[2], 0, 0, 0, 0, time.UTC)
	if at.Year() != part[0] || int(at.Month()) != part[1] || at.Day() != part[2] {
		return at, wrong
	}
	return at, inRange(at, text)
}

// qifClock is a time of day behind a date.
var qifClock = regexp.MustCompile(`[T ,]+\d{1,2}:\d\d(?::\d\d)?.*$`)

// qifNamed reads a date with the name of its month, whose order is plain; named: it has one.
func qifNamed(text string) (at time.Time, named bool, err error) {
	if len(text) > maxDate || !slices.ContainsFunc(monthWord.FindAllString(text, -1), func(word string) bool { return monthOf(strings.TrimSuffix(word, ".")) > 0 }) {
		return at, false, nil
	}
	forms := dateForms(text)
	for _, l := range layouts {
		if !strings.Contains(l.ours, "MMM") {
			continue
		}
		if at, err = parseForms(forms, text, l.gos, l.ours); err == nil {
			return at.Truncate(24 * time.Hour), true, nil
		}
	}
	return time.Time{}, true, fmt.Errorf("%s is not a date", quote(text))
}

func qifMark(records []qifRecord) (string, markFinding) {
	var amounts []string
	for _, r := range records {
		amounts = append(amounts, r.values['T'], r.values['U'])
	}
	return decimalMark(amounts)
}
