package statement

import (
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// CAMT is ISO 20022's account reporting: camt.052 (report), camt.053 (statement) and
// camt.054 (notification), versions 02 to 12. Elements are found by their local names,
// since versions differ in the namespace and in where a party's name and a status's
// code are; both places are read. The Go libraries of ISO 20022 generate a type for
// each version and refuse a file for any element they do not know.

// camtStatement is what is known of a Stmt, Rpt or Ntfctn before its entries.
type camtStatement struct {
	line             int
	id               string
	opening, closing *decimal.Decimal
	currency         string // of the balances
	sum              decimal.Decimal
	unread           bool // an entry's amount could not be read: the sum proves nothing
	lines, bad       int  // of the sink, when it began
}

type camtAccount struct {
	IBAN  string `xml:"Id>IBAN"`
	Other string `xml:"Id>Othr>Id"`
	Ccy   string `xml:"Ccy"`
}

type camtAmount struct {
	Text string `xml:",chardata"`
	Ccy  string `xml:"Ccy,attr"`
}

type camtBalance struct {
	Code string     `xml:"Tp>CdOrPrtry>Cd"`
	Amt  camtAmount `xml:"Amt"`
	Side string     `xml:"CdtDbtInd"`
}

type camtDate struct {
	Day  string `xml:"Dt"`
	Time string `xml:"DtTm"`
}

type camtEntry struct {
	Amt    camtAmount `xml:"Amt"`
	Side   string     `xml:"CdtDbtInd"`
	Undone string     `xml:"RvslInd"`
	Status struct {
		Text string `xml:",chardata"` // to version 07
		Code string `xml:"Cd"`
	} `xml:"Sts"`
	Booked    camtDate      `xml:"BookgDt"`
	Valued    camtDate      `xml:"ValDt"`
	Reference string        `xml:"AcctSvcrRef"`
	Info      string        `xml:"AddtlNtryInf"`
	Details   []camtDetails `xml:"NtryDtls>TxDtls"`
}

type camtDetails struct {
	Reference   string       `xml:"Refs>AcctSvcrRef"`
	Transaction string       `xml:"Refs>TxId"`
	Amt         camtAmount   `xml:"Amt"`
	OldAmt      camtAmount   `xml:"AmtDtls>TxAmt>Amt"` // to version 02
	Side        string       `xml:"CdtDbtInd"`
	Parties     camtParties  `xml:"RltdPties"`
	Text        []string     `xml:"RmtInf>Ustrd"`
	Structured  []camtRemark `xml:"RmtInf>Strd"`
	Info        string       `xml:"AddtlTxInf"`
}

type camtRemark struct {
	Reference string   `xml:"CdtrRefInf>Ref"`
	More      []string `xml:"AddtlRmtInf"`
}

type camtParties struct {
	Debtor           string `xml:"Dbtr>Nm"`
	DebtorParty      string `xml:"Dbtr>Pty>Nm"` // since version 08
	UltimateDebtor   string `xml:"UltmtDbtr>Nm"`
	UltimateDebtor8  string `xml:"UltmtDbtr>Pty>Nm"`
	Creditor         string `xml:"Cdtr>Nm"`
	CreditorParty    string `xml:"Cdtr>Pty>Nm"`
	UltimateCreditor string `xml:"UltmtCdtr>Nm"`
	UltimateCred8    string `xml:"UltmtCdtr>Pty>Nm"`
}

type camtParser struct {
	s       *sink
	decoder *xml.Decoder
	now     *camtStatement             // the statement that is open
	seen    map[[sha256.Size]byte]bool // statements, by all that they say
	entries int
}

// maxTags bounds an XML file's tags: 5,000 movements of a bank that writes much have
// some 600,000, and a file that is nothing else three million.
const maxTags = 1_000_000

// maxDetails bounds the payments within entries, each of which is kept until its
// entry ends.
const maxDetails = 50_000

func parseCAMT(text string, s *sink) error {
	if strings.Count(text, "<") > maxTags {
		return invalid("file", "has more than %d elements: export a shorter time, several files one after the other", maxTags/2)
	}
	if strings.Count(text, "TxDtls>") > 2*maxDetails {
		return invalid("file", "has more than %d payments: export a shorter time, several files one after the other", maxDetails)
	}
	p := camtParser{s: s, decoder: xml.NewDecoder(strings.NewReader(text)), seen: map[[sha256.Size]byte]bool{}}
	// The text has been decoded already, whatever its declaration says.
	p.decoder.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil }
	for {
		token, err := p.decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = p.token(token)
		}
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			return invalid("file", "is broken at line %d: download it again, and do not edit it", syntax.Line)
		}
		if err != nil {
			return err
		}
	}
	if p.entries == 0 {
		return invalid("file", "has no transactions")
	}
	s.unique()
	return nil
}

