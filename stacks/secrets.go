package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Secrets are a stack's secrets. They are in the same namespace as its
// configuration, and encrypted in its file.
type Secrets struct {
	DatabaseURLs DatabaseURLs `json:"databaseUrls,omitzero"` // the services' databases

	MigrationURL   Secret `json:"migrationUrl,omitempty"`   // the connection string of the role that owns the tables
	RedisPassword  Secret `json:"redisPassword,omitempty"`  // the password of companion:redis, or a JSON list of the new one and those that are still accepted
	KafkaSeed      Secret `json:"kafkaSeed,omitempty"`      // what the Kafka users' passwords are derived from
	SidecarSeed    Secret `json:"sidecarSeed,omitempty"`    // what the tokens are derived from by which services and their sidecars know one another
	AuthSigningKey Secret `json:"authSigningKey,omitempty"` // the key that access tokens are signed with, of 32 bytes or more, or a JSON list of the new one and those that are still accepted

	// the key that the web encrypts the cookies of those with who are logged in, of 32 bytes or more, or a JSON list of the new one and those that are still accepted
	SessionKey Secret `json:"sessionKey,omitempty"`

	DNSToken         Secret `json:"dnsToken,omitempty"`         // the token of DigitalOcean's API that cert-manager proves the domain with, with the scopes domain:read, domain:create, domain:update and domain:delete and no other
	MailPassword     Secret `json:"mailPassword,omitempty"`     // the password of companion:mail
	PushPrivateKey   Secret `json:"pushPrivateKey,omitempty"`   // the private key of companion:push, P-256 in base64url
	OIDCClientSecret Secret `json:"oidcClientSecret,omitempty"` // the client secret of companion:oidc
	ConversationKey  Secret `json:"conversationKey,omitempty"`  // the key of companion:conversation, where its model has one
	AlertWebhook     Secret `json:"alertWebhook,omitempty"`     // the https:// address that companion:observability.alerts are posted to, as Alertmanager writes them
	GrafanaPassword  Secret `json:"grafanaPassword,omitempty"`  // the password of the user admin of companion:observability.grafana
}

// DatabaseURLs are the connection strings of the services that have a database.
type DatabaseURLs struct {
	Backend      Secret `json:"backend,omitempty"`      // the connection string of the role backend
	Analytics    Secret `json:"analytics,omitempty"`    // the connection string of the role analytics
	Banking      Secret `json:"banking,omitempty"`      // the connection string of the role banking
	Investment   Secret `json:"investment,omitempty"`   // the connection string of the role investment
	Notification Secret `json:"notification,omitempty"` // the connection string of the role notification
}

// ByService are the connection strings by service.
func (d DatabaseURLs) ByService() map[string]Secret {
	return map[string]Secret{
		"backend": d.Backend, "analytics": d.Analytics, "banking": d.Banking, "investment": d.Investment, "notification": d.Notification,
	}
}

// DatabaseServices are the services that have a schema and a role in PostgreSQL.
var DatabaseServices = slices.Sorted(maps.Keys(DatabaseURLs{}.ByService()))

// Secret is a secret in clear, as the program gets it. In a stack's file it is
// encrypted, an object with the field `secure`: that reads as a secret that is set.
type Secret string

// encrypted stands for a secret that is set, where only Pulumi can read it.
const encrypted Secret = "encrypted"

// All are the secret's values. A JSON list has the one that is used, and then those that are
// still accepted; any other text is the one value.
func (s Secret) All() []string {
	var list []string
	if json.Unmarshal([]byte(s), &list) == nil && len(list) > 0 {
		return list
	}
	return []string{string(s)}
}

// UnmarshalJSON reads a secret in clear or encrypted.
func (s *Secret) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '{' {
		*s = encrypted
		return nil
	}
	return json.Unmarshal(raw, (*string)(s))
}

