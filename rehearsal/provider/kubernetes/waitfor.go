package kubernetes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/theory/jsonpath"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// parseWaitFor reads the annotation pulumi.com/waitFor: a condition
// (condition=Ready, condition=Ready=False), a path that must select something
// (jsonpath={.status.address}) or a value (jsonpath={.status.phase}=Running),
// or a JSON array of these that must all hold.
func parseWaitFor(text string) (check, error) {
	expressions := []string{}
	if err := json.Unmarshal([]byte(text), &expressions); err != nil {
		expressions = []string{text}
	}
	if len(expressions) == 0 {
		return nil, fmt.Errorf("%s: give at least one condition", waitForAnnotation)
	}
	checks := make([]check, 0, len(expressions))
	for _, expression := range expressions {
		parsed, err := parseExpression(expression)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", waitForAnnotation, err)
		}
		checks = append(checks, parsed)
	}
	return func(ctx context.Context, object *unstructured.Unstructured) (verdict, error) {
		for _, one := range checks {
			if seen, err := one(ctx, object); err != nil || !seen.ready {
				return seen, err
			}
		}
		return verdict{ready: true}, nil
	}, nil
}

func parseExpression(text string) (check, error) {
	if path, ok := strings.CutPrefix(text, "jsonpath="); ok {
		return parsePath(path)
	}
	if wanted, ok := strings.CutPrefix(text, "condition="); ok {
		kind, status, ok := strings.Cut(wanted, "=")
		if !ok {
			status = "True"
		}
		return hasCondition(kind, status), nil
	}
	return nil, fmt.Errorf("%q begins with neither jsonpath= nor condition=", text)
}

func hasCondition(kind, status string) check {
	message := fmt.Sprintf("waiting for condition %s to be %s", kind, status)
	return func(_ context.Context, object *unstructured.Unstructured) (verdict, error) {
		if outdated(object) {
			return verdict{message: message}, nil
		}
		conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
		for _, item := range conditions {
			entry, ok := item.(map[string]any)
			if !ok || entry["type"] != kind {
				continue
			}
			seen, _ := entry["status"].(string)
			if strings.EqualFold(seen, status) {
				return verdict{ready: true}, nil
			}
			return verdict{message: fmt.Sprintf("%s (it is %s: %v)", message, seen, entry["message"])}, nil
		}
		return verdict{message: message}, nil
	}
}

func parsePath(text string) (check, error) {
	end := strings.LastIndex(text, "}")
	if !strings.HasPrefix(text, "{") || end < 0 {
		return nil, fmt.Errorf("the path of %q stands in braces, as in {.status.phase}=Running", text)
	}
	wanted, hasWanted := strings.CutPrefix(text[end+1:], "=")
	switch {
	case text[end+1:] != "" && !hasWanted:
		return nil, fmt.Errorf("after the path of %q comes =VALUE or nothing", text)
	case hasWanted && wanted == "":
		return nil, fmt.Errorf("%q names no value", text)
	}
	query := strings.TrimSpace(text[1:end])
	if !strings.HasPrefix(query, "$") {
		query = "$" + query
	}
	path, err := jsonpath.Parse(query)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", text, err)
	}
	message := "waiting for " + text
	return func(_ context.Context, object *unstructured.Unstructured) (verdict, error) {
		if outdated(object) {
			return verdict{message: message}, nil
		}
		found := path.Select(object.Object)
		if len(found) == 0 {
			return verdict{message: message}, nil
		}
		if !hasWanted {
			return verdict{ready: true}, nil
		}
		switch found[0].(type) {
		case map[string]any, []any:
			return verdict{}, errors.New(text + " selects no single value")
		}
		seen := fmt.Sprint(found[0])
		if seen == wanted {
			return verdict{ready: true}, nil
		}
		return verdict{message: fmt.Sprintf("%s (it is %q)", message, seen)}, nil
	}, nil
}

// outdated reports whether a controller has yet to see the latest change.
func outdated(object *unstructured.Unstructured) bool {
	observed, ok, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	return ok && observed < object.GetGeneration()
}
