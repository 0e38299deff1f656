package statement

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// read takes the whole file in as UTF-8 whose lines end in "\n".
func read(r io.Reader, name string) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return "", fmt.Errorf("read the statement: %w", err)
	}
	if len(raw) > MaxBytes {
		return "", invalid("file", "is larger than %d MiB: export a shorter time, several files one after the other", MaxBytes>>20)
	}
	return decode(raw, name)
}

// notText are beginnings of files that are something else.
var notText = []struct{ start, what string }{
	{"PK\x03\x04", "a spreadsheet or an archive: save it as CSV, or unpack it"},
	{"\xd0\xcf\x11\xe0", "an old spreadsheet: save it as CSV"},
	{"%PDF", "a PDF: ask the bank for CSV, OFX, CAMT, MT940 or QIF"},
	{"\x1f\x8b", "compressed: unpack it"},
}

// newLines makes every line end in "\n".
func newLines(raw []byte) string {
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	return strings.ReplaceAll(text, "\r", "\n")
}

// split cuts a text into its lines.
func split(text string) ([]string, error) {
	if strings.Count(text, "\n") > MaxLines {
		return nil, invalid("file", "has more than %d lines: export a shorter time, several files one after the other", MaxLines)
	}
	return strings.Split(text, "\n"), nil
}

// clean makes a bank's words fit to be kept and shown: one line, no control
// characters, at most so many characters.
func clean(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if utf8.RuneCountInString(text) > most {
		text = strings.TrimSpace(string([]rune(text)[:most]))
	}
	return text
}

// quote shows a value in a reason, short enough to be read.
func quote(text string) string { return fmt.Sprintf("%q", clean(text, 40)) }
