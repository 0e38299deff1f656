package statement

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const twoAccounts = "Account,Date,Text,Amount\nA 1,2026-09-13,Bakery,-1.00\nB 2,2026-09-14,Grocer,-2.00\nA 1,2026-09-15,Pay,300.00\n,2026-09-16,Nobody's,-4.00\nA 1,2026-09-31,No day,-1.00\nB 2,2026-09-31,No day,-1.00\n"

func TestAnAccountOfACSVIsChosen(t *testing.T) {
	p, err := Detect(CSV, strings.NewReader(twoAccounts))
	require.NoError(t, err)
	require.Equal(t, Column("Account"), p.Mapping.AccountColumn)
	open := p.Open(p.Mapping, nil)
	require.Len(t, open, 1)
	asked := open[0]
	require.Equal(t, AskAccount, asked.Field)
	require.Equal(t, []string{"A 1", "B 2"}, asked.Choices)
	_, _, err = Parse(CSV, strings.NewReader(twoAccounts), p.Mapping)
	require.ErrorContains(t, err, "A 1, B 2: choose whose movements are meant")

	for name, c := range map[string]struct {
		change func(*Mapping)
		file   string
		lines  int
		bad    []int // their lines
		fails  string
	}{
		"one":                   {func(m *Mapping) { m.Account = "A 1" }, twoAccounts, 2, []int{5, 6}, ""},
		"the other":             {func(m *Mapping) { m.Account = "B 2" }, twoAccounts, 1, []int{5, 7}, ""},
		"one that is not there": {func(m *Mapping) { m.Account = "C 3" }, twoAccounts, 0, nil, "holds A 1, B 2"},
		"the column is found":   {func(m *Mapping) { m.Account, m.AccountColumn = "A 1", "" }, twoAccounts, 2, []int{5, 6}, ""},
		"an account of none":    {func(m *Mapping) { m.Account, m.AccountColumn = "A 1", "-" }, twoAccounts, 0, nil, "accountColumn"},
		"no column of accounts": {func(m *Mapping) { m.AccountColumn = "-" }, twoAccounts, 4, []int{6, 7}, ""},
		"neither is said":       {func(m *Mapping) { m.AccountColumn = "" }, twoAccounts, 0, nil, "more than one account"},
		"by its place":          {func(m *Mapping) { m.AccountColumn, m.Account = "#1", "B 2" }, twoAccounts, 1, []int{5, 7}, ""},
		"a table for each": {func(m *Mapping) { m.Account = "B 2" },
			"Account,Date,Text,Amount\nA 1,2026-09-13,Bakery,-1.00\nAccount,Date,Text,Amount\nB 2,2026-09-14,Grocer,-2.00\n", 1, nil, ""},
		"accounts of one name": {func(m *Mapping) { m.Account, m.AccountColumn = "Savings", "Account name" },
			"Account name,Account number,Date,Text,Amount\nSavings,1,2026-09-13,Bakery,-1.00\nSavings,2,2026-09-14,Grocer,-2.00\nMain,3,2026-09-14,Grocer,-2.00\n", 0, nil, `name the column "Account number"`},
	} {
		t.Run(name, func(t *testing.T) {
			m := p.Mapping
			c.change(&m)
			lines, bad, err := Parse(CSV, strings.NewReader(c.file), m)
			if c.fails != "" {
				require.ErrorContains(t, err, c.fails)
				return
			}
			require.NoError(t, err)
			require.Len(t, lines, c.lines)
			var numbers []int
			for _, b := range bad {
				numbers = append(numbers, b.Number)
			}
			require.Equal(t, c.bad, numbers)
		})
	}
}

// Of an account's rows the balance follows those of this account, whatever lies between.
func TestTheBalanceOfTheChosenAccountIsFollowed(t *testing.T) {
	file := "Account,Date,Text,Amount,Balance\nA,2026-09-01,a,-1.00,99.00\nB,2026-09-01,b,-5.00,5.00\nA,2026-09-02,c,-2.00,97.00\nB,2026-09-02,d,-1.00,4.00\nA,2026-09-03,e,-3.00,90.00\nB,2026-09-03,f,-1.00,3.00\nA,2026-09-04,g,-4.00,86.00\n"
	lines, bad, err := Parse(CSV, strings.NewReader(file), Mapping{Delimiter: ",", Date: "Date", DateLayout: "YYYY-MM-DD", Amount: "Amount", DecimalMark: ".", AccountColumn: "Account", Account: "A"})
	require.NoError(t, err)
	require.Len(t, lines, 3)
	require.Len(t, bad, 1)
	require.Equal(t, 6, bad[0].Number)
}

func TestWhatMayBeAskedIsAFieldOfTheMapping(t *testing.T) {
	known := map[string]bool{}
	for i := range reflect.TypeFor[Mapping]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Mapping]().Field(i).Tag.Get("json"), ",")
		known[name] = true
	}
	for _, field := range Fields() {
		require.True(t, known[string(field)] || field == AskFile || field == AskAccounts, "%s", field)
	}
}

// A line with more values than columns has another value under the account: it is told,
// and neither dropped as another account's nor an account of its own.
func TestALineOfTooManyValuesIsOfNoAccount(t *testing.T) {
	const two = "Date,Text,Amount,Account number\n2026-09-01,A,-1.00,111\n2026-09-02,B,-2.00,222\n2026-09-03,C, or D,-3.00,111\n2026-09-04,E,-4.00,111\n"
	p, err := Detect(CSV, strings.NewReader(two))
	require.NoError(t, err)
	require.Equal(t, []string{"account"}, fields(p))
	require.Equal(t, []string{"111", "222"}, p.Ambiguities[0].Choices)
	p.Mapping.Account = "111"
	lines, bad, err := Parse(CSV, strings.NewReader(two), p.Mapping)
	require.NoError(t, err)
	require.Equal(t, []string{"2026-09-01 -1", "2026-09-04 -4"}, plainLines(lines))
	requireBad(t, map[int]string{4: "columns"}, bad)

	one := strings.ReplaceAll(two, "222", "111")
	lines, bad, err = proposed(t, one)
	require.NoError(t, err)
	require.Len(t, lines, 3)
	requireBad(t, map[int]string{4: "columns"}, bad)
}
