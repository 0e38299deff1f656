package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxComment leaves room below GitHub's limit of 65,536 characters for two stacks in one
// comment.
const maxComment = 30_000

// signs are how GitHub colours an operation in a diff; others are named after a "!".
var signs = map[string]string{"create": "+", "delete": "-"}

// Comment writes a plan as the comment of a pull request, in Markdown. It holds paths of
// properties and never their values, which may be secret.
func Comment(stack string, p Plan) string {
	return comment(fmt.Sprintf("%s Stack `%s`", sign(p.sound()), stack), p)
}

// Drift writes what a preview of the release that runs would change: somebody else has
// changed it.
func Drift(stack string, p Plan) string {
	return comment(fmt.Sprintf("%s Drift of stack `%s`", sign(p.sound() && len(p.Steps) == 0), stack), p)
}

func comment(title string, p Plan) string {
	var out strings.Builder
	fmt.Fprintf(&out, "### %s: %s\n\n", title, summary(p))
	for _, line := range p.Report {
		if strings.HasPrefix(line, reportStart) || strings.HasPrefix(line, "Cost: ") {
			fmt.Fprintf(&out, "- %s\n", escaped(line))
		}
	}
	if len(p.Report) == 0 {
		out.WriteString("- The policy pack made no report: the preview ended before it.\n")
	}
	folded(&out, "Errors", "", p.Errors, true)
	folded(&out, "What blocks the update", "", p.Blocked, true)
	folded(&out, "Policies and cost", "", p.Report, false)
	out.WriteString(rows(p, maxComment-out.Len()))
	return out.String()
}

func sign(good bool) string {
	if good {
		return "✅"
	}
	return "❌"
}

// sound reports whether the plan could be carried out.
func (p Plan) sound() bool { return p.Complete && len(p.Blocked) == 0 && len(p.Errors) == 0 }

// summary is such as "2 to create, 1 to update, 150 unchanged".
func summary(p Plan) string {
	var parts []string
	for _, op := range slices.Sorted(maps.Keys(p.Changes)) {
		if n := p.Changes[op]; op != "same" && n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, op))
		}
	}
	if n := p.Changes["same"]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d unchanged", n))
	}
	if len(parts) == 0 {
		return "no plan"
	}
	return strings.Join(parts, ", ")
}

// rows are the resources that change, in a diff of GitHub's; those that room has no place
// for are counted.
func rows(p Plan, room int) string {
	if len(p.Steps) == 0 {
		return ""
	}
	var lines []string
	for _, step := range p.Steps {
		mark, known := signs[step.Op]
		if !known {
			mark = "! " + step.Op
		}
		line := fmt.Sprintf("%s %s %s", mark, step.Type(), step.Name())
		if len(step.Paths) > 0 {
			line += ": " + strings.Join(step.Paths, ", ")
		}
		if room -= len(line) + 1; room < 0 {
			lines = append(lines, fmt.Sprintf("... and %d more: the whole plan is in the job's log", len(p.Steps)-len(lines)))
			break
		}
		lines = append(lines, line)
	}
	var out strings.Builder
	folded(&out, fmt.Sprintf("Plan: %d resources", len(p.Steps)), "diff", lines, false)
	return out.String()
}

// folded writes lines as they are, in a language of GitHub's, folded away unless they are open.
func folded(out *strings.Builder, title, language string, lines []string, open bool) {
	if len(lines) == 0 {
		return
	}
	attribute := ""
	if open {
		attribute = " open"
	}
	text := strings.Join(lines, "\n")
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	fmt.Fprintf(out, "\n<details%s><summary>%s</summary>\n\n%s%s\n%s\n%s\n\n</details>\n", attribute, title, fence, language, text, fence)
}

// escaped keeps a line from being anything but text.
func escaped(line string) string {
	return strings.NewReplacer("<", "&lt;", ">", "&gt;", "@", "&#64;", "*", `\*`, "_", `\_`, "`", "\\`").Replace(line)
}
