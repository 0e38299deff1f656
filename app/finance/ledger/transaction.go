package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/etag"
	"github.com/wealth-companion/companion/app/store/idempotency"
)

// Transaction is money that came, went or moved.
type Transaction struct {
	ID          uuid.UUID     `json:"id"`
	WalletID    uuid.UUID     `json:"walletId"`
	ToWalletID  *uuid.UUID    `json:"toWalletId,omitempty" doc:"A transfer's other end; without it the money went where no wallet is kept"`
	Amount      money.Amount  `json:"amount" doc:"More than zero; type tells the direction"`
	ToAmount    *money.Amount `json:"toAmount,omitempty" doc:"What arrived at the other end, when its currency differs"`
	Currency    string        `json:"currency" doc:"The wallet's"`
	Type        string        `json:"type" enum:"income,expense,transfer"`
	Category    string        `json:"category" doc:"The slug of a category; of transfers: transfer"`
	Description string        `json:"description"`
	Tags        []string      `json:"tags"`
	Status      string        `json:"status" enum:"active,deleted"`
	ImportID    *uuid.UUID    `json:"importId,omitempty" doc:"The import that brought it"`
	Timestamp   time.Time     `json:"timestamp" doc:"When it happened"`
	Date        string        `json:"date" format:"date" doc:"The day on which it counts, and whose month: that of timestamp in your time zone when it was entered, or the one that a bank's statement names. A later change of your time zone does not move it"`
	Refund      bool          `json:"refund,omitempty" doc:"Money that came back of what was spent on the category: it lowers that, and is no income"`
	CreatedAt   time.Time     `json:"createdAt"`
	UpdatedAt   time.Time     `json:"updatedAt"`
	DeletedAt   *time.Time    `json:"deletedAt,omitempty"`
	// Version is that of its row: see event.TransactionUpdated.
	Version int64 `json:"-"`
}

// Changed tells this state from the next.
func (t Transaction) Changed() time.Time { return t.UpdatedAt }

// NewTransaction is what a user enters.
type NewTransaction struct {
	WalletID    uuid.UUID  `json:"walletId" format:"uuid"`
	ToWalletID  *uuid.UUID `json:"toWalletId,omitempty" format:"uuid" doc:"Of transfers: where the money arrives; without it, where no wallet is kept"`
	Amount      string     `json:"amount" doc:"More than zero, a decimal string, in the wallet's currency" example:"12.50"`
	ToAmount    string     `json:"toAmount,omitempty" doc:"Of transfers to a wallet of another currency: what arrives" example:"13.60"`
	Type        string     `json:"type" enum:"income,expense,transfer" doc:"An income with a category of expenses is a refund: it lowers what was spent on the category"`
	Category    string     `json:"category,omitempty" maxLength:"50" doc:"The slug of a category; not of transfers, whose category is transfer"`
	Description string     `json:"description,omitempty" maxLength:"500"`
	Tags        []string   `json:"tags,omitempty" maxItems:"10"`
	Timestamp   *time.Time `json:"timestamp,omitempty" doc:"When it happened; without it, now. It counts on this instant's day in your time zone"`
}

// Edit is what of a transaction shall be otherwise; nil leaves it.
type Edit struct {
	WalletID    *uuid.UUID `json:"walletId,omitempty" format:"uuid" doc:"With an amount, when its currency differs"`
	ToWalletID  *uuid.UUID `json:"toWalletId,omitempty" format:"uuid" doc:"With toAmount, when its currency differs from the wallet's and from the other end's before"`
	Amount      *string    `json:"amount,omitempty" doc:"Of a transfer between currencies: with toAmount"`
	ToAmount    *string    `json:"toAmount,omitempty" doc:"Needed when a transfer between currencies gets another amount or another currency at either end"`
	Type        *string    `json:"type,omitempty" enum:"income,expense,transfer"`
	Category    *string    `json:"category,omitempty" maxLength:"50"`
	Description *string    `json:"description,omitempty" maxLength:"500"`
	Tags        *[]string  `json:"tags,omitempty" maxItems:"10"`
	Timestamp   *time.Time `json:"timestamp,omitempty"`
}

// What a transaction's tags are at most.
const (
	maxTags      = 10
	maxTagLength = 30 // characters
)

