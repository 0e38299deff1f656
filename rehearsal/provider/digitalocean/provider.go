package digitalocean

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/blang/semver"
	"github.com/digitalocean/godo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"

	"github.com/wealth-companion/companion/rehearsal/provider/plugin"
)

// Version is the version of the official plugin that this one stands in for.
const Version = "4.57.0"

const (
	defaultEndpoint = "https://api.digitalocean.com"
	// patience is how long an operation may take where the program does not say.
	patience = 30 * time.Minute
)

// resources are the types that are stood in for.
var resources = map[tokens.Type]kindOfResource{
	"digitalocean:index/containerRegistry:ContainerRegistry":                                   containerRegistry,
	"digitalocean:index/containerRegistryDockerCredentials:ContainerRegistryDockerCredentials": registryCredentials,
	"digitalocean:index/databaseCluster:DatabaseCluster":                                       databaseCluster,
	"digitalocean:index/databaseFirewall:DatabaseFirewall":                                     databaseFirewall,
	"digitalocean:index/dnsRecord:DnsRecord":                                                   dnsRecord,
	"digitalocean:index/domain:Domain":                                                         domain,
	"digitalocean:index/kubernetesCluster:KubernetesCluster":                                   kubernetesCluster,
	"digitalocean:index/kubernetesNodePool:KubernetesNodePool":                                 kubernetesNodePool,
	"digitalocean:index/project:Project":                                                       project,
	"digitalocean:index/projectResources:ProjectResources":                                     projectResources,
	"digitalocean:index/tag:Tag":                                                               tag,
	"digitalocean:index/vpc:Vpc":                                                               vpc,
}

// settings are the provider's own configuration.
type settings struct {
	Token             string   `json:"token" do:"secret"`
	APIEndpoint       string   `json:"apiEndpoint"`
	HTTPRetryMax      *int     `json:"httpRetryMax"`
	HTTPRetryWaitMax  *float64 `json:"httpRetryWaitMax"`
	HTTPRetryWaitMin  *float64 `json:"httpRetryWaitMin"`
	RequestsPerSecond float64  `json:"requestsPerSecond"`
	// There are no Spaces here; the SDK may set these all the same.
	SpacesAccessID  string `json:"spacesAccessId"`
	SpacesEndpoint  string `json:"spacesEndpoint"`
	SpacesSecretKey string `json:"spacesSecretKey" do:"secret"`
}

// Provider serves DigitalOcean's resources to the engine.
type Provider struct {
	sdk.UnimplementedProvider

	host   *plugin.Host
	ctx    context.Context // ends when the engine cancels
	cancel context.CancelCauseFunc

	// client is nil while there is nobody to talk to, and why says why.
	client *godo.Client
	why    error
}

// New makes a provider that reports to the engine at host.
func New(host *plugin.Host) *Provider {
	ctx, cancel := context.WithCancelCause(context.Background())
	return &Provider{host: host, ctx: ctx, cancel: cancel, why: errors.New("the DigitalOcean provider is not configured")}
}

// GetPluginInfo names the version.
func (p *Provider) GetPluginInfo(context.Context) (sdk.PluginInfo, error) {
	version := semver.MustParse(Version)
	return sdk.PluginInfo{Version: &version}, nil
}

// Handshake tells the engine what this provider understands.
func (p *Provider) Handshake(context.Context, sdk.ProviderHandshakeRequest) (*sdk.ProviderHandshakeResponse, error) {
	return &sdk.ProviderHandshakeResponse{AcceptSecrets: true, SupportsAutonamingConfiguration: true}, nil
}

// SignalCancellation ends what is being waited for; objects keep their state.
func (p *Provider) SignalCancellation(context.Context) error {
	p.cancel(errors.New("cancelled"))
	return nil
}

// Close ends the provider.
func (p *Provider) Close() error {
	p.cancel(errors.New("the provider is closing"))
	return nil
}

// Attach is for debuggers: the provider runs already.
func (p *Provider) Attach(string) error { return nil }

var settingsSchema = schemaFor[settings]()

// CheckConfig refuses what cannot be understood, and a missing token.
func (p *Provider) CheckConfig(_ context.Context, req sdk.CheckConfigRequest) (sdk.CheckConfigResponse, error) {
	inputs := resource.PropertyMap{}
	for key, value := range req.News {
		// Strings from the stack's configuration may stand for numbers, and the
		// engine adds properties of its own.
		if key == "version" || key == "pluginDownloadURL" || key == "__internal" {
			inputs[key] = value
			continue
		}
		inputs[key] = numeric(field(settingsSchema, key), value)
	}
	checked := &checker{}
	ours := inputs.Copy()
	delete(ours, "version")
	delete(ours, "pluginDownloadURL")
	checked.object(nil, settingsSchema, ours)
	if len(checked.failures) == 0 {
		if err := checkSettings(ours); err != nil {
			checked.failures = append(checked.failures, sdk.CheckFailure{Reason: err.Error()})
		}
	}
	return sdk.CheckConfigResponse{Properties: inputs, Failures: checked.failures}, nil
}

