package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/infra/kube"
	"github.com/wealth-companion/companion/infra/platform"
)

// What DigitalOcean does that a plan must reckon with.

// of returns the only resource of a kind and name in a plan.
func of(t *testing.T, asked []planned, kind, name string) planned {
	t.Helper()
	for _, one := range asked {
		if strings.HasSuffix(one.Type, ":"+kind) && one.Name == name {
			return one
		}
	}
	require.Fail(t, "not in the plan", "%s %s", kind, name)
	return planned{}
}

// at returns what is at a path of a plan's inputs.
func at(t *testing.T, value any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, is := value.(map[string]any)
			require.True(t, is && object[step] != nil, "nothing at %v: %v", path, value)
			value = object[step]
		case int:
			list, is := value.([]any)
			require.True(t, is && len(list) > step, "nothing at %v: %v", path, value)
			value = list[step]
		}
	}
	return value
}

func TestCredentialsOutliveAnUpdate(t *testing.T) {
	for name, c := range map[string]struct {
		expired bool
		want    string
	}{
		"those of the state are used while they are valid": {false, stateKubeconfig},
		"those that are about to expire are renewed":       {true, newKubeconfig},
	} {
		t.Run(name, func(t *testing.T) {
			config, used := configuration(t, "prod"), make(chan string, 1)
			program := func(ctx *pulumi.Context) error {
				settings, secrets, err := load(config)
				if err != nil {
					return err
				}
				p, err := platform.NewPlatform(ctx, "companion", arguments(settings, secrets))
				if err != nil {
					return err
				}
				p.Cluster.Kubeconfig.ApplyT(func(text string) string { used <- text; return text })
				return nil
			}
			mocks := pulumi.WithMocks("wealth-companion", "prod", &engine{expired: c.expired})
			require.NoError(t, pulumi.RunErr(program, mocks, func(info *pulumi.RunInfo) { info.Config = config }))
			require.Equal(t, c.want, <-used)
		})
	}
	asked, err := plan(configuration(t, "prod"), "prod")
	require.NoError(t, err)
	require.Equal(t, "companion-cluster-id", at(t, of(t, asked, "kubernetes", "companion-doks").Inputs, "clusterIdentifier"),
		"other credentials would be another cluster, and everything in it created anew")
}

func TestUpgradesOfDigitalOceanAreNotTakenBack(t *testing.T) {
	asked, err := plan(configuration(t, "prod"), "prod")
	require.NoError(t, err)
	cluster := of(t, asked, "KubernetesCluster", "companion-cluster")
	require.Equal(t, true, at(t, cluster.Inputs, "autoUpgrade"))
	require.Contains(t, cluster.Ignored, "version", "a version behind the cluster's would replace the cluster")
}

func TestProductionIsProtected(t *testing.T) {
	for stack, protected := range map[string]bool{"prod": true, "rehearsal": false} {
		asked, err := plan(configuration(t, stack), stack)
		require.NoError(t, err)
		cluster := of(t, asked, "KubernetesCluster", "companion-cluster")
		require.Equal(t, protected, cluster.Protected, stack)
		require.Equal(t, protected, of(t, asked, "Kafka", "companion-kafka-cluster").Protected, stack)
		require.Equal(t, !protected, at(t, cluster.Inputs, "destroyAllAssociatedResources"), stack)
	}
}

// Only the services run on the pool that may be replaced: another size of it changes
// nothing but the pool.
func TestServicesMoveWithoutData(t *testing.T) {
	config := configuration(t, "prod")
	before, err := plan(config, "prod")
	require.NoError(t, err)
	config["companion:cluster"] = strings.Replace(config["companion:cluster"], `"size":"s-2vcpu-4gb"`, `"size":"s-4vcpu-8gb"`, 1)
	after, err := plan(config, "prod")
	require.NoError(t, err)
	var changed []string
	for i, one := range before {
		if !sameInputs(one, after[i]) {
			changed = append(changed, one.Name)
		}
	}
	require.Equal(t, []string{"companion-cluster-application"}, changed)

	pool := of(t, before, "KubernetesNodePool", "companion-cluster-application").Inputs
	require.NotContains(t, pool, "name", "the new pool is created beside the old one")
	require.Equal(t, "NoSchedule", at(t, pool, "taints", 0, "effect"))
	tolerates := map[string]bool{}
	for _, one := range before {
		if text := fmt.Sprint(one.Inputs); strings.Contains(text, "tolerations") && strings.Contains(text, "key:"+kube.PoolLabel) {
			tolerates[one.Type[strings.LastIndex(one.Type, ":")+1:]] = true
			require.Equal(t, kube.ApplicationPool, at(t, one.Inputs, "spec", "template", "spec", "nodeSelector", kube.PoolLabel))
		}
	}
	require.Equal(t, map[string]bool{"Deployment": true}, tolerates)
}

