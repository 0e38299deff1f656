package observer

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/rollover"
	"github.com/wealth-companion/companion/app/store/db/observerdb"
)

// Reads are what an agent will read about a transaction. Those of a batch are read
// together, in one query of each kind, before the agent looks at any of them.
type Reads struct {
	Budgets []Months
	With    []With
	On      []On
}

// Months asks for the budgets of a month, YYYY-MM, for one category and currency.
type Months struct{ Month, Category, Currency string }

// With asks for transactions with a merchant, by the normalised name, in a span of
// the person's clock; the latest MostWith of them.
type With struct {
	Merchant     string
	Since, Until time.Time
}

// On asks for expenses on a category in a currency and a span of the person's clock;
// the latest MostOn of them.
type On struct {
	Category, Currency string
	Since, Until       time.Time
}

const (
	// MostWith is as many as a series of charges is found in.
	MostWith = recurring.MaxGroup
	// MostOn is as many as an expense is compared with.
	MostOn = 200
)

// ahead is what was read before it was asked for, and what is known to have been
// said, in one database transaction.
type ahead struct {
	budgets map[Months][]Budget
	with    map[With][]history.Transaction
	on      map[On][]history.Transaction
	said    map[string]bool
	heard   map[uuid.UUID]bool // subjects of which all that was said is in said
	spoke   map[string]bool    // kinds of what is said at the end of the transaction
}

func newAhead() *ahead {
	return &ahead{
		budgets: map[Months][]Budget{}, with: map[With][]history.Transaction{}, on: map[On][]history.Transaction{}, said: map[string]bool{},
		heard: map[uuid.UUID]bool{}, spoke: map[string]bool{},
	}
}

// asking is a user's questions.
type asking struct {
	of    *Case
	reads Reads
}

// readAhead answers questions, each once, in one query of each kind and one round trip.
func readAhead(ctx context.Context, tx pgx.Tx, all []asking) error {
	batch := &pgx.Batch{}
	ask(batch, all)
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("read budgets, and transactions to compare with: %w", err)
	}
	return nil
}

// ask queues what answers the questions that are not answered yet.
func ask(batch *pgx.Batch, all []asking) {
	askBudgets(batch, all)
	askWith(batch, all)
	askOn(batch, all)
}

// queue queues a query of observerdb, whose rows are given to use together.
func queue[R any](batch *pgx.Batch, sql string, args []any, use func([]R) error) {
	batch.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[R])
		if err != nil {
			return err
		}
		return use(found)
	})
}

// question is one of a user's.
type question[Q comparable] struct {
	of    *Case
	asked Q
}

// questions are those of all users that are not answered yet, each once.
func questions[Q comparable](all []asking, of func(Reads) []Q, answered func(*ahead, Q) bool) []question[Q] {
	var found []question[Q]
	seen := map[question[Q]]bool{}
	for _, one := range all {
		for _, asked := range of(one.reads) {
			q := question[Q]{one.of, asked}
			if !seen[q] && !answered(one.of.ahead, asked) {
				seen[q] = true
				found = append(found, q)
			}
		}
	}
	return found
}

func askBudgets(batch *pgx.Batch, all []asking) {
	asked := questions(all, func(r Reads) []Months { return r.Budgets }, func(a *ahead, q Months) bool { return a.budgets[q] != nil })
	if len(asked) == 0 {
		return
	}
	var users []uuid.UUID
	var months, categories, currencies []string
	for _, q := range asked {
		q.of.ahead.budgets[q.asked] = []Budget{}
		users, months = append(users, q.of.User), append(months, q.asked.Month)
		categories, currencies = append(categories, q.asked.Category), append(currencies, q.asked.Currency)
	}
	queue(batch, observerdb.BudgetsOf, []any{users, months, categories, currencies}, func(rows []observerdb.BudgetsOfRow) error {
		return noteBudgets(asked, rows)
	})
}

