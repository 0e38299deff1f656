package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/digitalocean/godo"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/wealth-companion/companion/rehearsal/deploy"
	"github.com/wealth-companion/companion/rehearsal/image"
	"github.com/wealth-companion/companion/rehearsal/parts"
	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
	"github.com/wealth-companion/companion/stacks"
)

// digitalOcean is a client of the API at an address.
func digitalOcean(address, token string) (*godo.Client, error) {
	return godo.New(http.DefaultClient, godo.SetBaseURL("http://"+address+"/"),
		godo.SetRequestHeaders(map[string]string{"Authorization": "Bearer " + token}))
}

// prepareAccount gives the account what stacks find in it: a registry that holds all
// repositories, and the domain. docs/production.md has a person do the same with doctl.
func prepareAccount(ctx context.Context, client *godo.Client, c stacks.Config) error {
	_, answer, err := client.Registries.Get(ctx, c.Registry.Name)
	if missing(answer) {
		_, _, err = client.Registry.Create(ctx, &godo.RegistryCreateRequest{
			Name: c.Registry.Name, SubscriptionTierSlug: "professional", Region: c.Cluster.Region,
		})
	}
	if err != nil {
		return fmt.Errorf("registry %s: %w", c.Registry.Name, err)
	}
	_, answer, err = client.Domains.Get(ctx, c.Domain)
	if missing(answer) {
		_, _, err = client.Domains.Create(ctx, &godo.DomainCreateRequest{Name: c.Domain})
	}
	if err != nil {
		return fmt.Errorf("domain %s: %w", c.Domain, err)
	}
	return nil
}

func missing(answer *godo.Response) bool {
	return answer != nil && answer.Response != nil && answer.StatusCode == http.StatusNotFound
}

// publish prepares the account and pushes the services' images, as CI does before a
// release is deployed.
func publish(ctx context.Context, folders settings.Folders, secrets settings.Secrets, built made, report progress.Reporter) error {
	stage := report.Stage("push the images")
	err := func() error {
		c, err := deploy.Read(folders, stackName)
		if err != nil {
			return err
		}
		client, err := digitalOcean(settings.APIAddress, secrets.DigitalOceanToken)
		if err != nil {
			return err
		}
		if err := prepareAccount(ctx, client, c); err != nil {
			return err
		}
		auth, err := pushCredentials(ctx, client, c.Registry.Name)
		if err != nil {
			return err
		}
		store, err := image.Open(built.store)
		if err != nil {
			return err
		}
		for _, service := range parts.Services {
			if err := push(ctx, store, c.Registry.Name+"/"+service+":"+built.release, parts.Registry+"/"+service+":"+built.release, auth); err != nil {
				return fmt.Errorf("push %s: %w", service, err)
			}
		}
		return nil
	}()
	stage.Done(err)
	return err
}

func push(ctx context.Context, store *image.Store, to, ref string, auth authn.Authenticator) error {
	tag, err := name.NewTag(settings.PushAddress+"/"+to, name.Insecure)
	if err != nil {
		return err
	}
	digest, err := store.Digest(ref)
	if err != nil {
		return err
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuth(auth)}
	if there, err := remote.Head(tag, options...); err == nil && there.Digest.String() == digest {
		return nil
	}
	pushed, err := store.Image(ref)
	if err != nil {
		return err
	}
	return remote.Write(tag, pushed, options...)
}

// pushCredentials are credentials that may push for an hour.
func pushCredentials(ctx context.Context, client *godo.Client, registry string) (authn.Authenticator, error) {
	given, _, err := client.Registries.DockerCredentials(ctx, registry, &godo.RegistryDockerCredentialsRequest{ReadWrite: true, ExpirySeconds: godo.PtrTo(3600)})
	if err != nil {
		return nil, err
	}
	var config struct {
		Auths map[string]struct{ Auth []byte }
	}
	if err := json.Unmarshal(given.DockerConfigJSON, &config); err != nil {
		return nil, err
	}
	user, password, ok := strings.Cut(string(config.Auths[settings.RegistryHost].Auth), ":")
	if !ok {
		return nil, errors.New("the registry's credentials are not as expected")
	}
	return &authn.Basic{Username: user, Password: password}, nil
}
