package stacks

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// object is a value of a stack's file.
type object = map[string]any

func valid() object {
	resources := object{"cpu": "50m", "memory": "64Mi", "memoryLimit": "128Mi"}
	service := object{"resources": resources}
	chart := func() object {
		return object{"chart": "part", "repo": "https://charts.example.com", "version": "1.2.3"}
	}
	return object{
		"companion:cluster": object{
			"name": "companion", "region": "fra1", "version": "1.36.2-do.0", "ha": true, "nodeSize": "s-4vcpu-8gb",
			"vpcRange": "10.110.0.0/20", "podRange": "10.112.0.0/16", "serviceRange": "10.113.0.0/16",
			"application": object{"size": "s-2vcpu-4gb"}, "protected": true, "maintenance": object{}, "scaleDown": object{},
		},
		"companion:domain": "example.com", "companion:registry": object{"name": "companion"}, "companion:release": "1",
		"companion:charts": object{"certManager": chart(), "dapr": chart(), "nginxGatewayFabric": chart(), "strimzi": chart()},
		"companion:issuer": object{"kind": "ca"}, "companion:edge": object{}, "companion:dapr": object{"ha": false, "certificates": object{}},
		"companion:kafka":    object{"version": "4.3.1", "storage": "1Gi", "heapMB": 256, "resources": resources, "certificates": object{}, "quota": object{}},
		"companion:database": object{"maxConnections": 200},
		"companion:redis":    object{"image": "redis:7", "resources": resources, "certificate": object{}},
		"companion:services": object{
			"backend": service, "analytics": service, "banking": service, "investment": service, "notification": service, "mcp": service, "web": service,
			"sidecar": resources,
		},
		"digitalocean:token": "t", "pulumi:tags": object{"team": "platform"},
	}
}

// watched has a configuration have what watches the application, with those alerts.
func watched(config, alerts object) {
	set(config, object{"chart": "kube-prometheus-stack", "repo": "https://charts.example.com", "version": "1.2.3"}, "companion:charts", "kubePrometheusStack")
	set(config, object{
		"enabled": true, "storage": "10Gi", "alerts": alerts,
		"resources": object{"cpu": "100m", "memory": "512Mi", "memoryLimit": "1Gi"},
	}, "companion:observability")
}

// scaled is a service that follows its load.
func scaled(autoscaling object) object {
	return object{"resources": object{"cpu": "50m", "memory": "64Mi", "memoryLimit": "128Mi"}, "autoscaling": autoscaling}
}

// set sets what is at a path of keys; nil removes it.
func set(config object, value any, path ...string) {
	for _, key := range path[:len(path)-1] {
		config = config[key].(object)
	}
	if last := path[len(path)-1]; value != nil {
		config[last] = value
	} else {
		delete(config, last)
	}
}