// noteBudgets notes budgets as the answers to questions, with what each carries over
// from those before it.
func noteBudgets(asked []question[Months], rows []observerdb.BudgetsOfRow) error {
	// What budgets of one category and currency carry over is worked out month by month.
	type line struct {
		place              int32
		category, currency string
	}
	var at line
	var chain rollover.Chain
	for _, row := range rows {
		if its := (line{row.Place, row.Category, row.Currency}); its != at {
			at, chain = its, rollover.Chain{}
		}
		month, err := calendar.ParseMonth(row.Month)
		if err != nil {
			return fmt.Errorf("budget %s: %w", row.ID, err)
		}
		carried := chain.Next(rollover.Month{Month: month, Amount: row.Amount, Spent: row.Spent, Rollover: row.Rollover})
		if !row.Wanted {
			continue
		}
		q := asked[row.Place]
		q.of.ahead.budgets[q.asked] = append(q.of.ahead.budgets[q.asked], q.of.budget(row, carried))
		q.of.ahead.heard[row.ID] = true
		for _, said := range row.Said {
			q.of.ahead.said[row.ID.String()+"|"+said] = true
		}
	}
	return nil
}

func askWith(batch *pgx.Batch, all []asking) {
	asked := questions(all, func(r Reads) []With { return r.With }, func(a *ahead, q With) bool { return a.with[q] != nil })
	if len(asked) == 0 {
		return
	}
	var users []uuid.UUID
	var merchants []string
	var since, until []time.Time
	for _, q := range asked {
		q.of.ahead.with[q.asked] = []history.Transaction{}
		users, merchants = append(users, q.of.User), append(merchants, q.asked.Merchant)
		since, until = append(since, q.asked.Since.Add(-apart)), append(until, q.asked.Until.Add(apart))
	}
	queue(batch, observerdb.HistoryWith, []any{users, merchants, since, until, MostWith}, func(rows []observerdb.HistoryWithRow) error {
		for _, row := range rows {
			q := asked[row.Place]
			q.of.ahead.with[q.asked] = append(q.of.ahead.with[q.asked], q.of.transaction(observerdb.HistoryRow{
				ID: row.ID, Type: row.Type, Category: row.Category, Refund: row.Refund, Amount: row.Amount, Currency: row.Currency, OccurredAt: row.OccurredAt,
				Date: row.Date, WalletID: row.WalletID, ToWalletID: row.ToWalletID, ToAmount: row.ToAmount, Description: row.Description, Merchant: row.Merchant,
			}))
		}
		for _, q := range asked {
			history.Sort(q.of.ahead.with[q.asked])
			q.of.ahead.with[q.asked] = history.Between(q.of.ahead.with[q.asked], q.asked.Since, q.asked.Until)
		}
		return nil
	})
}

func askOn(batch *pgx.Batch, all []asking) {
	asked := questions(all, func(r Reads) []On { return r.On }, func(a *ahead, q On) bool { return a.on[q] != nil })
	if len(asked) == 0 {
		return
	}
	var users []uuid.UUID
	var categories, currencies []string
	var since, until []time.Time
	for _, q := range asked {
		q.of.ahead.on[q.asked] = []history.Transaction{}
		users, categories, currencies = append(users, q.of.User), append(categories, q.asked.Category), append(currencies, q.asked.Currency)
		since, until = append(since, q.asked.Since.Add(-apart)), append(until, q.asked.Until.Add(apart))
	}
	queue(batch, observerdb.ExpensesOn, []any{users, categories, currencies, since, until, MostOn}, func(rows []observerdb.ExpensesOnRow) error {
		for _, row := range rows {
			q := asked[row.Place]
			q.of.ahead.on[q.asked] = append(q.of.ahead.on[q.asked], q.of.expense(q.asked, row))
		}
		for _, q := range asked {
			history.Sort(q.of.ahead.on[q.asked])
			q.of.ahead.on[q.asked] = history.Between(q.of.ahead.on[q.asked], q.asked.Since, q.asked.Until)
		}
		return nil
	})
}

// wasSaid tells whether something is known to have been said of a subject.
func (a *ahead) wasSaid(subject uuid.UUID, kind, detail string) bool {
	return a.said[subject.String()+"|"+kind+"|"+detail]
}

// say notes that something is said of a subject once the transaction ends.
func (a *ahead) say(subject uuid.UUID, kind, detail string) {
	a.said[subject.String()+"|"+kind+"|"+detail], a.spoke[kind] = true, true
}
