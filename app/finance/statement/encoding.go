package statement

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	utf16 "golang.org/x/text/encoding/unicode"
)

// The encodings a mapping may name. A byte order mark, and text that is UTF-8
// beyond doubt, win over what is named.
var encodings = map[string]encoding.Encoding{
	"utf-8":        nil,
	"utf-16":       utf16.UTF16(utf16.LittleEndian, utf16.UseBOM),
	"utf-16le":     utf16.UTF16(utf16.LittleEndian, utf16.IgnoreBOM),
	"utf-16be":     utf16.UTF16(utf16.BigEndian, utf16.IgnoreBOM),
	"windows-1250": charmap.Windows1250,
	"windows-1251": charmap.Windows1251,
	"windows-1252": charmap.Windows1252,
	"windows-1253": charmap.Windows1253,
	"windows-1254": charmap.Windows1254,
	"windows-1257": charmap.Windows1257,
	"iso-8859-1":   charmap.ISO8859_1,
	"iso-8859-2":   charmap.ISO8859_2,
	"iso-8859-5":   charmap.ISO8859_5,
	"iso-8859-7":   charmap.ISO8859_7,
	"iso-8859-9":   charmap.ISO8859_9,
	"iso-8859-15":  charmap.ISO8859_15,
	"macintosh":    charmap.Macintosh,
	"koi8-r":       charmap.KOI8R,
	"ibm850":       charmap.CodePage850,
	"ibm852":       charmap.CodePage852,
	"ibm866":       charmap.CodePage866,
	"gb18030":      simplifiedchinese.GB18030,
	"big5":         traditionalchinese.Big5,
	"shift_jis":    japanese.ShiftJIS,
	"euc-jp":       japanese.EUCJP,
	"euc-kr":       korean.EUCKR,
}

func encodingNames() string { return strings.Join(slices.Sorted(maps.Keys(encodings)), ", ") }

// What each code page is used for, those met most often first: languages by
// the letters that they have beside a to z. The order decides between code
// pages that read a file alike.
var codePages = []struct {
	name      string
	languages []string
}{
	{"windows-1252", western},
	{"windows-1250", central},
	{"iso-8859-2", central},
	{"iso-8859-15", western},
	{"macintosh", western},
	{"windows-1251", cyrillic},
	{"windows-1253", greek},
	{"windows-1254", turkish},
	{"windows-1257", baltic},
	{"iso-8859-7", greek},
	{"koi8-r", cyrillic},
	{"iso-8859-5", cyrillic},
	{"ibm866", cyrillic},
	{"ibm852", central},
	{"ibm850", western},
}

var (
	western = []string{
		"äöüß", "àâæçéèêëîïôœùûüÿ", "áéíóúüñçàèòïºª", "ãáàâçéêíóõôúºª", "àèéìíîòóùú", "åäöé", "æøåéü", "éèëïöüóá", "áéíóúðýþæö", "õäöüšž",
	}
	central = []string{
		"ěščřžýáíéúůďťňó", "ľščťžýáíéúäňôďŕĺó", "ąćęłńóśźż", "áéíóöőúüű", "čšžćđ", "ăâîșțşţ", "äöüß",
	}
	cyrillic = []string{"абвгдежзийклмнопрстуфхцчшщъыьэюяё№", "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя№"}
	greek    = []string{"αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋ"}
	turkish  = []string{"çğıöşüİâî"}
	baltic   = []string{"ąčęėįšųūž", "āčēģīķļņšūž", "õäöüšž"}
)

// decode gives a file as UTF-8 whose lines end in "\n".
func decode(raw []byte, name string) (string, error) {
	d, err := decodeAs(raw, name)
	return d.text, err
}

var ofxCharset = regexp.MustCompile(`(?m)^CHARSET: *(?:(?:CP|WINDOWS-)?(125[0-4]|1257)|ISO-?(8859-(?:1|2|5|7|9|15)))\s*$`)

// ofxClaim is the code page that an OFX file's header names, if it is one of ours. Programs
// write 1252 whatever they write then, so it decides only between code pages that the
// letters leave open.
func ofxClaim(raw []byte) string {
	found := ofxCharset.FindSubmatch(raw[:min(len(raw), 1000)])
	switch {
	case found == nil:
		return ""
	case len(found[1]) > 0:
		return "windows-" + string(found[1])
	}
	return "iso-" + string(found[2])
}

// decoded is a file as text, and how it was encoded.
type decoded struct {
	text     string
	encoding string // empty: UTF-8
	doubts   []string
}

var declared = regexp.MustCompile(`(?i)^\s*<\?xml[^>]*encoding=["']([a-z0-9_.-]+)["']`)

