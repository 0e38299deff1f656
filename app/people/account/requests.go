package account

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Requests limits how many requests a user makes in a minute, over all replicas:
// each counts for itself, at no cost to the request, and about once a second they
// add up what they have counted. A user who asks several replicas at once may be a
// second's requests ahead.
type Requests struct {
	Guard Guard
	// Most is how many there may be in a minute; 0: any number.
	Most int
	Log  *slog.Logger

	mu     sync.Mutex
	minute time.Time
	counts map[uuid.UUID]*requests
}

// requests are those of one user in one minute.
type requests struct {
	here     int // counted by this replica
	reported int // of them, those that the others know of
	everyone int // counted by all of them, when last added up
}

// Allow counts a request and tells whether it is one of those that may be.
func (r *Requests) Allow(user uuid.UUID) bool {
	if r.Most == 0 {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if minute := time.Now().Truncate(time.Minute); !minute.Equal(r.minute) {
		r.minute, r.counts = minute, map[uuid.UUID]*requests{}
	}
	c := r.counts[user]
	if c == nil {
		c = &requests{}
		r.counts[user] = c
	}
	c.here++
	return c.everyone+c.here-c.reported <= r.Most
}

// reconcileEvery is how often replicas add up what they have counted.
const reconcileEvery = time.Second

// Run adds up until ctx ends.
func (r *Requests) Run(ctx context.Context) {
	if r.Most == 0 {
		return
	}
	tick := time.NewTicker(reconcileEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := r.Reconcile(ctx); err != nil && ctx.Err() == nil {
				r.Log.DebugContext(ctx, "requests are counted by each replica alone", "error", err)
			}
		}
	}
}

// Reconcile adds what was counted here to what others have counted. Counts of users
// who are far from the limit stay here, where they cost nothing.
func (r *Requests) Reconcile(ctx context.Context) error {
	minute, users, keys, counts := r.unreported()
	if len(users) == 0 {
		return nil
	}
	byKey := make(map[string]uuid.UUID, len(users))
	for i, user := range users {
		byKey[string(keys[i])] = user
	}
	limited, cancel := context.WithTimeout(ctx, endedAnswerTime)
	defer cancel()
	rows, err := backenddb.New(r.Guard.Pool).AddAttempts(limited, minute.Add(2*time.Minute), keys, counts)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !minute.Equal(r.minute) {
		return nil
	}
	counted := map[uuid.UUID]int{}
	for i, user := range users {
		counted[user] = int(counts[i])
	}
	for _, row := range rows {
		user := byKey[string(row.Key)]
		c := r.counts[user]
		c.reported += counted[user]
		c.everyone = int(row.Count)
	}
	return nil
}

// farFromLimit is the share of the limit below which requests are not reported.
const farFromLimit = 10

func (r *Requests) unreported() (minute time.Time, users []uuid.UUID, keys [][]byte, counts []int32) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for user, c := range r.counts {
		if n := c.here - c.reported; n > 0 && c.here > r.Most/farFromLimit {
			users = append(users, user)
			keys = append(keys, sum("requests|"+r.minute.UTC().Format(time.RFC3339)+"|"+user.String()))
			counts = append(counts, int32(n))
		}
	}
	return r.minute, users, keys, counts
}
