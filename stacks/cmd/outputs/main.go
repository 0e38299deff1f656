// Command outputs reads a stack's outputs from its standard input, as `pulumi stack output
// --json --show-secrets` writes them, checks them against their schema and prints one.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/wealth-companion/companion/stacks"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: pulumi stack output --json --show-secrets | outputs KEY   (such as url, or namespaces.application)")
	}
	var outputs map[string]any
	if err := json.NewDecoder(in).Decode(&outputs); err != nil {
		return fmt.Errorf("standard input is not the JSON of `pulumi stack output --json --show-secrets`: %w", err)
	}
	if _, err := stacks.ReadOutputs(outputs); err != nil {
		return err
	}
	var value any = outputs
	for step := range strings.SplitSeq(args[0], ".") {
		object, _ := value.(map[string]any)
		if value = object[step]; value == nil {
			return fmt.Errorf("there is no output %s: stacks/outputs.schema.json has them all", args[0])
		}
	}
	if text, is := value.(string); is {
		_, err := fmt.Fprintln(out, text)
		return err
	}
	return json.NewEncoder(out).Encode(value)
}
