package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	cloudprovider "k8s.io/cloud-provider"
)

// Balancer stands for DigitalOcean's load balancers: it listens on loopback and
// hands connections to the nodes that answer their health check. It implements
// the load balancer half of Kubernetes' cloud provider interface, so that
// Kubernetes' own service controller drives it, as it drives DigitalOcean's.
type Balancer struct {
	// HostPort maps a service's port to the port on 127.0.0.1; a port that is
	// not named keeps its number.
	hostPort map[int32]int
	log      *slog.Logger
	// changed is told of every load balancer that is made, changed or removed
	// (nil status: removed).
	changed func(name string, service *corev1.Service)

	mu       sync.Mutex
	services map[string]map[int32]*listener // by load balancer name, then service port
}

// NewBalancer returns a balancer with no listener.
func NewBalancer(hostPort map[int32]int, log *slog.Logger, changed func(name string, service *corev1.Service)) *Balancer {
	return &Balancer{hostPort: hostPort, log: log, changed: changed, services: map[string]map[int32]*listener{}}
}

// Close closes every listener.
func (b *Balancer) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name := range b.services {
		b.remove(name)
	}
}

// GetLoadBalancer returns the status of the service's load balancer.
func (b *Balancer) GetLoadBalancer(_ context.Context, _ string, service *corev1.Service) (*corev1.LoadBalancerStatus, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.services[b.GetLoadBalancerName(context.Background(), "", service)]; !ok {
		return nil, false, nil
	}
	return status(service), true, nil
}

// The annotations of DigitalOcean's controller that are known here.
const (
	nameAnnotation     = "service.beta.kubernetes.io/do-loadbalancer-name"
	proxyAnnotation    = "service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol"
	hostnameAnnotation = "service.beta.kubernetes.io/do-loadbalancer-hostname"
)

// proxyProtocol reports whether targets are told the client's address by the PROXY
// protocol. The load balancer is a proxy: they see its own address otherwise.
func proxyProtocol(service *corev1.Service) (bool, error) {
	given, ok := service.Annotations[proxyAnnotation]
	if !ok {
		return false, nil
	}
	on, err := strconv.ParseBool(given)
	if err != nil {
		return false, fmt.Errorf("annotation %s is %q: it must be true or false", proxyAnnotation, given)
	}
	return on, nil
}

// GetLoadBalancerName names the load balancer as DigitalOcean's controller does.
func (b *Balancer) GetLoadBalancerName(_ context.Context, _ string, service *corev1.Service) string {
	if name := service.Annotations[nameAnnotation]; name != "" {
		return name
	}
	return cloudprovider.DefaultLoadBalancerName(service)
}

// EnsureLoadBalancer listens for every port of the service.
func (b *Balancer) EnsureLoadBalancer(ctx context.Context, _ string, service *corev1.Service, nodes []*corev1.Node) (*corev1.LoadBalancerStatus, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	announce, err := proxyProtocol(service)
	if err != nil {
		return nil, err
	}
	name := b.GetLoadBalancerName(ctx, "", service)
	listeners := b.services[name]
	if listeners == nil {
		listeners = map[int32]*listener{}
		b.services[name] = listeners
	}
	wanted := map[int32]bool{}
	for _, port := range service.Spec.Ports {
		if port.Protocol != corev1.ProtocolTCP {
			return nil, fmt.Errorf("port %d: only TCP is balanced here, not %s", port.Port, port.Protocol)
		}
		wanted[port.Port] = true
		current, ok := listeners[port.Port]
		if !ok {
			host := int(port.Port)
			if mapped, ok := b.hostPort[port.Port]; ok {
				host = mapped
			}
			opened, err := listen(net.JoinHostPort("127.0.0.1", strconv.Itoa(host)), b.log.With("service", service.Namespace+"/"+service.Name))
			if err != nil {
				return nil, fmt.Errorf("load balancer port %d: %w", host, err)
			}
			listeners[port.Port], current = opened, opened
		}
		current.serve(targets(service, port, nodes), announce)
	}
	for port, old := range listeners {
		if !wanted[port] {
			old.close()
			delete(listeners, port)
		}
	}
	b.changed(name, service)
	return status(service), nil
}

// UpdateLoadBalancer tells of other nodes.
func (b *Balancer) UpdateLoadBalancer(ctx context.Context, cluster string, service *corev1.Service, nodes []*corev1.Node) error {
	_, err := b.EnsureLoadBalancer(ctx, cluster, service, nodes)
	return err
}

// EnsureLoadBalancerDeleted closes the service's listeners.
func (b *Balancer) EnsureLoadBalancerDeleted(ctx context.Context, _ string, service *corev1.Service) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	name := b.GetLoadBalancerName(ctx, "", service)
	if _, ok := b.services[name]; ok {
		b.remove(name)
		b.changed(name, nil)
	}
	return nil
}

func (b *Balancer) remove(name string) {
	for _, l := range b.services[name] {
		l.close()
	}
	delete(b.services, name)
}

