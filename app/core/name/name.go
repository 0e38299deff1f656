// Package name says what belongs into names: of people, things and files, by which
// lists and messages tell them apart.
package name

import (
	"strings"
	"unicode"
)

// Invisible reports whether a character has no place in a name: controls, line breaks,
// what turns the direction of writing round, and spaces of no width. Joiners, which emoji
// and several scripts are written with, are none of them.
func Invisible(r rune) bool {
	const joiner, nonJoiner = '\u200d', '\u200c'
	switch {
	case r == joiner, r == nonJoiner, unicode.Is(unicode.Variation_Selector, r):
		return false
	case r >= 0xE0020 && r <= 0xE007F: // tags: flags of regions are written with them
		return false
	default:
		return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
	}
}

// Plain returns a name of somebody else's making without what is invisible, on one line
// and of at most so many characters.
func Plain(text string, longest int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r): // line breaks, too
			return ' '
		case Invisible(r):
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(text, ""))
	runes := []rune(strings.Join(strings.Fields(text), " "))
	return strings.TrimSpace(string(runes[:min(len(runes), longest)]))
}
