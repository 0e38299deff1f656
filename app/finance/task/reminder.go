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

// Reminders tells of tasks whose time to be reminded of has come.
type Reminders struct {
	Pool    *pgxpool.Pool
	Service string // who publishes its events
	Log     *slog.Logger
}

// How the reminders go out.
const (
	every = 5 * time.Second
	// batch bounds what one database transaction tells of.
	batch = 100
	// later is when a reminder that could not be told of is tried again, so that
	// it does not hold up the others.
	later = time.Hour
)

// Run works until ctx ends. It goes on when the database comes back.
func (r *Reminders) Run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		for told := batch; told == batch && ctx.Err() == nil; {
			var err error
			if told, err = r.Tell(ctx, time.Now()); err != nil && ctx.Err() == nil {
				r.Log.WarnContext(ctx, "reminders wait", "error", err, "next_try_in", every.String())
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Tell tells of reminders that are due at a time, batch at most, and returns how
// many there were. An event and the note that it went out are one transaction, so
// each goes out once; the lock has one replica at a time look for them.
func (r *Reminders) Tell(ctx context.Context, at time.Time) (told int, err error) {
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
			// A savepoint: what is wrong with one is undone alone.
			err := pgx.BeginFunc(ctx, tx, func(tx pgx.Tx) error { return r.tell(ctx, tx, one.UserID, one.TaskID, at) })
			if err == nil {
				continue
			}
			if db.Unavailable(err) || ctx.Err() != nil {
				return err
			}
			r.Log.ErrorContext(ctx, "a reminder could not be told of", "task_id", one.TaskID, "error", err, "next_try_in", later.String())
			if err := backenddb.New(tx).PostponeReminder(ctx, at.Add(later), one.TaskID); err != nil {
				return err
			}
		}
		told = len(due)
		return nil
	})
	return told, err
}

func (r *Reminders) tell(ctx context.Context, tx pgx.Tx, user, id uuid.UUID, at time.Time) error {
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
		return nil // put off at this moment
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
