package observer

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db/observerdb"
)

// wishes are how a user wants to be told.
type wishes struct {
	muted    []string
	phrasing bool
	restraint
}

// Say says a finding once: as an insight, published with the transaction. It says
// nothing of what the user muted, nor, for a while, of kinds that they keep
// dismissing (see restraint); that may be said later, if it still holds. said
// tells whether it was.
func (c *Case) Say(ctx context.Context, f finding.Finding) (said bool, err error) {
	if c.ahead.wasSaid(f.Subject, f.Kind, f.Detail) {
		return false, nil
	}
	its, err := c.wants(ctx)
	if err != nil {
		return false, err
	}
	if slices.Contains(its.muted, f.InsightType) {
		return false, nil
	}
	if !slices.Contains(c.observer.Always, f.Kind) {
		if level := its.level(f.Kind); level > 0 {
			if c.ahead.spoke[f.Kind] {
				return false, nil // just now
			}
			last, err := c.kept.LastRaised(ctx, c.User, f.Kind)
			if err != nil || !restrained(level, f.Confidence, c.Now.Sub(last)) {
				return false, err
			}
		}
	}
	first, err := c.first(ctx, f.Subject, f.Kind, f.Detail)
	if err != nil || !first {
		return false, err
	}
	if f, err = c.named(ctx, f); err != nil {
		return false, err
	}
	insight := f.Insight(tracing.NewID(), c.User)
	if f.ExpiresAt != nil {
		ends := calendar.Instant(*f.ExpiresAt, c.Zone)
		insight.ExpiresAt = &ends
	}
	e, err := event.New(ctx, c.observer.Service, event.TypeInsightGenerated, f.Subject.String(), insight)
	if err != nil {
		return false, err
	}
	if c.observer.Phrase != nil && its.phrasing {
		return true, c.hold(ctx, e)
	}
	return true, outbox.Put(ctx, c.out, e, c.User.String())
}

// SayAll says findings, those of which the detectors are surest first, and at
// most so many: a long history that is heard of at once must not be a flood. What
// is left over is said after later reviews.
func (c *Case) SayAll(ctx context.Context, most int, found ...finding.Finding) error {
	slices.SortStableFunc(found, func(a, b finding.Finding) int {
		switch {
		case a.Confidence > b.Confidence:
			return -1
		case a.Confidence < b.Confidence:
			return 1
		}
		return 0
	})
	for _, f := range found {
		if most == 0 {
			return nil
		}
		said, err := c.Say(ctx, f)
		if err != nil {
			return fmt.Errorf("%s: %w", f.Kind, err)
		}
		if said {
			most--
		}
	}
	return nil
}

// Tell publishes an event of the agent's own with the transaction, once for a
// subject, kind and detail.
func (c *Case) Tell(ctx context.Context, subject uuid.UUID, kind, detail string, data any) error {
	if c.ahead.wasSaid(subject, kind, detail) {
		return nil
	}
	first, err := c.first(ctx, subject, kind, detail)
	if err != nil || !first {
		return err
	}
	e, err := event.New(ctx, c.observer.Service, kind, subject.String(), data)
	if err != nil {
		return err
	}
	return outbox.Put(ctx, c.out, e, c.User.String())
}

// Said tells whether something is known to have been said of a subject: of budgets
// that were read it is, of others it may have been all the same.
func (c *Case) Said(subject uuid.UUID, kind, detail string) bool {
	return c.ahead.wasSaid(subject, kind, detail)
}

// Skip has a finding count as said without saying it.
func (c *Case) Skip(ctx context.Context, f finding.Finding) error {
	_, err := c.first(ctx, f.Subject, f.Kind, f.Detail)
	return err
}

// CategoryName is what the user calls a category now, or what its slug says where
// they never named it.
func (c *Case) CategoryName(ctx context.Context, slug string) (string, error) {
	if _, err := c.wants(ctx); err != nil {
		return "", err
	}
	if name, named := c.names[slug]; named {
		return name, nil
	}
	return finding.Plain(slug), nil
}

