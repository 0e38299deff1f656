package rest

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/httprate"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/people/assistant"
)

// maxOAuth is more than any request of an assistant has, in bytes.
const maxOAuth = 16 << 10

// letIn routes what assistants themselves ask (OAuth 2.1). Requests and errors are as OAuth has
// them, so they are no operations of the document: the metadata tells of them.
func (a *API) letIn(root chi.Router, r routes) {
	root.Get(oauth.ServerMetadataPath, a.serverMetadata)
	root.Post(oauth.RegisterPath, r.oauth(a.registerClient))
	root.Post(oauth.TokenPath, r.oauth(a.issueTokens))
	root.Post(oauth.RevokePath, r.oauth(a.revokeToken))
}

// serverMetadata describes the authorization server (RFC 8414).
func (a *API) serverMetadata(w http.ResponseWriter, r *http.Request) {
	at := a.Assistants.Issuer
	if at == "" {
		a.refuse(w, r, apperror.Say(apperror.ErrNotFound, "this installation lets no assistants in"))
		return
	}
	w.Header().Set("Access-Control-Allow-Origin", "*") // everybody may know it
	answerJSON(w, http.StatusOK, struct {
		oauthex.AuthServerMeta
		JWKSURI string `json:"jwks_uri,omitempty"` // there is none: nobody but the application reads tokens
	}{AuthServerMeta: oauthex.AuthServerMeta{
		Issuer: at, AuthorizationEndpoint: at + oauth.AuthorizePath, TokenEndpoint: at + oauth.TokenPath,
		RegistrationEndpoint: at + oauth.RegisterPath, RevocationEndpoint: at + oauth.RevokePath,
		ScopesSupported: oauth.Words(), ResponseTypesSupported: []string{"code"}, ResponseModesSupported: []string{"query"},
		GrantTypesSupported: grantTypes, TokenEndpointAuthMethodsSupported: []string{"none"}, RevocationEndpointAuthMethodsSupported: []string{"none"},
		CodeChallengeMethodsSupported: []string{oauth.S256}, UILocalesSupported: []string{"en", "de"},
		AuthorizationResponseIssParameterSupported: true,
	}})
}

const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
)

var grantTypes = []string{grantCode, grantRefresh}

// oauthError is an error as OAuth has it.
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
	status      int
	after       time.Duration // to be waited before it is tried again
}

func (e oauthError) Error() string { return e.Code + ": " + e.Description }

func invalidRequest(why string) error {
	return oauthError{Code: "invalid_request", Description: why, status: http.StatusBadRequest}
}

// asOAuth is an error of the domain as OAuth has it.
func asOAuth(r *http.Request, err error) oauthError {
	var its oauthError
	var field apperror.Invalid
	var often account.TooOften
	refused := func(code string) oauthError {
		return oauthError{Code: code, Description: err.Error(), status: http.StatusBadRequest}
	}
	switch {
	case errors.As(err, &its):
		return its
	case errors.As(err, &field) && field.Field == "redirect_uris":
		return refused("invalid_redirect_uri")
	case errors.As(err, &often):
		return oauthError{"temporarily_unavailable", err.Error(), http.StatusTooManyRequests, often.After}
	case errors.Is(err, assistant.ErrClient):
		return oauthError{Code: "invalid_client", Description: err.Error(), status: http.StatusUnauthorized}
	case errors.Is(err, assistant.ErrGrant):
		return refused("invalid_grant")
	case errors.Is(err, assistant.ErrScope):
		return refused("invalid_scope")
	case errors.Is(err, assistant.ErrResource):
		return refused("invalid_target") // RFC 8707
	}
	p := describe(r.Context(), err)
	code := "server_error"
	if p.Status == http.StatusServiceUnavailable {
		code = "temporarily_unavailable"
	}
	return oauthError{code, p.Detail, p.Status, p.retryAfter}
}

// oauth answers a request of an assistant, as often as its address may ask.
func (r routes) oauth(endpoint func(*http.Request, account.Client) (status int, answer any, err error)) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		w.Header().Set("Pragma", "no-cache") // which OAuth asks for besides Cache-Control
		client := account.Client{Address: httprate.CanonicalizeIP(middleware.GetClientIP(request.Context())), Agent: request.UserAgent()}
		status, answer, err := 0, any(nil), r.mayEnter(w, request, client.Address)
		if err == nil {
			request.Body = http.MaxBytesReader(w, request.Body, maxOAuth)
			status, answer, err = endpoint(request, client)
		}
		if err == nil {
			answerJSON(w, status, answer)
			return
		}
		its := asOAuth(request, err)
		if its.status >= http.StatusInternalServerError && request.Context().Err() == nil {
			r.api.Log.ErrorContext(request.Context(), "request failed", "method", request.Method, "path", request.URL.Path, "error", err)
		}
		if its.after > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(its.after.Seconds())))
		}
		answerJSON(w, its.status, its)
	}
}

