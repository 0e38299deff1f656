package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/finance/currency"
	"github.com/wealth-companion/companion/app/finance/matching"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/idempotency"
)

// The bounds on the search for transfers.
const (
	searchedMonths   = 4
	searchedSides    = 2_500 // the latest
	maxTransferPairs = 200   // that are proposed at once, the latest
)

// TransferPair names two transactions that are the sides of one transfer.
type TransferPair struct {
	OutID uuid.UUID `json:"outId" format:"uuid" doc:"The expense by which the money left"`
	InID  uuid.UUID `json:"inId" format:"uuid" doc:"The income by which it came"`
}

// TransferSuggestion is an expense and an income that are probably one transfer.
type TransferSuggestion struct {
	Out    Transaction `json:"out" doc:"The expense by which the money left"`
	In     Transaction `json:"in" doc:"The income by which it came"`
	Reason string      `json:"reason" doc:"What speaks for it"`
}

// SuggestTransfers finds what left one of the user's wallets and came to another
// within days, the latest first. Nothing is changed by it.
func (l *Ledger) SuggestTransfers(ctx context.Context, user uuid.UUID) ([]TransferSuggestion, error) {
	since := time.Now().UTC().AddDate(0, -searchedMonths, 0)
	var rows []backenddb.TransferSidesRow
	var rejected []backenddb.RejectedTransfersRow
	var table *currency.Table
	err := db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) (err error) {
		q := backenddb.New(tx)
		if rows, err = q.TransferSides(ctx, user, since, searchedSides); err != nil {
			return err
		}
		if rejected, err = q.RejectedTransfers(ctx, user); err != nil {
			return err
		}
		var codes []string
		for _, row := range rows {
			codes = append(codes, row.Transaction.Currency)
		}
		slices.Sort(codes)
		table, err = currency.Load(ctx, tx, user, slices.Compact(codes), since.AddDate(0, -1, 0), time.Now())
		return err
	})
	if err != nil {
		return nil, err
	}
	return suggest(rows, rejected, table), nil
}

func suggest(rows []backenddb.TransferSidesRow, rejected []backenddb.RejectedTransfersRow, table *currency.Table) []TransferSuggestion {
	var out, in []matching.Side
	var left, came []Transaction
	for _, row := range rows {
		t := TransactionOf(row.Transaction)
		side := matching.Side{Movement: matching.Movement{Day: row.Transaction.Date, Amount: t.Amount.Decimal, Description: t.Description}, Wallet: t.WalletID, Name: row.Name, Currency: t.Currency}
		if t.Type == event.Expense {
			side.Amount = side.Amount.Neg()
			out, left = append(out, side), append(left, t)
		} else {
			in, came = append(in, side), append(came, t)
		}
	}
	convert := func(amount decimal.Decimal, from, to string, on time.Time) (decimal.Decimal, bool) {
		converted, _, err := table.Convert(amount, from, to, on)
		return converted, err == nil
	}
	suggestions := []TransferSuggestion{}
	for _, pair := range matching.Transfers(out, in, convert) {
		one := TransferSuggestion{left[pair.Out], came[pair.In], pair.Reason}
		if !slices.Contains(rejected, backenddb.RejectedTransfersRow{OutID: one.Out.ID, InID: one.In.ID}) {
			suggestions = append(suggestions, one)
		}
	}
	slices.SortFunc(suggestions, func(a, b TransferSuggestion) int { return b.Out.Timestamp.Compare(a.Out.Timestamp) })
	return suggestions[:min(len(suggestions), maxTransferPairs)]
}

// lockTransfers has the user's decisions on transfers follow one another.
func lockTransfers(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", db.LockID("transfers:"+user.String()))
	return err
}

// sides reads and locks the transactions of a pair, in the order of their ids.
func (p TransferPair) sides(ctx context.Context, tx pgx.Tx, user uuid.UUID) (out, in Transaction, err error) {
	ids := []uuid.UUID{p.OutID, p.InID}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	for _, id := range ids {
		row, err := backenddb.New(tx).TransactionForUpdate(ctx, id, user)
		if errors.Is(err, pgx.ErrNoRows) {
			return out, in, fmt.Errorf("transaction %s: %w", id, apperror.ErrNotFound)
		}
		if err != nil {
			return out, in, err
		}
		if id == p.OutID {
			out = TransactionOf(row)
		} else {
			in = TransactionOf(row)
		}
	}
	return out, in, nil
}

// check refuses what cannot be the two sides of one transfer.
func (p TransferPair) check(out, in Transaction) error {
	switch {
	case out.Type != event.Expense || out.Status == event.Deleted:
		return apperror.Invalid{Field: "outId", Reason: "must be an expense that is not deleted"}
	case in.Type != event.Income || in.Status == event.Deleted:
		return apperror.Invalid{Field: "inId", Reason: "must be an income that is not deleted"}
	case out.WalletID == in.WalletID:
		return apperror.Invalid{Field: "inId", Reason: "must have come to another wallet than the one it left"}
	case out.Currency == in.Currency && !out.Amount.Equal(in.Amount.Decimal):
		return apperror.Invalid{Field: "inId", Reason: fmt.Sprintf("%s %s left and %s came: correct one of the amounts first", out.Amount, out.Currency, in.Amount)}
	}
	return nil
}

// AcceptTransfer makes one transfer of two transactions: the expense becomes it, and
// the income is deleted. UndoTransfer takes it back. A pair that is accepted already
// stays as it is.
func (l *Ledger) AcceptTransfer(ctx context.Context, user uuid.UUID, p TransferPair) (Transaction, error) {
	return idempotency.Do(ctx, l.Pool, user, func(tx pgx.Tx) (Transaction, error) {
		if err := lockTransfers(ctx, tx, user); err != nil {
			return Transaction{}, err
		}
		return l.accept(ctx, tx, user, p)
	})
}

