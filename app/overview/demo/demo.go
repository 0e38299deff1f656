// Package demo fills an empty account with generated data of some months, and removes
// it again. It uses the same operations as a user's requests, so that the agents receive
// every event.
package demo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/finance/budget"
	"github.com/wealth-companion/companion/app/finance/goal"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/finance/task"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/idempotency"
	"github.com/wealth-companion/companion/app/store/retention"
)

// Demos creates and removes demo data.
type Demos struct {
	Pool    *pgxpool.Pool
	Ledger  *ledger.Ledger
	Budgets *budget.Budgets
	Goals   *goal.Goals
	Tasks   *task.Tasks
}

// Demo describes the demo data of an account.
type Demo struct {
	Present   bool       `json:"present" doc:"There is demo data"`
	Complete  bool       `json:"complete" doc:"All of it is there; when not, POST goes on where it was interrupted"`
	CreatedAt *time.Time `json:"createdAt,omitempty"`
	Wallets   int        `json:"wallets"`
	Budgets   int        `json:"budgets"`
	Goals     int        `json:"goals"`
	Tasks     int        `json:"tasks"`
}

// lanes is how many resources are created, or removed, concurrently.
const lanes = 4

// resumable is how long after its start an interrupted filling can be continued. Later
// the idempotency keys by which its steps are recognized may be gone, and every step
// would be done a second time.
const resumable = retention.IdempotencyKeys - time.Hour

func expired(row backenddb.Demo) bool { return !row.Complete && time.Since(row.CreatedAt) > resumable }

func demoOf(row backenddb.Demo) Demo {
	at := row.CreatedAt.UTC()
	return Demo{
		Present: true, Complete: row.Complete, CreatedAt: &at,
		Wallets: len(row.Wallets), Budgets: len(row.Budgets), Goals: len(row.Goals), Tasks: len(row.Tasks),
	}
}

// Of describes the demo data in the user's account.
func (s *Demos) Of(ctx context.Context, user uuid.UUID) (Demo, error) {
	row, found, err := s.find(ctx, user)
	if err != nil || !found {
		return Demo{}, err
	}
	return demoOf(row), nil
}

func (s *Demos) find(ctx context.Context, user uuid.UUID) (row backenddb.Demo, found bool, err error) {
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		row, err = backenddb.New(tx).Demo(ctx, user)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return row, false, nil
	}
	return row, err == nil, err
}

// Fill fills an account that has no transactions; ErrConflict when it has some. Every
// resource is created under an idempotency key of its own, so that a repeated call
// continues an interrupted one and concurrent calls create everything once. A call
// that was interrupted too long ago to be continued is undone and started again.
func (s *Demos) Fill(ctx context.Context, user uuid.UUID) (Demo, error) {
	row, found, err := s.find(ctx, user)
	if err != nil {
		return Demo{}, err
	}
	if found && expired(row) {
		if err := s.remove(ctx, user, row); err != nil {
			return Demo{}, err
		}
		found = false
	}
	if !found {
		if row, err = s.begin(ctx, user); err != nil {
			return Demo{}, err
		}
	}
	if !row.Complete {
		if row, err = s.fill(ctx, user, row); err != nil {
			return Demo{}, err
		}
	}
	return demoOf(row), nil
}

func (s *Demos) begin(ctx context.Context, user uuid.UUID) (row backenddb.Demo, err error) {
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		queries := backenddb.New(tx)
		some, err := queries.HasTransactions(ctx, user)
		if err != nil {
			return err
		}
		if some {
			return fmt.Errorf("demo data goes into an empty account only, and a transaction %w", apperror.ErrConflict)
		}
		if _, err := queries.InsertDemo(ctx, user, tracing.NewID(), db.Now()); err != nil {
			return err
		}
		row, err = queries.Demo(ctx, user) // another request's, when that was faster
		return err
	})
	return row, err
}

