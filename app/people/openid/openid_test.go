package openid

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/internal/oidctest"
	"github.com/wealth-companion/companion/app/people/account"
)

func TestLoad(t *testing.T) {
	all := map[string]string{
		"OIDC_ISSUER": "https://id.example.org", "OIDC_CLIENT_ID": "c", "OIDC_CLIENT_SECRET": "s", "OIDC_REDIRECT_URL": "https://app.example.org/api/v1/auth/oidc/callback",
	}
	with := func(key, value string) func(string) string {
		return func(asked string) string {
			if asked == key {
				return value
			}
			return all[asked]
		}
	}
	p, err := Load(with("", ""), [][]byte{[]byte("key")})
	require.NoError(t, err)
	require.NotNil(t, p, "no issuer is asked yet")
	p, err = Load(func(string) string { return "" }, [][]byte{[]byte("key")})
	require.NoError(t, err)
	require.Nil(t, p)
	_, err = Load(with("OIDC_CLIENT_SECRET", ""), [][]byte{[]byte("key")})
	require.ErrorContains(t, err, "OIDC_CLIENT_SECRET is not set")
	_, err = Load(with("OIDC_ISSUER", "id.example.org"), [][]byte{[]byte("key")})
	require.ErrorContains(t, err, "OIDC_ISSUER")
}

func newProvider(t *testing.T, issuer, secret string) *Provider {
	t.Helper()
	p, err := New(Config{Issuer: issuer, ClientID: oidctest.ClientID, ClientSecret: secret, RedirectURL: "https://app.example.org/callback"}, [][]byte{[]byte("our key")})
	require.NoError(t, err)
	return p
}

// visit goes where a person is sent to, and returns what they are sent back with.
func visit(t *testing.T, address string) Answer {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Get(address)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusFound, response.StatusCode)
	back, err := url.Parse(response.Header.Get("Location"))
	require.NoError(t, err)
	return Answer{State: back.Query().Get("state"), Code: back.Query().Get("code")}
}

func TestLogIn(t *testing.T) {
	issuer := oidctest.New(t)
	p := newProvider(t, issuer.URL, oidctest.ClientSecret)
	moment := time.Now().Add(-time.Minute)
	issuer.Says(map[string]any{"sub": "ada", "email": "Ada@Example.org", "email_verified": "true", "name": "Ada", "auth_time": moment.Unix()})
	address, kept, err := p.Begin(t.Context(), Begin{Fresh: true, ReturnTo: "/dashboard"})
	require.NoError(t, err)
	answer := visit(t, address)
	require.Equal(t, "login", issuer.Asked().Get("prompt"))
	require.Equal(t, "0", issuer.Asked().Get("max_age"))
	require.Equal(t, "openid email profile", issuer.Asked().Get("scope"))
	f, err := p.Finish(t.Context(), kept, answer)
	who, to := f.Who, f.ReturnTo
	require.NoError(t, err)
	require.Equal(t, "/dashboard", to)
	require.Equal(t, account.Identity{
		Issuer: issuer.URL, Subject: "ada", Email: "Ada@Example.org", Verified: true, Name: "Ada", Authenticated: moment.UTC().Truncate(time.Second),
	}, who)

	_, err = p.Finish(t.Context(), kept, answer)
	require.ErrorIs(t, err, apperror.ErrUnauthorized, "a code is good for one log-in")
}

