package companion

import (
	"fmt"
	"maps"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/secret"
	"github.com/wealth-companion/companion/infra/workload"
)

// The Secrets, by the names that they have before their version.
const (
	signingSecret      = "backend-auth"
	confirmationSecret = "mcp"
	sessionSecret      = "web"
	redisSecret        = "redis"
	// migrationSecret holds the migrator's connection string, which only the job reads.
	migrationSecret = "migration-database"
	// authoritySecret is a copy of who signed the brokers' certificates. Its name has no
	// version: what it holds changes between updates (newAuthorityJob).
	authoritySecret = "kafka-ca"
)

func databaseSecret(service string) string { return service + "-database" }
func kafkaSecret(service string) string    { return service + "-kafka" }

// sidecarSecret has what a service's sidecar asks of it, and appSecret what the service asks of
// its sidecar.
func sidecarSecret(service string) string { return service + "-sidecar-token" }
func appSecret(service string) string     { return service + "-app-token" }

// optionSecret holds the secret of an option, under the same key.
func optionSecret(key string) string { return optionNames[key] }

var optionNames = map[string]string{
	mailPassword: "mail", pushPrivateKey: "push", oidcClientSecret: "oidc", conversationKey: "conversation",
}

// secrets are those that the services and their sidecars read.
type secrets struct {
	names   map[string]string // of those whose content is known now
	outputs map[string]pulumi.StringInput
	all     []pulumi.Resource
}

// output is a Secret's name in Kubernetes, which may be known later only.
func (s *secrets) output(base string) pulumi.StringInput {
	name, made := s.outputs[base]
	if !made {
		panic(fmt.Sprintf("there is no Secret %s", base))
	}
	return name
}

// named is a Secret's name in Kubernetes. Only what was made is asked for: a mistake in
// the program, hence the panic.
func (s *secrets) named(base string) string {
	name, made := s.names[base]
	if !made {
		panic(fmt.Sprintf("there is no Secret %s whose name is known now", base))
	}
	return name
}

// newSecrets creates the Secrets. Each has content of one purpose, so that a change rolls
// those services alone that read it.
func newSecrets(ctx *pulumi.Context, name string, args *CompanionArgs, namespace pulumi.StringInput, child pulumi.ResourceOption) (*secrets, error) {
	contents := map[string]secret.Content{redisSecret: args.Store.Access}
	database := func(address secret.Text) map[string]secret.Text {
		values := map[string]secret.Text{"url": address}
		if args.DatabaseAuthority != "" {
			values[authorityKey] = secret.Text(args.DatabaseAuthority)
		}
		return values
	}
	for base, values := range map[string]map[string]secret.Text{
		signingSecret:      {"signingKey": args.SigningKey},
		confirmationSecret: {"confirmationKey": secret.Derive(args.SigningKey, "mcp confirmations")},
		sessionSecret:      {"sessionKey": args.SessionKey},
		migrationSecret:    database(args.MigrationURL),
	} {
		contents[base] = secret.Of(values)
	}
	for _, service := range event.Services() {
		contents[databaseSecret(service)] = secret.Of(database(args.DatabaseURLs[service]))
		contents[kafkaSecret(service)] = secret.Of(map[string]secret.Text{"password": args.Kafka.Passwords[service]})
	}
	for _, service := range Names() {
		for base, purpose := range map[string]string{sidecarSecret(service): "sidecar of ", appSecret(service): "app channel of "} {
			contents[base] = secret.Of(map[string]secret.Text{workload.TokenKey: secret.Derive(args.SidecarSeed, purpose+service)})
		}
	}
	for key, value := range args.Options.secrets() {
		contents[optionSecret(key)] = secret.Of(map[string]secret.Text{key: value})
	}
	made := &secrets{names: map[string]string{}, outputs: map[string]pulumi.StringInput{}}
	for _, base := range slices.Sorted(maps.Keys(contents)) {
		one, err := secret.NewImmutable(ctx, name+"-"+base, base, namespace, contents[base], child)
		if err != nil {
			return nil, err
		}
		if one.Name != "" {
			made.names[base] = one.Name
		}
		made.outputs[base], made.all = one.Output, append(made.all, one.Resource)
	}
	authority, err := newAuthorityCopy(ctx, name, args, namespace, child)
	if err != nil {
		return nil, err
	}
	access, err := args.Images.NewPullSecret(ctx, name, namespace, child)
	made.all = append(made.all, authority, access)
	return made, err
}
