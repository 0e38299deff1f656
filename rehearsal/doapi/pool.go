package doapi

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

type pool struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Size      string            `json:"size"`
	Count     int               `json:"count"`
	Tags      []string          `json:"tags"`
	Labels    map[string]string `json:"labels"`
	Taints    []Taint           `json:"taints"`
	AutoScale bool              `json:"auto_scale"`
	MinNodes  int               `json:"min_nodes"`
	MaxNodes  int               `json:"max_nodes"`
	Nodes     []*node           `json:"nodes"`
}

type node struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Status    nodeStatus `json:"status"`
	DropletID string     `json:"droplet_id"`
	CreatedAt time.Time  `json:"created_at"`
	UpdatedAt time.Time  `json:"updated_at"`
}

// show changes what is shown of the node. A node of a cluster that is only taken
// up again by another server keeps the time of its last change.
func (n *node) show(state NodeState, message string, again bool) {
	next := nodeStatus{State: state, Message: message}
	if n.Status != next && !again {
		n.UpdatedAt = now()
	}
	n.Status = next
}

type nodeStatus struct {
	State   NodeState `json:"state"`
	Message string    `json:"message,omitempty"`
}

// poolRequest makes or changes a pool; what is absent stays as it is.
type poolRequest struct {
	Name      string            `json:"name"`
	Size      string            `json:"size"`
	Count     *int              `json:"count"`
	Tags      []string          `json:"tags"`
	Labels    map[string]string `json:"labels"`
	Taints    *[]Taint          `json:"taints"`
	AutoScale *bool             `json:"auto_scale"`
	MinNodes  *int              `json:"min_nodes"`
	MaxNodes  *int              `json:"max_nodes"`
}

