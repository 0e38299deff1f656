package doapi

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/blang/semver/v4"
	"github.com/google/uuid"
)

// clusterRecord is a cluster and what its keeper must remember of it.
type clusterRecord struct {
	Cluster cluster      `json:"cluster"`
	Access  *Credentials `json:"access,omitempty"` // once it has booted
	// Tokens are the credentials that were asked for and have not expired.
	Tokens []accessToken `json:"tokens,omitempty"`
	// Generation counts the changes that the backend must carry out.
	Generation int64 `json:"generation"`
	// RemovedPools are to go; their nodes are.
	RemovedPools []string `json:"removed_pools,omitempty"`
	Deleting     bool     `json:"deleting,omitempty"`
	// PullToken is the registry's, of a cluster that was integrated with it.
	PullToken string `json:"pull_token,omitempty"`
}

type cluster struct {
	ID              string                   `json:"id"`
	Name            string                   `json:"name"`
	Region          string                   `json:"region"`
	Version         string                   `json:"version"`
	PodRange        netip.Prefix             `json:"cluster_subnet"`
	ServiceRange    netip.Prefix             `json:"service_subnet"`
	VPCID           string                   `json:"vpc_uuid"`
	IPv4            string                   `json:"ipv4"`
	Endpoint        string                   `json:"endpoint"`
	Tags            []string                 `json:"tags"`
	Pools           []*pool                  `json:"node_pools"`
	Maintenance     maintenance              `json:"maintenance_policy"`
	AutoUpgrade     bool                     `json:"auto_upgrade"`
	SurgeUpgrade    bool                     `json:"surge_upgrade"`
	HA              bool                     `json:"ha"`
	RegistryEnabled bool                     `json:"registry_enabled"`
	Firewall        *firewall                `json:"control_plane_firewall,omitempty"`
	Autoscaler      *autoscalerConfiguration `json:"cluster_autoscaler_configuration,omitempty"`
	Plugins         map[string]plugin        `json:"-"` // as fields of their own, see MarshalJSON
	Status          clusterStatus            `json:"status"`
	CreatedAt       time.Time                `json:"created_at"`
	UpdatedAt       time.Time                `json:"updated_at"`
}

type clusterStatus struct {
	State   clusterState `json:"state"`
	Message string       `json:"message,omitempty"`
}

type clusterState string

const (
	clusterProvisioning clusterState = "provisioning"
	clusterRunning      clusterState = "running"
	clusterDegraded     clusterState = "degraded"
	clusterUpgrading    clusterState = "upgrading"
	clusterError        clusterState = "error"
	// clusterDeleted is shown until the cluster is gone.
	clusterDeleted clusterState = "deleted"
)

type maintenance struct {
	Day       string `json:"day"`
	StartTime string `json:"start_time"`
	Duration  string `json:"duration"`
}

type firewall struct {
	Enabled          bool     `json:"enabled"`
	AllowedAddresses []string `json:"allowed_addresses"`
}

// plugin is a part of a cluster that is on or off.
type plugin struct {
	Enabled bool `json:"enabled"`
}

// pluginFields are the plugins' names in a cluster's JSON.
var pluginFields = []string{
	"routing_agent", "amd_gpu_device_plugin", "amd_gpu_device_metrics_exporter_plugin",
	"nvidia_gpu_device_plugin", "rdma_shared_dev_plugin", "coredns_autoscaler", "p2p_oci_registry_plugin", "nfs_csi_plugin",
}

// plainCluster is a cluster without the methods that would call themselves.
type plainCluster cluster

// MarshalJSON writes the plugins as fields of the cluster.
func (c cluster) MarshalJSON() ([]byte, error) {
	fields := object{}
	if err := reencode(plainCluster(c), &fields); err != nil {
		return nil, err
	}
	for name, p := range c.Plugins {
		fields[name] = p
	}
	return json.Marshal(fields)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *cluster) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, (*plainCluster)(c)); err != nil {
		return err
	}
	plugins, err := readPlugins(text)
	c.Plugins = plugins
	return err
}

