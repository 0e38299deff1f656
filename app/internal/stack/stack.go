// Package stack runs the application on loopback, outside Kubernetes: the
// services' own binaries, each with a sidecar, on real PostgreSQL, Redis and
// Kafka. Every program can be killed, paused and started again by its name, and
// every network between them cut.
package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
)

// The names of what services need. A service goes by its own name, and its
// sidecar by Sidecar of it.
const (
	PostgreSQL = "postgresql"
	Redis      = "redis"
	Kafka      = "kafka"
)

// Sidecar names a service's sidecar.
func Sidecar(service string) string { return service + "-sidecar" }

// Options say how the stack differs from the usual.
type Options struct {
	// Durable has PostgreSQL write to the disk before it answers, as in
	// production. Without it, what is lost is lost with the machine only.
	Durable bool
	// Complete has what an installation may have besides the services that live
	// by events: the MCP server, the web, a way for e-mails, a language
	// model, and a collector of traces.
	Complete bool
	// Counted has PostgreSQL count its statements (pg_stat_statements).
	Counted bool
	// Direct has services reach everything without the networks that can be cut, whose
	// proxy takes time of its own: Refuse, Silence and Heal are not possible.
	Direct bool
	// Binaries is a folder of services' programs that were built before; empty: they
	// are built. Such programs migrate their own schemas.
	Binaries string
}

// Stack is the application as it runs.
type Stack struct {
	URL   string       // of the API, without /api/v1
	Kafka *admin.Kafka // past the network that can be cut
	// Mailbox is where e-mails arrive; nil unless the stack is complete.
	Mailbox *Mailbox
	// Collector is where the spans of services and sidecars arrive; nil unless the stack is
	// complete.
	Collector *Collector

	t         testing.TB
	options   Options
	dir       string
	parts     parts
	network   *network
	processes map[string]*process
	order     []string   // in which they were started
	naming    sync.Mutex // of ports: processes that start together ask for theirs
	ports     map[string]int
	secrets   map[string]string
}

// parts are programs that come from elsewhere.
type parts struct{ daprd, kafka, java string }

// partsOf reads where the parts are: the Makefile says it.
func partsOf(getenv func(string) string) (parts, error) {
	p := parts{daprd: getenv("DAPRD"), kafka: getenv("KAFKA_JARS"), java: getenv("KAFKA_JAVA_HOME")}
	if p.daprd == "" || p.kafka == "" || p.java == "" {
		return p, errors.New("DAPRD, KAFKA_JARS and KAFKA_JAVA_HOME are not set: run `make test-integration`, which builds these parts and says where they are")
	}
	return p, nil
}

// Start starts the application and stops it when the test ends. When the test
// failed, it shows the end of every log, and keeps the logs.
func Start(t testing.TB, options Options) *Stack {
	t.Helper()
	found, err := partsOf(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	binaries := options.Binaries
	if binaries == "" {
		if binaries, err = built(); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "stack-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL's user comes through
		t.Fatal(err)
	}
	s := &Stack{
		t: t, options: options, dir: dir, parts: found, network: newNetwork(),
		processes: map[string]*process{}, ports: map[string]int{}, secrets: map[string]string{},
	}
	t.Cleanup(s.close)
	began := time.Now()
	if err := s.startAll(t.Context(), binaries); err != nil {
		t.Fatal(err)
	}
	t.Logf("the stack is ready after %s", time.Since(began).Round(time.Millisecond))
	return s
}

// startAll starts everything: what services need side by side, then the
// services, then their sidecars, which await them.
func (s *Stack) startAll(ctx context.Context, binaries string) error {
	for _, one := range []func() error{s.addPostgreSQL, s.addRedis, s.addKafka} {
		if err := one(); err != nil {
			return err
		}
	}
	if err := s.together(s.order, func(name string) error { return s.processes[name].start(ctx) }); err != nil {
		return err
	}
	if err := s.prepareDatabase(ctx); err != nil {
		return err
	}
	if err := s.makeTopics(ctx); err != nil {
		return err
	}
	if s.options.Complete {
		for _, one := range []func() error{s.addMail, s.addCollector} {
			if err := one(); err != nil {
				return err
			}
		}
	}
	var services, sidecars []string
	for _, service := range s.services() {
		if err := s.addService(service, binaries); err != nil {
			return err
		}
		services, sidecars = append(services, service), append(sidecars, Sidecar(service))
	}
	for _, names := range [][]string{services, sidecars} {
		if err := s.together(names, func(name string) error { return s.processes[name].start(ctx) }); err != nil {
			return err
		}
	}
	s.URL = s.Public(event.Backend)
	return nil
}

func (s *Stack) together(names []string, do func(name string) error) error {
	failed := make([]error, len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { failed[i] = do(name) })
	}
	all.Wait()
	return errors.Join(failed...)
}

// close stops everything, the last one first.
func (s *Stack) close() {
	if s.Kafka != nil {
		_ = s.Kafka.Close()
	}
	for _, name := range s.order {
		p := s.processes[name]
		p.mu.Lock()
		lost := p.lost
		p.mu.Unlock()
		if lost != nil {
			s.t.Error(lost)
		}
	}
	failed := s.t.Failed()
	// Sidecars and services first, and all at once: they know how to end alone.
	var services []string
	for _, name := range s.order {
		if name != PostgreSQL && name != Redis && name != Kafka {
			services = append(services, name)
		}
	}
	_ = s.together(services, func(name string) error { s.processes[name].end(syscall.SIGKILL); return nil })
	_ = s.together(s.order, func(name string) error { s.processes[name].end(syscall.SIGKILL); return nil })
	s.network.close()
	if failed {
		s.showLogs()
		return
	}
	_ = os.RemoveAll(s.dir)
}

