// Package plugin serves the rehearsal's stand-in resource providers to the
// Pulumi engine.
//
// A provider implements the SDK's Provider interface over property maps; this
// package does what the SDK's own server leaves to its caller: it announces
// the detailed diff that the engine would otherwise ignore, hands on resources
// that exist but are not ready, and lets a provider talk to the engine's log.
package plugin

import (
	"context"
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
)

// Host is the engine, as far as a provider may talk to it. The zero value
// drops every message, which is what a provider gets that no engine started.
type Host struct {
	client *provider.HostClient
}

// NewHost is the engine behind a client.
func NewHost(client *provider.HostClient) *Host { return &Host{client: client} }

// Log leaves a message in the operation's final output.
func (h *Host) Log(ctx context.Context, severity diag.Severity, urn resource.URN, message string) {
	if h == nil || h.client == nil {
		return
	}
	// A message that does not arrive must not fail the operation it is about.
	_ = h.client.Log(ctx, severity, urn, message)
}

// LogStatus shows a message beside the resource until the next one replaces it.
func (h *Host) LogStatus(ctx context.Context, severity diag.Severity, urn resource.URN, message string) {
	if h == nil || h.client == nil {
		return
	}
	_ = h.client.LogStatus(ctx, severity, urn, message)
}

// Main serves the provider that build returns until the engine disconnects. It
// prints the port on standard output, as the plugin protocol asks.
func Main(name string, build func(*Host) (sdk.Provider, error)) error {
	return provider.Main(name, func(client *provider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		p, err := build(NewHost(client))
		if err != nil {
			return nil, err
		}
		return NewServer(p), nil
	})
}

// NewServer wraps a provider into the gRPC server that the engine calls.
func NewServer(p sdk.Provider) pulumirpc.ResourceProviderServer {
	return &server{ResourceProviderServer: sdk.NewProviderServer(p)}
}

type server struct {
	pulumirpc.ResourceProviderServer
}

// Diff says whether a detailed diff is there; the engine reads it only then.
func (s *server) Diff(ctx context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	res, err := s.ResourceProviderServer.Diff(ctx, req)
	return withDetail(res), err
}

// DiffConfig is Diff for the provider's own configuration.
func (s *server) DiffConfig(ctx context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	res, err := s.ResourceProviderServer.DiffConfig(ctx, req)
	return withDetail(res), err
}

func withDetail(res *pulumirpc.DiffResponse) *pulumirpc.DiffResponse {
	if res == nil || len(res.GetDetailedDiff()) == 0 {
		return res
	}
	res.HasDetailedDiff = true
	// The SDK's server lists such a path among the replacements but marks it
	// as a plain deletion, and the two would contradict each other.
	replaced := make(map[string]bool, len(res.GetReplaces()))
	for _, path := range res.GetReplaces() {
		replaced[path] = true
	}
	for path, change := range res.GetDetailedDiff() {
		if replaced[path] && change.GetKind() == pulumirpc.PropertyDiff_DELETE {
			change.Kind = pulumirpc.PropertyDiff_DELETE_REPLACE
		}
	}
	return res
}

// Create hands on a resource that was created but did not become ready.
func (s *server) Create(ctx context.Context, req *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	res, err := s.ResourceProviderServer.Create(ctx, req)
	return res, wire(err)
}

// Read hands on a resource that exists but is not ready.
func (s *server) Read(ctx context.Context, req *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	res, err := s.ResourceProviderServer.Read(ctx, req)
	return res, wire(err)
}

// Update hands on a resource that was updated but did not become ready.
func (s *server) Update(ctx context.Context, req *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	res, err := s.ResourceProviderServer.Update(ctx, req)
	return res, wire(err)
}

// InitError is a resource that exists but did not become ready. The engine
// keeps its state, so that the next update goes on from it.
type InitError struct {
	ID      resource.ID
	Reasons []string // what keeps it from being ready, the first one is the summary
	Outputs resource.PropertyMap
	Inputs  resource.PropertyMap // only from Read; the engine has them otherwise
}

// Error is the first reason.
func (e *InitError) Error() string {
	if len(e.Reasons) == 0 {
		return "resource " + string(e.ID) + " is not ready"
	}
	return e.Reasons[0]
}

func wire(err error) error {
	var init *InitError
	if !errors.As(err, &init) {
		return err
	}
	options := sdk.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true, PropagateNil: true}
	outputs, marshalErr := sdk.MarshalProperties(init.Outputs, options)
	if marshalErr != nil {
		return errors.Join(err, marshalErr)
	}
	inputs, marshalErr := sdk.MarshalProperties(init.Inputs, options)
	if marshalErr != nil {
		return errors.Join(err, marshalErr)
	}
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, err.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id:         string(init.ID),
		Properties: outputs,
		Reasons:    init.Reasons,
		Inputs:     inputs,
	})
}
