package kubernetes

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// The annotations by which a program steers the plugin.
const (
	autonamedAnnotation    = "pulumi.com/autonamed"
	skipAwaitAnnotation    = "pulumi.com/skipAwait"
	waitForAnnotation      = "pulumi.com/waitFor"
	timeoutAnnotation      = "pulumi.com/timeoutSeconds"
	patchForceAnnotation   = "pulumi.com/patchForce"
	fieldManagerAnnotation = "pulumi.com/patchFieldManager"
	propagationAnnotation  = "pulumi.com/deletionPropagationPolicy"
)

// annotation is the value of an annotation, empty when it is not there or not
// known.
func annotation(object *unstructured.Unstructured, key string) string {
	metadata, _ := object.Object["metadata"].(map[string]any)
	annotations, _ := metadata["annotations"].(map[string]any)
	value, _ := annotations[key].(string)
	return value
}

// setMetadata sets a field of the metadata, unless all of it is unknown.
func setMetadata(object map[string]any, field string, value any) {
	switch metadata := object["metadata"].(type) {
	case map[string]any:
		metadata[field] = value
	case nil:
		object["metadata"] = map[string]any{field: value}
	}
}

func removeMetadata(object map[string]any, field string) {
	if metadata, ok := object["metadata"].(map[string]any); ok {
		delete(metadata, field)
	}
}

// unknownAt reports whether a field, or what holds it, is not known yet.
func unknownAt(object map[string]any, path ...string) bool {
	var value any = object
	for _, key := range path {
		if _, ok := value.(unknown); ok {
			return true
		}
		inner, ok := value.(map[string]any)
		if !ok {
			return false
		}
		value = inner[key]
	}
	_, ok := value.(unknown)
	return ok
}

func isNamed(object map[string]any) bool {
	return unknownAt(object, "metadata", "name") ||
		(&unstructured.Unstructured{Object: object}).GetName() != ""
}

func autonamed(object *unstructured.Unstructured) bool {
	return annotation(object, autonamedAnnotation) == "true"
}

// name gives the object the name it has, or one made from the resource's. A
// made name is marked: an object that carries one can be replaced by another
// that carries the next.
func name(req sdk.CheckRequest, object *unstructured.Unstructured) error {
	old := &unstructured.Unstructured{Object: plainMap(req.Olds)}
	if len(req.Olds) > 0 {
		// The label is set where it was: adding it to what was imported or
		// applied on the server would be a difference nobody asked for.
		if label, ok := old.GetLabels()[managedBy]; ok && label == "pulumi" {
			setNested(object.Object, label, "labels", managedBy)
		}
	}
	if isNamed(object.Object) {
		return nil
	}
	if autonamed(old) && old.GetName() != "" {
		setMetadata(object.Object, "name", old.GetName())
		setNested(object.Object, "true", "annotations", autonamedAnnotation)
		return nil
	}
	made, err := resource.NewUniqueName(req.RandomSeed, req.URN.Name()+"-", 8, 0, nil)
	if err != nil {
		return err
	}
	if proposed := req.Autonaming; proposed != nil {
		switch proposed.Mode {
		case sdk.AutonamingModeDisabled:
			return errors.New("automatic naming is off; give metadata.name")
		default:
			made = proposed.ProposedName
		}
	}
	setMetadata(object.Object, "name", made)
	setNested(object.Object, "true", "annotations", autonamedAnnotation)
	return nil
}

// setNested sets a key in one of the metadata's maps, unless that is unknown.
func setNested(object map[string]any, value, field, key string) {
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		return
	}
	switch entries := metadata[field].(type) {
	case map[string]any:
		entries[key] = value
	case nil:
		metadata[field] = map[string]any{key: value}
	}
}

// namespaceOf is the namespace an object is in, the default one when it names
// none.
func namespaceOf(object metav1.Object) string {
	if object.GetNamespace() == "" {
		return defaultNamespace
	}
	return object.GetNamespace()
}
