//go:build integration

package observer_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/agent/observer/observertest"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// found is something to say of a user.
func found(user uuid.UUID, detail string, confidence float64) finding.Finding {
	return finding.Finding{
		Subject: user, Kind: "test", Detail: detail, InsightType: event.SavingsTip, Title: "About " + detail, Message: "It cost 12.50 EUR.",
		Confidence: confidence, Facts: map[string]string{"amount": "12.50", "currency": "EUR"},
	}
}

// reviewing is an agent that says the same at each review.
func reviewing(say ...finding.Finding) func(*observer.Observer) *observer.Observer {
	return func(o *observer.Observer) *observer.Observer {
		o.Review = func(ctx context.Context, c *observer.Case, _ observer.Look) error {
			for i := range say {
				say[i].Subject = c.User
			}
			return c.SayAll(ctx, observer.MostSaid, say...)
		}
		return o
	}
}

func TestTheSameIsNotSaidEveryNight(t *testing.T) {
	w := observertest.New(t, event.Banking, now, reviewing(found(uuid.Nil, "coffee", 0.9)))
	w.Open(history.Bank, "10.00")
	for range 3 {
		w.Review()
	}
	require.Equal(t, []string{"About coffee"}, w.Titles())
}

func TestAReviewIsNoFlood(t *testing.T) {
	var many []finding.Finding
	for i := range 15 {
		many = append(many, found(uuid.Nil, fmt.Sprint(i), float64(i)/15))
	}
	w := observertest.New(t, event.Banking, now, reviewing(many...))
	w.Open(history.Bank, "10.00")
	w.Review()
	require.Len(t, w.Titles(), observer.MostSaid)
	require.Equal(t, "About 14", w.Titles()[0], "the surest first")
	w.Review()
	require.Len(t, w.Titles(), 15, "the others later")
}

func TestWhatIsMutedOrDismissedComesBackLess(t *testing.T) {
	night := 0
	w := observertest.New(t, event.Banking, now, func(o *observer.Observer) *observer.Observer {
		o.Review = func(ctx context.Context, c *observer.Case, _ observer.Look) error {
			night++
			return c.SayAll(ctx, observer.MostSaid, found(c.User, fmt.Sprint("night ", night), 0.9))
		}
		return o
	})
	w.Prefer(false, event.SavingsTip)
	w.Open(history.Bank, "10.00")
	w.Review()
	require.Empty(t, w.Titles(), "muted")
	w.Prefer(false)
	w.Review()
	require.Equal(t, []string{"About night 2"}, w.Titles())
	w.Dismiss("test", "wrong")
	w.Dismiss("test", "wrong")
	w.Dismiss("another", "wrong")
	for range 6 {
		w.Review()
	}
	require.Len(t, w.Titles(), 1, "silent for a week")
	w.Review()
	require.Len(t, w.Titles(), 2, "and no longer")
	w.Dismiss("test", "useful")
	w.Dismiss("test", "useful")
	w.Review()
	require.Len(t, w.Titles(), 3)
}

func TestTheUsersOwnWishIsNotSilenced(t *testing.T) {
	w := observertest.New(t, event.Banking, now, reviewing(found(uuid.Nil, "coffee", 0.9)))
	w.Agent.Always = []string{"test"}
	for range 10 {
		w.Dismiss("test", "wrong")
	}
	w.Open(history.Bank, "10.00")
	w.Review()
	require.Len(t, w.Titles(), 1)
}

func TestReviewsComeAfterChangesAndOnceAnInterval(t *testing.T) {
	var looks []observer.Look
	w := observertest.New(t, event.Banking, now, func(o *observer.Observer) *observer.Observer {
		o.Review = func(_ context.Context, _ *observer.Case, look observer.Look) error {
			looks = append(looks, look)
			return nil
		}
		return o
	})
	at := func(after time.Duration, want int) {
		t.Helper()
		w.Clock = now.Add(after)
		_, err := w.Agent.ReviewDue(t.Context())
		require.NoError(t, err)
		require.Len(t, looks, want)
	}
	at(0, 0)
	w.Spend("1.00", "Rewe", "groceries", now)
	w.Spend("2.00", "Rewe", "groceries", now)
	at(59*time.Second, 0)
	at(61*time.Second, 1)
	require.True(t, looks[0].Last.IsZero())
	require.False(t, looks[0].Backfilled)
	at(time.Hour, 1)
	w.Spend("3.00", "Rewe", "groceries", now.AddDate(0, -2, 0))
	at(time.Hour+time.Minute, 2)
	require.True(t, looks[1].Backfilled, "of a month that was complete")
	require.Equal(t, now.Add(61*time.Second), looks[1].Last)
	at(25*time.Hour, 2)
	at(25*time.Hour+2*time.Minute, 3)
	require.False(t, looks[2].Backfilled)
}

