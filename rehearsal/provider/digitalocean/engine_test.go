package digitalocean_test

import (
	"context"
	"net"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/wealth-companion/companion/rehearsal/doapi/doapitest"
	"github.com/wealth-companion/companion/rehearsal/provider/digitalocean"
	"github.com/wealth-companion/companion/rehearsal/provider/plugin"
)

// properties are a program's values, or an object's.
type properties map[string]any

// engine calls the provider as Pulumi's does: over gRPC, with marshalled
// properties.
type engine struct {
	pulumirpc.ResourceProviderClient
	t    *testing.T
	seed string // of random names
}

// unknown stands for a value that is not known at preview.
var unknown = resource.MakeComputed(resource.NewStringProperty(""))

// connect starts a provider that is not configured yet.
func connect(t *testing.T) engine {
	t.Helper()
	provider := digitalocean.New(nil)
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer()
	pulumirpc.RegisterResourceProviderServer(server, plugin.NewServer(provider))
	go func() { _ = server.Serve(listener) }()
	connection, err := grpc.NewClient("passthrough:provider", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, connection.Close())
		server.Stop()
		require.NoError(t, provider.Close())
	})
	return engine{pulumirpc.NewResourceProviderClient(connection), t, "seed"}
}

// start starts a provider that talks to the API at that address.
func start(t *testing.T, address string) engine {
	t.Helper()
	e := connect(t)
	_, err := e.Configure(t.Context(), &pulumirpc.ConfigureRequest{
		AcceptSecrets: true, AcceptResources: true,
		Args: e.marshal(properties{"token": resource.MakeSecret(resource.NewStringProperty(doapitest.Token)), "apiEndpoint": address, "httpRetryMax": 0}),
	})
	require.NoError(t, err)
	return e
}

func (e engine) marshal(values properties) *structpb.Struct {
	e.t.Helper()
	encoded, err := sdk.MarshalProperties(resource.NewPropertyMapFromMap(values), sdk.MarshalOptions{KeepUnknowns: true, KeepSecrets: true})
	require.NoError(e.t, err)
	return encoded
}

func (e engine) unmarshal(values *structpb.Struct) resource.PropertyMap {
	e.t.Helper()
	decoded, err := sdk.UnmarshalProperties(values, sdk.MarshalOptions{KeepUnknowns: true, KeepSecrets: true})
	require.NoError(e.t, err)
	return decoded
}

func urn(token string) string { return "urn:pulumi:test::companion::" + token + "::it" }

// thing is a resource as the engine's state has it.
type thing struct {
	e              engine
	token          string
	id             string
	inputs, state  *structpb.Struct
	checkedProgram properties
}

// check checks a program's values, which must be right.
func (e engine) check(token string, program properties, before *structpb.Struct) *structpb.Struct {
	e.t.Helper()
	checked, err := e.Check(e.t.Context(), &pulumirpc.CheckRequest{Urn: urn(token), News: e.marshal(program), Olds: before, RandomSeed: []byte(e.seed)})
	require.NoError(e.t, err)
	require.Empty(e.t, checked.GetFailures())
	return checked.GetInputs()
}

// make creates a resource.
func (e engine) make(token string, program properties) *thing {
	e.t.Helper()
	inputs := e.check(token, program, nil)
	made, err := e.Create(e.t.Context(), &pulumirpc.CreateRequest{Urn: urn(token), Properties: inputs})
	require.NoError(e.t, err)
	require.NotEmpty(e.t, made.GetId())
	return &thing{e: e, token: token, id: made.GetId(), inputs: inputs, state: made.GetProperties(), checkedProgram: program}
}

// outputs are the resource's properties, secrets revealed.
func (r *thing) outputs() properties {
	r.e.t.Helper()
	decoded, err := sdk.UnmarshalProperties(r.state, sdk.MarshalOptions{KeepSecrets: false, KeepUnknowns: true})
	require.NoError(r.e.t, err)
	return decoded.Mappable()
}

// diff says what a program would change: path to kind.
func (r *thing) diff(program properties) map[string]string {
	r.e.t.Helper()
	return r.compare(r.e.check(r.token, program, r.inputs))
}

func (r *thing) compare(inputs *structpb.Struct, ignore ...string) map[string]string {
	r.e.t.Helper()
	answer, err := r.e.Diff(r.e.t.Context(), &pulumirpc.DiffRequest{
		Urn: urn(r.token), Id: r.id, OldInputs: r.inputs, Olds: r.state, News: inputs, IgnoreChanges: ignore,
	})
	require.NoError(r.e.t, err)
	found := map[string]string{}
	for path, change := range answer.GetDetailedDiff() {
		found[path] = change.GetKind().String()
	}
	require.Equal(r.e.t, len(found) > 0, answer.GetChanges() == pulumirpc.DiffResponse_DIFF_SOME)
	return found
}

// requireSame checks that a program that was carried out changes nothing more,
// before and after a refresh.
func (r *thing) requireSame() {
	r.e.t.Helper()
	require.Empty(r.e.t, r.diff(r.checkedProgram), "preview after up")
	before := r.outputs()
	require.True(r.e.t, r.refresh())
	require.Equal(r.e.t, before, r.outputs(), "refresh")
	require.Empty(r.e.t, r.diff(r.checkedProgram), "preview after refresh")
}

// update carries out a program's change.
func (r *thing) update(program properties) error {
	r.e.t.Helper()
	inputs := r.e.check(r.token, program, r.inputs)
	changed, err := r.e.Update(r.e.t.Context(), &pulumirpc.UpdateRequest{Urn: urn(r.token), Id: r.id, OldInputs: r.inputs, Olds: r.state, News: inputs})
	if err != nil {
		return err
	}
	r.inputs, r.state, r.checkedProgram = inputs, changed.GetProperties(), program
	return nil
}

// refresh reads the resource anew; it says whether it is there.
func (r *thing) refresh() bool {
	r.e.t.Helper()
	found, err := r.e.Read(r.e.t.Context(), &pulumirpc.ReadRequest{Urn: urn(r.token), Id: r.id, Inputs: r.inputs, Properties: r.state})
	require.NoError(r.e.t, err)
	if found.GetId() == "" {
		return false
	}
	r.inputs, r.state = found.GetInputs(), found.GetProperties()
	return true
}

func (r *thing) remove() error {
	_, err := r.e.Delete(r.e.t.Context(), &pulumirpc.DeleteRequest{Urn: urn(r.token), Id: r.id, Properties: r.state, OldInputs: r.inputs})
	return err
}

// adopt imports a resource by what a person gives.
func (e engine) adopt(token, given string) (*thing, error) {
	found, err := e.Read(e.t.Context(), &pulumirpc.ReadRequest{Urn: urn(token), Id: given})
	if err != nil {
		return nil, err
	}
	return &thing{e: e, token: token, id: found.GetId(), inputs: found.GetInputs(), state: found.GetProperties()}, nil
}

// initFailed is what the engine keeps of a resource that is there but not as
// it should be.
func initFailed(t *testing.T, err error) *pulumirpc.ErrorResourceInitFailed {
	t.Helper()
	require.Error(t, err)
	for _, detail := range rpcerror.Convert(err).Details() {
		if failed, ok := detail.(*pulumirpc.ErrorResourceInitFailed); ok {
			return failed
		}
	}
	require.Fail(t, "the resource is lost", "%v", err)
	return nil
}
