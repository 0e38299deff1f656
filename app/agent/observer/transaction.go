package observer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/store/db/observerdb"
)

// Transaction is one with every change that is known of it.
type Transaction struct {
	history.Transaction
	Deleted bool

	occurred time.Time // the instant of At
	date     time.Time // the day on which it counts
}

// Same tells whether t is what it was, in all that detectors look at.
func (t Transaction) Same(was Transaction) bool {
	return t.Deleted == was.Deleted && t.Amount.Equal(was.Amount) && t.Currency == was.Currency && t.Type == was.Type &&
		t.Category == was.Category && t.Refund == was.Refund && t.Merchant == was.Merchant && t.WalletID == was.WalletID && t.At.Equal(was.At)
}

// Spent tells whether it counts as an expense.
func (t Transaction) Spent() bool { return t.Type == event.Expense && !t.Deleted }

// countsOn is the day on which a transaction counts.
func countsOn(t event.TransactionCreated) (time.Time, error) {
	if t.Date == "" {
		return calendar.Day(t.Timestamp, time.UTC), nil
	}
	day, err := calendar.ParseDay(t.Date)
	if err != nil {
		return day, fmt.Errorf("transaction %s: date: %w", t.TransactionID, err)
	}
	return day, nil
}

// transactionOf reads a transaction out of an event, as the person's clock and their
// banks' wording tell it.
func (c *Case) transactionOf(t event.TransactionCreated) (Transaction, error) {
	day, err := countsOn(t)
	if err != nil {
		return Transaction{}, err
	}
	amount, err := money.Parse(t.Amount)
	if err != nil {
		return Transaction{}, fmt.Errorf("transaction %s: %w", t.TransactionID, err)
	}
	found := history.Transaction{
		ID: t.TransactionID, UserID: t.UserID, WalletID: t.WalletID, Amount: amount, Currency: t.Currency, Type: t.Type,
		Category: t.Category, Description: t.Description, Merchant: c.Wording.Normalise(t.Description), At: calendar.ClockOn(t.Timestamp, day, c.Zone), Refund: t.Refund, ToWalletID: t.ToWalletID,
	}
	if t.ToAmount != "" {
		if found.ToAmount, err = money.Parse(t.ToAmount); err != nil {
			return Transaction{}, fmt.Errorf("transaction %s: %w", t.TransactionID, err)
		}
	}
	return Transaction{Transaction: found, occurred: t.Timestamp.UTC(), date: day}, nil
}

// apply makes the changes of a later event on what is known of a transaction, and
// tells whether that is deleted then.
func apply(t *event.TransactionCreated, deleted bool, changes map[string]event.Change) (bool, error) {
	for field, change := range changes {
		switch field {
		case "amount":
			t.Amount = change.After
		case "currency":
			t.Currency = change.After
		case "type":
			t.Type = change.After
		case "category":
			t.Category = change.After
		case "description":
			t.Description = change.After
		case "walletId":
			id, err := uuid.Parse(change.After)
			if err != nil {
				return deleted, fmt.Errorf("walletId: %w", err)
			}
			t.WalletID = id
		case "toWalletId":
			if t.ToWalletID = nil; change.After == "" {
				continue
			}
			id, err := uuid.Parse(change.After)
			if err != nil {
				return deleted, fmt.Errorf("toWalletId: %w", err)
			}
			t.ToWalletID = &id
		case "toAmount":
			t.ToAmount = change.After
		case "timestamp":
			at, err := time.Parse(time.RFC3339Nano, change.After)
			if err != nil {
				return deleted, fmt.Errorf("timestamp: %w", err)
			}
			t.Timestamp = at
			t.Date = changes["date"].After // "": an event of old
		case "refund":
			t.Refund = change.After == "true"
		case "status":
			deleted = change.After == event.Deleted
		}
	}
	return deleted, nil
}

// created adds a transaction that is new to rows of the table.
func (c *Case) created(rows *observerdb.KeepTransactionsParams, t event.TransactionCreated) error {
	made, err := c.transactionOf(t)
	if err != nil {
		return err
	}
	original, err := json.Marshal(t)
	if err != nil {
		return err
	}
	s := columns(made)
	rows.Ids, rows.Users, rows.Originals = append(rows.Ids, s.ID), append(rows.Users, c.User), append(rows.Originals, string(original))
	rows.Types, rows.Categories, rows.Refunds = append(rows.Types, s.Type), append(rows.Categories, s.Category), append(rows.Refunds, s.Refund)
	rows.Amounts, rows.Currencies, rows.Months = append(rows.Amounts, s.Amount), append(rows.Currencies, s.Currency), append(rows.Months, s.Month)
	rows.Occurred, rows.Dates = append(rows.Occurred, s.OccurredAt), append(rows.Dates, s.Date)
	rows.Wallets, rows.ToWallets = append(rows.Wallets, s.WalletID), append(rows.ToWallets, orZero(s.ToWalletID))
	rows.ToAmounts, rows.Descriptions = append(rows.ToAmounts, orZero(s.ToAmount)), append(rows.Descriptions, s.Description)
	rows.Merchants = append(rows.Merchants, s.Merchant)
	return nil
}

