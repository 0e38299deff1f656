package deploy

import (
	"fmt"
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/wealth-companion/companion/rehearsal/settings"
	"github.com/wealth-companion/companion/stacks"
)

// Check reports everything that is wrong in a stack's file, as the program
// itself does once it runs: minutes later.
func Check(folders settings.Folders, stack string) error {
	_, err := Read(folders, stack)
	return err
}

// Read reads a stack's file.
func Read(folders settings.Folders, stack string) (stacks.Config, error) {
	name := stackFile(stack)
	raw, err := os.ReadFile(filepath.Join(folders.Root, name))
	if err != nil {
		return stacks.Config{}, fmt.Errorf("stack %s has no %s: the stacks are those with such a file", stack, name)
	}
	var file struct {
		Config map[string]any `json:"config"`
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		return stacks.Config{}, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	if file.Config == nil {
		return stacks.Config{}, fmt.Errorf("%s has no `config`: another stack's file shows what it holds", name)
	}
	// The release is the one that is deployed, not one of the file's.
	file.Config["companion:release"] = "any"
	read, err := stacks.Read(file.Config)
	return read.Config, err
}
