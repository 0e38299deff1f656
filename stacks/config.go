// Package stacks says what may differ between stacks: the typed configuration
// that a stack's file holds, and the outputs that every stack has. The JSON
// Schemas beside it are generated from these types (`make generate`); a field's
// comment is its description there and in error messages, so it is written as
// what the field is to be set to.
package stacks

// Settings is everything under the namespace `companion:` in Pulumi.<stack>.yaml.
type Settings struct {
	Config
	Secrets
}

// Config is a stack's configuration, without its secrets.
type Config struct {
	Cluster Cluster `json:"cluster"`
	// a domain of the DigitalOcean account, such as example.com; the application, with its pages, is at app.<domain>
	Domain   string   `json:"domain" jsonschema:"pattern=^([a-z0-9]([-a-z0-9]*[a-z0-9])?[.])+[a-z]{2\\,}$"`
	Registry Registry `json:"registry"`
	// the tag of the services' images; CI sets it for each deployment
	Release  string   `json:"release,omitempty" jsonschema:"pattern=^[A-Za-z0-9_][A-Za-z0-9._-]{0\\,127}$"`
	Charts   Charts   `json:"charts"`
	Issuer   Issuer   `json:"issuer"`
	Edge     Edge     `json:"edge"`
	Dapr     Dapr     `json:"dapr"`
	Kafka    Kafka    `json:"kafka"`
	Redis    *Redis   `json:"redis,omitempty"`
	Valkey   *Valkey  `json:"valkey,omitempty"`
	Database Database `json:"database"`
	Services Services `json:"services"`
	Policy   Policy   `json:"policy,omitzero"`
	Network  Network  `json:"network,omitzero"`
	// true to let `companionctl drill` kill and cut off what runs there, on a stack that nobody rests on
	Drills bool `json:"drills,omitempty"`

	// What an installation may do without.

	Mail         *Mail         `json:"mail,omitempty"`
	Push         *Push         `json:"push,omitempty"`
	OIDC         *OIDC         `json:"oidc,omitempty"`
	Conversation *Conversation `json:"conversation,omitempty"`

	Observability *Observability `json:"observability,omitempty"`
}

// Network is where the services may connect to outside the cluster. Everything else is denied.
type Network struct {
	Database []string `json:"database,omitempty" jsonschema:"uniqueItems=true"` // the networks of the database, such as 203.0.113.0/24; the Internet when empty
	Mail     []string `json:"mail,omitempty" jsonschema:"uniqueItems=true"`     // the networks of the mail server; the Internet when empty
}

// Policy is what the policy pack asks of the stack's plans.
type Policy struct {
	MonthlyBudget int         `json:"monthlyBudget,omitempty" jsonschema:"minimum=0,maximum=1000000" jsonschema_extras:"x-unit=USD"` // the most that the stack may cost a month, in whole US dollars; 0 for no limit
	Exceptions    []Exception `json:"exceptions,omitempty"`                                                                          // where a rule does not hold yet, and why
}

// Exception is where a rule of the policy pack does not hold. Everywhere else it blocks.
type Exception struct {
	Rule      string   `json:"rule" jsonschema:"pattern=^[a-z][a-z0-9-]*$"`              // the name of a rule, as docs/policies.md lists them
	Resources []string `json:"resources" jsonschema:"minItems=1"`                        // the resources' names in Pulumi; one that ends with * stands for all that begin so
	Level     string   `json:"level,omitempty" jsonschema:"enum=advisory,enum=disabled"` // advisory (the default) to have violations shown, disabled for none of it
	Reason    string   `json:"reason" jsonschema:"minLength=10"`                         // why the rule does not hold there, for whoever reads the report
}

// Mail is the server that e-mails are given to. Its password is the secret companion:mailPassword.
type Mail struct {
	Host string `json:"host" jsonschema:"minLength=1"`             // the name of the server
	Port int    `json:"port" jsonschema:"minimum=1,maximum=65535"` // the server's port, such as 587
	// how the connection is encrypted: starttls, implicit (usually port 465), or none, which is for a server at a private address only
	TLS  string `json:"tls,omitempty" jsonschema:"enum=starttls,enum=implicit,enum=none,default=starttls"`
	User string `json:"user,omitempty"`                            // the account that logs in there; none does without encryption
	From string `json:"from" jsonschema:"pattern=^[^@ ]+@[^@ ]+$"` // the address that e-mails come from
}

