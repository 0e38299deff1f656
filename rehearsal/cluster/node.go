package cluster

import (
	"bytes"
	"context"
	"crypto/x509/pkix"
	"embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"golang.org/x/sys/unix"

	"github.com/wealth-companion/companion/rehearsal/process"
)

// Node is one machine of the cluster: a network namespace with a container
// runtime, a kubelet and a kube-proxy of its own.
type Node struct {
	Name   string
	Index  int // from 0; decides its addresses
	Labels map[string]string
	Taints []string // key=value:Effect
	// DropletID is the id under which DigitalOcean would know the machine.
	DropletID int
	// Offer is what pods may ask of it, of what the machine has.
	Offer Offer
}

// Offer is an amount of CPU and memory.
type Offer struct{ MilliCPU, MemoryMiB int }

// evictionMiB is the memory below which the kubelet evicts pods; it is not offered.
const evictionMiB = 100

// podsPerNode is how many pods a node takes, as at DigitalOcean.
const podsPerNode = 110

// reserved is what the kubelet must keep from pods so that it offers no more than a Droplet
// of the node's size. A machine that has less than the Droplet offers what it has.
func (o Offer) reserved(machine Offer) Offer {
	return Offer{MilliCPU: max(machine.MilliCPU-o.MilliCPU, 100), MemoryMiB: max(machine.MemoryMiB-evictionMiB-o.MemoryMiB, 1)}
}

// machine is what there is of this machine.
func machine() (Offer, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return Offer{}, fmt.Errorf("the machine's memory: %w", err)
	}
	return Offer{MilliCPU: 1000 * runtime.NumCPU(), MemoryMiB: int(info.Totalram * uint64(info.Unit) >> 20)}, nil
}

//go:embed node/*
var nodeFiles embed.FS

var nodeTemplates = template.Must(template.ParseFS(nodeFiles, "node/*"))

// nodeDir is named by the index: a socket's path has room for 104 characters, and a
// node's name may take half of them.
func (c *Cluster) nodeDir(node Node) string {
	return filepath.Join(c.dir, "nodes", strconv.Itoa(node.Index))
}
func (c *Cluster) nodeCgroup(node Node) string { return cgroupRoot + "/" + node.Name }
func (c *Cluster) nodeSocket(node Node) string {
	return filepath.Join(c.nodeDir(node), "containerd.sock")
}
func (c *Cluster) nodeCert(node Node) string    { return "node-" + node.Name }
func (c *Cluster) proxyCert() string            { return "kube-proxy" }
func nodeProcess(program string, n Node) string { return program + "-" + n.Name }

// netnsPrefix marks the rehearsal's network namespaces among the machine's.
const netnsPrefix = "companion-"

func netns(node Node) string { return netnsPrefix + node.Name }

// startNode runs the node's programs; it is Ready some seconds later.
func (c *Cluster) startNode(ctx context.Context, node Node, peers []int) error {
	if err := c.network.NodeUp(ctx, netns(node), node.Index, peers); err != nil {
		return err
	}
	if err := makeCgroup(c.nodeCgroup(node)); err != nil {
		return err
	}
	if err := weighCgroup(cgroupRoot); err != nil {
		return err
	}
	if err := c.nodeIdentity(node); err != nil {
		return err
	}
	files, err := c.writeNodeFiles(node)
	if err != nil {
		return err
	}
	in := func(program, path string, args ...string) process.Spec {
		return process.Spec{Name: nodeProcess(program, node), Path: path, Args: args, Netns: netns(node)}
	}
	labels := make([]string, 0, len(node.Labels))
	for _, key := range slices.Sorted(maps.Keys(node.Labels)) {
		labels = append(labels, key+"="+node.Labels[key])
	}
	kubelet := []string{
		"--config=" + files["kubelet.yaml"],
		"--kubeconfig=" + c.kubeconfig(c.nodeCert(node)),
		"--hostname-override=" + node.Name,
		"--node-ip=" + c.network.Node(node.Index).String(),
		"--root-dir=" + filepath.Join(c.nodeDir(node), "kubelet"),
		// Not the runtime's endpoint, which the file names: cAdvisor, which measures containers, asks
		// containerd itself, at a place that a machine has once. Without it there are figures of pods only.
		"--containerd=" + c.nodeSocket(node),
		"--node-labels=" + strings.Join(labels, ","),
	}
	if len(node.Taints) > 0 {
		kubelet = append(kubelet, "--register-with-taints="+strings.Join(node.Taints, ","))
	}
	for _, spec := range []process.Spec{
		in("containerd", "/usr/bin/containerd", "--config", files["containerd.toml"]),
		in("kubelet", c.binaries["kubelet"], kubelet...),
		in("kube-proxy", c.binaries["kube-proxy"],
			"--config="+files["kube-proxy.yaml"], "--hostname-override="+node.Name),
	} {
		if err := c.processes.Ensure(spec); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) nodeIdentity(node Node) error {
	user := c.nodeCert(node)
	subject := pkix.Name{CommonName: "system:node:" + node.Name, Organization: []string{"system:nodes"}}
	if err := c.pki.leaf(authority, user, subject, c.network.Node(node.Index).String(), node.Name); err != nil {
		return err
	}
	if err := c.pki.leaf(authority, c.proxyCert(), pkix.Name{CommonName: "system:kube-proxy"}); err != nil {
		return err
	}
	if err := c.writeKubeconfig(c.proxyCert()); err != nil {
		return err
	}
	return c.writeKubeconfig(user)
}

// writeNodeFiles renders the node's configuration files and returns where each is.
func (c *Cluster) writeNodeFiles(node Node) (map[string]string, error) {
	dir := c.nodeDir(node)
	has, err := machine()
	if err != nil {
		return nil, err
	}
	values := map[string]any{
		"Reserved":    node.Offer.reserved(has),
		"Eviction":    evictionMiB,
		"MaxPods":     podsPerNode,
		"Dir":         dir,
		"Socket":      c.nodeSocket(node),
		"Pause":       c.pauseImage,
		"PodRange":    c.network.PodRange(node.Index).String(),
		"Pods":        c.network.Pods.String(),
		"ServiceDNS":  c.network.DNS().String(),
		"Address":     c.network.Node(node.Index).String(),
		"Cgroup":      c.nodeCgroup(node),
		"ClientCA":    c.pki.cert(authority),
		"Cert":        c.pki.cert(c.nodeCert(node)),
		"Key":         c.pki.key(c.nodeCert(node)),
		"ProxyConfig": c.kubeconfig(c.proxyCert()),
		"Registry":    c.registry,
		"ProviderID":  fmt.Sprintf("digitalocean://%d", node.DropletID),
	}
	places := map[string]string{
		"containerd.toml": filepath.Join(dir, "containerd.toml"),
		"hosts.toml":      filepath.Join(dir, "registries", "_default", "hosts.toml"),
		"cni.conflist":    filepath.Join(dir, "cni", "10-bridge.conflist"),
		"kubelet.yaml":    filepath.Join(dir, "kubelet.yaml"),
		"kube-proxy.yaml": filepath.Join(dir, "kube-proxy.yaml"),
		"resolv.conf":     filepath.Join(dir, "resolv.conf"),
	}
	for name, place := range places {
		var out bytes.Buffer
		if err := nodeTemplates.ExecuteTemplate(&out, name, values); err != nil {
			return nil, fmt.Errorf("node %s: %w", node.Name, err)
		}
		if err := os.MkdirAll(filepath.Dir(place), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(place, out.Bytes(), 0o644); err != nil {
			return nil, err
		}
	}
	return places, nil
}
