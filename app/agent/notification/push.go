package notification

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"

	"github.com/SherClockHolmes/webpush-go"
	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
)

// Push sends web push messages (RFC 8030, encrypted by RFC 8291) to the
// browsers that a user has subscribed with.
type Push struct {
	// The application server's keys (VAPID, RFC 8292) and whom a push service may write to.
	PublicKey, PrivateKey, Contact string
	Client                         *http.Client
}

// pushLife is how long a push service keeps a message for a browser that is off.
const pushLife = 24 * time.Hour

// errGone is the answer of a push service for a browser that has unsubscribed.
var errGone = fmt.Errorf("push: the browser has unsubscribed: %w", ErrPermanent)

// Send sends the notes to every browser. It fails when none of them took it.
func (p *Push) Send(ctx context.Context, _ uuid.UUID, to event.PreferencesChanged, notes []Note) (gone []event.PushSubscription, err error) {
	if len(to.PushSubscriptions) == 0 {
		return nil, fmt.Errorf("no browser is subscribed: %w", ErrPermanent)
	}
	payload, err := json.Marshal(map[string]string{"title": notes[0].Title, "body": notes[0].Text})
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, browser := range to.PushSubscriptions {
		err := p.send(ctx, payload, browser)
		if errors.Is(err, errGone) {
			gone = append(gone, browser)
		}
		if err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) < len(to.PushSubscriptions) {
		return gone, nil
	}
	for _, err := range errs {
		if !errors.Is(err, ErrPermanent) {
			return gone, err // another attempt may reach at least this one
		}
	}
	return gone, errs[0]
}

func (p *Push) send(ctx context.Context, payload []byte, browser event.PushSubscription) error {
	response, err := webpush.SendNotificationWithContext(ctx, payload,
		&webpush.Subscription{Endpoint: browser.Endpoint, Keys: webpush.Keys{P256dh: browser.P256dh, Auth: browser.Auth}},
		&webpush.Options{
			// The library puts mailto: before everything that is not https.
			HTTPClient: p.Client, Subscriber: strings.TrimPrefix(p.Contact, "mailto:"), TTL: int(pushLife.Seconds()),
			VAPIDPublicKey: p.PublicKey, VAPIDPrivateKey: p.PrivateKey,
		})
	if err != nil {
		return fmt.Errorf("push: %w", apperror.WithoutAddress(err)) // who knows the endpoint may send to it
	}
	defer func() { _ = response.Body.Close() }()
	why := reply(response.Body, browser)
	switch {
	case response.StatusCode < 300:
		return nil
	case response.StatusCode == http.StatusNotFound, response.StatusCode == http.StatusGone:
		return errGone
	case response.StatusCode == http.StatusTooManyRequests, response.StatusCode >= 500:
		return fmt.Errorf("push: %s: %s", response.Status, why)
	default: // never right
		return fmt.Errorf("push: %s: %s: %w", response.Status, why, ErrPermanent)
	}
}

// reply is what a push service says of a message, in 300 bytes at most; nothing when it
// repeats where the message went.
func reply(body io.Reader, browser event.PushSubscription) string {
	raw, _ := io.ReadAll(io.LimitReader(body, 300))
	said := string(raw)
	at, err := url.Parse(browser.Endpoint)
	if err != nil || strings.Contains(said, at.Host) || len(at.Path) > 1 && strings.Contains(said, path.Base(at.Path)) {
		return "(its reply names the browser)"
	}
	return said
}

// OutsideOnly is a client that reaches public addresses only: where a browser's
// messages go is for its user to say, and must not lead into the cluster.
func OutsideOnly() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		if ip := to.Addr().Unmap(); !ip.IsGlobalUnicast() || ip.IsPrivate() {
			return fmt.Errorf("%s is not a public address: %w", ip, ErrPermanent)
		}
		return nil
	}}
	return &http.Client{
		Timeout:   sendTimeout,
		Transport: &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}
