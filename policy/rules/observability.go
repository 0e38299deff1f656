package rules

import (
	"slices"
	"strings"
	"unicode"
)

// observable is principle 4: observability required.
var observable = []Rule{
	{
		Name:        "probes",
		Principle:   Observable,
		Description: "Kubernetes knows whether a container is alive and whether it is ready.",
		Remedy:      "add a livenessProbe and a readinessProbe",
		resource: func(r Resource) []Violation {
			var f found
			for _, p := range r.pods() {
				if p.partial || p.runsToEnd() {
					continue
				}
				for _, c := range p.containers() {
					for _, probe := range []string{"livenessProbe", "readinessProbe"} {
						if !c.init && len(fields(c.fields[probe])) == 0 && !unknown(c.fields[probe]) {
							f.add("container %q has no %s", c.name, probe)
						}
					}
				}
			}
			return f
		},
	},
	{
		Name:        "structured-logs",
		Principle:   Observable,
		Description: "Sidecars and Dapr's control plane write their logs as JSON.",
		Remedy:      `set the pods' annotation dapr.io/log-as-json to "true", and global.logAsJson in the values of Dapr's chart`,
		resource: func(r Resource) []Violation {
			var f found
			if on := at(r.Properties, "values", "global", "logAsJson"); r.isRelease() && r.chart() == "dapr" && !yes(on) && !unknown(on) {
				f.add("the control plane writes its logs as text")
			}
			for _, p := range r.pods() {
				annotations := at(p.metadata, "annotations")
				if on := at(annotations, "dapr.io/log-as-json"); yes(at(annotations, "dapr.io/enabled")) && !yes(on) && !unknown(on) {
					f.add("the sidecar writes its logs as text")
				}
			}
			return f
		},
	},
	{
		Name:        "traces",
		Principle:   Observable,
		Description: "Requests and events are traced through the sidecars, which count what they do.",
		Remedy:      "set spec.tracing.samplingRate above 0 and spec.metric.enabled to true, and have every service's dapr.io/config name that Configuration",
		resource: func(r Resource) []Violation {
			var f found
			for _, o := range r.objects {
				if o.kind != "Configuration" || o.partial || !isDapr(o) || unknown(o.fields["spec"]) {
					continue
				}
				rate := o.spec("tracing", "samplingRate")
				if n, is := number(rate); !unknown(rate) && (!is || n <= 0) {
					f.add("nothing is traced")
				}
				for _, key := range []string{"metric", "metrics"} {
					if on := open(o.spec(key, "enabled")); on == false || on == "false" {
						f.add("the sidecars count nothing")
					}
				}
			}
			for _, p := range r.pods() {
				annotations := at(p.metadata, "annotations")
				if config := at(annotations, "dapr.io/config"); yes(at(annotations, "dapr.io/enabled")) && !p.partial && text(config) == "" && !unknown(config) {
					f.add("the sidecar has no Configuration, and traces nothing")
				}
			}
			return f
		},
	},
	{
		Name:        "scraped-metrics",
		Principle:   Observable,
		Description: "The metrics of every service are scraped.",
		Remedy:      "add a PodMonitor or a ServiceMonitor that selects its pods, or the annotations prometheus.io/scrape and prometheus.io/port",
		plan: func(plan Plan) []Violation {
			return plan.servicesWithout("its metrics are scraped by nothing", func(w workload, annotations any) bool {
				return yes(at(annotations, "prometheus.io/scrape")) || unknown(annotations) || plan.monitored(w)
			})
		},
	},
	{
		Name:        "objectives",
		Principle:   Observable,
		Description: "Every service has an objective: an alert tells when people notice.",
		Remedy:      "add a PrometheusRule (or a ServiceLevelObjective) whose rules have the label service",
		plan: func(plan Plan) []Violation {
			covered, later := plan.named([]string{"PrometheusRule", "ServiceLevelObjective", "PrometheusServiceLevel"}, "service")
			return plan.servicesWithout("nothing says how well it has to work", func(w workload, _ any) bool {
				return later || covered[w.object.name()]
			})
		},
	},
	{
		Name:        "dashboards",
		Principle:   Observable,
		Description: "Every service has a dashboard.",
		Remedy:      `add a ConfigMap with the label grafana_dashboard, whose content names the service in quotes or as a word`,
		plan: func(plan Plan) []Violation {
			content, later := plan.dashboards()
			return plan.servicesWithout("no dashboard shows it", func(w workload, _ any) bool {
				return later || slices.Contains(content, w.object.name())
			})
		},
	},
}