// cleanTags writes tags as they are searched for: in small letters, each once.
func cleanTags(tags []string) ([]string, error) {
	clean := []string{}
	for _, tag := range tags {
		tag = strings.ToLower(strings.TrimSpace(tag))
		if length := utf8.RuneCountInString(tag); length < 1 || length > maxTagLength {
			return nil, apperror.Invalid{Field: "tags", Reason: fmt.Sprintf("a tag must have 1 to %d characters", maxTagLength)}
		}
		if !slices.Contains(clean, tag) {
			clean = append(clean, tag)
		}
	}
	if len(clean) > maxTags {
		return nil, apperror.Invalid{Field: "tags", Reason: fmt.Sprintf("must be at most %d", maxTags)}
	}
	slices.Sort(clean)
	return clean, nil
}

// check looks at what needs no database. at is the present; toAmount is empty
// where there is none.
func (t *Transaction) check(amount, toAmount string, at time.Time) error {
	parsed, err := money.Parse(amount)
	if err != nil {
		return apperror.Invalid{Field: "amount", Reason: err.Error()}
	}
	t.Amount, t.ToAmount = money.Of(parsed), nil
	if toAmount != "" {
		parsed, err := money.Parse(toAmount)
		if err != nil {
			return apperror.Invalid{Field: "toAmount", Reason: err.Error()}
		}
		arrives := money.Of(parsed)
		t.ToAmount = &arrives
	}
	if t.Tags, err = cleanTags(t.Tags); err != nil {
		return err
	}
	t.Description = strings.TrimSpace(t.Description)
	t.Timestamp = t.Timestamp.UTC().Truncate(time.Microsecond)
	switch {
	case utf8.RuneCountInString(t.Description) > 500:
		return apperror.Invalid{Field: "description", Reason: "must have at most 500 characters"}
	case t.Timestamp.After(at.Add(limits.MaxAhead)):
		return apperror.Invalid{Field: "timestamp", Reason: "must not lie in the future"}
	case t.Timestamp.Year() < 1970:
		return apperror.Invalid{Field: "timestamp", Reason: "must not lie before 1970"}
	}
	return t.checkType()
}

// checkType looks at what depends on whether money comes, goes or moves.
func (t *Transaction) checkType() error {
	switch t.Type {
	case event.Income, event.Expense:
		switch {
		case t.Category == "":
			return apperror.Invalid{Field: "category", Reason: "is needed: GET /api/v1/categories lists them"}
		case t.ToWalletID != nil:
			return apperror.Invalid{Field: "toWalletId", Reason: "is of transfers only"}
		case t.ToAmount != nil:
			return apperror.Invalid{Field: "toAmount", Reason: "is of transfers only"}
		}
	case event.Transfer:
		switch {
		case t.Category != "" && t.Category != Transfers:
			return apperror.Invalid{Field: "category", Reason: "of a transfer is transfer: leave it out"}
		case t.ToWalletID == nil && t.ToAmount != nil:
			return apperror.Invalid{Field: "toAmount", Reason: "needs toWalletId"}
		case t.ToWalletID != nil && *t.ToWalletID == t.WalletID:
			return apperror.Invalid{Field: "toWalletId", Reason: "must be another wallet"}
		}
		t.Category = Transfers
	default:
		return apperror.Invalid{Field: "type", Reason: "must be income, expense or transfer"}
	}
	return nil
}

// end is a wallet, for what comes to it or goes from it.
type end struct {
	currency string
	archived bool
}

// countIn has the transaction count on its day in a time zone.
func (t *Transaction) countIn(zone *time.Location) {
	t.Date = calendar.DayName(calendar.Day(t.Timestamp, zone))
}

// day is the day on which the transaction counts, as the database takes it.
func (t *Transaction) day() (time.Time, error) {
	day, err := calendar.ParseDay(t.Date)
	if err != nil {
		return day, fmt.Errorf("transaction %s: date: %w", t.ID, err)
	}
	return day, nil
}

// file checks that a category of that kind takes the transaction, and tells
// refunds from income.
func (t *Transaction) file(kind string) error {
	if t.Type == event.Expense && kind == event.Income {
		return apperror.Invalid{Field: "category", Reason: fmt.Sprintf("%q is a category of income: an expense needs one of expenses", t.Category)}
	}
	t.Refund = Refunds(t.Type, kind)
	return nil
}

// Refunds tells whether a transaction of a type that is filed under a category of
// a kind is a refund: income that lowers what was spent on the category.
func Refunds(transactionType, categoryKind string) bool {
	return transactionType == event.Income && categoryKind == event.Expense
}