var (
	poolName   = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$`)
	labelKey   = regexp.MustCompile(`^([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?$`)
	labelValue = regexp.MustCompile(`^([A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?$`)
	effects    = []string{"NoSchedule", "PreferNoSchedule", "NoExecute"}
)

func (s *Server) routePools() {
	s.read("GET /v2/kubernetes/clusters/{id}/node_pools", func(now *state, r *http.Request) (any, error) {
		record, err := now.cluster(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return page(r, "node_pools", record.Cluster.Pools)
	})
	s.read("GET /v2/kubernetes/clusters/{id}/node_pools/{pool}", func(now *state, r *http.Request) (any, error) {
		_, found, err := poolOf(now.cluster, r)
		return object{"node_pool": found}, err
	})
	s.write("POST /v2/kubernetes/clusters/{id}/node_pools", http.StatusCreated, createPool)
	s.write("PUT /v2/kubernetes/clusters/{id}/node_pools/{pool}", http.StatusAccepted, updatePool)
	s.write("DELETE /v2/kubernetes/clusters/{id}/node_pools/{pool}", http.StatusNoContent, deletePool)
	s.write("DELETE /v2/kubernetes/clusters/{id}/node_pools/{pool}/nodes/{node}", http.StatusAccepted, deleteNode)
	s.write("POST /v2/kubernetes/clusters/{id}/node_pools/{pool}/recycle", http.StatusAccepted, recyclePool)
}

func poolOf(cluster func(string) (*clusterRecord, error), r *http.Request) (*clusterRecord, *pool, error) {
	record, err := cluster(r.PathValue("id"))
	if err != nil {
		return nil, nil, err
	}
	found, err := find(record.Cluster.Pools, func(p *pool) bool { return p.ID == r.PathValue("pool") })
	return record, found, err
}

func createPool(next *state, r *http.Request) (any, error) {
	record, err := next.liveCluster(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	request, err := decode[poolRequest](r)
	if err != nil {
		return nil, err
	}
	if err := next.addPool(&record.Cluster, request); err != nil {
		return nil, err
	}
	record.Generation++
	return object{"node_pool": record.Cluster.Pools[len(record.Cluster.Pools)-1]}, nil
}

// addPool adds a pool and its nodes, which the backend is yet to start.
func (s *state) addPool(c *cluster, request poolRequest) error {
	if !knownSize(request.Size) {
		return invalid("validation error: invalid droplet size %q", request.Size)
	}
	if request.Name == "" {
		return invalid("validation error: worker_node_pool_spec.name is required")
	}
	made := &pool{ID: uuid.NewString(), Size: request.Size, Taints: []Taint{}, Nodes: []*node{}}
	if err := s.describePool(c, made, request); err != nil {
		return err
	}
	c.Pools = append(c.Pools, made)
	return nil
}

// describePool sets what may change in a pool, and gives it as many nodes as
// it is to have.
func (s *state) describePool(c *cluster, p *pool, request poolRequest) error {
	if request.Name != "" {
		if !poolName.MatchString(request.Name) {
			return invalid("validation error: worker_node_pool_spec.name %q must be lowercase letters, digits and dashes, "+
				"and start and end with a letter or digit", request.Name)
		}
		for _, other := range c.Pools {
			if other != p && other.Name == request.Name {
				return invalid("validation error: a node pool with this name already exists in the cluster: %s", request.Name)
			}
		}
		p.Name = request.Name
	}
	if request.Labels != nil {
		if err := validLabels(request.Labels); err != nil {
			return err
		}
		p.Labels = request.Labels
	}
	if request.Taints != nil {
		if err := validTaints(*request.Taints); err != nil {
			return err
		}
		p.Taints = *request.Taints
	}
	if request.Tags != nil || p.Tags == nil {
		tags, err := s.clusterTags(c.ID, append([]string{"k8s:worker"}, request.Tags...))
		if err != nil {
			return err
		}
		p.Tags = tags
	}
	count, err := p.scale(request)
	if err != nil {
		return err
	}
	if p.Count = count; s.nodeCount(c, p)+count > s.Account.DropletLimit {
		return invalid("validation error: %d nodes but not enough available droplet limit (%d)", count, s.Account.DropletLimit)
	}
	s.resize(p)
	return nil
}

// scale sets the pool's limits and returns the number of its nodes.
func (p *pool) scale(request poolRequest) (int, error) {
	if request.AutoScale != nil {
		p.AutoScale = *request.AutoScale
	}
	if request.MinNodes != nil {
		p.MinNodes = *request.MinNodes
	}
	if request.MaxNodes != nil {
		p.MaxNodes = *request.MaxNodes
	}
	count := p.Count
	if request.Count != nil {
		count = *request.Count
	}
	if !p.AutoScale {
		p.MinNodes, p.MaxNodes = 0, 0
		if count < 1 {
			return 0, invalid("validation error: worker_node_pool_spec.count must be greater than or equal to 1")
		}
		return count, nil
	}
	if p.MinNodes < 0 || p.MaxNodes < 1 || p.MinNodes > p.MaxNodes {
		return 0, invalid("validation error: worker_node_pool_spec: min_nodes (%d) must not be negative nor above max_nodes (%d), "+
			"which must be at least 1", p.MinNodes, p.MaxNodes)
	}
	if count < p.MinNodes || count > p.MaxNodes || count == 0 {
		count = max(p.MinNodes, 1)
	}
	return count, nil
}

// nodeCount counts the account's nodes outside a pool.
func (s *state) nodeCount(of *cluster, except *pool) int {
	count := 0
	for _, p := range of.Pools {
		if p != except {
			count += len(p.Nodes)
		}
	}
	for _, record := range s.Clusters {
		if record.Cluster.ID != of.ID {
			count += record.Cluster.nodes()
		}
	}
	return count
}

// resize adds nodes, or marks the newest as going, until as many stay as the
// pool counts.
func (s *state) resize(p *pool) {
	staying := 0
	for _, n := range p.Nodes {
		if n.Status.State == NodeDeleting {
			continue
		}
		if staying++; staying > p.Count {
			n.show(NodeDeleting, "", false)
		}
	}
	for ; staying < p.Count; staying++ {
		p.Nodes = append(p.Nodes, s.newNode(p))
	}
}

func (s *state) newNode(p *pool) *node {
	s.LastDroplet++
	return &node{
		ID: uuid.NewString(), Name: p.Name + "-" + suffix(), DropletID: strconv.Itoa(s.LastDroplet),
		Status: nodeStatus{State: NodeProvisioning}, CreatedAt: now(), UpdatedAt: now(),
	}
}

func validLabels(labels map[string]string) error {
	for key, value := range labels {
		if !labelKey.MatchString(key) || !labelValue.MatchString(value) {
			return invalid("validation error: worker_node_pool_spec.labels: %s=%s is no valid label", key, value)
		}
	}
	return nil
}

func validTaints(taints []Taint) error {
	for _, t := range taints {
		if !labelKey.MatchString(t.Key) || !labelValue.MatchString(t.Value) {
			return invalid("validation error: worker_node_pool_spec.taints: %s is no valid taint", t)
		}
		if !slices.Contains(effects, t.Effect) {
			return invalid("validation error: worker_node_pool_spec.taints: effect %q must be NoSchedule, PreferNoSchedule or NoExecute", t.Effect)
		}
	}
	return nil
}

func updatePool(next *state, r *http.Request) (any, error) {
	record, found, err := poolOf(next.liveCluster, r)
	if err != nil {
		return nil, err
	}
	request, err := decode[poolRequest](r)
	if err != nil {
		return nil, err
	}
	if slices.Contains(record.RemovedPools, found.ID) {
		return nil, failf(http.StatusConflict, "the node pool is being deleted")
	}
	if err := next.describePool(&record.Cluster, found, request); err != nil {
		return nil, err
	}
	record.Generation++
	return object{"node_pool": found}, nil
}

func deletePool(next *state, r *http.Request) (any, error) {
	record, found, err := poolOf(next.liveCluster, r)
	if err != nil {
		return nil, err
	}
	if slices.Contains(record.RemovedPools, found.ID) {
		return nil, nil
	}
	if len(record.RemovedPools)+1 == len(record.Cluster.Pools) {
		return nil, failf(http.StatusPreconditionFailed, "a cluster needs at least one node pool")
	}
	record.RemovedPools = append(record.RemovedPools, found.ID)
	for _, n := range found.Nodes {
		n.show(NodeDeleting, "", false)
	}
	record.Generation++
	return nil, nil
}

// deleteNode removes one node, and starts another one for it when asked to.
func deleteNode(next *state, r *http.Request) (any, error) {
	record, p, err := poolOf(next.liveCluster, r)
	if err != nil {
		return nil, err
	}
	gone, err := find(p.Nodes, func(n *node) bool { return n.ID == r.PathValue("node") })
	if err != nil {
		return nil, err
	}
	if gone.Status.State == NodeDeleting {
		return object{}, nil
	}
	replace := r.URL.Query().Get("replace") == "1" || r.URL.Query().Get("replace") == "true"
	if !replace {
		if p.Count == 1 {
			return nil, invalid("validation error: the last node of a pool cannot be deleted without a replacement")
		}
		p.Count--
	}
	gone.show(NodeDeleting, "", false)
	next.resize(p)
	record.Generation++
	return object{}, nil
}

// recyclePool replaces nodes.
func recyclePool(next *state, r *http.Request) (any, error) {
	record, p, err := poolOf(next.liveCluster, r)
	if err != nil {
		return nil, err
	}
	request, err := decode[struct {
		Nodes []string `json:"nodes"`
	}](r)
	if err != nil {
		return nil, err
	}
	for _, n := range p.Nodes {
		if len(request.Nodes) == 0 || slices.Contains(request.Nodes, n.ID) {
			n.show(NodeDeleting, "", false)
		}
	}
	next.resize(p)
	record.Generation++
	return object{}, nil
}
