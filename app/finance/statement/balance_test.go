package statement

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRunningBalances(t *testing.T) {
	for name, c := range map[string]struct {
		rows []string // day, amount, balance
		bad  map[int]string
	}{
		"the oldest first":          {[]string{"1,-5.00,95.00", "2,-10.00,85.00", "3,20.00,105.00", "4,-1.00,104.00"}, nil},
		"the newest first":          {[]string{"4,-1.00,104.00", "3,20.00,105.00", "2,-10.00,85.00", "1,-5.00,95.00"}, nil},
		"what is owed on a card":    {[]string{"1,-5.00,105.00", "2,-10.00,115.00", "3,20.00,95.00", "4,-1.00,96.00"}, nil},
		"a wrong amount":            {[]string{"1,-5.00,95.00", "2,-10.00,85.00", "3,2.00,105.00", "4,-1.00,104.00"}, map[int]string{4: "moves by 20.00, and the amount is read as 2.00"}},
		"the newest first, wrong":   {[]string{"4,-1.00,104.00", "3,2.00,105.00", "2,-10.00,85.00", "1,-5.00,95.00"}, map[int]string{3: "moves by 20.00"}},
		"the last is wrong":         {[]string{"1,-5.00,95.00", "2,-10.00,85.00", "3,20.00,105.00", "4,-100.00,104.00"}, map[int]string{5: "moves by -1.00"}},
		"a day in another order":    {[]string{"1,-5.00,95.00", "3,20.00,105.00", "3,-10.00,85.00", "4,-1.00,104.00", "5,-1.00,103.00", "6,-1.00,102.00", "7,-1.00,101.00", "8,-1.00,100.00", "9,-1.00,99.00", "9,-2.00,97.00"}, nil},
		"a row that is not read":    {[]string{"1,-5.00,95.00", "2,x,85.00", "3,20.00,105.00", "4,-1.00,104.00"}, map[int]string{3: "not an amount"}},
		"a balance of another kind": {[]string{"1,-5.00,7.00", "2,-10.00,7.00", "3,20.00,7.00", "4,-1.00,9.00"}, nil},
		"too few rows to tell":      {[]string{"1,-5.00,95.00", "2,-1.00,85.00"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			text := "Date,Text,Amount,Balance\n"
			for _, row := range c.rows {
				day, rest, _ := strings.Cut(row, ",")
				text += "2026-09-0" + day + ",a," + rest + "\n"
			}
			m := Mapping{Delimiter: ",", Date: "Date", DateLayout: "YYYY-MM-DD", Amount: "Amount", DecimalMark: ".", Description: []Column{"Text"}}
			lines, bad, err := Parse(CSV, strings.NewReader(text), m)
			require.NoError(t, err)
			require.Len(t, lines, len(c.rows)-len(c.bad))
			requireBad(t, c.bad, bad)
		})
	}
}
