package merchant

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Wording is what a person's banks put before and behind the names of merchants: the
// phrases that Learn found. The zero value knows none.
type Wording struct {
	Before []string `json:"before,omitempty"` // phrases, their words separated by a blank
	Behind []string `json:"behind,omitempty"`
}

const (
	// longestPhrase is how many words a phrase has at the most.
	longestPhrase = 8
	// mostRows are learnt from: more tell no more, and cost.
	mostRows = 3000
	// townShops is behind how many other names a town stands.
	townShops = 3
	// mostTowns is the share of the following words that may stand behind other
	// merchants' names too; with more, what follows are towns.
	mostTowns = 0.34
)

// evidence is what it takes to believe that a phrase is a bank's.
type evidence struct {
	rows  int     // that go on after it
	share float64 // of all rows
	names int     // different words that follow it
	// variety is how many equally frequent words what follows must be worth, by its
	// entropy: a bank's words stand before anything, a merchant's before the few towns
	// where a person shops there.
	variety float64
}

// neededBefore is the evidence for a phrase of so many words before names: the fewer,
// the more often it is a merchant's name.
func neededBefore(words int) evidence {
	switch words {
	case 1:
		return evidence{rows: 12, share: 0.2, names: 8, variety: 5}
	case 2:
		return evidence{rows: 10, share: 0.06, names: 6, variety: 4}
	}
	return evidence{rows: 6, share: 0.02, names: 4, variety: 2.5}
}

// neededBehind is that for a phrase behind names, a town mostly: without it two names
// still differ.
func neededBehind(int) evidence { return evidence{rows: 8, share: 0.04, names: 5, variety: 3.5} }

// Learn finds the fixed words in the descriptions of one person's transactions, each
// as often as it occurs. A phrase is fixed when it begins, or ends, many rows and
// what stands beside it differs from row to row. Too few rows give the zero value.
func Learn(descriptions []string) Wording { return NewReader().Learn(descriptions) }

// Reader reads the words of descriptions, and remembers them: to read one takes a fifth of a
// millisecond for each hundred words. It is one goroutine's.
type Reader struct{ words map[string][]string }

// wordsRead are kept of a description: names and what banks write around them have fewer, and of
// statements of thousands of rows all are kept.
const wordsRead = 24

// NewReader returns a reader that has read nothing.
func NewReader() *Reader { return &Reader{map[string][]string{}} }

// Words are those of the function Words, the first 24. They must not be changed.
func (r *Reader) Words(description string) []string {
	words, known := r.words[description]
	if !known {
		words = Words(description)
		if len(words) > wordsRead {
			words = slices.Clone(words[:wordsRead])
		}
		r.words[description] = words
	}
	return words
}

// Learn is the function Learn.
func (r *Reader) Learn(descriptions []string) Wording {
	if len(descriptions) > mostRows {
		descriptions = spread(descriptions, mostRows)
	}
	all := make([][]string, 0, len(descriptions))
	for _, description := range descriptions {
		if words := r.Words(description); len(words) > 0 {
			all = append(all, words)
		}
	}
	w := Wording{Before: fixed(all, neededBefore, true)}
	for i, words := range all {
		all[i] = w.withoutBefore(words)
	}
	// Behind a town there may be fixed words too.
	for range 2 {
		reversed := make([][]string, len(all))
		for i, words := range all {
			reversed[i] = slices.Clone(w.withoutBehind(words))
			slices.Reverse(reversed[i])
		}
		for _, phrase := range fixed(reversed, neededBehind, false) {
			words := strings.Fields(phrase)
			slices.Reverse(words)
			w.Behind = append(w.Behind, strings.Join(words, " "))
		}
	}
	return w
}

// spread takes so many of all, at equal distances.
func spread(all []string, most int) []string {
	taken := make([]string, most)
	for i := range taken {
		taken[i] = all[i*len(all)/most]
	}
	return taken
}

// beginning is a phrase that rows begin with, and what follows it.
type beginning struct {
	phrase string
	words  int
	rows   int            // that go on after it
	next   map[string]int // how many rows go on with each word
}

