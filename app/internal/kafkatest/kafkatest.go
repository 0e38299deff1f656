// Package kafkatest gives tests real Kafka brokers on loopback, which live as long as the test
// that started them. The Makefile says where Kafka's jars and the Java runtime are.
package kafkatest

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Cluster is brokers that know each other. Each is a controller too.
type Cluster struct {
	t       testing.TB
	java    string
	jars    string
	dir     string
	brokers []*broker
}

type broker struct {
	address, config string
	process         *exec.Cmd // nil: it does not run
	log             *os.File
}

// settings are those of a broker that is small and starts at once.
const settings = `
process.roles=broker,controller
node.id=%[1]d
controller.quorum.voters=%[2]s
listeners=CLIENTS://%[3]s,CONTROLLER://%[4]s
advertised.listeners=CLIENTS://%[3]s
listener.security.protocol.map=CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENTS
log.dirs=%[5]s
auto.create.topics.enable=false
offsets.topic.replication.factor=%[6]d
offsets.topic.num.partitions=5
transaction.state.log.replication.factor=%[6]d
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=%[6]d
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
`

const logging = `rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c: %m%n
`

// Start starts that many brokers and stops them when the test ends. It does not wait until
// they answer: whoever connects does. When the test failed, it shows the end of their logs.
func Start(t testing.TB, brokers int) *Cluster {
	t.Helper()
	c := &Cluster{t: t, java: os.Getenv("KAFKA_JAVA_HOME"), jars: os.Getenv("KAFKA_JARS"), dir: t.TempDir()}
	if c.java == "" || c.jars == "" {
		t.Fatal("KAFKA_JARS and KAFKA_JAVA_HOME are not set: run `make test-integration`, which builds these parts and says where they are")
	}
	if err := os.WriteFile(filepath.Join(c.dir, "log4j2.properties"), []byte(logging), 0o600); err != nil {
		t.Fatal(err)
	}
	addresses := free(t, 2*brokers)
	var voters []string
	for n := range brokers {
		voters = append(voters, fmt.Sprintf("%d@%s", n+1, addresses[2*n+1]))
	}
	t.Cleanup(c.stop)
	for n := range brokers {
		b := &broker{address: addresses[2*n], config: filepath.Join(c.dir, fmt.Sprintf("broker-%d.properties", n+1))}
		text := fmt.Sprintf(settings, n+1, strings.Join(voters, ","), b.address, addresses[2*n+1], filepath.Join(c.dir, fmt.Sprintf("data-%d", n+1)), min(3, brokers))
		if err := os.WriteFile(b.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := c.command("kafka.tools.StorageTool", "format", "--cluster-id", "a2Fma2F0ZXN0LWxvb3BiYQ", "--config", b.config).CombinedOutput(); err != nil {
			t.Fatalf("format Kafka's storage: %v: %s", err, out)
		}
		c.brokers = append(c.brokers, b)
	}
	for n := range c.brokers {
		c.Restart(n)
	}
	return c
}

// Addresses lists where the brokers are reached, host:port each.
func (c *Cluster) Addresses() []string {
	var all []string
	for _, b := range c.brokers {
		all = append(all, b.address)
	}
	return all
}

// Kill ends a broker as a lost machine does: it says goodbye to nobody.
func (c *Cluster) Kill(n int) {
	b := c.brokers[n]
	if b.process == nil {
		return
	}
	_ = b.process.Process.Kill()
	_ = b.process.Wait()
	_ = b.log.Close()
	b.process = nil
}

// Restart starts a broker that was killed.
func (c *Cluster) Restart(n int) {
	c.t.Helper()
	b := c.brokers[n]
	var err error
	if b.log, err = os.OpenFile(b.config+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		c.t.Fatal(err)
	}
	b.process = c.command("kafka.Kafka", b.config)
	b.process.Stdout, b.process.Stderr = b.log, b.log
	b.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // nothing outlives the tests
	if err := b.process.Start(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *Cluster) stop() {
	for n, b := range c.brokers {
		c.Kill(n)
		if !c.t.Failed() {
			continue
		}
		said, _ := os.ReadFile(b.config + ".log")
		c.t.Logf("broker %d said last:\n%s", n+1, bytes.TrimSpace(said[max(0, len(said)-2000):]))
	}
}

func (c *Cluster) command(args ...string) *exec.Cmd {
	return exec.Command(filepath.Join(c.java, "bin", "java"), append([]string{
		"-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true",
		"-Dlog4j2.configurationFile=" + filepath.Join(c.dir, "log4j2.properties"), "-Dkafka.logs.dir=" + c.dir,
		"-cp", filepath.Join(c.jars, "*"),
	}, args...)...)
}

// free finds addresses that nobody listens at.
func free(t testing.TB, count int) []string {
	t.Helper()
	var found []string
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = listener.Close() }() // all at once: none may be given twice
		found = append(found, listener.Addr().String())
	}
	return found
}
