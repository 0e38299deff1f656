package rules

import (
	"slices"
	"strings"
)

// portable is principle 5: portable services. Dapr hides the infrastructure from them,
// and pods that need nothing of a node run on any.
var portable = []Rule{
	{
		Name:        "restricted-pods",
		Principle:   Portable,
		Description: "Pods need no privilege: they keep to the restricted Pod Security Standard, on a file system that is read only.",
		Remedy:      "set runAsNonRoot, seccompProfile RuntimeDefault, allowPrivilegeEscalation false, readOnlyRootFilesystem, and drop ALL capabilities",
		resource: func(r Resource) []Violation {
			var f found
			for _, p := range r.pods() {
				f = append(f, privileges(p)...)
			}
			f = append(f, privilegesInValues(r)...)
			return f
		},
	},
	{
		Name:        "namespaces-enforce-pod-security",
		Principle:   Portable,
		Description: "A namespace takes no pods but restricted or baseline ones, whoever makes them.",
		Remedy:      "set the namespace's label pod-security.kubernetes.io/enforce to restricted, or to baseline where its pods need more",
		resource: func(r Resource) []Violation {
			var f found
			for _, o := range r.objects {
				if o.kind != "Namespace" || o.partial {
					continue
				}
				level := at(o.fields, "metadata", "labels", "pod-security.kubernetes.io/enforce")
				if name := text(level); name != "restricted" && name != "baseline" && !unknown(level) {
					f.add("the namespace takes privileged pods")
				}
			}
			return f
		},
	},
	{
		Name:        "requests-and-limits",
		Principle:   Portable,
		Description: "A container says what it needs: requests of CPU and memory, and a limit of memory.",
		Remedy:      "set resources.requests.cpu, resources.requests.memory and resources.limits.memory, of a chart in its values",
		resource: func(r Resource) []Violation {
			var f found
			for _, p := range r.pods() {
				if p.partial {
					continue
				}
				for _, c := range p.containers() {
					f = append(f, unsized("container "+quoted(c.name), c.fields["resources"])...)
				}
				annotations := at(p.metadata, "annotations")
				if yes(at(annotations, "dapr.io/enabled")) {
					for _, key := range []string{"dapr.io/sidecar-cpu-request", "dapr.io/sidecar-memory-request", "dapr.io/sidecar-memory-limit"} {
						if value := at(annotations, key); text(value) == "" && !unknown(value) {
							f.addWith("set the pods' annotation "+key, "the sidecar has no %s", strings.TrimPrefix(key, "dapr.io/sidecar-"))
						}
					}
				}
			}
			f = append(f, unsizedChart(r)...)
			for _, o := range r.objects {
				if o.kind == "KafkaNodePool" && !o.partial && !unknown(o.fields["spec"]) {
					f = append(f, unsized("the brokers", o.spec("resources"))...)
				}
			}
			return f
		},
	},
	{
		Name:        "services-know-no-cloud",
		Principle:   Portable,
		Description: "Services run on any Kubernetes: they name no cloud, and take nothing from the node.",
		Remedy:      "leave it out, or move it into the component of the infrastructure that it belongs to",
		resource: func(r Resource) []Violation {
			var f found
			for _, p := range r.pods() {
				if !r.isService(p) {
					continue
				}
				f = append(f, ofCloud(p)...)
			}
			return f
		},
	},
}

func quoted(name string) string { return `"` + name + `"` }

// partsOf are the parts of charts whose size is in the values under their name, where the
// chart itself says nothing; the chart's own values when the name is empty.
var partsOf = map[string][]string{
	"dapr":                 {"dapr_operator", "dapr_placement", "dapr_scheduler", "dapr_sentry", "dapr_sidecar_injector"},
	"cert-manager":         {"", "cainjector", "startupapicheck", "webhook"},
	"metrics-server":       {""},
	"nginx-gateway-fabric": {"nginxGateway"},
}

// unsizedChart finds what parts of a chart do not say about their size.
func unsizedChart(r Resource) []Violation {
	var f found
	if !r.isRelease() || unknown(r.Properties["values"]) {
		return f
	}
	for _, part := range partsOf[r.chart()] {
		values, of := r.Properties["values"], "the chart"
		if part != "" {
			values, of = at(values, part), "the chart's "+part
		}
		if !unknown(values) {
			f = append(f, unsized(of, at(values, "resources"))...)
		}
	}
	return f
}

// unsized finds what a container does not say about its size.
func unsized(of string, resources any) []Violation {
	var f found
	for _, path := range [][]string{{"requests", "cpu"}, {"requests", "memory"}, {"limits", "memory"}} {
		value := at(resources, path...)
		if _, is := number(value); !is && text(value) == "" && !unknown(value) {
			f.add("%s has no %s", of, strings.Join(path, "."))
		}
	}
	return f
}

