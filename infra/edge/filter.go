package edge

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
)

// ServerFilter is the name of the filter that NewServerFilter creates, as routes of its
// namespace refer to it.
const ServerFilter = "server"

// Limits of one client's address. People behind one address share them, so that they stop
// floods and nothing else; the API counts by account.
const (
	clientRate        = 50  // requests a second, on average
	clientBurst       = 500 // requests above it at once
	clientConnections = 200 // requests at a time
)

// hsts has browsers use nothing but TLS for two years (RFC 6797).
const hsts = "add_header Strict-Transport-Security \"max-age=63072000; includeSubDomains\" always;\n"

// problems are the errors that NGINX answers itself, with what a person can do.
var problems = map[int]string{
	http.StatusBadRequest:            "The request is not valid HTTP, or its headers are too large: check them.",
	http.StatusNotFound:              "Nothing is at this address: check it.",
	http.StatusRequestTimeout:        "The request did not arrive in time: send it again.",
	http.StatusRequestEntityTooLarge: "The request is larger than %d bytes: send less at once.",
	http.StatusRequestURITooLong:     "The address is too long: send less in it.",
	http.StatusTooManyRequests:       "Too many requests came from this address: try again in a few seconds.",
	http.StatusBadGateway:            "The application cannot be reached at the moment: try again in a few seconds.",
	http.StatusServiceUnavailable:    "The application cannot be reached at the moment: try again in a few seconds.",
	http.StatusGatewayTimeout:        "The application did not answer in time: check whether the request took effect before you send it again.",
}

// logged is NGINX's line of a request: without what follows the path, nor where a browser
// came from, which may let somebody do something (a log-in's code, a link that ends e-mail).
// Without it, NGINX logs requests as they came. The map takes the path as it was sent, for
// NGINX's own ($uri) is another one once a route has matched.
const logged = `map $request_uri $companion_path {
  default "";
  "~^(?<companion_path_alone>[^?]*)" $companion_path_alone;
}
log_format companion escape=json '{"time":"$time_iso8601","msg":"request","address":"$remote_addr","method":"$request_method","path":"$companion_path",'
  '"protocol":"$server_protocol","status":"$status","bytes":"$body_bytes_sent","took_s":"$request_time","upstream_took_s":"$upstream_response_time",'
  '"correlation_id":"$sent_http_x_correlation_id","agent":"$http_user_agent"}';
access_log /dev/stdout companion;
`

// NewServerFilter creates the filter that sets what the Gateway API has no words for: TLS
// 1.2 or later, and that browsers insist on it; limits of one client's address; timeouts;
// what is logged of a request; and that NGINX answers its own errors as the API answers
// (application/problem+json, RFC 9457), while errors of the services pass unchanged. The one answer that stays NGINX's own
// is the 503 of a service without ready endpoints: it comes from an upstream of NGINX
// itself, and to replace it would replace the services' errors as well. maxBody is the
// edge's, in bytes.
func NewServerFilter(ctx *pulumi.Context, name string, maxBody int, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (*kube.Resource, error) {
	pages, err := problemPages(maxBody)
	if err != nil {
		return nil, err
	}
	return kube.NewObject(ctx, name, kube.Object{
		APIVersion: "gateway.nginx.org/v1alpha1", Kind: "SnippetsFilter", Name: ServerFilter, Namespace: namespace,
		Fields: map[string]any{"spec": map[string]any{"snippets": []any{
			map[string]any{"context": "http", "value": httpSettings()},
			map[string]any{"context": "http.server", "value": serverSettings() + pages},
		}}},
	}, opts...)
}

// httpSettings are those of every server of NGINX's: a handshake is over before the client
// has named its server. The address is the client's own: see newNginx.
func httpSettings() string {
	return logged + fmt.Sprintf(`ssl_protocols TLSv1.2 TLSv1.3;
limit_req_zone $binary_remote_addr zone=companion_requests:10m rate=%dr/s;
limit_conn_zone $binary_remote_addr zone=companion_connections:10m;
`, clientRate)
}

func serverSettings() string {
	return hsts + fmt.Sprintf(`limit_req zone=companion_requests burst=%d nodelay;
limit_req_status %[3]d;
limit_conn companion_connections %[2]d;
limit_conn_status %[3]d;
client_header_timeout 15s;
send_timeout 30s;
proxy_connect_timeout 5s;
`, clientBurst, clientConnections, http.StatusTooManyRequests)
}

// retried are the errors that pass by themselves.
var retried = []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable}

// problemPages is NGINX's configuration of the error pages.
func problemPages(maxBody int) (string, error) {
	var pages strings.Builder
	// NGINX's own status of headers that are too large.
	fmt.Fprintf(&pages, "error_page 494 =%[1]d /.problems/%[1]d;\n", http.StatusBadRequest)
	for _, status := range slices.Sorted(maps.Keys(problems)) {
		detail := problems[status]
		if strings.Contains(detail, "%d") {
			detail = fmt.Sprintf(detail, maxBody)
		}
		body, err := json.Marshal(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
		if err != nil {
			return "", err
		}
		// At an address, and not in a named location: NGINX knows no address of a request
		// whose line is too long, and leads it to none of those.
		fmt.Fprintf(&pages, "error_page %[1]d /.problems/%[1]d;\nlocation = /.problems/%[1]d {\n  internal;\n  default_type application/problem+json;\n", status)
		if slices.Contains(retried, status) {
			// A location with headers of its own inherits none.
			pages.WriteString("  add_header Retry-After 5 always;\n  " + hsts)
		}
		fmt.Fprintf(&pages, "  return %d '%s';\n}\n", status, body)
	}
	return pages.String(), nil
}
