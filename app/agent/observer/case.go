package observer

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/core/merchant"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/observerdb"
)

// Case is what is known of one user, in a database transaction that is alone
// with it.
type Case struct {
	User uuid.UUID
	Now  time.Time      // UTC
	Zone *time.Location // the person's, as last heard of; UTC till then
	// Wording is what their banks write around names, as the last review learnt it.
	Wording merchant.Wording

	observer *Observer
	tx       pgx.Tx
	out      db.Querier // what is published goes there: tx, or what is sent at its end
	kept     *observerdb.Queries
	ahead    *ahead
	wishes   *wishes           // once they are asked for
	names    map[string]string // of categories, by slug; read with the wishes
}

// Clock is now by the person's clock: the present, for detectors.
func (c *Case) Clock() time.Time { return calendar.Clock(c.Now, c.Zone) }

// Booked is the end of the span of the person's clock in which all that is booked lies:
// what is dated ahead of the present counts in balances, so whoever goes on from a
// balance reads it too.
func (c *Case) Booked() time.Time { return c.Clock().Add(limits.MaxAhead + apart) }

// apart is more than a clock on the day on which something counts is away from its
// instant, in whatever zone the day was fixed.
const apart = 48 * time.Hour

// History returns the transactions of a span of the person's clock that were not
// deleted, sorted, the latest where there are more than most: what a look costs is
// bounded, however long the history.
func (c *Case) History(ctx context.Context, since, until time.Time, most int) ([]history.Transaction, error) {
	rows, err := c.kept.History(ctx, observerdb.HistoryParams{UserID: c.User, Since: since.Add(-apart), Until: until.Add(apart), Most: int32(most)})
	if err != nil {
		return nil, err
	}
	found := make([]history.Transaction, len(rows))
	for i, row := range rows {
		found[i] = c.transaction(row)
	}
	history.Sort(found)
	return history.Between(found, since, until), nil
}

// HistoryWith returns the transactions with a merchant that were not deleted, sorted.
// They must not be changed: others may have asked for the same.
func (c *Case) HistoryWith(ctx context.Context, which With) ([]history.Transaction, error) {
	if err := readAhead(ctx, c.tx, []asking{{c, Reads{With: []With{which}}}}); err != nil {
		return nil, err
	}
	return c.ahead.with[which], nil
}

// ExpensesOn returns the expenses on a category that were not deleted, sorted, with
// what amounts are compared by. They must not be changed.
func (c *Case) ExpensesOn(ctx context.Context, which On) ([]history.Transaction, error) {
	if err := readAhead(ctx, c.tx, []asking{{c, Reads{On: []On{which}}}}); err != nil {
		return nil, err
	}
	return c.ahead.on[which], nil
}

func (c *Case) expense(which On, row observerdb.ExpensesOnRow) history.Transaction {
	return history.Transaction{
		ID: row.ID, UserID: c.User, WalletID: row.WalletID, Amount: row.Amount, Currency: which.Currency, Type: event.Expense, Category: which.Category,
		Merchant: row.Merchant, At: calendar.ClockOn(row.OccurredAt, row.Date, c.Zone),
	}
}

// Wallets returns the wallets in use with the balances that the API shows: of all that is
// booked, what is dated ahead of the present (limits.MaxAhead) included.
func (c *Case) Wallets(ctx context.Context) ([]history.Wallet, error) {
	rows, err := c.kept.WalletsOf(ctx, c.User)
	if err != nil {
		return nil, err
	}
	var found []history.Wallet
	for _, row := range rows {
		found = append(found, history.Wallet{ID: row.ID, UserID: c.User, Name: row.Name, Type: row.Type, Currency: row.Currency, Balance: row.Balance})
	}
	return found, nil
}

// Goals returns the goals that are saved for.
func (c *Case) Goals(ctx context.Context) ([]history.Goal, error) {
	rows, err := c.kept.GoalsOf(ctx, c.User)
	if err != nil {
		return nil, err
	}
	var found []history.Goal
	for _, row := range rows {
		g := history.Goal{ID: row.ID, UserID: c.User, Name: row.Name, Currency: row.Currency, Target: row.Target, Saved: row.Saved, CreatedAt: calendar.Clock(row.CreatedAt, c.Zone)}
		if row.Deadline != nil {
			g.Deadline = *row.Deadline
		}
		found = append(found, g)
	}
	return found, nil
}

// Budget is a budget and how it stands.
type Budget struct {
	history.Budget                 // Limit: with what is carried over
	Set            decimal.Decimal // what its user set it to
	Threshold      int             // the percentage of Limit at which they are warned
	Spent          decimal.Decimal
}

// Budgets returns the budgets of a month, YYYY-MM.
func (c *Case) Budgets(ctx context.Context, month string) ([]Budget, error) {
	return c.BudgetsAt(ctx, Months{Month: month})
}

// BudgetsAt returns the budgets of a month for one category and currency.
func (c *Case) BudgetsAt(ctx context.Context, which Months) ([]Budget, error) {
	if err := readAhead(ctx, c.tx, []asking{{c, Reads{Budgets: []Months{which}}}}); err != nil {
		return nil, err
	}
	return c.ahead.budgets[which], nil
}

// budget is a row with what is carried over to it.
func (c *Case) budget(row observerdb.BudgetsOfRow, carried decimal.Decimal) Budget {
	return Budget{
		Budget: history.Budget{ID: row.ID, UserID: c.User, Category: row.Category, Currency: row.Currency, Month: row.Month, Limit: row.Amount.Add(carried)},
		Set:    row.Amount, Threshold: int(row.Threshold), Spent: row.Spent,
	}
}

// Limits are budgets as the forecast takes them.
func Limits(budgets []Budget) []history.Budget {
	found := make([]history.Budget, len(budgets))
	for i, b := range budgets {
		found[i] = b.Budget
	}
	return found
}

// Currencies are those of wallets, in order.
func Currencies(wallets []history.Wallet) []string {
	var found []string
	for _, w := range wallets {
		if !slices.Contains(found, w.Currency) {
			found = append(found, w.Currency)
		}
	}
	slices.Sort(found)
	return found
}
