package digitalocean

import (
	"context"

	"github.com/digitalocean/godo"
)

type domainState struct {
	Name      string  `json:"name" do:"required,replace"`
	IPAddress *string `json:"ipAddress,omitempty" do:"replace"`
	TTL       int     `json:"ttl" do:"output"`
	URN       string  `json:"domainUrn" do:"output"`
}

var domain = handle(api[domainState]{
	create: func(ctx context.Context, s *session, wanted domainState) (string, error) {
		made, _, err := s.client.Domains.Create(ctx, &godo.DomainCreateRequest{Name: wanted.Name, IPAddress: value(wanted.IPAddress)})
		if err != nil {
			return "", err
		}
		return made.Name, nil
	},
	read: func(ctx context.Context, s *session, id string, before domainState) (*domainState, error) {
		found, answer, err := s.client.Domains.Get(ctx, id)
		if err != nil {
			return nil, unlessGone(answer, err)
		}
		// The address only made the first record; the API does not keep it.
		return &domainState{Name: found.Name, IPAddress: before.IPAddress, TTL: found.TTL, URN: found.URN()}, nil
	},
	delete: func(ctx context.Context, s *session, id string, _ domainState) error {
		return unlessGone(s.client.Domains.Delete(ctx, id))
	},
})
