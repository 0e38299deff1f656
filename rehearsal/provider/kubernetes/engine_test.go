package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/wealth-companion/companion/rehearsal/internal/testcluster"
	"github.com/wealth-companion/companion/rehearsal/provider/plugin"
)

var server, stopServer = testcluster.Shared(testcluster.Workloads...)

func TestMain(m *testing.M) {
	code := m.Run()
	stopServer()
	os.Exit(code)
}

// object is short for the plain maps that manifests are written as here.
type object = map[string]any

// stack does with a provider what the engine does with it, for one resource at
// a time, and keeps the state between two operations.
type stack struct {
	t        *testing.T
	provider *Provider
	log      *engineLog
	state    map[resource.URN]*recorded
}

type recorded struct {
	id      resource.ID
	inputs  resource.PropertyMap
	outputs resource.PropertyMap
	reasons []string // why it was not ready, if it was not
}

func newStack(t *testing.T, arguments object) *stack {
	t.Helper()
	log := &engineLog{}
	p := New(log.host(t))
	p.awaits = awaitTimes{
		limit: 20 * time.Second, poll: 20 * time.Millisecond, watch: 20 * time.Millisecond, hopeless: 500 * time.Millisecond,
		retry: 50 * time.Millisecond, settle: 200 * time.Millisecond,
	}
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	if arguments != nil {
		_, err := p.Configure(t.Context(), sdk.ConfigureRequest{Inputs: propertyMap(arguments)})
		require.NoError(t, err)
	}
	return &stack{t: t, provider: p, log: log, state: map[resource.URN]*recorded{}}
}

// engineLog is what providers told the engine.
type engineLog struct {
	pulumirpc.UnimplementedEngineServer

	mu       sync.Mutex
	statuses []string // shown until the next one
	warnings []string // that stay
}

// Log implements pulumirpc.EngineServer.
func (l *engineLog) Log(_ context.Context, req *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case req.GetEphemeral():
		l.statuses = append(l.statuses, req.GetMessage())
	case req.GetSeverity() == pulumirpc.LogSeverity_WARNING:
		l.warnings = append(l.warnings, req.GetMessage())
	}
	return &emptypb.Empty{}, nil
}

func (l *engineLog) told() (statuses, warnings []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.statuses), slices.Clone(l.warnings)
}

// host is an engine that takes messages, as a provider sees it.
func (l *engineLog) host(t *testing.T) *plugin.Host {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	pulumirpc.RegisterEngineServer(server, l)
	go func() { _ = server.Serve(listener) }()
	client, err := provider.NewHostClient(listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, client.Close())
		server.Stop()
	})
	return plugin.NewHost(client)
}

// connected is a stack on the tests' cluster, in a namespace of its own.
func connected(t *testing.T) (*stack, string) {
	t.Helper()
	cluster := server(t)
	namespace := cluster.Namespace(t)
	s := newStack(t, object{"kubeconfig": string(cluster.Kubeconfig), "namespace": namespace})
	require.NoError(t, s.provider.unreachable)
	return s, namespace
}

func urnOf(token, name string) resource.URN {
	return resource.NewURN("test", "test", "", tokens.Type(token), name)
}

// plan is what an operation would do.
type plan struct {
	kind    string // create, update, replace, same
	inputs  resource.PropertyMap
	diff    sdk.DiffResult
	outputs resource.PropertyMap // as preview shows them
}

type option func(*request)

type request struct {
	timeout float64
	ignore  []string
	ctx     context.Context
}

func ignoring(paths ...string) option { return func(r *request) { r.ignore = paths } }

func within(limit time.Duration) option {
	return func(r *request) { r.timeout = limit.Seconds() }
}

func (s *stack) request(options []option) request {
	r := request{ctx: s.t.Context()}
	for _, option := range options {
		option(&r)
	}
	return r
}

func (s *stack) check(urn resource.URN, manifest any, olds resource.PropertyMap) (resource.PropertyMap, error) {
	s.t.Helper()
	news, ok := manifest.(resource.PropertyMap)
	if !ok {
		news = propertyMap(manifest.(object))
	}
	res, err := s.provider.Check(s.t.Context(), sdk.CheckRequest{
		URN: urn, Olds: olds, News: news, AllowUnknowns: true, RandomSeed: []byte(urn),
	})
	if err != nil {
		return nil, err
	}
	for _, failure := range res.Failures {
		err = errors.Join(err, fmt.Errorf("%s: %s", failure.Property, failure.Reason))
	}
	return res.Properties, err
}

func (s *stack) plan(token, name string, manifest any, options ...option) (plan, error) {
	s.t.Helper()
	r := s.request(options)
	urn := urnOf(token, name)
	old := s.state[urn]
	if old == nil {
		inputs, err := s.check(urn, manifest, nil)
		return plan{kind: "create", inputs: inputs}, err
	}
	inputs, err := s.check(urn, manifest, old.inputs)
	if err != nil {
		return plan{}, err
	}
	diff, err := s.provider.Diff(r.ctx, sdk.DiffRequest{
		URN: urn, ID: old.id, OldInputs: old.inputs, OldOutputs: old.outputs, NewInputs: inputs,
		AllowUnknowns: true, IgnoreChanges: r.ignore,
	})
	if err != nil {
		return plan{}, err
	}
	p := plan{kind: "same", inputs: inputs, diff: diff}
	switch {
	case len(diff.ReplaceKeys) > 0:
		p.kind = "replace"
		// The engine checks again without the old inputs: a generated name is generated again.
		p.inputs, err = s.check(urn, manifest, nil)
	case diff.Changes == sdk.DiffSome, len(old.reasons) > 0:
		p.kind = "update"
	}
	return p, err
}

