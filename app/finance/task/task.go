// Package task is what users mean to do about their money, and when they want to
// be reminded of it.
package task

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/etag"
	"github.com/wealth-companion/companion/app/store/idempotency"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// Task is something to do.
type Task struct {
	ID         uuid.UUID  `json:"id"`
	Title      string     `json:"title"`
	Notes      string     `json:"notes"`
	Due        string     `json:"due,omitempty" doc:"YYYY-MM-DD"`
	RemindAt   *time.Time `json:"remindAt,omitempty"`
	RemindedAt *time.Time `json:"remindedAt,omitempty" doc:"When the reminder went out"`
	Done       bool       `json:"done"`
	DoneAt     *time.Time `json:"doneAt,omitempty"`
	CreatedAt  time.Time  `json:"createdAt"`
	UpdatedAt  time.Time  `json:"updatedAt"`
}

// Changed tells this state from the next.
func (t Task) Changed() time.Time { return t.UpdatedAt }

// New is what a user enters.
type New struct {
	Title    string     `json:"title" minLength:"1" maxLength:"200"`
	Notes    string     `json:"notes,omitempty" maxLength:"2000"`
	Due      string     `json:"due,omitempty" doc:"YYYY-MM-DD" example:"2026-12-01"`
	RemindAt *time.Time `json:"remindAt,omitempty" doc:"When to be reminded: a time to come"`
}

// Change is what of a task shall be otherwise; nil leaves it.
type Change struct {
	Title    *string `json:"title,omitempty" minLength:"1" maxLength:"200"`
	Notes    *string `json:"notes,omitempty" maxLength:"2000"`
	Due      *string `json:"due,omitempty" doc:"YYYY-MM-DD; an empty string takes it away"`
	RemindAt *string `json:"remindAt,omitempty" doc:"RFC 3339; an empty string takes it away. Another time than before reminds again"`
	Done     *bool   `json:"done,omitempty"`
}

func (t *Task) check() error {
	t.Title, t.Notes = strings.TrimSpace(t.Title), strings.TrimSpace(t.Notes)
	length := utf8.RuneCountInString(t.Title)
	switch {
	case length < 1 || length > 200:
		return apperror.Invalid{Field: "title", Reason: "must have 1 to 200 characters"}
	case utf8.RuneCountInString(t.Notes) > 2000:
		return apperror.Invalid{Field: "notes", Reason: "must have at most 2000 characters"}
	}
	if t.Due != "" {
		if day, err := time.Parse(time.DateOnly, t.Due); err != nil || !sane(day) {
			return apperror.Invalid{Field: "due", Reason: "must be a day such as 2026-12-01"}
		}
	}
	if t.RemindAt != nil {
		at := t.RemindAt.UTC().Truncate(time.Microsecond)
		if !sane(at) {
			return apperror.Invalid{Field: "remindAt", Reason: "must lie between 1970 and 2200"}
		}
		t.RemindAt = &at
	}
	return nil
}

// lag is how far a caller's clock may be behind.
const lag = 5 * time.Minute

// checkTimes refuses a day or a time that has gone by, unless the task had it
// before. A day has gone by once it has ended everywhere on earth.
func (t *Task) checkTimes(before Task, at time.Time) error {
	if day := day(t.Due); day != nil && t.Due != before.Due && day.AddDate(0, 0, 1).Add(12*time.Hour).Before(at) {
		return apperror.Invalid{Field: "due", Reason: t.Due + " has gone by: choose a day to come, or leave it out"}
	}
	same := before.RemindAt != nil && t.RemindAt != nil && before.RemindAt.Equal(*t.RemindAt)
	if t.RemindAt != nil && !same && t.RemindAt.Before(at.Add(-lag)) {
		return apperror.Invalid{Field: "remindAt", Reason: t.RemindAt.Format(time.RFC3339) + " has gone by: choose a time to come, or leave it out"}
	}
	return nil
}

func sane(t time.Time) bool { return t.Year() >= 1970 && t.Year() <= 2200 }

// day is a checked day as the database takes it; "" is none.
func day(text string) *time.Time {
	parsed, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil
	}
	return &parsed
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC()
	return &at
}

func taskOf(row backenddb.Task) Task {
	t := Task{
		ID: row.ID, Title: row.Title, Notes: row.Notes, RemindAt: utc(row.RemindAt), RemindedAt: utc(row.RemindedAt),
		Done: row.DoneAt != nil, DoneAt: utc(row.DoneAt), CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
	if row.Due != nil {
		t.Due = row.Due.Format(time.DateOnly)
	}
	return t
}

// Tasks keeps the tasks.
type Tasks struct{ Pool *pgxpool.Pool }

// Create makes a task.
func (s *Tasks) Create(ctx context.Context, user uuid.UUID, n New) (Task, error) {
	at := db.Now()
	t := Task{ID: tracing.NewID(), Title: n.Title, Notes: n.Notes, Due: n.Due, RemindAt: n.RemindAt, CreatedAt: at, UpdatedAt: at}
	if err := t.check(); err != nil {
		return Task{}, err
	}
	if err := t.checkTimes(Task{}, at); err != nil {
		return Task{}, err
	}
	return idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (Task, error) {
		if err := backenddb.New(tx).InsertTask(ctx, backenddb.InsertTaskParams{
			ID: t.ID, UserID: user, Title: t.Title, Notes: t.Notes, Due: day(t.Due), RemindAt: t.RemindAt, CreatedAt: at,
		}); err != nil {
			return t, err
		}
		return t, t.schedule(ctx, tx, user)
	})
}

