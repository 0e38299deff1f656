package kubernetes

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	sdk "github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
)

// step is one part of the way to a value: a key, or an index with key "".
type step struct {
	key   string
	index int
}

// change is one difference between what is there and what is wanted.
type change struct {
	path     []step
	kind     sdk.DiffKind
	old, new any
}

// compare lists the differences between two plain values, from the top down,
// as deep as both have the same shape.
func compare(path []step, old, wanted any) []change {
	switch wanted := wanted.(type) {
	case unknown:
		return []change{{path: path, kind: sdk.DiffUpdate, old: old, new: wanted}}
	case map[string]any:
		if old, ok := old.(map[string]any); ok {
			return compareMaps(path, old, wanted)
		}
	case []any:
		if old, ok := old.([]any); ok {
			return compareLists(path, old, wanted)
		}
	}
	if equal(old, wanted) {
		return nil
	}
	return []change{{path: path, kind: sdk.DiffUpdate, old: old, new: wanted}}
}

func compareMaps(path []step, old, wanted map[string]any) []change {
	var changes []change
	for _, key := range sortedKeys(old, wanted) {
		at := append(slices.Clone(path), step{key: key})
		was, had := old[key]
		is, has := wanted[key]
		switch {
		case had && has:
			changes = append(changes, compare(at, was, is)...)
		case has && is != nil:
			changes = append(changes, change{path: at, kind: sdk.DiffAdd, new: is})
		case had && was != nil:
			changes = append(changes, change{path: at, kind: sdk.DiffDelete, old: was})
		}
	}
	return changes
}

func compareLists(path []step, old, wanted []any) []change {
	var changes []change
	for i := range max(len(old), len(wanted)) {
		at := append(slices.Clone(path), step{index: i})
		switch {
		case i >= len(old):
			changes = append(changes, change{path: at, kind: sdk.DiffAdd, new: wanted[i]})
		case i >= len(wanted):
			changes = append(changes, change{path: at, kind: sdk.DiffDelete, old: old[i]})
		default:
			changes = append(changes, compare(at, old[i], wanted[i])...)
		}
	}
	return changes
}

func equal(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	x, ok := float(a)
	if !ok {
		return false
	}
	y, ok := float(b)
	return ok && x == y
}

func float(value any) (float64, bool) {
	switch value := value.(type) {
	case int64:
		return float64(value), true
	case float64:
		return value, true
	default:
		return 0, false
	}
}

func sortedKeys(maps ...map[string]any) []string {
	var keys []string
	for _, m := range maps {
		for key := range m {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// formatPath writes a path as the engine reads it back.
func formatPath(path []step) string {
	var out strings.Builder
	for _, s := range path {
		switch {
		case s.key == "":
			out.WriteString("[" + strconv.Itoa(s.index) + "]")
		case strings.ContainsAny(s.key, `."[]`):
			out.WriteString(`["` + strings.ReplaceAll(s.key, `"`, `\"`) + `"]`)
		case out.Len() > 0:
			out.WriteString("." + s.key)
		default:
			out.WriteString(s.key)
		}
	}
	return out.String()
}

// replaces reports whether a change reaches one of the fields, dotted paths
// without indexes, that cannot change in place.
func (c change) replaces(fields []string) bool {
	var keys []string
	for _, s := range c.path {
		if s.key != "" {
			keys = append(keys, s.key)
		}
	}
	for _, field := range fields {
		parts := strings.Split(field, ".")
		shared := min(len(parts), len(keys))
		if !slices.Equal(parts[:shared], keys[:shared]) {
			continue
		}
		rest := parts[shared:]
		if len(rest) == 0 || holds(c.old, rest) || holds(c.new, rest) {
			return true
		}
	}
	return false
}

func holds(value any, path []string) bool {
	if len(path) == 0 {
		return true
	}
	switch value := value.(type) {
	case map[string]any:
		inner, ok := value[path[0]]
		return ok && holds(inner, path[1:])
	case []any:
		return slices.ContainsFunc(value, func(item any) bool { return holds(item, path) })
	default:
		return false
	}
}

// result turns changes into the engine's answer. Changes below a path to
// ignore are left out.
func result(changes []change, immutable, ignore []string) (sdk.DiffResult, error) {
	ignored := make([]resource.PropertyPath, 0, len(ignore))
	for _, path := range ignore {
		parsed, err := resource.ParsePropertyPath(path)
		if err != nil {
			return sdk.DiffResult{}, err
		}
		ignored = append(ignored, parsed)
	}

	diff := sdk.DiffResult{Changes: sdk.DiffNone, DetailedDiff: map[string]sdk.PropertyDiff{}}
	for _, c := range changes {
		name := formatPath(c.path)
		path, err := resource.ParsePropertyPath(name)
		if err != nil {
			return sdk.DiffResult{}, err
		}
		if slices.ContainsFunc(ignored, func(i resource.PropertyPath) bool { return i.Contains(path) }) {
			continue
		}
		kind := c.kind
		if c.replaces(immutable) {
			kind = kind.AsReplace()
			diff.ReplaceKeys = append(diff.ReplaceKeys, resource.PropertyKey(name))
		}
		diff.Changes = sdk.DiffSome
		// A deletion shows the old input; for the rest the engine compares
		// what is there with what is wanted.
		diff.DetailedDiff[name] = sdk.PropertyDiff{Kind: kind, InputDiff: c.kind == sdk.DiffDelete}
	}
	return diff, nil
}
