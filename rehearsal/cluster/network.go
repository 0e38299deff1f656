package cluster

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Network is where a cluster lives: a bridge on this machine that stands for
// the VPC, with nothing beyond it.
type Network struct {
	Bridge   string       // name of the bridge interface
	VPC      netip.Prefix // the nodes' addresses; its first is the host's
	Pods     netip.Prefix // one /24 a node
	Services netip.Prefix // cluster addresses
}

const (
	// table is the nftables table that keeps traffic in.
	table = "companion_rehearsal"
	// apiTable is the one that guards the API server.
	apiTable = "companion_rehearsal_api"
)

// Host is the machine's own address on the bridge.
func (n Network) Host() netip.Addr { return n.VPC.Masked().Addr().Next() }

// Node is the address of the node with that index, from 0: .11 and up.
func (n Network) Node(index int) netip.Addr {
	base := n.VPC.Masked().Addr().As4()
	base[3] += byte(11 + index)
	return netip.AddrFrom4(base)
}

// PodRange is the /24 of the node with that index.
func (n Network) PodRange(index int) netip.Prefix {
	base := n.Pods.Masked().Addr().As4()
	base[2] += byte(1 + index)
	return netip.PrefixFrom(netip.AddrFrom4(base), 24)
}

// DNS is the address of the cluster's name server.
func (n Network) DNS() netip.Addr { return nth(n.Services, 10) }

// API is the address under which pods see the API server.
func (n Network) API() netip.Addr { return nth(n.Services, 1) }

func nth(p netip.Prefix, i byte) netip.Addr {
	base := p.Masked().Addr().As4()
	base[3] += i
	return netip.AddrFrom4(base)
}

// rules drop whatever the bridge would forward anywhere but to itself, and what
// anything else would forward to it: with net.ipv4.ip_forward set for another
// reason (a container engine), the machine would be a router.
func (n Network) rules() string {
	return fmt.Sprintf(`table inet %[1]s
delete table inet %[1]s
table inet %[1]s {
	chain forward {
		type filter hook forward priority -10; policy accept;
		iifname %[2]q oifname != %[2]q drop
		oifname %[2]q iifname != %[2]q drop
	}
}
`, table, n.Bridge)
}

// apiRules refuse connections to the API server that come neither from the cluster's own
// networks nor from one of the ranges; with nil, every one is let in. As at DigitalOcean,
// nodes and pods are let in without being named. The machine itself is one of the VPC.
func (n Network) apiRules(ranges []netip.Prefix) string {
	emptied := fmt.Sprintf("table inet %[1]s\ndelete table inet %[1]s\n", apiTable)
	if ranges == nil {
		return emptied
	}
	allowed := []string{n.VPC.String(), n.Pods.String()}
	for _, prefix := range ranges {
		if prefix.Addr().Is4() { // the API server has no other address
			allowed = append(allowed, prefix.String())
		}
	}
	return emptied + fmt.Sprintf(`table inet %s {
	set allowed {
		type ipv4_addr; flags interval; auto-merge
		elements = { %s }
	}
	chain input {
		type filter hook input priority -10; policy accept;
		ip daddr %s tcp dport %s ip saddr != @allowed reject with tcp reset
	}
}
`, apiTable, strings.Join(allowed, ", "), n.Host(), apiPort)
}

// guardAPI is the cluster's control plane firewall.
func (n Network) guardAPI(ctx context.Context, ranges []netip.Prefix) error {
	nft := exec.CommandContext(ctx, "nft", "-f", "-")
	nft.Stdin = strings.NewReader(n.apiRules(ranges))
	return quiet(nft)
}

