package doapi_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/wealth-companion/companion/rehearsal/doapi"
	"github.com/wealth-companion/companion/rehearsal/doapi/doapitest"
)

func clusterRequest(vpc string) *godo.KubernetesClusterCreateRequest {
	return &godo.KubernetesClusterCreateRequest{
		Name: "companion", RegionSlug: "fra1", VersionSlug: "1.36.2-do.0", VPCUUID: vpc,
		ClusterSubnet: "10.112.0.0/16", ServiceSubnet: "10.113.0.0/16", Tags: []string{"companion"},
		NodePools: []*godo.KubernetesNodePoolCreateRequest{{
			Name: "default", Size: "s-4vcpu-8gb", Count: 3, Tags: []string{"terraform:default-node-pool"},
			Labels: map[string]string{"workload": "general"}, Taints: []godo.Taint{{Key: "a", Value: "b", Effect: "PreferNoSchedule"}},
		}},
	}
}

// makeCluster makes a cluster and waits until it runs.
func makeCluster(t *testing.T, client *godo.Client, vpc string) *godo.KubernetesCluster {
	t.Helper()
	made, answer, err := client.Kubernetes.Create(t.Context(), clusterRequest(vpc))
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, answer.StatusCode)
	require.Equal(t, godo.KubernetesClusterStatusProvisioning, made.Status.State)
	require.Empty(t, made.Endpoint)
	eventually(t, "the cluster runs", func() bool {
		made, _, err = client.Kubernetes.Get(t.Context(), made.ID)
		return err == nil && made.Status.State == godo.KubernetesClusterStatusRunning
	})
	return made
}

func TestClusterRuns(t *testing.T) {
	client, backend, _ := start(t)
	network := makeVPC(t, client, "companion", "10.110.0.0/20")
	made := makeCluster(t, client, network.ID)

	require.Equal(t, "https://10.110.0.1:6443", made.Endpoint)
	require.True(t, made.HA, "the default from 1.36 on")
	require.Empty(t, made.IPv4, "a highly available control plane has no address of its own")
	require.Equal(t, []string{"k8s", "k8s:" + made.ID, "companion"}, made.Tags)
	require.Equal(t, godo.KubernetesMaintenanceDayAny, made.MaintenancePolicy.Day)
	pool := made.NodePools[0]
	require.Equal(t, []string{"k8s", "k8s:" + made.ID, "k8s:worker", "terraform:default-node-pool"}, pool.Tags)
	require.Equal(t, []godo.Taint{{Key: "a", Value: "b", Effect: "PreferNoSchedule"}}, pool.Taints)
	require.Len(t, pool.Nodes, 3)
	for _, node := range pool.Nodes {
		require.Regexp(t, `^default-[a-z0-9]{5}$`, node.Name)
		require.Regexp(t, `^\d+$`, node.DropletID)
		require.Equal(t, "running", node.Status.State)
	}

	spec := backend.Clusters()[made.ID]
	require.Equal(t, "10.110.0.0/20", spec.VPCRange.String())
	require.Equal(t, "10.112.0.0/16", spec.PodRange.String())
	require.Equal(t, "10.113.0.0/16", spec.ServiceRange.String())
	labels := spec.NodeLabels(spec.Pools[0], spec.Pools[0].Nodes[0])
	require.Equal(t, "general", labels["workload"])
	require.Equal(t, "default", labels["doks.digitalocean.com/node-pool"])
	require.Equal(t, "fra1", labels["topology.kubernetes.io/region"])

	clusters, _, err := client.Kubernetes.List(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, clusters, 1)
}

func TestClusterCredentials(t *testing.T) {
	client, _, _ := start(t)
	made := makeCluster(t, client, "")

	credentials, _, err := client.Kubernetes.GetCredentials(t.Context(), made.ID, &godo.KubernetesClusterCredentialsGetRequest{})
	require.NoError(t, err)
	require.Equal(t, "https://10.110.0.1:6443", credentials.Server)
	require.Equal(t, "a certificate", string(credentials.CertificateAuthorityData))
	first := credentials.Token
	require.WithinDuration(t, time.Now().Add(7*24*time.Hour), credentials.ExpiresAt, time.Minute)

	hour := 3600
	credentials, _, err = client.Kubernetes.GetCredentials(t.Context(), made.ID, &godo.KubernetesClusterCredentialsGetRequest{ExpirySeconds: &hour})
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().Add(time.Hour), credentials.ExpiresAt, time.Minute)
	require.NotEqual(t, first, credentials.Token, "every request gets a token of its own")

	file, _, err := client.Kubernetes.GetKubeConfig(t.Context(), made.ID, nil)
	require.NoError(t, err)
	config, err := clientcmd.RESTConfigFromKubeConfig(file.KubeconfigYAML)
	require.NoError(t, err)
	require.Equal(t, "https://10.110.0.1:6443", config.Host)
	require.NotEmpty(t, config.BearerToken)

	user, _, err := client.Kubernetes.GetUser(t.Context(), made.ID)
	require.NoError(t, err)
	require.NotEmpty(t, user.Username)
}

