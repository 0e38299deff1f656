package statement

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
)

// show is a line as a test writes it.
func show(l Line) string {
	return strings.Join([]string{l.At.Format("2006-01-02T15:04"), l.Amount.String(), l.Currency, l.Description, l.Category, l.Reference}, "|")
}

func shown(lines []Line) []string {
	var out []string
	for _, l := range lines {
		out = append(out, show(l))
	}
	return out
}

// requireBad checks the lines that were not read: want has a part of each one's reason.
func requireBad(t *testing.T, want map[int]string, bad []Bad) {
	t.Helper()
	require.Len(t, bad, len(want), "%v", bad)
	for _, b := range bad {
		require.NotEmpty(t, want[b.Number], "line %d: %s", b.Number, b.Reason)
		require.Contains(t, b.Reason, want[b.Number])
	}
}

func open(t testing.TB, name string) []byte {
	raw, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err)
	return raw
}

var giro = Mapping{
	Delimiter: ";", SkipLines: 3, Date: "Buchungsdatum", DateLayout: "DD.MM.YY", Amount: "Betrag (€)", DecimalMark: ",",
	Description: []Column{"zahlungsempfänger*in", "#5"}, Reference: "Kundenreferenz",
}

func TestStatements(t *testing.T) {
	german := []string{
		"2026-11-01T00:00|-1050|EUR|Wohnbau Nord Miete November||",
		"2026-11-03T00:00|-3.2|EUR|Backhaus Meyer Kaffee||",
		"2026-11-03T00:00|-3.2|EUR|Backhaus Meyer Kaffee||",
		`2026-11-27T00:00|3200|EUR|Muster "Werke" GmbH Gehalt November||G-11`,
	}
	for name, c := range map[string]struct {
		file   string
		format Format
		m      Mapping
		lines  []string
		bad    map[int]string
	}{
		"a German account, a day that does not exist": {
			"girokonto.csv", CSV, giro, german, map[int]string{8: `"31.11.26" is not a date written DD.MM.YY`}},
		"the same in Windows-1252": {
			"girokonto-1252.csv", CSV, giro, german, map[int]string{8: "is not a date"}},
		"debit and credit in two columns": {
			"checking.csv", CSV, Mapping{Delimiter: ",", Date: "Date", DateLayout: "MM/DD/YYYY", Debit: "Paid out", Credit: "Paid in",
				DecimalMark: ".", Description: []Column{"Description"}, Currency: "Currency"},
			[]string{
				"2026-11-02T00:00|-12.5|GBP|Corner Shop, High Street||",
				"2026-11-13T00:00|2100|GBP|Salary||",
			},
			map[int]string{4: "both debit and credit", 5: "neither debit nor credit"}},
		"columns by place, signs turned": {
			"bare.csv", CSV, Mapping{Delimiter: ";", NoHeader: true, Date: "#1", DateLayout: "YYYY-MM-DD", Amount: "#3", DecimalMark: ".", Inverted: true, Category: "#2"},
			[]string{"2026-11-02T00:00|2.8|||Tram ticket|", "2026-11-03T00:00|41.15|||Groceries at the market|"}, nil},
		"OFX 1: bare marks, Windows-1252, days that a time zone would move": {
			"bank.ofx", OFX, Mapping{}, []string{
				"2026-11-01T00:00|-12.5|EUR|Café & Bar < 3 Espresso||A1",
				"2026-11-30T00:00|2100|EUR|Employer||A3",
			}, map[int]string{17: `"1/3" is not an amount`}},
		"OFX 2: payee, CDATA, comment, a currency of its own": {
			"card.ofx", OFX, Mapping{}, []string{
				"2026-11-05T00:00|-19.99|USD|Books & More Order <7>||0001",
				"2026-11-07T00:00|-1000000000000.01|CHF|||",
			}, map[int]string{15: "not booked yet"}},
		"QIF: split, transfer, cheque, securities": {
			"quicken.qif", QIF, Mapping{}, []string{
				"2026-11-02T00:00|-1240||Green Property Rent|Housing:Rent|1041",
				"2026-11-13T00:00|2000||Employer|Salary|",
				"2026-11-13T00:00|100||Employer|Bonus|",
				"2026-11-15T00:00|-300||||",
			}, map[int]string{24: `"-x" is not an amount`, 34: "securities"}},
		"OFX: a reference made of day and amount does not join two movements": {
			"09-fitid-from-date-and-amount.ofx", OFX, Mapping{}, []string{
				"2026-09-03T00:00|-20|EUR|Barber Lindt haircut||",
				"2026-09-03T00:00|-20|EUR|Swim club monthly fee||",
			}, nil},
		"OFX without its root": {
			"11-no-ofx-root.qfx", OFX, Mapping{}, []string{"2026-09-10T00:00|-18.01||TOOL SHED||20260910090001"}, nil},
		"OFX: decimal commas, thousands, a sign of money, a float's last places, a date with dashes": {
			"21-ofx-comma-and-thousands.ofx", OFX, Mapping{}, []string{
				"2026-09-03T00:00|-1234.56|BRL|Aluguel||a",
				"2026-09-04T00:00|-7.4|BRL|Padaria||b",
				"2026-09-05T00:00|-7.4|BRL|Feira||c",
				"2026-09-05T00:00|-7.43|BRL|Feira||d",
				"2026-09-05T00:00|-7.4|BRL|Feira||",
				"2026-09-05T00:00|-7.4|BRL|Feira||",
				"2026-09-05T00:00|-7.4|BRL|Feira||f",
			}, map[int]string{12: `"00000000" is not a date`}},
		"OFX: balances among the movements": {
			"33-balance-rows-in-ofx.ofx", OFX, Mapping{}, []string{"2026-09-02T00:00|-120|BRL|Pix enviado - Padaria||202609021"},
			map[int]string{10: "is a balance", 12: "is a balance"}},
		"QIF: an opening balance is no movement": {
			"19-qif-own-account-and-transfers.qif", QIF, Mapping{}, []string{
				"2026-03-02T00:00|-300||To savings||",
				"2026-03-05T00:00|-12.4||Kiosk|Food|",
			}, map[int]string{2: "is a balance"}},
		"QIF: a date without marks": {
			"20b-qif-yyyymmdd.qif", QIF, Mapping{}, []string{"2026-03-04T00:00|-10||Kiosk||"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			raw := open(t, c.file)
			require.Equal(t, c.format, FormatOf(raw))
			lines, bad, err := Parse(c.format, bytes.NewReader(raw), c.m)
			require.NoError(t, err)
			require.Equal(t, c.lines, shown(lines))
			requireBad(t, c.bad, bad)
		})
	}
}