// keyed returns a context under whose idempotency key a resource is created once for
// this filling.
func keyed(ctx context.Context, row backenddb.Demo, what string, number int) context.Context {
	name := what + " " + strconv.Itoa(number)
	ctx, _ = idempotency.With(ctx, uuid.NewSHA1(row.ID, []byte(name)), []byte(name))
	return ctx
}

// fill creates what is missing of the plan made for the time at which the filling began.
// It stores the ids of what it has created as it goes, so that remove finds them.
func (s *Demos) fill(ctx context.Context, user uuid.UUID, row backenddb.Demo) (backenddb.Demo, error) {
	var zone *time.Location
	if err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) (err error) {
		zone, err = preference.Zone(ctx, tx, user)
		return err
	}); err != nil {
		return row, err
	}
	p := planFor(row.CreatedAt.UTC(), zone)
	if err := s.categories(ctx, user, p.categories); err != nil {
		return row, err
	}
	row.Wallets = nil
	for i, n := range p.wallets {
		wallet, err := s.Ledger.CreateWallet(keyed(ctx, row, "wallet", i), user, n)
		if err != nil {
			return row, fmt.Errorf("wallet %q: %w", n.Name, err)
		}
		row.Wallets = append(row.Wallets, wallet.ID)
		if err := s.keep(ctx, user, row); err != nil {
			return row, err
		}
	}
	if err := each(ctx, len(p.transactions), func(ctx context.Context, i int) error {
		one := p.transactions[i]
		one.WalletID = row.Wallets[one.from]
		if one.to >= 0 {
			one.ToWalletID = &row.Wallets[one.to]
			one.Category = ""
		}
		_, err := s.Ledger.Post(keyed(ctx, row, "transaction", i), user, one.NewTransaction)
		return err
	}); err != nil {
		return row, err
	}
	var err error
	if row.Budgets, err = s.budgets(ctx, user, row, p.budgets); err != nil {
		return row, err
	}
	if err := s.keep(ctx, user, row); err != nil {
		return row, err
	}
	row.Goals = nil
	for i, n := range p.goals {
		made, err := s.Goals.Create(keyed(ctx, row, "goal", i), user, n.goal)
		if err != nil {
			return row, err
		}
		row.Goals = append(row.Goals, made.ID)
		if err := s.keep(ctx, user, row); err != nil {
			return row, err
		}
		for j, amount := range n.contributions {
			if _, err := s.Goals.Contribute(keyed(ctx, row, "contribution "+strconv.Itoa(i), j), user, made.ID, goal.NewContribution{Amount: amount}); err != nil {
				return row, err
			}
		}
	}
	row.Tasks = make([]uuid.UUID, len(p.tasks))
	for i, n := range p.tasks {
		made, err := s.Tasks.Create(keyed(ctx, row, "task", i), user, n)
		if err != nil {
			return row, err
		}
		row.Tasks[i] = made.ID
	}
	row.Complete = true
	return row, s.keep(ctx, user, row)
}

// categories creates the categories that the user does not have.
func (s *Demos) categories(ctx context.Context, user uuid.UUID, wanted []ledger.NewCategory) error {
	for _, n := range wanted {
		if _, err := s.Ledger.CreateCategory(unkeyed(ctx), user, n); err != nil && !errors.Is(err, apperror.ErrConflict) {
			return fmt.Errorf("category %q: %w", n.Name, err)
		}
	}
	return nil
}

// unkeyed replaces the request's own idempotency key, which stands for the whole
// filling and not for the first resource created.
func unkeyed(ctx context.Context) context.Context {
	ctx, _ = idempotency.With(ctx, tracing.NewID(), nil)
	return ctx
}