func TestOneReviewThatFailsHoldsUpNoOther(t *testing.T) {
	first := tracing.NewID()
	var reviewed []uuid.UUID
	w := observertest.New(t, event.Banking, now, func(o *observer.Observer) *observer.Observer {
		o.Review = func(_ context.Context, c *observer.Case, _ observer.Look) error {
			reviewed = append(reviewed, c.User)
			if c.User == first {
				panic("a defect")
			}
			return nil
		}
		return o
	})
	second := w.User
	for _, user := range []uuid.UUID{first, second} {
		w.User = user
		w.Open(history.Bank, "10.00")
		w.Wallet = tracing.NewID()
		w.Clock = w.Clock.Add(time.Second)
	}
	w.Clock = now.Add(time.Hour)
	done, err := w.Agent.ReviewDue(t.Context())
	require.NoError(t, err)
	require.Equal(t, 2, done)
	require.Equal(t, []uuid.UUID{first, second}, reviewed)
	w.Clock = w.Clock.Add(59 * time.Minute)
	_, err = w.Agent.ReviewDue(t.Context())
	require.NoError(t, err)
	require.Len(t, reviewed, 2)
	w.Clock = w.Clock.Add(time.Minute)
	_, err = w.Agent.ReviewDue(t.Context())
	require.NoError(t, err)
	require.Equal(t, []uuid.UUID{first, second, first}, reviewed, "tried again after an hour")
}

func TestReviewsGoOnWhereTheyWereBrokenOff(t *testing.T) {
	const users = 12
	var reviews atomic.Int64
	ctx, stop := context.WithCancel(t.Context())
	w := observertest.New(t, event.Banking, now, func(o *observer.Observer) *observer.Observer {
		o.Review = func(context.Context, *observer.Case, observer.Look) error {
			if reviews.Add(1) == 5 {
				stop()
			}
			return nil
		}
		return o
	})
	for range users {
		w.User, w.Wallet = tracing.NewID(), tracing.NewID()
		w.Open(history.Bank, "10.00")
	}
	w.Clock = now.Add(time.Hour)
	_, err := w.Agent.ReviewDue(ctx)
	require.Error(t, err, "told to end")
	require.EqualValues(t, 5, reviews.Load())
	// Several replicas go on; none does what another did.
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			if _, err := w.Agent.ReviewDue(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	_, err = w.Agent.ReviewDue(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, users+1, reviews.Load(), "the fifth was undone, so it came again")
}

func TestWorkEndsWhenTold(t *testing.T) {
	w := observertest.New(t, event.Banking, now, reviewing(found(uuid.Nil, "coffee", 0.9)))
	w.Agent.Settings = observer.Settings{Interval: time.Second, Settle: time.Second}
	w.Open(history.Bank, "10.00")
	w.Clock = now.Add(time.Minute)
	ctx, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	for _, work := range w.Agent.Work() {
		wait.Go(func() { work(ctx) })
	}
	require.Eventually(t, func() bool { return len(w.Titles()) == 1 }, 20*time.Second, 20*time.Millisecond)
	stop()
	wait.Wait()
}

func TestBalancesAndHistory(t *testing.T) {
	var wallets []history.Wallet
	var h []history.Transaction
	savings := tracing.NewID()
	w := observertest.New(t, event.Banking, now, func(o *observer.Observer) *observer.Observer {
		o.Review = func(ctx context.Context, c *observer.Case, _ observer.Look) (err error) {
			if wallets, err = c.Wallets(ctx); err != nil {
				return err
			}
			h, err = c.History(ctx, now.AddDate(-1, 0, 0), c.Now, 3)
			return err
		}
		return o
	})
	w.Open(history.Bank, "-5.00")
	w.Tell(event.TypeWalletChanged, event.WalletChanged{UserID: w.User, WalletID: savings, Name: "Savings", Type: history.Savings, Currency: "USD", OpeningBalance: "0.00"})
	w.Earn("100.00", "Acme", now.Add(-4*time.Hour))
	groceries := w.Spend("30.00", "Rewe 4711", "groceries", now.Add(-3*time.Hour))
	transfer := w.Expense("20.00", "", "transfer", now.Add(-2*time.Hour))
	transfer.Type, transfer.ToWalletID, transfer.ToAmount = event.Transfer, &savings, "22.00"
	w.Tell(event.TypeTransactionCreated, transfer)
	gone := w.Spend("7.00", "Rewe", "groceries", now.Add(-time.Hour))
	w.Spend("1000.00", "Rent", "housing", now.AddDate(0, 0, 20)) // how far ahead is the ledger's matter
	w.Change(gone, "status", event.Active, event.Deleted)
	w.Change(groceries, "amount", "30.00", "31.00")
	balance := func(id uuid.UUID) string {
		for _, wallet := range wallets {
			if wallet.ID == id {
				return wallet.Balance.StringFixed(2)
			}
		}
		return "none"
	}
	w.Review()
	require.Equal(t, "-956.00", balance(w.Wallet), "of all that is booked")
	require.Equal(t, "22.00", balance(savings))
	require.Len(t, h, 3, "without the deleted one")
	require.Equal(t, "rewe", h[1].Merchant)
	require.Equal(t, decimal.RequireFromString("31").String(), h[1].Amount.String())
	require.Equal(t, &savings, h[2].ToWalletID)
	w.Change(gone, "status", event.Deleted, event.Active)
	w.Change(gone, "walletId", w.Wallet.String(), savings.String())
	w.Review()
	require.Equal(t, "-956.00", balance(w.Wallet), "of all that is booked")
	require.Equal(t, "15.00", balance(savings), "restored, and moved")
	require.Len(t, h, 3, "the latest three")
}

func TestGoals(t *testing.T) {
	var goals []history.Goal
	w := observertest.New(t, event.Investment, now, func(o *observer.Observer) *observer.Observer {
		o.Review = func(ctx context.Context, c *observer.Case, _ observer.Look) (err error) {
			goals, err = c.Goals(ctx)
			return err
		}
		return o
	})
	goal := event.GoalChanged{
		UserID: w.User, GoalID: tracing.NewID(), Name: "A bicycle", Target: "900.00", Saved: "0.00", Currency: "EUR", Status: "active", Deadline: "2027-01-31", CreatedAt: now,
	}
	before := w.Event(event.TypeGoalChanged, goal)
	goal.Saved = "40.00"
	w.Tell(event.TypeGoalChanged, goal)
	w.Take(before) // late
	w.Review()
	require.Len(t, goals, 1)
	require.Equal(t, "40", goals[0].Saved.String())
	require.Equal(t, "2027-01-31", goals[0].Deadline.Format(time.DateOnly))
	goal.Status = "reached"
	w.Tell(event.TypeGoalChanged, goal)
	w.Review()
	require.Empty(t, goals)
}

// A user who consented, where there is a model.
func phrasing(t *testing.T, model observer.Phrase) *observertest.World {
	w := observertest.New(t, event.Banking, now, reviewing(found(uuid.Nil, "coffee", 0.9)))
	w.Agent.Phrase = model
	w.Prefer(true)
	w.Open(history.Bank, "10.00")
	w.Review()
	require.Empty(t, w.Titles(), "it waits for words")
	return w
}

func TestAModelFindsWords(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		err    error
		want   string
	}{
		"that are taken":          {"Your coffee was 12.50 EUR.", nil, "Your coffee was 12.50 EUR."},
		"or none: it is as it is": {"", errors.New("refused"), "It cost 12.50 EUR."},
	} {
		t.Run(name, func(t *testing.T) {
			w := phrasing(t, func(_ context.Context, message string, facts map[string]string) (string, error) {
				require.Equal(t, "It cost 12.50 EUR.", message)
				require.Equal(t, "12.50", facts["amount"])
				return c.answer, c.err
			})
			done, err := w.Agent.PhraseNext(t.Context())
			require.NoError(t, err)
			require.True(t, done)
			require.Len(t, w.Insights(), 1)
			require.Equal(t, c.want, w.Insights()[0].Message)
			require.Equal(t, "About coffee", w.Insights()[0].Title)
			done, err = w.Agent.PhraseNext(t.Context())
			require.NoError(t, err)
			require.False(t, done)
			w.Review()
			require.Len(t, w.Insights(), 1)
		})
	}
}

