package deploy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHasTypes(t *testing.T) {
	const both = `{"resources": [{"type": "companion:kafka:Kafka"}, {"type": "companion:observability:Observability"}, {"type": "kubernetes:core/v1:Secret"}]}`
	for name, c := range map[string]struct {
		state string
		types []string
		want  bool
	}{
		"never updated":    {"", []string{"companion:observability:"}, false},
		"empty":            {`{}`, []string{"companion:observability:"}, false},
		"there":            {both, []string{"companion:observability:"}, true},
		"all of them":      {both, []string{"companion:observability:", "companion:kafka:"}, true},
		"one of two":       {both, []string{"companion:observability:", "companion:edge:"}, false},
		"another one's":    {both, []string{"observability:"}, false},
		"none is asked of": {both, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := hasTypes([]byte(c.state), c.types)
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
	_, err := hasTypes([]byte("no state"), nil)
	require.ErrorContains(t, err, "read the state")
}
