package rules

import (
	"slices"
	"strings"
)

// encryptedInTransit is principle 10: TLS on every ingress, and on the way to what
// holds data.
var encryptedInTransit = []Rule{
	{
		Name:        "listeners-with-tls",
		Principle:   EncryptedInTransit,
		Description: "People reach the application through a Gateway or an Ingress that ends TLS with a certificate.",
		Remedy:      "give the listener the protocol HTTPS and its certificate's secret in tls.certificateRefs",
		resource:    listeners,
	},
	{
		Name:        "routes-with-tls",
		Principle:   EncryptedInTransit,
		Description: "Routes belong to listeners with TLS; plain HTTP only leads there.",
		Remedy:      `set parentRefs[].sectionName to "https", or do nothing but redirect to https`,
		resource:    routes,
	},
	{
		Name:        "no-way-around-the-edge",
		Principle:   EncryptedInTransit,
		Description: "Nothing but the edge can be reached from outside.",
		Remedy:      "make the Service ClusterIP and give it a route at the edge's Gateway",
		resource:    waysAround,
	},
	{
		Name:        "proxy-protocol-with-hostname",
		Principle:   EncryptedInTransit,
		Description: "A load balancer that sends the PROXY protocol is known by a host name: by an address, calls from inside the cluster go to the pods directly, without the protocol, and fail.",
		Remedy:      "set the annotation service.beta.kubernetes.io/do-loadbalancer-hostname to the public name",
		resource:    proxiesWithoutName,
	},
	{
		Name:        "tls-to-data",
		Principle:   EncryptedInTransit,
		Description: "Connections to brokers, caches and databases use TLS, and say who connects.",
		Remedy:      "turn TLS and authentication on, at the listener and in what connects to it",
		resource:    plainData,
	},
	{
		Name:        "databases-trust-few",
		Principle:   EncryptedInTransit,
		Description: "A managed database is in a network of the stack's, and a firewall names who may connect: without one it is open to the Internet.",
		Remedy:      "give the DatabaseCluster a privateNetworkUuid, and a DatabaseFirewall whose rules name the cluster",
		plan:        openDatabases,
	},
}

// openDatabases finds managed databases that everybody may connect to. Which database a
// firewall belongs to is known after the update only, so that they are counted.
func openDatabases(plan Plan) []Violation {
	var f found
	var databases []Resource
	firewalls := 0
	for _, r := range plan.Resources {
		switch {
		case isDigitalOcean(r, "DatabaseCluster"):
			databases = append(databases, r)
			if vpc := r.Properties["privateNetworkUuid"]; text(vpc) == "" && !unknown(vpc) {
				f.on(r, "the database is in the account's default network")
			}
		case isDigitalOcean(r, "DatabaseFirewall"):
			if rules := r.Properties["rules"]; len(each(rules)) > 0 || hasUnknown(rules) {
				firewalls++ // one without rules lets everybody in
			}
		}
	}
	for i := firewalls; i < len(databases); i++ {
		f.on(databases[i], "of %d databases, %d have a firewall with rules", len(databases), firewalls)
	}
	return f
}

// A Gateway's listeners are named after what they speak, so that a route can be
// judged by the name it refers to.
const (
	plainListener = "http"
	tlsListener   = "https"
)

func listeners(r Resource) []Violation {
	var f found
	for _, o := range r.objects {
		switch {
		case o.kind == "Gateway" && len(entries(o.spec("servers"))) == 0, strings.HasSuffix(o.kind, "ListenerSet"):
			for _, listener := range each(o.spec("listeners")) {
				f = append(f, gatewayListener(listener, o.partial)...)
			}
		case o.kind == "Ingress":
			tls := o.spec("tls")
			if len(each(tls)) == 0 && !hasUnknown(tls) && !o.partial {
				f.addWith("give it a certificate's secret in spec.tls", "the Ingress has no tls")
			}
			for _, one := range each(tls) {
				if text(one["secretName"]) == "" && !unknown(one["secretName"]) {
					f.addWith("give it a certificate's secret in spec.tls", "the Ingress has a tls without a secret")
				}
			}
		case slices.Contains([]string{"IngressRoute", "IngressRouteTCP", "VirtualServer", "TransportServer", "HTTPProxy", "VirtualService"}, o.kind),
			o.kind == "Gateway":
			f.addWith("describe the way in as a Gateway and its routes", "a %s lets requests in by another way than the Gateway API", o.kind)
		}
	}
	return f
}

