package main

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/secret"
	"github.com/wealth-companion/companion/stacks"
)

// load reads the stack's configuration and its secrets. The error names every
// problem of both.
func load(values map[string]string) (stacks.Config, secrets, error) {
	settings, err := stacks.ReadValues(values)
	if err := errors.Join(err, settings.Missing(settings.Config)); err != nil {
		return stacks.Config{}, secrets{}, err
	}
	s, err := outputsOfSecrets(settings)
	return settings.Config, s, err
}

// secrets are a stack's secrets; every value is a secret output.
type secrets struct {
	databaseURLs   map[string]pulumi.StringInput // by service
	migrationURL   pulumi.StringOutput
	redisPassword  pulumi.StringOutput
	authSigningKey pulumi.StringOutput
	kafkaSeed      pulumi.StringOutput // the Kafka users' passwords are derived from it
	dnsToken       pulumi.StringOutput // of the ACME issuer
	// options are the secrets of what is configured of what an installation may do
	// without, by their keys; pushPublicKey belongs to pushPrivateKey.
	options       map[string]pulumi.StringInput
	pushPublicKey string
}

// outputsOfSecrets are the secrets as secret outputs; none that is needed is missing.
func outputsOfSecrets(settings stacks.Settings) (secrets, error) {
	s := secrets{
		databaseURLs:   map[string]pulumi.StringInput{},
		migrationURL:   secretOutput(settings.MigrationURL),
		redisPassword:  secretOutput(settings.RedisPassword),
		authSigningKey: secretOutput(settings.AuthSigningKey),
		kafkaSeed:      secretOutput(settings.KafkaSeed),
		options:        map[string]pulumi.StringInput{},
		dnsToken:       secretOutput(settings.DNSToken),
	}
	for service, url := range settings.DatabaseURLs.ByService() {
		s.databaseURLs[service] = secretOutput(url)
	}
	for key, option := range map[string]struct {
		configured bool
		secret     stacks.Secret
	}{
		"mailPassword": {settings.Mail != nil && settings.Mail.User != "", settings.MailPassword}, "pushPrivateKey": {settings.Push != nil, settings.PushPrivateKey},
		"oidcClientSecret": {settings.OIDC != nil, settings.OIDCClientSecret},
		// A model of one's own may have no key.
		"conversationKey": {settings.Conversation != nil && settings.ConversationKey != "", settings.ConversationKey},
	} {
		if option.configured {
			s.options[key] = secretOutput(option.secret)
		}
	}
	if settings.Push != nil {
		public, err := secret.PushKey(string(settings.PushPrivateKey))
		if err != nil {
			return s, fmt.Errorf("companion:pushPrivateKey is no private key of P-256 in base64url: run %s", stacks.SecretCommand("pushPrivateKey"))
		}
		s.pushPublicKey = public
	}
	return s, nil
}

func secretOutput(value stacks.Secret) pulumi.StringOutput {
	return pulumi.ToSecret(pulumi.String(value)).(pulumi.StringOutput)
}
