// Package oauth has the rules by which assistants are let in (OAuth 2.1, public clients), as
// far as they need nothing but what is asked: scopes, redirects, proofs of possession, and the
// addresses that the services and the edge agree on. It imports nothing of the application.
package oauth

// Where things are, on the application's one host. The well-known ones lie at its root, where
// RFC 8414 and RFC 9728 have clients look.
const (
	ServerMetadataPath   = "/.well-known/oauth-authorization-server"
	ResourceMetadataPath = "/.well-known/oauth-protected-resource"
	// ResourcePath is of the one resource that tokens are for, the MCP server.
	ResourcePath = "/mcp"
	// AuthorizePath is the page on which a person decides.
	AuthorizePath = "/oauth/authorize"

	RegisterPath = "/api/v1/oauth/register"
	TokenPath    = "/api/v1/oauth/token" //nolint:gosec // an address
	RevokePath   = "/api/v1/oauth/revoke"
)
