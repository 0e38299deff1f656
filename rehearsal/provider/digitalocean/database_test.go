package digitalocean_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/digitalocean/godo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

const (
	databaseToken = "digitalocean:index/databaseCluster:DatabaseCluster"
	firewallToken = "digitalocean:index/databaseFirewall:DatabaseFirewall"
)

func databaseProgram(change func(properties)) properties {
	program := properties{
		"name": "companion", "engine": "valkey", "version": "8", "size": "db-s-1vcpu-1gb", "region": "fra1", "nodeCount": 1,
		"evictionPolicy": "volatile_ttl", "maintenanceWindows": []any{map[string]any{"day": "sunday", "hour": "04:00"}},
	}
	if change != nil {
		change(program)
	}
	return program
}

func TestDatabase(t *testing.T) {
	e, api, _ := rehearse(t)
	network := e.make(vpcToken, properties{"region": "fra1"})
	within := func(program properties) { program["privateNetworkUuid"] = network.id }
	made := e.make(databaseToken, databaseProgram(within))
	out := made.outputs()
	require.Equal(t, "do:dbaas:"+made.id, out["clusterUrn"])
	require.Equal(t, "default", out["user"])
	require.EqualValues(t, 25061, out["port"])
	require.Contains(t, out["privateHost"], "private-companion-do-user-")
	require.Contains(t, out["privateUri"], "rediss://default:")
	for _, secret := range []string{"password", "uri", "privateUri"} {
		require.True(t, e.unmarshal(made.state)[resource.PropertyKey(secret)].IsSecret(), secret)
	}
	made.requireSame()
	policy, _, err := api.Databases.GetEvictionPolicy(t.Context(), made.id)
	require.NoError(t, err)
	require.Equal(t, "volatile_ttl", policy)

	for name, c := range map[string]struct {
		change func(properties)
		finds  map[string]string
	}{
		"an hour with seconds": {func(p properties) {
			p["maintenanceWindows"] = []any{map[string]any{"day": "sunday", "hour": "04:00:00"}}
		}, map[string]string{}},
		"an older version":      {func(p properties) { p["version"] = "7" }, map[string]string{}},
		"a newer version":       {func(p properties) { p["version"] = "9" }, map[string]string{"version": "UPDATE"}},
		"another name":          {func(p properties) { p["name"] = "other" }, map[string]string{"name": "UPDATE_REPLACE"}},
		"another engine":        {func(p properties) { p["engine"] = "redis" }, map[string]string{"engine": "UPDATE_REPLACE"}},
		"another VPC":           {func(p properties) { p["privateNetworkUuid"] = "x" }, map[string]string{"privateNetworkUuid": "UPDATE_REPLACE"}},
		"no policy any more":    {func(p properties) { delete(p, "evictionPolicy") }, map[string]string{"evictionPolicy": "DELETE"}},
		"a size and more nodes": {func(p properties) { p["size"], p["nodeCount"] = "db-s-1vcpu-2gb", 2 }, map[string]string{"size": "UPDATE", "nodeCount": "UPDATE"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.finds, made.diff(databaseProgram(func(p properties) { within(p); c.change(p) })))
		})
	}
	larger := func(p properties) {
		within(p)
		p["size"], p["nodeCount"] = "db-s-1vcpu-2gb", 2
		delete(p, "evictionPolicy")
	}
	require.NoError(t, made.update(databaseProgram(larger)))
	made.requireSame()
	policy, _, err = api.Databases.GetEvictionPolicy(t.Context(), made.id)
	require.NoError(t, err)
	require.Equal(t, "noeviction", policy, "what a program does not ask for any more is taken back")
	require.Equal(t, out["password"], made.outputs()["password"])

	_, err = e.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn(databaseToken), Properties: e.check(databaseToken, databaseProgram(func(p properties) { p["name"], p["size"] = "other", "db-s-9vcpu-9gb" }), nil)})
	require.ErrorContains(t, err, "invalid size")
	require.NoError(t, made.remove())
	require.NoError(t, made.remove(), "what is gone needs no removal")
	require.False(t, made.refresh())
	require.NoError(t, network.remove())
}

func TestDatabaseCheckRefuses(t *testing.T) {
	e := connect(t)
	for name, c := range map[string]struct {
		token      string
		program    properties
		path, says string
	}{
		"no version":                  {databaseToken, databaseProgram(func(p properties) { delete(p, "version") }), "version", "is required"},
		"a policy of another engine":  {databaseToken, databaseProgram(func(p properties) { p["engine"] = "pg" }), "evictionPolicy", "only supported"},
		"a mode of another engine":    {databaseToken, databaseProgram(func(p properties) { p["sqlMode"] = "ANSI" }), "sqlMode", "MySQL"},
		"a source of an unknown kind": {firewallToken, properties{"clusterId": "x", "rules": []any{map[string]any{"type": "k8", "value": "x"}}}, "rules[0].type", "k8s"},
		"a source without a value":    {firewallToken, properties{"clusterId": "x", "rules": []any{map[string]any{"type": "k8s"}}}, "rules[0].value", "is required"},
	} {
		t.Run(name, func(t *testing.T) {
			checked, err := e.Check(t.Context(), &pulumirpc.CheckRequest{Urn: urn(c.token), News: e.marshal(c.program)})
			require.NoError(t, err)
			require.Len(t, checked.GetFailures(), 1)
			require.Equal(t, c.path, checked.GetFailures()[0].GetProperty())
			require.Contains(t, checked.GetFailures()[0].GetReason(), c.says)
		})
	}
}

func TestDatabaseFirewall(t *testing.T) {
	e, api, _ := rehearse(t)
	cluster := e.make(clusterToken, clusterProgram(nil))
	database := e.make(databaseToken, databaseProgram(nil))
	rule := func(kind string, value any) map[string]any { return map[string]any{"type": kind, "value": value} }
	program := properties{"clusterId": database.id, "rules": []any{rule("k8s", cluster.id), rule("ip_addr", "203.0.113.7")}}
	made := e.make(firewallToken, program)
	made.requireSame()
	require.Empty(t, made.diff(properties{"clusterId": database.id, "rules": []any{rule("ip_addr", "203.0.113.7"), rule("k8s", cluster.id)}}), "the order does not count")
	require.Equal(t, map[string]string{"rules": "UPDATE"}, made.diff(properties{"clusterId": database.id, "rules": []any{rule("k8s", unknown)}}))

	require.NoError(t, made.update(properties{"clusterId": database.id, "rules": []any{rule("k8s", cluster.id)}}))
	made.requireSame()
	_, err := api.Databases.UpdateFirewallRules(t.Context(), database.id, &godo.DatabaseUpdateFirewallRulesRequest{Rules: []*godo.DatabaseFirewallRule{}})
	require.NoError(t, err)
	require.True(t, made.refresh())
	require.Equal(t, map[string]string{"rules": "UPDATE"}, made.diff(made.checkedProgram), "who opens it by hand shows")

	adopted, err := e.adopt(firewallToken, database.id)
	require.NoError(t, err)
	require.Equal(t, database.id, adopted.outputs()["clusterId"])
	require.NoError(t, made.remove())
	require.NoError(t, database.remove())
	require.NoError(t, made.remove(), "it went with its database")
	require.False(t, made.refresh())
}
