package statement

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/money"
)

// MT940 is SWIFT's customer statement: fields that begin with :NN: at the start of a
// line. What it leaves to banks is :86:, the text of a movement, which three families
// of them write in three ways. There is no kept library for it in Go.

var (
	mtTag = regexp.MustCompile(`^:(20|21|25P?|28C?|13D?|34F|60[FM]|61|62[FM]|64|65|86|90[CD]|NS):`)
	// Value date, entry date, mark, third letter of the currency, amount, type,
	// the owner's reference, the bank's.
	mtMovement = regexp.MustCompile(`^(\d{6})(\d{4})? {0,4}(R?[CD]|E[CD])([A-Z])?([\d.,]{1,30})(?:([NSF][A-Z0-9]{3})(.*?)(?://(.*))?)?$`)
	mtBalance  = regexp.MustCompile(`^([CD])(\d{6})([A-Z]{3})(\d{1,30},\d{0,4})$`)
	mtFloor    = regexp.MustCompile(`^([A-Z]{3})`)
	mtNumber   = regexp.MustCompile(`^0*(\d{1,13},\d{0,4})$`)
)

// mtMessage is one statement, or one page of it.
type mtMessage struct {
	fields []mtField
}

type mtField struct {
	tag   string
	lines []string
	line  int // of the file
}

func (f mtField) text() string { return strings.TrimSpace(strings.Join(f.lines, "")) }

func parseMT940(text string, s *sink) error {
	messages, err := mtMessages(text)
	if err != nil {
		return err
	}
	p := mtParser{s: s, seen: map[string]bool{}, pages: map[string]decimal.Decimal{}}
	for _, m := range messages {
		if err := p.message(m); err != nil {
			return err
		}
	}
	if p.movements == 0 {
		return invalid("file", "has no transactions")
	}
	s.unique()
	return nil
}

// mtMessages cuts a file into messages, each of which begins with :20:.
func mtMessages(text string) ([]mtMessage, error) {
	lines, err := split(text)
	if err != nil {
		return nil, err
	}
	var messages []mtMessage
	var field *mtField
	for i, line := range lines {
		line = strings.TrimRight(line, " \t")
		if _, after, found := strings.Cut(line, "{4:"); found && strings.HasPrefix(line, "{") {
			line = after
		}
		tag := mtTag.FindStringSubmatch(line)
		switch {
		case tag != nil:
			if tag[1] == "20" || len(messages) == 0 {
				messages = append(messages, mtMessage{})
			}
			m := &messages[len(messages)-1]
			m.fields = append(m.fields, mtField{tag: tag[1], lines: []string{line[len(tag[0]):]}, line: i + 1})
			field = &m.fields[len(m.fields)-1]
		case line == "-", strings.HasPrefix(line, "-}"), strings.HasPrefix(line, "{"):
			field = nil
		case field != nil && len(field.lines) < 100:
			field.lines = append(field.lines, line)
		}
	}
	return messages, nil
}

type mtParser struct {
	s         *sink
	seen      map[string]bool            // statements, by all that they say
	pages     map[string]decimal.Decimal // the balance with which an account's last page ends
	movements int
}

// message takes one statement: its movements, which must lead from one balance to the other.
func (p *mtParser) message(m mtMessage) error {
	b, err := p.balances(m)
	if err != nil {
		return err
	}
	p.s.in(b.account, b.currency)
	if p.repeated(m) {
		p.s.refuse(m.fields[0].line, "this statement is in the file before already: it is left out")
		return p.s.full()
	}
	sum, unread := decimal.Zero, false
	for i := 0; i < len(m.fields); i++ {
		f := m.fields[i]
		if f.tag != "61" {
			continue
		}
		var about []string
		for i+1 < len(m.fields) && m.fields[i+1].tag == "86" {
			i++
			about = append(about, m.fields[i].lines...)
		}
		p.movements++
		l, err := mtLine(f, about, b.currency)
		if err == nil {
			p.s.add(l)
		} else {
			unread = unread || l.Amount.IsZero() && !errors.Is(err, errPending) && !errors.Is(err, errZero)
			p.s.refuse(f.line, "%s", err.Error())
		}
		sum = sum.Add(l.Amount)
		if err := p.s.full(); err != nil {
			return err
		}
	}
	if b.opening == nil || b.closing == nil || unread {
		return nil
	}
	return contradiction(m.fields[0].line, sum, b.closing.Sub(*b.opening))
}

// mtBalances are what the movements of a message lie between.
type mtBalances struct {
	account, currency string
	opening, closing  *decimal.Decimal // nil: the bank writes none
}

