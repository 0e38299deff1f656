package doapi

import (
	"math"
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

// size is a Droplet that a pool may be made of.
type size struct {
	slug        string
	description string
	vcpus       int
	memoryMiB   int
	diskGiB     int
	dollars     int // a month, as DigitalOcean's price list has it
}

var sizes = []size{
	{"s-1vcpu-2gb", "Basic", 1, 2 << 10, 50, 12}, {"s-2vcpu-2gb", "Basic", 2, 2 << 10, 60, 18}, {"s-2vcpu-4gb", "Basic", 2, 4 << 10, 80, 24},
	{"s-4vcpu-8gb", "Basic", 4, 8 << 10, 160, 48}, {"s-8vcpu-16gb", "Basic", 8, 16 << 10, 320, 96},
	{"s-2vcpu-4gb-amd", "Basic AMD", 2, 4 << 10, 80, 28}, {"s-2vcpu-8gb-amd", "Basic AMD", 2, 8 << 10, 100, 42},
	{"s-4vcpu-8gb-amd", "Basic AMD", 4, 8 << 10, 160, 56}, {"s-4vcpu-16gb-amd", "Basic AMD", 4, 16 << 10, 200, 84},
	{"s-8vcpu-16gb-amd", "Basic AMD", 8, 16 << 10, 320, 112}, {"s-8vcpu-32gb-amd", "Basic AMD", 8, 32 << 10, 400, 168},
	{"c-2", "CPU-Optimized", 2, 4 << 10, 25, 42}, {"c-4", "CPU-Optimized", 4, 8 << 10, 50, 84}, {"c-8", "CPU-Optimized", 8, 16 << 10, 100, 168},
	{"c-16", "CPU-Optimized", 16, 32 << 10, 200, 336}, {"c-32", "CPU-Optimized", 32, 64 << 10, 400, 672},
	{"g-2vcpu-8gb", "General Purpose", 2, 8 << 10, 25, 63}, {"g-4vcpu-16gb", "General Purpose", 4, 16 << 10, 50, 126},
	{"g-8vcpu-32gb", "General Purpose", 8, 32 << 10, 100, 252}, {"g-16vcpu-64gb", "General Purpose", 16, 64 << 10, 200, 504},
	{"m-2vcpu-16gb", "Memory-Optimized", 2, 16 << 10, 50, 84}, {"m-4vcpu-32gb", "Memory-Optimized", 4, 32 << 10, 100, 168},
	{"m-8vcpu-64gb", "Memory-Optimized", 8, 64 << 10, 200, 336},
}

// hoursOfMonth are those after which DigitalOcean asks no more in a month: the prices of an
// hour follow from it.
const hoursOfMonth = 672

// shown is the size as GET /v2/sizes tells it.
func (z size) shown() object {
	slugs := make([]string, len(regions))
	for i, region := range regions {
		slugs[i] = region.Slug
	}
	return object{
		"slug": z.slug, "description": z.description, "vcpus": z.vcpus, "memory": z.memoryMiB, "disk": z.diskGiB,
		"price_monthly": float64(z.dollars), "price_hourly": math.Round(float64(z.dollars)/hoursOfMonth*1e5) / 1e5,
		"transfer": float64(z.vcpus), "regions": slugs, "available": true,
	}
}

// allocatableMiB is what DigitalOcean's kubelets leave to pods of a Droplet's memory, by its
// GiB, as its page of limits has it.
var allocatableMiB = map[int]int{2: 1 << 10, 4: 2560, 8: 6 << 10, 16: 13 << 10, 32: 28 << 10, 64: 58 << 10}

// Allocatable is what a node of the pool offers to pods: a tenth of a core less than the
// Droplet has, and of its memory what DigitalOcean leaves.
func (p PoolSpec) Allocatable() (milliCPU, memoryMiB int) {
	at := slices.IndexFunc(sizes, func(z size) bool { return z.slug == p.Size })
	if at < 0 {
		return 0, 0 // no pool is made of such
	}
	return 1000*sizes[at].vcpus - 100, allocatableMiB[sizes[at].memoryMiB>>10]
}

func knownSize(slug string) bool {
	return slices.ContainsFunc(sizes, func(z size) bool { return z.slug == slug })
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
		for _, z := range sizes {
			offered = append(offered, object{"name": z.slug, "slug": z.slug})
		}
		return object{"options": object{"regions": regions, "versions": versions, "sizes": offered}}, nil
	})
	s.read("GET /v2/sizes", func(_ *state, r *http.Request) (any, error) {
		all := []object{}
		for _, z := range sizes {
			all = append(all, z.shown())
		}
		return page(r, "sizes", all)
	})
}