func TestRead(t *testing.T) {
	cases := map[string]struct {
		change func(object)
		says   []string // one a line; none: it is valid
	}{
		"a whole configuration is valid":  {func(object) {}, nil},
		"a load balancer at another port": {func(c object) { set(c, 8443, "companion:edge", "port") }, nil},
		"a chart by its oci:// address": {func(c object) {
			set(c, object{"chart": "oci://ghcr.io/x/y", "version": "1.2.3"}, "companion:charts", "dapr")
		}, nil},
		"encrypted secrets": {func(c object) {
			set(c, object{"secure": "AAAA"}, "companion:redisPassword")
			set(c, object{"backend": object{"secure": "AAAA"}}, "companion:databaseUrls")
		}, nil},
		"options that are whole": {func(c object) {
			set(c, object{"host": "smtp.example.com", "port": 587, "user": "companion", "from": "alerts@example.com"}, "companion:mail")
			set(c, object{"contact": "mailto:platform@example.com"}, "companion:push")
			set(c, object{"issuer": "https://id.example.com", "clientId": "companion"}, "companion:oidc")
			set(c, object{"kind": "conversation.openai"}, "companion:conversation")
		}, nil},
		"a key that was mistyped": {func(c object) { set(c, true, "companion:cluster", "haa") },
			[]string{"companion:cluster.haa is no key: did you mean ha?"}},
		"a key of nothing": {func(c object) { set(c, 1, "companion:edge", "colour") },
			[]string{"companion:edge.colour is no key: the keys are port, replicas"}},
		"a section of nothing":             {func(c object) { set(c, "x", "companion:kafak") }, []string{"companion:kafak is no key: did you mean companion:kafka?"}},
		"another program's namespace":      {func(c object) { set(c, "x", "compani0n:domain") }, []string{"compani0n:domain is no key: did you mean companion:domain?"}},
		"a database of no service":         {func(c object) { set(c, object{"web": "postgres://x"}, "companion:databaseUrls") }, []string{"companion:databaseUrls.web is no key"}},
		"a floating version is refused":    {func(c object) { set(c, "latest", "companion:cluster", "version") }, []string{`companion:cluster.version is "latest": set it to the exact version`}},
		"a port that is none":              {func(c object) { set(c, 70000, "companion:edge", "port") }, []string{"companion:edge.port is 70000: set it to 65535 or less"}},
		"text where a number is wanted":    {func(c object) { set(c, "three", "companion:edge", "replicas") }, []string{"companion:edge.replicas must be of type integer, not string: set it to the number of NGINX's pods"}},
		"a list where an object is wanted": {func(c object) { set(c, []any{}, "companion:dapr") }, []string{"companion:dapr must be of type object, not array: set it to an object with certificates, ha"}},
		"two nodes cannot hold the quorum": {func(c object) { set(c, 2, "companion:cluster", "nodeCount") },
			[]string{"companion:cluster.nodeCount is 2: set it to 3 or more", "companion:kafka.brokers is 3, but there are 2 nodes"}},
		"a renewal after the end": {func(c object) { set(c, 30, "companion:kafka", "certificates", "lifetimeDays") },
			[]string{"companion:kafka.certificates.renewalDays is 60, but the certificates are good for 30 days: set it to less"}},
		"an authority that cannot be renewed in time": {func(c object) { set(c, object{"renewBefore": "30h"}, "companion:dapr", "certificates") },
			[]string{"companion:dapr.certificates.renewBefore is 30h, but sidecars' certificates are good for 24h: set it to twice that or more"}},
		"an authority that is renewed at once": {func(c object) { set(c, object{"lifetime": "1440h"}, "companion:dapr", "certificates") },
			[]string{"companion:dapr.certificates.renewBefore is 1440h, but the authority is good for 1440h: set it to less"}},
		"certificates that are renewed all the time": {func(c object) { set(c, object{"workload": "10m"}, "companion:dapr", "certificates") },
			[]string{"companion:dapr.certificates.workload is 10m: set it to more than 15m"}},
		"brokers that share a node": {func(c object) { set(c, 4, "companion:kafka", "brokers") }, []string{"companion:kafka.brokers is 4, but there are 3 nodes"}},
		"a pool with its limits the wrong way round": {func(c object) { set(c, 5, "companion:cluster", "application", "minNodes") },
			[]string{"companion:cluster.application.maxNodes is 2, but minNodes is 5: set it to 5 or more"}},
		"drills where nobody's data is": {func(c object) {
			c["companion:drills"] = true
			set(c, false, "companion:cluster", "protected")
		}, nil},
		"drills in production": {func(c object) { c["companion:drills"] = true }, []string{"companion:drills is true, but companion:cluster.protected is too: nothing is killed for a drill where people's data is"}},
		"a database's address where its network is wanted": {func(c object) { c["companion:network"] = object{"database": []any{"203.0.113.7"}} },
			[]string{`companion:network.database[0] is "203.0.113.7"`}},
		"an address where a network is wanted": {func(c object) { set(c, []any{"203.0.113.7/24"}, "companion:cluster", "adminRanges") },
			[]string{`companion:cluster.adminRanges[0] is "203.0.113.7/24"`}},
		"a version without the Gateway API": {func(c object) { set(c, "1.32.5-do.0", "companion:cluster", "version") },
			[]string{"companion:cluster.version is 1.32.5-do.0: set it to 1.33 or later"}},
		"networks that overlap": {func(c object) { set(c, "10.110.8.0/21", "companion:cluster", "podRange") }, []string{"companion:cluster.podRange is 10.110.8.0/21, which overlaps 10.110.0.0/20"}},
		"a public network":      {func(c object) { set(c, "8.8.8.0/24", "companion:cluster", "vpcRange") }, []string{`companion:cluster.vpcRange is "8.8.8.0/24"`}},
		"ACME needs an address to write to": {
			func(c object) {
				set(c, object{"kind": "acme", "server": "https://acme.example.com"}, "companion:issuer")
			},
			[]string{"companion:issuer.email is missing"},
		},
		"a chart of no repository": {func(c object) { set(c, nil, "companion:charts", "dapr", "repo") }, []string{"companion:charts.dapr.repo is missing"}},
		"options that lack something": {
			func(c object) {
				set(c, object{"host": "smtp.example.com", "user": "u", "from": "me"}, "companion:mail")
				set(c, object{"kind": "gpt"}, "companion:conversation")
			},
			[]string{`companion:conversation.kind is "gpt"`, `companion:mail.from is "me"`, "companion:mail.port is missing: set it to the server's port"},
		},
		"e-mail without encryption, on the machine's own network": {func(c object) {
			set(c, object{"host": "10.110.0.1", "port": 2525, "tls": "none", "from": "alerts@example.com"}, "companion:mail")
		}, nil},
		"e-mail without encryption, to anywhere": {
			func(c object) {
				set(c, object{"host": "smtp.example.com", "port": 587, "tls": "none", "user": "u", "from": "alerts@example.com"}, "companion:mail")
			},
			[]string{"companion:mail.tls is none, but mail.host is \"smtp.example.com\"", "companion:mail.user is set, but mail.tls is none"},
		},
		"encryption only if the server likes": {
			func(c object) {
				set(c, object{"host": "smtp.example.com", "port": 587, "tls": "opportunistic", "from": "alerts@example.com"}, "companion:mail")
			},
			[]string{`companion:mail.tls is "opportunistic"`, "companion:mail.user is missing"},
		},
		"Valkey in place of Redis": {func(c object) {
			set(c, nil, "companion:redis")
			set(c, object{"version": "8", "size": "db-s-1vcpu-1gb"}, "companion:valkey")
		}, nil},
		"no state store": {
			func(c object) { set(c, nil, "companion:redis") },
			[]string{"companion:redis is missing: set it, to have the state store in the cluster, or companion:valkey"},
		},
		"two state stores": {
			func(c object) {
				set(c, object{"version": "8", "size": "db-s-1vcpu-2gb", "nodes": 2}, "companion:valkey")
			},
			[]string{"companion:valkey is set, and companion:redis too"},
		},
		"a standby of the smallest size": {
			func(c object) {
				set(c, nil, "companion:redis")
				set(c, object{"version": "8", "size": "db-s-1vcpu-1gb", "nodes": 2}, "companion:valkey")
			},
			[]string{"companion:valkey.nodes is 2, but db-s-1vcpu-1gb stands alone"},
		},
		"what watches the application": {func(c object) { watched(c, object{"receiver": "webhook"}) }, nil},
		"what watches the application, switched off": {func(c object) {
			watched(c, object{"receiver": "email"})
			set(c, nil, "companion:charts", "kubePrometheusStack")
			set(c, false, "companion:observability", "enabled")
		}, nil},
		"what watches the application, of no chart": {
			func(c object) {
				watched(c, object{"receiver": "none"})
				set(c, nil, "companion:charts", "kubePrometheusStack")
			},
			[]string{"companion:charts.kubePrometheusStack is missing: set it, companion:observability is installed by it"},
		},
		"alerts by e-mail to nobody": {
			func(c object) { watched(c, object{"receiver": "email"}) },
			[]string{
				"companion:mail is missing: set it, companion:observability.alerts go by e-mail",
				"companion:observability.alerts.to is missing: set it to the address of those who are on call",
			},
		},
		"alerts by e-mail in a way that Alertmanager does not know": {
			func(c object) {
				watched(c, object{"receiver": "email", "to": "on-call@example.com"})
				set(c, object{"host": "smtp.example.com", "port": 4650, "tls": "implicit", "user": "u", "from": "alerts@example.com"}, "companion:mail")
			},
			[]string{"companion:observability.alerts.receiver is email, but Alertmanager begins with TLS at port 465 only, and mail.port is 4650: set it to webhook"},
		},
		"a service that follows its load": {func(c object) {
			set(c, object{"chart": "metrics-server", "repo": "https://charts.example.com", "version": "3.13.1"}, "companion:charts", "metricsServer")
			set(c, scaled(object{"maxReplicas": 5, "cpu": "150m", "memory": "100Mi"}), "companion:services", "web")
		}, nil},
		"a service that has no room to grow": {func(c object) {
			set(c, object{"chart": "metrics-server", "repo": "https://charts.example.com", "version": "3.13.1"}, "companion:charts", "metricsServer")
			set(c, scaled(object{"maxReplicas": 2, "cpu": "150m"}), "companion:services", "web")
		}, []string{"companion:services.web.autoscaling.maxReplicas is 2, but replicas, the smallest number of pods, is 2: set it to more"}},
		"a service that follows nothing": {
			func(c object) { set(c, scaled(object{"maxReplicas": 5}), "companion:services", "web") },
			[]string{"companion:services.web.autoscaling has nothing to follow: set cpu or memory"},
		},
		"a service that follows what nobody measures": {
			func(c object) {
				set(c, scaled(object{"maxReplicas": 5, "memory": "100Mi"}), "companion:services", "web")
			},
			[]string{"companion:charts.metricsServer is missing: set it, services.web follows what its pods take"},
		},
		"a service that is ended before it grows": {func(c object) {
			set(c, object{"chart": "metrics-server", "repo": "https://charts.example.com", "version": "3.13.1"}, "companion:charts", "metricsServer")
			set(c, scaled(object{"maxReplicas": 5, "memory": "0.2Gi"}), "companion:services", "web")
		}, []string{"companion:services.web.autoscaling.memory is 0.2Gi, but a pod that takes 128Mi is ended: set it to less"}},
		"ten mistakes are told at once": {
			func(c object) {
				set(c, nil, "companion:domain")
				set(c, "no tag", "companion:release")
				set(c, object{"kind": "magic"}, "companion:issuer")
				set(c, 1, "companion:kafka", "brokers")
				set(c, "lots", "companion:kafka", "storage")
				set(c, "Frankfurt", "companion:cluster", "region")
				set(c, true, "companion:cluster", "haa")
				set(c, "Gold", "companion:registry", "name")
				set(c, "", "companion:redis", "image")
				set(c, nil, "companion:services", "mcp")
			},
			[]string{
				"companion:cluster.haa is no key: did you mean ha?",
				`companion:cluster.region is "Frankfurt": set it to a region of DigitalOcean's, such as fra1`,
				"companion:domain is missing: set it to a domain",
				`companion:issuer.kind is "magic": set it to one of acme, ca`,
				"companion:kafka.brokers is 1: set it to 3 or more",
				`companion:kafka.storage is "lots": set it to the volume of each broker, such as 50Gi`,
				"companion:redis.image is empty: set it to the image with its tag",
				`companion:registry.name is "Gold": set it to a name of small letters, digits and dashes`,
				`companion:release is "no tag": set it to the tag of the services' images`,
				"companion:services.mcp is missing: set it to an object with autoscaling, replicas, resources",
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			config := valid()
			c.change(config)
			_, err := Read(config)
			if c.says == nil {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, len(c.says), err.Error())
			for i, line := range lines {
				require.True(t, strings.HasPrefix(line, c.says[i]), line)
			}
		})
	}
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	read, err := Read(valid())
	require.NoError(t, err)
	require.Equal(t, Edge{Replicas: 2, Port: 443}, read.Edge)
	require.Equal(t, 3, read.Cluster.NodeCount)
	require.Equal(t, Pool{Size: "s-2vcpu-4gb", MinNodes: 2, MaxNodes: 2}, read.Cluster.Application)
	require.Equal(t, Maintenance{Day: "sunday", Start: "04:00"}, read.Cluster.Maintenance)
	require.Equal(t, 3, read.Kafka.Brokers)
	require.Equal(t, 2, read.Services.Backend.Replicas)
	require.Nil(t, read.Mail)
}

