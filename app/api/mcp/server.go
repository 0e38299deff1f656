// Package mcp is the Model Context Protocol server: the application's API as
// tools for a person's assistant. It keeps nothing and decides nothing; a tool
// is a request to the API with the person's own access token, and a tool that
// changes something does so only after the person has confirmed it.
package mcp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5/middleware"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/wealth-companion/companion/app/core/tracing"
)

// Path is where the server is, for MCP's streamable HTTP transport.
const Path = "/mcp"

// Server is the MCP server.
type Server struct {
	Backend         *Backend
	ConfirmationKey []byte // signs confirmations; the same in every replica
	Log             *slog.Logger
	Observe         func(method, route string, status int, took time.Duration)
}

// Handler serves MCP at Path. Sessions are not kept, so that any replica may
// answer any request.
func (s *Server) Handler() http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: "wealth-companion", Title: "Wealth Companion", Version: "1"}, &mcp.ServerOptions{
		Instructions: "A person's own money: amounts are decimal strings with their currency, times are UTC. " +
			"Tools that change something answer with what they would do and a confirmation: show it to the person, " +
			"and call again with the confirmation only when they agree.",
	})
	s.addTools(server)
	streamable := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, Logger: s.Log,
		// Every request must bring a person's token, which a page that rebinds a
		// name does not have; and the sidecar calls by loopback under other names.
		DisableLocalhostProtection: true,
	})
	authenticated := auth.RequireBearerToken(s.verify, &auth.RequireBearerTokenOptions{AllowMissingExpiration: true})(streamable)
	mux := http.NewServeMux()
	mux.Handle(Path, s.observed(authenticated))
	return mux
}

// tokenKey is where a verified token is kept for the tools.
const tokenKey = "token"

// verify asks the API whose token this is, which also finds out that an account
// is gone.
func (s *Server) verify(ctx context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
	me, err := s.Backend.ask(ctx, token, call{method: http.MethodGet, path: "auth/me"})
	if errors.Is(err, errUnauthorized) {
		return nil, fmt.Errorf("%w: %w", auth.ErrInvalidToken, err)
	}
	if err != nil {
		return nil, err
	}
	id, _ := me["id"].(string)
	if id == "" {
		return nil, errors.New("the application does not say whose token this is")
	}
	return &auth.TokenInfo{UserID: id, Extra: map[string]any{tokenKey: token}}, nil
}

// observed is around every request: its trail, its log line and its metric.
func (s *Server) observed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		its := tracing.Continue(r.Header.Get("X-Correlation-Id"), r.Header.Get("Traceparent"))
		ctx := tracing.With(r.Context(), its)
		w.Header().Set("X-Correlation-Id", its.CorrelationID)
		recorded := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(recorded, r.WithContext(ctx))
		took := time.Since(began)
		s.Observe(r.Method, Path, recorded.Status(), took)
		s.Log.InfoContext(ctx, "request", "method", r.Method, "route", Path, "status", recorded.Status(), "took_ms", took.Milliseconds())
	})
}

// reading adds a tool that only looks. It returns what the API answers.
func reading[In any](s *Server, to *mcp.Server, name, title, description string, requests func(In) ([]named, error)) {
	closed := false
	mcp.AddTool(to, &mcp.Tool{
		Name: name, Title: title, Description: description,
		Annotations: &mcp.ToolAnnotations{Title: title, ReadOnlyHint: true, OpenWorldHint: &closed},
	}, func(ctx context.Context, request *mcp.CallToolRequest, in In) (*mcp.CallToolResult, map[string]any, error) {
		calls, err := requests(in)
		if err != nil {
			return nil, nil, err
		}
		who := whoOf(request)
		answers := map[string]any{}
		for _, one := range calls {
			answer, err := s.Backend.ask(ctx, who.token, one.call)
			if err != nil {
				return nil, nil, err
			}
			if len(calls) == 1 {
				return nil, answer, nil
			}
			answers[one.name] = answer
		}
		return nil, answers, nil
	})
}

// named is one of the calls of a tool, and what its answer is called.
type named struct {
	name string
	call call
}

// change is what a tool would do.
type change struct {
	call call
	says string // in a person's words
}

// Confirmable is embedded by the arguments of tools that change something.
type Confirmable struct {
	Confirmation string `json:"confirmation,omitempty" jsonschema:"what an earlier call of this tool with the same arguments returned, once the person has agreed to what it said"`
}

func (c *Confirmable) take() string {
	text := c.Confirmation
	c.Confirmation = "" // it is not part of what it confirms
	return text
}

// confirmable are arguments that may carry a confirmation.
type confirmable[In any] interface {
	*In
	take() string
}

// changing adds a tool that changes something, once it is confirmed.
func changing[In any, P confirmable[In]](s *Server, to *mcp.Server, name, title, description string, plan func(In) (change, error)) {
	closed, destructive := false, false
	mcp.AddTool(to, &mcp.Tool{
		Name: name, Title: title,
		Description: description + " Asks for confirmation first: the first call changes nothing.",
		Annotations: &mcp.ToolAnnotations{Title: title, DestructiveHint: &destructive, OpenWorldHint: &closed},
	}, func(ctx context.Context, request *mcp.CallToolRequest, in In) (*mcp.CallToolResult, map[string]any, error) {
		text := P(&in).take()
		would, err := plan(in)
		if err != nil {
			return nil, nil, err
		}
		who := whoOf(request)
		if text == "" {
			issued, err := issue(s.ConfirmationKey, who.id, name, in, time.Now())
			return nil, map[string]any{
				"status": "confirmation_required", "would": would.says, "confirmation": issued,
				"next": "Ask the person. If they agree, call " + name + " again with the same arguments and this confirmation within ten minutes.",
			}, err
		}
		id, err := confirmed(s.ConfirmationKey, text, who.id, name, in, time.Now())
		if err != nil {
			return nil, nil, err
		}
		if would.call.method == http.MethodPost {
			would.call.once = id.String()
		}
		answer, err := s.Backend.ask(ctx, who.token, would.call)
		if err != nil {
			return nil, nil, err
		}
		return nil, map[string]any{"status": "done", "did": would.says, "result": answer}, nil
	})
}

// who is the person that asks.
type who struct{ id, token string }

func whoOf(request *mcp.CallToolRequest) who {
	info := request.Extra.TokenInfo // there, or the request had been refused
	token, _ := info.Extra[tokenKey].(string)
	return who{info.UserID, token}
}
