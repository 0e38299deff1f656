package statement

import (
	"errors"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/money"
)

// OFX is read as a stream of tags, OFX 1 (SGML, whose values have no end tag)
// and OFX 2 (XML) alike: a value belongs to the tag that was opened last, and
// what counts is which STMTTRN it is in. The library there is for Go (ofxgo)
// decodes whole messages: one amount that it cannot read refuses the file, as
// do a header in another order and a missing sign-on, all of which banks send;
// it takes "1/3" for an amount, tells no line numbers, and leaves the character
// set alone. An XML decoder stops at a bare < or & in a name, which banks send
// too. Here each transaction stands or falls by itself.

var (
	ofxStart = regexp.MustCompile(`(?i)<(OFX|BANKMSGSRSV1|CREDITCARDMSGSRSV1|STMTRS|CCSTMTRS|BANKTRANLIST|STMTTRN)[\s>]`) // some banks leave the root out
	ofxDay   = regexp.MustCompile(`^(\d{4})[-/.](\d{2})[-/.](\d{2})(?:[T ]\d{2}:\d{2}.*)?`)                               // against the format, and clear
	ofxDate  = regexp.MustCompile(`^(\d{8})(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)? *(\[[^\]]*\]?)?$`)
)

// maxFixes bounds the corrections in a file, for each of which all lines are looked at.
const maxFixes = 500

// maxValue is how many bytes of one value are kept.
const maxValue = 4096

type ofxParser struct {
	s        *sink
	currency string            // the statement's
	account  string            // the number of the account that is being told
	kind     string            // its kind
	within   map[string]int    // how many of these tags are open
	inside   bool              // a STMTTRN is open
	number   int               // its line
	values   map[string][]byte // of its tags in ofxValues
	kinds    map[string]string // of accounts, by their number
	mark     string            // the amounts' decimal mark, "" when they do not agree on one
	seen     int
	fixes    []ofxFix

	signed    bool   // an amount has a minus
	direction Column // what counts where type and sign contradict each other; empty: such a transaction is refused
	clash     int    // contradictions, where nothing is said
	example   string // of a contradiction
}

// ofxFix is a transaction that replaces or deletes an earlier one.
type ofxFix struct {
	line    Line
	of      string // the earlier one's FITID
	deletes bool
	account string
}

func parseOFX(text string, m Mapping, s *sink) error {
	p := ofxParser{s: s, within: map[string]int{}, kinds: map[string]string{}, direction: m.Direction}
	return p.parse(text)
}

func (p *ofxParser) parse(text string) error {
	s := p.s
	start := ofxStart.FindStringIndex(text)
	if start == nil {
		return invalid("file", "has no <OFX>: is it an OFX file?")
	}
	amounts := ofxAmounts(text)
	if mark, finding := decimalMark(amounts); finding == markSure {
		p.mark = mark
	}
	p.signed = slices.ContainsFunc(amounts, func(text string) bool { part, ok := takeApart(text); return ok && part.minus > 0 })
	if err := p.stream(text[start[0]:], strings.Count(text[:start[0]], "\n")+1); err != nil {
		return err
	}
	if p.inside {
		s.refuse(p.number, "the file ends within this transaction: export it again")
	}
	if p.seen == 0 {
		return invalid("file", "has no transactions")
	}
	p.correct()
	return nil
}

// correct does what the bank corrects within the file; what it corrects of an earlier
// file is reported.
func (p *ofxParser) correct() {
	for _, fix := range p.fixes {
		p.s.current = fix.account
		if p.s.other() {
			continue
		}
		at := -1
		for i, l := range p.s.lines {
			switch {
			case l.Reference != fix.of:
			case at >= 0: // two have the mark: which one is meant is not known
				at = -2
			case at == -1:
				at = i
			}
		}
		switch {
		case at < 0:
			p.s.refuse(fix.line.Number, "the bank corrects an earlier transaction with this one, which is not in the file or not the only one of its FITID: change that one by hand")
		case fix.deletes:
			p.s.refuse(fix.line.Number, "the bank took the transaction of line %d back: both are left out", p.s.lines[at].Number)
			p.s.lines = slices.Delete(p.s.lines, at, at+1)
		default:
			p.s.lines = slices.Delete(p.s.lines, at, at+1)
			p.s.add(fix.line)
		}
	}
}

