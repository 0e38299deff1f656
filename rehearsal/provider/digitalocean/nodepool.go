package digitalocean

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/digitalocean/godo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// defaultPoolTag marks the pool that belongs to the cluster's own resource.
const defaultPoolTag = "terraform:default-node-pool"

// poolShape is what a cluster's own pool and a pool of its own have in common.
type poolShape struct {
	Name      string            `json:"name"`
	Size      string            `json:"size"`
	NodeCount *int              `json:"nodeCount"`
	AutoScale bool              `json:"autoScale"`
	MinNodes  *int              `json:"minNodes"`
	MaxNodes  *int              `json:"maxNodes"`
	Labels    map[string]string `json:"labels"`
	Tags      []string          `json:"tags"`
	Taints    []taint           `json:"taints"`
}

type taint struct {
	Key    string `json:"key" do:"required"`
	Value  string `json:"value" do:"required"`
	Effect string `json:"effect" do:"required"`
}

type nodeState struct {
	ID        string `json:"id" do:"output"`
	Name      string `json:"name" do:"output"`
	Status    string `json:"status" do:"output"`
	DropletID string `json:"dropletId" do:"output"`
	CreatedAt string `json:"createdAt" do:"output"`
	UpdatedAt string `json:"updatedAt" do:"output"`
}

type nodePoolState struct {
	ClusterID       string            `json:"clusterId" do:"required,replace"`
	Name            string            `json:"name" do:"autoname"`
	Size            string            `json:"size" do:"required,replace"`
	NodeCount       *int              `json:"nodeCount,omitempty"`
	AutoScale       bool              `json:"autoScale" default:"false"`
	MinNodes        *int              `json:"minNodes,omitempty"`
	MaxNodes        *int              `json:"maxNodes,omitempty"`
	Labels          map[string]string `json:"labels,omitempty"`
	Tags            []string          `json:"tags,omitempty" do:"set"`
	Taints          []taint           `json:"taints,omitempty" do:"set"`
	ActualNodeCount int               `json:"actualNodeCount" do:"output"`
	Nodes           []nodeState       `json:"nodes" do:"output"`
}

func (p nodePoolState) shape() poolShape {
	return poolShape{p.Name, p.Size, p.NodeCount, p.AutoScale, p.MinNodes, p.MaxNodes, p.Labels, p.Tags, p.Taints}
}

var kubernetesNodePool = handle(api[nodePoolState]{
	validate: func(wanted nodePoolState, fail func(string, string)) { checkPool("", wanted.shape(), fail) },
	create: func(ctx context.Context, s *session, wanted nodePoolState) (string, error) {
		made, _, err := s.client.Kubernetes.CreateNodePool(ctx, wanted.ClusterID, wanted.shape().request())
		if err != nil {
			return "", err
		}
		return made.ID, s.awaitPool(ctx, wanted.ClusterID, made.ID)
	},
	read: readPool,
	update: func(ctx context.Context, s *session, id string, _, wanted nodePoolState) error {
		return s.changePool(ctx, wanted.ClusterID, id, wanted.shape())
	},
	delete: func(ctx context.Context, s *session, id string, there nodePoolState) error {
		answer, err := s.client.Kubernetes.DeleteNodePool(ctx, there.ClusterID, id)
		if err != nil {
			return unlessGone(answer, err)
		}
		s.tell("waiting for the node pool to go")
		return poll(ctx, "waiting for the node pool to go", func() (bool, error) {
			_, answer, err := s.client.Kubernetes.GetNodePool(ctx, there.ClusterID, id)
			return gone(answer), unlessGone(answer, err)
		})
	},
	locate: locatePool,
	same:   map[string]sameness{"nodeCount": sameCount("")},
})

func readPool(ctx context.Context, s *session, id string, before nodePoolState) (*nodePoolState, error) {
	found, answer, err := s.client.Kubernetes.GetNodePool(ctx, before.ClusterID, id)
	if err != nil {
		return nil, unlessGone(answer, err)
	}
	return &nodePoolState{
		ClusterID: before.ClusterID, Name: found.Name, Size: found.Size, NodeCount: given(found.Count), ActualNodeCount: found.Count,
		AutoScale: found.AutoScale, MinNodes: given(found.MinNodes), MaxNodes: given(found.MaxNodes), Labels: found.Labels,
		Tags: ownTags(found.Tags), Taints: taintsOf(found.Taints), Nodes: nodesOf(found.Nodes),
	}, nil
}

// locatePool finds the cluster of a pool that is to be imported.
func locatePool(ctx context.Context, s *session, id string) (string, nodePoolState, error) {
	clusters, err := all(func(options *godo.ListOptions) ([]*godo.KubernetesCluster, *godo.Response, error) {
		return s.client.Kubernetes.List(ctx, options)
	})
	if err != nil {
		return "", nodePoolState{}, err
	}
	for _, c := range clusters {
		for _, p := range c.NodePools {
			if p.ID != id {
				continue
			}
			if slices.Contains(p.Tags, defaultPoolTag) {
				return "", nodePoolState{}, fmt.Errorf("node pool %s is part of cluster %s: import the cluster", id, c.ID)
			}
			return id, nodePoolState{ClusterID: c.ID}, nil
		}
	}
	return "", nodePoolState{}, fmt.Errorf("no cluster has the node pool %s", id)
}

