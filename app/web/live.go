package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/view"
)

const livePath = "/live"

// writeTime is how long a browser may take to take in a live event.
const writeTime = 10 * time.Second

// live hands on what the API notifies of, as pieces of a page (server-sent events). The
// connection ends when the API ends it, at the latest after 15 minutes; the browser comes again.
func (s *Server) live(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx := r.Context()
	answer, err := s.API.Live(ctx)
	if err != nil {
		return errors.Join(backend.ErrUnavailable, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		// Not a page: nobody would see it. The browser comes again later, or not at all.
		w.WriteHeader(answer.StatusCode)
		return nil
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies hand on each event as it comes
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	send := func(text string) error {
		if err := control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		if _, err := fmt.Fprint(w, text); err != nil {
			return err
		}
		if err := control.Flush(); err != nil {
			return err
		}
		// HTTP/2 ends a stream whose time is over even when nothing waits to be written.
		if err := control.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		return nil
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(answer.Body)
		scanner.Buffer(nil, maxEvent)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	p := v.page(r, "", "")
	kind := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.Ending:
			return nil
		case line, more := <-lines:
			if !more {
				return nil
			}
			var text string
			switch {
			case strings.HasPrefix(line, ":"), strings.HasPrefix(line, "retry:"):
				text = line + "\n\n"
			case strings.HasPrefix(line, "event: "):
				kind = strings.TrimPrefix(line, "event: ")
				continue
			case strings.HasPrefix(line, "data: "):
				if text, err = s.event(r, p, kind, strings.TrimPrefix(line, "data: ")); err != nil {
					return nil // what the API says cannot be read: the browser comes again
				}
			default:
				continue
			}
			if err := send(text); err != nil {
				return nil // the browser has gone
			}
		}
	}
}

// maxEvent is more than any event of the API has, in bytes.
const maxEvent = 256 << 10

// event makes a piece of a page of an event of the API: an alert is shown; whatever comes has
// the count of unread alerts read again.
func (s *Server) event(r *http.Request, p view.Page, kind, data string) (string, error) {
	const again = "event: changed\ndata: \n\n"
	if kind != "alert" {
		return again, nil
	}
	var a backend.Alert
	if err := json.Unmarshal([]byte(data), &a); err != nil {
		s.Log.ErrorContext(r.Context(), "an alert of the API cannot be read", "error", err)
		return "", err
	}
	if a.Channel != backend.AlertChannelInApp {
		return "", nil
	}
	var piece bytes.Buffer
	if err := view.Toast(p, a).Render(r.Context(), &piece); err != nil {
		return "", err
	}
	var text strings.Builder
	for line := range strings.SplitSeq(piece.String(), "\n") {
		text.WriteString("data: " + line + "\n")
	}
	return text.String() + "\n" + again, nil
}
