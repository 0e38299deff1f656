package summary

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/finance/currency"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Summaries adds up what the ledger holds.
type Summaries struct {
	Pool   *pgxpool.Pool
	Ledger *ledger.Ledger
	Rates  *currency.Rates
	Now    func() time.Time // the present; nil: the real one
}

func (s *Summaries) now() time.Time {
	if s.Now != nil {
		return s.Now()
	}
	return time.Now()
}

// person is what a report goes by.
type person struct {
	zone  *time.Location
	today time.Time // the day by their calendar
	code  string    // the currency of totals; "" while there is no wallet
}

// person returns what the user's reports go by. asked is the currency of totals;
// "": that of the user's oldest wallet.
func (s *Summaries) person(ctx context.Context, user uuid.UUID, asked string) (person, error) {
	if asked != "" {
		if err := money.CheckCurrency(asked); err != nil {
			return person{}, apperror.Invalid{Field: "currency", Reason: err.Error()}
		}
	}
	var p person
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		row, err := backenddb.New(tx).Person(ctx, user)
		p.zone, p.code = calendar.ZoneOrUTC(row.Timezone), row.Currency
		return err
	})
	p.today = calendar.Day(s.now(), p.zone)
	if asked != "" {
		p.code = asked
	}
	return p, err
}

// Period is a span of days, both ends included. Empty ends are the first day of
// the current month and today, by the person's calendar.
type Period struct{ From, To string }

// longest is as long as a period can be, in days.
const longest = 5 * 366

// span reads the period as the days from since to until, which is not included.
func (p Period) span(today time.Time) (since, until time.Time, err error) {
	since, last := calendar.Month(today), today
	if p.To != "" {
		if last, err = parseDay("to", p.To); err != nil {
			return since, until, err
		}
		if p.From == "" {
			since = calendar.Month(last)
		}
	}
	if p.From != "" {
		if since, err = parseDay("from", p.From); err != nil {
			return since, until, err
		}
	}
	until = last.AddDate(0, 0, 1)
	switch {
	case !since.Before(until):
		return since, until, apperror.Invalid{Field: "from", Reason: "must not come after to"}
	case until.Sub(since) > longest*24*time.Hour:
		return since, until, apperror.Invalid{Field: "from", Reason: "must not lie more than five years before to"}
	}
	return since, until, nil
}

func parseDay(field, text string) (time.Time, error) {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil || day.Year() < 1970 || day.Year() > 2200 {
		return day, apperror.Invalid{Field: field, Reason: "must be a day such as 2026-11-30"}
	}
	return day, nil
}

// Financial adds up a period. asked is the currency of the total; "": that of the
// user's oldest wallet.
func (s *Summaries) Financial(ctx context.Context, user uuid.UUID, p Period, asked string) (Financial, error) {
	who, err := s.person(ctx, user, asked)
	if err != nil {
		return Financial{}, err
	}
	since, until, err := p.span(who.today)
	if err != nil {
		return Financial{}, err
	}
	sums, err := s.Ledger.Sums(ctx, user, who.code, since, until)
	return Financial{
		From: since.Format(time.DateOnly), To: until.AddDate(0, 0, -1).Format(time.DateOnly),
		Currencies: ByCurrency(flowsOf(sums)), Total: InOne(sums.Converted, codesOf(sums.Left), who.code),
	}, err
}

// Categories adds up a period by category and compares it with the time of the
// same length before. kind is income or expense.
func (s *Summaries) Categories(ctx context.Context, user uuid.UUID, p Period, kind string) (Categories, error) {
	who, err := s.person(ctx, user, "")
	if err != nil {
		return Categories{}, err
	}
	since, until, err := p.span(who.today)
	if err != nil {
		return Categories{}, err
	}
	if kind != event.Income && kind != event.Expense {
		return Categories{}, apperror.Invalid{Field: "type", Reason: "must be income or expense"}
	}
	found := Categories{From: since.Format(time.DateOnly), To: until.AddDate(0, 0, -1).Format(time.DateOnly), Type: kind}
	flows, err := s.byCategory(ctx, user, kind, since, until)
	if err != nil {
		return found, err
	}
	before, err := s.byCategory(ctx, user, kind, since.Add(-until.Sub(since)), since)
	found.Items = ByCategory(flows, before)
	return found, err
}

// MaxMonths is as many months as trends go back.
const MaxMonths = 60

// Trends adds up the last months, the current one included. asked is as of
// Financial.
func (s *Summaries) Trends(ctx context.Context, user uuid.UUID, months int, asked string) (Trends, error) {
	if months < 1 || months > MaxMonths {
		return Trends{}, apperror.Invalid{Field: "months", Reason: fmt.Sprintf("must be from 1 to %d", MaxMonths)}
	}
	who, err := s.person(ctx, user, asked)
	if err != nil {
		return Trends{}, err
	}
	first := calendar.Month(who.today).AddDate(0, 1-months, 0)
	all, err := s.months(ctx, user, first, months, who.code)
	return Trends{Currency: who.code, Months: all}, err
}

// months adds up count months from the one that begins at first on, with totals
// in the currency of code.
func (s *Summaries) months(ctx context.Context, user uuid.UUID, first time.Time, count int, code string) ([]Month, error) {
	sums, err := s.Ledger.Sums(ctx, user, code, first, first.AddDate(0, count, 0))
	return ByMonth(flowsOf(sums), sums.Converted, sums.Left, first, count, code), err
}

// flowsOf are what the ledger added up, in the currencies in which it was booked.
func flowsOf(sums ledger.Sums) []Flow {
	flows := make([]Flow, len(sums.Flows))
	for i, f := range sums.Flows {
		flows[i] = Flow{Currency: f.Currency, Type: f.Type, Month: f.Month, Amount: f.Amount, Transactions: f.Transactions}
	}
	return flows
}

func (s *Summaries) flows(ctx context.Context, user uuid.UUID, since, until time.Time) (found []Flow, err error) {
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		rows, err := backenddb.New(tx).Flows(ctx, user, since, until)
		for _, row := range rows {
			found = append(found, Flow{Currency: row.Currency, Type: row.Type, Amount: row.Amount, Transactions: int(row.Transactions)})
		}
		return err
	})
	return found, err
}

func (s *Summaries) byCategory(ctx context.Context, user uuid.UUID, kind string, since, until time.Time) (found []Flow, err error) {
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		rows, err := backenddb.New(tx).FlowsByCategory(ctx, backenddb.FlowsByCategoryParams{UserID: user, Type: kind, Since: since, Until: until})
		for _, row := range rows {
			found = append(found, Flow{Currency: row.Currency, Type: kind, Category: row.Category, Amount: row.Amount, Transactions: int(row.Transactions)})
		}
		return err
	})
	return found, err
}
