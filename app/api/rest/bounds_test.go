//go:build integration

package rest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

// notBounded are operations whose bounds other tests try: they read files, hash
// passwords or end the account.
var notBounded = map[string]bool{
	"createImport": true, "importRates": true, "previewImport": true, "changePassword": true, "deleteAccount": true, "register": true, "login": true, "refresh": true,
}

// atBounds are values at and just beyond the bounds of a field: of its schema, of
// amounts and of days. Characters of four bytes tell characters from bytes.
func atBounds(field string, schema *openapi3.Schema) []any {
	if schema.Type.Is("integer") || schema.Type.Is("number") {
		var values []any
		for _, bound := range []*float64{schema.Min, schema.Max} {
			if bound != nil {
				values = append(values, *bound-1, *bound, *bound+1)
			}
		}
		return append(values, 0, -1, 1<<31-1, 1<<31, 1e15)
	}
	if schema.Type.Is("array") && schema.MaxItems != nil {
		long := make([]string, *schema.MaxItems)
		for i := range long {
			long[i] = strings.Repeat("𐍈", 30-i%10)
		}
		return []any{[]string{}, long, append(long, "x")}
	}
	if !schema.Type.Is("string") || schema.Enum != nil {
		return nil
	}
	values := []any{
		"", " ", "x", "𐍈", strings.Repeat("x", 50), strings.Repeat("x", 51),
		"1", "0.01", "0.001", "0.0001", "9999999999999", "9999999999999.99", "9999999999999.9999", "99999999999999", "-9999999999999.99", "1e400",
		"1969-12-31", "1970-01-01", "2200-12-31", "2201-01-01", "9999-12-31", "0001-01-01", "1970-01", "2200-12", "2201-01",
		"1970-01-01T00:00:00Z", "1970-01-01T00:00:00+14:00", "2200-12-31T23:59:59Z", "2200-12-31T23:59:59-12:00", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z",
	}
	if schema.MaxLength != nil {
		for _, one := range []string{"x", "𐍈", "é"} {
			values = append(values, strings.Repeat(one, int(*schema.MaxLength)), strings.Repeat(one, int(*schema.MaxLength)+1))
		}
	}
	if field == "currency" {
		values = append(values, "JPY", "KWD", "XXX", "DEM")
	}
	return values
}

// What the API accepts at the bounds of each field, the database takes and the events'
// schemas carry; what it refuses, it refuses with a reason.
func TestWhatIsAcceptedAtTheBoundsIsKeptAndPublished(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	b := w.owns()
	document := w.document()
	accepted, refused, fields := 0, 0, 0
	for _, o := range w.bodied() {
		if notBounded[o.ID] || !o.Owned {
			continue
		}
		resource := strings.Split(strings.Trim(o.Path, "/"), "/")[0]
		body := bodies[o.ID]
		if its, is := ofOneself(b)[o.ID]; is {
			body = its
		}
		raw, err := json.Marshal(body)
		require.NoError(t, err)
		schema := document.Paths.Find(base + o.Path).GetOperation(o.Method).RequestBody.Value.Content["application/json"].Schema.Value
		for _, field := range slices.Sorted(maps.Keys(schema.Properties)) {
			fields++
			for _, value := range atBounds(field, schema.Properties[field].Value) {
				var sent object
				require.NoError(t, json.Unmarshal(raw, &sent), "%s has no body above", o.ID)
				if sent == nil {
					sent = object{}
				}
				sent[field] = value
				if o.ID == "createBudget" && field != "month" {
					sent["month"] = "2199-0" + string(rune('1'+fields%9))
				}
				path := o.Path
				if strings.Contains(path, "{id}") {
					path = strings.ReplaceAll(path, "{id}", b.of(resource)["id"])
				}
				answer := w.as(w.token, o, filled(path), sent)
				require.Less(t, answer.Code, 500, "%s, %s: %.60v: %s", o.ID, field, value, answer.Body)
				if answer.Code < 300 {
					accepted++
					continue
				}
				refused++
				_, reason := problemOf(t, answer)
				require.NotEmpty(t, reason)
			}
		}
	}
	t.Logf("%d fields; %d requests accepted, %d refused", fields, accepted, refused)
	require.Greater(t, accepted, 200)
	require.Greater(t, refused, 200)

	rows, err := w.pool.Query(t.Context(), "SELECT payload FROM outbox")
	require.NoError(t, err)
	defer rows.Close()
	published := 0
	for rows.Next() {
		var e event.CloudEvent
		require.NoError(t, rows.Scan(&e))
		require.NoError(t, event.Check(e), "%s: %s", e.Type, e.Data)
		published++
	}
	require.NoError(t, rows.Err())
	require.Greater(t, published, 100)
	// Sums of the largest amounts are sums.
	for range 3 {
		w.call(201, "POST", "/transactions", object{"walletId": b.wallet, "amount": "9999999999999.99", "type": "expense", "category": "groceries"}, "Idempotency-Key", uuid.NewString())
	}
	for _, path := range []string{"/dashboard", "/summaries/financial", "/summaries/categories", "/summaries/trends", "/health-score", "/wallets", "/budgets", "/goals"} {
		w.call(200, "GET", path, nil)
	}
}
