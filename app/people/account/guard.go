package account

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Client is who asks, as far as the connection shows.
type Client struct {
	Address string // an IP address; of IPv6 its network
	Agent   string // what it calls itself
	Device  Device // zero: not known
}

// fingerprint tells one client from another.
func (c Client) fingerprint() []byte {
	return sum(c.Address + "\n" + c.Agent + "\n" + c.Device.ID.String())
}

// TooOften refuses an attempt that is one too many.
type TooOften struct{ After time.Duration }

func (e TooOften) Error() string {
	return fmt.Sprintf("that is too often: wait %d seconds", max(1, int(e.After.Seconds())))
}

// Guard counts attempts over all replicas, in the database. Its zero limits do not
// limit.
type Guard struct {
	Pool *pgxpool.Pool
	// Passwords is how many wrong ones may be tried in a minute for one account:
	// from each address, and from each device that is known.
	Passwords int
	// Mails is how many e-mails one address may ask for in an hour.
	Mails int
	// Entries is how many requests to get in one address may make in a minute.
	Entries int
}

// What is allowed for one account from all addresses together, of devices that are
// not known. Beyond it each address has a few attempts an hour, so that many of
// them guess slowly and yet do not keep the owner out who comes with a new device.
const (
	strangersFactor = 10 // times Passwords, in an hour
	besieged        = 3  // attempts an hour from each address then
)

// window is a limit of attempts in a span of time.
type window struct {
	key  string
	most int
	span time.Duration
}

// count counts an attempt and tells for how long no other is allowed; 0: this one is.
func (g Guard) count(ctx context.Context, w window) (wait time.Duration, err error) {
	row, err := backenddb.New(g.Pool).CountAttempt(ctx, sum(w.key), w.span.Seconds())
	if err != nil || int(row.Count) <= w.most {
		return 0, err
	}
	return time.Duration(max(1, row.SecondsLeft)) * time.Second, nil
}

func (g Guard) limit(ctx context.Context, w window) error {
	if w.most == 0 {
		return nil
	}
	wait, err := g.count(ctx, w)
	if err == nil && wait > 0 {
		return TooOften{wait}
	}
	return err
}

// Enter counts a request to get in.
func (g Guard) Enter(ctx context.Context, address string) error {
	return g.limit(ctx, window{"entry|" + address, g.Entries, time.Minute})
}

// How many assistants may register in an hour: from one address, and from all together,
// which bounds what those leave that nobody lets in.
const (
	assistantsFrom  = 30
	assistantsInAll = 1000
)

// Assistant counts an assistant that registers.
func (g Guard) Assistant(ctx context.Context, address string) error {
	if g.Entries == 0 {
		return nil
	}
	if err := g.limit(ctx, window{"assistant|" + address, assistantsFrom, time.Hour}); err != nil {
		return err
	}
	return g.limit(ctx, window{"assistants", assistantsInAll, time.Hour})
}

// Mail counts a request that has an e-mail sent.
func (g Guard) Mail(ctx context.Context, address string) error {
	return g.limit(ctx, window{"mail|from|" + address, g.Mails, time.Hour})
}

// Password counts a password that is tried by who is logged in already.
func (g Guard) Password(ctx context.Context, session uuid.UUID) error {
	return g.limit(ctx, window{"password|" + session.String(), g.Passwords, time.Minute})
}

// attempt is one to log in. Those that succeed are not counted in the end.
type attempt struct {
	guard   Guard
	windows []window
}

// login counts an attempt to log in to the account of an address, in small
// letters, whether or not there is one: TooOften. known: from a device of the account.
func (g Guard) login(ctx context.Context, email string, c Client, known bool) (attempt, error) {
	a := attempt{guard: g}
	if g.Passwords == 0 {
		return a, nil
	}
	if known {
		return a, a.count(ctx, window{"login|device|" + c.Device.ID.String(), g.Passwords, time.Minute})
	}
	if err := a.count(ctx, window{"login|" + email + "|" + c.Address, g.Passwords, time.Minute}); err != nil {
		return a, err
	}
	all := window{"login|strangers|" + email, strangersFactor * g.Passwords, time.Hour}
	a.windows = append(a.windows, all)
	wait, err := g.count(ctx, all)
	if err != nil {
		return a, err
	}
	own := window{"login|besieged|" + email + "|" + c.Address, besieged, time.Hour}
	if wait == 0 {
		return a, nil
	}
	return a, a.count(ctx, own)
}

func (a *attempt) count(ctx context.Context, w window) error {
	a.windows = append(a.windows, w)
	return a.guard.limit(ctx, w)
}

// succeeded forgets what was counted against whoever knew the password.
func (a attempt) succeeded(ctx context.Context) error {
	for _, w := range a.windows {
		if err := backenddb.New(a.guard.Pool).ForgetAttempts(ctx, sum(w.key)); err != nil {
			return err
		}
	}
	return nil
}

func sum(text string) []byte {
	hashed := sha256.Sum256([]byte(text))
	return hashed[:]
}