func (p *mtParser) balances(m mtMessage) (b mtBalances, err error) {
	again := func(f mtField, why string, args ...any) error {
		return invalid("file", "line %d: %s: download it again, and do not edit it", f.line, fmt.Sprintf(why, args...))
	}
	begins := m.fields[0]
	for _, f := range m.fields {
		balance, currency := mtBalanced(f)
		switch f.tag {
		case "25", "25P":
			b.account = f.text()
			continue
		case "34F":
			if found := mtFloor.FindString(f.text()); found != "" && b.currency == "" {
				b.currency = found
			}
			continue
		case "60F", "60M", "62F", "62M":
		default:
			continue
		}
		opens := f.tag[1] == '0'
		switch {
		case balance == nil:
			return b, again(f, "%s is not a balance such as C261130EUR12,50", quote(f.text()))
		case opens && b.opening != nil, !opens && b.closing != nil:
			return b, again(f, "the statement has two balances of one kind")
		case !opens && b.opening != nil && currency != b.currency:
			return b, again(f, "the statement begins in %s and ends in %s", b.currency, currency)
		case opens:
			b.opening, b.currency = balance, currency
		default:
			b.closing, b.currency = balance, currency
		}
		page := b.account + " " + currency
		last, known := p.pages[page]
		if f.tag == "60M" && known && !last.Equal(*balance) {
			return b, again(f, "the page begins with a balance of %s and the one before ends with %s, so that a page is missing", money.Format(*balance), money.Format(last))
		}
		switch f.tag {
		case "62M":
			p.pages[page] = *balance
		case "62F":
			delete(p.pages, page)
		}
	}
	if b.opening != nil && b.closing == nil {
		return b, again(begins, "the file ends within this statement")
	}
	return b, nil
}

// repeated reports whether the same statement with movements came before.
func (p *mtParser) repeated(m mtMessage) bool {
	var whole strings.Builder
	moves := false
	for _, f := range m.fields {
		moves = moves || f.tag == "61"
		whole.WriteString(f.tag + strings.Join(f.lines, "\n") + "\n")
	}
	before := moves && p.seen[whole.String()]
	p.seen[whole.String()] = true
	return before
}

// mtBalanced reads a balance; nil when it is none.
func mtBalanced(f mtField) (*decimal.Decimal, string) {
	found := mtBalance.FindStringSubmatch(f.text())
	if found == nil {
		return nil, ""
	}
	value, err := mtAmount(found[4])
	if err != nil {
		return nil, ""
	}
	if found[1] == "D" {
		value = value.Neg()
	}
	return &value, found[3]
}

func mtAmount(text string) (decimal.Decimal, error) {
	found := mtNumber.FindStringSubmatch(text)
	if found == nil {
		return decimal.Zero, fmt.Errorf("%s is not an amount such as 12,50", quote(text))
	}
	return decimal.NewFromString(strings.TrimSuffix(strings.Replace(found[1], ",", ".", 1), "."))
}

// mtReference is a reference, unless it is a word for none, or for one that :86: has.
func mtReference(text string) string {
	text = strings.TrimSpace(text)
	switch strings.ToUpper(strings.TrimRight(text, "+")) {
	case "NONREF", "NOTPROVIDED", "EREF", "KREF", "MREF", "MARF", "PREF":
		return ""
	}
	return text
}

// mtLine reads a movement, :61:, and what :86: says about it. With an error that is not
// of the amount the line has its amount, which counts in the sum.
func mtLine(f mtField, about []string, currency string) (l Line, err error) {
	found := mtMovement.FindStringSubmatch(strings.TrimSpace(f.lines[0]))
	if found == nil {
		return l, fmt.Errorf("%s is not a movement such as 2609300930D12,50NTRFNONREF", quote(f.lines[0]))
	}
	valued, entered, mark, amount := found[1], found[2], found[3], found[5]
	if strings.HasPrefix(mark, "E") {
		return l, errPending
	}
	l.Number, l.Currency = f.line, currency
	if l.Amount, err = mtAmount(amount); err != nil {
		return l, err
	}
	if mark == "D" || mark == "RC" { // RC takes a credit back
		l.Amount = l.Amount.Neg()
	}
	if l.Amount.IsZero() {
		return l, errZero
	}
	if l.At, err = mtDay(valued, entered); err != nil {
		return l, err
	}
	owners, name := found[7], ""
	if len(owners) > 16 && found[8] == "" { // some banks put the other party's name behind its account
		owners, name = owners[:16], owners[16:]
	}
	l.Reference = firstText(mtReference(found[8]), mtReference(owners))
	l.Description = strings.TrimSpace(name + " " + firstText(mtAbout(about), strings.Join(f.lines[1:], " ")))
	return l, nil
}

