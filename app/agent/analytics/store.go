package analytics

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/db"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/money"
)

// place is where spending adds up.
type place struct {
	user               uuid.UUID
	category, currency string
	month              string // YYYY-MM, UTC
}

// seen is a transaction with every change that is known of it.
type seen struct {
	id         uuid.UUID
	place      place
	kind       string
	amount     decimal.Decimal
	occurredAt time.Time
}

// seenOf reads a transaction as an event tells of it.
func seenOf(t event.TransactionCreated) (seen, error) {
	amount, err := money.Parse(t.Amount)
	at := t.Timestamp.UTC()
	return seen{
		id: t.TransactionID, kind: t.Type, amount: amount, occurredAt: at,
		place: place{t.UserID, t.Category, t.Currency, at.Format("2006-01")},
	}, err
}

// apply makes the changes of a later event on what is known of a transaction.
func apply(t *event.TransactionCreated, changes map[string]event.Change) error {
	for field, change := range changes {
		switch field {
		case "amount":
			t.Amount = change.After
		case "currency":
			t.Currency = change.After
		case "type":
			t.Type = change.After
		case "category":
			t.Category = change.After
		case "timestamp":
			at, err := time.Parse(time.RFC3339Nano, change.After)
			if err != nil {
				return err
			}
			t.Timestamp = at
		}
	}
	return nil
}

// alone has the transaction wait for others that act for the same user: what
// two saw of a budget apart would not add up.
func alone(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", db.LockID(event.Analytics+":user:"+user.String()))
	return err
}

// keepOriginal keeps a transaction as it was created.
func keepOriginal(ctx context.Context, tx pgx.Tx, t event.TransactionCreated) error {
	s, err := seenOf(t)
	if err != nil {
		return err
	}
	original, err := json.Marshal(t)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO seen_transactions (id, user_id, original, type, category, amount, currency, month, occurred_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING`,
		s.id, s.place.user, original, s.kind, s.place.category, s.amount.String(), s.place.currency, s.place.month, s.occurredAt)
	return err
}

func keepChange(ctx context.Context, tx pgx.Tx, eventID string, u event.TransactionUpdated) error {
	changes, err := json.Marshal(u.Changes)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO transaction_changes (event_id, transaction_id, changes, updated_at)
		VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, eventID, u.TransactionID, changes, u.UpdatedAt)
	return err
}

// settle makes a kept transaction what it is with every change that is known,
// in the order in which they were made. It returns what it was and is; ok is
// false when its creation was not heard of yet.
func settle(ctx context.Context, tx pgx.Tx, id uuid.UUID) (was, is seen, ok bool, err error) {
	var original []byte
	var amount string
	was.id = id
	err = tx.QueryRow(ctx, `SELECT original, type, amount::text, occurred_at, user_id, category, currency, month
		FROM seen_transactions WHERE id = $1`, id).
		Scan(&original, &was.kind, &amount, &was.occurredAt, &was.place.user, &was.place.category, &was.place.currency, &was.place.month)
	if errors.Is(err, pgx.ErrNoRows) {
		return was, is, false, nil
	}
	if err != nil {
		return was, is, false, err
	}
	if was.amount, err = decimal.NewFromString(amount); err != nil {
		return was, is, false, err
	}
	var t event.TransactionCreated
	if err := json.Unmarshal(original, &t); err != nil {
		return was, is, false, err
	}
	rows, err := tx.Query(ctx, "SELECT changes FROM transaction_changes WHERE transaction_id = $1 ORDER BY updated_at, event_id", id)
	if err != nil {
		return was, is, false, err
	}
	changes, err := pgx.CollectRows(rows, pgx.RowTo[map[string]event.Change])
	if err != nil {
		return was, is, false, err
	}
	for _, change := range changes {
		if err := apply(&t, change); err != nil {
			return was, is, false, err
		}
	}
	if is, err = seenOf(t); err != nil {
		return was, is, false, err
	}
	_, err = tx.Exec(ctx, `UPDATE seen_transactions SET type = $2, category = $3, amount = $4, currency = $5, month = $6, occurred_at = $7 WHERE id = $1`,
		id, is.kind, is.place.category, is.amount.String(), is.place.currency, is.place.month, is.occurredAt)
	return was, is, true, err
}

// limit is a budget as last heard of.
type limit struct {
	id     uuid.UUID
	amount decimal.Decimal
}

// keepBudget takes a budget's new state, unless a newer one is known: fresh is
// then false.
func keepBudget(ctx context.Context, tx pgx.Tx, b event.BudgetChanged, at time.Time) (fresh bool, err error) {
	amount, err := money.Parse(b.Limit)
	if err != nil {
		return false, err
	}
	tag, err := tx.Exec(ctx, `INSERT INTO budgets (id, user_id, category, amount, currency, month, deleted, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, deleted = excluded.deleted, changed_at = excluded.changed_at
		WHERE budgets.changed_at < excluded.changed_at`,
		b.BudgetID, b.UserID, b.Category, amount.String(), b.Currency, b.Month, b.Deleted, at)
	return tag.RowsAffected() == 1, err
}

func limitsAt(ctx context.Context, tx pgx.Tx, p place) ([]limit, error) {
	rows, err := tx.Query(ctx, `SELECT id, amount::text FROM budgets
		WHERE user_id = $1 AND category = $2 AND currency = $3 AND month = $4 AND NOT deleted`, p.user, p.category, p.currency, p.month)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (limit, error) {
		var l limit
		var amount string
		if err := r.Scan(&l.id, &amount); err != nil {
			return l, err
		}
		l.amount, err = decimal.NewFromString(amount)
		return l, err
	})
}

func spentAt(ctx context.Context, tx pgx.Tx, p place) (decimal.Decimal, error) {
	var sum string
	if err := tx.QueryRow(ctx, `SELECT coalesce(sum(amount), 0)::text FROM spending
		WHERE user_id = $1 AND category = $2 AND currency = $3 AND month = $4`, p.user, p.category, p.currency, p.month).Scan(&sum); err != nil {
		return decimal.Zero, err
	}
	return decimal.NewFromString(sum)
}

// maxSamples is as far as an amount is compared back.
const maxSamples = 50

// expensesBefore returns the amounts of the user's last expenses like s.
func expensesBefore(ctx context.Context, tx pgx.Tx, s seen) ([]decimal.Decimal, error) {
	rows, err := tx.Query(ctx, `SELECT amount::text FROM seen_transactions
		WHERE user_id = $1 AND category = $2 AND currency = $3 AND type = 'expense' AND id <> $4 AND occurred_at <= $5
		ORDER BY occurred_at DESC LIMIT $6`, s.place.user, s.place.category, s.place.currency, s.id, s.occurredAt, maxSamples)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (decimal.Decimal, error) {
		var amount string
		if err := r.Scan(&amount); err != nil {
			return decimal.Zero, err
		}
		return decimal.NewFromString(amount)
	})
}

// firstTime notes that something is said of a subject; false: it was before.
func firstTime(ctx context.Context, tx pgx.Tx, subject uuid.UUID, kind, detail string) (bool, error) {
	tag, err := tx.Exec(ctx, "INSERT INTO raised (subject, kind, detail) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", subject, kind, detail)
	return err == nil && tag.RowsAffected() == 1, err
}
