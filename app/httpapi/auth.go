package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/account"
)

// session is a login.
type session struct {
	Token     string       `json:"token"`
	ExpiresAt time.Time    `json:"expiresAt"`
	User      account.User `json:"user"`
}

type registerInput struct{ Body account.Registration }

type loginInput struct {
	Body struct {
		Email    string `json:"email" maxLength:"254"`
		Password string `json:"password" maxLength:"1000"`
	}
}

func (r routes) auth() {
	open(r, operation{http.MethodPost, "/auth/register", "register", "Make an account", http.StatusCreated, 0}, r.register)
	open(r, operation{http.MethodPost, "/auth/login", "login", "Log in with e-mail address and password", 0, 0}, r.login)
	own(r, operation{http.MethodGet, "/auth/me", "me", "Who the access token is of", 0, 0}, r.me)
}

func (r routes) session(user account.User) (session, error) {
	token, ends, err := r.api.Tokens.Issue(user.ID, time.Now())
	return session{token, ends, user}, err
}

func (r routes) register(ctx context.Context, in *registerInput) (session, error) {
	user, err := r.api.Accounts.Register(ctx, in.Body)
	if err != nil {
		return session{}, err
	}
	return r.session(user)
}

func (r routes) login(ctx context.Context, in *loginInput) (session, error) {
	user, err := r.api.Accounts.Login(ctx, in.Body.Email, in.Body.Password)
	if err != nil {
		return session{}, err
	}
	return r.session(user)
}

func (r routes) me(ctx context.Context, user uuid.UUID, _ *struct{}) (account.User, error) {
	return r.api.Accounts.Find(ctx, user)
}
