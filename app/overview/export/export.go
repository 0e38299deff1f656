// Package export gives people everything that is kept of them, as one JSON
// document that is written while it is read.
package export

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/store/db"
)

// section is a table. Columns that are added later are exported without further ado.
type section struct{ table, order string }

// sections are all tables that hold something of a user's. Left out are
// idempotency_keys, answers that were given and are kept for a day in case a
// request comes again, oauth_codes, which are for a minute, reminders, the times of tasks once more, and daily_sums and
// wallet_balances, which add up transactions.
var sections = []section{
	{"identities", "created_at, issuer, subject"},
	{"sessions", "created_at, id"},
	{"assistants", "created_at, session_id"},
	{"preferences", "user_id"},
	{"push_subscriptions", "created_at, endpoint"},
	{"wallets", "created_at, id"},
	{"categories", "slug"},
	{"transactions", "occurred_at, id"},
	{"imports", "created_at, id"},
	{"import_skips", "wallet_id, fingerprint"},
	{"import_presets", "wallet_id, format, header"},
	{"transfer_matches", "out_id, in_id"},
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
type Exporter struct {
	Pool *pgxpool.Pool

	mu    sync.Mutex
	users map[uuid.UUID]*turn // whose exports are being written
	now   func() time.Time    // nil: time.Now
}

// turn is an export that is being written.
type turn struct {
	began time.Time
	// over is closed when it must make room.
	over chan struct{}
}

// The bounds of a process.
const (
	// inAll is how many exports may be written at a time, one of a user.
	inAll = 4
	// ahead is how much of an export may wait for its reader, in pieces that are
	// compressed. 8 MiB hold about 150,000 transactions, so that the database has
	// nearly always delivered everything before the reader has read much.
	ahead     = 128
	pieceSize = 64 << 10
	// snapshot is how long the database's state may be held on to, which a reader
	// who is slower than that, with more than is kept ahead, runs into.
	snapshot = time.Minute
	// turnTime is after how long an export makes room for another one, when as many are
	// written as can be: long after the database has delivered everything, it is only the
	// reader who takes time.
	turnTime = time.Minute
)

// ErrSlow: there is more to export than may wait for its reader, who was too slow.
var ErrSlow = errors.New("the export was read too slowly")

// Start begins an export of the user's; ErrUnauthorized: the account is gone,
// ErrBusy: another one of the user's is being written, or as many as can be. What
// it returns writes the document, and must be called.
//
// The document is an object: exportedAt (RFC 3339), user, and a list of objects
// for each table, all of one moment. Numbers of money and rates are decimal
// strings, times are UTC.
func (e *Exporter) Start(ctx context.Context, user uuid.UUID) (write func(ctx context.Context, to io.Writer) error, err error) {
	var known bool
	if err := e.Pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM users WHERE id = $1 AND closed_at IS NULL)", user).Scan(&known); err != nil {
		return nil, err
	}
	if !known {
		return nil, apperror.Say(apperror.ErrUnauthorized, "this account has been deleted")
	}
	its, err := e.enter(user)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, to io.Writer) error {
		defer e.leave(user, its)
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		written := make(chan struct{})
		defer close(written)
		go func() {
			select {
			case <-its.over:
				cancel(ErrSlow)
			case <-written:
			}
		}()
		return e.write(ctx, user, to)
	}, nil
}

// enter gives a user's export a turn. When all are taken, that of the oldest one which
// has had its time is over.
func (e *Exporter) enter(user uuid.UUID) (*turn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now
	if e.now != nil {
		now = e.now
	}
	if e.users[user] != nil {
		return nil, fmt.Errorf("an export of this account is being written: %w", apperror.ErrBusy)
	}
	if len(e.users) >= inAll && !e.makeRoom(now().Add(-turnTime)) {
		return nil, fmt.Errorf("other exports are being written: %w", apperror.ErrBusy)
	}
	if e.users == nil {
		e.users = map[uuid.UUID]*turn{}
	}
	its := &turn{began: now(), over: make(chan struct{})}
	e.users[user] = its
	return its, nil
}