func gatewayListener(listener map[string]any, partial bool) []Violation {
	var f found
	name, protocol := text(listener["name"]), listener["protocol"]
	if unknown(protocol) || partial && protocol == nil {
		return nil
	}
	if text(protocol) != "HTTPS" && text(protocol) != "TLS" {
		if name != plainListener || text(protocol) != "HTTP" {
			f.add("listener %q speaks %s, without TLS", name, text(protocol))
		}
		return f
	}
	if mode := text(at(listener, "tls", "mode")); mode != "" && mode != "Terminate" {
		f.addWith("set tls.mode to Terminate", "listener %q does not end TLS (mode %s)", name, mode)
	}
	references := at(listener, "tls", "certificateRefs")
	named := slices.ContainsFunc(each(references), func(reference map[string]any) bool {
		return text(reference["name"]) != "" || unknown(reference["name"])
	})
	if !named && !hasUnknown(references) {
		f.add("listener %q has no certificate", name)
	}
	if name == plainListener {
		f.addWith(`name it "https"`, "the listener %q speaks %s: that name is for what only leads to TLS", name, text(protocol))
	}
	return f
}

// routes refuses what is served without TLS.
func routes(r Resource) []Violation {
	var f found
	for _, o := range r.objects {
		if !slices.Contains([]string{"HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute", "UDPRoute"}, o.kind) || unknown(o.fields["spec"]) {
			continue
		}
		parents := o.spec("parentRefs")
		if len(each(parents)) == 0 && !hasUnknown(parents) && !o.partial {
			f.add("the route names no listener")
			continue
		}
		plain := slices.ContainsFunc(each(parents), func(parent map[string]any) bool {
			section := parent["sectionName"]
			return text(section) != tlsListener && !unknown(section)
		})
		rules := each(o.spec("rules"))
		if plain && (len(rules) == 0 || slices.ContainsFunc(rules, func(rule map[string]any) bool { return !redirects(rule) })) && !hasUnknown(o.spec("rules")) {
			f.add("the route is served without TLS")
		}
	}
	return f
}

func redirects(rule map[string]any) bool {
	return slices.ContainsFunc(each(rule["filters"]), func(filter map[string]any) bool {
		return text(filter["type"]) == "RequestRedirect" && text(at(filter, "requestRedirect", "scheme")) == "https"
	})
}

// waysAround finds what can be reached from outside.
func waysAround(r Resource) []Violation {
	var f found
	for _, kind := range []string{"LoadBalancer", "Droplet", "App", "ReservedIp", "FloatingIp"} {
		if isDigitalOcean(r, kind) {
			f.add("a %s of DigitalOcean's is a way in of its own", kind)
		}
	}
	for _, o := range r.objects {
		if o.kind != "Service" || strings.HasPrefix(text(o.fields["apiVersion"]), "serving.") {
			continue
		}
		if kind := text(o.spec("type")); kind == "LoadBalancer" || kind == "NodePort" {
			f.add("a Service of type %s goes around the Gateway and its TLS", kind)
		}
		if len(texts(o.spec("externalIPs"))) > 0 {
			f.add("externalIPs go around the Gateway and its TLS")
		}
	}
	for _, p := range r.pods() {
		if yes(p.spec["hostNetwork"]) {
			f.addWith("leave hostNetwork out", "the pods listen on the nodes' own network")
		}
		for _, c := range p.containers() {
			for _, port := range each(c.fields["ports"]) {
				if n, is := number(port["hostPort"]); is && n != 0 {
					f.addWith("leave hostPort out", "container %q listens on the nodes' port %v", c.name, n)
				}
			}
		}
	}
	if !isEdge(r) {
		f = append(f, servicesInValues(r)...)
	}
	return f
}

// The annotations of DigitalOcean's load balancers.
const (
	proxyProtocolAnnotation = "service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol"
	hostnameAnnotation      = "service.beta.kubernetes.io/do-loadbalancer-hostname"
)

