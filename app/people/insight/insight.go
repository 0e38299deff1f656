// Package insight is what the agents found, as the backend shows it.
package insight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/inbox"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/idempotency"
	"github.com/wealth-companion/companion/app/store/live"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// Insight is something that an agent tells a user about their money.
type Insight struct {
	ID              uuid.UUID         `json:"id"`
	Type            string            `json:"type" enum:"spending_pattern,budget_warning,savings_tip,investment_suggestion"`
	Title           string            `json:"title"`
	Message         string            `json:"message"`
	Confidence      float64           `json:"confidence" doc:"0 to 1"`
	RelatedEntities map[string]string `json:"relatedEntities" doc:"What to open: transactionId, budgetId, category and the like; detector names what found it"`
	Facts           map[string]string `json:"facts" doc:"What it rests on, ready to be shown"`
	Dismiss         string            `json:"dismiss,omitempty" doc:"What would end it"`
	CreatedAt       time.Time         `json:"createdAt"`
	ExpiresAt       *time.Time        `json:"expiresAt" doc:"When it is no longer worth reading"`
	ReadAt          *time.Time        `json:"readAt,omitempty"`
	DismissedAt     *time.Time        `json:"dismissedAt,omitempty"`
	Feedback        string            `json:"feedback,omitempty" enum:"none,useful,not_useful,wrong"`
}

// The states that a list can be of.
const (
	Active    = "active" // neither dismissed nor expired
	Dismissed = "dismissed"
	All       = "all"
)

// Dismissal is why a user wants to see an insight no more.
type Dismissal struct {
	Feedback string `json:"feedback,omitempty" enum:"none,useful,not_useful,wrong" doc:"What the user thinks of it; without it, none. Agents say less of what is not useful or wrong"`
}

// Insights keeps them.
type Insights struct {
	Pool    *pgxpool.Pool
	Service string    // who publishes its events
	Live    *live.Hub // nil: nobody is notified
}

// Take stores the insight that an event describes.
func (s *Insights) Take(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.InsightGenerated](e)
	if err != nil {
		return false, err
	}
	row := backenddb.InsertInsightParams{
		ID: data.InsightID, UserID: data.UserID, Type: data.InsightType, Title: data.Title, Message: data.Message, Confidence: data.Confidence,
		Dismiss: data.Dismiss, CreatedAt: e.Time, ExpiresAt: data.ExpiresAt,
	}
	if row.EventID, err = uuid.Parse(e.ID); err != nil {
		return false, fmt.Errorf("the id of the event: %w", err)
	}
	if row.CorrelationID, err = uuid.Parse(e.CorrelationID); err != nil {
		return false, fmt.Errorf("the correlation id of the event: %w", err)
	}
	if row.RelatedEntities, err = texts(data.RelatedEntities); err != nil {
		return false, err
	}
	if row.Facts, err = texts(data.Facts); err != nil {
		return false, err
	}
	first, err := inbox.Once(ctx, s.Pool, e.ID, func(tx pgx.Tx) error {
		if err := db.Act(ctx, tx, data.UserID); err != nil {
			return err
		}
		kept, err := backenddb.New(tx).InsertInsight(ctx, row)
		if err != nil || kept == 0 {
			return err
		}
		s.Live.Notify(tx, live.Notice{User: data.UserID, Kind: live.Insight, ID: data.InsightID}.Of(ctx))
		return nil
	})
	if db.Orphan(err, "user_id") {
		return true, nil // of a user who is gone: it is taken, and leaves nothing
	}
	return first, err
}

func texts(of map[string]string) ([]byte, error) {
	if of == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(of)
}