// makeRoom ends the oldest export, if it began before a time. It is called under the
// lock.
func (e *Exporter) makeRoom(before time.Time) bool {
	var oldest uuid.UUID
	for user, its := range e.users {
		if its.began.Before(before) && (oldest == uuid.Nil || its.began.Before(e.users[oldest].began)) {
			oldest = user
		}
	}
	if oldest == uuid.Nil {
		return false
	}
	close(e.users[oldest].over)
	delete(e.users, oldest)
	return true
}

func (e *Exporter) leave(user uuid.UUID, its *turn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.users[user] == its { // otherwise it has made room
		delete(e.users, user)
	}
}

// write reads from the database at its speed and writes at the reader's; between
// the two waits what is ahead.
func (e *Exporter) write(ctx context.Context, user uuid.UUID, to io.Writer) error {
	group, ctx := errgroup.WithContext(ctx)
	pieces := make(queue, ahead)
	group.Go(func() error {
		limited, cancel := context.WithTimeoutCause(ctx, snapshot, ErrSlow)
		defer cancel()
		out := bufio.NewWriterSize(queueWriter{limited, pieces}, pieceSize)
		compressed, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
		if err != nil {
			return err
		}
		if err := e.read(limited, user, compressed); err != nil {
			return cmp.Or(context.Cause(limited), err)
		}
		if err := compressed.Close(); err != nil {
			return err
		}
		err = out.Flush()
		if err == nil {
			close(pieces) // otherwise the group's end tells the reader
		}
		return err
	})
	group.Go(func() error {
		in, err := gzip.NewReader(&queueReader{ctx: ctx, pieces: pieces})
		if err != nil {
			return err
		}
		// Only io.Copy's own buffer bounds a piece: the reader must not take over.
		_, err = io.CopyBuffer(struct{ io.Writer }{whileWanted{ctx, to}}, struct{ io.Reader }{in}, make([]byte, pieceSize))
		return err
	})
	return group.Wait()
}

// read writes the document out of one state of the database.
func (e *Exporter) read(ctx context.Context, user uuid.UUID, to io.Writer) error {
	out := bufio.NewWriterSize(to, pieceSize)
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, e.Pool, options, func(tx pgx.Tx) error {
		if err := db.Act(ctx, tx, user); err != nil {
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

// whileWanted writes until ctx ends.
type whileWanted struct {
	ctx context.Context //nolint:containedctx // of the one export that it lives for
	to  io.Writer
}

func (w whileWanted) Write(piece []byte) (int, error) {
	if w.ctx.Err() != nil {
		return 0, context.Cause(w.ctx)
	}
	return w.to.Write(piece)
}

// queue holds what was read and not yet written.
type queue chan []byte

// queueWriter appends to a queue, and waits while it is full.
type queueWriter struct {
	ctx    context.Context //nolint:containedctx // of the one export that it lives for
	pieces queue
}

func (w queueWriter) Write(piece []byte) (int, error) {
	select {
	case w.pieces <- bytes.Clone(piece):
		return len(piece), nil
	case <-w.ctx.Done():
		return 0, context.Cause(w.ctx)
	}
}

// queueReader reads a queue until it is closed.
type queueReader struct {
	ctx    context.Context //nolint:containedctx // of the one export that it lives for
	pieces queue
	rest   []byte
}

func (r *queueReader) Read(into []byte) (int, error) {
	if len(r.rest) == 0 {
		select {
		case piece, more := <-r.pieces:
			if !more {
				return 0, io.EOF
			}
			r.rest = piece
		case <-r.ctx.Done():
			return 0, context.Cause(r.ctx)
		}
	}
	n := copy(into, r.rest)
	r.rest = r.rest[n:]
	return n, nil
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