// Pulumi gives a program every value as text.
func TestReadValues(t *testing.T) {
	flat := map[string]string{"companion:domain": "5.example.com", "digitalocean:token": "t", "companion:databaseUrls": `{"backend": "postgres://x"}`}
	for key, value := range valid() {
		if text, is := value.(string); is {
			flat[key] = text
			continue
		}
		flat[key] = string(encode(t, value))
	}
	read, err := ReadValues(flat)
	require.NoError(t, err)
	require.Equal(t, "1", read.Release)
	require.Equal(t, Secret("postgres://x"), read.DatabaseURLs.Backend)

	wrong := maps.Clone(flat)
	wrong["companion:kafka"] = "3 brokers"
	_, err = ReadValues(wrong)
	require.ErrorContains(t, err, "companion:kafka must be of type object, not string")
}

func TestMissingSecrets(t *testing.T) {
	s := Secrets{MigrationURL: "x", RedisPassword: "x", KafkaSeed: "x", SidecarSeed: "x", AuthSigningKey: "x", SessionKey: "x"}
	s.DatabaseURLs = DatabaseURLs{Backend: "x", Analytics: "x", Banking: "x", Investment: "x", Notification: "x"}
	require.NoError(t, s.Missing(Config{}))

	s.DatabaseURLs.Banking, s.KafkaSeed = "", ""
	err := s.Missing(Config{Mail: &Mail{User: "companion"}})
	require.EqualError(t, err, strings.Join([]string{
		`companion:databaseUrls.banking is missing: run pulumi config set --secret --path 'companion:databaseUrls.banking' 'postgres://...?sslmode=verify-full'`,
		`companion:kafkaSeed is missing: run pulumi config set --secret companion:kafkaSeed "$(openssl rand -hex 32)"`,
		`companion:mailPassword is missing: run pulumi config set --secret companion:mailPassword`,
	}, "\n"))
}