func checkPool(prefix string, p poolShape, fail func(string, string)) {
	for i, name := range p.Tags {
		checkTag(fmt.Sprintf("%stags[%d]", prefix, i), name, fail)
	}
	for i, t := range p.Taints {
		if t.Effect != "" && !slices.Contains([]string{"NoSchedule", "PreferNoSchedule", "NoExecute"}, t.Effect) {
			fail(fmt.Sprintf("%staints[%d].effect", prefix, i), "must be NoSchedule, PreferNoSchedule or NoExecute, not "+t.Effect)
		}
	}
}

func (p poolShape) request(tags ...string) *godo.KubernetesNodePoolCreateRequest {
	return &godo.KubernetesNodePoolCreateRequest{
		Name: p.Name, Size: p.Size, Count: value(p.NodeCount), Tags: slices.Concat(p.Tags, tags), Labels: p.Labels,
		Taints: p.taints(), AutoScale: p.AutoScale, MinNodes: value(p.MinNodes), MaxNodes: value(p.MaxNodes),
	}
}

func (p poolShape) taints() []godo.Taint {
	taints := []godo.Taint{}
	for _, t := range p.Taints {
		taints = append(taints, godo.Taint{Key: t.Key, Value: t.Value, Effect: t.Effect})
	}
	return taints
}

// poolChange sends every field, so that labels and tags can also be removed;
// the client's own request leaves out what is empty.
type poolChange struct {
	Name      string            `json:"name"`
	Count     *int              `json:"count,omitempty"`
	Tags      []string          `json:"tags"`
	Labels    map[string]string `json:"labels"`
	Taints    []godo.Taint      `json:"taints"`
	AutoScale bool              `json:"auto_scale"`
	MinNodes  int               `json:"min_nodes"`
	MaxNodes  int               `json:"max_nodes"`
}

// changePool changes a pool and waits for its nodes.
func (s *session) changePool(ctx context.Context, cluster, id string, p poolShape, tags ...string) error {
	change := poolChange{
		Name: p.Name, Count: p.NodeCount, Tags: append(slices.Concat([]string{}, p.Tags), tags...), Labels: p.Labels, Taints: p.taints(),
		AutoScale: p.AutoScale, MinNodes: value(p.MinNodes), MaxNodes: value(p.MaxNodes),
	}
	if change.Labels == nil {
		change.Labels = map[string]string{}
	}
	if err := s.put(ctx, fmt.Sprintf("v2/kubernetes/clusters/%s/node_pools/%s", cluster, id), change); err != nil {
		return err
	}
	return s.awaitPool(ctx, cluster, id)
}

// put sends what the client has no call for.
func (s *session) put(ctx context.Context, path string, body any) error {
	request, err := s.client.NewRequest(ctx, http.MethodPut, path, body)
	if err != nil {
		return err
	}
	_, err = s.client.Do(ctx, request, nil)
	return err
}

// awaitPool waits until every node of a pool runs.
func (s *session) awaitPool(ctx context.Context, cluster, id string) error {
	return poll(ctx, "waiting for the nodes to run", func() (bool, error) {
		c, _, err := s.client.Kubernetes.Get(ctx, cluster)
		if err != nil {
			return false, err
		}
		if broken(c) {
			return false, fmt.Errorf("the cluster is in state %s: %s", c.Status.State, c.Status.Message)
		}
		at := slices.IndexFunc(c.NodePools, func(p *godo.KubernetesNodePool) bool { return p.ID == id })
		if at < 0 {
			return false, fmt.Errorf("the node pool %s is gone", id)
		}
		p := c.NodePools[at]
		running, message := runningNodes(p)
		s.tell("%d of %d nodes run%s", running, p.Count, message)
		return running == p.Count && len(p.Nodes) == p.Count, nil
	})
}

// broken clusters do not become what was asked for by waiting.
func broken(c *godo.KubernetesCluster) bool {
	return c.Status != nil && (c.Status.State == godo.KubernetesClusterStatusError || c.Status.State == godo.KubernetesClusterStatusDegraded)
}

func runningNodes(p *godo.KubernetesNodePool) (running int, message string) {
	for _, n := range p.Nodes {
		switch {
		case n.Status == nil:
		case n.Status.State == "running":
			running++
		case n.Status.Message != "":
			message = " (" + n.Name + ": " + n.Status.Message + ")"
		}
	}
	return running, message
}

// sameCount leaves the number of nodes to the autoscaler where the program
// gives none, or the one that there is.
func sameCount(within resource.PropertyKey) sameness {
	return func(_, wanted resource.PropertyValue, state resource.PropertyMap) bool {
		if within != "" {
			if !state[within].IsObject() {
				return false
			}
			state = state[within].ObjectValue()
		}
		return wanted.IsNull() || wanted.DeepEquals(state["actualNodeCount"])
	}
}

// ownTags leaves out the tags that DigitalOcean and the provider set.
func ownTags(tags []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(tag string) bool {
		return tag == "k8s" || strings.HasPrefix(tag, "k8s:") || strings.HasPrefix(tag, "terraform:")
	})
}

func taintsOf(found []godo.Taint) []taint {
	var taints []taint
	for _, t := range found {
		taints = append(taints, taint{Key: t.Key, Value: t.Value, Effect: t.Effect})
	}
	return taints
}

func nodesOf(found []*godo.KubernetesNode) []nodeState {
	nodes := []nodeState{}
	for _, n := range found {
		nodes = append(nodes, nodeState{
			ID: n.ID, Name: n.Name, Status: value(n.Status).State, DropletID: n.DropletID,
			CreatedAt: stamp(n.CreatedAt), UpdatedAt: stamp(n.UpdatedAt),
		})
	}
	return nodes
}
