package rules

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// fromCode is principle 1: infrastructure only from code. What runs is what the code
// names, to the byte, and follows from it at a cost that somebody agreed to.
var fromCode = []Rule{
	{
		Name:        "images-by-digest",
		Principle:   FromCode,
		Description: "Images are named by their digest: a tag may name another image tomorrow.",
		Remedy:      "append the digest to the image: registry/name:tag@sha256:...",
		resource: func(r Resource) []Violation {
			var f found
			for _, i := range r.images() {
				if !byDigest.MatchString(i.reference) {
					f.add("%s runs the image %q, which has no digest", i.of, i.reference)
				}
			}
			return f
		},
	},
	{
		Name:        "images-from-known-registries",
		Principle:   FromCode,
		Description: "Images come from the stack's own registry, or from those that the parts of the platform publish in.",
		Remedy:      "name a registry of the list in policy/rules/code.go, or copy the image to the stack's own",
		resource: func(r Resource) []Violation {
			var f found
			for _, i := range r.images() {
				if !slices.ContainsFunc(registries, func(known string) bool { return strings.HasPrefix(i.reference, known) }) {
					f.add("%s runs the image %q, of an unknown registry", i.of, i.reference)
				}
			}
			return f
		},
	},
	{
		Name:        "exact-versions",
		Principle:   FromCode,
		Description: "Charts and clusters have an exact version, and charts come over TLS.",
		Remedy:      "set an exact version such as 1.2.3, and the https:// or oci:// address of a repository",
		resource:    exactVersions,
	},
	{
		Name:        "no-commands",
		Principle:   FromCode,
		Description: "The plan says what there is: no resource runs commands, whose effects no plan shows.",
		Remedy:      "describe what the command makes as resources, or run it in a Job with an image of ours",
		resource: func(r Resource) []Violation {
			var f found
			if commands.MatchString(r.Type) {
				f.add("it runs a command")
			}
			return f
		},
	},
	{
		Name:        "monthly-budget",
		Principle:   FromCode,
		Description: "The stack costs no more a month than its configuration allows.",
		Remedy:      "choose smaller sizes, or raise companion:policy.monthlyBudget",
		plan:        overBudget,
	},
}

var (
	byDigest = regexp.MustCompile(`@sha256:[0-9a-f]{64}$`)
	exact    = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.-]+)?$`)
	commands = regexp.MustCompile(`^(command:|pulumi-nodejs:dynamic|pulumi-python:dynamic|null:|terraform:)|:(Command|RemoteExec|LocalExec|Provisioner)$`)
)

// registries are what the names of images may begin with.
var registries = []string{
	"registry.digitalocean.com/",
	"docker.io/library/redis", "docker.io/valkey/", "docker.io/grafana/", "docker.io/jaegertracing/", "docker.io/otel/",
	"ghcr.io/dapr/", "ghcr.io/nginx/", "ghcr.io/kedacore/", "ghcr.io/prometheus-operator/",
	"quay.io/jetstack/", "quay.io/strimzi/", "quay.io/prometheus/", "quay.io/argoproj/",
	"registry.k8s.io/",
}

// image is one that a resource names.
type image struct{ of, reference string }

// images finds those of pods, and those that custom resources and charts' values name.
func (r Resource) images() []image {
	if !r.isKubernetes() || strings.HasSuffix(r.Type, ":CustomResourceDefinition") {
		return nil
	}
	var all []image
	r.walkAll(func(path []string, value any) bool {
		inside := fields(value)
		if inside == nil {
			return true
		}
		if reference := text(inside["image"]); reference != "" && !strings.ContainsAny(reference, " \n") {
			of := strings.Join(append(slices.Clip(path), "image"), ".")
			if name := text(inside["name"]); name != "" {
				of = "container \"" + name + "\""
			}
			all = append(all, image{of, reference})
		}
		// Charts have the parts of an image's name apart.
		if repository := text(inside["repository"]); repository != "" && len(path) > 0 && strings.HasSuffix(strings.ToLower(path[len(path)-1]), "image") {
			all = append(all, image{strings.Join(path, "."), joinImage(inside, repository)})
		}
		return true
	})
	return all
}

func joinImage(parts map[string]any, repository string) string {
	if registry := text(parts["registry"]); registry != "" {
		repository = registry + "/" + repository
	}
	if tag := text(parts["tag"]); tag != "" {
		repository += ":" + tag
	}
	if digest := text(parts["digest"]); digest != "" {
		repository += "@" + digest
	}
	return repository
}

// exactVersions looks at the versions of charts and of Kubernetes.
func exactVersions(r Resource) []Violation {
	var f found
	if r.isRelease() {
		version := r.Properties["version"]
		if !unknown(version) && !exact.MatchString(text(version)) {
			f.add("the chart's version is %q", text(version))
		}
		repo, chart := text(at(r.Properties, "repositoryOpts", "repo")), text(r.Properties["chart"])
		if repo != "" && !overTLS(repo) {
			f.add("the chart comes from %s, without TLS", repo)
		}
		if repo == "" && strings.Contains(chart, "://") && !strings.HasPrefix(chart, "oci://") && !overTLS(chart) {
			f.add("the chart comes from %s, without TLS", chart)
		}
	}
	if isCluster(r) {
		if version := r.Properties["version"]; !unknown(version) && !exact.MatchString(text(version)) {
			f.add("Kubernetes' version is %q: another one replaces the cluster", text(version))
		}
	}
	return f
}

// overTLS tells that an address is of HTTPS, or of this machine.
func overTLS(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "oci" || slices.Contains([]string{"127.0.0.1", "localhost", "::1"}, u.Hostname())
}

// isCluster tells whether the resource is a DOKS cluster.
func isCluster(r Resource) bool { return isDigitalOcean(r, "KubernetesCluster") }

// isDigitalOcean tells whether the resource is of DigitalOcean's, of that kind. Both
// ways of writing a type are the same: digitalocean:index/x:X and digitalocean:X.
func isDigitalOcean(r Resource, kind string) bool {
	return strings.HasPrefix(r.Type, "digitalocean:") && strings.HasSuffix(r.Type, ":"+kind)
}