func (p *camtParser) token(token xml.Token) error {
	switch t := token.(type) {
	case xml.StartElement:
		if p.now != nil {
			return p.part(t)
		}
		switch t.Name.Local {
		case "Stmt", "Rpt", "Ntfctn":
			line, _ := p.decoder.InputPos()
			p.now = &camtStatement{line: line, lines: len(p.s.lines), bad: len(p.s.bad)}
			p.s.in() // until it names its own
		}
	case xml.EndElement: // what is within a statement is taken whole
		if p.now != nil {
			if err := p.check(); err != nil {
				return err
			}
			p.now = nil
		}
	}
	return nil
}

// part takes a child of the statement.
func (p *camtParser) part(start xml.StartElement) error {
	switch start.Name.Local {
	case "Id", "ElctrncSeqNb", "LglSeqNb", "CreDtTm", "StmtPgntn", "RptPgntn", "NtfctnPgntn":
		var page struct {
			Number string `xml:"PgNb"`
			Text   string `xml:",chardata"`
		}
		if err := p.decoder.DecodeElement(&page, &start); err != nil {
			return err
		}
		p.now.id += start.Name.Local + "=" + strings.TrimSpace(page.Text) + page.Number + "\n"
		return nil
	case "Acct":
		var a camtAccount
		if err := p.decoder.DecodeElement(&a, &start); err != nil {
			return err
		}
		p.s.in(strings.Join(strings.Fields(firstText(a.IBAN, a.Other)), ""), strings.TrimSpace(a.Ccy))
		return nil
	case "Bal":
		var b camtBalance
		if err := p.decoder.DecodeElement(&b, &start); err != nil {
			return err
		}
		p.balance(b)
		return nil
	case "Ntry":
		line, _ := p.decoder.InputPos()
		var e camtEntry
		if err := p.decoder.DecodeElement(&e, &start); err != nil {
			return err
		}
		return p.entry(e, line)
	}
	return p.decoder.Skip()
}

// balance keeps the balances that the entries lie between.
func (p *camtParser) balance(b camtBalance) {
	amount, err := camtValue(b.Amt.Text, b.Side)
	if err != nil && !errors.Is(err, errZero) {
		return
	}
	switch b.Code = strings.TrimSpace(b.Code); {
	case (b.Code == "OPBD" || b.Code == "PRCD") && p.now.opening == nil:
		p.now.opening, p.now.currency = &amount, strings.TrimSpace(b.Amt.Ccy)
	case b.Code == "CLBD":
		p.now.closing = &amount
	}
}

// check compares the sum of a statement's entries with its balances, and leaves a
// statement out that came before.
func (p *camtParser) check() error {
	s := p.now
	if p.repeated() {
		p.s.lines, p.s.bad = p.s.lines[:s.lines], p.s.bad[:s.bad]
		p.s.refuse(s.line, "this statement is in the file before already: it is left out")
		return nil
	}
	if s.unread || s.opening == nil || s.closing == nil {
		return nil
	}
	return contradiction(s.line, s.sum, s.closing.Sub(*s.opening))
}

// repeated reports whether the same statement came before: the same account, number,
// page, balances and movements. A number alone proves nothing: some banks count each
// account's statements from 1, others leave it out.
func (p *camtParser) repeated() bool {
	s := p.now
	if len(p.s.lines) == s.lines {
		return false
	}
	var whole strings.Builder
	fmt.Fprintf(&whole, "%s\n%s\n%v\n%v\n", p.s.current, s.id, s.opening, s.closing)
	for _, l := range p.s.lines[s.lines:] {
		fmt.Fprintf(&whole, "%s %s %s %s\n", l.At.Format(time.DateOnly), l.Amount, l.Reference, l.Description)
	}
	key := sha256.Sum256([]byte(whole.String()))
	before := p.seen[key]
	p.seen[key] = true
	return before
}

// entry takes one booking.
func (p *camtParser) entry(e camtEntry, line int) error {
	p.entries++
	lines, err := e.lines()
	switch {
	case errors.Is(err, errPending), errors.Is(err, errZero):
	case err != nil && !e.readable():
		p.now.unread = true
	default:
		amount, _ := camtValue(e.Amt.Text, e.Side)
		p.now.sum = p.now.sum.Add(amount)
	}
	if err != nil {
		p.s.refuse(line, "%s", err.Error())
		return p.s.full()
	}
	for _, l := range lines {
		l.Number = line
		p.s.add(l)
	}
	return p.s.full()
}

func (e camtEntry) readable() bool {
	_, err := camtValue(e.Amt.Text, e.Side)
	return err == nil
}