func TestCSVLines(t *testing.T) {
	m := Mapping{Delimiter: ",", NoHeader: true, Date: "#1", DateLayout: "YYYY-MM-DD HH:mm", Amount: "#2", DecimalMark: ".", Description: []Column{"#3"}}
	side := m
	side.Direction, side.DateLayout = "#3", "YYYY-MM-DD"
	for name, c := range map[string]struct {
		m     Mapping
		text  string
		lines []string
		bad   string
	}{
		"a quote that is never closed costs its own line": {m, "2026-11-01 10:30,1,\"open\n2026-11-02 00:00,2,next\n",
			[]string{"2026-11-02T00:00|2||next||"}, "quotation mark"},
		"a quote within a value":         {m, "2026-11-01 10:30,1,27\" monitor\n", []string{`2026-11-01T10:30|1||27" monitor||`}, ""},
		"a row that is too short":        {m, "2026-11-01 10:30\n", nil, "has 1 columns, the amount is column 2"},
		"a line that is too long":        {m, "2026-11-01 10:30,1," + strings.Repeat("x", MaxLineLength) + "\n2026-11-01 10:30,1,y", []string{"2026-11-01T10:30|1||y||"}, "longer than"},
		"old line ends":                  {m, "2026-11-01 10:30,1,a\r2026-11-01 10:30,2,b\r", []string{"2026-11-01T10:30|1||a||", "2026-11-01T10:30|2||b||"}, ""},
		"a currency beside the amount":   {m, "2026-11-01 10:30,12.50 EUR,a\n", []string{"2026-11-01T10:30|12.5|EUR|a||"}, ""},
		"a description is cut":           {m, "2026-11-01 10:30,1," + strings.Repeat("ä", 600), []string{"2026-11-01T10:30|1||" + strings.Repeat("ä", 500) + "||"}, ""},
		"a column that says debit":       {side, "2026-11-01,5.00,S\n2026-11-01,5.00,Haben\n", []string{"2026-11-01T00:00|-5||S||", "2026-11-01T00:00|5||Haben||"}, ""},
		"a side of the account unknown":  {side, "2026-11-01,5.00,X\n", nil, "neither debit nor credit"},
		"nothing is booked by a zero":    {m, "2026-11-01 10:30,0.00,a\n", nil, "zero"},
		"a year of a layout that errs":   {m, "0026-11-01 10:30,1,a\n", nil, "in the year 26"},
		"empty rows are passed over":     {m, "\n,,\n2026-11-01 10:30,1,a\n\n", []string{"2026-11-01T10:30|1||a||"}, ""},
		"control characters are dropped": {m, "2026-11-01 10:30,1,a\x01b\u200bc\n", []string{"2026-11-01T10:30|1||a bc||"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			lines, bad, err := Parse(CSV, strings.NewReader(c.text), c.m)
			require.NoError(t, err)
			require.Equal(t, c.lines, shown(lines))
			if c.bad == "" {
				require.Empty(t, bad)
				return
			}
			require.Len(t, bad, 1)
			require.Equal(t, 1, bad[0].Number)
			require.Contains(t, bad[0].Reason, c.bad)
		})
	}
}

