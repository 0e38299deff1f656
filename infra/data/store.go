package data

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/secret"
)

// Store is a state store that speaks Redis' protocol by TLS: Redis in the cluster, or a
// Valkey that DigitalOcean runs.
type Store struct {
	pulumi.ResourceState

	Address pulumi.StringOutput // host:port
	// Access is the content of a Secret by which sidecars log in: username and password.
	Access secret.Content
	// Egress lets pods connect.
	Egress kube.Allow
	// Namespace is that of its pods; nil where it has none in the cluster.
	Namespace pulumi.StringInput
	// Ready is there once clients may connect.
	Ready pulumi.Resource
}
