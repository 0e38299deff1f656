package statement

import (
	"slices"
	"strings"
	"unicode"

	"github.com/shopspring/decimal"
)

// What columns are for is told by their values where headers are in no known language, or
// mean one thing here and another there.

// fewCells is how many of a column's values are looked at where reading one takes long.
const fewCells = 50

// datesIn reports whether most of a column's values are dates.
func datesIn(data [][]string, i int) bool {
	cells := column(data, i)
	if countedLayout(cells) != "" {
		return true
	}
	cells = cells[:min(len(cells), fewCells)]
	dates := 0
	for _, cell := range cells {
		if dated(cell) {
			dates++
		}
	}
	return 2*dates > len(cells)
}

// codesIn reports whether all of a column's values name currencies.
func codesIn(data [][]string, i int) bool {
	cells := column(data, i)
	return len(cells) > 0 && !slices.ContainsFunc(cells, func(cell string) bool { return !isCode(unwrap(cell)) && shared[unwrap(cell)] == nil })
}

// days takes from the columns of amounts those that hold dates: "F. valor" is the day of value.
func (t *table) days(data [][]string) {
	for _, r := range []role{roleAmount, roleDebit, roleCredit} {
		t.roles[r] = slices.DeleteFunc(t.roles[r], func(i int) bool {
			cells := column(data, i)
			return datesOnly(cells[:min(len(cells), fewCells)])
		})
	}
}

// dates leaves of the columns of dates those that hold some: "Valuta" is a day in German
// and a currency in Swedish. Without one, another column of dates is taken.
func (t *table) dates(header []string, data [][]string) {
	if t.head < 0 || len(data) == 0 {
		return
	}
	t.days(data)
	none := func(i int) bool { return !datesIn(data, i) }
	named := t.roles[roleDate]
	found := slices.DeleteFunc(slices.Clone(named), func(i int) bool {
		return none(i) && !slices.ContainsFunc(column(data[:min(len(data), fewCells)], i), dated)
	})
	if len(found) == 0 {
		worded := map[role][]int{}
		byWords(foldedTitles(header), worded)
		found = slices.DeleteFunc(worded[roleDate], none)
	}
	if len(found) == 0 {
		for i := range header {
			if datesOnly(column(data[:min(len(data), fewCells)], i)) {
				found = append(found, i)
			}
		}
	}
	if len(found) == 0 {
		return
	}
	for r, columns := range t.roles {
		t.roles[r] = slices.DeleteFunc(columns, func(i int) bool { return slices.Contains(found, i) })
	}
	t.roles[roleDate] = found
	if len(t.roles[roleCurrency]) > 0 {
		return
	}
	for _, i := range named {
		if !slices.Contains(found, i) && codesIn(data, i) {
			t.roles[roleCurrency] = append(t.roles[roleCurrency], i)
		}
	}
}

// amountsIn reports whether all of a column's values are amounts and none is a date.
func amountsIn(data [][]string, i int) bool {
	cells := column(data, i)
	return len(cells) > 0 && !datesOnly(cells[:min(len(cells), fewCells)]) &&
		!slices.ContainsFunc(cells, func(cell string) bool { _, ok := takeApart(cell); return !ok && !empty(cell) })
}

// filled returns whether a row has an amount that is not zero under a column.
func filled(row []string, i int) bool {
	if i >= len(row) || empty(row[i]) {
		return false
	}
	part, ok := takeApart(row[i])
	return ok && strings.Trim(part.digits, "0., ") != ""
}

// complements reports whether of two columns each row has an amount under one alone.
func complements(data [][]string, a, b int) bool {
	under := [2]int{}
	for _, row := range data {
		inA, inB := filled(row, a), filled(row, b)
		switch {
		case inA && inB:
			return false
		case inA:
			under[0]++
		case inB:
			under[1]++
		}
	}
	return under[0] > 0 && under[1] > 0 && 10*(under[0]+under[1]) >= 9*len(data)
}

// maxAmounts is among how many columns of amounts a pair is looked for.
const maxAmounts = 12

// amountColumns are the columns of amounts; none where there are very many.
func amountColumns(data [][]string, width int, not ...int) (found []int) {
	for i := range width {
		if slices.Contains(not, i) || !amountsIn(data, i) {
			continue
		}
		if found = append(found, i); len(found) > maxAmounts {
			return nil
		}
	}
	return found
}

// pairOf finds among columns the one that has an amount in each row in which another has
// none, and none where it has one; -1: there is none, or more than one.
func pairOf(data [][]string, among []int, a int) int {
	found := -1
	for _, b := range among {
		if b == a || splitIn(data, a) != splitIn(data, b) || !complements(data, a, b) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = b
	}
	return found
}

// pairIn finds two columns of which each row has an amount under one alone, and whose
// amounts have one sign each, as those of two currencies do not; -1: there are none, or more
// than two.
func pairIn(data [][]string, width, date int) (a, b int) {
	among := slices.DeleteFunc(amountColumns(data, width, date), func(i int) bool { return !minusesIn(data, i) && minusIn(data, i) })
	a, b = -1, -1
	for _, one := range among {
		other := pairOf(data, among, one)
		switch {
		case other <= one:
		case a >= 0:
			return -1, -1
		default:
			a, b = one, other
		}
	}
	return a, b
}

