package edge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"gopkg.in/yaml.v3"

	// The module carries the definitions; its version is pinned like any other.
	_ "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/wealth-companion/companion/infra/kube"
)

const gatewayModule = "sigs.k8s.io/gateway-api"

// newDefinitions registers the Gateway API's custom resource definitions,
// which no chart brings, from the Go module that go.mod pins: no address to
// download from, and the plan shows each.
func newDefinitions(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	dir, err := moduleDir(gatewayModule)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(dir, "config", "crd", "standard", "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no definitions in %s: the module's layout changed", dir)
	}
	var made []pulumi.Resource
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		definitions, err := decode(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, definition := range definitions {
			resource, err := newDefinition(ctx, name, definition, opts...)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			made = append(made, resource)
		}
	}
	return made, nil
}

// moduleDir is where the Go tool keeps the module's source.
func moduleDir(module string) (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		return "", fmt.Errorf("the source of %s is not here (run `go mod download` in infra/): %w", module, errors.Join(err))
	}
	return dir, nil
}

// decode reads the documents of a YAML file, and leaves status out: it is the
// API server's to write.
func decode(raw []byte) ([]map[string]any, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	var documents []map[string]any
	for {
		var document map[string]any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			return nil, err
		}
		if document["kind"] != "CustomResourceDefinition" {
			continue
		}
		delete(document, "status")
		documents = append(documents, document)
	}
}

func newDefinition(ctx *pulumi.Context, name string, definition map[string]any, opts ...pulumi.ResourceOption) (pulumi.Resource, error) {
	metadata, _ := definition["metadata"].(map[string]any)
	own, _ := metadata["name"].(string)
	if own == "" {
		return nil, errors.New("a definition without a name")
	}
	return kube.NewUntyped(ctx, name+"-"+own, "apiextensions.k8s.io/v1", "CustomResourceDefinition", pulumi.ToMap(definition), opts...)
}
