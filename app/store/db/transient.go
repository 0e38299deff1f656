package db

import (
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Transient reports whether err says nothing of what was asked, so that the same
// may succeed when it is tried again: PostgreSQL is unavailable, or the transaction
// lost against another (serialization failure, deadlock), or it was cut short by one
// of our own time-outs. What is transient is no attempt, and no reason to give up.
//
// That a transaction is aborted (25P02) is not transient: it was by an error before, which
// is the one to judge. Who meets it has dropped that error, and trying again would hide it.
func Transient(err error) bool {
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		return Unavailable(err)
	}
	return unavailableCode(server.Code) || slices.Contains([]string{
		"40001", // serialization failure
		"40003", // whether the statement was completed is not known
		"40P01", // deadlock
		"25P03", // the transaction stood idle for too long
		"25P04", // the transaction took too long
		"55P03", // a lock was not to be had in time
		"57014", // the statement took too long, or was cancelled
	}, server.Code)
}

// Unavailable reports whether err means that PostgreSQL cannot be reached or cannot
// work at all, so that whatever else is asked fails now as well.
func Unavailable(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	var server *pgconn.PgError
	switch {
	case errors.As(err, &server):
		return unavailableCode(server.Code)
	case errors.As(err, &connect), errors.As(err, &network):
		return true
	// The server went away in the middle of an answer, or ended the session.
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return true
	default:
		return pgconn.SafeToRetry(err)
	}
}

func unavailableCode(code string) bool {
	return strings.HasPrefix(code, "08") || // the connection
		strings.HasPrefix(code, "57P") || // the server stops, starts, or ended the session
		slices.Contains([]string{
			"25006", // only to be read: after a failover, this was the primary
			"53100", // no room on its disk
			"53300", // too many connections
			"58030", // its disk fails
		}, code)
}
