package inbox

import (
	"slices"

	"github.com/jackc/pgx/v5"
)

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