func decodeAs(raw []byte, name string) (d decoded, err error) {
	for _, other := range notText {
		if bytes.HasPrefix(raw, []byte(other.start)) {
			return d, invalid("file", "is %s", other.what)
		}
	}
	switch {
	case bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")):
		raw, name = raw[3:], "utf-8"
	case bytes.HasPrefix(raw, []byte("\xff\xfe")):
		raw, name = raw[2:], "utf-16le"
	case bytes.HasPrefix(raw, []byte("\xfe\xff")):
		raw, name = raw[2:], "utf-16be"
	default:
		if wide := wideEncoding(raw); wide != "" {
			name = wide
		}
	}
	good, bad := 0, 0
	if !strings.HasPrefix(name, "utf-16") {
		good, bad = utf8Evidence(raw)
	}
	switch {
	case strings.HasPrefix(name, "utf-16"):
	case bad == 0 && (good > 0 || name == ""), good > 3*bad && name == "":
		name = "utf-8"
	case name == "utf-8" && bad > good:
		return d, invalid("encoding", "the file is not utf-8: choose windows-1252, or leave the encoding out")
	case name == "":
		if found := declared.FindSubmatch(raw[:min(len(raw), 200)]); found != nil && encodings[strings.ToLower(string(found[1]))] != nil {
			name = strings.ToLower(string(found[1]))
			break
		}
		name, d.doubts = codePage(raw)
		if claimed := ofxClaim(raw); claimed != "" && (claimed == name || slices.Contains(d.doubts, claimed)) {
			name, d.doubts = claimed, nil
		}
	}
	if name != "utf-8" {
		d.encoding = name
	}
	if code := encodings[name]; code != nil {
		if raw, err = code.NewDecoder().Bytes(raw); err != nil {
			return d, invalid("encoding", "the file is not %s: choose another encoding", name)
		}
	}
	if bytes.IndexByte(raw, 0) >= 0 {
		return d, invalid("file", "is not text: ask the bank for CSV, OFX, CAMT, MT940 or QIF")
	}
	d.text = newLines(raw)
	d.text = strings.ToValidUTF8(d.text, "\ufffd") // a bad byte costs one letter
	return d, nil
}

// wideEncoding recognises UTF-16 without a byte order mark: of its digits, marks
// and line ends every other byte is zero.
func wideEncoding(raw []byte) string {
	sample := raw[:min(len(raw), 4096)&^1]
	var zeros [2]int
	for i, b := range sample {
		if b == 0 {
			zeros[i%2]++
		}
	}
	few, many := len(sample)/100, len(sample)/8
	switch {
	case len(sample) < 8:
		return ""
	case zeros[1] > many && zeros[0] <= few:
		return "utf-16le"
	case zeros[0] > many && zeros[1] <= few:
		return "utf-16be"
	}
	return ""
}

// utf8Evidence counts letters of several bytes, and bytes that are none.
func utf8Evidence(raw []byte) (good, bad int) {
	for i := 0; i < len(raw); {
		if raw[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && size == 1 {
			bad++
		} else {
			good++
		}
		i += size
	}
	return good, bad
}

// maxWords is how many different words with other letters are looked at.
const maxWords = 2000

// codePage finds the code page that makes words of languages of the bytes, and
// those that do so as well and read otherwise.
func codePage(raw []byte) (name string, doubts []string) {
	words := foreignWords(raw)
	best, reading := -1<<31, ""
	for _, page := range codePages {
		read, err := encodings[page.name].NewDecoder().String(strings.Join(words, " "))
		if err != nil {
			continue
		}
		score := plausibility(strings.Split(read, " "), page.languages)
		switch {
		case score > best:
			best, name, reading, doubts = score, page.name, read, nil
		case score == best && read != reading:
			doubts = append(doubts, page.name)
		}
	}
	eastern, other, points := easternDecoding(raw)
	switch {
	case eastern != "" && points > best:
		name, doubts = eastern, nil
		if other != "" {
			doubts = []string{other}
		}
	case best < implausible*len(words): // none makes words of it
		doubts = append(doubts, "gb18030", "big5", "shift_jis", "euc-jp", "euc-kr")
	}
	return name, doubts
}

// implausible is what a word in a code page that is not the file's counts at most.
const implausible = -6

func foreignWords(raw []byte) []string {
	seen := map[string]bool{}
	var words []string
	for i := 0; i < len(raw) && len(words) < maxWords; {
		start, foreign := i, false
		for ; i < len(raw) && (raw[i] >= utf8.RuneSelf || raw[i] >= 'a' && raw[i] <= 'z' || raw[i] >= 'A' && raw[i] <= 'Z'); i++ {
			foreign = foreign || raw[i] >= utf8.RuneSelf
		}
		if word := string(raw[start:min(i, start+40)]); foreign && !seen[word] {
			seen[word] = true
			words = append(words, word)
		}
		i++
	}
	return words
}

// plausibility scores words as those of the language that fits best.
func plausibility(words, languages []string) int {
	best := -1 << 31
	for _, letters := range languages {
		letters += strings.ToUpper(letters)
		score := 0
		for _, word := range words {
			score += wordScore([]rune(word), letters)
		}
		best = max(best, score)
	}
	for _, word := range words { // words that headers and dates are made of
		if folded := fold(word); headerWords[folded] || monthOf(word) > 0 {
			best += 4
		}
	}
	return best
}

const neutral = "€£§°«»„“”‘’–—…·´\u00a0"

func wordScore(word []rune, letters string) (score int) {
	latin, other := false, false
	for i, r := range word {
		if unicode.IsLetter(r) {
			latin, other = latin || unicode.Is(unicode.Latin, r), other || !unicode.Is(unicode.Latin, r)
		}
		if r < utf8.RuneSelf {
			continue
		}
		inside := i > 0 && i+1 < len(word) && unicode.IsLetter(word[i-1]) && unicode.IsLetter(word[i+1])
		switch {
		case r == utf8.RuneError, unicode.IsControl(r):
			score -= 8
		case strings.ContainsRune(letters, r) && unicode.IsLetter(r):
			score += 2
		case unicode.IsLetter(r):
			score -= 3
		case r == '€':
			score++
		case !strings.ContainsRune(neutral, r) || inside:
			score -= 3
		}
		if i > 0 && unicode.IsUpper(r) && unicode.IsLower(word[i-1]) {
			score -= 3
		}
		if i > 0 && unicode.IsLower(r) && unicode.IsUpper(word[i-1]) && (i > 1 || inside && unicode.IsUpper(word[i+1])) {
			score -= 2
		}
	}
	if latin && other {
		score -= 6
	}
	return score
}
