//go:build integration || faults || bench

package systemtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"sort"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/internal/stack"
)

// spending is a transaction that a person means to enter.
type spending struct {
	key      uuid.UUID
	category string
	amount   decimal.Decimal
	raised   decimal.Decimal // what it is corrected to afterwards; zero: it is not
	twice    bool            // the request is sent twice at the same moment
}

func (s spending) final() decimal.Decimal {
	if s.raised.IsZero() {
		return s.amount
	}
	return s.raised
}

// How a budget of a category is set, as a share of what will be spent.
var budgets = map[string]struct {
	share            string
	warned, exceeded bool
}{
	"groceries": {"0.5", true, true},
	"transport": {"1.1", true, false},
	"leisure":   {"2", false, false},
}

var categories = []string{"groceries", "transport", "leisure"}

// person is somebody who enters transactions, and knows what became of them.
type person struct {
	client  *stack.Client
	wallet  stack.Identified
	plan    []spending
	budgets map[string]stack.Identified // by category

	accepted map[uuid.UUID]uuid.UUID // key to transaction
}

// spent is what the person meant to spend on a category.
func (p *person) spent(category string) decimal.Decimal {
	sum := decimal.Zero
	for _, one := range p.plan {
		if one.category == category {
			sum = sum.Add(one.final())
		}
	}
	return sum
}

// load is many people at once.
type load struct {
	people  []*person
	at      time.Time // when all of it is said to have happened: a month's end must not come between
	pause   time.Duration
	steady  bool         // pause is from one transaction's beginning to the next one's
	retried atomic.Int64 // requests that were sent again
	// Transactions may be begun up to allowed, so that some are left for later.
	begun, allowed atomic.Int64

	mu       sync.Mutex
	accepted []acceptance
}

type acceptance struct {
	id uuid.UUID
	at time.Time
}

func (l *load) month() string { return l.at.Format("2006-01") }

// newLoad registers people who mean to enter so many transactions together.
func newLoad(t *testing.T, s *stack.Stack, people, transactions int, seed uint64) *load {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, seed))
	l := &load{at: time.Now().UTC()}
	l.allowed.Store(math.MaxInt64)
	for i := range people {
		p := &person{client: s.Client(), budgets: map[string]stack.Identified{}, accepted: map[uuid.UUID]uuid.UUID{}}
		for range (transactions + people - 1 - i) / people {
			one := spending{
				key: uuid.New(), category: categories[random.IntN(len(categories))],
				amount: decimal.New(100+random.Int64N(1900), -2), twice: random.IntN(50) == 0,
			}
			if random.IntN(20) == 0 {
				one.raised = one.amount.Add(decimal.New(1, 0))
			}
			p.plan = append(p.plan, one)
		}
		l.people = append(l.people, p)
	}
	var group errgroup.Group
	group.SetLimit(4)
	for _, p := range l.people {
		group.Go(func() error { return l.begin(t.Context(), p) })
	}
	require.NoError(t, group.Wait())
	return l
}

// begin makes a person's account, wallet and budgets.
func (l *load) begin(ctx context.Context, p *person) error {
	if err := p.client.Register(ctx); err != nil {
		return err
	}
	if err := p.client.Call(ctx, http.MethodPost, "/wallets", nil, map[string]string{
		"name": "Purse", "type": "cash", "currency": "EUR",
	}, &p.wallet); err != nil {
		return err
	}
	for category, its := range budgets {
		sum := p.spent(category)
		if sum.IsZero() {
			continue
		}
		var made stack.Identified
		if err := p.client.Call(ctx, http.MethodPost, "/budgets", nil, map[string]string{
			"category": category, "currency": "EUR", "month": l.month(),
			"amount": sum.Mul(decimal.RequireFromString(its.share)).Round(2).String(),
		}, &made); err != nil {
			return err
		}
		p.budgets[category] = made
	}
	return nil
}

// run has everybody enter what they mean to, until all of it was accepted.
func (l *load) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, p := range l.people {
		group.Go(func() error {
			for _, one := range p.plan {
				if err := l.allow(ctx); err != nil {
					return err
				}
				next := time.Now().Add(l.pause)
				if err := l.enter(ctx, p, one); err != nil {
					return err
				}
				pause := l.pause
				if l.steady {
					pause = max(0, time.Until(next))
				}
				if err := rest(ctx, pause); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// allow waits until one more transaction may be begun.
func (l *load) allow(ctx context.Context) error {
	for mine := l.begun.Add(1); mine > l.allowed.Load(); {
		if err := rest(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func rest(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (l *load) enter(ctx context.Context, p *person, one spending) error {
	body := map[string]string{
		"walletId": p.wallet.ID.String(), "amount": one.amount.StringFixed(2), "type": "expense",
		"category": one.category, "timestamp": l.at.Format(time.RFC3339),
	}
	headers := map[string]string{"Idempotency-Key": one.key.String()}
	var answers [2]stack.Identified
	var group errgroup.Group
	for i := range answers {
		if i > 0 && !one.twice {
			continue
		}
		group.Go(func() error {
			return l.insist(ctx, p, func() error {
				return p.client.Call(ctx, http.MethodPost, "/transactions", headers, body, &answers[i])
			})
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("post a transaction: %w", err)
	}
	if one.twice && answers[0] != answers[1] {
		return fmt.Errorf("one key made two transactions: %s and %s", answers[0].ID, answers[1].ID)
	}
	p.accepted[one.key] = answers[0].ID
	l.mu.Lock()
	l.accepted = append(l.accepted, acceptance{answers[0].ID, time.Now()})
	l.mu.Unlock()
	if one.raised.IsZero() {
		return nil
	}
	// No key is needed: to set an amount twice is to set it once.
	err := l.insist(ctx, p, func() error {
		return p.client.Call(ctx, http.MethodPatch, "/transactions/"+answers[0].ID.String(), nil,
			map[string]string{"amount": one.raised.StringFixed(2)}, nil)
	})
	if err != nil {
		return fmt.Errorf("correct a transaction: %w", err)
	}
	return nil
}

// giveUp is how long somebody tries before something must be wrong.
const giveUp = 3 * time.Minute

// insist sends a request until it succeeds. What the API refuses for good is an
// error, and so is what does not succeed for long.
func (l *load) insist(ctx context.Context, p *person, send func() error) error {
	pause := 50 * time.Millisecond
	for end := time.Now().Add(giveUp); ; l.retried.Add(1) {
		err := send()
		if err == nil {
			return nil
		}
		var refused stack.StatusError
		if errors.As(err, &refused) && refused.Status < http.StatusInternalServerError && refused.Status != http.StatusTooManyRequests {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("after %s still: %w", giveUp, err)
		}
		if err := rest(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, time.Second)
	}
}

// progress is how many transactions were accepted so far.
func (l *load) progress() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted)
}

// firstAfter returns the first transaction that was accepted after a moment.
func (l *load) firstAfter(at time.Time) (acceptance, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := sort.Search(len(l.accepted), func(i int) bool { return l.accepted[i].at.After(at) })
	if i == len(l.accepted) {
		return acceptance{}, false
	}
	return l.accepted[i], true
}
