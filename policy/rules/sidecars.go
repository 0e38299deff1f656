package rules

import (
	"strings"
)

// throughSidecars is principle 8: services talk through Dapr sidecars.
var throughSidecars = []Rule{
	{
		Name:        "services-have-sidecars",
		Principle:   ThroughSidecars,
		Description: "Every service has a Dapr sidecar, under the service's own name.",
		Remedy:      `set the pods' annotations dapr.io/enabled to "true" and dapr.io/app-id to the service's name`,
		resource:    haveSidecars,
	},
	{
		Name:        "sidecars-with-mtls",
		Principle:   ThroughSidecars,
		Description: "Sidecars speak to one another over mutual TLS.",
		Remedy:      "set global.mtls.enabled to true in the values of Dapr's chart, and leave spec.mtls of Configurations alone",
		resource: func(r Resource) []Violation {
			var f found
			if r.isRelease() && r.chart() == "dapr" {
				if on := at(r.Properties, "values", "global", "mtls", "enabled"); !yes(on) && !unknown(on) {
					f.add("the control plane gives sidecars no certificates")
				}
			}
			for _, o := range r.objects {
				if on := o.spec("mtls", "enabled"); o.kind == "Configuration" && (open(on) == false || text(on) == "false") {
					f.add("the sidecars speak in the clear")
				}
			}
			return f
		},
	},
	{
		Name:        "sidecars-with-access-control",
		Principle:   ThroughSidecars,
		Description: "A service may invoke another only where a policy lets it.",
		Remedy:      "set spec.accessControl.defaultAction to deny, in the Configuration and in each of its policies, and allow paths one by one",
		resource: func(r Resource) []Violation {
			var f found
			for _, o := range r.objects {
				if o.kind != "Configuration" || o.partial || !isDapr(o) {
					continue
				}
				control := o.spec("accessControl")
				if action := at(control, "defaultAction"); text(action) != "deny" && !unknown(action) {
					f.add("whatever has no policy may invoke the services")
				}
				for _, policy := range each(at(control, "policies")) {
					if action := policy["defaultAction"]; text(action) == "allow" {
						f.add("%s may invoke everything", text(policy["appId"]))
					}
					for _, operation := range each(policy["operations"]) {
						if name := text(operation["name"]); text(operation["action"]) == "allow" && (name == "/*" || name == "/**" || name == "*") {
							f.add("%s may invoke every path", text(policy["appId"]))
						}
					}
				}
			}
			return f
		},
	},
	{
		Name:        "sidecars-with-tokens",
		Principle:   ThroughSidecars,
		Description: "A service takes events from its own sidecar only, and a sidecar calls from its own service only: each shows the other a token.",
		Remedy:      "set the pods' annotations dapr.io/api-token-secret and dapr.io/app-token-secret to two Secrets, and give the container DAPR_API_TOKEN and APP_API_TOKEN of them",
		resource: func(r Resource) []Violation {
			var f found
			for _, p := range r.pods() {
				f = append(f, missingTokens(p)...)
			}
			return f
		},
	},
	{
		Name:        "sidecars-come-first",
		Principle:   ThroughSidecars,
		Description: "A service without its sidecar looks healthy and hears nothing: no pod starts while Dapr cannot add one.",
		Remedy:      "set dapr_sidecar_injector.webhookFailurePolicy to Fail in the values of Dapr's chart",
		resource: func(r Resource) []Violation {
			var f found
			if r.isRelease() && r.chart() == "dapr" {
				if policy := at(r.Properties, "values", "dapr_sidecar_injector", "webhookFailurePolicy"); text(policy) != "Fail" && !unknown(policy) {
					f.add("pods start without a sidecar while the injector is away")
				}
			}
			return f
		},
	},
}

// The annotations that name the Secrets with the tokens: what the sidecar asks of whoever calls
// it, and what the service asks of its sidecar.
const (
	asksSidecar = "dapr.io/api-token-secret"
	asksService = "dapr.io/app-token-secret"
)

// missingTokens finds in pods with a sidecar what lets strangers call it, or the service.
func missingTokens(p pod) []Violation {
	annotations := at(p.metadata, "annotations")
	// What is laid over a pod need not say again that it has a sidecar.
	if enabled := at(annotations, "dapr.io/enabled"); !yes(enabled) && (!p.partial || enabled != nil) {
		return nil
	}
	var f found
	for _, way := range []struct{ annotation, variable, without string }{
		{asksSidecar, "DAPR_API_TOKEN", "the sidecar takes calls from whoever reaches it"},
		{asksService, "APP_API_TOKEN", "the service takes events from whoever reaches it"},
	} {
		secret := at(annotations, way.annotation)
		if unknown(secret) || p.partial && secret == nil {
			continue
		}
		if text(secret) == "" {
			f.add("%s: there is no %s", way.without, way.annotation)
			continue
		}
		if !p.partial && !readsSecret(p, way.variable, text(secret)) {
			f.add("no container reads %s from the Secret %s", way.variable, text(secret))
		}
	}
	if one := text(at(annotations, asksSidecar)); one != "" && one == text(at(annotations, asksService)) {
		f.add("the service and its sidecar show each other the same token")
	}
	return f
}

// readsSecret tells whether a container has a variable whose value is in that Secret.
func readsSecret(p pod, variable, secret string) bool {
	for _, c := range p.containers() {
		if hasUnknown(c.fields["env"]) {
			return true // perhaps
		}
		for _, one := range each(c.fields["env"]) {
			if text(one["name"]) != variable && !unknown(one["name"]) {
				continue
			}
			from := at(one, "valueFrom", "secretKeyRef", "name")
			if text(from) == secret || unknown(from) || unknown(one["valueFrom"]) {
				return true
			}
		}
	}
	return false
}

// haveSidecars looks at the pods of services.
func haveSidecars(r Resource) []Violation {
	var f found
	for _, p := range r.pods() {
		if !r.isService(p) {
			continue
		}
		annotations := at(p.metadata, "annotations")
		if enabled := at(annotations, "dapr.io/enabled"); !yes(enabled) && !unknown(enabled) && !p.partial {
			f.add("the service has no sidecar")
			continue
		} else if p.partial && enabled != nil && !yes(enabled) && !unknown(enabled) {
			f.add("the service loses its sidecar")
		}
		id, name := at(annotations, "dapr.io/app-id"), at(p.object.fields, "metadata", "name")
		switch {
		case unknown(id) || unknown(name):
		case text(id) == "" && !p.partial:
			f.add("the service has no Dapr app id, by which events and policies know it")
		case text(id) != "" && name != nil && text(id) != text(name) && !strings.HasPrefix(text(name), text(id)+"-"):
			f.add("the service's Dapr app id is %q and its name %q: events and policies know it by one name", text(id), text(name))
		}
	}
	return f
}
