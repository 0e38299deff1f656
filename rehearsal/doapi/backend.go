package doapi

import (
	"context"
	"maps"
	"net/netip"

	"github.com/wealth-companion/companion/rehearsal/autoscaler"
)

// Backend boots and removes the clusters that the API promises.
//
// The server calls it from one goroutine a cluster, so a backend never sees two
// calls at once for the same cluster. Every call may be repeated: the server
// repeats what was cut off when its process ended.
type Backend interface {
	// Create boots the cluster; it returns when every node is Ready, or when ctx
	// ends. It is also called when the server starts, for every cluster that
	// exists already: then it goes on where it was cut off, or takes up what is
	// running. It reports each change of a node's state through update.
	Create(ctx context.Context, spec ClusterSpec, update func(NodeStatus)) (Credentials, error)
	// Update makes a cluster that was created into spec: nodes that are not named
	// any more are drained and removed, new ones are started, pools are labelled
	// and tainted anew. It returns when the nodes that remain are Ready.
	Update(ctx context.Context, spec ClusterSpec, update func(NodeStatus)) error
	// Delete removes the cluster and all it left behind. A cluster that does not
	// exist is no error.
	Delete(ctx context.Context, spec ClusterSpec) error
}

// Autoscaler is a backend that knows what pods need. The server has it look every ten seconds
// at clusters that have pools with bounds.
type Autoscaler interface {
	Autoscale(ctx context.Context, spec ClusterSpec) (Scaling, error)
}

// Scaling is how the pools of a cluster are to change; nothing most of the time.
type Scaling struct {
	Grow    map[string]int // nodes to add, by the pool's id
	Drained string         // the name of a node that has no pods any more, and goes
	Why     string         // for the log
}

// ClusterSpec is what a backend must know of a cluster.
type ClusterSpec struct {
	ID           string
	Name         string
	Region       string
	Version      string // DigitalOcean's slug, 1.36.2-do.0
	VPCID        string
	VPCRange     netip.Prefix // addresses of the nodes
	PodRange     netip.Prefix // cluster_subnet
	ServiceRange netip.Prefix // service_subnet
	HA           bool
	// APIRanges are the networks that reach the API server, beside the cluster's own: its
	// control plane firewall. Every network when nil, and no other when empty.
	APIRanges []netip.Prefix
	Pools     []PoolSpec
	// Autoscaler is how the pools with bounds are autoscaled.
	Autoscaler autoscaler.Settings
	// Pull is what the integration with the account's registry spreads; nil without it.
	Pull *PullSecret
}

// PullSecret is the Secret by which DOKS lets pods pull from the account's registry. It
// puts it into every namespace, and names it in each namespace's default service account,
// in no other.
type PullSecret struct {
	Name         string // the registry's
	DockerConfig []byte // JSON
}

// PoolSpec is a pool of like nodes.
type PoolSpec struct {
	ID     string
	Name   string
	Size   string // DigitalOcean's slug, s-2vcpu-4gb
	Labels map[string]string
	Taints []Taint
	Tags   []string
	Nodes  []NodeSpec
	// Bounds are those of a pool that is autoscaled; nil for the others.
	Bounds *Bounds
}

// Bounds are the smallest and the largest number of a pool's nodes.
type Bounds struct{ Min, Max int }

// NodeSpec is one node, named <pool>-<5 characters>.
type NodeSpec struct {
	ID        string
	Name      string
	DropletID int
}

// Taint keeps pods away from a pool's nodes.
type Taint struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Effect string `json:"effect"`
}

// String writes the taint as the kubelet's --register-with-taints takes it.
func (t Taint) String() string { return t.Key + "=" + t.Value + ":" + t.Effect }

// NodeLabels are the labels under which Kubernetes knows a node: the pool's own
// and those that DigitalOcean sets.
func (s ClusterSpec) NodeLabels(pool PoolSpec, node NodeSpec) map[string]string {
	labels := map[string]string{
		"doks.digitalocean.com/managed":      "true",
		"doks.digitalocean.com/node-id":      node.ID,
		"doks.digitalocean.com/node-pool":    pool.Name,
		"doks.digitalocean.com/node-pool-id": pool.ID,
		"doks.digitalocean.com/version":      s.Version,
		"node.kubernetes.io/instance-type":   pool.Size,
		"region":                             s.Region,
		"topology.kubernetes.io/region":      s.Region,
	}
	maps.Copy(labels, pool.Labels)
	return labels
}

// NodeState is how far a node has come, in DigitalOcean's words.
type NodeState string

// The states of a node.
const (
	NodeProvisioning NodeState = "provisioning"
	NodeRunning      NodeState = "running"
	NodeDraining     NodeState = "draining"
	NodeDeleting     NodeState = "deleting"
)

// NodeStatus is one node's state.
type NodeStatus struct {
	Node    string // its name
	State   NodeState
	Message string // why it is not running yet, for the person who waits
}

// Credentials are how a cluster's API server is reached. The tokens that it accepts are
// the API's own: it asks Server.TokenReview.
type Credentials struct {
	Server string // https://host:port
	CA     []byte // PEM
}

// PreviewOnly is the backend of a host that only previews: clusters are kept in
// the server's state, stay provisioning and never boot.
var PreviewOnly Backend = previewOnly{}

type previewOnly struct{}

func (previewOnly) Create(ctx context.Context, _ ClusterSpec, _ func(NodeStatus)) (Credentials, error) {
	<-ctx.Done()
	return Credentials{}, ctx.Err()
}

func (previewOnly) Update(context.Context, ClusterSpec, func(NodeStatus)) error { return nil }
func (previewOnly) Delete(context.Context, ClusterSpec) error                   { return nil }
