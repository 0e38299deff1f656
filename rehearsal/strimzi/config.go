package strimzi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
)

// Where the pods find their certificates.
const (
	brokerCertsPath = "/opt/kafka/broker-certs"
	trustBundlePath = "/opt/kafka/trust-bundle"

	clusterCAKey = "cluster-ca.crt" // keys in the trust bundle's Secret
	clientsCAKey = "clients-ca.crt"
)

// What the operator decides cannot be configured in the resource, but for a few
// options that begin like it.
var (
	forbiddenPrefixes = []string{
		"listeners", "advertised.", "broker.", "listener.", "host.name", "port", "inter.broker.listener.name",
		"sasl.", "ssl.", "security.", "password.", "log.dir", "zookeeper.", "authorizer.", "super.user",
		"node.id", "process.roles", "controller.", "metadata.log.dir", "config.providers",
	}
	allowedOptions = []string{
		"sasl.server.max.receive.size", "ssl.cipher.suites", "ssl.protocol", "ssl.enabled.protocols",
		"ssl.secure.random.implementation", "controller.quorum.election.backoff.max.ms",
		"controller.quorum.election.timeout.ms", "controller.quorum.fetch.timeout.ms",
	}
)

// forbidden are the options of the resource that are ignored, as Strimzi does.
func forbidden(config kafkav1.MapStringObject) []string {
	var out []string
	for _, option := range slices.Sorted(maps.Keys(config)) {
		if !allowed(option) {
			out = append(out, option)
		}
	}
	return out
}

func allowed(option string) bool {
	if slices.Contains(allowedOptions, option) {
		return true
	}
	return !slices.ContainsFunc(forbiddenPrefixes, func(p string) bool { return strings.HasPrefix(option, p) })
}