func insightOf(row backenddb.Insight) (Insight, error) {
	i := Insight{
		ID: row.ID, Type: row.Type, Title: row.Title, Message: row.Message, Confidence: row.Confidence, Dismiss: row.Dismiss,
		CreatedAt: row.CreatedAt.UTC(), ExpiresAt: utc(row.ExpiresAt), ReadAt: utc(row.ReadAt), DismissedAt: utc(row.DismissedAt), Feedback: row.Feedback,
	}
	return i, errors.Join(json.Unmarshal(row.RelatedEntities, &i.RelatedEntities), json.Unmarshal(row.Facts, &i.Facts))
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC()
	return &at
}

// List lists the user's insights, newest first: those of a type, or "" for all
// types, that are in a state.
func (s *Insights) List(ctx context.Context, user uuid.UUID, kind, state string, p pagination.Request) (pagination.List[Insight], error) {
	which := backenddb.InsightsParams{UserID: user, State: state, BeforeAt: p.At, BeforeID: p.ID, Most: int32(p.Limit + 1)}
	if kind != "" {
		which.Type = &kind
	}
	found := []Insight{}
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		rows, err := backenddb.New(tx).Insights(ctx, which)
		for _, row := range rows {
			i, fails := insightOf(row)
			if fails != nil {
				return fails
			}
			found = append(found, i)
		}
		return err
	})
	return pagination.Of(found, p.Limit, func(i Insight) (time.Time, uuid.UUID) { return i.CreatedAt, i.ID }), err
}

// Get returns one insight, whatever its state.
func (s *Insights) Get(ctx context.Context, user, id uuid.UUID) (i Insight, err error) {
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		row, err := backenddb.New(tx).Insight(ctx, id, user)
		if err != nil {
			return missing(err, id)
		}
		i, err = insightOf(row)
		return err
	})
	return i, err
}

func missing(err error, id uuid.UUID) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("insight %s: %w", id, apperror.ErrNotFound)
	}
	return err
}

// Read notes that the user has read an insight; the first time counts.
func (s *Insights) Read(ctx context.Context, user, id uuid.UUID) (Insight, error) {
	return s.change(ctx, user, id, func(tx pgx.Tx, i *Insight, at time.Time) error {
		if i.ReadAt == nil {
			i.ReadAt = &at
		}
		return backenddb.New(tx).ReadInsight(ctx, &at, id)
	})
}

// Dismiss takes an insight off the user's list and tells the agents what the user
// thinks of it. Dismissed again with the same feedback, nothing happens.
func (s *Insights) Dismiss(ctx context.Context, user, id uuid.UUID, d Dismissal) (Insight, error) {
	switch d.Feedback {
	case "":
		d.Feedback = "none"
	case "none", "useful", "not_useful", "wrong":
	default:
		return Insight{}, apperror.Invalid{Field: "feedback", Reason: "must be none, useful, not_useful or wrong"}
	}
	return s.change(ctx, user, id, func(tx pgx.Tx, i *Insight, at time.Time) error {
		if i.DismissedAt != nil && i.Feedback == d.Feedback {
			return nil
		}
		i.DismissedAt, i.Feedback = &at, d.Feedback
		if i.ReadAt == nil {
			i.ReadAt = &at
		}
		if err := backenddb.New(tx).DismissInsight(ctx, &at, d.Feedback, id); err != nil {
			return err
		}
		e, err := event.New(ctx, s.Service, event.TypeInsightDismissed, id.String(), event.InsightDismissed{
			UserID: user, InsightID: id, InsightType: i.Type, Detector: i.RelatedEntities["detector"], Feedback: d.Feedback, DismissedAt: at,
		})
		if err != nil {
			return err
		}
		return outbox.Put(ctx, tx, e, user.String())
	})
}

func (s *Insights) change(ctx context.Context, user, id uuid.UUID, how func(tx pgx.Tx, i *Insight, at time.Time) error) (Insight, error) {
	return idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (Insight, error) {
		row, err := backenddb.New(tx).InsightForUpdate(ctx, id, user)
		if err != nil {
			return Insight{}, missing(err, id)
		}
		i, err := insightOf(row)
		if err != nil {
			return i, err
		}
		return i, how(tx, &i, db.Now())
	})
}