// named puts the present names of the categories into a finding's texts.
func (c *Case) named(ctx context.Context, f finding.Finding) (finding.Finding, error) {
	names := map[string]string{}
	for _, slug := range f.Categories() {
		name, err := c.CategoryName(ctx, slug)
		if err != nil {
			return f, err
		}
		names[slug] = name
	}
	return f.Named(names), nil
}

// first notes that something is said of a subject; false: it was before.
func (c *Case) first(ctx context.Context, subject uuid.UUID, kind, detail string) (bool, error) {
	if c.ahead.wasSaid(subject, kind, detail) {
		return false, nil
	}
	raised := observerdb.RaiseParams{Subject: subject, Kind: kind, Detail: detail, UserID: c.User, RaisedAt: c.Now}
	if c.ahead.heard[subject] {
		// Nobody else says anything of the user's meanwhile, so there is no answer to wait for.
		c.ahead.say(subject, kind, detail)
		_, err := observerdb.New(c.out).Raise(ctx, raised)
		return true, err
	}
	rows, err := c.kept.Raise(ctx, raised)
	return rows == 1, err
}

// hold keeps an insight until there are words for it. A model is slow, and must
// not be waited for while the user's data is locked.
func (c *Case) hold(ctx context.Context, e event.CloudEvent) error {
	if err := event.Check(e); err != nil {
		return err
	}
	id, err := uuid.Parse(e.ID)
	if err != nil {
		return err
	}
	payload, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return c.kept.Hold(ctx, id, c.User, payload)
}

// wants returns how the user wants to be told.
func (c *Case) wants(ctx context.Context) (*wishes, error) {
	if c.wishes != nil {
		return c.wishes, nil
	}
	its := &wishes{restraint: restraint{}}
	batch := &pgx.Batch{}
	queue(batch, observerdb.PreferencesOf, []any{c.User}, func(rows []observerdb.PreferencesOfRow) error {
		for _, row := range rows {
			its.muted, its.phrasing = row.Muted, row.Phrasing
		}
		return nil
	})
	queue(batch, observerdb.DismissalsOf, []any{c.User, c.Now.Add(-remembered)}, func(rows []observerdb.DismissalsOfRow) error {
		for _, d := range rows {
			its.note(d.Detector, d.Feedback, int(d.Count))
		}
		return nil
	})
	queue(batch, observerdb.CategoryNames, []any{c.User}, func(rows []observerdb.CategoryNamesRow) error {
		c.names = map[string]string{}
		for _, row := range rows {
			c.names[row.Slug] = row.Name
		}
		return nil
	})
	if err := c.tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("read how the user wants to be notified: %w", err)
	}
	c.wishes = its
	return its, nil
}

// restraint is what dismissals of the last half year make of each detector.
//
// A dismissal counts one; with the feedback "not useful" or "wrong" it counts two;
// with "useful" it takes two back. Every three of the sum are a level. At level n
// the detector
//
//   - must be sure to 0.5 + 0.1 n, at most 0.95, and
//   - is silent for a week after it spoke, twice that at level 2, four times at
//     level 3 and so on, sixteen weeks at most.
//
// So three dismissals without a word, or two that say it is wrong, have a kind come
// back less; and as dismissals grow old, it comes back.
type restraint map[string]int

const (
	remembered = 180 * 24 * time.Hour
	aLevel     = 3
	highest    = 5
	week       = 7 * 24 * time.Hour
)

func (r restraint) note(detector, feedback string, times int) {
	switch feedback {
	case "useful":
		r[detector] -= 2 * times
	case "not_useful", "wrong":
		r[detector] += 2 * times
	default:
		r[detector] += times
	}
}

func (r restraint) level(detector string) int { return min(max(0, r[detector])/aLevel, highest) }

// restrained tells whether what is found may be said at a level above zero, so
// long after the detector last spoke.
func restrained(level int, confidence float64, since time.Duration) bool {
	return confidence >= min(0.5+0.1*float64(level), 0.95) && since >= week<<(level-1)
}