func TestClusterIsRefused(t *testing.T) {
	client, _, _ := start(t)
	network := makeVPC(t, client, "companion", "10.110.0.0/20")
	makeVPC(t, client, "other", "10.120.0.0/20")
	for name, test := range map[string]struct {
		change func(*godo.KubernetesClusterCreateRequest)
		says   string
	}{
		"without a name":                   {func(q *godo.KubernetesClusterCreateRequest) { q.Name = "" }, "name is required"},
		"with capitals in its name":        {func(q *godo.KubernetesClusterCreateRequest) { q.Name = "Companion" }, "lowercase letters"},
		"of a version that does not exist": {func(q *godo.KubernetesClusterCreateRequest) { q.VersionSlug = "1.2.3-do.0" }, `invalid version slug "1.2.3-do.0"; available: 1.36.2-do.0`},
		"in a region that does not exist":  {func(q *godo.KubernetesClusterCreateRequest) { q.RegionSlug = "moon1" }, "invalid region"},
		"in a region other than its VPC's": {func(q *godo.KubernetesClusterCreateRequest) { q.RegionSlug = "nyc1" }, "is in region fra1, not in nyc1"},
		"in a VPC that does not exist":     {func(q *godo.KubernetesClusterCreateRequest) { q.VPCUUID = "none" }, "is no VPC of the account"},
		"without a pool":                   {func(q *godo.KubernetesClusterCreateRequest) { q.NodePools = nil }, "at least one node pool"},
		"with an empty pool":               {func(q *godo.KubernetesClusterCreateRequest) { q.NodePools[0].Count = 0 }, "count must be greater than or equal to 1"},
		"with too many nodes":              {func(q *godo.KubernetesClusterCreateRequest) { q.NodePools[0].Count = 26 }, "not enough available droplet limit"},
		"with nodes of no known size":      {func(q *godo.KubernetesClusterCreateRequest) { q.NodePools[0].Size = "xxl" }, "invalid droplet size"},
		"with two pools of one name":       {func(q *godo.KubernetesClusterCreateRequest) { q.NodePools = append(q.NodePools, q.NodePools[0]) }, "node pool with this name already exists"},
		"with limits the wrong way round": {func(q *godo.KubernetesClusterCreateRequest) {
			p := q.NodePools[0]
			p.AutoScale, p.MinNodes, p.MaxNodes = true, 5, 3
		}, "above max_nodes"},
		"with a taint of no known effect":  {func(q *godo.KubernetesClusterCreateRequest) { q.NodePools[0].Taints[0].Effect = "Never" }, `effect "Never"`},
		"with pods where another VPC is":   {func(q *godo.KubernetesClusterCreateRequest) { q.ClusterSubnet = "10.120.0.0/16" }, "cluster_subnet 10.120.0.0/16 overlaps another network: VPC other"},
		"with services where the pods are": {func(q *godo.KubernetesClusterCreateRequest) { q.ServiceSubnet = "10.112.0.0/20" }, "service_subnet 10.112.0.0/20 overlaps"},
		"with a tag that is none":          {func(q *godo.KubernetesClusterCreateRequest) { q.Tags = []string{"no spaces"} }, "tag"},
		"with maintenance at no time of day": {func(q *godo.KubernetesClusterCreateRequest) {
			q.MaintenancePolicy = &godo.KubernetesMaintenancePolicy{StartTime: "25:00"}
		}, "start_time"},
		"with a firewall that admits nothing": {func(q *godo.KubernetesClusterCreateRequest) {
			q.ControlPlaneFirewall = &godo.KubernetesControlPlaneFirewall{Enabled: godo.PtrTo(true), AllowedAddresses: []string{"home"}}
		}, "allowed_addresses"},
	} {
		t.Run(name, func(t *testing.T) {
			request := clusterRequest(network.ID)
			test.change(request)
			_, _, err := client.Kubernetes.Create(t.Context(), request)
			requireStatus(t, err, 422, test.says)
		})
	}
	makeCluster(t, client, network.ID)
	_, _, err := client.Kubernetes.Create(t.Context(), clusterRequest(network.ID))
	requireStatus(t, err, 422, "a cluster with this name already exists")
}

