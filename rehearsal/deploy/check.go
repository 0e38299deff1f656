package deploy

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/wealth-companion/companion/rehearsal/settings"
	"github.com/wealth-companion/companion/stacks"
)

// Check reports everything that is wrong in a stack's file, as the program
// itself does once it runs: minutes later.
func Check(folders settings.Folders, stack string) error {
	if IsFoundation(folders, stack) {
		_, err := ReadFoundation(folders, stack)
		return err
	}
	_, err := Read(folders, stack)
	return err
}

// IsFoundation tells whether a stack is an account's foundation.
func IsFoundation(folders settings.Folders, stack string) bool {
	p, err := projectOf(folders, stack)
	return err == nil && p == foundation
}

// Read reads a stack's file.
func Read(folders settings.Folders, stack string) (stacks.Config, error) {
	config, err := readConfig(folders, application, stack)
	if err != nil {
		return stacks.Config{}, err
	}
	// The release is the one that is deployed, not one of the file's.
	config["companion:release"] = "any"
	read, err := stacks.Read(config)
	return read.Config, err
}

// ReadFoundation reads the file of a foundation's stack.
func ReadFoundation(folders settings.Folders, stack string) (stacks.Foundation, error) {
	config, err := readConfig(folders, foundation, stack)
	if err != nil {
		return stacks.Foundation{}, err
	}
	return stacks.ReadFoundation(config)
}

// FoundationOf finds the stack of the foundation that a stack's domain is a zone of.
func FoundationOf(folders settings.Folders, c stacks.Config) (string, error) {
	files, err := filepath.Glob(foundation.file(folders, "*"))
	if err != nil {
		return "", err
	}
	for _, file := range files {
		stack := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml")
		read, err := ReadFoundation(folders, stack)
		if err != nil {
			return "", fmt.Errorf("foundation %s: %w", stack, err)
		}
		if slices.Contains(read.Zones, c.Domain) {
			return stack, nil
		}
	}
	return "", fmt.Errorf("companion:domain is %s, which is no zone of a foundation: add it to companion:zones in one of %s", c.Domain, foundation.file(folders, "<stack>"))
}

func readConfig(folders settings.Folders, of project, stack string) (map[string]any, error) {
	name := stackFile(stack)
	raw, err := os.ReadFile(of.file(folders, stack))
	if err != nil {
		_, err := projectOf(folders, stack)
		return nil, err
	}
	var file struct {
		Config map[string]any `json:"config"`
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	if file.Config == nil {
		return nil, fmt.Errorf("%s has no `config`: another stack's file shows what it holds", name)
	}
	return file.Config, nil
}