// mtDay is the day on which a movement was booked: the entry date, whose year is the
// one that brings it closest to the value date.
func mtDay(valued, entered string) (time.Time, error) {
	at, err := time.Parse("060102", valued)
	if err != nil && entered != "" { // 30 February, to which some banks reckon interest
		at, err = time.Parse("060102", valued[:4]+"28")
	}
	if err != nil {
		return at, fmt.Errorf("%s is not a date such as 260930", quote(valued))
	}
	if at.Year() < 2000 { // Go reads 69 to 99 so
		at = at.AddDate(100, 0, 0)
	}
	if entered == "" {
		return at, inRange(at, valued)
	}
	var best time.Time
	for year := at.Year() - 1; year <= at.Year()+1; year++ {
		day, err := time.Parse("20060102", fmt.Sprintf("%04d%s", year, entered))
		if err != nil {
			continue // 29 February
		}
		if best.IsZero() || day.Sub(at).Abs() < best.Sub(at).Abs() {
			best = day
		}
	}
	if best.IsZero() {
		return at, fmt.Errorf("%s is not a day such as 0930", quote(entered))
	}
	return best, inRange(best, valued)
}

var (
	mtGerman = regexp.MustCompile(`^\d{0,3}([?<>~^!@|+])(?:00|10|2\d|3\d)`) // the code of the booking may be missing
	mtSEPA   = regexp.MustCompile(`(EREF|KREF|MREF|CRED|DEBT|COAM|OAMT|SVWZ|ABWA|ABWE|IBAN|BIC)\+`)
	mtSlash  = regexp.MustCompile(`/(TRTP|TRCD|IBAN|BIC|NAME|REMI|EREF|ORDP|BENM|CNTP|MARF|CSID|PREF|PREM|ADDR|PURP|RTRN|ULTB|ULTD|ULTC|ISDT|INFO|CRED|OCMT|KREF|BUSP|ACCW|ID)/`)
)

// mtAbout is the other party's name and what the payment was for.
func mtAbout(lines []string) string {
	whole := strings.Join(lines, "")
	switch found := mtGerman.FindStringSubmatch(whole); {
	case found != nil:
		return mtSubfields(whole, found[1])
	case strings.HasPrefix(whole, "/") && mtSlash.MatchString(whole):
		return mtKeywords(whole)
	}
	return clean(mtJoin(lines, 65), MaxText)
}

// mtJoin puts lines together: one that fills its width ends within a word or where
// the next begins, another ends with it.
func mtJoin(lines []string, width int) string {
	var text strings.Builder
	for _, line := range lines {
		text.WriteString(line)
		if len([]rune(line)) < width {
			text.WriteByte(' ')
		}
	}
	return strings.TrimSpace(text.String())
}

// mtSubfields reads what German and Austrian banks write: ?20 to ?29 and ?60 to ?63
// the purpose, ?32 and ?33 the name, ?00 what kind of booking it is.
func mtSubfields(text, mark string) string {
	kind, names, purposes := "", []string{}, []string{}
	_, text, _ = strings.Cut(text, mark)
	for part := range strings.SplitSeq(text, mark) {
		if len(part) < 2 {
			continue
		}
		code, value := part[:2], part[2:]
		switch {
		case code == "00":
			kind = value
		case code == "32", code == "33":
			names = append(names, value)
		case code >= "20" && code <= "29", code >= "60" && code <= "63":
			purposes = append(purposes, value)
		}
	}
	const width = 27
	purpose := mtJoin(purposes, width)
	if at := mtSEPA.FindAllStringSubmatchIndex(purpose, -1); at != nil {
		purpose = mtPurpose(purpose, at)
	}
	text = clean(mtJoin(names, width)+" "+purpose, MaxText)
	return firstText(text, kind)
}

// mtPurpose is what follows SVWZ+, or what stands before the first mark.
func mtPurpose(text string, marks [][]int) string {
	for i, m := range marks {
		if text[m[2]:m[3]] != "SVWZ" {
			continue
		}
		end := len(text)
		if i+1 < len(marks) {
			end = marks[i+1][0]
		}
		return text[m[1]:end]
	}
	return text[:marks[0][0]]
}

// mtKeywords reads what Dutch banks write: /NAME/Jan/REMI/USTD//Invoice 7/EREF/1.
func mtKeywords(text string) string {
	values := map[string]string{}
	at := mtSlash.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		if key := text[m[2]:m[3]]; values[key] == "" {
			values[key] = strings.Trim(text[m[1]:end], "/ ")
		}
	}
	if party := strings.Split(values["CNTP"], "/"); len(party) > 2 && values["NAME"] == "" { // account, bank, name, town
		values["NAME"] = party[2]
	}
	purpose := values["REMI"]
	for _, kind := range []string{"USTD/", "STRD/CUR/", "STRD/ISO/", "STRD/"} {
		if rest, found := strings.CutPrefix(purpose, kind); found {
			purpose = strings.Trim(rest, "/ ")
			break
		}
	}
	return firstText(clean(values["NAME"]+" "+purpose, MaxText), values["TRTP"])
}
