package rest

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/wealth-companion/companion/app/store/db"
)

// Cache keeps answers under keys. It may forget at any time, and neither method may
// take long.
type Cache interface {
	Keep(ctx context.Context, key string, answer []byte)
	Find(ctx context.Context, key string) (answer []byte, ok bool)
}

// keptOperations are the reads whose answers are kept, for while the database is
// away: what the start page and the lists need. One thing of many is not kept, nor
// is what takes words to search for.
var keptOperations = map[string]bool{
	"me": true, "dashboard": true, "healthScore": true, "financialSummary": true, "categorySummary": true, "trends": true,
	"listWallets": true, "listCategories": true, "listTransactions": true, "listBudgets": true, "listGoals": true, "listTasks": true,
	"listInsights": true, "listAlerts": true, "countUnreadAlerts": true, "getPreferences": true,
}

// maxKept bounds one answer that is kept, in bytes: a full page of transactions has
// about 100 KiB. With two answers an operation it bounds what is kept of a user.
const maxKept = 128 << 10

// quick is how long a read may take before what was kept of it is the better answer.
const quick = 3 * time.Second

// question is what somebody asks for.
type question struct {
	caller
	operation string
}

// key is where the answer is kept. An operation has two places for each user,
// whatever is asked of it: one for it as it is without parameters, and one for the
// last question with any.
func (q question) key() string {
	place := ""
	if q.query() != "" {
		place = "?"
	}
	return "answer:" + q.user.String() + ":" + q.operation + place
}

// query is the question's parameters in one order; which there are is checked.
func (q question) query() string {
	address, err := url.ParseRequestURI(q.uri)
	if err != nil {
		return q.uri
	}
	return address.Query().Encode()
}

// kept is an answer, to what, and when it was true.
type kept struct {
	AsOf  time.Time       `json:"asOf"`
	Query string          `json:"query"`
	Body  json.RawMessage `json:"body"`
}

// read asks the endpoint, and answers with what is kept when the database is away.
func read[T any](ctx context.Context, a *API, q question, endpoint func(context.Context) (T, error)) (*answered[T], error) {
	limited, cancel := context.WithTimeout(ctx, quick)
	defer cancel()
	body, err := endpoint(limited)
	if err == nil {
		a.keep(ctx, q, body)
		return tag(body), nil
	}
	if !db.Transient(err) && limited.Err() == nil {
		return nil, err
	}
	raw, ok := a.Cache.Find(context.WithoutCancel(ctx), q.key())
	if !ok {
		return nil, err
	}
	var before kept
	if json.Unmarshal(raw, &before) != nil || before.Query != q.query() {
		return nil, err
	}
	var earlier T
	if json.Unmarshal(before.Body, &earlier) != nil { // of another release: it is as if there were none
		return nil, err
	}
	body = earlier
	answer := tag(body)
	answer.AsOf = before.AsOf.Format(time.RFC3339)
	a.Log.WarnContext(ctx, "answered from the cache: the database is unavailable", "as_of", answer.AsOf, "error", err)
	return answer, nil
}

// keep keeps an answer, unless it is too large.
func (a *API) keep(ctx context.Context, q question, body any) {
	raw, err := json.Marshal(body)
	if err != nil || len(raw) > maxKept {
		return
	}
	if raw, err = json.Marshal(kept{time.Now().UTC(), q.query(), raw}); err == nil {
		a.Cache.Keep(ctx, q.key(), raw)
	}
}
