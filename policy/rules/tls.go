package rules

import (
	"fmt"
	"slices"
)

// tlsEverywhere is principle 10: TLS on every ingress.
var tlsEverywhere = Rule{
	Name:        "tls-on-every-ingress",
	Description: "People reach the application through a Gateway that ends TLS with a certificate; plain HTTP only leads there.",
	Check: func(r Resource) []string {
		switch kind(r) {
		case "Gateway":
			return listeners(r)
		case "HTTPRoute":
			return route(r)
		case "Ingress":
			if len(each(at(r.Properties, "spec", "tls"))) == 0 && !unknown(at(r.Properties, "spec", "tls")) {
				return violation("the Ingress has no tls: give it a certificate's secret in spec.tls")
			}
		case "Service":
			if text(at(r.Properties, "spec", "type")) == "LoadBalancer" {
				return violation("a Service of type LoadBalancer goes around the Gateway and its TLS: make it ClusterIP and give it an HTTPRoute")
			}
		}
		return nil
	},
}

// A Gateway's listeners are named after what they speak, so that a route can be
// judged by the name it refers to.
const (
	plainListener = "http"
	tlsListener   = "https"
)

func listeners(r Resource) []string {
	var found []string
	for _, listener := range each(at(r.Properties, "spec", "listeners")) {
		name := text(listener["name"])
		switch protocol := text(listener["protocol"]); protocol {
		case "HTTPS", "TLS":
			if mode := text(at(listener, "tls", "mode")); mode != "" && mode != "Terminate" {
				found = append(found, fmt.Sprintf("listener %q does not end TLS (mode %s): set tls.mode to Terminate", name, mode))
			}
			if references := at(listener, "tls", "certificateRefs"); len(each(references)) == 0 && !unknown(references) {
				found = append(found, fmt.Sprintf("listener %q has no certificate: name its secret in tls.certificateRefs", name))
			}
			if name == plainListener {
				found = append(found, fmt.Sprintf("the listener %q speaks %s: name it %q, %q is for what only leads there", name, protocol, tlsListener, plainListener))
			}
		default:
			if name != plainListener {
				found = append(found, fmt.Sprintf("listener %q speaks %s, without TLS: make it HTTPS with a certificate", name, protocol))
			}
		}
	}
	return found
}

// route refuses what is served without TLS.
func route(r Resource) []string {
	plain := slices.ContainsFunc(each(at(r.Properties, "spec", "parentRefs")), func(parent map[string]any) bool {
		section := text(parent["sectionName"])
		return section == plainListener || section == "" && !unknown(parent["sectionName"])
	})
	if !plain {
		return nil
	}
	for _, rule := range each(at(r.Properties, "spec", "rules")) {
		if !redirects(rule) {
			return violation("the route is served without TLS: set parentRefs[].sectionName to %q, or do nothing but redirect to https", tlsListener)
		}
	}
	return nil
}

func redirects(rule map[string]any) bool {
	return slices.ContainsFunc(each(rule["filters"]), func(filter map[string]any) bool {
		return text(filter["type"]) == "RequestRedirect" && text(at(filter, "requestRedirect", "scheme")) == "https"
	})
}
