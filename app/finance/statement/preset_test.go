package statement

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnswersAreRecalled(t *testing.T) {
	const (
		unclear  = "Date,Text,Amount\n01/02/2026,A,-1.00\n03/04/2026,B,-2.00\n"
		other    = "Date,Text,Amount\n05/06/2026,C,-3.00\n"
		european = "Date,Text,Amount\n25/06/2026,C,-3.00\n"
		american = "Date,Text,Amount\n06/25/2026,C,-3.00\n"
		card     = "Date,Text,Amount\n2026-02-25,A,1.00\n2026-02-26,B,2.00\n"
		refunds  = "Date,Text,Amount\n2026-03-25,A,-1.00\n2026-03-26,B,-2.00\n2026-03-27,B,3.00\n"
		accounts = "Account,Date,Text,Amount\nA,2026-02-25,x,-1.00\nB,2026-02-26,y,-2.00\n"
		renamed  = "Account,Date,Text,Amount\nC,2026-02-25,x,-1.00\nB,2026-02-26,y,-2.00\n"
	)
	byMonth := func(m *Mapping) { m.DateLayout = "MM/DD/YYYY" }
	for name, c := range map[string]struct {
		first  string
		answer func(*Mapping)
		second string
		open   []Field // of the second file
		want   func(*Mapping)
	}{
		"the same question":                    {unclear, byMonth, other, nil, byMonth},
		"as proposed":                          {unclear, func(*Mapping) {}, other, nil, func(*Mapping) {}},
		"the file agrees":                      {unclear, byMonth, american, nil, byMonth},
		"the file contradicts":                 {unclear, byMonth, european, []Field{AskDateLayout}, func(m *Mapping) { m.DateLayout = "DD/MM/YYYY" }},
		"signs":                                {card, func(m *Mapping) { m.Inverted = true }, card, nil, func(m *Mapping) { m.Inverted = true }},
		"signs that the next file contradicts": {card, func(m *Mapping) { m.Inverted = true }, refunds, []Field{AskInverted}, func(*Mapping) {}},
		"an account":                           {accounts, func(m *Mapping) { m.Account = "B" }, renamed, nil, func(m *Mapping) { m.Account = "B" }},
		"an account that is there no more":     {accounts, func(m *Mapping) { m.Account = "A" }, renamed, []Field{AskAccount}, func(*Mapping) {}},
		"other people's accounts":              {accounts, func(m *Mapping) { m.AccountColumn = "-" }, renamed, nil, func(m *Mapping) { m.AccountColumn = "-" }},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Detect(CSV, strings.NewReader(c.first))
			require.NoError(t, err)
			m := p.Mapping
			c.answer(&m)
			kept, err := json.Marshal(p.Answered(m, nil))
			require.NoError(t, err)
			var before Answers
			require.NoError(t, json.Unmarshal(kept, &before))

			next, err := Detect(CSV, strings.NewReader(c.second))
			require.NoError(t, err)
			want := next.Mapping
			c.want(&want)
			next.Doubt(before)
			recalled, answered := next.Recall(before)
			require.Equal(t, want, recalled)
			var open []Field
			for _, a := range next.Open(recalled, answered) {
				open = append(open, a.Field)
			}
			require.Equal(t, c.open, open)
			require.Equal(t, answered, next.Recalled(recalled, before))
			require.Empty(t, next.Recalled(Mapping{}, before), "another mapping repeats nothing")

			// An answer against that of before leaves none.
			learned := next.Answered(next.Mapping, before)
			for _, field := range c.open {
				if field != AskAccount {
					require.NotContains(t, learned, field)
				}
			}
		})
	}
}

func TestAnotherAccountIsDoubted(t *testing.T) {
	ofx := func(account string) string {
		return "<OFX><BANKACCTFROM><ACCTID>" + account + "</BANKACCTFROM><STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261103<TRNAMT>-1.00<FITID>a" + account + "<NAME>A</STMTTRN>"
	}
	both, err := Detect(OFX, strings.NewReader(ofx("1")+ofx("2")))
	require.NoError(t, err)
	m := both.Mapping
	m.Account = "1"
	before := both.Answered(m, nil)
	for account, open := range map[string]int{"1": 0, "2": 1} {
		p, err := Detect(OFX, strings.NewReader(ofx(account)))
		require.NoError(t, err)
		p.Doubt(before)
		mapping, answered := p.Recall(before)
		require.Len(t, p.Open(mapping, answered), open, account)
	}
}
