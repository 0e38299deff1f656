package statement

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// plainLines shows what tests of signs look at.
func plainLines(lines []Line) (out []string) {
	for _, l := range lines {
		out = append(out, l.At.Format(time.DateOnly)+" "+l.Amount.String())
	}
	return out
}

func TestWhatTellsTheSideIsAskedAbout(t *testing.T) {
	for name, c := range map[string]struct {
		file  string
		asks  []string
		set   func(*Mapping)
		lines []string // by the answer
		bad   map[int]string
	}{
		"a card's kinds": {
			"Date,Description,Type,Amount\n2026-09-13,A,Purchase,41.17\n2026-09-14,B,Payment,61.62\n2026-09-15,C,Refund,5.00\n",
			[]string{"direction"}, nil, []string{"2026-09-13 -41.17", "2026-09-14 61.62", "2026-09-15 5"}, nil},
		"an account's kinds: a payment goes out": {
			"Date,Description,Type,Amount\n2026-09-13,A,Deposit,41.17\n2026-09-14,B,Payment,61.62\n",
			[]string{"direction"}, nil, []string{"2026-09-13 41.17", "2026-09-14 -61.62"}, nil},
		"kinds in German, one unknown": {
			"Datum;Text;Umsatzart;Betrag\n13.09.2026;A;Kartenzahlung;41,17\n14.09.2026;B;Gutschrift;61,62\n15.09.2026;C;Sonstiges;5,00\n",
			[]string{"direction"}, nil, []string{"2026-09-13 -41.17", "2026-09-14 61.62"}, map[int]string{4: "says neither debit nor credit"}},
		"signs beside kinds that agree": {
			"Date,Description,Type,Amount\n2026-09-13,A,Sale,-41.17\n2026-09-14,B,Payment,61.62\n",
			nil, nil, []string{"2026-09-13 -41.17", "2026-09-14 61.62"}, nil},
		"as many payments as purchases": {
			"Date,Description,Amount\n2026-09-13,SHOP,41.17\n2026-09-21,PAYMENT - THANK YOU,-41.17\n",
			[]string{"inverted"}, func(m *Mapping) { m.Inverted = true }, []string{"2026-09-13 -41.17", "2026-09-21 41.17"}, nil},
		"a side that its sign contradicts": {
			"Date,Description,Amount,Debit/Credit\n2026-09-13,A,-41.17,Debit\n2026-09-14,B,61.62,Credit\n2026-09-15,C,5.00,Credit\n2026-09-16,D,-5.00,Credit\n",
			nil, nil, []string{"2026-09-13 -41.17", "2026-09-14 61.62", "2026-09-15 5"}, map[int]string{5: `contradicts the other lines`}},
		"a minus alone in a debit column, a refund": {
			"Date,Description,Debit,Credit\n2026-09-07,B,-24.90,\n2026-09-20,D,,117.10\n",
			[]string{"minus"}, func(m *Mapping) { m.Minus = MinusOpposite }, []string{"2026-09-07 24.9", "2026-09-20 117.1"}, nil},
		"a minus alone in a debit column, as it is written": {
			"Data;Opis;Obciążenia;Uznania\n13.09.2026;A;-900,00;\n14.09.2026;B;;4000,00\n",
			[]string{"minus"}, func(m *Mapping) { m.Minus = MinusColumn }, []string{"2026-09-13 -900", "2026-09-14 4000"}, nil},
		"a minus alone in a credit column, a reversal": {
			"Date,Description,Debit,Credit\n2026-09-07,B,24.90,\n2026-09-20,D,,(117.10)\n",
			[]string{"minus"}, func(m *Mapping) { m.Minus = MinusOpposite }, []string{"2026-09-07 -24.9", "2026-09-20 -117.1"}, nil},
		"three minuses show how the column is written": {
			"Date,Description,Debit,Credit\n2026-09-07,B,-24.90,\n2026-09-08,B,-2.90,\n2026-09-09,B,-4.90,\n2026-09-20,D,,117.10\n",
			nil, nil, []string{"2026-09-07 -24.9", "2026-09-08 -2.9", "2026-09-09 -4.9", "2026-09-20 117.1"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Detect(CSV, strings.NewReader(c.file))
			require.NoError(t, err)
			require.Equal(t, c.asks, fields(p), "%v", p.Ambiguities)
			if c.set != nil {
				c.set(&p.Mapping)
			}
			lines, bad, err := Parse(CSV, strings.NewReader(c.file), p.Mapping)
			require.NoError(t, err)
			require.Equal(t, c.lines, plainLines(lines))
			requireBad(t, c.bad, bad)
		})
	}
}