// status is the load balancer's address: the host name that the annotation gives, else
// its IP address.
func status(service *corev1.Service) *corev1.LoadBalancerStatus {
	if hostname := service.Annotations[hostnameAnnotation]; hostname != "" {
		return &corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{Hostname: hostname}}}
	}
	// Proxy: kube-proxy must not take loopback's traffic inside the nodes.
	proxy := corev1.LoadBalancerIPModeProxy
	return &corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "127.0.0.1", IPMode: &proxy}}}
}

// target is one node's door to the service.
type target struct{ address, health string }

func targets(service *corev1.Service, port corev1.ServicePort, nodes []*corev1.Node) []target {
	var found []target
	for _, node := range nodes {
		for _, address := range node.Status.Addresses {
			if address.Type != corev1.NodeInternalIP {
				continue
			}
			t := target{address: net.JoinHostPort(address.Address, strconv.Itoa(int(port.NodePort)))}
			if check := service.Spec.HealthCheckNodePort; check != 0 {
				t.health = "http://" + net.JoinHostPort(address.Address, strconv.Itoa(int(check))) + "/healthz"
			}
			found = append(found, t)
		}
	}
	return found
}

// listener takes connections for one port and hands each to a healthy target.
type listener struct {
	net.Listener
	log    *slog.Logger
	cancel context.CancelFunc

	mu      sync.Mutex
	proxy   bool // targets are sent a PROXY header
	targets []target
	healthy map[string]bool
	next    int
	kick    chan struct{}
}

func listen(address string, log *slog.Logger) (*listener, error) {
	opened, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &listener{Listener: opened, log: log.With("address", address), cancel: cancel, kick: make(chan struct{}, 1)}
	go l.check(ctx)
	go l.accept()
	return l, nil
}

func (l *listener) close() {
	l.cancel()
	_ = l.Close()
}

func (l *listener) serve(targets []target, proxy bool) {
	l.mu.Lock()
	same := slices.Equal(l.targets, targets)
	l.targets, l.proxy = targets, proxy
	l.mu.Unlock()
	if same {
		return
	}
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// check asks every target once a second whether it takes connections.
func (l *listener) check(ctx context.Context) {
	client := &http.Client{Timeout: 2 * time.Second}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		l.mu.Lock()
		list := slices.Clone(l.targets)
		l.mu.Unlock()
		healthy := map[string]bool{}
		for _, t := range list {
			if answers(ctx, client, t) {
				healthy[t.address] = true
			}
		}
		l.mu.Lock()
		if !maps.Equal(l.healthy, healthy) {
			l.log.Info("load balancer targets", "healthy", slices.Sorted(maps.Keys(healthy)))
		}
		l.healthy = healthy
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-l.kick:
		}
	}
}

func answers(ctx context.Context, client *http.Client, t target) bool {
	if t.health == "" {
		conn, err := net.DialTimeout("tcp", t.address, time.Second)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.health, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func (l *listener) accept() {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			l.log.Warn("load balancer cannot accept", "error", err)
			time.Sleep(50 * time.Millisecond) // out of file descriptors, most likely
			continue
		}
		go l.forward(conn)
	}
}

// candidates are the healthy targets, starting with the next one in turn, and whether
// they are sent a PROXY header.
func (l *listener) candidates() (list []target, proxy bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.targets {
		t := l.targets[(l.next+i)%len(l.targets)]
		if l.healthy[t.address] {
			list = append(list, t)
		}
	}
	l.next++
	return list, l.proxy
}

func (l *listener) forward(down net.Conn) {
	defer func() { _ = down.Close() }()
	targets, proxy := l.candidates()
	for _, t := range targets {
		up, err := net.DialTimeout("tcp", t.address, 2*time.Second)
		if err != nil {
			l.log.Warn("load balancer target does not answer", "target", t.address, "error", err)
			continue
		}
		if proxy {
			if _, err := io.WriteString(up, proxyHeader(down.RemoteAddr(), down.LocalAddr())); err != nil {
				_ = up.Close()
				continue
			}
		}
		splice(down, up)
		return
	}
}

// proxyHeader is version 1 of the PROXY protocol, which DigitalOcean's load balancers send.
func proxyHeader(client, own net.Addr) string {
	from, fromErr := netip.ParseAddrPort(client.String())
	to, toErr := netip.ParseAddrPort(own.String())
	if errors.Join(fromErr, toErr) != nil {
		return "PROXY UNKNOWN\r\n"
	}
	family := "TCP4"
	if from.Addr().Unmap().Is6() {
		family = "TCP6"
	}
	return fmt.Sprintf("PROXY %s %s %s %d %d\r\n", family, from.Addr().Unmap(), to.Addr().Unmap(), from.Port(), to.Port())
}

// splice copies both ways until both sides have said their last.
func splice(a, b net.Conn) {
	var both sync.WaitGroup
	half := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		if closer, ok := to.(interface{ CloseWrite() error }); ok {
			_ = closer.CloseWrite()
		}
	}
	both.Go(func() { half(a, b) })
	both.Go(func() { half(b, a) })
	both.Wait()
	_ = b.Close()
}