func TestRefusals(t *testing.T) {
	with := func(change func(*Mapping)) Mapping {
		m := giro
		change(&m)
		return m
	}
	two := "<OFX><BANKACCTFROM><ACCTID>1</BANKACCTFROM><STMTTRN></STMTTRN><BANKACCTFROM><ACCTID>2</BANKACCTFROM></OFX>"
	for name, c := range map[string]struct {
		format      Format
		text        string
		m           Mapping
		field, says string
	}{
		"a file that is too large":          {CSV, strings.Repeat("x", MaxBytes+1), giro, "file", "export a shorter time"},
		"too many lines":                    {CSV, strings.Repeat("\n", MaxLines+1), giro, "file", "export a shorter time"},
		"too many transactions":             {OFX, "<OFX>" + strings.Repeat("<STMTTRN>", MaxLines+1), Mapping{}, "file", "export a shorter time"},
		"too many bad records":              {QIF, "!Type:Bank\n" + strings.Repeat("PShop\n^\n", MaxMovements+1), Mapping{}, "file", "export a shorter time"},
		"a spreadsheet":                     {CSV, "PK\x03\x04", giro, "file", "save it as CSV"},
		"not text":                          {CSV, "a\x00b", giro, "file", "not text"},
		"not the encoding it is said to be": {CSV, "\xe4", with(func(m *Mapping) { m.Encoding = "utf-8" }), "encoding", "choose windows-1252"},
		"an encoding nobody knows":          {OFX, "", Mapping{Encoding: "ebcdic"}, "encoding", "must be"},
		"a format nobody knows":             {"xlsx", "", giro, "format", "must be"},
		"a column that is not there":        {CSV, string(open(t, "girokonto.csv")), with(func(m *Mapping) { m.Date = "Tag" }), "date", "it has: Buchungsdatum"},
		"a column that is there twice":      {CSV, "\n\n\na;A;b\n", with(func(m *Mapping) { m.Date = "a" }), "date", "#1 or #2"},
		"a layout without a year":           {CSV, "", with(func(m *Mapping) { m.DateLayout = "DD.MM." }), "dateLayout", "DD.MM.YYYY"},
		"a layout in other letters":         {CSV, "", with(func(m *Mapping) { m.DateLayout = "%d.%m.%Y" }), "dateLayout", "write DD"},
		"an amount beside a debit":          {CSV, "", with(func(m *Mapping) { m.Debit = "#1" }), "amount", "either"},
		"no decimal mark":                   {CSV, "", with(func(m *Mapping) { m.DecimalMark = "" }), "decimalMark", "missing"},
		"nothing after the skipped lines":   {CSV, "a\nb", giro, "file", "no line after"},
		"OFX that is none":                  {OFX, "hello", Mapping{}, "file", "no <OFX>"},
		"OFX without transactions":          {OFX, "<OFX></OFX>", Mapping{}, "file", "no transactions"},
		"OFX of two accounts":               {OFX, two, Mapping{}, "account", "choose one of 1, 2"},
		"OFX of two kinds of account":       {OFX, "<OFX><BANKACCTFROM><ACCTID>1<ACCTTYPE>CHECKING</BANKACCTFROM><BANKACCTFROM><ACCTID>1<ACCTTYPE>SAVINGS</BANKACCTFROM><STMTTRN></STMTTRN>", Mapping{}, "account", "choose one of 1 CHECKING, 1 SAVINGS"},
		"QIF that is none":                  {QIF, "hello\nworld\n", Mapping{}, "file", "not QIF"},
		"QIF whose dates read in two ways":  {QIF, "!Type:Bank\nD02/03/2026\nT1.00\n^\n", Mapping{}, "dateLayout", "MM/DD/YYYY and as DD/MM/YYYY"},
		"QIF whose amounts read in two":     {QIF, "!Type:Bank\nD02/13/2026\nT1,000\n^\n", Mapping{}, "decimalMark", "choose one"},
		"QIF of two accounts":               {QIF, "!Account\nNA\n^\n!Type:Bank\nD02/13/2026\nT1\n^\n!Account\nNB\n^\n!Type:Bank\nD02/13/2026\nT2\n^\n", Mapping{}, "account", "choose one of A, B"},
		"an account that is not there":      {OFX, two, Mapping{Account: "3"}, "account", "it holds 1, 2"},
		"an account where none is named":    {OFX, "<OFX><STMTTRN></STMTTRN>", Mapping{Account: "3"}, "account", "names no account"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Parse(c.format, strings.NewReader(c.text), c.m)
			var wrong apperror.Invalid
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, c.field, wrong.Field)
			require.Contains(t, wrong.Reason, c.says)
		})
	}
	cause := errors.New("cut off")
	_, _, err := Parse(CSV, failing{cause}, giro)
	require.ErrorIs(t, err, cause)
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

