package rest

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/people/account"
)

// The cookies of the web: the refresh token, the device, an identity that is to be
// linked, and an attempt to log in with an identity provider, from where a browser
// comes back (so it is not Strict).
const (
	refreshCookie = "__Secure-refresh"
	deviceCookie  = "__Secure-device"
	linkCookie    = "__Secure-link"
	attemptCookie = "__Secure-oidc"
	authPath      = base + "/auth"
	oidcPath      = authPath + "/oidc"
)

// session is a login.
type session struct {
	Token            string       `json:"token" doc:"The access token: good for 15 minutes, or until a minute after its session ended"`
	ExpiresAt        time.Time    `json:"expiresAt"`
	RefreshToken     string       `json:"refreshToken,omitempty" doc:"Gets the next access token, once; absent when it is in the cookie"`
	RefreshExpiresAt time.Time    `json:"refreshExpiresAt"`
	DeviceToken      string       `json:"deviceToken,omitempty" doc:"Sent with the next log-in, it tells this device from strangers, so that their wrong passwords do not count against it; it lets nobody in. Absent when it is in the cookie"`
	User             account.User `json:"user"`
}

// sessionAnswer may put the refresh token where scripts cannot read it.
type sessionAnswer struct {
	SetCookie []string `header:"Set-Cookie" doc:"The refresh token, when a cookie was asked for"`
	Body      session
}

// Cookied is whether a browser asks, which keeps the refresh token better than scripts.
type Cookied struct {
	Cookie bool `json:"cookie,omitempty" doc:"true: the refresh token goes into a cookie for /api/v1/auth that scripts cannot read, and not into the answer"`
}

type registerInput struct {
	Body struct {
		account.Registration
		Cookied
	}
}

// Known is by what a device is known again.
type Known struct {
	Device string `cookie:"__Secure-device" maxLength:"200"`
}

// Deviced is the same of who keeps no cookies.
type Deviced struct {
	DeviceToken string `json:"deviceToken,omitempty" maxLength:"200" doc:"From an earlier log-in on this device; without it, the cookie's"`
}

