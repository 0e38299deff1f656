package kafka

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/secret"
)

// Password returns a user's password, derived from the stack's seed.
func Password(seed secret.Text, user string) secret.Text {
	return secret.Derive(seed, "kafka user "+user)
}

// newUser creates a user with those rights. The operator puts what a client
// needs into the Secret of the user's name.
func newUser(ctx *pulumi.Context, name, user string, args *KafkaArgs, acls []any, namespace pulumi.StringInput, brokers pulumi.Resource, child pulumi.ResourceOption) (*kube.Resource, error) {
	base := user + "-password"
	source, err := secret.NewImmutable(ctx, name+"-"+base, base, namespace, secret.Of(map[string]secret.Text{"password": Password(args.Seed, user)}), child)
	if err != nil {
		return nil, err
	}
	return kube.NewObject(ctx, name+"-user-"+user, kube.Object{
		APIVersion: apiVersion, Kind: "KafkaUser", Name: user, Namespace: namespace, WaitFor: []string{"Ready"},
		Labels: map[string]string{"strimzi.io/cluster": clusterName},
		Fields: map[string]any{"spec": map[string]any{
			"authentication": map[string]any{
				"type":     "scram-sha-512",
				"password": map[string]any{"valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": source.Name, "key": "password"}}},
			},
			"authorization": map[string]any{"type": "simple", "acls": acls},
			"quotas": map[string]any{
				"producerByteRate": args.Quota.ProducerBytes, "consumerByteRate": args.Quota.ConsumerBytes, "requestPercentage": args.Quota.RequestPercentage,
			},
		}},
	}, child, pulumi.DependsOn([]pulumi.Resource{brokers, source.Resource}))
}

// rights are what a service needs: to write what it publishes, to read what it
// consumes, and to write what it could not handle to its dead letters.
func rights(service string) []any {
	var acls []any
	for _, topic := range event.WrittenBy(service) {
		acls = append(acls, acl("topic", topic, "literal", "Write", "Describe"))
	}
	for _, topic := range event.ReadBy(service) {
		acls = append(acls, acl("topic", topic, "literal", "Read", "Describe"))
	}
	return append(acls, acl("group", service, "literal", "Read", "Describe"))
}

// adminRights are those of the operators' tool: every topic and every group.
func adminRights() []any {
	return []any{
		acl("topic", "*", "literal", "All"),
		acl("group", "*", "literal", "All"),
		map[string]any{"resource": map[string]any{"type": "cluster"}, "operations": []any{"All"}},
	}
}

// smokeRights are what it takes to send a transaction all the way, twice and broken too, and
// to see what comes of it: to read every topic, to publish transactions, and to see how far
// those are who consume them.
func smokeRights() []any {
	var acls []any
	for _, topic := range event.Catalogue() {
		acls = append(acls,
			acl("topic", topic.Name, "literal", "Read", "Describe"),
			acl("topic", topic.DeadLetter(), "literal", "Read", "Describe"))
	}
	created, _ := event.OfType(event.TypeTransactionCreated)
	acls = append(acls, acl("topic", created.Name, "literal", "Write"))
	for _, service := range append(slices.Clone(created.Consumers), event.Notification) { // notification sends the e-mail
		acls = append(acls, acl("group", service, "literal", "Describe"))
	}
	return acls
}

func acl(kind, name, pattern string, operations ...any) map[string]any {
	return map[string]any{
		"resource":   map[string]any{"type": kind, "name": name, "patternType": pattern},
		"operations": operations,
	}
}
