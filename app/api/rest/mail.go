package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed" // of the page's template
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/preference"
)

//go:embed pages/page.html
var pageSource string

var pageTemplate = template.Must(template.New("page").Parse(pageSource))

// notice is what a page that a mailed link leads to says.
type notice struct {
	Title, Text string
	Button      string // what its form does when the person presses it; empty: there is none
	Field       string // what the form sends, by which its answer is known to be a page
	Next        string // what the person may do afterwards
	// Secret: the form sends what follows # in the address. That takes the page's
	// script, which says Done, or Expired when the link has been used or is too old.
	Secret        bool
	Done, Expired string
	Password      bool // the form asks for another password
}

// page is a small page of HTML that a mailed link leads to. It changes nothing by
// itself, so programs that look at links in e-mails change nothing. Secrets that let
// somebody in follow # in its address, which browsers send to nobody and no server
// logs; its one script, the only one that its policy allows, posts them. Pages
// without such a secret have no script.
type page struct {
	status int
	body   []byte
	policy string // Content-Security-Policy: its own script, if it has one, and no other
}

// newPage panics when its template does not render, which every start of the program shows.
func newPage(status int, n notice) page {
	var body bytes.Buffer
	if err := pageTemplate.Execute(&body, n); err != nil {
		panic(err)
	}
	policy := "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
	if _, script, scripted := strings.Cut(body.String(), "<script>"); scripted {
		script, _, _ = strings.Cut(script, "</script>")
		sum := sha256.Sum256([]byte(script))
		policy += fmt.Sprintf("; connect-src 'self'; script-src 'sha256-%s'", base64.StdEncoding.EncodeToString(sum[:]))
	}
	return page{status, body.Bytes(), policy}
}

// byPage is the field that the page's form sends, and no mail program does: the
// answer is for a person.
const byPage = "page"

var (
	confirmPage = newPage(http.StatusOK, notice{
		Title: "Confirm your e-mail address", Text: "Once it is confirmed, alerts can be sent there.", Button: "Confirm the address",
		Done:    "Your address is confirmed. You can close this page.",
		Expired: "This link has been used already, or is too old. If your address is not confirmed yet, log in and ask for another link in the settings.",
		Secret:  true,
	})
	resetPage = newPage(http.StatusOK, notice{
		Title: "Set another password", Text: "It ends all your sessions, on all devices.", Button: "Set the password",
		Done:    "Your password is set. Log in with it.",
		Expired: "This link has been used already, or is older than an hour. Ask for another one where you log in, under “Forgot your password?”.",
		Secret:  true, Password: true,
	})
	unsubscribePage = newPage(http.StatusOK, notice{
		Title: "End all e-mail?", Text: "The Wealth Companion will send you no more alerts, reminders and digests by e-mail.", Button: "End all e-mail",
		Field: byPage, Next: "You can switch e-mail on again at any time, in your settings.",
	})
	unsubscribedPage = newPage(http.StatusOK, notice{
		Title: "You get no more e-mail",
		Text:  "Alerts, reminders and digests are no longer sent to your address. They are still shown in the application. What you ask for yourself, such as a link to set another password, is sent as before.",
		Next:  "If that was a mistake, log in and switch the channel e-mail on again in your settings. You can close this page.",
	})
	unknownUnsubscribePage = newPage(http.StatusNotFound, notice{
		Title: "This link does not work",
		Text:  "It is not complete, or its account is gone: then no e-mail is sent to it. Open the link from the e-mail again, or switch e-mail off in your settings.",
	})
)

type pageAnswer struct {
	Status      int
	ContentType string `header:"Content-Type"`
	Policy      string `header:"Content-Security-Policy"`
	Referrer    string `header:"Referrer-Policy"`
	Body        []byte
}

func (p page) answer() *pageAnswer {
	return &pageAnswer{p.status, "text/html; charset=utf-8", p.policy, "no-referrer", p.body}
}

// serve declares a page.
func (r routes) serve(path, id, summary string, p page) {
	o := r.html(operation{http.MethodGet, path, id, summary, 0, 0})
	declare(r, o, func(context.Context, *struct{}) (*pageAnswer, error) { return p.answer(), nil })
}

// html is an entrance that answers with pages: of each of statuses, and a good one.
func (r routes) html(o operation, statuses ...int) huma.Operation {
	h := r.entrance(o)
	h.Responses = map[string]*huma.Response{}
	// huma writes an answer of its own for each of these: here they are pages.
	h.Errors = slices.DeleteFunc(slices.Clone(h.Errors), func(status int) bool { return slices.Contains(statuses, status) })
	for _, status := range append(statuses, http.StatusOK) {
		h.Responses[strconv.Itoa(status)] = pageResponse("A page")
	}
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

// unsubscribeInput is what mail programs send by themselves (RFC 8058), as a form of
// either encoding whose content does not matter, or what the page's form sends.
type unsubscribeInput struct {
	Unsubscribing
	RawBody []byte `contentType:"application/x-www-form-urlencoded"`
}

// byPage reports whether the page's form was sent.
func (in *unsubscribeInput) byPage() bool {
	fields, err := url.ParseQuery(string(in.RawBody))
	return err == nil && fields.Has(byPage)
}

// form is what the document says of that body, instead of the bytes that huma takes
// it for, and of the answers.
func form(o *huma.Operation) {
	if o.OperationID != "unsubscribe" {
		return
	}
	fields := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}}
	o.RequestBody.Content = map[string]*huma.MediaType{"application/x-www-form-urlencoded": fields, "multipart/form-data": fields}
	ended := o.Responses[strconv.Itoa(http.StatusNoContent)] // huma takes it for the page
	ended.Content, ended.Headers = nil, nil
	o.Responses[strconv.Itoa(http.StatusOK)] = pageResponse("A page, to the form of the page at this address")
	for _, content := range pageResponse("").Content {
		o.Responses[strconv.Itoa(http.StatusNotFound)].Content["text/html"] = content
	}
}

// pageResponse describes an answer in HTML.
func pageResponse(description string) *huma.Response {
	return &huma.Response{
		Description: description, Content: map[string]*huma.MediaType{"text/html": {Schema: &huma.Schema{Type: huma.TypeString}}},
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

	ask := r.html(operation{http.MethodGet, below(preference.UnsubscribePath), "showUnsubscribe", "The page that asks whether all e-mail shall end", 0, 0}, http.StatusNotFound)
	declare(r, ask, func(ctx context.Context, in *Unsubscribing) (*pageAnswer, error) {
		err := r.api.Preferences.CheckUnsubscribe(ctx, in.Token)
		if errors.Is(err, apperror.ErrNotFound) {
			return unknownUnsubscribePage.answer(), nil
		}
		if err != nil {
			return nil, err
		}
		return unsubscribePage.answer(), nil
	})
	end := r.entrance(operation{http.MethodPost, below(preference.UnsubscribePath), "unsubscribe", "End all e-mail to whom the link in an e-mail is of (RFC 8058)", http.StatusNoContent, 0})
	declare(r, end, func(ctx context.Context, in *unsubscribeInput) (*pageAnswer, error) {
		err := r.api.Preferences.EndEmails(ctx, in.Token)
		switch {
		case in.byPage() && errors.Is(err, apperror.ErrNotFound):
			return unknownUnsubscribePage.answer(), nil
		case err != nil:
			return nil, err
		case in.byPage():
			return unsubscribedPage.answer(), nil
		default:
			return &pageAnswer{Status: http.StatusNoContent}, nil
		}
	})
}
