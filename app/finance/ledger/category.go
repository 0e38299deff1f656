package ledger

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/etag"
	"github.com/wealth-companion/companion/app/store/idempotency"
)

// Category is what money is earned by or spent on. Transactions and budgets
// name it by its slug, which stays when its name changes.
type Category struct {
	ID         uuid.UUID  `json:"id"`
	Slug       string     `json:"slug"`
	Name       string     `json:"name"`
	Kind       string     `json:"kind" enum:"income,expense" doc:"It stays. Expenses need a category of expenses; income filed under one is a refund"`
	ArchivedAt *time.Time `json:"archivedAt,omitempty" doc:"Since when nothing new is filed under it"`
	CreatedAt  time.Time  `json:"createdAt"`
	UpdatedAt  time.Time  `json:"updatedAt"`

	version int64 // of its row
}

// Changed tells this state from the next.
func (c Category) Changed() time.Time { return c.UpdatedAt }

// NewCategory is what a user enters.
type NewCategory struct {
	Name string `json:"name" maxLength:"100"`
	Kind string `json:"kind" enum:"income,expense"`
}

// CategoryEdit is what of a category shall be otherwise.
type CategoryEdit struct {
	Name string `json:"name" maxLength:"100"`
}

// The categories for what has no other, and the one that all transfers have,
// which is no user's.
const (
	Other       = "other"
	OtherIncome = "other-income"
	Transfers   = "transfer"
)

// defaults are the categories that every user starts with. The first six are
// those that nobody can do without, by which the agents tell essential expenses.
var defaults = []NewCategory{
	{"Groceries", event.Expense}, {"Housing", event.Expense}, {"Utilities", event.Expense},
	{"Transport", event.Expense}, {"Health", event.Expense}, {"Insurance", event.Expense},
	{"Leisure", event.Expense}, {"Shopping", event.Expense}, {"Subscriptions", event.Expense}, {"Other", event.Expense},
	{"Salary", event.Income}, {"Other income", event.Income},
}

var notInSlug = regexp.MustCompile(`[^\p{L}\p{N}]+`)

// Slug is a name as transactions write it: "Other income" is "other-income".
func Slug(name string) string {
	return strings.Trim(notInSlug.ReplaceAllString(strings.ToLower(name), "-"), "-")
}

// Begin gives a new user the categories to start with. The rest of tx acts for
// the user.
func (l *Ledger) Begin(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	batch := &pgx.Batch{}
	batch.Queue("SELECT set_config('app.user_id', $1, true)", user.String())
	q := backenddb.New(db.Queue{Batch: batch})
	for _, n := range defaults {
		if err := q.InsertCategory(ctx, n.category().insert(user)); err != nil {
			return err
		}
	}
	return tx.SendBatch(ctx, batch).Close()
}

func (n NewCategory) category() Category {
	at := db.Now()
	return Category{ID: tracing.NewID(), Slug: Slug(n.Name), Name: n.Name, Kind: n.Kind, CreatedAt: at, UpdatedAt: at, version: 1}
}

func (c Category) insert(user uuid.UUID) backenddb.InsertCategoryParams {
	return backenddb.InsertCategoryParams{ID: c.ID, UserID: user, Slug: c.Slug, Name: c.Name, Kind: c.Kind, CreatedAt: c.CreatedAt}
}

// CreateCategory makes a category; ErrConflict when the user has it, maybe in
// the archive.
func (l *Ledger) CreateCategory(ctx context.Context, user uuid.UUID, n NewCategory) (Category, error) {
	name, err := label("name", n.Name)
	n.Name = name
	its := Slug(name)
	switch {
	case err != nil:
		return Category{}, err
	case its == "":
		return Category{}, apperror.Invalid{Field: "name", Reason: "must have a letter or a digit"}
	case utf8.RuneCountInString(its) > 50:
		return Category{}, apperror.Invalid{Field: "name", Reason: "must have at most 50 letters and digits"}
	case its == Transfers:
		return Category{}, apperror.Invalid{Field: "name", Reason: "is kept for transfers between wallets"}
	case n.Kind != event.Income && n.Kind != event.Expense:
		return Category{}, apperror.Invalid{Field: "kind", Reason: "must be income or expense"}
	}
	c := n.category()
	made, err := idempotency.Do(ctx, l.Pool, user, func(tx pgx.Tx) (Category, error) {
		if err := room(backenddb.New(tx).CountCategories(ctx, user)); err != nil {
			return c, err
		}
		if err := backenddb.New(tx).InsertCategory(ctx, c.insert(user)); err != nil {
			return c, err
		}
		return c, l.tellCategory(ctx, tx, user, c)
	})
	if db.Conflict(err) {
		return Category{}, fmt.Errorf("a category %q %w: if it is archived, restore it", its, apperror.ErrConflict)
	}
	return made, err
}

