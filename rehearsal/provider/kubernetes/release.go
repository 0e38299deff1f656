package kubernetes

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/wealth-companion/companion/rehearsal/provider/plugin"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
	"sigs.k8s.io/yaml"
)

const defaultReleaseTimeout = 300 // seconds

// releaseArgs are the arguments of a helm.sh/v3:Release.
type releaseArgs struct {
	Name      string         `json:"name"`
	Namespace string         `json:"namespace"`
	Chart     string         `json:"chart"`
	Version   string         `json:"version"`
	Devel     bool           `json:"devel"`
	Values    map[string]any `json:"values"`

	RepositoryOpts struct {
		Repo     string `json:"repo"`
		CAFile   string `json:"caFile"`
		CertFile string `json:"certFile"`
		KeyFile  string `json:"keyFile"`
		Username string `json:"username"`
		Password string `json:"password"`
	} `json:"repositoryOpts"`
	DependencyUpdate bool   `json:"dependencyUpdate"`
	Verify           bool   `json:"verify"`
	Keyring          string `json:"keyring"`

	Atomic                   bool   `json:"atomic"`
	CleanupOnFail            bool   `json:"cleanupOnFail"`
	CreateNamespace          bool   `json:"createNamespace"`
	Description              string `json:"description"`
	DisableCRDHooks          bool   `json:"disableCRDHooks"`
	DisableOpenapiValidation bool   `json:"disableOpenapiValidation"`
	DisableWebhooks          bool   `json:"disableWebhooks"`
	ForceUpdate              bool   `json:"forceUpdate"`
	Lint                     bool   `json:"lint"`
	MaxHistory               int    `json:"maxHistory"`
	Postrender               string `json:"postrender"`
	RecreatePods             bool   `json:"recreatePods"`
	RenderSubchartNotes      bool   `json:"renderSubchartNotes"`
	Replace                  bool   `json:"replace"`
	ResetValues              bool   `json:"resetValues"`
	ReuseValues              bool   `json:"reuseValues"`
	SkipAwait                bool   `json:"skipAwait"`
	SkipCrds                 bool   `json:"skipCrds"`
	Timeout                  int    `json:"timeout"`
	WaitForJobs              bool   `json:"waitForJobs"`
}

// decodeRelease reads the arguments. Values stay as they are: through JSON
// their whole numbers would turn into 1e+06 in a template.
func decodeRelease(inputs map[string]any) (releaseArgs, error) {
	plainInputs := make(map[string]any, len(inputs))
	for key, value := range inputs {
		if key != "values" && !hasUnknown(value) {
			plainInputs[key] = value
		}
	}
	encoded, err := json.Marshal(plainInputs)
	if err != nil {
		return releaseArgs{}, fmt.Errorf("reading the release's arguments: %w", err)
	}
	var args releaseArgs
	if err := json.Unmarshal(encoded, &args); err != nil {
		return releaseArgs{}, fmt.Errorf("reading the release's arguments: %w", err)
	}
	if values, ok := inputs["values"].(map[string]any); ok {
		args.Values = copyMap(values)
	}
	return args, nil
}

func (a releaseArgs) id() resource.ID {
	return joinID(a.Namespace, a.Name)
}

// limit is how long Helm may take.
func (a releaseArgs) limit(seconds float64) time.Duration {
	switch {
	case seconds > 0:
		return time.Duration(seconds * float64(time.Second))
	case a.Timeout > 0:
		return time.Duration(a.Timeout) * time.Second
	default:
		return defaultReleaseTimeout * time.Second
	}
}

