package admin

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOffsetSet(t *testing.T) {
	for name, c := range map[string]struct {
		spans []span
		want  string
		has   []int64
		not   []int64
	}{
		"nothing":              {nil, "", nil, []int64{0}},
		"one":                  {[]span{{7, 7}}, "7", []int64{7}, []int64{6, 8}},
		"neighbours are one":   {[]span{{2, 2}, {0, 1}, {3, 5}}, "0-5", []int64{0, 3, 5}, []int64{6}},
		"with gaps, unordered": {[]span{{9, 12}, {0, 0}, {4, 4}}, "0,4,9-12", []int64{0, 4, 10}, []int64{1, 5, 8, 13}},
		"one within another":   {[]span{{0, 10}, {3, 4}}, "0-10", []int64{0, 4, 10}, []int64{11}},
		"the same twice":       {[]span{{3, 4}, {3, 4}}, "3-4", []int64{3, 4}, []int64{2, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			set := offsetSet(nil).with(c.spans...)
			require.Equal(t, c.want, set.String())
			again, err := parseOffsets(set.String())
			require.NoError(t, err)
			require.Equal(t, set, again)
			for _, offset := range c.has {
				require.True(t, set.has(offset), offset)
			}
			for _, offset := range c.not {
				require.False(t, set.has(offset), offset)
			}
		})
	}
}

func TestWhatIsDeletedIsForgotten(t *testing.T) {
	set := offsetSet(nil).with(span{0, 4}, span{8, 9})
	require.Equal(t, "3-4,8-9", set.from(3).String())
	require.Equal(t, "8-9", set.from(5).String())
	require.Empty(t, set.from(10))
}

// A set that does not fit loses what is oldest, and claims nothing that was not in it.
func TestASetThatIsTooLargeLosesItsOldestPart(t *testing.T) {
	var spans []span
	for offset := range int64(5000) {
		spans = append(spans, span{2 * offset, 2 * offset})
	}
	set := offsetSet(nil).with(spans...)
	fits := set.within(maxMetadata)
	require.LessOrEqual(t, len(fits.String()), maxMetadata)
	require.Greater(t, len(fits), 500)
	require.Equal(t, set[len(set)-len(fits):], fits)
}

func TestOffsetsOfAnotherProgramAreRefused(t *testing.T) {
	for _, text := range []string{"x", "1-", "-1", "5-3", "1,,2"} {
		_, err := parseOffsets(text)
		require.Error(t, err, text)
	}
}

func TestParsePosition(t *testing.T) {
	for text, want := range map[string]Position{
		"dlq.a.b/0/17": {"dlq.a.b", 0, 17},
		"2/3":          {"", 2, 3},
	} {
		got, err := ParsePosition(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "7", "a/b", "a/1/b", "a/-1/3", "a/1/-3", "a/1/2/3", "a/99999999999/1"} {
		_, err := ParsePosition(text)
		require.ErrorIs(t, err, errPosition, text)
	}
}
