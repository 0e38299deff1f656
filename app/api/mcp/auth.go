package mcp

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/oauthex"

	"github.com/wealth-companion/companion/app/core/oauth"
)

// MetadataPath is where clients read how to be let in: at the root of the host, where
// RFC 9728 has it for a resource at Path.
const MetadataPath = oauth.ResourceMetadataPath + Path

// origin is where people find the application; where that is not set, the address that a
// request was sent to, as the proxy before us tells it.
func (s *Server) origin(r *http.Request) string {
	if s.URL != "" {
		return s.URL
	}
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// metadata describes the server as a protected resource, and who lets assistants in.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	at := s.origin(r)
	auth.ProtectedResourceMetadataHandler(&oauthex.ProtectedResourceMetadata{
		Resource: at + Path, ResourceName: "Wealth Companion", BearerMethodsSupported: []string{"header"},
		AuthorizationServers: []string{at}, ScopesSupported: oauth.Words(),
		ResourceDocumentation: at + "/api/v1/openapi.json",
	}).ServeHTTP(w, r)
}

// caller is the person whose access token a request has: their own, or an assistant's.
type caller struct {
	id, session, token string
	// looks: the person lets the assistant look, and change nothing.
	looks bool
}

type callerKey struct{}

// authenticated lets those pass who bring a person's access token. Others are told
// how to get one, as MCP's authorization has it.
func (s *Server) authenticated(next http.Handler) http.Handler {
	// The transport takes who asks from the SDK's own middleware only.
	known := auth.RequireBearerToken(func(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
		who, _ := ctx.Value(callerKey{}).(caller)
		return &auth.TokenInfo{UserID: who.id, Extra: map[string]any{callerInfo: who}}, nil
	}, &auth.RequireBearerTokenOptions{AllowMissingExpiration: true})(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, is := bearerToken(r)
		if !is {
			s.refuse(w, r, http.StatusUnauthorized, "", "an access token in the header Authorization (Bearer) is needed")
			return
		}
		who, err := s.verify(r, token)
		switch {
		case errors.Is(err, errUnauthorized):
			s.refuse(w, r, http.StatusUnauthorized, "invalid_token", err.Error())
		case err != nil:
			s.Log.WarnContext(r.Context(), "whose token this is cannot be found out", "error", err)
			s.refuse(w, r, http.StatusServiceUnavailable, "", "the application does not answer now: try again in a while")
		case who.looks && s.changes(w, r):
			s.refuse(w, r, http.StatusForbidden, insufficientScope, "the person has let this assistant look, and change nothing: ask them for the scope write")
		default:
			known.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
		}
	})
}

// bearerToken is the access token of a request.
func bearerToken(r *http.Request) (string, bool) {
	fields := strings.Fields(r.Header.Get("Authorization"))
	if len(fields) != 2 || !strings.EqualFold(fields[0], "Bearer") {
		return "", false
	}
	return fields[1], true
}

// verify asks the API whose token this is, which also finds out that an account
// is gone.
func (s *Server) verify(r *http.Request, token string) (caller, error) {
	me, err := s.Backend.ask(r.Context(), token, call{method: http.MethodGet, path: "auth/me"})
	if err != nil {
		return caller{}, err
	}
	id := text(me.body, "id")
	if id == "" {
		return caller{}, errors.New("the application does not say whose token this is")
	}
	var claims tokenClaims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &claims); err != nil { // the API has verified it
		return caller{}, errUnauthorized
	}
	if claims.Client != "" && !slices.Equal(claims.Audience, jwt.ClaimStrings{s.origin(r) + Path}) {
		return caller{}, errUnauthorized // an assistant's, for another server
	}
	return caller{id, claims.Session, token, claims.Client != "" && !claims.Scope.Changes()}, nil
}

// tokenClaims are what the server looks at of a token.
type tokenClaims struct {
	jwt.RegisteredClaims
	Session string      `json:"sid"`
	Client  string      `json:"client_id"` // the assistant's; empty: it is the person's own
	Scope   oauth.Scope `json:"scope"`
}

// changes tells whether a request calls a tool that changes something. A client is told of it
// by the status, so that it can ask the person for more (RFC 6750); the API would refuse it, too.
func (s *Server) changes(w http.ResponseWriter, r *http.Request) bool {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(raw), failing{err}))
	var one struct {
		Method string `json:"method"`
		Params struct {
			Name string `json:"name"`
		} `json:"params"`
	}
	return err == nil && json.Unmarshal(raw, &one) == nil && one.Method == "tools/call" && s.changing[one.Params.Name]
}

// failing fails as the body did that it is the rest of.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, cmp.Or(f.err, io.EOF) }

const insufficientScope = "insufficient_scope"

// refuse answers with a problem (RFC 9457), as the API does.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		challenge := fmt.Sprintf("Bearer resource_metadata=%q", s.origin(r)+MetadataPath)
		if code != "" {
			challenge += fmt.Sprintf(", error=%q", code)
		}
		if code == insufficientScope {
			challenge += fmt.Sprintf(", scope=%q", oauth.ReadWrite)
		}
		w.Header().Set("WWW-Authenticate", challenge)
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", fmt.Sprint(int((5 * time.Second).Seconds())))
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // fails only when the caller has gone
		"type": "about:blank", "title": http.StatusText(status), "status": status, "detail": detail, "correlationId": w.Header().Get("X-Correlation-Id"),
	})
}
