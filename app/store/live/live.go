// Package live tells who is looking that something new of theirs is there. It
// goes through PostgreSQL's NOTIFY, so that it reaches the replica that a user is
// connected to, whichever has made the change.
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
)

// Kinds of notice.
const (
	Insight = "insight"
	Alert   = "alert"
	// Missed says that notices may have been lost: look at everything again.
	Missed = "missed"
)

// Notice is that something of a user's is new. It holds no content, for which a
// notification of PostgreSQL may be too short (8000 bytes).
type Notice struct {
	User uuid.UUID `json:"user"`
	Kind string    `json:"kind"`
	ID   uuid.UUID `json:"id"`
}

// channel is where PostgreSQL tells of notices.
const channel = "live"

// Tell has a notice sent once tx is committed.
func Tell(ctx context.Context, tx pgx.Tx, n Notice) error {
	payload, err := json.Marshal(n)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "SELECT pg_notify($1, $2)", channel, string(payload)); err != nil {
		return fmt.Errorf("tell who is looking: %w", err)
	}
	return nil
}

// The bounds of what a hub keeps.
const (
	perUser = 5
	inAll   = 2000
	// waiting is how many notices a slow subscriber may be behind.
	waiting = 16
)

// ErrFull is that a user has as many subscriptions as one may have, or the hub has.
var ErrFull = errors.New("too many live connections: close one first")

// Hub hands notices on to the subscribers of this process.
type Hub struct {
	Pool *pgxpool.Pool
	Log  *slog.Logger

	mu    sync.Mutex
	users map[uuid.UUID]map[*Subscription]struct{}
	count int
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

// tell hands a notice on to the subscribers of its user. It never waits.
func (h *Hub) tell(n Notice) {
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
// which nothing more is said until the reader has caught up.
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
	firstPause = 200 * time.Millisecond
	longPause  = 5 * time.Second
	// quiet is how long to hear nothing before it is asked whether the connection
	// is alive: after a failover it may be dead without a word.
	quiet = 30 * time.Second
	// answerTime is how long the database may take for that.
	answerTime = 5 * time.Second
)

// Run listens until ctx ends. It goes on when the database comes back, and then
// tells everybody that something may have been missed.
func (h *Hub) Run(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		err := h.listen(ctx, func() { pause = firstPause })
		if ctx.Err() != nil {
			return
		}
		h.Log.WarnContext(ctx, "what is new is not told live", "error", err, "next_try_in", pause.String())
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longPause)
	}
}

func (h *Hub) listen(ctx context.Context, listening func()) error {
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
		n, err := next(ctx, own)
		switch {
		case err != nil:
			return err
		case n.Kind != "":
			h.tell(n)
		default:
			if err := within(ctx, own.Ping); err != nil {
				return err
			}
		}
	}
}

// next waits for a notice; it is the zero one when nothing was heard for a while.
func next(ctx context.Context, own *pgx.Conn) (Notice, error) {
	limited, cancel := context.WithTimeout(ctx, quiet)
	defer cancel()
	heard, err := own.WaitForNotification(limited)
	if err != nil {
		if errors.Is(limited.Err(), context.DeadlineExceeded) && ctx.Err() == nil && !own.IsClosed() {
			return Notice{}, nil
		}
		return Notice{}, err
	}
	var n Notice
	if err := json.Unmarshal([]byte(heard.Payload), &n); err != nil {
		return Notice{}, fmt.Errorf("a notice that cannot be read: %w", err)
	}
	return n, nil
}

// within bounds what is asked of the database.
func within(ctx context.Context, ask func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return ask(limited)
}