func TestOFXDecimalMarkOfTheFile(t *testing.T) {
	for name, c := range map[string]struct {
		currency string
		amounts  []string
		want     []string
		bad      int
	}{
		"another amount tells that commas are decimal": {"EUR", []string{"-1.234", "-7,40"}, []string{"-1234", "-7.4"}, 0},
		"another amount tells that points are decimal": {"EUR", []string{"-1,234", "-7.40"}, []string{"-1234", "-7.4"}, 0},
		"nothing tells":              {"EUR", []string{"-1.234", "-1,234"}, nil, 2},
		"a currency of three places": {"KWD", []string{"-1.234"}, []string{"-1.234"}, 0},
		"amounts that do not agree are read each by its own":  {"EUR", []string{"-1.50", "-1,50", "-1.234"}, []string{"-1.5", "-1.5"}, 1},
		"the amount's own currency is not the statement's":    {"EUR", []string{"USD -1.50"}, nil, 1},
		"a float's last places, but not many places in truth": {"EUR", []string{"7.4300000000000001", "7.12345"}, []string{"7.43"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			text := "<OFX><CURDEF>" + c.currency
			for _, amount := range c.amounts {
				text += "\n<STMTTRN><DTPOSTED>20261101<TRNAMT>" + amount + "</STMTTRN>"
			}
			lines, bad, err := Parse(OFX, strings.NewReader(text), Mapping{})
			require.NoError(t, err)
			var got []string
			for _, l := range lines {
				got = append(got, l.Amount.String())
			}
			require.Equal(t, c.want, got)
			require.Len(t, bad, c.bad, "%v", bad)
		})
	}
}

// Each account's movements are read from a file of several, and nothing of the others.
func TestFilesOfSeveralAccounts(t *testing.T) {
	transaction := func(amount string) string {
		return "<STMTTRN><DTPOSTED>20261101<TRNAMT>" + amount + "</STMTTRN><STMTTRN><DTPOSTED>x</STMTTRN>"
	}
	page := func(account, amount string) string {
		return ":20:A\n:25:" + account + "\n:60F:C261101EUR0,\n:61:261101C" + amount + ",NTRFNONREF\n:61:261101C0,NTRFNONREF\n:62F:C261101EUR" + amount + ",\n-\n"
	}
	for format, c := range map[Format]struct {
		text     string
		accounts []string
	}{
		OFX: {"<OFX><STMTRS><BANKACCTFROM><ACCTID>1<ACCTTYPE>CHECKING</BANKACCTFROM>" + transaction("1") + "</STMTRS><STMTRS><BANKACCTFROM><ACCTID>1<ACCTTYPE>SAVINGS</BANKACCTFROM>" + transaction("2") +
			"</STMTRS><CCSTMTRS><CCACCTFROM><ACCTID>9</CCACCTFROM>" + transaction("3") + "</CCSTMTRS></OFX>", []string{"1 CHECKING", "1 SAVINGS", "9"}},
		CAMT: {camt(camtAccountOf+entry("1", "CRDT", "")+entry("0", "CRDT", ""), strings.Replace(camtAccountOf, "4567", "9999", 1)+entry("2", "CRDT", "")+entry("0", "CRDT", "")),
			[]string{"DE00100200300001234567 EUR", "DE00100200300001239999 EUR"}},
		MT940: {page("1", "1") + page("2", "2"), []string{"1 EUR", "2 EUR"}},
		QIF:   {"!Account\nNA\n^\n!Type:Bank\nD2026-11-01\nT1.00\n^\nD2026-11-01\nTx\n^\n!Account\nNB\n^\n!Type:CCard\nD2026-11-01\nT2.00\n^\nD2026-11-01\nTx\n^\n", []string{"A", "B"}},
	} {
		t.Run(string(format), func(t *testing.T) {
			p, err := Detect(format, strings.NewReader(c.text))
			require.NoError(t, err)
			require.Equal(t, []string{"account"}, fields(p))
			require.Equal(t, c.accounts, p.Ambiguities[0].Choices)
			for i, account := range c.accounts {
				p.Mapping.Account = account
				lines, bad, err := Parse(format, strings.NewReader(c.text), p.Mapping)
				require.NoError(t, err)
				require.Len(t, lines, 1)
				require.Equal(t, int64(i+1), lines[0].Amount.IntPart())
				require.Len(t, bad, 1)
			}
			p.Mapping.Account = ""
			_, _, err = Parse(format, strings.NewReader(c.text), p.Mapping)
			require.ErrorContains(t, err, "more than one account")
		})
	}
}