// schedule has the task's reminder go out at its time, or not at all when it has
// none, is done or was reminded of.
func (t Task) schedule(ctx context.Context, tx pgx.Tx, user uuid.UUID) error {
	if t.RemindAt == nil || t.Done || t.RemindedAt != nil {
		return backenddb.New(tx).DropReminder(ctx, t.ID)
	}
	return backenddb.New(tx).SetReminder(ctx, t.ID, user, *t.RemindAt)
}

// Get returns one task.
func (s *Tasks) Get(ctx context.Context, user, id uuid.UUID) (t Task, err error) {
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		row, err := backenddb.New(tx).Task(ctx, id, user)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("task %s: %w", id, apperror.ErrNotFound)
		}
		t = taskOf(row)
		return err
	})
	return t, err
}

// List lists the user's tasks, newest first. done: nil for all of them.
func (s *Tasks) List(ctx context.Context, user uuid.UUID, done *bool, p pagination.Request) (pagination.List[Task], error) {
	found := []Task{}
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		rows, err := backenddb.New(tx).Tasks(ctx, backenddb.TasksParams{UserID: user, Done: done, BeforeAt: p.At, BeforeID: p.ID, Most: int32(p.Limit + 1)})
		for _, row := range rows {
			found = append(found, taskOf(row))
		}
		return err
	})
	return pagination.Of(found, p.Limit, func(t Task) (time.Time, uuid.UUID) { return t.CreatedAt, t.ID }), err
}

// Upcoming lists what is to be done by the end of a day of the person's calendar in
// their time zone, what is late first, most at most.
func (s *Tasks) Upcoming(ctx context.Context, user uuid.UUID, last time.Time, zone *time.Location, most int) ([]Task, error) {
	end := calendar.Start(last.AddDate(0, 0, 1), zone)
	_, ahead := end.In(zone).Zone()
	found := []Task{}
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		rows, err := backenddb.New(tx).UpcomingTasks(ctx, backenddb.UpcomingTasksParams{UserID: user, LastDay: last, Until: end, Ahead: int32(ahead), Most: int32(most)})
		for _, row := range rows {
			found = append(found, taskOf(row))
		}
		return err
	})
	return found, err
}

// Update changes a task. ErrStale: it is not as ifMatch says any more.
func (s *Tasks) Update(ctx context.Context, user, id uuid.UUID, ifMatch string, change Change) (t Task, err error) {
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		t, err = update(ctx, tx, user, id, ifMatch, change)
		return err
	})
	return t, err
}

// Complete ticks a task off; one that is done stays as it is.
func (s *Tasks) Complete(ctx context.Context, user, id uuid.UUID) (Task, error) {
	done := true
	return idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (Task, error) {
		return update(ctx, tx, user, id, "", Change{Done: &done})
	})
}

func update(ctx context.Context, tx pgx.Tx, user, id uuid.UUID, ifMatch string, change Change) (Task, error) {
	row, err := backenddb.New(tx).TaskForUpdate(ctx, id, user)
	if errors.Is(err, pgx.ErrNoRows) {
		return Task{}, fmt.Errorf("task %s: %w", id, apperror.ErrNotFound)
	}
	if err != nil {
		return Task{}, err
	}
	t := taskOf(row)
	if err := etag.Check(ifMatch, t.UpdatedAt); err != nil {
		return Task{}, err
	}
	if err := t.apply(change, etag.Next(t.UpdatedAt)); err != nil {
		return Task{}, err
	}
	if err := backenddb.New(tx).UpdateTask(ctx, backenddb.UpdateTaskParams{
		ID: id, Title: t.Title, Notes: t.Notes, Due: day(t.Due), RemindAt: t.RemindAt, RemindedAt: t.RemindedAt, DoneAt: t.DoneAt, UpdatedAt: t.UpdatedAt,
	}); err != nil {
		return Task{}, err
	}
	return t, t.schedule(ctx, tx, user)
}

// apply changes the task, at a time.
func (t *Task) apply(change Change, at time.Time) error {
	was := *t
	set(&t.Title, change.Title)
	set(&t.Notes, change.Notes)
	set(&t.Due, change.Due)
	if change.RemindAt != nil {
		before := t.RemindAt
		t.RemindAt = nil
		if *change.RemindAt != "" {
			parsed, err := time.Parse(time.RFC3339, *change.RemindAt)
			if err != nil {
				return apperror.Invalid{Field: "remindAt", Reason: "must be a time such as 2026-12-01T09:00:00Z"}
			}
			t.RemindAt = &parsed
		}
		if before == nil || t.RemindAt == nil || !before.Equal(*t.RemindAt) {
			t.RemindedAt = nil
		}
	}
	if change.Done != nil && *change.Done != t.Done {
		t.Done, t.DoneAt = *change.Done, nil
		if t.Done {
			t.DoneAt = &at
		}
	}
	t.UpdatedAt = at
	if err := t.check(); err != nil {
		return err
	}
	return t.checkTimes(was, at)
}

func set[T any](target *T, value *T) {
	if value != nil {
		*target = *value
	}
}

// Delete removes a task.
func (s *Tasks) Delete(ctx context.Context, user, id uuid.UUID) error {
	return db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		removed, err := backenddb.New(tx).DeleteTask(ctx, id, user)
		if err == nil && removed == 0 {
			return fmt.Errorf("task %s: %w", id, apperror.ErrNotFound)
		}
		return err
	})
}
