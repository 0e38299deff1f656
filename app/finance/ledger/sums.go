package ledger

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/finance/currency"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Sum is what was earned by, or spent on, a category within a month, in the
// currency that was asked for.
type Sum struct {
	Month        time.Time // its first moment, UTC
	Type         string    // income or expense
	Category     string
	Amount       decimal.Decimal // not rounded: see currency.Round
	Transactions int
}

// Unconverted is what is in no sum, since there was no rate on its days.
type Unconverted struct {
	Currency     string
	First, Last  time.Time // days
	Transactions int
}

// Sums adds up what the user earned and spent from since (included) to until
// (not), by month, type and category, everything converted into one currency at
// the rates of its day. Transfers neither earn nor spend.
func (l *Ledger) Sums(ctx context.Context, user uuid.UUID, into string, since, until time.Time) ([]Sum, []Unconverted, error) {
	var days []backenddb.DailySumsRow
	var table *currency.Table
	err := db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) (err error) {
		if days, err = backenddb.New(tx).DailySums(ctx, user, since, until); err != nil {
			return err
		}
		codes := []string{into}
		for _, day := range days {
			codes = append(codes, day.Currency)
		}
		slices.Sort(codes)
		table, err = currency.Load(ctx, tx, user, slices.Compact(codes), since, until)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	sums, left := addUp(days, table, into)
	return sums, left, nil
}

// addUp converts what days brought and adds it up by month. Both results are in
// the order of their days.
func addUp(days []backenddb.DailySumsRow, table *currency.Table, into string) ([]Sum, []Unconverted) {
	type place struct {
		month          time.Time
		kind, category string
	}
	var sums []Sum
	var left []Unconverted
	at, without := map[place]int{}, map[string]int{}
	for _, day := range days {
		amount, _, err := table.Convert(day.Amount, day.Currency, into, day.Day)
		if err != nil {
			i, known := without[day.Currency]
			if !known {
				i = len(left)
				without[day.Currency] = i
				left = append(left, Unconverted{Currency: day.Currency, First: day.Day})
			}
			left[i].Last = day.Day
			left[i].Transactions += int(day.Transactions)
			continue
		}
		month := time.Date(day.Day.Year(), day.Day.Month(), 1, 0, 0, 0, 0, time.UTC)
		where := place{month, day.Type, day.Category}
		i, known := at[where]
		if !known {
			i = len(sums)
			at[where] = i
			sums = append(sums, Sum{Month: month, Type: day.Type, Category: day.Category})
		}
		sums[i].Amount = sums[i].Amount.Add(amount)
		sums[i].Transactions += int(day.Transactions)
	}
	return sums, left
}
