package service

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
)

// What must not be written down.
const marked = "topsecret7q"

// Errors as libraries make them of what fails, each with what of them helps an operator.
func TestNoErrorIsLoggedWithWhatSomebodyWrote(t *testing.T) {
	_, notANumber := strconv.Atoi(marked)
	_, notDecimal := decimal.NewFromString(marked)
	_, noConfig := pgx.ParseConfig("postgres://ada:" + marked + "@db.example.org:port/x")
	for name, c := range map[string]struct {
		err   error
		helps string
	}{
		"a value that PostgreSQL cannot read": {
			&pgconn.PgError{Severity: "ERROR", Code: "22P02", Message: `invalid input syntax for type uuid: "` + marked + `"`, Detail: marked}, "invalid input syntax for type uuid"},
		"a value with quotation marks": {
			&pgconn.PgError{Severity: "ERROR", Code: "22007", Message: `invalid input syntax for type date: "a" ` + marked + `"`}, "22007"},
		"a key that is there already": {
			&pgconn.PgError{Severity: "ERROR", Code: "23505", Message: `duplicate key value violates unique constraint "users_holder"`, Detail: "Key (email)=(" + marked + ")"}, `users_holder`},
		"a bound value that pgx cannot encode": {
			fmt.Errorf("failed to encode args[2]: %w", fmt.Errorf("unable to encode %#v into binary format for int4 (OID 23): cannot find encode plan", marked+"\n into text")), "args[2]"},
		"a push service":          {&url.Error{Op: "Post", URL: "https://push.example.org/send/" + marked, Err: net.ErrClosed}, "push.example.org"},
		"a search by the sidecar": {&url.Error{Op: "Get", URL: "http://127.0.0.1:3500/v1.0/state?search=" + marked, Err: net.ErrClosed}, "127.0.0.1:3500"},
		"a mail server":           {errors.New("550 5.1.1 <" + marked + "@example.org>: recipient rejected"), "550 5.1.1"},
		"a database's address":    {fmt.Errorf("connect to postgres://ada:%s@db.example.org/x: refused", marked), "db.example.org"},
		"a database's settings":   {noConfig, "parse"},
		"a token":                 {errors.New("Bearer " + marked + ".abc was refused"), "was refused"},
		"a number":                {fmt.Errorf("the amount: %w", notANumber), "strconv.Atoi"},
		"a decimal":               {fmt.Errorf("the amount: %w", notDecimal), "the amount"},
		"a cause":                 {apperror.Because(errors.New("550 <"+marked+"@example.org>"), apperror.ErrBusy, "the mail server is away"), "the mail server is away"},
		"a panic":                 {apperror.Defect(errors.New(marked)), "errorString"},
		"several":                 {errors.Join(errors.New("one"), errors.New("<"+marked+"@example.org>")), "one"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			log := NewLog(&out, "backend", slog.LevelDebug)
			log.Error("failed", "error", c.err)
			log.With("error", c.err).WithGroup("more").Error("failed", "error", c.err)
			log.Error("failed", "reason", c.err.Error())
			require.Contains(t, out.String(), c.helps)
			require.NotContains(t, out.String(), marked, "in what the log gets: %v", c.err)
		})
	}
}

func TestWhatHelpsAnOperatorStays(t *testing.T) {
	for _, text := range []string{
		"dial tcp 10.0.0.1:5432: connect: connection refused", "lookup db.example.org: no such host",
		`ERROR: relation "wallets" does not exist (SQLSTATE 42P01)`, "context deadline exceeded",
		"kafka server: The client is not authorized to access this topic",
	} {
		require.Equal(t, text, withoutConfidence(text))
	}
}
