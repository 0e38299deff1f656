package doapi_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/doapi"
	"github.com/wealth-companion/companion/rehearsal/doapi/doapitest"
)

func databaseRequest(vpc string) *godo.DatabaseCreateRequest {
	return &godo.DatabaseCreateRequest{
		Name: "companion", EngineSlug: "valkey", Version: "8", SizeSlug: "db-s-1vcpu-1gb", Region: "fra1", NumNodes: 1,
		PrivateNetworkUUID: vpc, Tags: []string{"companion"},
	}
}

// makeDatabase makes a database and waits until it is online.
func makeDatabase(t *testing.T, client *godo.Client, request *godo.DatabaseCreateRequest) *godo.Database {
	t.Helper()
	made, _, err := client.Databases.Create(t.Context(), request)
	require.NoError(t, err)
	require.Equal(t, "creating", made.Status)
	eventually(t, "the database is online", func() bool {
		made, _, err = client.Databases.Get(t.Context(), made.ID)
		return err == nil && made.Status == "online"
	})
	return made
}

func TestDatabase(t *testing.T) {
	client, backend, _ := start(t)
	network := makeVPC(t, client, "companion", "10.110.0.0/20")
	made := makeDatabase(t, client, databaseRequest(network.ID))
	require.Equal(t, "do:dbaas:"+made.ID, made.URN())
	require.Equal(t, network.ID, made.PrivateNetworkUUID)
	require.Equal(t, []string{"companion"}, made.Tags)
	require.NotEmpty(t, made.ProjectID)
	for prefix, connection := range map[string]*godo.DatabaseConnection{"companion-do-user-": made.Connection, "private-companion-do-user-": made.PrivateConnection} {
		require.Equal(t, "rediss", connection.Protocol)
		require.True(t, connection.SSL)
		require.Contains(t, connection.Host, prefix)
		require.Equal(t, 25061, connection.Port)
		require.Equal(t, "default", connection.User)
		require.Equal(t, made.Users[0].Password, connection.Password)
	}
	authority, _, err := client.Databases.GetCA(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, "a certificate", string(authority.Certificate))

	policy, _, err := client.Databases.GetEvictionPolicy(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, "noeviction", policy)
	_, err = client.Databases.SetEvictionPolicy(t.Context(), made.ID, "volatile_ttl")
	require.NoError(t, err)
	config, _, err := client.Databases.GetValkeyConfig(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, "volatile-ttl", *config.ValkeyMaxmemoryPolicy, "the same setting, in Valkey's spelling")
	_, err = client.Databases.UpdateValkeyConfig(t.Context(), made.ID, &godo.ValkeyConfig{ValkeyMaxmemoryPolicy: godo.PtrTo("allkeys-lru"), ValkeyTimeout: godo.PtrTo(60)})
	require.NoError(t, err)
	policy, _, err = client.Databases.GetEvictionPolicy(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, "allkeys_lru", policy)
	eventually(t, "the backend has the policy", func() bool { return backend.Databases()[made.ID].EvictionPolicy == "allkeys-lru" })

	_, err = client.Databases.UpdateMaintenance(t.Context(), made.ID, &godo.DatabaseUpdateMaintenanceRequest{Day: "sunday", Hour: "04:00"})
	require.NoError(t, err)
	_, err = client.Databases.Resize(t.Context(), made.ID, &godo.DatabaseResizeRequest{SizeSlug: "db-s-1vcpu-2gb", NumNodes: 2})
	require.NoError(t, err)
	eventually(t, "it is resized", func() bool {
		made, _, err = client.Databases.Get(t.Context(), made.ID)
		return err == nil && made.Status == "online" && made.NumNodes == 2
	})
	require.Equal(t, "sunday", made.MaintenanceWindow.Day)
	require.Equal(t, "04:00:00", made.MaintenanceWindow.Hour)

	all, _, err := client.Databases.List(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, all, 1)
	options, _, err := client.Databases.ListOptions(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"8"}, options.ValkeyOptions.Versions)
}

