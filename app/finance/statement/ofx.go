package statement

import (
	"errors"
	"fmt"
	"html"
	"regexp"
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
	ofxTag   = regexp.MustCompile(`^<(/?)([A-Za-z][A-Za-z0-9._:-]{0,60})\s*(/?)>`)                                        // OFX has no attributes
	ofxDay   = regexp.MustCompile(`^(\d{4})-(\d{2})-(\d{2})`)                                                             // against the format, and clear
	ofxMoney = regexp.MustCompile(`(?i)<TRNAMT\s*>([^<]{0,60})`)
	ofxDate  = regexp.MustCompile(`^(\d{8})(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)? *(\[[^\]]*\]?)?$`)
)

// maxValue is how many bytes of one value are kept.
const maxValue = 4096

type ofxParser struct {
	s        *sink
	currency string         // the statement's
	account  string         // the number of the account that is being told
	kind     string         // its kind
	within   map[string]int // how many of these tags are open
	inside   bool           // a STMTTRN is open
	number   int            // its line
	values   map[string]string
	kinds    map[string]string // of accounts, by their number
	mark     string            // the amounts' decimal mark, "" when they do not agree on one
	seen     int
}

func parseOFX(text string, s *sink) error {
	start := ofxStart.FindStringIndex(text)
	if start == nil {
		return invalid("file", "has no <OFX>: is it an OFX file?")
	}
	p := ofxParser{s: s, within: map[string]int{}, kinds: map[string]string{}, mark: ofxMark(text)}
	if err := p.stream(text[start[0]:], strings.Count(text[:start[0]], "\n")+1); err != nil {
		return err
	}
	if p.inside {
		s.refuse(p.number, "the file ends within this transaction: export it again")
	}
	if p.seen == 0 {
		return invalid("file", "has no transactions")
	}
	return nil
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
	blocks := map[string]string{"<!--": "-->", "<![CDATA[": "]]>"}
next:
	for text != "" && err == nil { // each turn takes a byte at least
		if at := strings.IndexByte(text, '<'); at != 0 {
			if at < 0 {
				at = len(text)
			}
			take(at, true)
			continue
		}
		for begin, end := range blocks {
			if !strings.HasPrefix(text, begin) {
				continue
			}
			length := strings.Index(text[len(begin):], end)
			if length < 0 {
				delete(blocks, begin) // no end anywhere: not looked for again
				continue
			}
			take(len(begin), false)
			take(length, begin != "<!--")
			take(len(end), false)
			continue next
		}
		tag := ofxTag.FindStringSubmatch(text)
		if tag == nil {
			take(1, true) // a bare <
			continue
		}
		name := strings.ToUpper(tag[2])
		if tag[1] == "" {
			leaf = name
			err = p.open(name, line)
		}
		if tag[1] != "" || tag[3] != "" {
			leaf = ""
			p.close(name)
		}
		take(len(tag[0]), false)
	}
	return err
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
		p.inside, p.number, p.values = true, line, map[string]string{}
		return p.count()
	case tag == "INVTRAN":
		p.s.refuse(line, "a purchase or sale of securities is not imported: enter it by hand")
		return p.count()
	}
	return nil
}

func (p *ofxParser) count() error {
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
	case tag == "BANKTRANLIST":
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
		if known := p.values[tag]; len(known)+len(text) <= maxValue {
			p.values[tag] = known + text
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
	for tag, text := range p.values {
		p.values[tag] = strings.TrimSpace(text)
	}
	l, err := ofxLine(p.values, p.mark, p.currency)
	if err != nil {
		p.s.refuse(p.number, "%s", err.Error())
		return
	}
	l.Number = p.number
	if l.Currency == "" {
		l.Currency = p.currency
	}
	p.s.add(l)
}

func ofxLine(v map[string]string, mark, currency string) (l Line, err error) {
	switch {
	case v["CORRECTFITID"] != "" || v["CORRECTACTION"] != "":
		return l, errors.New("the bank corrects an earlier transaction with this one: change that one by hand")
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
	if l.Amount, err = ofxAmount(v["TRNAMT"], mark, currency); err != nil {
		return l, fmt.Errorf("TRNAMT: %w", err)
	}
	l.Currency = v["CURSYM"]
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

// ofxMark is the decimal mark that the file's amounts agree on, or "".
func ofxMark(text string) string {
	var amounts []string
	for _, found := range ofxMoney.FindAllStringSubmatch(text, MaxLines+1) {
		amounts = append(amounts, ofxPlain(found[1]))
	}
	if mark, finding := decimalMark(amounts); finding == markSure {
		return mark
	}
	return ""
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
func ofxAmount(text, mark, currency string) (decimal.Decimal, error) {
	text = ofxPlain(text)
	if mark == "" {
		var finding markFinding
		mark, finding = decimalMark([]string{text})
		point := !strings.Contains(text, ",") && money.Digits(strings.ToUpper(currency)) == 3
		if finding != markSure && !point {
			return decimal.Zero, fmt.Errorf("%s can be read in two ways: correct it to two places", quote(text))
		}
	}
	amount, named, err := parseAmount(text, mark)
	if err == nil && named != "" && currency != "" && named != strings.ToUpper(currency) {
		return amount, fmt.Errorf("%s is in another currency than the statement's %s", quote(text), quote(currency))
	}
	return amount, err
}
