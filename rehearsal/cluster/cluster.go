// Package cluster is DOKS on one machine: etcd, a control plane, and nodes that
// each have a network namespace, a container runtime, a kubelet and a kube-proxy
// of their own, on a bridge from which nothing leaves.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider/controllers/service"
	"k8s.io/component-base/featuregate"
	controllersmetrics "k8s.io/component-base/metrics/prometheus/controllers"

	"github.com/wealth-companion/companion/rehearsal/netpol"
	"github.com/wealth-companion/companion/rehearsal/process"
)

// cgroupRoot is the control group under which every node has its own.
const cgroupRoot = "/companion-rehearsal"

// Options is what a cluster needs of the machine.
type Options struct {
	StateDir   string            // all of the cluster's files are below it
	Binaries   map[string]string // absolute paths: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy
	Network    Network
	Registry   string // host:port that answers for every image registry
	PauseImage string
	Images     AddonImages
	// Ports maps a load-balanced port to the one on 127.0.0.1.
	Ports     map[int32]int
	Processes *process.Manager
	Log       *slog.Logger
	// LoadBalancer is told of load balancers that come, change and go (nil).
	LoadBalancer func(name string, service *corev1.Service)
	// TokenReview is the URL of the webhook that checks tokens.
	TokenReview string
	// Definitions is the folder of the Gateway API's custom resource definitions.
	Definitions string
}

// Cluster is the one cluster that this machine can hold.
type Cluster struct {
	dir        string
	stateDir   string
	review     string
	crds       string
	binaries   map[string]string
	network    Network
	registry   string
	pauseImage string
	images     AddonImages
	pki        pki
	processes  *process.Manager
	log        *slog.Logger
	balancer   *Balancer

	mu            sync.Mutex
	stopService   context.CancelFunc
	stopEnforcer  context.CancelFunc
	stopSpreading context.CancelFunc
}

// New returns the cluster; nothing runs before Start.
func New(options Options) *Cluster {
	dir := filepath.Join(options.StateDir, "cluster")
	return &Cluster{
		dir: dir, stateDir: options.StateDir,
		binaries: options.Binaries, network: options.Network,
		registry: options.Registry, pauseImage: options.PauseImage, images: options.Images,
		pki:       pki{dir: filepath.Join(dir, "pki")},
		processes: options.Processes, log: options.Log, review: options.TokenReview, crds: options.Definitions,
		balancer: NewBalancer(options.Ports, options.Log, options.LoadBalancer),
	}
}

// volumes is the folder that stands for the nodes' block storage.
func (c *Cluster) volumes() string { return filepath.Join(c.stateDir, "volumes") }

// Access is how one reaches the API server.
type Access struct {
	Server string // https://host:port
	CA     []byte // PEM
}

// Start has the cluster run with these nodes, and returns when the API server
// answers and every node is Ready. It goes on where an earlier call was cut
// off.
func (c *Cluster) Start(ctx context.Context, nodes []Node, seen func(node string, ready bool)) (Access, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, dir := range []string{c.dir, filepath.Join(c.dir, "kubeconfig"), c.volumes()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return Access{}, err
		}
	}
	if err := c.network.Up(ctx); err != nil {
		return Access{}, err
	}
	if err := c.startControlPlane(ctx); err != nil {
		return Access{}, err
	}
	if err := c.startNodes(ctx, nodes); err != nil {
		return Access{}, err
	}
	if err := c.applyAddons(ctx); err != nil {
		return Access{}, err
	}
	if err := c.waitForNodes(ctx, nodeNames(nodes), seen); err != nil {
		return Access{}, err
	}
	if err := c.describeNodes(ctx, nodes); err != nil {
		return Access{}, err
	}
	if err := c.balance(); err != nil {
		return Access{}, err
	}
	if err := c.enforce(); err != nil {
		return Access{}, err
	}
	ca, err := os.ReadFile(c.pki.cert(authority))
	if err != nil {
		return Access{}, err
	}
	return Access{Server: c.apiURL(), CA: ca}, nil
}

// Resize makes the cluster's nodes these: new ones are started, the others
// drained of their pods and removed.
func (c *Cluster) Resize(ctx context.Context, nodes, removed []Node, seen func(node string, ready bool)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.startNodes(ctx, nodes); err != nil {
		return err
	}
	for _, node := range removed {
		if err := c.removeNode(ctx, node); err != nil {
			return err
		}
	}
	if err := c.waitForNodes(ctx, nodeNames(nodes), seen); err != nil {
		return err
	}
	return c.describeNodes(ctx, nodes)
}

// Stop ends everything of the cluster and removes its files. It is no error
// when nothing runs.
func (c *Cluster) Stop(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release()
	return Sweep(ctx, c.stateDir, c.network, c.processes)
}

// Release stops this program's part in the cluster, and leaves it running.
func (c *Cluster) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release()
}

