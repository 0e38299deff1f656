// Package matching finds movements of money that are probably the same: a line of
// a bank's statement and a transaction that is there already, the two sides of a
// transfer between a person's own wallets. It works on plain values and decides
// nothing: what it finds is proposed to the person.
package matching

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/merchant"
)

// Movement is money that came to a wallet or left it.
type Movement struct {
	Day         time.Time       // midnight UTC
	Amount      decimal.Decimal // negative when it left
	Description string
}

// days is how many days later b is than a.
func days(a, b time.Time) int { return int(math.Round(b.Sub(a).Hours() / 24)) }

// Words that compare as alike share so much of their letters: typing errors and
// plurals, not other names.
const (
	alike     = 0.75
	wordLeast = 3 // letters of a word that can tell a merchant by its beginning
	// wordsMost are compared of a description, from its beginning: each with each of the
	// other, and statements may have hundreds.
	wordsMost = 12
)

// Similarity tells how much two descriptions speak of the same merchant, from 0,
// no word in common, to 1, one's words are all in the other. Banks write more than
// people do, so what only the longer one has does not count. known is false where
// one of them names nobody.
func Similarity(a, b string) (similarity float64, known bool) {
	return similarity2(merchant.Words(a), merchant.Words(b))
}

func similarity2(short, long []string) (float64, bool) {
	short, long = short[:min(len(short), wordsMost)], long[:min(len(long), wordsMost)]
	if letters(short) > letters(long) {
		short, long = long, short
	}
	total := letters(short)
	if total == 0 {
		return 0, false
	}
	// "media markt" is "mediamarkt".
	if joined := strings.Join(short, ""); len(joined) > wordLeast && strings.Contains(strings.Join(long, ""), joined) {
		return 1, true
	}
	found := 0.0
	for _, word := range short {
		best := 0.0
		for _, other := range long {
			if best = max(best, wordSimilarity(word, other)); best == 1 {
				break
			}
		}
		found += best * float64(len(word))
	}
	return found / float64(total), true
}

func letters(words []string) int {
	total := 0
	for _, word := range words {
		total += len(word)
	}
	return total
}

func wordSimilarity(a, b string) float64 {
	if a == b {
		return 1
	}
	short, long := a, b
	if len(short) > len(long) {
		short, long = long, short
	}
	if len(short) >= wordLeast && strings.HasPrefix(long, short) {
		return 0.9 // banks cut words off
	}
	if len(short) < wordLeast {
		return 0
	}
	// Words of which one is that much longer are farther apart than that.
	most := utf8.RuneCountInString(long)
	if float64(min(utf8.RuneCountInString(short), most)) < alike*float64(most) {
		return 0
	}
	if share := 1 - float64(levenshtein.ComputeDistance(a, b))/float64(most); share >= alike {
		return share
	}
	return 0
}
