package kubernetes

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/asset"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/repo"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// shades are how long a text may be by the definition in a version of the chart.
var shades = map[string]string{"1.0.0": "10", "1.1.0": "20", "2.0.0": "30"}

// chartFiles is a chart with a definition, a configuration, and a workload when
// it is asked for.
func chartFiles(version string) []*loader.BufferedFile {
	return []*loader.BufferedFile{
		{Name: "Chart.yaml", Data: []byte("apiVersion: v2\nname: web\nversion: " + version + "\nappVersion: \"9.9\"\n")},
		{Name: "values.yaml", Data: []byte("color: blue\ncount: 1\nworkload: false\nextra: kept\n")},
		{Name: "crds/crd.yaml", Data: []byte(`apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: colors.charts.example.org
spec:
  group: charts.example.org
  scope: Namespaced
  names: {kind: Color, plural: colors, listKind: ColorList, singular: color}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, properties: {shade: {type: string, maxLength: ` + shades[version] + `}}}}
`)},
		{Name: "templates/all.yaml", Data: []byte(`apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-settings
data:
  color: {{ .Values.color | quote }}
  count: {{ .Values.count | quote }}
  {{- if .Values.extra }}
  extra: {{ .Values.extra }}
  {{- end }}
{{- if .Values.workload }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      containers: [{name: main, image: "web:1"}]
{{- end }}
`)},
	}
}

// chartRepository serves versions of the chart as a plain HTTP repository.
func chartRepository(t *testing.T, versions ...string) (address, dir string) {
	t.Helper()
	dir = t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	for _, version := range versions {
		addChart(t, dir, server.URL, version)
	}
	return server.URL, dir
}

func addChart(t *testing.T, dir, address, version string) {
	t.Helper()
	made, err := loader.LoadFiles(chartFiles(version))
	require.NoError(t, err)
	_, err = chartutil.Save(made, dir)
	require.NoError(t, err)
	index, err := repo.IndexDirectory(dir, address)
	require.NoError(t, err)
	require.NoError(t, index.WriteFile(filepath.Join(dir, "index.yaml"), 0o600))
}

// helmHome keeps what Helm writes out of the person's own folders.
func helmHome(t *testing.T) {
	t.Helper()
	for _, name := range []string{"HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"} {
		t.Setenv(name, t.TempDir())
	}
}

func withCharts(t *testing.T, versions ...string) (s *stack, namespace, address, dir string) {
	t.Helper()
	helmHome(t)
	s, namespace = connected(t)
	address, dir = chartRepository(t, versions...)
	return s, namespace, address, dir
}

func webRelease(address string, values object) object {
	return object{"name": "web", "chart": "web", "repositoryOpts": object{"repo": address}, "values": values}
}

func TestReleaseLivesAndDies(t *testing.T) {
	s, namespace, address, dir := withCharts(t, "1.0.0")
	maps := s.provider.cluster.typed.CoreV1().ConfigMaps(namespace)
	manifest := webRelease(address, object{"color": "red", "count": 1000000})

	p, err := s.preview(releaseType, "web", manifest)
	require.NoError(t, err)
	require.True(t, p.outputs["status"].IsComputed())
	require.Equal(t, "1.0.0", plain(p.outputs["version"]), "preview knows the version")

	made := s.mustUp("create", releaseType, "web", manifest)
	require.Equal(t, resource.ID(namespace+"/web"), made.id)
	require.Equal(t, "deployed", made.at(t, "status.status"))
	require.Equal(t, "web", made.at(t, "status.name"))
	require.Equal(t, namespace, made.at(t, "status.namespace"))
	require.Equal(t, "9.9", made.at(t, "status.appVersion"))
	require.EqualValues(t, 1, made.at(t, "status.revision"))
	require.Equal(t, object{"ConfigMap/v1": []any{"web-settings"}}, made.at(t, "resourceNames"))
	require.True(t, made.outputs[inputsKey].IsSecret())
	settings, err := maps.Get(t.Context(), "web-settings", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"color": "red", "count": "1000000", "extra": "kept"}, settings.Data)
	s.settled(releaseType, "web", manifest)
	s.mustUp("create", "kubernetes:charts.example.org/v1:Color", "red", object{
		"apiVersion": "charts.example.org/v1", "kind": "Color", "metadata": object{"name": "red"},
	})

	manifest = webRelease(address, object{"color": "green", "extra": nil})
	p, err = s.preview(releaseType, "web", manifest)
	require.NoError(t, err)
	require.Equal(t, map[string]sdk.PropertyDiff{
		"values.color": {Kind: sdk.DiffUpdate},
		"values.count": {Kind: sdk.DiffDelete, InputDiff: true},
	}, p.diff.DetailedDiff)
	changed := s.mustUp("update", releaseType, "web", manifest)
	require.EqualValues(t, 2, changed.at(t, "status.revision"))
	settings, err = maps.Get(t.Context(), "web-settings", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"color": "green", "count": "1"}, settings.Data, "null takes a chart's default away")
	s.settled(releaseType, "web", manifest)

	addChart(t, dir, address, "1.1.0")
	p, err = s.preview(releaseType, "web", manifest)
	require.NoError(t, err)
	require.Equal(t, map[string]sdk.PropertyDiff{"version": {Kind: sdk.DiffUpdate}}, p.diff.DetailedDiff,
		"a newer chart, where the program names no version")
	manifest["version"] = "1.0.0"
	s.settled(releaseType, "web", manifest)

	require.NoError(t, s.destroy(releaseType, "web"))
	_, err = maps.Get(t.Context(), "web-settings", metav1.GetOptions{})
	require.True(t, apierrors.IsNotFound(err))
	s.state[urnOf(releaseType, "web")] = changed
	require.NoError(t, s.destroy(releaseType, "web"), "what is gone already is fine")
	s.state[urnOf(releaseType, "web")] = changed
	there, err := s.refresh(releaseType, "web")
	require.NoError(t, err)
	require.False(t, there)
}

