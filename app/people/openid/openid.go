// Package openid implements log-in through an OpenID Connect provider: the
// authorization code flow with PKCE, state and nonce.
package openid

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/people/account"
)

// Config is the client registration at the provider.
type Config struct {
	Issuer       string
	ClientID     string
	ClientSecret string // secret
	RedirectURL  string // the public URL of /api/v1/auth/oidc/callback
}

// Load returns the provider configured by the environment variables OIDC_*, or nil
// when none of them is set. secrets are passed to New. The error lists everything that
// is wrong.
func Load(getenv func(string) string, secrets [][]byte) (*Provider, error) {
	var c Config
	var missing []error
	set := 0
	for _, one := range []struct {
		key    string
		target *string
	}{
		{"OIDC_ISSUER", &c.Issuer}, {"OIDC_CLIENT_ID", &c.ClientID}, {"OIDC_CLIENT_SECRET", &c.ClientSecret}, {"OIDC_REDIRECT_URL", &c.RedirectURL},
	} {
		if *one.target = getenv(one.key); *one.target == "" {
			missing = append(missing, fmt.Errorf("%s is not set: log-in by OpenID Connect needs it", one.key))
			continue
		}
		set++
	}
	if set == 0 {
		return nil, nil
	}
	for key, value := range map[string]string{"OIDC_ISSUER": c.Issuer, "OIDC_REDIRECT_URL": c.RedirectURL} {
		if its, err := url.Parse(value); value != "" && (err != nil || its.Host == "" || its.Scheme != "https" && its.Scheme != "http") {
			missing = append(missing, fmt.Errorf("%s is %q, which is no URL", key, value))
		}
	}
	if err := errors.Join(missing...); err != nil {
		return nil, err
	}
	return New(c, secrets)
}

const (
	// answerTime bounds each request to the provider.
	answerTime = 5 * time.Second
	// AttemptLife is how long a log-in may take, from Begin to Finish.
	AttemptLife = 10 * time.Minute
)

// clockSkew is how far a provider's clock may be behind: so much longer its tokens, which
// come straight from it, are taken after they have expired. (One that is ahead is allowed
// five minutes by the library.)
const clockSkew = time.Minute

// recent is the maximum age of a log-in that was requested with Begin.Fresh.
const recent = 5 * time.Minute

// ErrAway is returned when the provider is unavailable.
var ErrAway = errors.New("the identity provider does not answer now: try again in a while")

// Provider is an OpenID provider. Its metadata is fetched when first needed, so that
// the service starts while the provider is unavailable.
type Provider struct {
	config Config
	// keys sign attempts and link tokens; the first signs, all verify.
	keys   [][]byte
	client *http.Client

	found     atomic.Pointer[oidc.Provider] // nil until discovered
	discovery singleflight.Group
}

// New returns the provider of the configuration. secrets are the service's signing
// keys, the current one first. The keys for attempts are derived from them, so that an
// attempt cannot pass as an access token or the reverse.
func New(c Config, secrets [][]byte) (*Provider, error) {
	p := &Provider{config: c, client: &http.Client{Timeout: answerTime}}
	for _, secret := range secrets {
		key, err := hkdf.Key(sha256.New, secret, nil, "companion: attempts to log in by OpenID Connect", 32)
		if err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		p.keys = append(p.keys, key)
	}
	if len(p.keys) == 0 {
		return nil, errors.New("there is no key to sign attempts to log in with")
	}
	return p, nil
}

// sign returns the claims as a signed token, which check accepts for the same audience.
func (p *Provider) sign(claims jwt.Claims) (string, error) {
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString(p.keys[0])
}

// The audiences of signed tokens.
const (
	forAttempts = "attempt"
	forLinks    = "link"
)

// check verifies a token of sign for the given audience and decodes its claims.
func (p *Provider) check(token, audience string, claims jwt.Claims) error {
	_, err := jwt.ParseWithClaims(token, claims, func(*jwt.Token) (any, error) {
		var all jwt.VerificationKeySet
		for _, key := range p.keys {
			all.Keys = append(all.Keys, key)
		}
		return all, nil
	}, jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired(), jwt.WithAudience(audience))
	return err
}

// discover returns the provider's metadata, which is fetched once. Concurrent callers
// share one request, so that an unavailable provider costs each of them at most
// answerTime, and each waits no longer than its own context allows.
func (p *Provider) discover(ctx context.Context) (*oidc.Provider, error) {
	if found := p.found.Load(); found != nil {
		return found, nil
	}
	result := p.discovery.DoChan("", func() (any, error) {
		// Others wait for it too, so the caller that came first must not cancel it.
		found, err := oidc.NewProvider(context.WithoutCancel(ctx), p.config.Issuer)
		if err != nil {
			return nil, away(withoutBody(err))
		}
		p.found.Store(found)
		return found, nil
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*oidc.Provider), nil
	}
}

