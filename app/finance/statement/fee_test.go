package statement

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFeesBesideAmounts(t *testing.T) {
	const head = "Date,Description,Amount,Fee,Currency,Balance\n"
	for name, c := range map[string]struct {
		file  string
		asks  []Field
		mode  string
		lines string // amounts, of fees with an f
		bad   int
	}{
		"the balance moves by both": {head + "2026-09-01,a,-20.00,0.00,EUR,180.00\n2026-09-02,b,-50.00,1.00,EUR,129.00\n2026-09-03,c,-40.00,0.20,EUR,88.80\n",
			nil, FeeAdded, "-20 -50 f-1 -40 f-0.2 ", 0},
		"the balance moves by the amount": {head + "2026-09-01,a,-20.00,0.00,EUR,180.00\n2026-09-02,b,-51.00,1.00,EUR,129.00\n2026-09-03,c,-40.20,0.20,EUR,88.80\n",
			nil, FeeIncluded, "-20 -50 f-1 -40 f-0.2 ", 0},
		"the newest first": {head + "2026-09-03,c,-40.00,0.20,EUR,88.80\n2026-09-02,b,-50.00,1.00,EUR,129.00\n2026-09-01,a,-20.00,0.00,EUR,180.00\n",
			nil, FeeAdded, "-40 f-0.2 -50 f-1 -20 ", 0},
		"of money that came in": {head + "2026-09-01,a,-20.00,0.00,EUR,180.00\n2026-09-02,b,50.00,1.00,EUR,229.00\n2026-09-03,c,-40.00,0.00,EUR,189.00\n",
			nil, FeeAdded, "-20 50 f-1 -40 ", 0},
		"a fee that was given back": {head + "2026-09-01,a,-20.00,0.50,EUR,180.00\n2026-09-02,b,-50.00,1.00,EUR,129.00\n2026-09-03,c,-40.00,-0.50,EUR,89.50\n",
			nil, FeeAdded, "-20 f-0.5 -50 f-1 -40 f0.5 ", 0},
		"fees with a minus": {head + "2026-09-01,a,-20.00,0.00,EUR,180.00\n2026-09-02,b,-50.00,-1.00,EUR,129.00\n2026-09-03,c,-40.00,-0.20,EUR,88.80\n",
			nil, FeeAdded, "-20 -50 f-1 -40 f-0.2 ", 0},
		"a row that is a fee alone": {head + "2026-09-01,a,-20.00,0.00,EUR,180.00\n2026-09-02,b,-1.00,1.00,EUR,179.00\n2026-09-03,c,-40.20,0.20,EUR,138.80\n",
			nil, FeeIncluded, "-20 f-1 -40 f-0.2 ", 0},
		"gross, fee and net": {"Date,Name,Amount,Fee,Net\n2026-09-01,a,100.00,-3.20,96.80\n2026-09-02,b,-50.00,0.00,-50.00\n",
			nil, FeeAdded, "100 f-3.2 -50 ", 0},
		"net, fee and gross": {"Date,Name,Amount,Fee,Gross\n2026-09-01,a,96.80,-3.20,100.00\n2026-09-02,b,-50.00,0.00,-50.00\n",
			nil, FeeIncluded, "100 f-3.2 -50 ", 0},
		"nothing tells": {"Date,Description,Amount,Commission\n2026-09-13,A,-10.00,0.50\n2026-09-14,B,-20.00,0.00\n",
			[]Field{AskFeeMode}, FeeAdded, "-10 f-0.5 -20 ", 0},
		"rows tell both": {head + "2026-09-01,a,-20.00,0.00,EUR,180.00\n2026-09-02,b,-50.00,1.00,EUR,129.00\n2026-09-03,c,-40.20,0.20,EUR,88.80\n",
			[]Field{AskFeeMode}, FeeAdded, "-20 -50 f-1 -40.2 f-0.2 ", 0},
		"a fee that is no number": {"Date,Description,Amount,Fee\n2026-09-13,A,-10.00,0.50\n2026-09-14,B,-20.00,free\n",
			[]Field{AskFeeMode}, FeeAdded, "-10 f-0.5 ", 1},
		"no fee at all": {head + "2026-09-01,a,-20.00,0.00,EUR,180.00\n", nil, "", "-20 ", 0},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Detect(CSV, strings.NewReader(c.file))
			require.NoError(t, err)
			var asks []Field
			for _, a := range p.Ambiguities {
				asks = append(asks, a.Field)
			}
			require.Equal(t, c.asks, asks, "%v", p.Ambiguities)
			require.Equal(t, c.mode, p.Mapping.FeeMode)
			lines, bad, err := Parse(CSV, strings.NewReader(c.file), p.Mapping)
			require.NoError(t, err)
			got := ""
			for _, l := range lines {
				if l.Fee {
					got += "f"
					require.True(t, strings.HasPrefix(l.Description, "Fee: "))
				}
				got += fmt.Sprint(l.Amount, " ")
			}
			require.Equal(t, c.lines, got)
			require.Len(t, bad, c.bad, "%v", bad)

			if c.mode == "" {
				return
			}
			m := p.Mapping
			m.Fee, m.FeeMode = "-", ""
			require.Empty(t, p.Open(m, nil))
			lines, _, err = Parse(CSV, strings.NewReader(c.file), m)
			require.NoError(t, err)
			for _, l := range lines {
				require.False(t, l.Fee)
			}
		})
	}
}

func TestFeesNeedToBeSaidHow(t *testing.T) {
	m := Mapping{Delimiter: ",", Date: "Date", DateLayout: "YYYY-MM-DD", Amount: "Amount", DecimalMark: ".", Fee: "Fee"}
	_, _, err := Parse(CSV, strings.NewReader("Date,Amount,Fee\n2026-09-13,-10.00,0.50\n"), m)
	require.ErrorContains(t, err, "feeMode")
}