func TestReleaseMakesItsNameAndNamespace(t *testing.T) {
	s, namespace, address, _ := withCharts(t, "1.0.0")
	manifest := webRelease(address, nil)
	delete(manifest, "values")
	delete(manifest, "name")
	manifest["namespace"] = namespace + "-own"
	manifest["createNamespace"] = true
	made := s.mustUp("create", releaseType, "front", manifest)
	require.Regexp(t, `-own/front-[0-9a-f]{8}$`, string(made.id))
	s.settled(releaseType, "front", manifest)

	manifest["namespace"] = namespace
	p, err := s.plan(releaseType, "front", manifest)
	require.NoError(t, err)
	require.Equal(t, "replace", p.kind)
	require.NoError(t, s.destroy(releaseType, "front"))
}

func TestReleaseSecretsStaySecret(t *testing.T) {
	s, _, address, _ := withCharts(t, "1.0.0")
	manifest := propertyMap(webRelease(address, object{}))
	manifest["values"] = resource.NewObjectProperty(resource.PropertyMap{
		"color": resource.MakeSecret(resource.NewStringProperty("hush")),
	})
	made := s.mustUp("create", releaseType, "web", manifest)
	require.True(t, made.outputs["values"].ObjectValue()["color"].IsSecret())
	_, err := s.refresh(releaseType, "web")
	require.NoError(t, err)
	require.True(t, s.state[urnOf(releaseType, "web")].outputs["values"].ObjectValue()["color"].IsSecret())
	p, err := s.preview(releaseType, "web", manifest)
	require.NoError(t, err)
	require.Equal(t, "same", p.kind)
}

func TestReleaseThatCannotBe(t *testing.T) {
	s, _, address, _ := withCharts(t, "1.0.0")
	cases := map[string]struct {
		change object
		words  string
	}{
		"a chart that is not there":      {object{"chart": "nope"}, `chart "nope" not found in ` + address},
		"a version that is not there":    {object{"version": "7.0.0"}, `chart "web" version "7.0.0" not found`},
		"a repository that is not there": {object{"repositoryOpts": object{"repo": "http://127.0.0.1:1"}}, "cannot be reached"},
		"a folder that is no chart":      {object{"repositoryOpts": object{}, "chart": t.TempDir()}, "holds no chart"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			manifest := webRelease(address, nil)
			for key, value := range c.change {
				manifest[key] = value
			}
			_, err := s.preview(releaseType, "web", manifest)
			require.ErrorContains(t, err, c.words)
		})
	}
	t.Run("a template that the API server refuses", func(t *testing.T) {
		manifest := webRelease(address, object{})
		manifest["name"] = "web"
		manifest["namespace"] = "no-such-namespace"
		_, err := s.up(releaseType, "web", manifest)
		require.ErrorContains(t, err, `namespaces "no-such-namespace" not found`)
		require.Nil(t, s.state[urnOf(releaseType, "web")])
	})
}

