package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/db"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/fault"
	"github.com/wealth-companion/companion/app/money"
	"github.com/wealth-companion/companion/app/outbox"
	"github.com/wealth-companion/companion/app/page"
	"github.com/wealth-companion/companion/app/trail"
)

// Transaction is money that came, went or moved.
type Transaction struct {
	ID          uuid.UUID       `json:"id"`
	WalletID    uuid.UUID       `json:"walletId"`
	Amount      decimal.Decimal `json:"-"` // more than zero; Type tells the direction
	Currency    string          `json:"currency"`
	Type        string          `json:"type"`
	Category    string          `json:"category"` // a slug
	Description string          `json:"description"`
	Timestamp   time.Time       `json:"timestamp"` // when it happened, UTC
	CreatedAt   time.Time       `json:"createdAt"`
	UpdatedAt   time.Time       `json:"updatedAt"`
}

// MarshalJSON writes the amount as a decimal string.
func (t Transaction) MarshalJSON() ([]byte, error) {
	type plain Transaction
	return json.Marshal(struct {
		plain
		Amount string `json:"amount"`
	}{plain(t), money.Format(t.Amount)})
}

// NewTransaction is what a user enters. Without a timestamp it is now.
type NewTransaction struct {
	WalletID    uuid.UUID  `json:"walletId"`
	Amount      string     `json:"amount"` // decimal
	Type        string     `json:"type"`
	Category    string     `json:"category"`
	Description string     `json:"description"`
	Timestamp   *time.Time `json:"timestamp"`
}

// Edit is what of a transaction shall be otherwise; nil leaves it.
type Edit struct {
	Amount      *string    `json:"amount"`
	Type        *string    `json:"type"`
	Category    *string    `json:"category"`
	Description *string    `json:"description"`
	Timestamp   *time.Time `json:"timestamp"`
}

// check looks at what needs no database. at is the present.
func (t *Transaction) check(amount string, at time.Time) error {
	var err error
	if t.Amount, err = money.Parse(amount); err != nil {
		return fault.Invalid{Field: "amount", Reason: err.Error()}
	}
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

// Post records a transaction and its event. With a key, the same request sent
// again returns the same transaction (made is false) and does nothing else;
// another request with the same key is an ErrConflict.
func (l *Ledger) Post(ctx context.Context, user uuid.UUID, key *uuid.UUID, n NewTransaction) (t Transaction, made bool, err error) {
	at := now()
	t = Transaction{
		ID: trail.NewID(), WalletID: n.WalletID, Type: n.Type, Category: n.Category, Description: n.Description,
		Timestamp: at, CreatedAt: at, UpdatedAt: at,
	}
	if n.Timestamp != nil {
		t.Timestamp = *n.Timestamp
	}
	if err := t.check(n.Amount, at); err != nil {
		return Transaction{}, false, err
	}
	err = db.InTx(ctx, l.Pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, "SELECT currency FROM wallets WHERE id = $1 AND user_id = $2", n.WalletID, user).Scan(&t.Currency); err != nil {
			if errors.Is(err, pgx.ErrNoRows) {
				return fault.Invalid{Field: "walletId", Reason: "there is no such wallet"}
			}
			return err
		}
		if err := HasCategory(ctx, tx, user, t.Category); err != nil {
			return err
		}
		if err := insert(ctx, tx, user, t); err != nil {
			return err
		}
		if key != nil {
			earlier, err := l.remember(ctx, tx, user, *key, n, t.ID)
			if err != nil || earlier != uuid.Nil {
				return errors.Join(err, repeated{earlier})
			}
		}
		return l.tell(ctx, tx, event.TypeTransactionCreated, t.ID, user, event.TransactionCreated{
			TransactionID: t.ID, UserID: user, Amount: money.Format(t.Amount), Currency: t.Currency, Type: t.Type,
			Category: t.Category, Description: t.Description, WalletID: t.WalletID, Timestamp: t.Timestamp,
		})
	})
	var again repeated
	switch {
	case errors.Is(err, fault.ErrConflict):
		return Transaction{}, false, err
	case errors.As(err, &again):
		t, err = l.Get(ctx, user, again.transaction)
		return t, false, err
	case err != nil:
		return Transaction{}, false, err
	}
	return t, true, nil
}

// repeated undoes what a request that was carried out before would do again.
type repeated struct{ transaction uuid.UUID }

func (repeated) Error() string { return "the request was carried out before" }

// remember notes the request under its key. It returns the transaction of an
// earlier one, if there was.
func (l *Ledger) remember(ctx context.Context, tx pgx.Tx, user, key uuid.UUID, n NewTransaction, id uuid.UUID) (uuid.UUID, error) {
	raw, err := json.Marshal(n)
	if err != nil {
		return uuid.Nil, err
	}
	request := sha256.Sum256(raw)
	// A request with the same key at the same moment waits here for the first to end.
	tag, err := tx.Exec(ctx, `INSERT INTO idempotency_keys (user_id, key, request, transaction_id)
		VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, user, key, request[:], id)
	if err != nil || tag.RowsAffected() == 1 {
		return uuid.Nil, err
	}
	var earlier uuid.UUID
	var before []byte
	if err := tx.QueryRow(ctx, "SELECT request, transaction_id FROM idempotency_keys WHERE user_id = $1 AND key = $2", user, key).
		Scan(&before, &earlier); err != nil {
		return uuid.Nil, err
	}
	if !bytes.Equal(before, request[:]) {
		return uuid.Nil, fmt.Errorf("another request with this idempotency key %w", fault.ErrConflict)
	}
	return earlier, nil
}

func insert(ctx context.Context, tx pgx.Tx, user uuid.UUID, t Transaction) error {
	_, err := tx.Exec(ctx, `INSERT INTO transactions
		(id, user_id, wallet_id, amount, currency, type, category, description, occurred_at, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		t.ID, user, t.WalletID, t.Amount.String(), t.Currency, t.Type, t.Category, t.Description, t.Timestamp, t.CreatedAt, t.UpdatedAt)
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
func (l *Ledger) Update(ctx context.Context, user, id uuid.UUID, edit Edit) (Transaction, error) {
	var t Transaction
	err := db.InTx(ctx, l.Pool, func(tx pgx.Tx) error {
		before, err := get(ctx, tx, user, id, " FOR UPDATE")
		if err != nil {
			return err
		}
		t = before
		amount := money.Format(t.Amount)
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
			WHERE id = $1`, id, t.Amount.String(), t.Type, t.Category, t.Description, t.Timestamp, t.UpdatedAt); err != nil {
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
	note("amount", money.Format(before.Amount), money.Format(after.Amount))
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
	var err error
	t.Amount, err = decimal.NewFromString(amount)
	return t, err
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
