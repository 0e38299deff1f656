package stack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/sidecar"
)

// addService adds a service and its sidecar.
func (s *Stack) addService(name, binaries string) error {
	resources, err := s.writeResources(name, s.own(name))
	if err != nil {
		return err
	}
	environment := s.environment(name)
	s.add(&process{
		name: name,
		command: func() *exec.Cmd {
			cmd := exec.Command(filepath.Join(binaries, name))
			cmd.Env = environment
			return cmd
		},
		ready: answersHTTP("http://"+s.at(name+" operations")+"/readyz", http.StatusOK),
	})
	s.addSidecar(name, resources)
	return nil
}

// addSidecar adds a sidecar that reads the resources of a folder.
func (s *Stack) addSidecar(name, resources string) {
	environment := s.tokens(name)
	s.add(&process{
		name: Sidecar(name),
		command: func() *exec.Cmd {
			cmd := exec.Command(s.parts.daprd,
				"--mode", "standalone", "--app-id", name, "--app-protocol", "http",
				"--app-channel-address", "127.0.0.1", "--app-port", fmt.Sprint(s.port(name+" events")),
				"--dapr-listen-addresses", "127.0.0.1",
				"--dapr-http-port", fmt.Sprint(s.port(name+" sidecar http")),
				"--dapr-grpc-port", fmt.Sprint(s.port(name+" sidecar grpc")),
				"--dapr-internal-grpc-listen-address", "127.0.0.1",
				"--dapr-internal-grpc-port", fmt.Sprint(s.port(name+" sidecar internal")),
				"--enable-metrics="+strconv.FormatBool(s.options.Complete),
				"--metrics-listen-address", "127.0.0.1", "--metrics-port", fmt.Sprint(s.port(name+" sidecar metrics")), "--log-as-json",
				"--resources-path", resources, "--config", filepath.Join(resources, "..", "config.yaml"),
			)
			cmd.Env = environment
			return cmd
		},
		ready: answersHTTP("http://"+s.at(name+" sidecar http")+"/v1.0/healthz", http.StatusNoContent),
	})
}

// tokens are the environment of this process, and what a service and its sidecar know one
// another by. Programs of an earlier release may not know how to show theirs: nobody asks.
func (s *Stack) tokens(name string) []string {
	if s.options.Binaries != "" {
		return os.Environ()
	}
	return append(os.Environ(), sidecar.APIToken+"="+s.SidecarToken(name), sidecar.AppToken+"="+s.AppToken(name))
}

// SidecarToken is what a service's sidecar asks of whoever calls its API.
func (s *Stack) SidecarToken(service string) string { return s.secret(service + " sidecar token") }

// AppToken is what a service asks of whoever calls its app channel.
func (s *Stack) AppToken(service string) string { return s.secret(service + " app token") }

// As has this process, until the test ends, call the sidecar of a service as the service does.
func (s *Stack) As(t testing.TB, service string) {
	t.Setenv("DAPR_HTTP_PORT", s.SidecarPort(service))
	t.Setenv("DAPR_GRPC_PORT", fmt.Sprint(s.port(service+" sidecar grpc")))
	t.Setenv(sidecar.APIToken, s.SidecarToken(service))
}

// AppChannel is where a service's sidecar calls it: host:port.
func (s *Stack) AppChannel(service string) string { return s.at(service + " events") }

