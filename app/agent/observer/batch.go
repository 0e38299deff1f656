package observer

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/bus"
	"github.com/wealth-companion/companion/app/messaging/inbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/observerdb"
)

// Batches are the topics whose events it handles together: those that there are most
// of.
func (o *Observer) Batches() map[string]bus.BatchHandler {
	topic, _ := event.OfType(event.TypeTransactionCreated)
	return map[string]bus.BatchHandler{topic.Name: o.transactionsCreated}
}

// transactionCreated handles a batch of one.
func (o *Observer) transactionCreated(ctx context.Context, e event.CloudEvent) (bool, error) {
	first, err := o.transactionsCreated(ctx, []event.CloudEvent{e})
	return err == nil && first[0], err
}

// arrival is the event of a new transaction.
type arrival struct {
	ctx  context.Context // continues the event's trace
	id   string          // of the event
	data event.TransactionCreated
}

// known is what the database has about a batch, once it is locked.
type known struct {
	fresh   map[string]bool         // events that were not handled before
	gone    map[uuid.UUID]bool      // users
	zones   map[uuid.UUID]string    // by user
	reviews map[uuid.UUID]dueReview // by user
	wording map[uuid.UUID][]byte    // of their banks, by user
	changes map[uuid.UUID][][]byte  // by transaction, in the order in which they were made
}

type dueReview struct {
	at         time.Time
	backfilled bool
}

// transactionsCreated handles new transactions of any users, each alone with its
// user's data: all of them are locked, in one order for every transaction. The
// statements do not grow in number with the batch, but for the rows themselves and
// for what is found.
func (o *Observer) transactionsCreated(ctx context.Context, events []event.CloudEvent) ([]bool, error) {
	arrivals := make([]arrival, len(events))
	for i, e := range events {
		data, err := event.Decode[event.TransactionCreated](e)
		if err != nil {
			return nil, err
		}
		arrivals[i] = arrival{e.Continue(ctx), e.ID, data}
	}
	locking, k := o.lockAll(arrivals)
	err := db.InBatches(ctx, o.Pool, locking, func(tx pgx.Tx, last db.Queue) error {
		return o.keepAll(ctx, tx, last, arrivals, k)
	})
	if err != nil {
		return nil, fmt.Errorf("handle %d new transactions: %w", len(arrivals), err)
	}
	first := make([]bool, len(events))
	for i, a := range arrivals {
		first[i] = k.fresh[a.id]
	}
	return first, nil
}

// lockAll notes the events as handled, locks their users, and reads what is known: all
// of it once the batch has been sent.
func (o *Observer) lockAll(arrivals []arrival) (*pgx.Batch, *known) {
	k := &known{
		fresh: map[string]bool{}, gone: map[uuid.UUID]bool{}, zones: map[uuid.UUID]string{}, reviews: map[uuid.UUID]dueReview{},
		wording: map[uuid.UUID][]byte{}, changes: map[uuid.UUID][][]byte{},
	}
	var ids []string
	var users, transactions []uuid.UUID
	var locks []int64
	for _, a := range arrivals {
		ids, transactions = append(ids, a.id), append(transactions, a.data.TransactionID)
		if !slices.Contains(users, a.data.UserID) {
			users, locks = append(users, a.data.UserID), append(locks, o.lock(a.data.UserID))
		}
	}
	slices.Sort(locks)
	var user, transaction uuid.UUID
	var zone string
	var review dueReview
	var change, wording []byte
	batch := &pgx.Batch{}
	inbox.Queue(batch, ids, func(id string) { k.fresh[id] = true })
	batch.Queue("SELECT pg_advisory_xact_lock(lock) FROM unnest($1::bigint[]) WITH ORDINALITY AS given(lock, number) ORDER BY number", locks)
	each(batch, "SELECT user_id FROM gone WHERE user_id = ANY($1)", users, []any{&user}, func() { k.gone[user] = true })
	each(batch, "SELECT user_id, timezone FROM preferences WHERE user_id = ANY($1)", users, []any{&user, &zone}, func() { k.zones[user] = zone })
	each(batch, "SELECT user_id, due_at, backfilled, wording FROM reviews WHERE user_id = ANY($1)", users,
		[]any{&user, &review.at, &review.backfilled, &wording}, func() { k.reviews[user], k.wording[user] = review, slices.Clone(wording) })
	each(batch, "SELECT transaction_id, changes FROM transaction_changes WHERE transaction_id = ANY($1) ORDER BY version, updated_at, event_id", transactions,
		[]any{&transaction, &change}, func() { k.changes[transaction] = append(k.changes[transaction], slices.Clone(change)) })
	return batch, k
}

// each queues a query; row is called once what a row holds is in to.
func each(batch *pgx.Batch, sql string, arg any, to []any, row func()) {
	batch.Queue(sql, arg).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, to, func() error { row(); return nil })
		return err
	})
}

// look is a transaction that is to be looked at.
type look struct {
	ctx context.Context
	c   *Case
	is  Transaction
}

