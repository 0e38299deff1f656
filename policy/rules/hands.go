package rules

import (
	"slices"
	"strings"
)

// nothingByHand is principle 3: nothing by hand in production. Nobody has rights to
// change it by hand, nobody has to when a node fails, and nobody can destroy data by
// mistake.
var nothingByHand = []Rule{
	{
		Name:        "no-rights-to-everything",
		Principle:   NothingByHand,
		Description: "Accounts have the rights that they need: no cluster-admin, no wildcards, no rights to take more rights.",
		Remedy:      "name the verbs, the resources and the API groups, in a Role of the namespace",
		resource:    wideRights,
	},
	{
		Name:        "highly-available-cluster",
		Principle:   NothingByHand,
		Description: "The cluster goes on without a node and without a machine of its control plane.",
		Remedy:      "set ha and surgeUpgrade, and three nodes or more",
		resource: func(r Resource) []Violation {
			var f found
			if !isCluster(r) {
				return nil
			}
			for _, key := range []string{"ha", "surgeUpgrade"} {
				if on := r.Properties[key]; !yes(on) && !unknown(on) {
					f.add("%s is not set", key)
				}
			}
			nodes := at(r.Properties, "nodePool", "nodeCount")
			if yes(at(r.Properties, "nodePool", "autoScale")) {
				nodes = at(r.Properties, "nodePool", "minNodes")
			}
			if n, is := number(nodes); (!is || n < 3) && !unknown(nodes) {
				f.add("the cluster may have fewer than three nodes")
			}
			return f
		},
	},
	{
		Name:        "protected-data",
		Principle:   NothingByHand,
		Description: "What holds data cannot be destroyed by a mistake in the program or on the command line.",
		Remedy:      "set the resource option Protect, keep volumes when what uses them goes, and leave destroyAllAssociatedResources out",
		resource:    unprotected,
	},
	{
		Name:        "two-replicas",
		Principle:   NothingByHand,
		Description: "Everything that serves has two pods or more.",
		Remedy:      "set replicas to 2 or more, or the autoscaler's minimum; for Dapr's control plane companion:dapr.ha",
		plan:        singles,
	},
	{
		Name:        "spread-over-nodes",
		Principle:   NothingByHand,
		Description: "The pods of one thing are on several nodes.",
		Remedy:      "add a topologySpreadConstraint over kubernetes.io/hostname",
		resource: func(r Resource) []Violation {
			var f found
			for _, p := range r.pods() {
				if p.partial || p.runsToEnd() || !isReplicated(p.object) {
					continue
				}
				spread, apart := p.spec["topologySpreadConstraints"], at(p.spec, "affinity", "podAntiAffinity")
				if len(each(spread)) == 0 && !hasUnknown(spread) && apart == nil {
					f.add("all of its pods may be on one node")
				}
			}
			return f
		},
	},
	{
		Name:        "disruption-budgets",
		Principle:   NothingByHand,
		Description: "An upgrade of nodes takes down one pod of a thing at a time.",
		Remedy:      "add a PodDisruptionBudget that selects its pods, with maxUnavailable 1",
		plan:        withoutBudget,
	},
	{
		Name:        "autoscalers-own-replicas",
		Principle:   NothingByHand,
		Description: "Where an autoscaler decides on the number of pods, the program does not: each update would undo it.",
		Remedy:      "leave replicas out",
		plan: func(plan Plan) []Violation {
			var f found
			scaled := plan.autoscaled()
			for _, w := range plan.workloads() {
				if _, is := scaled[w.key()]; is && w.object.spec("replicas") != nil {
					f.on(w.resource, "both the program and an autoscaler set the number of pods")
				}
			}
			return f
		},
	},
	{
		Name:        "short-webhooks",
		Principle:   NothingByHand,
		Description: "Admission webhooks answer within 29 seconds: DigitalOcean upgrades no cluster with slower ones.",
		Remedy:      "set the webhook's timeoutSeconds to 29 or less; the default of 10 will do",
		resource:    slowWebhooks,
	},
}

