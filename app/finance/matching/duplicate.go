package matching

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/wealth-companion/companion/app/core/merchant"
)

// Origin says where a transaction that is there already comes from.
type Origin int

// Where transactions come from.
const (
	// Entered by the person, for the statement's wallet.
	Entered Origin = iota
	// Elsewhere: entered by the person, for another wallet of the same currency.
	Elsewhere
	// Moved is one side of a transfer that touches the statement's wallet.
	Moved
	// Imported from another statement of the same account.
	Imported
	// ImportedElsewhere: imported from a statement into another wallet.
	ImportedElsewhere
)

// Row is a movement that the ledger has already.
type Row struct {
	Movement
	Origin Origin
	// Taken: a line of the file is known to be this movement, so no other is.
	Taken bool
}

// Pair says that a line is probably a row.
type Pair struct {
	Line, Row int
	Reason    string // what speaks for it, one phrase
}

// How many days before and after the bank's day a row may lie. People note a
// purchase on its day or a day or two late; banks book it up to a week later, over
// weekends and holidays.
const (
	earlier = 7 // days that the row lies before the line
	later   = 3 // days that the row lies after the line
)

// How similar descriptions must be.
const (
	similar  = 0.6 // speaks of the same merchant
	distinct = 0.3 // below it, of another one
)

// weights of the evidence; that of the text counts most, and the days' lag by its
// square, so that a series of equal payments is matched in its order.
const (
	textWeight = 1.0
	lagWeight  = 0.01
)

// Duplicates finds the lines that are probably there already, each with the row
// that it is. Amounts are equal to the last digit and go the same way; a row is at
// most one line's. known says for each line whether it is accounted for already:
// such lines only say which days the file covers. reader reads the descriptions.
func Duplicates(reader *merchant.Reader, lines []Movement, known []bool, rows []Row) []Pair {
	if len(lines) == 0 || len(rows) == 0 {
		return nil
	}
	d := duplicates{reader: reader, wording: wordingOf(reader, lines, rows), first: lines[0].Day, last: lines[0].Day, words: map[string][]string{}, linesOf: map[string][]dated{}, rowsOf: map[string][]dated{}}
	for _, l := range lines {
		if l.Day.Before(d.first) {
			d.first = l.Day
		}
		if l.Day.After(d.last) {
			d.last = l.Day
		}
	}
	for i, l := range lines {
		if !known[i] {
			d.linesOf[l.Amount.String()] = append(d.linesOf[l.Amount.String()], dated{i, l.Day})
		}
	}
	for j, row := range rows {
		if key := row.Amount.String(); !row.Taken && d.linesOf[key] != nil {
			d.rowsOf[key] = append(d.rowsOf[key], dated{j, row.Day})
		}
	}
	var edges []edge
	reasons := map[[2]int]string{}
	for key, of := range d.linesOf {
		candidates := d.rowsOf[key]
		sortByDay(of)
		sortByDay(candidates)
		for _, line := range of {
			for _, row := range nearest(candidates, line.day) {
				alone := func() bool {
					return len(around(of, row.day, -later, earlier)) == 1 && len(around(candidates, line.day, -earlier, later)) == 1
				}
				weight, reason := d.weigh(lines[line.index], rows[row.index], alone)
				if weight > 0 {
					edges = append(edges, edge{line.index, row.index, weight})
					reasons[[2]int{line.index, row.index}] = reason
				}
			}
		}
	}
	var pairs []Pair
	for _, e := range assign(edges) {
		pairs = append(pairs, Pair{e.left, e.right, reasons[[2]int{e.left, e.right}]})
	}
	return pairs
}

// dated is the index of a line or a row and its day.
type dated struct {
	index int
	day   time.Time
}

func sortByDay(all []dated) {
	slices.SortFunc(all, func(a, b dated) int { return cmp.Or(a.day.Compare(b.day), cmp.Compare(a.index, b.index)) })
}

