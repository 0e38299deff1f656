// Package admin is the operators' side of Kafka, with Sarama: topics, dead
// letters, and looking at what flows. Services never import it.
package admin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/IBM/sarama"
	"github.com/xdg-go/scram"
	"golang.org/x/net/proxy"
)

// Config says how Kafka is reached.
type Config struct {
	Brokers  []string // host:port
	Username string   // SCRAM-SHA-512 over TLS; empty: neither
	Password string
	CA       []byte // PEM: who signed the brokers' certificates
	// Dialer reaches brokers that this machine cannot name; nil dials them.
	Dialer proxy.Dialer
}

// sarama checks the settings and writes them as Sarama wants them.
func (c Config) sarama() (*sarama.Config, error) {
	if len(c.Brokers) == 0 {
		return nil, errors.New("no broker is named: set KAFKA_BROKERS to host:port, or --kubeconfig")
	}
	config := sarama.NewConfig()
	config.ClientID = "companionctl"
	// What is asked for in the protocol of 3.6 brokers of 4.x still do; with each broker Sarama
	// agrees on what both know.
	config.Version = sarama.V3_6_0_0

	// A broker that died does not answer: without bounds of ours each request to it would wait
	// for half a minute.
	config.Net.DialTimeout = 10 * time.Second
	config.Net.ReadTimeout = 25 * time.Second // longer than a broker works at an administrator's request
	config.Admin.Timeout = 20 * time.Second

	// Writing: every replica in sync has it before it counts, and what is sent again after a lost
	// answer is not there twice. In order, which is why one request is under way at a time.
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Idempotent = true
	config.Net.MaxOpenRequests = 1
	config.Producer.Return.Successes = true // who publishes waits for them
	// A partition whose leader died has another within seconds, and within 15 when the broker
	// died without a word: so long a write is tried again, with pauses that grow.
	config.Producer.Retry.Max = 20
	config.Producer.Retry.BackoffFunc = backOff
	config.Producer.Compression = sarama.CompressionNone // as the services' sidecars write

	// Reading: a reader follows its partition to another leader by itself, and whoever reads has
	// a time limit of their own.
	config.Consumer.Return.Errors = false
	config.Consumer.Retry.Backoff = 500 * time.Millisecond

	// What exists is asked for, never created by asking. One attempt more is enough: Connect
	// tries again for as long as it may, and says why.
	config.Metadata.AllowAutoTopicCreation = false
	config.Metadata.Retry.Max = 1
	if c.Dialer != nil {
		config.Net.Proxy.Enable = true
		config.Net.Proxy.Dialer = c.Dialer
	}
	if c.Username == "" {
		return config, nil
	}
	if c.Password == "" {
		return nil, errors.New("KAFKA_PASSWORD is not set: a user needs one")
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(c.CA) {
		return nil, errors.New("no authority for Kafka's certificates: set KAFKA_CA_FILE to a PEM file (the Secret events-cluster-ca-cert holds it)")
	}
	config.Net.TLS.Enable = true
	config.Net.TLS.Config = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authorities}
	config.Net.SASL.Enable = true
	config.Net.SASL.Mechanism = sarama.SASLTypeSCRAMSHA512
	config.Net.SASL.User, config.Net.SASL.Password = c.Username, c.Password
	config.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &conversation{} }
	return config, nil
}

// backOff is how long to wait before a write is tried again: 28 seconds in all.
func backOff(retries, _ int) time.Duration {
	return min(100*time.Millisecond<<min(retries, 10), 1600*time.Millisecond)
}

// conversation lets Sarama authenticate with scram's client.
type conversation struct{ *scram.ClientConversation }

func (c *conversation) Begin(user, password, authorization string) error {
	client, err := scram.SHA512.NewClient(user, password, authorization)
	if err != nil {
		return err
	}
	c.ClientConversation = client.NewConversation()
	return nil
}

// Kafka is a connection to a cluster.
type Kafka struct {
	client sarama.Client
	admin  sarama.ClusterAdmin
}

// Connect tries until a broker answers or ctx ends. waiting receives why it does
// not yet, at most every five seconds.
func Connect(ctx context.Context, c Config, waiting func(error)) (*Kafka, error) {
	config, err := c.sarama()
	if err != nil {
		return nil, err
	}
	var told time.Time
	for {
		kafka, err := connect(c.Brokers, config)
		if err == nil {
			return kafka, nil
		}
		if errors.Is(err, sarama.ErrSASLAuthenticationFailed) {
			return nil, fmt.Errorf("Kafka refuses the user %q: %w", c.Username, err)
		}
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			waiting(err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("Kafka does not answer at %v: %w", c.Brokers, err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func connect(brokers []string, config *sarama.Config) (*Kafka, error) {
	client, err := sarama.NewClient(brokers, config)
	if err != nil {
		return nil, err
	}
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		_ = client.Close()
		return nil, err
	}
	return &Kafka{client: client, admin: admin}, nil
}

// Close ends the connection.
func (k *Kafka) Close() error { return k.admin.Close() } // the client with it

// Brokers counts the brokers that are there.
func (k *Kafka) Brokers() (int, error) {
	brokers, _, err := k.admin.DescribeCluster()
	return len(brokers), err
}

// AwaitBrokers waits until that many brokers are there: a topic cannot have
// more replicas than that.
func (k *Kafka) AwaitBrokers(ctx context.Context, wanted int, waiting func(error)) error {
	var told time.Time
	for {
		count, err := k.Brokers()
		if err == nil && count >= wanted {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("%d of %d are there", count, wanted)
		}
		if time.Since(told) > 5*time.Second {
			told = time.Now()
			waiting(err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("brokers: %w", err)
		case <-time.After(500 * time.Millisecond):
		}
	}
}
