// Package generate keeps generated files what they are generated from: the backend's OpenAPI
// document, the typed client made of it, and the Go code of the templates. Its tests fail when
// a committed file is not up to date; `make generate` writes them anew.
package generate

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"go/format"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ/generator"
	"github.com/a-h/templ/parser/v2"
	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/wealth-companion/companion/app/api/rest"
	"github.com/wealth-companion/companion/app/core/event"
)

var update = flag.Bool("update", false, "write the document and the templates' code anew")

// backend is the folder of the typed client.
const backend = "../backend/"

// TestDocument compares the committed OpenAPI document with what the API declares now. A change
// of the API thereby leads to a new client, which does not compile where a page uses what is gone.
func TestDocument(t *testing.T) {
	same(t, backend+"openapi.json", document(t))
}

// document is the API's OpenAPI document in version 3.0, the one that the generator reads.
func document(t *testing.T) []byte {
	t.Helper()
	api := rest.New(nil, event.Backend, make([]byte, 32), slog.New(slog.DiscardHandler), func(context.Context, string, string, int, time.Duration) {})
	answer := httptest.NewRecorder()
	api.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/v1/openapi-3.0.json", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	var tree map[string]any
	require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &tree))
	listsAreNeverNull(tree)
	onlyWhatIsUsed(t, tree)
	pretty, err := json.MarshalIndent(tree, "", " ")
	require.NoError(t, err)
	return append(pretty, '\n')
}

// listsAreNeverNull makes lists plain slices: to Go a list that is null has no entries.
func listsAreNeverNull(node any) {
	switch n := node.(type) {
	case map[string]any:
		if n["type"] == "array" {
			delete(n, "nullable")
		}
		for _, child := range n {
			listsAreNeverNull(child)
		}
	case []any:
		for _, child := range n {
			listsAreNeverNull(child)
		}
	}
}

// onlyWhatIsUsed leaves the operations that the client is generated for, the schemas that they
// refer to, and one answer for whatever went wrong: all errors have the same form.
func onlyWhatIsUsed(t *testing.T, tree map[string]any) {
	t.Helper()
	raw, err := os.ReadFile(backend + "oapi-codegen.yaml")
	require.NoError(t, err)
	var config struct {
		Output struct {
			Operations []string `yaml:"include-operation-ids"`
		} `yaml:"output-options"`
	}
	require.NoError(t, yaml.Unmarshal(raw, &config))
	found := 0
	paths := tree["paths"].(map[string]any)
	for path, methods := range paths {
		methods := methods.(map[string]any)
		for method, operation := range methods {
			operation := operation.(map[string]any)
			if !slices.Contains(config.Output.Operations, operation["operationId"].(string)) {
				delete(methods, method)
				continue
			}
			found++
			responses := operation["responses"].(map[string]any)
			for status, response := range responses {
				if status >= "400" {
					delete(responses, status)
					response.(map[string]any)["description"] = "What went wrong" // of whichever status: the form is one
					responses["default"] = response
				}
			}
		}
		if len(methods) == 0 {
			delete(paths, path)
		}
	}
	require.Len(t, config.Output.Operations, found, "an operation of oapi-codegen.yaml is none of the API's")
	used := map[string]bool{}
	schemas := tree["components"].(map[string]any)["schemas"].(map[string]any)
	follow(paths, schemas, used)
	for name := range schemas {
		if !used[name] {
			delete(schemas, name)
		}
	}
}

// follow notes the schemas that a part of the document refers to, and those that these refer to.
func follow(node any, schemas map[string]any, used map[string]bool) {
	switch n := node.(type) {
	case map[string]any:
		if reference, is := n["$ref"].(string); is {
			name := strings.TrimPrefix(reference, "#/components/schemas/")
			if !used[name] {
				used[name] = true
				follow(schemas[name], schemas, used)
			}
		}
		for _, child := range n {
			follow(child, schemas, used)
		}
	case []any:
		for _, child := range n {
			follow(child, schemas, used)
		}
	}
}

// TestClient compares the sum of what the client is generated from with the sum of what it was
// generated from, which `make generate` notes beside it: the generator is no part of this module.
func TestClient(t *testing.T) {
	sum := sha256.New()
	for _, name := range []string{"openapi.json", "oapi-codegen.yaml", "client.gen.go"} {
		raw, err := os.ReadFile(backend + name)
		require.NoError(t, err)
		sum.Write(raw)
	}
	noted, err := os.ReadFile(backend + "client.sum")
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("%x", sum.Sum(nil)), strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(string(noted)), "-")), "run `make generate`")
}

// TestTemplates compares the Go code beside each template with what templ makes of it.
func TestTemplates(t *testing.T) {
	found := 0
	require.NoError(t, filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".templ" {
			return err
		}
		found++
		template, err := parser.Parse(path)
		require.NoError(t, err, path)
		var code bytes.Buffer
		_, err = generator.Generate(template, &code, generator.WithFileName(filepath.Base(path)))
		require.NoError(t, err, path)
		formatted, err := format.Source(code.Bytes())
		require.NoError(t, err, path)
		same(t, strings.TrimSuffix(path, ".templ")+"_templ.go", formatted)
		return nil
	}))
	require.Positive(t, found)
}

// same compares a committed file with what it should hold, or writes it.
func same(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, want, 0o644))
		return
	}
	have, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(have, want), "%s is not up to date: run `make generate`", path)
}
