package digitalocean

import (
	"context"
	"slices"

	"github.com/digitalocean/godo"
)

const registryHost = "registry.digitalocean.com"

type registryState struct {
	Name      string `json:"name" do:"autoname,replace"`
	Tier      string `json:"subscriptionTierSlug" do:"required"`
	Region    string `json:"region,omitempty" do:"computed,replace"`
	Endpoint  string `json:"endpoint" do:"output"`
	ServerURL string `json:"serverUrl" do:"output"`
	Usage     uint64 `json:"storageUsageBytes" do:"output"`
	CreatedAt string `json:"createdAt" do:"output"`
}

var containerRegistry = handle(api[registryState]{
	validate: func(wanted registryState, fail func(string, string)) {
		if wanted.Tier != "" && !slices.Contains([]string{"starter", "basic", "professional"}, wanted.Tier) {
			fail("subscriptionTierSlug", "must be starter, basic or professional, not "+wanted.Tier)
		}
	},
	create: func(ctx context.Context, s *session, wanted registryState) (string, error) {
		made, _, err := s.client.Registry.Create(ctx, &godo.RegistryCreateRequest{
			Name: wanted.Name, SubscriptionTierSlug: wanted.Tier, Region: wanted.Region,
		})
		if err != nil {
			return "", err
		}
		return made.Name, nil
	},
	read: readRegistry,
	update: func(ctx context.Context, s *session, _ string, _, wanted registryState) error {
		_, _, err := s.client.Registries.UpdateSubscription(ctx, &godo.RegistrySubscriptionUpdateRequest{TierSlug: wanted.Tier})
		return err
	},
	delete: func(ctx context.Context, s *session, id string, _ registryState) error {
		return unlessGone(s.client.Registries.Delete(ctx, id))
	},
})

func readRegistry(ctx context.Context, s *session, id string, _ registryState) (*registryState, error) {
	found, answer, err := s.client.Registries.Get(ctx, id)
	if err != nil {
		return nil, unlessGone(answer, err)
	}
	paid, _, err := s.client.Registries.GetSubscription(ctx)
	if err != nil {
		return nil, err
	}
	return &registryState{
		Name: found.Name, Tier: paid.Tier.Slug, Region: found.Region,
		Endpoint: registryHost + "/" + found.Name, ServerURL: registryHost,
		Usage: found.StorageUsageBytes, CreatedAt: stamp(found.CreatedAt),
	}, nil
}
