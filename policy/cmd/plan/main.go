// Command plan writes what reviewers and other tools need of a plan.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/wealth-companion/companion/policy/plan"
)

const usage = `usage: plan comment --stack STACK EVENTS   a preview as a pull request's comment, in Markdown
       plan drift --stack STACK EVENTS     the same of a preview that should change nothing
       plan diff GOLDEN GOLDEN            what the second plan changes of the first, resource by resource
       plan objects GOLDEN                the Kubernetes objects of a golden plan, in YAML
       plan schemas DIR OPENAPI FILE...   JSON Schemas for kubeconform, of Kubernetes's OpenAPI document and definitions
       plan score ACCEPTED SCORE          the critical findings of kube-score's JSON that ACCEPTED does not name
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
	switch {
	case args[0] == "schemas" && flags.NArg() > 2:
		return schemas(flags.Arg(0), flags.Arg(1), flags.Args()[2:])
	case args[0] == "score" && flags.NArg() == 2:
		return score(flags.Arg(0), flags.Arg(1))
	case args[0] == "diff" && flags.NArg() == 2:
		return diff(flags.Arg(0), flags.Arg(1))
	case flags.NArg() != 1:
		return errors.New(usage)
	}
	file, err := os.Open(flags.Arg(0))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	switch {
	case args[0] == "comment" && *stack != "":
		return write(plan.Comment, *stack, file)
	case args[0] == "drift" && *stack != "":
		return write(plan.Drift, *stack, file)
	case args[0] == "objects":
		return plan.WriteObjects(os.Stdout, file)
	}
	return errors.New(usage)
}

// write writes a log of events as Markdown.
func write(markdown func(string, plan.Plan) string, stack string, log *os.File) error {
	read, err := plan.Read(log)
	if err != nil {
		return fmt.Errorf("%s: %w", log.Name(), err)
	}
	_, err = os.Stdout.WriteString(markdown(stack, read))
	return err
}

func schemas(dir, openAPI string, definitions []string) error {
	all := plan.Schemas{}
	document, err := os.Open(openAPI)
	if err != nil {
		return err
	}
	defer func() { _ = document.Close() }()
	if err := all.AddOpenAPI(document); err != nil {
		return err
	}
	for _, file := range definitions {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		all.AddDefinitions(raw)
	}
	for name, schema := range all {
		raw, err := json.Marshal(schema)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func diff(before, after string) error {
	old, err := os.ReadFile(before)
	if err != nil {
		return err
	}
	next, err := os.ReadFile(after)
	if err != nil {
		return err
	}
	return plan.Diff(os.Stdout, bytes.NewReader(old), bytes.NewReader(next))
}

func score(accepted, found string) error {
	reasons, err := os.ReadFile(accepted)
	if err != nil {
		return err
	}
	findings, err := os.ReadFile(found)
	if err != nil {
		return err
	}
	problems, err := plan.Score(bytes.NewReader(findings), bytes.NewReader(reasons))
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return fmt.Errorf("mend these, or accept them in %s with the reason:\n  %s", accepted, strings.Join(problems, "\n  "))
	}
	return nil
}