// ends are the ids of the transaction's wallets.
func (t *Transaction) ends() []uuid.UUID {
	if t.ToWalletID == nil {
		return []uuid.UUID{t.WalletID}
	}
	return []uuid.UUID{t.WalletID, *t.ToWalletID}
}

// place checks a transaction against its wallets and gives it its currency.
// before is what it was, for its own wallet may have been archived since.
func (t *Transaction) place(wallets map[uuid.UUID]end, before *Transaction) error {
	open := func(field string, id uuid.UUID) (end, error) {
		its, known := wallets[id]
		switch {
		case !known:
			return its, apperror.Invalid{Field: field, Reason: "there is no such wallet"}
		case its.archived && (before == nil || !slices.Contains(before.ends(), id)):
			return its, apperror.Invalid{Field: field, Reason: "this wallet is archived: restore it, or choose another"}
		}
		return its, nil
	}
	from, err := open("walletId", t.WalletID)
	if err != nil {
		return err
	}
	t.Currency = from.currency
	if err := money.Fits(t.Amount.Decimal, t.Currency); err != nil && !sameAmount(before, *t) {
		return apperror.Invalid{Field: "amount", Reason: err.Error()}
	}
	if t.ToWalletID == nil {
		return nil
	}
	to, err := open("toWalletId", *t.ToWalletID)
	switch {
	case err != nil:
		return err
	case to.currency != from.currency && t.ToAmount == nil:
		return apperror.Invalid{Field: "toAmount", Reason: fmt.Sprintf("is needed: %s leave, how many %s arrive?", from.currency, to.currency)}
	case to.currency == from.currency && t.ToAmount != nil && !t.ToAmount.Equal(t.Amount.Decimal):
		return apperror.Invalid{Field: "toAmount", Reason: "differs from amount, though both wallets keep " + to.currency}
	case to.currency == from.currency:
		t.ToAmount = nil
		return nil
	}
	if err := money.Fits(t.ToAmount.Decimal, to.currency); err != nil && !sameAmount(before, *t) {
		return apperror.Invalid{Field: "toAmount", Reason: err.Error()}
	}
	return nil
}

// sameAmount reports whether an edit leaves the amounts as they were: rows from
// before amounts were checked against their currency stay editable otherwise.
func sameAmount(before *Transaction, t Transaction) bool {
	if before == nil || before.Currency != t.Currency || !before.Amount.Equal(t.Amount.Decimal) || (before.ToAmount == nil) != (t.ToAmount == nil) {
		return false
	}
	return t.ToAmount == nil || before.ToAmount.Equal(t.ToAmount.Decimal)
}

// transaction checks what was entered at a time.
func (n NewTransaction) transaction(at time.Time) (Transaction, error) {
	t := Transaction{
		ID: tracing.NewID(), WalletID: n.WalletID, ToWalletID: n.ToWalletID, Type: n.Type, Category: n.Category, Description: n.Description,
		Tags: n.Tags, Status: event.Active, Timestamp: at, CreatedAt: at, UpdatedAt: at,
	}
	set(&t.Timestamp, n.Timestamp)
	return t, t.check(n.Amount, n.ToAmount, at)
}

// Post records a transaction and its event. It takes two round trips to the
// database: what people do most is to wait for least.
func (l *Ledger) Post(ctx context.Context, user uuid.UUID, n NewTransaction) (Transaction, error) {
	t, err := n.transaction(db.Now())
	if err != nil {
		return Transaction{}, err
	}
	wallets := map[uuid.UUID]end{}
	return idempotency.Pipelined(ctx, l.Pool, user, func(ask *pgx.Batch) {
		// No lock: what is posted to a wallet while it is being archived was posted before.
		ask.Queue(`SELECT id, currency, archived_at IS NOT NULL, coalesce((SELECT timezone FROM preferences WHERE user_id = $1), 'UTC')
			FROM wallets WHERE user_id = $1 AND id = ANY ($2)`, user, t.ends()).
			Query(func(rows pgx.Rows) error {
				var id uuid.UUID
				var its end
				var zone string
				_, err := pgx.ForEachRow(rows, []any{&id, &its.currency, &its.archived, &zone}, func() error {
					wallets[id] = its
					return nil
				})
				if err != nil {
					return err
				}
				t.countIn(calendar.ZoneOrUTC(zone))
				return t.place(wallets, nil)
			})
		if t.Type == event.Transfer {
			return
		}
		ask.Queue("SELECT kind FROM categories WHERE user_id = $1 AND slug = $2 AND archived_at IS NULL", user, t.Category).
			QueryRow(func(row pgx.Row) error {
				var kind string
				if err := row.Scan(&kind); err != nil {
					return unknownCategory(err, t.Category)
				}
				return t.file(kind)
			})
	}, func(q db.Queue) (Transaction, error) {
		return t, l.Record(ctx, q, user, t, "")
	})
}