func TestDatabaseIsRefused(t *testing.T) {
	client, _, _ := start(t)
	network := makeVPC(t, client, "companion", "10.110.0.0/20")
	makeDatabase(t, client, databaseRequest(network.ID))
	for name, test := range map[string]struct {
		change func(*godo.DatabaseCreateRequest)
		status int
		says   string
	}{
		"of an engine that does not exist":    {func(r *godo.DatabaseCreateRequest) { r.EngineSlug = "oracle" }, 422, "invalid engine"},
		"as Redis, which is made no more":     {func(r *godo.DatabaseCreateRequest) { r.EngineSlug = "redis" }, 422, "invalid engine"},
		"of an engine that is not here":       {func(r *godo.DatabaseCreateRequest) { r.EngineSlug = "pg" }, 501, "not part of the rehearsal"},
		"of a version that does not exist":    {func(r *godo.DatabaseCreateRequest) { r.Version = "7" }, 422, "invalid engine version"},
		"of a size that does not exist":       {func(r *godo.DatabaseCreateRequest) { r.SizeSlug = "s-1vcpu-1gb" }, 422, "invalid size"},
		"of no node":                          {func(r *godo.DatabaseCreateRequest) { r.NumNodes = 0 }, 422, "number of nodes"},
		"with a standby of the smallest size": {func(r *godo.DatabaseCreateRequest) { r.NumNodes = 2 }, 422, "number of nodes 2"},
		"in a region that does not exist":     {func(r *godo.DatabaseCreateRequest) { r.Region = "moon1" }, 422, "invalid region"},
		"in a VPC of another region":          {func(r *godo.DatabaseCreateRequest) { r.Region = "nyc1" }, 422, "is in region fra1"},
		"in a VPC that does not exist":        {func(r *godo.DatabaseCreateRequest) { r.PrivateNetworkUUID = "none" }, 422, "no VPC of the account"},
		"with a name that is taken":           {func(r *godo.DatabaseCreateRequest) { r.Name = "companion" }, 422, "not available"},
		"with a name that is none":            {func(r *godo.DatabaseCreateRequest) { r.Name = "Data_Base" }, 422, "invalid name"},
		"with a tag that is none":             {func(r *godo.DatabaseCreateRequest) { r.Tags = []string{"a b"} }, 422, "may only contain"},
		"in a project that does not exist":    {func(r *godo.DatabaseCreateRequest) { r.ProjectID = "none" }, 422, "project"},
		"trusting a cluster that does not exist": {func(r *godo.DatabaseCreateRequest) {
			r.Rules = []*godo.DatabaseCreateFirewallRule{{Type: "k8s", Value: "x"}}
		}, 422, "no VMs found for Kubernetes cluster"},
		"trusting an address that is none": {func(r *godo.DatabaseCreateRequest) {
			r.Rules = []*godo.DatabaseCreateFirewallRule{{Type: "ip_addr", Value: "x"}}
		}, 422, "invalid IP address"},
		"trusting a kind of source that is none": {func(r *godo.DatabaseCreateRequest) {
			r.Rules = []*godo.DatabaseCreateFirewallRule{{Type: "pod", Value: "x"}}
		}, 422, "invalid firewall rule type"},
		"trusting a tag that nobody has heard of": {func(r *godo.DatabaseCreateRequest) {
			r.Rules = []*godo.DatabaseCreateFirewallRule{{Type: "tag", Value: "x"}}
		}, 422, "does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			request := databaseRequest(network.ID)
			request.Name = "another"
			test.change(request)
			_, _, err := client.Databases.Create(t.Context(), request)
			requireStatus(t, err, test.status, test.says)
		})
	}
	all, _, err := client.Databases.List(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, all, 1, "what is refused is not made")
}

// What a program might try and DigitalOcean does not do for Valkey.
func TestDatabaseChangesAreRefused(t *testing.T) {
	client, _, _ := start(t)
	made := makeDatabase(t, client, databaseRequest(""))
	_, _, err := client.Databases.CreateUser(t.Context(), made.ID, &godo.DatabaseCreateUserRequest{Name: "backend"})
	requireStatus(t, err, 500, "Server Error")
	_, err = client.Databases.UpdateRedisConfig(t.Context(), made.ID, &godo.RedisConfig{RedisMaxmemoryPolicy: godo.PtrTo("volatile-ttl")})
	requireStatus(t, err, 400, `json: unknown field "redis_maxmemory_policy"`)
	_, err = client.Databases.UpdateValkeyConfig(t.Context(), made.ID, &godo.ValkeyConfig{ValkeyMaxmemoryPolicy: godo.PtrTo("at random")})
	requireStatus(t, err, 422, "valkey_maxmemory_policy")
	_, err = client.Databases.SetEvictionPolicy(t.Context(), made.ID, "volatile-ttl")
	requireStatus(t, err, 422, "volatile_ttl")
	_, err = client.Databases.UpdateMaintenance(t.Context(), made.ID, &godo.DatabaseUpdateMaintenanceRequest{Day: "any", Hour: "04:00"})
	requireStatus(t, err, 422, "invalid day")
	_, err = client.Databases.UpdateMaintenance(t.Context(), made.ID, &godo.DatabaseUpdateMaintenanceRequest{Day: "sunday", Hour: "4 o'clock"})
	requireStatus(t, err, 422, "invalid hour")
	_, err = client.Databases.Resize(t.Context(), made.ID, &godo.DatabaseResizeRequest{SizeSlug: "db-s-1vcpu-1gb", NumNodes: 3})
	requireStatus(t, err, 422, "number of nodes")
	_, err = client.Databases.Delete(t.Context(), "none")
	requireStatus(t, err, 404, "could not be found")
}

