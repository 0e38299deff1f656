// Package elasticsearch takes the place of Elasticsearch's client, which is half of what Jaeger
// is compiled from (847 packages), for a storage that the rehearsal does not use. It has what
// Jaeger's source names; nothing of it works.
package elasticsearch

import (
	"errors"
	"net/http"

	"github.com/elastic/go-elasticsearch/v9/esapi"
)

// Config is what Jaeger sets of a client.
type Config struct {
	Addresses            []string
	Username, Password   string
	Header               http.Header
	Transport            http.RoundTripper
	DiscoverNodesOnStart bool
	CompressRequestBody  bool
}

// Client is what Jaeger uses of a client.
type Client struct{ Indices *esapi.Indices }

// NewClient fails.
func NewClient(Config) (*Client, error) {
	return nil, errors.New("this Jaeger is built without Elasticsearch: configure badger")
}
