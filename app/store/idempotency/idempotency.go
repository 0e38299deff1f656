// Package idempotency carries a request out once, however often it is sent: its
// key and its answer are written in the database transaction of its effect, and
// remembered for a day (retention.IdempotencyKeys).
package idempotency

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/store/db"
)

// Request is what the caller sent under a key.
type Request struct {
	Key uuid.UUID
	// Sum tells another request under the same key from the same one.
	Sum [sha256.Size]byte
	// Replayed is set when the request had been carried out before.
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

// errBefore: the request had been carried out before.
var errBefore = errors.New("carried out before")

// Pipelined is Do in two round trips (db.Pipeline): ask queues what is to be
// known, effect what is to be done. Of two requests with the same key at the
// same moment the second waits when it notes the key, and is then answered as
// the first.
func Pipelined[T any](ctx context.Context, pool *pgxpool.Pool, user uuid.UUID, ask func(*pgx.Batch), effect func(db.Queue) (T, error)) (T, error) {
	request, _ := ctx.Value(contextKey{}).(*Request)
	var result T
	err := db.Pipeline(ctx, pool, user, func(batch *pgx.Batch) {
		if request != nil {
			batch.Queue("SELECT EXISTS (SELECT FROM idempotency_keys WHERE user_id = $1 AND key = $2)", user, request.Key).
				QueryRow(func(row pgx.Row) error {
					var known bool
					if err := row.Scan(&known); err != nil || !known {
						return err
					}
					return errBefore
				})
		}
		ask(batch)
	}, func(queue db.Queue) error {
		var err error
		if result, err = effect(queue); err != nil || request == nil {
			return err
		}
		answer, err := json.Marshal(result)
		if err != nil {
			return err
		}
		_, err = queue.Exec(ctx, "INSERT INTO idempotency_keys (user_id, key, request, answer) VALUES ($1, $2, $3, $4)",
			user, request.Key, request.Sum[:], answer)
		return err
	})
	if request == nil || !errors.Is(err, errBefore) && !noted(err) {
		return result, err
	}
	request.Replayed = true
	var before T
	err = db.AsUser(ctx, pool, user, func(tx pgx.Tx) error { return recall(ctx, tx, user, request, &before) })
	return before, err
}

// noted tells whether err means that another request had noted the key.
func noted(err error) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == "23505" && server.ConstraintName == "idempotency_keys_pkey"
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
		return fmt.Errorf("another request with this Idempotency-Key %w", apperror.ErrConflict)
	}
	return json.Unmarshal(answer, result)
}
