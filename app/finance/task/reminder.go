package task

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Reminders publishes a reminder.due event for each task whose reminder is due.
type Reminders struct {
	Pool    *pgxpool.Pool
	Service string // who publishes its events
	Log     *slog.Logger
}

const (
	// every is the interval between two queries for due reminders.
	every = 5 * time.Second
	// batch is the maximum number of reminders published in one database transaction.
	batch = 100
	// later is by how much a reminder that cannot be published is postponed, so that it
	// does not hold up the others.
	later = time.Hour
)

// Run publishes due reminders until ctx ends. It continues once the database is
// available again.
func (r *Reminders) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if err := r.publishAll(ctx); err != nil && ctx.Err() == nil {
			r.Log.WarnContext(ctx, "reminders wait", "error", err, "next_attempt_in", every.String())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// publishAll publishes batches until a batch is not full. It stops at the first
// error, so that a database which fails every time is asked once in every.
func (r *Reminders) publishAll(ctx context.Context) error {
	for {
		if published, err := r.Publish(ctx, time.Now()); err != nil || published < batch {
			return err
		}
	}
}

// Publish publishes the reminders due at the given time, at most batch, and returns
// the number of reminders it has dealt with. The event and the removal of the reminder
// are committed together, so each reminder is published once; an advisory lock lets
// only one replica work at a time. A reminder whose event is invalid is postponed by
// later; one that fails for a transient reason (a lock that is held, a deadlock) stays
// due. With an error nothing is committed.
func (r *Reminders) Publish(ctx context.Context, at time.Time) (published int, err error) {
	err = db.InTx(ctx, r.Pool, func(tx pgx.Tx) error {
		var leads bool
		if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1)", db.LockID("reminders:"+r.Service)).Scan(&leads); err != nil || !leads {
			return err
		}
		if err := db.Across(ctx, tx, db.Reminders); err != nil {
			return err
		}
		due, err := backenddb.New(tx).DueReminders(ctx, at, batch)
		if err != nil {
			return err
		}
		for _, one := range due {
			// A savepoint, so that only the work on this reminder is rolled back.
			err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { return r.publish(ctx, tx, one.UserID, one.TaskID, at) })
			switch {
			case err == nil:
				published++
				continue
			case db.Unavailable(err) || ctx.Err() != nil:
				return err
			case db.Transient(err):
				r.Log.WarnContext(ctx, "a reminder waits", "task_id", one.TaskID, "error", err, "next_attempt_in", every.String())
				continue
			}
			r.Log.ErrorContext(ctx, "a reminder could not be published", "task_id", one.TaskID, "error", err, "next_attempt_in", later.String())
			if err := backenddb.New(tx).PostponeReminder(ctx, at.Add(later), one.TaskID); err != nil {
				return err
			}
			published++
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return published, nil
}

// publish publishes one reminder, or drops it when its task is gone or done.
func (r *Reminders) publish(ctx context.Context, tx pgx.Tx, user, id uuid.UUID, at time.Time) error {
	if err := db.Act(ctx, tx, user); err != nil {
		return err
	}
	queries := backenddb.New(tx)
	row, err := queries.TaskForUpdate(ctx, id, user)
	if errors.Is(err, pgx.ErrNoRows) {
		return queries.DropReminder(ctx, id)
	}
	if err != nil {
		return err
	}
	t := taskOf(row)
	switch {
	case t.RemindAt == nil || t.Done:
		return queries.DropReminder(ctx, id)
	case t.RemindAt.After(at):
		return nil // the user has just postponed it
	}
	e, err := event.New(ctx, r.Service, event.TypeReminderDue, id.String(), event.ReminderDue{
		UserID: user, TaskID: id, Title: t.Title, Due: t.Due, RemindAt: *t.RemindAt,
	})
	if err != nil {
		return err
	}
	if err := outbox.Put(ctx, tx, e, user.String()); err != nil {
		return fmt.Errorf("task %s: %w", id, err)
	}
	if err := queries.UpdateTask(ctx, backenddb.UpdateTaskParams{
		ID: id, Title: t.Title, Notes: t.Notes, Due: day(t.Due), RemindAt: t.RemindAt, RemindedAt: &at, DoneAt: t.DoneAt, UpdatedAt: t.UpdatedAt,
	}); err != nil {
		return err
	}
	return queries.DropReminder(ctx, id)
}
