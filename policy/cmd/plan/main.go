// Command plan writes what reviewers and other tools need of a plan.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/wealth-companion/companion/policy/plan"
)

const usage = `usage: plan comment --stack STACK EVENTS   a preview as a pull request's comment, in Markdown
       plan objects GOLDEN                the Kubernetes objects of a golden plan, in YAML
EVENTS is what pulumi preview --event-log EVENTS wrote, GOLDEN a file of infra/testdata.`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	stack := flags.String("stack", "", "the stack's name")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New(usage)
	}
	file, err := os.Open(flags.Arg(0))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	switch {
	case args[0] == "comment" && *stack != "":
		read, err := plan.Read(file)
		if err != nil {
			return fmt.Errorf("%s: %w", flags.Arg(0), err)
		}
		_, err = os.Stdout.WriteString(plan.Comment(*stack, read))
		return err
	case args[0] == "objects":
		return plan.WriteObjects(os.Stdout, file)
	}
	return errors.New(usage)
}
