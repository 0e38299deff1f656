package observer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/observerdb"
)

// Phrase returns other words for a message that rests on facts, or an error, with
// which the message is said as it is. It bounds its time.
type Phrase func(ctx context.Context, message string, facts map[string]string) (string, error)

const (
	// phraseEvery is how often it is looked for insights that wait for words.
	phraseEvery = time.Second
	// seldom is enough without a model, when nothing new waits.
	seldom = 30 * time.Second
	// stale is after how long another takes an insight from one who died.
	stale = time.Minute
)

// phrase works until ctx ends. It runs without a model too: what waited when it
// was taken away is said in the template's words.
func (o *Observer) phrase(ctx context.Context) {
	every := phraseEvery
	if o.Phrase == nil {
		every = seldom
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = o.PhraseNext(ctx); err != nil && ctx.Err() == nil {
				o.Log.WarnContext(ctx, "insights wait to be phrased", "error", err, "next_try_in", every.String())
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// PhraseNext publishes one insight that waits for words; done is false when none
// does. No database transaction is open while the model thinks.
func (o *Observer) PhraseNext(ctx context.Context) (done bool, err error) {
	now := o.now()
	taken, err := observerdb.New(o.Pool).TakeHeld(ctx, now, now.Add(-stale))
	if err != nil || len(taken) == 0 {
		return false, err
	}
	held := taken[0]
	var e event.CloudEvent
	if err := json.Unmarshal(held.Event, &e); err != nil {
		return false, fmt.Errorf("insight %s: %w", held.EventID, err)
	}
	ctx, span := tracing.Start(e.Continue(ctx), "phrase")
	defer func() { tracing.End(span, err) }()
	// They may have withdrawn their consent since.
	wants, err := observerdb.New(o.Pool).PreferencesOf(ctx, held.UserID)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return false, err
	}
	if wants.Phrasing {
		if e.Data, err = o.inOtherWords(ctx, e); err != nil {
			return false, err
		}
	}
	return true, db.InTx(ctx, o.Pool, func(tx pgx.Tx) error {
		// Gone: said already, or its user is.
		released, err := observerdb.New(tx).Release(ctx, held.EventID)
		if err != nil || released == 0 {
			return err
		}
		return outbox.Put(ctx, tx, e, held.UserID.String())
	})
}

// inOtherWords is the insight of an event, phrased if that can be done.
func (o *Observer) inOtherWords(ctx context.Context, e event.CloudEvent) (json.RawMessage, error) {
	if o.Phrase == nil {
		return e.Data, nil
	}
	insight, err := event.Decode[event.InsightGenerated](e)
	if err != nil {
		return nil, err
	}
	message, err := o.Phrase(ctx, insight.Message, insight.Facts)
	if err != nil {
		o.Log.WarnContext(ctx, "an insight keeps its template's words", "detector", insight.RelatedEntities["detector"], "reason", err)
		return e.Data, nil
	}
	insight.Message = message
	return json.Marshal(insight)
}
