package digitalocean_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/emptypb"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/wealth-companion/companion/rehearsal/doapi"
	"github.com/wealth-companion/companion/rehearsal/doapi/doapitest"
)

const (
	vpcToken      = "digitalocean:index/vpc:Vpc"
	clusterToken  = "digitalocean:index/kubernetesCluster:KubernetesCluster"
	poolToken     = "digitalocean:index/kubernetesNodePool:KubernetesNodePool"
	domainToken   = "digitalocean:index/domain:Domain"
	recordToken   = "digitalocean:index/dnsRecord:DnsRecord"
	registryToken = "digitalocean:index/containerRegistry:ContainerRegistry"
	projectToken  = "digitalocean:index/project:Project"
	membersToken  = "digitalocean:index/projectResources:ProjectResources"
	tagToken      = "digitalocean:index/tag:Tag"
)

// rehearse runs an API whose clusters run at once, and a provider that talks
// to it.
func rehearse(t *testing.T) (engine, *godo.Client, *doapi.Server) {
	t.Helper()
	server, address := doapitest.Start(t, t.TempDir(), &doapitest.Backend{})
	return start(t, address), doapitest.Client(t, address), server
}

func clusterProgram(change func(program, pool properties)) properties {
	pool := properties{"name": "default", "size": "s-4vcpu-8gb", "nodeCount": 3, "labels": properties{"workload": "general"}, "tags": []any{"b", "a"}}
	program := properties{
		"name": "companion", "region": "fra1", "version": "1.36.2-do.0", "nodePool": pool, "tags": []any{"companion"},
		"clusterSubnet": "10.112.0.0/16", "serviceSubnet": "10.113.0.0/16",
	}
	if change != nil {
		change(program, pool)
	}
	program["nodePool"] = map[string]any(pool)
	if labels, ok := pool["labels"].(properties); ok {
		pool["labels"] = map[string]any(labels)
	}
	return program
}

func TestPluginInfo(t *testing.T) {
	info, err := connect(t).GetPluginInfo(t.Context(), &emptypb.Empty{})
	require.NoError(t, err)
	require.Equal(t, "4.57.0", info.GetVersion())
}

func TestConfiguration(t *testing.T) {
	for name, test := range map[string]struct {
		environment map[string]string
		given       properties
		says        string
	}{
		"a token and an address are enough":         {nil, properties{"token": "a", "apiEndpoint": "http://127.0.0.1:1"}, ""},
		"the token may come from the environment":   {map[string]string{"DIGITALOCEAN_TOKEN": "a"}, properties{}, ""},
		"numbers may be given as strings":           {nil, properties{"token": "a", "httpRetryMax": "2"}, ""},
		"a token that is not known yet is accepted": {nil, properties{"token": unknown}, ""},
		"without a token one line says what to do":  {nil, properties{}, "pulumi config set --secret digitalocean:token"},
		"an address must be one":                    {nil, properties{"token": "a", "apiEndpoint": "127.0.0.1"}, `apiEndpoint "127.0.0.1" is not an address`},
		"a setting must exist":                      {nil, properties{"token": "a", "apiUrl": "b"}, "there is no such property"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"DIGITALOCEAN_TOKEN", "DIGITALOCEAN_ACCESS_TOKEN", "DIGITALOCEAN_API_URL"} {
				t.Setenv(variable, test.environment[variable])
			}
			e := connect(t)
			checked, err := e.CheckConfig(t.Context(), &pulumirpc.CheckRequest{Urn: urn("pulumi:providers:digitalocean"), News: e.marshal(test.given)})
			require.NoError(t, err)
			if test.says != "" {
				require.Len(t, checked.GetFailures(), 1)
				require.Contains(t, checked.GetFailures()[0].GetReason(), test.says)
				return
			}
			require.Empty(t, checked.GetFailures())
			_, err = e.Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: checked.GetInputs(), AcceptSecrets: true})
			require.NoError(t, err)
		})
	}
}

func TestPreviewNeedsNoAPI(t *testing.T) {
	e := connect(t)
	_, err := e.Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: e.marshal(properties{"token": unknown}), AcceptSecrets: true})
	require.NoError(t, err)
	inputs := e.check(vpcToken, properties{"region": "fra1"}, nil)
	_, err = e.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn(vpcToken), Properties: inputs, Preview: true})
	require.NoError(t, err)
	_, err = e.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn(vpcToken), Properties: inputs})
	require.ErrorContains(t, err, "not known yet")
}

