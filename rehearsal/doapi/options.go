package doapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/blang/semver/v4"
)

// Versioner is a backend that boots only certain versions of Kubernetes.
type Versioner interface {
	// Versions are DigitalOcean's slugs, the newest first.
	Versions() []string
}

// defaultVersions are offered where the backend does not say what it boots.
var defaultVersions = []string{"1.36.2-do.0", "1.35.5-do.0", "1.34.8-do.0"}

type slugName struct {
	Name string `json:"name"`
	Slug string `json:"slug"`
}

var regions = []slugName{
	{"New York 1", "nyc1"}, {"New York 3", "nyc3"}, {"Amsterdam 3", "ams3"}, {"San Francisco 2", "sfo2"},
	{"San Francisco 3", "sfo3"}, {"Singapore 1", "sgp1"}, {"London 1", "lon1"}, {"Frankfurt 1", "fra1"},
	{"Toronto 1", "tor1"}, {"Bangalore 1", "blr1"}, {"Sydney 1", "syd1"},
}

// sizes are the droplets that a pool may be made of.
var sizes = []string{
	"s-1vcpu-2gb", "s-2vcpu-2gb", "s-2vcpu-4gb", "s-4vcpu-8gb", "s-8vcpu-16gb",
	"s-2vcpu-4gb-amd", "s-2vcpu-8gb-amd", "s-4vcpu-8gb-amd", "s-4vcpu-16gb-amd", "s-8vcpu-16gb-amd", "s-8vcpu-32gb-amd",
	"s-2vcpu-4gb-intel", "s-4vcpu-8gb-intel", "s-4vcpu-16gb-intel", "s-8vcpu-16gb-intel", "s-8vcpu-32gb-intel",
	"c-2", "c-4", "c-8", "c-16", "c-32",
	"g-2vcpu-8gb", "g-4vcpu-16gb", "g-8vcpu-32gb", "g-16vcpu-64gb", "g-32vcpu-128gb",
	"gd-2vcpu-8gb", "gd-4vcpu-16gb", "gd-8vcpu-32gb", "gd-16vcpu-64gb",
	"m-2vcpu-16gb", "m-4vcpu-32gb", "m-8vcpu-64gb", "m-16vcpu-128gb",
	"so-2vcpu-16gb", "so-4vcpu-32gb", "so-8vcpu-64gb",
}

func knownRegion(slug string) bool {
	return slices.ContainsFunc(regions, func(r slugName) bool { return r.Slug == slug })
}

func regionName(slug string) string {
	for _, region := range regions {
		if region.Slug == slug {
			return region.Name
		}
	}
	return slug
}

func (s *Server) versions() []string {
	if versioner, ok := s.backend.(Versioner); ok {
		return versioner.Versions()
	}
	return defaultVersions
}

// resolveVersion turns what was asked for into a slug on offer: the slug
// itself, the newest of a minor version (1.36), or the latest.
func (s *Server) resolveVersion(wanted string) (string, error) {
	offered := s.versions()
	for _, slug := range offered {
		if slug == wanted || wanted == "latest" || minor(slug) == wanted {
			return slug, nil
		}
	}
	return "", invalid("validation error: invalid version slug %q; available: %s", wanted, strings.Join(offered, ", "))
}

func minor(slug string) string {
	version, err := semver.Parse(slug)
	if err != nil {
		return ""
	}
	return strconv.FormatUint(version.Major, 10) + "." + strconv.FormatUint(version.Minor, 10)
}

// upgradesOf are the versions on offer that a cluster can go to from this one:
// newer ones, at most one minor version ahead.
func (s *Server) upgradesOf(slug string) []string {
	from, err := semver.Parse(slug)
	if err != nil {
		return nil
	}
	var found []string
	for _, candidate := range s.versions() {
		to, err := semver.Parse(candidate)
		if err == nil && to.GT(from) && to.Minor <= from.Minor+1 {
			found = append(found, candidate)
		}
	}
	return found
}

func describeVersion(slug string) object {
	kubernetes, _, _ := strings.Cut(slug, "-")
	return object{
		"slug": slug, "kubernetes_version": kubernetes,
		"supported_features": []string{"cluster-autoscaler", "docr-integration", "ha-control-plane", "token-authentication"},
	}
}

func (s *Server) routeOptions() {
	s.read("GET /v2/kubernetes/options", func(*state, *http.Request) (any, error) {
		var versions, offered []object
		for _, slug := range s.versions() {
			versions = append(versions, describeVersion(slug))
		}
		for _, size := range sizes {
			offered = append(offered, object{"name": size, "slug": size})
		}
		return object{"options": object{"regions": regions, "versions": versions, "sizes": offered}}, nil
	})
}
