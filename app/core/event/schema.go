package event

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:embed schema/*.json
var schemas embed.FS

// compiled holds the envelope's schema under "envelope" and the schema of each
// type's data under the type's name. The files are part of the program, so one
// that does not compile is a defect that any test finds.
var compiled = sync.OnceValue(func() map[string]*jsonschema.Schema {
	files, err := schemas.ReadDir("schema")
	if err != nil {
		panic(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, file := range files {
		content, err := schemas.ReadFile(path.Join("schema", file.Name()))
		if err != nil {
			panic(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err != nil {
			panic(err)
		}
		if err := compiler.AddResource(file.Name(), document); err != nil {
			panic(err)
		}
	}
	found := map[string]*jsonschema.Schema{}
	for _, file := range files {
		found[strings.TrimSuffix(file.Name(), ".json")] = compiler.MustCompile(file.Name())
	}
	return found
})

// Check tells whether e is what the contract says: the publisher asks before it
// stores an event, the consumer before it acts on one.
func Check(e CloudEvent) error {
	var data any
	if len(e.Data) > 0 {
		var err error
		if data, err = jsonschema.UnmarshalJSON(bytes.NewReader(e.Data)); err != nil {
			return fmt.Errorf("the data of event %s is not JSON: %w", e.ID, err)
		}
	}
	if err := conforms("envelope", e.envelope(data)); err != nil {
		return err
	}
	if _, known := OfType(e.Type); !known {
		return fmt.Errorf("no topic carries events of type %q", e.Type)
	}
	return conforms(e.Type, data)
}

// envelope is the event as JSON has it, but not encoded: every event is checked by its
// publisher and by each consumer.
func (e CloudEvent) envelope(data any) map[string]any {
	fields := map[string]any{
		"specversion": e.SpecVersion, "id": e.ID, "source": e.Source, "type": e.Type, "time": e.Time.Format(time.RFC3339Nano),
		"datacontenttype": e.DataContentType, "data": data, "correlationid": e.CorrelationID, "traceparent": e.TraceParent,
	}
	if e.Subject != "" {
		fields["subject"] = e.Subject
	}
	return fields
}

func conforms(name string, value any) error {
	err := compiled()[name].Validate(value)
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		// The validator walks maps: sorted, the same fault has the same words each time.
		all := reasons(invalid)
		slices.Sort(all)
		return fmt.Errorf("%s is not as its schema says: %s", name, strings.Join(slices.Compact(all), "; "))
	}
	return err
}

var english = message.NewPrinter(language.English)

// reasons says what is wrong with which field, in one line each: the validator's own
// text names files and has many lines. It leaves out the values themselves, for
// reasons are logged, and an event's values are somebody's own.
func reasons(err *jsonschema.ValidationError) []string {
	if len(err.Causes) == 0 {
		where := strings.Join(err.InstanceLocation, ".")
		if where == "" {
			where = "the event"
		}
		return []string{where + ": " + withoutValue(err.ErrorKind)}
	}
	var all []string
	for _, cause := range err.Causes {
		all = append(all, reasons(cause)...)
	}
	return all
}

// withoutValue says what is wrong with a value without repeating it.
func withoutValue(why jsonschema.ErrorKind) string {
	switch why := why.(type) {
	case *kind.Pattern:
		return fmt.Sprintf("does not match the pattern %s", why.Want)
	case *kind.Format:
		return "is no " + why.Want
	case *kind.AdditionalProperties:
		return fmt.Sprintf("has %d fields that the schema does not know", len(why.Properties))
	case *kind.PropertyNames:
		return "has a field of a name that the schema does not allow"
	default:
		return why.LocalizedString(english)
	}
}
