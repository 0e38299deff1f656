// Package budget is what users mean to spend at most, a month and a category.
package budget

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/core/rollover"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/etag"
	"github.com/wealth-companion/companion/app/store/idempotency"
)

// Budget is a limit for a category's expenses within a month.
type Budget struct {
	ID        uuid.UUID    `json:"id"`
	Category  string       `json:"category"` // a slug
	Amount    money.Amount `json:"amount"`
	Currency  string       `json:"currency"`
	Month     string       `json:"month" doc:"YYYY-MM. Transactions count in the month of their date"`
	Threshold int          `json:"threshold" doc:"The percentage of the limit at which its user is warned"`
	Rollover  bool         `json:"rollover" doc:"What was left of the limit of the month before is added to this month's: what that month had been carried over itself too. What was spent too much is not taken off"`
	CreatedAt time.Time    `json:"createdAt"`
	UpdatedAt time.Time    `json:"updatedAt"`
	Status    *Status      `json:"status,omitempty" doc:"How it stands now; in lists and of one"`

	version int64 // of its row
}

// Changed tells this state from the next.
func (b Budget) Changed() time.Time { return b.UpdatedAt }

// DefaultThreshold is at which percentage of a limit its user is warned unless
// they say otherwise.
const DefaultThreshold = 80

// New is what a user enters.
type New struct {
	Category  string `json:"category" maxLength:"50" doc:"The slug of a category"`
	Amount    string `json:"amount" doc:"More than zero, a decimal string" example:"400.00"`
	Currency  string `json:"currency" doc:"ISO 4217" example:"EUR"`
	Month     string `json:"month" doc:"YYYY-MM" example:"2026-11"`
	Threshold *int   `json:"threshold,omitempty" minimum:"1" maximum:"100" doc:"Percent; without it 80"`
	Rollover  bool   `json:"rollover,omitempty" doc:"Adds what was left of the limit of the month before, if there was a budget of the same category and currency; what was spent too much is not taken off"`
}

// Change is what of a budget shall be otherwise; nil leaves it.
type Change struct {
	Amount    *string `json:"amount,omitempty" doc:"More than zero, a decimal string"`
	Threshold *int    `json:"threshold,omitempty" minimum:"1" maximum:"100"`
	Rollover  *bool   `json:"rollover,omitempty"`
}

// Copy says from which month budgets are taken over, and into which.
type Copy struct {
	From string `json:"from" doc:"YYYY-MM" example:"2026-10"`
	To   string `json:"to" doc:"YYYY-MM" example:"2026-11"`
}

const monthLayout = "2006-01"

// ParseMonth reads a month's first day out of YYYY-MM.
func ParseMonth(field, text string) (time.Time, error) {
	month, err := time.Parse(monthLayout, text)
	if err != nil || month.Year() < 1970 || month.Year() > 2200 {
		return month, apperror.Invalid{Field: field, Reason: "must be a month such as 2026-11"}
	}
	return month, nil
}

func parseAmount(text, currency string) (money.Amount, error) {
	amount, err := money.ParseIn(text, currency)
	if err != nil {
		return money.Amount{}, apperror.Invalid{Field: "amount", Reason: err.Error()}
	}
	return money.Of(amount), nil
}

func checkThreshold(percent int) error {
	if percent < 1 || percent > 100 {
		return apperror.Invalid{Field: "threshold", Reason: "must be from 1 to 100, in percent"}
	}
	return nil
}

// budget checks what was entered.
func (n New) budget() (Budget, time.Time, error) {
	if err := money.CheckCurrency(n.Currency); err != nil {
		return Budget{}, time.Time{}, apperror.Invalid{Field: "currency", Reason: err.Error()}
	}
	amount, err := parseAmount(n.Amount, n.Currency)
	if err != nil {
		return Budget{}, time.Time{}, err
	}
	month, err := ParseMonth("month", n.Month)
	if err != nil {
		return Budget{}, month, err
	}
	threshold := DefaultThreshold
	if n.Threshold != nil {
		threshold = *n.Threshold
	}
	at := db.Now()
	return Budget{
		ID: tracing.NewID(), Category: n.Category, Amount: amount, Currency: n.Currency, Month: n.Month,
		Threshold: threshold, Rollover: n.Rollover, CreatedAt: at, UpdatedAt: at, version: 1,
	}, month, checkThreshold(threshold)
}