func (c *Cluster) release() {
	if c.stopService != nil {
		c.stopService()
		c.stopService = nil
	}
	if c.stopEnforcer != nil {
		c.stopEnforcer()
		c.stopEnforcer = nil
	}
	if c.stopSpreading != nil {
		c.stopSpreading()
		c.stopSpreading = nil
	}
	c.balancer.Close()
}

func (c *Cluster) startNodes(ctx context.Context, nodes []Node) error {
	peers := make([]int, 0, len(nodes))
	for _, node := range nodes {
		peers = append(peers, node.Index)
	}
	for _, node := range nodes {
		if err := c.startNode(ctx, node, peers); err != nil {
			return fmt.Errorf("node %s: %w", node.Name, err)
		}
	}
	return nil
}

// removalTime is how long a node's pods have to move before it goes all the same.
const removalTime = 5 * time.Minute

// removeNode drains the node, and removes it.
func (c *Cluster) removeNode(ctx context.Context, node Node) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	if err := drain(ctx, api, node.Name, removalTime); err != nil {
		c.log.Warn("node goes with pods on it", "node", node.Name, "error", err)
	}
	_ = api.CoreV1().Nodes().Delete(ctx, node.Name, metav1.DeleteOptions{})
	for _, program := range []string{"kube-proxy", "kubelet", "containerd"} {
		if err := c.processes.Stop(nodeProcess(program, node), 20*time.Second); err != nil {
			return err
		}
	}
	if err := sweepNode(c.nodeDir(node), c.nodeCgroup(node)); err != nil {
		return err
	}
	return c.network.nodeDown(ctx, netns(node))
}

// describeNodes tells the API server what DigitalOcean's controllers would:
// the range of addresses of each node's pods.
func (c *Cluster) describeNodes(ctx context.Context, nodes []Node) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	for _, node := range nodes {
		prefix := c.network.PodRange(node.Index).String()
		patch := fmt.Sprintf(`{"spec":{"podCIDR":%q,"podCIDRs":[%q]}}`, prefix, prefix)
		_, err := api.CoreV1().Nodes().Patch(ctx, node.Name, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
		if err != nil {
			return fmt.Errorf("node %s: %w", node.Name, err)
		}
	}
	return nil
}

// balance runs Kubernetes' service controller over the load balancer.
func (c *Cluster) balance() error {
	if c.stopService != nil {
		return nil
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	factory := informers.NewSharedInformerFactory(api, 0)
	controller, err := service.New(cloud{balancer: c.balancer}, api,
		factory.Core().V1().Services(), factory.Core().V1().Nodes(), "rehearsal", featuregate.NewFeatureGate())
	if err != nil {
		cancel()
		return fmt.Errorf("load balancers: %w", err)
	}
	factory.Start(ctx.Done())
	go controller.Run(ctx, 1, controllersmetrics.NewControllerManagerMetrics("rehearsal"))
	c.stopService = cancel
	return nil
}

// enforce has the nodes enforce network policies.
func (c *Cluster) enforce() error {
	if c.stopEnforcer != nil {
		return nil
	}
	config, err := c.restConfig()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c.stopEnforcer = cancel
	enforcer := netpol.Enforcer{
		PodRange: c.network.Pods, APIServer: c.network.Host(), Log: c.log,
		Apply: func(ctx context.Context, node, script string) error {
			return applyRules(ctx, netns(Node{Name: node}), script)
		},
	}
	go func() {
		if err := enforcer.Run(ctx, config); err != nil {
			c.log.Error("network policies are not enforced", "error", err)
		}
	}()
	return nil
}

// Ready tells which nodes are Ready, for `rehearsal status`.
func (c *Cluster) Ready(ctx context.Context) (ready, total int, err error) {
	api, err := c.client()
	if err != nil {
		return 0, 0, err
	}
	list, err := api.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return 0, 0, err
	}
	for _, node := range list.Items {
		if nodeReady(node) {
			ready++
		}
	}
	return ready, len(list.Items), nil
}

func nodeReady(node corev1.Node) bool {
	for _, condition := range node.Status.Conditions {
		if condition.Type == corev1.NodeReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

func nodeNames(nodes []Node) []string {
	names := make([]string, 0, len(nodes))
	for _, node := range nodes {
		names = append(names, node.Name)
	}
	return names
}

// cloud is a cloud provider that knows load balancers and nothing else.
type cloud struct {
	cloudprovider.Interface
	balancer *Balancer
}

func (c cloud) LoadBalancer() (cloudprovider.LoadBalancer, bool)                  { return c.balancer, true }
func (c cloud) Instances() (cloudprovider.Instances, bool)                        { return nil, false }
func (c cloud) InstancesV2() (cloudprovider.InstancesV2, bool)                    { return nil, false }
func (c cloud) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}
func (c cloud) ProviderName() string                                              { return "digitalocean" }
func (c cloud) HasClusterID() bool                                                { return true }

var errNoStateDir = errors.New("no state folder given: nothing is removed")
