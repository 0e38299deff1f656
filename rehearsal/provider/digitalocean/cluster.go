package digitalocean

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/blang/semver"
	"github.com/digitalocean/godo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

type clusterState struct {
	Name          string       `json:"name" do:"autoname"`
	Region        string       `json:"region" do:"required,replace"`
	Version       string       `json:"version" do:"required"`
	VPC           string       `json:"vpcUuid,omitempty" do:"computed,replace"`
	ClusterSubnet string       `json:"clusterSubnet,omitempty" do:"computed,replace"`
	ServiceSubnet string       `json:"serviceSubnet,omitempty" do:"computed,replace"`
	NodePool      *clusterPool `json:"nodePool,omitempty" do:"required"`
	Tags          []string     `json:"tags,omitempty" do:"set"`
	HA            bool         `json:"ha" default:"false"`
	AutoUpgrade   *bool        `json:"autoUpgrade,omitempty"`
	SurgeUpgrade  bool         `json:"surgeUpgrade" default:"true"`

	MaintenancePolicy    *maintenance   `json:"maintenancePolicy,omitempty" do:"computed"`
	ControlPlaneFirewall *firewall      `json:"controlPlaneFirewall,omitempty" do:"computed"`
	Autoscalers          []autoscaler   `json:"clusterAutoscalerConfigurations,omitempty"`
	RoutingAgent         *clusterPlugin `json:"routingAgent,omitempty" do:"computed"`
	AMDPlugin            *clusterPlugin `json:"amdGpuDevicePlugin,omitempty" do:"computed"`
	AMDMetrics           *clusterPlugin `json:"amdGpuDeviceMetricsExporterPlugin,omitempty" do:"computed"`
	NvidiaPlugin         *clusterPlugin `json:"nvidiaGpuDevicePlugin,omitempty" do:"computed"`
	RDMAPlugin           *clusterPlugin `json:"rdmaSharedDevicePlugin,omitempty" do:"computed"`

	RegistryIntegration bool `json:"registryIntegration" default:"false"`
	// The API does not keep these two.
	DestroyAll              bool `json:"destroyAllAssociatedResources" default:"false"`
	KubeconfigExpireSeconds *int `json:"kubeconfigExpireSeconds,omitempty"`

	KubeConfigs []kubeConfig `json:"kubeConfigs" do:"output,secret"`
	URN         string       `json:"clusterUrn" do:"output"`
	Endpoint    string       `json:"endpoint" do:"output"`
	IPv4        string       `json:"ipv4Address" do:"output"`
	Status      string       `json:"status" do:"output"`
	CreatedAt   string       `json:"createdAt" do:"output"`
	UpdatedAt   string       `json:"updatedAt" do:"output"`
}