// Budgets keeps the budgets, and enqueues an event for every change.
type Budgets struct {
	Pool    *pgxpool.Pool
	Service string // who publishes its events
}

// Create makes a budget; ErrConflict when there is one of that category,
// currency and month.
func (s *Budgets) Create(ctx context.Context, user uuid.UUID, n New) (Budget, error) {
	made, month, err := n.budget()
	if err != nil {
		return Budget{}, err
	}
	b, err := idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (Budget, error) {
		kind, err := ledger.KindOfCategory(ctx, tx, user, made.Category)
		if err != nil {
			return made, err
		}
		if kind != event.Expense {
			return made, apperror.Invalid{Field: "category", Reason: fmt.Sprintf("%q is a category of income: a budget needs one of expenses", made.Category)}
		}
		return made, s.insert(ctx, tx, user, made, month)
	})
	if db.Conflict(err) {
		return Budget{}, fmt.Errorf("a budget for %s in %s in %s %w", made.Category, made.Currency, made.Month, apperror.ErrConflict)
	}
	return b, err
}

func (s *Budgets) insert(ctx context.Context, tx pgx.Tx, user uuid.UUID, b Budget, month time.Time) error {
	if err := backenddb.New(tx).InsertBudget(ctx, backenddb.InsertBudgetParams{
		ID: b.ID, UserID: user, Category: b.Category, Amount: b.Amount.Decimal, Currency: b.Currency, Month: month,
		Threshold: int32(b.Threshold), Rollover: b.Rollover, CreatedAt: b.CreatedAt,
	}); err != nil {
		return err
	}
	return s.tell(ctx, tx, user, b, false)
}

// Copy makes the budgets of a month in another, but those which that has
// already, and returns what it made.
func (s *Budgets) Copy(ctx context.Context, user uuid.UUID, c Copy) ([]Budget, error) {
	source, err := ParseMonth("from", c.From)
	if err != nil {
		return nil, err
	}
	target, err := ParseMonth("to", c.To)
	if err != nil {
		return nil, err
	}
	if source.Equal(target) {
		return nil, apperror.Invalid{Field: "to", Reason: "must be another month than from"}
	}
	made, err := idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) ([]Budget, error) {
		rows, err := backenddb.New(tx).BudgetsToCopy(ctx, user, source, target)
		if err != nil {
			return nil, err
		}
		at := db.Now()
		made := make([]Budget, 0, len(rows))
		for _, row := range rows {
			b := budgetOf(row)
			b.ID, b.Month, b.CreatedAt, b.UpdatedAt, b.version = tracing.NewID(), c.To, at, at, 1
			if err := s.insert(ctx, tx, user, b, target); err != nil {
				return nil, err
			}
			made = append(made, b)
		}
		return made, nil
	})
	if db.Conflict(err) {
		return nil, fmt.Errorf("a budget in %s, made at this moment, %w: copy again", c.To, apperror.ErrConflict)
	}
	return made, err
}

func (s *Budgets) tell(ctx context.Context, tx pgx.Tx, user uuid.UUID, b Budget, deleted bool) error {
	e, err := event.New(ctx, s.Service, event.TypeBudgetChanged, b.ID.String(), event.BudgetChanged{
		UserID: user, BudgetID: b.ID, Category: b.Category, Limit: b.Amount.String(), Currency: b.Currency, Month: b.Month,
		Threshold: b.Threshold, Rollover: b.Rollover, Deleted: deleted, Version: b.version,
	})
	if err != nil {
		return err
	}
	// The topic is compacted: its key is what the event is the last word on.
	return outbox.Put(ctx, tx, e, b.ID.String())
}

// List lists the user's budgets and how they stand, the newest month first.
// month is YYYY-MM, or "" for all.
func (s *Budgets) List(ctx context.Context, user uuid.UUID, month string) ([]Budget, error) {
	if month == "" {
		return s.find(ctx, user, backenddb.BudgetsWithSpendingParams{})
	}
	first, err := ParseMonth("month", month)
	if err != nil {
		return nil, err
	}
	return s.find(ctx, user, backenddb.BudgetsWithSpendingParams{Since: &first, Until: &first})
}