func checkSettings(inputs resource.PropertyMap) error {
	if reveal(inputs["token"]).IsComputed() || reveal(inputs["apiEndpoint"]).IsComputed() {
		return nil
	}
	_, err := clientFor(inputs)
	return err
}

// DiffConfig never replaces the provider: another token or address reaches the
// same objects.
func (p *Provider) DiffConfig(_ context.Context, req sdk.DiffConfigRequest) (sdk.DiffConfigResponse, error) {
	if req.OldInputs.DeepEquals(req.NewInputs) {
		return sdk.DiffConfigResponse{Changes: sdk.DiffNone}, nil
	}
	return sdk.DiffConfigResponse{Changes: sdk.DiffSome}, nil
}

// Configure takes the token and the address of the API.
func (p *Provider) Configure(_ context.Context, req sdk.ConfigureRequest) (sdk.ConfigureResponse, error) {
	inputs := resource.PropertyMap{}
	for key, value := range req.Inputs {
		if property := field(settingsSchema, key); property != nil {
			inputs[key] = numeric(property, value)
		}
	}
	if reveal(inputs["token"]).IsComputed() || reveal(inputs["apiEndpoint"]).IsComputed() {
		// Normal at preview: nothing there needs the API.
		p.why = errors.New("the DigitalOcean provider's token or address is not known yet")
		return sdk.ConfigureResponse{}, nil
	}
	client, err := clientFor(inputs)
	if err != nil {
		return sdk.ConfigureResponse{}, err
	}
	p.client, p.why = client, nil
	return sdk.ConfigureResponse{}, nil
}

func clientFor(inputs resource.PropertyMap) (*godo.Client, error) {
	set, err := decode[settings](inputs)
	if err != nil {
		return nil, err
	}
	token := firstOf(set.Token, os.Getenv("DIGITALOCEAN_TOKEN"), os.Getenv("DIGITALOCEAN_ACCESS_TOKEN"))
	if token == "" {
		return nil, errors.New("no DigitalOcean token: run `pulumi config set --secret digitalocean:token TOKEN`, or set DIGITALOCEAN_TOKEN")
	}
	endpoint := firstOf(set.APIEndpoint, os.Getenv("DIGITALOCEAN_API_URL"), defaultEndpoint)
	base, err := url.Parse(strings.TrimSuffix(endpoint, "/") + "/")
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("digitalocean:apiEndpoint %q is not an address of the form https://host", endpoint)
	}
	// The client waits longer and longer between its attempts, as DigitalOcean asks.
	retry := godo.RetryConfig{RetryMax: 4, RetryWaitMin: godo.PtrTo(1.0), RetryWaitMax: godo.PtrTo(30.0)}
	if set.HTTPRetryMax != nil {
		retry.RetryMax = *set.HTTPRetryMax
	}
	if set.HTTPRetryWaitMin != nil {
		retry.RetryWaitMin = set.HTTPRetryWaitMin
	}
	if set.HTTPRetryWaitMax != nil {
		retry.RetryWaitMax = set.HTTPRetryWaitMax
	}
	var options []godo.ClientOpt
	if set.RequestsPerSecond > 0 {
		options = append(options, godo.SetStaticRateLimit(set.RequestsPerSecond))
	}
	client, err := newClient(token, retry, options)
	if err != nil {
		return nil, err
	}
	client.BaseURL = base
	return client, nil
}

func firstOf(values ...string) string {
	at := slices.IndexFunc(values, func(value string) bool { return value != "" })
	if at < 0 {
		return ""
	}
	return values[at]
}

// Check refuses what the official plugin's schema does not know, and adds
// defaults and names.
func (p *Provider) Check(_ context.Context, req sdk.CheckRequest) (sdk.CheckResponse, error) {
	of, err := kindFor(req.Type)
	if err != nil {
		return sdk.CheckResponse{}, err
	}
	inputs := fill(of.schema(), req.News)
	if err := autoname(of.schema(), req, inputs); err != nil {
		return sdk.CheckResponse{}, err
	}
	checked := &checker{}
	checked.object(nil, of.schema(), inputs)
	if len(checked.failures) == 0 {
		if err := of.check(inputs, checked); err != nil {
			return sdk.CheckResponse{}, err
		}
	}
	return sdk.CheckResponse{Properties: inputs, Failures: checked.failures}, nil
}

func kindFor(token tokens.Type) (kindOfResource, error) {
	of, ok := resources[token]
	if !ok {
		return nil, fmt.Errorf("the stand-in for the DigitalOcean plugin has no %s; it has %v", token, slices.Sorted(maps.Keys(resources)))
	}
	return of, nil
}