// Record inserts a validated transaction and enqueues its transaction.created
// event. Its Date, and Refund where it is one, must be set. fingerprint is what an
// imported line is known by, or empty.
func (l *Ledger) Record(ctx context.Context, q db.Querier, user uuid.UUID, t Transaction, fingerprint string) error {
	day, err := t.day()
	if err != nil {
		return err
	}
	p := backenddb.InsertTransactionParams{
		ID: t.ID, UserID: user, WalletID: t.WalletID, ToWalletID: t.ToWalletID, Amount: t.Amount.Decimal, Currency: t.Currency, Type: t.Type,
		Category: t.Category, Refund: t.Refund, Description: t.Description, Tags: t.Tags, OccurredAt: t.Timestamp, Date: day, ImportID: t.ImportID,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt,
	}
	if t.ToAmount != nil {
		p.ToAmount = &t.ToAmount.Decimal
	}
	if fingerprint != "" {
		p.Fingerprint = &fingerprint
	}
	if err := backenddb.New(q).InsertTransaction(ctx, p); err != nil {
		return err
	}
	return l.tell(ctx, q, event.TypeTransactionCreated, t.ID, user, t.created(user))
}

// created is the data of the event that a transaction was made.
func (t Transaction) created(user uuid.UUID) event.TransactionCreated {
	created := event.TransactionCreated{
		TransactionID: t.ID, UserID: user, Amount: t.Amount.String(), Currency: t.Currency, Type: t.Type, Category: t.Category,
		Description: t.Description, WalletID: t.WalletID, ToWalletID: t.ToWalletID, Timestamp: t.Timestamp, Date: t.Date, Refund: t.Refund,
	}
	if t.ToAmount != nil {
		created.ToAmount = t.ToAmount.String()
	}
	return created
}

// edit applies an edit to t. wallets must hold those that t refers to before and
// after the edit. An amount belongs to the currency it was entered in: where the
// edit leaves an amount without saying so in another currency, or leaves what
// arrives at a transfer's other end undetermined, the edit is refused with the
// field that it must name.
func (t *Transaction) edit(edit Edit, wallets map[uuid.UUID]end, at time.Time) error {
	before := *t
	if err := t.apply(edit, at); err != nil {
		return err
	}
	currency := func(id *uuid.UUID) string {
		if id == nil {
			return ""
		}
		return wallets[*id].currency
	}
	if from := currency(&t.WalletID); from != "" && from != before.Currency && edit.Amount == nil {
		return apperror.Invalid{Field: "amount", Reason: fmt.Sprintf("is needed: the wallet keeps %s, not %s", from, before.Currency)}
	}
	// What arrived still does when neither what leaves nor a currency changed.
	if edit.ToAmount == nil && t.Amount.Equal(before.Amount.Decimal) &&
		currency(&t.WalletID) == before.Currency && currency(t.ToWalletID) == currency(before.ToWalletID) {
		t.ToAmount = before.ToAmount
	}
	return t.place(wallets, &before)
}

// apply sets the fields of t that an edit names and checks what needs no wallet.
// It leaves ToAmount empty unless the edit names it.
func (t *Transaction) apply(edit Edit, at time.Time) error {
	before := *t
	amount, toAmount := t.Amount.String(), ""
	set(&t.Type, edit.Type)
	switch {
	case t.Type != event.Transfer && before.Type == event.Transfer:
		t.Category, t.ToWalletID, t.ToAmount = "", nil, nil // it must be given a category
	case t.Type == event.Transfer && before.Type != event.Transfer:
		t.Category = ""
	}
	if edit.ToWalletID != nil {
		t.ToWalletID = edit.ToWalletID
	}
	set(&t.WalletID, edit.WalletID)
	set(&amount, edit.Amount)
	set(&toAmount, edit.ToAmount)
	set(&t.Category, edit.Category)
	set(&t.Description, edit.Description)
	set(&t.Tags, edit.Tags)
	set(&t.Timestamp, edit.Timestamp)
	return t.check(amount, toAmount, at)
}

