package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/wealth-companion/companion/rehearsal/autoscaler"
	"github.com/wealth-companion/companion/rehearsal/doapi"
)

// Backend boots the clusters that DigitalOcean's API promises: the one cluster
// that a machine can hold.
type Backend struct {
	cluster    *Cluster
	autoscaler autoscaler.Autoscaler
}

// NewBackend returns the API's backend over this machine's cluster.
func NewBackend(cluster *Cluster) *Backend { return &Backend{cluster: cluster} }

var (
	_ doapi.Backend    = (*Backend)(nil)
	_ doapi.Versioner  = (*Backend)(nil)
	_ doapi.Autoscaler = (*Backend)(nil)
)

// DOKSVersion is the slug under which DigitalOcean offers the Kubernetes that is
// built here.
const DOKSVersion = "1.36.2-do.0"

// memory is what a cluster's folder remembers of it between two starts.
type memory struct {
	ID    string         `json:"id"`
	Index map[string]int `json:"index"` // a node's index decides its addresses, so it keeps it
}

// Versions implements doapi.Versioner: what was built is the one version there is.
func (b *Backend) Versions() []string { return []string{DOKSVersion} }

// Create implements doapi.Backend.
func (b *Backend) Create(ctx context.Context, spec doapi.ClusterSpec, update func(doapi.NodeStatus)) (doapi.Credentials, error) {
	remembered, err := b.remember(spec)
	if err != nil {
		return doapi.Credentials{}, err
	}
	if err := b.cluster.network.guardAPI(ctx, spec.APIRanges); err != nil {
		return doapi.Credentials{}, err
	}
	nodes := nodesOf(spec, remembered)
	for _, node := range nodes {
		update(doapi.NodeStatus{Node: node.Name, State: doapi.NodeProvisioning, Message: "starting"})
	}
	access, err := b.cluster.Start(ctx, nodes, tell(update))
	if err != nil {
		return doapi.Credentials{}, err
	}
	return doapi.Credentials{Server: access.Server, CA: access.CA}, b.cluster.integrate(spec.Pull)
}

// Update implements doapi.Backend.
func (b *Backend) Update(ctx context.Context, spec doapi.ClusterSpec, update func(doapi.NodeStatus)) error {
	before, err := b.recall()
	if err != nil {
		return err
	}
	after, err := b.remember(spec)
	if err != nil {
		return err
	}
	if err := b.cluster.network.guardAPI(ctx, spec.APIRanges); err != nil {
		return err
	}
	var removed []Node
	for name, index := range before.Index {
		if _, stays := after.Index[name]; !stays {
			removed = append(removed, Node{Name: name, Index: index})
			update(doapi.NodeStatus{Node: name, State: doapi.NodeDraining})
		}
	}
	if err := b.cluster.Resize(ctx, nodesOf(spec, after), removed, tell(update)); err != nil {
		return err
	}
	return b.cluster.integrate(spec.Pull)
}

// Delete implements doapi.Backend.
func (b *Backend) Delete(ctx context.Context, spec doapi.ClusterSpec) error {
	remembered, err := b.recall()
	if errors.Is(err, fs.ErrNotExist) || err == nil && remembered.ID != spec.ID {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(b.cluster.Stop(ctx), b.cluster.network.guardAPI(ctx, nil))
}

func (b *Backend) file() string { return filepath.Join(b.cluster.dir, "memory.json") }

func (b *Backend) recall() (memory, error) {
	raw, err := os.ReadFile(b.file())
	if err != nil {
		return memory{}, err
	}
	var known memory
	if err := json.Unmarshal(raw, &known); err != nil {
		return memory{}, fmt.Errorf("%s: %w", b.file(), err)
	}
	return known, nil
}

// remember checks that this machine can hold the cluster, and gives each of its
// nodes an index.
func (b *Backend) remember(spec doapi.ClusterSpec) (memory, error) {
	n := b.cluster.network
	if spec.VPCRange != n.VPC || spec.PodRange != n.Pods || spec.ServiceRange != n.Services {
		return memory{}, fmt.Errorf("this machine's network is VPC %s, pods %s, services %s; the cluster asks for %s, %s, %s: set the stack's ranges to the machine's",
			n.VPC, n.Pods, n.Services, spec.VPCRange, spec.PodRange, spec.ServiceRange)
	}
	known, err := b.recall()
	if errors.Is(err, fs.ErrNotExist) {
		known, err = memory{ID: spec.ID}, nil
	}
	if err != nil {
		return memory{}, err
	}
	if known.ID != spec.ID {
		return memory{}, fmt.Errorf("this machine holds one cluster, and it is %s: delete that one first", known.ID)
	}
	index := map[string]int{}
	for _, name := range names(spec) {
		if i, ok := known.Index[name]; ok {
			index[name] = i
		}
	}
	for _, name := range names(spec) {
		if _, ok := index[name]; !ok {
			index[name] = lowestFree(index, known.Index)
		}
	}
	known.Index = index
	raw, err := json.Marshal(known)
	if err != nil {
		return memory{}, err
	}
	if err := os.MkdirAll(b.cluster.dir, 0o755); err != nil {
		return memory{}, err
	}
	if err := os.WriteFile(b.file()+".new", raw, 0o600); err != nil {
		return memory{}, err
	}
	return known, os.Rename(b.file()+".new", b.file())
}

// lowestFree is the lowest index that neither a node of now nor one of before
// has: the one of before may still be going.
func lowestFree(taken ...map[string]int) int {
	used := map[int]bool{}
	for _, indexes := range taken {
		for _, i := range indexes {
			used[i] = true
		}
	}
	free := 0
	for used[free] {
		free++
	}
	return free
}

func names(spec doapi.ClusterSpec) []string {
	var found []string
	for _, pool := range spec.Pools {
		for _, node := range pool.Nodes {
			found = append(found, node.Name)
		}
	}
	slices.Sort(found)
	return found
}

func nodesOf(spec doapi.ClusterSpec, known memory) []Node {
	var nodes []Node
	for _, pool := range spec.Pools {
		var taints []string
		for _, taint := range pool.Taints {
			taints = append(taints, taint.String())
		}
		cpu, memory := pool.Allocatable()
		for _, node := range pool.Nodes {
			nodes = append(nodes, Node{
				Offer: Offer{MilliCPU: cpu, MemoryMiB: memory},
				Name:  node.Name, Index: known.Index[node.Name], DropletID: node.DropletID,
				Labels: spec.NodeLabels(pool, node), Taints: taints,
			})
		}
	}
	return nodes
}

func tell(update func(doapi.NodeStatus)) func(string, bool) {
	return func(node string, ready bool) {
		status := doapi.NodeStatus{Node: node, State: doapi.NodeProvisioning, Message: "waiting for the kubelet"}
		if ready {
			status = doapi.NodeStatus{Node: node, State: doapi.NodeRunning}
		}
		update(status)
	}
}
