//go:build integration

package parts

import (
	"encoding/json"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"

	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

// release is a chart as a golden plan has it.
type release struct {
	Name, Chart, Version, Namespace string
	Values                          map[string]any
}

func releases(t *testing.T, stack string) []release {
	t.Helper()
	var resources []struct {
		Type   string
		Inputs json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(read(t, "infra/testdata/"+stack+".json")), &resources))
	var found []release
	for _, one := range resources {
		if one.Type == "kubernetes:helm.sh/v3:Release" {
			var r release
			require.NoError(t, json.Unmarshal(one.Inputs, &r))
			found = append(found, r)
		}
	}
	return found
}

// TestChartsTakeTheProgramsValues renders each stack's charts with their values, as Helm
// would, by the charts that can be had: where prod's is a later version, it may have
// changed since, which its first preview on an account tells.
func TestChartsTakeTheProgramsValues(t *testing.T) {
	folders, err := settings.NewFolders()
	require.NoError(t, err)
	dir, err := New(folders.Root, folders.Cache, progress.Discard).Charts(t.Context())
	require.NoError(t, err)
	goldens, err := filepath.Glob(filepath.Join(root, "infra/testdata/*.json"))
	require.NoError(t, err)
	charts := 0
	for _, golden := range goldens { // a foundation's plan has none
		stack := strings.TrimSuffix(filepath.Base(golden), ".json")
		for _, r := range releases(t, stack) {
			charts++
			t.Run(stack+" "+r.Name, func(t *testing.T) {
				files, err := filepath.Glob(filepath.Join(dir, path.Base(r.Chart)+"-[0-9v]*.tgz"))
				require.NoError(t, err)
				require.Len(t, files, 1)
				loaded, err := loader.Load(files[0])
				require.NoError(t, err)
				if had := strings.TrimPrefix(loaded.Metadata.Version, "v"); had != strings.TrimPrefix(r.Version, "v") {
					t.Logf("rendered with version %s of the chart, in place of %s", had, r.Version)
				}
				require.Empty(t, unknown(t, loaded, r.Values), "values that the chart does not know")
				if grafana, is := r.Values["grafana"].(map[string]any); is {
					grafana["enabled"] = false // the stand-in refuses it, which production's chart does not
				}
				// This checks the chart's own schema, where it has one.
				values, err := chartutil.ToRenderValues(loaded, r.Values, chartutil.ReleaseOptions{Name: r.Name, Namespace: r.Namespace, IsInstall: true},
					&chartutil.Capabilities{KubeVersion: chartutil.KubeVersion{Version: "v1.36.2", Major: "1", Minor: "36"}, APIVersions: chartutil.DefaultVersionSet})
				require.NoError(t, err)
				rendered, err := engine.Render(loaded, values)
				require.NoError(t, err)
				require.NotEmpty(t, rendered)
			})
		}
	}
	require.NotZero(t, charts)
}

// unknown are the paths of values that a chart has no default for and no template names.
// Helm takes them in silence: a key that is mistyped changes nothing.
func unknown(t *testing.T, of *chart.Chart, values map[string]any) []string {
	t.Helper()
	defaults, err := chartutil.CoalesceValues(of, map[string]any{})
	require.NoError(t, err)
	return slices.DeleteFunc(missing("", defaults, values), func(place string) bool {
		return slices.ContainsFunc(of.Templates, func(template *chart.File) bool { return strings.Contains(string(template.Data), ".Values."+place) })
	})
}

func missing(at string, defaults, values map[string]any) []string {
	var paths []string
	for key, value := range values {
		place := strings.TrimPrefix(at+"."+key, ".")
		fallback, exists := defaults[key]
		if !exists && isResources(at) && (key == "limits" || key == "requests") {
			continue // Kubernetes' own, whichever of them the chart has by default
		}
		if !exists {
			paths = append(paths, place)
			continue
		}
		inside, isMap := value.(map[string]any)
		// A map that is empty by default takes any key.
		if below, open := fallback.(map[string]any); isMap && open && len(below) > 0 {
			paths = append(paths, missing(place, below, inside)...)
		}
	}
	return paths
}

// isResources tells whether a place is a container's resources.
func isResources(place string) bool {
	return place == "resources" || strings.HasSuffix(place, ".resources")
}

func TestUnknownValuesAreFound(t *testing.T) {
	of := &chart.Chart{Metadata: &chart.Metadata{Name: "x"}, Values: map[string]any{
		"replicas": 1, "webhook": map[string]any{"timeout": 30}, "annotations": map[string]any{}, "resources": map[string]any{"requests": map[string]any{}},
	}, Templates: []*chart.File{{Data: []byte("{{ .Values.fullnameOverride }}")}}}
	require.Empty(t, unknown(t, of, map[string]any{"fullnameOverride": "x", "replicas": 2, "webhook": map[string]any{"timeout": 10}, "annotations": map[string]any{"a": "b"}}))
	require.Empty(t, unknown(t, of, map[string]any{"resources": map[string]any{"limits": map[string]any{"memory": "1Gi"}}}))
	require.Equal(t, []string{"resources.limit"}, unknown(t, of, map[string]any{"resources": map[string]any{"limit": map[string]any{"memory": "1Gi"}}}))
	require.Equal(t, []string{"webhook.timeOut"}, unknown(t, of, map[string]any{"webhook": map[string]any{"timeOut": 10}}))
}