// mayEnter counts a request to get in, as limitedByAddress does.
func (r routes) mayEnter(w http.ResponseWriter, request *http.Request, address string) error {
	if r.addresses != nil && r.addresses.OnLimit(w, request, address) {
		return account.TooOften{After: window}
	}
	var often account.TooOften
	if err := r.api.guard().Enter(request.Context(), address); errors.As(err, &often) {
		return often
	}
	return nil // any other error is the database's, which the request itself will meet
}

func answerJSON(w http.ResponseWriter, status int, answer any) {
	if answer == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // fails only when the caller has gone
}

// registration is what a program says of itself (RFC 7591). What else there may be is passed
// over, as the RFC has it.
type registration struct {
	Name      string   `json:"client_name,omitempty"`
	Redirects []string `json:"redirect_uris"`
	Grants    []string `json:"grant_types"`
	Responses []string `json:"response_types"`
	Method    string   `json:"token_endpoint_auth_method"`
}

// registered is a registration as it was kept, which may be other than what was asked for: no
// program gets a secret.
type registered struct {
	ID      string `json:"client_id"`
	Created int64  `json:"client_id_issued_at"`
	registration
}

func (a *API) registerClient(r *http.Request, c account.Client) (int, any, error) {
	refused := func(why string) (int, any, error) {
		return 0, nil, oauthError{Code: "invalid_client_metadata", Description: why, status: http.StatusBadRequest}
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return refused("the body must be JSON (Content-Type: application/json)")
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return refused("the body breaks off, or is larger than 16 KiB")
	}
	var asked registration
	if err := json.Unmarshal(raw, &asked); err != nil || !utf8.Valid(raw) {
		return refused("the body must be an object with redirect_uris and perhaps client_name")
	}
	if err := a.guard().Assistant(r.Context(), c.Address); err != nil {
		return 0, nil, err
	}
	its, err := a.Assistants.Register(r.Context(), asked.Name, asked.Redirects)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, registered{its.ID.String(), its.Created.Unix(), registration{
		Name: its.Name, Redirects: its.Redirects, Grants: grantTypes, Responses: []string{"code"}, Method: "none",
	}}, nil
}

// formOf reads the parameters of a request, each of which there is once. What is not known is
// passed over, as OAuth has it.
func formOf(r *http.Request) (url.Values, error) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("the body must be a form (Content-Type: application/x-www-form-urlencoded)")
	}
	if r.URL.RawQuery != "" {
		return nil, invalidRequest("parameters belong into the body: addresses are logged on the way")
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, invalidRequest("the body breaks off, or is larger than 16 KiB")
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, invalidRequest("the body is not written as forms are")
	}
	for name, values := range form {
		switch {
		case len(values) > 1 && name == "resource":
			return nil, oauthError{Code: "invalid_target", Description: assistant.ErrResource.Error(), status: http.StatusBadRequest}
		case len(values) > 1:
			return nil, invalidRequest("a parameter is given more than once")
		case !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0):
			return nil, invalidRequest("a parameter is no text")
		}
	}
	if form.Get("client_id") == "" || form.Get("client_secret") != "" || r.Header.Get("Authorization") != "" {
		return nil, oauthError{Code: "invalid_client", Description: "an assistant names itself by client_id in the body, and has no secret", status: http.StatusUnauthorized}
	}
	return form, nil
}

// issued are the tokens of an assistant.
type issued struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
}

func (a *API) issueTokens(r *http.Request, c account.Client) (int, any, error) {
	form, err := formOf(r)
	if err != nil {
		return 0, nil, err
	}
	var s account.Session
	switch form.Get("grant_type") {
	case grantCode:
		s, err = a.Assistants.Redeem(r.Context(), assistant.Redemption{
			Client: form.Get("client_id"), Code: form.Get("code"), RedirectURI: form.Get("redirect_uri"), Verifier: form.Get("code_verifier"), Resource: form.Get("resource"),
		})
	case grantRefresh:
		s, err = a.Assistants.Refresh(r.Context(), assistant.Renewal{
			Client: form.Get("client_id"), Token: form.Get("refresh_token"), Scope: form.Get("scope"), Resource: form.Get("resource"),
		}, c)
	default:
		return 0, nil, oauthError{Code: "unsupported_grant_type", Description: "there are authorization_code and refresh_token", status: http.StatusBadRequest}
	}
	if err != nil {
		return 0, nil, err
	}
	now := time.Now()
	token, ends, err := a.Tokens.Issue(s.Caller, now)
	return http.StatusOK, issued{token, "Bearer", int(ends.Sub(now).Seconds()), s.Refresh, string(s.Caller.Assistant.Scope)}, err
}

// revokeToken ends the session of a token (RFC 7009).
func (a *API) revokeToken(r *http.Request, _ account.Client) (int, any, error) {
	form, err := formOf(r)
	if err != nil {
		return 0, nil, err
	}
	if form.Get("token") == "" {
		return 0, nil, invalidRequest("a token is needed")
	}
	access, err := a.Tokens.Caller(form.Get("token"))
	if err != nil {
		access = account.Caller{} // it may be a refresh token
	}
	return http.StatusOK, nil, a.Assistants.Revoke(r.Context(), form.Get("client_id"), form.Get("token"), access)
}