func TestOFXCharsetDecidesWhatLettersLeaveOpen(t *testing.T) {
	const body = "<OFX><STMTTRN><DTPOSTED>20261101<TRNAMT>-1<NAME>Bistro P\xf8\n</STMTTRN></OFX>"
	for name, c := range map[string]struct{ header, text, want string }{
		"nothing is claimed":         {"ENCODING:USASCII\nCHARSET:NONE\n", body, ""},
		"Western":                    {"ENCODING:USASCII\nCHARSET:1252\n", body, "Bistro Pø"},
		"Central European":           {"ENCODING:USASCII\nCHARSET:1250\n", body, "Bistro Př"},
		"as an ISO name":             {"CHARSET:ISO-8859-1\n", strings.ReplaceAll(body, "P\xf8", "Caf\xe9"), "Bistro Café"},
		"what is UTF-8 beyond doubt": {"CHARSET:1252\n", strings.ReplaceAll(body, "P\xf8", "Př"), "Bistro Př"},
	} {
		t.Run(name, func(t *testing.T) {
			text := "OFXHEADER:100\n" + c.header + "\n" + c.text
			p, err := Detect(OFX, strings.NewReader(text))
			require.NoError(t, err)
			if c.want == "" {
				require.Equal(t, []string{"encoding"}, fields(p))
				return
			}
			require.Empty(t, p.Ambiguities)
			lines, bad, err := Parse(OFX, strings.NewReader(text), p.Mapping)
			require.NoError(t, err)
			require.Empty(t, bad)
			require.Equal(t, c.want, lines[0].Description)
		})
	}
}

func TestOFXCurrencyIsTheStatementsOwn(t *testing.T) {
	lines, bad, err := Parse(OFX, strings.NewReader("<OFX><STMTRS><CURDEF>EUR<STMTTRN><DTPOSTED>20261101<TRNAMT>1</STMTTRN></STMTRS>"+
		"<STMTRS><STMTTRN><DTPOSTED>20261101<TRNAMT>2</STMTTRN></STMTRS></OFX>"), Mapping{})
	require.NoError(t, err)
	require.Empty(t, bad)
	require.Equal(t, []string{"2026-11-01T00:00|1|EUR|||", "2026-11-01T00:00|2||||"}, shown(lines))
}

func TestQIFRecords(t *testing.T) {
	for name, c := range map[string]struct {
		record string
		lines  []string // the transfer's account, amount, category, description, reference
		bad    string
	}{
		"a transfer names the other account":   {"T-300\nL[Savings]/holiday", []string{"Savings|-300|||"}, ""},
		"the own account is no transfer":       {"T-300\nL[everyday]", nil, "correction"},
		"the parts of a split":                 {"T-6.00\nN12\nPShop\nL--Split--\nSFood/home\nEBread\n$-1.00\nSRent\n$-2.00\nS[Savings]\n$-3.00", []string{"|-1|Food|Shop Bread|12/1", "|-2|Rent|Shop|12/2", "Savings|-3||Shop|12/3"}, ""},
		"a part that goes the other way":       {"T-2.00\nSFood\n$-3.00\nSDeposit\n$1.00\nSNothing\n$0.00", []string{"|-3|Food||", "|1|Deposit||"}, ""},
		"a part without a category":            {"T-3.00\nLFood\n$-1.00\nERest\n$-2.00", []string{"|-1||Rest|", "|-2|||"}, ""},
		"parts that are not the whole":         {"T-3.00\nSFood\n$-1.00\nSRent\n$-1.00", nil, "make -2"},
		"a part that is no amount":             {"T-3.00\nSFood\n$x", nil, "part of the split"},
		"a part without an amount":             {"T-3.00\nSFood\n$-3.00\nSRent", nil, "part of the split"},
		"a part that is the account's own":     {"T-3.00\nSFood\n$-1.00\nS[Everyday]\n$-2.00", nil, "correction"},
		"an opening balance of the account":    {"T3.00\nPOpening Balance\nL[Everyday]", nil, "balance"},
		"a kind that is not known":             {"T3.00\n^\n!Type:Invoice\nD2026-03-15\nT-5.00", []string{"|3|||"}, `kind "invoice"`},
		"lists of categories are no movements": {"T3.00\n^\n!Type:Cat\nNFood\nE", []string{"|3|||"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			lines, bad, err := Parse(QIF, strings.NewReader("!Account\nNEveryday\n^\n!Type:Bank\nD2026-03-15\n"+c.record+"\n^\n"), Mapping{DecimalMark: "."})
			require.NoError(t, err)
			var got []string
			for _, l := range lines {
				got = append(got, strings.Join([]string{l.Transfer, l.Amount.String(), l.Category, l.Description, l.Reference}, "|"))
			}
			require.Equal(t, c.lines, got)
			if c.bad == "" {
				require.Empty(t, bad)
				return
			}
			require.Len(t, bad, 1)
			require.Contains(t, bad[0].Reason, c.bad)
		})
	}
}

