package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/storage"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Invoke answers kubernetes:yaml:decode, which the SDK's yaml package is built on, and
// kubernetes:helm:template, which its helm/v3 package is.
func (p *Provider) Invoke(ctx context.Context, req sdk.InvokeRequest) (sdk.InvokeResponse, error) {
	args := arguments{inputs: plainMap(req.Args)}
	var objects []any
	var err error
	switch req.Tok {
	case "kubernetes:yaml:decode":
		if objects, err = p.decode(args.text("text", ""), args.text("defaultNamespace", "")); err != nil {
			return sdk.InvokeResponse{}, fmt.Errorf("reading YAML: %w", err)
		}
	case "kubernetes:helm:template":
		if objects, err = p.template(ctx, args.text("jsonOpts", "")); err != nil {
			return sdk.InvokeResponse{}, fmt.Errorf("rendering the chart: %w", err)
		}
	default:
		return sdk.InvokeResponse{}, status.Errorf(codes.Unimplemented,
			"%s is not served by the rehearsal's plugin; a helm.sh/v3:Release is", req.Tok)
	}
	return sdk.InvokeResponse{Properties: resource.PropertyMap{"result": property(objects)}}, nil
}

// templateOptions are those of the SDK's helm/v3:Chart that the official plugin reads, as far
// as they are served here.
type templateOptions struct {
	Chart       string         `json:"chart"`
	Version     string         `json:"version"`
	Namespace   string         `json:"namespace"`
	ReleaseName string         `json:"release_name"`
	Values      map[string]any `json:"values"`
	Fetch       struct {
		Repo string `json:"repo"`
	} `json:"fetch_opts"`
}

// template renders a chart, with its definitions and hooks, as Helm would install it. It
// asks the API server which versions there are, when it is reachable.
func (p *Provider) template(ctx context.Context, options string) ([]any, error) {
	var o templateOptions
	decoder := json.NewDecoder(strings.NewReader(options))
	decoder.DisallowUnknownFields() // what is not served must not be ignored
	if err := decoder.Decode(&o); err != nil {
		return nil, fmt.Errorf("jsonOpts: %w", err)
	}
	args := releaseArgs{Name: o.ReleaseName, Namespace: o.Namespace, Chart: o.Chart, Version: o.Version}
	args.RepositoryOpts.Repo = o.Fetch.Repo
	registryClient, err := registry.NewClient(registry.ClientOptEnableCache(true), registry.ClientOptCredentialsFile(p.settings.helm.RegistryConfig))
	if err != nil {
		return nil, err
	}
	config := &action.Configuration{RegistryClient: registryClient, Releases: storage.Init(driver.NewMemory()), Log: func(string, ...any) {}}
	h := &helmClient{ctx: ctx, provider: p, args: args, config: config, registry: registryClient}
	found, _, err := h.chart()
	if err != nil {
		return nil, err
	}
	client := action.NewInstall(config)
	client.ClientOnly, client.DryRun, client.IncludeCRDs = true, true, true
	client.ReleaseName, client.Namespace = o.ReleaseName, o.Namespace
	if p.cluster != nil {
		if err := h.ofCluster(client); err != nil {
			return nil, err
		}
	}
	rendered, err := client.RunWithContext(ctx, found, o.Values)
	if err != nil {
		return nil, err
	}
	text := rendered.Manifest
	for _, hook := range rendered.Hooks {
		text += "\n---\n" + hook.Manifest
	}
	return p.decode(text, o.Namespace)
}

// ofCluster has a chart rendered for the cluster's version and its APIs.
func (h *helmClient) ofCluster(client *action.Install) error {
	discovery, err := newClientGetter(h.provider.cluster.config, h.args.Namespace).ToDiscoveryClient()
	if err != nil {
		return err
	}
	version, err := discovery.ServerVersion()
	if err != nil {
		return err
	}
	served, err := action.GetVersionSet(discovery)
	if err != nil {
		return err
	}
	client.KubeVersion = &chartutil.KubeVersion{Version: version.GitVersion, Major: version.Major, Minor: version.Minor}
	client.APIVersions = served
	return nil
}

func (p *Provider) decode(text, namespace string) ([]any, error) {
	objects := []any{}
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var object map[string]any
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		found := &unstructured.Unstructured{Object: object}
		if found.GetKind() == "" || found.GetAPIVersion() == "" {
			continue // an empty document
		}
		if namespace != "" && found.GetNamespace() == "" {
			inNamespace := true
			if p.cluster != nil {
				if inNamespace, err = p.cluster.namespaced(found.GroupVersionKind()); err != nil {
					return nil, err
				}
			}
			if inNamespace {
				setMetadata(object, "namespace", namespace)
			}
		}
		objects = append(objects, object)
	}
}
