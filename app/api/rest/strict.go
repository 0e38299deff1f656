package rest

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
)

// parameters are what an operation's input takes besides its body.
type parameters struct {
	query, header map[string]bool
	body          bool
	dryRun        bool // takes the header Dry-Run
}

// parametersOf reads an input's tags, embedded structs included.
func parametersOf(input reflect.Type) parameters {
	p := parameters{query: map[string]bool{}, header: map[string]bool{"Authorization": true}}
	_, typed := input.FieldByName("Body")
	_, raw := input.FieldByName("RawBody")
	p.body = typed || raw
	for _, field := range reflect.VisibleFields(input) {
		if name := field.Tag.Get("query"); name != "" {
			p.query[name] = true
		}
		if name := field.Tag.Get("header"); name != "" {
			p.header[name] = true
		}
	}
	return p
}

// foreignQuery are the operations whose query others than our callers write:
// identity providers add parameters of their own, which OAuth has clients ignore.
var foreignQuery = map[string]bool{"finishOIDC": true}

// strict refuses what an operation does not take, instead of passing over it: a
// filter that is misspelt must not answer with the unfiltered.
func (r routes) strict(h huma.Operation, input reflect.Type) func(huma.Context, func(huma.Context)) {
	takes := parametersOf(input)
	takes.dryRun = slices.Contains(h.Parameters, dryRunParameter)
	return func(ctx huma.Context, next func(huma.Context)) {
		request, _ := humachi.Unwrap(ctx)
		wrong := takes.wrongQuery(request.URL.RawQuery, foreignQuery[h.OperationID])
		for _, name := range slices.Sorted(maps.Keys(takes.header)) {
			if len(request.Header.Values(name)) > 1 {
				wrong = append(wrong, &huma.ErrorDetail{Location: "header." + name, Message: "is given more than once: give it once"})
			}
		}
		if len(wrong) > 0 {
			_ = huma.WriteErr(r.API, ctx, http.StatusUnprocessableEntity, "", wrong...)
			return
		}
		if status, message := takes.wrongBody(request); status != 0 {
			_ = huma.WriteErr(r.API, ctx, status, message)
			return
		}
		rehearsed, err := rehearsal(takes.dryRun, ctx)
		if err != nil {
			_ = huma.WriteErr(r.API, ctx, http.StatusUnprocessableEntity, "", err)
			return
		}
		next(rehearsed)
	}
}

func (p parameters) wrongQuery(raw string, foreign bool) (wrong []error) {
	refuse := func(name, reason string) {
		wrong = append(wrong, &huma.ErrorDetail{Location: "query." + strings.ToValidUTF8(name, "�"), Message: reason})
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		refuse("query", "is not written as queries are: name=value, with & between and % before hexadecimal digits")
		return wrong
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		switch {
		case !p.query[name] && !foreign:
			refuse(name, p.unknown())
		case len(values) > 1:
			refuse(name, "is given more than once: give it once")
		case !utf8.ValidString(values[0]):
			refuse(name, "is not UTF-8")
		case strings.ContainsRune(values[0], 0):
			refuse(name, "holds a NUL character: leave it out")
		}
	}
	return wrong
}

func (p parameters) unknown() string {
	if len(p.query) == 0 {
		return "is not a parameter here: there are none"
	}
	return "is not a parameter here; there are " + strings.Join(slices.Sorted(maps.Keys(p.query)), ", ")
}

// wrongBody refuses a body where none is taken, and one that is compressed, whose
// size nobody could tell beforehand. A body of unknown length is there when it has a byte: Dapr's
// sidecars send every invocation so, also one without a body.
func (p parameters) wrongBody(request *http.Request) (status int, message string) {
	if request.ContentLength == 0 {
		return 0, ""
	}
	if !p.body {
		if request.ContentLength < 0 {
			if n, _ := io.ReadFull(request.Body, make([]byte, 1)); n == 0 {
				return 0, ""
			}
		}
		return http.StatusBadRequest, "this takes no body: send none"
	}
	if coding := request.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return http.StatusUnsupportedMediaType, fmt.Sprintf("the body must not be compressed (Content-Encoding: %.20q)", coding)
	}
	return 0, ""
}