// Update changes a transaction and tells what was and became. What is as asked
// already is no change. Tags are the user's own: a change of them alone is not told.
func (l *Ledger) Update(ctx context.Context, user, id uuid.UUID, ifMatch string, edit Edit) (Transaction, error) {
	return l.change(ctx, user, id, ifMatch, func(tx pgx.Tx, t *Transaction) error {
		if t.Status == event.Deleted {
			return apperror.Invalid{Field: "id", Reason: "this transaction is deleted: restore it first"}
		}
		before := *t
		ids := before.ends()
		for _, id := range []*uuid.UUID{edit.WalletID, edit.ToWalletID} {
			if id != nil {
				ids = append(ids, *id)
			}
		}
		rows, err := backenddb.New(tx).Ends(ctx, user, ids)
		if err != nil {
			return err
		}
		wallets := map[uuid.UUID]end{}
		for _, row := range rows {
			wallets[row.ID] = end{row.Currency, row.ArchivedAt != nil}
		}
		if err := t.edit(edit, wallets, db.Now()); err != nil {
			return err
		}
		if before.Type == event.Transfer && (t.Type != event.Transfer || !slices.Equal(t.ends(), before.ends())) {
			if err := unmatched(ctx, tx, user, id); err != nil {
				return err
			}
		}
		if !t.Timestamp.Equal(before.Timestamp) {
			zone, err := preference.Zone(ctx, tx, user)
			if err != nil {
				return err
			}
			t.countIn(zone)
		}
		return t.refile(ctx, tx, user, before)
	})
}

// refile checks the category of a transaction that was another before, or was of
// another type.
func (t *Transaction) refile(ctx context.Context, tx pgx.Tx, user uuid.UUID, before Transaction) error {
	switch {
	case t.Type == event.Transfer:
		t.Refund = false
		return nil
	case t.Category == before.Category && t.Type == before.Type:
		return nil // it may be archived since
	}
	kind, err := KindOfCategory(ctx, tx, user, t.Category)
	if err != nil {
		return err
	}
	return t.file(kind)
}

// Delete takes a transaction out of all sums and lists; it can be restored.
func (l *Ledger) Delete(ctx context.Context, user, id uuid.UUID, ifMatch string) (Transaction, error) {
	return l.change(ctx, user, id, ifMatch, func(_ pgx.Tx, t *Transaction) error {
		t.Status = event.Deleted
		return nil
	})
}

// Restore takes back the deletion of a transaction.
func (l *Ledger) Restore(ctx context.Context, user, id uuid.UUID, ifMatch string) (Transaction, error) {
	return l.change(ctx, user, id, ifMatch, func(tx pgx.Tx, t *Transaction) error {
		if t.Status == event.Active || t.Type == event.Transfer {
			t.Status = event.Active
			return nil
		}
		t.Status = event.Active
		return unmatched(ctx, tx, user, id)
	})
}

// change changes a transaction and tells what was and became; without a change
// there is no event. ErrStale: it is not as ifMatch says any more.
func (l *Ledger) change(ctx context.Context, user, id uuid.UUID, ifMatch string, alter func(pgx.Tx, *Transaction) error) (Transaction, error) {
	var t Transaction
	err := db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) (err error) {
		t, err = l.changeWithin(ctx, tx, user, id, ifMatch, alter)
		return err
	})
	return t, err
}

// changeWithin is change within a transaction of the user's.
func (l *Ledger) changeWithin(ctx context.Context, tx pgx.Tx, user, id uuid.UUID, ifMatch string, alter func(pgx.Tx, *Transaction) error) (Transaction, error) {
	var t Transaction
	row, err := backenddb.New(tx).TransactionForUpdate(ctx, id, user)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, fmt.Errorf("transaction %s: %w", id, apperror.ErrNotFound)
	}
	if err != nil {
		return t, err
	}
	before := TransactionOf(row)
	if err := etag.Check(ifMatch, before.UpdatedAt); err != nil {
		return t, err
	}
	t = before
	if err := alter(tx, &t); err != nil {
		return t, err
	}
	changes := differences(before, t)
	if len(changes) == 0 && slices.Equal(before.Tags, t.Tags) {
		t = before
		return t, nil
	}
	t.UpdatedAt, t.Version = etag.Next(before.UpdatedAt), before.Version+1
	if t.Status == event.Deleted && before.Status == event.Active {
		t.DeletedAt = &t.UpdatedAt
	}
	if t.Status == event.Active {
		t.DeletedAt = nil
	}
	if err := write(ctx, tx, t); err != nil || len(changes) == 0 {
		return t, err
	}
	return t, l.TellChanges(ctx, tx, user, t, changes)
}

