package cluster

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// served has a load balancer of a service with these annotations before a node whose
// pod says what it is sent first, and returns where people reach it.
func served(t *testing.T, annotations map[string]string) (*Balancer, *corev1.Service, string) {
	t.Helper()
	pod, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = pod.Close() })
	go func() {
		for {
			conn, err := pod.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
				line, err := bufio.NewReader(conn).ReadString('\n')
				if err == nil {
					_, _ = io.WriteString(conn, line)
				}
			}()
		}
	}()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "edge", Annotations: annotations},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 443, Protocol: corev1.ProtocolTCP, NodePort: int32(pod.Addr().(*net.TCPAddr).Port)}}},
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().(*net.TCPAddr)
	require.NoError(t, free.Close())
	balancer := NewBalancer(map[int32]int{443: address.Port}, slog.New(slog.DiscardHandler), func(string, *corev1.Service) {})
	t.Cleanup(balancer.Close)
	return balancer, service, address.String()
}

var oneNode = []*corev1.Node{{Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: "127.0.0.1"}}}}}

// first returns what a pod is sent first when a client with that address says hello.
func first(t *testing.T, client, balancer string) string {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(client)}}
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := dialer.Dial("tcp", balancer)
		require.NoError(t, err)
		_, err = io.WriteString(conn, "hello\n")
		require.NoError(t, err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		_ = conn.Close()
		if err == nil {
			return line
		}
		require.True(t, time.Now().Before(deadline), "no target is healthy: %v", err)
	}
}

func TestLoadBalancerIsAProxy(t *testing.T) {
	balancer, service, address := served(t, nil)
	status, err := balancer.EnsureLoadBalancer(t.Context(), "", service, oneNode)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", status.Ingress[0].IP)
	require.Equal(t, "hello\n", first(t, "127.0.0.9", address), "nothing tells of the client")
}

func TestLoadBalancerTellsOfTheClient(t *testing.T) {
	balancer, service, address := served(t, map[string]string{proxyAnnotation: "true", hostnameAnnotation: "app.example.com"})
	status, err := balancer.EnsureLoadBalancer(t.Context(), "", service, oneNode)
	require.NoError(t, err)
	require.Equal(t, []corev1.LoadBalancerIngress{{Hostname: "app.example.com"}}, status.Ingress)
	require.Regexp(t, `^PROXY TCP4 127\.0\.0\.9 127\.0\.0\.1 \d+ \d+\r\n$`, first(t, "127.0.0.9", address))

	service.Annotations[proxyAnnotation] = "yes"
	_, err = balancer.EnsureLoadBalancer(t.Context(), "", service, oneNode)
	require.ErrorContains(t, err, "it must be true or false")
}
