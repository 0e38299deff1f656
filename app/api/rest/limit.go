package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"

	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/service/requests"
)

// window is what limits count in.
const window = time.Minute

// Limits say how many requests there may be, over all replicas. 0: any number.
type Limits struct {
	// Address is of requests in a minute from one address to get in: registrations,
	// log-ins, refreshed tokens.
	Address int
	// Account is of wrong passwords in a minute for one account, from each address
	// and from each device that is known. Nobody's attempts count against another's.
	Account int
	// Mail is of requests in an hour from one address that have an e-mail sent.
	Mail int
	// User is of all requests in a minute of one who is logged in.
	User int
	// Proxies are those whose X-Forwarded-For is believed. Without any, the one who
	// connects is the one who asks.
	Proxies []string
}

// What people need, and a good deal more; an office shares an address.
const (
	addressLimit = 120
	accountLimit = 10
	mailLimit    = 30
	userLimit    = 1200
)

// LoadLimits reads RATE_LIMIT_AUTH (by address), RATE_LIMIT_ACCOUNT and
// RATE_LIMIT_USER, each in requests a minute, RATE_LIMIT_MAIL (by address), in
// requests an hour, 0 for no limit, and TRUSTED_PROXIES, CIDRs separated by commas.
// Its error names everything that is wrong.
func LoadLimits(getenv func(string) string) (Limits, error) {
	var l Limits
	var wrong []error
	for _, one := range []struct {
		key      string
		target   *int
		standard int
	}{
		{"RATE_LIMIT_AUTH", &l.Address, addressLimit}, {"RATE_LIMIT_ACCOUNT", &l.Account, accountLimit},
		{"RATE_LIMIT_MAIL", &l.Mail, mailLimit}, {"RATE_LIMIT_USER", &l.User, userLimit},
	} {
		text := cmp.Or(getenv(one.key), strconv.Itoa(one.standard))
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			wrong = append(wrong, fmt.Errorf("%s is %q: give a number of requests, or 0 for no limit", one.key, text))
		}
		*one.target = n
	}
	var err error
	l.Proxies, err = requests.Proxies(getenv("TRUSTED_PROXIES"))
	return l, errors.Join(append(wrong, err)...)
}

// guard is what counts over all replicas.
func (a *API) guard() account.Guard {
	return account.Guard{Pool: a.Accounts.Pool, Passwords: a.Limits.Account, Mails: a.Limits.Mail, Entries: a.Limits.Address}
}

type clientKey struct{}

// clientOf is who asks an entrance.
func clientOf(ctx context.Context) account.Client {
	c, _ := ctx.Value(clientKey{}).(account.Client)
	return c
}

// limitedByAddress lets those pass whose address has not asked too often. One
// without an address (behind a proxy that does not pass it on) shares it with its
// like. What this replica knows to be too much does not reach the database.
func (r routes) limitedByAddress(ctx huma.Context, next func(huma.Context)) {
	address := httprate.CanonicalizeIP(middleware.GetClientIP(ctx.Context()))
	if r.addresses != nil {
		request, w := humachi.Unwrap(ctx)
		if r.addresses.OnLimit(w, request, address) {
			_ = huma.WriteErr(r.API, ctx, http.StatusTooManyRequests, tooOften)
			return
		}
	}
	var often account.TooOften
	if err := r.api.guard().Enter(ctx.Context(), address); errors.As(err, &often) {
		_ = huma.WriteErr(r.API, ctx, http.StatusTooManyRequests, tooOften)
		return
	}
	// Any other error is the database's, which the operation itself will meet.
	next(huma.WithValue(ctx, clientKey{}, account.Client{Address: address, Agent: ctx.Header("User-Agent")}))
}

const tooOften = "that is too often: wait a minute"