// Missing returns a problem for each secret that the configuration needs and that
// is not set, with the command that sets it.
func (s Secrets) Missing(c Config) error {
	needed := map[string]Secret{
		"migrationUrl": s.MigrationURL, "kafkaSeed": s.KafkaSeed, "sidecarSeed": s.SidecarSeed, "authSigningKey": s.AuthSigningKey, "sessionKey": s.SessionKey,
	}
	for service, url := range s.DatabaseURLs.ByService() {
		needed["databaseUrls."+service] = url
	}
	for key, option := range map[string]struct {
		configured bool
		secret     Secret
	}{
		"redisPassword": {c.Redis != nil, s.RedisPassword},
		"mailPassword":  {c.Mail != nil && c.Mail.User != "", s.MailPassword}, "pushPrivateKey": {c.Push != nil, s.PushPrivateKey},
		"oidcClientSecret": {c.OIDC != nil, s.OIDCClientSecret}, "dnsToken": {c.Issuer.Kind == "acme", s.DNSToken}, "alertWebhook": {c.webhook(), s.AlertWebhook},
		"grafanaPassword": {c.shows(), s.GrafanaPassword},
	} {
		if option.configured {
			needed[key] = option.secret
		}
	}
	var p problems
	for key, secret := range needed {
		if secret == "" {
			p.add(namespace+key, "is missing: run %s", SecretCommand(key))
		}
	}
	return p.err()
}

// Wrong returns a problem for each secret in clear that cannot be right. No value is shown.
func (s Secrets) Wrong(c Config) error {
	var p problems
	for key, secret := range map[string]Secret{"redisPassword": s.RedisPassword, "authSigningKey": s.AuthSigningKey, "sessionKey": s.SessionKey} {
		p.list(key, secret)
	}
	p.long("sessionKey", s.SessionKey)
	if w := s.AlertWebhook; w != "" && w != encrypted && !strings.HasPrefix(string(w), "https://") {
		p.add(namespace+"alertWebhook", "is no https:// address: run %s", SecretCommand("alertWebhook"))
	}
	p.databases(c, s)
	return p.err()
}

// list checks a secret of which several values may be accepted.
func (p *problems) list(key string, secret Secret) {
	if !strings.HasPrefix(string(secret), "[") {
		return
	}
	var values []string
	if err := json.Unmarshal([]byte(secret), &values); err != nil || len(values) == 0 || slices.Contains(values, "") {
		p.add(namespace+key, `begins with [ but is no JSON list of texts: set it to ["new","old"], or to one value`) // the cause would show them
		return
	}
	if len(slices.Compact(slices.Sorted(slices.Values(values)))) < len(values) {
		p.add(namespace+key, "names a value twice: set it to the new one first, then those that are still accepted")
	}
}

// minSessionKey is how many characters each of the web's keys has at least: it does not start with
// a shorter one.
const minSessionKey = 32

// long checks that each value of a secret that is set is long enough.
func (p *problems) long(key string, secret Secret) {
	if secret == "" || secret == encrypted {
		return
	}
	for _, value := range secret.All() {
		if strings.HasPrefix(value, "[") {
			return // a list that is none, which list tells of
		}
		if len(value) < minSessionKey {
			p.add(namespace+key, "has a key of fewer than %d characters: run %s", minSessionKey, SecretCommand(key))
			return
		}
	}
}

// SecretCommand is the command that sets a secret.
func SecretCommand(key string) string {
	set := "pulumi config set --secret " + namespace + key
	switch key {
	case "redisPassword", "grafanaPassword":
		return set + ` "$(openssl rand -hex 24)"`
	case "kafkaSeed", "sidecarSeed", "authSigningKey", "sessionKey":
		return set + ` "$(openssl rand -hex 32)"`
	case "pushPrivateKey":
		return "openssl ecparam -name prime256v1 -genkey -noout -outform DER | tail -c +8 | head -c 32 | basenc --base64url | tr -d = | " + set
	case "migrationUrl":
		return set + " 'postgres://migrator:...?sslmode=verify-full'"
	case "alertWebhook":
		return set + " 'https://...'"
	case "dnsToken", "mailPassword", "oidcClientSecret", "conversationKey":
		return set
	}
	return fmt.Sprintf("pulumi config set --secret --path '%s%s' 'postgres://...?sslmode=verify-full'", namespace, key)
}
