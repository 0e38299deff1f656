// Package stacks says what may differ between stacks: the typed configuration
// that a stack's file holds, and the outputs that every stack gives.
package stacks

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// Config is a stack's configuration, under the namespace `companion:` in
// Pulumi.<stack>.yaml. Secrets are not in it: they are Secrets.
type Config struct {
	Cluster  Cluster  `json:"cluster"`
	Domain   string   `json:"domain"`   // the application is at app.<domain>
	Registry Registry `json:"registry"` // where the services' images are pulled from
	Release  string   `json:"release"`  // the tag of the services' images
	Charts   Charts   `json:"charts"`
	Issuer   Issuer   `json:"issuer"`
	Edge     Edge     `json:"edge"`
	Dapr     Dapr     `json:"dapr"`
	Kafka    Kafka    `json:"kafka"`
	Redis    Redis    `json:"redis"`
	Services Services `json:"services"`

	// What an installation may do without.
	Mail         *Mail         `json:"mail"`         // alerts by e-mail
	Push         *Push         `json:"push"`         // alerts by web push
	OIDC         *OIDC         `json:"oidc"`         // log-in with another's account
	Conversation *Conversation `json:"conversation"` // a language model that phrases insights
}

// Mail is the server that e-mails are given to. Its password is the secret
// companion:mailPassword.
type Mail struct {
	Host string `json:"host"`
	Port int    `json:"port"`
	User string `json:"user"`
	From string `json:"from"`
}

// Push has alerts go to browsers. They know by a key of the application's that a
// message is ours (VAPID, RFC 8292): it is the secret companion:pushPrivateKey.
type Push struct {
	Contact string `json:"contact"` // whom a push service may write to: mailto: or https:
}

// OIDC is an identity provider. The client's secret is companion:oidcClientSecret.
type OIDC struct {
	Issuer   string `json:"issuer"`
	ClientID string `json:"clientId"`
}

// Conversation is Dapr's component for a language model. Its key, where it has
// one, is the secret companion:conversationKey.
type Conversation struct {
	Kind     string            `json:"kind"`     // conversation.openai, conversation.anthropic, ...
	Metadata map[string]string `json:"metadata"` // the component's, without the key
}

// Cluster is the DOKS cluster and its network.
type Cluster struct {
	Name         string `json:"name"`
	Region       string `json:"region"`  // DigitalOcean's slug, fra1
	Version      string `json:"version"` // the exact slug, 1.36.2-do.0: `latest` would replace the cluster
	HA           bool   `json:"ha"`      // a control plane of several machines
	NodeSize     string `json:"nodeSize"`
	NodeCount    int    `json:"nodeCount"` // at least 3: one a Kafka broker
	VPCRange     string `json:"vpcRange"`
	PodRange     string `json:"podRange"`
	ServiceRange string `json:"serviceRange"`
}

// Registry is DigitalOcean's container registry.
type Registry struct {
	Name string `json:"name"`
	Tier string `json:"tier"` // starter, basic, professional
}

// Chart is a Helm chart and where it is pulled from.
type Chart struct {
	Chart   string         `json:"chart"`          // its name, or an oci:// address
	Repo    string         `json:"repo,omitempty"` // of an HTTP repository
	Version string         `json:"version"`
	Values  map[string]any `json:"values,omitempty"` // over the program's own values
}

// Charts are the third parties' charts.
type Charts struct {
	CertManager        Chart `json:"certManager"`
	Dapr               Chart `json:"dapr"`
	NginxGatewayFabric Chart `json:"nginxGatewayFabric"`
	Strimzi            Chart `json:"strimzi"`
}

// Issuer signs the edge's certificate.
type Issuer struct {
	Kind   string `json:"kind"`             // acme, or ca: an authority of the stack's own
	Email  string `json:"email,omitempty"`  // acme: who is notified of problems
	Server string `json:"server,omitempty"` // acme: the directory's address
}

// Edge is NGINX.
type Edge struct {
	Replicas int `json:"replicas"`
	Port     int `json:"port"` // where people reach the load balancer; 443 when left out
}

// Dapr is the control plane.
type Dapr struct {
	HA bool `json:"ha"`
}

// Kafka is the cluster of brokers.
type Kafka struct {
	Version     string            `json:"version"`
	Brokers     int               `json:"brokers"`
	Storage     string            `json:"storage"` // of each broker, as Kubernetes writes quantities
	Resources   Resources         `json:"resources"`
	HeapMB      int               `json:"heapMB"`
	JavaOptions map[string]string `json:"javaOptions,omitempty"` // -XX options, name to value
	Config      map[string]string `json:"config,omitempty"`      // over the program's own broker settings
}

// Redis is the state store.
type Redis struct {
	Image     string    `json:"image"`
	Storage   string    `json:"storage"`
	Resources Resources `json:"resources"`
}