// preview says what up would do, and what the outputs would be.
func (s *stack) preview(token, name string, manifest any, options ...option) (plan, error) {
	s.t.Helper()
	r := s.request(options)
	urn := urnOf(token, name)
	p, err := s.plan(token, name, manifest, options...)
	if err != nil {
		return plan{}, err
	}
	switch p.kind {
	case "create", "replace":
		res, err := s.provider.Create(r.ctx, sdk.CreateRequest{URN: urn, Properties: p.inputs, Preview: true})
		p.outputs = res.Properties
		return p, err
	case "update":
		old := s.state[urn]
		res, err := s.provider.Update(r.ctx, sdk.UpdateRequest{
			URN: urn, ID: old.id, OldInputs: old.inputs, OldOutputs: old.outputs, NewInputs: p.inputs,
			IgnoreChanges: r.ignore, Preview: true,
		})
		p.outputs = res.Properties
		return p, err
	default:
		p.outputs = s.state[urn].outputs
		return p, nil
	}
}

// up brings the resource to what the manifest says and returns what it did.
func (s *stack) up(token, name string, manifest any, options ...option) (string, error) {
	s.t.Helper()
	r := s.request(options)
	urn := urnOf(token, name)
	p, err := s.plan(token, name, manifest, options...)
	if err != nil {
		return "", err
	}
	old := s.state[urn]
	create := func() error {
		res, err := s.provider.Create(r.ctx, sdk.CreateRequest{URN: urn, Properties: p.inputs, Timeout: r.timeout})
		return s.record(urn, p.inputs, res.ID, res.Properties, err)
	}
	remove := func() error {
		_, err := s.provider.Delete(r.ctx, sdk.DeleteRequest{URN: urn, ID: old.id, Inputs: old.inputs, Outputs: old.outputs})
		return err
	}
	switch p.kind {
	case "create":
		return p.kind, create()
	case "update":
		res, err := s.provider.Update(r.ctx, sdk.UpdateRequest{
			URN: urn, ID: old.id, OldInputs: old.inputs, OldOutputs: old.outputs, NewInputs: p.inputs,
			Timeout: r.timeout, IgnoreChanges: r.ignore,
		})
		return p.kind, s.record(urn, p.inputs, old.id, res.Properties, err)
	case "replace":
		if p.diff.DeleteBeforeReplace {
			if err := remove(); err != nil {
				return p.kind, err
			}
			return p.kind, create()
		}
		if err := create(); err != nil {
			return p.kind, err
		}
		return p.kind, remove()
	default:
		return p.kind, nil
	}
}

func (s *stack) record(
	urn resource.URN, inputs resource.PropertyMap, id resource.ID, outputs resource.PropertyMap, err error,
) error {
	var partial *plugin.InitError
	switch {
	case errors.As(err, &partial):
		s.state[urn] = &recorded{id: partial.ID, inputs: inputs, outputs: partial.Outputs, reasons: partial.Reasons}
	case err == nil:
		s.state[urn] = &recorded{id: id, inputs: inputs, outputs: outputs}
	}
	return err
}

// refresh reads the resource again; it reports whether it is still there.
func (s *stack) refresh(token, name string) (bool, error) {
	s.t.Helper()
	urn := urnOf(token, name)
	old := s.state[urn]
	res, err := s.provider.Read(s.t.Context(), sdk.ReadRequest{
		URN: urn, ID: old.id, Inputs: old.inputs, State: old.outputs,
	})
	var partial *plugin.InitError
	switch {
	case errors.As(err, &partial):
		s.state[urn] = &recorded{id: partial.ID, inputs: partial.Inputs, outputs: partial.Outputs, reasons: partial.Reasons}
		return true, nil
	case err != nil:
		return false, err
	case res.ID == "":
		delete(s.state, urn)
		return false, nil
	}
	s.state[urn] = &recorded{id: res.ID, inputs: res.Inputs, outputs: res.Outputs}
	return true, nil
}

func (s *stack) destroy(token, name string) error {
	s.t.Helper()
	urn := urnOf(token, name)
	old := s.state[urn]
	_, err := s.provider.Delete(s.t.Context(), sdk.DeleteRequest{
		URN: urn, ID: old.id, Inputs: old.inputs, Outputs: old.outputs,
	})
	if err == nil {
		delete(s.state, urn)
	}
	return err
}

// mustUp is up that has to do what is expected.
func (s *stack) mustUp(expected, token, name string, manifest any, options ...option) *recorded {
	s.t.Helper()
	done, err := s.up(token, name, manifest, options...)
	require.NoError(s.t, err)
	require.Equal(s.t, expected, done)
	return s.state[urnOf(token, name)]
}

// settled requires that neither preview nor refresh see anything to do.
func (s *stack) settled(token, name string, manifest any) {
	s.t.Helper()
	p, err := s.preview(token, name, manifest)
	require.NoError(s.t, err)
	require.Equal(s.t, "same", p.kind, "right after up: %v", p.diff.DetailedDiff)

	before := s.state[urnOf(token, name)].inputs
	there, err := s.refresh(token, name)
	require.NoError(s.t, err)
	require.True(s.t, there)
	require.Equal(s.t, plainMap(before), plainMap(s.state[urnOf(token, name)].inputs), "refresh must not change the inputs")

	p, err = s.preview(token, name, manifest)
	require.NoError(s.t, err)
	require.Equal(s.t, "same", p.kind, "after refresh: %v", p.diff.DetailedDiff)
}

func (r *recorded) at(t *testing.T, path string) any {
	t.Helper()
	parsed, err := resource.ParsePropertyPath(path)
	require.NoError(t, err)
	value, ok := parsed.Get(resource.NewObjectProperty(propertyMap(plainMap(r.outputs)))) // secrets unwrapped
	require.True(t, ok, "no %s in the outputs", path)
	return plain(value)
}
