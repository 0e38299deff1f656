package rest

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"
)

// window is what limits count in.
const window = time.Minute

// Limits say how many requests there may be in a minute. Each replica counts for
// itself. 0: as many as you like.
type Limits struct {
	// Address is of requests from one address to get in: registrations, log-ins,
	// refreshed tokens.
	Address int
	// Account is of passwords that are tried for one account, wherever from.
	Account int
	// User is of all requests of one who is logged in.
	User int
	// Proxies are whose word is taken for who asks (X-Forwarded-For). Without any,
	// the one who connects is the one who asks.
	Proxies []string
}

// What people need, and a good deal more; an office shares an address.
const (
	addressLimit = 120
	accountLimit = 10
	userLimit    = 1200
)

// LoadLimits reads RATE_LIMIT_AUTH (by address), RATE_LIMIT_ACCOUNT and
// RATE_LIMIT_USER, each in requests a minute, 0 for no limit, and
// TRUSTED_PROXIES, CIDRs with commas between. It tells of everything that is
// wrong at once.
func LoadLimits(getenv func(string) string) (Limits, error) {
	var l Limits
	var wrong []error
	for _, one := range []struct {
		key      string
		target   *int
		standard int
	}{
		{"RATE_LIMIT_AUTH", &l.Address, addressLimit}, {"RATE_LIMIT_ACCOUNT", &l.Account, accountLimit}, {"RATE_LIMIT_USER", &l.User, userLimit},
	} {
		text := cmp.Or(getenv(one.key), strconv.Itoa(one.standard))
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			wrong = append(wrong, fmt.Errorf("%s is %q: give requests a minute, or 0 for no limit", one.key, text))
		}
		*one.target = n
	}
	for text := range strings.SplitSeq(getenv("TRUSTED_PROXIES"), ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		if _, err := netip.ParsePrefix(text); err != nil {
			wrong = append(wrong, fmt.Errorf("TRUSTED_PROXIES: %q is no network such as 10.0.0.0/8", text))
			continue
		}
		l.Proxies = append(l.Proxies, text)
	}
	return l, errors.Join(wrong...)
}

// clientAddress notes who asks, for limitedByAddress.
func (l Limits) clientAddress() func(http.Handler) http.Handler {
	if len(l.Proxies) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	return middleware.ClientIPFromXFF(l.Proxies...)
}

// limiters count. nil: does not.
type limiters struct{ address, account, user *httprate.RateLimiter }

func (l Limits) limiters() limiters {
	of := func(n int) *httprate.RateLimiter {
		if n == 0 {
			return nil
		}
		return httprate.NewRateLimiter(n, window)
	}
	return limiters{of(l.Address), of(l.Account), of(l.User)}
}

// limitedByAddress lets those pass whose address has not asked too often. One
// without an address (behind a proxy that does not tell it) shares it with its like.
func (r routes) limitedByAddress(ctx huma.Context, next func(huma.Context)) {
	address := httprate.CanonicalizeIP(middleware.GetClientIP(ctx.Context()))
	if !r.limited(ctx, r.limits.address, address) {
		next(ctx)
	}
}

// limited counts a request, and answers it when it is one too many.
func (r routes) limited(ctx huma.Context, by *httprate.RateLimiter, key string) bool {
	if by == nil {
		return false
	}
	request, w := humachi.Unwrap(ctx)
	if !by.OnLimit(w, request, key) {
		return false
	}
	_ = huma.WriteErr(r.API, ctx, http.StatusTooManyRequests, tooOften)
	return true
}

const tooOften = "that is too often: wait a minute"

// tried counts a password that is tried for an account, and refuses one too many.
func (r routes) tried(account string) error {
	if r.limits.account == nil {
		return nil
	}
	if r.limits.account.OnLimit(silent{}, &http.Request{}, account) {
		return status{http.StatusTooManyRequests, tooOften}
	}
	return nil
}

// silent takes the headers that a limiter would have told the caller of: how
// often an account is tried is nobody's business but its owner's.
type silent struct{}

func (silent) Header() http.Header         { return http.Header{} }
func (silent) Write(p []byte) (int, error) { return len(p), nil }
func (silent) WriteHeader(int)             {}
