// Package insight is what the agents found, as the backend shows it.
package insight

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/inbox"
	"github.com/wealth-companion/companion/app/page"
)

// Insight is something that an agent tells a user about their money.
type Insight struct {
	ID              uuid.UUID         `json:"id"`
	Type            string            `json:"type"`
	Title           string            `json:"title"`
	Message         string            `json:"message"`
	Confidence      float64           `json:"confidence"` // 0 to 1
	RelatedEntities map[string]string `json:"relatedEntities"`
	CreatedAt       time.Time         `json:"createdAt"`
	ExpiresAt       *time.Time        `json:"expiresAt"`
}

// Insights keeps them.
type Insights struct{ Pool *pgxpool.Pool }

// Take keeps the insight that an event tells of.
func (s *Insights) Take(ctx context.Context, e event.CloudEvent) (bool, error) {
	data, err := event.Decode[event.InsightGenerated](e)
	if err != nil {
		return false, err
	}
	related, err := json.Marshal(data.RelatedEntities)
	if err != nil {
		return false, err
	}
	if data.RelatedEntities == nil {
		related = []byte("{}")
	}
	return inbox.Once(ctx, s.Pool, e.ID, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO insights
			(id, user_id, type, title, message, confidence, related_entities, event_id, correlation_id, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
			data.InsightID, data.UserID, data.InsightType, data.Title, data.Message, data.Confidence, related, e.ID, e.CorrelationID, e.Time, data.ExpiresAt)
		return err
	})
}

// List lists the user's insights, newest first, without those that expired.
func (s *Insights) List(ctx context.Context, user uuid.UUID, p page.Request) (page.List[Insight], error) {
	rows, err := s.Pool.Query(ctx, `SELECT id, type, title, message, confidence, related_entities, created_at, expires_at FROM insights
		WHERE user_id = $1 AND (expires_at IS NULL OR expires_at > now())
		AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
		ORDER BY created_at DESC, id DESC LIMIT $4`, user, p.At, p.ID, p.Limit+1)
	if err != nil {
		return page.List[Insight]{}, err
	}
	found, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (Insight, error) {
		var i Insight
		err := r.Scan(&i.ID, &i.Type, &i.Title, &i.Message, &i.Confidence, &i.RelatedEntities, &i.CreatedAt, &i.ExpiresAt)
		i.CreatedAt = i.CreatedAt.UTC()
		return i, err
	})
	return page.Of(found, p.Limit, func(i Insight) (time.Time, uuid.UUID) { return i.CreatedAt, i.ID }), err
}
