//go:build integration

package account_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/store/db"
)

// inFact changes what is not an account's own to change.
func inFact(t *testing.T, pool *pgxpool.Pool, user uuid.UUID, statement string, args ...any) {
	t.Helper()
	require.NoError(t, db.AsUser(t.Context(), pool, user, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), statement, append([]any{user}, args...)...)
		return err
	}))
}

func TestAccountsThatNobodyConfirmsAreRemoved(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now().UTC().Truncate(time.Second)
	for name, c := range map[string]struct {
		made, used time.Duration // ago; of an ended session, longer than it lasts
		full       bool          // there is something in it
		confirmed  bool
		identity   bool
		kept       bool
	}{
		"empty and a week old":                            {made: 8 * day, used: 8 * day},
		"empty and made today":                            {kept: true},
		"empty, a week old and used since":                {made: 8 * day, used: 3 * day, kept: true},
		"empty, used until its session ended":             {made: 91 * day, used: 91 * day},
		"empty, used though its session is to end soon":   {made: 85 * day, used: 1 * day, kept: true},
		"empty, but its owner may enter by a provider":    {made: 200 * day, used: 200 * day, identity: true, kept: true},
		"empty and confirmed":                             {made: 400 * day, used: 400 * day, confirmed: true, kept: true},
		"with something in it and a week old":             {made: 8 * day, used: 8 * day, full: true, kept: true},
		"with something in it, and long without a log-in": {made: 181 * day, used: 181 * day, full: true},
		"with something in it, its session just over":     {made: 91 * day, used: 31 * day, full: true, kept: true},
	} {
		t.Run(name, func(t *testing.T) {
			pool := pgtest.AsService(t, event.Backend)
			a := accounts(pool)
			a.Mails = true
			session, err := a.Register(t.Context(), account.Registration{Email: "ada@example.org", Password: password})
			require.NoError(t, err)
			user := session.Caller.User
			inFact(t, pool, user, "UPDATE users SET created_at = $2, holds_email = $3, email_confirmed_at = CASE WHEN $3 THEN now() END WHERE id = $1", now.Add(-c.made), c.confirmed)
			ends := now.Add(-c.used + 30*day)
			if last := now.Add(-c.made + 90*day); last.Before(ends) {
				ends = last
			}
			inFact(t, pool, user, "UPDATE sessions SET created_at = $2, expires_at = $3 WHERE user_id = $1", now.Add(-c.made), ends)
			if c.full {
				inFact(t, pool, user, `INSERT INTO wallets (id, user_id, name, type, currency, created_at, updated_at)
					VALUES (gen_random_uuid(), $1, 'Purse', 'cash', 'EUR', now(), now())`)
			}
			if c.identity {
				inFact(t, pool, user, "INSERT INTO identities (issuer, subject, user_id, created_at) VALUES ('https://issuer', 'ada', $1, now())")
			}
			closed, err := a.CloseUnconfirmed(t.Context(), now)
			require.NoError(t, err)
			require.NoError(t, a.EraseClosed(t.Context(), time.Now().Add(time.Minute)))
			there := number(t, pool, "SELECT count(*) FROM users WHERE id = $1", user)
			announced := number(t, pool, "SELECT count(*) FROM outbox WHERE payload->>'type' = $1", event.TypeUserDeleted)
			if c.kept {
				require.Equal(t, []int{0, 1, 0}, []int{closed, there, announced})
				return
			}
			require.Equal(t, []int{1, 0, 1}, []int{closed, there, announced}, "it is gone, and the agents hear of it")
			require.Empty(t, left(t, pool, user))
		})
	}
}

