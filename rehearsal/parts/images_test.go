//go:build integration

package parts

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"sigs.k8s.io/yaml"

	"github.com/wealth-companion/companion/rehearsal/progress"
	"github.com/wealth-companion/companion/rehearsal/settings"
)

// onlyNamed are images that a chart names and the rehearsal never runs.
var onlyNamed = map[string]string{
	"quay.io/jetstack/cert-manager-acmesolver": "answers ACME's challenges; the rehearsal's certificates are signed by a CA of its own",
}

// reference finds images that are no field named image: in environments, in
// arguments, in a controller's settings.
var reference = regexp.MustCompile(`\b(?:docker\.io|ghcr\.io|quay\.io|registry\.k8s\.io|registry\.digitalocean\.com)/[a-z0-9][a-z0-9._/-]*:[A-Za-z0-9][A-Za-z0-9._-]*`)

// used gathers which images are named, and where.
type used map[string]string

// add notes an image by its tag: recipes are found by it, and the digest that
// may follow is what a build of today gave.
func (u used) add(t *testing.T, where, image string) {
	t.Helper()
	tagged, digest, pinned := strings.Cut(image, "@")
	if pinned {
		_, err := name.NewDigest(image)
		require.NoError(t, err, "%s: the digest %s", where, digest)
	}
	tag, err := name.NewTag(tagged)
	require.NoError(t, err, where)
	u[tag.Name()] = where
}

// walk looks through an object of a plan or of a chart.
func (u used) walk(t *testing.T, where string, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		for key, inside := range value {
			if image, ok := inside.(string); ok && key == "image" && image != "" {
				u.add(t, where, image)
			}
			u.walk(t, where, inside)
		}
	case []any:
		for _, inside := range value {
			u.walk(t, where, inside)
		}
	case string:
		for _, image := range reference.FindAllString(value, -1) {
			u.add(t, where, image)
		}
	}
}

type planned struct {
	Type   string `json:"type"`
	Name   string `json:"name"`
	Inputs any    `json:"inputs"` // a digest in place of long ones
}

func plan(t *testing.T) []planned {
	t.Helper()
	var resources []planned
	require.NoError(t, json.Unmarshal([]byte(read(t, "infra/testdata/rehearsal.json")), &resources))
	return resources
}

// render is what Helm would send to the cluster for a release of the plan.
func render(t *testing.T, charts string, release planned) []any {
	t.Helper()
	inputs := release.Inputs.(map[string]any)
	chart, version := fmt.Sprint(inputs["chart"]), fmt.Sprint(inputs["version"])
	loaded, err := loader.Load(filepath.Join(charts, chart+"-"+version+".tgz"))
	require.NoError(t, err, "the catalogue has another version of the chart %s than the stack's file", chart)
	values, _ := inputs["values"].(map[string]any)
	capabilities := *chartutil.DefaultCapabilities
	capabilities.KubeVersion = chartutil.KubeVersion{Version: "v" + KubernetesVersion, Major: "1", Minor: "36"}
	namespace := fmt.Sprint(inputs["namespace"])
	all, err := chartutil.ToRenderValues(loaded, values, chartutil.ReleaseOptions{
		Name: release.Name, Namespace: namespace, Revision: 1, IsInstall: true,
	}, &capabilities)
	require.NoError(t, err)
	rendered, err := engine.Render(loaded, all)
	require.NoError(t, err)
	var objects []any
	for file, text := range rendered {
		for document := range strings.SplitSeq(text, "\n---") {
			var object any
			if filepath.Ext(file) == ".txt" {
				continue
			}
			require.NoError(t, yaml.Unmarshal([]byte(strings.TrimPrefix(document, "---")), &object), "%s: %s", chart, file)
			objects = append(objects, object)
		}
	}
	require.NotEmpty(t, objects)
	return objects
}

// Whatever the cluster is told to pull is in the catalogue under that name, and
// what is in the catalogue is pulled.
func TestEveryImageHasARecipe(t *testing.T) {
	folders, err := settings.NewFolders()
	require.NoError(t, err)
	catalogue := New(folders.Root, folders.Cache, progress.Discard)
	charts, err := catalogue.Charts(t.Context())
	require.NoError(t, err)

	wanted := used{}
	for _, one := range plan(t) {
		wanted.walk(t, one.Type+" "+one.Name, one.Inputs)
		if one.Type != "kubernetes:helm.sh/v3:Release" {
			continue
		}
		for _, object := range render(t, charts, one) {
			wanted.walk(t, "chart of "+one.Name, object)
		}
	}
	for where, image := range map[string]string{
		"the nodes": PauseImage, "the name server": CoreDNSImage, "the storage class": ProvisionerImage, "its helper": BusyboxImage,
	} {
		wanted.add(t, where, image)
	}
	require.Greater(t, len(wanted), 20, "%v", wanted)

	made := map[string]string{}
	paths := map[string]string{}
	for _, part := range All() {
		if part.images == nil {
			continue
		}
		recipes, err := part.images(t.Context(), catalogue)
		require.NoError(t, err, part.Name)
		for _, recipe := range recipes {
			tag, err := name.NewTag(recipe.Ref, name.StrictValidation)
			require.NoError(t, err, part.Name)
			made[tag.Name()] = part.Name
			// The nodes ask the registry with the path alone.
			path := tag.RepositoryStr() + ":" + tag.TagStr()
			require.Empty(t, paths[path], "%s and another part make %s", part.Name, path)
			paths[path] = part.Name
		}
	}
	for image, where := range wanted {
		repository, _, _ := strings.Cut(image, ":")
		service := strings.TrimPrefix(repository, Registry+"/")
		switch {
		case onlyNamed[repository] != "":
		case service != repository:
			require.Contains(t, Services, service, "%s wants an image of the project's that is not built", where)
		default:
			require.Contains(t, made, image, "%s wants an image without a recipe; there are %q", where, slices.Sorted(maps.Keys(made)))
		}
	}
	for image, part := range made {
		require.Contains(t, wanted, image, "nobody pulls this image of %s", part)
	}
}
