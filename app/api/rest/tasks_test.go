//go:build integration

package rest

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/finance/task"
)

func TestTasks(t *testing.T) {
	w := newWorld(t)
	w.join()
	made := w.call(201, "POST", "/tasks", object{"title": " Cancel the gym ", "due": "2126-12-01", "remindAt": "2126-11-30T09:00:00+01:00"})
	require.Equal(t, "Cancel the gym", made["title"])
	require.Equal(t, "2126-11-30T08:00:00Z", made["remindAt"])
	require.Equal(t, false, made["done"])
	path := "/tasks/" + made["id"].(string)
	w.call(201, "POST", "/tasks", object{"title": "Another"})

	done := w.call(200, "POST", path+"/complete", nil)
	require.Equal(t, true, done["done"])
	require.NotEmpty(t, done["doneAt"])
	require.Equal(t, done["doneAt"], w.call(200, "POST", path+"/complete", nil)["doneAt"], "done once")
	titles := func(state string) (found []string) {
		for _, item := range w.call(200, "GET", "/tasks?state="+state, nil)["items"].([]any) {
			found = append(found, item.(object)["title"].(string))
		}
		return found
	}
	require.Equal(t, []string{"Another", "Cancel the gym"}, titles("all"))
	require.Equal(t, []string{"Another"}, titles("open"))
	require.Equal(t, []string{"Cancel the gym"}, titles("done"))
	again := w.call(200, "PATCH", path, object{"done": false, "due": "", "remindAt": "", "notes": "by letter"})
	require.NotContains(t, again, "doneAt")
	require.NotContains(t, again, "due")
	require.NotContains(t, again, "remindAt")
	w.call(422, "PATCH", path, object{"remindAt": "tomorrow"})
	refused := w.call(422, "PATCH", path, object{"remindAt": "2020-01-01T09:00:00Z"})
	require.Contains(t, fmt.Sprint(refused), "has gone by", "else reminders of the past are a way to have mail sent at once")
	w.call(422, "POST", "/tasks", object{"title": "x", "remindAt": "2020-01-01T09:00:00Z"})
	w.call(422, "POST", "/tasks", object{"title": "x", "due": "2020-01-01"})
	w.call(422, "PATCH", path, object{"due": "2026-02-30"})
	w.call(422, "POST", "/tasks", object{"title": "  "})

	tag := w.header(path).Get("ETag")
	w.call(200, "PATCH", path, object{"title": "x"}, "If-Match", tag)
	w.call(412, "PATCH", path, object{"title": "y"}, "If-Match", tag)
	ada := w.token
	w.join()
	w.call(404, "GET", path, nil)
	w.call(404, "PATCH", path, object{"title": "y"})
	w.call(404, "POST", path+"/complete", nil)
	w.call(404, "DELETE", path, nil)
	w.token = ada
	w.call(204, "DELETE", path, nil)
	w.call(404, "GET", path, nil)
}

func TestRemindersGoOutOnce(t *testing.T) {
	w := newWorld(t)
	w.join()
	at := time.Date(2126, time.November, 30, 8, 0, 0, 0, time.UTC)
	note := func(title, remind string) string {
		return "/tasks/" + w.call(201, "POST", "/tasks", object{"title": title, "remindAt": remind})["id"].(string)
	}
	due := note("due", "2126-11-30T08:00:00Z")
	later := note("later", "2126-11-30T08:00:01Z")
	done := note("done", "2126-11-30T07:00:00Z")
	w.call(200, "POST", done+"/complete", nil)
	put := note("put off", "2126-11-30T07:00:00Z")
	w.call(200, "PATCH", put, object{"remindAt": "2126-12-30T07:00:00Z"})
	gone := note("gone", "2126-11-30T07:00:00Z")
	w.call(204, "DELETE", gone, nil)

	told := func() (titles []string) {
		events, keys := outbox[event.ReminderDue](w, event.TypeReminderDue)
		for i, e := range events {
			require.Equal(t, e.UserID.String(), keys[i])
			titles = append(titles, e.Title)
		}
		return titles
	}
	// Several replicas at the same moment, and again.
	tell := func(at time.Time) {
		t.Helper()
		var replicas sync.WaitGroup
		failures := make(chan error, 8)
		for range cap(failures) {
			replicas.Go(func() {
				r := &task.Reminders{Pool: w.pool, Service: event.Backend, Log: slog.New(slog.DiscardHandler)}
				_, err := r.Publish(context.Background(), at)
				failures <- err
			})
		}
		replicas.Wait()
		for range cap(failures) {
			require.NoError(t, <-failures)
		}
	}
	tell(at)
	tell(at)
	require.Equal(t, []string{"due"}, told())
	require.NotEmpty(t, w.call(200, "GET", due, nil)["remindedAt"])
	tell(at.Add(time.Second))
	require.Equal(t, []string{"due", "later"}, told())

	// What is told already is told again for another time only.
	w.call(200, "PATCH", due, object{"remindAt": "2126-11-30T08:00:00Z", "title": "due!"})
	w.call(200, "PATCH", later, object{"remindAt": "2126-11-30T08:00:02Z"})
	tell(at.Add(time.Minute))
	require.Equal(t, []string{"due", "later", "later"}, told())
}
