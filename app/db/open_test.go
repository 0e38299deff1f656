package db

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestThePoolIsAsLargeAsTheURLSaysOrElseTheService(t *testing.T) {
	for name, c := range map[string]struct {
		url         string
		connections int32
		want        int32
	}{
		"the service":         {"postgres://backend@127.0.0.1/companion", 16, 16},
		"the URL":             {"postgres://backend@127.0.0.1/companion?pool_max_conns=7", 16, 7},
		"the URL, as a list":  {"host=127.0.0.1 pool_max_conns=7", 16, 7},
		"the URL, of no wish": {"postgres://backend@127.0.0.1/companion?pool_max_conns=7", 0, 7},
	} {
		t.Run(name, func(t *testing.T) {
			pool, err := Open(t.Context(), c.url, c.connections)
			require.NoError(t, err)
			defer pool.Close()
			require.Equal(t, c.want, pool.Config().MaxConns)
		})
	}
}