func TestCheckRefuses(t *testing.T) {
	e := connect(t)
	for name, test := range map[string]struct {
		token   string
		program properties
		path    string
		says    string
	}{
		"a property that does not exist": {vpcToken, properties{"region": "fra1", "ipRanges": "10.0.0.0/16"}, "ipRanges", "there is no such property (ipRange?); there are name, region, ipRange, description"},
		"a property within a pool":       {clusterToken, clusterProgram(func(_, pool properties) { pool["node_count"] = 3 }), "nodePool.node_count", "(nodeCount?)"},
		"a property of a pool's taint": {clusterToken, clusterProgram(func(_, pool properties) {
			pool["taints"] = []any{map[string]any{"key": "a", "value": "b", "effect": "NoSchedule", "effects": "c"}}
		}), "nodePool.taints[0].effects", "(effect?)"},
		"a number that is a string":      {clusterToken, clusterProgram(func(_, pool properties) { pool["nodeCount"] = "three" }), "nodePool.nodeCount", `must be a integer, not the string "three"`},
		"a string that is a number":      {vpcToken, properties{"region": 1}, "region", "must be a string, not the number 1"},
		"half a node":                    {clusterToken, clusterProgram(func(_, pool properties) { pool["nodeCount"] = 1.5 }), "nodePool.nodeCount", "not the number 1.5"},
		"an output that a program sets":  {vpcToken, properties{"region": "fra1", "vpcUrn": "a"}, "vpcUrn", "is set by the provider"},
		"what is required and missing":   {vpcToken, properties{}, "region", "is required"},
		"what is required within a pool": {clusterToken, clusterProgram(func(_, pool properties) { delete(pool, "size") }), "nodePool.size", "is required"},
		"a range that is none":           {vpcToken, properties{"region": "fra1", "ipRange": "ten"}, "ipRange", "CIDR"},
		"an effect that does not exist": {clusterToken, clusterProgram(func(_, pool properties) {
			pool["taints"] = []any{map[string]any{"key": "a", "value": "b", "effect": "Never"}}
		}), "nodePool.taints[0].effect", "NoSchedule"},
		"a tag with a space":                  {clusterToken, clusterProgram(func(program, _ properties) { program["tags"] = []any{"a", "b c"} }), "tags[1]", "letters, numbers"},
		"a record type that does not exist":   {recordToken, properties{"domain": "a.b", "type": "PTR", "value": "c"}, "type", "must be one of"},
		"a tier that does not exist":          {registryToken, properties{"subscriptionTierSlug": "gold"}, "subscriptionTierSlug", "starter, basic or professional"},
		"a day that is none":                  {clusterToken, clusterProgram(func(program, _ properties) { program["maintenancePolicy"] = map[string]any{"day": "someday"} }), "maintenancePolicy.day", "day of the week"},
		"an environment that does not exist":  {projectToken, properties{"environment": "Moon"}, "environment", "Development, Staging or Production"},
		"a name within a secret":              {vpcToken, properties{"region": resource.MakeSecret(resource.NewNumberProperty(1))}, "region", "must be a string"},
		"a map where the API wants a list":    {clusterToken, clusterProgram(func(program, _ properties) { program["tags"] = map[string]any{"a": "b"} }), "tags", "must be a list"},
		"a label that is no string":           {clusterToken, clusterProgram(func(_, pool properties) { pool["labels"] = properties{"a.b/c": 1} }), `nodePool.labels["a.b/c"]`, "must be a string"},
		"a project's name beyond all measure": {projectToken, properties{"name": string(make([]byte, 200))}, "name", "175"},
	} {
		t.Run(name, func(t *testing.T) {
			checked, err := e.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urn(test.token), News: e.marshal(test.program)})
			require.NoError(t, err)
			require.Len(t, checked.GetFailures(), 1)
			require.Equal(t, test.path, checked.GetFailures()[0].GetProperty())
			require.Contains(t, checked.GetFailures()[0].GetReason(), test.says)
		})
	}
	_, err := e.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urn("digitalocean:index/droplet:Droplet"), News: e.marshal(properties{})})
	require.ErrorContains(t, err, "has no digitalocean:index/droplet:Droplet")
}

func TestUnknownValuesAreNormalAtPreview(t *testing.T) {
	e := connect(t)
	program := clusterProgram(func(program, pool properties) {
		program["vpcUuid"], program["region"], program["tags"] = unknown, unknown, unknown
		pool["size"], pool["nodeCount"] = unknown, unknown
	})
	delete(program, "clusterSubnet")
	inputs := e.check(clusterToken, program, nil)
	made, err := e.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn(clusterToken), Properties: inputs, Preview: true})
	require.NoError(t, err)
	require.Empty(t, made.GetId())
	state := e.unmarshal(made.GetProperties())
	require.Equal(t, "companion", state["name"].StringValue())
	for _, name := range []resource.PropertyKey{"vpcUuid", "region", "tags", "clusterSubnet", "endpoint", "clusterUrn"} {
		require.True(t, state[name].IsComputed(), name)
	}
	require.True(t, state["kubeConfigs"].IsSecret() || state["kubeConfigs"].IsComputed())
	require.True(t, state["kubeConfigs"].ContainsUnknowns())
	require.True(t, state["nodePool"].ObjectValue()["id"].IsComputed())
	require.Equal(t, "default", state["nodePool"].ObjectValue()["name"].StringValue())
	require.True(t, state["surgeUpgrade"].BoolValue(), "a default")

	e.check(clusterToken, properties{"region": "fra1", "version": "1.36.2-do.0", "nodePool": unknown}, nil)
}