func TestSumsAmongTheRowsAreTold(t *testing.T) {
	for name, c := range map[string]struct {
		file  string
		lines []string
		bad   map[int]string
	}{
		"the last row sums debits up": {"Date,Description,Debit,Credit\n13/09/2026,A,1.00,\n14/09/2026,B,,2.00\n30/09/2026,Total,1.00,\n",
			[]string{"2026-09-13 -1", "2026-09-14 2"}, map[int]string{4: "is the sum of other lines"}},
		"the first row sums all up": {"Date,Description,Amount\n2026-09-30,TOTAL,-4.00\n2026-09-13,A,-1.00\n2026-09-14,B,-3.00\n",
			[]string{"2026-09-13 -1", "2026-09-14 -3"}, map[int]string{2: "is the sum of other lines"}},
		"a word that is no shop's": {"Datum;Text;Betrag\n13.09.2026;A;-1,00\n14.09.2026;B;-3,00\n30.09.2026;Gesamtsumme;-9,00\n",
			[]string{"2026-09-13 -1", "2026-09-14 -3"}, map[int]string{4: "is a sum and no movement"}},
		"Total sells petrol": {"Date,Description,Amount\n2026-09-13,A,-1.00\n2026-09-14,Total,-43.00\n2026-09-15,B,-3.00\n2026-09-16,Total,-51.20\n",
			[]string{"2026-09-13 -1", "2026-09-14 -43", "2026-09-15 -3", "2026-09-16 -51.2"}, nil},
		"合計": {"日付,内容,金額\n2026/09/13,A,-100\n2026/09/14,B,-200\n2026/09/14,合計,-300\n",
			[]string{"2026-09-13 -100", "2026-09-14 -200"}, map[int]string{4: "is a sum and no movement"}},
	} {
		t.Run(name, func(t *testing.T) {
			lines, bad, err := proposed(t, c.file)
			require.NoError(t, err)
			require.Equal(t, c.lines, plainLines(lines))
			requireBad(t, c.bad, bad)
		})
	}
}

func ofxOf(transactions ...string) string {
	text := "<OFX><CURDEF>EUR<BANKTRANLIST>"
	for i, t := range transactions {
		kind, amount, _ := strings.Cut(t, " ")
		text += "<STMTTRN><TRNTYPE>" + kind + "<DTPOSTED>2026090" + string(rune('1'+i)) + "<TRNAMT>" + amount + "<NAME>A</STMTTRN>\n"
	}
	return text + "</BANKTRANLIST></OFX>"
}

func TestOFXTypesThatContradictSigns(t *testing.T) {
	for name, c := range map[string]struct {
		file     string
		proposed Column // empty: nothing is asked
		byType   []string
		bySign   []string
		unsaid   int // lines that are refused where nothing is answered
	}{
		"no amount has a minus": {ofxOf("DEBIT 1.56", "CREDIT 9.00", "POS 3.00"), OFXType,
			[]string{"2026-09-01 -1.56", "2026-09-02 9", "2026-09-03 -3"}, []string{"2026-09-01 1.56", "2026-09-02 9", "2026-09-03 3"}, 2},
		"purchases by card alone, without a minus": {ofxOf("POS 1.56", "ATM 9.00"), OFXType,
			[]string{"2026-09-01 -1.56", "2026-09-02 -9"}, []string{"2026-09-01 1.56", "2026-09-02 9"}, 2},
		"a card's signs are turned": {ofxOf("DEBIT 1.56", "CREDIT -9.00"), OFXSign,
			[]string{"2026-09-01 -1.56", "2026-09-02 9"}, []string{"2026-09-01 1.56", "2026-09-02 -9"}, 2},
		"one contradicts": {ofxOf("DEBIT -1.56", "DEBIT 9.00"), OFXSign,
			[]string{"2026-09-01 -1.56", "2026-09-02 -9"}, []string{"2026-09-01 -1.56", "2026-09-02 9"}, 1},
		"a purchase is taken back": {ofxOf("POS -1.56", "POS 1.56", "PAYMENT 4.00", "OTHER 2.00"), "", nil,
			[]string{"2026-09-01 -1.56", "2026-09-02 1.56", "2026-09-03 4", "2026-09-04 2"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Detect(OFX, strings.NewReader(c.file))
			require.NoError(t, err)
			require.Equal(t, c.proposed, p.Mapping.Direction)
			require.Equal(t, c.proposed != "", len(p.Ambiguities) == 1, "%v", p.Ambiguities)
			_, bad, err := Parse(OFX, strings.NewReader(c.file), Mapping{})
			require.NoError(t, err)
			require.Len(t, bad, c.unsaid)
			for direction, want := range map[Column][]string{OFXType: c.byType, OFXSign: c.bySign} {
				lines, bad, err := Parse(OFX, strings.NewReader(c.file), Mapping{Direction: direction})
				require.NoError(t, err)
				require.Empty(t, bad)
				if want != nil {
					require.Equal(t, want, plainLines(lines))
				}
			}
			_, _, err = Parse(OFX, strings.NewReader(c.file), Mapping{Direction: "Type"})
			require.ErrorContains(t, err, "direction")
		})
	}
}