func (p *Provider) oauth(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, RedirectURL: p.config.RedirectURL,
		Endpoint: found.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "email", "profile"},
	}
}

// attempt is the state of a log-in in progress. The browser keeps it, signed.
type attempt struct {
	jwt.RegisteredClaims
	State    string `json:"state"`
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"` // of PKCE
	Fresh    bool   `json:"fresh"`
	ReturnTo string `json:"returnTo"`
	// Link is the user to link the identity with; nil: the identity logs in.
	Link *uuid.UUID `json:"link,omitempty"`
}

// Begin are the parameters of a log-in.
type Begin struct {
	Fresh    bool       // the provider must authenticate the person again
	ReturnTo string     // returned by Finish
	Link     *uuid.UUID // the logged-in user to link the identity with; nil: none
}

// Begin returns the URL to redirect the browser to, and the signed attempt that the
// browser must keep for Finish. ErrAway: the provider is unavailable.
func (p *Provider) Begin(ctx context.Context, wanted Begin) (address, kept string, err error) {
	ctx = oidc.ClientContext(ctx, p.client)
	found, err := p.discover(ctx)
	if err != nil {
		return "", "", err
	}
	its := attempt{
		RegisteredClaims: jwt.RegisteredClaims{Audience: jwt.ClaimStrings{forAttempts}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(AttemptLife))},
		State:            rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		Fresh: wanted.Fresh, ReturnTo: wanted.ReturnTo, Link: wanted.Link,
	}
	kept, err = p.sign(its)
	options := []oauth2.AuthCodeOption{oidc.Nonce(its.Nonce), oauth2.S256ChallengeOption(its.Verifier)}
	if wanted.Fresh {
		options = append(options, oauth2.SetAuthURLParam("prompt", "login"), oauth2.SetAuthURLParam("max_age", "0"))
	}
	return p.oauth(found).AuthCodeURL(its.State, options...), kept, err
}

// link is an identity to be linked with the account of its address, once the account's
// password has been entered.
type link struct {
	jwt.RegisteredClaims
	Email         string           `json:"email"`
	Authenticated *jwt.NumericDate `json:"auth_time"`
}

// LinkToken returns a signed token of an identity with a verified address, valid for
// AttemptLife. Linked reads it.
func (p *Provider) LinkToken(who account.Identity) (string, error) {
	return p.sign(link{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: who.Issuer, Subject: who.Subject, Audience: jwt.ClaimStrings{forLinks}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(AttemptLife)),
		},
		Email: who.Email, Authenticated: jwt.NewNumericDate(who.Authenticated),
	})
}

// Linked returns the identity of a LinkToken, or ErrUnauthorized.
func (p *Provider) Linked(token string) (account.Identity, error) {
	var its link
	if err := p.check(token, forLinks, &its); err != nil || its.Authenticated == nil {
		return account.Identity{}, apperror.Say(apperror.ErrUnauthorized, "this identity was shown longer than %d minutes ago, or not here: log in with the identity provider again",
			int(AttemptLife.Minutes()))
	}
	return account.Identity{Issuer: its.Issuer, Subject: its.Subject, Email: its.Email, Verified: true, Authenticated: its.Authenticated.UTC()}, nil
}

// Answer holds the parameters of the provider's redirect.
type Answer struct {
	State, Code string
	// Issuer is who answers, of providers that say so (RFC 9207).
	Issuer string
	// Refused is the provider's error code, such as access_denied.
	Refused string
}

// Finished is the result of a log-in.
type Finished struct {
	Who account.Identity
	// As passed to Begin. They are set even with an error once the attempt was verified.
	ReturnTo string
	Link     *uuid.UUID
}

