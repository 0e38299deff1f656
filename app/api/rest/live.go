package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/live"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// livePath is the one route whose answer goes on, so that a request's patience
// does not end it.
const livePath = base + "/live"

// How live connections go.
const (
	// heartbeat keeps proxies from taking a quiet connection for a dead one, and
	// finds out that a caller has gone.
	heartbeat = 15 * time.Second
	// liveFor is how long a connection goes on. A caller then comes again with an
	// access token that is valid by then.
	liveFor = 15 * time.Minute
	// sessionCheck is how often a connection looks whether its session has ended,
	// which replicas learn within seconds (account.Ended).
	sessionCheck = time.Second
	// writeTime is how long a caller may take to be told something.
	writeTime = 10 * time.Second
	// retry tells browsers when to come again, in milliseconds.
	retry = 3000
)

const liveDescription = "Server-sent events (text/event-stream). `insight` and `alert` carry what is new as GET of it would. " +
	"`missed` comes first and whenever something may have been lost: read the lists again. Lines that begin with a colon are heartbeats. " +
	"The connection ends after 15 minutes, when the server is updated (connect again), and within seconds of the end of the session whose access token it was opened with. At most five a user (429)."

// live declares the stream of what is new.
func (r routes) live() {
	o := operation{http.MethodGet, "/live", "live", "What is new, as it comes", 0, 0}.huma()
	o.Description = liveDescription
	o.Security = []map[string][]string{{bearer: {}}}
	o.Middlewares = huma.Middlewares{r.authenticated}
	o.Errors = append(o.Errors, http.StatusUnauthorized, http.StatusTooManyRequests)
	o.Responses = map[string]*huma.Response{"200": {
		Description: "What is new, as it comes",
		Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	declare(r, o, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		who := callerOf(ctx)
		subscription, err := r.api.Live.Subscribe(who.user)
		if errors.Is(err, live.ErrFull) {
			return nil, status{http.StatusTooManyRequests, err.Error()}
		}
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(ctx huma.Context) {
			defer r.api.Live.Leave(subscription)
			r.api.stream(ctx, who, subscription)
		}}, nil
	})
}

// stream sends a caller what is new until one of the two, or the caller's session, ends.
func (a *API) stream(ctx huma.Context, who caller, subscription *live.Subscription) {
	ctx.SetHeader("Content-Type", "text/event-stream")
	ctx.SetHeader("X-Accel-Buffering", "no") // NGINX hands on each event as it comes
	ctx.SetStatus(http.StatusOK)
	to, is := ctx.BodyWriter().(http.ResponseWriter)
	if !is {
		a.Log.ErrorContext(ctx.Context(), "a live connection cannot be written to piece by piece")
		return
	}
	out := sender{to: to, control: http.NewResponseController(to)}
	defer func() { _ = out.control.SetWriteDeadline(time.Now().Add(writeTime)) }() // of the last bytes
	ends := time.NewTimer(liveFor)
	defer ends.Stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	check := time.NewTicker(sessionCheck)
	defer check.Stop()
	err := out.send(fmt.Sprintf("retry: %d\nevent: %s\ndata: {}\n\n", retry, live.Missed))
	for err == nil {
		select {
		case <-ctx.Context().Done():
			return
		case <-a.Ending:
			return
		case <-ends.C:
			return
		case <-check.C:
			if a.Accounts.Ended.Has(who.Session) {
				return
			}
		case <-beat.C:
			err = out.send(":\n\n")
		case notice := <-subscription.Notices:
			if a.Accounts.Ended.Has(who.Session) {
				return
			}
			var text string
			if text, err = a.event(ctx.Context(), who.user, notice); err != nil {
				// It comes again and reads the lists.
				a.Log.WarnContext(ctx.Context(), "a live connection is ended", "error", err)
				return
			}
			err = out.send(text)
		}
	}
}

// event writes a notice as an event; "" when what it is about is gone.
func (a *API) event(ctx context.Context, user uuid.UUID, n live.Notice) (text string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ctx, span := brought(ctx, n)
	defer func() { tracing.End(span, err) }()
	var what any
	switch n.Kind {
	case live.Insight:
		what, err = a.Insights.Get(ctx, user, n.ID)
	case live.Alert:
		what, err = a.Alerts.Get(ctx, user, n.ID)
	default:
		what = struct{}{}
	}
	if errors.Is(err, apperror.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(what) // without line breaks
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("event: %s\ndata: %s\n\n", n.Kind, raw), nil
}

// brought starts the span of bringing a notice to somebody who is looking, in the trace of what
// made it. It is linked to the request that brings it.
func brought(ctx context.Context, n live.Notice) (context.Context, trace.Span) {
	if n.Parent == "" {
		return ctx, noop.Span{}
	}
	return tracing.Start(tracing.Remote(ctx, n.Parent), "deliver live "+n.Kind, trace.WithLinks(trace.LinkFromContext(ctx)))
}

// sender writes to a caller at once.
type sender struct {
	to      io.Writer
	control *http.ResponseController
}

func (s sender) send(text string) error {
	if text == "" {
		return nil
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := io.WriteString(s.to, text); err != nil {
		return err
	}
	return s.control.Flush()
}

// awaitAlerts is how a caller waits who gets no stream, as through Dapr's service invocation,
// which delivers an answer when it has ended.
type awaitAlerts struct {
	Newest  string `query:"newest" format:"uuid" doc:"The newest alert that the caller knows, of any channel; without it, none is known"`
	Seconds int    `query:"seconds" default:"0" minimum:"0" maximum:"25" doc:"How long to wait"`
}

// News tells whether something is new.
type News struct {
	Changed bool `json:"changed" doc:"Read the list again; false: nothing came in time, or the server is updated"`
}

func (r routes) awaitAlerts(ctx context.Context, user uuid.UUID, in *awaitAlerts) (News, error) {
	a, who := r.api, callerOf(ctx)
	// First, so that nothing is missed between the look and the wait.
	subscription, err := a.Live.Subscribe(user)
	if errors.Is(err, live.ErrFull) {
		return News{}, status{http.StatusTooManyRequests, err.Error()}
	}
	if err != nil {
		return News{}, err
	}
	defer a.Live.Leave(subscription)
	newest, err := a.Alerts.List(ctx, user, false, pagination.Request{Limit: 1})
	if err != nil {
		return News{}, err
	}
	if len(newest.Items) > 0 && newest.Items[0].ID.String() != in.Newest {
		return News{Changed: true}, nil
	}
	enough := time.NewTimer(time.Duration(in.Seconds) * time.Second)
	defer enough.Stop()
	check := time.NewTicker(sessionCheck)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return News{}, ctx.Err()
		case <-a.Ending:
			return News{}, nil
		case <-enough.C:
			return News{}, nil
		case <-check.C:
			if a.Accounts.Ended.Has(who.Session) {
				return News{}, nil // the next request is refused
			}
		case notice := <-subscription.Notices:
			if notice.Kind != live.Insight {
				_, span := brought(ctx, notice)
				tracing.End(span, nil)
				return News{Changed: true}, nil
			}
		}
	}
}