// tellCategory publishes what a category is now. The topic is compacted: its key
// is the category.
func (l *Ledger) tellCategory(ctx context.Context, q db.Querier, user uuid.UUID, c Category) error {
	return l.tell(ctx, q, event.TypeCategoryChanged, c.ID, c.ID, event.CategoryChanged{
		UserID: user, CategoryID: c.ID, Slug: c.Slug, Name: c.Name, Kind: c.Kind, Version: c.version,
	})
}

func categoryOf(row backenddb.Category) Category {
	return Category{
		ID: row.ID, Slug: row.Slug, Name: row.Name, Kind: row.Kind,
		ArchivedAt: utc(row.ArchivedAt), CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), version: row.Version,
	}
}

// Categories lists the user's categories by kind and name.
func (l *Ledger) Categories(ctx context.Context, user uuid.UUID, archived bool) ([]Category, error) {
	var found []Category
	err := db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) error {
		rows, err := backenddb.New(tx).Categories(ctx, user, archived)
		for _, row := range rows {
			found = append(found, categoryOf(row))
		}
		return err
	})
	return found, err
}

// Category returns one category.
func (l *Ledger) Category(ctx context.Context, user, id uuid.UUID) (Category, error) {
	var c Category
	err := db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) error {
		row, err := backenddb.New(tx).Category(ctx, id, user)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("category %s: %w", id, apperror.ErrNotFound)
		}
		c = categoryOf(row)
		return err
	})
	return c, err
}

// RenameCategory gives a category another name; its slug stays.
func (l *Ledger) RenameCategory(ctx context.Context, user, id uuid.UUID, ifMatch string, edit CategoryEdit) (Category, error) {
	return l.changeCategory(ctx, user, id, ifMatch, func(c *Category) (err error) {
		c.Name, err = label("name", edit.Name)
		return err
	})
}

// ArchiveCategory has nothing new filed under a category; what is, stays so.
func (l *Ledger) ArchiveCategory(ctx context.Context, user, id uuid.UUID, ifMatch string) (Category, error) {
	return l.changeCategory(ctx, user, id, ifMatch, func(c *Category) error {
		if c.Slug == Other || c.Slug == OtherIncome {
			return apperror.Invalid{Field: "id", Reason: "is where imports file what they cannot tell, and stays"}
		}
		if c.ArchivedAt == nil {
			at := db.Now()
			c.ArchivedAt = &at
		}
		return nil
	})
}

// RestoreCategory takes a category out of the archive.
func (l *Ledger) RestoreCategory(ctx context.Context, user, id uuid.UUID, ifMatch string) (Category, error) {
	return l.changeCategory(ctx, user, id, ifMatch, func(c *Category) error {
		c.ArchivedAt = nil
		return nil
	})
}

func (l *Ledger) changeCategory(ctx context.Context, user, id uuid.UUID, ifMatch string, change func(*Category) error) (Category, error) {
	var c Category
	err := db.AsUser(ctx, l.Pool, user, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		row, err := q.CategoryForUpdate(ctx, id, user)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("category %s: %w", id, apperror.ErrNotFound)
		}
		if err != nil {
			return err
		}
		c = categoryOf(row)
		if err := etag.Check(ifMatch, c.UpdatedAt); err != nil {
			return err
		}
		before := c
		if err := change(&c); err != nil || c == before {
			return err
		}
		c.UpdatedAt, c.version = etag.Next(before.UpdatedAt), before.version+1
		if err := q.UpdateCategory(ctx, backenddb.UpdateCategoryParams{ID: id, Name: c.Name, UpdatedAt: c.UpdatedAt, ArchivedAt: c.ArchivedAt}); err != nil {
			return err
		}
		if c.Name == before.Name {
			return nil // whether it is archived concerns no agent
		}
		return l.tellCategory(ctx, tx, user, c)
	})
	return c, err
}

// KindOfCategory returns the kind, income or expense, of the user's category of
// that slug that takes new transactions; an apperror.Invalid when there is none.
// It is called within db.AsUser.
func KindOfCategory(ctx context.Context, q db.Querier, user uuid.UUID, slug string) (string, error) {
	kind, err := backenddb.New(q).KindOfCategory(ctx, user, slug)
	return kind, unknownCategory(err, slug)
}

// unknownCategory makes an apperror.Invalid of the error of a query for a category
// that found none.
func unknownCategory(err error, slug string) error {
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	return apperror.Invalid{Field: "category", Reason: fmt.Sprintf("there is no category %q: GET /api/v1/categories lists them, POST adds one", slug)}
}