// fixed returns the phrases that begin rows of words and are not part of what
// differs, the longest first. names: what follows must be names; where it is towns,
// the phrase is a merchant.
func fixed(rows [][]string, needed func(words int) evidence, names bool) []string {
	candidates := map[string]*beginning{}
	for _, words := range rows {
		for n := 1; n <= min(longestPhrase, len(words)-1); n++ {
			phrase := strings.Join(words[:n], " ")
			b := candidates[phrase]
			if b == nil {
				b = &beginning{phrase: phrase, words: n, next: map[string]int{}}
				candidates[phrase] = b
			}
			b.rows++
			b.next[words[n]]++
		}
	}
	varied := map[string]*beginning{}
	for phrase, b := range candidates {
		if b.varied(needed(b.words), len(rows)) {
			varied[phrase] = b
		}
	}
	follows := map[string][]string{} // by word, the single first words that it follows
	for phrase, b := range candidates {
		if b.words > 1 || varied[phrase] != nil || leadsTo(phrase, varied) {
			continue
		}
		for word := range b.next {
			follows[word] = append(follows[word], phrase)
		}
	}
	var found []string
	for phrase, b := range varied {
		if within(phrase, varied) || names && b.beforeTowns(follows) {
			continue
		}
		found = append(found, phrase)
	}
	slices.SortFunc(found, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	return found
}

// varied tells whether what follows differs as much as names do.
func (b *beginning) varied(least evidence, all int) bool {
	if b.rows < least.rows || len(b.next) < least.names || float64(b.rows) < least.share*float64(all) {
		return false
	}
	entropy := 0.0
	for _, n := range b.next {
		p := float64(n) / float64(b.rows)
		entropy -= p * math.Log(p)
	}
	return math.Exp(entropy) >= least.variety
}

// within tells whether a phrase goes on where a shorter one ends that is a bank's
// already: then it has a merchant's name in it.
func within(phrase string, varied map[string]*beginning) bool {
	for i, r := range phrase {
		if r == ' ' && varied[phrase[:i]] != nil {
			return true
		}
	}
	return false
}

// beforeTowns tells whether the words that go on the phrase stand behind merchants'
// names too.
func (b *beginning) beforeTowns(follows map[string][]string) bool {
	first, _, _ := strings.Cut(b.phrase, " ")
	common := 0
	for word := range b.next {
		others := len(follows[word])
		if slices.Contains(follows[word], first) {
			others--
		}
		if others >= townShops {
			common++
		}
	}
	return float64(common) > mostTowns*float64(len(b.next))
}

// leadsTo tells whether a bank's phrase begins with the word.
func leadsTo(word string, varied map[string]*beginning) bool {
	for phrase := range varied {
		if strings.HasPrefix(phrase, word+" ") {
			return true
		}
	}
	return false
}

// Words returns the words of a description that may belong to the merchant's name, as
// Words does, without what the person's banks put before and behind it.
func (w Wording) Words(description string) []string { return w.Without(Words(description)) }

// Without returns words of a description without what the person's banks put before and
// behind the merchant's name.
func (w Wording) Without(words []string) []string { return w.withoutBehind(w.withoutBefore(words)) }

// withoutBehind takes fixed phrases off the end, as long as something is left.
func (w Wording) withoutBehind(words []string) []string {
	for i := 0; i < len(w.Behind); i++ {
		fixed := strings.Fields(w.Behind[i])
		if n := len(words) - len(fixed); n > 0 && slices.Equal(words[n:], fixed) {
			words, i = words[:n], -1
		}
	}
	return words
}

// withoutBefore takes a fixed phrase off the beginning; a description of nothing but
// the phrase keeps it.
func (w Wording) withoutBefore(words []string) []string {
	for _, phrase := range w.Before {
		fixed := strings.Fields(phrase)
		if len(words) > len(fixed) && slices.Equal(words[:len(fixed)], fixed) {
			return words[len(fixed):]
		}
	}
	return words
}

// Normalise returns the merchant's name in a description, as Normalise does, without
// what the person's banks put before and behind it.
func (w Wording) Normalise(description string) string { return w.Name(Words(description)) }

// Name is Normalise of a description's words.
func (w Wording) Name(words []string) string {
	words = w.Without(words)
	return strings.Join(words[:min(len(words), maxWords)], " ")
}