func TestWithoutConsentNoModelIsAsked(t *testing.T) {
	w := phrasing(t, func(context.Context, string, map[string]string) (string, error) {
		t.Error("it was asked")
		return "", nil
	})
	w.Prefer(false) // withdrawn while it waits
	done, err := w.Agent.PhraseNext(t.Context())
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, "It cost 12.50 EUR.", w.Insights()[0].Message)
}

func TestASlowModelHoldsNothingUp(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	w := phrasing(t, func(context.Context, string, map[string]string) (string, error) {
		close(asked)
		<-answer
		return "Your coffee was 12.50 EUR.", nil
	})
	said := make(chan error, 1)
	go func() { _, err := w.Agent.PhraseNext(context.WithoutCancel(t.Context())); said <- err }()
	<-asked
	limited, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err := w.Handlers["finance.transaction.created"](limited, w.Event(event.TypeTransactionCreated, w.Expense("1.00", "Rewe", "groceries", now)))
	require.NoError(t, err, "the user's events go on")
	done, err := w.Agent.PhraseNext(limited)
	require.NoError(t, err)
	require.False(t, done, "nobody else takes it meanwhile")
	// And when the user goes meanwhile, nothing is said.
	w.Tell(event.TypeUserDeleted, event.UserDeleted{UserID: w.User, DeletedAt: now})
	close(answer)
	require.NoError(t, <-said)
	require.Empty(t, w.Events())
}

func TestWhoDiedWhileTheModelThoughtIsFollowed(t *testing.T) {
	ctx, die := context.WithCancel(t.Context())
	times := 0
	w := phrasing(t, func(context.Context, string, map[string]string) (string, error) {
		if times++; times == 1 {
			die()
		}
		return "Your coffee was 12.50 EUR.", nil
	})
	_, err := w.Agent.PhraseNext(ctx)
	require.Error(t, err)
	require.Empty(t, w.Events())
	w.Clock = w.Clock.Add(61 * time.Second)
	done, err := w.Agent.PhraseNext(t.Context())
	require.NoError(t, err)
	require.True(t, done)
	require.Len(t, w.Insights(), 1)
}
