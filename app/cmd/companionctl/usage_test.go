package main

import (
	"bytes"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// execute runs a command as it is typed.
func execute(t *testing.T, args ...string) (string, error) {
	t.Helper()
	root := command()
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(args)
	err := root.ExecuteContext(t.Context())
	return out.String(), err
}

// However a command is called wrongly, it ends with status 2 and says in a line what is right.
func TestWrongUsage(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "")
	t.Setenv("KUBECONFIG", "")
	for name, c := range map[string]struct{ line, want string }{
		"no such command":             {"dlqq", `no command "dlqq": did you mean dlq?`},
		"no such verb":                {"dlq lst", `no command "lst": did you mean list?`},
		"none like it":                {"topics frobnicate", `no command "frobnicate": there are apply, export`},
		"of the database's":           {"database frobnicate", `no command "frobnicate"`},
		"no such flag":                {"dlq list --frobnicate", "unknown flag: --frobnicate"},
		"no such format":              {"topics list --output xml", "table, json, yaml"},
		"an argument too many":        {"dlq list finance.transaction.created", `unknown command "finance.transaction.created"`},
		"a flag that is required":     {"topics export", `required flag(s) "file" not set`},
		"no such topic":               {"dlq list --topic finance", "no topic \"finance\": there are finance.transaction.created"},
		"a place without its topic":   {"dlq list --at 0/7", "add --topic"},
		"no place":                    {"dlq purge --at 7", "TOPIC/PARTITION/OFFSET"},
		"a place of another topic":    {"dlq list --topic finance.transaction.created --at dlq.finance.budget.exceeded/0/1", "is not of --topic"},
		"a place of no topic":         {"dlq list --at dlq.x/0/1", `no topic "x"`},
		"no time":                     {"dlq list --since yesterday", "how long ago"},
		"times that are turned round": {"dlq list --since 1h --until 2h", "--since is not before --until"},
		"show nothing":                {"dlq show", "say which letter"},
		"show what is no name":        {"dlq show a/b", "neither"},
		"replay nothing":              {"dlq replay --topic finance.transaction.created", "say which"},
		"replay of all topics":        {"dlq replay --all", "--topic says"},
		"replay all and one":          {"dlq replay --topic finance.transaction.created --all --event x", "leave it out"},
		"a pace that is none":         {"dlq replay --topic finance.transaction.created --all --rate -1", "--rate"},
		"no topic to consume":         {"consume --topic x", "no topic \"x\""},
		"follow the past":             {"consume --topic finance.transaction.created --follow --since 1h", "either"},
		"reset of another's":          {"groups reset --group web --topic finance.transaction.created --to oldest", "analytics, banking, investment do"},
		"reset to nowhere":            {"groups reset --group analytics --topic finance.transaction.created --to there", "oldest, newest"},
		"a reset that is both":        {"groups reset --group analytics --topic finance.transaction.created --to oldest --yes --dry-run", "either"},
		"no replicas":                 {"topics verify --replication 0", "at least 1"},
		"a throttle of nothing":       {"topics apply --throttle 5", "--reassign"},
		"no Kafka is named":           {"dlq list", "set KAFKA_BROKERS"},
		"no cluster is named":         {"status", "KUBECONFIG is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := execute(t, strings.Fields(c.line)...)
			require.ErrorIs(t, err, errUsage)
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "\n")
		})
	}
}

// each calls do with every command that does something.
func each(cmd *cobra.Command, do func(*cobra.Command)) {
	for _, one := range cmd.Commands() {
		each(one, do)
	}
	if !cmd.HasSubCommands() {
		do(cmd)
	}
}

func TestHelp(t *testing.T) {
	for _, line := range []string{"", "dlq", "topics", "database", "dlq replay --help", "--version"} {
		out, err := execute(t, strings.Fields(line)...)
		require.NoError(t, err, line)
		require.Contains(t, out, "companionctl", line)
	}
}

func TestVersion(t *testing.T) {
	info := &debug.BuildInfo{GoVersion: "go1.26", Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}}}
	require.Equal(t, "devel (revision 0123456789ab, changed since) go1.26", version(info, true))
	info.Main.Version, info.Settings = "v1.2.3", nil
	require.Equal(t, "v1.2.3 go1.26", version(info, true))
	require.NotEmpty(t, version(nil, false))
}

func TestTheShellIsOfferedWhatThereIs(t *testing.T) {
	for line, want := range map[string]string{
		"dlq list --topic ":       "finance.transaction.created",
		"dlq purge --topic ":      "finance.transaction.created",
		"topics list --output ":   "yaml",
		"topics export --topic a": "ai.insight.generated",
		"alerts --output ":        "json",
	} {
		args := append([]string{"__complete"}, strings.Split(line, " ")...)
		out, err := execute(t, args...)
		require.NoError(t, err, line)
		require.Contains(t, out, want, line)
	}
}
