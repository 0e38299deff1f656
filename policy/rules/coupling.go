package rules

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// noCoupling is principle 7: no point-to-point coupling between services.
var noCoupling = []Rule{
	{
		Name:        "no-addresses-of-services",
		Principle:   NoCoupling,
		Description: "A service knows no address of another: what it tells others are events, and what it asks goes by the app's name.",
		Remedy:      "publish an event, or have the service ask its sidecar by the app's name",
		resource: func(r Resource) []Violation {
			var f found
			for _, s := range r.serviceSettings() {
				if address := clusterAddress(s.value); address != "" && !collectsTelemetry(s.name, s.value) {
					f.add("the service is given an address in the cluster (%s: %s)", s.name, address)
				}
			}
			for _, o := range r.objects {
				if o.kind == "Component" && strings.HasPrefix(text(o.spec("type")), "bindings.http") && r.isOurs(o) {
					for _, entry := range each(o.spec("metadata")) {
						if address := clusterAddress(text(entry["value"])); address != "" {
							f.add("the binding leads to an address in the cluster (%s)", address)
						}
					}
				}
				if o.kind == "HTTPEndpoint" && r.isOurs(o) && clusterAddress(text(o.spec("baseUrl"))) != "" {
					f.add("the endpoint leads to an address in the cluster (%s)", text(o.spec("baseUrl")))
				}
			}
			return f
		},
	},
	{
		Name:        "components-with-scopes",
		Principle:   NoCoupling,
		Description: "A Dapr component belongs to the services that it names: what everybody can reach couples everybody.",
		Remedy:      "list the Dapr app ids of the services that use it in scopes",
		resource: func(r Resource) []Violation {
			var f found
			for _, o := range r.objects {
				if o.kind != "Component" || o.partial || !isDapr(o) {
					continue
				}
				if scopes := o.fields["scopes"]; len(texts(scopes)) == 0 && !hasUnknown(scopes) {
					f.add("the component is open to every service: it has no scopes")
				}
			}
			return f
		},
	},
	{
		Name:        "topics-with-scopes",
		Principle:   NoCoupling,
		Description: "A component for events names the topics that it is for, and what its services may publish on and subscribe to.",
		Remedy:      "list the services' topics in allowedTopics and in protectedTopics, and who may do what in publishingScopes and subscriptionScopes",
		resource: func(r Resource) []Violation {
			var f found
			for _, o := range r.objects {
				if o.kind == "Component" && !o.partial && isDapr(o) && strings.HasPrefix(text(o.spec("type")), "pubsub.") {
					f = append(f, openTopics(o)...)
				}
			}
			return f
		},
	},
	{
		Name:        "default-deny",
		Principle:   NoCoupling,
		Description: "In every namespace, pods may neither be called nor call unless a policy says so.",
		Remedy:      "add a NetworkPolicy with an empty podSelector, the policyTypes Ingress and Egress, and no rules",
		plan:        defaultDeny,
	},
	{
		Name:        "no-open-network-policies",
		Principle:   NoCoupling,
		Description: "A network policy names whom it lets in or out, or the port: one that allows everything walls off nothing.",
		Remedy:      "name peers or ports in every rule",
		resource: func(r Resource) []Violation {
			var f found
			for _, o := range r.objects {
				if strings.HasPrefix(o.kind, "Cilium") && strings.HasSuffix(o.kind, "NetworkPolicy") {
					f = append(f, openToEntities(o)...)
				}
				if o.kind != "NetworkPolicy" {
					continue
				}
				for direction, peers := range map[string]string{"ingress": "from", "egress": "to"} {
					for _, rule := range each(o.spec(direction)) {
						open := func(key string) bool { return len(entries(rule[key])) == 0 && !unknown(rule[key]) }
						if open(peers) && open("ports") {
							f.add("a rule of %s allows everything", direction)
						}
					}
				}
			}
			slices.SortFunc(f, func(a, b Violation) int { return strings.Compare(a.What, b.What) })
			return f
		},
	},
}

