package statement

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// A sibling is a statement as a bank somewhere writes it, and what a person sees in it. They
// lie in testdata/siblings.txt, each begun by a line "=== name | kind | encoding | format"
// (kind: the row of a table of reported files that it is like). After the file come, behind
// "--- want", the movements (day, amount, currency if the file names one, a part of the
// description), "--- told" with the lines that are refused (*: the file, or all of it) and
// "--- must-ask" with what a person has to settle.
type sibling struct {
	name, kind string
	format     Format
	raw        []byte
	want       []string
	told       string
	mustAsk    string
}

func siblings(t *testing.T) (all []sibling) {
	t.Helper()
	for _, part := range strings.Split("\n"+string(open(t, "siblings.txt")), "\n=== ")[1:] {
		head, body, _ := strings.Cut(part, "\n")
		fields := append(strings.Split(head, "|"), "", "", "")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		file, rest, found := strings.Cut(body+"\n", "\n--- want")
		require.True(t, found, head)
		s := sibling{name: fields[0], kind: fields[1], format: CSV, raw: []byte(file + "\n")}
		if encoding, marked := strings.CutSuffix(fields[2], "-bom"); encoding != "" {
			raw, err := encodings[encoding].NewEncoder().Bytes(s.raw)
			require.NoError(t, err, head)
			if s.raw = raw; marked {
				s.raw = append([]byte("\xff\xfe"), raw...)
			}
		}
		if fields[3] != "" {
			s.format = Format(fields[3])
		}
		for line := range strings.SplitSeq(rest, "\n") {
			told, isTold := strings.CutPrefix(line, "--- told ")
			asked, isAsked := strings.CutPrefix(line, "--- must-ask ")
			switch {
			case isTold:
				s.told = told
			case isAsked:
				s.mustAsk = asked
			case line != "":
				s.want = append(s.want, line)
			}
		}
		all = append(all, s)
	}
	return all
}

// differences are the lines that are not wanted as they were read, and what is missing.
func (s sibling) differences(lines []Line) (wrong, missing []string) {
	missing = slices.Clone(s.want)
	for _, l := range lines {
		at := slices.IndexFunc(missing, func(want string) bool {
			words := strings.Fields(want)
			amount, err := decimal.NewFromString(words[1])
			if err != nil || words[0] != l.At.Format(time.DateOnly) || !amount.Equal(l.Amount) {
				return false
			}
			text := words[2:]
			if len(text) > 1 && isCode(text[0]) {
				if text[0] != l.Currency {
					return false
				}
				text = text[1:]
			}
			return strings.Contains(l.Description, strings.Join(text, " "))
		})
		if at < 0 {
			wrong = append(wrong, fmt.Sprintf("line %d: %s %s %s %s", l.Number, l.At.Format(time.DateOnly), l.Amount, l.Currency, l.Description))
			continue
		}
		missing = slices.Delete(missing, at, at+1)
	}
	return wrong, missing
}

// answers are all mappings by which a proposal's questions may be answered, the proposed
// one first.
func answers(t *testing.T, p Proposal) []Mapping {
	t.Helper()
	all := []Mapping{p.Mapping}
	for _, a := range p.Ambiguities {
		for _, m := range slices.Clone(all) {
			for _, choice := range a.Choices {
				var value any = choice
				switch a.Field {
				case AskInverted:
					value = choice == "true"
				case AskDescription:
					value = []string{choice}
				}
				raw, err := json.Marshal(map[string]any{string(a.Field): value})
				require.NoError(t, err)
				answered := m
				require.NoError(t, json.Unmarshal(raw, &answered))
				all = append(all, answered)
			}
		}
	}
	return all
}

// verdict reads a sibling as an upload is: "right", "asked" (right with one of the answers), or
// "refused" (nothing is read that should be); what is wrong comes as an error.
func (s sibling) verdict(t *testing.T) (string, error) {
	t.Helper()
	if found := FormatOf(s.raw); found != s.format {
		return "", fmt.Errorf("taken for %s", found)
	}
	p, err := Detect(s.format, bytes.NewReader(s.raw))
	if err != nil {
		if s.told != "*" {
			return "", err
		}
		return "refused", nil
	}
	asks := fields(p)
	if s.mustAsk != "" && !slices.Contains(asks, s.mustAsk) {
		return "", fmt.Errorf("does not ask for %s: %v", s.mustAsk, asks)
	}
	result := "right"
	if len(asks) > 0 {
		result = "asked"
	}
	var last error
	for _, m := range answers(t, p) {
		lines, bad, err := Parse(s.format, bytes.NewReader(s.raw), m)
		if err != nil {
			if last = err; s.told == "*" && len(asks) == 0 {
				return "refused", nil
			}
			continue
		}
		var told []string
		for _, b := range bad {
			told = append(told, fmt.Sprint(b.Number))
		}
		wrong, missing := s.differences(lines)
		if len(wrong)+len(missing) == 0 && (s.told == "*" || strings.Join(slices.Compact(told), ",") == s.told) {
			return result, nil
		}
		last = fmt.Errorf("wrong %q, missing %q, told %v", wrong, missing, bad)
	}
	if s.told == "*" && len(asks) > 0 && len(s.want) == 0 {
		return "asked", nil
	}
	return "", fmt.Errorf("%w; asked %v", last, p.Ambiguities)
}

// Files like those that were reported, in the layouts of many banks and languages: each is
// read rightly, at the most after an answer, or what cannot be read is told.
func TestSiblingsOfReportedFiles(t *testing.T) {
	counts := map[string]map[string]int{}
	for _, s := range siblings(t) {
		t.Run(s.name, func(t *testing.T) {
			verdict, err := s.verdict(t)
			require.NoError(t, err)
			if counts[s.kind] == nil {
				counts[s.kind] = map[string]int{}
			}
			counts[s.kind][verdict]++
		})
	}
	for kind, count := range counts {
		t.Logf("kind %-6s %v", kind, count)
	}
}
