package edge

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
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

// problem is what a person can do about an error, in the pages' languages.
type problem struct{ english, german string }

// problems are the errors that NGINX answers itself.
var problems = map[int]problem{
	http.StatusBadRequest:            {"The request is not valid HTTP, or its headers are too large: check them.", "Die Anfrage ist kein gültiges HTTP, oder ihre Kopfzeilen sind zu groß: bitte prüfen."},
	http.StatusNotFound:              {"Nothing is at this address: check it.", "Unter dieser Adresse ist nichts: bitte prüfen."},
	http.StatusRequestTimeout:        {"The request did not arrive in time: send it again.", "Die Anfrage kam nicht rechtzeitig an: bitte noch einmal senden."},
	http.StatusRequestEntityTooLarge: {"The request is larger than %d bytes: send less at once.", "Die Anfrage ist größer als %d Bytes: bitte weniger auf einmal senden."},
	http.StatusRequestURITooLong:     {"The address is too long: send less in it.", "Die Adresse ist zu lang: bitte weniger in ihr senden."},
	http.StatusTooManyRequests:       {"Too many requests came from this address: try again in a few seconds.", "Von dieser Adresse kamen zu viele Anfragen: bitte in ein paar Sekunden noch einmal versuchen."},
	http.StatusBadGateway:            unreachable,
	http.StatusServiceUnavailable:    unreachable,
	http.StatusGatewayTimeout:        {"The application did not answer in time: check whether the request took effect before you send it again.", "Die Anwendung hat nicht rechtzeitig geantwortet: bitte prüfen, ob die Anfrage ausgeführt ist, bevor sie noch einmal gesendet wird."},
}

var unreachable = problem{"The application cannot be reached at the moment: try again in a few seconds.", "Die Anwendung ist gerade nicht erreichbar: bitte in ein paar Sekunden noch einmal versuchen."}

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

// answered is where NGINX's own errors are: browsers ask for pages.
const answered = `map $http_accept $companion_problems {
  default /.problems;
  "~text/html" /.pages;
}
`

// NewServerFilter creates the filter that sets what the Gateway API has no words for: TLS
// 1.2 or later, and that browsers insist on it; limits of one client's address; timeouts;
// what is logged of a request; and that NGINX answers its own errors as the API answers
// (application/problem+json, RFC 9457), or with a page where one is asked for, while errors of the services pass unchanged. The one answer that stays NGINX's own
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
	return logged + answered + fmt.Sprintf(`ssl_protocols TLSv1.2 TLSv1.3;
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

// pageStyle is the style of error pages, and pagePolicy lets them have that and nothing else.
const pageStyle = "html{color-scheme:light dark}body{font:1.125rem/1.6 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1.5rem}h1{font-size:1.5rem}"

var pagePolicy = func() string {
	sum := sha256.Sum256([]byte(pageStyle))
	return "default-src 'none'; frame-ancestors 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}()

// problemPages is NGINX's configuration of the error pages.
func problemPages(maxBody int) (string, error) {
	var pages strings.Builder
	// NGINX's own status of headers that are too large.
	fmt.Fprintf(&pages, "error_page 494 =%[1]d /.problems/%[1]d;\n", http.StatusBadRequest)
	for _, status := range slices.Sorted(maps.Keys(problems)) {
		detail := func(text string) string {
			if strings.Contains(text, "%d") {
				return fmt.Sprintf(text, maxBody)
			}
			return text
		}
		english, german := detail(problems[status].english), detail(problems[status].german)
		body, err := json.Marshal(map[string]any{"title": http.StatusText(status), "status": status, "detail": english})
		if err != nil {
			return "", err
		}
		again := ""
		if slices.Contains(retried, status) {
			again = "  add_header Retry-After 5 always;\n"
		}
		// At an address, and not in a named location: NGINX knows no address of a request
		// whose line is too long, and leads it to none of those.
		fmt.Fprintf(&pages, "error_page %[1]d $companion_problems/%[1]d;\n", status)
		fmt.Fprintf(&pages, "location = /.problems/%d {\n  internal;\n  default_type application/problem+json;\n", status)
		if again != "" {
			pages.WriteString(again + "  " + hsts) // a location with headers of its own inherits none
		}
		fmt.Fprintf(&pages, "  return %d '%s';\n}\n", status, body)
		fmt.Fprintf(&pages, "location = /.pages/%d {\n  internal;\n  default_type text/html;\n  charset utf-8;\n%s  %s", status, again, hsts)
		fmt.Fprintf(&pages, "  add_header Content-Security-Policy \"%s\" always;\n  return %d '%s';\n}\n", pagePolicy, status, page(http.StatusText(status), english, german))
	}
	return pages.String(), nil
}

// page is an error as a browser shows it. NGINX does not know which language the person has
// chosen, and so says it in each.
func page(title, english, german string) string {
	return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>` +
		html.EscapeString(title) + ` · Wealth Companion</title><style>` + pageStyle + `</style></head><body><main><h1>` + html.EscapeString(title) + `</h1><p>` +
		html.EscapeString(english) + `</p><p lang="de">` + html.EscapeString(german) + `</p></main></body></html>`
}
