package launcher

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/IBM/sarama"
)

// Listeners that the operator gives every cluster.
const (
	controlPlane = "CONTROLPLANE-9090"
	replication  = "REPLICATION-9091"
)

// certificate finds the files behind the configuration provider's placeholder.
var placeholder = regexp.MustCompile(`^\$\{strimzidir:([^:}]+):([^}]+)\}$`)

// Alive says whether the container still runs Kafka, or still prepares to: a
// broker that recovers its log for long is alive though it answers nothing.
func (l *Launcher) Alive() error {
	command, err := os.ReadFile(filepath.Join(l.Proc, "1", "cmdline"))
	if err != nil {
		return fmt.Errorf("process 1: %w", err)
	}
	for _, sign := range []string{"kafka.Kafka", "kafka-run"} {
		if bytes.Contains(command, []byte(sign)) {
			return nil
		}
	}
	return fmt.Errorf("process 1 is not Kafka but %q", bytes.ReplaceAll(command, []byte{0}, []byte{' '}))
}

// Ready says whether this node takes part: a broker is ready once the quorum has
// unfenced it, which the broker itself then tells; a controller is once it
// answers on the control plane.
func (l *Launcher) Ready(ctx context.Context) error {
	config, err := readProperties(l.finalConfig())
	if err != nil {
		return fmt.Errorf("not started yet: %w", err)
	}
	name := replication
	if !config.hasRole("broker") {
		name = controlPlane
	}
	bound, advertised := config.listener(name)
	if bound == "" {
		return fmt.Errorf("no listener %s in the configuration", name)
	}
	settings, err := l.tls(config, name, advertised)
	if err != nil {
		return err
	}
	address, err := local(bound)
	if err != nil {
		return err
	}
	if name == controlPlane {
		return shakeHands(ctx, address, settings)
	}
	id, err := config.nodeID()
	if err != nil {
		return err
	}
	return l.registered(ctx, address, settings, id)
}

func (l *Launcher) registered(ctx context.Context, address string, settings *tls.Config, id int32) error {
	config := sarama.NewConfig()
	config.Version = sarama.V4_0_0_0
	config.ClientID = "kafka-run"
	config.Net.TLS.Enable = true
	config.Net.TLS.Config = settings
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		config.Net.DialTimeout, config.Net.ReadTimeout, config.Net.WriteTimeout = left, left, left
	}
	broker := sarama.NewBroker(address)
	if err := broker.Open(config); err != nil {
		return fmt.Errorf("connect to %s: %w", address, err)
	}
	defer func() { _ = broker.Close() }()

	request := sarama.NewDescribeClusterRequest(config.Version)
	request.IncludeFencedBrokers = false
	response, err := broker.DescribeCluster(request)
	if err != nil {
		return fmt.Errorf("ask %s for the cluster: %w", address, err)
	}
	if response.Err != sarama.ErrNoError {
		return fmt.Errorf("ask %s for the cluster: %w", address, response.Err)
	}
	for _, member := range response.Brokers {
		if member.BrokerID == id {
			return nil
		}
	}
	return fmt.Errorf("broker %d is not among the cluster's %d brokers yet", id, len(response.Brokers))
}

// tls uses the node's own certificate: it serves as client certificate too.
func (l *Launcher) tls(config properties, listener, advertised string) (*tls.Config, error) {
	prefix := "listener.name." + lower(listener) + ".ssl."
	read := func(key string) ([]byte, error) {
		match := placeholder.FindStringSubmatch(config[prefix+key])
		if match == nil {
			return nil, fmt.Errorf("%s%s does not name a file", prefix, key)
		}
		return os.ReadFile(filepath.Join(match[1], match[2]))
	}
	chain, err := read("keystore.certificate.chain")
	if err != nil {
		return nil, err
	}
	key, err := read("keystore.key")
	if err != nil {
		return nil, err
	}
	authorities, err := read("truststore.certificates")
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("the node's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authorities) {
		return nil, errors.New("no certificate authority in the trust bundle")
	}
	host, _, err := net.SplitHostPort(advertised)
	if err != nil {
		return nil, fmt.Errorf("advertised address of %s: %w", listener, err)
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{certificate},
		RootCAs:      roots,
		ServerName:   host,
	}, nil
}

func shakeHands(ctx context.Context, address string, settings *tls.Config) error {
	connection, err := (&tls.Dialer{Config: settings}).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", address, err)
	}
	return connection.Close()
}

// local turns the address a listener binds into one to dial.
func local(bound string) (string, error) {
	host, port, err := net.SplitHostPort(bound)
	if err != nil {
		return "", fmt.Errorf("listener %q: %w", bound, err)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("listener %q: %w", bound, err)
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

func lower(s string) string { return string(bytes.ToLower([]byte(s))) }