func sameInputs(a, b planned) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

// Helm never upgrades what is in a chart's folder crds/. What a newer chart has there
// arrives, before the chart's own pods; DOKS brings the Gateway API's definitions and owns
// them, and cert-manager's are templates of its chart.
func TestDefinitionsAreUpgradedWithTheirCharts(t *testing.T) {
	plain := []string{"companion-edge-cert-manager", "companion-autoscaling-metrics-server"} // without a folder crds/
	definitions := func(schemas map[string]string) map[string]planned {
		asked, err := planWith(&engine{schemas: schemas}, configuration(t, "prod"), "prod")
		require.NoError(t, err)
		found := map[string]planned{}
		for _, one := range asked {
			if strings.HasSuffix(one.Type, ":CustomResourceDefinition") {
				found[one.Name] = one
			}
			if strings.HasSuffix(one.Type, ":Release") {
				_, without := one.Inputs.(map[string]any)["skipCrds"]
				require.Equal(t, !slices.Contains(plain, one.Name), without, "%s: Helm and the program must not both create them", one.Name)
			}
		}
		return found
	}
	before := definitions(nil)
	names := slices.Sorted(maps.Keys(before))
	require.Equal(t, []string{
		"companion-dapr-things.dapr.example.com", "companion-edge-nginx-things.nginx-gateway-fabric.example.com",
		"companion-kafka-strimzi-things.strimzi-kafka-operator.example.com", "companion-observability-things.kube-prometheus-stack.example.com",
	}, names)
	dapr := before[names[0]].Inputs
	require.Equal(t, "dapr-system", at(t, dapr, "spec", "conversion", "webhook", "clientConfig", "service", "namespace"), "whom Dapr's operator would change it to")
	require.NotContains(t, dapr, "status")
	require.Equal(t, map[string]any{"name": "things.dapr.example.com"}, at(t, dapr, "metadata"))

	after := definitions(map[string]string{"dapr": "string"})
	require.Equal(t, "string", at(t, after[names[0]].Inputs, "spec", "versions", 0, "schema", "openAPIV3Schema", "type"))
	require.Equal(t, before[names[1]], after[names[1]])
}

// The first preview knows no cluster, and reads no charts.
func TestWithoutAClusterNoChartIsRead(t *testing.T) {
	e := &engine{noCluster: true}
	err := pulumi.RunErr(func(ctx *pulumi.Context) error { return run(ctx, configuration(t, "prod")) },
		pulumi.WithMocks("wealth-companion", "prod", e), func(info *pulumi.RunInfo) { info.Config, info.DryRun = configuration(t, "prod"), true })
	require.NoError(t, err)
	require.Zero(t, e.rendered)
	require.True(t, slices.ContainsFunc(e.asked, func(one planned) bool { return one.Name == "companion-dapr" && strings.HasSuffix(one.Type, ":Release") }))
}

// The load balancer and NGINX must agree on the PROXY protocol: with one end alone, no
// request is understood.
func TestClientAddressesPassTheLoadBalancer(t *testing.T) {
	asked, err := plan(configuration(t, "prod"), "prod")
	require.NoError(t, err)
	values := at(t, of(t, asked, "Release", "companion-edge-nginx").Inputs, "values")
	annotations := at(t, values, "service", "annotations")
	require.Equal(t, "true", at(t, annotations, "service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol"))
	require.Equal(t, "app.companion.example.com", at(t, annotations, "service.beta.kubernetes.io/do-loadbalancer-hostname"))
	rewrite := at(t, values, "nginx", "config", "rewriteClientIP")
	require.Equal(t, "ProxyProtocol", at(t, rewrite, "mode"))
	require.Equal(t, "10.110.0.0/20", at(t, rewrite, "trustedAddresses", 0, "value"))
	require.Equal(t, "192.0.2.1", at(t, of(t, asked, "DnsRecord", "companion-edge-app").Inputs, "value"), "an address record holds no name")
}

