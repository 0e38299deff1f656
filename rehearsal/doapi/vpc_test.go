package doapi_test

import (
	"testing"

	"github.com/digitalocean/godo"
	"github.com/stretchr/testify/require"
)

func makeVPC(t *testing.T, client *godo.Client, name, addresses string) *godo.VPC {
	t.Helper()
	made, _, err := client.VPCs.Create(t.Context(), &godo.VPCCreateRequest{Name: name, RegionSlug: "fra1", IPRange: addresses})
	require.NoError(t, err)
	return made
}

func TestVPC(t *testing.T) {
	client, _, _ := start(t)
	made := makeVPC(t, client, "companion", "10.110.0.0/20")
	require.Equal(t, "do:vpc:"+made.ID, made.URN)
	require.Equal(t, "10.110.0.0/20", made.IPRange)
	require.False(t, made.Default)

	changed, _, err := client.VPCs.Update(t.Context(), made.ID, &godo.VPCUpdateRequest{Name: "companion-2", Description: "all of it"})
	require.NoError(t, err)
	require.Equal(t, "companion-2", changed.Name)
	require.Equal(t, "all of it", changed.Description)

	patched, _, err := client.VPCs.Set(t.Context(), made.ID, godo.VPCSetName("companion-3"))
	require.NoError(t, err)
	require.Equal(t, "all of it", patched.Description, "a patch leaves what it does not name")

	chosen := makeVPC(t, client, "no-range", "")
	require.NotEmpty(t, chosen.IPRange)

	_, err = client.VPCs.Delete(t.Context(), made.ID)
	require.NoError(t, err)
	_, err = client.VPCs.Delete(t.Context(), made.ID)
	requireStatus(t, err, 404, "could not be found")
}

func TestVPCIsRefused(t *testing.T) {
	client, _, _ := start(t)
	makeVPC(t, client, "first", "10.110.0.0/20")
	for name, test := range map[string]struct {
		request godo.VPCCreateRequest
		says    string
	}{
		"in a region that does not exist":   {godo.VPCCreateRequest{Name: "a", RegionSlug: "moon1"}, `Region "moon1"`},
		"without a name":                    {godo.VPCCreateRequest{RegionSlug: "fra1"}, "Name can't be blank"},
		"with an underscore in its name":    {godo.VPCCreateRequest{Name: "a_b", RegionSlug: "fra1"}, "alphanumeric characters, dashes, and periods"},
		"with a name that is taken":         {godo.VPCCreateRequest{Name: "first", RegionSlug: "fra1"}, "already used by another VPC"},
		"with a range that overlaps":        {godo.VPCCreateRequest{Name: "a", RegionSlug: "fra1", IPRange: "10.110.8.0/24"}, "overlaps with another VPC"},
		"with a public range":               {godo.VPCCreateRequest{Name: "a", RegionSlug: "fra1", IPRange: "8.8.8.0/24"}, "private ranges"},
		"with a range too large":            {godo.VPCCreateRequest{Name: "a", RegionSlug: "fra1", IPRange: "10.0.0.0/8"}, "between /16 and /28"},
		"with a range that is none":         {godo.VPCCreateRequest{Name: "a", RegionSlug: "fra1", IPRange: "ten"}, "CIDR notation"},
		"with a range that starts too late": {godo.VPCCreateRequest{Name: "a", RegionSlug: "fra1", IPRange: "10.9.0.7/20"}, "10.9.0.0/20 does"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := client.VPCs.Create(t.Context(), &test.request)
			requireStatus(t, err, 422, test.says)
		})
	}
}

func TestVPCInUseStays(t *testing.T) {
	client, _, _ := start(t)
	network := makeVPC(t, client, "companion", "10.110.0.0/20")
	cluster := makeCluster(t, client, network.ID)

	_, err := client.VPCs.Delete(t.Context(), network.ID)
	requireStatus(t, err, 409, "Can not delete VPC with members")
	members, _, err := client.VPCs.ListMembers(t.Context(), network.ID, nil, nil)
	require.NoError(t, err)
	require.Len(t, members, 4, "the cluster and its three nodes")

	_, err = client.Kubernetes.Delete(t.Context(), cluster.ID)
	require.NoError(t, err)
	eventually(t, "the VPC is free once the cluster is gone", func() bool {
		_, err := client.VPCs.Delete(t.Context(), network.ID)
		return err == nil
	})
}

func TestDefaultVPCComesWithTheFirstResource(t *testing.T) {
	client, _, _ := start(t)
	cluster, _, err := client.Kubernetes.Create(t.Context(), clusterRequest(""))
	require.NoError(t, err)
	network, _, err := client.VPCs.Get(t.Context(), cluster.VPCUUID)
	require.NoError(t, err)
	require.True(t, network.Default)
	_, err = client.VPCs.Delete(t.Context(), network.ID)
	requireStatus(t, err, 403, "Can not delete default VPC")
}