// checkRelease completes a release's inputs. The version becomes the one that
// the repository has for what the program asks, so that a newer chart within
// a range is a difference.
func (p *Provider) checkRelease(ctx context.Context, req sdk.CheckRequest) (sdk.CheckResponse, error) {
	news := req.News.Copy()
	inputs := plainMap(news)
	delete(inputs, "resourceNames") // an output that the SDK also offers as an input
	delete(inputs, "compat")

	if err := mergeValueFiles(inputs, news["valueYamlFiles"]); err != nil {
		return failed("valueYamlFiles", err.Error()), nil
	}
	if text, ok := inputs["name"].(string); inputs["name"] == nil || ok && text == "" {
		made, err := releaseName(req)
		if err != nil {
			return failed("name", err.Error()), nil
		}
		inputs["name"] = made
	}
	if text, ok := inputs["namespace"].(string); inputs["namespace"] == nil || ok && text == "" {
		inputs["namespace"] = p.namespace
	}
	if _, ok := inputs["timeout"]; !ok && inputs["skipAwait"] != true {
		inputs["timeout"] = int64(defaultReleaseTimeout)
	}

	if p.cluster != nil && !hasUnknown(inputs) {
		args, err := decodeRelease(inputs)
		if err != nil {
			return failed("", err.Error()), nil
		}
		h, err := p.helm(ctx, p.cluster, req.URN, args)
		if err != nil {
			return sdk.CheckResponse{}, err
		}
		found, _, err := h.chart()
		if err != nil {
			return failed("chart", fmt.Sprintf("%v; check the chart's name, version and repository", err)), nil
		}
		inputs["version"] = found.Metadata.Version
	}
	checked := propertyMap(inputs)
	keepSecrets(checked, news)
	return sdk.CheckResponse{Properties: checked}, nil
}

func releaseName(req sdk.CheckRequest) (string, error) {
	if old, ok := plain(req.Olds["name"]).(string); ok && old != "" {
		return old, nil
	}
	if proposed := req.Autonaming; proposed != nil {
		if proposed.Mode == sdk.AutonamingModeDisabled {
			return "", fmt.Errorf("automatic naming is off; give the release a name")
		}
		return proposed.ProposedName, nil
	}
	return resource.NewUniqueName(req.RandomSeed, req.URN.Name()+"-", 8, 0, nil)
}

// mergeValueFiles puts the contents of the values files below the values that
// the program gives itself.
func mergeValueFiles(inputs map[string]any, files resource.PropertyValue) error {
	delete(inputs, "valueYamlFiles")
	for files.IsSecret() {
		files = files.SecretValue().Element
	}
	if !files.IsArray() {
		return nil
	}
	merged := map[string]any{}
	for _, file := range files.ArrayValue() {
		if !file.IsAsset() {
			return fmt.Errorf("a values file is a file or a string asset, not a %s", file.TypeString())
		}
		text, err := file.AssetValue().Bytes()
		if err != nil {
			return fmt.Errorf("reading a values file: %w", err)
		}
		var values map[string]any
		if err := yaml.Unmarshal(text, &values); err != nil {
			return fmt.Errorf("reading a values file: %w", err)
		}
		merged = mergeValues(merged, values)
	}
	if own, ok := inputs["values"].(map[string]any); ok {
		merged = mergeValues(merged, own)
	}
	inputs["values"] = merged
	return nil
}

// mergeValues lays over on base, map by map. It is not Helm's coalescing,
// which drops nulls: a null removes a chart's default.
func mergeValues(base, over map[string]any) map[string]any {
	out := copyMap(base)
	for key, value := range over {
		inner, ok := value.(map[string]any)
		if was, isMap := out[key].(map[string]any); ok && isMap {
			out[key] = mergeValues(was, inner)
			continue
		}
		out[key] = copyValue(value)
	}
	return out
}

// diffRelease compares what the program wants with what is released. Values
// are compared in full: one that somebody added by hand would survive the next
// upgrade only by chance.
func diffRelease(req sdk.DiffRequest) (sdk.DiffResponse, error) {
	oldInputs, released := split(req.OldOutputs, req.OldInputs)
	wanted := plainMap(req.NewInputs)
	actual := prune(released.Object, oldInputs.Object)
	if values, ok := released.Object["values"].(map[string]any); ok && len(values) > 0 {
		actual["values"] = values
	}
	for _, object := range []map[string]any{actual, wanted} {
		delete(object, "resourceNames")
		if values, ok := object["values"]; ok && empty(values) {
			delete(object, "values")
		}
	}
	return result(compare(nil, actual, wanted), []string{"name", "namespace"}, req.IgnoreChanges)
}