func TestWrongSecrets(t *testing.T) {
	right := func() Secrets {
		const address = "postgres://someone:hidden@db.example.com/companion?sslmode=verify-full"
		return Secrets{
			MigrationURL: address, RedisPassword: `["hidden","hidden too"]`, AuthSigningKey: "hidden", SessionKey: Secret(strings.Repeat("hidden", 6)),
			DatabaseURLs: DatabaseURLs{Backend: address, Analytics: address, Banking: address, Investment: address, Notification: address},
		}
	}
	read, err := Read(valid())
	require.NoError(t, err)
	require.NoError(t, right().Wrong(read.Config))
	require.NoError(t, Secrets{MigrationURL: encrypted}.Wrong(read.Config), "what only Pulumi can read is not looked at")
	for name, c := range map[string]struct {
		change func(*Secrets, *Config)
		says   string
	}{
		"the database's certificate is not verified": {
			func(s *Secrets, _ *Config) {
				s.DatabaseURLs.Backend = "postgres://someone:hidden@db.example.com/companion?sslmode=require"
			},
			"companion:databaseUrls.backend has sslmode=require: set it to verify-full",
		},
		"nothing is said of TLS": {
			func(s *Secrets, _ *Config) { s.MigrationURL = "postgres://someone:hidden@db.example.com/companion" },
			"companion:migrationUrl has sslmode=: set it to verify-full",
		},
		"a pooler": {
			func(s *Secrets, _ *Config) {
				s.DatabaseURLs.Banking = "postgres://someone:hidden@ep-cool-1-pooler.eu-central-1.aws.neon.tech/companion?sslmode=verify-full"
			},
			"companion:databaseUrls.banking leads to a pooler (ep-cool-1-pooler.eu-central-1.aws.neon.tech): use the direct host",
		},
		"a pooler's port": {
			func(s *Secrets, _ *Config) {
				s.DatabaseURLs.Banking = "postgres://someone:hidden@db.example.com:6432/companion?sslmode=verify-full"
			},
			"companion:databaseUrls.banking leads to a pooler (db.example.com:6432): use the direct host",
		},
		"no connection string": {
			func(s *Secrets, _ *Config) { s.MigrationURL = "hidden" },
			"companion:migrationUrl is no connection string: set it to postgres://",
		},
		"a pool without a number": {
			func(s *Secrets, _ *Config) { s.DatabaseURLs.Backend += "&pool_max_conns=many" },
			"companion:databaseUrls.backend has pool_max_conns=many: set it to 2 or more",
		},
		"more sessions than the database admits": {
			func(_ *Secrets, c *Config) { c.Services.Backend.Replicas = 9 },
			"companion:database.maxConnections is 200, but the services open up to 243 sessions",
		},
		"more sessions than the database admits, when all have come": {
			func(_ *Secrets, c *Config) { c.Services.Backend.Autoscaling = &Autoscaling{MaxReplicas: 9} },
			"companion:database.maxConnections is 200, but the services open up to 243 sessions",
		},
		"a pool that is too large": {
			func(s *Secrets, _ *Config) { s.DatabaseURLs.Banking += "&pool_max_conns=60" },
			"companion:database.maxConnections is 200, but the services open up to 285 sessions",
		},
		"a list that is none": {
			func(s *Secrets, _ *Config) { s.AuthSigningKey = `["hidden",` },
			"companion:authSigningKey begins with [ but is no JSON list of texts",
		},
		"an empty list": {
			func(s *Secrets, _ *Config) { s.RedisPassword = `[]` },
			"companion:redisPassword begins with [ but is no JSON list of texts",
		},
		"a key that the web does not take": {
			func(s *Secrets, _ *Config) { s.SessionKey = "hidden" },
			`companion:sessionKey has a key of fewer than 32 characters: run pulumi config set --secret companion:sessionKey "$(openssl rand -hex 32)"`,
		},
		"a short key in a list": {
			func(s *Secrets, _ *Config) { s.SessionKey = Secret(`["` + strings.Repeat("hidden", 6) + `","hidden"]`) },
			"companion:sessionKey has a key of fewer than 32 characters",
		},
		"a list of keys that is none": {
			func(s *Secrets, _ *Config) { s.SessionKey = `["hidden"` },
			"companion:sessionKey begins with [ but is no JSON list of texts",
		},
		"a value twice": {
			func(s *Secrets, _ *Config) { s.RedisPassword = `["hidden","hidden"]` },
			"companion:redisPassword names a value twice",
		},
	} {
		t.Run(name, func(t *testing.T) {
			secrets, config := right(), read.Config
			c.change(&secrets, &config)
			err := secrets.Wrong(config)
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "hidden")
			require.NotContains(t, err.Error(), "\n", "one problem")
		})
	}
}

