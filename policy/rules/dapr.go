package rules

import (
	"fmt"
	"regexp"
	"strings"
)

// throughDapr is principles 2, 5, 7 and 8: services reach Kafka, Redis and one
// another by their Dapr sidecars only.
var throughDapr = Rule{
	Name:        "services-through-dapr",
	Description: "Every service has a Dapr sidecar, and knows neither brokers nor caches nor other services by address.",
	Check: func(r Resource) []string {
		pod := podSpec(r)
		if pod == nil || !strings.Contains(r.URN, workload) {
			return nil
		}
		var found []string
		annotations := at(r.Properties, "spec", "template", "metadata", "annotations")
		enabled, name := at(annotations, "dapr.io/enabled"), at(r.Properties, "metadata", "name")
		if text(enabled) != "true" && !unknown(enabled) {
			found = append(found, `the service has no sidecar: set the annotation dapr.io/enabled to "true"`)
		} else if id := text(at(annotations, "dapr.io/app-id")); id != "" && id != text(name) && !unknown(name) {
			found = append(found, fmt.Sprintf("the service's Dapr app id is %q: it must be its name, by which events and policies know it", id))
		}
		for _, container := range containers(pod) {
			for _, variable := range each(container["env"]) {
				name, value := text(variable["name"]), text(variable["value"])
				if broker.MatchString(name) || address.MatchString(value) {
					found = append(found, fmt.Sprintf("the service is given an address (%s): have it ask its sidecar by a component's or an app's name", name))
				}
			}
		}
		return found
	},
}

// workload is the type of the component that makes our services.
const workload = "companion:workload:Workload$"

var (
	broker  = regexp.MustCompile(`^(KAFKA|REDIS|RABBITMQ|NATS|BROKERS?)_|_BROKERS?$`)
	address = regexp.MustCompile(`:(9092|9093|9094|6379)\b|\.svc(\.|:|/|$)`)
)
