// Package idempotency carries a request out once, however often it is sent: its
// key and its answer are written in the database transaction of its effect.
package idempotency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/db"
	"github.com/wealth-companion/companion/app/fault"
)

// Memory is how long a key is remembered; a request that is sent again later is
// carried out again.
const Memory = 7 * 24 * time.Hour

// Request is what the caller sent under a key.
type Request struct {
	Key uuid.UUID
	// Sum tells another request under the same key from the same one.
	Sum [sha256.Size]byte
	// Replayed is told that the request had been carried out before.
	Replayed bool
}

type contextKey struct{}

// With returns a context whose request is carried out once, and the request,
// which knows afterwards whether it was a repetition.
func With(ctx context.Context, key uuid.UUID, content []byte) (context.Context, *Request) {
	r := &Request{Key: key, Sum: sha256.Sum256(content)}
	return context.WithValue(ctx, contextKey{}, r), r
}

// Do runs effect in a transaction of the user's. When ctx's request was carried
// out before, it does nothing and returns the answer of then; another request
// under the same key is an ErrConflict. Without a key it just runs effect.
// T must come back from JSON as it was.
func Do[T any](ctx context.Context, pool *pgxpool.Pool, user uuid.UUID, effect func(pgx.Tx) (T, error)) (T, error) {
	request, _ := ctx.Value(contextKey{}).(*Request)
	var result T
	err := db.AsUser(ctx, pool, user, func(tx pgx.Tx) error {
		if request != nil {
			first, err := claim(ctx, tx, user, request)
			if err != nil {
				return err
			}
			if !first {
				request.Replayed = true
				return recall(ctx, tx, user, request, &result)
			}
		}
		var err error
		if result, err = effect(tx); err != nil || request == nil {
			return err
		}
		answer, err := json.Marshal(result)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE idempotency_keys SET answer = $3 WHERE user_id = $1 AND key = $2", user, request.Key, answer)
		return err
	})
	return result, err
}

// claim notes the key. A request with the same key at the same moment waits
// here for the first to end.
func claim(ctx context.Context, tx pgx.Tx, user uuid.UUID, r *Request) (first bool, err error) {
	tag, err := tx.Exec(ctx, "INSERT INTO idempotency_keys (user_id, key, request) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
		user, r.Key, r.Sum[:])
	return err == nil && tag.RowsAffected() == 1, err
}

func recall(ctx context.Context, tx pgx.Tx, user uuid.UUID, r *Request, result any) error {
	var before, answer []byte
	if err := tx.QueryRow(ctx, "SELECT request, answer FROM idempotency_keys WHERE user_id = $1 AND key = $2", user, r.Key).
		Scan(&before, &answer); err != nil {
		return err
	}
	if !bytes.Equal(before, r.Sum[:]) {
		return fmt.Errorf("another request with this Idempotency-Key %w", fault.ErrConflict)
	}
	return json.Unmarshal(answer, result)
}

// Prune forgets old keys, some at a time.
func Prune(ctx context.Context, q db.Querier) error {
	_, err := q.Exec(ctx, `DELETE FROM idempotency_keys WHERE (user_id, key) IN
		(SELECT user_id, key FROM idempotency_keys WHERE created_at < now() - $1::interval LIMIT 10000)`, Memory)
	return err
}
