package matching

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/merchant"
)

func movement(day int, amount, description string) Movement {
	return Movement{time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC), decimal.RequireFromString(amount), description}
}

func TestSimilarity(t *testing.T) {
	for _, c := range []struct {
		a, b        string
		least, most float64
	}{
		{"rewe", "KARTENZAHLUNG 02.11 12:31 REWE MARKT 4711 BERLIN", 0.9, 1},
		{"Café Zoë", "CAFE ZOE GMBH", 1, 1},
		{"Media Markt", "MEDIAMARKT.DE 4711", 1, 1},
		{"netflx", "PAYPAL *NETFLIX.COM 4029357733", 0.75, 0.95},
		{"Trattoria", "TRATTOR", 0.85, 1},
		{"Netflix", "Spotify", 0, 0.2},
		{"Lunch", "Trattoria Roma", 0, 0.2},
		{"Lidl", "Aldi", 0, 0.5},
		{"a b", "bakery arts", 0, 0.1},
	} {
		got, named := Similarity(c.a, c.b)
		require.True(t, named)
		require.GreaterOrEqual(t, got, c.least, "%q, %q", c.a, c.b)
		require.LessOrEqual(t, got, c.most, "%q, %q", c.a, c.b)
		back, _ := Similarity(c.b, c.a)
		require.InDelta(t, got, back, 1e-9)
	}
	_, named := Similarity("", "Netflix")
	require.False(t, named)
	_, named = Similarity("4711 0815", "Netflix")
	require.False(t, named)
}

// best tries every assignment.
func best(edges []edge, from int, lefts, rights map[int]bool) float64 {
	if from == len(edges) {
		return 0
	}
	weight := best(edges, from+1, lefts, rights)
	if e := edges[from]; !lefts[e.left] && !rights[e.right] {
		lefts[e.left], rights[e.right] = true, true
		weight = max(weight, e.weight+best(edges, from+1, lefts, rights))
		delete(lefts, e.left)
		delete(rights, e.right)
	}
	return weight
}

func TestAssignmentIsTheBestThereIs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	better := 0
	for range 500 {
		var edges []edge
		for range r.IntN(12) {
			edges = append(edges, edge{r.IntN(5), r.IntN(5), 0.1 + math.Round(r.Float64()*20)/10})
		}
		chosen := assign(edges)
		lefts, rights, total := map[int]bool{}, map[int]bool{}, 0.0
		for _, e := range chosen {
			require.False(t, lefts[e.left] || rights[e.right])
			lefts[e.left], rights[e.right] = true, true
			total += e.weight
		}
		require.InDelta(t, best(edges, 0, map[int]bool{}, map[int]bool{}), total, 1e-9, "%v", edges)
		byTurns := 0.0
		for _, e := range greedy(edges) {
			byTurns += e.weight
		}
		require.LessOrEqual(t, byTurns, total+1e-9)
		if byTurns < total-1e-9 {
			better++
		}
	}
	require.Positive(t, better, "it matters that the assignment is not greedy")
}

