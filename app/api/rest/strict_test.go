//go:build integration

package rest

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// filled replaces what a path names by what is nobody's, but well formed.
func filled(path string) string {
	return strings.NewReplacer("{id}", uuid.NewString(), "{base}", "USD", "{quote}", "EUR", "{date}", "2026-01-01").Replace(path)
}

// bodied lists the operations that take a body.
func (w *world) bodied() []declared {
	w.t.Helper()
	document := w.document()
	var found []declared
	for _, o := range w.operations() {
		operation := document.Paths.Find(base + o.Path).GetOperation(o.Method)
		// What is a form and not looked at (RFC 8058) cannot be wrong.
		if operation.RequestBody != nil && operation.RequestBody.Value.Content["application/json"] != nil {
			found = append(found, o)
		}
	}
	require.Greater(w.t, len(found), 20)
	return found
}

// document reads the API's own document, as OpenAPI 3.0 has it.
func (w *world) document() *openapi3.T {
	w.t.Helper()
	answer := w.ask("GET", "/openapi-3.0.json", nil)
	require.Equal(w.t, 200, answer.Code)
	document, err := openapi3.NewLoader().LoadFromData(answer.Body.Bytes())
	require.NoError(w.t, err)
	return document
}

// send sends a body as it is, with the caller's token.
func (w *world) send(o declared, path, body string, headers ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	request := httptest.NewRequest(o.Method, base+path, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+w.token)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, request)
	return recorder
}

// problemOf reads a refusal, which must say in words what is wrong with which field.
func problemOf(t *testing.T, answer *httptest.ResponseRecorder) (field, reason string) {
	t.Helper()
	require.Equal(t, "application/problem+json", answer.Header().Get("Content-Type"), answer.Body)
	var p problem
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &p))
	for _, leak := range []string{"unmarshal", "Go ", "json:", "strconv", "jsontext", "expected ", "\x1f", "%!"} {
		require.NotContains(t, answer.Body.String(), leak, "a library's words")
	}
	if len(p.Errors) == 0 {
		return "", p.Detail
	}
	require.Equal(t, p.Errors[0].Field+": "+p.Errors[0].Reason, p.Detail)
	return p.Errors[0].Field, p.Errors[0].Reason
}

func TestEveryOperationRefusesQueriesThatMakeNoSense(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	for _, o := range w.operations() {
		if foreignQuery[o.ID] {
			continue
		}
		known := slices.Sorted(maps.Keys(o.Query))
		queries := map[string]string{"nonsense=1": "nonsense", "Limit=1": "Limit", "%zz=1": "query", "a;b": "query"}
		for _, name := range known {
			queries[name+"=1&"+name+"=1"] = name
			queries[name+"=%ff%fe"] = name
			queries[name+"=a%00b"] = name
		}
		for query, field := range queries {
			answer := w.as(w.token, o, filled(o.Path)+"?"+query, nil)
			require.Equal(t, 422, answer.Code, "%s %s?%s: %s", o.Method, o.Path, query, answer.Body)
			at, _ := problemOf(t, answer)
			require.Equal(t, field, at, "%s?%s", o.Path, query)
		}
	}
}

