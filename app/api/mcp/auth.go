package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// MetadataPath is where clients read how to be let in (RFC 9728). It lies below
// Path, so that what leads there leads here.
const MetadataPath = Path + "/.well-known/oauth-protected-resource"

// origin is the address that a request was sent to, as the proxy before us tells it.
func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// metadata describes the server as a protected resource. It names no authorization
// server: access tokens are the API's own, from its log-in.
func metadata(w http.ResponseWriter, r *http.Request) {
	auth.ProtectedResourceMetadataHandler(&oauthex.ProtectedResourceMetadata{
		Resource: origin(r) + Path, ResourceName: "Wealth Companion", BearerMethodsSupported: []string{"header"},
		ResourceDocumentation: origin(r) + "/api/v1/openapi.json",
	}).ServeHTTP(w, r)
}

// caller is the person whose access token a request has.
type caller struct{ id, session, token string }

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
			refuse(w, r, http.StatusUnauthorized, "", "an access token in the header Authorization (Bearer) is needed")
			return
		}
		who, err := s.verify(r.Context(), token)
		switch {
		case errors.Is(err, errUnauthorized):
			refuse(w, r, http.StatusUnauthorized, "invalid_token", err.Error())
		case err != nil:
			s.Log.WarnContext(r.Context(), "whose token this is cannot be found out", "error", err)
			refuse(w, r, http.StatusServiceUnavailable, "", "the application does not answer now: try again in a while")
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
func (s *Server) verify(ctx context.Context, token string) (caller, error) {
	me, err := s.Backend.ask(ctx, token, call{method: http.MethodGet, path: "auth/me"})
	if err != nil {
		return caller{}, err
	}
	id := text(me.body, "id")
	if id == "" {
		return caller{}, errors.New("the application does not say whose token this is")
	}
	return caller{id, sessionOf(token), token}, nil
}

// sessionOf is the session of a token that the API has verified; "" when it names none.
func sessionOf(token string) string {
	var claims jwt.MapClaims
	if _, _, err := jwt.NewParser().ParseUnverified(token, &claims); err != nil {
		return ""
	}
	session, _ := claims["sid"].(string)
	return session
}

// refuse answers with a problem (RFC 9457), as the API does.
func refuse(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	switch status {
	case http.StatusUnauthorized:
		challenge := fmt.Sprintf("Bearer resource_metadata=%q", origin(r)+MetadataPath)
		if code != "" {
			challenge += fmt.Sprintf(", error=%q", code)
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