func TestDuplicates(t *testing.T) {
	row := func(origin Origin, m Movement) Row { return Row{Movement: m, Origin: origin} }
	for name, c := range map[string]struct {
		lines []Movement
		rows  []Row
		want  string // pairs of line and row
	}{
		"noted two days before the bank booked it, in fewer words": {
			[]Movement{movement(4, "-3.20", "KARTENZAHLUNG CAFE ZOE BERLIN")}, []Row{row(Entered, movement(2, "-3.20", "Café Zoë"))}, "0-0 "},
		"noted a day late": {
			[]Movement{movement(4, "-3.20", "CAFE ZOE")}, []Row{row(Entered, movement(5, "-3.20", "Café Zoë"))}, "0-0 "},
		"the other direction": {
			[]Movement{movement(4, "3.20", "CAFE ZOE")}, []Row{row(Entered, movement(4, "-3.20", "Café Zoë"))}, ""},
		"a cent more": {
			[]Movement{movement(4, "-3.21", "CAFE ZOE")}, []Row{row(Entered, movement(4, "-3.20", "Café Zoë"))}, ""},
		"two weeks apart": {
			[]Movement{movement(18, "-3.20", "CAFE ZOE")}, []Row{row(Entered, movement(4, "-3.20", "Café Zoë"))}, ""},
		"one row is one line's": {
			[]Movement{movement(4, "-3.20", "CAFE ZOE"), movement(4, "-3.20", "CAFE ZOE")}, []Row{row(Entered, movement(4, "-3.20", "Café Zoë"))}, "0-0 "},
		"a series keeps its order": {
			[]Movement{movement(3, "-3.20", "CAFE ZOE"), movement(4, "-3.20", "CAFE ZOE")},
			[]Row{row(Entered, movement(2, "-3.20", "Café Zoë")), row(Entered, movement(3, "-3.20", "Café Zoë"))}, "0-0 1-1 "},
		"each finds its own although the other is nearer": {
			[]Movement{movement(4, "-9.99", "SPOTIFY AB"), movement(5, "-9.99", "NETFLIX.COM")},
			[]Row{row(Entered, movement(4, "-9.99", "Netflix")), row(Entered, movement(5, "-9.99", "Spotify"))}, "0-1 1-0 "},
		"another merchant at the same price": {
			[]Movement{movement(4, "-9.99", "SPOTIFY AB"), movement(4, "-9.99", "NETFLIX.COM")}, []Row{row(Entered, movement(4, "-9.99", "Netflix"))}, "1-0 "},
		"in one's own words, an amount that nothing else has": {
			[]Movement{movement(4, "-47.83", "TRATTORIA ROMA")}, []Row{row(Entered, movement(3, "-47.83", "Lunch with Ben"))}, "0-0 "},
		"in one's own words, of two with the amount": {
			[]Movement{movement(4, "-10", "TRATTORIA ROMA"), movement(5, "-10", "KINO CENTRAL")}, []Row{row(Entered, movement(3, "-10", "Lunch with Ben"))}, ""},
		"without a description": {
			[]Movement{movement(4, "-47.83", "TRATTORIA ROMA")}, []Row{row(Entered, movement(2, "-47.83", ""))}, "0-0 "},
		"in another wallet": {
			[]Movement{movement(4, "-47.83", "TRATTORIA ROMA")}, []Row{row(Elsewhere, movement(3, "-47.83", "Trattoria Roma"))}, "0-0 "},
		"in another wallet, of something else": {
			[]Movement{movement(4, "-47.83", "TRATTORIA ROMA")}, []Row{row(Elsewhere, movement(4, "-47.83", "Shoes"))}, ""},
		"a transfer in whatever words": {
			[]Movement{movement(4, "500", "STANDING ORDER 17")}, []Row{row(Moved, movement(3, "500", "to my savings"))}, "0-0 "},
		"downloaded again in another format": {
			[]Movement{movement(3, "-64.20", "Water works, customer 12"), movement(5, "-18", "Barber")},
			[]Row{row(Imported, movement(3, "-64.20", "WATER WORKS")), row(Imported, movement(5, "-18", "BARBER"))}, "0-0 1-1 "},
		"pending, and then booked": {
			[]Movement{movement(2, "-1", "A"), movement(5, "-18", "BARBER SHOP 12")}, []Row{row(Imported, movement(3, "-18", "Barber shop"))}, "1-0 "},
		"the next file's is another coffee": {
			[]Movement{movement(4, "-3.20", "CAFE ZOE")}, []Row{row(Imported, movement(3, "-3.20", "CAFE ZOE"))}, ""},
		"booked before it was listed is another": {
			[]Movement{movement(3, "-3.20", "CAFE ZOE"), movement(9, "-1", "A")}, []Row{row(Imported, movement(5, "-3.20", "CAFE ZOE"))}, ""},
		"a row that is accounted for": {
			[]Movement{movement(4, "-3.20", "CAFE ZOE")}, []Row{{Movement: movement(4, "-3.20", "Café Zoë"), Taken: true}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, p := range Duplicates(merchant.NewReader(), c.lines, make([]bool, len(c.lines)), c.rows) {
				got += fmt.Sprintf("%d-%d ", p.Line, p.Row)
				require.Contains(t, p.Reason, "same amount")
			}
			require.Equal(t, c.want, got)
		})
	}
}

// A file of one amount over and over takes seconds, not hours.
func TestAFileOfOneAmountIsBounded(t *testing.T) {
	var lines []Movement
	var rows []Row
	for i := range 5000 {
		lines = append(lines, movement(1+i%28, "-1", fmt.Sprint("Shop ", i)))
		rows = append(rows, Row{Movement: movement(1+i%28, "-1", fmt.Sprint("Store ", i))})
	}
	began := time.Now()
	pairs := Duplicates(merchant.NewReader(), lines, make([]bool, len(lines)), rows)
	require.LessOrEqual(t, len(pairs), 5000)
	require.Less(t, time.Since(began), 20*time.Second)
}

