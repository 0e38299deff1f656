// Package kube is what the layers share to speak to Kubernetes: namespaces,
// Helm releases, and custom resources that are waited for.
package kube

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	helmv3 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/helm/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/apimachinery/pkg/api/resource"
)

// PoolLabel is the label, and on the application's pool also the taint, that says which
// node pool a node is of.
const (
	PoolLabel       = "companion-pool"
	SystemPool      = "system"
	ApplicationPool = "application"
)

// Token is a component's type, in the project's own package.
func Token(layer, kind string) string { return "companion:" + layer + ":" + kind }

// Check returns one error that names every argument of a component that has to
// be given and is nil or empty.
func Check(component string, required map[string]any) error {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(required)) {
		if value := reflect.ValueOf(required[name]); !value.IsValid() || value.Kind() == reflect.String && value.Len() == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("%s: the arguments %s are missing", component, strings.Join(missing, ", "))
}

// PartOf and ManagedBy are the values of the recommended labels of the same names.
const (
	PartOf    = "companion"
	ManagedBy = "pulumi"
)

// Labels are the recommended ones of a pod of ours. Selectors have the name only: the
// version changes with each release.
func Labels(name, version string) pulumi.StringMap {
	return pulumi.StringMap{
		"app.kubernetes.io/name":       pulumi.String(name),
		"app.kubernetes.io/version":    pulumi.String(NamePart(version)),
		"app.kubernetes.io/part-of":    pulumi.String(PartOf),
		"app.kubernetes.io/managed-by": pulumi.String(ManagedBy),
	}
}

// Chart is a Helm chart and where it is pulled from.
type Chart struct {
	Chart   string         // its name, or an oci:// address
	Repo    string         // of an HTTP repository; empty with an oci:// address
	Version string         // exact
	Values  map[string]any // over the program's own values
}

// NewRelease installs a chart as the release called release, which does not
// change between stacks; name is the resource's in Pulumi. The chart's Values are
// laid over values. Its folder crds/, if it has one, is for NewReleaseWithDefinitions.
func NewRelease(ctx *pulumi.Context, name, release string, chart Chart, namespace pulumi.StringInput, values map[string]any, opts ...pulumi.ResourceOption) (*helmv3.Release, error) {
	return newRelease(ctx, name, release, chart, namespace, values, false, opts...)
}

// newRelease installs a chart, without its folder crds/ where somebody else has that.
func newRelease(ctx *pulumi.Context, name, release string, chart Chart, namespace pulumi.StringInput, values map[string]any, without bool, opts ...pulumi.ResourceOption) (*helmv3.Release, error) {
	args := &helmv3.ReleaseArgs{
		Name:      pulumi.String(release),
		Chart:     pulumi.String(chart.Chart),
		Version:   pulumi.String(chart.Version),
		Namespace: namespace,
		Values:    pulumi.ToMap(Merge(values, chart.Values)),
		Timeout:   pulumi.Int(600),
		// A failed first install is removed, so that the next `up` can install.
		Atomic: pulumi.Bool(true),
	}
	if without {
		args.SkipCrds = pulumi.Bool(true)
	}
	if chart.Repo != "" {
		args.RepositoryOpts = helmv3.RepositoryOptsArgs{Repo: pulumi.String(chart.Repo)}
	}
	return helmv3.NewRelease(ctx, name, args, opts...)
}

// NamePart makes a tag, which may hold capitals, dots and underscores, a part of
// a Kubernetes name: another tag gives another name.
func NamePart(tag string) string {
	if validPart.MatchString(tag) {
		return tag
	}
	sum := sha256.Sum256([]byte(tag))
	return hex.EncodeToString(sum[:6])
}

