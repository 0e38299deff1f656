package db

import (
	"errors"
	"fmt"
	"net"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
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

func TestAway(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		away bool
	}{
		"nothing wrong":                   {nil, false},
		"another error":                   {errors.New("a defect"), false},
		"a connection that broke":         {fmt.Errorf("query: %w", &net.OpError{Op: "read", Err: errors.New("reset")}), true},
		"the server stops":                {&pgconn.PgError{Code: "57P01"}, true},
		"too many connections":            {&pgconn.PgError{Code: "53300"}, true},
		"no room on its disk":             {&pgconn.PgError{Code: "53100"}, true},
		"a primary no more":               {fmt.Errorf("insert: %w", &pgconn.PgError{Code: "25006"}), true},
		"a row that is there already":     {&pgconn.PgError{Code: "23505"}, false},
		"a statement that takes too much": {&pgconn.PgError{Code: "53200"}, false},
		"a statement that took too long":  {&pgconn.PgError{Code: "57014"}, false},
		"a table that is not there":       {&pgconn.PgError{Code: "42P01"}, false},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.away, Away(c.err)) })
	}
}
