//go:build integration

package rest

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// told pairs what the API takes with the event that tells of it and the table that keeps it.
var told = []struct {
	path, method string // of the operation whose body it is
	event        string
	table        string
	// columns are what fields are kept in, where the name differs from the field's.
	columns map[string]string
	// notTold are fields that the event leaves out, each with the reason.
	notTold map[string]string
	// notAsked are fields of the event that no caller writes, each with the reason.
	notAsked map[string]string
}{
	{
		path: "/transactions", method: "POST", event: "transaction.created", table: "transactions",
		columns:  map[string]string{"timestamp": "occurred_at"},
		notTold:  map[string]string{"tags": "no agent looks at them"},
		notAsked: map[string]string{"transactionId": made, "userId": asker, "currency": "is the wallet's", "date": "follows from timestamp and time zone", "refund": "follows from type and category"},
	}, {
		path: "/wallets", method: "POST", event: "wallet.changed", table: "wallets",
		notAsked: map[string]string{"walletId": made, "userId": asker, "deleted": "is set by archiving", "version": made},
	}, {
		path: "/budgets", method: "POST", event: "budget.changed", table: "budgets",
		notTold:  map[string]string{"amount": "is called limit there"},
		notAsked: map[string]string{"limit": "is called amount in the API", "budgetId": made, "userId": asker, "deleted": "is set by deleting", "version": made},
	}, {
		path: "/goals", method: "POST", event: "goal.changed", table: "goals",
		notAsked: map[string]string{"goalId": made, "userId": asker, "saved": "adds up contributions", "status": "is active at first", "createdAt": made, "deleted": "is set by deleting", "version": made},
	}, {
		path: "/categories", method: "POST", event: "category.changed", table: "categories",
		notAsked: map[string]string{"categoryId": made, "userId": asker, "slug": "is made of the name", "deleted": "is set by deleting", "version": made},
	}, {
		path: "/tasks", method: "POST", event: "reminder.due", table: "tasks",
		notTold:  map[string]string{"notes": "a reminder says what the task is called"},
		notAsked: map[string]string{"taskId": made, "userId": asker},
	}, {
		path: "/preferences", method: "PUT", event: "preferences.changed", table: "preferences",
		notAsked: map[string]string{
			"userId": asker, "email": ofAccount, "emailConfirmed": ofAccount, "name": ofAccount, "unsubscribeUrl": made,
			"pushSubscriptions": "are subscribed one by one", "version": made,
		},
	},
}

// Why an event has what no caller writes.
const (
	made      = "is made by the application"
	asker     = "is who asks"
	ofAccount = "is the account's"
)

// limitsOf are the bounds that both kinds of schema have.
type limitsOf struct {
	Enum      []string
	MaxLength *uint64
	Maximum   *float64
	Minimum   *float64
}

// eventLimits reads the properties of an event's schema.
func eventLimits(t *testing.T, name string) map[string]limitsOf {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "core", "event", "schema", name+".json"))
	require.NoError(t, err)
	var schema struct{ Properties map[string]limitsOf }
	require.NoError(t, json.Unmarshal(raw, &schema))
	return schema.Properties
}

var checked = regexp.MustCompile(`'([a-z_]*)'::text`)

// columnsOf are a table's columns with the values that a check allows them.
func (w *world) columnsOf(table string) map[string][]string {
	w.t.Helper()
	rows, err := w.pool.Query(w.t.Context(), `SELECT a.attname, coalesce((SELECT pg_get_constraintdef(c.oid) FROM pg_constraint c
			WHERE c.conrelid = a.attrelid AND c.contype = 'c' AND c.conkey = ARRAY[a.attnum] AND pg_get_constraintdef(c.oid) LIKE '%ANY%' LIMIT 1), '')
		FROM pg_attribute a WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped`, table)
	require.NoError(w.t, err)
	type column struct{ Name, Check string }
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	require.NoError(w.t, err)
	found := map[string][]string{}
	for _, c := range all {
		found[c.Name] = nil
		for _, value := range checked.FindAllStringSubmatch(c.Check, -1) {
			found[c.Name] = append(found[c.Name], value[1])
		}
	}
	return found
}

func enumOf(schema *openapi3.Schema) (values []string) {
	for _, one := range schema.Enum {
		values = append(values, one.(string))
	}
	return values
}

