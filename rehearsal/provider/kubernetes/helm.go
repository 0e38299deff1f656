package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/downloader"
	"helm.sh/helm/v3/pkg/getter"
	"helm.sh/helm/v3/pkg/postrender"
	"helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/releaseutil"
	"helm.sh/helm/v3/pkg/repo"
	"helm.sh/helm/v3/pkg/storage/driver"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/yaml"
)

// helmClient does what Helm does for one release.
type helmClient struct {
	ctx      context.Context
	provider *Provider
	cluster  *cluster
	urn      resource.URN
	args     releaseArgs
	config   *action.Configuration
	registry *registry.Client
}

func (p *Provider) helm(ctx context.Context, c *cluster, urn resource.URN, args releaseArgs) (*helmClient, error) {
	options := []registry.ClientOption{
		registry.ClientOptEnableCache(true),
		registry.ClientOptCredentialsFile(p.settings.helm.RegistryConfig),
	}
	if args.RepositoryOpts.Username != "" {
		options = append(options, registry.ClientOptBasicAuth(args.RepositoryOpts.Username, args.RepositoryOpts.Password))
	}
	registryClient, err := registry.NewClient(options...)
	if err != nil {
		return nil, fmt.Errorf("setting up Helm: %w", err)
	}
	config := &action.Configuration{}
	// Helm tells how a wait is going only to its debug log.
	log := func(format string, values ...any) {
		message := fmt.Sprintf(format, values...)
		if strings.Contains(message, "not ready") || strings.Contains(message, "beginning wait") {
			p.host.LogStatus(ctx, diag.Info, urn, message)
		}
	}
	if err := config.Init(newClientGetter(c.config, args.Namespace), args.Namespace, p.settings.helmDriver, log); err != nil {
		return nil, fmt.Errorf("setting up Helm: %w", err)
	}
	config.RegistryClient = registryClient
	return &helmClient{ctx: ctx, provider: p, cluster: c, urn: urn, args: args, config: config, registry: registryClient}, nil
}

// chart finds and loads the chart, with its dependencies.
func (h *helmClient) chart() (*chart.Chart, string, error) {
	path, err := h.locate()
	if err != nil {
		return nil, "", err
	}
	found, err := loader.Load(path)
	if err != nil {
		return nil, "", fmt.Errorf("loading chart %s: %w", h.args.Chart, err)
	}
	if kind := found.Metadata.Type; kind != "" && kind != "application" {
		return nil, "", fmt.Errorf("chart %s is a %s chart, which cannot be installed", h.args.Chart, kind)
	}
	if found.Metadata.Dependencies == nil {
		return found, path, nil
	}
	missing := action.CheckDependencies(found, found.Metadata.Dependencies)
	if missing == nil {
		return found, path, nil
	}
	if !h.args.DependencyUpdate {
		return nil, "", fmt.Errorf("chart %s: %w; set dependencyUpdate to have them fetched", h.args.Chart, missing)
	}
	settings := h.provider.settings.helm
	manager := &downloader.Manager{
		Out:              os.Stderr,
		ChartPath:        path,
		Keyring:          h.args.Keyring,
		Getters:          getter.All(settings),
		RepositoryConfig: settings.RepositoryConfig,
		RepositoryCache:  settings.RepositoryCache,
		RegistryClient:   h.registry,
	}
	if err := manager.Update(); err != nil {
		return nil, "", fmt.Errorf("fetching what chart %s depends on: %w", h.args.Chart, err)
	}
	found, err = loader.Load(path)
	return found, path, err
}