// servicesWithout finds the services that lack something.
func (p Plan) servicesWithout(what string, has func(w workload, annotations any) bool) []Violation {
	var f found
	for _, r := range p.Resources {
		for _, pod := range r.pods() {
			if !isReplicated(pod.object) || pod.partial || !r.isService(pod) || unknown(at(pod.object.fields, "metadata", "name")) {
				continue
			}
			w := workload{r, pod.object, at(pod.metadata, "labels")}
			if !has(w, at(pod.metadata, "annotations")) {
				f.on(r, "%s", what)
			}
		}
	}
	return f
}

// monitors are the kinds that have Prometheus read metrics.
var monitors = []string{"PodMonitor", "ServiceMonitor"}

// monitored tells whether a monitor selects the workload's pods.
func (p Plan) monitored(w workload) bool {
	if p.leavesOut(monitors...) {
		return true // it may be this one's
	}
	for _, r := range p.Resources {
		for _, o := range r.objects {
			if !slices.Contains(monitors, o.kind) {
				continue
			}
			if unknown(o.fields["spec"]) || unknown(o.spec("selector")) || unknown(o.spec("namespaceSelector")) {
				return true // it may be this one's
			}
			named := texts(o.spec("namespaceSelector", "matchNames"))
			there := same(o.namespace(), w.object.namespace()) && len(named) == 0 ||
				slices.Contains(named, text(w.object.namespace())) || yes(o.spec("namespaceSelector", "any"))
			if there && selects(o.spec("selector", "matchLabels"), w.labels) && len(entries(o.spec("selector", "matchExpressions"))) == 0 {
				return true
			}
		}
	}
	return false
}

// leavesOut tells whether an object of one of the kinds is left out.
func (p Plan) leavesOut(kinds ...string) bool {
	return slices.ContainsFunc(kinds, func(kind string) bool { return slices.Contains(p.LeftOut, kind) })
}

// named collects the values of a label in objects of those kinds; later tells that one is
// known only later.
func (p Plan) named(kinds []string, label string) (names map[string]bool, later bool) {
	names, later = map[string]bool{}, p.leavesOut(kinds...)
	for _, r := range p.Resources {
		for _, o := range r.objects {
			if !slices.Contains(kinds, o.kind) {
				continue
			}
			walk(o.fields, func(path []string, value any) bool {
				if unknown(value) {
					later = true
				}
				if len(path) > 0 && path[len(path)-1] == label && text(value) != "" {
					names[text(value)] = true
				}
				return true
			})
		}
	}
	return names, later
}

// dashboards returns the words that dashboards hold; later tells that one is known only
// later.
func (p Plan) dashboards() (content []string, later bool) {
	later = p.leavesOut("ConfigMap", "GrafanaDashboard")
	for _, r := range p.Resources {
		for _, o := range r.objects {
			label := at(o.fields, "metadata", "labels", "grafana_dashboard")
			if o.kind != "ConfigMap" && o.kind != "GrafanaDashboard" || o.kind == "ConfigMap" && label == nil {
				continue
			}
			walk(o.fields, func(_ []string, value any) bool {
				if unknown(value) {
					later = true
				}
				content = append(content, strings.FieldsFunc(text(value), func(letter rune) bool {
					return letter != '-' && !unicode.IsLetter(letter) && !unicode.IsDigit(letter)
				})...)
				return true
			})
		}
	}
	return content, later
}