// What an account has one of for all its stacks is no stack's: creating what exists would
// fail, and destroying a stack would take it from the others.
func TestRegistryAndZoneAreTheAccounts(t *testing.T) {
	asked, err := plan(configuration(t, "prod"), "prod")
	require.NoError(t, err)
	for _, one := range asked {
		require.NotContains(t, []string{"digitalocean:index/domain:Domain", "digitalocean:index/containerRegistry:ContainerRegistry"}, one.Type)
	}
	require.Equal(t, "companion.example.com", at(t, of(t, asked, "DnsRecord", "companion-edge-app").Inputs, "domain"))

	_, err = planWith(&engine{noZone: true}, configuration(t, "prod"), "prod")
	require.ErrorContains(t, err, "domain companion.example.com: add it to the DigitalOcean account first")
	_, err = planWith(&engine{tier: "basic"}, configuration(t, "prod"), "prod")
	require.ErrorContains(t, err, "is of the tier basic, which holds 5 repositories, and the application needs 8")
}

// A tag may be moved between a plan and its update, or be on a node already: what runs is
// the digest, and the plan shows both.
func TestImagesAreThoseThatTheRegistryHas(t *testing.T) {
	config := configuration(t, "prod")
	asked, err := plan(config, "prod")
	require.NoError(t, err)
	images := map[string]any{}
	for _, one := range asked {
		if strings.HasSuffix(one.Type, ":Deployment") || strings.HasSuffix(one.Type, ":Job") {
			images[version.ReplaceAllString(one.Name, "")] = at(t, one.Inputs, "spec", "template", "spec", "containers", 0, "image")
		}
	}
	for name, repository := range map[string]string{"companion-app-backend": "backend", "companion-app-mcp": "mcp", "companion-app-migration": "companionctl", "companion-kafka-topics": "companionctl"} {
		require.Equal(t, "registry.digitalocean.com/wealth-companion/"+repository+":1a2b3c@"+digestOf(repository), images[name], name)
	}

	config["digitalocean:apiEndpoint"] = account(t, "mcp", "backend")
	asked, err = plan(config, "prod")
	require.ErrorContains(t, err, "companion:release 1a2b3c is not in the registry wealth-companion: it has no such tag of backend, mcp; push the images first")
	for _, one := range asked {
		require.NotContains(t, one.Type, "kubernetes:", "nothing of the release is in the plan")
	}
	config["companion:release"] = "other-release"
	_, err = plan(config, "prod")
	require.ErrorContains(t, err, "analytics, backend, banking, companionctl, investment, mcp, notification, web")
	config["digitalocean:token"] = "secret-wrong"
	config["digitalocean:apiEndpoint"] = refusing(t)
	_, err = plan(config, "prod")
	require.ErrorContains(t, err, "401", "what cannot be asked is not what is not there")
}

// refusing is DigitalOcean's API for whoever has no valid token.
func refusing(t *testing.T) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(server.Close)
	return server.URL
}

// Every pod that runs an image of the registry must name the Secret of its namespace:
// nodes have no credentials of their own.
func TestPodsMayPullTheirImages(t *testing.T) {
	asked, err := plan(configuration(t, "prod"), "prod")
	require.NoError(t, err)
	with, pods := map[any]bool{}, 0
	for _, one := range asked {
		if strings.HasSuffix(one.Type, ":Secret") && strings.HasSuffix(one.Name, "-registry") {
			require.Equal(t, "kubernetes.io/dockerconfigjson", at(t, one.Inputs, "type"))
			with[at(t, one.Inputs, "metadata", "namespace")] = true
		}
	}
	for _, one := range asked {
		if !strings.Contains(fmt.Sprint(one.Inputs), "image:registry.digitalocean.com/") {
			continue
		}
		pods++
		spec := at(t, one.Inputs, "spec")
		if strings.HasSuffix(one.Type, ":CronJob") {
			spec = at(t, spec, "jobTemplate", "spec")
		}
		require.Equal(t, "registry", at(t, spec, "template", "spec", "imagePullSecrets", 0, "name"), one.Name)
		require.True(t, with[at(t, one.Inputs, "metadata", "namespace")], "%s is in a namespace without credentials", one.Name)
	}
	require.Equal(t, 12, pods, "seven services, two jobs, what keeps the two authorities and the exporter")
}
