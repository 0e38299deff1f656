package kube

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// PrometheusLabels are those of Prometheus' pods, as its operator sets them.
func PrometheusLabels() pulumi.StringMap {
	return pulumi.StringMap{"app.kubernetes.io/name": pulumi.String("prometheus")}
}

// Metrics lets Prometheus read metrics at the ports, and nobody else.
func Metrics(ports ...int) Allow {
	return Allow{Name: "metrics", Peers: []Peer{{Namespace: pulumi.String(MetricsNamespace), Labels: PrometheusLabels()}}, Ports: ports}
}

// Scrape is where pods have metrics: what a layer says of its own pods, of which the monitor
// and the way out to them are made.
type Scrape struct {
	Name      string // says whose they are
	Namespace pulumi.StringInput
	Pods      pulumi.StringMap // the labels of the pods
	// JobLabel is the label of the pods whose value is the label job of what is read.
	JobLabel  string
	Endpoints []Endpoint
}

// Endpoint is a port with metrics. Pods without a port of that name have none.
type Endpoint struct {
	Name string // the container port's
	Port int    // its number
	Path string // default /metrics
}

// Ports are the numbers of the endpoints' ports.
func (s Scrape) Ports() []int {
	ports := make([]int, 0, len(s.Endpoints))
	for _, endpoint := range s.Endpoints {
		ports = append(ports, endpoint.Port)
	}
	return ports
}
