package rest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/core/name"
)

// strictJSON reads JSON that can be understood in one way only. huma reads a body
// twice: first into a tree, which it checks against the schema, then into the
// operation's type.
var strictJSON = huma.Format{
	Marshal: huma.DefaultJSONFormat.Marshal,
	Unmarshal: func(data []byte, into any) error {
		tree, is := into.(*any)
		if !is {
			return inWords(json.Unmarshal(data, into))
		}
		var err error
		*tree, err = parseJSON(data)
		return err
	},
}

// malformed is what is wrong with JSON before anybody looks at its schema.
type malformed struct{ field, reason string } // field is empty when it is the whole

// fieldMark separates field and reason in the text of a malformed, for huma hands on
// the text of an error alone; fromHuma takes the two apart.
const fieldMark = "\x1f"

func (m malformed) Error() string {
	if m.field == "" {
		return m.reason
	}
	return m.field + fieldMark + m.reason
}

// parseJSON reads one JSON value. It refuses duplicate keys, invalid UTF-8, NUL,
// numbers that no number type holds, nesting beyond limits.MaxDepth and anything
// behind the value. A field that is null is left out, as if it had not been sent.
func parseJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, malformed{reason: "holds bytes that are not UTF-8: send the text in UTF-8"}
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(data))
	value, err := parseValue(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, malformed{reason: "must be one JSON value with nothing behind it"}
	}
	return value, nil
}

func parseValue(d *jsontext.Decoder) (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, syntaxInWords(err)
	}
	if d.StackDepth() > limits.MaxDepth {
		return nil, malformed{reason: fmt.Sprintf("nests deeper than %d levels", limits.MaxDepth)}
	}
	switch token.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return token.Bool(), nil
	case '"':
		return parseText(d, token)
	case '0':
		return parseNumber(d, token)
	case '[':
		return parseArray(d)
	default:
		return parseObject(d)
	}
}

func parseText(d *jsontext.Decoder, token jsontext.Token) (string, error) {
	text := token.String()
	if strings.ContainsRune(text, 0) {
		return "", malformed{fieldAt(d.StackPointer()), "holds a NUL character, which cannot be kept: leave it out"}
	}
	if field := fieldAt(d.StackPointer()); nameFields[field] {
		if at := strings.IndexFunc(text, name.Invisible); at >= 0 {
			r, _ := utf8.DecodeRuneInString(text[at:])
			return "", malformed{field, fmt.Sprintf("holds a line break or another character that cannot be seen (%U): leave it out", r)}
		}
	}
	return text, nil
}

// nameFields are the fields by which people, lists and messages know a thing: of two that
// look alike nobody could tell which is which.
var nameFields = map[string]bool{"name": true, "title": true}

// parseNumber reads a number for the schema check; amounts are never among them,
// for they are text.
func parseNumber(d *jsontext.Decoder, token jsontext.Token) (float64, error) {
	number, err := strconv.ParseFloat(token.String(), 64)
	if err != nil {
		return 0, malformed{fieldAt(d.StackPointer()), "is a number beyond all bounds"}
	}
	return number, nil
}

func parseArray(d *jsontext.Decoder) ([]any, error) {
	list := []any{}
	for d.PeekKind() != ']' {
		value, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
	}
	_, err := d.ReadToken()
	return list, syntaxInWords(err)
}

func parseObject(d *jsontext.Decoder) (map[string]any, error) {
	object := map[string]any{}
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, syntaxInWords(err)
		}
		name, err := parseText(d, token)
		if err != nil {
			return nil, err
		}
		value, err := parseValue(d)
		if err != nil {
			return nil, err
		}
		if value != nil {
			object[name] = value
		}
	}
	_, err := d.ReadToken()
	return object, syntaxInWords(err)
}

// fieldAt writes a pointer as fields are written in problems: mapping.date.
func fieldAt(pointer jsontext.Pointer) string {
	var parts []string
	for part := range pointer.Tokens() {
		parts = append(parts, part)
	}
	return strings.Join(parts, ".")
}

func syntaxInWords(err error) error {
	if err == nil {
		return nil
	}
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &syntax):
		return malformed{fieldAt(syntax.JSONPointer), "is given more than once: give it once"}
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return malformed{reason: "is JSON that ends too early"}
	case strings.Contains(err.Error(), "surrogate"), strings.Contains(err.Error(), "UTF-8"):
		return malformed{reason: "holds half of a character (an escape such as \\ud83d alone)"}
	case errors.As(err, &syntax):
		return malformed{reason: fmt.Sprintf("is not JSON (byte %d)", syntax.ByteOffset)}
	default:
		return malformed{reason: "is not JSON"}
	}
}

// inWords says what could not be read into an operation's type though the schema
// allows it.
func inWords(err error) error {
	if err == nil {
		return nil
	}
	var kind *json.UnmarshalTypeError
	var at *time.ParseError
	var encoded base64.CorruptInputError
	switch {
	case errors.As(err, &kind) && strings.HasPrefix(kind.Value, "number"):
		return malformed{kind.Field, "must be a whole number without point and exponent, such as 12"}
	case errors.As(err, &kind):
		return malformed{kind.Field, "is of another type than expected"}
	case errors.As(err, &at):
		return malformed{reason: "holds a time that is not as RFC 3339 writes it: 2026-11-03T12:00:00Z"}
	case errors.As(err, &encoded):
		return malformed{reason: "holds a file that is not in base64"}
	default:
		return malformed{reason: "cannot be read"}
	}
}
