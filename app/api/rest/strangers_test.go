//go:build integration

package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
)

// statementLog notes what a database is asked.
type statementLog struct {
	mu    sync.Mutex
	texts []string
}

func (s *statementLog) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts = append(s.texts, strings.ReplaceAll(data.SQL, "\n", " "))
	return ctx
}

func (s *statementLog) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// taken are those since the last time.
func (s *statementLog) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.texts
	s.texts = nil
	return taken
}

// traced is a world of which the test knows what its database is asked.
func traced(t *testing.T) (*world, *statementLog) {
	t.Helper()
	seen := &statementLog{}
	config := pgtest.Pool(t, event.Backend).Config()
	config.ConnConfig.Tracer = seen
	config.MaxConns = 1 // nothing is prepared a second time on another
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	w := worldOn(t, pool)
	w.api.At("https://app.example.org/", true)
	w.api.Limits = Limits{Account: 10, Mail: 100, Proxies: []string{"192.0.2.0/24"}}
	w.handler = w.api.Handler()
	return w, seen
}

// What is done for an address that has an account is done for one that has none: the same
// answer but for what is random, and the same statements in the same order, so that the
// time tells nothing either. (A password is hashed in each case: people/account.)
func TestAStrangerLearnsOfNoAddressWhetherItHasAnAccount(t *testing.T) {
	w, seen := traced(t)
	issuer := w.withIssuer()
	member := w.confirmed()
	unconfirmed := w.newcomer()
	issuer.Says(map[string]any{"sub": "1", "email": "by-provider@example.org", "email_verified": true})
	w.entered(w.viaIssuer(""))
	w.token = ""

	who := map[string]string{"of a member": member.email, "claimed by somebody": unconfirmed.email, "of one without a password": "by-provider@example.org"}
	user := func(email string) (id uuid.UUID) {
		require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT id FROM users WHERE email = $1 ORDER BY created_at LIMIT 1", email).Scan(&id))
		return id
	}
	wrongSecret := func(id uuid.UUID) string {
		return strings.ReplaceAll(id.String(), "-", "") + ".AAAAAAAAAAAAAAAAAAAAAAAAAA"
	}
	type request struct {
		path string
		body func(email string, id uuid.UUID) object
	}
	ways := map[string]request{
		"log in":                    {"/auth/login", func(email string, _ uuid.UUID) object { return object{"email": email, "password": "wrong horse"} }},
		"log in without a password": {"/auth/login", func(email string, _ uuid.UUID) object { return object{"email": email, "password": ""} }},
		"register":                  {"/auth/register", func(email string, _ uuid.UUID) object { return object{"email": email, "password": "battery staple"} }},
		"ask for a reset":           {"/auth/password/reset-request", func(email string, _ uuid.UUID) object { return object{"email": email} }},
		"reset": {"/auth/password/reset", func(_ string, id uuid.UUID) object {
			return object{"token": wrongSecret(id), "newPassword": "battery staple"}
		}},
		"confirm": {"/auth/email/confirm", func(_ string, id uuid.UUID) object { return object{"token": wrongSecret(id)} }},
	}
	address := 0
	try := func(way request, email string, id uuid.UUID) string {
		t.Helper()
		address++ // attempts of one before do not count
		seen.taken()
		answer := w.ask("POST", way.path, way.body(email, id), "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", address))
		asked := seen.taken()
		var body any
		if answer.Body.Len() > 0 {
			require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &body))
		}
		shape := slices.Sorted(maps.Keys(answer.Header()))
		return fmt.Sprintf("%d\n%s\n%s\n%s", answer.Code, shape, shapeOf(body), strings.ReplaceAll(strings.Join(asked, "\n"), id.String(), "(user)"))
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			for range 2 { // whatever is prepared once
				try(way, uuid.NewString()+"@example.org", uuid.New())
			}
			nobody := try(way, uuid.NewString()+"@example.org", uuid.New())
			require.Contains(t, nobody, "name:", "the database was asked something")
			for whose, email := range who {
				id := user(email)
				require.Equal(t, nobody, try(way, email, id), "an address %s", whose)
			}
		})
	}
}