func reencode(from, into any) error {
	text, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// readPlugins finds the plugins that are switched; an empty object is none.
func readPlugins(text []byte) (map[string]plugin, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	found := map[string]plugin{}
	for _, name := range pluginFields {
		var switched struct {
			Enabled *bool `json:"enabled"`
		}
		if raw, ok := fields[name]; ok {
			if err := json.Unmarshal(raw, &switched); err != nil {
				return nil, err
			}
		}
		if switched.Enabled != nil {
			found[name] = plugin{Enabled: *switched.Enabled}
		}
	}
	return found, nil
}

// clusterRequest makes or changes a cluster.
type clusterRequest struct {
	Name         string        `json:"name"`
	Region       string        `json:"region"`
	Version      string        `json:"version"`
	Tags         []string      `json:"tags"`
	VPCID        string        `json:"vpc_uuid"`
	PodRange     string        `json:"cluster_subnet"`
	ServiceRange string        `json:"service_subnet"`
	HA           *bool         `json:"ha"`
	Pools        []poolRequest `json:"node_pools"`
	Maintenance  *maintenance  `json:"maintenance_policy"`
	AutoUpgrade  *bool         `json:"auto_upgrade"`
	SurgeUpgrade *bool         `json:"surge_upgrade"`
	Firewall     *struct {
		Enabled          *bool    `json:"enabled"`
		AllowedAddresses []string `json:"allowed_addresses"`
	} `json:"control_plane_firewall"`
	Autoscaler *autoscalerConfiguration `json:"cluster_autoscaler_configuration"`

	plugins map[string]plugin
}

// UnmarshalJSON also finds the plugins.
func (q *clusterRequest) UnmarshalJSON(text []byte) error {
	type plain clusterRequest
	if err := json.Unmarshal(text, (*plain)(q)); err != nil {
		return err
	}
	plugins, err := readPlugins(text)
	q.plugins = plugins
	return err
}

var (
	clusterName = regexp.MustCompile(`^[a-z0-9]([-.a-z0-9]{0,61}[a-z0-9])?$`)
	startTime   = regexp.MustCompile(`^([01]?\d|2[0-3]):[0-5]\d$`)
	weekdays    = []string{"any", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
)

func (s *Server) routeClusters() {
	s.read("GET /v2/kubernetes/clusters", func(now *state, r *http.Request) (any, error) {
		var all []cluster
		for _, record := range now.Clusters {
			all = append(all, record.shown())
		}
		return page(r, "kubernetes_clusters", all)
	})
	s.read("GET /v2/kubernetes/clusters/{id}", func(now *state, r *http.Request) (any, error) {
		record, err := now.cluster(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		return object{"kubernetes_cluster": record.shown()}, nil
	})
	s.read("GET /v2/kubernetes/clusters/{id}/user", func(now *state, r *http.Request) (any, error) {
		_, err := now.cluster(r.PathValue("id"))
		return object{"kubernetes_cluster_user": object{
			"id": now.Account.UUID, "username": now.Account.Email, "groups": []string{"k8saas:authenticated"},
		}}, err
	})
	s.write("GET /v2/kubernetes/clusters/{id}/credentials", http.StatusOK, s.issueCredentials)
	s.write("GET /v2/kubernetes/clusters/{id}/kubeconfig", http.StatusOK, s.issueKubeconfig)
	s.read("GET /v2/kubernetes/clusters/{id}/upgrades", func(now *state, r *http.Request) (any, error) {
		record, err := now.cluster(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		found := []object{}
		for _, slug := range s.upgradesOf(record.Cluster.Version) {
			found = append(found, describeVersion(slug))
		}
		return object{"available_upgrade_versions": found}, nil
	})
	s.read("GET /v2/kubernetes/clusters/{id}/destroy_with_associated_resources", listAssociated)
	s.write("POST /v2/kubernetes/clusters", http.StatusCreated, s.createCluster)
	s.write("PUT /v2/kubernetes/clusters/{id}", http.StatusAccepted, updateCluster)
	s.write("POST /v2/kubernetes/clusters/{id}/upgrade", http.StatusAccepted, s.upgradeCluster)
	s.write("DELETE /v2/kubernetes/clusters/{id}", http.StatusNoContent, deleteCluster(nil))
	s.write("DELETE /v2/kubernetes/clusters/{id}/destroy_with_associated_resources/dangerous", http.StatusNoContent,
		deleteCluster(func(*loadBalancer, *http.Request) bool { return true }))
	s.write("DELETE /v2/kubernetes/clusters/{id}/destroy_with_associated_resources/selective", http.StatusNoContent, deleteSelected)
	s.write("POST /v2/kubernetes/registry", http.StatusNoContent, integrateRegistry(true))
	s.write("DELETE /v2/kubernetes/registry", http.StatusNoContent, integrateRegistry(false))
}

func (c *cluster) urn() string { return "do:kubernetes:" + c.ID }

// shown is the cluster as clients see it: deletion hides every other state.
func (r *clusterRecord) shown() cluster {
	c := r.Cluster
	if r.Deleting {
		c.Status = clusterStatus{State: clusterDeleted, Message: c.Status.Message}
	}
	return c
}

// cluster finds a cluster that exists or is being deleted.
func (s *state) cluster(id string) (*clusterRecord, error) {
	return find(s.Clusters, func(r *clusterRecord) bool { return r.Cluster.ID == id })
}

// liveCluster finds a cluster that can be changed.
func (s *state) liveCluster(id string) (*clusterRecord, error) {
	record, err := s.cluster(id)
	if err == nil && record.Deleting {
		return nil, failf(http.StatusConflict, "the cluster is being deleted")
	}
	return record, err
}

func (s *Server) createCluster(next *state, r *http.Request) (any, error) {
	request, err := decode[clusterRequest](r)
	if err != nil {
		return nil, err
	}
	made := &clusterRecord{Generation: 1, Cluster: cluster{
		ID: uuid.NewString(), Region: request.Region, Plugins: map[string]plugin{},
		Maintenance: maintenance{Day: "any", StartTime: "02:00", Duration: "4h0m0s"},
		Status:      clusterStatus{State: clusterProvisioning, Message: "provisioning"},
		CreatedAt:   now(),
	}}
	c := &made.Cluster
	if !knownRegion(request.Region) {
		return nil, invalid("validation error: invalid region %q", request.Region)
	}
	if c.Version, err = s.resolveVersion(request.Version); err != nil {
		return nil, err
	}
	if request.Name == "" {
		return nil, invalid("validation error: name is required")
	}
	if len(request.Pools) == 0 {
		return nil, invalid("validation error: a cluster needs at least one node pool")
	}
	c.HA = defaultHA(c.Version)
	if request.HA != nil {
		c.HA = *request.HA
		request.HA = nil
	}
	if err := next.describeCluster(c, request); err != nil {
		return nil, err
	}
	if err := next.placeCluster(c, request); err != nil {
		return nil, err
	}
	for _, wanted := range request.Pools {
		if err := next.addPool(c, wanted); err != nil {
			return nil, err
		}
	}
	if c.nodes() == 0 {
		return nil, invalid("validation error: a cluster needs at least one node")
	}
	next.Clusters = append(next.Clusters, made)
	next.assignToDefault(c.urn())
	return object{"kubernetes_cluster": made.shown()}, nil
}

// defaultHA is whether the control plane is highly available where nobody says.
func defaultHA(slug string) bool {
	version, err := semver.Parse(slug)
	return err == nil && version.GTE(semver.MustParse("1.36.0-0"))
}

// placeCluster finds the cluster's networks.
func (s *state) placeCluster(c *cluster, request clusterRequest) error {
	network, err := s.defaultOrVPC(request.VPCID, c.Region)
	if err != nil {
		return err
	}
	c.VPCID = network.ID
	c.PodRange, err = s.clusterRange("cluster_subnet", request.PodRange, 16)
	if err != nil {
		return err
	}
	// The pods' range is taken from here on, though the cluster is not listed yet.
	others := *s
	others.Clusters = append(slices.Clone(s.Clusters), &clusterRecord{Cluster: *c})
	c.ServiceRange, err = others.clusterRange("service_subnet", request.ServiceRange, 19)
	return err
}

func (s *state) defaultOrVPC(id, region string) (*vpc, error) {
	if id == "" {
		return s.defaultVPC(region)
	}
	network, err := s.vpc(id)
	if err != nil {
		return nil, invalid("validation error: vpc_uuid %q is no VPC of the account", id)
	}
	if network.Region != region {
		return nil, invalid("validation error: VPC %s is in region %s, not in %s", network.Name, network.Region, region)
	}
	return network, nil
}

func (s *state) clusterRange(field, text string, bits int) (netip.Prefix, error) {
	if text == "" {
		return s.freeRange(bits)
	}
	prefix, err := privateRange("validation error: "+field, text)
	if err != nil {
		return netip.Prefix{}, err
	}
	if taken, what := s.taken(prefix); taken {
		return netip.Prefix{}, invalid("validation error: %s %s overlaps another network: %s", field, prefix, what)
	}
	return prefix, nil
}

// describeCluster sets what may change in a cluster.
func (s *state) describeCluster(c *cluster, request clusterRequest) error {
	if request.Name != "" {
		if !clusterName.MatchString(request.Name) {
			return invalid("validation error: name %q must be up to 63 lowercase letters, digits, dots and dashes, "+
				"and start and end with a letter or digit", request.Name)
		}
		for _, other := range s.Clusters {
			if other.Cluster.ID != c.ID && other.Cluster.Name == request.Name {
				return invalid("validation error: a cluster with this name already exists: %s", request.Name)
			}
		}
		c.Name = request.Name
	}
	if request.HA != nil {
		if c.HA && !*request.HA {
			return invalid("validation error: a highly available control plane cannot be made a single one again")
		}
		c.HA = *request.HA
	}
	if request.Maintenance != nil {
		if err := c.maintain(*request.Maintenance); err != nil {
			return err
		}
	}
	if request.Firewall != nil && request.Firewall.Enabled != nil {
		if err := validAddresses(request.Firewall.AllowedAddresses); err != nil {
			return err
		}
		c.Firewall = &firewall{Enabled: *request.Firewall.Enabled, AllowedAddresses: request.Firewall.AllowedAddresses}
	}
	if request.Autoscaler != nil {
		if err := request.Autoscaler.check(); err != nil {
			return err
		}
		c.Autoscaler = request.Autoscaler
	}
	for name, p := range request.plugins {
		c.Plugins[name] = p
	}
	if request.AutoUpgrade != nil {
		c.AutoUpgrade = *request.AutoUpgrade
	}
	if request.SurgeUpgrade != nil {
		c.SurgeUpgrade = *request.SurgeUpgrade
	}
	if request.Tags != nil || c.Tags == nil {
		tags, err := s.clusterTags(c.ID, request.Tags)
		if err != nil {
			return err
		}
		c.Tags = tags
	}
	c.UpdatedAt = now()
	return nil
}

func (c *cluster) maintain(wanted maintenance) error {
	if day := strings.ToLower(wanted.Day); day != "" {
		if !slices.Contains(weekdays, day) {
			return invalid("validation error: maintenance_policy.day %q is no day of the week, nor any", wanted.Day)
		}
		c.Maintenance.Day = day
	}
	if wanted.StartTime != "" {
		if !startTime.MatchString(wanted.StartTime) {
			return invalid("validation error: maintenance_policy.start_time %q is no time of the form 15:04", wanted.StartTime)
		}
		c.Maintenance.StartTime = wanted.StartTime
	}
	return nil
}

// ranges are the allowed addresses, which were checked; never nil.
func (f firewall) ranges() []netip.Prefix {
	all := []netip.Prefix{}
	for _, text := range f.AllowedAddresses {
		if prefix, err := netip.ParsePrefix(text); err == nil {
			all = append(all, prefix.Masked())
		} else if address, err := netip.ParseAddr(text); err == nil {
			all = append(all, netip.PrefixFrom(address, address.BitLen()))
		}
	}
	return all
}

func validAddresses(all []string) error {
	for _, address := range all {
		if _, err := netip.ParsePrefix(address); err == nil {
			continue
		}
		if _, err := netip.ParseAddr(address); err != nil {
			return invalid("validation error: control_plane_firewall.allowed_addresses: %q is neither an address nor a range", address)
		}
	}
	return nil
}

// clusterTags are DigitalOcean's own tags of a cluster and the client's.
func (s *state) clusterTags(id string, wanted []string) ([]string, error) {
	tags := []string{"k8s", "k8s:" + id}
	for _, tag := range wanted {
		if err := s.addTag(tag); err != nil {
			return nil, err
		}
		if !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	return tags, nil
}

func updateCluster(next *state, r *http.Request) (any, error) {
	record, err := next.liveCluster(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	request, err := decode[clusterRequest](r)
	if err != nil {
		return nil, err
	}
	if err := next.describeCluster(&record.Cluster, request); err != nil {
		return nil, err
	}
	record.Generation++
	return object{"kubernetes_cluster": record.shown()}, nil
}

func (s *Server) upgradeCluster(next *state, r *http.Request) (any, error) {
	record, err := next.liveCluster(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	request, err := decode[clusterRequest](r)
	if err != nil {
		return nil, err
	}
	if record.Cluster.Status.State != clusterRunning {
		return nil, failf(http.StatusConflict, "the cluster is %s, it can be upgraded once it is running", record.Cluster.Status.State)
	}
	if !slices.Contains(s.upgradesOf(record.Cluster.Version), request.Version) {
		return nil, invalid("validation error: a cluster of version %s cannot be upgraded to %q", record.Cluster.Version, request.Version)
	}
	record.upgrade(request.Version)
	return nil, nil
}

func (r *clusterRecord) upgrade(version string) {
	r.Cluster.Version = version
	r.Cluster.Status = clusterStatus{State: clusterUpgrading}
	r.Cluster.UpdatedAt = now()
	r.Generation++
}

// Maintain is the maintenance window of every cluster: those with auto_upgrade go to the
// newest patch of their minor version that is on offer.
func (s *Server) Maintain() error {
	return s.change(func(next *state) error {
		for _, record := range next.Clusters {
			c := &record.Cluster
			if !c.AutoUpgrade || record.Deleting || c.Status.State != clusterRunning {
				continue
			}
			for _, candidate := range s.upgradesOf(c.Version) { // the newest first
				if minor(candidate) == minor(c.Version) {
					record.upgrade(candidate)
					break
				}
			}
		}
		return nil
	})
}

// deleteCluster marks a cluster to be removed, with those of its load balancers
// that also say so. The others stay, as they do at DigitalOcean.
func deleteCluster(also func(*loadBalancer, *http.Request) bool) func(*state, *http.Request) (any, error) {
	return func(next *state, r *http.Request) (any, error) {
		record, err := next.cluster(r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		record.Deleting = true
		if also != nil {
			next.removeLoadBalancers(func(b *loadBalancer) bool { return b.ClusterID == record.Cluster.ID && also(b, r) })
		}
		return nil, nil
	}
}

func deleteSelected(next *state, r *http.Request) (any, error) {
	request, err := decode[struct {
		LoadBalancers []string `json:"load_balancers"`
	}](r)
	if err != nil {
		return nil, err
	}
	return deleteCluster(func(b *loadBalancer, _ *http.Request) bool {
		return slices.Contains(request.LoadBalancers, b.ID)
	})(next, r)
}

func listAssociated(now *state, r *http.Request) (any, error) {
	record, err := now.cluster(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	balancers := []object{}
	for _, b := range now.LoadBalancers {
		if b.ClusterID == record.Cluster.ID {
			balancers = append(balancers, object{"id": b.ID, "name": b.Name})
		}
	}
	return object{"load_balancers": balancers, "volumes": []object{}, "volume_snapshots": []object{}}, nil
}

func access(now *state, r *http.Request) (*clusterRecord, error) {
	record, err := now.cluster(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if record.Access == nil {
		return nil, failf(http.StatusPreconditionFailed, "the cluster is still %s", record.shown().Status.State)
	}
	return record, nil
}

// issueCredentials answers with a token of its own for each request.
func (s *Server) issueCredentials(next *state, r *http.Request) (any, error) {
	record, err := access(next, r)
	if err != nil {
		return nil, err
	}
	token, err := s.issueToken(record, r)
	return object{
		"server": record.Access.Server, "certificate_authority_data": record.Access.CA, // base64, as every []byte
		"client_certificate_data": nil, "client_key_data": nil,
		"token": token.Token, "expires_at": token.ExpiresAt,
	}, err
}

func (s *Server) issueKubeconfig(next *state, r *http.Request) (any, error) {
	record, err := access(next, r)
	if err != nil {
		return nil, err
	}
	token, err := s.issueToken(record, r)
	if err != nil {
		return nil, err
	}
	return record.kubeconfig(token)
}

// kubeconfig is a file for kubectl; JSON is YAML.
func (r *clusterRecord) kubeconfig(token accessToken) (yamlDocument, error) {
	name := fmt.Sprintf("do-%s-%s", r.Cluster.Region, r.Cluster.Name)
	text, err := json.MarshalIndent(object{
		"apiVersion": "v1", "kind": "Config", "current-context": name,
		"clusters": []object{{"name": name, "cluster": object{
			"server": r.Access.Server, "certificate-authority-data": r.Access.CA,
		}}},
		"contexts": []object{{"name": name, "context": object{"cluster": name, "user": name + "-admin"}}},
		"users":    []object{{"name": name + "-admin", "user": object{"token": token.Token}}},
	}, "", "  ")
	return append(text, '\n'), err
}

// integrateRegistry lets clusters pull from the account's registry, or not.
func integrateRegistry(on bool) func(*state, *http.Request) (any, error) {
	return func(next *state, r *http.Request) (any, error) {
		request, err := decode[struct {
			Clusters []string `json:"cluster_uuids"`
		}](r)
		if err != nil {
			return nil, err
		}
		if len(next.Registries) == 0 {
			return nil, failf(http.StatusPreconditionFailed, "registry does not exist")
		}
		for _, id := range request.Clusters {
			record, err := next.liveCluster(id)
			if err != nil {
				return nil, err
			}
			record.Cluster.RegistryEnabled = on
			record.Generation++
			if record.PullToken == "" {
				made := registryToken{Token: "dor_v1_" + rand.Text() + rand.Text(), ExpiresAt: now().Add(noExpiry)}
				next.PullTokens = append(next.PullTokens, made)
				record.PullToken = made.Token
			}
		}
		return nil, nil
	}
}

func (c *cluster) nodes() int {
	count := 0
	for _, p := range c.Pools {
		count += len(p.Nodes)
	}
	return count
}

// spec is what the backend is to make of the record.
func (s *state) spec(r *clusterRecord) ClusterSpec {
	c := r.Cluster
	spec := ClusterSpec{
		ID: c.ID, Name: c.Name, Region: c.Region, Version: c.Version, HA: c.HA,
		VPCID: c.VPCID, PodRange: c.PodRange, ServiceRange: c.ServiceRange, Autoscaler: c.Autoscaler.settings(),
	}
	if network, err := s.vpc(c.VPCID); err == nil {
		spec.VPCRange = network.Range
	}
	if c.Firewall != nil && c.Firewall.Enabled {
		spec.APIRanges = c.Firewall.ranges()
	}
	if c.RegistryEnabled && len(s.Registries) > 0 {
		raw, _ := json.Marshal(dockerConfig(r.PullToken)) // maps of texts are always JSON
		spec.Pull = &PullSecret{Name: s.Registries[0].Name, DockerConfig: raw}
	}
	for _, p := range c.Pools {
		if slices.Contains(r.RemovedPools, p.ID) {
			continue
		}
		made := PoolSpec{ID: p.ID, Name: p.Name, Size: p.Size, Labels: p.Labels, Taints: p.Taints, Tags: p.Tags}
		if p.AutoScale {
			made.Bounds = &Bounds{Min: p.MinNodes, Max: p.MaxNodes}
		}
		for _, n := range p.Nodes {
			if n.Status.State == NodeDeleting {
				continue
			}
			droplet, _ := strconv.Atoi(n.DropletID) // written by us
			made.Nodes = append(made.Nodes, NodeSpec{ID: n.ID, Name: n.Name, DropletID: droplet})
		}
		spec.Pools = append(spec.Pools, made)
	}
	return spec
}

// hostOf is the address in an API server's URL.
func hostOf(server string) string {
	address, err := url.Parse(server)
	if err != nil || net.ParseIP(address.Hostname()) == nil {
		return ""
	}
	return address.Hostname()
}