func TestReleaseFromDisk(t *testing.T) {
	s, _, _, dir := withCharts(t, "1.0.0")
	// A folder of the chart's name must not be taken for the chart.
	t.Chdir(t.TempDir())
	require.NoError(t, os.Mkdir("web", 0o700))

	s.mustUp("create", releaseType, "web", object{"name": "web", "chart": filepath.Join(dir, "web-1.0.0.tgz")})
	other, address := object{"name": "other"}, ""
	address, _ = chartRepository(t, "1.0.0")
	other["chart"], other["repositoryOpts"] = "web", object{"repo": address}
	s.mustUp("create", releaseType, "other", other)
}

func TestReleaseTakesValuesFromFiles(t *testing.T) {
	s, namespace, address, _ := withCharts(t, "1.0.0")
	file, err := asset.FromText("color: grey\ncount: 5\n")
	require.NoError(t, err)
	manifest := propertyMap(webRelease(address, object{"color": "red"}))
	manifest["valueYamlFiles"] = resource.NewArrayProperty([]resource.PropertyValue{resource.NewAssetProperty(file)})
	s.mustUp("create", releaseType, "web", manifest)
	settings, err := s.provider.cluster.typed.CoreV1().ConfigMaps(namespace).Get(t.Context(), "web-settings", metav1.GetOptions{})
	require.NoError(t, err)
	require.Equal(t, "red", settings.Data["color"])
	require.Equal(t, "5", settings.Data["count"])
}

func TestReleaseThatFailsIsKeptAndRepaired(t *testing.T) {
	s, namespace, address, _ := withCharts(t, "1.0.0")
	client := s.provider.cluster.typed
	bad := true
	kubelet(t, client, namespace, func(pod *corev1.Pod) {
		if bad {
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
				Name: "main", Image: "web:1",
				State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no such image"}},
			}}
			return
		}
		ready(pod)
	})
	manifest := webRelease(address, object{"workload": true})
	_, err := s.up(releaseType, "web", manifest, within(3*time.Second))
	require.ErrorContains(t, err, "installing release "+namespace+"/web")
	kept := s.state[urnOf(releaseType, "web")]
	require.NotNil(t, kept)
	require.Equal(t, "failed", kept.at(t, "status.status"))
	require.Contains(t, joined(kept.reasons), "ErrImagePull: no such image")

	_, err = s.refresh(releaseType, "web")
	require.NoError(t, err)
	require.NotEmpty(t, s.state[urnOf(releaseType, "web")].reasons, "a refresh does not forget that it failed")

	bad = false
	repaired := s.mustUp("update", releaseType, "web", manifest)
	require.Equal(t, "deployed", repaired.at(t, "status.status"))
	s.settled(releaseType, "web", manifest)
}

func TestInterruptedReleaseGoesOn(t *testing.T) {
	s, namespace, address, _ := withCharts(t, "1.0.0")
	manifest := webRelease(address, object{"color": "red"})
	// What a plugin leaves that was killed while it installed: a release that
	// is pending, and no state.
	inputs, err := s.check(urnOf(releaseType, "web"), manifest, nil)
	require.NoError(t, err)
	args, err := decodeRelease(plainMap(inputs))
	require.NoError(t, err)
	h, err := s.provider.helm(t.Context(), s.provider.cluster, urnOf(releaseType, "web"), args)
	require.NoError(t, err)
	found, _, err := h.chart()
	require.NoError(t, err)
	install := action.NewInstall(h.config)
	install.ReleaseName, install.Namespace = "web", namespace
	left, err := install.RunWithContext(t.Context(), found, args.Values)
	require.NoError(t, err)
	left.SetStatus(release.StatusPendingInstall, "half-way")
	require.NoError(t, h.config.Releases.Update(left))

	made := s.mustUp("create", releaseType, "web", manifest)
	require.Equal(t, "deployed", made.at(t, "status.status"))
	s.settled(releaseType, "web", manifest)

	t.Run("but a name in use is in use", func(t *testing.T) {
		_, err := s.up(releaseType, "second", manifest)
		require.ErrorContains(t, err, "cannot re-use a name that is still in use")
		require.Nil(t, s.state[urnOf(releaseType, "second")])
	})
}

