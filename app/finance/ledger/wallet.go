package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/etag"
	"github.com/wealth-companion/companion/app/store/idempotency"
)

// Wallet is where money is: an account, cash, a card.
type Wallet struct {
	ID             uuid.UUID    `json:"id"`
	Name           string       `json:"name"`
	Type           string       `json:"type" enum:"cash,checking,credit,savings,investment" doc:"checking is a bank account"`
	Currency       string       `json:"currency" doc:"ISO 4217"`
	OpeningBalance money.Amount `json:"openingBalance" doc:"Before its first transaction; less than zero is owed"`
	Balance        money.Amount `json:"balance" doc:"The opening balance and what its transactions moved, those dated ahead (by a day at most) included"`
	ArchivedAt     *time.Time   `json:"archivedAt,omitempty" doc:"Since when it takes no new transactions. What it holds stays in your net worth; its balance becomes zero by a transfer to another wallet before it is archived"`
	CreatedAt      time.Time    `json:"createdAt"`
	UpdatedAt      time.Time    `json:"updatedAt"`

	version int64 // of its row
}

// Changed tells this state from the next.
func (w Wallet) Changed() time.Time { return w.UpdatedAt }

// NewWallet is what a user enters.
type NewWallet struct {
	Name           string `json:"name" maxLength:"100"`
	Type           string `json:"type" enum:"cash,checking,credit,savings,investment" doc:"checking is a bank account"`
	Currency       string `json:"currency" doc:"ISO 4217; it stays" example:"EUR"`
	OpeningBalance string `json:"openingBalance,omitempty" doc:"A decimal string, less than zero for what is owed; without it 0" example:"-120.50"`
}

// WalletEdit is what of a wallet shall be otherwise; nil leaves it.
type WalletEdit struct {
	Name           *string `json:"name,omitempty" maxLength:"100"`
	Type           *string `json:"type,omitempty" enum:"cash,checking,credit,savings,investment"`
	OpeningBalance *string `json:"openingBalance,omitempty"`
}

var walletTypes = map[string]bool{"cash": true, "checking": true, "credit": true, "savings": true, "investment": true}

// check looks at what a user can enter. opening is the balance to begin with.
func (w *Wallet) check(opening string) (err error) {
	if w.Name, err = label("name", w.Name); err != nil {
		return err
	}
	switch {
	case !walletTypes[w.Type]:
		return apperror.Invalid{Field: "type", Reason: "must be cash, checking (a bank account), credit, savings or investment"}
	}
	balance, err := money.ParseSigned(opening)
	if err == nil && !balance.Equal(w.OpeningBalance.Decimal) {
		err = money.Fits(balance, w.Currency)
	}
	if err != nil {
		return apperror.Invalid{Field: "openingBalance", Reason: err.Error()}
	}
	w.OpeningBalance = money.Of(balance)
	return nil
}

func walletOf(row backenddb.Wallet) Wallet {
	return Wallet{
		ID: row.ID, Name: row.Name, Type: row.Type, Currency: row.Currency, OpeningBalance: money.Of(row.OpeningBalance),
		ArchivedAt: utc(row.ArchivedAt), CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), version: row.Version,
	}
}

// room tells whether there is room for one more thing of a kind.
func room(there int64, err error) error {
	if err == nil && there >= limits.MaxOwned {
		return fmt.Errorf("there are %d already, archived ones included, and no more can be kept: change one that is not needed: %w", there, apperror.ErrConflict)
	}
	return err
}

// CreateWallet makes a wallet; ErrConflict when the user has one of that name.
func (l *Ledger) CreateWallet(ctx context.Context, user uuid.UUID, n NewWallet) (Wallet, error) {
	at := db.Now()
	w := Wallet{ID: tracing.NewID(), Name: n.Name, Type: n.Type, Currency: n.Currency, CreatedAt: at, UpdatedAt: at, version: 1}
	if err := money.CheckCurrency(n.Currency); err != nil {
		return Wallet{}, apperror.Invalid{Field: "currency", Reason: err.Error()}
	}
	opening := n.OpeningBalance
	if opening == "" {
		opening = "0"
	}
	if err := w.check(opening); err != nil {
		return Wallet{}, err
	}
	w.Balance = w.OpeningBalance
	made, err := idempotency.Do(ctx, l.Pool, user, func(tx pgx.Tx) (Wallet, error) {
		if err := room(backenddb.New(tx).CountWallets(ctx, user)); err != nil {
			return w, err
		}
		if err := backenddb.New(tx).InsertWallet(ctx, backenddb.InsertWalletParams{
			ID: w.ID, UserID: user, Name: w.Name, Type: w.Type, Currency: w.Currency, OpeningBalance: w.OpeningBalance.Decimal, CreatedAt: w.CreatedAt,
		}); err != nil {
			return w, err
		}
		return w, l.tellWallet(ctx, tx, user, w)
	})
	return made, walletNameTaken(err, w.Name)
}

