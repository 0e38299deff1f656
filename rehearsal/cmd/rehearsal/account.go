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

// layFoundation brings up what the account of a stack has once (infra/foundation), which
// the stack looks up, and returns its outputs.
func layFoundation(ctx context.Context, folders settings.Folders, options deploy.Options) (stacks.FoundationOutputs, error) {
	c, err := deploy.Read(folders, options.Name)
	if err != nil {
		return stacks.FoundationOutputs{}, err
	}
	if options.Name, err = deploy.FoundationOf(folders, c); err != nil {
		return stacks.FoundationOutputs{}, err
	}
	options.Config = providerConfig(options)
	stack, err := deploy.Open(ctx, folders, options)
	if err != nil {
		return stacks.FoundationOutputs{}, err
	}
	if _, err := stack.Up(ctx); err != nil {
		return stacks.FoundationOutputs{}, err
	}
	outputs, err := stack.Outputs(ctx)
	if err != nil {
		return stacks.FoundationOutputs{}, err
	}
	return stacks.ReadFoundationOutputs(outputs)
}

// providerConfig is what the provider of DigitalOcean's resources needs.
func providerConfig(options deploy.Options) map[string]deploy.Value {
	return map[string]deploy.Value{
		"digitalocean:token":       {Value: options.Token, Secret: true},
		"digitalocean:apiEndpoint": {Value: options.APIURL},
	}
}

// publish pushes the services' images to the account's registry, as CI does before a
// release is deployed.
func publish(ctx context.Context, registry string, secrets settings.Secrets, built made, report progress.Reporter) error {
	stage := report.Stage("push the images")
	err := func() error {
		client, err := digitalOcean(settings.APIAddress, secrets.DigitalOceanToken)
		if err != nil {
			return err
		}
		auth, err := pushCredentials(ctx, client, registry)
		if err != nil {
			return err
		}
		store, err := image.Open(built.store)
		if err != nil {
			return err
		}
		for _, service := range parts.Services {
			if err := push(ctx, store, registry+"/"+service+":"+built.release, parts.Registry+"/"+service+":"+built.release, auth); err != nil {
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
