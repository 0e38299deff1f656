package observer

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/observerdb"
)

// How reviews go.
const (
	// batch bounds what the lock is held for.
	batch = 50
	// reviewTime bounds one.
	reviewTime = time.Minute
	// later is when a review that failed is tried again, so that it holds up no other, and
	// soon is when what broke it may be over.
	later      = time.Hour
	soon       = 5 * time.Minute
	unlockTime = 5 * time.Second
	// silence is after how long the server ends the session that holds the lock when its
	// client is not heard of, and sign is how often the client lets itself be heard.
	silence = 10 * time.Second
	sign    = 3 * time.Second
	// MostSaid bounds what one review says.
	MostSaid = 10
	// MostHistory bounds what one reads.
	MostHistory = 10_000
	// MostAgain bounds how many of the latest transactions one looks at again, each of
	// which is compared with all that was read.
	MostAgain = 100
)

// Look is one review of a user's money.
type Look struct {
	// By the person's clock. Last: the review before; zero: none
	Now, Last time.Time
	// Backfilled: since then something was heard of a month that was complete, so
	// that what is known of those must be looked at again.
	Backfilled bool
}

// Monthly tells whether this is the first look since that day of the month began.
func (l Look) Monthly(day int) bool {
	due := history.MonthOf(l.Now).AddDate(0, 0, day-1)
	if due.After(l.Now) {
		due = history.MonthOf(l.Now).AddDate(0, -1, day-1)
	}
	return l.Last.Before(due)
}

// Weekly tells whether this is the first look since the week began, on Monday.
func (l Look) Weekly() bool {
	today := history.Day(l.Now)
	return l.Last.Before(today.AddDate(0, 0, -int(today.Weekday()+6)%7))
}

// Daily tells whether this is the first look of the day.
func (l Look) Daily() bool { return l.Last.Before(history.Day(l.Now)) }

// review works until ctx ends. It goes on when the database comes back.
func (o *Observer) review(ctx context.Context) {
	tick := time.NewTicker(o.Settings.tick())
	defer tick.Stop()
	// Where the interval is shorter than it was, what waits comes sooner.
	for clamped := false; ; {
		var err error
		if !clamped {
			err = observerdb.New(o.Pool).ReviewBy(ctx, o.now().Add(o.Settings.Interval))
			clamped = err == nil
		}
		for done := batch; err == nil && done == batch && ctx.Err() == nil; {
			done, err = o.ReviewDue(ctx)
		}
		if err != nil && ctx.Err() == nil {
			o.Log.WarnContext(ctx, "reviews wait", "error", err, "next_try_in", o.Settings.tick().String())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ReviewDue reviews users whose turn it is, one batch at most, and returns how
// many there were. Of several replicas one works at a time. Each user is a
// transaction of their own, so that whoever comes after one that died goes on where
// that was.
func (o *Observer) ReviewDue(ctx context.Context) (done int, err error) {
	err = o.alone(ctx, func(ctx context.Context) (err error) {
		done, err = o.reviewDue(ctx)
		return err
	})
	return done, err
}

// alone runs work if no other replica does, and holds the lock of the reviews meanwhile. When
// the lock is lost, the context of work ends.
func (o *Observer) alone(ctx context.Context, work func(context.Context) error) error {
	connection, err := o.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer connection.Release()
	lock := db.LockID("reviews:" + o.Service)
	defer func() {
		// Neither the lock nor the setting must go back into the pool with the connection.
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockTime)
		defer cancel()
		release := &pgx.Batch{}
		release.Queue("SELECT pg_advisory_unlock($1)", lock)
		release.Queue("RESET idle_session_timeout")
		if err := connection.SendBatch(limited, release).Close(); err != nil {
			_ = connection.Conn().Close(limited)
		}
	}()
	if _, err := connection.Exec(ctx, fmt.Sprintf("SET idle_session_timeout = %d", silence.Milliseconds())); err != nil {
		return err
	}
	var leads bool
	if err := connection.QueryRow(ctx, "SELECT pg_try_advisory_lock($1)", lock).Scan(&leads); err != nil || !leads {
		return err
	}
	leading, lost := context.WithCancelCause(ctx)
	var signs sync.WaitGroup
	signs.Go(func() {
		if err := giveSigns(leading, connection.Conn()); err != nil {
			lost(fmt.Errorf("the lock of the reviews is lost: %w", err))
		}
	})
	err = work(leading)
	lost(nil)
	signs.Wait()
	if cause := context.Cause(leading); err != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	return err
}

// giveSigns shows the server that the holder of a session lives, until ctx ends.
func giveSigns(ctx context.Context, connection *pgx.Conn) error {
	tick := time.NewTicker(sign)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		// A query that is cancelled closes the connection.
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), sign)
		_, err := connection.Exec(limited, "SELECT")
		cancel()
		if err != nil {
			return err
		}
	}
}

func (o *Observer) reviewDue(ctx context.Context) (int, error) {
	due, err := observerdb.New(o.Pool).DueReviews(ctx, o.now(), batch)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	failed := 0
	for _, user := range due {
		its, span := tracing.Start(tracing.Continue(ctx, "", ""), "review")
		err := o.reviewOne(its, user)
		tracing.End(span, err)
		if err == nil {
			continue
		}
		if ctx.Err() != nil || db.Unavailable(err) && !errors.Is(err, context.DeadlineExceeded) {
			return 0, err
		}
		failed++
		again := o.again(err)
		o.Log.ErrorContext(its, "a user's money could not be reviewed", "user_id", user, "error", err, "next_try_in", again.String())
		if err := observerdb.New(o.Pool).PostponeReview(ctx, o.now().Add(again), user); err != nil {
			return 0, err
		}
	}
	if len(due) > 0 {
		o.Log.InfoContext(ctx, "reviewed", "users", len(due), "failed", failed, "took", time.Since(begun).String())
	}
	return len(due), nil
}

// again is how long a review that failed waits.
func (o *Observer) again(err error) time.Duration {
	if db.Transient(err) {
		return min(soon, o.Settings.Interval)
	}
	return min(later, o.Settings.Interval)
}

func (o *Observer) reviewOne(ctx context.Context, user uuid.UUID) error {
	ctx, cancel := context.WithTimeout(ctx, reviewTime)
	defer cancel()
	return db.InTx(ctx, o.Pool, func(tx pgx.Tx) error {
		c, here, err := o.open(ctx, tx, user)
		if err != nil || !here {
			return err
		}
		row, err := c.kept.ReviewOf(ctx, user)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && row.DueAt.After(c.Now) {
			return nil // another was faster
		}
		if err != nil {
			return err
		}
		look := Look{Now: c.Clock(), Backfilled: row.Backfilled}
		if row.ReviewedAt != nil {
			look.Last = calendar.Clock(*row.ReviewedAt, c.Zone)
		}
		if look.Daily() || look.Backfilled {
			if err := c.learn(ctx); err != nil {
				return err
			}
		}
		if err := o.look(ctx, c, look); err != nil {
			return err
		}
		if err := c.kept.ForgetOldDismissals(ctx, user, c.Now.Add(-remembered)); err != nil {
			return err
		}
		return c.kept.Reviewed(ctx, &c.Now, c.Now.Add(o.Settings.Interval), user)
	})
}

// look makes an error of a detector's panic: a defect is that user's, not everybody's.
func (o *Observer) look(ctx context.Context, c *Case, look Look) (err error) {
	defer func() {
		if defect := recover(); defect != nil {
			err = fmt.Errorf("a detector: %w", apperror.Defect(defect))
		}
	}()
	if o.Review == nil {
		return nil
	}
	return o.Review(ctx, c, look)
}