// around returns those from so many days before to so many days after a day.
func around(all []dated, day time.Time, from, to int) []dated {
	begin := sort.Search(len(all), func(i int) bool { return days(day, all[i].day) >= from })
	end := sort.Search(len(all), func(i int) bool { return days(day, all[i].day) > to })
	return all[begin:end]
}

// maxCandidates bounds how many rows one line is compared with: a file of one
// amount over and over is not to keep the service busy.
const maxCandidates = 64

// nearest returns the rows that a line of a day may be, those of the nearest days
// when they are many.
func nearest(rows []dated, day time.Time) []dated {
	found := around(rows, day, -earlier, later)
	for len(found) > maxCandidates {
		if max(days(day, found[0].day), days(found[0].day, day)) > max(days(day, found[len(found)-1].day), days(found[len(found)-1].day, day)) {
			found = found[1:]
		} else {
			found = found[:len(found)-1]
		}
	}
	return found
}

// duplicates is what Duplicates knows of a file.
type duplicates struct {
	reader      *merchant.Reader
	wording     merchant.Wording
	first, last time.Time           // the days that the file covers
	words       map[string][]string // of descriptions seen before
	// linesOf and rowsOf are what is not accounted for yet, by amount.
	linesOf, rowsOf map[string][]dated
}

// wordingOf learns what the person's banks write around names: in common to two
// descriptions, it says nothing of their being alike.
func wordingOf(reader *merchant.Reader, lines []Movement, rows []Row) merchant.Wording {
	descriptions := make([]string, 0, len(lines)+len(rows))
	for _, l := range lines {
		descriptions = append(descriptions, l.Description)
	}
	for _, row := range rows {
		descriptions = append(descriptions, row.Description)
	}
	return reader.Learn(descriptions)
}

func (d *duplicates) wordsOf(description string) []string {
	found, seen := d.words[description]
	if !seen {
		found = d.wording.Without(d.reader.Words(description))
		d.words[description] = found
	}
	return found
}

// weigh tells how probable it is that a line is a row of the same amount, 0: is
// not, and what speaks for it.
func (d *duplicates) weigh(line Movement, row Row, alone func() bool) (float64, string) {
	lag := days(row.Day, line.Day)
	if lag < -later || lag > earlier {
		return 0, ""
	}
	text, named := similarity2(d.wordsOf(line.Description), d.wordsOf(row.Description))
	covered := !row.Day.Before(d.first) && !row.Day.After(d.last)
	possible := false
	switch row.Origin {
	case Entered:
		switch {
		case named && text >= similar:
			possible = true
		case !named || text >= distinct:
			possible = lag >= -2 && lag <= 5
		default: // other words: only an amount that nothing else nearby has
			possible = lag >= -1 && lag <= 3 && alone()
		}
	case Elsewhere:
		possible = named && text >= similar && lag >= -2 && lag <= 5
	case ImportedElsewhere: // the same statement, in part or written otherwise
		possible = lag == 0 && (named && text >= similar || !named && line.Description == row.Description)
	case Moved: // the two banks write of it what they like
		possible = lag >= -2 && lag <= 5
	case Imported:
		// The file names every movement of the days it covers. A row of such a day
		// that no line is known to be has been written otherwise, or booked on
		// another day since. One before or after these days is another movement.
		switch {
		case lag == 0:
			possible = !named || text >= distinct || covered && alone()
		case covered:
			possible = named && text >= similar && lag > 0
		}
	}
	if !possible {
		return 0, ""
	}
	if !named {
		text = distinct
	}
	return 1 + textWeight*text - lagWeight*float64(lag*lag), reason(lag, text, named, row.Origin)
}

// reason tells a person what speaks for a pair.
func reason(lag int, text float64, named bool, origin Origin) string {
	what := "a similar description"
	switch {
	case origin == Moved:
		what = "a transfer"
	case !named:
		what = "nothing to compare in one description"
	case text < similar:
		what = "another description"
	}
	where := ""
	if origin == Elsewhere || origin == ImportedElsewhere {
		where = ", in another wallet"
	}
	return "same amount, " + apart(lag) + ", " + what + where
}