func TestOFXCorrections(t *testing.T) {
	first := "<STMTTRN><DTPOSTED>20261101<TRNAMT>-1.00<FITID>a<NAME>Shop</STMTTRN>\n<STMTTRN><DTPOSTED>20261101<TRNAMT>-5.00<FITID>b<NAME>Bar</STMTTRN>\n"
	for name, c := range map[string]struct {
		more, bad string
		lines     []string
	}{
		"replaced":                 {"<TRNAMT>-2.00<FITID>c<CORRECTFITID>a<CORRECTACTION>REPLACE", "", []string{"2026-11-01T00:00|-5||Bar||b", "2026-11-02T00:00|-2||||c"}},
		"deleted":                  {"<TRNAMT>0<FITID>c<CORRECTFITID>a<CORRECTACTION>DELETE", "line 2 back", []string{"2026-11-01T00:00|-5||Bar||b"}},
		"of an earlier file":       {"<TRNAMT>-2.00<FITID>c<CORRECTFITID>z<CORRECTACTION>REPLACE", "by hand", []string{"2026-11-01T00:00|-1||Shop||a", "2026-11-01T00:00|-5||Bar||b"}},
		"of nothing that is named": {"<TRNAMT>-2.00<FITID>c<CORRECTACTION>REPLACE", "by hand", []string{"2026-11-01T00:00|-1||Shop||a", "2026-11-01T00:00|-5||Bar||b"}},
	} {
		t.Run(name, func(t *testing.T) {
			lines, bad, err := Parse(OFX, strings.NewReader("<OFX>\n"+first+"<STMTTRN><DTPOSTED>20261102"+c.more+"</STMTTRN></OFX>"), Mapping{})
			require.NoError(t, err)
			require.Equal(t, c.lines, shown(lines))
			if c.bad == "" {
				require.Empty(t, bad)
				return
			}
			require.Len(t, bad, 1)
			require.Contains(t, bad[0].Reason, c.bad)
		})
	}
}

func TestBalancesAreNoMovements(t *testing.T) {
	for _, text := range []string{"SALDO DO DIA 02/09/2026", "Solde au 31.08.2026", "Saldo końcowe", "Konečný zůstatek", "Balance b/f", "Входящий остаток", "Closing balance as of 2026-09-30"} {
		require.True(t, isBalance(text), text)
	}
	for _, text := range []string{"", "42", "New Balance Shoes", "Saldo Mobile", "Balance Yoga", "Recarga saldo", "au"} {
		require.False(t, isBalance(text), text)
	}
}

// TestHostileOFX reads files of nearly the largest size that hold nothing but trouble.
// What counts is the processor's time: other work on the machine does not.
func TestHostileOFX(t *testing.T) {
	numbered := func(format string) string {
		var text strings.Builder
		for i := 0; text.Len() < 9<<20; i++ {
			fmt.Fprintf(&text, format, i)
		}
		return text.String()
	}
	fill := func(part string) string { return strings.Repeat(part, 9<<20/len(part)) }
	for name, text := range map[string]string{
		"tags":                    fill("<A>"),
		"tags of a transaction":   "<STMTTRN>" + fill("<A>x"),
		"different tags":          "<STMTTRN>" + numbered("<A%d>x"),
		"bare marks":              "<STMTTRN><NAME>" + fill("<"),
		"bare marks in many":      strings.Repeat("<STMTTRN><NAME>"+strings.Repeat("< ", 1000)+"</STMTTRN>", 4500),
		"entities":                "<STMTTRN><NAME>" + fill("&amp;"),
		"comments without an end": fill("<!--"),
		"amounts":                 fill("<TRNAMT>1,234.567"),
		"accounts":                numbered("<BANKACCTFROM><ACCTID>%d</BANKACCTFROM>"),
		"spaces in a tag":         "<A" + fill(" "),
		"corrections":             strings.Repeat("<STMTTRN><DTPOSTED>20261101<TRNAMT>1<FITID>1</STMTTRN>", 4000) + strings.Repeat("<STMTTRN><DTPOSTED>20261101<TRNAMT>1<CORRECTFITID>1</STMTTRN>", 4000),
	} {
		t.Run(name, func(t *testing.T) {
			before := processorTime(t)
			_, _, _ = Parse(OFX, strings.NewReader("<OFX><BANKTRANLIST>"+text), Mapping{})
			took := processorTime(t) - before
			t.Logf("%d KiB in %s", len(text)>>10, took.Round(time.Millisecond))
			require.Less(t, took, 2*time.Second)
		})
	}
}