// Resources are what a container asks for and may take, as Kubernetes writes
// quantities.
type Resources struct {
	CPU         string `json:"cpu"`
	Memory      string `json:"memory"`
	MemoryLimit string `json:"memoryLimit"`
}

// Service is how one of the services is sized.
type Service struct {
	Replicas  int       `json:"replicas"`
	Resources Resources `json:"resources"`
}

// Services are the application's. Sidecar is what Dapr's sidecar of each gets.
type Services struct {
	Backend      Service   `json:"backend"`
	Analytics    Service   `json:"analytics"`
	Banking      Service   `json:"banking"`
	Investment   Service   `json:"investment"`
	Notification Service   `json:"notification"`
	MCP          Service   `json:"mcp"`
	Sidecar      Resources `json:"sidecar"`
}

// ByName are the services by the names that they have everywhere.
func (s Services) ByName() map[string]Service {
	return map[string]Service{
		"backend": s.Backend, "analytics": s.Analytics, "banking": s.Banking, "investment": s.Investment,
		"notification": s.Notification, "mcp": s.MCP,
	}
}

// DatabaseServices are the services that have a schema and a role in PostgreSQL.
var DatabaseServices = []string{"backend", "analytics", "banking", "investment", "notification"}

// SecretKeys are the configuration keys that hold secrets, each with the
// command that sets it.
var SecretKeys = secretKeys()

func secretKeys() map[string]string {
	keys := map[string]string{
		"migrationUrl": `pulumi config set --secret companion:migrationUrl postgres://migrator:...`,

		"redisPassword":  `pulumi config set --secret companion:redisPassword "$(openssl rand -hex 24)"`,
		"kafkaSeed":      `pulumi config set --secret companion:kafkaSeed "$(openssl rand -hex 32)"`,
		"authSigningKey": `pulumi config set --secret companion:authSigningKey "$(openssl rand -hex 32)"`,

		"mailPassword":     `pulumi config set --secret companion:mailPassword`,
		"pushPrivateKey":   `openssl ecparam -name prime256v1 -genkey -noout -outform DER | tail -c +8 | head -c 32 | basenc --base64url | tr -d = | pulumi config set --secret companion:pushPrivateKey`,
		"oidcClientSecret": `pulumi config set --secret companion:oidcClientSecret`,
		"conversationKey":  `pulumi config set --secret companion:conversationKey`,
	}
	for _, service := range DatabaseServices {
		keys["databaseUrls."+service] = fmt.Sprintf(`pulumi config set --secret --path 'companion:databaseUrls.%s' postgres://...`, service)
	}
	return keys
}

var (
	slug    = regexp.MustCompile(`^\d+\.\d+\.\d+-do\.\d+$`)
	name    = regexp.MustCompile(`^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$`)
	domain  = regexp.MustCompile(`^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z]{2,}$`)
	amount  = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|Ki|Mi|Gi|Ti)?$`)
	version = regexp.MustCompile(`^v?\d+\.\d+\.\d+$`)
	tag     = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$`)
)

// Validate returns every problem at once, each with its key and what to do.
func (c Config) Validate() error {
	p := &problems{}
	p.match("cluster.name", c.Cluster.Name, name, "a name of small letters, digits and dashes")
	p.match("cluster.region", c.Cluster.Region, regexp.MustCompile(`^[a-z]{3}\d$`), "a region such as fra1")
	p.match("cluster.version", c.Cluster.Version, slug, "an exact version such as 1.36.2-do.0 (`doctl kubernetes options versions` lists them)")
	p.filled("cluster.nodeSize", c.Cluster.NodeSize, "a size such as s-4vcpu-8gb")
	p.atLeast("cluster.nodeCount", c.Cluster.NodeCount, 3)
	p.ranges(c.Cluster)
	p.match("domain", c.Domain, domain, "a domain that DigitalOcean serves, such as example.com")
	p.match("registry.name", c.Registry.Name, name, "a name of small letters, digits and dashes")
	p.oneOf("registry.tier", c.Registry.Tier, "starter", "basic", "professional")
	p.match("release", c.Release, tag, "the tag of the services' images")
	for key, chart := range map[string]Chart{
		"charts.certManager": c.Charts.CertManager, "charts.dapr": c.Charts.Dapr,
		"charts.nginxGatewayFabric": c.Charts.NginxGatewayFabric, "charts.strimzi": c.Charts.Strimzi,
	} {
		p.filled(key+".chart", chart.Chart, "the chart's name, or its oci:// address")
		p.match(key+".version", chart.Version, version, "an exact version such as 1.2.3")
		if chart.Repo == "" && chart.Chart != "" && !strings.HasPrefix(chart.Chart, "oci://") {
			p.add(key+".repo", "is missing: the address of the chart's repository")
		}
	}
	p.oneOf("issuer.kind", c.Issuer.Kind, "acme", "ca")
	if c.Issuer.Kind == "acme" {
		p.match("issuer.email", c.Issuer.Email, regexp.MustCompile(`^[^@\s]+@[^@\s]+$`), "the address that the authority writes to")
		p.match("issuer.server", c.Issuer.Server, regexp.MustCompile(`^https://`), "the https:// address of the ACME directory")
	}
	p.atLeast("edge.replicas", c.Edge.Replicas, 1)
	if port := c.Edge.Port; port < 0 || port > 65535 {
		p.add("edge.port", "is no port: leave it out for 443")
	}
	p.match("kafka.version", c.Kafka.Version, version, "a version that the operator runs, such as 4.3.1")
	p.atLeast("kafka.brokers", c.Kafka.Brokers, 3)
	p.match("kafka.storage", c.Kafka.Storage, amount, "a quantity such as 20Gi")
	p.atLeast("kafka.heapMB", c.Kafka.HeapMB, 128)
	p.resources("kafka.resources", c.Kafka.Resources)
	p.filled("redis.image", c.Redis.Image, "an image with its tag")
	p.match("redis.storage", c.Redis.Storage, amount, "a quantity such as 1Gi")
	p.resources("redis.resources", c.Redis.Resources)
	for name, service := range c.Services.ByName() {
		p.atLeast("services."+name+".replicas", service.Replicas, 1)
		p.resources("services."+name+".resources", service.Resources)
	}
	p.resources("services.sidecar", c.Services.Sidecar)
	p.options(c)
	return p.err()
}

