package parts

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/wealth-companion/companion/rehearsal/progress"
)

// root is the checkout.
const root = "../.."

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(raw)
}

// pinned is the version of a module or an artifact that a tool's file requires.
func pinned(t *testing.T, file, name string) string {
	t.Helper()
	pattern := `(?m)^\s*(?:require )?` + regexp.QuoteMeta(name) + ` v(\S+)`
	if strings.HasSuffix(file, "pom.xml") {
		group, artifact, _ := strings.Cut(name, ":")
		pattern = `<groupId>` + regexp.QuoteMeta(group) + `</groupId>\s*<artifactId>` + regexp.QuoteMeta(artifact) + `</artifactId>\s*<version>([^<]+)<`
	}
	found := regexp.MustCompile(pattern).FindStringSubmatch(read(t, file))
	require.NotNil(t, found, "%s does not require %s", file, name)
	return found[1]
}

func TestPartsSayWhatTheyAre(t *testing.T) {
	seen := map[string]bool{}
	for _, part := range All() {
		require.NotEmpty(t, part.Name)
		require.False(t, seen[part.Name], "%s is there twice", part.Name)
		seen[part.Name] = true
		require.NotEmpty(t, part.Version, part.Name)
		require.NotEmpty(t, part.Origin, part.Name)
		require.True(t, part.images != nil || part.hosts != nil, "%s makes nothing", part.Name)
		// Pulumi comes and goes; all else stays as long as the rehearsal does.
		require.Equal(t, part.Name != "Pulumi", part.Memory > 0, "%s's share of the memory", part.Name)
	}
}

// The rehearsal has 12 GiB: what the parts take, and what the services may take.
func TestPartsFitIntoTheBudget(t *testing.T) {
	const budget = 12 * 1024
	parts := 0
	for _, part := range All() {
		parts += part.Memory
	}
	var stack struct {
		Config struct {
			Services map[string]struct {
				Replicas    int64  `json:"replicas"`
				MemoryLimit string `json:"memoryLimit"` // of the sidecar, which is one of them
				Resources   struct {
					MemoryLimit string `json:"memoryLimit"`
				} `json:"resources"`
			} `json:"companion:services"`
		} `json:"config"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "Pulumi.rehearsal.yaml")), &stack))
	mebibytes := func(text string) int64 {
		quantity, err := resource.ParseQuantity(text)
		require.NoError(t, err)
		return quantity.Value() >> 20
	}
	sidecar := mebibytes(stack.Config.Services["sidecar"].MemoryLimit)
	var services int64
	for name, service := range stack.Config.Services {
		if name != "sidecar" {
			services += max(1, service.Replicas) * (mebibytes(service.Resources.MemoryLimit) + sidecar)
		}
	}
	require.Positive(t, services)
	require.LessOrEqual(t, int64(parts)+services, int64(budget), "parts take %d MiB, services may take %d MiB", parts, services)
}

// What a part calls itself is what its tool builds: the versions of a tool's
// file and of the catalogue are the same one.
func TestVersionsArePinned(t *testing.T) {
	pins := map[string][][2]string{ // part: the file and what it requires
		"Pulumi":                 {{"pulumi/go.mod", "github.com/pulumi/pulumi/pkg/v3"}},
		"etcd":                   {{"etcd/go.mod", "go.etcd.io/etcd/server/v3"}},
		"Kubernetes":             {{"kubernetes/go.mod", "k8s.io/kubernetes"}},
		"CoreDNS":                {{"coredns/go.mod", "github.com/coredns/coredns"}},
		"local-path-provisioner": {{"local-path-provisioner/go.mod", "github.com/rancher/local-path-provisioner"}},
		"cert-manager":           {{"cert-manager/go.mod", "github.com/cert-manager/cert-manager"}},
		"NGINX Gateway Fabric":   {{"nginx-gateway-fabric/go.mod", "github.com/nginx/nginx-gateway-fabric"}},
		"Dapr":                   {{"dapr/go.mod", "github.com/dapr/dapr"}, {"dapr/go.mod", "github.com/dapr/components-contrib"}},
		"Strimzi":                {{"strimzi/pom.xml", "io.strimzi:api"}, {"strimzi/pom.xml", "io.strimzi:crd-generator"}},
		"Apache Kafka":           {{"kafka/pom.xml", "org.apache.kafka:kafka_2.13"}, {"kafka/pom.xml", "org.apache.kafka:kafka-tools"}},
		"Redis":                  nil, // Debian's, whichever it has
		"Prometheus operator":    {{"prometheus-operator/go.mod", "github.com/prometheus-operator/prometheus-operator"}},
		"Prometheus":             {{"prometheus/go.mod", "github.com/prometheus/prometheus"}},
		"Alertmanager":           {{"alertmanager/go.mod", "github.com/prometheus/alertmanager"}},
		"Jaeger":                 {{"jaeger/go.mod", "github.com/jaegertracing/jaeger"}},
		"metrics-server":         {{"metrics-server/go.mod", "sigs.k8s.io/metrics-server"}},
	}
	for _, part := range All() {
		wanted, known := pins[part.Name]
		require.True(t, known, "where is %s pinned?", part.Name)
		for _, pin := range wanted {
			require.Equal(t, part.Version, pinned(t, filepath.Join("rehearsal", "tools", pin[0]), pin[1]), "%s: %s", part.Name, pin[1])
		}
	}
	require.Equal(t, collectorRelease, pinned(t, "rehearsal/tools/jaeger/go.mod", "github.com/open-telemetry/opentelemetry-collector-contrib/processor/transformprocessor"))
	for plugin, c := range map[string][2]string{
		KubernetesPlugin:   {"infra/go.mod", "github.com/pulumi/pulumi-kubernetes/sdk/v4"},
		DigitalOceanPlugin: {"infra/go.mod", "github.com/pulumi/pulumi-digitalocean/sdk/v4"},
	} {
		require.Equal(t, plugin, pinned(t, c[0], c[1]), "the plugin's version is its SDK's")
	}
}

func TestVersionsAreWrittenOnce(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	var sources strings.Builder
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			sources.WriteString(read(t, filepath.Join("rehearsal", "parts", file)))
		}
	}
	for _, part := range All() {
		literal := regexp.MustCompile(`(^|[^0-9.])` + regexp.QuoteMeta(part.Version) + `($|[^0-9.])`)
		require.Len(t, literal.FindAllString(sources.String(), -1), 1, "%s %s", part.Name, part.Version)
	}
}

// The stack's file names versions too: those of what the catalogue makes.
func TestRehearsedStackNamesTheCataloguesVersions(t *testing.T) {
	var stack struct {
		Config struct {
			Cluster struct{ Version string } `json:"companion:cluster"`
			Kafka   struct{ Version string } `json:"companion:kafka"`
			Redis   struct{ Image string }   `json:"companion:redis"`
		} `json:"config"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "Pulumi.rehearsal.yaml")), &stack))
	require.True(t, strings.HasPrefix(stack.Config.Cluster.Version, KubernetesVersion+"-do."), stack.Config.Cluster.Version)
	require.Equal(t, kafkaVersion, stack.Config.Kafka.Version)
	require.Equal(t, RedisImage, stack.Config.Redis.Image)
}

