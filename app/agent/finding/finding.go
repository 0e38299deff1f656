// Package finding is what a detector has to say, before it becomes an event.
package finding

import (
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/event"
)

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
