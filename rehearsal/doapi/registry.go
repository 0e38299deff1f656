package doapi

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// registryHost is where images are pulled from; the nodes' mirror answers for it.
const registryHost = "registry.digitalocean.com"

type registry struct {
	ID             string    `json:"uuid"`
	Name           string    `json:"name"`
	Region         string    `json:"region"`
	Usage          uint64    `json:"storage_usage_bytes"`
	UsageUpdatedAt time.Time `json:"storage_usage_bytes_updated_at"`
	CreatedAt      time.Time `json:"created_at"`
}

// subscription is what the account pays for; all of its registries share it.
type subscription struct {
	Tier      string    `json:"tier"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

type tier struct {
	Name         string `json:"name"`
	Slug         string `json:"slug"`
	Repositories uint64 `json:"included_repositories"`
	Storage      uint64 `json:"included_storage_bytes"`
	Overage      bool   `json:"allow_storage_overage"`
	Bandwidth    uint64 `json:"included_bandwidth_bytes"`
	Cents        uint64 `json:"monthly_price_in_cents"`
	registries   int
}

var (
	tiers = []tier{
		{"Starter", "starter", 1, 500 << 20, false, 500 << 20, 0, 1},
		{"Basic", "basic", 5, 5 << 30, true, 5 << 30, 500, 1},
		{"Professional", "professional", 0, 100 << 30, true, 100 << 30, 2000, 10},
	}
	registryRegions = []string{"nyc3", "sfo3", "sfo2", "ams3", "sgp1", "fra1", "syd1", "blr1", "lon1", "tor1"}
	registryName    = regexp.MustCompile(`^[a-z][a-z0-9-]{1,61}[a-z0-9]$`)
)

// routeRegistries serves both the path for the one registry that an account
// used to have and the path for several.
func (s *Server) routeRegistries() {
	for _, base := range []string{"/v2/registry", "/v2/registries"} {
		s.read("GET "+base+"/options", func(*state, *http.Request) (any, error) {
			return object{"options": object{"available_regions": registryRegions, "subscription_tiers": tiers}}, nil
		})
		s.read("GET "+base+"/subscription", func(now *state, _ *http.Request) (any, error) {
			if now.Subscription == nil {
				return nil, missing()
			}
			return object{"subscription": now.Subscription.shown()}, nil
		})
		s.write("POST "+base+"/subscription", http.StatusOK, subscribe)
		s.write("POST "+base+"/validate-name", http.StatusNoContent, func(next *state, r *http.Request) (any, error) {
			request, err := decode[registry](r)
			if err != nil {
				return nil, err
			}
			return nil, next.checkRegistryName(request.Name)
		})
		s.write("POST "+base, http.StatusCreated, createRegistry)
	}
	s.read("GET /v2/registry", func(now *state, r *http.Request) (any, error) {
		found, err := now.registry(r)
		return object{"registry": found}, err
	})
	s.read("GET /v2/registries", func(now *state, _ *http.Request) (any, error) {
		return object{"registries": append([]*registry{}, now.Registries...), "total_storage_usage_bytes": 0}, nil
	})
	s.read("GET /v2/registries/{registry}", func(now *state, r *http.Request) (any, error) {
		found, err := now.registry(r)
		return object{"registry": found}, err
	})
	for _, base := range []string{"/v2/registry", "/v2/registries/{registry}"} {
		s.write("DELETE "+base, http.StatusNoContent, deleteRegistry)
		s.write("GET "+base+"/docker-credentials", http.StatusOK, s.dockerCredentials)
	}
	for _, base := range []string{"/v2/registry/{registry}", "/v2/registries/{registry}"} {
		for _, path := range []string{"/repositories", "/repositoriesV2"} {
			s.read("GET "+base+path, func(now *state, r *http.Request) (any, error) {
				found, err := now.registry(r)
				if err != nil {
					return nil, err
				}
				all := []object{}
				for _, name := range now.Repositories[found.Name] {
					all = append(all, object{"registry_name": found.Name, "name": name})
				}
				return page(r, "repositories", all)
			})
		}
		s.read("GET "+base+"/repositories/{repository}/tags", repositoryTags)
	}
}

// registry finds the registry that the path names, or the only one.
func (s *state) registry(r *http.Request) (*registry, error) {
	name := r.PathValue("registry")
	if name != "" {
		return find(s.Registries, func(g *registry) bool { return g.Name == name })
	}
	if len(s.Registries) == 0 {
		return nil, missing()
	}
	if len(s.Registries) > 1 {
		return nil, failf(http.StatusPreconditionFailed, "the account has several registries: use /v2/registries")
	}
	return s.Registries[0], nil
}

func createRegistry(next *state, r *http.Request) (any, error) {
	request, err := decode[struct {
		Name   string `json:"name"`
		Tier   string `json:"subscription_tier_slug"`
		Region string `json:"region"`
	}](r)
	if err != nil {
		return nil, err
	}
	if request.Tier == "" && next.Subscription != nil {
		request.Tier = next.Subscription.Tier
	}
	plan, err := planOf(request.Tier)
	if err != nil {
		return nil, err
	}
	if err := next.checkRegistryName(request.Name); err != nil {
		return nil, err
	}
	if len(next.Registries) >= plan.registries || (r.URL.Path == "/v2/registry" && len(next.Registries) > 0) {
		return nil, invalid("user already has a registry")
	}
	if request.Region == "" {
		request.Region = registryRegions[0]
	}
	if !slices.Contains(registryRegions, request.Region) {
		return nil, invalid("invalid region %q; available: %s", request.Region, strings.Join(registryRegions, ", "))
	}
	made := &registry{ID: uuid.NewString(), Name: request.Name, Region: request.Region, CreatedAt: now(), UsageUpdatedAt: now()}
	next.Registries = append(next.Registries, made)
	next.pay(plan)
	return object{"registry": made}, nil
}

func planOf(slug string) (tier, error) {
	at := slices.IndexFunc(tiers, func(t tier) bool { return t.Slug == slug })
	if at < 0 {
		return tier{}, invalid("invalid subscription tier %q: it must be starter, basic or professional", slug)
	}
	return tiers[at], nil
}

func (s *state) checkRegistryName(name string) error {
	if !registryName.MatchString(name) {
		return invalid("name %q must be 3 to 63 lowercase letters, digits and dashes, start with a letter and not end with a dash", name)
	}
	if slices.ContainsFunc(s.Registries, func(g *registry) bool { return g.Name == name }) {
		return failf(http.StatusConflict, "name already exists")
	}
	return nil
}

func deleteRegistry(next *state, r *http.Request) (any, error) {
	found, err := next.registry(r)
	if err != nil {
		return nil, err
	}
	next.Registries = slices.DeleteFunc(next.Registries, func(g *registry) bool { return g == found })
	for _, repository := range next.Repositories[found.Name] {
		delete(next.ImageTags, found.Name+"/"+repository)
	}
	delete(next.Repositories, found.Name)
	if len(next.Registries) == 0 {
		next.Subscription = nil
		for _, record := range next.Clusters {
			record.Cluster.RegistryEnabled = false
		}
	}
	return nil, nil
}

func subscribe(next *state, r *http.Request) (any, error) {
	request, err := decode[struct {
		Tier string `json:"tier_slug"`
	}](r)
	if err != nil {
		return nil, err
	}
	plan, err := planOf(request.Tier)
	if err != nil {
		return nil, err
	}
	if len(next.Registries) > plan.registries {
		return nil, failf(http.StatusPreconditionFailed, "the %s tier allows %d registry, and the account has %d",
			plan.Name, plan.registries, len(next.Registries))
	}
	for name, repositories := range next.Repositories {
		if plan.Repositories > 0 && uint64(len(repositories)) > plan.Repositories {
			return nil, failf(http.StatusPreconditionFailed, "the %s tier allows %d repositories, and the registry %s has %d",
				plan.Name, plan.Repositories, name, len(repositories))
		}
	}
	next.pay(plan)
	return object{"subscription": next.Subscription.shown()}, nil
}

func (s *state) pay(plan tier) {
	if s.Subscription == nil {
		s.Subscription = &subscription{CreatedAt: now()}
	}
	s.Subscription.Tier, s.Subscription.UpdatedAt = plan.Slug, now()
}

func (s *subscription) shown() object {
	plan, _ := planOf(s.Tier) // checked when it was taken out
	return object{"tier": plan, "created_at": s.CreatedAt, "updated_at": s.UpdatedAt}
}

// registryToken is a password of the registry's; the user's name is the same.
type registryToken struct {
	Token     string    `json:"token"`
	Write     bool      `json:"write"`
	ExpiresAt time.Time `json:"expires_at"`
}

// noExpiry is the life of credentials for which nobody asks an expiry: 50 years.
const noExpiry = 1576800000 * time.Second

// dockerCredentials is a config.json for Docker. Unless read_write is requested, it may
// only pull.
func (s *Server) dockerCredentials(next *state, r *http.Request) (any, error) {
	if _, err := next.registry(r); err != nil {
		return nil, err
	}
	until, err := s.expiry(r, noExpiry)
	if err != nil {
		return nil, err
	}
	made := registryToken{Token: "dor_v1_" + rand.Text() + rand.Text(), Write: r.URL.Query().Get("read_write") == "true", ExpiresAt: until}
	next.PullTokens = append(next.PullTokens, made)
	return dockerConfig(made.Token), nil
}

// dockerConfig is a config.json for Docker with a token of the registry's.
func dockerConfig(token string) object {
	auth := base64.StdEncoding.EncodeToString([]byte(token + ":" + token))
	return object{"auths": object{registryHost: object{"auth": auth}}}
}

// Authorize tells whether a password may pull from the account's registries, or push to
// them. The API's own token may both.
func (s *Server) Authorize(password string, push bool) bool {
	if subtle.ConstantTimeCompare([]byte(password), []byte(s.token)) == 1 {
		return true
	}
	return slices.ContainsFunc(s.current().PullTokens, func(t registryToken) bool {
		return subtle.ConstantTimeCompare([]byte(password), []byte(t.Token)) == 1 && s.clock().Before(t.ExpiresAt) && (t.Write || !push)
	})
}

// Push notes that an image is pushed to a repository. The error is what the registry
// answers: there is no such registry, or no more repositories fit into its tier.
func (s *Server) Push(registryName, repository string) error {
	return s.change(func(next *state) error {
		if !slices.ContainsFunc(next.Registries, func(g *registry) bool { return g.Name == registryName }) {
			return fmt.Errorf("registry %s does not exist", registryName)
		}
		there := next.Repositories[registryName]
		if slices.Contains(there, repository) {
			return nil
		}
		plan, err := planOf(next.Subscription.Tier)
		if err != nil {
			return err
		}
		if plan.Repositories > 0 && uint64(len(there)) >= plan.Repositories {
			return fmt.Errorf("registry contains %d repositories, limit is %d", len(there), plan.Repositories)
		}
		if next.Repositories == nil {
			next.Repositories = map[string][]string{}
		}
		next.Repositories[registryName] = append(there, repository)
		return nil
	})
}

// imageTag is what a tag of a repository names.
type imageTag struct {
	Tag       string    `json:"tag"`
	Digest    string    `json:"manifest_digest"`
	UpdatedAt time.Time `json:"updated_at"`
}

// Tag notes that a tag of a repository, which was pushed to, names another manifest now.
func (s *Server) Tag(registryName, repository, tag, digest string) error {
	return s.change(func(next *state) error {
		if !slices.Contains(next.Repositories[registryName], repository) {
			return fmt.Errorf("registry %s has no repository %s", registryName, repository)
		}
		if next.ImageTags == nil {
			next.ImageTags = map[string][]imageTag{}
		}
		key := registryName + "/" + repository
		others := slices.DeleteFunc(slices.Clone(next.ImageTags[key]), func(t imageTag) bool { return t.Tag == tag })
		next.ImageTags[key] = append(others, imageTag{Tag: tag, Digest: digest, UpdatedAt: now()})
		return nil
	})
}

func repositoryTags(now *state, r *http.Request) (any, error) {
	found, err := now.registry(r)
	if err != nil {
		return nil, err
	}
	repository := r.PathValue("repository")
	if !slices.Contains(now.Repositories[found.Name], repository) {
		return nil, missing()
	}
	all := []object{}
	for _, t := range now.ImageTags[found.Name+"/"+repository] {
		all = append(all, object{
			"registry_name": found.Name, "repository": repository, "tag": t.Tag, "manifest_digest": t.Digest, "updated_at": t.UpdatedAt,
		})
	}
	return page(r, "tags", all)
}