// openTopics finds what a component lets its services publish on or subscribe to without
// saying so. Dapr asks for a scope where a topic is protected; otherwise a service without
// scopes may use every topic that is allowed, and without allowed ones every topic.
func openTopics(o object) []Violation {
	metadata := o.spec("metadata")
	if hasUnknown(metadata) {
		return nil
	}
	lists := map[string][]string{}
	for _, entry := range each(metadata) {
		name := strings.ToLower(text(entry["name"])) // as Dapr finds them
		if unknown(entry["name"]) || unknown(entry["value"]) && strings.HasSuffix(name, "topics") {
			return nil
		}
		lists[name] = strings.FieldsFunc(strings.ReplaceAll(text(entry["value"]), " ", ""), func(r rune) bool { return r == ',' })
	}
	var f found
	allowed, protected := lists["allowedtopics"], lists["protectedtopics"]
	if len(allowed) == 0 {
		f.add("the component is for every topic: it has no allowedTopics")
	}
	for _, topic := range allowed {
		if !slices.Contains(protected, topic) {
			f.add("a service without scopes may use the topic %s: it is not among protectedTopics", topic)
		}
	}
	return f
}

// openToEntities finds what Cilium's own policies allow to everybody: they add to the
// others.
func openToEntities(o object) []Violation {
	var f found
	specs := append(each(o.fields["specs"]), fields(o.fields["spec"]))
	for _, spec := range specs {
		for _, direction := range directions {
			for _, rule := range each(spec[direction]) {
				for _, entity := range append(texts(rule["toEntities"]), texts(rule["fromEntities"])...) {
					if entity == "all" || entity == "world" || entity == "cluster" {
						f.add("a rule of %s allows everything: it names the entity %s", direction, entity)
					}
				}
			}
		}
	}
	return f
}

// defaultDeny finds the namespaces without a policy that denies by default.
func defaultDeny(plan Plan) []Violation {
	denied, later := map[string]map[string]bool{}, map[string]int{}
	for _, r := range plan.Resources {
		for _, o := range r.objects {
			if o.kind != "NetworkPolicy" || o.partial {
				continue
			}
			for _, direction := range deniedBy(o) {
				if unknown(o.namespace()) {
					later[direction]++
					continue
				}
				namespace := text(o.namespace())
				if denied[namespace] == nil {
					denied[namespace] = map[string]bool{}
				}
				denied[namespace][direction] = true
			}
		}
	}
	var f found
	for _, r := range plan.Resources {
		for _, o := range r.objects {
			if o.kind != "Namespace" || o.partial || o.name() == "" {
				continue
			}
			var open []string
			for _, direction := range directions {
				switch {
				case denied[o.name()][direction]:
				case later[direction] > 0: // it may be this one's
					later[direction]--
				default:
					open = append(open, direction)
				}
			}
			if len(open) > 0 {
				f.on(r, "nothing denies %s in the namespace %s", strings.Join(open, " and "), o.name())
			}
		}
	}
	return f
}

// directions are those of network policies, as their rules are called.
var directions = []string{"ingress", "egress"}

// deniedBy are the directions in which a network policy denies everything that no other
// policy allows.
func deniedBy(o object) []string {
	if unknown(o.fields["spec"]) || unknown(o.spec("podSelector")) || hasUnknown(o.spec("policyTypes")) {
		return directions // perhaps
	}
	selector := o.spec("podSelector")
	if len(fields(at(selector, "matchLabels"))) > 0 || len(entries(at(selector, "matchExpressions"))) > 0 {
		return nil
	}
	var denied []string
	for _, direction := range directions {
		asked := slices.ContainsFunc(texts(o.spec("policyTypes")), func(kind string) bool { return strings.EqualFold(kind, direction) })
		open := slices.ContainsFunc(each(o.spec(direction)), func(rule map[string]any) bool { return len(rule) == 0 })
		if asked && !open {
			denied = append(denied, direction)
		}
	}
	return denied
}

// setting is a value that a service is given.
type setting struct{ name, value string }

