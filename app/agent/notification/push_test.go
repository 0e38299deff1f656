package notification

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/SherClockHolmes/webpush-go"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

// failure is the error of a channel's answer.
func failure(_ []event.PushSubscription, err error) error { return err }

// contact is whom a message's VAPID header says to write to.
func contact(t *testing.T, header string) string {
	token, _, found := strings.Cut(strings.TrimPrefix(header, "vapid t="), ",")
	require.True(t, found, header)
	var claims jwt.RegisteredClaims
	_, _, err := jwt.NewParser().ParseUnverified(token, &claims)
	require.NoError(t, err)
	return claims.Subject
}

func TestPush(t *testing.T) {
	private, public, err := webpush.GenerateVAPIDKeys()
	require.NoError(t, err)
	browser, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	secret := make([]byte, 16)
	_, err = rand.Read(secret)
	require.NoError(t, err)
	status, says := http.StatusCreated, ""
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "aes128gcm", r.Header.Get("Content-Encoding"))
		require.Equal(t, "mailto:platform@example.org", contact(t, r.Header.Get("Authorization")))
		w.WriteHeader(status)
		_, err := io.WriteString(w, says)
		require.NoError(t, err)
	}))
	defer service.Close()
	subscription := event.PushSubscription{
		Endpoint: service.URL + "/ada", P256dh: base64.RawURLEncoding.EncodeToString(browser.PublicKey().Bytes()),
		Auth: base64.RawURLEncoding.EncodeToString(secret),
	}
	to := event.PreferencesChanged{PushSubscriptions: []event.PushSubscription{subscription}}
	p := &Push{PublicKey: public, PrivateKey: private, Contact: "mailto:platform@example.org", Client: http.DefaultClient}
	notes := []Note{{"90% used", "of groceries"}}
	require.NoError(t, failure(p.Send(t.Context(), uuid.Nil, to, notes)))
	status = http.StatusGone
	gone, err := p.Send(t.Context(), uuid.Nil, to, notes)
	require.ErrorIs(t, err, ErrPermanent, "the browser has unsubscribed")
	require.Equal(t, to.PushSubscriptions, gone)
	status = http.StatusServiceUnavailable
	err = failure(p.Send(t.Context(), uuid.Nil, to, notes))
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrPermanent)
	require.ErrorIs(t, failure(p.Send(t.Context(), uuid.Nil, event.PreferencesChanged{}, notes)), ErrPermanent)
	status, says = http.StatusForbidden, "the key is wrong"
	require.ErrorContains(t, failure(p.Send(t.Context(), uuid.Nil, to, notes)), says)
	for _, says = range []string{subscription.Endpoint, "no subscription ada is known"} {
		require.NotContains(t, failure(p.Send(t.Context(), uuid.Nil, to, notes)).Error(), says, "whoever knows the endpoint may send to it")
	}
	says = ""

	status = http.StatusCreated
	p.Client = OutsideOnly()
	require.ErrorContains(t, failure(p.Send(t.Context(), uuid.Nil, to, notes)), "not a public address", "a subscription must not lead into the cluster")
}
