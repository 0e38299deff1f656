// Package cluster reaches what runs inside the cluster from an operator's
// machine: Secrets by the API server, and pods by its port forwarding.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// Cluster is a cluster that a kubeconfig leads to.
type Cluster struct {
	config *rest.Config
	client kubernetes.Interface

	mu       sync.Mutex
	forwards map[string]*forward // by namespace/pod:port
}

type forward struct {
	stop  chan struct{}
	ended chan struct{} // closed when it no longer forwards
	local string        // host:port
}

// Open reads the kubeconfig, or in a pod, when it is empty, the account of the pod; it does
// not connect yet.
func Open(kubeconfig string) (*Cluster, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
	}
	config.Timeout = 20 * time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
	}
	return &Cluster{config: config, client: client, forwards: map[string]*forward{}}, nil
}

// Client asks the API server.
func (c *Cluster) Client() kubernetes.Interface { return c.client }

// Secret returns one value of a Secret.
func (c *Cluster) Secret(ctx context.Context, namespace, name, key string) ([]byte, error) {
	secret, err := c.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("secret %s/%s: %w", namespace, name, err)
	}
	value, found := secret.Data[key]
	if !found {
		return nil, fmt.Errorf("secret %s/%s has no key %q", namespace, name, key)
	}
	return value, nil
}

// ConfigMaps returns the files of all ConfigMaps with a label in a namespace, by their names.
func (c *Cluster) ConfigMaps(ctx context.Context, namespace, label string) (map[string]string, error) {
	list, err := c.client.CoreV1().ConfigMaps(namespace).List(ctx, metav1.ListOptions{LabelSelector: label})
	if err != nil {
		return nil, fmt.Errorf("ConfigMaps of %s with %s: %w", namespace, label, err)
	}
	files := map[string]string{}
	for _, one := range list.Items {
		maps.Copy(files, one.Data)
	}
	return files, nil
}

// Dial connects to an address that only the cluster can name: of a pod behind a
// headless Service (pod.service.namespace.svc...) or of a Service
// (service.namespace.svc...). It has the shape that Sarama's dialer wants.
func (c *Cluster) Dial(network, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	namespace, pod, err := c.pod(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	local, err := c.forward(namespace, pod, port)
	if err != nil {
		return nil, fmt.Errorf("forward to %s: %w", address, err)
	}
	return (&net.Dialer{}).DialContext(ctx, network, local)
}

// pod finds the pod that a name within the cluster leads to.
func (c *Cluster) pod(ctx context.Context, host string) (namespace, pod string, err error) {
	labels := strings.Split(host, ".")
	switch {
	case len(labels) >= 4 && labels[3] == "svc":
		return labels[2], labels[0], nil
	case len(labels) >= 3 && labels[2] == "svc":
		namespace, pod, err := labels[1], "", error(nil)
		slices, err := c.client.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=" + labels[0]})
		if err != nil {
			return "", "", err
		}
		for _, slice := range slices.Items {
			for _, endpoint := range slice.Endpoints {
				ready := endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready
				if ready && endpoint.TargetRef != nil && endpoint.TargetRef.Kind == "Pod" {
					pod = endpoint.TargetRef.Name
				}
			}
		}
		if pod == "" {
			return "", "", errors.New("no pod behind this Service is ready")
		}
		return namespace, pod, nil
	default:
		return "", "", errors.New("not a name within the cluster (service.namespace.svc)")
	}
}

// forward returns the local end of a forwarding, made when there is none.
func (c *Cluster) forward(namespace, pod, port string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := namespace + "/" + pod + ":" + port
	if f := c.forwards[key]; f != nil {
		select {
		case <-f.ended: // the pod went away; it may be back
		default:
			return f.local, nil
		}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("port %q: %w", port, err)
	}
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return "", err
	}
	url := c.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	f := &forward{stop: make(chan struct{}), ended: make(chan struct{})}
	ready := make(chan struct{})
	forwarder, err := portforward.NewOnAddresses(
		spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url),
		[]string{"127.0.0.1"}, []string{"0:" + port}, f.stop, ready, io.Discard, io.Discard)
	if err != nil {
		return "", err
	}
	failed := make(chan error, 1)
	go func() {
		defer close(f.ended)
		failed <- forwarder.ForwardPorts()
	}()
	select {
	case <-ready:
	case err := <-failed:
		return "", err
	case <-time.After(15 * time.Second):
		close(f.stop)
		return "", errors.New("the API server does not open the connection")
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		close(f.stop)
		return "", err
	}
	f.local = net.JoinHostPort("127.0.0.1", strconv.Itoa(int(ports[0].Local)))
	c.forwards[key] = f
	return f.local, nil
}

// Close ends every forwarding.
func (c *Cluster) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, f := range c.forwards {
		close(f.stop)
		<-f.ended
		delete(c.forwards, key)
	}
}
