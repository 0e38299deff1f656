package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// formats are those that a command can print.
var formats = []string{"table", "json", "yaml"}

// format is the value of a flag: one of formats.
type format struct{ to *string }

func (f format) String() string {
	if f.to == nil {
		return ""
	}
	return *f.to
}

func (f format) Type() string { return "format" }

func (f format) Set(text string) error {
	if !slices.Contains(formats, text) {
		return fmt.Errorf("it is %s", strings.Join(formats, ", "))
	}
	*f.to = text
	return nil
}

func outputFlag(cmd *cobra.Command, output *string) {
	*output = formats[0]
	cmd.Flags().VarP(format{output}, "output", "o", strings.Join(formats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// show prints rows as a table, or as they are in another format.
func show[T any](output string, rows []T, header string, line func(T) string) error {
	if output != "table" {
		if rows == nil {
			rows = []T{} // a list without entries is a list
		}
		return showValue(output, rows)
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, header)
	for _, row := range rows {
		fmt.Fprintln(table, line(row))
	}
	return table.Flush()
}

// showValue prints a value as JSON or YAML.
func showValue(output string, value any) error { return writeValue(os.Stdout, output, value) }

func writeValue(to io.Writer, output string, value any) error {
	switch output {
	case "json":
		encoder := json.NewEncoder(to)
		encoder.SetIndent("", "  ")
		return encoder.Encode(value)
	case "yaml":
		raw, err := yaml.Marshal(value)
		if err != nil {
			return err
		}
		_, err = to.Write(raw)
		return err
	}
	return fmt.Errorf("%w: --output is %s, not %q", errUsage, strings.Join(formats, ", "), output)
}

// printable is a text that a terminal shows and does not obey: what came with a dead letter is
// somebody else's. Lines and tabs stay.
func printable(text string) string {
	var safe strings.Builder
	for _, r := range text {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			safe.WriteRune(r)
			continue
		}
		safe.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return safe.String()
}

// oneLine is the first of a text's lines, cut at most runes.
func oneLine(text string, most int) string {
	text, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	text = printable(strings.ReplaceAll(text, "\t", " "))
	if runes := []rune(text); len(runes) > most {
		text, more = string(runes[:most]), true
	}
	if more {
		text += "…"
	}
	return text
}
