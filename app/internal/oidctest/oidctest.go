// Package oidctest is an OpenID provider for tests: it logs in whoever the test
// says, and keeps to the protocol otherwise (code flow, PKCE, client secret).
package oidctest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
)

// How the client is known.
const (
	ClientID     = "companion"
	ClientSecret = "companion's secret"
)

// Issuer is the provider.
type Issuer struct {
	URL string

	key    *rsa.PrivateKey
	server *oidctest.Server

	mu    sync.Mutex
	who   map[string]any
	sign  func(claims string) string
	codes map[string]url.Values // what was asked for
	asked url.Values
}

// New starts a provider that lives as long as the test.
func New(t testing.TB) *Issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	i := &Issuer{key: key, codes: map[string]url.Values{}, server: &oidctest.Server{
		PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "key", Algorithm: oidc.RS256}},
	}}
	i.sign = func(claims string) string { return oidctest.SignIDToken(key, "key", oidc.RS256, claims) }
	mux := http.NewServeMux()
	mux.Handle("/", i.server)
	mux.HandleFunc("GET /auth", i.authorize)
	mux.HandleFunc("POST /token", i.token)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	i.URL = server.URL
	i.server.SetIssuer(server.URL)
	return i
}

// Says sets what the provider claims of whoever logs in next. Claims of the
// protocol may be overridden: iss, aud, nonce, exp.
func (i *Issuer) Says(claims map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.who = claims
}

// Signs has ID tokens made of their claims in another way; the key is the provider's.
func (i *Issuer) Signs(with func(key *rsa.PrivateKey, claims string) string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.sign = func(claims string) string { return with(i.key, claims) }
}

// Rotate has the provider sign with another key, and publish no other.
func (i *Issuer) Rotate(t testing.TB) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	id := rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.key = key
	i.server.PublicKeys = []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: id, Algorithm: oidc.RS256}}
	i.sign = func(claims string) string { return oidctest.SignIDToken(key, id, oidc.RS256, claims) }
}

// Asked returns what the last authorization asked for.
func (i *Issuer) Asked() url.Values {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// authorize logs in without asking and sends the browser back.
func (i *Issuer) authorize(w http.ResponseWriter, r *http.Request) {
	asked := r.URL.Query()
	back, err := url.Parse(asked.Get("redirect_uri"))
	if err != nil || asked.Get("client_id") != ClientID || asked.Get("response_type") != "code" || asked.Get("code_challenge_method") != "S256" {
		http.Error(w, "a request that breaks the protocol: "+r.URL.RawQuery, http.StatusBadRequest)
		return
	}
	code := rand.Text()
	i.mu.Lock()
	i.codes[code], i.asked = asked, asked
	i.mu.Unlock()
	back.RawQuery = url.Values{"state": {asked.Get("state")}, "code": {code}}.Encode()
	http.Redirect(w, r, back.String(), http.StatusFound)
}

// token gives an ID token for a code, once.
func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	} else if plain, err := url.QueryUnescape(secret); err == nil {
		secret = plain
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	asked, known := i.codes[r.PostFormValue("code")]
	delete(i.codes, r.PostFormValue("code"))
	challenge := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	w.Header().Set("Content-Type", "application/json")
	switch {
	case id != ClientID || secret != ClientSecret:
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_client"})
		return
	case !known, asked.Get("redirect_uri") != r.PostFormValue("redirect_uri"),
		asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(challenge[:]):
		w.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant"})
		return
	}
	claims := map[string]any{
		"iss": i.URL, "aud": ClientID, "nonce": asked.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	for name, value := range i.who {
		claims[name] = value
	}
	raw, err := json.Marshal(claims)
	if err != nil {
		panic(err) // a claim of the test's that is no JSON
	}
	_ = json.NewEncoder(w).Encode(map[string]any{
		"access_token": rand.Text(), "token_type": "Bearer", "expires_in": 60,
		"id_token": i.sign(string(raw)),
	})
}