// A storm of registrations leaves nothing for good, and replicas that look at the same
// time close each account once.
func TestAStormOfRegistrationsPasses(t *testing.T) {
	const storm = 1100 // more than two pages
	pool := pgtest.AsService(t, event.Backend)
	require.NoError(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO users (id, email, name, password_hash, holds_email, created_at, updated_at)
			SELECT gen_random_uuid(), 'storm-' || n || '@example.org', '', 'x', false, now() - interval '8 days', now() FROM generate_series(1, $1) n`, storm)
		return err
	}))
	counts := make([]int, 2)
	var replicas errgroup.Group
	for i := range counts {
		replicas.Go(func() (err error) {
			counts[i], err = accounts(pool).CloseUnconfirmed(t.Context(), time.Now())
			return err
		})
	}
	require.NoError(t, replicas.Wait())
	require.Equal(t, storm, counts[0]+counts[1])
	require.Equal(t, storm, number(t, pool, "SELECT count(DISTINCT payload->'data'->>'userId') FROM outbox WHERE payload->>'type' = $1", event.TypeUserDeleted))
	require.NoError(t, accounts(pool).EraseClosed(t.Context(), time.Now().Add(time.Minute)))
	require.Zero(t, number(t, pool, "SELECT count(*) FROM users"))
}

// What one request for mail meets must not keep the others from being sent.
func TestABadRequestForMailDoesNotKeepTheOthers(t *testing.T) {
	pool := pgtest.AsService(t, event.Backend)
	a := accounts(pool)
	a.Mails, a.Publisher.URL = true, "https://app.example.org"
	for _, name := range []string{"bad", "ada", "eve"} {
		_, err := a.Register(t.Context(), account.Registration{Email: name + "@example.org", Password: password})
		require.NoError(t, err)
	}
	admin, err := pgx.Connect(t.Context(), pgtest.AdminURL(pool))
	require.NoError(t, err)
	defer func() { _ = admin.Close(t.Context()) }()
	_, err = admin.Exec(t.Context(), `CREATE FUNCTION backend.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF EXISTS (SELECT FROM backend.users WHERE id = NEW.user_id AND email LIKE 'bad@%') THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON backend.one_time_tokens FOR EACH ROW EXECUTE FUNCTION backend.refuse()`)
	require.NoError(t, err)

	mailed := func() int {
		return number(t, pool, "SELECT count(*) FROM outbox WHERE payload->>'type' = $1", event.TypeMailRequested)
	}
	waiting := func(what string) (n int) {
		require.NoError(t, admin.QueryRow(t.Context(), fmt.Sprintf("SELECT count(*) FROM backend.mail_requests WHERE %s", what)).Scan(&n))
		return n
	}
	done, err := a.SendMail(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, done)
	require.Equal(t, 2, mailed(), "the others'")
	require.Equal(t, 1, waiting("attempts = 1 AND due_at > now() + interval '5 seconds'"), "the bad one waits")
	done, err = a.SendMail(t.Context())
	require.NoError(t, err)
	require.Zero(t, done, "and is not tried meanwhile")
	for attempt := 2; waiting("true") > 0; attempt++ {
		require.LessOrEqual(t, attempt, 5, "it is given up some time")
		_, err = admin.Exec(t.Context(), "UPDATE backend.mail_requests SET due_at = now()")
		require.NoError(t, err)
		_, err = a.SendMail(t.Context())
		require.NoError(t, err)
	}
	require.Equal(t, 2, mailed())
	require.Zero(t, number(t, pool, "SELECT count(*) FROM one_time_tokens"))
}

// Accounts that cannot be erased, of whatever number, must not keep the others.
func TestAccountsThatCannotBeErasedDoNotKeepTheOthers(t *testing.T) {
	const bad = 101 // more than a page
	pool := pgtest.AsService(t, event.Backend)
	_, err := pool.Exec(t.Context(), `INSERT INTO users (id, email, name, created_at, updated_at, closed_at)
		SELECT gen_random_uuid(), '', CASE WHEN n <= $1 THEN 'bad' ELSE '' END, now(), now(), now() - interval '1 day' + n * interval '1 second' FROM generate_series(1, $1 + 1) n`, bad)
	require.NoError(t, err)
	admin, err := pgx.Connect(t.Context(), pgtest.AdminURL(pool))
	require.NoError(t, err)
	defer func() { _ = admin.Close(t.Context()) }()
	_, err = admin.Exec(t.Context(), `CREATE FUNCTION backend.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF OLD.name = 'bad' THEN RAISE EXCEPTION 'not this one'; END IF; RETURN OLD; END $$;
		CREATE TRIGGER refuse BEFORE DELETE ON backend.users FOR EACH ROW EXECUTE FUNCTION backend.refuse()`)
	require.NoError(t, err)
	require.ErrorContains(t, accounts(pool).EraseClosed(t.Context(), time.Now()), "not this one")
	require.Equal(t, bad, number(t, pool, "SELECT count(*) FROM users"))
}
