package statement

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/money"
)

// sound checks what every caller relies on, whatever the file.
func sound(t *testing.T, lines []Line, bad []Bad) {
	for _, l := range lines {
		require.Positive(t, l.Number)
		require.False(t, l.Amount.IsZero())
		again, err := money.Parse(money.Format(l.Amount.Abs()))
		require.NoError(t, err)
		require.True(t, again.Equal(l.Amount.Abs()), "%s is the ledger's amount", l.Amount)
		require.True(t, l.At.Year() >= firstYear && l.At.Year() <= lastYear)
		require.LessOrEqual(t, utf8.RuneCountInString(l.Description), MaxText)
		for _, text := range []string{l.Description, l.Category, l.Reference} {
			require.True(t, utf8.ValidString(text) && !strings.Contains(text, "\x00"))
		}
		require.True(t, l.Currency == "" || money.ValidCurrency(l.Currency))
	}
	for _, b := range bad {
		require.Positive(t, b.Number)
		require.NotEmpty(t, b.Reason)
	}
	require.Len(t, Fingerprints(lines), len(lines))
}

func FuzzCSV(f *testing.F) {
	for _, name := range []string{"girokonto.csv", "girokonto-1252.csv", "checking.csv", "bare.csv"} {
		f.Add(open(f, name))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := Detect(CSV, bytes.NewReader(raw))
		if err != nil {
			return
		}
		lines, bad, err := Parse(CSV, bytes.NewReader(raw), p.Mapping)
		if len(p.Ambiguities) == 0 {
			require.NoError(t, err, "a proposal without doubts can be used")
		}
		sound(t, lines, bad)
	})
}

func FuzzOFX(f *testing.F) {
	f.Add(open(f, "bank.ofx"))
	f.Add(open(f, "card.ofx"))
	f.Add(open(f, "11-no-ofx-root.qfx"))
	f.Add(open(f, "21-ofx-comma-and-thousands.ofx"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		lines, bad, _ := Parse(OFX, bytes.NewReader(raw), Mapping{})
		sound(t, lines, bad)
	})
}

func FuzzQIF(f *testing.F) {
	f.Add(open(f, "quicken.qif"), "")
	f.Add(open(f, "20b-qif-yyyymmdd.qif"), "")
	f.Add([]byte("D1.2.26\nT1,00\n^"), "DD.MM.YYYY")
	f.Fuzz(func(t *testing.T, raw []byte, layout string) {
		_, _ = Detect(QIF, bytes.NewReader(raw))
		lines, bad, _ := Parse(QIF, bytes.NewReader(raw), Mapping{DateLayout: layout})
		sound(t, lines, bad)
	})
}

// Whatever way a sum is written in, the same sum is read.
func FuzzAmountsRoundTrip(f *testing.F) {
	f.Add(int64(123456789), uint8(0))
	f.Add(int64(-5), uint8(3))
	f.Add(int64(99999999999999999), uint8(6))
	f.Fuzz(func(t *testing.T, units int64, way uint8) {
		amount := decimal.New(units%100_000_000_000_000_000, -4)
		if amount.IsZero() {
			return
		}
		whole, fraction, _ := strings.Cut(amount.Abs().StringFixed(4), ".")
		mark, between := ".", []string{"", ",", " ", "'"}[way%4]
		if way&4 != 0 {
			mark, between = ",", strings.ReplaceAll(between, ",", ".")
		}
		for i := len(whole) - 3; i > 0 && between != ""; i -= 3 {
			whole = whole[:i] + between + whole[i:]
		}
		text := whole + mark + fraction
		if amount.IsNegative() {
			text = []string{"-" + text, text + "-", "(" + text + ")", text + " S"}[way/8%4]
		}
		read, _, err := parseAmount(text, mark)
		require.NoError(t, err, text)
		require.True(t, read.Equal(amount), "%s was read as %s, is %s", text, read, amount)
	})
}

func FuzzCAMT(f *testing.F) {
	f.Add([]byte(camt(camtAccountOf + balance("OPBD", "1", "CRDT") + balance("CLBD", "0", "CRDT") + entry("1.00", "DBIT", details("<TxDtls><RmtInf><Ustrd>a</Ustrd></RmtInf></TxDtls>")))))
	f.Fuzz(func(t *testing.T, raw []byte) {
		lines, bad, _ := Parse(CAMT, bytes.NewReader(raw), Mapping{})
		sound(t, lines, bad)
	})
}

func FuzzMT940(f *testing.F) {
	f.Add([]byte(":20:A\n:25:1\n:28C:1\n:60F:C260930EUR0,\n:61:2609300930DR12,34N005NONREF//B7\n:86:177?00X?20SVWZ+a?32b\n:62F:D260930EUR12,34\n-\n"))
	f.Add([]byte("{1:F}{4:\n:20:A\n:25:1\n:61:2612310102RC1,NTRFX\nmore\n:86:/NAME/a/REMI/USTD//b/\n-}"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		lines, bad, _ := Parse(MT940, bytes.NewReader(raw), Mapping{})
		sound(t, lines, bad)
	})
}
