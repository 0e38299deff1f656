package currency

import (
	"context"
	"encoding/base64"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/idempotency"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// Rate is what one unit of Base is worth in Quote from a day on.
type Rate struct {
	Date  string `json:"date" doc:"YYYY-MM-DD: from when on the rate holds" example:"2026-11-03"`
	Base  string `json:"base" doc:"ISO 4217" example:"EUR"`
	Quote string `json:"quote" doc:"ISO 4217" example:"USD"`
	Rate  string `json:"rate" doc:"What one unit of base is worth in quote: more than zero, a decimal string" example:"1.0834"`
}

// parsed is a rate that was checked.
type parsed struct {
	Pair
	dated
}

func (p parsed) rate() Rate {
	return Rate{p.day.Format(time.DateOnly), p.Base, p.Quote, p.dated.rate.String()}
}

var plainRate = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,12})?$`)

// parse checks a rate. now is the present: no day lies in the future.
func (r Rate) parse(now time.Time) (parsed, error) {
	day, err := time.Parse(time.DateOnly, r.Date)
	switch {
	case err != nil || day.Year() < 1970:
		return parsed{}, apperror.Invalid{Field: "date", Reason: "must be a day such as 2026-11-03, of 1970 or later"}
	case day.After(now.Add(limits.MaxAhead)):
		return parsed{}, apperror.Invalid{Field: "date", Reason: "must not lie in the future"}
	case money.CheckCurrency(r.Base) != nil:
		return parsed{}, apperror.Invalid{Field: "base", Reason: money.CheckCurrency(r.Base).Error()}
	case money.CheckCurrency(r.Quote) != nil:
		return parsed{}, apperror.Invalid{Field: "quote", Reason: money.CheckCurrency(r.Quote).Error()}
	case r.Base == r.Quote:
		return parsed{}, apperror.Invalid{Field: "quote", Reason: "must be another currency than base"}
	case !plainRate.MatchString(r.Rate):
		return parsed{}, apperror.Invalid{Field: "rate", Reason: "must be a number such as 1.0834, with at most twelve places"}
	}
	rate, err := decimal.NewFromString(r.Rate)
	if err != nil || !rate.IsPositive() {
		return parsed{}, apperror.Invalid{Field: "rate", Reason: "must be more than zero"}
	}
	return parsed{Pair{r.Base, r.Quote}, dated{day, rate}}, nil
}

// What is kept and read at most.
const (
	MaxRates = 100_000 // of a user
	MaxLines = 20_000  // of an imported file
	// MaxBad is how many bad lines are told one by one.
	MaxBad = 100
)

// Rates keeps users' rates.
type Rates struct{ Pool *pgxpool.Pool }

// Put keeps a rate, in place of another of the same day and pair.
func (s *Rates) Put(ctx context.Context, user uuid.UUID, r Rate) (Rate, error) {
	one, err := r.parse(time.Now())
	if err != nil {
		return Rate{}, err
	}
	return one.rate(), db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error { return put(ctx, tx, user, []parsed{one}) })
}

func put(ctx context.Context, tx pgx.Tx, user uuid.UUID, rates []parsed) error {
	q := backenddb.New(tx)
	p := backenddb.PutRatesParams{UserID: user, UpdatedAt: time.Now().UTC()}
	for _, r := range rates {
		p.Bases, p.Quotes = append(p.Bases, r.Base), append(p.Quotes, r.Quote)
		p.Days, p.Rates = append(p.Days, r.day), append(p.Rates, r.dated.rate.String())
	}
	if err := q.PutRates(ctx, p); err != nil {
		return err
	}
	count, err := q.CountRates(ctx, user)
	if err == nil && count > MaxRates {
		err = apperror.Invalid{Field: "rate", Reason: fmt.Sprintf("no more than %d rates are kept: delete some first", MaxRates)}
	}
	return err
}

// Delete removes a rate. day is YYYY-MM-DD.
func (s *Rates) Delete(ctx context.Context, user uuid.UUID, base, quote, day string) error {
	missing := fmt.Errorf("a rate from %s to %s of %s: %w", base, quote, day, apperror.ErrNotFound)
	on, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return missing
	}
	return db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		gone, err := backenddb.New(tx).DeleteRate(ctx, backenddb.DeleteRateParams{UserID: user, Base: base, Quote: quote, Day: on})
		if err == nil && gone == 0 {
			return missing
		}
		return err
	})
}

// List lists rates, the latest day first. base and quote narrow it where they
// are not empty; cursor is NextCursor of the page before.
func (s *Rates) List(ctx context.Context, user uuid.UUID, base, quote string, limit int, cursor string) (pagination.List[Rate], error) {
	list := pagination.List[Rate]{Items: []Rate{}}
	p := backenddb.RatesParams{UserID: user, Most: int32(limit) + 1}
	if base != "" {
		p.Base = &base
	}
	if quote != "" {
		p.Quote = &quote
	}
	if cursor != "" {
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		parts := strings.Split(string(raw), "|")
		if err != nil || len(parts) != 3 {
			return list, apperror.Invalid{Field: "cursor", Reason: "is not one that this API gave"}
		}
		day, err := time.Parse(time.DateOnly, parts[0])
		if err != nil {
			return list, apperror.Invalid{Field: "cursor", Reason: "is not one that this API gave"}
		}
		p.BeforeDay, p.BeforeBase, p.BeforeQuote = &day, parts[1], parts[2]
	}
	var rows []backenddb.Rate
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) (err error) {
		rows, err = backenddb.New(tx).Rates(ctx, p)
		return err
	})
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		next := base64.RawURLEncoding.EncodeToString([]byte(last.Day.Format(time.DateOnly) + "|" + last.Base + "|" + last.Quote))
		list.NextCursor = &next
	}
	for _, row := range rows {
		list.Items = append(list.Items, parsed{Pair{row.Base, row.Quote}, dated{row.Day, row.Rate}}.rate())
	}
	return list, err
}

// BadRate is a line that was not taken.
type BadRate struct {
	Line   int    `json:"line" doc:"The file's line, from 1"`
	Reason string `json:"reason"`
}

// ImportedRates is what became of a file of rates.
type ImportedRates struct {
	Imported int       `json:"imported" doc:"Rates that are kept now"`
	Bad      int       `json:"bad" doc:"Lines that were not taken"`
	BadLines []BadRate `json:"badLines" doc:"The first of these lines, at most 100"`
}

// Import keeps the rates of a CSV with the columns date, base, quote and rate; a
// first line with these names may be there. Of a day and pair that comes twice
// the last line holds. With refuse one bad line has nothing kept.
func (s *Rates) Import(ctx context.Context, user uuid.UUID, file io.Reader, refuse bool) (ImportedRates, error) {
	rates, result, err := readCSV(file, time.Now())
	switch {
	case err != nil:
		return ImportedRates{}, err
	case refuse && result.Bad > 0:
		first := result.BadLines[0]
		return ImportedRates{}, apperror.Invalid{Field: "file", Reason: fmt.Sprintf("%d lines are bad, the first of them line %d: %s", result.Bad, first.Line, first.Reason)}
	case len(rates) == 0:
		return result, nil
	}
	return idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (ImportedRates, error) {
		return result, put(ctx, tx, user, rates)
	})
}

// readCSV reads rates, each day and pair once.
func readCSV(file io.Reader, now time.Time) ([]parsed, ImportedRates, error) {
	result := ImportedRates{BadLines: []BadRate{}}
	reader := csv.NewReader(file)
	reader.FieldsPerRecord, reader.ReuseRecord, reader.TrimLeadingSpace = -1, true, true
	place := map[string]int{}
	var rates []parsed
	refuse := func(line int, reason string) {
		result.Bad++
		if len(result.BadLines) < MaxBad {
			result.BadLines = append(result.BadLines, BadRate{line, reason})
		}
	}
	for count := 1; ; count++ {
		record, err := reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if count > MaxLines {
			return nil, result, apperror.Invalid{Field: "file", Reason: fmt.Sprintf("has more than %d lines: import it in parts", MaxLines)}
		}
		var wrong *csv.ParseError
		switch {
		case errors.As(err, &wrong):
			refuse(wrong.StartLine, wrong.Err.Error())
			continue
		case err != nil:
			return nil, result, err
		}
		line, _ := reader.FieldPos(0)
		if len(record) != 4 {
			refuse(line, fmt.Sprintf("has %d columns; date,base,quote,rate are four", len(record)))
			continue
		}
		r := Rate{strings.TrimSpace(strings.TrimPrefix(record[0], "\ufeff")), strings.TrimSpace(record[1]), strings.TrimSpace(record[2]), strings.TrimSpace(record[3])}
		if count == 1 && strings.EqualFold(r.Date, "date") {
			continue
		}
		one, err := r.parse(now)
		if err != nil {
			refuse(line, err.Error())
			continue
		}
		key := one.Base + one.Quote + r.Date
		if at, twice := place[key]; twice {
			rates[at] = one
			continue
		}
		place[key] = len(rates)
		rates = append(rates, one)
	}
	result.Imported = len(rates)
	return rates, result, nil
}

// Load reads what converts amounts of the currencies, to or from one another,
// on the days from since to until. It is called within db.AsUser.
func Load(ctx context.Context, q backenddb.DBTX, user uuid.UUID, currencies []string, since, until time.Time) (*Table, error) {
	rows, err := backenddb.New(q).RatesToConvert(ctx, backenddb.RatesToConvertParams{
		UserID: user, Currencies: currencies, Since: Day(since), Until: Day(until),
	})
	table := &Table{}
	for _, row := range rows {
		table.Add(Pair{row.Base, row.Quote}, Day(row.Day), row.Rate)
	}
	return table, err
}

// Table reads what converts amounts of the currencies on the days from since to
// until; name the currency that is converted into among them.
func (s *Rates) Table(ctx context.Context, user uuid.UUID, currencies []string, since, until time.Time) (*Table, error) {
	var table *Table
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) (err error) {
		table, err = Load(ctx, tx, user, currencies, since, until)
		return err
	})
	return table, err
}

// Conversion is an amount in another currency, and by which rates.
type Conversion struct {
	Amount    string `json:"amount"`
	From      string `json:"from"`
	To        string `json:"to"`
	Date      string `json:"date"`
	Converted string `json:"converted" doc:"Rounded to the minor units"`
	Steps     []Step `json:"steps" doc:"The rates it went by, one after the other"`
}

// dayOrToday reads a day; "" is today by the person's calendar.
func (s *Rates) dayOrToday(ctx context.Context, user uuid.UUID, text string) (day time.Time, err error) {
	if text != "" {
		if day, err = calendar.ParseDay(text); err != nil {
			return day, apperror.Invalid{Field: "date", Reason: "must be a day such as 2026-11-03"}
		}
		return day, nil
	}
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		zone, err := preference.Zone(ctx, tx, user)
		day = calendar.Day(time.Now(), zone)
		return err
	})
	return day, err
}

// Convert converts an amount at a day's rates. A missing rate is a apperror.Invalid.
func (s *Rates) Convert(ctx context.Context, user uuid.UUID, amount, from, to, day string) (Conversion, error) {
	for _, code := range []struct{ field, text string }{{"from", from}, {"to", to}} {
		if err := money.CheckCurrency(code.text); err != nil {
			return Conversion{}, apperror.Invalid{Field: code.field, Reason: err.Error()}
		}
	}
	value, err := money.ParseIn(amount, from)
	if err != nil {
		return Conversion{}, apperror.Invalid{Field: "amount", Reason: err.Error()}
	}
	on, err := s.dayOrToday(ctx, user, day)
	if err != nil {
		return Conversion{}, err
	}
	table, err := s.Table(ctx, user, []string{from, to}, on, on)
	if err != nil {
		return Conversion{}, err
	}
	converted, steps, err := table.Convert(value, from, to, on)
	if err != nil {
		return Conversion{}, apperror.Invalid{Field: "to", Reason: err.Error()}
	}
	return Conversion{
		Amount: money.Format(value), From: from, To: to, Date: on.Format(time.DateOnly),
		Converted: money.Round(converted, to).StringFixed(money.Digits(to)), Steps: steps,
	}, nil
}