func (p *Provider) createRelease(ctx context.Context, req sdk.CreateRequest) (sdk.CreateResponse, error) {
	inputs := plainMap(req.Properties)
	if req.Preview {
		return sdk.CreateResponse{Properties: previewRelease(req.Properties)}, nil
	}
	c, err := p.need()
	if err != nil {
		return sdk.CreateResponse{}, err
	}
	args, err := decodeRelease(inputs)
	if err != nil {
		return sdk.CreateResponse{}, err
	}
	call, done := p.during(ctx, req.URN, 0)
	defer done()
	h, err := p.helm(call, c, req.URN, args)
	if err != nil {
		return sdk.CreateResponse{}, err
	}
	defer c.forget() // a chart brings kinds
	released, err := h.install(args.limit(req.Timeout))
	outputs := releaseState(req.Properties, released)
	if err != nil {
		return sdk.CreateResponse{}, h.failure(ctx, c, "installing", released, outputs, err)
	}
	return sdk.CreateResponse{ID: args.id(), Properties: outputs}, nil
}

func (p *Provider) updateRelease(ctx context.Context, req sdk.UpdateRequest) (sdk.UpdateResponse, error) {
	if req.Preview {
		return sdk.UpdateResponse{Properties: previewRelease(req.NewInputs)}, nil
	}
	c, err := p.need()
	if err != nil {
		return sdk.UpdateResponse{}, err
	}
	args, err := decodeRelease(plainMap(req.NewInputs))
	if err != nil {
		return sdk.UpdateResponse{}, err
	}
	call, done := p.during(ctx, req.URN, 0)
	defer done()
	h, err := p.helm(call, c, req.URN, args)
	if err != nil {
		return sdk.UpdateResponse{}, err
	}
	defer c.forget()
	released, err := h.upgrade(args.limit(req.Timeout))
	outputs := releaseState(req.NewInputs, released)
	if err != nil {
		return sdk.UpdateResponse{}, h.failure(ctx, c, "upgrading", released, outputs, err)
	}
	return sdk.UpdateResponse{Properties: outputs}, nil
}

func (p *Provider) readRelease(ctx context.Context, c *cluster, req sdk.ReadRequest) (sdk.ReadResponse, error) {
	oldInputs := req.Inputs
	args, err := decodeRelease(plainMap(req.Inputs))
	if err != nil {
		return sdk.ReadResponse{}, err
	}
	if args.Name == "" {
		args.Namespace, args.Name = splitID(req.ID)
	}
	if args.Namespace == "" {
		args.Namespace = p.namespace
	}
	call, done := p.during(ctx, req.URN, 0)
	defer done()
	h, err := p.helm(call, c, req.URN, args)
	if err != nil {
		return sdk.ReadResponse{}, err
	}
	released, err := h.last()
	if err != nil || released == nil {
		return sdk.ReadResponse{}, err
	}
	if len(oldInputs) == 0 {
		oldInputs = propertyMap(map[string]any{
			"name": released.Name, "namespace": released.Namespace, "chart": released.Chart.Metadata.Name,
			"version": released.Chart.Metadata.Version, "timeout": int64(defaultReleaseTimeout),
		})
		if len(released.Config) > 0 {
			oldInputs["values"] = property(plainJSON(released.Config))
		}
	}
	outputs := releaseState(oldInputs, released)
	id := req.ID
	if id == "" {
		id = args.id()
	}
	if released.Info.Status != release.StatusDeployed {
		return sdk.ReadResponse{}, &plugin.InitError{
			ID: id, Outputs: outputs, Inputs: oldInputs,
			Reasons: []string{fmt.Sprintf("release %s is %s: %s", id, released.Info.Status, released.Info.Description)},
		}
	}
	return sdk.ReadResponse{ReadResult: sdk.ReadResult{ID: id, Inputs: oldInputs, Outputs: outputs}}, nil
}