func TestVPC(t *testing.T) {
	e, api, _ := rehearse(t)
	made := e.make(vpcToken, properties{"region": "fra1", "ipRange": "10.110.0.0/20"})
	out := made.outputs()
	require.Regexp(t, `^it-[0-9a-f]{7}$`, out["name"])
	require.Equal(t, "do:vpc:"+made.id, out["vpcUrn"])
	made.requireSame()

	name := out["name"]
	require.Equal(t, map[string]string{"description": "ADD"}, made.diff(properties{"region": "fra1", "ipRange": "10.110.0.0/20", "description": "ours"}))
	require.NoError(t, made.update(properties{"region": "fra1", "ipRange": "10.110.0.0/20", "description": "ours"}))
	require.Equal(t, name, made.outputs()["name"], "a name that was chosen stays")
	made.requireSame()
	require.Equal(t, map[string]string{"description": "DELETE", "ipRange": "UPDATE_REPLACE", "name": "UPDATE"},
		made.diff(properties{"region": "fra1", "ipRange": "10.120.0.0/20", "name": "other"}))
	require.Empty(t, made.diff(properties{"region": "fra1", "description": "ours"}), "a range that the program leaves out stays")

	adopted, err := e.adopt(vpcToken, made.id)
	require.NoError(t, err)
	require.Equal(t, made.outputs(), adopted.outputs())
	require.Equal(t, properties{"region": "fra1", "ipRange": "10.110.0.0/20", "name": name, "description": "ours"}, properties(e.unmarshal(adopted.inputs).Mappable()))

	_, _, err = api.VPCs.Set(t.Context(), made.id, godo.VPCSetDescription("theirs"))
	require.NoError(t, err)
	require.True(t, made.refresh())
	require.Equal(t, map[string]string{"description": "UPDATE"}, made.diff(properties{"region": "fra1", "ipRange": "10.110.0.0/20", "description": "ours"}), "drift shows")

	require.NoError(t, made.remove())
	require.NoError(t, made.remove(), "what is gone needs no removal")
	require.False(t, made.refresh())
	adopted, err = e.adopt(vpcToken, "none")
	require.NoError(t, err)
	require.Empty(t, adopted.id)
}

func TestVPCIsRemovedOnceItsMembersHaveLeft(t *testing.T) {
	e, api, _ := rehearse(t)
	network := e.make(vpcToken, properties{"region": "fra1"})
	cluster := e.make(clusterToken, clusterProgram(func(program, _ properties) { program["vpcUuid"] = network.id }))
	removed := make(chan error)
	go func() { removed <- network.remove() }()
	time.Sleep(200 * time.Millisecond)
	_, err := api.Kubernetes.Delete(t.Context(), cluster.id)
	require.NoError(t, err)
	require.NoError(t, <-removed)
}

func TestVPCThatIsInUseSaysSo(t *testing.T) {
	e, _, _ := rehearse(t)
	network := e.make(vpcToken, properties{"region": "fra1"})
	e.make(clusterToken, clusterProgram(func(program, _ properties) { program["vpcUuid"] = network.id }))
	_, err := e.Delete(t.Context(), &pulumirpc.DeleteRequest{Urn: urn(vpcToken), Id: network.id, Properties: network.state, Timeout: 1})
	require.ErrorContains(t, err, "Can not delete VPC with members")
}

func TestCluster(t *testing.T) {
	e, api, _ := rehearse(t)
	program := clusterProgram(nil)
	made := e.make(clusterToken, program)
	out := made.outputs()
	require.Equal(t, "running", out["status"])
	require.Equal(t, "https://10.110.0.1:6443", out["endpoint"])
	require.Equal(t, "do:kubernetes:"+made.id, out["clusterUrn"])
	require.Equal(t, false, out["ha"], "the plugin's default, not the API's")
	require.Equal(t, "10.110.0.1", out["ipv4Address"])
	require.Equal(t, []any{"companion"}, out["tags"], "without DigitalOcean's own")
	pool := out["nodePool"].(map[string]any)
	require.Equal(t, []any{"b", "a"}, pool["tags"])
	require.Len(t, pool["nodes"], 3)
	require.EqualValues(t, 3, pool["actualNodeCount"])
	require.True(t, e.unmarshal(made.state)["kubeConfigs"].IsSecret())
	kubeConfig := out["kubeConfigs"].([]any)[0].(map[string]any)
	config, err := clientcmd.RESTConfigFromKubeConfig([]byte(kubeConfig["rawConfig"].(string)))
	require.NoError(t, err)
	require.Equal(t, "https://10.110.0.1:6443", config.Host)
	require.NotEmpty(t, config.BearerToken)
	require.Equal(t, "a certificate", string(config.CAData))
	made.requireSame()

	there, _, err := api.Kubernetes.Get(t.Context(), made.id)
	require.NoError(t, err)
	require.Contains(t, there.NodePools[0].Tags, "terraform:default-node-pool")

	require.Empty(t, made.diff(clusterProgram(func(_, pool properties) { pool["tags"] = []any{"A", "b"} })), "a tag's place and case do not count")
	require.Empty(t, made.diff(clusterProgram(func(_, pool properties) { delete(pool, "nodeCount") })), "an autoscaler may own the count")
	for name, test := range map[string]struct {
		change func(program, pool properties)
		finds  map[string]string
	}{
		"another size":          {func(_, pool properties) { pool["size"] = "s-2vcpu-4gb" }, map[string]string{"nodePool.size": "UPDATE_REPLACE"}},
		"another region":        {func(program, _ properties) { program["region"] = "nyc1" }, map[string]string{"region": "UPDATE_REPLACE"}},
		"other pods' addresses": {func(program, _ properties) { program["clusterSubnet"] = "10.115.0.0/16" }, map[string]string{"clusterSubnet": "UPDATE_REPLACE"}},
		"an older version":      {func(program, _ properties) { program["version"] = "1.35.5-do.0" }, map[string]string{"version": "UPDATE_REPLACE"}},
		"a newer version":       {func(program, _ properties) { program["version"] = "1.37.0-do.0" }, map[string]string{"version": "UPDATE"}},
		"the latest version":    {func(program, _ properties) { program["version"] = "latest" }, map[string]string{"version": "UPDATE"}},
		"more nodes":            {func(_, pool properties) { pool["nodeCount"] = 4 }, map[string]string{"nodePool.nodeCount": "UPDATE"}},
		"other labels": {func(_, pool properties) { pool["labels"] = properties{"a.b/c": "d"} },
			map[string]string{"nodePool.labels.workload": "DELETE", `nodePool.labels["a.b/c"]`: "ADD"}},
		"a VPC that is not known yet": {func(program, _ properties) { program["vpcUuid"] = unknown }, map[string]string{"vpcUuid": "UPDATE_REPLACE"}},
		"a maintenance window":        {func(program, _ properties) { program["maintenancePolicy"] = map[string]any{"startTime": "04:00"} }, map[string]string{"maintenancePolicy.startTime": "UPDATE"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, test.finds, made.diff(clusterProgram(test.change))) })
	}
	more := e.check(clusterToken, clusterProgram(func(_, pool properties) { pool["nodeCount"] = 4 }), nil)
	require.Empty(t, made.compare(more, "nodePool.nodeCount"), "what is ignored is no change")

	preview, err := e.Update(t.Context(), &pulumirpc.UpdateRequest{Urn: urn(clusterToken), Id: made.id, Olds: made.state, OldInputs: made.inputs, News: more, Preview: true})
	require.NoError(t, err)
	require.False(t, e.unmarshal(preview.GetProperties())["kubeConfigs"].ContainsUnknowns(), "a change of the pool leaves the credentials known")
}

