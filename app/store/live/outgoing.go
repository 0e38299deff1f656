package live

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// How notices are sent to other replicas.
const (
	// spacing is the least time between two sendings: what comes meanwhile is sent
	// together.
	spacing = 100 * time.Millisecond
	// perEnvelope notices take less than the 8000 bytes of a notification.
	perEnvelope = 40
	// mostUsers is of how many users notices wait; of more, everybody is asked to look
	// again instead.
	mostUsers = 2000
)

// outgoing are the notices that wait to be sent to other replicas. Its memory is
// bounded: of a user with many, and of many users, only that there are some is kept.
type outgoing struct {
	mu    sync.Mutex
	users map[uuid.UUID][]Notice
	all   bool // everybody is to look again
	awake chan struct{}
}

// add has a notice wait. It never waits itself.
func (o *outgoing) add(n Notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.keep(n)
	select {
	case o.signal() <- struct{}{}:
	default:
	}
}

// keep is called under the lock.
func (o *outgoing) keep(n Notice) {
	if o.all {
		return
	}
	its, known := o.users[n.User]
	switch {
	case n.User == uuid.Nil, !known && len(o.users) >= mostUsers:
		o.all, o.users = true, nil
	case len(its) < waiting:
		if o.users == nil {
			o.users = map[uuid.UUID][]Notice{}
		}
		o.users[n.User] = append(its, n)
	default:
		its[waiting-1] = Notice{User: n.User, Kind: Missed}
	}
}

// signal is called under the lock.
func (o *outgoing) signal() chan struct{} {
	if o.awake == nil {
		o.awake = make(chan struct{}, 1)
	}
	return o.awake
}

// wake receives when there is something to take.
func (o *outgoing) wake() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.signal()
}

// take returns what waits, and empties it.
func (o *outgoing) take() (notices []Notice) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.all {
		notices = append(notices, Notice{Kind: Missed})
	}
	for _, its := range o.users {
		notices = append(notices, its...)
	}
	o.all, o.users = false, nil
	return notices
}

// restore has notices wait again that could not be sent, before those that have come
// since.
func (o *outgoing) restore(notices []Notice) {
	for _, n := range append(notices, o.take()...) {
		o.add(n)
	}
}

// send sends what waits to the other replicas until ctx ends, and then what is left.
// What cannot be sent is tried again.
func (h *Hub) send(ctx context.Context, from uuid.UUID) {
	wake, sending := h.others.wake(), context.WithoutCancel(ctx)
	for {
		select {
		case <-ctx.Done():
			_ = h.flush(sending, from)
			return
		case <-wake:
		}
		if err := h.flush(sending, from); err != nil {
			h.Log.WarnContext(ctx, "notices to other replicas wait", "error", err)
			sleep(ctx, firstPause)
		}
		sleep(ctx, spacing)
	}
}

func (h *Hub) flush(ctx context.Context, from uuid.UUID) error {
	notices := h.others.take()
	if len(notices) == 0 {
		return nil
	}
	envelopes, err := sealed(from, notices)
	if err != nil {
		return err
	}
	err = within(ctx, func(ctx context.Context) error {
		batch := &pgx.Batch{}
		// The lock of whoever notifies is held until the commit is on disk, for which
		// there is no need.
		batch.Queue("SELECT set_config('synchronous_commit', 'off', true)")
		batch.Queue("SELECT pg_notify($1, envelope) FROM unnest($2::text[]) envelope", channel, envelopes)
		return h.Pool.SendBatch(ctx, batch).Close()
	})
	if err != nil {
		h.others.restore(notices)
	}
	return err
}

// sealed puts notices into as many envelopes as it takes.
func sealed(from uuid.UUID, notices []Notice) (envelopes []string, err error) {
	for len(notices) > 0 {
		n := min(len(notices), perEnvelope)
		text, err := json.Marshal(envelope{from, notices[:n]})
		if err != nil {
			return nil, fmt.Errorf("write an envelope of notices: %w", err)
		}
		envelopes, notices = append(envelopes, string(text)), notices[n:]
	}
	return envelopes, nil
}
