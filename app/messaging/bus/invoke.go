package bus

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"
)

// Invocation is where a service's API is reached through the sidecar, which
// finds it, encrypts, and tries again. Paths of that API go behind it.
func Invocation(service string) *url.URL {
	return &url.URL{Scheme: "http", Host: sidecarHTTP(), Path: "/v1.0/invoke/" + service + "/method"}
}

// Invoker calls what Invocation names.
func Invoker() *http.Client { return httpClient(15 * time.Second) }

// PeoplesInvoker is Invoker for a service that people wait for: it keeps many connections to the
// sidecar, and the caller bounds each request by its context.
func PeoplesInvoker() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = time.Minute
	transport.MaxIdleConnsPerHost = 64 // there is one host, the sidecar
	return &http.Client{Transport: traces(withToken(transport))}
}

// sidecarHTTP is where the sidecar's HTTP API is, as Dapr's injector tells.
func sidecarHTTP() string {
	return net.JoinHostPort("127.0.0.1", cmp.Or(os.Getenv("DAPR_HTTP_PORT"), "3500"))
}