// Push has alerts go to browsers. They know by a key of the application's (VAPID, RFC 8292) that a message is ours: it is the secret companion:pushPrivateKey.
type Push struct {
	Contact string `json:"contact" jsonschema:"pattern=^(mailto:|https://).+"` // whom a push service may write to: a mailto: or https:// address
}

// OIDC is an identity provider, for log-in with another's account. The client's secret is companion:oidcClientSecret.
type OIDC struct {
	Issuer   string `json:"issuer" jsonschema:"pattern=^https://"` // the https:// address of the provider
	ClientID string `json:"clientId" jsonschema:"minLength=1"`     // what the provider calls this application
}

// Conversation is Dapr's component for a language model that phrases insights. Its key, where it has one, is the secret companion:conversationKey.
type Conversation struct {
	Kind     string            `json:"kind" jsonschema:"pattern=^conversation[.][a-z.]+$"` // the type of a Dapr component, such as conversation.openai
	Metadata map[string]string `json:"metadata,omitempty"`                                 // the component's metadata, without the key
}

// Cluster is the DOKS cluster and its network.
type Cluster struct {
	Name         string `json:"name" jsonschema:"pattern=^[a-z]([-a-z0-9]{0\\,61}[a-z0-9])?$"`                                     // a name of small letters, digits and dashes
	Region       string `json:"region" jsonschema:"pattern=^[a-z]{3}[0-9]$"`                                                       // a region of DigitalOcean's, such as fra1
	Version      string `json:"version" jsonschema:"pattern=^[0-9]+[.][0-9]+[.][0-9]+-do[.][0-9]+$"`                               // the exact version that the cluster is created with, such as 1.36.2-do.0 (`doctl kubernetes options versions` lists them); DigitalOcean upgrades it from there
	HA           bool   `json:"ha"`                                                                                                // true for a control plane of several machines, which cannot be made a single one again
	NodeSize     string `json:"nodeSize" jsonschema:"pattern=^[a-z0-9]+(-[a-z0-9.]+)+$"`                                           // the size of the system pool's nodes, such as s-4vcpu-8gb; another one replaces the cluster
	NodeCount    int    `json:"nodeCount,omitempty" jsonschema:"minimum=3,maximum=512,default=3" jsonschema_extras:"x-unit=nodes"` // the number of the system pool's nodes, one for each Kafka broker at least
	VPCRange     string `json:"vpcRange" jsonschema:"pattern=^[0-9.]+/[0-9]+$"`                                                    // a private network such as 10.110.0.0/20, for the nodes
	PodRange     string `json:"podRange" jsonschema:"pattern=^[0-9.]+/[0-9]+$"`                                                    // a private network such as 10.112.0.0/16, for the pods
	ServiceRange string `json:"serviceRange" jsonschema:"pattern=^[0-9.]+/[0-9]+$"`                                                // a private network such as 10.113.0.0/16, for the Kubernetes services

	Application Pool        `json:"application"`
	ScaleDown   ScaleDown   `json:"scaleDown"`
	Protected   bool        `json:"protected"` // true to refuse the deletion of the cluster and of the Kafka brokers, and to keep volumes and load balancers when the cluster is deleted by other means
	Maintenance Maintenance `json:"maintenance"`
	AdminRanges []string    `json:"adminRanges,omitempty" jsonschema:"uniqueItems=true"` // the networks that may reach the Kubernetes API, such as 203.0.113.0/24; every network when empty
}

// Pool is the node pool of the services. Its size can be changed: it is replaced without the cluster and without Kafka's volumes.
type Pool struct {
	Size     string `json:"size" jsonschema:"pattern=^[a-z0-9]+(-[a-z0-9.]+)+$"`                                              // the size of its nodes, such as s-2vcpu-4gb
	MinNodes int    `json:"minNodes,omitempty" jsonschema:"minimum=1,maximum=512,default=2" jsonschema_extras:"x-unit=nodes"` // the smallest number of nodes
	MaxNodes int    `json:"maxNodes,omitempty" jsonschema:"minimum=1,maximum=512,default=2" jsonschema_extras:"x-unit=nodes"` // the largest number of nodes; when it is larger than minNodes, DigitalOcean adds and removes nodes
}