func TestReleaseSeesWhatWasChangedByHand(t *testing.T) {
	s, _, address, _ := withCharts(t, "1.0.0")
	manifest := webRelease(address, object{"color": "red"})
	s.mustUp("create", releaseType, "web", manifest)
	args, err := decodeRelease(plainMap(s.state[urnOf(releaseType, "web")].inputs))
	require.NoError(t, err)
	args.Values = object{"color": "red", "count": 7}
	h, err := s.provider.helm(t.Context(), s.provider.cluster, urnOf(releaseType, "web"), args)
	require.NoError(t, err)
	_, err = h.upgrade(10 * time.Second)
	require.NoError(t, err)

	_, err = s.refresh(releaseType, "web")
	require.NoError(t, err)
	p, err := s.preview(releaseType, "web", manifest)
	require.NoError(t, err)
	require.Equal(t, map[string]sdk.PropertyDiff{"values.count": {Kind: sdk.DiffDelete, InputDiff: true}}, p.diff.DetailedDiff)
}

func TestReleaseIsImported(t *testing.T) {
	s, namespace, address, _ := withCharts(t, "1.0.0")
	s.mustUp("create", releaseType, "web", webRelease(address, object{"color": "red"}))
	res, err := s.provider.Read(t.Context(), sdk.ReadRequest{
		URN: urnOf(releaseType, "imported"), ID: resource.ID(namespace + "/web"),
	})
	require.NoError(t, err)
	require.Equal(t, "red", plain(res.Inputs["values"]).(object)["color"])
	require.Equal(t, "1.0.0", plain(res.Outputs["version"]))
}

// Helm leaves a definition as it was first: a program that has the chart's definitions as
// resources of its own, and Helm skip them, brings those of a newer chart.
func TestDefinitionsOfANewerChartArrive(t *testing.T) {
	s, namespace, address, _ := withCharts(t, "1.0.0", "1.1.0")
	live, err := s.provider.cluster.client(schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}, "")
	require.NoError(t, err)
	const name = "colors.charts.example.org"
	if err := live.Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil { // another test's
		require.True(t, apierrors.IsNotFound(err), err)
	}
	require.Eventually(t, func() bool {
		_, err := live.Get(t.Context(), name, metav1.GetOptions{})
		return apierrors.IsNotFound(err)
	}, 20*time.Second, 50*time.Millisecond)
	allowed := func() float64 {
		definition, err := live.Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		versions, _, err := unstructured.NestedSlice(definition.Object, "spec", "versions")
		require.NoError(t, err)
		length, _, err := unstructured.NestedFieldNoCopy(versions[0].(object), "schema", "openAPIV3Schema", "properties", "shade", "maxLength")
		require.NoError(t, err)
		return float64(length.(int64))
	}
	brings := func(kind, version string) {
		options, err := json.Marshal(object{
			"chart": "web", "version": version, "namespace": namespace, "release_name": "web", "fetch_opts": object{"repo": address},
			"values": object{"color": "red"},
		})
		require.NoError(t, err)
		rendered, err := s.provider.Invoke(t.Context(), sdk.InvokeRequest{Tok: "kubernetes:helm:template", Args: propertyMap(object{"jsonOpts": string(options)})})
		require.NoError(t, err)
		objects := plainMap(rendered.Properties)["result"].([]any)
		var kinds []string
		for _, one := range objects {
			kinds = append(kinds, one.(object)["kind"].(string))
			if one.(object)["kind"] == "CustomResourceDefinition" {
				s.mustUp(kind, definitionType, "colors", one.(object))
				s.settled(definitionType, "colors", one.(object))
			}
		}
		require.ElementsMatch(t, []string{"CustomResourceDefinition", "ConfigMap"}, kinds)
		release := webRelease(address, object{"color": "red"})
		release["version"], release["namespace"], release["skipCrds"] = version, namespace, true
		s.mustUp(kind, releaseType, "web", release)
		s.settled(releaseType, "web", release)
	}
	brings("create", "1.0.0")
	require.InDelta(t, 10, allowed(), 0)
	brings("update", "1.1.0")
	require.InDelta(t, 20, allowed(), 0)
}

func TestAChartThatCannotBeRendered(t *testing.T) {
	s, _, address, _ := withCharts(t, "1.0.0")
	for name, c := range map[string]struct{ options, want string }{
		"no options":             {"", "jsonOpts"},
		"an option that is none": {`{"chart": "web", "api_versions": ["v1"]}`, `unknown field "api_versions"`},
		"a version that is none": {`{"chart": "web", "version": "3.0.0", "fetch_opts": {"repo": "` + address + `"}}`, "3.0.0"},
		"a chart that is none":   {`{"chart": "wab", "fetch_opts": {"repo": "` + address + `"}}`, "wab"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.provider.Invoke(t.Context(), sdk.InvokeRequest{Tok: "kubernetes:helm:template", Args: propertyMap(object{"jsonOpts": c.options})})
			require.ErrorContains(t, err, c.want)
		})
	}
}
