package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/cluster"
	"github.com/wealth-companion/companion/infra/secret"
	"github.com/wealth-companion/companion/stacks"
)

// load reads the stack's configuration and its secrets. The error names every
// problem of both.
func load(values map[string]string) (stacks.Config, secrets, error) {
	settings, err := stacks.ReadValues(values)
	if err := errors.Join(err, settings.Missing(settings.Config), settings.Wrong(settings.Config)); err != nil {
		return stacks.Config{}, secrets{}, err
	}
	s, err := secretsOf(settings)
	s.account = accountOf(values)
	return settings.Config, s, err
}

// secrets are a stack's secrets.
type secrets struct {
	account         cluster.Account
	databaseURLs    map[string]secret.Text // by service
	migrationURL    secret.Text
	redisPasswords  []secret.Text // that which is used, and those that are still accepted
	authSigningKey  secret.Text
	sessionKey      secret.Text         // of the web's cookies
	kafkaSeed       secret.Text         // the Kafka users' passwords are derived from it
	sidecarSeed     secret.Text         // the tokens between services and sidecars are derived from it
	dnsToken        pulumi.StringOutput // of the ACME issuer
	alertWebhook    secret.Text         // where alerts are posted to
	grafanaPassword secret.Text         // of Grafana's user admin
	// options are the secrets of what is configured of what an installation may do
	// without, by their keys; pushPublicKey belongs to pushPrivateKey.
	options       map[string]secret.Text
	pushPublicKey string
}

// accountOf is DigitalOcean's API as its provider finds it: the stack's configuration, or
// the environment.
func accountOf(values map[string]string) cluster.Account {
	return cluster.Account{
		Token:    cmp.Or(values["digitalocean:token"], os.Getenv("DIGITALOCEAN_TOKEN"), os.Getenv("DIGITALOCEAN_ACCESS_TOKEN")),
		Endpoint: cmp.Or(values["digitalocean:apiEndpoint"], os.Getenv("DIGITALOCEAN_API_URL")),
	}
}

// secretsOf are the secrets of what is configured; none that is needed is missing.
func secretsOf(settings stacks.Settings) (secrets, error) {
	s := secrets{
		databaseURLs:    map[string]secret.Text{},
		migrationURL:    secret.Text(settings.MigrationURL),
		authSigningKey:  secret.Text(settings.AuthSigningKey),
		sessionKey:      secret.Text(settings.SessionKey),
		kafkaSeed:       secret.Text(settings.KafkaSeed),
		sidecarSeed:     secret.Text(settings.SidecarSeed),
		options:         map[string]secret.Text{},
		dnsToken:        secret.Text(settings.DNSToken).Output(),
		alertWebhook:    secret.Text(settings.AlertWebhook),
		grafanaPassword: secret.Text(settings.GrafanaPassword),
	}
	for _, password := range settings.RedisPassword.All() {
		s.redisPasswords = append(s.redisPasswords, secret.Text(password))
	}
	for service, address := range settings.DatabaseURLs.ByService() {
		s.databaseURLs[service] = secret.Text(pooled(string(address), stacks.PoolSize(service)))
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
			s.options[key] = secret.Text(option.secret)
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

// pooled has a connection string say how many sessions its pool has, unless it does.
func pooled(address string, size int) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Query().Has("pool_max_conns") {
		return address // what is no connection string was told
	}
	query := parsed.Query()
	query.Set("pool_max_conns", strconv.Itoa(size))
	parsed.RawQuery = query.Encode()
	return parsed.String()
}