// stream walks over tags and the text between them.
func (p *ofxParser) stream(text string, line int) (err error) {
	leaf := "" // the tag that a value would belong to
	take := func(n int, value bool) {
		part := text[:n]
		if value && leaf != "" && err == nil {
			err = p.value(leaf, html.UnescapeString(part))
		}
		line += strings.Count(part, "\n")
		text = text[n:]
	}
	blocks := []struct{ begin, end string }{{"<!--", "-->"}, {"<![CDATA[", "]]>"}}
next:
	for text != "" && err == nil { // each turn takes a byte at least
		if at := strings.IndexByte(text, '<'); at != 0 {
			if at < 0 {
				at = len(text)
			}
			take(at, true)
			continue
		}
		for i, block := range blocks {
			if !strings.HasPrefix(text, block.begin) {
				continue
			}
			length := strings.Index(text[len(block.begin):], block.end)
			if length < 0 { // no end anywhere: not looked for again
				blocks = slices.Delete(blocks, i, i+1)
				break
			}
			take(len(block.begin), false)
			take(length, block.end != "-->")
			take(len(block.end), false)
			continue next
		}
		tag, size := ofxTagOf(text)
		if size == 0 {
			take(1, true) // a bare <
			continue
		}
		if !tag.end {
			leaf = tag.name
			err = p.open(tag.name, line)
		}
		if tag.end || tag.empty {
			leaf = ""
			p.close(tag.name)
		}
		take(size, false)
	}
	return err
}

type ofxTag struct {
	name       string // in capitals
	end, empty bool   // </NAME>, <NAME/>
}

const maxTag = 61 // letters of a tag's name

// ofxTagOf reads the tag with which a text begins, and its length; 0 when there is
// none. OFX has no attributes.
func ofxTagOf(text string) (tag ofxTag, size int) {
	at := 1
	if strings.HasPrefix(text[at:], "/") {
		tag.end = true
		at++
	}
	start := at
	for at < len(text) && at-start < maxTag && ofxLetter(text[at], at > start) {
		at++
	}
	if at == start {
		return tag, 0
	}
	tag.name = strings.ToUpper(text[start:at])
	for at < len(text) && strings.IndexByte(" \t\n\r\f", text[at]) >= 0 {
		at++
	}
	if strings.HasPrefix(text[at:], "/") {
		tag.empty = true
		at++
	}
	if !strings.HasPrefix(text[at:], ">") {
		return tag, 0
	}
	return tag, at + 1
}

func ofxLetter(c byte, more bool) bool {
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
	return letter || more && (c >= '0' && c <= '9' || c == '.' || c == '_' || c == ':' || c == '-')
}

// The tags within which a value means something else.
var ofxParents = map[string]bool{"BANKACCTFROM": true, "CCACCTFROM": true, "INVACCTFROM": true, "ORIGCURRENCY": true}

func (p *ofxParser) open(tag string, line int) error {
	switch {
	case ofxParents[tag]:
		p.within[tag]++
	case tag == "STMTRS", tag == "CCSTMTRS":
		p.flush()
		p.currency = "" // each statement names its own
		p.s.in()
	case tag == "STMTTRN":
		p.tell()  // of an account whose end is not told
		p.flush() // of one that was not closed
		p.inside, p.number, p.values = true, line, map[string][]byte{}
		return p.count()
	case tag == "INVTRAN":
		p.s.refuse(line, "a purchase or sale of securities is not imported: enter it by hand")
		return p.count()
	}
	return nil
}

func (p *ofxParser) count() error {
	if len(p.fixes) > maxFixes {
		return invalid("file", "has more than %d corrections of transactions: export a shorter time, several files one after the other", maxFixes)
	}
	if p.seen++; p.seen > MaxLines {
		return invalid("file", "has more than %d transactions: export a shorter time, several files one after the other", MaxLines)
	}
	return p.s.full()
}

func (p *ofxParser) close(tag string) {
	switch {
	case ofxParents[tag] && p.within[tag] > 0:
		p.within[tag]--
		p.tell()
	case tag == "STMTTRN":
		p.flush()
	case tag == "BANKTRANLIST", tag == "STMTRS", tag == "CCSTMTRS", tag == "OFX": // some banks close nothing within
		p.flush()
	}
}

// tell says whose movements follow, once number and kind are known.
func (p *ofxParser) tell() {
	if p.account == "" || p.inside {
		return
	}
	if p.kind == "" {
		p.kind = p.kinds[p.account]
	}
	p.kinds[p.account] = p.kind
	p.s.in(p.account, p.kind)
	p.account, p.kind = "", ""
}