func TestClusterChanges(t *testing.T) {
	e, api, _ := rehearse(t)
	e.make(registryToken, properties{"name": "wealth-companion", "subscriptionTierSlug": "basic"})
	made := e.make(clusterToken, clusterProgram(func(program, _ properties) { program["version"] = "1.35.5-do.0" }))
	token := made.outputs()["kubeConfigs"]
	changed := clusterProgram(func(program, pool properties) {
		program["name"], program["ha"], program["tags"], program["registryIntegration"] = "companion-2", true, []any{}, true
		program["maintenancePolicy"] = map[string]any{"day": "sunday", "startTime": "04:00"}
		program["routingAgent"] = map[string]any{"enabled": true}
		program["controlPlaneFirewall"] = map[string]any{"enabled": true, "allowedAddresses": []any{"10.0.0.0/8"}}
		program["clusterAutoscalerConfigurations"] = []any{map[string]any{"scaleDownUnneededTime": "1m"}}
		pool["nodeCount"], pool["labels"] = 5, properties{}
		pool["taints"] = []any{map[string]any{"key": "a", "value": "b", "effect": "NoSchedule"}}
	})
	require.NoError(t, made.update(changed))
	made.requireSame()
	there, _, err := api.Kubernetes.Get(t.Context(), made.id)
	require.NoError(t, err)
	require.Equal(t, "companion-2", there.Name)
	require.True(t, there.HA)
	require.True(t, there.RegistryEnabled)
	require.NotContains(t, there.Tags, "companion", "tags can all be taken away")
	require.Empty(t, there.NodePools[0].Labels, "and labels")
	require.Equal(t, []godo.Taint{{Key: "a", Value: "b", Effect: "NoSchedule"}}, there.NodePools[0].Taints)
	require.Len(t, made.outputs()["nodePool"].(map[string]any)["nodes"], 5)
	require.Equal(t, token, made.outputs()["kubeConfigs"], "credentials stay until they expire")

	changed["version"], changed["registryIntegration"] = "1.36.2-do.0", false
	require.NoError(t, made.update(changed))
	made.requireSame()
	require.Equal(t, "1.36.2-do.0", made.outputs()["version"])

	changed["ha"] = false
	require.ErrorContains(t, made.update(changed), "cannot be made a single one again")
}

func TestClusterIsAdopted(t *testing.T) {
	e, api, _ := rehearse(t)
	made, _, err := api.Kubernetes.Create(t.Context(), &godo.KubernetesClusterCreateRequest{
		Name: "theirs", RegionSlug: "fra1", VersionSlug: "1.36.2-do.0", HA: godo.PtrTo(false), SurgeUpgrade: true,
		NodePools: []*godo.KubernetesNodePoolCreateRequest{{Name: "pool", Size: "s-2vcpu-4gb", Count: 2, Tags: []string{"mine"}}},
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		found, _, err := api.Kubernetes.Get(t.Context(), made.ID)
		return err == nil && found.Status.State == godo.KubernetesClusterStatusRunning
	}, 10*time.Second, 5*time.Millisecond)

	adopted, err := e.adopt(clusterToken, made.ID)
	require.NoError(t, err)
	inputs := properties(e.unmarshal(adopted.inputs).Mappable())
	require.Equal(t, "theirs", inputs["name"])
	require.Equal(t, map[string]any{"name": "pool", "size": "s-2vcpu-4gb", "nodeCount": 2.0, "tags": []any{"mine"}}, inputs["nodePool"])
	require.NotContains(t, inputs, "kubeConfigs")
	require.Empty(t, adopted.diff(inputs), "the program that is generated changes nothing")
	require.NotEmpty(t, adopted.outputs()["kubeConfigs"])
	there, _, err := api.Kubernetes.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.Contains(t, there.NodePools[0].Tags, "terraform:default-node-pool", "its only pool becomes the default one")
}

