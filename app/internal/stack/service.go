package stack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"gopkg.in/yaml.v3"

	"github.com/wealth-companion/companion/app/sidecar"
)

// addService adds a service and its sidecar.
func (s *Stack) addService(name, binaries string) error {
	resources, err := s.writeResources(name)
	if err != nil {
		return err
	}
	public, events, operations := s.at(name+" public"), s.at(name+" events"), s.at(name+" operations")
	environment := append(os.Environ(),
		"SERVICE_NAME="+name,
		"DATABASE_URL="+s.databaseURL(name, databaseName, "network to "+PostgreSQL),
		"PUBSUB_NAME="+sidecar.PubSub(name),
		"STATE_STORE_NAME="+sidecar.StateStore,
		"AUTH_SIGNING_KEY="+s.secret("signing key"),
		"RATE_LIMIT_AUTH=0", "RATE_LIMIT_ACCOUNT=0", "RATE_LIMIT_USER=0", // everybody comes from one address
		"PUBLIC_ADDRESS="+public, "EVENTS_ADDRESS="+events, "OPERATIONS_ADDRESS="+operations,
		fmt.Sprintf("DAPR_GRPC_PORT=%d", s.port(name+" sidecar grpc")),
		fmt.Sprintf("DAPR_HTTP_PORT=%d", s.port(name+" sidecar http")),
	)
	s.add(&process{
		name: name,
		command: func() *exec.Cmd {
			cmd := exec.Command(filepath.Join(binaries, name))
			cmd.Env = environment
			return cmd
		},
		ready: answersHTTP("http://"+operations+"/readyz", http.StatusOK),
	})
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
				"--enable-metrics=false", "--log-as-json",
				"--resources-path", resources, "--config", filepath.Join(resources, "..", "config.yaml"),
			)
			return cmd
		},
		ready: answersHTTP("http://"+s.at(name+" sidecar http")+"/v1.0/healthz", http.StatusNoContent),
	})
	return nil
}

// writeResources writes what a sidecar reads, and returns the folder.
func (s *Stack) writeResources(service string) (string, error) {
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
		sidecar.Redis(s.at("network to " + Redis)),
		sidecar.Kafka(service, s.at("network to "+Kafka), sidecar.Anonymous()),
		sidecar.Resiliency(Services()),
	}, sidecar.Subscriptions(service)...)
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
			"tracing": map[string]any{"samplingRate": "1"},
			// The usual one outside Kubernetes asks the network.
			"nameResolution": map[string]any{"component": "kubernetes"},
		}},
	}.Document())
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, "..", "config.yaml"), config, 0o644)
}