// ScaleDown is when DigitalOcean's autoscaler takes a node of the application's pool away again.
type ScaleDown struct {
	Utilization  int `json:"utilization,omitempty" jsonschema:"minimum=1,maximum=100,default=65" jsonschema_extras:"x-unit=%"`         // the share of a node's CPU and memory below which it may go: what its pods ask for, of what the node offers
	AfterMinutes int `json:"afterMinutes,omitempty" jsonschema:"minimum=1,maximum=1440,default=10" jsonschema_extras:"x-unit=minutes"` // how long it must have been below
}

// Maintenance is the weekly window in which DigitalOcean installs patch versions of Kubernetes.
type Maintenance struct {
	Day   string `json:"day,omitempty" jsonschema:"enum=any,enum=monday,enum=tuesday,enum=wednesday,enum=thursday,enum=friday,enum=saturday,enum=sunday,default=sunday"` // the day of the week
	Start string `json:"start,omitempty" jsonschema:"pattern=^([01][0-9]|2[0-3]):00$,default=04:00"`                                                                     // the full hour at which it begins, UTC
}

// Registry is DigitalOcean's container registry, where the services' images are pulled from. It exists already, and the stacks of an account share it.
type Registry struct {
	Name string `json:"name" jsonschema:"pattern=^[a-z]([-a-z0-9]{0\\,61}[a-z0-9])?$"` // a name of small letters, digits and dashes
}

// Chart is a Helm chart and where it is pulled from.
type Chart struct {
	Chart   string         `json:"chart" jsonschema:"minLength=1"`                            // the chart's name, or its oci:// address
	Repo    string         `json:"repo,omitempty" jsonschema:"pattern=^https?://"`            // the address of the chart's HTTP repository
	Version string         `json:"version" jsonschema:"pattern=^v?[0-9]+[.][0-9]+[.][0-9]+$"` // an exact version such as 1.2.3
	Values  map[string]any `json:"values,omitempty"`                                          // chart values, over the program's own
}

// Charts are the third parties' charts.
type Charts struct {
	CertManager        Chart `json:"certManager"`
	Dapr               Chart `json:"dapr"`
	NginxGatewayFabric Chart `json:"nginxGatewayFabric"`
	Strimzi            Chart `json:"strimzi"`

	KubePrometheusStack *Chart `json:"kubePrometheusStack,omitempty"` // Prometheus, its operator and Alertmanager, which companion:observability is installed by
	MetricsServer       *Chart `json:"metricsServer,omitempty"`       // measures what pods take, which services follow that have companion:services.<name>.autoscaling with cpu or memory
}

// ByKey are the charts that the stack installs, by their keys.
func (c Charts) ByKey() map[string]Chart {
	all := map[string]Chart{"certManager": c.CertManager, "dapr": c.Dapr, "nginxGatewayFabric": c.NginxGatewayFabric, "strimzi": c.Strimzi}
	for key, chart := range map[string]*Chart{"kubePrometheusStack": c.KubePrometheusStack, "metricsServer": c.MetricsServer} {
		if chart != nil {
			all[key] = *chart
		}
	}
	return all
}

// Issuer signs the edge's certificate.
type Issuer struct {
	Kind   string `json:"kind" jsonschema:"enum=acme,enum=ca"`                  // acme for an authority such as Let's Encrypt, ca for an authority of the stack's own
	Email  string `json:"email,omitempty" jsonschema:"pattern=^[^@ ]+@[^@ ]+$"` // with acme, the address that the authority writes to
	Server string `json:"server,omitempty" jsonschema:"pattern=^https://"`      // with acme, the https:// address of its directory
}

// Edge is NGINX and the load balancer before it.
type Edge struct {
	Replicas int `json:"replicas,omitempty" jsonschema:"minimum=1,maximum=20,default=2" jsonschema_extras:"x-unit=pods"` // the number of NGINX's pods
	Port     int `json:"port,omitempty" jsonschema:"minimum=1,maximum=65535,default=443"`                                // the port at which people reach the load balancer
}

// Dapr is the control plane of the sidecars.
type Dapr struct {
	HA           bool             `json:"ha"` // true for three pods of each of its parts
	Certificates DaprCertificates `json:"certificates"`
}