func TestOFXDatesAgainstTheFormat(t *testing.T) {
	for date, want := range map[string]string{
		"2026/09/03": "2026-09-03", "2026-09-03": "2026-09-03", "2026.09.03": "2026-09-03", "2026-09-03T23:30:00": "2026-09-03",
		"2026-09-03T23:30:00+02:00": "2026-09-03", "2026-09-03 23:30": "2026-09-03", "03/09/2026": "", "2026/13/03": "",
	} {
		lines, bad, err := Parse(OFX, strings.NewReader("<OFX><CURDEF>EUR<STMTTRN><DTPOSTED>"+date+"<TRNAMT>-1.56<NAME>A</STMTTRN></OFX>"), Mapping{})
		require.NoError(t, err)
		if want == "" {
			require.Len(t, bad, 1, date)
			continue
		}
		require.Equal(t, []string{want + " -1.56"}, plainLines(lines), date)
	}
}

func TestOFXThatClosesNothing(t *testing.T) {
	lines, bad, err := Parse(OFX, strings.NewReader("<OFX>\n<STMTTRN>\n<DTPOSTED>20260910\n<TRNAMT>-18.01\n<NAME>A\n<STMTTRN>\n<DTPOSTED>20260911\n<TRNAMT>-1.01\n<NAME>B\n</OFX>"), Mapping{})
	require.NoError(t, err)
	require.Empty(t, bad)
	require.Equal(t, []string{"2026-09-10 -18.01", "2026-09-11 -1.01"}, plainLines(lines))
}

func TestACurrencyOfTheHeaderIsTheAmounts(t *testing.T) {
	for header, want := range map[string]string{
		"Date;Text;Amount (USD)": "USD", "Date;Text;Betrag (€)": "EUR", "Date;Text;Amount": "", "Date;Text;Kwota PLN": "PLN",
	} {
		lines, bad, err := proposed(t, header+"\n2026-09-13;A;-1.00\n")
		require.NoError(t, err)
		require.Empty(t, bad)
		require.Equal(t, want, lines[0].Currency, header)
	}
	lines, _, err := proposed(t, "Date;Text;Debit (USD);Credit (USD)\n2026-09-13;A;1.00;\n")
	require.NoError(t, err)
	require.Equal(t, "USD", lines[0].Currency)
	lines, bad, err := proposed(t, "Date;Text;Amount (USD);Currency\n2026-09-13;A;-1.00;CHF\n2026-09-14;A;-1.00;USD\n")
	require.NoError(t, err)
	require.Equal(t, []string{"2026-09-14 -1"}, plainLines(lines))
	requireBad(t, map[int]string{2: "two currencies"}, bad)
}

// A preview shows the first rows and decides by all of them: that the account is a card's
// may show late.
func TestWhatSettlesTheSideMayComeLate(t *testing.T) {
	for name, c := range map[string]struct {
		late, asks string
		payment    string
	}{
		"nothing but deposits and payments: an account": {"", `out with "Payment", in with "Deposit"`, "2026-09-13 -1"},
		"one purchase at the end: a card":               {"2026-09-15,X,Purchase,3.00\n", `out with "Purchase", in with "Payment", "Deposit"`, "2026-09-13 1"},
	} {
		t.Run(name, func(t *testing.T) {
			file := "Date,Description,Type,Amount\n" + strings.Repeat("2026-09-13,A,Payment,1.00\n2026-09-14,B,Deposit,2.00\n", 1+sampleRows/2) + c.late
			p, err := Detect(CSV, strings.NewReader(file))
			require.NoError(t, err)
			require.Equal(t, []string{"direction"}, fields(p))
			require.Contains(t, p.Ambiguities[0].Reason, c.asks)
			lines, bad, err := Parse(CSV, strings.NewReader(file), p.Mapping)
			require.NoError(t, err)
			require.Empty(t, bad)
			require.Equal(t, c.payment, plainLines(lines)[0], "as the question said")
		})
	}
}
