package doapi

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// hourlyLimit is how many requests DigitalOcean allows a token in an hour.
const hourlyLimit = 5000

// limiter counts the requests of an hour.
type limiter struct {
	allowed int
	now     func() time.Time

	mu    sync.Mutex
	used  int
	reset time.Time
}

func newLimiter(allowed int) *limiter {
	return &limiter{allowed: allowed, now: time.Now}
}

// take counts a request, writes the rate headers, and says whether the request
// may go on.
func (l *limiter) take(header http.Header) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); !now.Before(l.reset) {
		l.used, l.reset = 0, now.Add(time.Hour)
	}
	ok := l.used < l.allowed
	if ok {
		l.used++
	}
	header.Set("ratelimit-limit", strconv.Itoa(l.allowed))
	header.Set("ratelimit-remaining", strconv.Itoa(l.allowed-l.used))
	header.Set("ratelimit-reset", strconv.FormatInt(l.reset.Unix(), 10))
	return ok
}
