// Package live notifies who is looking that something new of theirs is there. The
// replica that made a change notifies its own subscribers at once, and the other
// replicas through PostgreSQL's NOTIFY, apart from the transaction of the change.
package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/db"
)

// Kinds of notice.
const (
	Insight = "insight"
	Alert   = "alert"
	// Missed says that notices may have been lost: look at everything again.
	Missed = "missed"
)

// Notice is that something of a user's is new. It holds no content: whoever gets it
// reads that as the user.
type Notice struct {
	User uuid.UUID `json:"user"`
	Kind string    `json:"kind"`
	ID   uuid.UUID `json:"id"`
	// Parent is the trace parent of what made it new; empty: of a trace that nobody records.
	Parent string `json:"parent,omitempty"`
}

// Of gives the notice the trace of ctx.
func (n Notice) Of(ctx context.Context) Notice {
	if tracing.Recorded(ctx) {
		n.Parent = tracing.Parent(ctx)
	}
	return n
}

// The bounds of what a hub keeps.
const (
	perUser = 5
	inAll   = 2000
	// waiting is how many notices a slow subscriber may be behind, and how many of a
	// user's wait to be sent to other replicas.
	waiting = 16
)

// ErrFull is that a user has as many subscriptions as one may have, or the hub has.
var ErrFull = errors.New("too many live connections: close one first")

// Hub hands notices on to the subscribers of this process, and exchanges them with
// the hubs of other replicas while it runs. A nil Hub takes no notice.
type Hub struct {
	Pool *pgxpool.Pool
	Log  *slog.Logger

	mu    sync.Mutex
	users map[uuid.UUID]map[*Subscription]struct{}
	count int

	others outgoing
}

// Subscription is one who is looking.
type Subscription struct {
	// Notices carries what is new. When its reader is too slow some are left out,
	// and a Missed comes instead.
	Notices <-chan Notice
	notices chan Notice
	user    uuid.UUID
	missed  bool
}

// Notify sends a notice once the transaction of q is committed (see
// db.AfterCommit), and costs that transaction nothing: PostgreSQL lets only one
// transaction that notifies commit at a time. It may be lost when the process ends
// without a word; whoever connects reads everything anyway.
func (h *Hub) Notify(q db.Querier, n Notice) {
	if h == nil {
		return
	}
	db.AfterCommit(q, func() {
		h.deliver(n)
		h.others.add(n)
	})
}

// Subscribe begins to hand on what is new of a user's. The subscription must be
// given to Leave at its end. ErrFull: there are too many.
func (h *Hub) Subscribe(user uuid.UUID) (*Subscription, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count >= inAll || len(h.users[user]) >= perUser {
		return nil, ErrFull
	}
	notices := make(chan Notice, waiting)
	s := &Subscription{Notices: notices, notices: notices, user: user}
	if h.users == nil {
		h.users = map[uuid.UUID]map[*Subscription]struct{}{}
	}
	if h.users[user] == nil {
		h.users[user] = map[*Subscription]struct{}{}
	}
	h.users[user][s] = struct{}{}
	h.count++
	return s, nil
}

// Leave ends a subscription.
func (h *Hub) Leave(s *Subscription) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, is := h.users[s.user][s]; !is {
		return
	}
	delete(h.users[s.user], s)
	if len(h.users[s.user]) == 0 {
		delete(h.users, s.user)
	}
	h.count--
}

// deliver hands a notice on to the subscribers of its user, or of all users when it
// is of none. It never waits.
func (h *Hub) deliver(n Notice) {
	if n.User == uuid.Nil {
		h.lost()
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.users[n.User] {
		s.offer(n)
	}
}

// lost tells everybody that notices may have been missed.
func (h *Hub) lost() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for user, all := range h.users {
		for s := range all {
			s.offer(Notice{User: user, Kind: Missed})
		}
	}
}

// offer is called under the hub's lock. The last place is kept for a Missed, after
// which nothing more is sent until the reader has caught up.
func (s *Subscription) offer(n Notice) {
	if len(s.notices) == 0 {
		s.missed = false
	}
	switch {
	case s.missed:
	case len(s.notices) < waiting-1:
		s.notices <- n
	default:
		s.missed = true
		s.notices <- Notice{User: n.User, Kind: Missed}
	}
}

// How the hub goes about listening.
const (
	// channel is where hubs of one database exchange envelopes.
	channel = "live_notices"

	firstPause = 200 * time.Millisecond
	longPause  = 5 * time.Second
	// quiet is how long to hear nothing before it is asked whether the connection
	// is alive: after a failover it may be dead without a word.
	quiet = 30 * time.Second
	// answerTime is how long the database may take for that.
	answerTime = 5 * time.Second
)

// envelope is what one hub sends to the others in one notification.
type envelope struct {
	From    uuid.UUID `json:"from"`
	Notices []Notice  `json:"notices"`
}

// Run exchanges notices with other replicas until ctx ends. It goes on when the
// database comes back, and then tells everybody that something may have been missed.
func (h *Hub) Run(ctx context.Context) {
	from := uuid.New()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		h.send(ctx, from)
	}()
	defer func() { <-sent }()
	pause := firstPause
	for ctx.Err() == nil {
		err := h.listen(ctx, from, func() { pause = firstPause })
		if ctx.Err() != nil {
			return
		}
		h.Log.WarnContext(ctx, "notices of other replicas are not heard", "error", err, "next_attempt_in", pause.String())
		sleep(ctx, pause)
		pause = min(2*pause, longPause)
	}
}

func (h *Hub) listen(ctx context.Context, from uuid.UUID, listening func()) error {
	connection, err := h.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	own := connection.Hijack() // it listens, which must not go back into the pool
	defer func() { _ = own.Close(context.WithoutCancel(ctx)) }()
	if err := within(ctx, func(ctx context.Context) error {
		_, err := own.Exec(ctx, "LISTEN "+channel)
		return err
	}); err != nil {
		return err
	}
	listening()
	h.lost()
	for {
		heard, err := next(ctx, own)
		if err != nil {
			return err
		}
		if heard.From == uuid.Nil {
			if err := within(ctx, own.Ping); err != nil {
				return err
			}
			continue
		}
		if heard.From == from {
			continue // its own subscribers have it already
		}
		for _, n := range heard.Notices {
			h.deliver(n)
		}
	}
}

// next waits for an envelope; it is the zero one when nothing was heard for a while.
func next(ctx context.Context, own *pgx.Conn) (e envelope, err error) {
	limited, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	heard, err := own.WaitForNotification(limited)
	if err != nil {
		if errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil && !own.IsClosed() {
			return e, nil
		}
		return e, err
	}
	if err := json.Unmarshal([]byte(heard.Payload), &e); err != nil {
		return e, fmt.Errorf("read an envelope of notices: %w", err)
	}
	return e, nil
}

// within bounds what is asked of the database.
func within(ctx context.Context, ask func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return ask(limited)
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
