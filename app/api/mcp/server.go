// Package mcp is the Model Context Protocol server: the application's API as
// tools for a person's assistant. It keeps nothing and decides nothing; a tool
// is a request to the API with the person's own access token, and a tool that
// changes something does so only after the person has confirmed it.
package mcp

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/wealth-companion/companion/app/core/oauth"
	"github.com/wealth-companion/companion/app/service/requests"
)

// Path is where the server is, for MCP's streamable HTTP transport.
const Path = oauth.ResourcePath

// Server is the MCP server.
type Server struct {
	Backend         *Backend
	URL             string // where people find the application; empty: where a request was sent to
	ConfirmationKey []byte // signs confirmations; the same in every replica
	Log             *slog.Logger
	Observe         func(ctx context.Context, method, route string, status int, took time.Duration)

	takes    arguments       // of each tool
	changing map[string]bool // the tools that change something
}

// Handler serves MCP at Path. Sessions are not kept, so that any replica may
// answer any request.
func (s *Server) Handler() http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: "wealth-companion", Title: "Wealth Companion", Version: "1"}, &mcp.ServerOptions{
		Instructions: "A person's own money: amounts are decimal strings with their currency, times are UTC. " +
			"A tool that changes something has the person asked first. Where their application cannot ask them, it answers with what it would do and " +
			"a confirmation: show it to the person word for word, and call again with the confirmation only when they agree.",
	})
	s.takes, s.changing = arguments{}, map[string]bool{}
	s.addTools(server)
	server.AddReceivingMiddleware(withoutNulls, s.takes.checked)
	streamable := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, Logger: s.Log, MaxRequestBodyBytes: maxRequest,
		// Every request must bring a person's token, which a page that rebinds a
		// name does not have; and the sidecar calls by loopback under other names.
		DisableLocalhostProtection: true,
	})
	mux := http.NewServeMux()
	mux.Handle(Path, s.observed(Path, s.authenticated(streamable)))
	for _, path := range []string{MetadataPath, oauth.ResourceMetadataPath} { // some clients ask for the host's only
		mux.Handle(path, s.observed(path, http.HandlerFunc(s.metadata)))
	}
	return mux
}

// maxRequest is more than any call of a tool has, in bytes.
const maxRequest = 256 << 10

// observed is around every request.
func (s *Server) observed(route string, next http.Handler) http.Handler {
	recorder := requests.Recorder{Log: s.Log, Observe: s.Observe}
	return recorder.Around(func(*http.Request) string { return route }, s.broke, next)
}

// broke answers what a defect of the program ended.
func (s *Server) broke(w http.ResponseWriter, r *http.Request, err error) {
	s.Log.ErrorContext(r.Context(), "request failed", "error", err)
	s.refuse(w, r, http.StatusInternalServerError, "internal", "something went wrong here; it has been logged: try again later")
}

// reading adds a tool that only looks. It returns what the API answers: to one call
// as it is, to several by their names.
func reading[In any](s *Server, to *mcp.Server, name, title, description string, output map[string]any, requests func(In) ([]named, error)) {
	closed := false
	takes[In](s.takes, name)
	mcp.AddTool(to, &mcp.Tool{
		Name: name, Title: title, Description: description, OutputSchema: output,
		Annotations: &mcp.ToolAnnotations{Title: title, ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &closed},
	}, func(ctx context.Context, request *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
		calls, err := requests(in)
		if err != nil {
			return nil, nil, err
		}
		token := callerOf(request).token
		answers := map[string]any{}
		for _, one := range calls {
			got, err := s.Backend.ask(ctx, token, one.call)
			if err != nil {
				return nil, nil, err
			}
			if len(calls) == 1 {
				return nil, got.body, nil
			}
			answers[one.name] = got.body
		}
		return nil, answers, nil
	})
}

// named is one of the calls of a tool, and what its answer is called.
type named struct {
	name string
	call call
}

// callerInfo is where the transport carries the caller.
const callerInfo = "caller"

func callerOf(request *mcp.CallToolRequest) caller {
	who, _ := request.Extra.TokenInfo.Extra[callerInfo].(caller) // there, or the request had been refused
	return who
}
