package statement

import (
	"errors"
	"fmt"
	"slices"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/money"
)

// running is a CSV's running balance beside the lines that are read.
type running struct {
	column int // -1: there is none
	mark   string
	rows   []runningRow
}

type runningRow struct {
	line    int // of the sink's lines
	place   int // among the rows
	balance decimal.Decimal
}

// newRunning finds the only column that is called a balance.
func newRunning(h headers, c columns, mark string) *running {
	taken := append([]int{c.category, c.amount, c.debit, c.credit}, c.description...)
	r := &running{column: -1, mark: mark}
	for i, name := range h.shown {
		if !hasWord(fold(name), balanceWords) || slices.Contains(taken, i) {
			continue
		}
		if r.column >= 0 {
			return &running{column: -1} // which of them follows the amounts is not known
		}
		r.column = i
	}
	return r
}

// add notes the balance beside a line that was read.
func (r *running) add(row []string, place, line int) {
	if r.column < 0 || r.column >= len(row) {
		return
	}
	a, err := readAmount(row[r.column], r.mark)
	if err != nil && !errors.Is(err, errZero) {
		return
	}
	r.rows = append(r.rows, runningRow{line, place, a.value})
}

// contradicted returns the lines whose amounts the balance contradicts, with the reason.
// Rows may lie in either order of time, and a card's balance may be what is owed. Where
// most rows follow none of these ways it is no running balance, and rows that lie in
// another order than they were booked contradict several of their neighbours: only one
// that stands alone between rows that agree shows a wrong amount.
func (r *running) contradicted(lines []Line) map[int]string {
	type pair struct {
		line        int
		moved       decimal.Decimal
		known, fits bool
	}
	var best []pair
	most := 0
	for _, newestFirst := range []bool{false, true} {
		for _, owed := range []bool{false, true} {
			var pairs []pair
			fitting := 0
			for i := 1; i < len(r.rows); i++ {
				before, after := r.rows[i-1], r.rows[i]
				p := pair{known: after.place == before.place+1}
				if newestFirst {
					before, after = after, before
				}
				p.line, p.moved = after.line, after.balance.Sub(before.balance)
				if owed {
					p.moved = p.moved.Neg()
				}
				p.fits = p.known && p.moved.Equal(booked(lines, p.line))
				if p.fits {
					fitting++
				}
				pairs = append(pairs, p)
			}
			if fitting > most {
				best, most = pairs, fitting
			}
		}
	}
	known := 0
	for _, p := range best {
		if p.known {
			known++
		}
	}
	found := map[int]string{}
	if most < 2 || most*3 < known*2 {
		return found
	}
	for i, p := range best {
		alone := (i == 0 || best[i-1].fits) && (i == len(best)-1 || best[i+1].fits)
		if p.known && !p.fits && alone {
			found[p.line] = fmt.Sprintf("the balance beside it moves by %s, and the amount is read as %s: correct the line, or export the file again",
				money.Format(p.moved), money.Format(booked(lines, p.line)))
		}
	}
	return found
}

// booked is what a row's lines, of which the first is given, move together.
func booked(lines []Line, first int) decimal.Decimal {
	sum := decimal.Zero
	for _, l := range lines[first:] {
		if l.Number != lines[first].Number {
			break
		}
		sum = sum.Add(l.Amount)
	}
	return sum
}