// DaprCertificates are those by which sidecars and the control plane know one another. A job renews the authority that signs them; the first one is Dapr's own, good for a year.
type DaprCertificates struct {
	Lifetime    string `json:"lifetime,omitempty" jsonschema:"pattern=^[1-9][0-9]*(h|m)$,default=8760h" jsonschema_extras:"x-unit=hours or minutes"`    // how long an authority is good for, such as 8760h
	RenewBefore string `json:"renewBefore,omitempty" jsonschema:"pattern=^[1-9][0-9]*(h|m)$,default=1440h" jsonschema_extras:"x-unit=hours or minutes"` // how long before its end there is another, such as 1440h; a renewal takes two lifetimes of what it signs
	Workload    string `json:"workload,omitempty" jsonschema:"pattern=^[1-9][0-9]*(h|m)$,default=24h" jsonschema_extras:"x-unit=hours or minutes"`      // how long the certificate of a sidecar is good for, such as 24h; it is renewed at half of it
}

// Kafka is the cluster of brokers.
type Kafka struct {
	Version     string            `json:"version" jsonschema:"pattern=^[0-9]+[.][0-9]+[.][0-9]+$"`                                          // a version that the operator runs, such as 4.3.1
	Brokers     int               `json:"brokers,omitempty" jsonschema:"minimum=3,maximum=99,default=3" jsonschema_extras:"x-unit=brokers"` // the number of brokers, each on a node of its own
	Storage     string            `json:"storage" jsonschema:"pattern=^[0-9]+([.][0-9]+)?(Ki|Mi|Gi|Ti)$" jsonschema_extras:"x-unit=bytes"`  // the volume of each broker, such as 50Gi
	Resources   Resources         `json:"resources"`                                                                                        // what each broker gets
	HeapMB      int               `json:"heapMB" jsonschema:"minimum=128,maximum=65536" jsonschema_extras:"x-unit=MiB"`                     // the Java heap of each broker in MiB, well below its memory limit
	JavaOptions map[string]string `json:"javaOptions,omitempty"`                                                                            // -XX options of the brokers, name to value
	Config      map[string]string `json:"config,omitempty"`                                                                                 // broker settings, over the program's own

	Certificates KafkaCertificates `json:"certificates"`
	Quota        KafkaQuota        `json:"quota"`
}

// KafkaCertificates are those of the brokers' own authorities (the cluster's and the clients'), and what these sign. The operator renews them by itself.
type KafkaCertificates struct {
	LifetimeDays int `json:"lifetimeDays,omitempty" jsonschema:"minimum=1,maximum=3650,default=365" jsonschema_extras:"x-unit=days"` // how long they are good for
	RenewalDays  int `json:"renewalDays,omitempty" jsonschema:"minimum=1,maximum=365,default=60" jsonschema_extras:"x-unit=days"`    // how long before their end they are renewed: the time that all clients have to learn of it
}

// KafkaQuota is the most that each user of Kafka's, a service or the operators' tool, may take of each broker. Beyond it the broker answers later; nothing is lost.
type KafkaQuota struct {
	ProducerBytes     int `json:"producerBytes,omitempty" jsonschema:"minimum=65536,maximum=1073741824,default=10485760" jsonschema_extras:"x-unit=bytes a second"` // what may be published
	ConsumerBytes     int `json:"consumerBytes,omitempty" jsonschema:"minimum=65536,maximum=1073741824,default=20971520" jsonschema_extras:"x-unit=bytes a second"` // what may be read
	RequestPercentage int `json:"requestPercentage,omitempty" jsonschema:"minimum=10,maximum=1600,default=200" jsonschema_extras:"x-unit=percent"`                  // the share of the broker's request and network threads, where 100 is one of them
}

// Valkey is the state store as DigitalOcean runs it, in place of companion:redis. It is in the cluster's network, and only the cluster may connect.
type Valkey struct {
	Version string `json:"version" jsonschema:"pattern=^[0-9]+$"`                                                       // the major version, such as 8 (`doctl databases options versions` lists them)
	Size    string `json:"size" jsonschema:"pattern=^[a-z0-9]+(-[a-z0-9.]+)+$"`                                         // the size of its nodes, such as db-s-1vcpu-1gb, which has no standby
	Nodes   int    `json:"nodes,omitempty" jsonschema:"minimum=1,maximum=3,default=1" jsonschema_extras:"x-unit=nodes"` // the primary and its standbys
}