// Up makes the bridge. What leaves is dropped before the first address is
// given, so no packet of a cluster ever leaves the machine.
func (n Network) Up(ctx context.Context) error {
	nft := exec.CommandContext(ctx, "nft", "-f", "-")
	nft.Stdin = strings.NewReader(n.rules())
	if err := quiet(nft); err != nil {
		return err
	}
	for _, blackhole := range []netip.Prefix{n.Pods, n.Services} {
		if err := ip(ctx, "route", "replace", "blackhole", blackhole.String()); err != nil {
			return err
		}
	}
	if !linkExists(n.Bridge) {
		if err := ip(ctx, "link", "add", n.Bridge, "type", "bridge"); err != nil {
			return err
		}
	}
	host := netip.PrefixFrom(n.Host(), n.VPC.Bits()).String()
	if err := ip(ctx, "addr", "replace", host, "dev", n.Bridge); err != nil {
		return err
	}
	return ip(ctx, "link", "set", n.Bridge, "up")
}

// NodeUp makes the network namespace of a node and ties it to the bridge.
func (n Network) NodeUp(ctx context.Context, netns string, index int, peers []int) error {
	if _, err := os.Stat("/run/netns/" + netns); err != nil {
		if err := ip(ctx, "netns", "add", netns); err != nil {
			return err
		}
	}
	port := fmt.Sprintf("%s-%d", n.Bridge, index)
	if !linkExists(port) {
		if err := ip(ctx, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", netns); err != nil {
			return err
		}
	}
	in := func(args ...string) error { return ip(ctx, append([]string{"-n", netns}, args...)...) }
	steps := []func() error{
		func() error { return ip(ctx, "link", "set", port, "master", n.Bridge, "up") },
		func() error { return in("link", "set", "lo", "up") },
		func() error {
			return in("addr", "replace", netip.PrefixFrom(n.Node(index), n.VPC.Bits()).String(), "dev", "eth0")
		},
		func() error { return in("link", "set", "eth0", "up") },
		// Cluster addresses are translated on their way out, but only what has a
		// route goes out at all. There is no default route: beyond is nothing.
		func() error { return in("route", "replace", n.Services.String(), "via", n.Host().String()) },
		func() error {
			return quiet(exec.CommandContext(ctx, "nsenter", "--net=/run/netns/"+netns, "sysctl", "-qw", "net.ipv4.ip_forward=1"))
		},
		// The API server reaches webhooks in pods from the host.
		func() error {
			return ip(ctx, "route", "replace", n.PodRange(index).String(), "via", n.Node(index).String())
		},
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	for _, peer := range peers {
		if peer == index {
			continue
		}
		if err := in("route", "replace", n.PodRange(peer).String(), "via", n.Node(peer).String()); err != nil {
			return err
		}
	}
	return nil
}

// nodeDown removes a node's namespace; its link and its route go with it.
func (n Network) nodeDown(ctx context.Context, netns string) error {
	if _, err := os.Stat("/run/netns/" + netns); err != nil {
		return nil
	}
	return ip(ctx, "netns", "del", netns)
}

// Down removes what Up made. It is no error when nothing is there.
func (n Network) Down(ctx context.Context) error {
	namespaces, err := filepath.Glob("/run/netns/" + netnsPrefix + "*")
	if err != nil {
		return err
	}
	for _, namespace := range namespaces {
		if err := n.nodeDown(ctx, filepath.Base(namespace)); err != nil {
			return err
		}
	}
	if linkExists(n.Bridge) {
		if err := ip(ctx, "link", "del", n.Bridge); err != nil {
			return err
		}
	}
	for _, blackhole := range []netip.Prefix{n.Pods, n.Services} {
		_ = ip(ctx, "route", "del", "blackhole", blackhole.String())
	}
	for _, name := range []string{table, apiTable} {
		_ = quiet(exec.CommandContext(ctx, "nft", "delete", "table", "inet", name))
	}
	return nil
}

func linkExists(name string) bool {
	_, err := os.Stat("/sys/class/net/" + name)
	return err == nil
}

func ip(ctx context.Context, args ...string) error {
	return quiet(exec.CommandContext(ctx, "ip", args...))
}

// applyRules runs an nftables script in a network namespace.
func applyRules(ctx context.Context, netns, script string) error {
	cmd := exec.CommandContext(ctx, "nsenter", "--net=/run/netns/"+netns, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	return quiet(cmd)
}

// quiet runs a command whose output matters only when it fails.
func quiet(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, bytes.TrimSpace(out.Bytes()))
	}
	return nil
}