// proxiesWithoutName finds annotations, of a Service or in whatever makes one, that turn the
// PROXY protocol on and give no host name: kube-proxy hands connections to a Service's
// external address to its pods, past the load balancer that would send the protocol.
func proxiesWithoutName(r Resource) []Violation {
	if !r.isKubernetes() {
		return nil
	}
	var f found
	r.walkAll(func(path []string, value any) bool {
		annotations := fields(value)
		if on := annotations[proxyProtocolAnnotation]; !yes(on) {
			return true
		}
		if name := annotations[hostnameAnnotation]; text(name) == "" && !unknown(name) {
			f.add("the load balancer sends the PROXY protocol, but has no host name (%s)", strings.Join(path, "."))
		}
		return true
	})
	return f
}

// isEdge tells whether the resource is NGINX, whose load balancer is the one way in.
func isEdge(r Resource) bool {
	return r.isRelease() && r.in("companion:edge:Edge") && (strings.HasPrefix(r.chart(), "nginx-gateway-fabric") || unknown(r.Properties["chart"]))
}

// servicesInValues finds ways in that the values of a chart or a custom resource ask for.
func servicesInValues(r Resource) []Violation {
	if !r.isKubernetes() {
		return nil
	}
	var f found
	r.walkAll(func(path []string, value any) bool {
		if len(path) == 0 {
			return true
		}
		key, place := strings.ToLower(path[len(path)-1]), strings.Join(path, ".")
		switch value := value.(type) {
		case string:
			kind := strings.ToLower(value)
			own := len(path) == 2 && path[0] == "spec" && !r.isRelease() // found above
			if strings.HasSuffix(key, "type") && (kind == "loadbalancer" || kind == "nodeport") && !own {
				f.add("%s asks for a way in of its own (%s)", value, place)
			}
		case bool:
			if value && (key == "hostnetwork" || key == "hostport") && r.isRelease() {
				f.add("%s opens the nodes' own network", place)
			}
		}
		return true
	})
	return f
}

// plainData looks at the listeners of brokers, and at what connects to data.
func plainData(r Resource) []Violation {
	var f found
	if isDigitalOcean(r, "DatabaseFirewall") && slices.ContainsFunc(each(r.Properties["rules"]), func(rule map[string]any) bool {
		return text(rule["value"]) == "0.0.0.0/0"
	}) {
		f.add("the database's firewall lets everybody in")
	}
	for _, o := range r.objects {
		switch o.kind {
		case "Kafka":
			for _, listener := range each(o.spec("kafka", "listeners")) {
				name := text(listener["name"])
				if tls := listener["tls"]; !yes(tls) && !unknown(tls) {
					f.add("the brokers' listener %q has no TLS", name)
				}
				if method := listener["authentication"]; text(at(method, "type")) == "" && !unknown(at(method, "type")) {
					f.add("the brokers' listener %q asks nobody who they are", name)
				}
				if kind := text(listener["type"]); kind != "" && kind != "internal" && kind != "cluster-ip" {
					f.add("the brokers' listener %q is open to the outside (%s)", name, kind)
				}
			}
			if o.spec("kafka") != nil && !o.partial && text(o.spec("kafka", "authorization", "type")) == "" && !unknown(o.spec("kafka", "authorization", "type")) {
				f.add("whoever is known to the brokers may do everything: they have no authorization")
			}
		case "Component":
			f = append(f, plainComponent(o)...)
		}
	}
	r.walkAll(func(_ []string, value any) bool {
		if s, is := value.(string); is && strings.Contains(s, "sslmode=disable") {
			f.add("a database's connection string says sslmode=disable")
		}
		return true
	})
	return f
}

// plainComponent looks at how a Dapr component connects.
func plainComponent(o object) []Violation {
	var f found
	settings, named := map[string]any{}, map[string]bool{}
	for _, entry := range each(o.spec("metadata")) {
		settings[text(entry["name"])], named[text(entry["name"])] = entry["value"], true
	}
	kind := text(o.spec("type"))
	switch {
	case o.partial || hasUnknown(o.spec("metadata")):
	case strings.HasSuffix(kind, ".kafka"):
		if method := settings["authType"]; !unknown(method) && (text(method) == "" || text(method) == "none") {
			f.add("the component connects to the brokers without saying who it is")
		}
		if !named["caCert"] && !yes(settings["enableTLS"]) || yes(settings["disableTls"]) || yes(settings["skipVerify"]) {
			f.add("the component connects to the brokers without TLS that it verifies")
		}
	case strings.HasSuffix(kind, ".redis"):
		if on := settings["enableTLS"]; !yes(on) && !unknown(on) {
			f.add("the component connects to Redis without TLS")
		}
	}
	return f
}