// clusterPool is the pool that a cluster is made with.
type clusterPool struct {
	ID              string            `json:"id" do:"output"`
	Name            string            `json:"name" do:"required"`
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

type maintenance struct {
	Day       string `json:"day" do:"computed"`
	StartTime string `json:"startTime" do:"computed"`
	Duration  string `json:"duration" do:"output"`
}

type firewall struct {
	Enabled          bool     `json:"enabled" do:"required"`
	AllowedAddresses []string `json:"allowedAddresses" do:"required"`
}

type autoscaler struct {
	ScaleDownUtilizationThreshold *float64 `json:"scaleDownUtilizationThreshold,omitempty"`
	ScaleDownUnneededTime         *string  `json:"scaleDownUnneededTime,omitempty"`
	Expanders                     []string `json:"expanders,omitempty"`
}

type kubeConfig struct {
	RawConfig            string `json:"rawConfig" do:"output"`
	Host                 string `json:"host" do:"output"`
	ClusterCACertificate string `json:"clusterCaCertificate" do:"output"`
	ClientKey            string `json:"clientKey,omitempty" do:"output"`
	ClientCertificate    string `json:"clientCertificate,omitempty" do:"output"`
	Token                string `json:"token" do:"output"`
	ExpiresAt            string `json:"expiresAt" do:"output"`
}

func (p clusterPool) shape() poolShape {
	return poolShape{p.Name, p.Size, p.NodeCount, p.AutoScale, p.MinNodes, p.MaxNodes, p.Labels, p.Tags, p.Taints}
}

var kubernetesCluster = handle(api[clusterState]{
	validate: checkCluster,
	create:   createCluster,
	read:     readCluster,
	update:   updateCluster,
	delete:   deleteCluster,
	locate:   locateCluster,
	same: map[string]sameness{
		"nodePool.nodeCount": sameCount("nodePool"),
		"region": func(there, wanted resource.PropertyValue, _ resource.PropertyMap) bool {
			return there.IsString() && wanted.IsString() && strings.EqualFold(there.StringValue(), wanted.StringValue())
		},
	},
	replaces: map[string]func(there, wanted resource.PropertyValue) bool{"version": olderVersion},
})

// olderVersion says whether a cluster would have to go back: only a new one can.
func olderVersion(there, wanted resource.PropertyValue) bool {
	if !there.IsString() || !wanted.IsString() {
		return false
	}
	from, err := semver.ParseTolerant(there.StringValue())
	if err != nil {
		return false
	}
	to, err := semver.ParseTolerant(wanted.StringValue())
	return err == nil && to.LT(from)
}

func checkCluster(wanted clusterState, fail func(string, string)) {
	checkRange("clusterSubnet", wanted.ClusterSubnet, fail)
	checkRange("serviceSubnet", wanted.ServiceSubnet, fail)
	for i, name := range wanted.Tags {
		checkTag(fmt.Sprintf("tags[%d]", i), name, fail)
	}
	if wanted.NodePool != nil {
		checkPool("nodePool.", wanted.NodePool.shape(), fail)
	}
	if policy := wanted.MaintenancePolicy; policy != nil && policy.Day != "" {
		if _, err := godo.KubernetesMaintenanceToDay(policy.Day); err != nil {
			fail("maintenancePolicy.day", "must be a day of the week or any, not "+policy.Day)
		}
	}
	if value(wanted.KubeconfigExpireSeconds) < 0 {
		fail("kubeconfigExpireSeconds", "must not be negative")
	}
}

func createCluster(ctx context.Context, s *session, wanted clusterState) (string, error) {
	made, _, err := s.client.Kubernetes.Create(ctx, &godo.KubernetesClusterCreateRequest{
		Name: wanted.Name, RegionSlug: strings.ToLower(wanted.Region), VersionSlug: wanted.Version, Tags: wanted.Tags,
		VPCUUID: wanted.VPC, ClusterSubnet: wanted.ClusterSubnet, ServiceSubnet: wanted.ServiceSubnet,
		HA: &wanted.HA, AutoUpgrade: value(wanted.AutoUpgrade), SurgeUpgrade: wanted.SurgeUpgrade,
		NodePools:                         []*godo.KubernetesNodePoolCreateRequest{wanted.NodePool.shape().request(defaultPoolTag)},
		MaintenancePolicy:                 wanted.maintenance(),
		ControlPlaneFirewall:              wanted.firewall(),
		ClusterAutoscalerConfiguration:    wanted.autoscaler(),
		RoutingAgent:                      routingAgent(wanted.RoutingAgent),
		AmdGpuDevicePlugin:                amdPlugin(wanted.AMDPlugin),
		AmdGpuDeviceMetricsExporterPlugin: amdMetrics(wanted.AMDMetrics),
		NvidiaGpuDevicePlugin:             nvidiaPlugin(wanted.NvidiaPlugin),
		RdmaSharedDevicePlugin:            rdmaPlugin(wanted.RDMAPlugin),
	})
	if err != nil {
		return "", err
	}
	if err := s.awaitCluster(ctx, made.ID); err != nil {
		return made.ID, err
	}
	if !wanted.RegistryIntegration {
		return made.ID, nil
	}
	return made.ID, s.integrateRegistry(ctx, made.ID, true)
}

func (c clusterState) maintenance() *godo.KubernetesMaintenancePolicy {
	if c.MaintenancePolicy == nil {
		return nil
	}
	day, _ := godo.KubernetesMaintenanceToDay(c.MaintenancePolicy.Day) // checked; without one, any
	return &godo.KubernetesMaintenancePolicy{Day: day, StartTime: c.MaintenancePolicy.StartTime}
}

func (c clusterState) firewall() *godo.KubernetesControlPlaneFirewall {
	if c.ControlPlaneFirewall == nil {
		return nil
	}
	return &godo.KubernetesControlPlaneFirewall{Enabled: &c.ControlPlaneFirewall.Enabled, AllowedAddresses: c.ControlPlaneFirewall.AllowedAddresses}
}

func (c clusterState) autoscaler() *godo.KubernetesClusterAutoscalerConfiguration {
	if len(c.Autoscalers) == 0 {
		return nil
	}
	set := c.Autoscalers[0]
	return &godo.KubernetesClusterAutoscalerConfiguration{
		ScaleDownUtilizationThreshold: set.ScaleDownUtilizationThreshold, ScaleDownUnneededTime: set.ScaleDownUnneededTime, Expanders: set.Expanders,
	}
}

// awaitCluster waits until a cluster runs.
func (s *session) awaitCluster(ctx context.Context, id string) error {
	return poll(ctx, "waiting for the cluster to run", func() (bool, error) {
		c, _, err := s.client.Kubernetes.Get(ctx, id)
		if err != nil {
			return false, err
		}
		state := value(c.Status)
		if broken(c) {
			return false, fmt.Errorf("the cluster is in state %s: %s", state.State, state.Message)
		}
		total, running, message := 0, 0, ""
		for _, p := range c.NodePools {
			count, says := runningNodes(p)
			total, running, message = total+p.Count, running+count, message+says
		}
		s.tell("the cluster is %s, %d of %d nodes run%s", state.State, running, total, message)
		return state.State == godo.KubernetesClusterStatusRunning, nil
	})
}

func (s *session) integrateRegistry(ctx context.Context, cluster string, integrate bool) error {
	request := &godo.KubernetesClusterRegistryRequest{ClusterUUIDs: []string{cluster}}
	change := s.client.Kubernetes.RemoveRegistry
	if integrate {
		change = s.client.Kubernetes.AddRegistry
	}
	if _, err := change(ctx, request); err != nil {
		return fmt.Errorf("registry integration: %w", err)
	}
	return nil
}

func readCluster(ctx context.Context, s *session, id string, before clusterState) (*clusterState, error) {
	c, answer, err := s.client.Kubernetes.Get(ctx, id)
	if err != nil {
		return nil, unlessGone(answer, err)
	}
	if value(c.Status).State == godo.KubernetesClusterStatusDeleted {
		return nil, nil // it is on its way out
	}
	now := &clusterState{
		Name: c.Name, Region: c.RegionSlug, Version: c.VersionSlug, VPC: c.VPCUUID, ClusterSubnet: c.ClusterSubnet, ServiceSubnet: c.ServiceSubnet,
		Tags: ownTags(c.Tags), HA: c.HA, AutoUpgrade: before.AutoUpgrade, SurgeUpgrade: c.SurgeUpgrade,
		RegistryIntegration: c.RegistryEnabled, DestroyAll: before.DestroyAll, KubeconfigExpireSeconds: before.KubeconfigExpireSeconds,
		URN: c.URN(), Endpoint: c.Endpoint, IPv4: c.IPv4, Status: string(value(c.Status).State),
		CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt),
	}
	now.readPlugins(c)
	if c.AutoUpgrade || before.AutoUpgrade != nil {
		now.AutoUpgrade = &c.AutoUpgrade
	}
	if policy := c.MaintenancePolicy; policy != nil {
		now.MaintenancePolicy = &maintenance{Day: policy.Day.String(), StartTime: policy.StartTime, Duration: policy.Duration}
	}
	if set := c.ControlPlaneFirewall; set != nil {
		now.ControlPlaneFirewall = &firewall{Enabled: value(set.Enabled), AllowedAddresses: set.AllowedAddresses}
	}
	if set := c.ClusterAutoscalerConfiguration; set != nil {
		now.Autoscalers = []autoscaler{{set.ScaleDownUtilizationThreshold, set.ScaleDownUnneededTime, set.Expanders}}
	}
	now.NodePool = defaultPool(c, before.NodePool)
	now.KubeConfigs, err = s.kubeConfigs(ctx, c, before)
	return now, err
}

