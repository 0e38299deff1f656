package statement

import (
	"encoding/xml"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// TestEveryFormatTellsTheSame writes generated statements in every format that names
// its fields, and reads them: the movements are the same, none is refused.
func TestEveryFormatTellsTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(20261126, 5))
	names := []string{"Corner Grocer", "Řeznictví U Šťávy", "Müller & Söhne", "Cafe <3", "Bakker Zon", "O'Neill \"Bar\"", "株式会社", "Employer"}
	write := map[Format]func([]Line, decimal.Decimal) string{OFX: writeOFX, CAMT: writeCAMT, MT940: writeMT940, QIF: writeQIF}
	movements := 0
	for range 300 {
		var want []Line
		day := time.Date(2024, time.Month(1+random.IntN(12)), 1+random.IntN(28), 0, 0, 0, 0, time.UTC)
		for range 1 + random.IntN(40) {
			amount := decimal.New(1+random.Int64N([]int64{100, 10_000, 10_000_000}[random.IntN(3)]), -2)
			if random.IntN(3) > 0 {
				amount = amount.Neg()
			}
			day = day.AddDate(0, 0, random.IntN(3))
			want = append(want, Line{At: day, Amount: amount, Currency: "EUR", Description: names[random.IntN(len(names))], Reference: fmt.Sprintf("R%d", random.IntN(1<<30))})
		}
		opening := decimal.New(random.Int64N(1_000_000)-500_000, -2)
		for format, in := range write {
			text := in(want, opening)
			require.Equal(t, format, FormatOf([]byte(text)), text)
			mapping := Mapping{}
			if format == QIF {
				mapping = Mapping{DateLayout: "YYYY/MM/DD", DecimalMark: "."}
			}
			lines, bad, err := Parse(format, strings.NewReader(text), mapping)
			require.NoError(t, err, "%s\n%s", format, text)
			require.Empty(t, bad, "%s\n%s", format, text)
			require.Len(t, lines, len(want))
			for i, l := range lines {
				require.Equal(t, want[i].At, l.At, "%s\n%s", format, text)
				require.True(t, want[i].Amount.Equal(l.Amount), "%s: %s is read as %s\n%s", format, want[i].Amount, l.Amount, text)
				require.Equal(t, want[i].Description, l.Description, format)
				if format != QIF { // has neither
					require.Equal(t, want[i].Reference, l.Reference, format)
					require.Equal(t, "EUR", l.Currency, format)
				}
				movements++
			}
		}
	}
	t.Logf("%d movements, none read otherwise", movements)
}

func escaped(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text))
	return out.String()
}

func total(lines []Line) (sum decimal.Decimal) {
	for _, l := range lines {
		sum = sum.Add(l.Amount)
	}
	return sum
}

func writeOFX(lines []Line, opening decimal.Decimal) string {
	text := "OFXHEADER:100\nDATA:OFXSGML\nENCODING:UTF-8\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKACCTFROM><BANKID>1<ACCTID>2<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST>\n"
	for _, l := range lines {
		text += fmt.Sprintf("<STMTTRN><TRNTYPE>OTHER<DTPOSTED>%s120000[+2:CEST]<TRNAMT>%s<FITID>%s<NAME>%s</STMTTRN>\n", l.At.Format("20060102"), l.Amount.StringFixed(2), l.Reference, escaped(l.Description))
	}
	return text + "</BANKTRANLIST><LEDGERBAL><BALAMT>" + opening.Add(total(lines)).StringFixed(2) + "<DTASOF>20260930</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
}

func writeCAMT(lines []Line, opening decimal.Decimal) string {
	side := func(amount decimal.Decimal) string {
		if amount.IsNegative() {
			return "DBIT"
		}
		return "CRDT"
	}
	text := camtAccountOf
	for code, amount := range map[string]decimal.Decimal{"OPBD": opening, "CLBD": opening.Add(total(lines))} {
		text += balance(code, amount.Abs().StringFixed(2), side(amount))
	}
	for _, l := range lines {
		party := "Cdtr"
		if l.Amount.IsPositive() {
			party = "Dbtr"
		}
		more := `<AcctSvcrRef>` + l.Reference + `</AcctSvcrRef>` + details("<TxDtls><RltdPties><"+party+"><Pty><Nm>"+escaped(l.Description)+"</Nm></Pty></"+party+"></RltdPties></TxDtls>")
		text += strings.Replace(entry(l.Amount.Abs().StringFixed(2), side(l.Amount), more), "2026-09-30", l.At.Format(time.DateOnly), 1)
	}
	return camt(text)
}

func writeMT940(lines []Line, opening decimal.Decimal) string {
	signed := func(amount decimal.Decimal) (mark, digits string) {
		if mark = "C"; amount.IsNegative() {
			mark = "D"
		}
		return mark, strings.Replace(amount.Abs().StringFixed(2), ".", ",", 1)
	}
	mark, digits := signed(opening)
	text := ":20:STARTUMS\n:25:10020030/1234567\n:28C:0\n:60F:" + mark + "240101EUR" + digits + "\n"
	for _, l := range lines {
		mark, digits := signed(l.Amount)
		text += ":61:" + l.At.Format("0601020102") + mark + digits + "NTRFNONREF//" + l.Reference + "\n:86:177?00TRANSFER?32" + l.Description + "\n"
	}
	mark, digits = signed(opening.Add(total(lines)))
	return text + ":62F:" + mark + "241231EUR" + digits + "\n-\n"
}

func writeQIF(lines []Line, _ decimal.Decimal) string {
	text := "!Type:Bank\n"
	for _, l := range lines {
		text += "D" + l.At.Format("2006/01/02") + "\nT" + l.Amount.StringFixed(2) + "\nP" + l.Description + "\n^\n"
	}
	return text
}
