// Package export gives people everything that is kept of them, as one JSON
// document that is written while it is read.
package export

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/store/db"
)

// section is a table. Columns that are added later are exported without further ado.
type section struct{ table, order string }

// sections are all tables that hold something of a user's. Left out are
// idempotency_keys, answers that were given and are kept for a week in case a
// request comes again, and reminders, the times of tasks once more.
var sections = []section{
	{"identities", "created_at, issuer, subject"},
	{"sessions", "created_at, id"},
	{"preferences", "user_id"},
	{"push_subscriptions", "created_at, endpoint"},
	{"wallets", "created_at, id"},
	{"categories", "slug"},
	{"transactions", "occurred_at, id"},
	{"imports", "created_at, id"},
	{"rates", "base, quote, day"},
	{"budgets", "month, category, currency"},
	{"goals", "created_at, id"},
	{"goal_contributions", "created_at, id"},
	{"tasks", "created_at, id"},
	{"insights", "created_at, id"},
	{"alerts", "delivered_at, id"},
	{"demos", "user_id"},
}

// Exporter writes exports.
type Exporter struct{ Pool *pgxpool.Pool }

// busy lets one export be written at a time: each holds a connection, and the
// state of the database as it was, for as long as its reader takes.
var busy = make(chan struct{}, 1)

// Start begins an export of the user's; ErrUnauthorized: the account is gone,
// ErrBusy: another export is being written. What it returns writes the document,
// and must be called.
//
// The document is an object: exportedAt (RFC 3339), user, and a list of objects
// for each table. Numbers of money and rates are decimal strings, times are UTC.
func (e *Exporter) Start(ctx context.Context, user uuid.UUID) (write func(ctx context.Context, to io.Writer) error, err error) {
	var known bool
	if err := e.Pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM users WHERE id = $1)", user).Scan(&known); err != nil {
		return nil, err
	}
	if !known {
		return nil, fmt.Errorf("this account is gone: %w", apperror.ErrUnauthorized)
	}
	select {
	case busy <- struct{}{}:
	default:
		return nil, fmt.Errorf("another export is being written: %w", apperror.ErrBusy)
	}
	return func(ctx context.Context, to io.Writer) error {
		defer func() { <-busy }()
		return e.write(ctx, user, to)
	}, nil
}

func (e *Exporter) write(ctx context.Context, user uuid.UUID, to io.Writer) error {
	out := bufio.NewWriterSize(to, 64<<10)
	// Everything is of one moment.
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, e.Pool, options, func(tx pgx.Tx) error {
		if err := db.Act(ctx, tx, user); err != nil {
			return err
		}
		// A slow reader holds a statement up, not the database.
		if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = '10min'; SET LOCAL tcp_user_timeout = 0"); err != nil {
			return err
		}
		fmt.Fprintf(out, "{\n\"exportedAt\": %q,\n\"user\": ", time.Now().UTC().Format(time.RFC3339))
		if err := rows(ctx, tx, out, "SELECT id, email, name, created_at, updated_at FROM users WHERE id = $1", user); err != nil {
			return err
		}
		for _, s := range sections {
			fmt.Fprintf(out, ",\n%q: [", camel(s.table))
			query := fmt.Sprintf("SELECT * FROM %s WHERE user_id = $1 ORDER BY %s", s.table, s.order)
			if err := rows(ctx, tx, out, query, user); err != nil {
				return fmt.Errorf("%s: %w", s.table, err)
			}
			fmt.Fprint(out, "]")
		}
		_, err := fmt.Fprint(out, "\n}\n")
		return err
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// rows writes the rows of a query as objects with commas between.
func rows(ctx context.Context, tx pgx.Tx, out *bufio.Writer, query string, user uuid.UUID) error {
	found, err := tx.Query(ctx, query, user)
	if err != nil {
		return err
	}
	defer found.Close()
	for first := true; found.Next(); first = false {
		values, err := found.Values()
		if err != nil {
			return err
		}
		row := make(map[string]any, len(values))
		for i, column := range found.FieldDescriptions() {
			if name := column.Name; name != "user_id" {
				row[camel(name)] = plain(name, column.DataTypeOID, values[i])
			}
		}
		raw, err := json.Marshal(row)
		if err != nil {
			return err
		}
		if !first {
			fmt.Fprint(out, ",")
		}
		fmt.Fprint(out, "\n")
		if _, err := out.Write(raw); err != nil {
			return err // the reader has gone
		}
	}
	return found.Err()
}

// camel is a column's name as the API writes it.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		words[i+1] = strings.ToUpper(word[:1]) + word[1:]
	}
	return strings.Join(words, "")
}

// plain is a column's value as the API writes it.
func plain(column string, oid uint32, value any) any {
	switch v := value.(type) {
	case [16]byte:
		return uuid.UUID(v)
	case pgtype.Numeric:
		if !v.Valid {
			return nil
		}
		number := decimal.NewFromBigInt(v.Int, v.Exp)
		if column == "rate" {
			return number.String()
		}
		return money.Format(number)
	case time.Time:
		if oid == pgtype.DateOID {
			return v.Format(time.DateOnly)
		}
		return v.UTC()
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(column, 0, v[i])
		}
		return list
	default:
		return v
	}
}