// Finish redeems the provider's answer and returns the identity. ErrUnauthorized: the
// attempt is not valid or the answer does not belong to it; ErrAway.
func (p *Provider) Finish(ctx context.Context, kept string, a Answer) (Finished, error) {
	var its attempt
	if err := p.check(kept, forAttempts, &its); err != nil {
		return Finished{}, apperror.Say(apperror.ErrUnauthorized, "this attempt to log in was not begun in this browser, or longer ago than %d minutes: begin again",
			int(AttemptLife.Minutes()))
	}
	if its.State == "" || subtle.ConstantTimeCompare([]byte(its.State), []byte(a.State)) != 1 {
		return Finished{}, apperror.Say(apperror.ErrUnauthorized, "the answer is to another attempt to log in: begin again")
	}
	f := Finished{ReturnTo: its.ReturnTo, Link: its.Link}
	if a.Issuer != "" && a.Issuer != p.config.Issuer {
		return f, apperror.Say(apperror.ErrUnauthorized, "the answer is another identity provider's: begin again")
	}
	if a.Refused != "" {
		return f, apperror.Say(apperror.ErrUnauthorized, "the identity provider did not log you in (%.50s): begin again", a.Refused)
	}
	var err error
	f.Who, err = p.redeem(oidc.ClientContext(ctx, p.client), its, a.Code)
	return f, err
}

// redeem exchanges the code for the ID token and verifies it.
func (p *Provider) redeem(ctx context.Context, its attempt, code string) (who account.Identity, err error) {
	found, err := p.discover(ctx)
	if err != nil {
		return who, err
	}
	oauth := p.oauth(found)
	token, err := oauth.Exchange(ctx, code, oauth2.VerifierOption(its.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode < http.StatusInternalServerError:
		return who, apperror.Say(apperror.ErrUnauthorized, "the identity provider did not take its code back (%.50s): begin again", refused.ErrorCode)
	case err != nil:
		return who, away(withoutBody(err))
	}
	raw, _ := token.Extra("id_token").(string)
	checked, err := found.Verifier(&oidc.Config{
		ClientID: p.config.ClientID, Now: func() time.Time { return time.Now().Add(-clockSkew) },
	}).Verify(ctx, raw)
	if err != nil {
		return who, apperror.Because(err, apperror.ErrUnauthorized, "the identity provider's token is not valid: begin again")
	}
	if subtle.ConstantTimeCompare([]byte(checked.Nonce), []byte(its.Nonce)) != 1 {
		return who, apperror.Say(apperror.ErrUnauthorized, "the identity provider's token is of another attempt to log in: begin again")
	}
	var claims struct {
		Email         string `json:"email"`
		EmailVerified truth  `json:"email_verified"`
		Name          string `json:"name"`
		AuthTime      int64  `json:"auth_time"` // seconds since 1970; 0: not told
		Party         string `json:"azp"`       // the client that the token was issued to; "": the audience
	}
	if err := checked.Claims(&claims); err != nil {
		return who, apperror.Because(err, apperror.ErrUnauthorized, "the identity provider's token cannot be read: begin again")
	}
	// One that several may take says who asked for it (OpenID Connect Core, 3.1.3.7).
	if claims.Party != p.config.ClientID && (claims.Party != "" || len(checked.Audience) > 1) {
		return who, apperror.Say(apperror.ErrUnauthorized, "the identity provider's token was issued to another application: begin again")
	}
	who = account.Identity{
		Issuer: checked.Issuer, Subject: checked.Subject, Email: claims.Email, Verified: bool(claims.EmailVerified), Name: claims.Name,
		Authenticated: time.Now().UTC().Truncate(time.Microsecond),
	}
	// A time in the future, of a provider whose clock is ahead, would count as a recent
	// log-in for longer than it may.
	if at := time.Unix(claims.AuthTime, 0).UTC(); claims.AuthTime != 0 && at.Before(who.Authenticated) {
		who.Authenticated = at
	}
	if its.Fresh && (claims.AuthTime == 0 || time.Since(who.Authenticated) > recent) {
		return who, apperror.Say(apperror.ErrUnauthorized, "the identity provider did not ask you again who you are: log out there, then begin again")
	}
	if who.Email != "" || found.UserInfoEndpoint() == "" {
		return who, nil
	}
	// Some providers return the address only there.
	info, err := found.UserInfo(ctx, oauth.TokenSource(ctx, token))
	if err != nil {
		return who, away(withoutBody(err))
	}
	if info.Subject != who.Subject {
		return who, apperror.Say(apperror.ErrUnauthorized, "the identity provider identifies somebody else: begin again")
	}
	who.Email, who.Verified = info.Email, info.EmailVerified
	return who, nil
}

// away is ErrAway with its cause, which only logs show.
func away(cause error) error { return apperror.Because(cause, ErrAway, "%s", ErrAway.Error()) }

// withoutBody removes the response body from an error, which is logged: the body may
// contain tokens or the request's secrets.
func withoutBody(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		return fmt.Errorf("the token endpoint answers %s", refused.Response.Status)
	}
	return err
}

// truth is a boolean that some providers encode as a string.
type truth bool

func (t *truth) UnmarshalJSON(raw []byte) error {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	*t = value == true || value == "true"
	return nil
}