// Diff compares what is there with what the program wants.
func (p *Provider) Diff(_ context.Context, req sdk.DiffRequest) (sdk.DiffResponse, error) {
	of, err := kindFor(req.Type)
	if err != nil {
		return sdk.DiffResponse{}, err
	}
	state, wanted := revealAll(req.OldOutputs), revealAll(req.NewInputs)
	d := of.differ()
	d.state, d.found = state, map[string]sdk.PropertyDiff{}
	for _, text := range req.IgnoreChanges {
		path, err := resource.ParsePropertyPath(text)
		if err != nil {
			return sdk.DiffResponse{}, fmt.Errorf("ignoreChanges: %w", err)
		}
		d.ignored = append(d.ignored, path)
	}
	d.object(nil, of.schema(), state, wanted)
	if len(d.found) == 0 {
		return sdk.DiffResponse{Changes: sdk.DiffNone}, nil
	}
	result := sdk.DiffResponse{Changes: sdk.DiffSome, DetailedDiff: d.found}
	for _, path := range slices.Sorted(maps.Keys(d.found)) {
		result.ChangedKeys = append(result.ChangedKeys, resource.PropertyKey(path))
		if d.found[path].Kind.IsReplace() {
			result.ReplaceKeys = append(result.ReplaceKeys, resource.PropertyKey(path))
		}
	}
	// Names are unique in an account: a successor cannot have the same name
	// while its predecessor is there. One that the provider names gets another.
	result.DeleteBeforeReplace = len(result.ReplaceKeys) > 0 && !autonamed(req.NewInputs) && wanted["name"].IsString() && wanted["name"].DeepEquals(state["name"])
	return result, nil
}

// Create makes an object; at preview it says what it will be.
func (p *Provider) Create(ctx context.Context, req sdk.CreateRequest) (sdk.CreateResponse, error) {
	of, err := kindFor(req.Type)
	if err != nil {
		return sdk.CreateResponse{}, err
	}
	if req.Preview {
		foreseen := protect(of.schema(), foresee(of.schema(), req.Properties), req.Properties)
		return sdk.CreateResponse{Properties: foreseen, Status: resource.StatusOK}, nil
	}
	ctx, s, end, err := p.session(ctx, req.URN, req.Timeout)
	if err != nil {
		return sdk.CreateResponse{}, err
	}
	defer end()
	id, state, err := of.create(ctx, s, req.Properties)
	return sdk.CreateResponse{ID: id, Properties: state, Status: resource.StatusOK}, err
}

// Read looks at an object, for a refresh or to import it.
func (p *Provider) Read(ctx context.Context, req sdk.ReadRequest) (sdk.ReadResponse, error) {
	of, err := kindFor(req.Type)
	if err != nil {
		return sdk.ReadResponse{}, err
	}
	ctx, s, end, err := p.session(ctx, req.URN, req.Timeout)
	if err != nil {
		return sdk.ReadResponse{}, err
	}
	defer end()
	result, err := of.read(ctx, s, req.ID, req.Inputs, req.State)
	return sdk.ReadResponse{ReadResult: result, Status: resource.StatusOK}, err
}

// Update changes an object; at preview it says what it will be.
func (p *Provider) Update(ctx context.Context, req sdk.UpdateRequest) (sdk.UpdateResponse, error) {
	of, err := kindFor(req.Type)
	if err != nil {
		return sdk.UpdateResponse{}, err
	}
	if req.Preview {
		planned := plan(of.schema(), req.OldOutputs, req.NewInputs)
		return sdk.UpdateResponse{Properties: protect(of.schema(), planned, req.NewInputs), Status: resource.StatusOK}, nil
	}
	ctx, s, end, err := p.session(ctx, req.URN, req.Timeout)
	if err != nil {
		return sdk.UpdateResponse{}, err
	}
	defer end()
	state, err := of.update(ctx, s, req.ID, req.OldOutputs, req.NewInputs)
	return sdk.UpdateResponse{Properties: state, Status: resource.StatusOK}, err
}

// Delete removes an object and waits until it is gone.
func (p *Provider) Delete(ctx context.Context, req sdk.DeleteRequest) (sdk.DeleteResponse, error) {
	of, err := kindFor(req.Type)
	if err != nil {
		return sdk.DeleteResponse{}, err
	}
	ctx, s, end, err := p.session(ctx, req.URN, req.Timeout)
	if err != nil {
		return sdk.DeleteResponse{}, err
	}
	defer end()
	return sdk.DeleteResponse{Status: resource.StatusOK}, of.delete(ctx, s, req.ID, req.Outputs)
}

// session is for one call: it ends with the call, after the time that the
// program gives it, or when the engine cancels.
func (p *Provider) session(ctx context.Context, urn resource.URN, seconds float64) (context.Context, *session, func(), error) {
	if p.client == nil {
		return nil, nil, nil, p.why
	}
	limit := patience
	if seconds > 0 {
		limit = time.Duration(math.Ceil(seconds)) * time.Second
	}
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(p.ctx, func() { cancel(context.Cause(p.ctx)) })
	ctx, end := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %s", limit))
	s := &session{client: p.client, tell: func(format string, args ...any) {
		p.host.LogStatus(ctx, diag.Info, urn, fmt.Sprintf(format, args...))
	}}
	return ctx, s, func() { end(); stop(); cancel(nil) }, nil
}