func processorTime(t *testing.T) time.Duration {
	var used syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func TestOFXLines(t *testing.T) {
	for name, c := range map[string]struct{ values, line, bad string }{
		"a comma and three digits":         {"<DTPOSTED>20261101<TRNAMT>-1,234", "", "in two ways"},
		"a comma and two digits":           {"<DTPOSTED>20261101<TRNAMT>-1,23", "2026-11-01T00:00|-1.23||||", ""},
		"an exponent":                      {"<DTPOSTED>20261101<TRNAMT>1e9", "", "not an amount"},
		"a date of nonsense":               {"<DTPOSTED>20261301<TRNAMT>1", "", "not a date"},
		"a memo that repeats the name":     {"<DTPOSTED>20261101<TRNAMT>1<NAME>Shop Hi<MEMO>Shop High Street", "2026-11-01T00:00|1||Shop High Street||", ""},
		"a correction":                     {"<DTPOSTED>20261101<TRNAMT>1<CORRECTFITID>7", "", "by hand"},
		"a currency that is none":          {"<DTPOSTED>20261101<TRNAMT>1<CURRENCY><CURSYM>Taler</CURRENCY>", "", "not a currency"},
		"tags in small letters and spaces": {"<dtposted >20261101</dtposted ><trnamt>1", "2026-11-01T00:00|1||||", ""},
	} {
		t.Run(name, func(t *testing.T) {
			lines, bad, err := Parse(OFX, strings.NewReader("<OFX>\n<STMTTRN>"+c.values+"</STMTTRN></OFX>"), Mapping{})
			require.NoError(t, err)
			if c.bad != "" {
				require.Len(t, bad, 1)
				require.Equal(t, 2, bad[0].Number)
				require.Contains(t, bad[0].Reason, c.bad)
				return
			}
			require.Empty(t, bad)
			require.Equal(t, []string{c.line}, shown(lines))
		})
	}
}

func TestAmounts(t *testing.T) {
	for name, c := range map[string]struct{ text, mark, want string }{
		"a plain one":                     {"12.50", ".", "12.5"},
		"German":                          {"-1.234,56", ",", "-1234.56"},
		"Swiss":                           {"CHF 1’234.50", ".", "1234.5"},
		"French, with a narrow space":     {"1\u202f234,50 €", ",", "1234.5"},
		"a minus behind":                  {"12,50-", ",", "-12.5"},
		"a true minus":                    {"\u221212,50", ",", "-12.5"},
		"brackets":                        {"(12.50)", ".", "-12.5"},
		"Soll":                            {"12,50 S", ",", "-12.5"},
		"Haben":                           {"12,50 H", ",", "12.5"},
		"leading zeros":                   {"000000000000012,50", ",", "12.5"},
		"no digit before the mark":        {".5", ".", "0.5"},
		"a sum that floats get wrong":     {"1000000000000.01", ".", "1000000000000.01"},
		"zeros after the fourth place":    {"1.500000", ".", "1.5"},
		"five places":                     {"1.00001", ".", ""},
		"a point where commas are":        {"12.50", ",", ""},
		"thousands that are not":          {"1,23,4.00", ".", ""},
		"two kinds of marks":              {"1 234'567.00", ".", ""},
		"two signs":                       {"-12.50-", ".", ""},
		"one bracket":                     {"(12.50", ".", ""},
		"a minus before brackets":         {"-($12.34)", ".", "-12.34"},
		"a minus in brackets":             {"(-12.34)", ".", "-12.34"},
		"a credit in brackets":            {"2000.00(Cr)", ".", "2000"},
		"a debit in brackets":             {"450.00 (Dr.)", ".", "-450"},
		"a currency in brackets":          {"12.34 (USD)", ".", "12.34"},
		"brackets and a credit":           {"(12.34) CR", ".", ""},
		"a spreadsheet's formula":         {"=-45.00", ".", "-45"},
		"a spreadsheet's text":            {"'-45.00", ".", "-45"},
		"full-width digits":               {"－１，２３４", ".", "-1234"},
		"yen":                             {"¥-1,250円", ".", "-1250"},
		"a triangle for a minus":          {"▲1,250", ".", "-1250"},
		"lakhs":                           {"-1,23,456.78", ".", "-123456.78"},
		"thin spaces":                     {"1\u2009234\u00a0567,80", ",", "1234567.8"},
		"a fraction":                      {"1/3", ".", ""},
		"an exponent":                     {"1e3", ".", ""},
		"a group that begins with a zero": {"0.123", ",", ""},
		"marks without digits":            {",", ",", ""},
		"nothing":                         {"", ".", ""},
		"zero":                            {"0,00", ",", ""},
		"14 digits":                       {"12345678901234", ".", ""},
	} {
		t.Run(name, func(t *testing.T) {
			amount, _, err := parseAmount(c.text, c.mark)
			if c.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, amount.String())
		})
	}
}

