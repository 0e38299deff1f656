package account

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// How sessions that end become known.
const (
	// endedPoll is how often each replica asks which have ended: access tokens of
	// theirs are refused within a minute everywhere.
	endedPoll = 5 * time.Second
	// endedOverlap is how far back it asks: what ends a session may be a long
	// transaction, which is seen only when it is committed.
	endedOverlap = 5 * time.Minute
	// endedLife is how long they are remembered: access tokens last no longer.
	endedLife = tokenLife + time.Minute
	// endedAnswerTime bounds what is asked of the database.
	endedAnswerTime = 5 * time.Second
)

// Ended knows which sessions ended while access tokens of theirs may still be
// good. While the database does not answer, it knows of those until then only.
type Ended struct {
	Pool *pgxpool.Pool
	Log  *slog.Logger

	mu    sync.RWMutex
	at    map[uuid.UUID]time.Time
	since time.Time // of the newest that is known, by the database's clock
}

// Has tells whether the session has ended. It asks nobody.
func (e *Ended) Has(session uuid.UUID) bool {
	e.mu.RLock()
	defer e.mu.RUnlock()
	_, ended := e.at[session]
	return ended
}

// Run keeps up until ctx ends.
func (e *Ended) Run(ctx context.Context) {
	tick := time.NewTicker(endedPoll)
	defer tick.Stop()
	for {
		if err := e.Poll(ctx); err != nil && ctx.Err() == nil {
			e.Log.WarnContext(ctx, "access tokens of sessions that end now stay good until they expire", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Poll asks once which sessions have ended.
func (e *Ended) Poll(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, endedAnswerTime)
	defer cancel()
	e.mu.RLock()
	since := e.since
	e.mu.RUnlock()
	if since.IsZero() {
		since = time.Now().Add(-2 * endedLife) // clocks may differ
	}
	rows, err := backenddb.New(e.Pool).EndedSessions(limited, since.Add(-endedOverlap))
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.at == nil {
		e.at = map[uuid.UUID]time.Time{}
	}
	for _, row := range rows {
		e.at[row.ID] = row.EndedAt
		if row.EndedAt.After(e.since) {
			e.since = row.EndedAt
		}
	}
	for id, at := range e.at {
		if e.since.Sub(at) > endedLife {
			delete(e.at, id)
		}
	}
	return nil
}
