package db

import (
	"errors"
	"fmt"
	"io"
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

func TestTransient(t *testing.T) {
	for name, c := range map[string]struct {
		err                    error
		transient, unavailable bool
	}{
		"nothing wrong":                       {nil, false, false},
		"another error":                       {errors.New("a defect"), false, false},
		"a connection that broke":             {fmt.Errorf("query: %w", &net.OpError{Op: "read", Err: errors.New("reset")}), true, true},
		"an answer that broke off":            {fmt.Errorf("receive message: %w", io.ErrUnexpectedEOF), true, true},
		"a connection that is closed":         {fmt.Errorf("write: %w", net.ErrClosed), true, true},
		"a connection that fails":             {&pgconn.PgError{Code: "08006"}, true, true},
		"the server stops":                    {&pgconn.PgError{Code: "57P01"}, true, true},
		"the server crashed":                  {&pgconn.PgError{Code: "57P02"}, true, true},
		"the server starts":                   {&pgconn.PgError{Code: "57P03"}, true, true},
		"a session that was idle too long":    {&pgconn.PgError{Code: "57P05"}, true, true},
		"what follows on an error":            {&pgconn.PgError{Code: "25P02"}, false, false},
		"a transaction that was idle":         {&pgconn.PgError{Code: "25P03"}, true, false},
		"too many connections":                {&pgconn.PgError{Code: "53300"}, true, true},
		"no room on its disk":                 {&pgconn.PgError{Code: "53100"}, true, true},
		"a primary no more":                   {fmt.Errorf("insert: %w", &pgconn.PgError{Code: "25006"}), true, true},
		"a serialization failure":             {&pgconn.PgError{Code: "40001"}, true, false},
		"a deadlock":                          {&pgconn.PgError{Code: "40P01"}, true, false},
		"a lock that was not to be had":       {&pgconn.PgError{Code: "55P03"}, true, false},
		"a statement that took too long":      {&pgconn.PgError{Code: "57014"}, true, false},
		"a row that is there already":         {&pgconn.PgError{Code: "23505"}, false, false},
		"a statement that takes too much":     {&pgconn.PgError{Code: "53200"}, false, false},
		"a table that is not there":           {&pgconn.PgError{Code: "42P01"}, false, false},
		"an error code that PostgreSQL lacks": {&pgconn.PgError{}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.transient, Transient(c.err))
			require.Equal(t, c.unavailable, Unavailable(c.err))
		})
	}
}