var validPart = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$`)

// Merge lays over onto base, map by map; neither is changed.
func Merge(base, over map[string]any) map[string]any {
	merged := maps.Clone(base)
	if merged == nil {
		merged = map[string]any{}
	}
	for key, value := range over {
		inner, isMap := value.(map[string]any)
		under, wasMap := merged[key].(map[string]any)
		if isMap && wasMap {
			merged[key] = Merge(under, inner)
			continue
		}
		merged[key] = value
	}
	return merged
}

// Object is a custom resource.
type Object struct {
	APIVersion string
	Kind       string
	Name       string // in Kubernetes
	Namespace  pulumi.StringInput
	Labels     map[string]string
	// WaitFor is what the provider awaits: a condition such as "Ready", or a path
	// in braces that must have a value. Nothing when empty.
	WaitFor []string
	// Fields are the object's top-level fields besides metadata; most have only spec.
	Fields map[string]any
}

// Resource is a custom resource as the API server has it.
type Resource struct {
	pulumi.CustomResourceState

	Status pulumi.AnyOutput `pulumi:"status"`
}

// NewObject creates the custom resource; name is the resource's in Pulumi.
func NewObject(ctx *pulumi.Context, name string, o Object, opts ...pulumi.ResourceOption) (*Resource, error) {
	metadata := pulumi.Map{"name": pulumi.String(o.Name)}
	if len(o.Labels) > 0 {
		metadata["labels"] = pulumi.ToStringMap(o.Labels)
	}
	if o.Namespace != nil {
		metadata["namespace"] = o.Namespace
	}
	if len(o.WaitFor) > 0 {
		awaited, err := waitFor(o.WaitFor)
		if err != nil {
			return nil, err
		}
		metadata["annotations"] = pulumi.ToStringMap(map[string]string{
			"pulumi.com/waitFor": awaited, "pulumi.com/timeoutSeconds": "600",
		})
	}
	inputs := pulumi.Map{
		"apiVersion": pulumi.String(o.APIVersion), "kind": pulumi.String(o.Kind), "metadata": metadata,
	}
	maps.Copy(inputs, pulumi.ToMap(o.Fields))
	return NewUntyped(ctx, name, o.APIVersion, o.Kind, inputs, opts...)
}

// NewUntyped registers a Kubernetes object by its plain fields.
func NewUntyped(ctx *pulumi.Context, name, apiVersion, kind string, inputs pulumi.Map, opts ...pulumi.ResourceOption) (*Resource, error) {
	var resource Resource
	return &resource, ctx.RegisterResource("kubernetes:"+apiVersion+":"+kind, name, inputs, &resource, opts...)
}

// waitFor writes what is awaited as the provider's annotation takes it.
func waitFor(awaited []string) (string, error) {
	written := make([]string, 0, len(awaited))
	for _, one := range awaited {
		if strings.HasPrefix(one, "{") {
			written = append(written, "jsonpath="+one)
			continue
		}
		written = append(written, "condition="+one)
	}
	if len(written) == 1 {
		return written[0], nil
	}
	raw, err := json.Marshal(written)
	return string(raw), err
}

// StatusText reads a text out of the status, by field names and list indexes.
// It is unknown until the object is there.
func (r *Resource) StatusText(path ...any) pulumi.StringOutput {
	return r.Status.ApplyT(func(status any) (string, error) { return dig(status, path...) }).(pulumi.StringOutput)
}

func dig(value any, path ...any) (string, error) {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			fields, _ := value.(map[string]any)
			value = fields[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return "", fmt.Errorf("the object's status has nothing at %v", path)
			}
			value = list[step]
		}
	}
	text, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("the object's status has nothing at %v", path)
	}
	return text, nil
}

// Requirements are what a container requests and may use, as Kubernetes writes
// quantities.
type Requirements struct {
	CPU         string
	Memory      string
	MemoryLimit string
}

// Container returns the requirements as a container takes them. There is no limit
// on CPU: a throttled service is slow while its node is idle.
func (r Requirements) Container() *corev1.ResourceRequirementsArgs {
	return &corev1.ResourceRequirementsArgs{
		Requests: pulumi.StringMap{"cpu": pulumi.String(r.CPU), "memory": pulumi.String(r.Memory)},
		Limits:   pulumi.StringMap{"memory": pulumi.String(r.MemoryLimit)},
	}
}

// goMemoryShare is the part of a container's memory limit, in percent, from which Go's runtime
// collects garbage rather than grow. The rest is for what it does not count: stacks of
// system calls, the program itself, the kernel's buffers.
const goMemoryShare = 90

// GoMemoryLimit is the value of GOMEMLIMIT for a Go program with these requirements: by its
// default it lets the heap double, also past the limit at which the kernel ends it.
func (r Requirements) GoMemoryLimit() (string, error) {
	bytes, err := r.MemoryShare(goMemoryShare)
	return fmt.Sprintf("%dMiB", bytes>>20), err
}

// MemoryShare is so many percent of the memory limit, in bytes.
func (r Requirements) MemoryShare(percent int64) (int64, error) {
	quantity, err := resource.ParseQuantity(r.MemoryLimit)
	if err != nil {
		return 0, fmt.Errorf("kube.Requirements: MemoryLimit is %q: set it to a quantity such as 256Mi", r.MemoryLimit)
	}
	return quantity.Value() / 100 * percent, nil
}

// Values returns the requirements as charts take them.
func (r Requirements) Values() map[string]any {
	return map[string]any{
		"requests": map[string]any{"cpu": r.CPU, "memory": r.Memory},
		"limits":   map[string]any{"memory": r.MemoryLimit},
	}
}

// RestrictedPod is the security context of a pod whose containers run as that
// user and group.
func RestrictedPod(id int) *corev1.PodSecurityContextArgs {
	return &corev1.PodSecurityContextArgs{
		RunAsNonRoot: pulumi.Bool(true), RunAsUser: pulumi.Int(id), RunAsGroup: pulumi.Int(id),
		SeccompProfile: corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
	}
}

// Nonroot is the user and the group of the images that ko builds.
const Nonroot = 65532

// RestrictedContainer is the security context of a container that needs no privilege.
func RestrictedContainer() *corev1.SecurityContextArgs {
	return &corev1.SecurityContextArgs{
		AllowPrivilegeEscalation: pulumi.Bool(false),
		ReadOnlyRootFilesystem:   pulumi.Bool(true),
		Capabilities:             corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
	}
}
