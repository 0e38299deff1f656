package statement

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// entry writes an Ntry as version 08 has it.
func entry(amount, side, more string) string {
	return `<Ntry><Amt Ccy="EUR">` + amount + `</Amt><CdtDbtInd>` + side + `</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2026-09-30</Dt></BookgDt>` + more + `</Ntry>`
}

func details(more string) string { return `<NtryDtls>` + more + `</NtryDtls>` }

func balance(code, amount, side string) string {
	return `<Bal><Tp><CdOrPrtry><Cd>` + code + `</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">` + amount + `</Amt><CdtDbtInd>` + side + `</CdtDbtInd></Bal>`
}

// camt wraps what a Stmt holds.
func camt(statements ...string) string {
	var text strings.Builder
	text.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>1</MsgId></GrpHdr>`)
	for _, s := range statements {
		text.WriteString("\n<Stmt>" + s + "</Stmt>")
	}
	return text.String() + `</BkToCstmrStmt></Document>`
}

const camtAccountOf = `<Acct><Id><IBAN>DE00100200300001234567</IBAN></Id><Ccy>EUR</Ccy></Acct>`

func TestCAMT(t *testing.T) {
	grocer := details(`<TxDtls><Refs><AcctSvcrRef>R1</AcctSvcrRef></Refs><RltdPties><Dbtr><Pty><Nm>Me</Nm></Pty></Dbtr><Cdtr><Pty><Nm>Corner Grocer</Nm></Pty></Cdtr></RltdPties><RmtInf><Ustrd>Invoice 7</Ustrd></RmtInf></TxDtls>`)
	part := func(amount, name string) string {
		return `<TxDtls><Amt Ccy="EUR">` + amount + `</Amt><RltdPties><Cdtr><Pty><Nm>` + name + `</Nm></Pty></Cdtr></RltdPties></TxDtls>`
	}
	for name, c := range map[string]struct {
		text  string
		lines []string
		bad   map[int]string
	}{
		"a payment and a salary, between balances": {
			camt(camtAccountOf + balance("OPBD", "10.00", "DBIT") + balance("CLBD", "1977.66", "CRDT") + entry("12.34", "DBIT", grocer) +
				entry("2000", "CRDT", details(`<TxDtls><RltdPties><Dbtr><Pty><Nm>Employer</Nm></Pty></Dbtr><Cdtr><Pty><Nm>Me</Nm></Pty></Cdtr></RltdPties></TxDtls>`))),
			[]string{"2026-09-30T00:00|-12.34|EUR|Corner Grocer Invoice 7||R1", "2026-09-30T00:00|2000|EUR|Employer||"}, nil,
		},
		"version 02, a prefix, a time with an offset, which does not move the day": {
			`<ns2:Document xmlns:ns2="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><ns2:BkToCstmrStmt><ns2:Stmt><ns2:Ntry><ns2:Amt Ccy="CHF">1200.5</ns2:Amt>` +
				`<ns2:CdtDbtInd>CRDT</ns2:CdtDbtInd><ns2:Sts>BOOK</ns2:Sts><ns2:BookgDt><ns2:DtTm>2026-09-30T23:30:00-08:00</ns2:DtTm></ns2:BookgDt><ns2:AcctSvcrRef>X9</ns2:AcctSvcrRef>` +
				`<ns2:NtryDtls><ns2:TxDtls><ns2:RltdPties><ns2:Dbtr><ns2:Nm>Tenant</ns2:Nm></ns2:Dbtr></ns2:RltdPties><ns2:RmtInf><ns2:Strd><ns2:CdtrRefInf><ns2:Ref>RF18</ns2:Ref></ns2:CdtrRefInf></ns2:Strd></ns2:RmtInf></ns2:TxDtls></ns2:NtryDtls>` +
				`</ns2:Ntry></ns2:Stmt></ns2:BkToCstmrStmt></ns2:Document>`,
			[]string{"2026-09-30T00:00|1200.5|CHF|Tenant RF18||X9"}, nil,
		},
		"an entry of several payments is these": {
			camt(entry("30.00", "DBIT", `<AcctSvcrRef>B</AcctSvcrRef>`+details(part("10.00", "Water")+part("20.00", "Power")))),
			[]string{"2026-09-30T00:00|-10|EUR|Water||B/1", "2026-09-30T00:00|-20|EUR|Power||B/2"}, nil,
		},
		"an entry whose payments do not add up to it is one": {
			camt(entry("31.00", "DBIT", details(part("10.00", "Water")+part("20.00", "Power"))+`<AddtlNtryInf>Collected payments</AddtlNtryInf>`)),
			[]string{"2026-09-30T00:00|-31|EUR|Collected payments||"}, nil,
		},
		"a payment that came back": {
			camt(entry("12.34", "CRDT", `<RvslInd>true</RvslInd>`+grocer)),
			[]string{"2026-09-30T00:00|12.34|EUR|Corner Grocer Invoice 7||R1"}, nil,
		},
		"what is not booked, has no side, no date, or no amount": {
			camt(strings.Replace(entry("1", "DBIT", ""), "BOOK", "PDNG", 1) + "\n" + entry("2", "", "") + "\n" + strings.Replace(entry("3", "DBIT", ""), "2026-09-30", "30.09.2026", 1) +
				"\n" + entry("-4", "DBIT", "") + "\n" + entry("1,50", "DBIT", "") + "\n" + entry("5", "DBIT", "<AddtlNtryInf>Fee</AddtlNtryInf>")),
			[]string{"2026-09-30T00:00|-5|EUR|Fee||"},
			map[int]string{3: "not booked", 4: "neither CRDT nor DBIT", 5: "not a date", 6: "not an amount", 7: "not an amount"},
		},
		"a reference that the bank gives to several movements marks none": {
			camt(entry("1", "CRDT", "<AcctSvcrRef>DAY</AcctSvcrRef>") + entry("1", "CRDT", "<AcctSvcrRef>DAY</AcctSvcrRef>") + entry("2", "CRDT", "<AcctSvcrRef>X</AcctSvcrRef>")),
			[]string{"2026-09-30T00:00|1|EUR|||", "2026-09-30T00:00|1|EUR|||", "2026-09-30T00:00|2|EUR|||X"}, nil,
		},
		"pages of one account; the same page twice": {
			camt("<Id>S</Id><StmtPgntn><PgNb>1</PgNb></StmtPgntn>"+camtAccountOf+entry("1", "CRDT", ""), "<Id>S</Id><StmtPgntn><PgNb>2</PgNb></StmtPgntn>"+camtAccountOf+entry("2", "CRDT", ""),
				"<Id>S</Id><StmtPgntn><PgNb>2</PgNb></StmtPgntn>"+camtAccountOf+entry("2", "CRDT", "")),
			[]string{"2026-09-30T00:00|1|EUR|||", "2026-09-30T00:00|2|EUR|||"}, map[int]string{5: "before already"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, CAMT, FormatOf([]byte(c.text)))
			p, err := Detect(CAMT, strings.NewReader(c.text))
			require.NoError(t, err)
			require.Empty(t, p.Ambiguities)
			lines, bad, err := Parse(CAMT, strings.NewReader(c.text), p.Mapping)
			require.NoError(t, err)
			require.Equal(t, c.lines, shown(lines))
			requireBad(t, c.bad, bad)
		})
	}
}