func wideRights(r Resource) []Violation {
	var f found
	for _, o := range r.objects {
		switch o.kind {
		case "ClusterRoleBinding", "RoleBinding":
			role := text(at(o.fields, "roleRef", "name"))
			if slices.Contains([]string{"cluster-admin", "admin", "edit"}, role) && text(at(o.fields, "roleRef", "kind")) != "Role" {
				f.add("it gives the role %s", role)
			}
			for _, subject := range each(o.fields["subjects"]) {
				if name := text(subject["name"]); slices.Contains([]string{"system:authenticated", "system:unauthenticated", "system:serviceaccounts", "system:masters", "system:anonymous"}, name) {
					f.add("it gives rights to all of %s", name)
				}
			}
		case "Role", "ClusterRole":
			for _, rule := range each(o.fields["rules"]) {
				f = append(f, wideRule(rule)...)
			}
		}
	}
	return f
}

func wideRule(rule map[string]any) []Violation {
	var f found
	for _, key := range []string{"verbs", "resources", "apiGroups", "nonResourceURLs"} {
		if slices.ContainsFunc(texts(rule[key]), func(value string) bool { return value == "*" || strings.HasSuffix(value, "/*") && value[0] == '*' }) {
			f.add("a rule has the wildcard * in %s", key)
		}
	}
	for _, verb := range texts(rule["verbs"]) {
		if slices.Contains([]string{"escalate", "bind", "impersonate"}, verb) {
			f.add("a rule has the verb %s, by which rights are taken that nobody gave", verb)
		}
	}
	if slices.Contains(texts(rule["resources"]), "secrets") && len(texts(rule["resourceNames"])) == 0 && !hasUnknown(rule["resourceNames"]) {
		f.addWith("name the secrets in resourceNames", "a rule is about all secrets")
	}
	return f
}

// unprotected finds what holds data and can be destroyed.
func unprotected(r Resource) []Violation {
	var f found
	protect := func(what string) {
		if !r.Protected {
			f.add("%s is not protected", what)
		}
	}
	for kind, what := range map[string]string{
		"KubernetesCluster": "the cluster", "Domain": "the domain", "ContainerRegistry": "the registry", "DatabaseCluster": "the database",
		"Volume": "the volume", "SpacesBucket": "the bucket",
	} {
		if isDigitalOcean(r, kind) {
			protect(what)
		}
	}
	if isCluster(r) && yes(r.Properties["destroyAllAssociatedResources"]) {
		f.add("the volumes go with the cluster (destroyAllAssociatedResources)")
	}
	for _, o := range r.objects {
		switch {
		case o.nested:
		case o.kind == "Kafka" && o.spec("kafka") != nil && !o.partial:
			protect("the cluster of brokers")
		case o.kind == "PersistentVolumeClaim" || o.kind == "PersistentVolume":
			protect("the volume")
		}
		if o.kind == "KafkaNodePool" || o.kind == "Kafka" {
			walk(o.fields["spec"], func(path []string, value any) bool {
				if len(path) > 0 && path[len(path)-1] == "deleteClaim" && yes(value) {
					f.add("the brokers' volumes go with them (deleteClaim)")
				}
				return true
			})
		}
		if o.kind == "StorageClass" && text(o.fields["reclaimPolicy"]) == "Delete" {
			f.add("volumes of the class go with their claims (reclaimPolicy)")
		}
	}
	return f
}

// isReplicated tells whether an object makes a number of pods that are alike.
func isReplicated(o object) bool {
	return slices.Contains([]string{"Deployment", "StatefulSet", "Rollout", "ReplicaSet", "ReplicationController", "CloneSet"}, o.kind)
}

// workload is an object that makes a number of pods that are alike.
type workload struct {
	resource Resource
	object   object
	labels   any // the pods'
}

func (w workload) key() string {
	return strings.Join([]string{text(w.object.namespace()), w.object.kind, w.object.name()}, "/")
}

func (p Plan) workloads() []workload {
	var all []workload
	for _, r := range p.Resources {
		for _, pod := range r.pods() {
			if isReplicated(pod.object) && !pod.partial {
				all = append(all, workload{r, pod.object, at(pod.metadata, "labels")})
			}
		}
	}
	return all
}