// defaultPool finds the pool that belongs to the cluster's own resource.
func defaultPool(c *godo.KubernetesCluster, before *clusterPool) *clusterPool {
	at := slices.IndexFunc(c.NodePools, func(p *godo.KubernetesNodePool) bool { return slices.Contains(p.Tags, defaultPoolTag) })
	if at < 0 {
		return nil
	}
	p := c.NodePools[at]
	found := &clusterPool{
		ID: p.ID, Name: p.Name, Size: p.Size, ActualNodeCount: p.Count, AutoScale: p.AutoScale,
		MinNodes: given(p.MinNodes), MaxNodes: given(p.MaxNodes), Labels: p.Labels, Tags: ownTags(p.Tags),
		Taints: taintsOf(p.Taints), Nodes: nodesOf(p.Nodes),
	}
	if before == nil || before.NodeCount != nil {
		found.NodeCount = &p.Count
	}
	return found
}

// kubeConfigs are those of before until they expire: a new token every time
// would change everything that uses it.
func (s *session) kubeConfigs(ctx context.Context, c *godo.KubernetesCluster, before clusterState) ([]kubeConfig, error) {
	if len(before.KubeConfigs) > 0 {
		until, err := time.Parse(time.RFC3339, before.KubeConfigs[0].ExpiresAt)
		if err == nil && until.After(time.Now()) && before.KubeConfigs[0].Host == c.Endpoint {
			return before.KubeConfigs, nil
		}
	}
	found, answer, err := s.client.Kubernetes.GetCredentials(ctx, c.ID, &godo.KubernetesClusterCredentialsGetRequest{
		ExpirySeconds: before.KubeconfigExpireSeconds,
	})
	if status(answer) == http.StatusPreconditionFailed {
		return []kubeConfig{}, nil // it has not booted yet
	}
	if err != nil {
		return nil, fmt.Errorf("credentials of cluster %s: %w", c.Name, err)
	}
	made := kubeConfig{
		Host: found.Server, ClusterCACertificate: base64.StdEncoding.EncodeToString(found.CertificateAuthorityData),
		ClientKey: string(found.ClientKeyData), ClientCertificate: string(found.ClientCertificateData),
		Token: found.Token, ExpiresAt: found.ExpiresAt.Format(time.RFC3339),
	}
	made.RawConfig, err = rawConfig("do-"+c.RegionSlug+"-"+c.Name, found)
	return []kubeConfig{made}, err
}

