package kubernetes

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"helm.sh/helm/v3/pkg/cli"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

const defaultNamespace = "default"

// settings are the provider's arguments. Each may come from the program or,
// failing that, from the environment variable that the SDK names.
type settings struct {
	kubeconfig string // contents or path; empty for the ambient one
	context    string
	cluster    string
	namespace  string

	deleteUnreachable     bool
	skipUpdateUnreachable bool
	patchForce            bool
	upsert                bool
	configMapMutable      bool
	secretMutable         bool
	suppressWarnings      bool

	burst   int
	qps     float64
	timeout time.Duration

	helmDriver string
	helm       *cli.EnvSettings
}

func readSettings(inputs resource.PropertyMap) (settings, error) {
	args := arguments{inputs: plainMap(inputs)}
	s := settings{
		kubeconfig:            args.text("kubeconfig", ""),
		context:               args.text("context", ""),
		cluster:               args.text("cluster", ""),
		namespace:             args.text("namespace", ""),
		deleteUnreachable:     args.flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE", false),
		skipUpdateUnreachable: args.flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE", false),
		patchForce:            args.flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE", false),
		upsert:                args.flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS", false),
		configMapMutable:      args.flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE", false),
		secretMutable:         args.flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE", false),
		suppressWarnings:      args.flag("suppressDeprecationWarnings", "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS", false),
		helm:                  cli.New(),
	}
	if !args.flag("enableServerSideApply", "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", true) {
		return settings{}, fmt.Errorf("enableServerSideApply: false is not supported by the rehearsal's plugin: it always applies on the server")
	}
	if args.text("renderYamlToDirectory", "") != "" {
		return settings{}, fmt.Errorf("renderYamlToDirectory is not supported by the rehearsal's plugin")
	}

	client := args.section("kubeClientSettings")
	s.burst = int(client.number("burst", "PULUMI_K8S_CLIENT_BURST", 120))
	s.qps = client.number("qps", "PULUMI_K8S_CLIENT_QPS", 50)
	s.timeout = time.Duration(client.number("timeout", "PULUMI_K8S_CLIENT_TIMEOUT", 0)) * time.Second

	release := args.section("helmReleaseSettings")
	s.helmDriver = release.text("driver", "PULUMI_K8S_HELM_DRIVER")
	if s.helmDriver == "" {
		s.helmDriver = "secret"
	}
	override := func(target *string, name, env string) {
		if value := release.text(name, env); value != "" {
			*target = value
		}
	}
	override(&s.helm.PluginsDirectory, "pluginsPath", "PULUMI_K8S_HELM_PLUGINS_PATH")
	override(&s.helm.RegistryConfig, "registryConfigPath", "PULUMI_K8S_HELM_REGISTRY_CONFIG_PATH")
	override(&s.helm.RepositoryConfig, "repositoryConfigPath", "PULUMI_K8S_HELM_REPOSITORY_CONFIG_PATH")
	override(&s.helm.RepositoryCache, "repositoryCache", "PULUMI_K8S_HELM_REPOSITORY_CACHE")

	if args.err != nil {
		return settings{}, args.err
	}
	if client.err != nil {
		return settings{}, client.err
	}
	return s, release.err
}

// arguments reads provider inputs, which arrive either as they are or, from
// older SDKs, as JSON inside strings.
type arguments struct {
	inputs map[string]any
	err    error // the first value that could not be read
}

func (a *arguments) text(name, env string) string {
	switch value := a.inputs[name].(type) {
	case string:
		return value
	case map[string]any: // a kubeconfig given as an object
		encoded, err := json.Marshal(value)
		if err == nil {
			return string(encoded)
		}
	}
	if env == "" {
		return ""
	}
	return os.Getenv(env)
}

func (a *arguments) flag(name, env string, fallback bool) bool {
	switch value := a.inputs[name].(type) {
	case bool:
		return value
	case string:
		return value == "true"
	}
	if value, ok := os.LookupEnv(env); ok {
		return value == "true"
	}
	return fallback
}

func (a *arguments) number(name, env string, fallback float64) float64 {
	if value, ok := float(a.inputs[name]); ok {
		return value
	}
	text, ok := a.inputs[name].(string)
	if !ok {
		text = os.Getenv(env)
	}
	if text == "" {
		return fallback
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil && a.err == nil {
		a.err = fmt.Errorf("%s must be a number, and %q is none", name, text)
	}
	return value
}

func (a *arguments) section(name string) *arguments {
	inner := &arguments{}
	switch value := a.inputs[name].(type) {
	case map[string]any:
		inner.inputs = value
	case string:
		if err := json.Unmarshal([]byte(value), &inner.inputs); err != nil {
			inner.err = fmt.Errorf("reading %s: %w", name, err)
		}
	}
	return inner
}

// clientConfig finds the API server to talk to, and the namespace for what
// names none.
func (s settings) clientConfig() (*rest.Config, string, error) {
	overrides := &clientcmd.ConfigOverrides{
		CurrentContext: s.context,
		Context:        api.Context{Cluster: s.cluster, Namespace: s.namespace},
	}
	var loader clientcmd.ClientConfig
	if s.kubeconfig == "" {
		rules := clientcmd.NewDefaultClientConfigLoadingRules()
		loader = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides)
	} else {
		parsed, err := parseKubeconfig(s.kubeconfig)
		if err != nil {
			return nil, "", fmt.Errorf("reading kubeconfig: %w", err)
		}
		loader = clientcmd.NewDefaultClientConfig(*parsed, overrides)
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, "", fmt.Errorf("reading kubeconfig: %w", err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return nil, "", fmt.Errorf("reading kubeconfig: %w", err)
	}
	config.Burst = s.burst
	config.QPS = float32(s.qps)
	config.Timeout = s.timeout
	config.UserAgent = "pulumi-kubernetes"
	return config, namespace, nil
}

// parseKubeconfig reads a kubeconfig given by its contents or its path.
func parseKubeconfig(text string) (*api.Config, error) {
	path := text
	if rest, ok := strings.CutPrefix(path, "~"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			path = filepath.Join(home, rest)
		}
	}
	// Contents are no path, and some are longer than a path may be: any error
	// means that this is not one.
	if contents, err := os.ReadFile(path); err == nil {
		return clientcmd.Load(contents)
	}
	return clientcmd.Load([]byte(text))
}

// activeCluster is the server that a provider's inputs point at, as far as the
// inputs alone tell.
func activeCluster(inputs resource.PropertyMap) *api.Cluster {
	args := arguments{inputs: plainMap(inputs)}
	config, err := parseKubeconfig(args.text("kubeconfig", ""))
	if err != nil {
		return nil
	}
	name := args.text("context", "")
	if name == "" {
		name = config.CurrentContext
	}
	context, ok := config.Contexts[name]
	if !ok {
		return nil
	}
	if named := args.text("cluster", ""); named != "" {
		return config.Clusters[named]
	}
	return config.Clusters[context.Cluster]
}

// sameCluster reports whether two sets of provider inputs mean one cluster.
// A cluster has no identity that a kubeconfig shows, so its address and
// authority stand for it; credentials, which expire, do not.
func sameCluster(old, wanted resource.PropertyMap) bool {
	before, after := activeCluster(old), activeCluster(wanted)
	if before == nil || after == nil {
		return true
	}
	return before.Server == after.Server &&
		reflect.DeepEqual(before.CertificateAuthorityData, after.CertificateAuthorityData)
}
