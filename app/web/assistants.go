package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/web/backend"
	"github.com/wealth-companion/companion/app/web/view"
)

// asked are the parameters of an assistant's request. Others are passed over, as OAuth has it.
var asked = []string{"response_type", "client_id", "redirect_uri", "code_challenge", "code_challenge_method", "response_mode", "scope", "state", "resource"}

// requested reads an assistant's request out of an address; whole is the address again, with
// nothing else. Each parameter is there once.
func requested(r *http.Request) (request backend.Request, whole string, ok bool) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return request, "", false
	}
	kept := url.Values{}
	for _, name := range asked {
		if len(query[name]) > 1 {
			return request, "", false
		}
		if value := query.Get(name); value != "" {
			kept.Set(name, value)
		}
	}
	request = backend.Request{
		ResponseType: kept.Get("response_type"), ClientId: kept.Get("client_id"), RedirectUri: kept.Get("redirect_uri"),
		CodeChallenge: kept.Get("code_challenge"), CodeChallengeMethod: kept.Get("code_challenge_method"), ResponseMode: optional(kept.Get("response_mode")),
		Scope: optional(kept.Get("scope")), State: optional(kept.Get("state")), Resource: optional(kept.Get("resource")),
	}
	return request, oauth.AuthorizePath + "?" + kept.Encode(), true
}

// askAssistant asks the person whether an assistant is let in.
func (s *Server) askAssistant(w http.ResponseWriter, r *http.Request, v *visit) error {
	request, whole, ok := requested(r)
	if !ok {
		return s.refuseAssistant(w, r, v, "a parameter is given twice, or cannot be read")
	}
	answer, err := backend.Read(s.API.DescribeAssistantWithResponse(r.Context(), request))
	if err != nil {
		return s.assistantRefused(w, r, v, err)
	}
	p := v.page(r, "", v.locale.Text.AssistantTitle)
	p.Here = whole
	return show(w, r, http.StatusOK, view.AssistantPage(p, *answer.JSON200, whole))
}

// decideAssistant tells the API what the person has decided, and takes their browser to the
// assistant: by a page of ours that leads on, so that forms need not be allowed to lead anywhere
// but here, wherever the assistant may lead on to itself.
func (s *Server) decideAssistant(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, err := read(r, "decision", "write")
	if err != nil {
		return err
	}
	request, _, ok := requested(r)
	if !ok {
		return s.refuseAssistant(w, r, v, "a parameter is given twice, or cannot be read")
	}
	scope := oauth.Read
	if f.Values["write"] != "" {
		scope = oauth.ReadWrite
	}
	answer, err := backend.Read(s.API.LetAssistantInWithResponse(r.Context(), backend.LetAssistantInJSONRequestBody{
		ResponseType: request.ResponseType, ClientId: request.ClientId, RedirectUri: request.RedirectUri,
		CodeChallenge: request.CodeChallenge, CodeChallengeMethod: request.CodeChallengeMethod, ResponseMode: request.ResponseMode,
		Scope: request.Scope, State: request.State, Resource: request.Resource,
		Decision: backend.Decision{Allow: f.Values["decision"] == "allow", Scope: optional(string(scope))},
	}))
	if err != nil {
		return s.assistantRefused(w, r, v, err)
	}
	to := answer.JSON200.Redirect
	w.Header().Set("Refresh", "0; url="+to)
	p := v.page(r, "", v.locale.Text.AssistantBack)
	p.Here = "/dashboard" // there is no coming back to an answer
	return show(w, r, http.StatusOK, view.AssistantAnswered(p, oauth.Host(request.RedirectUri), to))
}

// assistantRefused says what the API refuses of an assistant's request.
func (s *Server) assistantRefused(w http.ResponseWriter, r *http.Request, v *visit, err error) error {
	var refusal *backend.Error
	if errors.As(err, &refusal) {
		switch refusal.Status {
		case http.StatusUnprocessableEntity, http.StatusConflict, http.StatusNotFound, http.StatusBadRequest:
			return s.refuseAssistant(w, r, v, refusal.Detail)
		}
	}
	return err
}

func (s *Server) refuseAssistant(w http.ResponseWriter, r *http.Request, v *visit, reason string) error {
	p := v.page(r, "", v.locale.Text.AssistantWrong)
	p.Here = "/dashboard"
	return show(w, r, http.StatusBadRequest, view.AssistantRefused(p, reason))
}

// removeAssistant lets an assistant in no longer. One that is gone already, by another window, is gone.
func (s *Server) removeAssistant(w http.ResponseWriter, r *http.Request, _ *visit) error {
	if _, err := backend.Read(s.API.RemoveAssistantWithResponse(r.Context(), r.PathValue("id"))); err != nil && backend.Status(err) != http.StatusNotFound {
		return err
	}
	s.redirect(w, r, "/settings?assistant")
	return nil
}