// What the API takes, the database can keep and the events can carry, field by field. A
// field that has no counterpart is named above with its reason.
func TestLimitsOfAPIEventsAndDatabaseAgree(t *testing.T) {
	w := newWorld(t)
	document := w.document()
	compared := 0
	for _, pair := range told {
		t.Run(pair.event, func(t *testing.T) {
			api := document.Paths.Find(base + pair.path).GetOperation(pair.method).RequestBody.Value.Content["application/json"].Schema.Value.Properties
			events, columns := eventLimits(t, pair.event), w.columnsOf(pair.table)
			for _, field := range slices.Sorted(maps.Keys(api)) {
				schema := api[field].Value
				column := pair.columns[field]
				if column == "" {
					column = snake(field)
				}
				values, kept := columns[column]
				require.True(t, kept, "%s.%s keeps no %s", pair.table, column, field)
				if len(values) > 0 && schema.Enum != nil {
					require.ElementsMatch(t, values, enumOf(schema), "%s: the database's check and the API differ", field)
				}
				its, carried := events[field]
				_, left := pair.notTold[field]
				require.NotEqual(t, carried, left, "%s: is carried by the event, or left out for a reason", field)
				if !carried {
					continue
				}
				compared++
				if its.Enum != nil {
					require.Subset(t, its.Enum, enumOf(schema), field)
					require.NotEmpty(t, schema.Enum, "%s: the event names values, the API takes any", field)
				}
				if its.MaxLength != nil && schema.Enum == nil && schema.Format == "" {
					require.NotNil(t, schema.MaxLength, "%s: the event is bounded, the API's document is not", field)
					require.LessOrEqual(t, *schema.MaxLength, *its.MaxLength, field)
				}
				if its.Maximum != nil && schema.Max != nil {
					require.LessOrEqual(t, *schema.Max, *its.Maximum, field)
				}
				if its.Minimum != nil && schema.Min != nil {
					require.GreaterOrEqual(t, *schema.Min, *its.Minimum, field)
				}
			}
			for _, field := range slices.Sorted(maps.Keys(events)) {
				_, asked := api[field]
				_, left := pair.notAsked[field]
				require.NotEqual(t, asked, left, "%s: is a field of the API's, or is made for a reason", field)
			}
		})
	}
	require.Greater(t, compared, 25)
}

// asCreated are fields of changes that take other values than those of the new thing, each
// with the reason.
var asCreated = map[string]string{
	"remindAt": "an empty text takes it away", "due": "an empty text takes it away", "deadline": "an empty text takes it away",
}

// boundsOf are what a schema says of a value, of those that differ silently.
func boundsOf(s *openapi3.Schema) map[string]any {
	return map[string]any{
		"enum": enumOf(s), "minLength": s.MinLength, "maxLength": s.MaxLength, "minimum": s.Min, "maximum": s.Max, "pattern": s.Pattern,
		"format": s.Format, "minItems": s.MinItems, "maxItems": s.MaxItems,
	}
}

// A change takes of a field what a new thing takes, and no more.
func TestLimitsOfChangesAreThoseOfNewThings(t *testing.T) {
	w := newWorld(t)
	document := w.document()
	body := func(o *openapi3.Operation) openapi3.Schemas {
		if o == nil || o.RequestBody == nil || o.RequestBody.Value.Content["application/json"] == nil {
			return nil
		}
		return o.RequestBody.Value.Content["application/json"].Schema.Value.Properties
	}
	compared := 0
	for path, item := range document.Paths.Map() {
		changes := body(item.Patch)
		list, _, _ := strings.Cut(path, "/{")
		if changes == nil || document.Paths.Find(list) == nil {
			continue
		}
		made := body(document.Paths.Find(list).Post)
		for _, field := range slices.Sorted(maps.Keys(changes)) {
			if made[field] == nil || asCreated[field] != "" {
				continue
			}
			compared++
			is, was := changes[field].Value, made[field].Value
			require.Equal(t, boundsOf(was), boundsOf(is), "%s of PATCH %s", field, path)
			if was.Items != nil {
				require.Equal(t, boundsOf(was.Items.Value), boundsOf(is.Items.Value), "the values of %s of PATCH %s", field, path)
			}
		}
	}
	require.Greater(t, compared, 15)
}

// What agents publish the API shows, by the same names.
func TestWhatAgentsSayIsShownByTheSameNames(t *testing.T) {
	w := newWorld(t)
	document := w.document()
	items := func(path string) openapi3.Schemas {
		schema := document.Paths.Find(base + path).Get.Responses.Status(200).Value.Content["application/json"].Schema.Value
		return schema.Properties["items"].Value.Items.Value.Properties
	}
	answered := document.Paths.Find(base + "/insights/{id}/dismiss").Post.RequestBody.Value.Content["application/json"].Schema.Value.Properties
	for _, c := range []struct {
		shown        openapi3.Schemas
		field        string
		event, named string
	}{
		{items("/insights"), "type", "ai.insight.generated", "insightType"},
		{items("/insights"), "feedback", "insight.dismissed", "feedback"},
		{answered, "feedback", "insight.dismissed", "feedback"},
		{items("/alerts"), "channel", "user.alert.sent", "channel"},
		{items("/alerts"), "status", "user.alert.sent", "status"},
	} {
		require.ElementsMatch(t, eventLimits(t, c.event)[c.named].Enum, enumOf(c.shown[c.field].Value), "%s of %s", c.field, c.event)
	}
	generated := eventLimits(t, "ai.insight.generated")
	sent := eventLimits(t, "user.alert.sent")
	for _, field := range []string{"title", "message"} {
		require.LessOrEqual(t, *generated[field].MaxLength, *sent[field].MaxLength, "an alert carries what an insight says: %s", field)
	}
	require.Equal(t, *eventLimits(t, "budget.exceeded")["categoryName"].MaxLength, *eventLimits(t, "category.changed")["name"].MaxLength)
	require.Equal(t, *eventLimits(t, "budget.exceeded")["category"].MaxLength, *eventLimits(t, "budget.changed")["category"].MaxLength)
}

var hump = regexp.MustCompile(`([a-z])([A-Z])`)

func snake(field string) string { return strings.ToLower(hump.ReplaceAllString(field, "${1}_$2")) }
