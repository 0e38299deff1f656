package ledger

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/finance/currency"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Sum is what was earned or spent within a month, in the currency that was asked
// for.
type Sum struct {
	Month        time.Time       // its first day
	Type         string          // income or expense; refunds lower what was spent
	Amount       decimal.Decimal // not rounded: see currency.Round
	Transactions int
}

// Flow is what was earned or spent within a month in one currency.
type Flow struct {
	Month        time.Time // its first day
	Currency     string
	Type         string // income or expense; refunds lower what was spent
	Amount       decimal.Decimal
	Transactions int
}

// Sums are what was earned and spent within some days.
type Sums struct {
	Flows     []Flow // by month, in their own currencies
	Converted []Sum  // by month, in the currency that was asked for
	Left      []Unconverted
}

// Unconverted is what is in no sum, since there was no rate on its days.
type Unconverted struct {
	Currency     string
	First, Last  time.Time // days
	Transactions int
}

// Sums adds up what the user earned and spent from a day (included) to another
// (not), by month and type, in its own currency and converted into one at the rates
// of its day. Transfers neither earn nor spend.
func (l *Ledger) Sums(ctx context.Context, user uuid.UUID, into string, since, until time.Time) (Sums, error) {
	var days []backenddb.SumsToConvertRow
	var table *currency.Table
	err := db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) (err error) {
		if days, err = backenddb.New(tx).SumsToConvert(ctx, backenddb.SumsToConvertParams{Code: into, UserID: user, Since: since, Until: until}); err != nil {
			return err
		}
		codes := []string{into}
		for _, day := range days {
			codes = append(codes, day.Currency)
		}
		slices.Sort(codes)
		if codes = slices.Compact(codes); len(codes) == 1 {
			table = &currency.Table{} // nothing is to be converted
			return nil
		}
		table, err = currency.Load(ctx, tx, user, codes, since, until)
		return err
	})
	if err != nil {
		return Sums{}, err
	}
	converted, left := addUp(days, table, into)
	return Sums{Flows: flows(days), Converted: converted, Left: left}, nil
}

// flows adds up what days brought by month and currency, in the order of the days.
func flows(days []backenddb.SumsToConvertRow) []Flow {
	type place struct {
		month          time.Time
		currency, kind string
	}
	var found []Flow
	at := map[place]int{}
	for _, day := range days {
		where := place{calendar.Month(day.Day), day.Currency, day.Type}
		i, known := at[where]
		if !known {
			i = len(found)
			at[where] = i
			found = append(found, Flow{Month: where.month, Currency: day.Currency, Type: day.Type})
		}
		found[i].Amount = found[i].Amount.Add(day.Amount)
		found[i].Transactions += int(day.Transactions)
	}
	return found
}

// addUp converts what days brought and adds it up by month. Both results are in
// the order of their days.
func addUp(days []backenddb.SumsToConvertRow, table *currency.Table, into string) ([]Sum, []Unconverted) {
	type place struct {
		month time.Time
		kind  string
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
		where := place{calendar.Month(day.Day), day.Type}
		i, known := at[where]
		if !known {
			i = len(sums)
			at[where] = i
			sums = append(sums, Sum{Month: where.month, Type: day.Type})
		}
		sums[i].Amount = sums[i].Amount.Add(amount)
		sums[i].Transactions += int(day.Transactions)
	}
	return sums, left
}