func TestDatabaseTrustsItsSources(t *testing.T) {
	client, backend, _ := start(t)
	network := makeVPC(t, client, "companion", "10.110.0.0/20")
	cluster := makeCluster(t, client, network.ID)
	made := makeDatabase(t, client, databaseRequest(network.ID))
	require.Nil(t, backend.Databases()[made.ID].Sources, "without a source, everybody may connect")
	rules := []*godo.DatabaseFirewallRule{{Type: "k8s", Value: cluster.ID}, {Type: "ip_addr", Value: "203.0.113.7"}}
	_, err := client.Databases.UpdateFirewallRules(t.Context(), made.ID, &godo.DatabaseUpdateFirewallRulesRequest{Rules: rules})
	require.NoError(t, err)
	eventually(t, "the backend knows the cluster's nodes and pods", func() bool { return len(backend.Databases()[made.ID].Sources) == 3 })
	require.Contains(t, backend.Databases()[made.ID].Sources, netip.MustParsePrefix("10.112.0.0/16"))
	found, _, err := client.Databases.GetFirewallRules(t.Context(), made.ID)
	require.NoError(t, err)
	require.Len(t, found, 2)
	_, err = client.Databases.UpdateFirewallRules(t.Context(), made.ID, &godo.DatabaseUpdateFirewallRulesRequest{Rules: rules[:1]})
	require.NoError(t, err)
	again, _, err := client.Databases.GetFirewallRules(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, found[:1], again, "a rule that stays keeps its id")
}

func TestVPCWithADatabaseStays(t *testing.T) {
	client, _, _ := start(t)
	network := makeVPC(t, client, "companion", "10.110.0.0/20")
	made := makeDatabase(t, client, databaseRequest(network.ID))
	_, err := client.VPCs.Delete(t.Context(), network.ID)
	requireStatus(t, err, 409, "Can not delete VPC with members")
	_, err = client.Databases.Delete(t.Context(), made.ID)
	require.NoError(t, err)
	_, _, err = client.Databases.Get(t.Context(), made.ID)
	requireStatus(t, err, 404, "could not be found")
	eventually(t, "the VPC is free once the database is gone", func() bool {
		_, err := client.VPCs.Delete(t.Context(), network.ID)
		return err == nil
	})
}

func TestDatabasesOutliveTheServer(t *testing.T) {
	dir, backend := t.TempDir(), &doapitest.Backend{}
	_, address := doapitest.Start(t, dir, backend)
	client := doapitest.Client(t, address)
	made := makeDatabase(t, client, databaseRequest(""))
	next := &doapitest.Backend{}
	_, address = doapitest.Start(t, dir, next)
	eventually(t, "the next server's backend has it too", func() bool { return next.Databases()[made.ID].Name == "companion" })
	again, _, err := doapitest.Client(t, address).Databases.Get(t.Context(), made.ID)
	require.NoError(t, err)
	require.Equal(t, "online", again.Status)
	require.Equal(t, made.Connection.Password, again.Connection.Password)
}

// A host that only previews runs no database: whoever waits for one learns it.
func TestDatabaseOfAPreviewIsNeverOnline(t *testing.T) {
	_, address := doapitest.Start(t, t.TempDir(), doapi.PreviewOnly)
	client := doapitest.Client(t, address)
	made, _, err := client.Databases.Create(t.Context(), databaseRequest(""))
	require.NoError(t, err)
	require.Never(t, func() bool {
		found, _, err := client.Databases.Get(t.Context(), made.ID)
		return err != nil || found.Status != "creating"
	}, 100*time.Millisecond, 20*time.Millisecond)
	_, _, err = client.Databases.GetCA(t.Context(), made.ID)
	requireStatus(t, err, 412, "not online")
}