// lines are an entry's movements: one, or those that it sums up.
func (e camtEntry) lines() ([]Line, error) {
	if status := strings.TrimSpace(e.Status.Text + e.Status.Code); status != "" && status != "BOOK" {
		return nil, errPending
	}
	l := Line{Currency: e.Amt.Ccy, Reference: e.Reference}
	var err error
	if l.Amount, err = camtValue(e.Amt.Text, e.Side); err != nil {
		return nil, err
	}
	if l.At, err = e.day(); err != nil {
		return nil, err
	}
	if parts := e.parts(l); parts != nil {
		return parts, nil
	}
	if len(e.Details) > 0 {
		l.Description = e.Details[0].text(e.side(e.Details[0]))
		l.Reference = firstText(e.Reference, e.Details[0].Reference)
	}
	if len(e.Details) > 1 { // their amounts are not known: one text would be as wrong as another
		l.Description = ""
	}
	l.Description = firstText(l.Description, e.Info)
	return []Line{l}, nil
}

// parts are the movements of an entry of several; nil when it is one, or when their
// amounts are not all known and add up to the entry's.
func (e camtEntry) parts(whole Line) []Line {
	if len(e.Details) < 2 {
		return nil
	}
	var parts []Line
	sum, references := decimal.Zero, map[string]bool{}
	for _, d := range e.Details {
		amount := d.Amt
		if strings.TrimSpace(amount.Text) == "" {
			amount = d.OldAmt
		}
		value, err := camtValue(amount.Text, firstText(d.Side, e.Side))
		if err != nil || amount.Ccy != e.Amt.Ccy {
			return nil
		}
		part := whole
		part.Amount = value
		part.Description = firstText(d.text(e.side(d)), e.Info)
		part.Reference = firstText(d.Reference, d.Transaction)
		references[part.Reference] = true
		sum = sum.Add(value)
		parts = append(parts, part)
	}
	if !sum.Equal(whole.Amount) {
		return nil
	}
	if len(references) < len(parts) || references[""] { // they do not tell the parts apart
		for i := range parts {
			parts[i].Reference = ""
			if whole.Reference != "" {
				parts[i].Reference = fmt.Sprintf("%s/%d", whole.Reference, i+1)
			}
		}
	}
	return parts
}

// side is the side of the account's owner: a reversed credit is booked as a debit, but
// its parties are still those of the credit.
func (e camtEntry) side(d camtDetails) string {
	side := firstText(d.Side, e.Side)
	if undone := strings.TrimSpace(e.Undone); undone != "true" && undone != "1" {
		return side
	}
	if side == "CRDT" {
		return "DBIT"
	}
	return "CRDT"
}

func (e camtEntry) day() (time.Time, error) {
	for _, date := range []string{e.Booked.Day, e.Booked.Time, e.Valued.Day, e.Valued.Time} {
		if date = strings.TrimSpace(date); date == "" {
			continue
		}
		at, err := time.Parse(time.DateOnly, date[:min(len(date), len(time.DateOnly))])
		if err != nil {
			return at, fmt.Errorf("%s is not a date such as 2026-11-30", quote(date))
		}
		return at, inRange(at, date)
	}
	return time.Time{}, errors.New("the transaction has no date")
}

// text is the other party's name and what the payment was for.
func (d camtDetails) text(side string) string {
	p := d.Parties
	name := firstText(p.Creditor, p.CreditorParty, p.UltimateCreditor, p.UltimateCred8)
	if side == "CRDT" {
		name = firstText(p.Debtor, p.DebtorParty, p.UltimateDebtor, p.UltimateDebtor8)
	}
	words := []string{name}
	words = append(words, d.Text...)
	for _, remark := range d.Structured {
		words = append(words, remark.Reference)
		words = append(words, remark.More...)
	}
	text := clean(strings.Join(slices.DeleteFunc(words, func(word string) bool { return strings.TrimSpace(word) == "" }), " "), MaxText)
	return firstText(text, d.Info)
}

// firstText is the first of texts that says something.
func firstText(texts ...string) string {
	for _, text := range texts {
		if text = strings.TrimSpace(text); text != "" {
			return text
		}
	}
	return ""
}

var camtNumber = regexp.MustCompile(`^\d{1,13}(\.(\d{1,4})0*)?$`)

// camtValue is an amount with the sign of its side, CRDT or DBIT.
func camtValue(text, side string) (decimal.Decimal, error) {
	found := camtNumber.FindStringSubmatch(strings.TrimSpace(text))
	if found == nil {
		return decimal.Zero, fmt.Errorf("%s is not an amount such as 12.50", quote(text))
	}
	value, err := decimal.NewFromString(found[0])
	if err != nil {
		return decimal.Zero, fmt.Errorf("%s is not an amount such as 12.50", quote(text))
	}
	if value.IsZero() {
		return value, errZero
	}
	switch strings.TrimSpace(side) {
	case "CRDT":
		return value, nil
	case "DBIT":
		return value.Neg(), nil
	}
	return decimal.Zero, fmt.Errorf("%s is neither CRDT nor DBIT: whether money came or went is not known", quote(side))
}