func TestReadOutputs(t *testing.T) {
	outputs := object{
		"kubeconfig": "apiVersion: v1", "smokeKubeconfig": "apiVersion: v1", "clusterName": "companion", "clusterId": "1", "url": "https://app.example.com",
		"apiUrl": "https://app.example.com/api/v1", "gatewayAddress": "192.0.2.1", "registry": "registry.example.com/companion",
		"release": "1", "topics": []any{"a"}, "namespaces": object{"application": "companion", "kafka": "kafka", "data": "data", "edge": "edge"},
	}
	read, err := ReadOutputs(outputs)
	require.NoError(t, err)
	require.Equal(t, "kafka", read.Namespaces.Kafka)
	for name, change := range map[string]func(object){
		"one is missing":      func(o object) { set(o, nil, "apiUrl") },
		"one is empty":        func(o object) { set(o, "", "kubeconfig") },
		"one more":            func(o object) { set(o, "x", "password") },
		"one of another kind": func(o object) { set(o, "a,b", "topics") },
	} {
		t.Run(name, func(t *testing.T) {
			wrong := maps.Clone(outputs)
			change(wrong)
			_, err := ReadOutputs(wrong)
			require.ErrorContains(t, err, "stacks/outputs.schema.json")
		})
	}
}

func encode(t *testing.T, value any) []byte {
	t.Helper()
	raw, err := json.Marshal(value)
	require.NoError(t, err)
	return raw
}