type loginInput struct {
	Known
	Body struct {
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"1000"`
		Cookied
		Deviced
	}
}

// Refreshing is a refresh token, from the body or else from the cookie.
type Refreshing struct {
	Known
	Cookie string `cookie:"__Secure-refresh" maxLength:"200"`
	Body   *struct {
		RefreshToken string `json:"refreshToken,omitempty" maxLength:"200" doc:"Without it, the cookie's"`
	}
}

func (in Refreshing) token() (token string, cookie bool) {
	if in.Body != nil && in.Body.RefreshToken != "" {
		return in.Body.RefreshToken, false
	}
	return in.Cookie, true
}

type logoutInput struct {
	Refreshing
	Authorization string `header:"Authorization" maxLength:"4096" doc:"Bearer and an access token, whose session is ended, too"`
}

// cookiesAnswer has no body.
type cookiesAnswer struct {
	SetCookie []string `header:"Set-Cookie" doc:"Takes the refresh token's cookie away"`
}

type editMe struct {
	Conditional
	Body account.Change
}

type passwordInput struct {
	Body struct {
		OldPassword string `json:"oldPassword,omitempty" maxLength:"1000" doc:"Not needed by who has none and logged in less than 10 minutes ago"`
		NewPassword string `json:"newPassword" minLength:"10" maxLength:"200"`
	}
}

func (r routes) auth() {
	register := r.entrance(operation{http.MethodPost, "/auth/register", "register", "Make an account", http.StatusCreated, 0})
	register.Description = "Where e-mail is sent, the answer says nothing of whether the address has an account already: its owner is mailed instead. " +
		"A link to confirm the address is mailed; until it was followed one cannot log in again with the address, and nothing else is mailed there. " +
		"Where no e-mail is sent, an address that is taken is a conflict."
	declare(r, register, r.register)
	declare(r, r.entrance(operation{http.MethodPost, "/auth/login", "login", "Log in with e-mail address and password", 0, 0}), r.login)
	refresh := r.entrance(operation{http.MethodPost, "/auth/refresh", "refresh", "Get the next access token for a refresh token, and the next refresh token", 0, 0})
	refresh.Description = "A refresh token is good for one request. Sent a second time it ends the session, for then it is in two hands. " +
		"Only the client that used it may send it again, within 30 seconds and before it uses the next: an answer that was lost is given once more."
	declare(r, refresh, r.refresh)
	logout := r.entrance(operation{http.MethodPost, "/auth/logout", "logout", "End this session", http.StatusNoContent, 0})
	logout.Description = "The session of the refresh token (body or cookie) or of the access token. Its access tokens end within a minute."
	declare(r, logout, r.logout)
	own(r, operation{http.MethodPost, "/auth/logout-all", "logoutAll", "End all sessions of the caller", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (nothing, error) {
			return nothing{}, r.api.Accounts.LogoutAll(ctx, user)
		})
	own(r, operation{http.MethodGet, "/auth/me", "me", "Who the access token is of", 0, 0},
		func(ctx context.Context, user uuid.UUID, _ *struct{}) (account.User, error) {
			return r.api.Accounts.Find(ctx, user)
		})
	own(r, operation{http.MethodPatch, "/auth/me", "editMe", "Change the caller's name", 0, 0},
		func(ctx context.Context, user uuid.UUID, in *editMe) (account.User, error) {
			return r.api.Accounts.Update(ctx, user, in.IfMatch, in.Body)
		})
	own(r, operation{http.MethodPost, "/auth/password", "changePassword", "Change the caller's password, which ends their other sessions", http.StatusNoContent, 0},
		func(ctx context.Context, user uuid.UUID, in *passwordInput) (nothing, error) {
			if err := r.api.guard().Password(ctx, callerOf(ctx).Session); err != nil {
				return nothing{}, err
			}
			return nothing{}, r.api.Accounts.ChangePassword(ctx, callerOf(ctx).Caller, in.Body.OldPassword, in.Body.NewPassword)
		})
	r.oidc()
}

// session answers a caller with their login. device is the one that it is on; the
// zero one gets a name.
func (r routes) session(s account.Session, cookie bool, device account.Device) (*sessionAnswer, error) {
	if device.User != s.User.ID {
		device = account.Device{User: s.User.ID, ID: uuid.New()}
	}
	known, err := r.api.Tokens.DeviceToken(device)
	if err != nil {
		return nil, err
	}
	token, ends, err := r.api.Tokens.Issue(s.Caller, time.Now())
	answer := &sessionAnswer{Body: session{
		Token: token, ExpiresAt: ends, RefreshToken: s.Refresh, RefreshExpiresAt: s.Ends, DeviceToken: known, User: s.User,
	}}
	if cookie {
		answer.SetCookie, answer.Body.RefreshToken, answer.Body.DeviceToken = []string{refreshing(s), remembered(known)}, "", ""
	}
	return answer, err
}

// client is who asks, on the device that a token names.
func (r routes) client(ctx context.Context, inBody string, cookie Known) account.Client {
	c := clientOf(ctx)
	c.Device = r.api.Tokens.Device(cmp.Or(inBody, cookie.Device))
	return c
}

// refreshing is the cookie of a session's refresh token.
func refreshing(s account.Session) string {
	return secure(http.Cookie{Name: refreshCookie, Value: s.Refresh, Path: authPath, Expires: s.Ends, SameSite: http.SameSiteStrictMode})
}

// deviceLife is how long a browser keeps the cookie of its device, which is as long
// as browsers keep any.
const deviceLife = 400 * 24 * time.Hour

// remembered is the cookie of a device.
func remembered(token string) string {
	return secure(http.Cookie{Name: deviceCookie, Value: token, Path: authPath, MaxAge: int(deviceLife.Seconds()), SameSite: http.SameSiteStrictMode})
}

// secure is a cookie that only HTTPS carries and no script reads.
func secure(c http.Cookie) string {
	c.Secure, c.HttpOnly = true, true
	return c.String()
}

// without takes a cookie away.
func without(name, path string) string {
	return secure(http.Cookie{Name: name, Path: path, MaxAge: -1, SameSite: http.SameSiteStrictMode})
}

func (r routes) register(ctx context.Context, in *registerInput) (*sessionAnswer, error) {
	if err := r.mayMail(ctx); err != nil {
		return nil, err
	}
	s, err := r.api.Accounts.Register(ctx, in.Body.Registration)
	if err != nil {
		return nil, err
	}
	return r.session(s, in.Body.Cookie, account.Device{})
}

func (r routes) login(ctx context.Context, in *loginInput) (*sessionAnswer, error) {
	c := r.client(ctx, in.Body.DeviceToken, in.Known)
	s, err := r.api.Accounts.Login(ctx, in.Body.Email, in.Body.Password, c)
	if err != nil {
		return nil, err
	}
	return r.session(s, in.Body.Cookie, c.Device)
}

func (r routes) refresh(ctx context.Context, in *Refreshing) (*sessionAnswer, error) {
	token, cookie := in.token()
	if token == "" {
		return nil, apperror.Say(apperror.ErrUnauthorized, "a refresh token is needed, in the body or the cookie: log in again")
	}
	c := r.client(ctx, "", in.Known)
	s, err := r.api.Accounts.Refresh(ctx, token, c)
	if err != nil {
		return nil, err
	}
	return r.session(s, cookie, c.Device)
}

func (r routes) logout(ctx context.Context, in *logoutInput) (*cookiesAnswer, error) {
	refresh, _ := in.token()
	access, is := strings.CutPrefix(in.Authorization, "Bearer ")
	if refresh == "" && !is {
		return nil, apperror.Say(apperror.ErrUnauthorized, "a refresh token or an access token is needed")
	}
	if refresh != "" {
		if err := r.api.Accounts.LogoutByRefresh(ctx, refresh); err != nil {
			return nil, err
		}
	}
	if is {
		who, err := r.api.Tokens.Caller(access)
		if err == nil {
			err = r.api.Accounts.Logout(ctx, who)
		}
		if err != nil && (refresh == "" || !errors.Is(err, apperror.ErrUnauthorized)) {
			return nil, err
		}
	}
	return &cookiesAnswer{[]string{without(refreshCookie, authPath)}}, nil
}
