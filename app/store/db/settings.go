package db

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// bounding are the settings without which one session that is lost can stop everybody
// else. The others of SessionSettings help TCP to notice sooner.
var bounding = []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"}

// UnboundedError names the settings that a session does not have.
type UnboundedError struct{ Settings []string }

func (e UnboundedError) Error() string {
	return fmt.Sprintf("sessions have no bound, or a longer one than they must have, for %s: run `companionctl database prepare`, "+
		"which sets them for the role; with a pooler in between, have it hand them on", strings.Join(e.Settings, ", "))
}

// CheckSettings looks whether sessions of the pool end by themselves when their client
// is gone, whatever lies between: a pooler may drop the settings that a client asks for.
// It returns an UnboundedError when they do not.
func CheckSettings(ctx context.Context, pool *pgxpool.Pool) error {
	limited, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	rows, err := pool.Query(limited, "SELECT name, setting FROM pg_settings WHERE name = ANY($1)", bounding)
	if err != nil {
		return err
	}
	has := map[string]int64{}
	var name, setting string
	if _, err := pgx.ForEachRow(rows, []any{&name, &setting}, func() (err error) {
		has[name], err = strconv.ParseInt(setting, 10, 64)
		return err
	}); err != nil {
		return err
	}
	var unbounded []string
	for name, most := range bounds() {
		if has[name] == 0 || has[name] > most { // 0: none
			unbounded = append(unbounded, name)
		}
	}
	if len(unbounded) > 0 {
		return UnboundedError{slices.Sorted(slices.Values(unbounded))}
	}
	return nil
}

// bounds are the bounding settings in milliseconds.
func bounds() map[string]int64 {
	all := map[string]int64{}
	for name, value := range SessionSettings() {
		if slices.Contains(bounding, name) {
			all[name], _ = strconv.ParseInt(value, 10, 64) // written by milliseconds
		}
	}
	return all
}

// AwaitSettings waits until CheckSettings finds nothing amiss, or until ctx ends: a
// service that could stop everybody else does not begin to work.
func AwaitSettings(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	for pause := 250 * time.Millisecond; ; pause = min(2*pause, 10*time.Second) {
		err := CheckSettings(ctx, pool)
		if err == nil {
			return nil
		}
		log.ErrorContext(ctx, "the service does not begin: the database's sessions are not as they must be", "error", err, "next_try_in", pause.String())
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		pool.Reset() // a session keeps the settings of its beginning
	}
}
