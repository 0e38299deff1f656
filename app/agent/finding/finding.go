// Package finding is what a detector has to say, before it becomes an event.
package finding

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/event"
)

// A category is named in texts by a mark around its slug, in whose place its name
// is put when the finding is said: detectors know slugs only, and names change.
var mark = regexp.MustCompile("\uE000([^\uE000\uE001]*)\uE001")

// Category marks the place of a category's name in a title, a message or a fact.
func Category(slug string) string { return "\uE000" + slug + "\uE001" }

// Plain is what a slug says by itself: "other income".
func Plain(slug string) string { return strings.ReplaceAll(slug, "-", " ") }

// Finding is something worth telling a person. Subject, Kind and Detail
// together identify it: what was said under the same three is not said again.
type Finding struct {
	Subject     uuid.UUID // what it is about: a transaction, a budget, a wallet, or the person
	Kind        string    // the detector's name, such as "price_rise"
	Detail      string    // what tells this finding on the subject from others: a month, a merchant and a price
	InsightType string    // event.SpendingPattern and the like
	Title       string    // at most 100 characters
	Message     string    // at most 500
	Dismiss     string    // what would end it; at most 200
	Confidence  float64   // 0 to 1
	// Facts are the numbers and names that it rests on, ready to be shown.
	Facts map[string]string
	// Related names what to open: "transactionId", "budgetId", "category" ...
	Related map[string]string
	// ExpiresAt is when it is no longer worth reading, by the person's clock; nil:
	// never.
	ExpiresAt *time.Time
}

// Categories are the slugs of the categories that the finding's texts name.
func (f Finding) Categories() []string {
	found := map[string]bool{}
	for _, text := range append(slices.Collect(maps.Values(f.Facts)), f.Title, f.Message, f.Dismiss) {
		for _, groups := range mark.FindAllStringSubmatch(text, -1) {
			found[groups[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Named is the finding with the names of categories, by slug, in its texts; of
// those that are not among them, what the slug says.
//
// Names are shown as Name makes them.
func (f Finding) Named(names map[string]string) Finding {
	put := func(text string) string {
		return mark.ReplaceAllStringFunc(text, func(marked string) string {
			slug := mark.FindStringSubmatch(marked)[1]
			if name, known := names[slug]; known {
				return Name(name)
			}
			return Name(Plain(slug))
		})
	}
	f.Title, f.Message, f.Dismiss = put(f.Title), put(f.Message), put(f.Dismiss)
	facts := make(map[string]string, len(f.Facts))
	for key, value := range f.Facts {
		facts[key] = put(value)
	}
	f.Facts = facts
	return f
}

// Insight is the finding as the data of an event, but for ExpiresAt, which is no
// instant yet. The detector's name is among
// the related entities, so that what a person dismisses is known to be its.
func (f Finding) Insight(id, user uuid.UUID) event.InsightGenerated {
	related := map[string]string{"detector": f.Kind}
	for name, value := range f.Related {
		related[name] = value
	}
	return event.InsightGenerated{
		InsightID: id, UserID: user, InsightType: f.InsightType,
		Title: Shorten(f.Title, 100), Message: Shorten(f.Message, 500), Dismiss: Shorten(f.Dismiss, 200),
		Confidence: min(max(f.Confidence, 0), 1), RelatedEntities: related, Facts: f.Facts,
	}
}

// Shorten cuts a text to at most so many characters, with an ellipsis where
// something is missing. People's own words, such as a merchant's name, can make
// a title longer than the contract allows.
func Shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	runes := []rune(text)
	return string(runes[:most-1]) + "…"
}
