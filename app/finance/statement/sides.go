package statement

import (
	"fmt"
	"slices"
	"strings"
)

// sideOf reads a value of the column of sides: a word of debit or credit, or, where
// kinds says that the column holds kinds of movements, what kind it is: -1 out, 1 in,
// 0 neither.
func (k kindsOf) sideOf(word string) int {
	word = unwrap(word)
	if says := side(word); says != 0 {
		return says
	}
	folded := fold(word)
	out, known := kinds[folded]
	switch {
	case k.none:
		return 0
	case payments[folded] && k.card:
		return 1
	case payments[folded], known && out:
		return -1
	case known:
		return 1
	}
	return 0
}

// kindsOf is what a column of kinds has in common over the whole file.
type kindsOf struct {
	none bool // it is a column of sides alone
	card bool // purchases and payments: what is paid goes to the card
}

// kindsIn looks at a column's values.
func kindsIn(cells []string) (k kindsOf, known int) {
	purchases, paid := false, false
	for _, cell := range cells {
		folded := fold(unwrap(cell))
		out, is := kinds[folded]
		pays := payments[folded]
		purchases, paid = purchases || is && out, paid || pays
		if is || pays || side(unwrap(cell)) != 0 {
			known++
		}
	}
	k.card = purchases && paid
	return k, known
}

// kindColumn finds the column that alone tells whether money came or went: of most rows
// it names a kind, and not all go the same way.
func kindColumn(data [][]string, width int, not ...int) int {
	for i := range width {
		if slices.Contains(not, i) {
			continue
		}
		cells := column(data, i)
		k, known := kindsIn(cells)
		if known == 0 || len(cells) < len(data) || 3*known < 2*len(cells) {
			continue
		}
		in := slices.ContainsFunc(cells, func(cell string) bool { return k.sideOf(cell) > 0 })
		out := slices.ContainsFunc(cells, func(cell string) bool { return k.sideOf(cell) < 0 })
		if in && out {
			return i
		}
	}
	return -1
}

// tellKinds asks whether a column of kinds is read rightly.
func (p *Proposal) tellKinds(name Column, cells []string) {
	k, _ := kindsIn(cells)
	var out, in, neither []string
	for _, cell := range cells {
		into := map[int]*[]string{-1: &out, 0: &neither, 1: &in}[k.sideOf(cell)]
		if shown := quote(unwrap(cell)); !slices.Contains(*into, shown) && len(*into) < 5 {
			*into = append(*into, shown)
		}
	}
	reason := fmt.Sprintf("no amount has a minus, and %s tells which way money went: out with %s, in with %s", quote(string(name)), strings.Join(out, ", "), strings.Join(in, ", "))
	if len(neither) > 0 {
		reason += "; lines with " + strings.Join(neither, ", ") + " are left out"
	}
	p.unsure("direction", reason, string(name))
}

// paidWords are words in the text of what was paid to a card.
var paidWords = phrases(`payment received, payment thank you, thank you, autopay, payment to card, automatic payment, zahlung erhalten, ihre zahlung, zahlung danke, vielen dank, paiement reçu, merci, pago recibido, su pago, gracias, pagamento recebido, obrigado, pagamento ricevuto, grazie, betaling ontvangen, bedankt, inbetalning, tack, wpłata dziękujemy, splátka`)

// looksLikeACard reports whether what has a minus is what a card's holder pays, or what
// has none is a purchase by its kind: purchases are written without a minus then.
func looksLikeACard(data [][]string, amount int) bool {
	for _, row := range data {
		if amount >= len(row) {
			continue
		}
		a, ok := takeApart(row[amount])
		if !ok || a.side != 0 {
			continue
		}
		for i, cell := range row {
			folded := fold(cell)
			if i == amount || len(folded) < 3 {
				continue
			}
			out, kind := kinds[folded]
			switch {
			case a.negative() && (payments[folded] || hasPhrase(folded, paidWords)):
				return true
			case !a.negative() && kind && out:
				return true
			}
		}
	}
	return false
}

// hasPhrase reports whether a folded text has one of some phrases in it, as whole words.
func hasPhrase(folded string, phrases map[string]bool) bool {
	for phrase := range phrases {
		if strings.Contains(" "+folded+" ", " "+phrase+" ") {
			return true
		}
	}
	return false
}
