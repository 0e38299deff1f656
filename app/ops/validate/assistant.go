package validate

import (
	"context"
	"fmt"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// assistant does what a person's assistant would: it connects to the MCP server
// as the validation's user, looks at what there is, and asks for the summary.
func (r *run) assistant(ctx context.Context, result *Result) error {
	if r.MCP == "" {
		return nil
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "companionctl", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint:   r.MCP,
		HTTPClient: &http.Client{Timeout: r.api.HTTP.Timeout, Transport: bearer{r.api.Token, r.api.HTTP.Transport}},
		MaxRetries: -1, DisableStandaloneSSE: true,
	}, nil)
	if err != nil {
		return hint(err, "mcp", "its sidecar")
	}
	defer func() { _ = session.Close() }()
	tools, err := session.ListTools(ctx, nil)
	if err != nil {
		return hint(err, "mcp", "its sidecar")
	}
	summary, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "get_financial_summary"})
	if err != nil {
		return hint(err, "mcp", "the backend")
	}
	if summary.IsError {
		return fmt.Errorf("get_financial_summary failed: %v", summary.StructuredContent)
	}
	result.Assistant = fmt.Sprintf("%d tools; get_financial_summary answers through Dapr", len(tools.Tools))
	return nil
}

// bearer adds an access token to every request.
type bearer struct {
	token string
	next  http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}
