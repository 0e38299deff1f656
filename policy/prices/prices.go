// Package prices is what DigitalOcean asks for what a stack has there.
package prices

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strings"

	"github.com/wealth-companion/companion/policy/rules"
)

// Listed are the prices of DigitalOcean's price list, without taxes. Those of sizes hold
// where the API cannot be asked; the others the API does not tell.
//
// Confirmed are those of the sizes and the registry (/v2/sizes and /v2/registry/options as
// DigitalOcean's reference shows them) and of the control plane (its page of DOKS' prices).
// Not confirmed, since copies of the pages disagree by cents: load balancers, volumes and
// databases, which are those of PostgreSQL's nodes and taken for Valkey's too. Compare them
// with digitalocean.com/pricing before a budget depends on less than ten dollars.
var Listed = rules.Prices{
	Date: "2026-11-27",
	Sizes: map[string]int{
		"s-1vcpu-1gb": 600, "s-1vcpu-2gb": 1200, "s-2vcpu-2gb": 1800, "s-2vcpu-4gb": 2400, "s-4vcpu-8gb": 4800, "s-8vcpu-16gb": 9600,
		"g-2vcpu-8gb": 6300, "g-4vcpu-16gb": 12600, "g-8vcpu-32gb": 25200,
		"c-2": 4200, "c-4": 8400, "c-8": 16800,
		"m-2vcpu-16gb": 8400, "m-4vcpu-32gb": 16800,
	},
	ControlPlane: 4000,
	LoadBalancer: 1200,
	VolumeGiB:    10,
	Registries:   map[string]int{"starter": 0, "basic": 500, "professional": 2000},
	Databases:    map[string]int{"db-s-1vcpu-1gb": 1515, "db-s-1vcpu-2gb": 3045, "db-s-2vcpu-4gb": 6090, "db-s-4vcpu-8gb": 12180},
}

// Current are the listed prices, with those of sizes as the API at that address tells them
// now. With an error they are the listed ones.
func Current(ctx context.Context, client *http.Client, address, token string) (rules.Prices, error) {
	sizes := maps.Clone(Listed.Sizes)
	for page := strings.TrimSuffix(address, "/") + "/v2/sizes?per_page=200"; page != ""; {
		answer, err := ask(ctx, client, page, token)
		if err != nil {
			return Listed, fmt.Errorf("sizes of DigitalOcean's API: %w", err)
		}
		for _, size := range answer.Sizes {
			sizes[size.Slug] = int(math.Round(size.Monthly * 100))
		}
		next := answer.Links.Pages.Next
		if next != "" && !sameHost(page, next) {
			return Listed, errors.New("sizes of DigitalOcean's API: the next page is at another host")
		}
		page = next
	}
	current := Listed
	current.Sizes = sizes
	return current, nil
}

type answer struct {
	Sizes []struct {
		Slug    string  `json:"slug"`
		Monthly float64 `json:"price_monthly"` // US dollars
	} `json:"sizes"`
	Links struct {
		Pages struct {
			Next string `json:"next"`
		} `json:"pages"`
	} `json:"links"`
}

func ask(ctx context.Context, client *http.Client, address, token string) (answer, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("the API answers %s", response.Status)
	}
	var read answer
	return read, json.NewDecoder(response.Body).Decode(&read)
}

// sameHost keeps the token from being sent to anybody else.
func sameHost(one, other string) bool {
	a, errA := url.Parse(one)
	b, errB := url.Parse(other)
	return errA == nil && errB == nil && a.Host == b.Host && a.Scheme == b.Scheme
}