// brokerConfig is the configuration of one node. The resource's own comes last,
// so that it overrides.
func (m *model) brokerConfig(p pool, n node) string {
	var out strings.Builder
	section := func(title string) { fmt.Fprintf(&out, "\n##########\n# %s\n##########\n", title) }
	set := func(key, value string) { fmt.Fprintf(&out, "%s=%s\n", key, value) }

	out.WriteString("# Written by the cluster operator; changes are overwritten.\n")
	section("Node")
	set("node.id", strconv.Itoa(int(n.id)))
	set("config.providers", "strimzidir")
	set("config.providers.strimzidir.class", "org.apache.kafka.common.config.provider.DirectoryConfigProvider")
	set("config.providers.strimzidir.param.allowed.paths", "/opt/kafka")

	section("KRaft")
	set("process.roles", strings.Join(n.roles(), ","))
	set("controller.listener.names", listenerControlPlane)
	var voters []string
	for _, c := range m.controllers() {
		voters = append(voters, fmt.Sprintf("%d@%s:%d", c.id, m.podHost(c.pod), portControlPlane))
	}
	set("controller.quorum.voters", strings.Join(voters, ","))

	section("Logs")
	var dirs []string
	for _, v := range p.volumes {
		dir := fmt.Sprintf("%s/kafka-log%d", v.mountPath(), n.id)
		dirs = append(dirs, dir)
		if v.metadata {
			set("metadata.log.dir", dir)
		}
	}
	set("log.dirs", strings.Join(dirs, ","))

	var listeners, advertised, protocols []string
	listen := func(name, protocol string, port int32) {
		listeners = append(listeners, fmt.Sprintf("%s://0.0.0.0:%d", name, port))
		advertised = append(advertised, fmt.Sprintf("%s://%s:%d", name, m.podHost(n.pod), port))
		protocols = append(protocols, name+":"+protocol)
	}
	keyStore := func(name string) {
		prefix := "listener.name." + strings.ToLower(name) + "."
		set(prefix+"ssl.keystore.type", "PEM")
		set(prefix+"ssl.keystore.certificate.chain", fromFolder(brokerCertsPath, n.pod+".crt"))
		set(prefix+"ssl.keystore.key", fromFolder(brokerCertsPath, n.pod+".key"))
	}
	trust := func(name, authority string) {
		prefix := "listener.name." + strings.ToLower(name) + "."
		set(prefix+"ssl.truststore.type", "PEM")
		set(prefix+"ssl.truststore.certificates", fromFolder(trustBundlePath, authority))
		set(prefix+"ssl.client.auth", "required")
	}

	section("Control plane listener")
	keyStore(listenerControlPlane)
	trust(listenerControlPlane, clusterCAKey)
	if n.controller {
		listen(listenerControlPlane, "SSL", portControlPlane)
	} else {
		// A broker must know how to speak to the controllers all the same.
		protocols = append(protocols, listenerControlPlane+":SSL")
	}
	if n.broker {
		section("Replication listener")
		keyStore(listenerReplication)
		trust(listenerReplication, clusterCAKey)
		listen(listenerReplication, "SSL", portReplication)

		for _, l := range m.listeners {
			name := listenerName(l)
			section("Listener " + name)
			prefix := "listener.name." + strings.ToLower(name) + "."
			listen(name, protocolOf(l), l.Port)
			if l.Tls {
				keyStore(name)
			}
			if usesSCRAM(l) {
				set(prefix+"scram-sha-512.sasl.jaas.config", "org.apache.kafka.common.security.scram.ScramLoginModule required;")
				set(prefix+"sasl.enabled.mechanisms", "SCRAM-SHA-512")
			}
			if l.Authentication != nil && l.Authentication.Type == kafkav1.TLS_KAFKALISTENERAUTHENTICATIONTYPE {
				trust(name, clientsCAKey)
			}
			if c := l.Configuration; c != nil && c.MaxConnections != nil {
				set(prefix+"max.connections", strconv.Itoa(int(*c.MaxConnections)))
			}
			if c := l.Configuration; c != nil && c.MaxConnectionCreationRate != nil {
				set(prefix+"max.connection.creation.rate", strconv.Itoa(int(*c.MaxConnectionCreationRate)))
			}
		}
	}

	section("Listeners")
	set("listener.security.protocol.map", strings.Join(protocols, ","))
	set("listeners", strings.Join(listeners, ","))
	set("advertised.listeners", strings.Join(advertised, ","))
	if n.broker {
		set("inter.broker.listener.name", listenerReplication)
	}
	set("sasl.enabled.mechanisms", "")
	set("ssl.endpoint.identification.algorithm", "HTTPS")

	if m.simple() {
		section("Authorization")
		set("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
		set("super.users", strings.Join(m.superUsers(), ";"))
	}

	config := m.kafka.Spec.Kafka.Config
	section("Configuration of the Kafka resource")
	for _, option := range slices.Sorted(maps.Keys(config)) {
		if allowed(option) {
			set(option, configValue(config[option]))
		}
	}
	return strings.TrimSpace(out.String()) + "\n"
}

func (n node) roles() []string {
	var roles []string
	if n.broker {
		roles = append(roles, "broker")
	}
	if n.controller {
		roles = append(roles, "controller")
	}
	return roles
}

// superUsers are the operator's own parts, known by their certificates, and whom
// the resource names.
func (m *model) superUsers() []string {
	var users []string
	for _, name := range []string{
		m.names.kafka(), m.topicOperator(), m.userOperator(), m.exporter(), m.cruiseControl(), clusterOperatorCommonName,
	} {
		users = append(users, fmt.Sprintf("User:CN=%s,O=%s", name, organization))
	}
	for _, name := range m.kafka.Spec.Kafka.Authorization.SuperUsers {
		users = append(users, "User:"+name)
	}
	return users
}

func fromFolder(folder, file string) string { return "${strimzidir:" + folder + ":" + file + "}" }

// listenerName is how the configuration calls a listener: TLS-9093.
func listenerName(l kafkav1.GenericKafkaListener) string {
	return fmt.Sprintf("%s-%d", strings.ToUpper(l.Name), l.Port)
}

func usesSCRAM(l kafkav1.GenericKafkaListener) bool {
	return l.Authentication != nil && l.Authentication.Type == kafkav1.SCRAM_SHA_512_KAFKALISTENERAUTHENTICATIONTYPE
}

func protocolOf(l kafkav1.GenericKafkaListener) string {
	protocol := "PLAINTEXT"
	if l.Tls {
		protocol = "SSL"
	}
	if usesSCRAM(l) {
		return "SASL_" + protocol
	}
	return protocol
}

// configValue writes a value of the resource as Java's properties have it.
func configValue(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool, int64, int32, int, json.Number:
		return fmt.Sprint(v)
	case nil:
		return ""
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(encoded)
}

const defaultLogging = `# Written by the cluster operator; changes are overwritten.
name=KafkaConfig
appender.console.type=Console
appender.console.name=STDOUT
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{yyyy-MM-dd HH:mm:ss} %-5p [%t] %c{1}:%L - %m%n
rootLogger.level=INFO
rootLogger.appenderRefs=console
rootLogger.appenderRef.console.ref=STDOUT
logger.reconfiguration.name=org.apache.kafka.common.config.AbstractConfig
logger.reconfiguration.level=WARN
logger.requestlogger.name=kafka.request.logger
logger.requestlogger.level=WARN
logger.controller.name=org.apache.kafka.controller
logger.controller.level=INFO
logger.authorizer.name=kafka.authorizer.logger
logger.authorizer.level=INFO
`

// loggingConfig is the defaults, and what the resource says after them.
func (m *model) loggingConfig() string {
	logging := m.kafka.Spec.Kafka.Logging
	if logging == nil || len(logging.Loggers) == 0 {
		return defaultLogging
	}
	var out strings.Builder
	out.WriteString(defaultLogging)
	for _, key := range slices.Sorted(maps.Keys(logging.Loggers)) {
		fmt.Fprintf(&out, "%s=%s\n", key, logging.Loggers[key])
	}
	return out.String()
}