func TestClusterChanges(t *testing.T) {
	client, backend, _ := start(t)
	request := clusterRequest("")
	request.HA = godo.PtrTo(false)
	made, _, err := client.Kubernetes.Create(t.Context(), request)
	require.NoError(t, err)
	require.False(t, made.HA)

	changed, answer, err := client.Kubernetes.Update(t.Context(), made.ID, &godo.KubernetesClusterUpdateRequest{
		Name: "companion-2", HA: godo.PtrTo(true), AutoUpgrade: godo.PtrTo(true), Tags: []string{"blue"},
		MaintenancePolicy: &godo.KubernetesMaintenancePolicy{Day: godo.KubernetesMaintenanceDaySunday, StartTime: "03:30"},
		RoutingAgent:      &godo.KubernetesRoutingAgent{Enabled: godo.PtrTo(true)},
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusAccepted, answer.StatusCode)
	require.Equal(t, "companion-2", changed.Name)
	require.True(t, changed.HA)
	require.True(t, changed.AutoUpgrade)
	require.True(t, *changed.RoutingAgent.Enabled)
	require.Nil(t, changed.NvidiaGpuDevicePlugin)
	require.Equal(t, "sunday", changed.MaintenancePolicy.Day.String())
	require.Contains(t, changed.Tags, "blue")
	require.NotContains(t, changed.Tags, "companion")
	eventually(t, "the backend is told", func() bool { return backend.Clusters()[made.ID].Name == "companion-2" })

	_, _, err = client.Kubernetes.Update(t.Context(), made.ID, &godo.KubernetesClusterUpdateRequest{HA: godo.PtrTo(false)})
	requireStatus(t, err, 422, "cannot be made a single one again")
}

func TestClusterUpgrades(t *testing.T) {
	client, backend, _ := start(t)
	request := clusterRequest("")
	request.VersionSlug = "1.34"
	made, _, err := client.Kubernetes.Create(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, "1.34.8-do.0", made.VersionSlug, "the newest of the minor version")
	eventually(t, "the cluster runs", func() bool { return len(backend.Clusters()) == 1 && state(t, client, made.ID) == "running" })

	upgrades, _, err := client.Kubernetes.GetUpgrades(t.Context(), made.ID)
	require.NoError(t, err)
	require.Len(t, upgrades, 1, "one minor version at a time")
	_, err = client.Kubernetes.Upgrade(t.Context(), made.ID, &godo.KubernetesClusterUpgradeRequest{VersionSlug: "1.36.2-do.0"})
	requireStatus(t, err, 422, "cannot be upgraded")
	_, err = client.Kubernetes.Upgrade(t.Context(), made.ID, &godo.KubernetesClusterUpgradeRequest{VersionSlug: upgrades[0].Slug})
	require.NoError(t, err)
	eventually(t, "the cluster runs again", func() bool { return state(t, client, made.ID) == "running" })
	require.Equal(t, "1.35.5-do.0", backend.Clusters()[made.ID].Version)

	options, _, err := client.Kubernetes.GetOptions(t.Context())
	require.NoError(t, err)
	require.Equal(t, "1.36.2-do.0", options.Versions[0].Slug)
	require.Equal(t, "1.36.2", options.Versions[0].KubernetesVersion)
	require.True(t, slices.ContainsFunc(options.Sizes, func(s *godo.KubernetesNodeSize) bool { return s.Slug == "s-4vcpu-8gb" }))
}

func state(t *testing.T, client *godo.Client, id string) string {
	t.Helper()
	found, _, err := client.Kubernetes.Get(t.Context(), id)
	require.NoError(t, err)
	return string(found.Status.State)
}

func TestNodePools(t *testing.T) {
	client, backend, _ := start(t)
	made := makeCluster(t, client, "")
	api := client.Kubernetes
	nodes := func() (names []string) {
		for _, pool := range backend.Clusters()[made.ID].Pools {
			for _, node := range pool.Nodes {
				names = append(names, node.Name)
			}
		}
		return names
	}
	settled := func(pool string, count int) *godo.KubernetesNodePool {
		var found *godo.KubernetesNodePool
		eventually(t, "the pool has its nodes", func() bool {
			var err error
			found, _, err = api.GetNodePool(t.Context(), made.ID, pool)
			require.NoError(t, err)
			return len(found.Nodes) == count && !slices.ContainsFunc(found.Nodes, func(n *godo.KubernetesNode) bool { return n.Status.State != "running" })
		})
		return found
	}

	pool, answer, err := api.CreateNodePool(t.Context(), made.ID, &godo.KubernetesNodePoolCreateRequest{
		Name: "agents", Size: "s-2vcpu-4gb", AutoScale: true, MinNodes: 2, MaxNodes: 4, Tags: []string{"agents"},
	})
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, answer.StatusCode)
	require.Equal(t, 2, pool.Count, "the least, where no count is given")
	settled(pool.ID, 2)
	require.Len(t, nodes(), 5)

	before := nodes()
	pool, _, err = api.UpdateNodePool(t.Context(), made.ID, pool.ID, &godo.KubernetesNodePoolUpdateRequest{
		Name: "agents", Count: godo.PtrTo(4), Labels: map[string]string{"role": "agents"}, Taints: &[]godo.Taint{{Key: "role", Value: "agents", Effect: "NoSchedule"}},
	})
	require.NoError(t, err)
	require.Equal(t, 4, pool.Count)
	settled(pool.ID, 4)
	require.Subset(t, nodes(), before, "growing keeps the nodes")
	require.Equal(t, "role=agents:NoSchedule", backend.Clusters()[made.ID].Pools[1].Taints[0].String())

	_, _, err = api.UpdateNodePool(t.Context(), made.ID, pool.ID, &godo.KubernetesNodePoolUpdateRequest{Count: godo.PtrTo(2)})
	require.NoError(t, err)
	pool = settled(pool.ID, 2)
	require.Equal(t, map[string]string{"role": "agents"}, pool.Labels, "what is not named stays")
	require.Contains(t, pool.Tags, "agents")

	old := pool.Nodes[0]
	_, err = api.DeleteNode(t.Context(), made.ID, pool.ID, old.ID, &godo.KubernetesNodeDeleteRequest{Replace: true})
	require.NoError(t, err)
	eventually(t, "another node comes for it", func() bool { return !slices.Contains(nodes(), old.Name) && len(nodes()) == 5 })

	_, err = api.DeleteNodePool(t.Context(), made.ID, pool.ID)
	require.NoError(t, err)
	eventually(t, "the pool is gone", func() bool {
		_, answer, err := api.GetNodePool(t.Context(), made.ID, pool.ID)
		return err != nil && answer.StatusCode == http.StatusNotFound
	})
	require.Len(t, nodes(), 3)

	_, err = api.DeleteNodePool(t.Context(), made.ID, made.NodePools[0].ID)
	requireStatus(t, err, 412, "a cluster needs at least one node pool")
}