func TestTokensAreGoodForWhatTheyWereMade(t *testing.T) {
	issuer := oidctest.New(t)
	p := newProvider(t, issuer.URL, oidctest.ClientSecret)
	who := account.Identity{Issuer: issuer.URL, Subject: "ada", Email: "ada@example.org", Verified: true, Authenticated: time.Now().UTC().Truncate(time.Second)}
	token, err := p.LinkToken(who)
	require.NoError(t, err)
	linked, err := p.Linked(token)
	require.NoError(t, err)
	require.Equal(t, who, linked)
	_, err = p.Finish(t.Context(), token, Answer{})
	require.ErrorIs(t, err, apperror.ErrUnauthorized, "no attempt")
	_, kept, err := p.Begin(t.Context(), Begin{})
	require.NoError(t, err)
	_, err = p.Linked(kept)
	require.ErrorIs(t, err, apperror.ErrUnauthorized, "no identity")
	// A key that signs no more is still good.
	rotated, err := New(p.config, [][]byte{[]byte("a new key"), []byte("our key")})
	require.NoError(t, err)
	_, err = rotated.Linked(token)
	require.NoError(t, err)
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	issuer := oidctest.New(t)
	ours := newProvider(t, issuer.URL, oidctest.ClientSecret)
	stranger, err := New(ours.config, [][]byte{[]byte("another key")})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		claims map[string]any
		fresh  bool
		spoil  func(kept *string, a *Answer)
		by     *Provider
	}{
		"another state":            {spoil: func(_ *string, a *Answer) { a.State = "x" }},
		"no state":                 {spoil: func(_ *string, a *Answer) { a.State = "" }},
		"no attempt":               {spoil: func(kept *string, _ *Answer) { *kept = "" }},
		"another's answer":         {spoil: func(_ *string, a *Answer) { a.Issuer = "https://evil.example.org" }},
		"a made-up code":           {spoil: func(_ *string, a *Answer) { a.Code = "x" }},
		"the provider's refusal":   {spoil: func(_ *string, a *Answer) { a.Refused = "access_denied" }},
		"an attempt of others":     {by: stranger},
		"another secret":           {by: newProvider(t, issuer.URL, "wrong")},
		"another's nonce":          {claims: map[string]any{"nonce": "x"}},
		"another client's token":   {claims: map[string]any{"aud": "somebody"}},
		"another issuer's token":   {claims: map[string]any{"iss": "https://evil.example.org"}},
		"a token of yesterday":     {claims: map[string]any{"exp": time.Now().Add(-24 * time.Hour).Unix()}},
		"a log-in that is not new": {fresh: true, claims: map[string]any{"auth_time": time.Now().Add(-time.Hour).Unix()}},
		"a log-in of no time":      {fresh: true},
	} {
		t.Run(name, func(t *testing.T) {
			claims := map[string]any{"sub": "ada", "email": "ada@example.org", "email_verified": true}
			for key, value := range c.claims {
				claims[key] = value
			}
			issuer.Says(claims)
			address, kept, err := ours.Begin(t.Context(), Begin{Fresh: c.fresh, ReturnTo: "/x"})
			require.NoError(t, err)
			answer := visit(t, address)
			if c.spoil != nil {
				c.spoil(&kept, &answer)
			}
			by := ours
			if c.by != nil {
				by = c.by
			}
			_, err = by.Finish(t.Context(), kept, answer)
			require.ErrorIs(t, err, apperror.ErrUnauthorized)
		})
	}
}

func TestAnIssuerThatIsAwayIsAskedAgain(t *testing.T) {
	issuer := oidctest.New(t)
	behind, err := url.Parse(issuer.URL)
	require.NoError(t, err)
	away := true
	// The same issuer, but for a time.
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if away {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		http.Redirect(w, r, behind.JoinPath(r.URL.Path).String(), http.StatusFound)
	}))
	t.Cleanup(front.Close)
	p := newProvider(t, issuer.URL, oidctest.ClientSecret)
	p.client.Transport = rewrite(front.Listener.Addr().String(), behind.Host)
	_, _, err = p.Begin(t.Context(), Begin{})
	require.ErrorIs(t, err, ErrAway)
	away = false
	_, _, err = p.Begin(t.Context(), Begin{})
	require.NoError(t, err)
}

// rewrite leads the first hop of requests for a host to another.
func rewrite(to, host string) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == host && r.Response == nil { // not what the front sent on
			r = r.Clone(r.Context())
			r.URL.Host = to
		}
		return http.DefaultTransport.RoundTrip(r)
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Log-ins do not queue behind one another while the provider does not answer: each
// waits no longer than its own request lives.
func TestAnUnavailableProviderHoldsUpNoOtherLogIn(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked <- struct{}{}
		<-release
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer silent.Close()
	p := newProvider(t, silent.URL, oidctest.ClientSecret)
	p.client.Timeout = 0
	first := make(chan error, 1)
	go func() {
		_, _, err := p.Begin(context.Background(), Begin{})
		first <- err
	}()
	<-asked
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	second := make(chan error, 1)
	go func() {
		_, _, err := p.Begin(gone, Begin{})
		second <- err
	}()
	select {
	case err := <-second:
		require.ErrorIs(t, err, context.Canceled)
	case <-time.After(10 * time.Second):
		t.Error("a log-in waits for another")
	}
	close(release)
	require.ErrorIs(t, <-first, ErrAway)
}

func TestALogInInTheFutureIsOneOfNow(t *testing.T) {
	issuer := oidctest.New(t)
	p := newProvider(t, issuer.URL, oidctest.ClientSecret)
	issuer.Says(map[string]any{"sub": "ada", "email": "ada@example.org", "email_verified": true, "auth_time": time.Now().Add(time.Hour).Unix()})
	address, kept, err := p.Begin(t.Context(), Begin{})
	require.NoError(t, err)
	f, err := p.Finish(t.Context(), kept, visit(t, address))
	require.NoError(t, err)
	require.False(t, f.Who.Authenticated.After(time.Now()))
}