// shapeOf is JSON without what differs from answer to answer: texts of ids, times and
// tokens, and the address itself.
func shapeOf(value any) string {
	switch its := value.(type) {
	case map[string]any:
		var parts []string
		for _, key := range slices.Sorted(maps.Keys(its)) {
			if slices.Contains([]string{"correlationId", "token", "refreshToken", "deviceToken", "id", "email", "expiresAt", "refreshExpiresAt", "createdAt", "updatedAt"}, key) {
				parts = append(parts, key)
				continue
			}
			parts = append(parts, key+": "+shapeOf(its[key]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	default:
		return fmt.Sprint(value)
	}
}

// Of an owner and a thief who use the same refresh token at the same moment one is faster.
// Whoever it is, nobody has the session afterwards: the owner logs in again, the thief cannot.
func TestOfAThiefAndAnOwnerAtOnceNobodyKeepsTheSession(t *testing.T) {
	for range 5 {
		w := newWorld(t)
		l := w.newcomer()
		w.api.Observe = quiet
		var all sync.WaitGroup
		var mu sync.Mutex
		begin := make(chan struct{})
		counts := map[int]int{}
		var followed []login
		for i := range 6 {
			all.Go(func() {
				<-begin
				code, next := w.refreshAs(fmt.Sprint("client ", i), l.refresh)
				mu.Lock()
				defer mu.Unlock()
				counts[code]++
				if code == 200 {
					followed = append(followed, next)
				}
			})
		}
		close(begin)
		all.Wait()
		require.Equal(t, map[int]int{200: 1, 401: 5}, counts)
		code, _ := w.refreshAs("client 0", followed[0].refresh)
		require.Equal(t, 401, code)
		require.NoError(t, w.api.Accounts.Ended.Poll(t.Context()))
		for _, token := range []string{l.token, followed[0].token} {
			require.Equal(t, 401, w.ask("GET", "/wallets", nil, "Authorization", "Bearer "+token).Code, "access tokens of it end, too")
		}
	}
}

// A token that was spent long ago ends the session however many came after it.
func TestAnOldSpentTokenEndsTheSession(t *testing.T) {
	w := newWorld(t)
	first := w.newcomer()
	last := first
	for range 10 {
		code, next := w.refreshAs("phone", last.refresh)
		require.Equal(t, 200, code)
		last = next
	}
	_, err := w.pool.Exec(t.Context(), "UPDATE refresh_tokens SET spent_at = spent_at - interval '20 days' WHERE spent_at IS NOT NULL")
	require.NoError(t, err)
	code, _ := w.refreshAs("phone", first.refresh)
	require.Equal(t, 401, code)
	code, _ = w.refreshAs("phone", last.refresh)
	require.Equal(t, 401, code)
}

func TestWhatAProviderSaysOfAPersonIsKeptAsANameIs(t *testing.T) {
	w := newWorld(t)
	issuer := w.withIssuer()
	for name, c := range map[string]struct {
		given any
		want  string
	}{
		"line breaks":              {"Ada\r\nBcc: everybody@example.org", "Ada Bcc: everybody@example.org"},
		"a turned direction":       {"\u202egro.knab", "gro.knab"},
		"a NUL":                    {"A\x00da", "Ada"},
		"nothing that can be seen": {"\u200b\u2060", ""},
		"more than a name has":     {strings.Repeat("a", 5000), strings.Repeat("a", 100)},
	} {
		t.Run(name, func(t *testing.T) {
			issuer.Says(map[string]any{"sub": name, "email": uuid.NewString() + "@example.org", "email_verified": true, "name": c.given})
			_, user := w.entered(w.viaIssuer(""))
			require.Equal(t, c.want, user["name"])
		})
	}
	for name, claims := range map[string]object{
		"a subject with a NUL":           {"sub": "a\x00b"},
		"a subject without end":          {"sub": strings.Repeat("a", 256)},
		"no subject":                     {"sub": ""},
		"a subject that is no text":      {"sub": 7},
		"an address of two lines":        {"sub": "x", "email": "a@example.org\r\nRCPT TO:<b@example.org>"},
		"an address with a NUL":          {"sub": "y", "email": "a\x00@example.org"},
		"two addresses":                  {"sub": "z", "email": "a@example.org, b@example.org"},
		"a verified address by a word":   {"sub": "v", "email_verified": "yes"},
		"a verified address by a number": {"sub": "w", "email_verified": 1},
	} {
		t.Run(name, func(t *testing.T) {
			says := object{"email": uuid.NewString() + "@example.org", "email_verified": true}
			maps.Copy(says, claims)
			issuer.Says(says)
			answer := w.viaIssuer("")
			require.Contains(t, []int{401, 403}, answer.Code, answer.Body)
		})
	}
}

// An answer of the provider's is good in the browser in which the log-in was begun, once.
func TestAnAnswerOfAProviderIsGoodOnceInOneBrowser(t *testing.T) {
	w := newWorld(t)
	issuer := w.withIssuer()
	issuer.Says(map[string]any{"sub": "thief", "email": "thief@example.org", "email_verified": true})
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	begin := func() (cookie *http.Cookie, callback string) {
		begun := w.ask("GET", "/auth/oidc/login", nil)
		response, err := client.Get(begun.Header().Get("Location"))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		_, query, _ := strings.Cut(response.Header.Get("Location"), "?")
		return begun.Result().Cookies()[0], "/auth/oidc/callback?" + query
	}
	with := func(c *http.Cookie) []string { return []string{"Cookie", c.Name + "=" + c.Value} }
	thiefs, callback := begin()
	victims, _ := begin()
	require.Equal(t, 401, w.ask("GET", callback, nil).Code, "who has begun nothing is not logged in as the thief")
	require.Equal(t, 401, w.ask("GET", callback, nil, with(victims)...).Code, "nor who has begun another log-in")
	require.Equal(t, 422, w.ask("GET", callback+"&state=x", nil, with(thiefs)...).Code, "two states")
	require.Equal(t, 401, w.ask("GET", callback+"&iss=https%3A%2F%2Fevil.example.org", nil, with(thiefs)...).Code)
	answer := w.ask("GET", callback+"&iss="+issuer.URL+"&scope=openid&session_state=1", nil, with(thiefs)...)
	require.Equal(t, 200, answer.Code, answer.Body)
	require.Equal(t, 401, w.ask("GET", callback, nil, with(thiefs)...).Code, "a second time")
}

// A link that was begun in an account which is deleted meanwhile leads nowhere.
func TestALinkBegunInADeletedAccountLeadsNowhere(t *testing.T) {
	w := newWorld(t)
	issuer := w.withIssuer()
	l := w.newcomer()
	begun := w.ask("POST", "/auth/oidc/link", object{"password": password}, "Authorization", "Bearer "+l.token)
	require.Equal(t, 200, begun.Code, begun.Body)
	w.call(204, "DELETE", "/account", object{"password": password})
	issuer.Says(map[string]any{"sub": "1", "email": l.email, "email_verified": true})
	require.Equal(t, 401, w.through(begun).Code)
	var identities int
	require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT count(*) FROM identities").Scan(&identities))
	require.Zero(t, identities)
}

// Addresses that are one to a mail server are not one here, and none is taken for another.
func TestAddressesThatLookAlikeAreNotOne(t *testing.T) {
	w := mailing(t)
	ada := w.confirmed()
	w.token = ""
	name, host, _ := strings.Cut(ada.email, "@")
	for _, other := range []string{name + "@" + strings.Replace(host, "a", "а", 1), name + "+x@" + host, name + ".@" + host, "\u200b" + ada.email, ada.email + "\u200b"} {
		require.Equal(t, 401, w.ask("POST", "/auth/login", object{"email": other, "password": password}).Code, "%q", other)
	}
	require.Equal(t, 200, w.ask("POST", "/auth/login", object{"email": " " + strings.ToUpper(ada.email) + " ", "password": password}).Code)
	before := len(w.mailed(ada.email))
	for _, other := range []string{ada.email + "\r\nBcc: x@example.org", "Ada <" + ada.email + ">", ada.email + ", x@example.org", `"` + name + `"@` + host, name + "@[127.0.0.1]"} {
		require.Equal(t, 422, w.ask("POST", "/auth/password/reset-request", object{"email": other}).Code, "%q", other)
		require.Equal(t, 422, w.ask("POST", "/auth/register", object{"email": other, "password": password}).Code, "%q", other)
	}
	require.Len(t, w.mailed(ada.email), before)
}

// Tokens of an account that was deleted are good for nothing on a replica which has not
// heard of it yet: neither to read nor to make anything.
func TestTokensOfADeletedAccountOnAReplicaThatHasNotHeard(t *testing.T) {
	w := newWorld(t)
	other := w.replica()
	require.NoError(t, other.Accounts.Ended.Poll(t.Context()))
	l := w.newcomer()
	user := w.me()
	b := w.owns()
	w.call(204, "DELETE", "/account", object{"password": password})
	w.handler = other.Handler()
	for _, o := range w.operations() {
		if !o.Owned || o.Streamed {
			continue
		}
		path := strings.NewReplacer("{id}", b.ids[0], "{base}", "USD", "{quote}", "EUR", "{date}", "2026-01-01").Replace(o.Path)
		answer := w.as(l.token, o, path+queries[o.ID], bodies[o.ID])
		require.Less(t, answer.Code, 500, "%s %s: %s", o.Method, path, answer.Body)
		require.NotContains(t, answer.Body.String(), secret, o.ID)
	}
	for table, n := range w.rows(user) {
		require.Zero(t, n, table)
	}
}

// A replica that starts hears of sessions that ended before it began.
func TestAReplicaThatStartsKnowsOfSessionsThatEndedBefore(t *testing.T) {
	w := newWorld(t)
	l := w.newcomer()
	w.call(204, "POST", "/auth/logout", object{"refreshToken": l.refresh})
	other := w.replica()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go other.Accounts.Ended.Run(ctx)
	w.handler = other.Handler()
	require.Eventually(t, func() bool {
		return w.ask("GET", "/wallets", nil, "Authorization", "Bearer "+l.token).Code == 401
	}, 10*time.Second, 10*time.Millisecond)
}