func TestEveryBodyIsReadStrictly(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	for _, o := range w.bodied() {
		for name, c := range map[string]struct {
			body   string
			status int
			field  string
		}{
			"a field that is none":       {`{"nonsense":1}`, 422, ""},
			"a field twice":              {`{"name":"a","name":"b"}`, 422, "name"},
			"the same in an object":      {`{"mapping":{"date":"a","date":"b"}}`, 422, "mapping.date"},
			"bytes that are no text":     {"{\"name\":\"\xff\xfe\"}", 400, "body"},
			"half a character":           {`{"name":"\ud83d"}`, 400, "body"},
			"a character without a face": {`{"name":"a\u0000b"}`, 422, "name"},
			"a number beyond all bounds": {`{"amount":1e400}`, 422, "amount"},
			"a list":                     {`[]`, 422, "body"},
			"deep":                       {strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat("}", 5000), 400, "body"},
			"two":                        {`{}{}`, 400, "body"},
			"broken off":                 {`{"name":`, 400, "body"},
			"none":                       {`name=a`, 400, "body"},
		} {
			t.Run(o.ID+": "+name, func(t *testing.T) {
				answer := w.send(o, filled(o.Path), c.body)
				require.Equal(t, c.status, answer.Code, "%s", answer.Body)
				field, reason := problemOf(t, answer)
				require.NotEmpty(t, reason)
				if c.field != "" {
					require.Equal(t, c.field, field, "%s", answer.Body)
				}
			})
		}
		request := w.send(o, filled(o.Path), "compressed", "Content-Encoding", "gzip")
		require.Equal(t, 415, request.Code, "%s: %s", o.ID, request.Body)
	}
}

func TestWhatTakesNoBodyRefusesOne(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	bodied := map[string]bool{}
	for _, o := range w.bodied() {
		bodied[o.ID] = true
	}
	for _, o := range w.operations() {
		if !bodied[o.ID] && o.ID != "unsubscribe" { // which takes a form
			answer := w.send(o, filled(o.Path), `{"force":true}`)
			require.Equal(t, 400, answer.Code, "%s: %s", o.ID, answer.Body)
		}
	}
}

func TestNullIsAsIfItHadNotBeenSent(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	made := w.call(201, "POST", "/transactions", fmt.Sprintf(
		`{"walletId":%q,"amount":"1","type":"expense","category":"groceries","description":null,"toWalletId":null,"tags":null,"timestamp":null}`, wallet))
	require.Equal(t, "1.00", made["amount"])
	answer := w.call(422, "POST", "/transactions", fmt.Sprintf(`{"walletId":%q,"amount":null,"type":"expense","category":"groceries"}`, wallet))
	require.Equal(t, "amount: is missing", answer["detail"])
}

func TestRefusalsSpeakToPeople(t *testing.T) {
	w := newWorld(t)
	wallet := w.join()
	for name, c := range map[string]struct {
		method, path, body, field, reason string
	}{
		"a whole number with an exponent": {"POST", "/simulations/investment", `{"monthly":"1","months":1e1}`, "months", "must be a whole number without point and exponent, such as 12"},
		"a number too large":              {"POST", "/simulations/investment", `{"monthly":"1","months":1e400}`, "months", "is a number beyond all bounds"},
		"a text for a number":             {"POST", "/simulations/investment", `{"monthly":"1","months":"ten"}`, "months", "must be a whole number"},
		"a field that is missing":         {"POST", "/simulations/investment", `{"monthly":"1"}`, "months", "is missing"},
		"a field in capitals":             {"POST", "/simulations/investment", `{"monthly":"1","Months":1}`, "months", "is missing"},
		"days turned round":               {"GET", "/transactions?from=2026-11-05&until=2026-11-04", "", "from", "must not lie beyond until: exchange the two"},
		"times turned round":              {"GET", "/transactions?from=2026-11-05T12:00:00Z&until=2026-11-05T11:00:00Z", "", "from", "must not lie beyond until: exchange the two"},
		"a summary turned round":          {"GET", "/summaries/financial?from=2026-11-05&to=2026-11-04", "", "from", "must not lie beyond to: exchange the two"},
		"amounts turned round":            {"GET", "/transactions?min=10&max=9.99", "", "min", "must not lie beyond max: exchange the two"},
		"a limit that is no number":       {"GET", "/transactions?limit=all", "", "limit", "must be a whole number"},
		"a parameter of another list":     {"GET", "/wallets?month=2026-11", "", "month", "is not a parameter here; there are archived"},
		"a parameter that is missing":     {"GET", "/rates/convert?amount=1&from=EUR", "", "to", "is missing"},
		"a time that is none":             {"POST", "/transactions", `{"walletId":"` + wallet + `","amount":"1","type":"expense","category":"other","timestamp":"yesterday"}`, "timestamp", "must be a time such as 2026-11-03T12:00:00Z"},
	} {
		t.Run(name, func(t *testing.T) {
			field, reason := problemOf(t, w.send(declared{Method: c.method}, c.path, c.body))
			require.Equal(t, c.field, field)
			require.Equal(t, c.reason, reason)
		})
	}
	for _, fine := range []string{"from=2026-11-05&until=2026-11-05", "from=2026-11-05T12:00:00Z&until=2026-11-05", "min=1&max=1.0"} {
		w.call(200, "GET", "/transactions?"+fine, nil)
	}
	require.Equal(t, "GET, POST", w.ask("DELETE", "/wallets", nil).Header().Get("Allow"))
}

