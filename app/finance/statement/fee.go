package statement

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
)

// What Mapping.FeeMode says of the amounts beside fees.
const (
	FeeAdded    = "added"    // the fee went off on top of the amount
	FeeIncluded = "included" // the amount has the fee in it
)

// notThere is a column that the file has under a name which says otherwise.
const notThere Column = "-"

// booksFees reports whether fees become lines of their own.
func (m Mapping) booksFees() bool { return m.Fee != "" && m.Fee != notThere }

// fee reads the charge beside an amount: negative when it was charged, zero without one.
func (m Mapping) fee(row []string, c columns) (decimal.Decimal, unit, error) {
	if c.fee < 0 || c.fee >= len(row) || empty(row[c.fee]) {
		return decimal.Zero, unit{}, nil
	}
	a, err := readAmount(row[c.fee], m.DecimalMark)
	switch {
	case errors.Is(err, errZero):
		return decimal.Zero, unit{}, nil
	case err != nil:
		return decimal.Zero, unit{}, fmt.Errorf("the fee: %w", err)
	}
	if a.unit == (unit{}) {
		a.unit = c.units[c.fee]
	}
	switch {
	case a.side != 0:
		return a.value, a.unit, nil
	case c.signs.fee == 0:
		return decimal.Zero, unit{}, errors.New("of the fees as many have a minus as have none: which of them were charged cannot be told, enter these by hand")
	case c.signs.fee > 0: // most are charged: without a minus
		return a.value.Neg(), a.unit, nil
	}
	return a.value, a.unit, nil
}

// charged parts a row's line from the fee beside it, which may be all of it.
func (m Mapping) charged(l Line, row []string, c columns) ([]Line, error) {
	fee, of, err := m.fee(row, c)
	if err != nil {
		return nil, err
	}
	if fee.IsZero() {
		return []Line{l}, nil
	}
	if _, err := of.and(unit{l.Currency, l.Symbol}); err != nil {
		return nil, fmt.Errorf("the fee: %w", err)
	}
	charge := l
	charge.Amount, charge.Fee, charge.Category = fee, true, ""
	charge.Description = strings.TrimSpace("Fee: " + l.Description)
	if l.Reference != "" {
		charge.Reference = "fee " + l.Reference
	}
	if m.FeeMode == FeeIncluded {
		l.Amount = l.Amount.Sub(fee)
	}
	if l.Amount.IsZero() {
		return []Line{charge}, nil
	}
	return []Line{l, charge}, nil
}