// autoscaled maps what autoscalers own, as workload.key names it, to the least number of
// pods; nil where that is unknown.
func (p Plan) autoscaled() map[string]any {
	all := map[string]any{}
	for _, r := range p.Resources {
		for _, o := range r.objects {
			target, least, kind := o.spec("scaleTargetRef"), o.spec("minReplicas"), "Deployment"
			switch o.kind {
			case "HorizontalPodAutoscaler":
			case "ScaledObject":
				least = o.spec("minReplicaCount")
			default:
				continue
			}
			if named := text(at(target, "kind")); named != "" {
				kind = named
			}
			all[strings.Join([]string{text(o.namespace()), kind, text(at(target, "name"))}, "/")] = least
		}
	}
	return all
}

func singles(plan Plan) []Violation {
	var f found
	scaled := plan.autoscaled()
	for _, w := range plan.workloads() {
		replicas := w.object.spec("replicas")
		if least, is := scaled[w.key()]; is {
			replicas = least
		}
		if unknown(replicas) || unknown(w.object.fields["spec"]) {
			continue
		}
		n, is := number(replicas)
		if !is {
			n = 1
		}
		if n < 2 {
			f.on(w.resource, "it has %v pods", n)
		}
	}
	for _, r := range plan.Resources {
		if !r.isRelease() || r.chart() != "dapr" {
			continue
		}
		if on := at(r.Properties, "values", "global", "ha", "enabled"); !yes(on) && !unknown(on) && !unknown(r.Properties["values"]) {
			f.on(r, "each part of Dapr's control plane has one pod: global.ha.enabled is not true")
		}
	}
	return f
}

// withoutBudget finds what no disruption budget selects.
func withoutBudget(plan Plan) []Violation {
	type budget struct{ namespace, labels any }
	var budgets []budget
	for _, r := range plan.Resources {
		for _, o := range r.objects {
			if o.kind != "PodDisruptionBudget" {
				continue
			}
			selector := o.spec("selector")
			if unknown(selector) || unknown(at(selector, "matchLabels")) {
				return nil // it may be anybody's
			}
			if len(fields(at(selector, "matchLabels"))) > 0 {
				budgets = append(budgets, budget{o.namespace(), at(selector, "matchLabels")})
			}
		}
	}
	var f found
	for _, w := range plan.workloads() {
		if unknown(w.labels) {
			continue
		}
		if !slices.ContainsFunc(budgets, func(b budget) bool {
			return same(b.namespace, w.object.namespace()) && selects(b.labels, w.labels)
		}) {
			f.on(w.resource, "an upgrade may take down all of its pods at once")
		}
	}
	return f
}

// same tells whether two texts are the same, or may be once both are known.
func same(one, other any) bool {
	return unknown(one) || unknown(other) || text(one) == text(other)
}

// selects tells whether labels have every one of the selector's. Unknown ones may.
func selects(selector, labels any) bool {
	for _, key := range sortedKeys(selector) {
		if !same(at(selector, key), at(labels, key)) {
			return false
		}
	}
	return true
}

// slowDefaults are the timeouts of charts' webhooks where their default is too long, by
// the path of the value that sets them.
var slowDefaults = map[string][]string{"cert-manager": {"webhook", "timeoutSeconds"}}

const webhookSeconds = 29

func slowWebhooks(r Resource) []Violation {
	var f found
	for _, o := range r.objects {
		if !strings.HasSuffix(o.kind, "WebhookConfiguration") {
			continue
		}
		for _, hook := range each(o.fields["webhooks"]) {
			if n, is := number(hook["timeoutSeconds"]); is && n > webhookSeconds {
				f.add("the webhook %s may take %v seconds", text(hook["name"]), n)
			}
		}
	}
	if !r.isRelease() {
		return f
	}
	values := r.Properties["values"]
	walk(values, func(path []string, value any) bool {
		n, is := number(value)
		if is && len(path) > 1 && path[len(path)-1] == "timeoutSeconds" && n > webhookSeconds &&
			slices.ContainsFunc(path, func(step string) bool { return strings.Contains(strings.ToLower(step), "webhook") }) {
			f.add("%s is %v", strings.Join(path, "."), n)
		}
		return true
	})
	if path, slow := slowDefaults[r.chart()]; slow && at(values, path...) == nil {
		f.add("%s is not set, and the chart's own is 30", strings.Join(path, "."))
	}
	return f
}
