package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	State   string `query:"state" maxLength:"200"`
	Code    string `query:"code" maxLength:"4000"`
	Error   string `query:"error" maxLength:"200"`
	Attempt string `cookie:"__Secure-oidc" maxLength:"4000"`
}

func (r routes) oidc() {
	begin := r.entrance(operation{http.MethodGet, "/auth/oidc/login", "beginOIDC", "Log in with the identity provider", http.StatusSeeOther, 0})
	begin.Errors = append(begin.Errors, http.StatusNotFound)
	declare(r, begin, r.beginOIDC)

	finish := r.entrance(operation{http.MethodGet, "/auth/oidc/callback", "finishOIDC", "Where the identity provider sends browsers back to", 0, 0})
	finish.Description = "Answers with the session or, when the log-in was begun with returnTo, sends the browser there: with the refresh token in its cookie, " +
		"or with loginError in the address (refused, unverified, unavailable). " +
		"Somebody unknown gets the account of their e-mail address, or a new one, when the provider has verified the address. " +
		"A password that the account had is removed then, and its sessions end: nobody had verified the address of whoever set it."
	finish.Errors = append(finish.Errors, http.StatusForbidden, http.StatusNotFound)
	schema := r.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[session](), true, "")
	finish.Responses = map[string]*huma.Response{
		"200": {Description: "The session", Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}},
		"303": {Description: "Begun with returnTo", Headers: map[string]*huma.Param{"Location": {Schema: &huma.Schema{Type: huma.TypeString}}}},
	}
	declare(r, finish, r.finishOIDC)
}

var errNoOIDC = fmt.Errorf("log-in with an identity provider is not configured here (OIDC_ISSUER): %w", apperror.ErrNotFound)

func (r routes) beginOIDC(ctx context.Context, in *beginOIDC) (*elsewhere, error) {
	if r.api.OpenID == nil {
		return nil, errNoOIDC
	}
	if in.ReturnTo != "" && !ownPage(in.ReturnTo) {
		return nil, apperror.Invalid{Field: "returnTo", Reason: "must be a page of this site, such as /dashboard"}
	}
	address, attempt, err := r.api.OpenID.Begin(ctx, in.Fresh, in.ReturnTo)
	if err != nil {
		return nil, r.oidcFailed(ctx, err)
	}
	return &elsewhere{address, []string{secure(http.Cookie{
		Name: attemptCookie, Value: attempt, Path: oidcPath, MaxAge: int(openid.AttemptLife.Seconds()), SameSite: http.SameSiteLaxMode,
	})}}, nil
}

// ownPage tells whether a browser that is sent there stays on this site.
func ownPage(to string) bool {
	its, err := url.Parse(to)
	return err == nil && its.Scheme == "" && its.Host == "" && strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") && !strings.Contains(to, `\`)
}

// enter begins a session of whoever the provider says it is.
func (r routes) enter(ctx context.Context, who account.Identity, cookie bool) (*sessionAnswer, error) {
	s, err := r.api.Accounts.Enter(ctx, who)
	if err != nil {
		return nil, err
	}
	return r.session(s, cookie)
}

// finishOIDC answers by itself, for it has two ways to.
func (r routes) finishOIDC(ctx context.Context, in *finishOIDC) (*huma.StreamResponse, error) {
	if r.api.OpenID == nil {
		return nil, errNoOIDC
	}
	who, to, err := r.api.OpenID.Finish(ctx, in.Attempt, openid.Answer{State: in.State, Code: in.Code, Refused: in.Error})
	var answer *sessionAnswer
	if err == nil {
		answer, err = r.enter(ctx, who, to != "")
	}
	used := without(attemptCookie, oidcPath)
	if err != nil {
		err = r.oidcFailed(ctx, err)
		if to == "" {
			return nil, err
		}
		return sent(withError(to, err), used), nil
	}
	if to != "" {
		return sent(to, append(answer.SetCookie, used)...), nil
	}
	raw, err := json.Marshal(answer.Body)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		ctx.AppendHeader("Set-Cookie", used)
		ctx.SetHeader("Content-Type", "application/json")
		ctx.SetStatus(http.StatusOK)
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

// withError is a page's address that tells the page why there is no session.
func withError(to string, err error) string {
	its, fails := url.Parse(to)
	if fails != nil {
		return "/"
	}
	reason := "refused"
	var p status
	switch {
	case errors.As(err, &p) && p.code == http.StatusForbidden:
		reason = "unverified"
	case !errors.As(err, &p) || p.code >= http.StatusInternalServerError:
		reason = "unavailable"
	}
	query := its.Query()
	query.Set("loginError", reason)
	its.RawQuery = query.Encode()
	return its.String()
}

// oidcFailed tells the log why, and the caller in one line.
func (r routes) oidcFailed(ctx context.Context, err error) error {
	p := describe(ctx, err)
	r.api.Log.WarnContext(ctx, "log-in by OpenID Connect failed", "status", p.Status, "error", err)
	if errors.Is(err, openid.ErrAway) {
		return status{p.Status, openid.ErrAway.Error()}
	}
	line, _, _ := strings.Cut(p.Detail, "\n")
	return status{p.Status, line}
}