func TestLoadBalancersOutliveTheirCluster(t *testing.T) {
	client, _, server := start(t)
	network := makeVPC(t, client, "companion", "10.110.0.0/20")
	made := makeCluster(t, client, network.ID)
	wanted := doapi.LoadBalancer{Name: "a-edge", IP: "127.0.0.1", Rules: []doapi.ForwardingRule{{EntryProtocol: "tcp", EntryPort: 443, TargetProtocol: "tcp", TargetPort: 30443}}}
	require.NoError(t, server.PutLoadBalancer(wanted))
	wanted.IP = "127.0.0.2"
	require.NoError(t, server.PutLoadBalancer(wanted), "a second time changes it")

	balancers, _, err := client.LoadBalancers.List(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, balancers, 1)
	require.Equal(t, "127.0.0.2", balancers[0].IP)
	require.Equal(t, "active", balancers[0].Status)
	require.Equal(t, 443, balancers[0].ForwardingRules[0].EntryPort)
	associated, _, err := client.Kubernetes.ListAssociatedResourcesForDeletion(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, "a-edge", associated.LoadBalancers[0].Name)

	_, err = client.Kubernetes.Delete(t.Context(), made.ID)
	require.NoError(t, err)
	eventually(t, "the cluster is gone", func() bool {
		_, answer, err := client.Kubernetes.Get(t.Context(), made.ID)
		return err != nil && answer.StatusCode == http.StatusNotFound
	})
	_, err = client.VPCs.Delete(t.Context(), network.ID)
	requireStatus(t, err, 409, "Can not delete VPC with members")
	_, err = client.LoadBalancers.Delete(t.Context(), balancers[0].ID)
	require.NoError(t, err)
	_, err = client.VPCs.Delete(t.Context(), network.ID)
	require.NoError(t, err)
}

