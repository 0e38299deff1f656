package plugin

import (
	"context"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
)

const urn = "urn:pulumi:test::test::test:index:Thing::thing"

type fake struct {
	sdk.UnimplementedProvider
	diff   sdk.DiffResult
	create error
}

func (f *fake) Diff(context.Context, sdk.DiffRequest) (sdk.DiffResponse, error) {
	return f.diff, nil
}

func (f *fake) Create(context.Context, sdk.CreateRequest) (sdk.CreateResponse, error) {
	return sdk.CreateResponse{}, f.create
}

func TestDiffAnnouncesItsDetail(t *testing.T) {
	server := NewServer(&fake{diff: sdk.DiffResult{Changes: sdk.DiffSome, DetailedDiff: map[string]sdk.PropertyDiff{
		"a": {Kind: sdk.DiffUpdate},
		"b": {Kind: sdk.DiffDeleteReplace},
	}}})

	res, err := server.Diff(t.Context(), &pulumirpc.DiffRequest{Urn: urn})
	require.NoError(t, err)
	require.True(t, res.GetHasDetailedDiff())
	require.Equal(t, []string{"b"}, res.GetReplaces())
	require.Equal(t, pulumirpc.PropertyDiff_UPDATE, res.GetDetailedDiff()["a"].GetKind())
	require.Equal(t, pulumirpc.PropertyDiff_DELETE_REPLACE, res.GetDetailedDiff()["b"].GetKind())
}

func TestNoDiffAnnouncesNoDetail(t *testing.T) {
	server := NewServer(&fake{diff: sdk.DiffResult{Changes: sdk.DiffNone}})

	res, err := server.Diff(t.Context(), &pulumirpc.DiffRequest{Urn: urn})
	require.NoError(t, err)
	require.False(t, res.GetHasDetailedDiff())
	require.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, res.GetChanges())
}

func TestCreateKeepsWhatIsNotReady(t *testing.T) {
	server := NewServer(&fake{create: &InitError{
		ID:      "thing-1",
		Reasons: []string{"it is not ready", "it waits for another"},
		Outputs: resource.PropertyMap{"key": resource.MakeSecret(resource.NewStringProperty("value"))},
	}})

	_, err := server.Create(t.Context(), &pulumirpc.CreateRequest{Urn: urn})
	require.ErrorContains(t, err, "it is not ready")

	details := rpcerror.Convert(err).Details()
	require.Len(t, details, 1)
	init, ok := details[0].(*pulumirpc.ErrorResourceInitFailed)
	require.True(t, ok)
	require.Equal(t, "thing-1", init.GetId())
	require.Equal(t, []string{"it is not ready", "it waits for another"}, init.GetReasons())

	outputs, err := sdk.UnmarshalProperties(init.GetProperties(), sdk.MarshalOptions{KeepSecrets: true})
	require.NoError(t, err)
	require.True(t, outputs["key"].IsSecret(), "a secret must stay one on the way into the state")
}

func TestHostWithoutEngineDropsMessages(t *testing.T) {
	var none *Host
	none.Log(t.Context(), "info", urn, "nobody listens")
	(&Host{}).LogStatus(t.Context(), "info", urn, "nobody listens")
}