func TestClusterIsRemoved(t *testing.T) {
	e, api, server := rehearse(t)
	made := e.make(clusterToken, clusterProgram(func(program, _ properties) { program["destroyAllAssociatedResources"] = true }))
	require.NoError(t, server.PutLoadBalancer(doapi.LoadBalancer{Name: "edge", IP: "127.0.0.1"}))
	require.NoError(t, made.remove())
	clusters, _, err := api.Kubernetes.List(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, clusters, "it is waited for")
	balancers, _, err := api.LoadBalancers.List(t.Context(), nil)
	require.NoError(t, err)
	require.Empty(t, balancers)
	require.False(t, made.refresh())
}

func TestClusterThatDoesNotBootIsKept(t *testing.T) {
	let := make(chan struct{})
	_, address := doapitest.Start(t, t.TempDir(), &doapitest.Backend{Fail: func(doapi.ClusterSpec) error { <-let; return nil }})
	e := start(t, address)
	program := clusterProgram(nil)
	inputs := e.check(clusterToken, program, nil)
	_, err := e.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn(clusterToken), Properties: inputs, Timeout: 1})
	kept := initFailed(t, err)
	require.Contains(t, kept.GetReasons()[0], "not done within 1s")
	require.NotEmpty(t, kept.GetId())

	close(let)
	made := &thing{e: e, token: clusterToken, id: kept.GetId(), inputs: inputs, state: kept.GetProperties()}
	require.Empty(t, made.outputs()["kubeConfigs"])
	require.NoError(t, made.update(program), "the next update goes on with it")
	require.Equal(t, "running", made.outputs()["status"])
	require.NotEmpty(t, made.outputs()["kubeConfigs"])
}

func TestRegistryIntegrationThatFailedIsTriedAgain(t *testing.T) {
	e, api, _ := rehearse(t)
	program := clusterProgram(func(program, _ properties) { program["registryIntegration"] = true })
	inputs := e.check(clusterToken, program, nil)
	_, err := e.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn(clusterToken), Properties: inputs})
	kept := initFailed(t, err)
	require.Contains(t, kept.GetReasons()[0], "registry does not exist")

	e.make(registryToken, properties{"name": "wealth-companion", "subscriptionTierSlug": "basic"})
	made := &thing{e: e, token: clusterToken, id: kept.GetId(), inputs: inputs, state: kept.GetProperties()}
	require.NoError(t, made.update(program))
	there, _, err := api.Kubernetes.Get(t.Context(), made.id)
	require.NoError(t, err)
	require.True(t, there.RegistryEnabled)
	made.requireSame()
}

func TestClusterInErrorSaysWhy(t *testing.T) {
	_, address := doapitest.Start(t, t.TempDir(), &doapitest.Backend{Fail: func(doapi.ClusterSpec) error { return errors.New("the bridge is missing") }},
		doapi.WithPause(func(int) time.Duration { return time.Millisecond }))
	e := start(t, address)
	_, err := e.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn(clusterToken), Properties: e.check(clusterToken, clusterProgram(nil), nil)})
	require.Contains(t, initFailed(t, err).GetReasons()[0], "the cluster is in state error: the bridge is missing")
}

func TestWaitingEndsWhenTheEngineCancels(t *testing.T) {
	_, address := doapitest.Start(t, t.TempDir(), doapi.PreviewOnly)
	e := start(t, address)
	inputs := e.check(clusterToken, clusterProgram(nil), nil)
	created := make(chan error)
	go func() {
		_, err := e.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn(clusterToken), Properties: inputs})
		created <- err
	}()
	time.Sleep(100 * time.Millisecond)
	_, err := e.Cancel(t.Context(), &emptypb.Empty{})
	require.NoError(t, err)
	kept := initFailed(t, <-created)
	require.Contains(t, kept.GetReasons()[0], "cancelled")
}

func TestNodePool(t *testing.T) {
	e, api, _ := rehearse(t)
	cluster := e.make(clusterToken, clusterProgram(nil))
	program := properties{"clusterId": cluster.id, "name": "agents", "size": "s-2vcpu-4gb", "autoScale": true, "minNodes": 1, "maxNodes": 4, "nodeCount": 2, "labels": map[string]any{"role": "agents"}}
	made := e.make(poolToken, program)
	require.EqualValues(t, 2, made.outputs()["actualNodeCount"])
	require.Len(t, made.outputs()["nodes"], 2)
	made.requireSame()
	require.True(t, cluster.refresh())
	cluster.requireSame()

	adopted, err := e.adopt(poolToken, made.id)
	require.NoError(t, err)
	require.Equal(t, made.outputs(), adopted.outputs())
	_, err = e.adopt(poolToken, cluster.outputs()["nodePool"].(map[string]any)["id"].(string))
	require.ErrorContains(t, err, "import the cluster")

	// An autoscaler adds a node; a program that leaves the count alone sees nothing.
	_, _, err = api.Kubernetes.UpdateNodePool(t.Context(), cluster.id, made.id, &godo.KubernetesNodePoolUpdateRequest{Count: godo.PtrTo(3)})
	require.NoError(t, err)
	delete(program, "nodeCount")
	require.Eventually(t, func() bool { return made.refresh() && len(made.outputs()["nodes"].([]any)) == 3 }, 10*time.Second, 10*time.Millisecond)
	require.Empty(t, made.diff(program))

	program["maxNodes"] = 5
	require.Equal(t, map[string]string{"maxNodes": "UPDATE"}, made.diff(program))
	require.NoError(t, made.update(program))
	require.EqualValues(t, 3, made.outputs()["actualNodeCount"], "the count stays the autoscaler's")
	made.requireSame()
	program["size"] = "s-4vcpu-8gb"
	require.Equal(t, map[string]string{"size": "UPDATE_REPLACE"}, made.diff(program))

	require.NoError(t, made.remove())
	require.False(t, made.refresh())
	pools, _, err := api.Kubernetes.ListNodePools(t.Context(), cluster.id, nil)
	require.NoError(t, err)
	require.Len(t, pools, 1)
}