func TestClusterGoesWithItsLoadBalancers(t *testing.T) {
	client, _, server := start(t)
	made := makeCluster(t, client, "")
	require.NoError(t, server.PutLoadBalancer(doapi.LoadBalancer{Name: "a-edge", IP: "127.0.0.1", ClusterID: made.ID}))
	_, err := client.Kubernetes.DeleteDangerous(t.Context(), made.ID)
	require.NoError(t, err)
	balancers, _, err := client.LoadBalancers.List(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, balancers)
	require.NoError(t, server.RemoveLoadBalancer("a-edge"), "its controller may say so later")
}

func TestClusterThatCannotBootIsInError(t *testing.T) {
	broken := atomic.Bool{}
	broken.Store(true)
	backend := &doapitest.Backend{Fail: func(doapi.ClusterSpec) error {
		if broken.Load() {
			return errors.New("node default-abcde: no memory left")
		}
		return nil
	}}
	_, address := doapitest.Start(t, t.TempDir(), backend, doapi.WithPause(func(int) time.Duration { return time.Millisecond }))
	client := doapitest.Client(t, address)
	made, _, err := client.Kubernetes.Create(t.Context(), clusterRequest(""))
	require.NoError(t, err)
	eventually(t, "the cluster is in error", func() bool { return state(t, client, made.ID) == "error" })
	found, _, err := client.Kubernetes.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.Contains(t, found.Status.Message, "no memory left")
	_, _, err = client.Kubernetes.GetCredentials(t.Context(), made.ID, &godo.KubernetesClusterCredentialsGetRequest{})
	requireStatus(t, err, 412, "the cluster is still error")

	broken.Store(false)
	eventually(t, "it is tried on, and recovers", func() bool { return state(t, client, made.ID) == "running" })
}

// slow is a backend whose Create lasts until it is let go.
type slow struct {
	doapitest.Backend
	started chan string
	let     chan struct{}
}

func (s *slow) Create(ctx context.Context, spec doapi.ClusterSpec, update func(doapi.NodeStatus)) (doapi.Credentials, error) {
	s.started <- spec.ID
	select {
	case <-s.let:
		return s.Backend.Create(ctx, spec, update)
	case <-ctx.Done():
		return doapi.Credentials{}, ctx.Err()
	}
}

func TestClusterIsTakenUpAgain(t *testing.T) {
	dir := t.TempDir()
	stuck := &slow{started: make(chan string, 1), let: make(chan struct{})}
	first, err := doapi.New(dir, doapitest.Token, stuck)
	require.NoError(t, err)
	listening := httptest.NewServer(first)
	made, _, err := doapitest.Client(t, listening.URL).Kubernetes.Create(t.Context(), clusterRequest(""))
	require.NoError(t, err)
	require.Equal(t, made.ID, <-stuck.started)
	listening.Close()
	require.NoError(t, first.Close(), "closing lets go of a cluster that boots")

	backend := &doapitest.Backend{}
	_, address := doapitest.Start(t, dir, backend)
	client := doapitest.Client(t, address)
	eventually(t, "the next server goes on with it", func() bool { return state(t, client, made.ID) == "running" })
	require.Equal(t, made.NodePools[0].Nodes[0].Name, backend.Clusters()[made.ID].Pools[0].Nodes[0].Name)
}

// reporting is a backend that tells of every step, as a real one does.
type reporting struct{ *slow }

func (r reporting) Create(ctx context.Context, spec doapi.ClusterSpec, update func(doapi.NodeStatus)) (doapi.Credentials, error) {
	for _, node := range spec.Pools[0].Nodes {
		update(doapi.NodeStatus{Node: node.Name, State: doapi.NodeProvisioning, Message: "starting"})
	}
	return r.slow.Create(ctx, spec, update)
}

