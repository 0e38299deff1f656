package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/ops/drill"
)

var (
	fenced  = regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$")
	inline  = regexp.MustCompile("`([^`\n]+)`")
	program = regexp.MustCompile(`^(?:\$ )?(?:bin/)?companionctl( .*)?$`)
	// input is a file as the standard input: no word of the command's.
	input   = regexp.MustCompile(`\s<\s+\S+$`)
	comment = regexp.MustCompile(`\s+#.*$`)
	// variable is one of the shell's; what the reader puts in is in capitals.
	variable = regexp.MustCompile(`\$\{[^}]*\}|\$[A-Za-z_]+`)
	quoted   = regexp.MustCompile(`"[^"]*"|'[^']*'|[^\s"']+`)
)

// commandsOf are the lines of companionctl that a document prints, as words.
func commandsOf(document string) [][]string {
	var lines []string
	for _, match := range fenced.FindAllStringSubmatch(document, -1) {
		for line := range strings.Lines(strings.ReplaceAll(match[1], "\\\n", " ")) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	for _, match := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(document, ""), -1) {
		lines = append(lines, match[1])
	}
	var commands [][]string
	for _, line := range lines {
		match := program.FindStringSubmatch(input.ReplaceAllString(comment.ReplaceAllString(line, ""), ""))
		if match == nil {
			continue
		}
		line = variable.ReplaceAllString(match[1], "VARIABLE")
		var words []string
		for _, word := range quoted.FindAllString(line, -1) {
			words = append(words, strings.Trim(word, `"'`))
		}
		commands = append(commands, words)
	}
	return commands
}

// tried runs a command where nothing can be reached and nothing happens, and returns why it
// was called wrongly, if it was. Files that it names are of the folder that tests run in.
func tried(t *testing.T, words []string) error {
	t.Helper()
	for _, word := range words {
		if strings.Contains(word, "...") || strings.ContainsAny(word, "<>|;&`") {
			return fmt.Errorf("%q cannot be typed: write what the reader puts in with capitals", word)
		}
	}
	root := command()
	typed := slices.Clone(words)
	puts := map[string]string{"TOPIC": topicNames()[0], "DRILL": drill.All()[0].Name, "ID": "4bf92f3577b34da6a3ce929d0e0e4736"}
	for n, word := range typed {
		if put, has := puts[word]; has {
			typed[n] = put
		}
	}
	root.SetArgs(typed)
	root.SetOut(new(strings.Builder))
	root.SetErr(new(strings.Builder))
	ended, end := context.WithCancel(t.Context())
	end()
	if err := root.ExecuteContext(ended); errors.Is(err, errUsage) {
		return err
	}
	return nil
}

// nowhere leads every command to what does not exist.
func nowhere(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	kubeconfig := filepath.Join(dir, "kubeconfig")
	require.NoError(t, os.WriteFile(kubeconfig, []byte(`{"apiVersion": "v1", "kind": "Config", "current-context": "x",
		"contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}], "users": [{"name": "x"}],
		"clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}]}`), 0o600))
	t.Setenv("KUBECONFIG", kubeconfig)
	t.Setenv("KAFKA_BROKERS", "")
	for _, name := range []string{"DATABASE_ADMIN_URL", "MIGRATION_DATABASE_URL"} {
		t.Setenv(name, "postgres://127.0.0.1:1/x")
	}
	for _, name := range []string{"MIGRATOR_PASSWORD", "LOGIN_PASSWORD", "BACKEND_PASSWORD", "BANKING_PASSWORD", "SERVICE_PASSWORD", "VARIABLE_PASSWORD"} {
		t.Setenv(name, "x")
	}
}

// TestTheRunbook has every command that the documents print be one that can be typed: commands
// and flags exist, and nothing is missing that only the reader of --help would know.
func TestTheRunbook(t *testing.T) {
	documents := map[string]string{}
	for _, file := range []string{"docs/runbook.md", "docs/production.md", "README.md"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "..", file))
		require.NoError(t, err)
		documents[file] = string(raw)
	}
	nowhere(t)
	for file, document := range documents {
		commands := commandsOf(document)
		require.NotEmpty(t, commands, file)
		for _, words := range commands {
			t.Run(file+": "+strings.Join(words, " "), func(t *testing.T) { require.NoError(t, tried(t, words)) })
		}
	}
}

// Every command has examples, which can be typed too.
func TestExamples(t *testing.T) {
	nowhere(t)
	each(command(), func(cmd *cobra.Command) {
		if cmd.Name() == "help" || cmd.Parent().Name() == "completion" {
			return
		}
		t.Run(cmd.CommandPath(), func(t *testing.T) {
			if cmd.Name() == "exporter" { // inside the cluster only
				t.Setenv("KAFKA_BROKERS", "127.0.0.1:1")
			}
			examples := commandsOf("```sh\n" + cmd.Example + "\n```")
			require.NotEmpty(t, examples)
			for _, words := range examples {
				found, _, err := command().Find(words)
				require.NoError(t, err)
				require.Equal(t, cmd.CommandPath(), found.CommandPath())
				require.NoError(t, tried(t, words))
			}
		})
	})
}

// What is no command is found: the test above rests on it.
func TestCommandsOfADocument(t *testing.T) {
	const document = "Run `companionctl dlq list --reason \"a b\"`, not `kubectl get pods`:\n\n```sh\n# companionctl x\nbin/companionctl lag \\\n  --output json  # as a list\nkubectl x\ncompanionctl produce < event.json\n```\n"
	require.Equal(t, [][]string{{"lag", "--output", "json"}, {"produce"}, {"dlq", "list", "--reason", "a b"}}, commandsOf(document))
	nowhere(t)
	for _, line := range []string{"dlq lists", "lag --frob", "dlq list --topic ...", "dlq list --topic <topic>", "dlq replay", "topics export"} {
		require.Error(t, tried(t, strings.Fields(line)), line)
	}
	for _, line := range []string{"dlq list", "lag --output json", "status"} {
		require.NoError(t, tried(t, strings.Fields(line)), line)
	}
}