// budgets creates the planned budgets, except where the user has a budget of their own.
func (s *Demos) budgets(ctx context.Context, user uuid.UUID, row backenddb.Demo, wanted []budget.New) ([]uuid.UUID, error) {
	made := []uuid.UUID{}
	for i, n := range wanted {
		b, err := s.Budgets.Create(keyed(ctx, row, "budget", i), user, n)
		switch {
		case err == nil:
			made = append(made, b.ID)
		case !errors.Is(err, apperror.ErrConflict):
			return nil, err
		}
	}
	return made, nil
}

func (s *Demos) keep(ctx context.Context, user uuid.UUID, row backenddb.Demo) error {
	for _, ids := range []*[]uuid.UUID{&row.Wallets, &row.Budgets, &row.Goals, &row.Tasks} {
		if *ids == nil {
			*ids = []uuid.UUID{}
		}
	}
	return db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		return backenddb.New(tx).UpdateDemo(ctx, backenddb.UpdateDemoParams{
			UserID: user, Complete: row.Complete, Wallets: row.Wallets, Budgets: row.Budgets, Goals: row.Goals, Tasks: row.Tasks,
		})
	})
}

// each calls do for every number below count, at most lanes at a time, and stops at the
// first error.
func each(ctx context.Context, count int, do func(ctx context.Context, i int) error) error {
	group, limited := errgroup.WithContext(ctx)
	group.SetLimit(lanes)
	for i := range count {
		if limited.Err() != nil {
			break
		}
		group.Go(func() error { return do(limited, i) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// Remove removes the demo data and every transaction in its wallets. ErrNotFound: there
// is none. A repeated call continues an interrupted one.
func (s *Demos) Remove(ctx context.Context, user uuid.UUID) error {
	row, found, err := s.find(ctx, user)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("demo data: %w", apperror.ErrNotFound)
	}
	if !row.Complete && !expired(row) {
		// Some ids may not be stored yet: completing the filling stores them all.
		if row, err = s.fill(ctx, user, row); err != nil {
			return err
		}
	}
	return s.remove(ctx, user, row)
}

// remove removes the resources whose ids are stored, and every transaction in the wallets.
func (s *Demos) remove(ctx context.Context, user uuid.UUID, row backenddb.Demo) error {
	var transactions []uuid.UUID
	if err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) (err error) {
		transactions, err = backenddb.New(tx).TransactionsIn(ctx, user, row.Wallets)
		return err
	}); err != nil {
		return err
	}
	for _, kind := range []struct {
		ids    []uuid.UUID
		remove func(ctx context.Context, id uuid.UUID) error
	}{
		{row.Tasks, func(ctx context.Context, id uuid.UUID) error { return s.Tasks.Delete(ctx, user, id) }},
		{row.Goals, func(ctx context.Context, id uuid.UUID) error { return s.Goals.Delete(ctx, user, id) }},
		{row.Budgets, func(ctx context.Context, id uuid.UUID) error { return s.Budgets.Delete(ctx, user, id) }},
		{transactions, func(ctx context.Context, id uuid.UUID) error {
			_, err := s.Ledger.Delete(ctx, user, id, "")
			return err
		}},
		{row.Wallets, func(ctx context.Context, id uuid.UUID) error {
			_, err := s.Ledger.ArchiveWallet(ctx, user, id, "")
			return err
		}},
	} {
		if err := each(ctx, len(kind.ids), func(ctx context.Context, i int) error {
			if err := kind.remove(ctx, kind.ids[i]); !errors.Is(err, apperror.ErrNotFound) {
				return err
			}
			return nil // removed before
		}); err != nil {
			return err
		}
	}
	// The events are published: now the rows go, those marked as deleted included.
	return db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		queries := backenddb.New(tx)
		for _, forget := range []func(context.Context, uuid.UUID, []uuid.UUID) error{
			queries.ForgetTransactionsIn, queries.ForgetImportsIn, queries.ForgetWallets,
		} {
			if err := forget(ctx, user, row.Wallets); err != nil {
				return err
			}
		}
		return queries.DeleteDemo(ctx, user)
	})
}
