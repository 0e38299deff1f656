package doapi_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/doapi"
	"github.com/wealth-companion/companion/rehearsal/doapi/doapitest"
)

func TestRegistryUnderBothPaths(t *testing.T) {
	client, backend, server := start(t)
	_, _, err := client.Registry.Get(t.Context())
	requireStatus(t, err, 404, "could not be found")
	made, _, err := client.Registry.Create(t.Context(), &godo.RegistryCreateRequest{Name: "wealth-companion", SubscriptionTierSlug: "basic", Region: "fra1"})
	require.NoError(t, err)
	require.Equal(t, "fra1", made.Region)

	found, _, err := client.Registries.Get(t.Context(), "wealth-companion")
	require.NoError(t, err)
	require.Equal(t, made, found)
	all, _, err := client.Registries.List(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	credentials, _, err := client.Registries.DockerCredentials(t.Context(), "wealth-companion", &godo.RegistryDockerCredentialsRequest{})
	require.NoError(t, err)
	require.Contains(t, string(credentials.DockerConfigJSON), "registry.digitalocean.com")

	_, _, err = client.Registry.Create(t.Context(), &godo.RegistryCreateRequest{Name: "another", SubscriptionTierSlug: "basic"})
	requireStatus(t, err, 422, "user already has a registry")
	_, _, err = client.Registry.Create(t.Context(), &godo.RegistryCreateRequest{Name: "wealth-companion", SubscriptionTierSlug: "basic"})
	requireStatus(t, err, 409, "name already exists")
	_, _, err = client.Registry.Create(t.Context(), &godo.RegistryCreateRequest{Name: "Capital", SubscriptionTierSlug: "basic"})
	requireStatus(t, err, 422, "lowercase letters")
	_, _, err = client.Registry.Create(t.Context(), &godo.RegistryCreateRequest{Name: "another", SubscriptionTierSlug: "gold"})
	requireStatus(t, err, 422, "invalid subscription tier")

	paid, _, err := client.Registries.UpdateSubscription(t.Context(), &godo.RegistrySubscriptionUpdateRequest{TierSlug: "professional"})
	require.NoError(t, err)
	require.Equal(t, "professional", paid.Tier.Slug)
	_, _, err = client.Registries.Create(t.Context(), &godo.RegistryCreateRequest{Name: "another"})
	require.NoError(t, err, "the professional tier allows several")
	_, _, err = client.Registries.UpdateSubscription(t.Context(), &godo.RegistrySubscriptionUpdateRequest{TierSlug: "basic"})
	requireStatus(t, err, 412, "allows 1 registry")
	options, _, err := client.Registry.GetOptions(t.Context())
	require.NoError(t, err)
	require.Len(t, options.SubscriptionTiers, 3)

	cluster := makeCluster(t, client, "")
	_, err = client.Kubernetes.AddRegistry(t.Context(), &godo.KubernetesClusterRegistryRequest{ClusterUUIDs: []string{cluster.ID}})
	require.NoError(t, err)
	cluster, _, err = client.Kubernetes.Get(t.Context(), cluster.ID)
	require.NoError(t, err)
	require.True(t, cluster.RegistryEnabled)
	eventually(t, "the cluster has a secret that may pull, and no more", func() bool {
		pull := backend.Clusters()[cluster.ID].Pull
		if pull == nil {
			return false
		}
		var config struct {
			Auths map[string]struct{ Auth []byte }
		}
		require.NoError(t, json.Unmarshal(pull.DockerConfig, &config))
		password, _, _ := strings.Cut(string(config.Auths["registry.digitalocean.com"].Auth), ":")
		return server.Authorize(password, false) && !server.Authorize(password, true)
	})
	_, err = client.Kubernetes.RemoveRegistry(t.Context(), &godo.KubernetesClusterRegistryRequest{ClusterUUIDs: []string{cluster.ID}})
	require.NoError(t, err)
	eventually(t, "the integration ends", func() bool { return backend.Clusters()[cluster.ID].Pull == nil })

	for _, name := range []string{"another", "wealth-companion"} {
		_, err = client.Registries.Delete(t.Context(), name)
		require.NoError(t, err)
	}
	_, _, err = client.Registries.GetSubscription(t.Context())
	requireStatus(t, err, 404, "could not be found")
}

func TestTiersLimitRepositories(t *testing.T) {
	client, _, server := start(t)
	require.ErrorContains(t, server.Push("companion", "backend"), "does not exist")
	_, _, err := client.Registry.Create(t.Context(), &godo.RegistryCreateRequest{Name: "companion", SubscriptionTierSlug: "basic"})
	require.NoError(t, err)
	for _, repository := range []string{"backend", "analytics", "banking", "investment", "notification", "backend"} {
		require.NoError(t, server.Push("companion", repository), repository)
	}
	require.ErrorContains(t, server.Push("companion", "mcp"), "registry contains 5 repositories, limit is 5", "the sixth")
	_, _, err = client.Registries.UpdateSubscription(t.Context(), &godo.RegistrySubscriptionUpdateRequest{TierSlug: "starter"})
	requireStatus(t, err, 412, "the Starter tier allows 1 repositories")
	_, _, err = client.Registries.UpdateSubscription(t.Context(), &godo.RegistrySubscriptionUpdateRequest{TierSlug: "professional"})
	require.NoError(t, err)
	require.NoError(t, server.Push("companion", "mcp"))
	listed, _, err := client.Registry.ListRepositoriesV2(t.Context(), "companion", nil)
	require.NoError(t, err)
	require.Len(t, listed, 6)
}

func TestTagsOfRepositories(t *testing.T) {
	client, _, server := start(t)
	_, _, err := client.Registry.Create(t.Context(), &godo.RegistryCreateRequest{Name: "companion", SubscriptionTierSlug: "basic"})
	require.NoError(t, err)
	_, _, err = client.Registry.ListRepositoryTags(t.Context(), "companion", "backend", nil)
	requireStatus(t, err, 404, "could not be found")
	require.ErrorContains(t, server.Tag("companion", "backend", "1", "sha256:11"), "no repository backend")
	require.NoError(t, server.Push("companion", "backend"))
	for _, tagged := range [][2]string{{"1", "sha256:11"}, {"2", "sha256:22"}, {"1", "sha256:33"}} {
		require.NoError(t, server.Tag("companion", "backend", tagged[0], tagged[1]))
	}
	names := map[string]string{}
	for page := 1; page <= 2; page++ {
		tags, answer, err := client.Registry.ListRepositoryTags(t.Context(), "companion", "backend", &godo.ListOptions{Page: page, PerPage: 1})
		require.NoError(t, err)
		require.Len(t, tags, 1)
		require.Equal(t, page == 2, answer.Links.IsLastPage())
		names[tags[0].Tag] = tags[0].ManifestDigest
	}
	require.Equal(t, map[string]string{"1": "sha256:33", "2": "sha256:22"}, names, "a tag may be moved")
	_, err = client.Registry.Delete(t.Context())
	require.NoError(t, err)
	_, _, err = client.Registry.Create(t.Context(), &godo.RegistryCreateRequest{Name: "companion", SubscriptionTierSlug: "basic"})
	require.NoError(t, err)
	require.NoError(t, server.Push("companion", "backend"))
	tags, _, err := client.Registry.ListRepositoryTags(t.Context(), "companion", "backend", nil)
	require.NoError(t, err)
	require.Empty(t, tags, "they went with the registry")
}

func TestRegistryCredentials(t *testing.T) {
	clock := &doapitest.Clock{}
	server, address := doapitest.Start(t, t.TempDir(), nil, doapi.WithClock(clock.Now))
	client := doapitest.Client(t, address)
	_, _, err := client.Registry.Create(t.Context(), &godo.RegistryCreateRequest{Name: "companion", SubscriptionTierSlug: "basic"})
	require.NoError(t, err)
	password := func(request godo.RegistryDockerCredentialsRequest) string {
		credentials, _, err := client.Registry.DockerCredentials(t.Context(), &request)
		require.NoError(t, err)
		var config struct {
			Auths map[string]struct{ Auth []byte }
		}
		require.NoError(t, json.Unmarshal(credentials.DockerConfigJSON, &config))
		_, found, ok := strings.Cut(string(config.Auths["registry.digitalocean.com"].Auth), ":")
		require.True(t, ok)
		return found
	}
	reads, writes := password(godo.RegistryDockerCredentialsRequest{}), password(godo.RegistryDockerCredentialsRequest{ReadWrite: true, ExpirySeconds: godo.PtrTo(60)})
	require.True(t, server.Authorize(reads, false))
	require.False(t, server.Authorize(reads, true), "read only")
	require.True(t, server.Authorize(writes, true))
	require.False(t, server.Authorize("", false))
	clock.Advance(time.Minute)
	require.False(t, server.Authorize(writes, false), "expired")
	require.True(t, server.Authorize(reads, false), "without an expiry")
	require.True(t, server.Authorize(doapitest.Token, true), "the API's token")
}

func TestProject(t *testing.T) {
	client, _, _ := start(t)
	home, _, err := client.Projects.GetDefault(t.Context())
	require.NoError(t, err)
	made, _, err := client.Projects.Create(t.Context(), &godo.CreateProjectRequest{Name: "companion", Purpose: "Wealth", Environment: "production"})
	require.NoError(t, err)
	require.Equal(t, "Other: Wealth", made.Purpose)
	require.Equal(t, "Production", made.Environment)

	_, _, err = client.Domains.Create(t.Context(), &godo.DomainCreateRequest{Name: "example.com"})
	require.NoError(t, err)
	urns := func(project string) (all []string) {
		resources, _, err := client.Projects.ListResources(t.Context(), project, nil)
		require.NoError(t, err)
		for _, r := range resources {
			all = append(all, r.URN)
		}
		return all
	}
	require.Equal(t, []string{"do:domain:example.com"}, urns(home.ID), "what is new belongs to the default project")

	assigned, _, err := client.Projects.AssignResources(t.Context(), made.ID, "do:domain:example.com", "do:domain:none.com")
	require.NoError(t, err)
	require.Equal(t, "assigned", assigned[0].Status)
	require.Equal(t, "not_found", assigned[1].Status)
	require.Equal(t, []string{"do:domain:example.com"}, urns(made.ID))
	require.Empty(t, urns(home.ID))

	_, err = client.Projects.Delete(t.Context(), made.ID)
	requireStatus(t, err, 412, "cannot delete a project with resources")
	_, err = client.Domains.Delete(t.Context(), "example.com")
	require.NoError(t, err)
	_, err = client.Projects.Delete(t.Context(), made.ID)
	require.NoError(t, err)
	_, err = client.Projects.Delete(t.Context(), home.ID)
	requireStatus(t, err, 412, "cannot delete the default project")

	_, _, err = client.Projects.Create(t.Context(), &godo.CreateProjectRequest{Name: "first-project", Purpose: "Web Application"})
	requireStatus(t, err, 409, "name is already in use")
	_, _, err = client.Projects.Create(t.Context(), &godo.CreateProjectRequest{Name: "x", Purpose: "Web Application", Environment: "Moon"})
	requireStatus(t, err, 422, "environment")
	_, _, err = client.Projects.AssignResources(t.Context(), home.ID, "example.com")
	require.ErrorContains(t, err, "do:<type>:<id>")
}

func TestTag(t *testing.T) {
	client, _, _ := start(t)
	made := makeCluster(t, client, "")
	tag, _, err := client.Tags.Get(t.Context(), "terraform:default-node-pool")
	require.NoError(t, err)
	require.Equal(t, 3, tag.Resources.Droplets.Count)

	_, _, err = client.Tags.Create(t.Context(), &godo.TagCreateRequest{Name: "a b"})
	requireStatus(t, err, 422, "letters, numbers, colons, dashes, and underscores")
	_, err = client.Tags.Delete(t.Context(), "companion")
	require.NoError(t, err)
	made, _, err = client.Kubernetes.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.NotContains(t, made.Tags, "companion")
}

func TestSizesHavePrices(t *testing.T) {
	client, _, _ := start(t)
	options, _, err := client.Kubernetes.GetOptions(t.Context())
	require.NoError(t, err)
	priced := map[string]float64{}
	for page := 1; ; page++ {
		sizes, answer, err := client.Sizes.List(t.Context(), &godo.ListOptions{Page: page, PerPage: 10})
		require.NoError(t, err)
		for _, size := range sizes {
			priced[size.Slug] = size.PriceMonthly
			require.Positive(t, size.PriceHourly)
			require.True(t, size.Available)
		}
		if answer.Links.IsLastPage() {
			break
		}
	}
	for _, size := range options.Sizes {
		require.Positive(t, priced[size.Slug], size.Slug)
	}
	require.InDelta(t, 48, priced["s-4vcpu-8gb"], 0)
}
