// Package production walks docs/production.md: its commands are what a person types, and so
// what has to work.
package production

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

var (
	block  = regexp.MustCompile("(?ms)^( *)```sh\n(.*?)^ *```$")
	inline = regexp.MustCompile("`((?:pulumi|doctl|companionctl|make|go) [^`]+)`")
)

// Commands are those of a document's blocks of the language sh, in order. One may be of
// several lines.
func Commands(ctx context.Context, document string) ([]string, error) {
	var commands []string
	for _, match := range block.FindAllStringSubmatch(document, -1) {
		begun := ""
		for line := range strings.Lines(match[2]) {
			begun += strings.TrimPrefix(line, match[1])
			if strings.TrimSpace(begun) == "" {
				begun = ""
				continue
			}
			check := exec.CommandContext(ctx, "bash", "-n")
			check.Stdin = strings.NewReader(begun)
			if !strings.HasSuffix(begun, "\\\n") && check.Run() == nil {
				commands = append(commands, strings.TrimSpace(begun))
				begun = ""
			}
		}
		if begun != "" {
			return nil, fmt.Errorf("a command has no end: %s", begun)
		}
	}
	return commands, nil
}

// Mentioned are the commands that the document's text names.
func Mentioned(document string) []string {
	var commands []string
	for _, match := range inline.FindAllStringSubmatch(block.ReplaceAllString(document, ""), -1) {
		commands = append(commands, match[1])
	}
	return commands
}
