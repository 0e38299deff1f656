package preference

import (
	"context"
	"crypto/ecdh"
	"encoding/base64"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// maxSubscriptions is how many browsers of a user are pushed to: the newest.
const maxSubscriptions = 10

// Keys are what a browser's messages are encrypted with (RFC 8291), base64url.
type Keys struct {
	P256dh string `json:"p256dh" maxLength:"200" doc:"The browser's public key: a point of P-256, base64url"`
	Auth   string `json:"auth" maxLength:"100" doc:"16 bytes, base64url"`
}

// Subscription is where a browser takes web push (RFC 8030).
type Subscription struct {
	Endpoint  string    `json:"endpoint"`
	Keys      Keys      `json:"keys"`
	CreatedAt time.Time `json:"createdAt"`
}

// NewSubscription is what a browser's PushSubscription says as JSON.
type NewSubscription struct {
	Endpoint       string   `json:"endpoint" maxLength:"2000" example:"https://push.example.org/send/abc"`
	Keys           Keys     `json:"keys"`
	ExpirationTime *float64 `json:"expirationTime,omitempty" doc:"As browsers send it; not used: one that is gone is found out at the first message"`
}

// check refuses what is no push service's address, for the notification agent
// will send to it: no address inside the cluster may be among them.
func (n NewSubscription) check() error {
	its, err := url.Parse(n.Endpoint)
	switch {
	case err != nil || its.Scheme != "https" || its.Host == "" || its.User != nil || its.Fragment != "" || len(n.Endpoint) > 2000,
		its.Port() != "" && its.Port() != "443":
		return apperror.Invalid{Field: "endpoint", Reason: "must be the https address that the browser gave"}
	case inside(its.Hostname()):
		return apperror.Invalid{Field: "endpoint", Reason: "is not the address of a push service"}
	}
	point, err := decode(n.Keys.P256dh)
	if err == nil {
		_, err = ecdh.P256().NewPublicKey(point)
	}
	if err != nil {
		return apperror.Invalid{Field: "keys.p256dh", Reason: "must be a point of P-256 in base64url, as the browser gave it"}
	}
	if secret, err := decode(n.Keys.Auth); err != nil || len(secret) != 16 {
		return apperror.Invalid{Field: "keys.auth", Reason: "must be 16 bytes in base64url, as the browser gave them"}
	}
	return nil
}

// inside tells a name that can only be of something near us: no push service
// has a bare address or a name without a domain.
func inside(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch last {
	case host, "local", "localhost", "internal", "svc", "invalid", "test":
		return true
	default:
		return strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") // an address in another writing
	}
}

func decode(text string) ([]byte, error) {
	return base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
}

// Subscribe adds a browser; the same again renews it.
func (s *Store) Subscribe(ctx context.Context, user uuid.UUID, n NewSubscription) (Preferences, error) {
	if err := n.check(); err != nil {
		return Preferences{}, err
	}
	return s.change(ctx, user, "", func(q *backenddb.Queries, at time.Time) error {
		if err := q.PutPushSubscription(ctx, backenddb.PutPushSubscriptionParams{
			UserID: user, Endpoint: n.Endpoint, P256dh: n.Keys.P256dh, Auth: n.Keys.Auth, CreatedAt: at,
		}); err != nil {
			return err
		}
		if err := q.DropOldPushSubscriptions(ctx, user, maxSubscriptions); err != nil {
			return err
		}
		return q.TouchPreferences(ctx, at, user)
	})
}

// Unsubscribe removes a browser; ErrNotFound: it is not there.
func (s *Store) Unsubscribe(ctx context.Context, user uuid.UUID, endpoint string) error {
	_, err := s.change(ctx, user, "", func(q *backenddb.Queries, at time.Time) error {
		removed, err := q.DeletePushSubscription(ctx, user, endpoint)
		if err != nil {
			return err
		}
		if removed == 0 {
			return apperror.Say(apperror.ErrNotFound, "there is no push subscription of this endpoint")
		}
		return q.TouchPreferences(ctx, at, user)
	})
	return err
}
