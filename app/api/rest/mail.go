package rest

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/preference"
)

//go:embed pages/*.html
var pages embed.FS

// page is a small page of HTML that a mailed link leads to. It does nothing by
// itself: programs that look at links in e-mails change nothing.
type page struct {
	body   []byte
	policy string // Content-Security-Policy: its own script, and no other
}

func loadPage(name string) page {
	body, err := pages.ReadFile("pages/" + name + ".html")
	if err != nil {
		panic(err) // the files are part of the program
	}
	_, script, _ := strings.Cut(string(body), "<script>")
	script, _, _ = strings.Cut(script, "</script>")
	sum := sha256.Sum256([]byte(script))
	return page{body, fmt.Sprintf("default-src 'none'; script-src 'sha256-%s'; style-src 'unsafe-inline'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		base64.StdEncoding.EncodeToString(sum[:]))}
}

var (
	confirmPage     = loadPage("confirm")
	resetPage       = loadPage("reset")
	unsubscribePage = loadPage("unsubscribe")
)

type pageAnswer struct {
	ContentType string `header:"Content-Type"`
	Policy      string `header:"Content-Security-Policy"`
	Referrer    string `header:"Referrer-Policy"`
	Body        []byte
}

func (p page) answer() *pageAnswer {
	return &pageAnswer{"text/html; charset=utf-8", p.policy, "no-referrer", p.body}
}

// serve declares a page.
func (r routes) serve(path, id, summary string, p page) {
	o := r.html(operation{http.MethodGet, path, id, summary, 0, 0})
	declare(r, o, func(context.Context, *struct{}) (*pageAnswer, error) { return p.answer(), nil })
}

func (r routes) html(o operation) huma.Operation {
	h := r.entrance(o)
	h.Responses = map[string]*huma.Response{"200": {
		Description: "A page", Content: map[string]*huma.MediaType{"text/html": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	return h
}

type confirmInput struct {
	Body struct {
		Token string `json:"token" maxLength:"200" doc:"What follows # in the mailed link"`
	}
}

type resetInput struct {
	Known
	Body struct {
		Token       string `json:"token" maxLength:"200" doc:"What follows # in the mailed link"`
		NewPassword string `json:"newPassword" minLength:"10" maxLength:"200"`
		Cookied
	}
}

type requestResetInput struct {
	Body struct {
		Email string `json:"email" maxLength:"254"`
	}
}

// Unsubscribing names whose e-mail ends.
type Unsubscribing struct {
	Token string `query:"token" required:"true" maxLength:"200" doc:"As the link in an e-mail has it"`
}

// oneClick is what mail programs send by themselves (RFC 8058): a form, which is
// not looked at.
type oneClick struct {
	Unsubscribing
	RawBody []byte `contentType:"application/x-www-form-urlencoded"`
}

// form is what the document says of that body, instead of the bytes that huma takes
// it for.
func form(o *huma.Operation) {
	if o.OperationID == "unsubscribe" {
		o.RequestBody.Content = map[string]*huma.MediaType{"application/x-www-form-urlencoded": {Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}}
	}
}

// mayMail counts a request that has an e-mail sent.
func (r routes) mayMail(ctx context.Context) error {
	if !r.api.Accounts.Mails {
		return nil
	}
	return r.api.guard().Mail(ctx, clientOf(ctx).Address)
}

// below is the part of a path that operations are declared by.
func below(path string) string { return strings.TrimPrefix(path, base) }

func (r routes) mail() {
	r.serve(below(account.ConfirmPath), "showConfirmation", "The page to confirm an e-mail address on", confirmPage)
	confirm := r.entrance(operation{http.MethodPost, below(account.ConfirmPath), "confirmAddress", "Confirm an e-mail address with the secret that was mailed there", http.StatusNoContent, 0})
	declare(r, confirm, func(ctx context.Context, in *confirmInput) (*nothing, error) {
		return &nothing{}, r.api.Accounts.ConfirmAddress(ctx, in.Body.Token)
	})
	another := operation{http.MethodPost, "/auth/email/confirmation", "requestConfirmation", "Have another link to confirm the caller's e-mail address mailed", http.StatusAccepted, 0}
	own(r, another, func(ctx context.Context, user uuid.UUID, _ *struct{}) (nothing, error) {
		if err := r.api.guard().Mail(ctx, user.String()); err != nil {
			return nothing{}, err
		}
		return nothing{}, r.api.Accounts.RequestConfirmation(ctx, user)
	})

	r.serve(below(account.ResetPath), "showReset", "The page to set another password on", resetPage)
	request := r.entrance(operation{http.MethodPost, "/auth/password/reset-request", "requestReset", "Have a link that sets another password mailed to an address", http.StatusAccepted, 0})
	request.Description = "The answer is the same whether or not the address has an account. At most three e-mails an hour go to one address."
	declare(r, request, func(ctx context.Context, in *requestResetInput) (*nothing, error) {
		if err := r.mayMail(ctx); err != nil {
			return nil, err
		}
		return &nothing{}, r.api.Accounts.RequestReset(ctx, in.Body.Email)
	})
	reset := r.entrance(operation{http.MethodPost, below(account.ResetPath), "resetPassword", "Set another password with the secret that was mailed, which ends all sessions, and log in", 0, 0})
	declare(r, reset, func(ctx context.Context, in *resetInput) (*sessionAnswer, error) {
		s, err := r.api.Accounts.ResetPassword(ctx, in.Body.Token, in.Body.NewPassword)
		if err != nil {
			return nil, err
		}
		return r.session(s, in.Body.Cookie, r.api.Tokens.Device(in.Device))
	})

	ask := r.html(operation{http.MethodGet, below(preference.UnsubscribePath), "showUnsubscribe", "The page that asks whether all e-mail shall end", 0, 0})
	declare(r, ask, func(ctx context.Context, in *Unsubscribing) (*pageAnswer, error) {
		if err := r.api.Preferences.CheckUnsubscribe(ctx, in.Token); err != nil {
			return nil, err
		}
		return unsubscribePage.answer(), nil
	})
	end := r.entrance(operation{http.MethodPost, below(preference.UnsubscribePath), "unsubscribe", "End all e-mail to whom the link in an e-mail is of (RFC 8058)", http.StatusNoContent, 0})
	declare(r, end, func(ctx context.Context, in *oneClick) (*nothing, error) {
		return &nothing{}, r.api.Preferences.EndEmails(ctx, in.Token)
	})
}
