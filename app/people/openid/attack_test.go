package openid

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	jose "github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/internal/oidctest"
)

// byHMAC makes a token of the algorithm with a shared key.
func byHMAC(key []byte, header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}

func publicPEM(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// logIn goes to the provider and back.
func logIn(t *testing.T, p *Provider) (Finished, error) {
	t.Helper()
	address, kept, err := p.Begin(t.Context(), Begin{})
	require.NoError(t, err)
	return p.Finish(t.Context(), kept, visit(t, address))
}

func TestForgedIDTokensAreRefused(t *testing.T) {
	strangers, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	encode := base64.RawURLEncoding.EncodeToString
	for name, sign := range map[string]func(key *rsa.PrivateKey, claims string) string{
		"unsigned": func(_ *rsa.PrivateKey, claims string) string {
			return encode([]byte(`{"alg":"none","kid":"key"}`)) + "." + encode([]byte(claims)) + "."
		},
		"unsigned, spelt otherwise": func(_ *rsa.PrivateKey, claims string) string {
			return encode([]byte(`{"alg":"nOnE"}`)) + "." + encode([]byte(claims)) + "."
		},
		"HMAC with the provider's public key": func(key *rsa.PrivateKey, claims string) string {
			return byHMAC(publicPEM(t, key), `{"alg":"HS256","kid":"key"}`, claims)
		},
		"HMAC with the client's secret": func(_ *rsa.PrivateKey, claims string) string {
			return byHMAC([]byte(oidctest.ClientSecret), `{"alg":"HS256","kid":"key"}`, claims)
		},
		"a stranger's key under the provider's key id": func(_ *rsa.PrivateKey, claims string) string {
			return jose.SignIDToken(strangers, "key", oidc.RS256, claims)
		},
		"a stranger's key under another id": func(_ *rsa.PrivateKey, claims string) string {
			return jose.SignIDToken(strangers, "../key", oidc.RS256, claims)
		},
		"an algorithm that the provider does not announce": func(key *rsa.PrivateKey, claims string) string {
			return jose.SignIDToken(key, "key", oidc.PS256, claims)
		},
		"nothing": func(*rsa.PrivateKey, string) string { return "" },
		"a key of its own in the header": func(_ *rsa.PrivateKey, claims string) string {
			header := `{"alg":"RS256","kid":"key","jku":"http://127.0.0.1:1/keys","jwk":{"kty":"RSA","n":"` + encode(strangers.N.Bytes()) + `","e":"AQAB"}}`
			return encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode([]byte("x"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := oidctest.New(t)
			p := newProvider(t, issuer.URL, oidctest.ClientSecret)
			issuer.Says(map[string]any{"sub": "ada", "email": "ada@example.org", "email_verified": true})
			_, err := logIn(t, p)
			require.NoError(t, err, "the provider's own token")
			issuer.Signs(sign)
			_, err = logIn(t, p)
			require.ErrorIs(t, err, apperror.ErrUnauthorized)
		})
	}
}

// A token may name several audiences; then it says which of them asked for it.
func TestATokenIsForWhoAskedForIt(t *testing.T) {
	for name, c := range map[string]struct {
		claims map[string]any
		good   bool
	}{
		"us":                                  {claims: map[string]any{"aud": oidctest.ClientID}, good: true},
		"us alone in a list":                  {claims: map[string]any{"aud": []string{oidctest.ClientID}}, good: true},
		"us, who asked for it":                {claims: map[string]any{"aud": oidctest.ClientID, "azp": oidctest.ClientID}, good: true},
		"several, and we asked":               {claims: map[string]any{"aud": []string{"api", oidctest.ClientID}, "azp": oidctest.ClientID}, good: true},
		"several, and another asked":          {claims: map[string]any{"aud": []string{"api", oidctest.ClientID}, "azp": "api"}},
		"several, and nobody knows who asked": {claims: map[string]any{"aud": []string{"api", oidctest.ClientID}}},
		"us, and another asked":               {claims: map[string]any{"aud": oidctest.ClientID, "azp": "api"}},
		"others":                              {claims: map[string]any{"aud": []string{"api", "web"}}},
		"nobody":                              {claims: map[string]any{"aud": []string{}}},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := oidctest.New(t)
			p := newProvider(t, issuer.URL, oidctest.ClientSecret)
			claims := map[string]any{"sub": "ada", "email": "ada@example.org", "email_verified": true}
			for key, value := range c.claims {
				claims[key] = value
			}
			issuer.Says(claims)
			_, err := logIn(t, p)
			if c.good {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, apperror.ErrUnauthorized)
		})
	}
}

func TestAProviderChangesItsKeys(t *testing.T) {
	issuer := oidctest.New(t)
	p := newProvider(t, issuer.URL, oidctest.ClientSecret)
	issuer.Says(map[string]any{"sub": "ada", "email": "ada@example.org", "email_verified": true})
	for range 3 {
		f, err := logIn(t, p)
		require.NoError(t, err)
		require.Equal(t, "ada", f.Who.Subject)
		issuer.Rotate(t)
	}
}

// Clocks differ by some seconds: neither a token that is made a little later than now,
// nor one of a provider whose clock is behind, keeps a person out.
func TestClocksOfProvidersDiffer(t *testing.T) {
	for name, c := range map[string]struct {
		ahead time.Duration
		good  bool
	}{
		"two minutes ahead":                          {ahead: 2 * time.Minute, good: true},
		"ninety seconds behind, a token of a minute": {ahead: -90 * time.Second, good: true},
		"an hour behind":                             {ahead: -time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := oidctest.New(t)
			p := newProvider(t, issuer.URL, oidctest.ClientSecret)
			there := time.Now().Add(c.ahead)
			issuer.Says(map[string]any{
				"sub": "ada", "email": "ada@example.org", "email_verified": true,
				"iat": there.Unix(), "nbf": there.Unix(), "auth_time": there.Unix(), "exp": there.Add(time.Minute).Unix(),
			})
			_, err := logIn(t, p)
			if c.good {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, apperror.ErrUnauthorized)
		})
	}
}
