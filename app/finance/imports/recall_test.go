package imports

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/merchant"
	"github.com/wealth-companion/companion/app/finance/ledger"
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
	on := func(day int) time.Time { return time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC) }
	zoe, transfer, nameless := uuid.New(), uuid.New(), uuid.New()
	nearby := []backenddb.NearbyRow{
		{ID: zoe, WalletID: wallet, Type: event.Expense, Amount: decimal.RequireFromString("3.2"), Description: "Café: Zoë", Date: on(2)},
		{ID: transfer, WalletID: other, ToWalletID: &wallet, Type: event.Transfer, Amount: decimal.RequireFromString("54"), ToAmount: &fifty, Description: "Savings", Date: on(4)},
		{ID: nameless, WalletID: wallet, ToWalletID: &other, Type: event.Transfer, Amount: decimal.RequireFromString("10"), Date: on(5)},
	}
	for name, c := range map[string]struct {
		lines    []statement.Line
		want     []string
		probable map[int]uuid.UUID
	}{
		"two coffees are two, one was entered":       {[]statement.Line{line(2, "-3.20", "CAFÉ ZOË", ""), line(2, "-3.20", "Café Zoë", "")}, []string{enteredBefore, ""}, nil},
		"a bank's reference hides nothing":           {[]statement.Line{line(2, "-3.20", "CAFÉ ZOË", "R7")}, []string{enteredBefore}, nil},
		"booked two days later, in the bank's words": {[]statement.Line{line(4, "-3.20", "KARTENZAHLUNG CAFE ZOE BERLIN", "R8")}, []string{""}, map[int]uuid.UUID{0: zoe}},
		"weeks later":                      {[]statement.Line{line(24, "-3.20", "Café Zoë", "")}, []string{""}, nil},
		"the other direction":              {[]statement.Line{line(2, "3.20", "Café Zoë", "")}, []string{""}, nil},
		"what a transfer brought":          {[]statement.Line{line(4, "50.00", "savings", "")}, []string{enteredBefore}, nil},
		"a transfer in the bank's words":   {[]statement.Line{line(6, "50.00", "Umbuchung A. Lovelace", "")}, []string{""}, map[int]uuid.UUID{0: transfer}},
		"a transfer without a description": {[]statement.Line{line(5, "-10", "", "")}, []string{""}, map[int]uuid.UUID{0: nameless}},
		"a reference that comes twice":     {[]statement.Line{line(6, "-1", "A", "R1"), line(6, "-1", "A", "R1")}, []string{"", twiceInFile}, nil},
		"imported before":                  {[]statement.Line{line(7, "-1", "A", "R2"), line(8, "-1", "A", "R2")}, []string{importedBefore, ""}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			imported := []backenddb.ImportedRow{{ID: uuid.New(), Fingerprint: statement.Fingerprint(line(7, "-1", "B", "R2"), 1)}}
			k := known{fingerprints: statement.Fingerprints(c.lines), filing: filing{reader: merchant.NewReader()}}
			k.compare(c.lines, imported, nil, nearby, nil, wallet)
			require.Equal(t, c.want, k.duplicates)
			require.Len(t, k.probable, len(c.probable))
			for i, id := range c.probable {
				require.Equal(t, id, k.probable[i].transaction)
			}
		})
	}
}

func TestWhatIsImportedOfWhatIsProbablyThere(t *testing.T) {
	lines := []statement.Line{{Number: 2}, {Number: 3}, {Number: 4}, {Number: 5}}
	k := known{duplicates: []string{"", importedBefore, "", ""}, probable: map[int]likeness{2: {}, 3: {}}}
	for name, c := range map[string]struct {
		answer  New
		want    []int
		refused string
	}{
		"without an answer":                  {New{}, nil, "2 lines are probably there already, the first of them line 4"},
		"all are left out":                   {New{Probable: "skip"}, []int{0}, ""},
		"all are imported":                   {New{Probable: "import"}, []int{0, 2, 3}, ""},
		"line by line":                       {New{Skip: []int{4}, Import: []int{5}}, []int{0, 3}, ""},
		"one, and the rest":                  {New{Import: []int{4}, Probable: "skip"}, []int{0, 2}, ""},
		"one of two":                         {New{Skip: []int{4}}, nil, "1 lines"},
		"whatever is there already":          {New{Duplicates: "import"}, []int{0, 1, 2, 3}, ""},
		"both at once":                       {New{Skip: []int{4}, Import: []int{4}}, nil, "name it once"},
		"a line that is certainly there":     {New{Probable: "skip", Import: []int{3}}, nil, "line 3 is not among"},
		"a line that the file does not have": {New{Probable: "skip", Skip: []int{-1}}, nil, "line -1 is not among"},
	} {
		t.Run(name, func(t *testing.T) {
			taken, open, err := c.answer.choose(lines, k)
			if err == nil {
				err = answered(lines, open)
			}
			if c.refused != "" {
				require.ErrorContains(t, err, c.refused)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, taken)
		})
	}
}

func TestWhereALineIsFiled(t *testing.T) {
	f := file(nil, []backenddb.FiledRow{ // the latest first
		{Description: "Shell Station 12", Type: event.Expense, Category: "transport", Times: 1, Largest: decimal.NewFromInt(60)},
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
		"a refund":                            {line(1, "60", "Shell Station", ""), "", "transport"},
		"more than was ever paid there":       {line(1, "60.01", "Shell Station", ""), "", "other-income"},
		"money from where nothing was bought": {line(1, "1", "Ada Lovelace", ""), "", "other-income"},
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

// Words that a bank puts before every name are no name: each merchant is filed as it
// was, and a new one as none of them.
func TestFiledByTheNameBehindABanksWords(t *testing.T) {
	var filed []backenddb.FiledRow
	shops := strings.Fields("Rewe Lidl Aldi Edeka Kino Zara Ikea Esso Shell Thalia")
	for i, shop := range shops {
		category := "groceries"
		if i > 3 {
			category = "leisure"
		}
		filed = append(filed, backenddb.FiledRow{Description: "ZULK PRANDO EST VI " + shop, Type: event.Expense, Category: category, Times: 3})
	}
	f := file(nil, filed, []backenddb.Category{{Slug: "groceries", Name: "Groceries", Kind: event.Expense}, {Slug: "leisure", Name: "Leisure", Kind: event.Expense}})
	for description, want := range map[string]string{"ZULK PRANDO EST VI Lidl": "groceries", "ZULK PRANDO EST VI Kino": "leisure", "Lidl": "groceries", "ZULK PRANDO EST VI Neu": ledger.Other} {
		require.Equal(t, want, f.category(statement.Line{Amount: decimal.NewFromInt(-5), Description: description}), description)
	}
}