func TestCAMTThatIsRefused(t *testing.T) {
	whole := camt(entry("1", "DBIT", ""))
	for name, c := range map[string]struct{ text, says string }{
		"cut off":              {whole[:len(whole)-20], "is broken at line 3"},
		"an entity nobody set": {strings.Replace(whole, "<Stmt>", "<Stmt>&lol;", 1), "is broken"},
		"nothing booked":       {camt(""), "no transactions"},
		"balances that the movements do not explain": {camt(balance("OPBD", "0", "CRDT") + balance("CLBD", "5.00", "CRDT") + entry("7", "CRDT", "")),
			"add up to 7.00, but its balances differ by 5.00, so that 2.00 is missing or too much"},
		"two accounts":       {camt(camtAccountOf+entry("1", "DBIT", ""), strings.Replace(camtAccountOf, "4567", "9999", 1)), "more than one account"},
		"too many movements": {camt(strings.Repeat(entry("1", "DBIT", ""), MaxMovements+1)), "at most so many"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Parse(CAMT, strings.NewReader(c.text), Mapping{})
			require.ErrorContains(t, err, c.says)
		})
	}
}

// TestHostileCAMT reads files of the largest size that hold nothing but trouble: each
// is refused, or gives the one movement in it.
func TestHostileCAMT(t *testing.T) {
	fill := func(part string, most int) string { return strings.Repeat(part, min((MaxBytes-2000)/len(part), most)) }
	for name, c := range map[string]struct{ text, says string }{
		"too many elements":         {camt(fill("<a/>", MaxBytes)), "more than 500000 elements"},
		"elements within elements":  {camt(fill("<a>", maxTags-100)), "is broken"},
		"in an entry":               {camt("<Ntry>" + fill("<a>", maxTags-100)), "is broken"},
		"details without end":       {camt(entry("1", "DBIT", details(fill("<TxDtls></TxDtls>", maxTags/2-100)))), "more than 50000 payments"},
		"as many details as may be": {camt(entry("1", "DBIT", details(fill("<TxDtls></TxDtls>", maxDetails)))), ""},
		"entries of nothing":        {camt(fill("<Ntry/>", maxTags-100)), "at most so many"},
		"attributes":                {camt("<Ntry " + fill(`a="" `, MaxBytes) + ">"), "is broken"},
		"one text":                  {camt(entry("1", "DBIT", details("<TxDtls><RmtInf><Ustrd>"+fill("x", MaxBytes)+"</Ustrd></RmtInf></TxDtls>"))), ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := processorTime(t)
			lines, _, err := Parse(CAMT, strings.NewReader(c.text), Mapping{})
			took := processorTime(t) - before
			t.Logf("%d KiB in %s", len(c.text)>>10, took.Round(time.Millisecond))
			require.Less(t, took, 4*time.Second)
			if c.says != "" {
				require.ErrorContains(t, err, c.says)
				return
			}
			require.NoError(t, err)
			require.Len(t, lines, 1)
		})
	}
}
