package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/wealth-companion/companion/rehearsal/settings"
	"github.com/wealth-companion/companion/stacks"
)

// Check reports everything that is wrong in a stack's file, as the program
// itself does once it runs: minutes later.
func Check(folders settings.Folders, stack string) error {
	name := stackFile(stack)
	raw, err := os.ReadFile(filepath.Join(folders.Root, name))
	if err != nil {
		return fmt.Errorf("stack %s has no %s: the stacks are those with such a file", stack, name)
	}
	var file struct {
		Config map[string]json.RawMessage `json:"config"`
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	// The release is the one that is deployed, not one of the file's.
	fields := map[string]json.RawMessage{"release": json.RawMessage(`"any"`)}
	for key, value := range file.Config {
		if field, ours := strings.CutPrefix(key, "companion:"); ours {
			fields[field] = value
		}
	}
	whole, err := json.Marshal(fields)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	var config stacks.Config
	if err := json.Unmarshal(whole, &config); err != nil {
		return fmt.Errorf("%s is not of its shape (stacks/config.go says what it holds): %w", name, err)
	}
	return config.Validate()
}