// Redis is the state store in the cluster, in place of companion:valkey.
type Redis struct {
	Image     string    `json:"image" jsonschema:"minLength=1"` // the image with its tag
	Resources Resources `json:"resources"`                      // what its pod gets

	Certificate Certificate `json:"certificate"`
}

// Certificate is a certificate that cert-manager signs and renews by itself.
type Certificate struct {
	Lifetime    string `json:"lifetime,omitempty" jsonschema:"pattern=^[1-9][0-9]*(h|m)$,default=2160h" jsonschema_extras:"x-unit=hours or minutes"`   // how long it is good for, such as 2160h; an hour or more
	RenewBefore string `json:"renewBefore,omitempty" jsonschema:"pattern=^[1-9][0-9]*(h|m)$,default=720h" jsonschema_extras:"x-unit=hours or minutes"` // how long before its end it is renewed, such as 720h
}

// Resources are what a container asks for and may take.
type Resources struct {
	CPU         string `json:"cpu" jsonschema:"pattern=^[0-9]+([.][0-9]+)?m?$" jsonschema_extras:"x-unit=cores"`                 // the processor time that is asked for, such as 100m
	Memory      string `json:"memory" jsonschema:"pattern=^[0-9]+([.][0-9]+)?(Ki|Mi|Gi)$" jsonschema_extras:"x-unit=bytes"`      // the memory that is asked for, such as 128Mi
	MemoryLimit string `json:"memoryLimit" jsonschema:"pattern=^[0-9]+([.][0-9]+)?(Ki|Mi|Gi)$" jsonschema_extras:"x-unit=bytes"` // the memory that it may take, such as 256Mi
}

// Service is how one of the services is sized.
type Service struct {
	Replicas  int       `json:"replicas,omitempty" jsonschema:"minimum=1,maximum=50,default=2" jsonschema_extras:"x-unit=pods"` // the number of its pods; with autoscaling, the smallest
	Resources Resources `json:"resources"`                                                                                      // what each pod gets, without its sidecar

	Autoscaling *Autoscaling `json:"autoscaling,omitempty"` // has the number of its pods follow its load; it stays the same when this is left out
}

// Autoscaling has the number of a service's pods follow its load. Of several targets the one that takes the most pods decides.
type Autoscaling struct {
	MaxReplicas int    `json:"maxReplicas" jsonschema:"minimum=2,maximum=50" jsonschema_extras:"x-unit=pods"`                                  // the largest number of its pods
	CPU         string `json:"cpu,omitempty" jsonschema:"pattern=^[0-9]+([.][0-9]+)?m?$" jsonschema_extras:"x-unit=cores"`                     // the processor time that each pod takes on average, such as 150m, without its sidecar; with more there is another pod
	Memory      string `json:"memory,omitempty" jsonschema:"pattern=^[0-9]+([.][0-9]+)?(Ki|Mi|Gi)$" jsonschema_extras:"x-unit=bytes"`          // the memory that each pod takes on average, such as 256Mi, without its sidecar; with more there is another pod
	ScaleDown   int    `json:"scaleDownSeconds,omitempty" jsonschema:"minimum=30,maximum=3600,default=300" jsonschema_extras:"x-unit=seconds"` // how long fewer pods must have been enough before one goes
}

// Most is the largest number of the service's pods.
func (s Service) Most() int {
	if s.Autoscaling == nil {
		return s.Replicas
	}
	return s.Autoscaling.MaxReplicas
}

// Services are the application's.
type Services struct {
	Backend      Service   `json:"backend"`
	Analytics    Service   `json:"analytics"`
	Banking      Service   `json:"banking"`
	Investment   Service   `json:"investment"`
	Notification Service   `json:"notification"`
	MCP          Service   `json:"mcp"`
	Web          Service   `json:"web"`
	Sidecar      Resources `json:"sidecar"` // what Dapr's sidecar of each gets
}

// ByName are the services by the names that they have everywhere.
func (s Services) ByName() map[string]Service {
	return map[string]Service{
		"backend": s.Backend, "analytics": s.Analytics, "banking": s.Banking, "investment": s.Investment,
		"notification": s.Notification, "mcp": s.MCP, "web": s.Web,
	}
}
