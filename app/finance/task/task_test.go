//go:build integration

package task_test

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/finance/task"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/store/db"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// What is to be done by a day is due by the person's calendar, to the end of the day
// where they live; days and times are in the order of their clock.
func TestUpcomingIsByThePersonsCalendar(t *testing.T) {
	pool := pgtest.AsService(t, event.Backend)
	user := tracing.NewID()
	require.NoError(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "INSERT INTO users (id, email, password_hash) VALUES ($1, 'a@example.org', '')", user)
		return err
	}))
	tasks := &task.Tasks{Pool: pool}
	for _, one := range []struct{ title, due, remind string }{
		{"late", "2026-03-01", ""},
		{"the day itself", "2026-09-06", ""},
		{"the day after", "2026-09-07", ""},
		{"its last half hour in Santiago", "", "2026-09-07T02:30:00Z"},
		{"the next day's first half hour in Santiago", "", "2026-09-07T03:30:00Z"},
		{"the evening before in Pago Pago", "", "2026-09-06T10:30:00Z"},
		{"some time", "", ""},
	} {
		// Create refuses days that have gone by, as these will: the row is written here.
		require.NoError(t, db.AsUser(t.Context(), pool, user, func(tx pgx.Tx) error {
			_, err := tx.Exec(t.Context(), `INSERT INTO tasks (id, user_id, title, due, remind_at, created_at, updated_at)
				VALUES ($1, $2, $3, nullif($4, '')::date, nullif($5, '')::timestamptz, now(), now())`, tracing.NewID(), user, one.title, one.due, one.remind)
			return err
		}))
	}
	for zone, want := range map[string][]string{
		// Clocks go forward at midnight there: 6 September has 23 hours.
		"America/Santiago":   {"late", "the day itself", "the evening before in Pago Pago", "its last half hour in Santiago"},
		"Pacific/Pago_Pago":  {"late", "the evening before in Pago Pago", "the day itself", "its last half hour in Santiago", "the next day's first half hour in Santiago"},
		"Pacific/Kiritimati": {"late", "the day itself"},
	} {
		t.Run(zone, func(t *testing.T) {
			found, err := tasks.Upcoming(t.Context(), user, calendar.Date(2026, 9, 6), calendar.ZoneOrUTC(zone), 10)
			require.NoError(t, err)
			var titles []string
			for _, one := range found {
				titles = append(titles, one.Title)
			}
			require.Equal(t, want, titles)
		})
	}
}

// A task that is being changed while its reminder is due is not at fault: its reminder
// is published as soon as the lock is released, and the others do not wait for it.
func TestAReminderThatMeetsALockIsNotPostponed(t *testing.T) {
	pool := pgtest.AsService(t, event.Backend)
	user, due := tracing.NewID(), time.Now().Add(time.Hour)
	require.NoError(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "INSERT INTO users (id, email, password_hash) VALUES ($1, 'a@example.org', '')", user)
		return err
	}))
	tasks := &task.Tasks{Pool: pool}
	locked, err := tasks.Create(t.Context(), user, task.New{Title: "locked", RemindAt: &due})
	require.NoError(t, err)
	_, err = tasks.Create(t.Context(), user, task.New{Title: "free", RemindAt: &due})
	require.NoError(t, err)

	impatient := pool.Config().Copy()
	impatient.ConnConfig.RuntimeParams["lock_timeout"] = "50ms"
	short, err := pgxpool.NewWithConfig(t.Context(), impatient)
	require.NoError(t, err)
	defer short.Close()
	reminders := &task.Reminders{Pool: short, Service: event.Backend, Log: slog.New(slog.DiscardHandler)}
	require.NoError(t, db.AsUser(t.Context(), pool, user, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "SELECT FROM tasks WHERE id = $1 FOR UPDATE", locked.ID)
		require.NoError(t, err)
		published, err := reminders.Publish(t.Context(), due)
		require.NoError(t, err)
		require.Equal(t, 1, published, "the free one")
		return nil
	}))
	published, err := reminders.Publish(t.Context(), due)
	require.NoError(t, err)
	require.Equal(t, 1, published, "the one that was locked is still due")
}