// JoinTransfers is AcceptTransfer for several pairs within a transaction of the
// user's. It fails with the first pair that cannot be one transfer.
func (l *Ledger) JoinTransfers(ctx context.Context, tx pgx.Tx, user uuid.UUID, pairs []TransferPair) error {
	if err := lockTransfers(ctx, tx, user); err != nil {
		return err
	}
	for _, p := range pairs {
		if _, err := l.accept(ctx, tx, user, p); err != nil {
			return err
		}
	}
	return nil
}

// accept makes one transfer of a pair; the caller has locked the user's transfers.
func (l *Ledger) accept(ctx context.Context, tx pgx.Tx, user uuid.UUID, p TransferPair) (Transaction, error) {
	out, in, err := p.sides(ctx, tx, user)
	if err != nil {
		return Transaction{}, err
	}
	q := backenddb.New(tx)
	before, err := q.AcceptedTransfer(ctx, user, p.OutID)
	switch {
	case err == nil && before.InID == p.InID:
		return out, nil
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return Transaction{}, err // it is the reason, not that the transaction is aborted
	}
	if err := p.check(out, in); err != nil {
		return Transaction{}, err
	}
	if err := q.PutTransferMatch(ctx, backenddb.PutTransferMatchParams{UserID: user, OutID: out.ID, InID: in.ID, Accepted: true, Category: out.Category}); err != nil {
		return Transaction{}, err
	}
	if _, err := l.changeWithin(ctx, tx, user, in.ID, "", func(_ pgx.Tx, t *Transaction) error {
		t.Status = event.Deleted
		return nil
	}); err != nil {
		return Transaction{}, err
	}
	return l.changeWithin(ctx, tx, user, out.ID, "", func(_ pgx.Tx, t *Transaction) error {
		t.Type, t.Category, t.ToWalletID = event.Transfer, Transfers, &in.WalletID
		if in.Currency != out.Currency {
			t.ToAmount = &in.Amount
		}
		return nil
	})
}

// RejectTransfer has two transactions not be suggested as one transfer again.
func (l *Ledger) RejectTransfer(ctx context.Context, user uuid.UUID, p TransferPair) error {
	return db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) error {
		if err := lockTransfers(ctx, tx, user); err != nil {
			return err
		}
		out, in, err := p.sides(ctx, tx, user)
		if err != nil {
			return err
		}
		if err := p.check(out, in); err != nil {
			return err
		}
		return backenddb.New(tx).PutTransferMatch(ctx, backenddb.PutTransferMatchParams{UserID: user, OutID: out.ID, InID: in.ID})
	})
}

// UndoTransfer makes an expense and an income again of the transfer, of which id
// names either side. They are not suggested again.
func (l *Ledger) UndoTransfer(ctx context.Context, user, id uuid.UUID) (Transaction, error) {
	return idempotency.Do(ctx, l.Pool, user, func(tx pgx.Tx) (Transaction, error) {
		if err := lockTransfers(ctx, tx, user); err != nil {
			return Transaction{}, err
		}
		m, err := backenddb.New(tx).AcceptedTransfer(ctx, user, id)
		if errors.Is(err, pgx.ErrNoRows) {
			return Transaction{}, fmt.Errorf("a transfer that was made of two transactions, of which one is %s: %w", id, apperror.ErrNotFound)
		}
		if err != nil {
			return Transaction{}, err
		}
		return l.part(ctx, tx, user, m)
	})
}

// PartTransfers undoes the transfers of which one side came by an import.
func (l *Ledger) PartTransfers(ctx context.Context, tx pgx.Tx, user, importID uuid.UUID) error {
	if err := lockTransfers(ctx, tx, user); err != nil {
		return err
	}
	matches, err := backenddb.New(tx).AcceptedTransfersOfImport(ctx, user, &importID)
	if err != nil {
		return err
	}
	for _, m := range matches {
		if _, err := l.part(ctx, tx, user, m); err != nil {
			return err
		}
	}
	return nil
}

// part makes an expense and an income again of an accepted transfer.
func (l *Ledger) part(ctx context.Context, tx pgx.Tx, user uuid.UUID, m backenddb.TransferMatch) (Transaction, error) {
	if _, _, err := (TransferPair{m.OutID, m.InID}).sides(ctx, tx, user); err != nil {
		return Transaction{}, err
	}
	if err := backenddb.New(tx).PutTransferMatch(ctx, backenddb.PutTransferMatchParams{UserID: user, OutID: m.OutID, InID: m.InID}); err != nil {
		return Transaction{}, err
	}
	if _, err := l.changeWithin(ctx, tx, user, m.InID, "", func(_ pgx.Tx, t *Transaction) error {
		t.Status = event.Active
		return nil
	}); err != nil {
		return Transaction{}, err
	}
	return l.changeWithin(ctx, tx, user, m.OutID, "", func(_ pgx.Tx, t *Transaction) error {
		t.Type, t.Category, t.ToWalletID, t.ToAmount = event.Expense, m.Category, nil, nil
		return nil
	})
}

// errMatched refuses a change by which money would be counted twice or not at all.
var errMatched = apperror.Invalid{Field: "id", Reason: "this is one side of a transfer that was made of two transactions: undo that first (POST /api/v1/transfers/{id}/undo)"}

// unmatched refuses a transaction that is a side of an accepted transfer.
func unmatched(ctx context.Context, tx pgx.Tx, user, id uuid.UUID) error {
	_, err := backenddb.New(tx).AcceptedTransfer(ctx, user, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	default:
		return errMatched
	}
}