func write(ctx context.Context, tx pgx.Tx, t Transaction) error {
	day, err := t.day()
	if err != nil {
		return err
	}
	p := backenddb.UpdateTransactionParams{
		ID: t.ID, WalletID: t.WalletID, ToWalletID: t.ToWalletID, Amount: t.Amount.Decimal, Currency: t.Currency, Type: t.Type,
		Category: t.Category, Refund: t.Refund, Description: t.Description, Tags: t.Tags, OccurredAt: t.Timestamp, Date: day, UpdatedAt: t.UpdatedAt, DeletedAt: t.DeletedAt,
	}
	if t.ToAmount != nil {
		p.ToAmount = &t.ToAmount.Decimal
	}
	return backenddb.New(tx).UpdateTransaction(ctx, p)
}

// TellChanges publishes what of a transaction was and became. t has the version
// that its row has by now.
func (l *Ledger) TellChanges(ctx context.Context, q db.Querier, user uuid.UUID, t Transaction, changes map[string]event.Change) error {
	return l.tell(ctx, q, event.TypeTransactionUpdated, t.ID, user, event.TransactionUpdated{
		TransactionID: t.ID, UserID: user, Changes: changes, UpdatedAt: t.UpdatedAt, Version: t.Version,
	})
}

// Deletion is what changes of a transaction that is deleted.
func Deletion() map[string]event.Change {
	return map[string]event.Change{"status": {Before: event.Active, After: event.Deleted}}
}

// differences tells what changed, by the names of the event's fields.
func differences(before, after Transaction) map[string]event.Change {
	changes := map[string]event.Change{}
	note := func(field, was, is string) {
		if was != is {
			changes[field] = event.Change{Before: was, After: is}
		}
	}
	other := func(t Transaction) string {
		if t.ToWalletID == nil {
			return ""
		}
		return t.ToWalletID.String()
	}
	arrives := func(t Transaction) string {
		if t.ToAmount == nil {
			return ""
		}
		return t.ToAmount.String()
	}
	note("walletId", before.WalletID.String(), after.WalletID.String())
	note("toWalletId", other(before), other(after))
	note("amount", before.Amount.String(), after.Amount.String())
	note("toAmount", arrives(before), arrives(after))
	note("currency", before.Currency, after.Currency)
	note("type", before.Type, after.Type)
	note("category", before.Category, after.Category)
	note("description", before.Description, after.Description)
	if !before.Timestamp.Equal(after.Timestamp) || before.Date != after.Date {
		changes["timestamp"] = event.Change{Before: before.Timestamp.Format(time.RFC3339Nano), After: after.Timestamp.Format(time.RFC3339Nano)}
		changes["date"] = event.Change{Before: before.Date, After: after.Date}
	}
	note("refund", refund(before), refund(after))
	note("status", before.Status, after.Status)
	return changes
}

func refund(t Transaction) string {
	if t.Refund {
		return "true"
	}
	return ""
}

// TransactionOf makes a transaction of its row.
func TransactionOf(row backenddb.Transaction) Transaction {
	t := Transaction{
		ID: row.ID, WalletID: row.WalletID, ToWalletID: row.ToWalletID, Amount: money.Of(row.Amount), Currency: row.Currency, Type: row.Type,
		Category: row.Category, Refund: row.Refund, Description: row.Description, Tags: row.Tags, Status: event.Active, ImportID: row.ImportID,
		Timestamp: row.OccurredAt.UTC(), Date: calendar.DayName(row.Date), CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), DeletedAt: utc(row.DeletedAt),
		Version: row.Version,
	}
	if row.ToAmount != nil {
		arrives := money.Of(*row.ToAmount)
		t.ToAmount = &arrives
	}
	if row.DeletedAt != nil {
		t.Status = event.Deleted
	}
	return t
}

// Get returns one transaction, deleted ones too.
func (l *Ledger) Get(ctx context.Context, user, id uuid.UUID) (Transaction, error) {
	var t Transaction
	err := db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) error {
		row, err := backenddb.New(tx).Transaction(ctx, id, user)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("transaction %s: %w", id, apperror.ErrNotFound)
		}
		t = TransactionOf(row)
		return err
	})
	return t, err
}
