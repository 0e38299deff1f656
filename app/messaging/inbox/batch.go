package inbox

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/store/db"
)

// OnceInBatches is Once in few round trips (see db.InBatches): what known holds is sent
// with the note that the event was handled, whether it was handled before or not, and
// has been read when effect is called; what effect queues in last is sent with the commit.
func OnceInBatches(ctx context.Context, pool *pgxpool.Pool, eventID string, known *pgx.Batch, effect func(tx pgx.Tx, last db.Queue) error) (first bool, err error) {
	begin := &pgx.Batch{}
	Queue(begin, []string{eventID}, func(string) { first = true })
	begin.QueuedQueries = append(begin.QueuedQueries, known.QueuedQueries...)
	err = db.InBatches(ctx, pool, begin, func(tx pgx.Tx, last db.Queue) error {
		if !first {
			return nil
		}
		return effect(tx, last)
	})
	return first && err == nil, err
}

// Queue has a batch of a transaction note events as handled; fresh receives each id
// that was not noted before. The transaction waits for any other that notes one of
// them, always in the same order, so that two do not wait for one another.
func Queue(batch *pgx.Batch, eventIDs []string, fresh func(eventID string)) {
	sorted := slices.Sorted(slices.Values(eventIDs))
	batch.Queue(`INSERT INTO inbox (event_id) SELECT id::uuid FROM unnest($1::text[]) WITH ORDINALITY AS given(id, number)
		ORDER BY number ON CONFLICT DO NOTHING RETURNING event_id::text`, sorted).Query(func(rows pgx.Rows) error {
		var id string
		_, err := pgx.ForEachRow(rows, []any{&id}, func() error { fresh(id); return nil })
		return err
	})
}