// rawConfig is a file for kubectl; JSON is YAML.
func rawConfig(name string, found *godo.KubernetesClusterCredentials) (string, error) {
	type object map[string]any
	user := object{"token": found.Token}
	if len(found.ClientKeyData) > 0 {
		user["client-key-data"], user["client-certificate-data"] = found.ClientKeyData, found.ClientCertificateData
	}
	config, err := json.MarshalIndent(object{
		"apiVersion": "v1", "kind": "Config", "current-context": name,
		"clusters": []object{{"name": name, "cluster": object{"server": found.Server, "certificate-authority-data": found.CertificateAuthorityData}}},
		"contexts": []object{{"name": name, "context": object{"cluster": name, "user": name + "-admin"}}},
		"users":    []object{{"name": name + "-admin", "user": user}},
	}, "", "  ")
	return string(config), err
}

// clusterChange sends every field, so that tags can also be removed; the
// client's own request leaves out what is empty.
type clusterChange struct {
	*godo.KubernetesClusterUpdateRequest

	Tags []string `json:"tags"`
}

func updateCluster(ctx context.Context, s *session, id string, there, wanted clusterState) error {
	if !reflect.DeepEqual(there.settings(), wanted.settings()) {
		change := clusterChange{Tags: append([]string{}, wanted.Tags...), KubernetesClusterUpdateRequest: &godo.KubernetesClusterUpdateRequest{
			Name: wanted.Name, HA: &wanted.HA, AutoUpgrade: godo.PtrTo(value(wanted.AutoUpgrade)), SurgeUpgrade: wanted.SurgeUpgrade,
			MaintenancePolicy:                 wanted.maintenance(),
			ControlPlaneFirewall:              wanted.firewall(),
			ClusterAutoscalerConfiguration:    wanted.autoscaler(),
			RoutingAgent:                      routingAgent(wanted.RoutingAgent),
			AmdGpuDevicePlugin:                amdPlugin(wanted.AMDPlugin),
			AmdGpuDeviceMetricsExporterPlugin: amdMetrics(wanted.AMDMetrics),
			NvidiaGpuDevicePlugin:             nvidiaPlugin(wanted.NvidiaPlugin),
			RdmaSharedDevicePlugin:            rdmaPlugin(wanted.RDMAPlugin),
		}}
		if err := s.put(ctx, "v2/kubernetes/clusters/"+id, change); err != nil {
			return err
		}
	}
	if there.NodePool != nil && !reflect.DeepEqual(there.NodePool.shape(), wanted.NodePool.shape()) {
		if err := s.changePool(ctx, id, there.NodePool.ID, wanted.NodePool.shape(), defaultPoolTag); err != nil {
			return err
		}
	}
	if there.Version != wanted.Version {
		if _, err := s.client.Kubernetes.Upgrade(ctx, id, &godo.KubernetesClusterUpgradeRequest{VersionSlug: wanted.Version}); err != nil {
			return fmt.Errorf("upgrade to %s: %w", wanted.Version, err)
		}
	}
	if err := s.awaitCluster(ctx, id); err != nil {
		return err
	}
	if there.RegistryIntegration == wanted.RegistryIntegration {
		return nil
	}
	return s.integrateRegistry(ctx, id, wanted.RegistryIntegration)
}

