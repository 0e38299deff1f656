package ledger

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Many are validated transactions of one user and their transaction.created
// events, written out before a database transaction has to wait for that.
type Many struct {
	rows   backenddb.InsertTransactionsParams
	events outbox.Many
}

// NewMany prepares transactions, transfers between wallets of one currency among
// them. Their Date, and Refund where it is one, must be set. fingerprints are
// what the imported lines are known by, one for each.
func (l *Ledger) NewMany(ctx context.Context, user uuid.UUID, all []Transaction, fingerprints []string) (Many, error) {
	m := Many{rows: backenddb.InsertTransactionsParams{UserID: user, Fingerprints: fingerprints}}
	var events []event.CloudEvent
	for _, t := range all {
		day, err := t.day()
		if err != nil {
			return m, err
		}
		e, err := event.New(ctx, l.Service, event.TypeTransactionCreated, t.ID.String(), t.created(user))
		if err != nil {
			return m, err
		}
		events = append(events, e)
		r := &m.rows
		r.Ids, r.WalletIds, r.ImportIds = append(r.Ids, t.ID), append(r.WalletIds, t.WalletID), append(r.ImportIds, *t.ImportID)
		r.Amounts, r.Currencies, r.Types = append(r.Amounts, t.Amount.Decimal.String()), append(r.Currencies, t.Currency), append(r.Types, t.Type)
		r.ToWalletIds = append(r.ToWalletIds, other(t)) // uuid.Nil: none
		r.Categories, r.Refunds, r.Descriptions = append(r.Categories, t.Category), append(r.Refunds, t.Refund), append(r.Descriptions, t.Description)
		r.Times, r.Dates, r.CreatedAt = append(r.Times, t.Timestamp), append(r.Dates, day), t.CreatedAt
	}
	if len(events) == 0 {
		return m, nil
	}
	var err error
	m.events, err = outbox.NewMany(events, user.String())
	return m, err
}

func other(t Transaction) uuid.UUID {
	if t.ToWalletID == nil {
		return uuid.Nil
	}
	return *t.ToWalletID
}

// Insert writes the transactions in one statement and their events in another.
func (m Many) Insert(ctx context.Context, tx db.Querier) error {
	if len(m.rows.Ids) == 0 {
		return nil
	}
	if err := backenddb.New(tx).InsertTransactions(ctx, m.rows); err != nil {
		return fmt.Errorf("insert %d transactions: %w", len(m.rows.Ids), err)
	}
	return m.events.Put(ctx, tx)
}