func (p *ofxParser) value(tag, text string) error {
	from := p.within["BANKACCTFROM"]+p.within["CCACCTFROM"]+p.within["INVACCTFROM"] > 0
	switch {
	case tag == "CURSYM" && p.within["ORIGCURRENCY"] > 0: // the amount is in the statement's
	case p.inside:
		if known := p.values[tag]; ofxValues[tag] && len(known)+len(text) <= maxValue {
			p.values[tag] = append(known, text...)
		}
	case tag == "CURDEF" && strings.TrimSpace(text) != "":
		p.currency = clean(text, maxShort)
	case tag == "ACCTID" && from && strings.TrimSpace(text) != "":
		p.account = clean(text, maxShort)
	case tag == "ACCTTYPE" && from:
		p.kind = strings.ToUpper(clean(text, maxShort)) // some banks tell accounts of one number apart by it
	}
	return nil
}

// flush takes the transaction that is open.
func (p *ofxParser) flush() {
	if !p.inside {
		return
	}
	p.inside = false
	values := make(map[string]string, len(p.values))
	for tag, text := range p.values {
		values[tag] = strings.TrimSpace(string(text))
	}
	l, err := ofxLine(values, p.mark, p.currency)
	if errors.Is(err, errZero) && strings.EqualFold(values["CORRECTACTION"], "DELETE") { // its amount does not count
		err = nil
	}
	if err != nil {
		p.s.refuse(p.number, "%s", err.Error())
		return
	}
	l.Number = p.number
	if l.Currency == "" {
		l.Currency = p.currency
	}
	if l.Amount, err = p.sided(l.Amount, values); err != nil {
		p.s.refuse(p.number, "%s", err.Error())
		return
	}
	if of := clean(values["CORRECTFITID"], maxShort); of != "" {
		p.fixes = append(p.fixes, ofxFix{l, of, strings.EqualFold(values["CORRECTACTION"], "DELETE"), p.s.current})
		return
	}
	p.s.add(l)
}

// ofxSides are the types of transactions that say whether money came or went; the others
// go both ways.
var ofxSides = map[string]int{
	"DEBIT": -1, "DIRECTDEBIT": -1, "CASH": -1, "REPEATPMT": -1, "POS": -1, "ATM": -1, "CHECK": -1, "CREDIT": 1, "DIRECTDEP": 1, "DEP": 1,
}

// ofxPlainSides are those of them whose amount never has the other sign. A purchase by card
// may be taken back, and is still called POS: it counts only where no amount has a minus.
var ofxPlainSides = map[string]bool{"DEBIT": true, "DIRECTDEBIT": true, "CREDIT": true, "DIRECTDEP": true, "DEP": true}

// sided gives an amount the sign that counts. By the format that is the amount's own, but
// there are banks that write no minus and leave it to the type.
func (p *ofxParser) sided(amount decimal.Decimal, values map[string]string) (decimal.Decimal, error) {
	kind := strings.ToUpper(values["TRNTYPE"])
	says := ofxSides[kind]
	if says == 0 || says == amount.Sign() || p.direction == OFXSign || p.signed && !ofxPlainSides[kind] {
		return amount, nil
	}
	if p.direction == OFXType {
		return amount.Neg(), nil
	}
	p.clash++
	p.example = firstText(p.example, kind+" "+values["TRNAMT"])
	return amount, fmt.Errorf("its type is %s and its amount %s: which way the money went is not known", quote(kind), quote(values["TRNAMT"]))
}

// tellOFX asks what counts where types and signs contradict each other.
func (p *Proposal) tellOFX(found *ofxParser) {
	if found.clash == 0 {
		return
	}
	choices := []string{string(OFXType), string(OFXSign)}
	if found.signed {
		slices.Reverse(choices)
	}
	p.Mapping.Direction = Column(choices[0])
	p.unsure("direction", fmt.Sprintf("the type and the sign of %d amounts contradict each other, such as %s: %s reads them by the type, %s by the sign", found.clash, quote(found.example), OFXType, OFXSign), choices...)
}

// What counts of a transaction.
var ofxValues = map[string]bool{
	"TRNTYPE": true, "DTPOSTED": true, "TRNAMT": true, "FITID": true, "NAME": true, "EXTDNAME": true, "MEMO": true,
	"CURSYM": true, "CORRECTFITID": true, "CORRECTACTION": true,
}

