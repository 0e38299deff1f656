package ledger

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// Filter narrows a search for transactions. What is empty does not.
type Filter struct {
	Text     string     // words, each to be found somewhere in the description, in whatever case
	Wallet   *uuid.UUID // either end of a transfer
	Category string
	Type     string
	Tag      string
	Import   *uuid.UUID
	From     string // a day on which transactions count (their Date), or a time (RFC 3339)
	Until    string // such a day, which is included, or a time, which is not
	Min, Max string // amounts, included
	Deleted  bool   // the deleted ones instead of the others
}

const (
	// maxWords are searched for at once.
	maxWords = 10
	// lookedThrough is how many transactions one page is looked for in: it bounds what a
	// search takes that finds little in a long history.
	lookedThrough = 10_000
)

var likeMeta = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

func (f Filter) params(user uuid.UUID, p pagination.Request) (backenddb.SearchTransactionsParams, error) {
	params := backenddb.SearchTransactionsParams{
		UserID: user, Deleted: f.Deleted, WalletID: f.Wallet, ImportID: f.Import, Category: given(f.Category), Type: given(f.Type),
		Tag: given(strings.ToLower(strings.TrimSpace(f.Tag))), BeforeAt: p.At, BeforeID: p.ID, Most: int32(p.Limit) + 1,
		LookedThrough: lookedThrough,
	}
	words := strings.Fields(f.Text)
	if len(words) > maxWords {
		return params, apperror.Invalid{Field: "q", Reason: "must have at most ten words"}
	}
	params.Patterns = []string{}
	for _, word := range words {
		params.Patterns = append(params.Patterns, "%"+likeMeta.Replace(word)+"%")
	}
	var err error
	if params.FirstDay, params.Since, err = dayOrTime("from", f.From); err != nil {
		return params, err
	}
	if params.LastDay, params.Until, err = dayOrTime("until", f.Until); err != nil {
		return params, err
	}
	// The instants near to the days are a bound that the index on them knows.
	if params.FirstDay != nil {
		params.Since = ptr(params.FirstDay.Add(-apart))
	}
	if params.LastDay != nil {
		params.Until = ptr(params.LastDay.Add(24*time.Hour + apart))
	}
	if params.Least, err = bound("min", f.Min); err != nil {
		return params, err
	}
	params.Largest, err = bound("max", f.Max)
	return params, err
}

func given(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// apart is more than an instant lies away from the day on which it counts, in
// whatever time zone that was fixed.
const apart = 48 * time.Hour

func ptr[T any](value T) *T { return &value }

// dayOrTime reads a day or a time; both are nil when the text is empty.
func dayOrTime(field, text string) (day, at *time.Time, err error) {
	if text == "" {
		return nil, nil, nil
	}
	if day, err := calendar.ParseDay(text); err == nil {
		return &day, nil, nil
	}
	instant, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return nil, nil, apperror.Invalid{Field: field, Reason: "must be a day such as 2026-11-03 or a time such as 2026-11-03T12:00:00Z"}
	}
	return nil, ptr(instant.UTC()), nil
}

func bound(field, text string) (*decimal.Decimal, error) {
	if text == "" {
		return nil, nil
	}
	amount, err := money.Parse(text)
	if err != nil {
		return nil, apperror.Invalid{Field: field, Reason: err.Error()}
	}
	return &amount, nil
}

// Search lists the user's transactions, newest first. A page is looked for in
// lookedThrough transactions; when there are more, it says how far it looked, and its
// cursor goes on from there.
func (l *Ledger) Search(ctx context.Context, user uuid.UUID, f Filter, p pagination.Request) (pagination.List[Transaction], error) {
	params, err := f.params(user, p)
	if err != nil {
		return pagination.List[Transaction]{}, err
	}
	var found []Transaction
	var last *backenddb.LookedThroughRow
	err = db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) error {
		// Which index serves depends on what is asked for: a plan that is kept for all of it
		// begins at the newest for each page, and the older a page the longer it takes.
		if _, err := tx.Exec(ctx, "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"); err != nil {
			return err
		}
		q := backenddb.New(tx)
		rows, err := q.SearchTransactions(ctx, params)
		if err != nil {
			return err
		}
		for _, row := range rows {
			found = append(found, TransactionOf(row))
		}
		if len(found) <= p.Limit {
			last, err = lookedBackTo(ctx, q, params)
		}
		return err
	})
	list := pagination.Of(found, p.Limit, func(t Transaction) (time.Time, uuid.UUID) { return t.Timestamp, t.ID })
	if last != nil {
		list.GoOn(last.OccurredAt, last.ID)
	}
	return list, err
}

// lookedBackTo is the last transaction that a search looked through; nil: it looked
// through all.
func lookedBackTo(ctx context.Context, q *backenddb.Queries, s backenddb.SearchTransactionsParams) (*backenddb.LookedThroughRow, error) {
	last, err := q.LookedThrough(ctx, backenddb.LookedThroughParams{
		UserID: s.UserID, ImportID: s.ImportID, Since: s.Since, Until: s.Until, BeforeAt: s.BeforeAt, BeforeID: s.BeforeID, LookedThrough: s.LookedThrough,
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &last, err
}
