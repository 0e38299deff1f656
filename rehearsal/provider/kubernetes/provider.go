package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/wealth-companion/companion/rehearsal/provider/plugin"
	"k8s.io/client-go/rest"
)

// Version is the version of the official plugin that this one stands in for.
const Version = "4.30.0"

// Provider serves Kubernetes resources to the engine.
type Provider struct {
	sdk.UnimplementedProvider

	host   *plugin.Host
	ctx    context.Context // ends when the engine cancels
	cancel context.CancelFunc
	awaits awaitTimes

	settings  settings
	namespace string // for objects that name none

	// cluster is nil while there is none to talk to, and unreachable says why.
	cluster     *cluster
	unreachable error

	warned sync.Map // warnings of the API server that were passed on
}

// New makes a provider that reports to the engine at host.
func New(host *plugin.Host) *Provider {
	ctx, cancel := context.WithCancel(context.Background())
	return &Provider{
		host:        host,
		ctx:         ctx,
		cancel:      cancel,
		awaits:      defaultAwaitTimes,
		namespace:   defaultNamespace,
		unreachable: errors.New("the provider is not configured"),
	}
}

// GetPluginInfo names the version.
func (p *Provider) GetPluginInfo(context.Context) (sdk.PluginInfo, error) {
	version := semver.MustParse(Version)
	return sdk.PluginInfo{Version: &version}, nil
}

// SignalCancellation ends what is being waited for; objects keep their state.
func (p *Provider) SignalCancellation(context.Context) error {
	p.cancel()
	return nil
}

// Close ends the provider.
func (p *Provider) Close() error {
	p.cancel()
	return nil
}

// Attach is for debuggers: the provider runs already, and the engine says
// where it listens.
func (p *Provider) Attach(string) error {
	return nil
}

// Handshake tells the engine what this provider understands.
func (p *Provider) Handshake(
	context.Context, sdk.ProviderHandshakeRequest,
) (*sdk.ProviderHandshakeResponse, error) {
	return &sdk.ProviderHandshakeResponse{
		AcceptSecrets:                   true,
		AcceptResources:                 false,
		SupportsAutonamingConfiguration: true,
	}, nil
}

// CheckConfig accepts what can be read.
func (p *Provider) CheckConfig(_ context.Context, req sdk.CheckConfigRequest) (sdk.CheckConfigResponse, error) {
	if _, err := readSettings(req.News); err != nil {
		return sdk.CheckConfigResponse{
			Properties: req.News,
			Failures:   []sdk.CheckFailure{{Reason: err.Error()}},
		}, nil
	}
	return sdk.CheckConfigResponse{Properties: req.News}, nil
}

// DiffConfig replaces the provider, and with it every resource, only when the
// inputs point at another cluster. New credentials for the same one are an
// update.
func (p *Provider) DiffConfig(_ context.Context, req sdk.DiffConfigRequest) (sdk.DiffConfigResponse, error) {
	old := req.OldInputs
	if old == nil {
		old = req.OldOutputs
	}
	diff := old.Diff(req.NewInputs)
	if diff == nil {
		return sdk.DiffConfigResponse{Changes: sdk.DiffNone}, nil
	}
	res := sdk.DiffConfigResponse{Changes: sdk.DiffSome, ChangedKeys: diff.ChangedKeys()}

	const identifier = "clusterIdentifier"
	if diff.Updated(identifier) {
		res.ReplaceKeys = []resource.PropertyKey{identifier}
		return res, nil
	}
	if diff.Same(identifier) && req.NewInputs.HasValue(identifier) {
		return res, nil
	}
	for _, key := range []resource.PropertyKey{"kubeconfig", "context", "cluster"} {
		if !diff.Changed(key) {
			continue
		}
		// What is not known yet may be another cluster.
		if req.NewInputs[key].ContainsUnknowns() || !sameCluster(old, req.NewInputs) {
			res.ReplaceKeys = append(res.ReplaceKeys, key)
		}
	}
	return res, nil
}

// Configure connects to the cluster. A cluster that does not answer is no
// error yet: what needs it will say so, and what can do without goes on.
func (p *Provider) Configure(ctx context.Context, req sdk.ConfigureRequest) (sdk.ConfigureResponse, error) {
	p.cluster = nil
	if req.Inputs["kubeconfig"].ContainsUnknowns() {
		p.unreachable = errors.New("the kubeconfig is not known yet")
		return sdk.ConfigureResponse{}, nil
	}
	read, err := readSettings(req.Inputs)
	if err != nil {
		return sdk.ConfigureResponse{}, err
	}
	p.settings = read

	config, namespace, err := read.clientConfig()
	if err != nil {
		p.unreachable = err
		return sdk.ConfigureResponse{}, nil
	}
	p.namespace = namespace
	config.WarningHandlerWithContext = p.warnings()

	found, err := newCluster(config)
	if err != nil {
		p.unreachable = err
		return sdk.ConfigureResponse{}, nil
	}
	if err := answers(ctx, config); err != nil {
		p.unreachable = err
		return sdk.ConfigureResponse{}, nil
	}
	p.cluster, p.unreachable = found, nil
	return sdk.ConfigureResponse{}, nil
}

// answers asks the API server for its version, three times in case it is just
// coming up.
func answers(ctx context.Context, config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.Timeout = 10 * time.Second
	probe, err := newCluster(config)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		_, err := probe.typed.Discovery().ServerVersion()
		if err == nil {
			return nil
		}
		if attempt == 3 {
			return fmt.Errorf("asking %s for its version: %w", config.Host, err)
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// need is the cluster, or the reason why there is none.
func (p *Provider) need() (*cluster, error) {
	if p.cluster == nil {
		return nil, fmt.Errorf("the Kubernetes cluster is unreachable: %w", p.unreachable)
	}
	return p.cluster, nil
}

type urnKey struct{}

// about puts the resource into the context, for the warnings of the API server.
func about(ctx context.Context, urn resource.URN) context.Context {
	return context.WithValue(ctx, urnKey{}, urn)
}

// warnings passes the API server's warnings on to the resource that caused
// them, each once.
func (p *Provider) warnings() rest.WarningHandlerWithContext {
	return warningFunc(func(ctx context.Context, text string) {
		urn, ok := ctx.Value(urnKey{}).(resource.URN)
		if !ok || p.settings.suppressWarnings && strings.Contains(text, "deprecated") {
			return
		}
		if _, told := p.warned.LoadOrStore(string(urn)+text, true); !told {
			p.host.Log(ctx, diag.Warning, urn, text)
		}
	})
}

type warningFunc func(ctx context.Context, text string)

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (f warningFunc) HandleWarningHeaderWithContext(ctx context.Context, code int, _ string, text string) {
	// 299 is the only code that the API server gives its own warnings.
	if code == 299 && text != "" {
		f(ctx, text)
	}
}

// during is a context that ends with the request, with the engine's
// cancellation, and after timeout when that is not zero.
func (p *Provider) during(ctx context.Context, urn resource.URN, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx = about(ctx, urn)
	var stop context.CancelFunc
	if timeout > 0 {
		ctx, stop = context.WithTimeout(ctx, timeout)
	} else {
		ctx, stop = context.WithCancel(ctx)
	}
	unhook := context.AfterFunc(p.ctx, stop)
	return ctx, func() { unhook(); stop() }
}