func (p *Provider) deleteRelease(ctx context.Context, c *cluster, req sdk.DeleteRequest) error {
	_, kept := split(req.Outputs, req.Inputs)
	args, err := decodeRelease(kept.Object)
	if err != nil {
		return err
	}
	if args.Name == "" {
		args.Namespace, args.Name = splitID(req.ID)
	}
	call, done := p.during(ctx, req.URN, 0)
	defer done()
	h, err := p.helm(call, c, req.URN, args)
	if err != nil {
		return err
	}
	defer c.forget()
	info, err := h.uninstall(args.limit(req.Timeout))
	if err != nil {
		return fmt.Errorf("uninstalling release %s: %w", args.id(), err)
	}
	if info != "" {
		p.host.Log(ctx, diag.Info, req.URN, info)
	}
	return nil
}

// releaseState is what the engine keeps of a release: its inputs, what of them
// is released, and what Helm reports.
func releaseState(inputs resource.PropertyMap, released *release.Release) resource.PropertyMap {
	object := plainMap(inputs)
	if released != nil {
		object["version"] = released.Chart.Metadata.Version
		if config := plainJSON(released.Config); len(config) > 0 || object["values"] != nil {
			object["values"] = config
		}
		object["resourceNames"] = resourceNames(released.Manifest)
		object["status"] = map[string]any{
			"name":       released.Name,
			"namespace":  released.Namespace,
			"revision":   int64(released.Version),
			"status":     released.Info.Status.String(),
			"chart":      released.Chart.Metadata.Name,
			"version":    released.Chart.Metadata.Version,
			"appVersion": released.Chart.Metadata.AppVersion,
		}
	}
	outputs := propertyMap(object)
	keepSecrets(outputs, inputs)
	outputs[inputsKey] = resource.MakeSecret(resource.NewObjectProperty(inputs))
	return outputs
}

// previewRelease is a release's state as far as preview knows it.
func previewRelease(inputs resource.PropertyMap) resource.PropertyMap {
	outputs := releaseState(inputs, nil)
	outputs["status"] = resource.MakeComputed(resource.NewStringProperty(""))
	outputs["resourceNames"] = resource.MakeComputed(resource.NewStringProperty(""))
	return outputs
}

// plainJSON brings values that went through Helm into the form of plainMap.
func plainJSON(values chartutil.Values) map[string]any {
	encoded, err := json.Marshal(values)
	if err != nil {
		return map[string]any{}
	}
	out := map[string]any{}
	if err := json.Unmarshal(encoded, &out); err != nil || out == nil {
		return map[string]any{}
	}
	return plainMap(propertyMap(out))
}

// resourceNames lists what a manifest holds: namespace/name by kind and
// version, as in Deployment.apps/apps/v1.
func resourceNames(manifest string) map[string]any {
	names := map[string]any{}
	for _, object := range manifestObjects(manifest) {
		gvk := object.GroupVersionKind()
		key := gvk.GroupKind().String() + "/" + object.GetAPIVersion()
		list, _ := names[key].([]any)
		names[key] = append(list, string(joinID(object.GetNamespace(), object.GetName())))
	}
	for _, list := range names {
		sortStrings(list.([]any))
	}
	return names
}

// failure turns what Helm says into what the engine keeps: a release that is
// there, and failed, can be upgraded into one that works.
func (h *helmClient) failure(
	ctx context.Context, c *cluster, doing string, released *release.Release, outputs resource.PropertyMap, err error,
) error {
	err = fmt.Errorf("%s release %s: %w", doing, h.args.id(), err)
	if released == nil {
		return err
	}
	// The context of the call may be over; what is wrong is still worth knowing.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	reasons := []string{err.Error()}
	for _, object := range manifestObjects(released.Manifest) {
		for _, reason := range h.provider.unready(ctx, c, object, h.args.Namespace) {
			reasons = append(reasons, fmt.Sprintf("%s %s: %s", object.GetKind(), object.GetName(), strings.TrimSpace(reason)))
		}
	}
	return &plugin.InitError{ID: h.args.id(), Reasons: reasons, Outputs: outputs}
}
