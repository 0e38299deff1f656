package main

import (
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// strict has all that is wrong with how a command was called end as a usage error, with one
// line that says what is right: cobra shows help, and ends with 0 or 1.
func strict(root *cobra.Command) {
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%w", err) })
	// It runs before cobra looks at flags that are required.
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := cmd.ValidateRequiredFlags(); err != nil {
			return usage(cmd, "%w", err)
		}
		if err := cmd.ValidateFlagGroups(); err != nil {
			return usage(cmd, "%w", err)
		}
		return nil
	}
	var each func(*cobra.Command)
	each = func(cmd *cobra.Command) {
		for _, one := range cmd.Commands() {
			each(one)
		}
		if cmd.HasSubCommands() && !cmd.Runnable() {
			cmd.Args, cmd.RunE = cobra.ArbitraryArgs, group
			return
		}
		if check := cmd.Args; check != nil {
			cmd.Args = func(cmd *cobra.Command, args []string) error {
				if err := check(cmd, args); err != nil {
					return usage(cmd, "%w", err)
				}
				return nil
			}
		}
	}
	each(root)
}

// group is what a command does that is only there for those below it.
func group(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	if alike := cmd.SuggestionsFor(args[0]); len(alike) > 0 {
		return usage(cmd, "no command %q: did you mean %s?", args[0], strings.Join(alike, " or "))
	}
	var names []string
	for _, one := range cmd.Commands() {
		if one.IsAvailableCommand() {
			names = append(names, one.Name())
		}
	}
	return usage(cmd, "no command %q: there are %s", args[0], strings.Join(names, ", "))
}

func usage(cmd *cobra.Command, text string, values ...any) error {
	return fmt.Errorf("%w: %w (see `%s --help`)", errUsage, fmt.Errorf(text, values...), cmd.CommandPath())
}

// version says which build this is, as far as Go noted it.
func version(info *debug.BuildInfo, known bool) string {
	if !known {
		return "of a build that says nothing"
	}
	text := info.Main.Version
	revision, changed := "", ""
	for _, setting := range info.Settings {
		switch {
		case setting.Key == "vcs.revision":
			revision = setting.Value[:min(12, len(setting.Value))]
		case setting.Key == "vcs.modified" && setting.Value == "true":
			changed = ", changed since"
		}
	}
	if text == "" || text == "(devel)" {
		text = "devel"
	}
	if revision != "" {
		text += " (revision " + revision + changed + ")"
	}
	return text + " " + info.GoVersion
}
