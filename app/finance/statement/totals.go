package statement

import (
	"fmt"
	"strings"

	"github.com/shopspring/decimal"
)

// totals recognises rows that sum others up and have a date all the same.
type totals struct {
	mark    string
	columns []int
	sum     map[int]decimal.Decimal // of all rows, by column
	above   map[int]decimal.Decimal // of the rows before the one that is looked at
}

// totalWords name a sum and no shop; Total is a chain of petrol stations too.
var totalWords = phrases(`totals, grand total, sub total, subtotal, total amount, total debits, total credits, total debit, total credit, statement total, total transactions, summe, gesamtsumme, gesamt, zwischensumme, gesamtbetrag, summe umsätze,
	total général, somme, sous total, totaux, total mouvements, total generale, totale, totale movimenti, totaal, totalt, summa, summa summarum, yhteensä, razem, suma, suma końcowa, celkem, celkom, součet, súčet, összesen, végösszeg, toplam, genel toplam, итого, всего, разом, усього, σύνολο, ukupno, skupaj, kopā, iš viso, kokku,
	合計, 合计, 总计, 總計, 小計, 小计, 計, 합계, 총계, total geral, total do período, suma total`)

func newTotals(rows []record, c columns, mark string) *totals {
	t := &totals{mark: mark, sum: map[int]decimal.Decimal{}, above: map[int]decimal.Decimal{}}
	for _, i := range []int{c.amount, c.debit, c.credit} {
		if i >= 0 {
			t.columns = append(t.columns, i)
		}
	}
	for _, row := range rows {
		for i, value := range t.values(row.fields) {
			t.sum[i] = t.sum[i].Add(value)
		}
	}
	return t
}

func (t *totals) values(row []string) map[int]decimal.Decimal {
	found := map[int]decimal.Decimal{}
	for _, i := range t.columns {
		if i >= len(row) {
			continue
		}
		if a, err := readAmount(row[i], t.mark); err == nil {
			found[i] = a.value
		}
	}
	return found
}

// total says why a row is a sum of others, empty: it is none. A row whose text begins with
// Total or another word for a sum is one when each of its amounts is the sum of those above or of all others. Rows are to come in
// their order.
func (t *totals) total(row []string) string {
	values := t.values(row)
	above := map[int]decimal.Decimal{}
	for i, value := range values {
		above[i] = t.above[i]
		t.above[i] = t.above[i].Add(value)
	}
	for _, cell := range row {
		folded := fold(unwrap(cell))
		if totalWords[folded] {
			return fmt.Sprintf("is a sum and no movement, by its %s: enter it by hand if money did move", quote(cell))
		}
		first, _, _ := strings.Cut(folded, " ")
		if !totalWords[first] && first != "total" || len(values) == 0 {
			continue
		}
		sums := true
		for i, value := range values {
			sums = sums && (value.Equal(above[i]) || value.Equal(t.sum[i].Sub(value)))
		}
		if sums {
			return fmt.Sprintf("is the sum of other lines and called %s: enter it by hand if it was paid to somebody of that name", quote(cell))
		}
	}
	return ""
}