// serviceSettings are the values that the containers of services are given: by their
// environment, commands and arguments, and by the application's ConfigMaps, which
// containers take whole.
func (r Resource) serviceSettings() []setting {
	var all []setting
	for _, p := range r.pods() {
		if !r.isService(p) {
			continue
		}
		for _, c := range p.containers() {
			for _, variable := range each(c.fields["env"]) {
				all = append(all, setting{text(variable["name"]), text(variable["value"])})
			}
			for _, key := range []string{"command", "args"} {
				for _, argument := range texts(c.fields[key]) {
					name, value, _ := strings.Cut(argument, "=")
					if value == "" {
						name, value = key, argument
					}
					all = append(all, setting{name, value})
				}
			}
		}
		for _, alias := range each(p.spec["hostAliases"]) {
			all = append(all, setting{"hostAliases", "http://" + text(alias["ip"])})
		}
	}
	for _, o := range r.objects {
		if o.kind == "ConfigMap" && r.isOurs(o) {
			for _, key := range sortedKeys(o.fields["data"]) {
				all = append(all, setting{key, text(at(o.fields, "data", key))})
			}
		}
		if o.kind == "Service" && r.isOurs(o) && text(o.spec("type")) == "ExternalName" {
			all = append(all, setting{"externalName", "http://" + text(o.spec("externalName"))})
		}
	}
	return all
}

var (
	brokerAddress = regexp.MustCompile(`:(9092|9093|9094|6379|5672|4222|2181)\b|(?i)\b(kafka|rediss?|valkey|amqps?|nats)://`)
	// A URL's host, or a host with its port.
	urlHost  = regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://(?:[^/\s@]*@)?(\[[0-9a-f:]+\]|[a-z0-9_.-]+)(?::(\d+))?`)
	bareHost = regexp.MustCompile(`(?i)(?:^|[\s,;="'])([a-z0-9][a-z0-9_.-]*):(\d{2,5})(?:$|[\s,;/"'])`)
	inside   = regexp.MustCompile(`(?i)(^|\.)(svc|svc\.[a-z0-9.-]+|cluster\.local)\.?$|\.(companion|kafka|data|nginx-gateway|dapr-system|cert-manager|default|kube-system)\.?$`)
	service  = regexp.MustCompile(`(?i)\b[a-z0-9-]+\.[a-z0-9-]+\.svc\b`)
)

// clusterAddress returns an address in a value that leads to another pod of the cluster;
// empty when there is none. The own pod, and what is outside, are none.
func clusterAddress(value string) string {
	for _, match := range urlHost.FindAllStringSubmatch(value, -1) {
		if isInside(match[1]) {
			return strings.TrimSuffix(match[0], "/")
		}
	}
	for _, match := range bareHost.FindAllStringSubmatch(value, -1) {
		host := match[1]
		if port, err := strconv.Atoi(match[2]); err != nil || port > 65535 {
			continue
		}
		if isNumber(host) { // a time of day
			continue
		}
		if isInside(host) {
			return host + ":" + match[2]
		}
	}
	return service.FindString(value)
}

// The variables by which OpenTelemetry's SDKs know their collector, and an address in another
// namespace. It takes spans and answers nothing: no service is coupled by it.
var (
	telemetryName    = regexp.MustCompile(`^OTEL_EXPORTER_OTLP_([A-Z]+_)?ENDPOINT$`)
	telemetryAddress = regexp.MustCompile(`^https?://[a-z0-9-]+\.([a-z0-9-]+)\.svc(\.cluster\.local)?(:\d+)?/?$`)
)

// collectsTelemetry tells whether a setting leads to a collector outside the application.
func collectsTelemetry(name, value string) bool {
	found := telemetryAddress.FindStringSubmatch(value)
	return telemetryName.MatchString(name) && found != nil && found[1] != Application
}

// isInside tells whether a host is one of the cluster: a name without dots, a name of a
// namespace's, or a private address.
func isInside(host string) bool {
	host = strings.Trim(strings.ToLower(host), "[].")
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsPrivate()
	}
	if host == "localhost" || host == "" || isNumber(host) {
		return false
	}
	return !strings.Contains(host, ".") || inside.MatchString(host)
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}

func isDapr(o object) bool {
	version := text(o.fields["apiVersion"])
	return version == "" || strings.HasPrefix(version, "dapr.io/")
}
