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

// ProblemsFilter is the name of the filter that NewProblems creates, as routes of
// its namespace refer to it.
const ProblemsFilter = "problems"

// problems are the errors that NGINX answers itself, with what a person can do.
var problems = map[int]string{
	http.StatusBadRequest:            "The request is not valid HTTP: check its headers.",
	http.StatusNotFound:              "Nothing is at this address: check it.",
	http.StatusRequestTimeout:        "The request did not arrive in time: send it again.",
	http.StatusRequestEntityTooLarge: "The request is larger than %d bytes: send less at once.",
	http.StatusRequestURITooLong:     "The address is too long: send less in it.",
	http.StatusBadGateway:            "The application cannot be reached at the moment: try again in a few seconds.",
	http.StatusServiceUnavailable:    "The application cannot be reached at the moment: try again in a few seconds.",
	http.StatusGatewayTimeout:        "The application did not answer in time: check whether the request took effect before you send it again.",
}

// NewProblems creates the filter that has NGINX answer its own errors as the API
// answers (application/problem+json, RFC 9457); errors of the services pass
// unchanged. The one answer that stays NGINX's own is the 503 of a service without
// ready endpoints: it comes from an upstream of NGINX itself, and to replace it
// would replace the services' errors as well. maxBody is the edge's, in bytes.
func NewProblems(ctx *pulumi.Context, name string, maxBody int, namespace pulumi.StringInput, opts ...pulumi.ResourceOption) (*kube.Resource, error) {
	snippet, err := problemPages(maxBody)
	if err != nil {
		return nil, err
	}
	return kube.NewObject(ctx, name, kube.Object{
		APIVersion: "gateway.nginx.org/v1alpha1", Kind: "SnippetsFilter", Name: ProblemsFilter, Namespace: namespace,
		Fields: map[string]any{"spec": map[string]any{"snippets": []any{
			map[string]any{"context": "http.server", "value": snippet},
		}}},
	}, opts...)
}

// problemPages is NGINX's configuration of the error pages.
func problemPages(maxBody int) (string, error) {
	var pages strings.Builder
	for _, status := range slices.Sorted(maps.Keys(problems)) {
		detail := problems[status]
		if strings.Contains(detail, "%d") {
			detail = fmt.Sprintf(detail, maxBody)
		}
		body, err := json.Marshal(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail})
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&pages, "error_page %[1]d @problem_%[1]d;\nlocation @problem_%[1]d {\n  default_type application/problem+json;\n", status)
		if status == http.StatusBadGateway || status == http.StatusServiceUnavailable {
			pages.WriteString("  add_header Retry-After 5 always;\n")
		}
		fmt.Fprintf(&pages, "  return %d '%s';\n}\n", status, body)
	}
	return pages.String(), nil
}