func ofxLine(v map[string]string, mark, currency string) (l Line, err error) {
	switch {
	case v["CORRECTFITID"] == "" && v["CORRECTACTION"] != "":
		return l, errors.New("the bank corrects an earlier transaction with this one and does not say which: change that one by hand")
	case strings.EqualFold(v["TRNTYPE"], "HOLD"):
		return l, errPending
	}
	posted := ofxDay.ReplaceAllString(v["DTPOSTED"], "$1$2$3")
	found := ofxDate.FindStringSubmatch(posted)
	if found == nil {
		return l, fmt.Errorf("DTPOSTED %s is not a date such as 20261130", quote(v["DTPOSTED"]))
	}
	if l.At, err = time.Parse("20060102", found[1]); err != nil {
		return l, fmt.Errorf("DTPOSTED %s is not a date such as 20261130", quote(v["DTPOSTED"]))
	}
	if err := inRange(l.At, found[1]); err != nil {
		return l, err
	}
	if v["CURSYM"] != "" {
		currency = v["CURSYM"]
	}
	var of unit
	if l.Amount, of, err = ofxAmount(v["TRNAMT"], mark, currency); err != nil {
		return l, fmt.Errorf("TRNAMT: %w", err)
	}
	if l.Currency, l.Symbol = v["CURSYM"], of.symbol; l.Currency == "" && currency == "" {
		l.Currency = of.currency
	}
	l.Description = v["NAME"]
	for _, more := range []string{v["EXTDNAME"], v["MEMO"]} {
		switch {
		case l.Description == "" || strings.HasPrefix(more, l.Description): // a name that was cut off, and the whole of it
			l.Description = more
		case !strings.Contains(l.Description, more):
			l.Description += " " + more
		}
	}
	if isBalance(l.Description) {
		return l, errBalance
	}
	if strings.Trim(v["FITID"], "0") != "" { // banks that have none write 0
		l.Reference = v["FITID"]
	}
	return l, nil
}

// ofxAmounts are the file's amounts as written.
func ofxAmounts(text string) (amounts []string) {
	for len(amounts) <= MaxLines {
		at := strings.IndexByte(text, '<')
		if at < 0 {
			break
		}
		text = text[at:]
		tag, size := ofxTagOf(text)
		text = text[max(size, 1):]
		if tag.name != "TRNAMT" || tag.end || size == 0 {
			continue
		}
		amount := text[:min(len(text), maxAmount)]
		if end := strings.IndexByte(amount, '<'); end >= 0 {
			amount = amount[:end]
		}
		amounts = append(amounts, ofxPlain(amount))
	}
	return amounts
}

// Floats that a bank's program wrote out: -7.4299999999999997 and -7.4300000000000001.
var ofxFloat = regexp.MustCompile(`^([+-]?\d{1,13}\.\d{1,4}?(0{6,}\d{1,3}|9{6,}\d{1,3}))$`)

// ofxPlain is an amount without what parseAmount does not read: the sign of reais,
// and the last places of a float.
func ofxPlain(text string) string {
	text = strings.TrimSpace(strings.Replace(text, "R$", "", 1))
	if !ofxFloat.MatchString(text) {
		return text
	}
	exact, err := decimal.NewFromString(text)
	if err != nil {
		return text
	}
	return exact.Round(4).String()
}

// ofxAmount reads an amount with the file's decimal mark; where the amounts do not
// agree on one, with its own. The format wants nothing between thousands, so 1,234
// is 1.234 by the letter, but maybe not as meant: only a currency of three places
// has such amounts.
func ofxAmount(text, mark, currency string) (decimal.Decimal, unit, error) {
	text = ofxPlain(text)
	if mark == "" {
		var finding markFinding
		mark, finding = decimalMark([]string{text})
		point := !strings.Contains(text, ",") && money.Digits(strings.ToUpper(currency)) == 3
		if finding != markSure && !point {
			return decimal.Zero, unit{}, fmt.Errorf("%s can be read in two ways: correct it to two places", quote(text))
		}
	}
	a, err := readAmount(text, mark)
	if err != nil {
		return a.value, a.unit, err
	}
	if _, differs := a.unit.and(unit{currency: strings.ToUpper(currency)}); differs != nil {
		return a.value, a.unit, fmt.Errorf("%s is in another currency than the statement's %s", quote(text), quote(currency))
	}
	return a.value, a.unit, nil
}
