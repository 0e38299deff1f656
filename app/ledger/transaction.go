package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/db"
	"github.com/wealth-companion/companion/app/etag"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/fault"
	"github.com/wealth-companion/companion/app/idempotency"
	"github.com/wealth-companion/companion/app/money"
	"github.com/wealth-companion/companion/app/outbox"
	"github.com/wealth-companion/companion/app/page"
	"github.com/wealth-companion/companion/app/trail"
)

// Transaction is money that came, went or moved.
type Transaction struct {
	ID          uuid.UUID    `json:"id"`
	WalletID    uuid.UUID    `json:"walletId"`
	Amount      money.Amount `json:"amount"` // more than zero; Type tells the direction
	Currency    string       `json:"currency"`
	Type        string       `json:"type"`
	Category    string       `json:"category"` // a slug
	Description string       `json:"description"`
	Timestamp   time.Time    `json:"timestamp"` // when it happened, UTC
	CreatedAt   time.Time    `json:"createdAt"`
	UpdatedAt   time.Time    `json:"updatedAt"`
}

// Changed tells this state from the next.
func (t Transaction) Changed() time.Time { return t.UpdatedAt }

// NewTransaction is what a user enters. Without a timestamp it is now.
type NewTransaction struct {
	WalletID    uuid.UUID  `json:"walletId" format:"uuid"`
	Amount      string     `json:"amount" doc:"More than zero, a decimal string" example:"12.50"`
	Type        string     `json:"type" enum:"income,expense,transfer"`
	Category    string     `json:"category" doc:"The slug of a category"`
	Description string     `json:"description,omitempty" maxLength:"500"`
	Timestamp   *time.Time `json:"timestamp,omitempty" doc:"When it happened; without it, now"`
}

// Edit is what of a transaction shall be otherwise; nil leaves it.
type Edit struct {
	Amount      *string    `json:"amount,omitempty"`
	Type        *string    `json:"type,omitempty" enum:"income,expense,transfer"`
	Category    *string    `json:"category,omitempty"`
	Description *string    `json:"description,omitempty" maxLength:"500"`
	Timestamp   *time.Time `json:"timestamp,omitempty"`
}

// check looks at what needs no database. at is the present.
func (t *Transaction) check(amount string, at time.Time) error {
	parsed, err := money.Parse(amount)
	if err != nil {
		return fault.Invalid{Field: "amount", Reason: err.Error()}
	}
	t.Amount = money.Of(parsed)
	t.Description = strings.TrimSpace(t.Description)
	t.Timestamp = t.Timestamp.UTC().Truncate(time.Microsecond)
	switch {
	case t.Type != event.Income && t.Type != event.Expense && t.Type != event.Transfer:
		return fault.Invalid{Field: "type", Reason: "must be income, expense or transfer"}
	case utf8.RuneCountInString(t.Description) > 500:
		return fault.Invalid{Field: "description", Reason: "must have at most 500 characters"}
	case t.Timestamp.After(at.Add(24 * time.Hour)):
		return fault.Invalid{Field: "timestamp", Reason: "must not lie in the future"}
	case t.Timestamp.Year() < 1970:
		return fault.Invalid{Field: "timestamp", Reason: "must not lie before 1970"}
	}
	return nil
}

// Post records a transaction and its event.
func (l *Ledger) Post(ctx context.Context, user uuid.UUID, n NewTransaction) (Transaction, error) {
	at := now()
	t := Transaction{
		ID: trail.NewID(), WalletID: n.WalletID, Type: n.Type, Category: n.Category, Description: n.Description,
		Timestamp: at, CreatedAt: at, UpdatedAt: at,
	}
	if n.Timestamp != nil {
		t.Timestamp = *n.Timestamp
	}
	if err := t.check(n.Amount, at); err != nil {
		return Transaction{}, err
	}
	return idempotency.Do(ctx, l.Pool, user, func(tx pgx.Tx) (Transaction, error) {
		if err := tx.QueryRow(ctx, "SELECT currency FROM wallets WHERE id = $1 AND user_id = $2", n.WalletID, user).Scan(&t.Currency); err != nil {
			if errors.Is(err, pgx.ErrNoRows) {
				return t, fault.Invalid{Field: "walletId", Reason: "there is no such wallet"}
			}
			return t, err
		}
		if err := HasCategory(ctx, tx, user, t.Category); err != nil {
			return t, err
		}
		if err := insert(ctx, tx, user, t); err != nil {
			return t, err
		}
		return t, l.tell(ctx, tx, event.TypeTransactionCreated, t.ID, user, event.TransactionCreated{
			TransactionID: t.ID, UserID: user, Amount: t.Amount.String(), Currency: t.Currency, Type: t.Type,
			Category: t.Category, Description: t.Description, WalletID: t.WalletID, Timestamp: t.Timestamp,
		})
	})
}

