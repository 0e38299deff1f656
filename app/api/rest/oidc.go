package rest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/openid"
)

type beginOIDC struct {
	ReturnTo string `query:"returnTo" maxLength:"500" doc:"A page of this site, such as /dashboard: the browser is sent there with the refresh token in its cookie. Without it, the session is the answer"`
	Fresh    bool   `query:"fresh" doc:"true: the provider asks again who it is; needed before what a password is needed for otherwise"`
}

// elsewhere sends a browser to another place.
type elsewhere struct {
	Location  string   `header:"Location"`
	SetCookie []string `header:"Set-Cookie"`
}

type finishOIDC struct {
	Known
	State   string `query:"state" maxLength:"200"`
	Code    string `query:"code" maxLength:"4000"`
	Error   string `query:"error" maxLength:"200"`
	Issuer  string `query:"iss" maxLength:"500" doc:"Who answers, of providers that say so (RFC 9207)"`
	Attempt string `cookie:"__Secure-oidc" maxLength:"4000"`
}

func (r routes) oidc() {
	begin := r.entrance(operation{http.MethodGet, "/auth/oidc/login", "beginOIDC", "Log in with the identity provider", http.StatusSeeOther, 0})
	begin.Errors = append(begin.Errors, http.StatusNotFound)
	declare(r, begin, r.beginOIDC)

	finish := r.entrance(operation{http.MethodGet, "/auth/oidc/callback", "finishOIDC", "Where the identity provider sends browsers back to", 0, 0})
	finish.Description = "Answers with the session or, when the log-in was begun with returnTo, sends the browser there: with the refresh token in its cookie, " +
		"or with loginError in the address (refused, unverified, unavailable, link). " +
		"Somebody unknown gets a new account when the provider has verified their e-mail address. " +
		"Where an account has that address, it is not entered (409, or loginError=link): the answer has a linkToken, or the browser a cookie, " +
		"with which /auth/oidc/confirm links the two upon the account's password."
	finish.Errors = append(finish.Errors, http.StatusForbidden, http.StatusNotFound, http.StatusConflict)
	schema := r.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[session](), true, "")
	finish.Responses = map[string]*huma.Response{
		"200": {Description: "The session", Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}},
		"303": {Description: "Begun with returnTo", Headers: map[string]*huma.Param{"Location": {Schema: &huma.Schema{Type: huma.TypeString}}}},
	}
	declare(r, finish, r.finishOIDC)

	link := operation{http.MethodPost, "/auth/oidc/link", "linkOIDC", "Begin to link an identity with the caller's account", 0, 0}.huma()
	link.Security = []map[string][]string{{bearer: {}}}
	link.Middlewares = huma.Middlewares{r.authenticated}
	link.Errors = append(link.Errors, http.StatusUnauthorized, http.StatusTooManyRequests)
	declare(r, link, r.linkOIDC)

	confirm := r.entrance(operation{http.MethodPost, "/auth/oidc/confirm", "confirmOIDC", "Link an identity with the account that has its e-mail address, upon its password, and log in", 0, 0})
	confirm.Description = "An account whose address nobody has confirmed may have been made by somebody else: takeOver enters it without its password, " +
		"which ends that password, its sessions, other identities and push subscriptions."
	declare(r, confirm, r.confirmOIDC)
}

type linkOIDC struct {
	Body struct {
		Password string `json:"password,omitempty" maxLength:"1000" doc:"Not needed by who has none and logged in less than 10 minutes ago"`
		ReturnTo string `json:"returnTo,omitempty" maxLength:"500" doc:"As of /auth/oidc/login"`
	}
}

// linking is where the caller goes on.
type linking struct {
	SetCookie []string `header:"Set-Cookie" doc:"The attempt, which the browser keeps until it comes back"`
	Body      struct {
		Location string `json:"location" doc:"Where the browser goes next: the identity provider"`
	}
}