func TestTheDocumentForOpenAPI30IsValid(t *testing.T) {
	w := newWorld(t)
	document := w.document()
	require.NoError(t, document.Validate(t.Context()))
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			// What is a form and not looked at (RFC 8058) cannot be wrong.
			if operation.RequestBody != nil && operation.RequestBody.Value.Content["application/json"] != nil {
				types := slices.Collect(maps.Keys(operation.RequestBody.Value.Content))
				require.Equal(t, []string{"application/json"}, types, "%s %s: every other type gets 415", method, path)
			}
		}
	}
}

// Every operation that takes a name or a title refuses what cannot be seen in it.
func TestNamesHoldNothingInvisible(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	document := w.document()
	tried := 0
	for _, o := range w.bodied() {
		fields := document.Paths.Find(base + o.Path).GetOperation(o.Method).RequestBody.Value.Content["application/json"].Schema.Value.Properties
		for _, field := range []string{"name", "title"} {
			if fields[field] == nil {
				continue
			}
			for _, text := range []string{`a\u0007b`, `a\nb`, `a\u200bb`, `\ufeffa`, `a\u202eb`, `a\u2028b`, `a\u0085b`} {
				tried++
				answer := w.send(o, filled(o.Path), fmt.Sprintf(`{%q:"%s"}`, field, text))
				require.Equal(t, 422, answer.Code, "%s: %s", o.ID, answer.Body)
				at, reason := problemOf(t, answer)
				require.Equal(t, field, at)
				require.Contains(t, reason, "cannot be seen (U+")
			}
		}
	}
	require.Greater(t, tried, 50)
	for _, fine := range []string{"👨‍👩‍👧 Family", "خانه\u200cام", "❤️", "Café", "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"} {
		made := w.call(201, "POST", "/wallets", object{"name": fine, "type": "cash", "currency": "EUR"})
		require.Equal(t, fine, made["name"])
	}
}

// Dapr's sidecars send invocations in pieces, so that nobody knows beforehand whether there is a
// body.
func TestABodyOfUnknownLengthIsOneWhenItHasAByte(t *testing.T) {
	w := newWorld(t)
	w.join()
	tried := 0
	document := w.document()
	for _, o := range w.operations() {
		if document.Paths.Find(base+o.Path).GetOperation(o.Method).RequestBody != nil || o.Path == "/live" || strings.HasPrefix(o.Path, "/auth/") {
			continue
		}
		send := func(body string) *httptest.ResponseRecorder {
			request := httptest.NewRequest(o.Method, base+filled(o.Path), struct{ io.Reader }{strings.NewReader(body)})
			require.EqualValues(t, -1, request.ContentLength)
			request.Header.Set("Authorization", "Bearer "+w.token)
			recorder := httptest.NewRecorder()
			w.handler.ServeHTTP(recorder, request)
			return recorder
		}
		tried++
		require.NotContains(t, send("").Body.String(), "takes no body", "%s %s", o.Method, o.Path)
		refused := send("{}")
		require.Equal(t, 400, refused.Code, "%s %s", o.Method, o.Path)
		require.Contains(t, refused.Body.String(), "takes no body", "%s %s", o.Method, o.Path)
	}
	require.Greater(t, tried, 30)
}
