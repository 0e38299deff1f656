package plan

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// shownValue is how much of a value a line shows.
const shownValue = 120

// Diff reads two golden plans (infra/testdata) and writes what the second changes of the
// first: a line for each resource that is created (+), deleted (-) or changed (~), and below
// it one for each value with its path. Nothing is written when they are the same.
func Diff(out io.Writer, before, after io.Reader) error {
	old, err := readGolden(before)
	if err != nil {
		return err
	}
	next, err := readGolden(after)
	if err != nil {
		return err
	}
	all := maps.Clone(old)
	maps.Copy(all, next)
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, had := old[name]
		is, has := next[name]
		switch {
		case !had:
			lines = append(lines, "+ "+name)
		case !has:
			lines = append(lines, "- "+name)
		case !reflect.DeepEqual(was, is):
			lines = append(lines, "~ "+name)
			lines = append(lines, changes("", was, is)...)
		}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(out, line); err != nil {
			return err
		}
	}
	return nil
}

// readGolden is a golden plan by its resources' types and names.
func readGolden(golden io.Reader) (map[string]map[string]any, error) {
	var resources []map[string]any
	if err := json.NewDecoder(golden).Decode(&resources); err != nil {
		return nil, fmt.Errorf("not a golden plan: %w", err)
	}
	all := map[string]map[string]any{}
	for _, r := range resources {
		name := fmt.Sprint(r["type"], " ", r["name"])
		delete(r, "type")
		delete(r, "name")
		all[name] = r
	}
	return all, nil
}

// changes are the lines of what differs below a path. Objects are compared by key, lists by
// place.
func changes(path string, was, is any) []string {
	if reflect.DeepEqual(was, is) {
		return nil
	}
	var lines []string
	oldObject, wasObject := was.(map[string]any)
	newObject, isObject := is.(map[string]any)
	if wasObject && isObject {
		all := maps.Clone(oldObject)
		maps.Copy(all, newObject)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			lines = append(lines, changes(strings.TrimPrefix(path+"."+key, "."), oldObject[key], newObject[key])...)
		}
		return lines
	}
	oldList, wasList := was.([]any)
	newList, isList := is.([]any)
	if wasList && isList {
		for i := range max(len(oldList), len(newList)) {
			lines = append(lines, changes(fmt.Sprintf("%s[%d]", path, i), element(oldList, i), element(newList, i))...)
		}
		return lines
	}
	switch {
	case was == nil:
		return []string{fmt.Sprintf("    + %s: %s", path, shown(is))}
	case is == nil:
		return []string{fmt.Sprintf("    - %s: %s", path, shown(was))}
	}
	return []string{fmt.Sprintf("    %s: %s -> %s", path, shown(was), shown(is))}
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nil
}

func shown(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	text := []rune(string(raw))
	if len(text) > shownValue {
		return string(text[:shownValue]) + "..."
	}
	return string(text)
}