// fees proposes to book the fees that stand beside amounts. Whether an amount has its
// fee in it the running balance tells, or a column of net or gross amounts.
func (p *Proposal) fees(h headers, rows [][]string) {
	m := p.Mapping
	c, err := m.columns(h)
	if err != nil || m.NoHeader {
		return
	}
	var found []int
	near := h.beside(c)
	for _, i := range near.fee {
		if slices.ContainsFunc(rows, func(row []string) bool { return charges(row, i, m.DecimalMark) }) {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return
	case 1:
	default:
		choices := []string{}
		for _, i := range found {
			choices = append(choices, string(h.column(i)))
		}
		p.unsure(AskFee, "several columns hold fees: choose the one that is to be booked, or - for none", append(choices, string(notThere))...)
	}
	p.Mapping.Fee, c.fee = h.column(found[0]), found[0]
	p.Mapping.FeeMode = p.feeMode(h, c, near, rows)
	if p.Mapping.FeeMode != "" {
		return
	}
	p.Mapping.FeeMode = FeeAdded
	p.ask(Ambiguity{
		Field: AskFeeMode, Choices: []string{FeeAdded, FeeIncluded}, or: []Field{AskFee},
		Reason: fmt.Sprintf("%s holds fees: added if they went off on top of the amounts, included if the amounts have them in them (a fee of - in the mapping leaves the column out)", quote(h.shown[found[0]])),
	})
}

// charges reports whether a row has a fee.
func charges(row []string, i int, mark string) bool {
	if i >= len(row) || empty(row[i]) {
		return false
	}
	_, err := readAmount(row[i], mark)
	return err == nil
}

// Words of columns that hold the amounts with or without their fees.
var grossOrNet = set(`net netto nettobetrag neto gross brutto bruttobetrag brut bruto lordo total totaal gesamt gesamtbetrag`)

// feeMode tells whether amounts have their fees in them, empty: nothing speaks for one
// of both alone.
func (p *Proposal) feeMode(h headers, c columns, near beside, rows [][]string) string {
	m := p.Mapping
	rows = slices.DeleteFunc(slices.Clone(rows), func(row []string) bool { return near.unbooked(row) != "" })
	c.signs = m.signs(records(rows), c)
	votes := map[string]int{}
	read := func(row []string) (amount, fee decimal.Decimal, ok bool) {
		amount, _, err := m.amount(row, c, func(_ string, i int) (string, error) {
			if i >= len(row) {
				return "", errZero
			}
			return row[i], nil
		})
		if err != nil {
			return amount, fee, false
		}
		fee, _, err = m.fee(row, c)
		return amount, fee, err == nil
	}
	for i, name := range h.shown {
		words := strings.Fields(fold(name))
		if i == c.fee || i == c.amount || !slices.ContainsFunc(words, func(word string) bool { return grossOrNet[word] }) {
			continue
		}
		for _, row := range rows {
			amount, fee, ok := read(row)
			if !ok || fee.IsZero() || i >= len(row) {
				continue
			}
			if a, err := readAmount(row[i], m.DecimalMark); err == nil {
				vote(votes, a.value.Abs(), amount.Add(fee).Abs(), amount.Sub(fee).Abs())
			}
		}
	}
	balance := newRunning(h, c, m.DecimalMark)
	if balance.column >= 0 {
		for mode, n := range balance.feeVotes(rows, read) {
			votes[mode] += n
		}
	}
	switch added, included := votes[FeeAdded], votes[FeeIncluded]; {
	case added > 0 && included == 0:
		return FeeAdded
	case included > 0 && added == 0:
		return FeeIncluded
	}
	return ""
}

// vote counts for what an amount is the other's: with the fee taken off, the amount
// beside it is gross and the fee on top; with it put on, the amount is net.
func vote(votes map[string]int, value, less, more decimal.Decimal) {
	switch {
	case value.Equal(less) && !value.Equal(more):
		votes[FeeAdded]++
	case value.Equal(more) && !value.Equal(less):
		votes[FeeIncluded]++
	default:
		votes["neither"]++
	}
}

// feeVotes counts the rows with fees by which the balance moves with the fee on top of
// the amount, and without. Of the orders of time and signs that a balance may have, the
// one counts that most rows follow.
func (r *running) feeVotes(rows [][]string, read func([]string) (amount, fee decimal.Decimal, ok bool)) map[string]int {
	for place, row := range rows {
		r.add(row, place, place)
	}
	var best map[string]int
	most := 0
	for _, newestFirst := range []bool{false, true} {
		for _, owed := range []bool{false, true} {
			votes, fitting := map[string]int{}, 0
			for i := 1; i < len(r.rows); i++ {
				before, after := r.rows[i-1], r.rows[i]
				if after.place != before.place+1 {
					continue
				}
				if newestFirst {
					before, after = after, before
				}
				moved := after.balance.Sub(before.balance)
				if owed {
					moved = moved.Neg()
				}
				amount, fee, ok := read(rows[after.line])
				switch {
				case !ok:
				case moved.Equal(amount.Add(fee)) && fee.IsZero():
					fitting++
				case moved.Equal(amount.Add(fee)):
					fitting++
					votes[FeeAdded]++
				case moved.Equal(amount):
					fitting++
					votes[FeeIncluded]++
				}
			}
			if fitting > most {
				best, most = votes, fitting
			}
		}
	}
	return best
}

func records(rows [][]string) []record {
	all := make([]record, len(rows))
	for i, row := range rows {
		all[i] = record{fields: row}
	}
	return all
}

// IsFee reports whether a name, of a column or a category, is that of banks' fees.
func IsFee(name string) bool { return feeColumn(fold(name)) }
