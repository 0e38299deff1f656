package kubernetes

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const releaseType = "kubernetes:helm.sh/v3:Release"

func isRelease(urn resource.URN) bool {
	return string(urn.Type()) == releaseType
}

// kindOf reads the kind out of a type token: kubernetes:apps/v1:Deployment, or
// kubernetes:core/v1:Secret for the group without a name.
func kindOf(urn resource.URN) (schema.GroupVersionKind, error) {
	parts := strings.Split(string(urn.Type()), ":")
	if len(parts) != 3 || parts[0] != "kubernetes" {
		return schema.GroupVersionKind{}, fmt.Errorf("type %q is none of this plugin's", urn.Type())
	}
	group, version, ok := strings.Cut(parts[1], "/")
	if !ok || version == "" || parts[2] == "" {
		return schema.GroupVersionKind{}, fmt.Errorf("type %q names no group, version and kind", urn.Type())
	}
	if group == "core" {
		group = ""
	}
	return schema.GroupVersionKind{Group: group, Version: version, Kind: parts[2]}, nil
}

// isPatch tells a resource that manages some fields of somebody else's object
// (ConfigMapPatch) from a custom resource whose kind merely ends so.
func isPatch(urn resource.URN, kind string) bool {
	return strings.HasSuffix(string(urn.Type()), "Patch") && !strings.HasSuffix(kind, "Patch")
}

// objectKind is the kind of an object as its inputs say, or else as its token says.
func objectKind(urn resource.URN, object *unstructured.Unstructured) (schema.GroupVersionKind, error) {
	if gvk := object.GroupVersionKind(); gvk.Kind != "" && gvk.Version != "" {
		return gvk, nil
	}
	return kindOf(urn)
}

// splitID reads namespace/name, or the name alone for what has no namespace.
func splitID(id resource.ID) (namespace, name string) {
	namespace, name, ok := strings.Cut(string(id), "/")
	if !ok {
		return "", string(id)
	}
	return namespace, name
}

func joinID(namespace, name string) resource.ID {
	if namespace == "" {
		return resource.ID(name)
	}
	return resource.ID(namespace + "/" + name)
}