// settings are what one call changes.
func (c clusterState) settings() clusterState {
	return clusterState{
		Name: c.Name, Tags: c.Tags, HA: c.HA, AutoUpgrade: godo.PtrTo(value(c.AutoUpgrade)), SurgeUpgrade: c.SurgeUpgrade,
		MaintenancePolicy: c.MaintenancePolicy, ControlPlaneFirewall: c.ControlPlaneFirewall, Autoscalers: c.Autoscalers,
		RoutingAgent: c.RoutingAgent, AMDPlugin: c.AMDPlugin, AMDMetrics: c.AMDMetrics, NvidiaPlugin: c.NvidiaPlugin, RDMAPlugin: c.RDMAPlugin,
	}
}

func deleteCluster(ctx context.Context, s *session, id string, there clusterState) error {
	remove := s.client.Kubernetes.Delete
	if there.DestroyAll {
		remove = s.client.Kubernetes.DeleteDangerous
	}
	answer, err := remove(ctx, id)
	if err != nil {
		return unlessGone(answer, err)
	}
	s.tell("waiting for the cluster to go")
	return poll(ctx, "waiting for the cluster to go", func() (bool, error) {
		_, answer, err := s.client.Kubernetes.Get(ctx, id)
		return gone(answer), unlessGone(answer, err)
	})
}

// locateCluster sees to it that one pool is the default one.
func locateCluster(ctx context.Context, s *session, id string) (string, clusterState, error) {
	c, answer, err := s.client.Kubernetes.Get(ctx, id)
	if err != nil {
		return id, clusterState{}, unlessGone(answer, err)
	}
	if defaultPool(c, nil) != nil {
		return id, clusterState{}, nil
	}
	if len(c.NodePools) != 1 {
		return "", clusterState{}, fmt.Errorf("cluster %s has %d node pools: give the one that is to be its default pool the tag %s",
			c.Name, len(c.NodePools), defaultPoolTag)
	}
	p := c.NodePools[0]
	_, _, err = s.client.Kubernetes.UpdateNodePool(ctx, id, p.ID, &godo.KubernetesNodePoolUpdateRequest{
		Name: p.Name, Tags: append(ownTags(p.Tags), defaultPoolTag),
	})
	return id, clusterState{}, err
}
