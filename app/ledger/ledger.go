// Package ledger is what users earn and spend: wallets, categories and
// transactions. Every change of a transaction is told by an event.
package ledger

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/db"
	"github.com/wealth-companion/companion/app/event"
	"github.com/wealth-companion/companion/app/fault"
	"github.com/wealth-companion/companion/app/money"
	"github.com/wealth-companion/companion/app/trail"
)

// Ledger keeps wallets, categories and transactions.
type Ledger struct {
	Pool    *pgxpool.Pool
	Service string // who publishes its events
}

// Wallet is where money is: an account, cash, a card.
type Wallet struct {
	ID        uuid.UUID `json:"id"`
	Name      string    `json:"name"`
	Type      string    `json:"type"`
	Currency  string    `json:"currency"`  // ISO 4217
	CreatedAt time.Time `json:"createdAt"` // UTC
}

// NewWallet is what a user enters.
type NewWallet struct {
	Name     string `json:"name"`
	Type     string `json:"type" enum:"checking,savings,cash,credit,investment"`
	Currency string `json:"currency" doc:"ISO 4217" example:"EUR"`
}

var walletTypes = map[string]bool{"checking": true, "savings": true, "cash": true, "credit": true, "investment": true}

func (w NewWallet) check() (NewWallet, error) {
	name, err := label("name", w.Name)
	w.Name = name
	switch {
	case err != nil:
		return w, err
	case !walletTypes[w.Type]:
		return w, fault.Invalid{Field: "type", Reason: "must be checking, savings, cash, credit or investment"}
	case !money.ValidCurrency(w.Currency):
		return w, fault.Invalid{Field: "currency", Reason: "must be an ISO 4217 code such as EUR"}
	}
	return w, nil
}

// label checks a name that a user gives to something.
func label(field, text string) (string, error) {
	text = strings.TrimSpace(text)
	if length := utf8.RuneCountInString(text); length < 1 || length > 100 {
		return text, fault.Invalid{Field: field, Reason: "must have 1 to 100 characters"}
	}
	return text, nil
}

// CreateWallet makes a wallet; ErrConflict when the user has one of that name.
func (l *Ledger) CreateWallet(ctx context.Context, user uuid.UUID, n NewWallet) (Wallet, error) {
	n, err := n.check()
	if err != nil {
		return Wallet{}, err
	}
	wallet := Wallet{ID: trail.NewID(), Name: n.Name, Type: n.Type, Currency: n.Currency, CreatedAt: now()}
	_, err = l.Pool.Exec(ctx, "INSERT INTO wallets (id, user_id, name, type, currency, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
		wallet.ID, user, wallet.Name, wallet.Type, wallet.Currency, wallet.CreatedAt)
	if db.Conflict(err) {
		return Wallet{}, fmt.Errorf("a wallet named %q %w", wallet.Name, fault.ErrConflict)
	}
	return wallet, err
}

// now is the time to the microsecond, as PostgreSQL keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Wallets lists the user's wallets, oldest first.
func (l *Ledger) Wallets(ctx context.Context, user uuid.UUID) ([]Wallet, error) {
	rows, err := l.Pool.Query(ctx, "SELECT id, name, type, currency, created_at FROM wallets WHERE user_id = $1 ORDER BY created_at, id", user)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (Wallet, error) {
		var w Wallet
		err := r.Scan(&w.ID, &w.Name, &w.Type, &w.Currency, &w.CreatedAt)
		w.CreatedAt = w.CreatedAt.UTC()
		return w, err
	})
}

// Category is what money is earned by or spent on. Transactions and budgets
// name it by its slug.
type Category struct {
	ID        uuid.UUID `json:"id"`
	Slug      string    `json:"slug"`
	Name      string    `json:"name"`
	Kind      string    `json:"kind"` // income or expense
	CreatedAt time.Time `json:"createdAt"`
}

// NewCategory is what a user enters.
type NewCategory struct {
	Name string `json:"name"`
	Kind string `json:"kind" enum:"income,expense"`
}

// defaults are the categories that every user starts with.
var defaults = []NewCategory{
	{"Groceries", event.Expense}, {"Housing", event.Expense}, {"Transport", event.Expense}, {"Health", event.Expense},
	{"Leisure", event.Expense}, {"Shopping", event.Expense}, {"Subscriptions", event.Expense}, {"Other", event.Expense},
	{"Salary", event.Income}, {"Other income", event.Income},
}

var notInSlug = regexp.MustCompile(`[^\p{L}\p{N}]+`)

// slug is a name as transactions write it: "Other income" is "other-income".
func slug(name string) string {
	return strings.Trim(notInSlug.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// Begin gives a new user the categories to start with.
func (l *Ledger) Begin(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	for _, n := range defaults {
		if _, err := insertCategory(ctx, tx, user, n); err != nil {
			return err
		}
	}
	return nil
}

// CreateCategory makes a category; ErrConflict when the user has it.
func (l *Ledger) CreateCategory(ctx context.Context, user uuid.UUID, n NewCategory) (Category, error) {
	name, err := label("name", n.Name)
	n.Name = name
	switch {
	case err != nil:
		return Category{}, err
	case slug(n.Name) == "":
		return Category{}, fault.Invalid{Field: "name", Reason: "must have a letter or a digit"}
	case utf8.RuneCountInString(slug(n.Name)) > 50:
		return Category{}, fault.Invalid{Field: "name", Reason: "must have at most 50 letters and digits"}
	case n.Kind != event.Income && n.Kind != event.Expense:
		return Category{}, fault.Invalid{Field: "kind", Reason: "must be income or expense"}
	}
	category, err := insertCategory(ctx, l.Pool, user, n)
	if db.Conflict(err) {
		return Category{}, fmt.Errorf("a category %q %w", slug(n.Name), fault.ErrConflict)
	}
	return category, err
}

func insertCategory(ctx context.Context, q db.Querier, user uuid.UUID, n NewCategory) (Category, error) {
	category := Category{ID: trail.NewID(), Slug: slug(n.Name), Name: n.Name, Kind: n.Kind, CreatedAt: now()}
	_, err := q.Exec(ctx, "INSERT INTO categories (id, user_id, slug, name, kind, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
		category.ID, user, category.Slug, category.Name, category.Kind, category.CreatedAt)
	return category, err
}

// Categories lists the user's categories by name.
func (l *Ledger) Categories(ctx context.Context, user uuid.UUID) ([]Category, error) {
	rows, err := l.Pool.Query(ctx, "SELECT id, slug, name, kind, created_at FROM categories WHERE user_id = $1 ORDER BY kind, name", user)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (Category, error) {
		var c Category
		err := r.Scan(&c.ID, &c.Slug, &c.Name, &c.Kind, &c.CreatedAt)
		c.CreatedAt = c.CreatedAt.UTC()
		return c, err
	})
}

// HasCategory tells whether the user has a category of that slug, or why not.
func HasCategory(ctx context.Context, q db.Querier, user uuid.UUID, slug string) error {
	var known bool
	if err := q.QueryRow(ctx, "SELECT EXISTS (SELECT FROM categories WHERE user_id = $1 AND slug = $2)", user, slug).Scan(&known); err != nil {
		return err
	}
	if !known {
		return fault.Invalid{Field: "category", Reason: fmt.Sprintf("there is no category %q: GET /api/v1/categories lists them, POST adds one", slug)}
	}
	return nil
}