// splitIn reports whether amounts of a column have a mark, as numbers of cheques have none.
func splitIn(data [][]string, i int) bool {
	return slices.ContainsFunc(column(data, i), func(cell string) bool { return strings.ContainsAny(cell, ".,'") })
}

// unsplit reports whether a file is in Japanese or Korean, whose currencies have no smaller
// part, so that what stands behind a comma are thousands.
func unsplit(header []string, data [][]string) bool {
	return slices.ContainsFunc(append([][]string{header}, data[:min(len(data), fewCells)]...), func(row []string) bool {
		return slices.ContainsFunc(row, func(cell string) bool {
			return strings.ContainsFunc(cell, func(r rune) bool { return unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Hangul) })
		})
	})
}

// outgoing tells which of two columns holds what went out: 1 the first, -1 the second, 0
// nothing tells. A minus does, and a column of balances that moves by them.
func outgoing(data [][]string, width, a, b int) int {
	mark, finding := decimalMark(append(column(data, a), column(data, b)...))
	if finding == markConflict {
		return 0
	}
	minusA, minusB := minusesIn(data, a), minusesIn(data, b)
	switch {
	case minusA && !minusB:
		return 1
	case minusB && !minusA:
		return -1
	}
	votes := 0
	for i := range width {
		if i == a || i == b || !amountsIn(data, i) || len(column(data, i)) < len(data) {
			continue
		}
		votes += follows(data, i, a, b, mark)
	}
	return max(-1, min(1, votes))
}

// minusesIn reports whether all amounts of a column have a minus.
func minusesIn(data [][]string, i int) bool {
	return !slices.ContainsFunc(data, func(row []string) bool {
		if !filled(row, i) {
			return false
		}
		part, _ := takeApart(row[i])
		return part.minus == 0
	})
}

// minusIn reports whether some amount of a column has a minus.
func minusIn(data [][]string, i int) bool {
	return slices.ContainsFunc(data, func(row []string) bool {
		if !filled(row, i) {
			return false
		}
		part, _ := takeApart(row[i])
		return part.minus > 0
	})
}

// follows tells whether a balance moves down by what is under a and up by what is under b
// (1), the other way round (-1), or neither (0), in either order of the rows.
func follows(data [][]string, balance, a, b int, mark string) int {
	at := func(row []string, i int) decimal.Decimal {
		if i >= len(row) {
			return decimal.Zero
		}
		read, err := readAmount(row[i], mark)
		if err != nil {
			return decimal.Zero
		}
		return read.value
	}
	best, says := 0, 0
	for _, newestFirst := range []bool{false, true} {
		down, up := 0, 0
		for i := 1; i < len(data); i++ {
			before, after := data[i-1], data[i]
			if newestFirst {
				before, after = after, before
			}
			moved, by := at(after, balance).Sub(at(before, balance)), at(after, b).Sub(at(after, a))
			switch {
			case by.IsZero():
			case moved.Equal(by):
				down++
			case moved.Equal(by.Neg()):
				up++
			}
		}
		for side, fits := range map[int]int{1: down, -1: up} {
			if fits > best && 3*fits >= 2*(len(data)-1) {
				best, says = fits, side
			}
		}
	}
	return says
}

// texts are the columns that may hold descriptions, whatever they are called: values with
// letters that differ, and are neither marks nor of another purpose.
func texts(names headers, data [][]string, not []int) (found []int) {
	for i, name := range names.shown {
		name = fold(name)
		cells := column(data, i)
		if slices.Contains(not, i) || len(cells) == 0 || 2*len(cells) < len(data) || !differs(cells) ||
			hasWord(name, statusWords) || hasWord(name, typeWords) || hasWord(name, accountWords) || hasWord(name, timeWords) ||
			hasWord(name, referenceWords) || hasWord(name, currencyWords) || hasWord(name, categoryWords) || slices.Contains(lastPurpose, name) {
			continue
		}
		if marksIn(cells) || datesIn(data, i) || codesIn(data, i) || amountsIn(data, i) {
			continue
		}
		found = append(found, i)
	}
	return found
}

// marksIn reports whether values look like a bank's marks: one word with a digit each.
func marksIn(cells []string) bool {
	return !slices.ContainsFunc(cells, func(cell string) bool {
		word := unwrap(cell)
		return strings.ContainsFunc(word, unicode.IsSpace) || !strings.ContainsFunc(word, unicode.IsDigit)
	}) || !slices.ContainsFunc(cells, func(cell string) bool { return strings.ContainsFunc(cell, unicode.IsLetter) })
}

// longest is the column whose values are longest together.
func longest(data [][]string, columns []int) int {
	best, most := columns[0], 0
	for _, i := range columns {
		if length := len(strings.Join(column(data, i), "")); length > most {
			best, most = i, length
		}
	}
	return best
}

// statesIn reports whether a column names states of movements, of which some did not move
// money: every value is known as a state.
func statesIn(cells []string) bool {
	some := false
	for _, cell := range cells {
		state := fold(unwrap(cell))
		if !unbooked[state] && !bookedStates[state] {
			return false
		}
		some = some || bookedStates[state]
	}
	return some
}