func walletNameTaken(err error, name string) error {
	if db.Conflict(err) {
		return fmt.Errorf("a wallet named %q %w", name, apperror.ErrConflict)
	}
	return err
}

// tellWallet tells what a wallet is now. The topic is compacted: its key is the
// wallet. An archived one is gone, for those who listen.
func (l *Ledger) tellWallet(ctx context.Context, q db.Querier, user uuid.UUID, w Wallet) error {
	return l.tell(ctx, q, event.TypeWalletChanged, w.ID, w.ID, event.WalletChanged{
		UserID: user, WalletID: w.ID, Name: w.Name, Type: w.Type, Currency: w.Currency,
		OpeningBalance: w.OpeningBalance.String(), Deleted: w.ArchivedAt != nil, Version: w.version,
	})
}

// Wallets lists the user's wallets and what they hold, oldest first.
func (l *Ledger) Wallets(ctx context.Context, user uuid.UUID, archived bool) ([]Wallet, error) {
	return l.findWallets(ctx, user, nil, archived)
}

// Wallet returns one wallet and what it holds.
func (l *Ledger) Wallet(ctx context.Context, user, id uuid.UUID) (Wallet, error) {
	found, err := l.findWallets(ctx, user, &id, true)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("wallet %s: %w", id, apperror.ErrNotFound)
	}
	if err != nil {
		return Wallet{}, err
	}
	return found[0], nil
}

func (l *Ledger) findWallets(ctx context.Context, user uuid.UUID, id *uuid.UUID, archived bool) (found []Wallet, err error) {
	err = db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) error {
		found, err = walletsWithBalance(ctx, tx, user, id, archived)
		return err
	})
	return found, err
}

func walletsWithBalance(ctx context.Context, tx pgx.Tx, user uuid.UUID, id *uuid.UUID, archived bool) ([]Wallet, error) {
	rows, err := backenddb.New(tx).WalletsWithBalance(ctx, user, id, archived)
	found := make([]Wallet, 0, len(rows))
	for _, row := range rows {
		w := walletOf(row.Wallet)
		w.Balance = money.Of(row.Balance)
		found = append(found, w)
	}
	return found, err
}

// UpdateWallet changes a wallet. ErrStale: it is not as ifMatch says any more.
func (l *Ledger) UpdateWallet(ctx context.Context, user, id uuid.UUID, ifMatch string, edit WalletEdit) (Wallet, error) {
	return l.changeWallet(ctx, user, id, ifMatch, func(w *Wallet) error {
		opening := w.OpeningBalance.String()
		set(&w.Name, edit.Name)
		set(&w.Type, edit.Type)
		set(&opening, edit.OpeningBalance)
		return w.check(opening)
	})
}

// ArchiveWallet has a wallet take no new transactions; those it has stay, and so does
// what it holds in the person's net worth.
func (l *Ledger) ArchiveWallet(ctx context.Context, user, id uuid.UUID, ifMatch string) (Wallet, error) {
	return l.changeWallet(ctx, user, id, ifMatch, func(w *Wallet) error {
		if w.ArchivedAt == nil {
			at := db.Now()
			w.ArchivedAt = &at
		}
		return nil
	})
}

// RestoreWallet takes a wallet out of the archive; ErrConflict when another has
// its name by now.
func (l *Ledger) RestoreWallet(ctx context.Context, user, id uuid.UUID, ifMatch string) (Wallet, error) {
	return l.changeWallet(ctx, user, id, ifMatch, func(w *Wallet) error {
		w.ArchivedAt = nil
		return nil
	})
}

// changeWallet changes a wallet and enqueues its event; without a change there is none.
func (l *Ledger) changeWallet(ctx context.Context, user, id uuid.UUID, ifMatch string, change func(*Wallet) error) (Wallet, error) {
	var w Wallet
	err := db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		row, err := q.WalletForUpdate(ctx, id, user)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("wallet %s: %w", id, apperror.ErrNotFound)
		}
		if err != nil {
			return err
		}
		before := walletOf(row)
		if err := etag.Check(ifMatch, before.UpdatedAt); err != nil {
			return err
		}
		w = before
		if err := change(&w); err != nil {
			return err
		}
		same := w.Name == before.Name && w.Type == before.Type && w.OpeningBalance.Equal(before.OpeningBalance.Decimal) &&
			(w.ArchivedAt == nil) == (before.ArchivedAt == nil)
		if !same {
			w.UpdatedAt, w.version = etag.Next(before.UpdatedAt), before.version+1
			if err := q.UpdateWallet(ctx, backenddb.UpdateWalletParams{
				ID: id, Name: w.Name, Type: w.Type, OpeningBalance: w.OpeningBalance.Decimal, UpdatedAt: w.UpdatedAt, ArchivedAt: w.ArchivedAt,
			}); err != nil {
				return err
			}
			if err := l.tellWallet(ctx, tx, user, w); err != nil {
				return err
			}
		}
		found, err := walletsWithBalance(ctx, tx, user, &id, true)
		if err == nil {
			w = found[0]
		}
		return err
	})
	return w, walletNameTaken(err, w.Name)
}
