// Package budget is what users mean to spend at most, a month and a category.
package budget

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/db"
	"github.com/wealth-companion/companion/app/etag"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/fault"
	"github.com/wealth-companion/companion/app/idempotency"
	"github.com/wealth-companion/companion/app/ledger"
	"github.com/wealth-companion/companion/app/money"
	"github.com/wealth-companion/companion/app/outbox"
	"github.com/wealth-companion/companion/app/trail"
)

// Budget is a limit for a category's expenses within a month.
type Budget struct {
	ID        uuid.UUID    `json:"id"`
	Category  string       `json:"category"` // a slug
	Amount    money.Amount `json:"amount"`
	Currency  string       `json:"currency"`
	Month     string       `json:"month"` // YYYY-MM, UTC
	CreatedAt time.Time    `json:"createdAt"`
	UpdatedAt time.Time    `json:"updatedAt"`
}

// Changed tells this state from the next.
func (b Budget) Changed() time.Time { return b.UpdatedAt }

// New is what a user enters.
type New struct {
	Category string `json:"category"`
	Amount   string `json:"amount"` // decimal
	Currency string `json:"currency"`
	Month    string `json:"month"`
}

// Change is what a user may change of a budget.
type Change struct {
	Amount string `json:"amount"`
}

const monthLayout = "2006-01"

func (n New) check() (amount decimal.Decimal, month time.Time, err error) {
	if amount, err = money.Parse(n.Amount); err != nil {
		return amount, month, fault.Invalid{Field: "amount", Reason: err.Error()}
	}
	if !money.ValidCurrency(n.Currency) {
		return amount, month, fault.Invalid{Field: "currency", Reason: "must be an ISO 4217 code such as EUR"}
	}
	if month, err = time.Parse(monthLayout, n.Month); err != nil {
		return amount, month, fault.Invalid{Field: "month", Reason: "must be a month such as 2026-11"}
	}
	return amount, month, nil
}

// Budgets keeps the budgets, and tells of every change.
type Budgets struct {
	Pool    *pgxpool.Pool
	Service string // who publishes its events
}

// Create makes a budget; ErrConflict when there is one of that category,
// currency and month.
func (s *Budgets) Create(ctx context.Context, user uuid.UUID, n New) (Budget, error) {
	amount, month, err := n.check()
	if err != nil {
		return Budget{}, err
	}
	at := time.Now().UTC().Truncate(time.Microsecond)
	made := Budget{ID: trail.NewID(), Category: n.Category, Amount: money.Of(amount), Currency: n.Currency, Month: n.Month, CreatedAt: at, UpdatedAt: at}
	b, err := idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (Budget, error) {
		b := made
		if err := ledger.HasCategory(ctx, tx, user, n.Category); err != nil {
			return b, err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO budgets (id, user_id, category, amount, currency, month, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $7)`, b.ID, user, b.Category, b.Amount.Decimal.String(), b.Currency, month, at); err != nil {
			return b, err
		}
		return b, s.tell(ctx, tx, user, b, false)
	})
	if db.Conflict(err) {
		return Budget{}, fmt.Errorf("a budget for %s in %s in %s %w", made.Category, made.Currency, made.Month, fault.ErrConflict)
	}
	return b, err
}

func (s *Budgets) tell(ctx context.Context, tx pgx.Tx, user uuid.UUID, b Budget, deleted bool) error {
	e, err := event.New(ctx, s.Service, event.TypeBudgetChanged, b.ID.String(), event.BudgetChanged{
		UserID: user, BudgetID: b.ID, Category: b.Category, Limit: b.Amount.String(), Currency: b.Currency, Month: b.Month, Deleted: deleted,
	})
	if err != nil {
		return err
	}
	// The topic is compacted: its key is what the event is the last word on.
	return outbox.Put(ctx, tx, e, b.ID.String())
}

const columns = "id, category, amount::text, currency, to_char(month, 'YYYY-MM'), created_at, updated_at"

func scan(row pgx.CollectableRow) (Budget, error) {
	var b Budget
	var amount string
	if err := row.Scan(&b.ID, &b.Category, &amount, &b.Currency, &b.Month, &b.CreatedAt, &b.UpdatedAt); err != nil {
		return b, err
	}
	b.CreatedAt, b.UpdatedAt = b.CreatedAt.UTC(), b.UpdatedAt.UTC()
	return b, b.Amount.UnmarshalText([]byte(amount))
}

// List lists the user's budgets, the newest month first.
func (s *Budgets) List(ctx context.Context, user uuid.UUID) ([]Budget, error) {
	rows, err := s.Pool.Query(ctx, "SELECT "+columns+" FROM budgets WHERE user_id = $1 ORDER BY month DESC, category, currency", user)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scan)
}

// Update sets a budget's amount. ErrStale: it is not as ifMatch says any more.
func (s *Budgets) Update(ctx context.Context, user, id uuid.UUID, ifMatch string, change Change) (Budget, error) {
	amount, err := money.Parse(change.Amount)
	if err != nil {
		return Budget{}, fault.Invalid{Field: "amount", Reason: err.Error()}
	}
	return s.change(ctx, user, id, ifMatch, false, "UPDATE budgets SET amount = $2, updated_at = now() WHERE id = $1 RETURNING "+columns, amount.String())
}

// Delete removes a budget.
func (s *Budgets) Delete(ctx context.Context, user, id uuid.UUID) error {
	_, err := s.change(ctx, user, id, "", true, "DELETE FROM budgets WHERE id = $1 RETURNING "+columns)
	return err
}

func (s *Budgets) change(ctx context.Context, user, id uuid.UUID, ifMatch string, deleted bool, statement string, args ...any) (Budget, error) {
	var b Budget
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "SELECT "+columns+" FROM budgets WHERE id = $1 AND user_id = $2 FOR UPDATE", id, user)
		if err != nil {
			return err
		}
		before, err := pgx.CollectExactlyOneRow(rows, scan)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("budget %s: %w", id, fault.ErrNotFound)
		}
		if err != nil {
			return err
		}
		if err := etag.Check(ifMatch, before.UpdatedAt); err != nil {
			return err
		}
		if rows, err = tx.Query(ctx, statement, append([]any{id}, args...)...); err != nil {
			return err
		}
		if b, err = pgx.CollectExactlyOneRow(rows, scan); err != nil {
			return err
		}
		return s.tell(ctx, tx, user, b, deleted)
	})
	return b, err
}
