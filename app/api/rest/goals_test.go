//go:build integration

package rest

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

func TestSavingForAGoal(t *testing.T) {
	w := newWorld(t)
	w.join()
	deadline := time.Now().UTC().AddDate(1, 0, 0).Format(time.DateOnly)
	made := w.call(201, "POST", "/goals", object{"name": " A bicycle ", "target": "1200", "currency": "EUR", "deadline": deadline})
	path := "/goals/" + made["id"].(string)
	require.Equal(t, "A bicycle", made["name"])
	require.Equal(t, false, made["progress"].(object)["onTrack"])

	put := func(status int, amount string, headers ...string) object {
		return w.call(status, "POST", path+"/contributions", object{"amount": amount, "note": "pay day"}, headers...)
	}
	key := uuid.NewString()
	first := put(201, "500.50", "Idempotency-Key", key)
	require.Equal(t, first["contribution"], put(201, "500.50", "Idempotency-Key", key)["contribution"], "sent twice, put aside once")
	goal := first["goal"].(object)
	require.Equal(t, "500.50", goal["saved"])
	require.Equal(t, "500.50", goal["progress"].(object)["pacePerMonth"])
	require.Equal(t, true, goal["progress"].(object)["onTrack"])
	put(422, "-500.51")
	put(422, "0")
	put(422, "1e3")
	put(422, "--1")
	require.Equal(t, "500.00", put(201, "-0.5")["goal"].(object)["saved"])
	require.Equal(t, "reached", put(201, "700")["goal"].(object)["status"])
	require.Equal(t, "active", put(201, "-1")["goal"].(object)["status"], "what is taken out again is missing")
	require.Equal(t, "abandoned", w.call(200, "PATCH", path, object{"status": "abandoned", "deadline": ""})["status"])
	w.call(422, "PATCH", path, object{"status": "reached"})
	require.Equal(t, "reached", w.call(200, "PATCH", path, object{"status": "active", "target": "1199"})["status"])

	list := w.call(200, "GET", path+"/contributions?limit=3", nil)
	require.Len(t, list["items"], 3)
	require.Equal(t, "-1.00", list["items"].([]any)[0].(object)["amount"])
	require.Len(t, w.call(200, "GET", path+"/contributions?limit=3&cursor="+list["nextCursor"].(string), nil)["items"], 1)
	require.Len(t, w.call(200, "GET", "/goals?status=reached", nil)["items"], 1)
	require.Empty(t, w.call(200, "GET", "/goals?status=active", nil)["items"])

	tag := w.header(path).Get("ETag")
	w.call(200, "PATCH", path, object{"name": "Another"}, "If-Match", tag)
	w.call(412, "PATCH", path, object{"name": "A third"}, "If-Match", tag)
	w.call(422, "PATCH", path, object{"deadline": "0000-01-01"})
	w.call(422, "PATCH", path, object{"deadline": "2020-06-30"})
	w.call(422, "POST", "/goals", object{"name": "Gone by", "target": "1200", "currency": "EUR", "deadline": "2020-06-30"})
	w.call(204, "DELETE", path, nil)
	w.call(404, "GET", path, nil)
	w.call(404, "GET", path+"/contributions", nil)

	changes, keys := outbox[event.GoalChanged](w, event.TypeGoalChanged)
	require.Len(t, changes, 9)
	for _, key := range keys {
		require.Equal(t, made["id"], key, "the topic is compacted by goal")
	}
	require.Equal(t, "1200.00", changes[3].Saved)
	require.Equal(t, "reached", changes[3].Status)
	require.Empty(t, changes[5].Deadline)
	require.True(t, changes[8].Deleted)
}

func TestGoalsAreTheirOwners(t *testing.T) {
	w := newWorld(t)
	w.join()
	path := "/goals/" + w.call(201, "POST", "/goals", object{"name": "x", "target": "1", "currency": "EUR"})["id"].(string)
	w.join()
	w.call(404, "GET", path, nil)
	w.call(404, "PATCH", path, object{"name": "y"})
	w.call(404, "POST", path+"/contributions", object{"amount": "1"})
	w.call(404, "GET", path+"/contributions", nil)
	w.call(404, "DELETE", path, nil)
	require.Empty(t, w.call(200, "GET", "/goals", nil)["items"])
}