// keepAll keeps the transactions that are new, and has them looked at. What is
// published of them waits in last.
func (o *Observer) keepAll(ctx context.Context, tx pgx.Tx, last db.Queue, arrivals []arrival, k *known) error {
	now := o.now()
	cases := map[uuid.UUID]*Case{}
	var rows observerdb.KeepTransactionsParams
	var looks []look
	given := map[uuid.UUID]bool{}
	for _, a := range arrivals {
		id, user := a.data.TransactionID, a.data.UserID
		if !k.fresh[a.id] || k.gone[user] || given[id] {
			continue
		}
		given[id] = true
		if cases[user] == nil {
			wording, err := wordingOf(k.wording[user])
			if err != nil {
				return err
			}
			cases[user] = o.caseOf(tx, user, now, calendar.ZoneOrUTC(k.zones[user]), wording)
			cases[user].out = last
		}
		c := cases[user]
		if err := c.created(&rows, a.data); err != nil {
			return err
		}
		is, err := c.withChanges(a.data, k.changes[id])
		if err != nil {
			return err
		}
		looks = append(looks, look{a.ctx, c, is})
	}
	if len(looks) == 0 {
		return nil
	}
	var kept []uuid.UUID
	batch := &pgx.Batch{}
	keep(batch, rows, &kept)
	changed := slices.ContainsFunc(looks, func(l look) bool { return len(k.changes[l.is.ID]) > 0 })
	if !changed {
		// What agents read is as it will be: it goes along. Else sums are of what changed.
		ask(batch, o.asking(looks))
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("keep %d transactions: %w", len(looks), err)
	}
	// Of one that was known already nothing is to be done.
	looks = slices.DeleteFunc(looks, func(l look) bool { return !slices.Contains(kept, l.is.ID) })
	if changed {
		if err := settleAll(ctx, tx, looks, k); err != nil {
			return err
		}
	}
	if err := o.wantReviews(ctx, last, looks, k, now); err != nil {
		return err
	}
	return o.lookAt(ctx, tx, looks)
}

// keep queues what keeps transactions; kept receives those that were not known before.
func keep(batch *pgx.Batch, rows observerdb.KeepTransactionsParams, kept *[]uuid.UUID) {
	batch.Queue(observerdb.KeepTransactions, rows.Ids, rows.Users, rows.Originals, rows.Types, rows.Categories, rows.Refunds, rows.Amounts,
		rows.Currencies, rows.Months, rows.Occurred, rows.Dates, rows.Wallets, rows.ToWallets, rows.ToAmounts, rows.Descriptions, rows.Merchants,
	).Query(func(found pgx.Rows) (err error) {
		*kept, err = pgx.CollectRows(found, pgx.RowTo[uuid.UUID])
		return err
	})
}

// settleAll applies what is known of changes to transactions that are new.
func settleAll(ctx context.Context, tx pgx.Tx, looks []look, k *known) error {
	batch := &pgx.Batch{}
	later := observerdb.New(db.Queue{Batch: batch})
	for _, l := range looks {
		if len(k.changes[l.is.ID]) == 0 {
			continue
		}
		if err := later.Settle(ctx, columns(l.is)); err != nil {
			return err
		}
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("apply changes to %d transactions: %w", batch.Len(), err)
	}
	return nil
}

// wantReviews has the users of transactions that are new reviewed. Nothing waits for it.
func (o *Observer) wantReviews(ctx context.Context, last db.Queue, looks []look, k *known, now time.Time) error {
	later := observerdb.New(last)
	for _, l := range looks {
		due := dueReview{now.Add(o.Settings.Settle), backfills(l.c, Transaction{}, l.is)}
		if !k.wants(l.c.User, due) {
			continue
		}
		if err := later.WantReview(ctx, l.c.User, due.at, due.backfilled); err != nil {
			return err
		}
	}
	return nil
}

// wants tells whether a review must come sooner, or look further back, than the one
// that is due; it is taken to be due then.
func (k *known) wants(user uuid.UUID, due dueReview) bool {
	have, some := k.reviews[user]
	if some && !have.at.After(due.at) && (have.backfilled || !due.backfilled) {
		return false
	}
	if some {
		due.backfilled = due.backfilled || have.backfilled
		if have.at.Before(due.at) {
			due.at = have.at
		}
	}
	k.reviews[user] = due
	return true
}

// asking is what will most likely be read of transactions that are new.
func (o *Observer) asking(looks []look) []asking {
	if o.Transaction == nil || o.Reads == nil {
		return nil
	}
	all := make([]asking, len(looks))
	for i, one := range looks {
		all[i] = asking{one.c, o.Reads(one.c, one.is)}
	}
	return all
}

// lookAt has transactions that are new looked at, in order, once what that needs is
// read.
func (o *Observer) lookAt(ctx context.Context, tx pgx.Tx, looks []look) error {
	if o.Transaction == nil {
		return nil
	}
	if err := readAhead(ctx, tx, o.asking(looks)); err != nil {
		return err
	}
	for _, one := range looks {
		if err := o.Transaction(one.ctx, one.c, Transaction{}, one.is); err != nil {
			return fmt.Errorf("transaction %s: %w", one.is.ID, err)
		}
	}
	return nil
}
