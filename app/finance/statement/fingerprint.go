package statement

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/wealth-companion/companion/app/core/money"
)

// Fingerprint tells whether a line has been imported before into the same
// wallet: 64 hexadecimal digits. It rests on the day, the amount, and the bank's
// reference; where there is none, on the description's letters and digits, and
// on occurrence, which numbers equal lines of one file from 1: two coffees on
// one day are two. Day and amount count beside a reference too, for some banks
// use a reference again; the same line twice under one reference is one.
//
// The currency does not count: a wallet has one, and not every export names it.
func Fingerprint(l Line, occurrence int) string {
	rest := fmt.Sprintf("text\n%s\n%d", letters(l.Description), occurrence)
	if l.Reference != "" {
		rest = "reference\n" + l.Reference
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "1\n%s\n%s\n%s", l.At.UTC().Format(time.DateOnly), money.Format(l.Amount), rest))
	return hex.EncodeToString(sum[:])
}

// Fingerprints gives each line of a file its fingerprint. The set of them does
// not depend on the order of the lines, so an export of a longer time repeats
// those of a shorter one.
func Fingerprints(lines []Line) []string {
	out := make([]string, len(lines))
	seen := map[string]int{}
	for i, l := range lines {
		first := Fingerprint(l, 1)
		seen[first]++
		out[i] = Fingerprint(l, seen[first])
	}
	return out
}

// letters leaves of a description what stays the same in every export.
func letters(text string) string {
	words := strings.FieldsFunc(strings.ToLower(norm.NFKC.String(text)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	return strings.Join(words, " ")
}
