package admin

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// offsetSet is a set of a partition's offsets, as spans in ascending order between which there
// are gaps.
type offsetSet []span

// span is the offsets from first to last, both of them too.
type span struct{ first, last int64 }

func (s offsetSet) has(offset int64) bool {
	_, found := slices.BinarySearchFunc(s, offset, func(one span, offset int64) int {
		switch {
		case one.last < offset:
			return -1
		case one.first > offset:
			return 1
		}
		return 0
	})
	return found
}

// with is the set with further spans.
func (s offsetSet) with(further ...span) offsetSet {
	all := slices.Concat(s, further)
	slices.SortFunc(all, func(a, b span) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	var merged offsetSet
	for _, one := range all {
		if last := len(merged) - 1; last >= 0 && one.first <= merged[last].last+1 {
			merged[last].last = max(merged[last].last, one.last)
			continue
		}
		merged = append(merged, one)
	}
	return merged
}

// from is the set without the offsets before first.
func (s offsetSet) from(first int64) offsetSet {
	var rest offsetSet
	for _, one := range s {
		if one.last >= first {
			rest = append(rest, span{max(one.first, first), one.last})
		}
	}
	return rest
}

// String writes the spans as "0-99,103".
func (s offsetSet) String() string {
	var parts []string
	for _, one := range s {
		if one.first == one.last {
			parts = append(parts, strconv.FormatInt(one.first, 10))
			continue
		}
		parts = append(parts, fmt.Sprintf("%d-%d", one.first, one.last))
	}
	return strings.Join(parts, ",")
}

// within is the newest part of the set whose text is no longer than most bytes.
func (s offsetSet) within(most int) offsetSet {
	for len(s) > 0 && len(s.String()) > most {
		s = s[1+len(s)/8:]
	}
	return s
}

// parseOffsets reads what String wrote.
func parseOffsets(text string) (offsetSet, error) {
	var spans []span
	if text == "" {
		return nil, nil
	}
	for _, part := range strings.Split(text, ",") {
		from, to, both := strings.Cut(part, "-")
		if !both {
			to = from
		}
		first, err := strconv.ParseInt(from, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("offsets %q: %w", part, err)
		}
		last, err := strconv.ParseInt(to, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("offsets %q: %w", part, err)
		}
		if last < first {
			return nil, fmt.Errorf("offsets %q end before they begin", part)
		}
		spans = append(spans, span{first, last})
	}
	return offsetSet(nil).with(spans...), nil
}
