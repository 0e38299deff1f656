// Package retention says of every table how long its rows are kept, and removes
// those that are older.
package retention

import (
	"cmp"
	"slices"
	"time"

	"github.com/wealth-companion/companion/app/core/event"
)

const day = 24 * time.Hour

// How long rows are kept.
const (
	// Inbox is how long the id of a handled event is remembered: as long as topics keep
	// events. A dead letter that is replayed later is handled again.
	Inbox = 7 * day
	// IdempotencyKeys is how long a request that is sent again gets the answer of the
	// first. The API's description says so.
	IdempotencyKeys = day
	// Findings is how long people find insights and alerts: a year, and the month that
	// it is compared with.
	Findings = 400 * day
	// Deliveries is how long the notification service keeps what it sent, so that an
	// event which comes again is not sent again; longer than dead letters are kept.
	Deliveries = 90 * day
	// Expired is how long rows stay after the time at which they expired: long enough
	// that no request in progress and no replica whose clock is behind still needs one.
	Expired = time.Hour
	// EndedSessions is how long the id of a session that ended is kept: longer than any
	// access token is valid.
	EndedSessions = time.Hour
)

// Rule says why a table does not grow for ever: rows are removed for their age, or
// something else bounds them.
type Rule struct {
	Table string
	// Column holds the time at which a row's age begins; an index begins with it.
	// Empty: no row is removed for its age.
	Column string
	Keep   time.Duration // after that time
	// Bound says what bounds the table of which no row is removed for its age.
	Bound string
}

// What bounds tables.
const (
	withAccount = "its rows are the person's, who removes them, and go with the account"
	onePerUser  = "one row a person, which goes with the account"
	whenDone    = "a row is removed when its work is done"
	gone        = "one row an account that was deleted: compacted topics have of it what was overwritten"
)

// messaging are the tables that every service has.
var messaging = []Rule{
	{Table: "outbox", Bound: "a row is removed when its event was published; the age of the oldest is a metric"},
	{Table: "inbox", Column: "received_at", Keep: Inbox},
	{Table: "goose_db_version", Bound: "one row a migration"},
}

var backend = []Rule{
	{Table: "users", Bound: "one row an account; those that nobody confirms are closed (people/account)"},
	{Table: "identities", Bound: withAccount},
	{Table: "sessions", Column: "expires_at", Keep: Expired},
	{Table: "refresh_tokens", Bound: "they go with their session, and expired ones when it is refreshed"},
	{Table: "oauth_clients", Column: "expires_at", Keep: Expired},
	{Table: "oauth_codes", Column: "expires_at", Keep: Expired},
	{Table: "assistants", Bound: "they go with their session; at most 50 a person"},
	{Table: "one_time_tokens", Column: "expires_at", Keep: Expired},
	{Table: "mail_requests", Bound: whenDone},
	{Table: "throttles", Column: "ends_at", Keep: Expired},
	{Table: "ended_sessions", Column: "ended_at", Keep: EndedSessions},
	{Table: "preferences", Bound: onePerUser},
	{Table: "push_subscriptions", Bound: withAccount},
	{Table: "demos", Bound: onePerUser},
	{Table: "wallets", Bound: withAccount},
	{Table: "categories", Bound: withAccount},
	{Table: "transactions", Bound: withAccount + "; deleted ones can be restored"},
	{Table: "daily_sums", Bound: "at most one row a day, category and currency of the person's transactions, with which they go"},
	{Table: "wallet_balances", Bound: "one row a wallet, with which it goes"},
	{Table: "transfer_matches", Bound: "they go with either of their transactions"},
	{Table: "imports", Bound: withAccount},
	{Table: "import_skips", Bound: "they go with their import, or the transaction that a line was left out as"},
	{Table: "import_presets", Bound: "at most 20 a wallet; they go with their import"},
	{Table: "rates", Bound: withAccount},
	{Table: "budgets", Bound: withAccount},
	{Table: "goals", Bound: withAccount},
	{Table: "goal_contributions", Bound: withAccount},
	{Table: "tasks", Bound: withAccount},
	{Table: "reminders", Bound: whenDone},
	{Table: "idempotency_keys", Column: "created_at", Keep: IdempotencyKeys},
	{Table: "insights", Column: "created_at", Keep: Findings},
	{Table: "alerts", Column: "delivered_at", Keep: Findings},
}

var notification = []Rule{
	{Table: "preferences", Bound: onePerUser},
	{Table: "alerts", Column: "created_at", Keep: Deliveries},
	{Table: "mails", Bound: "one row a person and day; those of days gone by are removed"},
	{Table: "letters", Bound: whenDone},
	{Table: "gone_browsers", Bound: "one row a browser that has unsubscribed; they go with the account"},
	{Table: "gone", Bound: gone},
}

// observer are the tables of the agents that observe people's money.
var observer = []Rule{
	{Table: "seen_transactions", Bound: withAccount},
	{Table: "transaction_changes", Bound: withAccount},
	{Table: "budgets", Bound: withAccount},
	{Table: "wallets", Bound: withAccount},
	{Table: "goals", Bound: withAccount},
	{Table: "categories", Bound: withAccount},
	{Table: "preferences", Bound: onePerUser},
	{Table: "raised", Bound: "one row an insight, so that none is raised twice; they go with the account"},
	{Table: "dismissals", Bound: "the review of a person removes those that count no more; the others go with the account"},
	{Table: "reviews", Bound: onePerUser},
	{Table: "unphrased", Bound: whenDone},
	{Table: "gone", Bound: gone},
}

// Rules returns a rule for each table of a service.
func Rules(service string) []Rule {
	own := map[string][]Rule{
		event.Backend: backend, event.Notification: notification,
		event.Analytics: observer, event.Banking: observer, event.Investment: observer,
	}[service]
	return slices.Concat(messaging, own)
}

// aged are the rules of a service by which rows are removed for their age.
func aged(service string) []Rule {
	rules := slices.DeleteFunc(Rules(service), func(r Rule) bool { return r.Column == "" })
	slices.SortFunc(rules, func(a, b Rule) int { return cmp.Compare(a.Table, b.Table) })
	return rules
}
