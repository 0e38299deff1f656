package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"
)

// WriteObjects reads a golden plan (infra/testdata) and writes its Kubernetes objects as a
// stream of YAML documents, as an API server would be given them; nothing when it has
// none. What charts render is not in a plan.
func WriteObjects(out io.Writer, golden io.Reader) error {
	var resources []struct {
		Type   string
		Inputs map[string]any
	}
	if err := json.NewDecoder(golden).Decode(&resources); err != nil {
		return fmt.Errorf("not a golden plan: %w", err)
	}
	encoder, written := yaml.NewEncoder(out), false
	encoder.SetIndent(2)
	for _, r := range resources {
		parts := strings.SplitN(r.Type, ":", 3)
		if len(parts) != 3 || parts[0] != "kubernetes" || strings.HasPrefix(parts[1], "helm.sh/") {
			continue
		}
		r.Inputs["apiVersion"], r.Inputs["kind"] = strings.TrimPrefix(parts[1], "core/"), parts[2]
		// A golden plan has one text for what a Secret holds.
		for _, field := range []string{"data", "stringData"} {
			if _, sealed := r.Inputs[field].(string); sealed {
				delete(r.Inputs, field)
			}
		}
		if err := encoder.Encode(r.Inputs); err != nil {
			return err
		}
		written = true
	}
	if !written {
		return nil // the encoder cannot end what it has not begun
	}
	return encoder.Close()
}