func TestTransfers(t *testing.T) {
	giro, savings, dollars := uuid.New(), uuid.New(), uuid.New()
	side := func(wallet uuid.UUID, day int, amount, description string) Side {
		s := Side{Movement: movement(day, amount, description), Wallet: wallet, Name: map[uuid.UUID]string{giro: "Giro", savings: "Nest egg", dollars: "Dollars"}[wallet], Currency: "EUR"}
		if wallet == dollars {
			s.Currency = "USD"
		}
		return s
	}
	rate := decimal.RequireFromString("1.08")
	convert := func(amount decimal.Decimal, from, to string, on time.Time) (decimal.Decimal, bool) {
		if on.Day() < 2 {
			return decimal.Zero, false
		}
		if from == "EUR" {
			return amount.Mul(rate), true
		}
		return amount.DivRound(rate, 10), true
	}
	for name, c := range map[string]struct {
		out, in []Side
		want    string
	}{
		"two banks, two days":                       {[]Side{side(giro, 3, "-500", "Transfer to own savings")}, []Side{side(savings, 5, "500", "From account 12")}, "0-0 "},
		"listed by the receiving bank first":        {[]Side{side(giro, 4, "-500", "X")}, []Side{side(savings, 3, "500", "Y")}, "0-0 "},
		"within a wallet":                           {[]Side{side(giro, 3, "-500", "Transfer")}, []Side{side(giro, 3, "500", "Transfer")}, ""},
		"a week apart":                              {[]Side{side(giro, 3, "-500", "Transfer")}, []Side{side(savings, 10, "500", "Transfer")}, ""},
		"five days apart, in no word a transfer":    {[]Side{side(giro, 3, "-500", "Rent")}, []Side{side(savings, 8, "500", "Ben")}, ""},
		"five days apart, by the wallet's name":     {[]Side{side(giro, 3, "-500", "to NEST EGG 7")}, []Side{side(savings, 8, "500", "Ada")}, "0-0 "},
		"a cent less":                               {[]Side{side(giro, 3, "-500", "Transfer")}, []Side{side(savings, 3, "499.99", "Transfer")}, ""},
		"over currencies, the bank took its margin": {[]Side{side(giro, 3, "-100", "Transfer")}, []Side{side(dollars, 4, "106.50", "Transfer")}, "0-0 "},
		"over currencies, far from the rate":        {[]Side{side(giro, 3, "-100", "Transfer")}, []Side{side(dollars, 4, "100", "Transfer")}, ""},
		"over currencies, without a rate":           {[]Side{side(giro, 1, "-100", "Transfer")}, []Side{side(dollars, 1, "108", "Transfer")}, ""},
		"the one that speaks of it":                 {[]Side{side(giro, 3, "-500", "Rent"), side(giro, 3, "-500", "Transfer")}, []Side{side(savings, 3, "500", "From Giro")}, "1-0 "},
		"two pairs, none taken from another":        {[]Side{side(giro, 3, "-500", "Transfer"), side(giro, 5, "-500", "Transfer")}, []Side{side(savings, 5, "500", "A"), side(savings, 7, "500", "B")}, "0-0 1-1 "},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			for _, f := range Transfers(c.out, c.in, convert) {
				got += fmt.Sprintf("%d-%d ", f.Out, f.In)
				require.NotEmpty(t, f.Reason)
			}
			require.Equal(t, c.want, got)
		})
	}
}

// Descriptions of hundreds of words, many of which are nearly alike, are compared in bounded
// time.
func TestLongDescriptionsAreComparedInBoundedTime(t *testing.T) {
	processor := func() time.Duration {
		var used syscall.Rusage
		require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &used))
		return time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	long := func(seed int) string {
		var words strings.Builder
		for i := range 90 {
			fmt.Fprintf(&words, "word%c%c%c ", 'a'+(seed+i)%26, 'a'+i%26, 'a'+(seed*i)%26)
		}
		return words.String()
	}
	var lines []Movement
	var rows []Row
	for i := range 1000 {
		m := Movement{Day: time.Date(2026, 1, 1+i%90, 0, 0, 0, 0, time.UTC), Amount: decimal.NewFromInt(-1), Description: long(i)}
		lines = append(lines, m)
		m.Description = long(i + 7)
		rows = append(rows, Row{Movement: m, Origin: Entered})
	}
	began := processor()
	Duplicates(merchant.NewReader(), lines, make([]bool, len(lines)), rows)
	took := processor() - began
	t.Logf("%d lines and as many rows: %s", len(lines), took.Round(time.Millisecond))
	require.Less(t, took, 10*time.Second)
}
