package digitalocean

import (
	"context"
	"time"

	"github.com/digitalocean/godo"
)

// credentialsState are credentials of a registry's.
type credentialsState struct {
	RegistryName  string `json:"registryName" do:"required,replace"`
	Write         bool   `json:"write" default:"false"`
	ExpirySeconds *int   `json:"expirySeconds,omitempty" do:"replace"`
	Docker        string `json:"dockerCredentials" do:"output,secret"`
	ExpiresAt     string `json:"credentialExpirationTime" do:"output"`
}

// fiftyYears is the official plugin's expiry where the program gives none.
const fiftyYears = 1576800000

var registryCredentials = handle(api[credentialsState]{
	create: func(ctx context.Context, s *session, wanted credentialsState) (string, error) {
		_, _, err := s.client.Registries.Get(ctx, wanted.RegistryName)
		return wanted.RegistryName, err
	},
	// The API does not tell of credentials: those of before are good until they expire.
	read: func(ctx context.Context, s *session, id string, before credentialsState) (*credentialsState, error) {
		_, answer, err := s.client.Registries.Get(ctx, id)
		if err != nil {
			return nil, unlessGone(answer, err)
		}
		if until, err := time.Parse(time.RFC3339, before.ExpiresAt); err == nil && until.After(time.Now()) {
			return &before, nil
		}
		return issueCredentials(ctx, s, id, before)
	},
	update: func(ctx context.Context, s *session, id string, _, wanted credentialsState) error {
		_, _, err := s.client.Registries.Get(ctx, id)
		return err
	},
	delete: func(context.Context, *session, string, credentialsState) error { return nil },
})

func issueCredentials(ctx context.Context, s *session, id string, wanted credentialsState) (*credentialsState, error) {
	seconds := fiftyYears
	if wanted.ExpirySeconds != nil {
		seconds = *wanted.ExpirySeconds
	}
	given, _, err := s.client.Registries.DockerCredentials(ctx, id, &godo.RegistryDockerCredentialsRequest{ReadWrite: wanted.Write, ExpirySeconds: &seconds})
	if err != nil {
		return nil, err
	}
	wanted.RegistryName, wanted.Docker = id, string(given.DockerConfigJSON)
	wanted.ExpiresAt = time.Now().Add(time.Duration(seconds) * time.Second).UTC().Format(time.RFC3339)
	return &wanted, nil
}
