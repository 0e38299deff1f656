package secret

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAVersionFollowsFromTheContent(t *testing.T) {
	content := map[string]Text{"user": "companion", "password": "one"}
	first := Of(content)
	require.Regexp(t, `^[0-9a-f]{10}$`, first.Version)
	require.Equal(t, first.Version, Of(map[string]Text{"password": "one", "user": "companion"}).Version)
	for name, other := range map[string]map[string]Text{
		"another value":       {"user": "companion", "password": "two"},
		"another key":         {"user": "companion", "secret": "one"},
		"values that change":  {"user": "one", "password": "companion"},
		"one value less":      {"password": "one"},
		"a value that joined": {"user": `companion","password":"one`},
	} {
		t.Run(name, func(t *testing.T) { require.NotEqual(t, first.Version, Of(other).Version) })
	}
}

func TestASecretDoesNotShowWhenPrinted(t *testing.T) {
	for _, format := range []string{"%s", "%v", "%+v", "%#v", "%q"} {
		require.NotContains(t, fmt.Sprintf(format, struct{ Password Text }{"known"}), "known", format)
	}
}

func TestDerivedSecretsDiffer(t *testing.T) {
	require.Len(t, string(Derive("seed", "a")), 48)
	require.NotEqual(t, Derive("seed", "a"), Derive("seed", "b"))
	require.NotEqual(t, Derive("seed", "a"), Derive("another seed", "a"))
}