// tail is how much of each log is shown.
const tail = 30

func (s *Stack) showLogs() {
	for _, name := range s.order {
		raw, _ := os.ReadFile(s.Log(name))
		lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
		s.t.Logf("the end of %s:\n%s", s.Log(name), bytes.Join(lines[max(0, len(lines)-tail):], []byte("\n")))
	}
}

// Log is the file of a program's log.
func (s *Stack) Log(name string) string { return filepath.Join(s.dir, name+".log") }

// services are all services that run here.
func (s *Stack) services() []string {
	if s.options.Complete {
		return append(Services(), event.MCP, event.Web)
	}
	return Services()
}

// Public is where a service answers people.
func (s *Stack) Public(service string) string { return "http://" + s.at(service+" public") }

// SidecarPort is the port of the HTTP API of a service's sidecar.
func (s *Stack) SidecarPort(service string) string {
	return strconv.Itoa(s.port(service + " sidecar http"))
}

// SidecarMetrics is where a service's sidecar shows what it counts; only of a complete stack.
func (s *Stack) SidecarMetrics(service string) string {
	return "http://" + s.at(service+" sidecar metrics") + "/metrics"
}

// Services lists the services that live by events and run: those that publish or consume events
// and have a program.
func Services() []string {
	var services []string
	for _, topic := range event.Catalogue() {
		for _, service := range append(topic.Publishers(), topic.Consumers...) {
			if _, err := os.Stat(filepath.Join(root(), "cmd", service)); err == nil && !slices.Contains(services, service) {
				services = append(services, service)
			}
		}
	}
	return services
}

// root is the folder of the module.
var root = sync.OnceValue(func() string {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		panic(fmt.Sprintf("go env GOMOD: %v", err))
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
})

// built builds the services, once for all tests of a package.
var built = sync.OnceValues(func() (string, error) {
	dir := filepath.Join(root(), "..", "bin", "services")
	build := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "./cmd/...")
	build.Dir = root()
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the services: %w\n%s", err, out)
	}
	return dir, nil
})

// The ports lie below those that the kernel gives to connections, which might
// take one while its program is away.
const (
	firstPort = 20000
	lastPort  = 32000
)

// port is the port of that name, chosen when it is first asked for.
func (s *Stack) port(name string) int {
	s.naming.Lock()
	defer s.naming.Unlock()
	if port, ok := s.ports[name]; ok {
		return port
	}
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		taken := false
		for _, other := range s.ports {
			taken = taken || other == port
		}
		if taken {
			continue
		}
		listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		_ = listener.Close()
		s.ports[name] = port
		return port
	}
	panic("no port is free")
}

// is gives a port that was chosen a name.
func (s *Stack) is(name string, port int) {
	s.naming.Lock()
	defer s.naming.Unlock()
	s.ports[name] = port
}

// at is the address of that name.
func (s *Stack) at(name string) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port(name)))
}

func (s *Stack) add(p *process) {
	p.logFile = s.Log(p.name)
	s.processes[p.name] = p
	s.order = append(s.order, p.name)
}

func (s *Stack) process(name string) *process {
	s.t.Helper()
	p, ok := s.processes[name]
	if !ok {
		s.t.Fatalf("there is no %q: there are %v", name, s.order)
	}
	return p
}

// Run starts a program that was stopped or killed.
func (s *Stack) Run(name string) {
	s.t.Helper()
	if err := s.process(name).start(context.WithoutCancel(s.t.Context())); err != nil {
		s.t.Fatal(err)
	}
}

// Stop asks a program to end, and waits until it has.
func (s *Stack) Stop(name string) { s.process(name).end(syscall.SIGTERM) }

// Kill ends a program at once.
func (s *Stack) Kill(name string) { s.process(name).end(syscall.SIGKILL) }

// Pause stops a program where it is; Resume has it go on.
func (s *Stack) Pause(name string) { s.must(s.process(name).signal(syscall.SIGSTOP)) }

// Resume has a paused program go on.
func (s *Stack) Resume(name string) { s.must(s.process(name).signal(syscall.SIGCONT)) }

// Refuse ends the services' connections to PostgreSQL, Redis or Kafka, and
// lets none be made.
func (s *Stack) Refuse(name string) { s.must(s.network.refuse(name)) }

// Silence lets nothing more through to PostgreSQL, Redis or Kafka; connections
// stay open, and hear nothing.
func (s *Stack) Silence(name string) { s.must(s.network.silence(name)) }

// Heal undoes Refuse and Silence.
func (s *Stack) Heal(name string) {
	s.must(s.network.heal(context.WithoutCancel(s.t.Context()), name))
}

// lead has services reach a program by the network that can be cut, or directly.
// own is the name of the program's port.
func (s *Stack) lead(program, own string) error {
	if s.options.Direct {
		s.is("network to "+program, s.port(own))
		return nil
	}
	return s.network.lead(program, s.at("network to "+program), s.at(own))
}

func (s *Stack) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// answersHTTP is ready for what has an address that says so.
func answersHTTP(url string, want int) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	}
}