func TestUnknownProgramIsAnswered(t *testing.T) {
	catalogue := New(root, t.TempDir(), progress.Discard)
	_, err := catalogue.Binary(t.Context(), "kubeadm")
	require.ErrorContains(t, err, `no program "kubeadm": there are [pulumi `)
	for _, name := range Previewing {
		require.Contains(t, HostPrograms(), name)
	}
}

func TestWhoIsInterruptedDoesNotWaitForACore(t *testing.T) {
	catalogue := New(root, t.TempDir(), progress.Discard)
	for range cap(catalogue.slots) {
		catalogue.slots <- struct{}{}
	}
	ctx, interrupt := context.WithCancel(t.Context())
	interrupt()
	_, err := catalogue.Binary(ctx, "etcd")
	require.ErrorIs(t, err, context.Canceled)
}

func TestLibraryPath(t *testing.T) {
	for line, want := range map[string]string{
		"\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n": "/lib/x86_64-linux-gnu/libc.so.6",
		"\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n":                  "/lib64/ld-linux-x86-64.so.2",
		"\tlinux-vdso.so.1 (0x00007ffd)\n":                            "",
		"\tlibmissing.so => not found\n":                              "",
		"\tstatically linked\n":                                       "",
	} {
		require.Equal(t, want, libraryPath(line), line)
	}
}

func TestNginxConfigurationThatChangedIsNoticed(t *testing.T) {
	edited, err := withoutModules("load_module /usr/lib/nginx/modules/ngx_http_js_module.so;\nserver { stub_status; }\n")
	require.NoError(t, err)
	require.Equal(t, "server { return 503; }\n", edited)
	_, err = withoutModules("server {}\n")
	require.ErrorContains(t, err, "check the recipe")
}
