package statement

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	utf16 "golang.org/x/text/encoding/unicode"
)

// The encodings a mapping may name; none: UTF-8 when the file is that, else
// Windows-1252, which holds ISO-8859-1's letters too. A byte order mark wins.
var encodings = map[string]encoding.Encoding{
	"utf-8":        nil,
	"utf-16":       utf16.UTF16(utf16.LittleEndian, utf16.UseBOM),
	"windows-1252": charmap.Windows1252,
	"iso-8859-1":   charmap.ISO8859_1,
	"iso-8859-15":  charmap.ISO8859_15,
}

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

func decode(raw []byte, name string) (string, error) {
	for start, what := range map[string]string{
		"PK\x03\x04":       "a spreadsheet or an archive: save it as CSV, or unpack it",
		"\xd0\xcf\x11\xe0": "an old spreadsheet: save it as CSV",
		"%PDF":             "a PDF: ask the bank for CSV, OFX or QIF",
		"\x1f\x8b":         "compressed: unpack it",
	} {
		if bytes.HasPrefix(raw, []byte(start)) {
			return "", invalid("file", "is %s", what)
		}
	}
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		raw, name = raw[3:], "utf-8"
	case bytes.HasPrefix(raw, []byte("\xff\xfe")), bytes.HasPrefix(raw, []byte("\xfe\xff")):
		name = "utf-16"
	case name == "" && utf8.Valid(raw):
		name = "utf-8"
	case name == "":
		name = "windows-1252"
	}
	if code := encodings[name]; code != nil {
		out, err := code.NewDecoder().Bytes(raw)
		if err != nil {
			return "", invalid("encoding", "the file is not %s: choose another encoding", name)
		}
		raw = out
	}
	if !utf8.Valid(raw) {
		return "", invalid("encoding", "the file is not %s: choose windows-1252, or leave the encoding out", name)
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return "", invalid("file", "is not text: ask the bank for CSV, OFX or QIF")
	}
	text := strings.ReplaceAll(string(raw), "\r\n", "\n")
	return strings.ReplaceAll(text, "\r", "\n"), nil
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
