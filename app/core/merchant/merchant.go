// Package merchant tells whom a person paid from what their bank wrote: the same
// shop under one name, whatever card, terminal or reference stands beside it.
package merchant

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"github.com/wealth-companion/companion/app/core/history"
)

// maxWords are kept of a name: what follows is mostly a town.
const maxWords = 3

var (
	// Who carries a payment stands before whom it is for.
	carrier = regexp.MustCompile(`^(paypal|sumup|sq|zettle|izettle|klarna|stripe|adyen|mollie|crv|pp|tst|google|apple pay)\s*[*:]\s*`)
	// How it was paid says nothing of whom.
	manner   = regexp.MustCompile(`\b(card purchase|card payment|contactless|direct debit|standing order|sepa|lastschrift|dauerauftrag|kartenzahlung|pos|visa|mastercard|maestro|debit|purchase|payment to|payment|ref|invoice|mandate)\b`)
	notAWord = regexp.MustCompile(`[^\p{L}\p{N}&]+`)
	domain   = regexp.MustCompile(`\.(com|net|org|io|co\.uk|de|fr|nl|se|eu|app|tv)\b`)
)

// legal forms and months are no part of a name.
var dropped = wordSet(`gmbh ag kg ug inc llc ltd plc corp co bv nv ab oy sarl sas sa srl spa www the
	jan feb mar apr jun jul aug sep sept oct nov dec january february march april june july august september
	october november december de nl uk us gb se lu`)

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}

// Normalise returns the merchant's name in a description, in lower case without
// accents: "PAYPAL *NETFLIX.COM 4029357733 NL" is "netflix". It is empty when
// the description names nobody.
func Normalise(description string) string {
	words := Words(description)
	return strings.Join(words[:min(len(words), maxWords)], " ")
}

// Words returns every word of a description that may belong to the merchant's
// name, in lower case without accents: without numbers, references, legal forms
// and what says how it was paid.
func Words(description string) []string {
	text := strings.ToLower(fold(description))
	text = carrier.ReplaceAllString(text, "")
	text = domain.ReplaceAllString(text, " ")
	text = manner.ReplaceAllString(text, " "+paid+" ")
	var kept []string
	for word := range strings.FieldsSeq(notAWord.ReplaceAllString(text, " ")) {
		if !dropped[word] && !isNumber(word) && !masked(word) {
			kept = append(kept, word)
		}
	}
	named := slices.DeleteFunc(withoutPayment(kept), func(word string) bool { return word == paid })
	return withoutCarrier(withoutInitials(named))
}

// withoutInitials drops letters that stand in a row behind a name: legal forms such as
// "B.V." and "S.p.A.".
func withoutInitials(words []string) []string {
	kept := words[:0]
	for from := 0; from < len(words); {
		to := from
		for to < len(words) && utf8.RuneCountInString(words[to]) == 1 && unicode.IsLetter([]rune(words[to])[0]) {
			to++
		}
		switch {
		case to == from:
			kept = append(kept, words[from])
			from++
		case to-from > 1 && from > 0:
			from = to
		default:
			kept = append(kept, words[from:to]...)
			from = to
		}
	}
	return kept
}

// carriers carry payments for others and are named first, as the bank's other party, with
// words of their own names.
var (
	carriers   = wordSet("paypal klarna sumup zettle izettle stripe adyen mollie")
	ofCarriers = wordSet("europe et cie bank payments")
)

// purchaseAt stands between a carrier's name and reference and the merchant's name.
var purchaseAt = []string{"ihr", "einkauf", "bei"}

// withoutCarrier leaves of a payment that somebody carried whom it was for; without more,
// it was for the carrier.
func withoutCarrier(words []string) []string {
	if len(words) == 0 || !carriers[words[0]] {
		return words
	}
	for i := range words {
		if rest := words[i:]; len(rest) > len(purchaseAt) && slices.Equal(rest[:len(purchaseAt)], purchaseAt) {
			return rest[len(purchaseAt):]
		}
	}
	from := 1
	for from < len(words) && ofCarriers[words[from]] {
		from++
	}
	if from == len(words) {
		return words[:1]
	}
	return words[from:]
}

// paid stands for any words of manner until the beginning is taken off.
const paid = "payment"

// masked tells whether a word stands for the digits of a card, as in XXXX1234.
func masked(word string) bool {
	return len(word) > 1 && strings.Trim(word, "x0123456789") == ""
}

// isNumber tells whether a word is a number or a reference rather than a name
// such as "7eleven" or "h2o".
func isNumber(word string) bool {
	digits, letters := 0, 0
	for _, r := range word {
		switch {
		case unicode.IsDigit(r):
			digits++
		case unicode.IsLetter(r):
			letters++
		}
	}
	return digits >= 3 || digits > 0 && letters == 0 || digits > 0 && digits >= letters
}

// fold takes accents off: "Café" becomes "Cafe".
func fold(text string) string {
	plain := true
	for i := range len(text) {
		plain = plain && text[i] < 0x80
	}
	if plain {
		return text
	}
	// A transformer has state, so each call has its own.
	folded, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), text)
	if err != nil {
		return text // not UTF-8: the name as it is still tells merchants apart
	}
	return folded
}

// Of returns whom a transaction was with; a description that names nobody gives
// the empty string.
func Of(t history.Transaction) string {
	if t.Merchant != "" {
		return t.Merchant
	}
	return Normalise(t.Description)
}

// Show writes a normalised name for people: "netflix" is "Netflix".
func Show(name string) string {
	words := strings.Fields(name)
	for i, word := range words {
		first := []rune(word)
		first[0] = unicode.ToUpper(first[0])
		words[i] = string(first)
	}
	return strings.Join(words, " ")
}