func TestDecimalMark(t *testing.T) {
	for name, c := range map[string]struct {
		amounts []string
		mark    string
		finding markFinding
	}{
		"two places":                   {[]string{"1,50"}, ",", markSure},
		"both marks: the last":         {[]string{"1.234,567"}, ",", markSure},
		"a mark twice is thousands":    {[]string{"1.234.567"}, ",", markSure},
		"one sure amount settles it":   {[]string{"1.234", "1.5"}, ".", markSure},
		"three digits after each":      {[]string{"1.234", "9.000"}, ".", markUnsure},
		"less than one":                {[]string{"0,125"}, ",", markSure},
		"no marks at all":              {[]string{"12", "x"}, ".", markSure},
		"one like this, one like that": {[]string{"1.50", "1,50"}, ".", markConflict},
	} {
		t.Run(name, func(t *testing.T) {
			mark, finding := decimalMark(c.amounts)
			require.Equal(t, c.mark, mark)
			require.Equal(t, c.finding, finding)
		})
	}
}

func TestQIFDates(t *testing.T) {
	for name, c := range map[string]struct{ text, order, want string }{
		"Quicken's apostrophe":           {"3/15' 6", "MDY", "2006-03-15"},
		"two digits of this century":     {"15.03.26", "DMY", "2026-03-15"},
		"two digits of the last century": {"15.03.98", "DMY", "1998-03-15"},
		"the year first":                 {"2026-3-5", "YMD", "2026-03-05"},
		"no marks, the year first":       {"20260304", "YMD", "2026-03-04"},
		"no marks, the day first":        {"04032026", "DMY", "2026-03-04"},
		"no marks, no such month":        {"20260304", "DMY", ""},
		"a day that does not exist":      {"31.02.2026", "DMY", ""},
		"two parts":                      {"3/2026", "MDY", ""},
		"words":                          {"1/x/2026", "MDY", ""},
		"a long day":                     {"2026/1/1", "MDY", ""},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := qifDate(c.text, c.order)
			if c.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, at.Format(time.DateOnly))
		})
	}
}

func TestFingerprints(t *testing.T) {
	csv, _, err := Parse(CSV, bytes.NewReader(open(t, "girokonto.csv")), giro)
	require.NoError(t, err)
	all := Fingerprints(csv)
	require.Len(t, unique(all), len(csv), "two coffees on one day are two")
	back := []Line{csv[3], csv[2], csv[1], csv[0]}
	require.ElementsMatch(t, all, Fingerprints(back), "the order does not count")
	require.Subset(t, all, Fingerprints(csv[1:2]), "a shorter export has none of its own")

	line := csv[0]
	same := line
	same.Description, same.Currency, same.Number, same.At = "WOHNBAU  NORD, Miete-November", "EUR", 99, line.At.Add(10*time.Hour)
	require.Equal(t, Fingerprint(line, 1), Fingerprint(same, 1), "what differs from export to export does not count")
	other := line
	other.Amount = line.Amount.Neg()
	require.NotEqual(t, Fingerprint(line, 1), Fingerprint(other, 1))
	other = line
	other.At = line.At.AddDate(0, 0, 1)
	require.NotEqual(t, Fingerprint(line, 1), Fingerprint(other, 1))

	marked := line
	marked.Reference = "A1"
	require.Len(t, unique(Fingerprints([]Line{marked, marked})), 1, "a reference marks one movement")
}

func unique(all []string) map[string]bool {
	out := map[string]bool{}
	for _, one := range all {
		out[one] = true
	}
	return out
}
