package strimzi

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// applier writes objects by server-side apply, and leaves out the request when
// neither what it wants nor what is there has changed since the last one: a
// reconciliation that changes nothing then costs the API server nothing.
type applier struct {
	client client.Client
	owner  string

	mu   sync.Mutex
	last map[string]applied
}

type applied struct{ wanted, version string }

func newApplier(c client.Client, owner string) *applier {
	return &applier{client: c, owner: owner, last: map[string]applied{}}
}

func (a *applier) apply(ctx context.Context, object client.Object) error {
	kind, err := apiutil.GVKForObject(object, a.client.Scheme())
	if err != nil {
		return fmt.Errorf("apply %s: %w", object.GetName(), err)
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return fmt.Errorf("apply %s %s: %w", kind.Kind, object.GetName(), err)
	}
	delete(content, "status")
	dropEmpty(content)
	wanted := &unstructured.Unstructured{Object: content}
	wanted.SetGroupVersionKind(kind)
	encoded, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("apply %s %s: %w", kind.Kind, object.GetName(), err)
	}
	hash := fingerprint(encoded)

	key := kind.String() + " " + object.GetNamespace() + "/" + object.GetName()
	a.mu.Lock()
	last, known := a.last[key]
	a.mu.Unlock()
	if known && last.wanted == hash {
		seen, ok := object.DeepCopyObject().(client.Object)
		if ok && a.client.Get(ctx, client.ObjectKeyFromObject(object), seen) == nil && seen.GetResourceVersion() == last.version {
			return nil
		}
	}
	if err := a.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(wanted),
		client.FieldOwner(a.owner), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply %s %s: %w", kind.Kind, object.GetName(), err)
	}
	a.mu.Lock()
	a.last[key] = applied{wanted: hash, version: wanted.GetResourceVersion()}
	a.mu.Unlock()
	return nil
}

// dropEmpty removes what Go's types write though nobody set it; applied, it would
// claim the field.
func dropEmpty(value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if inner == nil {
				delete(v, key)
				continue
			}
			dropEmpty(inner)
		}
	case []any:
		for _, inner := range v {
			dropEmpty(inner)
		}
	}
}
