package kubernetes

import (
	"encoding/base64"
	"maps"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// serverOnly are the metadata fields that only the API server writes.
var serverOnly = []string{
	"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp",
	"generation", "managedFields", "resourceVersion", "uid",
}

// normalize writes an object the way the API server would write it back, as
// far as that is known without asking: "1000m" becomes "1", stringData becomes
// data, what is empty and omitted is left out. Two programs that mean the same
// then have the same inputs, and the live object matches them.
//
// Kinds that client-go does not know, and objects with unknown values, stay as
// they are.
func normalize(object *unstructured.Unstructured) *unstructured.Unstructured {
	out := &unstructured.Unstructured{Object: copyMap(object.Object)}
	if !hasUnknown(out.Object) {
		switch {
		case isSecret(out):
			normalizeSecret(out.Object)
		case isDefinition(out):
			normalizeDefinition(out.Object)
		default:
			out.Object = normalizeTyped(out)
		}
	}
	if metadata, ok := out.Object["metadata"].(map[string]any); ok {
		for _, field := range serverOnly {
			delete(metadata, field)
		}
	}
	return out
}

// normalizeTyped goes through the Go type of the kind and back. Only fields
// that the input has are kept: the round trip also adds empty ones.
func normalizeTyped(object *unstructured.Unstructured) map[string]any {
	typed, err := scheme.Scheme.New(object.GroupVersionKind())
	if err != nil {
		return object.Object
	}
	// What does not fit the type is the API server's to refuse, in its words.
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err != nil {
		return object.Object
	}
	round, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		return object.Object
	}
	return prune(round, object.Object)
}

// normalizeSecret does to stringData and data what the API server does to them.
func normalizeSecret(object map[string]any) {
	data, _ := object["data"].(map[string]any)
	if text, ok := object["stringData"].(map[string]any); ok {
		merged := make(map[string]any, len(data)+len(text))
		maps.Copy(merged, data)
		for key, value := range text {
			if value, ok := value.(string); ok {
				merged[key] = base64.StdEncoding.EncodeToString([]byte(value))
			}
		}
		data = merged
		delete(object, "stringData")
		if len(merged) > 0 {
			object["data"] = merged
		}
	}
	for key, value := range data {
		text, ok := value.(string)
		if !ok {
			continue
		}
		if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
			data[key] = base64.StdEncoding.EncodeToString(decoded)
		}
	}
}

// normalizeDefinition removes what the API server does not keep.
func normalizeDefinition(object map[string]any) {
	delete(object, "status")
	spec, ok := object["spec"].(map[string]any)
	if ok && spec["preserveUnknownFields"] == false {
		delete(spec, "preserveUnknownFields")
	}
}

// prune keeps of source what shape has too: of a live object, the fields that
// the program wrote. Lists are matched by position, as the official plugin
// matches them.
func prune(source, shape map[string]any) map[string]any {
	out := make(map[string]any, len(shape))
	for key, wanted := range shape {
		value, ok := source[key]
		switch {
		case ok:
			out[key] = pruneValue(value, wanted)
		case empty(wanted):
			out[key] = wanted
		}
	}
	return out
}

// empty values (`labels: {}`) may not come back from the API server, and that
// is no difference.
func empty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	default:
		return false
	}
}

func pruneValue(value, shape any) any {
	switch shape := shape.(type) {
	case map[string]any:
		if value, ok := value.(map[string]any); ok {
			return prune(value, shape)
		}
	case []any:
		values, ok := value.([]any)
		if !ok {
			return value
		}
		out := make([]any, 0, len(shape))
		for i := range min(len(values), len(shape)) {
			out = append(out, pruneValue(values[i], shape[i]))
		}
		return out
	}
	return value
}

// copyMap copies a plain map. It is not runtime.DeepCopyJSON, which panics on
// values that are unknown.
func copyMap(object map[string]any) map[string]any {
	out := make(map[string]any, len(object))
	for key, value := range object {
		out[key] = copyValue(value)
	}
	return out
}

func copyValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return copyMap(value)
	case []any:
		out := make([]any, 0, len(value))
		for _, item := range value {
			out = append(out, copyValue(item))
		}
		return out
	default:
		return value
	}
}

func isKind(object *unstructured.Unstructured, gvk schema.GroupVersionKind) bool {
	return object.GroupVersionKind() == gvk
}

func isSecret(object *unstructured.Unstructured) bool {
	return isKind(object, schema.GroupVersionKind{Version: "v1", Kind: "Secret"})
}

func isConfigMap(object *unstructured.Unstructured) bool {
	return isKind(object, schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"})
}

func isDefinition(object *unstructured.Unstructured) bool {
	return object.GroupVersionKind().Group == apiextensionsv1.GroupName && object.GetKind() == "CustomResourceDefinition"
}