// locate finds the chart: in a repository, in a registry, or on disk.
func (h *helmClient) locate() (string, error) {
	settings := h.provider.settings.helm
	options := action.NewInstall(h.config)
	options.SetRegistryClient(h.registry)
	paths := &options.ChartPathOptions
	opts := h.args.RepositoryOpts
	paths.CaFile, paths.CertFile, paths.KeyFile = opts.CAFile, opts.CertFile, opts.KeyFile
	paths.Username, paths.Password = opts.Username, opts.Password
	paths.Verify, paths.Keyring = h.args.Verify, h.args.Keyring
	paths.Version = strings.TrimSpace(h.args.Version)
	if paths.Version == "" && h.args.Devel {
		paths.Version = ">0.0.0-0"
	}

	name := strings.TrimSpace(h.args.Chart)
	if name == "" {
		return "", errors.New("the release names no chart")
	}
	address, err := url.ParseRequestURI(opts.Repo)
	switch {
	case registry.IsOCI(name):
		return paths.LocateChart(name, settings)
	case registry.IsOCI(opts.Repo):
		return paths.LocateChart(strings.TrimSuffix(opts.Repo, "/")+"/"+name, settings)
	case err == nil && address.Host != "":
		// Looking the address up first keeps Helm from taking a directory
		// that happens to have the chart's name for the chart.
		found, err := repo.FindChartInAuthAndTLSAndPassRepoURL(opts.Repo, opts.Username, opts.Password, name, paths.Version,
			opts.CertFile, opts.KeyFile, opts.CAFile, false, false, getter.All(settings))
		if err != nil {
			return "", err
		}
		paths.Version = ""
		if other, err := url.Parse(found); err != nil || other.Host != address.Host {
			paths.Username, paths.Password = "", "" // not for another host to see
		}
		return paths.LocateChart(found, settings)
	case opts.Repo != "":
		name = opts.Repo + "/" + name // a repository that was added by name
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		if _, err := os.Stat(filepath.Join(name, "Chart.yaml")); err != nil {
			return "", fmt.Errorf("directory %s holds no chart; give repositoryOpts.repo for one from a repository", name)
		}
	}
	return paths.LocateChart(name, settings)
}

// last is the newest revision of the release, or nil when there is none.
func (h *helmClient) last() (*release.Release, error) {
	found, err := h.config.Releases.Last(h.args.Name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading release %s: %w", h.args.id(), err)
	}
	return found, nil
}

// install makes the release. It returns the release with an error too when
// there is one by then.
func (h *helmClient) install(limit time.Duration) (*release.Release, error) {
	existing, err := h.last()
	if err != nil {
		return nil, err
	}
	// An installation that was killed half-way has left a release that the
	// engine knows nothing of and that Helm would wait for forever.
	if existing != nil && existing.Info.Status == release.StatusPendingInstall {
		return h.upgrade(limit)
	}
	found, path, err := h.chart()
	if err != nil {
		return nil, err
	}
	if err := h.lint(path); err != nil {
		return nil, err
	}
	a := h.args
	client := action.NewInstall(h.config)
	client.ReleaseName, client.Namespace, client.CreateNamespace = a.Name, a.Namespace, a.CreateNamespace
	client.Wait, client.WaitForJobs, client.Timeout = !a.SkipAwait, !a.SkipAwait && a.WaitForJobs, limit
	client.Atomic, client.Replace = a.Atomic, a.Replace
	client.SkipCRDs, client.DisableHooks = a.SkipCrds, a.DisableWebhooks
	client.DisableOpenAPIValidation = a.DisableOpenapiValidation
	client.Description, client.SubNotes, client.Devel = a.Description, a.RenderSubchartNotes, a.Devel
	if client.PostRenderer, err = h.postRenderer(); err != nil {
		return nil, err
	}
	released, err := h.watched(func(ctx context.Context) (*release.Release, error) {
		return client.RunWithContext(ctx, found, h.values())
	})
	if err == nil {
		return released, nil
	}
	left, lookErr := h.last()
	if lookErr != nil {
		return nil, errors.Join(err, lookErr)
	}
	// A release that was there before is not what this installation left.
	if existing != nil && left != nil && left.Version == existing.Version {
		return nil, err
	}
	return left, err
}

// upgrade brings the release to what its arguments say.
func (h *helmClient) upgrade(limit time.Duration) (*release.Release, error) {
	existing, err := h.last()
	if err != nil {
		return nil, err
	}
	if existing == nil || existing.Info.Status == release.StatusUninstalled {
		return h.install(limit)
	}
	if existing.Info.Status.IsPending() {
		existing.SetStatus(release.StatusFailed, "interrupted: "+existing.Info.Description)
		if err := h.config.Releases.Update(existing); err != nil {
			return existing, fmt.Errorf("closing the interrupted revision %d: %w", existing.Version, err)
		}
	}
	found, path, err := h.chart()
	if err != nil {
		return nil, err
	}
	if err := h.lint(path); err != nil {
		return nil, err
	}
	a := h.args
	client := action.NewUpgrade(h.config)
	client.Namespace = a.Namespace
	client.Wait, client.WaitForJobs, client.Timeout = !a.SkipAwait, !a.SkipAwait && a.WaitForJobs, limit
	client.Atomic, client.CleanupOnFail, client.Force = a.Atomic, a.CleanupOnFail, a.ForceUpdate
	client.SkipCRDs, client.DisableHooks = a.SkipCrds, a.DisableWebhooks || a.DisableCRDHooks
	client.DisableOpenAPIValidation = a.DisableOpenapiValidation
	client.Description, client.SubNotes, client.Devel = a.Description, a.RenderSubchartNotes, a.Devel
	client.ResetValues, client.ReuseValues, client.Recreate = a.ResetValues, a.ReuseValues, a.RecreatePods
	client.MaxHistory = a.MaxHistory
	if client.PostRenderer, err = h.postRenderer(); err != nil {
		return nil, err
	}
	released, err := h.watched(func(ctx context.Context) (*release.Release, error) {
		return client.RunWithContext(ctx, a.Name, found, h.values())
	})
	if err == nil {
		return released, nil
	}
	left, lookErr := h.last()
	if lookErr != nil {
		return nil, errors.Join(err, lookErr)
	}
	return left, err
}