func TestDomainAndRecords(t *testing.T) {
	e, api, _ := rehearse(t)
	zone := e.make(domainToken, properties{"name": "companion.localhost"})
	require.Equal(t, "companion.localhost", zone.id)
	require.Equal(t, "do:domain:companion.localhost", zone.outputs()["domainUrn"])
	zone.requireSame()
	require.Equal(t, map[string]string{"name": "UPDATE_REPLACE"}, zone.diff(properties{"name": "other.localhost"}))

	for name, program := range map[string]properties{
		"an address":                     {"type": "A", "name": "app", "value": "127.0.0.1", "ttl": 60},
		"the zone's own address":         {"type": "A", "name": "@", "value": "127.0.0.1"},
		"a name that is given in full":   {"type": "A", "name": "whole.companion.localhost.", "value": "127.0.0.1"},
		"an alias, with its final dot":   {"type": "CNAME", "name": "www", "value": "app.companion.localhost."},
		"an alias within the zone":       {"type": "CNAME", "name": "api", "value": "app"},
		"a mail server without priority": {"type": "MX", "name": "@", "value": "mail.companion.localhost.", "priority": 0},
		"a service":                      {"type": "SRV", "name": "_sip._tcp", "value": "app", "priority": 10, "weight": 5, "port": 5060},
		"who may issue certificates":     {"type": "CAA", "name": "@", "value": "letsencrypt.org.", "flags": 0, "tag": "issue"},
		"whom to tell of abuse":          {"type": "CAA", "name": "@", "value": "mailto:a@b.c", "flags": 0, "tag": "iodef"},
		"a text":                         {"type": "TXT", "name": "_acme-challenge", "value": "a b"},
	} {
		t.Run(name, func(t *testing.T) {
			program["domain"] = "companion.localhost"
			made := e.make(recordToken, program)
			require.Regexp(t, `^\d+$`, made.id)
			made.requireSame()
			adopted, err := e.adopt(recordToken, "companion.localhost,"+made.id)
			require.NoError(t, err)
			require.Equal(t, made.outputs(), adopted.outputs())
			require.Equal(t, made.id, adopted.id)
			require.NoError(t, made.remove())
			require.False(t, made.refresh())
		})
	}

	program := properties{"domain": "companion.localhost", "type": "A", "name": "app", "value": "127.0.0.1"}
	made := e.make(recordToken, program)
	require.Equal(t, "app.companion.localhost", made.outputs()["fqdn"])
	program["value"] = "127.0.0.2"
	require.Equal(t, map[string]string{"value": "UPDATE"}, made.diff(program))
	require.NoError(t, made.update(program))
	made.requireSame()
	program["type"] = "TXT"
	require.Equal(t, map[string]string{"type": "UPDATE_REPLACE"}, made.diff(program))
	_, err := e.adopt(recordToken, made.id)
	require.ErrorContains(t, err, "<domain>,<id>")

	_, err = api.Domains.DeleteRecord(t.Context(), "companion.localhost", 1)
	require.Error(t, err)
	_, err = e.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn(recordToken), Properties: e.check(recordToken, properties{"domain": "companion.localhost", "type": "CNAME", "name": "x", "value": "app.companion.localhost"}, nil)})
	require.ErrorContains(t, err, "Data needs to end with a dot (.)", "the API's own words reach the person")
}

func TestRegistry(t *testing.T) {
	e, _, _ := rehearse(t)
	program := properties{"name": "wealth-companion", "subscriptionTierSlug": "starter", "region": "fra1"}
	made := e.make(registryToken, program)
	require.Equal(t, "wealth-companion", made.id)
	require.Equal(t, "registry.digitalocean.com/wealth-companion", made.outputs()["endpoint"])
	require.Equal(t, "registry.digitalocean.com", made.outputs()["serverUrl"])
	made.requireSame()
	program["subscriptionTierSlug"] = "basic"
	require.NoError(t, made.update(program))
	require.Equal(t, "basic", made.outputs()["subscriptionTierSlug"])
	made.requireSame()

	other := properties{"name": "wealth-companion", "subscriptionTierSlug": "basic", "region": "nyc3"}
	answer, err := e.Diff(t.Context(), &pulumirpc.DiffRequest{Urn: urn(registryToken), Id: made.id, Olds: made.state, OldInputs: made.inputs, News: e.check(registryToken, other, made.inputs)})
	require.NoError(t, err)
	require.True(t, answer.GetDeleteBeforeReplace(), "the successor has the same name")
	require.Equal(t, []string{"region"}, answer.GetReplaces())

	_, err = e.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn(registryToken), Properties: e.check(registryToken, properties{"name": "second-one", "subscriptionTierSlug": "basic"}, nil)})
	require.ErrorContains(t, err, "422")
	require.ErrorContains(t, err, "user already has a registry")
	require.NoError(t, made.remove())
	require.False(t, made.refresh())
}