func insert(ctx context.Context, tx pgx.Tx, user uuid.UUID, t Transaction) error {
	_, err := tx.Exec(ctx, `INSERT INTO transactions
		(id, user_id, wallet_id, amount, currency, type, category, description, occurred_at, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		t.ID, user, t.WalletID, t.Amount.Decimal.String(), t.Currency, t.Type, t.Category, t.Description, t.Timestamp, t.CreatedAt, t.UpdatedAt)
	return err
}

// tell has an event published once tx is committed.
func (l *Ledger) tell(ctx context.Context, tx pgx.Tx, kind string, subject, user uuid.UUID, data any) error {
	e, err := event.New(ctx, l.Service, kind, subject.String(), data)
	if err != nil {
		return err
	}
	return outbox.Put(ctx, tx, e, user.String())
}

// Update changes a transaction and tells what was and became. What is as asked
// already is no change, and without any there is no event.
func (l *Ledger) Update(ctx context.Context, user, id uuid.UUID, ifMatch string, edit Edit) (Transaction, error) {
	var t Transaction
	err := db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) error {
		before, err := get(ctx, tx, user, id, " FOR UPDATE")
		if err != nil {
			return err
		}
		if err := etag.Check(ifMatch, before.UpdatedAt); err != nil {
			return err
		}
		t = before
		amount := t.Amount.String()
		set(&amount, edit.Amount)
		set(&t.Type, edit.Type)
		set(&t.Category, edit.Category)
		set(&t.Description, edit.Description)
		set(&t.Timestamp, edit.Timestamp)
		if err := t.check(amount, now()); err != nil {
			return err
		}
		if t.Category != before.Category {
			if err := HasCategory(ctx, tx, user, t.Category); err != nil {
				return err
			}
		}
		changes := differences(before, t)
		if len(changes) == 0 {
			t = before
			return nil
		}
		t.UpdatedAt = now()
		if _, err := tx.Exec(ctx, `UPDATE transactions SET amount = $2, type = $3, category = $4, description = $5, occurred_at = $6, updated_at = $7
			WHERE id = $1`, id, t.Amount.Decimal.String(), t.Type, t.Category, t.Description, t.Timestamp, t.UpdatedAt); err != nil {
			return err
		}
		return l.tell(ctx, tx, event.TypeTransactionUpdated, id, user, event.TransactionUpdated{
			TransactionID: id, UserID: user, Changes: changes, UpdatedAt: t.UpdatedAt,
		})
	})
	return t, err
}

func set[T any](target *T, value *T) {
	if value != nil {
		*target = *value
	}
}

// differences tells what changed, by the names of the event's fields.
func differences(before, after Transaction) map[string]event.Change {
	changes := map[string]event.Change{}
	note := func(field, was, is string) {
		if was != is {
			changes[field] = event.Change{Before: was, After: is}
		}
	}
	note("amount", before.Amount.String(), after.Amount.String())
	note("type", before.Type, after.Type)
	note("category", before.Category, after.Category)
	note("description", before.Description, after.Description)
	note("timestamp", before.Timestamp.Format(time.RFC3339Nano), after.Timestamp.Format(time.RFC3339Nano))
	return changes
}

const columns = "id, wallet_id, amount::text, currency, type, category, description, occurred_at, created_at, updated_at"

func scan(row pgx.CollectableRow) (Transaction, error) {
	var t Transaction
	var amount string
	if err := row.Scan(&t.ID, &t.WalletID, &amount, &t.Currency, &t.Type, &t.Category, &t.Description, &t.Timestamp, &t.CreatedAt, &t.UpdatedAt); err != nil {
		return t, err
	}
	t.Timestamp, t.CreatedAt, t.UpdatedAt = t.Timestamp.UTC(), t.CreatedAt.UTC(), t.UpdatedAt.UTC()
	return t, t.Amount.UnmarshalText([]byte(amount))
}

func get(ctx context.Context, q db.Querier, user, id uuid.UUID, lock string) (Transaction, error) {
	rows, err := q.Query(ctx, "SELECT "+columns+" FROM transactions WHERE id = $1 AND user_id = $2"+lock, id, user)
	if err != nil {
		return Transaction{}, err
	}
	t, err := pgx.CollectExactlyOneRow(rows, scan)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, fmt.Errorf("transaction %s: %w", id, fault.ErrNotFound)
	}
	return t, err
}

// Get returns one transaction.
func (l *Ledger) Get(ctx context.Context, user, id uuid.UUID) (Transaction, error) {
	return get(ctx, l.Pool, user, id, "")
}

// Transactions lists the user's transactions, newest first.
func (l *Ledger) Transactions(ctx context.Context, user uuid.UUID, p page.Request) (page.List[Transaction], error) {
	rows, err := l.Pool.Query(ctx, "SELECT "+columns+` FROM transactions
		WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (occurred_at, id) < ($2, $3::uuid))
		ORDER BY occurred_at DESC, id DESC LIMIT $4`, user, p.At, p.ID, p.Limit+1)
	if err != nil {
		return page.List[Transaction]{}, err
	}
	found, err := pgx.CollectRows(rows, scan)
	return page.Of(found, p.Limit, func(t Transaction) (time.Time, uuid.UUID) { return t.Timestamp, t.ID }), err
}
