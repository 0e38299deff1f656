package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/view"
)

const livePath = "/live"

// How live connections go.
const (
	// pollEvery is how often the API is asked for what is new: service invocation delivers an
	// answer when it has ended, so that the API's own stream does not come through it.
	pollEvery = 3 * time.Second
	// heartbeat keeps proxies from taking a quiet connection for a dead one.
	heartbeat = 15 * time.Second
	// writeTime is how long a browser may take to take in a live event.
	writeTime = 10 * time.Second
	// liveMargin is how long before the end of the access token a connection ends. The browser
	// comes again, and gets another token.
	liveMargin = 30 * time.Second
	// mostLive is how many new alerts one look finds; the page of alerts has all.
	mostLive = 20
)

// again has the page read the count of unread alerts again.
const again = "event: changed\ndata: \n\n"

// live sends alerts as they come, as pieces of a page (server-sent events). The connection ends
// with the person's session, and before the access token does: the browser comes again.
func (s *Server) live(w http.ResponseWriter, r *http.Request, v *visit) error {
	seen, err := s.newAlerts(r.Context(), nil)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, a := range seen {
		known[a.Id] = true
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies hand on each event as it comes
	w.WriteHeader(http.StatusOK)
	send := sender(w)
	if send("retry: 3000\n"+again) != nil {
		return nil // the browser has gone
	}
	ends := time.NewTimer(max(pollEvery, time.Until(v.session.AccessEnds)-liveMargin))
	defer ends.Stop()
	poll, beat := time.NewTicker(pollEvery), time.NewTicker(heartbeat)
	defer poll.Stop()
	defer beat.Stop()
	p := v.page(r, "", "")
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
		case <-poll.C:
			found, err := s.newAlerts(r.Context(), known)
			if backend.Status(err) != 0 {
				return nil // the session has ended, or the API has another reason
			}
			// While the API is unavailable nothing comes; it is asked again.
			for _, a := range found {
				known[a.Id] = true
				piece, err := toast(r.Context(), p, a)
				if err != nil {
					return nil
				}
				text += piece
			}
			if len(found) > 0 {
				text += again
			}
		}
		if text != "" && send(text) != nil {
			return nil // the browser has gone
		}
	}
}

// newAlerts are the newest alerts in the application but those that are known, the oldest first.
func (s *Server) newAlerts(ctx context.Context, known map[string]bool) (found []backend.Alert, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	limit := int64(mostLive)
	answer, err := backend.Read(s.API.ListAlertsWithResponse(ctx, &backend.ListAlertsParams{Limit: &limit}))
	if err != nil {
		return nil, err
	}
	for _, a := range answer.JSON200.Items {
		if a.Channel == backend.AlertChannelInApp && !known[a.Id] {
			found = append([]backend.Alert{a}, found...)
		}
	}
	return found, nil
}

// toast is the event that shows an alert.
func toast(ctx context.Context, p view.Page, a backend.Alert) (string, error) {
	var piece bytes.Buffer
	if err := view.Toast(p, a).Render(ctx, &piece); err != nil {
		return "", err
	}
	var text strings.Builder
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
