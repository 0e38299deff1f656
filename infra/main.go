// The Pulumi program: it maps a stack's configuration to arguments.
package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"github.com/wealth-companion/companion/infra/platform"
	"github.com/wealth-companion/companion/infra/secret"
	"github.com/wealth-companion/companion/stacks"
)

func main() { pulumi.Run(run) }

func run(ctx *pulumi.Context) error {
	settings, err := load(ctx)
	if err != nil {
		return err
	}
	secrets, err := loadSecrets(ctx, settings)
	if err != nil {
		return err
	}
	outputs, err := platform.New(ctx, settings, secrets)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		ctx.Export(name, outputs[name])
	}
	return nil
}

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

// loadSecrets reads the stack's secrets; what is missing is told with the
// command that sets it.
func loadSecrets(ctx *pulumi.Context, settings stacks.Config) (platform.Secrets, error) {
	from := config.New(ctx, "companion")
	secrets := platform.Secrets{DatabaseURLs: map[string]pulumi.StringInput{}, Options: map[string]pulumi.StringInput{}}
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
		secrets.DatabaseURLs[service] = need("databaseUrls."+service, urls[service])
	}
	secrets.RedisPassword = need("redisPassword", from.Get("redisPassword"))
	secrets.AuthSigningKey = need("authSigningKey", from.Get("authSigningKey"))
	secrets.KafkaSeed = need("kafkaSeed", from.Get("kafkaSeed"))
	// What is configured needs its secret; a model of one's own may have no key.
	for key, wanted := range map[string]bool{
		"mailPassword": settings.Mail != nil, "pushPrivateKey": settings.Push != nil,
		"oidcClientSecret": settings.OIDC != nil, "conversationKey": settings.Conversation != nil && from.Get("conversationKey") != "",
	} {
		if wanted {
			secrets.Options[key] = need(key, from.Get(key))
		}
	}
	if private := from.Get("pushPrivateKey"); settings.Push != nil && private != "" {
		if secrets.PushKey, err = secret.PushKey(private); err != nil {
			missing = append(missing, fmt.Errorf("companion:pushPrivateKey is no private key of P-256 in base64url: run %s", stacks.SecretKeys["pushPrivateKey"]))
		}
	}
	secrets.DigitalOceanToken = pulumi.ToSecret(pulumi.String(digitalOceanToken(ctx))).(pulumi.StringOutput)
	return secrets, errors.Join(missing...)
}

// digitalOceanToken is the one that the provider itself uses.
func digitalOceanToken(ctx *pulumi.Context) string {
	if token := config.New(ctx, "digitalocean").Get("token"); token != "" {
		return token
	}
	return os.Getenv("DIGITALOCEAN_TOKEN")
}
