package kubernetes

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/csaupgrade"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// createManager owns what creation writes. Creation is a plain one, which
// fails when the object is there already; the first update hands the fields
// over to the manager that applies.
const createManager = "pulumi-kubernetes"

// formerManagers are those whose fields the program takes over at an update.
var formerManagers = sets.New(createManager, "kubectl", "kubectl-client-side-apply", "before-first-apply")

// fieldManager is the name under which an object is applied: the one the
// program asks for, the one of the state, or a new one.
func fieldManager(outputs resource.PropertyMap, object *unstructured.Unstructured) string {
	if asked := annotation(object, fieldManagerAnnotation); asked != "" {
		return asked
	}
	if kept, ok := outputs[fieldManagerKey]; ok && kept.IsString() {
		return kept.StringValue()
	}
	made, err := resource.NewUniqueHex(createManager+"-", 8, 0)
	if err != nil {
		return createManager // the random source failed; one shared name still works
	}
	return made
}

// force reports whether fields that others own are to be taken from them.
func force(s settings, object *unstructured.Unstructured, preview bool) bool {
	return preview || s.patchForce || annotation(object, patchForceAnnotation) == "true"
}

// apply sends the object as a server-side apply.
func (p *Provider) apply(
	ctx context.Context, client dynamic.ResourceInterface, object *unstructured.Unstructured,
	manager string, forced, dryRun bool,
) (*unstructured.Unstructured, error) {
	options := metav1.ApplyOptions{FieldManager: manager, Force: forced}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	return client.Apply(ctx, object.GetName(), object, options)
}

// takeOver hands the fields that creation or kubectl wrote to the manager that
// applies from now on.
func takeOver(
	ctx context.Context, client dynamic.ResourceInterface, live *unstructured.Unstructured, manager string,
) (*unstructured.Unstructured, error) {
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(live, formerManagers, manager)
	if err != nil || len(patch) == 0 {
		return live, err
	}
	return client.Patch(ctx, live.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{})
}

func ownedByCreation(live *unstructured.Unstructured) bool {
	return slices.ContainsFunc(live.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
		return entry.Operation == metav1.ManagedFieldsOperationUpdate && entry.Manager == createManager
	})
}

func owns(live *unstructured.Unstructured, manager string) bool {
	return slices.ContainsFunc(live.GetManagedFields(), func(entry metav1.ManagedFieldsEntry) bool {
		return entry.Operation == metav1.ManagedFieldsOperationApply && entry.Manager == manager
	})
}

// bare is the object with nothing but its identity: applied, it gives up every
// field of its manager.
func bare(object *unstructured.Unstructured) *unstructured.Unstructured {
	out := &unstructured.Unstructured{Object: map[string]any{}}
	out.SetGroupVersionKind(object.GroupVersionKind())
	out.SetName(object.GetName())
	if object.GetNamespace() != "" {
		out.SetNamespace(object.GetNamespace())
	}
	return out
}

// leaveIgnored makes ignoreChanges hold on the server too. A field that
// somebody else owns, an autoscaler's replicas, is left out of what is applied;
// one that is ours keeps its live value.
func leaveIgnored(object, live *unstructured.Unstructured, manager string, ignore []string) error {
	if len(ignore) == 0 {
		return nil
	}
	ours, theirs, err := owners(live, manager)
	if err != nil {
		return err
	}
	for _, text := range ignore {
		parsed, err := resource.ParsePropertyPath(text)
		if err != nil {
			return fmt.Errorf("reading ignoreChanges %q: %w", text, err)
		}
		keys, elements := make([]string, 0, len(parsed)), make([]any, 0, len(parsed))
		for _, part := range parsed {
			key, ok := part.(string)
			if !ok {
				break
			}
			keys, elements = append(keys, key), append(elements, key)
		}
		if len(keys) != len(parsed) {
			continue // inside a list: the inputs hold the old value, as the engine put it
		}
		path, err := fieldpath.MakePath(elements...)
		if err != nil {
			return fmt.Errorf("reading ignoreChanges %q: %w", text, err)
		}
		if theirs.Has(path) && !ours.Has(path) {
			unstructured.RemoveNestedField(object.Object, keys...)
			continue
		}
		value, found, err := unstructured.NestedFieldCopy(live.Object, keys...)
		if err != nil || !found {
			continue
		}
		if err := unstructured.SetNestedField(object.Object, value, keys...); err != nil {
			return fmt.Errorf("keeping %q, which ignoreChanges names: %w", text, err)
		}
	}
	return nil
}

// owners are the fields of this manager and of all others, with every field
// that contains one of them.
func owners(live *unstructured.Unstructured, manager string) (ours, theirs *fieldpath.Set, err error) {
	ours, theirs = fieldpath.NewSet(), fieldpath.NewSet()
	for _, entry := range live.GetManagedFields() {
		if entry.FieldsV1 == nil {
			continue
		}
		var owned fieldpath.Set
		//nolint:staticcheck // its successor is not in the API machinery that controller-runtime asks for
		if err := owned.FromJSON(bytes.NewReader(entry.FieldsV1.Raw)); err != nil {
			return nil, nil, fmt.Errorf("reading the fields of %s: %w", entry.Manager, err)
		}
		into := theirs
		if entry.Manager == manager || formerManagers.Has(entry.Manager) {
			into = ours
		}
		owned.Iterate(func(path fieldpath.Path) {
			for i := range path {
				into.Insert(path[:i+1].Copy())
			}
		})
	}
	return ours, theirs, nil
}
