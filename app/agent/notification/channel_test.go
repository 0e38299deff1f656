package notification

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/SherClockHolmes/webpush-go"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/bus"
)

// sidecar stands where Dapr's HTTP API is.
func sidecar(t *testing.T, status int, heard *map[string]any) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/v1.0/bindings/mail", r.URL.Path)
		require.NoError(t, json.NewDecoder(r.Body).Decode(heard))
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(address.Host)
	require.NoError(t, err)
	t.Setenv("DAPR_HTTP_PORT", port)
}

// failure is the error of a channel's answer.
func failure(_ []event.PushSubscription, err error) error { return err }

func TestMail(t *testing.T) {
	mail := &Mail{Binding: bus.Binding{Name: "mail", Client: bus.Invoker()}, URL: "https://app.example.org"}
	ada := event.PreferencesChanged{Email: "ada@example.org", Name: "Ada <b>"}
	var heard map[string]any
	sidecar(t, http.StatusNoContent, &heard)
	require.NoError(t, failure(mail.Send(t.Context(), ada, []Note{{"90% used", "1 < 2"}})))
	require.Equal(t, "create", heard["operation"])
	require.Equal(t, map[string]any{"emailTo": "ada@example.org", "subject": "90% used"}, heard["metadata"])
	require.Contains(t, heard["data"], "1 &lt; 2", "what a person wrote is no markup")
	require.Contains(t, heard["data"], "Ada &lt;b&gt;")
	require.NoError(t, failure(mail.Send(t.Context(), ada, []Note{{"one", ""}, {"two", ""}})))
	require.Equal(t, "2 news about your money", heard["metadata"].(map[string]any)["subject"])

	sidecar(t, http.StatusInternalServerError, &heard)
	err := failure(mail.Send(t.Context(), ada, []Note{{"a", "b"}}))
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrPermanent, "the server may be back in a minute")
	require.ErrorIs(t, failure(mail.Send(t.Context(), event.PreferencesChanged{}, []Note{{"a", "b"}})), ErrPermanent)
}

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
	require.NoError(t, failure(p.Send(t.Context(), to, notes)))
	status = http.StatusGone
	gone, err := p.Send(t.Context(), to, notes)
	require.ErrorIs(t, err, ErrPermanent, "the browser has unsubscribed")
	require.Equal(t, to.PushSubscriptions, gone)
	status = http.StatusServiceUnavailable
	err = failure(p.Send(t.Context(), to, notes))
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrPermanent)
	require.ErrorIs(t, failure(p.Send(t.Context(), event.PreferencesChanged{}, notes)), ErrPermanent)
	status, says = http.StatusForbidden, "the key is wrong"
	require.ErrorContains(t, failure(p.Send(t.Context(), to, notes)), says)
	for _, says = range []string{subscription.Endpoint, "no subscription ada is known"} {
		require.NotContains(t, failure(p.Send(t.Context(), to, notes)).Error(), says, "whoever knows the endpoint may send to it")
	}
	says = ""

	status = http.StatusCreated
	p.Client = OutsideOnly()
	require.ErrorContains(t, failure(p.Send(t.Context(), to, notes)), "not a public address", "a subscription must not lead into the cluster")
}
