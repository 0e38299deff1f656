package mcp

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// person answers what must be known of the caller to describe a change to them.
type person struct {
	backend *Backend
	token   string
}

func (p person) get(ctx context.Context, path string, query url.Values) (answer, error) {
	return p.backend.ask(ctx, p.token, call{method: http.MethodGet, path: path, query: query})
}

// zone is the person's time zone.
func (p person) zone(ctx context.Context) (*time.Location, error) {
	preferences, err := p.get(ctx, "preferences", nil)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(text(preferences.body, "timezone"))
	if err != nil {
		return nil, fmt.Errorf("the person's time zone: %w", err)
	}
	return zone, nil
}

// category is the name of a category, by its slug.
func (p person) category(ctx context.Context, slug string) (string, error) {
	query := url.Values{}
	for {
		page, err := p.get(ctx, "categories", query)
		if err != nil {
			return "", err
		}
		items, _ := page.body["items"].([]any)
		for _, one := range items {
			its, _ := one.(map[string]any)
			if text(its, "slug") == slug {
				return text(its, "name"), nil
			}
		}
		next := text(page.body, "nextCursor")
		if next == "" {
			return "", fmt.Errorf("category: there is no %q", slug)
		}
		query.Set("cursor", next)
	}
}

// text is a text of an object; "" when there is none.
func text(object map[string]any, field string) string {
	its, _ := object[field].(string)
	return its
}

// quoted shows what somebody wrote so that it cannot be taken for the question's own
// words: in quotation marks, and with escapes for what is invisible.
func quoted(text string) string { return strconv.Quote(text) }

// dayInWords writes a day (YYYY-MM-DD).
func dayInWords(day string) string {
	at, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return quoted(day)
	}
	return at.Format("Monday 2 January 2006")
}

// monthInWords writes a month (YYYY-MM).
func monthInWords(month string) string {
	at, err := time.Parse("2006-01", month)
	if err != nil {
		return quoted(month)
	}
	return at.Format("January 2006")
}

// timeInWords writes an instant (RFC 3339) as the person's clock shows it.
func timeInWords(instant string, zone *time.Location) string {
	at, err := time.Parse(time.RFC3339, instant)
	if err != nil {
		return quoted(instant)
	}
	return at.In(zone).Format("Monday 2 January 2006 at 15:04") + " (" + zone.String() + ")"
}

// orNone is none for what is empty.
func orNone(text string, inWords func(string) string) string {
	if text == "" {
		return "none"
	}
	return inWords(text)
}

// describeTransaction says which transaction would be recorded.
func describeTransaction(ctx context.Context, p person, _ newTransaction, would map[string]any) (description, error) {
	wallet, err := p.get(ctx, "wallets/"+url.PathEscape(text(would, "walletId")), nil)
	if err != nil {
		return description{}, err
	}
	category, err := p.category(ctx, text(would, "category"))
	if err != nil {
		return description{}, err
	}
	zone, err := p.zone(ctx)
	if err != nil {
		return description{}, err
	}
	kind, end := "an expense", "from"
	if text(would, "type") == "income" {
		kind, end = "an income", "into"
	}
	category = quoted(category)
	if refund, _ := would["refund"].(bool); refund {
		kind, category = "a refund", category+", whose expenses it lowers"
	}
	said := fmt.Sprintf("Record %s of %s %s %s the wallet %s, category %s, on %s", kind, text(would, "amount"), text(would, "currency"),
		end, quoted(text(wallet.body, "name")), category, timeInWords(text(would, "timestamp"), zone))
	said += countsOn(text(would, "date"), text(would, "timestamp"), zone)
	said += ", "
	if note := text(would, "description"); note != "" {
		said += "described as " + quoted(note)
	} else {
		said += "without a description"
	}
	return description{says: said}, nil
}

// countsOn says the day on which a transaction counts where its time does not show it: the
// day was computed in another zone than that of the person's clock now.
func countsOn(day, instant string, zone *time.Location) string {
	at, err := time.Parse(time.RFC3339, instant)
	if err == nil && at.In(zone).Format(time.DateOnly) == day {
		return ""
	}
	return ", which counts on " + dayInWords(day)
}

// describeBudget says which budget would be made.
func describeBudget(ctx context.Context, p person, _ newBudget, would map[string]any) (description, error) {
	category, err := p.category(ctx, text(would, "category"))
	if err != nil {
		return description{}, err
	}
	return description{says: fmt.Sprintf("Set a budget of %s %s for the category %s in %s, with a warning at %v%% of it",
		text(would, "amount"), text(would, "currency"), quoted(category), monthInWords(text(would, "month")), would["threshold"])}, nil
}

// describeNewTask says which task would be made.
func describeNewTask(ctx context.Context, p person, _ newTask, would map[string]any) (description, error) {
	zone, err := p.zone(ctx)
	if err != nil {
		return description{}, err
	}
	said := "Make a task " + quoted(text(would, "title"))
	for _, field := range taskFields[1:] {
		if value := text(would, field.name); value != "" {
			said += fmt.Sprintf(", %s: %s", field.title, field.inWords(value, zone))
		}
	}
	return description{says: said}, nil
}

// taskFields are a task's fields and how their values are said. The title is first.
var taskFields = []struct {
	name, title string
	inWords     func(value string, zone *time.Location) string
}{
	{"title", "title", func(value string, _ *time.Location) string { return quoted(value) }},
	{"notes", "notes", func(value string, _ *time.Location) string { return quoted(value) }},
	{"due", "due day", func(value string, _ *time.Location) string { return dayInWords(value) }},
	{"remindAt", "reminder", timeInWords},
}

// task reads a task as it is.
func (p person) task(ctx context.Context, id string) (answer, error) {
	path, err := taskPath(id)
	if err != nil {
		return answer{}, err
	}
	return p.get(ctx, path, nil)
}

// describeEdit says what of a task would change, from what to what.
func describeEdit(ctx context.Context, p person, in editTask, would map[string]any) (description, error) {
	before, err := p.task(ctx, in.ID)
	if err != nil {
		return description{}, err
	}
	zone, err := p.zone(ctx)
	if err != nil {
		return description{}, err
	}
	var changes []string
	for _, field := range taskFields {
		was, is := text(before.body, field.name), text(would, field.name)
		if was != is {
			inWords := func(value string) string { return field.inWords(value, zone) }
			changes = append(changes, fmt.Sprintf("%s from %s to %s", field.title, orNone(was, inWords), orNone(is, inWords)))
		}
	}
	if len(changes) == 0 {
		return description{}, fmt.Errorf("nothing to change: the task is like that already")
	}
	return description{says: fmt.Sprintf("Change the task %s: %s", quoted(text(before.body, "title")), strings.Join(changes, "; ")), seen: before.etag}, nil
}

// describeCompletion says which task would be done.
func describeCompletion(ctx context.Context, p person, in oneTask, would map[string]any) (description, error) {
	before, err := p.task(ctx, in.ID)
	if err != nil {
		return description{}, err
	}
	if done, _ := before.body["done"].(bool); done {
		return description{}, fmt.Errorf("the task %s is done already", quoted(text(before.body, "title")))
	}
	said := "Mark the task " + quoted(text(would, "title")) + " as done"
	if due := text(would, "due"); due != "" {
		said += ", due day: " + dayInWords(due)
	}
	if text(before.body, "remindAt") != "" && text(before.body, "remindedAt") == "" {
		zone, err := p.zone(ctx)
		if err != nil {
			return description{}, err
		}
		said += "; its reminder of " + timeInWords(text(before.body, "remindAt"), zone) + " will not come"
	}
	return description{says: said, seen: before.etag}, nil
}