// linkOIDC asks for what is needed to let another way into the account.
func (r routes) linkOIDC(ctx context.Context, in *linkOIDC) (*linking, error) {
	if r.api.OpenID == nil {
		return nil, errNoOIDC
	}
	if in.Body.ReturnTo != "" && !ownPage(in.Body.ReturnTo) {
		return nil, errReturnTo
	}
	who := callerOf(ctx)
	if err := r.api.guard().Password(ctx, who.Session); err != nil {
		return nil, err
	}
	if err := r.api.Accounts.MayLink(ctx, who.Caller, in.Body.Password); err != nil {
		return nil, err
	}
	address, attempt, err := r.api.OpenID.Begin(ctx, openid.Begin{ReturnTo: in.Body.ReturnTo, Link: &who.user})
	if err != nil {
		return nil, r.oidcFailed(ctx, err)
	}
	answer := &linking{SetCookie: []string{attempted(attempt)}}
	answer.Body.Location = address
	return answer, nil
}

// attempted is the cookie of an attempt.
func attempted(attempt string) string {
	return secure(http.Cookie{
		Name: attemptCookie, Value: attempt, Path: oidcPath, MaxAge: int(openid.AttemptLife.Seconds()), SameSite: http.SameSiteLaxMode,
	})
}

type confirmOIDC struct {
	Known
	LinkCookie string `cookie:"__Secure-link" maxLength:"4000"`
	Body       struct {
		LinkToken string `json:"linkToken,omitempty" maxLength:"4000" doc:"From the answer of /auth/oidc/callback; without it, the cookie's"`
		Password  string `json:"password,omitempty" maxLength:"1000"`
		TakeOver  bool   `json:"takeOver,omitempty" doc:"true: enter an account whose address nobody has confirmed without its password"`
		Cookied
		Deviced
	}
}

func (r routes) confirmOIDC(ctx context.Context, in *confirmOIDC) (*sessionAnswer, error) {
	if r.api.OpenID == nil {
		return nil, errNoOIDC
	}
	who, err := r.api.OpenID.Linked(cmp.Or(in.Body.LinkToken, in.LinkCookie))
	if err != nil {
		return nil, err
	}
	c := r.client(ctx, in.Body.DeviceToken, in.Known)
	s, err := r.api.Accounts.LinkWithPassword(ctx, who, in.Body.Password, in.Body.TakeOver, c)
	if err != nil {
		return nil, err
	}
	answer, err := r.session(s, in.Body.Cookie, c.Device)
	if err == nil && in.LinkCookie != "" {
		answer.SetCookie = append(answer.SetCookie, without(linkCookie, oidcPath))
	}
	return answer, err
}

var errNoOIDC = apperror.Say(apperror.ErrNotFound, "log-in with an identity provider is not set up here: log in with a password")

var errReturnTo = apperror.Invalid{Field: "returnTo", Reason: "must be a page of this site, such as /dashboard"}

func (r routes) beginOIDC(ctx context.Context, in *beginOIDC) (*elsewhere, error) {
	if r.api.OpenID == nil {
		return nil, errNoOIDC
	}
	if in.ReturnTo != "" && !ownPage(in.ReturnTo) {
		return nil, errReturnTo
	}
	address, attempt, err := r.api.OpenID.Begin(ctx, openid.Begin{Fresh: in.Fresh, ReturnTo: in.ReturnTo})
	if err != nil {
		return nil, r.oidcFailed(ctx, err)
	}
	return &elsewhere{address, []string{attempted(attempt)}}, nil
}

