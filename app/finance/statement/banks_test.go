package statement

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Layouts as banks write them: what a proposal asks, and what is read by it.
func TestLayoutsOfBanks(t *testing.T) {
	for file, c := range map[string]struct {
		asks  []string
		set   func(*Mapping) // the person's answer
		lines []string       // date, amount, currency, description, category, reference
		bad   map[int]string
		fails string
	}{
		"01-debit-column-refund.csv": {lines: []string{
			"2026-09-03T00:00|-89.9||Hardware store||", "2026-09-07T00:00|24.9||Hardware store refund||",
			"2026-09-15T00:00|-52.1||Petrol station||", "2026-09-20T00:00|117.1||Payment received||"}},
		"03-card-positive-purchases.csv": {asks: []string{"inverted"}, set: func(m *Mapping) { m.Inverted = true }, lines: []string{
			"2026-09-03T00:00|-41.17||CORNER GROCER|Groceries|", "2026-09-06T00:00|-12||TRAM TICKETS|Travel|",
			"2026-09-14T00:00|-8.45||PHARMACY NORTH|Health|", "2026-09-21T00:00|61.62||INTERNET PAYMENT - THANK YOU|Payments|"}},
		"05-sept.csv": {lines: []string{
			"2026-08-28T00:00|-3.2||Baker||", "2026-08-31T00:00|1900||Salary||", "2026-09-01T00:00|-870||Rent||",
			"2026-09-04T00:00|-12||Tram tickets||", "2026-09-30T00:00|1900||Salary||"}},
		"06-windows-1250.csv": {lines: []string{"2026-09-03T00:00|-250||Řeznictví U Šťávy||", "2026-09-05T00:00|-80||Žluťoučká čajovna||"}},
		"07-only-credits-marked.csv": {asks: []string{"inverted"}, set: func(m *Mapping) { m.Inverted = true }, lines: []string{
			"2026-09-12T00:00|-1083.2|GBP|SEA INSURANCE||", "2026-09-11T00:00|-18.8|GBP|RAIL TICKETS||",
			"2026-09-03T00:00|-10|GBP|MUSEUM SHOP||", "2026-09-02T00:00|1000|GBP|PAYMENT RECEIVED - THANK YOU||"}},
		"08-unquoted-thousands.csv":      {lines: []string{"2026-09-01T00:00|-25||Opening gift||"}, bad: map[int]string{3: "6 columns where 4", 4: "6 columns", 5: "5 columns"}},
		"08b-unquoted-comma-in-text.csv": {lines: []string{"2026-09-01T00:00|-25||Opening gift||"}, bad: map[int]string{3: "5 columns where 4"}},
		"12-lakh.csv": {asks: []string{}, lines: []string{
			"2026-09-01T00:00|185000||SALARY SEP||", "2026-09-05T00:00|-450||UPI-GROCER||", "2026-09-14T00:00|-35000||RENT||"}},
		"13-second-date-taken-for-amount.csv": {lines: []string{
			"2026-09-28T00:00|-9500|CZK|Nájem||", "2026-09-28T00:00|-421.5|CZK|Potraviny||"}},
		"14-dollar-before-bracket.csv": {lines: []string{
			"2026-09-03T00:00|400||Pay||", "2026-09-04T00:00|-12.34||Restaurant||", "2026-09-05T00:00|-30||Grocer||",
			"2026-09-06T00:00|-3||Kiosk||", "2026-09-07T00:00|-1030||Tram||"}},
		"15-side-in-transaction-type.csv": {lines: []string{
			"2026-09-24T00:00|-41.17||Corner Grocer|Groceries|", "2026-09-21T00:00|61.62||Payment|Credit Card Payment|",
			"2026-09-03T00:00|-12||Tram|Public Transportation|"}},
		"16-fee-beside-amount.csv": {lines: []string{
			"2026-09-04T08:00|-20|EUR|Corner Grocer||", "2026-09-05T12:00|-50|EUR|Cash||", "2026-09-05T12:00|-1|EUR|Fee: Cash||",
			"2026-09-07T09:00|-40|EUR|To USD||", "2026-09-07T09:00|-0.2|EUR|Fee: To USD||"}, bad: map[int]string{4: "REVERTED"}},
		"23-cr-dr-mixed-case.csv": {lines: []string{
			"2026-09-03T00:00|-450||Grocer||", "2026-09-04T00:00|2000||Salary||", "2026-09-15T00:00|-900||Rent||"}},
		"25-excel-equals.csv": {lines: []string{"2026-09-03T00:00|-45||Grocer||000123", "2026-09-14T00:00|2000||Salary||000124"}},
		"26-offset-times.csv": {asks: []string{}, lines: []string{
			"2026-08-31T23:30|-3.2|GBP|Kiosk|eating_out|tx_1", "2026-09-01T12:34|-10|GBP|Shop|general|tx_2"}},
		"27-two-accounts-in-one-csv.csv": {asks: []string{"inverted", "account"}, set: func(m *Mapping) { m.Account = "Savings Two" }, lines: []string{
			"2026-09-05T00:00|475.8||Transfer in||", "2026-09-28T00:00|-100||Transfer out||"}},
		"28-own-account-as-description.csv": {lines: []string{
			"2026-09-01T00:00|-2.56||Bakker Zon factuur 41||", "2026-09-09T00:00|750||Werkgever salaris||", "2026-09-19T00:00|-18.9||Groentenboer kaart||"}},
		"30-debit-credit-in-french.csv": {lines: []string{"2026-03-31T00:00|-900||Loyer||", "2026-04-27T00:00|4000||Salaire||"}},
		"52-utf16-without-bom.csv":      {lines: []string{"2026-09-03T00:00|-320||Pékség||", "2026-09-14T00:00|400000||Fizetés||"}},
	} {
		t.Run(file, func(t *testing.T) {
			raw := open(t, "banks/"+file)
			p, err := Detect(CSV, bytes.NewReader(raw))
			require.NoError(t, err)
			require.ElementsMatch(t, c.asks, fields(p), "%v %+v", p.Ambiguities, p.Mapping)
			if c.set != nil {
				c.set(&p.Mapping)
			}
			lines, bad, err := Parse(CSV, bytes.NewReader(raw), p.Mapping)
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err, "%+v", p.Mapping)
			require.Equal(t, c.lines, shown(lines), "%+v %v", p.Mapping, bad)
			requireBad(t, c.bad, bad)
		})
	}
}

// What a hostile sample costs grows with its cells, not with cells times layouts' preparations.
func BenchmarkDetectOfManyDates(b *testing.B) {
	raw := []byte(strings.Repeat(strings.Repeat("2026-01-13,", 190)+"\n", 100))
	for b.Loop() {
		_, err := Detect(CSV, bytes.NewReader(raw))
		require.NoError(b, err)
	}
}