// Between lists the budgets of the months from since to until, first days of
// months, and how they stand.
func (s *Budgets) Between(ctx context.Context, user uuid.UUID, since, until time.Time) ([]Budget, error) {
	return s.find(ctx, user, backenddb.BudgetsWithSpendingParams{Since: &since, Until: &until})
}

// Get returns one budget and how it stands.
func (s *Budgets) Get(ctx context.Context, user, id uuid.UUID) (Budget, error) {
	found, err := s.find(ctx, user, backenddb.BudgetsWithSpendingParams{ID: &id})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("budget %s: %w", id, apperror.ErrNotFound)
	}
	if err != nil {
		return Budget{}, err
	}
	return found[0], nil
}

func (s *Budgets) find(ctx context.Context, user uuid.UUID, which backenddb.BudgetsWithSpendingParams) ([]Budget, error) {
	which.UserID = user
	found := []Budget{}
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		rows, err := backenddb.New(tx).BudgetsWithSpending(ctx, which)
		found = standing(rows)
		return err
	})
	return found, err
}

// standing makes budgets, and how they stand, of rows whose newest month is first.
func standing(rows []backenddb.BudgetsWithSpendingRow) []Budget {
	type place struct{ category, currency string }
	chains := map[place]*rollover.Chain{}
	found := []Budget{}
	for _, row := range slices.Backward(rows) {
		where := place{row.Budget.Category, row.Budget.Currency}
		if chains[where] == nil {
			chains[where] = &rollover.Chain{}
		}
		carried := chains[where].Next(rollover.Month{
			Month: row.Budget.Month, Amount: row.Budget.Amount, Spent: row.Spent, Rollover: row.Budget.Rollover,
		})
		if !row.Wanted {
			continue
		}
		b := budgetOf(row.Budget)
		status := Stand(row.Budget.Amount, carried, row.Spent, b.Threshold)
		b.Status = &status
		found = append(found, b)
	}
	slices.Reverse(found)
	return found
}

func budgetOf(row backenddb.Budget) Budget {
	return Budget{
		ID: row.ID, Category: row.Category, Amount: money.Of(row.Amount), Currency: row.Currency, Month: row.Month.Format(monthLayout),
		Threshold: int(row.Threshold), Rollover: row.Rollover, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
		version: row.Version,
	}
}

// Update changes a budget. ErrStale: it is not as ifMatch says any more.
func (s *Budgets) Update(ctx context.Context, user, id uuid.UUID, ifMatch string, change Change) (Budget, error) {
	var b Budget
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) (err error) {
		if b, err = lock(ctx, tx, user, id); err != nil {
			return err
		}
		if err := etag.Check(ifMatch, b.UpdatedAt); err != nil {
			return err
		}
		if change.Amount != nil {
			if b.Amount, err = parseAmount(*change.Amount, b.Currency); err != nil {
				return err
			}
		}
		if change.Threshold != nil {
			b.Threshold = *change.Threshold
		}
		if change.Rollover != nil {
			b.Rollover = *change.Rollover
		}
		if err := checkThreshold(b.Threshold); err != nil {
			return err
		}
		b.UpdatedAt, b.version = etag.Next(b.UpdatedAt), b.version+1
		if err := backenddb.New(tx).UpdateBudget(ctx, backenddb.UpdateBudgetParams{
			ID: id, Amount: b.Amount.Decimal, Threshold: int32(b.Threshold), Rollover: b.Rollover, UpdatedAt: b.UpdatedAt,
		}); err != nil {
			return err
		}
		return s.tell(ctx, tx, user, b, false)
	})
	return b, err
}

// Delete removes a budget.
func (s *Budgets) Delete(ctx context.Context, user, id uuid.UUID) error {
	return db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		b, err := lock(ctx, tx, user, id)
		if err != nil {
			return err
		}
		if err := backenddb.New(tx).DeleteBudget(ctx, id); err != nil {
			return err
		}
		b.version++
		return s.tell(ctx, tx, user, b, true)
	})
}

// lock reads a budget and keeps others from changing it until tx ends.
func lock(ctx context.Context, tx pgx.Tx, user, id uuid.UUID) (Budget, error) {
	row, err := backenddb.New(tx).BudgetForUpdate(ctx, id, user)
	if errors.Is(err, pgx.ErrNoRows) {
		return Budget{}, fmt.Errorf("budget %s: %w", id, apperror.ErrNotFound)
	}
	return budgetOf(row), err
}