// ownPage tells whether a browser that is sent there stays on this site.
func ownPage(to string) bool {
	its, err := url.Parse(to)
	return err == nil && its.Scheme == "" && its.Host == "" && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.Contains(to, `\`)
}

// enter begins a session of whoever the provider says it is, or links that identity
// with the account that the attempt was begun in.
func (r routes) enter(ctx context.Context, f openid.Finished) (s account.Session, err error) {
	if f.Link != nil {
		return r.api.Accounts.Link(ctx, *f.Link, f.Who)
	}
	return r.api.Accounts.Enter(ctx, f.Who)
}

// finishOIDC answers by itself, for it has several ways to.
func (r routes) finishOIDC(ctx context.Context, in *finishOIDC) (*huma.StreamResponse, error) {
	if r.api.OpenID == nil {
		return nil, errNoOIDC
	}
	f, err := r.api.OpenID.Finish(ctx, in.Attempt, openid.Answer{State: in.State, Code: in.Code, Issuer: in.Issuer, Refused: in.Error})
	var s account.Session
	if err == nil {
		s, err = r.enter(ctx, f)
	}
	used := without(attemptCookie, oidcPath)
	if errors.Is(err, account.ErrLink) {
		return r.mayLink(ctx, f, used)
	}
	var answer *sessionAnswer
	if err == nil {
		answer, err = r.session(s, f.ReturnTo != "", r.api.Tokens.Device(in.Device))
	}
	if err != nil {
		err = r.oidcFailed(ctx, err)
		if f.ReturnTo == "" {
			return nil, err
		}
		return sent(withError(f.ReturnTo, loginError(err)), used), nil
	}
	if f.ReturnTo != "" {
		return sent(f.ReturnTo, append(answer.SetCookie, used)...), nil
	}
	return written(http.StatusOK, "application/json", answer.Body, used)
}

// linkable is the problem of an identity that is not linked yet.
type linkable struct {
	*problem
	LinkToken string `json:"linkToken"`
}

// mayLink tells whoever owns the account how to link it.
func (r routes) mayLink(ctx context.Context, f openid.Finished, used string) (*huma.StreamResponse, error) {
	token, err := r.api.OpenID.LinkToken(f.Who)
	if err != nil {
		return nil, err
	}
	if f.ReturnTo == "" {
		p := describe(ctx, account.ErrLink)
		return written(p.Status, p.ContentType(""), linkable{p, token}, used)
	}
	kept := secure(http.Cookie{
		Name: linkCookie, Value: token, Path: oidcPath, MaxAge: int(openid.AttemptLife.Seconds()), SameSite: http.SameSiteStrictMode,
	})
	return sent(withError(f.ReturnTo, "link"), used, kept), nil
}

// written is an answer of JSON with cookies.
func written(status int, contentType string, body any, cookies ...string) (*huma.StreamResponse, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		for _, cookie := range cookies {
			ctx.AppendHeader("Set-Cookie", cookie)
		}
		ctx.SetHeader("Content-Type", contentType)
		ctx.SetStatus(status)
		_, _ = ctx.BodyWriter().Write(raw) // fails only when the caller has gone
	}}, nil
}

func sent(to string, cookies ...string) *huma.StreamResponse {
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		for _, cookie := range cookies {
			ctx.AppendHeader("Set-Cookie", cookie)
		}
		ctx.SetHeader("Location", to)
		ctx.SetStatus(http.StatusSeeOther)
	}}
}

// withError is a page's address with the reason why there is no session.
func withError(to, reason string) string {
	address, err := url.Parse(to)
	if err != nil {
		return "/"
	}
	query := address.Query()
	query.Set("loginError", reason)
	address.RawQuery = query.Encode()
	return address.String()
}

// loginError is the word for why there is no session.
func loginError(err error) string {
	var p status
	switch {
	case errors.As(err, &p) && p.code == http.StatusForbidden:
		return "unverified"
	case !errors.As(err, &p) || p.code >= http.StatusInternalServerError:
		return "unavailable"
	default:
		return "refused"
	}
}

// oidcFailed logs why, and returns it in one line for the caller.
func (r routes) oidcFailed(ctx context.Context, err error) error {
	p := describe(ctx, err)
	r.api.Log.WarnContext(ctx, "log-in by OpenID Connect failed", "status", p.Status, "error", err)
	if errors.Is(err, openid.ErrAway) {
		return status{p.Status, openid.ErrAway.Error()}
	}
	line, _, _ := strings.Cut(p.Detail, "\n")
	return status{p.Status, line}
}
