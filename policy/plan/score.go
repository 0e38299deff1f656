package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Acceptance is a finding of kube-score's that stays, and why.
type Acceptance struct {
	Check   string   // its id
	Objects []string // kind/name; one that ends with * stands for all that begin so
	Reason  string
}

// The grade below which a finding of kube-score's is critical.
const critical = 5

// Score reads what kube-score wrote (--output-format json) and the accepted findings. It
// returns the critical findings that are not accepted, and acceptances that nothing needs.
func Score(found, accepted io.Reader) (problems []string, err error) {
	var file struct{ Accepted []Acceptance }
	decoder := yaml.NewDecoder(accepted)
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("accepted findings: %w", err)
	}
	var objects []struct {
		TypeMeta   struct{ Kind string } `json:"type_meta"`
		ObjectMeta struct{ Name string } `json:"object_meta"`
		Checks     []struct {
			Check    struct{ ID string }
			Grade    int
			Skipped  bool
			Comments []struct{ Path, Summary string }
		}
	}
	if err := json.NewDecoder(found).Decode(&objects); err != nil {
		return nil, fmt.Errorf("output of kube-score: %w", err)
	}
	if len(objects) == 0 {
		return nil, fmt.Errorf("output of kube-score: it was given no objects")
	}
	needed := make([]bool, len(file.Accepted))
	for _, object := range objects {
		name := object.TypeMeta.Kind + "/" + object.ObjectMeta.Name
		for _, check := range object.Checks {
			if check.Skipped || check.Grade >= critical {
				continue
			}
			at := slices.IndexFunc(file.Accepted, func(a Acceptance) bool { return a.Check == check.Check.ID && a.covers(name) })
			if at >= 0 {
				needed[at] = true
				continue
			}
			for _, comment := range check.Comments {
				problems = append(problems, fmt.Sprintf("%s: %s: %s", name, check.Check.ID, strings.TrimSpace(comment.Path+" "+comment.Summary)))
			}
		}
	}
	for i, a := range file.Accepted {
		if len(a.Reason) < 10 {
			problems = append(problems, fmt.Sprintf("%s of %s is accepted without a reason", a.Check, strings.Join(a.Objects, ", ")))
		}
		if !needed[i] {
			problems = append(problems, fmt.Sprintf("%s of %s is accepted, but there is no such finding any more: take it out", a.Check, strings.Join(a.Objects, ", ")))
		}
	}
	return problems, nil
}

func (a Acceptance) covers(name string) bool {
	return slices.ContainsFunc(a.Objects, func(pattern string) bool {
		prefix, open := strings.CutSuffix(pattern, "*")
		return pattern == name || open && strings.HasPrefix(name, prefix)
	})
}
