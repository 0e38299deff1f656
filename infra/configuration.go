package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/wealth-companion/companion/infra/secret"
	"github.com/wealth-companion/companion/stacks"
)

// load reads the stack's configuration and checks all of it.
func load(ctx *pulumi.Context) (stacks.Config, error) {
	from := config.New(ctx, "companion")
	settings := stacks.Config{Domain: from.Get("domain"), Release: from.Get("release")}
	var errs []error
	for key, target := range map[string]any{
		"cluster": &settings.Cluster, "registry": &settings.Registry, "charts": &settings.Charts, "issuer": &settings.Issuer,
		"edge": &settings.Edge, "dapr": &settings.Dapr, "kafka": &settings.Kafka, "redis": &settings.Redis, "services": &settings.Services,
		"mail": &settings.Mail, "push": &settings.Push, "oidc": &settings.OIDC, "conversation": &settings.Conversation,
	} {
		if err := from.GetObject(key, target); err != nil {
			errs = append(errs, fmt.Errorf("companion:%s is not of its shape (stacks/config.go says what it holds): %w", key, err))
		}
	}
	if len(errs) > 0 {
		return settings, errors.Join(errs...)
	}
	return settings, settings.Validate()
}

// secrets are a stack's secrets; every value is a secret output.
type secrets struct {
	databaseURLs      map[string]pulumi.StringInput // by service
	migrationURL      pulumi.StringOutput
	redisPassword     pulumi.StringOutput
	authSigningKey    pulumi.StringOutput
	kafkaSeed         pulumi.StringOutput // the Kafka users' passwords are derived from it
	digitalOceanToken pulumi.StringOutput
	// options are the secrets of what is configured of what an installation may do
	// without, by their keys; pushPublicKey belongs to pushPrivateKey.
	options       map[string]pulumi.StringInput
	pushPublicKey string
}

// loadSecrets reads the stack's secrets. The error names each that is missing
// with the command that sets it.
func loadSecrets(ctx *pulumi.Context, settings stacks.Config) (secrets, error) {
	from := config.New(ctx, "companion")
	s := secrets{databaseURLs: map[string]pulumi.StringInput{}, options: map[string]pulumi.StringInput{}}
	var urls map[string]string
	err := from.GetObject("databaseUrls", &urls)
	var missing []error
	if err != nil {
		missing = append(missing, fmt.Errorf("companion:databaseUrls is not a map of service to connection string: %w", err))
	}
	need := func(key, value string) pulumi.StringOutput {
		if value == "" {
			missing = append(missing, fmt.Errorf("companion:%s is missing: run %s", key, stacks.SecretKeys[key]))
		}
		return pulumi.ToSecret(pulumi.String(value)).(pulumi.StringOutput)
	}
	for _, service := range stacks.DatabaseServices {
		s.databaseURLs[service] = need("databaseUrls."+service, urls[service])
	}
	s.migrationURL = need("migrationUrl", from.Get("migrationUrl"))
	s.redisPassword = need("redisPassword", from.Get("redisPassword"))
	s.authSigningKey = need("authSigningKey", from.Get("authSigningKey"))
	s.kafkaSeed = need("kafkaSeed", from.Get("kafkaSeed"))
	// What is configured needs its secret; a model of one's own may have no key.
	for key, wanted := range map[string]bool{
		"mailPassword": settings.Mail != nil, "pushPrivateKey": settings.Push != nil,
		"oidcClientSecret": settings.OIDC != nil, "conversationKey": settings.Conversation != nil && from.Get("conversationKey") != "",
	} {
		if wanted {
			s.options[key] = need(key, from.Get(key))
		}
	}
	if private := from.Get("pushPrivateKey"); settings.Push != nil && private != "" {
		if s.pushPublicKey, err = secret.PushKey(private); err != nil {
			missing = append(missing, fmt.Errorf("companion:pushPrivateKey is no private key of P-256 in base64url: run %s", stacks.SecretKeys["pushPrivateKey"]))
		}
	}
	s.digitalOceanToken = pulumi.ToSecret(pulumi.String(digitalOceanToken(ctx))).(pulumi.StringOutput)
	return s, errors.Join(missing...)
}

// digitalOceanToken is the one that the provider itself uses.
func digitalOceanToken(ctx *pulumi.Context) string {
	if token := config.New(ctx, "digitalocean").Get("token"); token != "" {
		return token
	}
	return os.Getenv("DIGITALOCEAN_TOKEN")
}
