package db

import (
	"fmt"
	"maps"
	"time"
)

// How long a session may make others wait. A node that dies takes its sockets
// with it without a word: the server must notice by itself, or it keeps the dead
// session's locks for as long as TCP does, which is hours by default.
const (
	// ConnectTimeout bounds the making of a connection.
	ConnectTimeout = 5 * time.Second
	// StatementTimeout bounds one statement. Work that takes longer is done in
	// several statements (see InBatches).
	StatementTimeout = 30 * time.Second
	// LockTimeout bounds the waiting for another session's lock.
	LockTimeout = 5 * time.Second
	// IdleInTransaction is how long a transaction may stand between two statements.
	// It is also how long the locks of a client that is gone are kept at most.
	IdleInTransaction = 10 * time.Second

	// migrationStatementTimeout bounds one statement of a migration: it may rewrite a
	// large table.
	migrationStatementTimeout = 15 * time.Minute
	// migrationLockTimeout bounds what people wait for: while a migration waits for a
	// table's lock, everybody else waits behind it.
	migrationLockTimeout = 10 * time.Second

	keepaliveIdle     = 5 * time.Second
	keepaliveInterval = 2 * time.Second
	keepaliveCount    = 3
	// unacknowledged is how long what was sent may go without acknowledgement.
	unacknowledged = 10 * time.Second
)

// SessionSettings are PostgreSQL's settings of every session that a service opens,
// by their names.
func SessionSettings() map[string]string {
	return map[string]string{
		"timezone":                            "UTC",
		"statement_timeout":                   milliseconds(StatementTimeout),
		"lock_timeout":                        milliseconds(LockTimeout),
		"idle_in_transaction_session_timeout": milliseconds(IdleInTransaction),
		// A statement whose client has gone is stopped.
		"client_connection_check_interval": milliseconds(keepaliveIdle),
		"tcp_keepalives_idle":              seconds(keepaliveIdle),
		"tcp_keepalives_interval":          seconds(keepaliveInterval),
		"tcp_keepalives_count":             fmt.Sprint(keepaliveCount),
		"tcp_user_timeout":                 milliseconds(unacknowledged),
	}
}

// MigratorSettings are those of every session of the role that migrates, by their names.
func MigratorSettings() map[string]string {
	settings := migrationSettings()
	delete(settings, "idle_session_timeout") // of the session that holds the lock only
	return settings
}

// migrationSettings are those of a session that migrates. It holds an advisory
// lock that the other replicas wait for, so it may not be silent for long either.
func migrationSettings() map[string]string {
	settings := maps.Clone(SessionSettings())
	settings["statement_timeout"] = milliseconds(migrationStatementTimeout)
	settings["lock_timeout"] = milliseconds(migrationLockTimeout)
	settings["idle_session_timeout"] = milliseconds(IdleInTransaction)
	return settings
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

func seconds(d time.Duration) string { return fmt.Sprint(int(d.Seconds())) }
