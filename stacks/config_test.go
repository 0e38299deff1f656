package stacks

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func valid() Config {
	resources := Resources{CPU: "50m", Memory: "64Mi", MemoryLimit: "128Mi"}
	service := Service{Replicas: 1, Resources: resources}
	chart := Chart{Chart: "part", Repo: "https://charts.example.com", Version: "1.2.3"}
	return Config{
		Cluster: Cluster{
			Name: "companion", Region: "fra1", Version: "1.36.2-do.0", NodeSize: "s-4vcpu-8gb", NodeCount: 3,
			VPCRange: "10.110.0.0/20", PodRange: "10.112.0.0/16", ServiceRange: "10.113.0.0/16",
		},
		Domain: "example.com", Registry: Registry{Name: "companion", Tier: "basic"}, Release: "1",
		Charts: Charts{CertManager: chart, Dapr: chart, NginxGatewayFabric: chart, Strimzi: chart},
		Issuer: Issuer{Kind: "ca"},
		Edge:   Edge{Replicas: 1},
		Kafka:  Kafka{Version: "4.3.1", Brokers: 3, Storage: "1Gi", HeapMB: 256, Resources: resources},
		Redis:  Redis{Image: "redis:7", Storage: "1Gi", Resources: resources},
		Services: Services{
			Backend: service, Analytics: service, Banking: service, Investment: service, Notification: service, MCP: service, Sidecar: resources,
		},
	}
}

func TestValidate(t *testing.T) {
	cases := map[string]struct {
		change func(*Config)
		says   []string // one a line; none: it is valid
	}{
		"a whole configuration is valid":   {func(*Config) {}, nil},
		"a floating version is refused":    {func(c *Config) { c.Cluster.Version = "latest" }, []string{"companion:cluster.version"}},
		"a load balancer at another port":  {func(c *Config) { c.Edge.Port = 8443 }, nil},
		"a port that is none":              {func(c *Config) { c.Edge.Port = 70000 }, []string{"companion:edge.port is no port"}},
		"two nodes cannot hold the quorum": {func(c *Config) { c.Cluster.NodeCount = 2 }, []string{"companion:cluster.nodeCount is 2: set it to 3 or more"}},
		"networks that overlap":            {func(c *Config) { c.Cluster.PodRange = "10.110.8.0/21" }, []string{"companion:cluster.podRange"}},
		"a public network":                 {func(c *Config) { c.Cluster.VPCRange = "8.8.8.0/24" }, []string{"companion:cluster.vpcRange"}},
		"ACME needs an address to write to": {
			func(c *Config) { c.Issuer = Issuer{Kind: "acme", Server: "https://acme.example.com"} },
			[]string{"companion:issuer.email is missing"},
		},
		"a chart of no repository":      {func(c *Config) { c.Charts.Dapr.Repo = "" }, []string{"companion:charts.dapr.repo"}},
		"a chart by its oci:// address": {func(c *Config) { c.Charts.Dapr.Repo, c.Charts.Dapr.Chart = "", "oci://ghcr.io/x/y" }, nil},
		"options that are whole": {func(c *Config) {
			c.Mail = &Mail{Host: "smtp.example.com", Port: 587, User: "companion", From: "alerts@example.com"}
			c.Push = &Push{Contact: "mailto:platform@example.com"}
			c.OIDC = &OIDC{Issuer: "https://id.example.com", ClientID: "companion"}
			c.Conversation = &Conversation{Kind: "conversation.openai"}
		}, nil},
		"options that lack something": {
			func(c *Config) {
				c.Mail, c.Conversation = &Mail{Host: "smtp.example.com", User: "u", From: "me"}, &Conversation{Kind: "gpt"}
			},
			[]string{"companion:conversation.kind is \"gpt\"", "companion:mail.from is \"me\"", "companion:mail.port is 0"},
		},
		"every problem is told at once": {
			func(c *Config) { c.Domain, c.Release, c.Kafka.Brokers = "", "no tag", 1 },
			[]string{"companion:domain is missing", "companion:kafka.brokers is 1", "companion:release is \"no tag\""},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			config := valid()
			c.change(&config)
			err := config.Validate()
			if c.says == nil {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, len(c.says))
			for i, line := range lines {
				require.True(t, strings.HasPrefix(line, c.says[i]), line)
			}
		})
	}
}
