//go:build integration

package rest

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// told has the backend take an event, as if it had come from the broker.
func (w *world) told(kind string, data any) event.CloudEvent {
	w.t.Helper()
	e, err := event.New(w.t.Context(), event.Analytics, kind, "x", data)
	require.NoError(w.t, err)
	require.NoError(w.t, event.Check(e))
	take := w.api.Insights.Take
	if kind == event.TypeAlertSent {
		take = w.api.Alerts.Take
	}
	_, err = take(w.t.Context(), e)
	require.NoError(w.t, err)
	return e
}

// me is the caller's id.
func (w *world) me() uuid.UUID {
	w.t.Helper()
	return uuid.MustParse(w.call(200, "GET", "/auth/me", nil)["id"].(string))
}

func TestInsightsAreReadAndDismissed(t *testing.T) {
	w := newWorld(t)
	w.join()
	user := w.me()
	find := func(kind, title string) string {
		data := event.InsightGenerated{
			InsightID: tracing.NewID(), UserID: user, InsightType: kind, Title: title, Message: "m", Confidence: 0.9,
			RelatedEntities: map[string]string{"detector": "price_rise"}, Facts: map[string]string{"before": "9.99"}, Dismiss: "The old price.",
		}
		w.told(event.TypeInsightGenerated, data)
		return "/insights/" + data.InsightID.String()
	}
	tip := find(event.SavingsTip, "tip")
	find(event.SpendingPattern, "pattern")
	titles := func(query string) (found []string) {
		for _, item := range w.call(200, "GET", "/insights"+query, nil)["items"].([]any) {
			found = append(found, item.(object)["title"].(string))
		}
		return found
	}
	require.Equal(t, []string{"pattern", "tip"}, titles(""))
	require.Equal(t, []string{"tip"}, titles("?type=savings_tip"))
	w.call(422, "GET", "/insights?type=gossip", nil)

	shown := w.call(200, "GET", tip, nil)
	require.Equal(t, object{"before": "9.99"}, shown["facts"])
	require.Equal(t, "The old price.", shown["dismiss"])
	require.NotContains(t, shown, "readAt")
	read := w.call(200, "POST", tip+"/read", nil)["readAt"]
	require.NotEmpty(t, read)
	require.Equal(t, read, w.call(200, "POST", tip+"/read", nil)["readAt"])

	w.call(422, "POST", tip+"/dismiss", object{"feedback": "boring"})
	require.Equal(t, "wrong", w.call(200, "POST", tip+"/dismiss", object{"feedback": "wrong"})["feedback"])
	w.call(200, "POST", tip+"/dismiss", object{"feedback": "wrong"})
	require.Equal(t, []string{"pattern"}, titles(""))
	require.Equal(t, []string{"tip"}, titles("?state=dismissed"))
	require.Equal(t, []string{"pattern", "tip"}, titles("?state=all"))
	events, keys := outbox[event.InsightDismissed](w, event.TypeInsightDismissed)
	require.Len(t, events, 1, "the same twice is told once")
	require.Equal(t, "price_rise", events[0].Detector)
	require.Equal(t, "wrong", events[0].Feedback)
	require.Equal(t, []string{user.String()}, keys)

	w.join()
	w.call(404, "GET", tip, nil)
	w.call(404, "POST", tip+"/read", nil)
	w.call(404, "POST", tip+"/dismiss", object{})
}

func TestAlertsAreRead(t *testing.T) {
	w := newWorld(t)
	w.join()
	user := w.me()
	cause := w.told(event.TypeInsightGenerated, event.InsightGenerated{InsightID: tracing.NewID(), UserID: user, InsightType: event.SavingsTip, Title: "A tip", Message: "Save.", Confidence: 1})
	alert := func(channel, title string, ago time.Duration) string {
		sent := event.AlertSent{AlertID: tracing.NewID(), UserID: user, Channel: channel, SourceEvent: cause.Type, SourceEventID: uuid.MustParse(cause.ID),
			DeliveredAt: time.Now().UTC().Add(-ago), Status: "delivered", Title: title}
		w.told(event.TypeAlertSent, sent)
		return "/alerts/" + sent.AlertID.String()
	}
	first := alert("in_app", "", time.Minute)
	alert("in_app", "Its own title", time.Second)
	alert("email", "", time.Hour)
	unread := func() any { return w.call(200, "GET", "/alerts/unread", nil)["unread"] }
	require.EqualValues(t, 2, unread(), "mail is not read here")

	items := w.call(200, "GET", "/alerts?unread=true", nil)["items"].([]any)
	require.Len(t, items, 2)
	require.Equal(t, "Its own title", items[0].(object)["title"])
	require.Equal(t, "A tip", items[1].(object)["title"])
	require.Equal(t, "Save.", items[1].(object)["message"])
	require.NotEmpty(t, items[1].(object)["insightId"])

	read := w.call(200, "POST", first+"/read", nil)["readAt"]
	require.NotEmpty(t, read)
	require.Equal(t, read, w.call(200, "POST", first+"/read", nil)["readAt"])
	require.EqualValues(t, 1, unread())
	ada := w.token
	w.join()
	w.call(404, "POST", first+"/read", nil)
	w.call(200, "POST", "/alerts/read", nil)
	w.token = ada
	require.EqualValues(t, 1, unread(), "another's reading is not hers")
	require.EqualValues(t, 0, w.call(200, "POST", "/alerts/read", nil)["unread"])
	require.EqualValues(t, 0, unread())
	require.Len(t, w.call(200, "GET", "/alerts", nil)["items"], 3)
}
