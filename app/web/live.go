package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/view"
)

const livePath = "/live"

// How live connections go.
const (
	// waitFor is how long the API is asked to wait for something new at a time: service invocation
	// delivers an answer when it has ended, so that the API's own stream does not come through it.
	waitFor = 20 * time.Second
	// pollEvery is how often the API is asked otherwise: while it is unavailable, or when the
	// person has as many pages open as may wait.
	pollEvery = 10 * time.Second
	// atMostEvery bounds how often an open page asks the API, whatever that answers.
	atMostEvery = time.Second
	// heartbeat keeps proxies from taking a quiet connection for a dead one.
	heartbeat = 15 * time.Second
	// writeTime is how long a browser may take to take in a live event.
	writeTime = 10 * time.Second
	// liveMargin is how long before the end of the access token a connection ends. The browser
	// comes again, and gets another token.
	liveMargin = 30 * time.Second
	// mostLive is how many new alerts one look finds; the page of alerts has all.
	mostLive = 20
	// longestGap is for how long back alerts are shown that came while no page was connected.
	longestGap = 5 * time.Minute
)

// again has the page read the count of unread alerts again.
const again = "event: changed\ndata: \n\n"

// live sends alerts as they come, as pieces of a page (server-sent events). The connection ends
// with the person's session, and before the access token does: the browser comes again.
func (s *Server) live(w http.ResponseWriter, r *http.Request, v *visit) error {
	since, err := shownUntil(r, time.Now())
	if err != nil {
		return err
	}
	known := alerts{known: map[string]bool{}}
	missed, err := s.newAlerts(r.Context(), &known)
	if err != nil {
		return err
	}
	missed = slices.DeleteFunc(missed, func(a backend.Alert) bool { return a.ReadAt != nil || !a.DeliveredAt.After(since) })
	p := v.page(r, "", "")
	begin, err := toasts(r.Context(), p, missed)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies hand on each event as it comes
	w.WriteHeader(http.StatusOK)
	send := sender(w)
	if send("retry: 3000\n"+begin+again) != nil {
		return nil // the browser has gone
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	found := make(chan []backend.Alert)
	go func() {
		defer close(found)
		s.watchAlerts(ctx, &known, found)
	}()
	ends := time.NewTimer(max(pollEvery, time.Until(v.session.AccessEnds)-liveMargin))
	defer ends.Stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		text := ""
		select {
		case <-r.Context().Done():
			return nil
		case <-s.Ending:
			return nil
		case <-ends.C:
			return nil
		case <-beat.C:
			text = ":\n\n"
		case news, more := <-found:
			if !more {
				return nil // the session has ended, or the API has another reason
			}
			pieces, err := toasts(r.Context(), p, news)
			if err != nil {
				return nil
			}
			text = pieces + again
		}
		if send(text) != nil {
			return nil // the browser has gone
		}
	}
}

// shownUntil is until when alerts have been shown. A browser that comes again says which was the
// last by the standard's header, and one that comes first when the page was asked for; without
// either, nothing is shown that was there before.
func shownUntil(r *http.Request, now time.Time) (time.Time, error) {
	text := cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("since"))
	if text == "" {
		return now, nil
	}
	milliseconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, apperror.Invalid{Field: "since", Reason: "milliseconds since 1970, as Last-Event-ID"}
	}
	shown := time.UnixMilli(milliseconds)
	if earliest := now.Add(-longestGap); shown.Before(earliest) {
		return earliest, nil
	}
	return shown, nil
}

// alerts are those that an open page knows.
type alerts struct {
	known  map[string]bool
	newest *uuid.UUID // of any channel; nil: there was none
}

// watchAlerts sends new alerts until ctx ends, or the API refuses to answer the person.
func (s *Server) watchAlerts(ctx context.Context, its *alerts, found chan<- []backend.Alert) {
	for {
		asked := time.Now()
		pause := atMostEvery
		changed, err := s.awaitAlert(ctx, its.newest)
		switch status := backend.Status(err); {
		case errors.Is(err, backend.ErrUnavailable):
			pause = pollEvery // it is asked again
		case status == http.StatusTooManyRequests:
			changed, pause = true, pollEvery
		case err != nil:
			return
		}
		if changed {
			news, err := s.newAlerts(ctx, its)
			switch {
			case errors.Is(err, backend.ErrUnavailable), backend.Status(err) == http.StatusTooManyRequests:
				pause = pollEvery
			case err != nil:
				return
			}
			if len(news) > 0 {
				select {
				case found <- news:
				case <-ctx.Done():
					return
				}
			}
		}
		select {
		case <-time.After(time.Until(asked.Add(pause))):
		case <-ctx.Done():
			return
		}
	}
}

// awaitAlert waits until there may be an alert besides those that are known.
func (s *Server) awaitAlert(ctx context.Context, newest *uuid.UUID) (changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, waitFor+patience)
	defer cancel()
	seconds := int64(waitFor / time.Second)
	answer, err := backend.Read(s.API.AwaitAlertsWithResponse(ctx, &backend.AwaitAlertsParams{Newest: newest, Seconds: &seconds}))
	if err != nil {
		return false, err
	}
	return answer.JSON200.Changed, nil
}

// newAlerts are the newest alerts in the application that were not known, the oldest first. They
// are known from then on.
func (s *Server) newAlerts(ctx context.Context, its *alerts) (found []backend.Alert, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	limit := int64(mostLive)
	answer, err := backend.Read(s.API.ListAlertsWithResponse(ctx, &backend.ListAlertsParams{Limit: &limit}))
	if err != nil {
		return nil, err
	}
	items := answer.JSON200.Items
	if len(items) > 0 {
		newest, err := uuid.Parse(items[0].Id)
		if err != nil {
			return nil, err
		}
		its.newest = &newest
	}
	for _, a := range items {
		if a.Channel == backend.AlertChannelInApp && !its.known[a.Id] {
			its.known[a.Id] = true
			found = append([]backend.Alert{a}, found...)
		}
	}
	return found, nil
}

// toasts are the events that show alerts.
func toasts(ctx context.Context, p view.Page, alerts []backend.Alert) (text string, err error) {
	for _, a := range alerts {
		piece, err := toast(ctx, p, a)
		if err != nil {
			return "", err
		}
		text += piece
	}
	return text, nil
}

// toast is the event that shows an alert. It is named by when the alert was delivered, in
// milliseconds, the last of them included.
func toast(ctx context.Context, p view.Page, a backend.Alert) (string, error) {
	var piece bytes.Buffer
	if err := view.Toast(p, a).Render(ctx, &piece); err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "id: %d\n", a.DeliveredAt.Add(time.Millisecond-time.Nanosecond).UnixMilli())
	for line := range strings.SplitSeq(piece.String(), "\n") {
		text.WriteString("data: " + line + "\n")
	}
	return text.String() + "\n", nil
}

// sender writes to a browser at once.
func sender(w http.ResponseWriter) func(text string) error {
	control := http.NewResponseController(w)
	deadline := func(at time.Time) error {
		if err := control.SetWriteDeadline(at); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		return nil
	}
	return func(text string) error {
		if err := deadline(time.Now().Add(writeTime)); err != nil {
			return err
		}
		if _, err := fmt.Fprint(w, text); err != nil {
			return err
		}
		if err := control.Flush(); err != nil {
			return err
		}
		// HTTP/2 ends a stream whose time is over even when nothing waits to be written.
		return deadline(time.Time{})
	}
}
