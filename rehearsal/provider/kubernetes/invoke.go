package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Invoke answers kubernetes:yaml:decode, which the SDK's yaml package is built on.
func (p *Provider) Invoke(_ context.Context, req sdk.InvokeRequest) (sdk.InvokeResponse, error) {
	if req.Tok != "kubernetes:yaml:decode" {
		return sdk.InvokeResponse{}, status.Errorf(codes.Unimplemented,
			"%s is not served by the rehearsal's plugin; a helm.sh/v3:Release is", req.Tok)
	}
	args := arguments{inputs: plainMap(req.Args)}
	objects, err := p.decode(args.text("text", ""), args.text("defaultNamespace", ""))
	if err != nil {
		return sdk.InvokeResponse{}, fmt.Errorf("reading YAML: %w", err)
	}
	return sdk.InvokeResponse{Properties: resource.PropertyMap{"result": property(objects)}}, nil
}

func (p *Provider) decode(text, namespace string) ([]any, error) {
	objects := []any{}
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var object map[string]any
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		found := &unstructured.Unstructured{Object: object}
		if found.GetKind() == "" || found.GetAPIVersion() == "" {
			continue // an empty document
		}
		if namespace != "" && found.GetNamespace() == "" {
			inNamespace := true
			if p.cluster != nil {
				if inNamespace, err = p.cluster.namespaced(found.GroupVersionKind()); err != nil {
					return nil, err
				}
			}
			if inNamespace {
				setMetadata(object, "namespace", namespace)
			}
		}
		objects = append(objects, object)
	}
}