// options checks what is configured of what may be done without.
func (p *problems) options(c Config) {
	address := regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
	if m := c.Mail; m != nil {
		p.filled("mail.host", m.Host, "the name of the server")
		p.atLeast("mail.port", m.Port, 1)
		p.filled("mail.user", m.User, "who logs in there")
		p.match("mail.from", m.From, address, "the address that e-mails come from")
	}
	if push := c.Push; push != nil {
		p.match("push.contact", push.Contact, regexp.MustCompile(`^(mailto:|https://).+`), "a mailto: or https:// address")
	}
	if o := c.OIDC; o != nil {
		p.match("oidc.issuer", o.Issuer, regexp.MustCompile(`^https://`), "the https:// address of the provider")
		p.filled("oidc.clientId", o.ClientID, "what the provider calls this application")
	}
	if model := c.Conversation; model != nil {
		p.match("conversation.kind", model.Kind, regexp.MustCompile(`^conversation\.[a-z.]+$`), "a component of Dapr's such as conversation.openai")
	}
}

// problems collects what is wrong, sorted by key.
type problems struct{ found []string }

func (p *problems) add(key, text string) {
	p.found = append(p.found, "companion:"+key+" "+text)
}

func (p *problems) filled(key, value, wanted string) {
	if value == "" {
		p.add(key, "is missing: set it to "+wanted)
	}
}

func (p *problems) match(key, value string, pattern *regexp.Regexp, wanted string) {
	if value == "" {
		p.filled(key, value, wanted)
		return
	}
	if !pattern.MatchString(value) {
		p.add(key, fmt.Sprintf("is %q: set it to %s", value, wanted))
	}
}

func (p *problems) oneOf(key, value string, allowed ...string) {
	for _, one := range allowed {
		if value == one {
			return
		}
	}
	p.add(key, fmt.Sprintf("is %q: set it to one of %s", value, strings.Join(allowed, ", ")))
}

func (p *problems) atLeast(key string, value, least int) {
	if value < least {
		p.add(key, fmt.Sprintf("is %d: set it to %d or more", value, least))
	}
}

func (p *problems) resources(key string, r Resources) {
	p.match(key+".cpu", r.CPU, amount, "a quantity such as 100m")
	p.match(key+".memory", r.Memory, amount, "a quantity such as 128Mi")
	p.match(key+".memoryLimit", r.MemoryLimit, amount, "a quantity such as 256Mi")
}

// ranges checks that the cluster's networks are networks, and apart.
func (p *problems) ranges(c Cluster) {
	keys := []string{"cluster.vpcRange", "cluster.podRange", "cluster.serviceRange"}
	parsed := map[string]netip.Prefix{}
	for i, value := range []string{c.VPCRange, c.PodRange, c.ServiceRange} {
		prefix, err := netip.ParsePrefix(value)
		if err != nil || prefix != prefix.Masked() || !prefix.Addr().IsPrivate() {
			p.add(keys[i], fmt.Sprintf("is %q: set it to a private network such as 10.110.0.0/20", value))
			continue
		}
		for other, taken := range parsed {
			if prefix.Overlaps(taken) {
				p.add(keys[i], fmt.Sprintf("is %q, which overlaps companion:%s: set them apart", value, other))
			}
		}
		parsed[keys[i]] = prefix
	}
}

func (p *problems) err() error {
	if len(p.found) == 0 {
		return nil
	}
	errs := make([]error, 0, len(p.found))
	for _, line := range sorted(p.found) {
		errs = append(errs, errors.New(line))
	}
	return errors.Join(errs...)
}

func sorted(lines []string) []string {
	slices.Sort(lines)
	return lines
}
