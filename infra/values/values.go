// Package values gives programs the configuration of their stack.
package values

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Run runs a program with the configuration of its stack.
func Run(program func(ctx *pulumi.Context, values map[string]string) error) {
	pulumi.Run(func(ctx *pulumi.Context) error {
		values, err := configured()
		if err != nil {
			return err
		}
		return program(ctx, values)
	})
}

// configured is the stack's configuration, every key of it, as Pulumi gives it to a program:
// its SDK finds keys by their names only, and so no key that was mistyped.
func configured() (map[string]string, error) {
	all := map[string]string{}
	if err := json.Unmarshal([]byte(os.Getenv(pulumi.EnvConfig)), &all); err != nil {
		return nil, fmt.Errorf("%s is no object of strings: start the program with `pulumi preview` or `pulumi up`: %w", pulumi.EnvConfig, err)
	}
	return all, nil
}