// environment is what a service reads its settings from.
func (s *Stack) environment(name string) []string {
	all := append(append(s.tokens(name), s.traced()...),
		"SERVICE_NAME="+name,
		"PUBLIC_ADDRESS="+s.at(name+" public"), "EVENTS_ADDRESS="+s.at(name+" events"), "OPERATIONS_ADDRESS="+s.at(name+" operations"),
		fmt.Sprintf("DAPR_GRPC_PORT=%d", s.port(name+" sidecar grpc")),
		fmt.Sprintf("DAPR_HTTP_PORT=%d", s.port(name+" sidecar http")),
	)
	switch name {
	case event.MCP:
		return append(all, "CONFIRMATION_KEY="+s.secret("confirmation key"))
	case event.Web:
		return append(all, "SESSION_KEY="+s.secret("session key"))
	}
	all = append(all,
		"DATABASE_URL="+s.databaseURL(name, databaseName, "network to "+PostgreSQL),
		"PUBSUB_NAME="+sidecar.PubSub(name),
		"STATE_STORE_NAME="+sidecar.StateStore,
		"JOURNAL_DIR="+filepath.Join(s.dir, name, "journal"),
		"AUTH_SIGNING_KEY="+s.secret("signing key"),
		"RATE_LIMIT_AUTH=0", "RATE_LIMIT_ACCOUNT=0", "RATE_LIMIT_MAIL=0", "RATE_LIMIT_USER=0", // everybody comes from one address
	)
	switch {
	case !s.options.Complete:
	case name == event.Backend:
		all = append(all, "MAIL_ENABLED=true", "APPLICATION_URL=https://companion.invalid")
	case name == event.Notification:
		all = append(all, "MAIL_HOST=127.0.0.1", fmt.Sprintf("MAIL_PORT=%d", s.port("mail")), "MAIL_TLS=none", "MAIL_FROM=companion@companion.invalid")
	case slices.Contains(observers, name):
		all = append(all, "CONVERSATION_COMPONENT="+Conversation)
	}
	return all
}

// Conversation is Dapr's component of a language model: one that answers with
// what it is given.
const Conversation = "conversation"

// observers are the agents that may have a model phrase what they found.
var observers = []string{event.Analytics, event.Banking, event.Investment}

// own are the components that not every service has.
func (s *Stack) own(service string) []sidecar.Resource {
	if service == event.MCP || service == event.Web {
		return nil
	}
	its := append([]sidecar.Resource{
		sidecar.Redis(s.at("network to "+Redis), sidecar.RedisPassword("redis"), event.Backend),
		sidecar.Kafka(service, s.at("network to "+Kafka), sidecar.Anonymous(), sidecar.TopicsOf(service)),
	}, s.subscriptions(service)...)
	if s.options.Complete && slices.Contains(observers, service) {
		its = append(its, sidecar.Component(Conversation, "conversation.echo", nil, service))
	}
	return its
}

// resolution is where sidecars find one another: the usual ways ask the network.
func (s *Stack) resolution() map[string]any {
	var where strings.Builder
	for _, service := range s.services() {
		fmt.Fprintf(&where, `{{if eq .ID %q}}%s{{end}}`, service, s.at(service+" sidecar internal"))
	}
	return map[string]any{"component": "kubernetes", "configuration": map[string]any{"template": where.String()}}
}

// writeResources writes what a sidecar reads, with components of its own, and returns
// the folder.
func (s *Stack) writeResources(service string, own []sidecar.Resource) (string, error) {
	dir := filepath.Join(s.dir, service, "resources")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	secrets := filepath.Join(s.dir, service, "secrets.json")
	raw, err := json.Marshal(map[string]any{"redis": map[string]string{"password": s.secret(Redis)}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(secrets, raw, 0o600); err != nil {
		return "", err
	}
	resources := append([]sidecar.Resource{
		// Under the name that the cluster's has.
		sidecar.Component(sidecar.SecretStore, "secretstores.local.file", []any{
			sidecar.Entry("secretsFile", secrets), sidecar.Entry("multiValued", "true"),
		}),
		sidecar.Resiliency(s.services()),
	}, own...)
	for i, resource := range resources {
		raw, err := yaml.Marshal(resource.Document())
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d-%s.yaml", i, resource.Name)), raw, 0o644); err != nil {
			return "", err
		}
	}
	config, err := yaml.Marshal(sidecar.Resource{
		APIVersion: "dapr.io/v1alpha1", Kind: "Configuration", Name: "companion",
		Fields: map[string]any{"spec": map[string]any{
			"tracing":        s.sidecarsTracing(),
			"metric":         sidecar.Metrics(),
			"nameResolution": s.resolution(),
		}},
	}.Document())
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "..", "config.yaml"), config, 0o644)
}

// subscriptions are a service's. Programs that were built before take each event alone.
func (s *Stack) subscriptions(service string) []sidecar.Resource {
	if s.options.Binaries == "" {
		return sidecar.Subscriptions(service)
	}
	var all []sidecar.Resource
	for _, topic := range event.ConsumedBy(service) {
		topic.Together = false
		all = append(all, sidecar.Subscription(service, topic))
	}
	return all
}