func orZero[T any](value *T) (zero T) {
	if value == nil {
		return zero
	}
	return *value
}

// columns is a transaction as the table holds it.
func columns(t Transaction) observerdb.SettleParams {
	s := observerdb.SettleParams{
		ID: t.ID, Type: t.Type, Category: t.Category, Refund: t.Refund, Amount: t.Amount, Currency: t.Currency,
		Month: calendar.MonthName(t.date), OccurredAt: t.occurred, Date: t.date,
		WalletID: t.WalletID, ToWalletID: t.ToWalletID, Description: t.Description, Merchant: t.Merchant, Deleted: t.Deleted,
	}
	if t.ToAmount.IsPositive() {
		s.ToAmount = &t.ToAmount
	}
	return s
}

func (c *Case) keepChange(ctx context.Context, eventID string, u event.TransactionUpdated) error {
	id, err := uuid.Parse(eventID)
	if err != nil {
		return fmt.Errorf("the id of the event: %w", err)
	}
	changes, err := json.Marshal(u.Changes)
	if err != nil {
		return err
	}
	return c.kept.KeepChange(ctx, observerdb.KeepChangeParams{
		EventID: id, TransactionID: u.TransactionID, UserID: c.User, Changes: changes, UpdatedAt: u.UpdatedAt, Version: u.Version,
	})
}

// settle makes a kept transaction what it is with every change that is known, in
// the order in which they were made. It returns what it was and is; ok is false
// when its creation was not heard of yet.
func (c *Case) settle(ctx context.Context, id uuid.UUID) (was, is Transaction, ok bool, err error) {
	row, err := c.kept.Transaction(ctx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return was, is, false, nil
	}
	if err != nil {
		return was, is, false, err
	}
	if row.UserID != c.User {
		return was, is, false, fmt.Errorf("transaction %s is another user's", id)
	}
	was = Transaction{Deleted: row.Deleted, occurred: row.OccurredAt.UTC(), date: row.Date, Transaction: c.transaction(observerdb.HistoryRow{
		ID: row.ID, Type: row.Type, Category: row.Category, Refund: row.Refund, Amount: row.Amount, Currency: row.Currency,
		OccurredAt: row.OccurredAt, Date: row.Date, WalletID: row.WalletID,
		ToWalletID: row.ToWalletID, ToAmount: row.ToAmount, Description: row.Description, Merchant: row.Merchant,
	})}
	var t event.TransactionCreated
	if err := json.Unmarshal(row.Original, &t); err != nil {
		return was, is, false, err
	}
	changes, err := c.kept.ChangesOf(ctx, id)
	if err != nil {
		return was, is, false, err
	}
	if is, err = c.withChanges(t, changes); err != nil {
		return was, is, false, err
	}
	return was, is, true, c.kept.Settle(ctx, columns(is))
}

// withChanges is a transaction with its changes, in the order in which they were made.
func (c *Case) withChanges(t event.TransactionCreated, changes [][]byte) (Transaction, error) {
	deleted := false
	for _, raw := range changes {
		var change map[string]event.Change
		err := json.Unmarshal(raw, &change)
		if err == nil {
			deleted, err = apply(&t, deleted, change)
		}
		if err != nil {
			return Transaction{}, fmt.Errorf("a change of transaction %s: %w", t.TransactionID, err)
		}
	}
	is, err := c.transactionOf(t)
	is.Deleted = deleted
	return is, err
}

// transaction is a row as detectors take it.
func (c *Case) transaction(row observerdb.HistoryRow) history.Transaction {
	t := history.Transaction{
		ID: row.ID, UserID: c.User, WalletID: row.WalletID, Amount: row.Amount, Currency: row.Currency, Type: row.Type, Category: row.Category,
		Description: row.Description, Merchant: row.Merchant, At: calendar.ClockOn(row.OccurredAt, row.Date, c.Zone), Refund: row.Refund, ToWalletID: row.ToWalletID,
	}
	if row.ToAmount != nil {
		t.ToAmount = *row.ToAmount
	}
	return t
}