// watched runs an installation or an upgrade. Helm itself reports only
// how many pods are ready, so what is wrong with them is reported here, and the
// wait for those that do not recover is ended.
func (h *helmClient) watched(run func(context.Context) (*release.Release, error)) (*release.Release, error) {
	if h.args.SkipAwait {
		return run(h.ctx)
	}
	ctx, cancel := context.WithCancelCause(h.ctx)
	defer cancel(nil)
	over, ended := make(chan struct{}), make(chan struct{})
	var given error // why the wait was ended
	go func() {
		defer close(ended)
		if given = h.watch(ctx, over); given != nil {
			cancel(given)
		}
	}()
	released, err := run(ctx)
	close(over)
	<-ended
	if err != nil && given != nil {
		err = given
	}
	return released, err
}

// watch looks at the pods of the release that is being made until it is over,
// and returns an error when waiting for one of them is of no use.
func (h *helmClient) watch(ctx context.Context, over <-chan struct{}) error {
	var objects []*unstructured.Unstructured
	watches := map[*unstructured.Unstructured]*watch{}
	told := ""
	for {
		select {
		case <-over:
			return nil
		case <-ctx.Done():
			return nil
		case <-time.After(h.provider.awaits.watch):
		}
		if objects == nil {
			// Until Helm has begun, the last release is an earlier one.
			released, err := h.last()
			if err != nil || released == nil || !released.Info.Status.IsPending() {
				continue
			}
			objects = manifestObjects(released.Manifest)
		}
		trouble := ""
		for _, object := range objects {
			live := h.workload(ctx, object)
			if live == nil {
				continue
			}
			if watches[object] == nil {
				watches[object] = h.provider.watch(h.cluster, h.urn)
			}
			seen, err := watches[object].look(ctx, live)
			if err != nil {
				return fmt.Errorf("%s %s: %w", live.GetKind(), live.GetName(), err)
			}
			if seen != "" && trouble == "" {
				trouble = fmt.Sprintf("waiting for %s %s", live.GetKind(), live.GetName())
				trouble = join(trouble, seen)
			}
		}
		if trouble != "" && trouble != told {
			h.provider.host.LogStatus(ctx, diag.Info, h.urn, trouble)
		}
		told = trouble
	}
}

// workload is an object of the release as it is in the cluster, nil when it has
// no pods or is not there.
func (h *helmClient) workload(ctx context.Context, object *unstructured.Unstructured) *unstructured.Unstructured {
	switch object.GroupVersionKind().GroupKind() {
	case kindDeployment, kindStatefulSet, kindDaemonSet, kindJob, kindPod:
	default:
		return nil
	}
	namespace := object.GetNamespace()
	if namespace == "" {
		namespace = h.args.Namespace
	}
	client, err := h.cluster.client(object.GroupVersionKind(), namespace)
	if err != nil {
		return nil
	}
	live, err := client.Get(ctx, object.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil
	}
	return live
}

// uninstall removes the release and returns what Helm has to say about it. A
// release that is gone already is fine.
func (h *helmClient) uninstall(limit time.Duration) (string, error) {
	client := action.NewUninstall(h.config)
	client.IgnoreNotFound = true
	client.Wait = h.args.Atomic || !h.args.SkipAwait
	client.Timeout = limit
	done := make(chan struct{})
	var res *release.UninstallReleaseResponse
	var err error
	go func() {
		defer close(done)
		res, err = client.Run(h.args.Name)
	}()
	// Helm cannot be stopped here. What it began it finishes while the plugin
	// lives; cancelled, the engine keeps the release and deletes it next time.
	select {
	case <-h.ctx.Done():
		return "", h.ctx.Err()
	case <-done:
	}
	if err != nil {
		return "", err
	}
	if res == nil {
		return "", nil
	}
	return strings.TrimSpace(res.Info), nil
}