func TestProject(t *testing.T) {
	e, api, _ := rehearse(t)
	zone := e.make(domainToken, properties{"name": "example.com"})
	urnOfZone := zone.outputs()["domainUrn"]
	program := properties{"name": "companion", "environment": "production", "purpose": "Wealth", "resources": []any{urnOfZone}}
	made := e.make(projectToken, program)
	require.Equal(t, "Wealth", made.outputs()["purpose"])
	require.Equal(t, "Production", made.outputs()["environment"])
	require.Equal(t, []any{urnOfZone}, made.outputs()["resources"])
	made.requireSame()

	program["description"], program["resources"] = "all of it", []any{}
	require.NoError(t, made.update(program))
	made.requireSame()
	home, _, err := api.Projects.GetDefault(t.Context())
	require.NoError(t, err)
	resources, _, err := api.Projects.ListResources(t.Context(), home.ID, nil)
	require.NoError(t, err)
	require.Len(t, resources, 1, "what a project gives up goes back to the default one")

	members := e.make(membersToken, properties{"project": made.id, "resources": []any{urnOfZone}})
	members.requireSame()
	require.True(t, made.refresh())
	delete(program, "resources")
	require.Empty(t, made.diff(program), "a program that names no resources leaves them to others")
	require.NoError(t, members.remove())
	require.NoError(t, made.remove())
	require.False(t, made.refresh())
}

func TestTag(t *testing.T) {
	e, _, _ := rehearse(t)
	made := e.make(tagToken, properties{"name": "companion"})
	require.EqualValues(t, 0, made.outputs()["totalResourceCount"])
	made.requireSame()
	require.NoError(t, made.remove())
	require.False(t, made.refresh())
}

func TestFunctions(t *testing.T) {
	e, _, server := rehearse(t)
	invoke := func(function string, arguments properties) (properties, error) {
		answer, err := e.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: "digitalocean:index/" + function + ":" + function, Args: e.marshal(arguments)})
		if err != nil {
			return nil, err
		}
		for _, failure := range answer.GetFailures() {
			return nil, errors.New(failure.GetReason())
		}
		return properties(e.unmarshal(answer.GetReturn()).Mappable()), nil
	}
	versions, err := invoke("getKubernetesVersions", properties{"versionPrefix": "1.36."})
	require.NoError(t, err)
	require.Equal(t, "1.36.2-do.0", versions["latestVersion"])
	require.Equal(t, []any{"1.36.2-do.0"}, versions["validVersions"])

	e.make(registryToken, properties{"name": "wealth-companion", "subscriptionTierSlug": "basic"})
	registry, err := invoke("getContainerRegistry", properties{"name": "wealth-companion"})
	require.NoError(t, err)
	require.Equal(t, "wealth-companion", registry["id"])
	require.Equal(t, "basic", registry["subscriptionTierSlug"])
	_, err = invoke("getContainerRegistry", properties{"name": "none"})
	require.ErrorContains(t, err, "there is no container registry named none")

	made := e.make(clusterToken, clusterProgram(nil))
	cluster, err := invoke("getKubernetesCluster", properties{"name": "companion"})
	require.NoError(t, err)
	require.Equal(t, made.id, cluster["id"])
	require.Equal(t, "do:kubernetes:"+made.id, cluster["urn"])
	require.Len(t, cluster["nodePools"], 1)
	require.EqualValues(t, 3, cluster["nodePools"].([]any)[0].(map[string]any)["nodeCount"])
	require.Len(t, cluster["maintenancePolicies"], 1)
	require.NotContains(t, cluster, "nodePool")

	require.NoError(t, server.PutLoadBalancer(doapi.LoadBalancer{Name: "edge", IP: "127.0.0.1", Rules: []doapi.ForwardingRule{{EntryProtocol: "tcp", EntryPort: 443, TargetProtocol: "tcp", TargetPort: 30443}}}))
	balancer, err := invoke("getLoadBalancer", properties{"name": "edge"})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", balancer["ip"])
	require.EqualValues(t, 443, balancer["forwardingRules"].([]any)[0].(map[string]any)["entryPort"])

	_, err = invoke("getDroplet", properties{})
	require.ErrorContains(t, err, "has no function digitalocean:index/getDroplet:getDroplet")
	_, err = invoke("getContainerRegistry", properties{})
	require.ErrorContains(t, err, "is required")
}

func TestSecretsStaySecret(t *testing.T) {
	e, _, _ := rehearse(t)
	made := e.make(vpcToken, properties{"region": "fra1", "description": resource.MakeSecret(resource.NewStringProperty("hush"))})
	require.True(t, e.unmarshal(made.state)["description"].IsSecret())
	require.True(t, made.refresh())
	require.True(t, e.unmarshal(made.state)["description"].IsSecret())
	require.True(t, e.unmarshal(made.inputs)["description"].IsSecret())
}

func TestAnotherTokenIsRefused(t *testing.T) {
	_, address := doapitest.Start(t, t.TempDir(), nil)
	e := connect(t)
	_, err := e.Configure(t.Context(), &pulumirpc.ConfigureRequest{Args: e.marshal(properties{"token": "another", "apiEndpoint": address})})
	require.NoError(t, err)
	_, err = e.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn(vpcToken), Properties: e.check(vpcToken, properties{"region": "fra1"}, nil)})
	require.ErrorContains(t, err, "Unable to authenticate you")
}

// offering is a backend that offers more patch versions as time goes by.
type offering struct {
	*doapitest.Backend
	versions []string
}

func (o *offering) Versions() []string { return o.versions }