func TestRestartLooksLikeNoChange(t *testing.T) {
	dir := t.TempDir()
	first, err := doapi.New(dir, doapitest.Token, &doapitest.Backend{})
	require.NoError(t, err)
	listening := httptest.NewServer(first)
	made := makeCluster(t, doapitest.Client(t, listening.URL), "")
	listening.Close()
	require.NoError(t, first.Close())
	time.Sleep(1100 * time.Millisecond) // times are whole seconds

	stuck := &slow{started: make(chan string, 1), let: make(chan struct{})}
	_, address := doapitest.Start(t, dir, reporting{stuck})
	client := doapitest.Client(t, address)
	<-stuck.started
	found, _, err := client.Kubernetes.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.EqualValues(t, "provisioning", found.Status.State, "nobody knows yet whether it runs")
	require.Equal(t, "starting", found.NodePools[0].Nodes[0].Status.Message)
	_, _, err = client.Kubernetes.GetCredentials(t.Context(), made.ID, &godo.KubernetesClusterCredentialsGetRequest{})
	require.NoError(t, err)
	close(stuck.let)
	eventually(t, "it runs again", func() bool { return state(t, client, made.ID) == "running" })
	found, _, err = client.Kubernetes.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, made, found)
}

func TestLoadBalancerOfADyingClusterIsNotMade(t *testing.T) {
	dying := &undying{Backend: &doapitest.Backend{}, let: make(chan struct{})}
	server, address := doapitest.Start(t, t.TempDir(), dying)
	client := doapitest.Client(t, address)
	made := makeCluster(t, client, "")
	_, err := client.Kubernetes.DeleteDangerous(t.Context(), made.ID)
	require.NoError(t, err)
	require.NoError(t, server.PutLoadBalancer(doapi.LoadBalancer{Name: "a-edge", IP: "127.0.0.1"}), "its controller still runs")
	balancers, _, err := client.LoadBalancers.List(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, balancers)
	close(dying.let)
}

// undying is a backend whose Delete lasts until it is let go.
type undying struct {
	*doapitest.Backend
	let chan struct{}
}

func (u *undying) Delete(ctx context.Context, spec doapi.ClusterSpec) error {
	<-u.let
	return u.Backend.Delete(ctx, spec)
}

func TestClusterIsDeletedWhileItBoots(t *testing.T) {
	stuck := &slow{started: make(chan string, 1), let: make(chan struct{})}
	_, address := doapitest.Start(t, t.TempDir(), stuck)
	client := doapitest.Client(t, address)
	made, _, err := client.Kubernetes.Create(t.Context(), clusterRequest(""))
	require.NoError(t, err)
	<-stuck.started
	_, err = client.Kubernetes.Delete(t.Context(), made.ID)
	require.NoError(t, err)
	eventually(t, "the cluster is gone", func() bool {
		_, answer, err := client.Kubernetes.Get(t.Context(), made.ID)
		return err != nil && answer.StatusCode == http.StatusNotFound
	})
}

func TestClusterOnAHostThatOnlyPreviewsStaysProvisioning(t *testing.T) {
	_, address := doapitest.Start(t, t.TempDir(), doapi.PreviewOnly)
	client := doapitest.Client(t, address)
	made, _, err := client.Kubernetes.Create(t.Context(), clusterRequest(""))
	require.NoError(t, err)
	require.Equal(t, "provisioning", state(t, client, made.ID))
	_, _, err = client.Kubernetes.GetKubeConfig(t.Context(), made.ID, nil)
	requireStatus(t, err, 412, "the cluster is still provisioning")
	_, err = client.Kubernetes.Delete(t.Context(), made.ID)
	require.NoError(t, err)
	eventually(t, "the cluster is gone", func() bool {
		_, _, err := client.Kubernetes.Get(t.Context(), made.ID)
		return err != nil && strings.Contains(err.Error(), "404")
	})
}

// Who reaches the API server is the backend's to enforce.
func TestControlPlaneFirewallReachesTheBackend(t *testing.T) {
	client, backend, _ := start(t)
	made := makeCluster(t, client, "")
	require.Nil(t, backend.Clusters()[made.ID].APIRanges, "without a firewall every network reaches it")
	change := func(enabled bool, addresses ...string) {
		_, _, err := client.Kubernetes.Update(t.Context(), made.ID, &godo.KubernetesClusterUpdateRequest{
			Name: made.Name, ControlPlaneFirewall: &godo.KubernetesControlPlaneFirewall{Enabled: godo.PtrTo(enabled), AllowedAddresses: addresses},
		})
		require.NoError(t, err)
	}
	change(true, "203.0.113.7", "198.51.100.0/24")
	want := []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("198.51.100.0/24")}
	eventually(t, "the ranges are the backend's", func() bool { return slices.Equal(want, backend.Clusters()[made.ID].APIRanges) })
	change(false)
	eventually(t, "the firewall is off", func() bool { return backend.Clusters()[made.ID].APIRanges == nil })
}
