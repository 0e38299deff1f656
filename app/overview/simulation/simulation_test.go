package simulation

import (
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func of(text string) decimal.Decimal { return decimal.RequireFromString(text) }

func pointer(text string) *decimal.Decimal {
	d := of(text)
	return &d
}

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		in   Input
		want []string // paid in, low, expected, high
	}{
		"a year's return in twelve months": {Input{Initial: of("1000"), Months: 12}, []string{"1000", "1020", "1060", "1090"}},
		"two years compound":               {Input{Initial: of("1000"), Months: 24}, []string{"1000", "1040.4", "1123.6", "1188.1"}},
		"nothing grows at zero":            {Input{Initial: of("10"), Monthly: of("5"), Months: 3, Low: pointer("0"), Expected: pointer("0"), High: pointer("0")}, []string{"25", "25", "25", "25"}},
		// 100 at the end of each month: 100 r / ((1+r)^(1/12) - 1), an annuity.
		"contributions":     {Input{Monthly: of("100"), Months: 12}, []string{"1200", "1210.96", "1232.65", "1248.73"}},
		"the fee comes off": {Input{Initial: of("1000"), Months: 12, Fee: of("1")}, []string{"1000", "1010", "1050", "1080"}},
		"losses":            {Input{Initial: of("1000"), Months: 12, Expected: pointer("-10")}, []string{"1000", "870", "900", "930"}},
		"half a year":       {Input{Initial: of("1000"), Months: 6, Low: pointer("0"), Expected: pointer("21"), High: pointer("21")}, []string{"1000", "1000", "1100", "1100"}},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Run(c.in)
			require.NoError(t, err)
			got := []string{r.PaidIn.String()}
			for _, s := range r.Scenarios {
				got = append(got, s.Final.String())
				require.Equal(t, s.Final.Sub(r.PaidIn).String(), s.Gain.String())
				require.Equal(t, c.in.Months, s.Points[len(s.Points)-1].Month)
			}
			require.Equal(t, c.want, got)
			require.Equal(t, Disclaimer, r.Disclaimer)
		})
	}
}

func TestInflation(t *testing.T) {
	r, err := Run(Input{Initial: of("1000"), Months: 12, Low: pointer("2"), Expected: pointer("2"), High: pointer("2"), Inflation: of("2")})
	require.NoError(t, err)
	require.Equal(t, "1000", r.Scenarios[1].Points[1].Real.String())
}

func TestTheLongestRunStaysExact(t *testing.T) {
	r, err := Run(Input{Initial: of("1000000000000"), Monthly: of("1000000000000"), Months: MaxMonths, Expected: pointer("27"), Inflation: of("30")})
	require.NoError(t, err)
	require.Len(t, r.Scenarios[2].Points, 61)
	require.LessOrEqual(t, r.Scenarios[2].Final.Exponent(), int32(0))
}

func TestBadInput(t *testing.T) {
	good := Input{Initial: of("1"), Months: 1}
	for field, spoil := range map[string]func(*Input){
		"initial":   func(in *Input) { in.Initial = of("-1") },
		"monthly":   func(in *Input) { in.Monthly = of("1000000000001") },
		"months":    func(in *Input) { in.Months = MaxMonths + 1 },
		"fee":       func(in *Input) { in.Fee = of("11") },
		"inflation": func(in *Input) { in.Inflation = of("31") },
		"return":    func(in *Input) { in.Low = pointer("7") },
	} {
		t.Run(field, func(t *testing.T) {
			in := good
			spoil(&in)
			_, err := Run(in)
			var invalid Invalid
			require.ErrorAs(t, err, &invalid)
			require.Equal(t, field, invalid.Field)
		})
	}
}

func TestMonthsTo(t *testing.T) {
	months, ok := MonthsTo(of("1000"), of("0"), of("100"), of("0"))
	require.True(t, ok)
	require.Equal(t, 10, months)
	_, ok = MonthsTo(of("1000"), of("0"), of("0"), of("5"))
	require.False(t, ok)
	months, ok = MonthsTo(of("1000"), of("2000"), of("0"), of("5"))
	require.True(t, ok)
	require.Zero(t, months)
}

func BenchmarkRun(b *testing.B) {
	for b.Loop() {
		if _, err := Run(Input{Initial: of("10000"), Monthly: of("250"), Months: 360}); err != nil {
			b.Fatal(err)
		}
	}
}