func TestAnUpgradeOfDigitalOceanIsNoDowngrade(t *testing.T) {
	backend := &offering{Backend: &doapitest.Backend{}, versions: []string{"1.36.2-do.0"}}
	server, address := doapitest.Start(t, t.TempDir(), backend)
	e := start(t, address)
	program := clusterProgram(func(program, _ properties) { program["autoUpgrade"] = true })
	made := e.make(clusterToken, program)
	backend.versions = []string{"1.36.3-do.0", "1.36.2-do.0"}
	require.NoError(t, server.Maintain())
	require.True(t, made.refresh())
	require.Equal(t, "1.36.3-do.0", made.outputs()["version"])
	inputs := e.check(clusterToken, program, made.inputs)
	require.Equal(t, map[string]string{"version": "UPDATE_REPLACE"}, made.compare(inputs), "the cluster would be replaced")
	require.Empty(t, made.compare(inputs, "version"))
}

func TestAPoolOfItsOwnIsReplacedWithoutTheCluster(t *testing.T) {
	e, api, _ := rehearse(t)
	cluster := e.make(clusterToken, clusterProgram(nil))
	pool := func(size string) properties {
		return properties{"clusterId": cluster.id, "size": size, "nodeCount": 2}
	}
	before := e.make(poolToken, pool("s-2vcpu-4gb"))
	require.True(t, before.refresh())
	changed := e.check(poolToken, pool("s-4vcpu-8gb"), before.inputs)
	require.Equal(t, map[string]string{"size": "UPDATE_REPLACE"}, before.compare(changed))
	answer, err := e.Diff(t.Context(), &pulumirpc.DiffRequest{Urn: urn(poolToken), Id: before.id, Olds: before.state, OldInputs: before.inputs, News: changed})
	require.NoError(t, err)
	require.False(t, answer.GetDeleteBeforeReplace(), "the successor has a name of its own: pods have where to go")
	there, _, err := api.Kubernetes.Get(t.Context(), cluster.id)
	require.NoError(t, err)
	system := there.NodePools[0]

	e.seed = "another" // as the engine does for a replacement, which it creates first
	after := e.make(poolToken, pool("s-4vcpu-8gb"))
	require.NotEqual(t, before.outputs()["name"], after.outputs()["name"])
	require.NoError(t, before.remove())
	there, _, err = api.Kubernetes.Get(t.Context(), cluster.id)
	require.NoError(t, err)
	require.Len(t, there.NodePools, 2)
	require.Equal(t, system, there.NodePools[0], "the nodes of the cluster's own pool stay")
}

func TestExpiredCredentialsAreRequestedAnew(t *testing.T) {
	clock := &doapitest.Clock{}
	_, address := doapitest.Start(t, t.TempDir(), &doapitest.Backend{}, doapi.WithClock(clock.Now))
	e := start(t, address)
	made := e.make(clusterToken, clusterProgram(nil))
	ask := func() map[string]any {
		answer, err := e.Invoke(t.Context(), &pulumirpc.InvokeRequest{
			Tok: "digitalocean:index/getKubernetesCluster:getKubernetesCluster", Args: e.marshal(properties{"name": "companion"}),
		})
		require.NoError(t, err)
		found := e.unmarshal(answer.GetReturn())["kubeConfigs"]
		require.True(t, found.IsSecret())
		return found.SecretValue().Element.ArrayValue()[0].ObjectValue().Mappable()
	}
	known := made.outputs()["kubeConfigs"].([]any)[0].(map[string]any)
	require.NotEqual(t, known["token"], ask()["token"], "a look-up has credentials of its own")
	clock.Advance(8 * 24 * time.Hour)
	until, err := time.Parse(time.RFC3339, ask()["expiresAt"].(string))
	require.NoError(t, err)
	require.True(t, until.After(clock.Now()))
}

func TestRegistryCredentials(t *testing.T) {
	e, _, server := rehearse(t)
	e.make(registryToken, properties{"name": "companion", "subscriptionTierSlug": "professional"})
	const token = "digitalocean:index/containerRegistryDockerCredentials:ContainerRegistryDockerCredentials"
	made := e.make(token, properties{"registryName": "companion"})
	require.True(t, e.unmarshal(made.state)["dockerCredentials"].IsSecret())
	var config struct {
		Auths map[string]struct{ Auth []byte }
	}
	require.NoError(t, json.Unmarshal([]byte(made.outputs()["dockerCredentials"].(string)), &config))
	_, password, _ := strings.Cut(string(config.Auths["registry.digitalocean.com"].Auth), ":")
	require.True(t, server.Authorize(password, false))
	require.False(t, server.Authorize(password, true))
	made.requireSame()
	require.NoError(t, made.remove())
}

func TestDomainIsLookedUp(t *testing.T) {
	e, api, _ := rehearse(t)
	ask := func() (*pulumirpc.InvokeResponse, error) {
		return e.Invoke(t.Context(), &pulumirpc.InvokeRequest{Tok: "digitalocean:index/getDomain:getDomain", Args: e.marshal(properties{"name": "example.com"})})
	}
	_, err := ask()
	require.ErrorContains(t, err, "there is no domain named example.com")
	_, _, err = api.Domains.Create(t.Context(), &godo.DomainCreateRequest{Name: "example.com"})
	require.NoError(t, err)
	found, err := ask()
	require.NoError(t, err)
	require.Equal(t, "example.com", e.unmarshal(found.GetReturn())["name"].StringValue())
}