func (h *helmClient) values() map[string]any {
	return copyMap(h.args.Values)
}

func (h *helmClient) lint(path string) error {
	if !h.args.Lint {
		return nil
	}
	res := action.NewLint().Run([]string{path}, h.values())
	return errors.Join(res.Errors...)
}

func (h *helmClient) postRenderer() (postrender.PostRenderer, error) {
	if h.args.Postrender == "" {
		return nil, nil
	}
	return postrender.NewExec(h.args.Postrender)
}

// unready says why one object of a release is not ready, nothing when it is.
func (p *Provider) unready(
	ctx context.Context, c *cluster, object *unstructured.Unstructured, namespace string,
) []string {
	switch object.GroupVersionKind().GroupKind() {
	case kindDeployment, kindStatefulSet, kindDaemonSet, kindJob, kindPod:
	default:
		return nil
	}
	if object.GetNamespace() != "" {
		namespace = object.GetNamespace()
	}
	client, err := c.client(object.GroupVersionKind(), namespace)
	if err != nil {
		return []string{err.Error()}
	}
	live, err := client.Get(ctx, object.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return []string{"it is missing"}
	}
	if err != nil {
		return []string{err.Error()}
	}
	err = p.look(ctx, c, &unstructured.Unstructured{Object: map[string]any{}}, live)
	var waiting *waitError
	switch {
	case errors.As(err, &waiting) && len(waiting.reasons) > 0:
		return waiting.reasons
	case err != nil:
		return []string{err.Error()}
	default:
		return nil
	}
}

// manifestObjects reads the objects of a manifest, in order. What is no object
// is left out; Helm has judged the manifest already.
func manifestObjects(manifest string) []*unstructured.Unstructured {
	documents := releaseutil.SplitManifests(manifest)
	keys := make([]string, 0, len(documents))
	for key := range documents {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		if len(a) != len(b) {
			return len(a) - len(b) // manifest-10 comes after manifest-9
		}
		return strings.Compare(a, b)
	})
	var objects []*unstructured.Unstructured
	for _, key := range keys {
		object := map[string]any{}
		if err := yaml.Unmarshal([]byte(documents[key]), &object); err != nil {
			continue
		}
		found := &unstructured.Unstructured{Object: object}
		if found.GetKind() != "" {
			objects = append(objects, found)
		}
	}
	return objects
}

func sortStrings(list []any) {
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
}

// clientGetter gives Helm the provider's API server, with the release's
// namespace for objects that name none.
type clientGetter struct {
	config *rest.Config
	cached discovery.CachedDiscoveryInterface
	mapper meta.RESTMapper
	loader clientcmd.ClientConfig
	err    error
}

func newClientGetter(config *rest.Config, namespace string) *clientGetter {
	g := &clientGetter{
		config: rest.CopyConfig(config),
		loader: clientcmd.NewDefaultClientConfig(api.Config{}, &clientcmd.ConfigOverrides{
			Context: api.Context{Namespace: namespace},
		}),
	}
	client, err := discovery.NewDiscoveryClientForConfig(g.config)
	if err != nil {
		g.err = err
		return g
	}
	g.cached = memory.NewMemCacheClient(client)
	deferred := restmapper.NewDeferredDiscoveryRESTMapper(g.cached)
	g.mapper = restmapper.NewShortcutExpander(deferred, g.cached, func(string) {})
	return g
}

// ToRESTConfig implements Helm's and kubectl's RESTClientGetter.
func (g *clientGetter) ToRESTConfig() (*rest.Config, error) { return g.config, g.err }

// ToDiscoveryClient implements RESTClientGetter.
func (g *clientGetter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.cached, g.err
}

// ToRESTMapper implements RESTClientGetter.
func (g *clientGetter) ToRESTMapper() (meta.RESTMapper, error) { return g.mapper, g.err }

// ToRawKubeConfigLoader implements RESTClientGetter.
func (g *clientGetter) ToRawKubeConfigLoader() clientcmd.ClientConfig { return g.loader }