// privileges finds what pods have or do not give up.
func privileges(p pod) []Violation {
	var f found
	for _, key := range []string{"hostNetwork", "hostPID", "hostIPC"} {
		if yes(p.spec[key]) {
			f.add("the pods share the node's: %s", key)
		}
	}
	for _, volume := range each(p.spec["volumes"]) {
		if volume["hostPath"] != nil && !unknown(volume["hostPath"]) {
			f.add("the volume %q is a folder of the node's", text(volume["name"]))
		}
	}
	context := p.spec["securityContext"]
	for _, c := range p.containers() {
		own := c.fields["securityContext"]
		if unknown(own) {
			continue
		}
		f = append(f, containerPrivileges(c.name, own, context, p.partial || unknown(context))...)
	}
	return f
}

// containerPrivileges looks at a container's security context, which overrides that of its
// pod. What a partial pod lacks may be there already.
func containerPrivileges(name string, own, pods any, partial bool) []Violation {
	var f found
	if yes(at(own, "privileged")) {
		f.add("container %q is privileged", name)
	}
	must := func(value any, right bool, wrong string) {
		if !right && !unknown(value) && (!partial || value != nil) {
			f.add("container %q %s", name, wrong)
		}
	}
	inherited := func(key string) any {
		if value := at(own, key); value != nil {
			return value
		}
		return at(pods, key)
	}
	escalation := at(own, "allowPrivilegeEscalation")
	must(escalation, escalation == false || text(escalation) == "false", "may gain privileges (allowPrivilegeEscalation)")
	readOnly := at(own, "readOnlyRootFilesystem")
	must(readOnly, yes(readOnly), "may write into its image (readOnlyRootFilesystem)")
	nonRoot := inherited("runAsNonRoot")
	must(nonRoot, yes(nonRoot), "may run as root (runAsNonRoot)")
	if user, is := number(inherited("runAsUser")); is && user == 0 {
		f.add("container %q runs as root (runAsUser)", name)
	}
	profile := at(inherited("seccompProfile"), "type")
	must(profile, slices.Contains([]string{"RuntimeDefault", "Localhost"}, text(profile)), "may make any system call (seccompProfile)")
	drop := at(own, "capabilities", "drop")
	must(drop, slices.Contains(texts(drop), "ALL") || hasUnknown(drop), "keeps capabilities (drop ALL)")
	for _, capability := range texts(at(own, "capabilities", "add")) {
		if capability != "NET_BIND_SERVICE" {
			f.add("container %q adds the capability %s", name, capability)
		}
	}
	if mount := text(at(own, "procMount")); mount != "" && mount != "Default" {
		f.add("container %q sees the node's processes (procMount)", name)
	}
	return f
}

// privilegesInValues finds what the values of a chart or a custom resource ask for.
func privilegesInValues(r Resource) []Violation {
	var f found
	if !r.isRelease() {
		return nil
	}
	r.walkAll(func(path []string, value any) bool {
		if len(path) == 0 || !yes(value) {
			return true
		}
		if key := path[len(path)-1]; slices.Contains([]string{"privileged", "hostNetwork", "hostPID", "hostIPC", "allowPrivilegeEscalation"}, key) {
			f.add("the chart's pods get a privilege (%s)", strings.Join(path, "."))
		}
		return true
	})
	return f
}

// ofCloud finds what ties a service's pods to a cloud or to a node.
func ofCloud(p pod) []Violation {
	var f found
	if name := text(p.spec["nodeName"]); name != "" {
		f.add("the pods run on the node %s only", name)
	}
	for _, key := range sortedKeys(p.spec["nodeSelector"]) {
		if isCloud(key) {
			f.add("the pods run on nodes with %s only", key)
		}
	}
	for _, key := range sortedKeys(at(p.metadata, "annotations")) {
		if isCloud(key) {
			f.add("the pods have a cloud's annotation (%s)", key)
		}
	}
	for _, c := range p.containers() {
		for _, variable := range each(c.fields["env"]) {
			name := text(variable["name"])
			for _, prefix := range []string{"AWS_", "AZURE_", "GCP_", "GOOGLE_", "DIGITALOCEAN_", "DO_", "SPACES_"} {
				if strings.HasPrefix(name, prefix) {
					f.add("container %q is given a cloud's setting (%s)", c.name, name)
				}
			}
		}
	}
	return f
}

// isCloud tells of a label or an annotation that it is one cloud's.
func isCloud(key string) bool {
	return slices.ContainsFunc([]string{"digitalocean.com", "amazonaws.com", "k8s.aws", "azure.com", "gke.io", "google.com"}, func(domain string) bool {
		name, _, _ := strings.Cut(key, "/")
		return name == domain || strings.HasSuffix(name, "."+domain)
	})
}
