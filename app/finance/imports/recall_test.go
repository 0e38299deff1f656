package imports

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/finance/statement"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

func line(day int, amount, description, reference string) statement.Line {
	return statement.Line{
		At: time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC), Amount: decimal.RequireFromString(amount), Description: description, Reference: reference,
	}
}

func TestDuplicates(t *testing.T) {
	wallet, other := uuid.New(), uuid.New()
	fifty := decimal.RequireFromString("50")
	hand := byHand([]backenddb.EnteredByHandRow{
		{WalletID: wallet, Type: event.Expense, Amount: decimal.RequireFromString("3.2"), Description: "Café: Zoë", OccurredAt: time.Date(2026, 11, 2, 17, 0, 0, 0, time.UTC)},
		{WalletID: other, Type: event.Transfer, Amount: decimal.RequireFromString("54"), ToAmount: &fifty, Description: "Savings", OccurredAt: time.Date(2026, 11, 4, 17, 0, 0, 0, time.UTC)},
		{WalletID: wallet, Type: event.Transfer, Amount: decimal.RequireFromString("10"), OccurredAt: time.Date(2026, 11, 5, 17, 0, 0, 0, time.UTC)},
	}, wallet)
	for name, c := range map[string]struct {
		lines []statement.Line
		want  []string
	}{
		"two coffees are two, one was entered":     {[]statement.Line{line(2, "-3.20", "CAFÉ ZOË", ""), line(2, "-3.20", "Café Zoë", "")}, []string{enteredBefore, ""}},
		"a bank's reference hides nothing":         {[]statement.Line{line(2, "-3.20", "CAFÉ ZOË", "R7")}, []string{enteredBefore}},
		"another day":                              {[]statement.Line{line(3, "-3.20", "Café Zoë", "")}, []string{""}},
		"the other direction":                      {[]statement.Line{line(2, "3.20", "Café Zoë", "")}, []string{""}},
		"what a transfer brought":                  {[]statement.Line{line(4, "50.00", "savings", "")}, []string{enteredBefore}},
		"without a description amounts say little": {[]statement.Line{line(5, "-10", "", "")}, []string{""}},
		"a reference that comes twice":             {[]statement.Line{line(6, "-1", "A", "R1"), line(6, "-1", "A", "R1")}, []string{"", twiceInFile}},
		"imported before":                          {[]statement.Line{line(7, "-1", "A", "R2"), line(8, "-1", "A", "R2")}, []string{importedBefore, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			imported := statement.Fingerprints([]statement.Line{line(7, "-1", "B", "R2")})
			require.Equal(t, c.want, duplicates(c.lines, statement.Fingerprints(c.lines), imported, hand))
		})
	}
}

func TestWhereALineIsFiled(t *testing.T) {
	f := file([]backenddb.FiledRow{ // the latest first
		{Description: "Shell Station 12", Type: event.Expense, Category: "transport", Times: 1},
		{Description: "SHELL STATION", Type: event.Expense, Category: "shopping", Times: 1},
		{Description: "REWE Markt 4711 Berlin", Type: event.Expense, Category: "leisure", Times: 1},
		{Description: "Rewe Markt Köln", Type: event.Expense, Category: "groceries", Times: 2},
		{Description: "Yacht Club", Type: event.Expense, Category: "yachts", Times: 9},
		{Description: "1234567", Type: event.Expense, Category: "leisure", Times: 9},
	}, []backenddb.Category{
		{Slug: "transport", Name: "Transport", Kind: event.Expense}, {Slug: "shopping", Name: "Shopping", Kind: event.Expense},
		{Slug: "groceries", Name: "Food & drink", Kind: event.Expense}, {Slug: "leisure", Name: "Leisure", Kind: event.Expense},
		{Slug: "salary", Name: "Salary", Kind: event.Income},
	})
	for name, c := range map[string]struct {
		line statement.Line
		bank string
		want string
	}{
		"as most often":                       {line(1, "-1", "REWE MARKT Hamburg 0815", ""), "", "groceries"},
		"in the same town as there":           {line(1, "-1", "REWE Markt Berlin", ""), "", "leisure"},
		"of equally often as latest":          {line(1, "-1", "Shell Station", ""), "", "transport"},
		"the merchant before the bank":        {line(1, "-1", "Shell Station", ""), "Leisure", "transport"},
		"as the bank says, by name":           {line(1, "-1", "Lidl", ""), "food & drink", "groceries"},
		"as the bank says, by slug":           {line(1, "-1", "Lidl", ""), "Groceries", "groceries"},
		"not under what is for the other way": {line(1, "-1", "Lidl", ""), "Salary", "other"},
		"money that comes from a shop":        {line(1, "1", "Shell Station", ""), "", "other-income"},
		"not under an archived category":      {line(1, "-1", "Yacht Club", ""), "", "other"},
		"nobody":                              {line(1, "-1", "7654321", ""), "", "other"},
		"nothing":                             {line(1, "1", "", ""), "", "other-income"},
	} {
		t.Run(name, func(t *testing.T) {
			c.line.Category = c.bank
			require.Equal(t, c.want, f.category(c.line))
		})
	}
}

func TestLinesThatAWalletDoesNotTake(t *testing.T) {
	csv := "Date,Payee,Amount,Currency\n2026-11-02,A,-1.00,EUR\n2026-11-02,B,-1.00,USD\n2026-11-20,C,-1.00,EUR\n1969-12-31,D,-1.00,EUR\n"
	f := File{File: []byte(csv)}
	proposal, err := f.propose()
	require.NoError(t, err)
	file, err := f.parse(proposal.Mapping)
	require.NoError(t, err)
	file.keep("EUR", time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC))
	lines, bad := file.lines, file.bad
	require.Len(t, lines, 1)
	require.Equal(t, "A", lines[0].Description)
	require.Len(t, bad, 3)
	require.Equal(t, BadLine{3, "is in USD, and the wallet keeps EUR"}, bad[0])
	require.Equal(t, BadLine{4, "lies in the future: 2026-11-20"}, bad[1])
	require.Equal(t, 5, bad[2].Line)
}
