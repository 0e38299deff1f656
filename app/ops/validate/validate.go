// Package validate proves the event flow of a running system from the outside:
// one transaction goes all the way, a duplicate changes nothing, a poisoned
// event ends among the dead letters and holds nothing up.
package validate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
	"github.com/wealth-companion/companion/app/ops/client"
)

// Options say what is validated, and how it is reached.
type Options struct {
	URL       string            // of the application, without /api/v1
	MCP       string            // of the MCP server; empty: it is not asked
	Web       string            // of the pages; empty: they are not visited
	Authority []byte            // PEM; empty: the system's authorities only
	Resolve   map[string]string // host:port to host:port
	Email     string            // an address that e-mails may be sent to; empty: none is
	Within    time.Duration     // from the request to the audited alert
	Report    func(string)      // receives each step
}

// patience is how long anything is awaited: what takes longer is not slow, but
// does not come.
const patience = 60 * time.Second

// Hop is a step of a transaction's way, and when it was seen.
type Hop struct {
	Name  string        `json:"name"`
	After time.Duration `json:"afterNanoseconds"` // since the request was sent
}

// Result is what was found.
type Result struct {
	Hops      []Hop         `json:"hops"`
	Total     time.Duration `json:"totalNanoseconds"`
	Duplicate string        `json:"duplicate"`
	Poison    string        `json:"poison"`
	Consumers string        `json:"consumers"`
	Assistant string        `json:"assistant"`
	Web       string        `json:"web"`
	Email     string        `json:"email"`
}

// run is one validation: a user of its own, and what comes on the topics.
type run struct {
	Options
	api      *client.Client
	kafka    *admin.Kafka
	watch    *admin.Watch
	user     uuid.UUID
	login    string // the user's address
	password string
	wallet   string
	month    string
	last     admin.Message // the last transaction's event
}

// Run validates. The error says which step failed and what was awaited; the
// result holds what was found until then.
func Run(ctx context.Context, kafka *admin.Kafka, options Options) (Result, error) {
	user, err := client.New(options.URL, options.Authority, options.Resolve)
	if err != nil {
		return Result{}, err
	}
	created, _ := event.OfType(event.TypeTransactionCreated)
	topics := []string{created.DeadLetter()}
	for _, topic := range event.Catalogue() {
		topics = append(topics, topic.Name)
	}
	watch, err := kafka.Watch(topics...)
	if err != nil {
		return Result{}, err
	}
	defer func() { _ = watch.Close() }()
	r := &run{
		Options: options, api: user, kafka: kafka, watch: watch, login: addressFor(options.Email), password: uuid.NewString(),
		month: time.Now().UTC().Format("2006-01"),
	}
	var result Result
	for _, step := range []struct {
		name string
		do   func(context.Context, *Result) error
	}{
		{"a new user", r.register},
		{"a transaction, all the way", r.transaction},
		{"a duplicate", r.duplicate},
		{"a poisoned event", r.poison},
		{"every consumer", r.consumers},
		{"a person's assistant (MCP)", r.assistant},
		{"an e-mail", r.email},
		{"a person's way through the pages", r.web}, // an address is confirmed by then
	} {
		options.Report(step.name)
		limited, cancel := context.WithTimeout(ctx, patience)
		err := step.do(limited, &result)
		cancel()
		if err != nil {
			return result, fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return result, nil
}

func (r *run) register(ctx context.Context, _ *Result) error {
	if err := r.api.Reachable(ctx); err != nil {
		return err
	}
	var session struct {
		Token string `json:"token"`
		User  struct {
			ID uuid.UUID `json:"id"`
		} `json:"user"`
	}
	if _, err := r.api.Call(ctx, http.MethodPost, "/auth/register", nil, map[string]string{
		"email": r.login, "password": r.password, "name": "Validation",
	}, &session); err != nil {
		return err
	}
	r.api.Token, r.user = session.Token, session.User.ID
	var wallet client.Identified
	if _, err := r.api.Call(ctx, http.MethodPost, "/wallets", nil, map[string]string{
		"name": "Validation", "type": "checking", "currency": "EUR",
	}, &wallet); err != nil {
		return err
	}
	r.wallet = wallet.ID
	return nil
}

// addressFor is a new user's: none that mail goes to, or one of email's own, by
// a tag (RFC 5233).
func addressFor(email string) string {
	local, domain, found := strings.Cut(email, "@")
	if !found {
		local, domain = "validation", "companion.invalid"
	}
	return local + "+" + uuid.NewString() + "@" + domain
}

// flow is a transaction that went all the way.
type flow struct {
	hops        []Hop
	total       time.Duration
	body        map[string]string
	key         string // idempotency key
	transaction string
	published   admin.Message
}

// spend posts a transaction that takes 85% of a new budget of the category, and
// follows it to the audit of its alert.
func (r *run) spend(ctx context.Context, category string) (flow, error) {
	var budget client.Identified
	if _, err := r.api.Call(ctx, http.MethodPost, "/budgets", nil, map[string]string{
		"category": category, "amount": "100.00", "currency": "EUR", "month": r.month,
	}, &budget); err != nil {
		return flow{}, err
	}
	f := flow{key: uuid.NewString(), body: map[string]string{
		"walletId": r.wallet, "amount": "85.00", "type": event.Expense, "category": category,
		"description": "validation", "timestamp": time.Now().UTC().Format(time.RFC3339),
	}}
	start := time.Now()
	hop := func(name string, at time.Time) { f.hops = append(f.hops, Hop{Name: name, After: at.Sub(start)}) }
	var transaction client.Identified
	if _, err := r.api.Call(ctx, http.MethodPost, "/transactions", map[string]string{"Idempotency-Key": f.key}, f.body, &transaction); err != nil {
		return f, err
	}
	f.transaction = transaction.ID
	hop("accepted", time.Now())
	published, err := r.watch.Await(ctx, "transaction.created for transaction "+transaction.ID, func(m admin.Message) bool {
		return isData(m, event.TypeTransactionCreated, func(d event.TransactionCreated) bool { return d.TransactionID.String() == transaction.ID })
	})
	if err != nil {
		return f, hint(err, "backend", "its outbox")
	}
	f.published, r.last = published.Message, published.Message
	if published.Key != r.user.String() {
		return f, fmt.Errorf("the event is published with the key %q, not its user's: what one user does would be handled out of order", published.Key)
	}
	hop("published", published.At)
	insight, err := r.watch.Await(ctx, "ai.insight.generated for "+category, func(m admin.Message) bool {
		// Not by its correlation: when the budget is heard of after the transaction,
		// it is what calls for the warning.
		return m.Event.Subject == budget.ID && r.isWarning(m)
	})
	if err != nil {
		return f, hint(err, "analytics", "the dead letters")
	}
	hop("insight", insight.At)
	var alert event.AlertSent
	sent, err := r.watch.Await(ctx, "user.alert.sent for insight "+insight.Event.ID, func(m admin.Message) bool {
		return isData(m, event.TypeAlertSent, func(d event.AlertSent) bool {
			alert = d
			return d.SourceEventID.String() == insight.Event.ID
		})
	})
	if err != nil {
		return f, hint(err, "notification", "the dead letters")
	}
	hop("alert", sent.At)
	if err := r.audited(ctx, alert.AlertID.String()); err != nil {
		return f, hint(err, "backend", "the dead letters")
	}
	f.total = time.Since(start)
	hop("audited", start.Add(f.total))
	return f, nil
}

func hint(err error, service, also string) error {
	return fmt.Errorf("%w; look at the log of %s and at %s (`companionctl dlq list`)", err, service, also)
}

// isData tells whether the message is an event of that type with such data.
func isData[T any](m admin.Message, kind string, wanted func(T) bool) bool {
	if m.Event.Type != kind {
		return false
	}
	data, err := event.Decode[T](m.Event)
	return err == nil && wanted(data)
}

func (r *run) isWarning(m admin.Message) bool {
	return isData(m, event.TypeInsightGenerated, func(d event.InsightGenerated) bool {
		return d.UserID == r.user && d.InsightType == event.BudgetWarning
	})
}

// audited waits until the user's list of alerts shows this one.
func (r *run) audited(ctx context.Context, alert string) error {
	for {
		alerts, err := r.api.List(ctx, "/alerts")
		if err != nil && ctx.Err() == nil {
			return err
		}
		for _, one := range alerts {
			if one.ID == alert {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("alert %s did not reach the audit: %w", alert, ctx.Err())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

func (r *run) transaction(ctx context.Context, result *Result) error {
	f, err := r.spend(ctx, "groceries")
	result.Hops, result.Total = f.hops, f.total
	if err != nil {
		return err
	}
	if f.total > r.Within {
		return fmt.Errorf("it took %s, more than %s", f.total.Round(time.Millisecond), r.Within)
	}
	return r.again(ctx, f, result)
}

// again sends the request and publishes the event a second time; what follows
// in the next step proves that nothing came of it.
func (r *run) again(ctx context.Context, f flow, result *Result) error {
	var repeated client.Identified
	if _, err := r.api.Call(ctx, http.MethodPost, "/transactions", map[string]string{"Idempotency-Key": f.key}, f.body, &repeated); err != nil {
		return err
	}
	if repeated.ID != f.transaction {
		return fmt.Errorf("the same request with the same idempotency key made transaction %s beside %s", repeated.ID, f.transaction)
	}
	result.Duplicate = "request and event sent twice"
	return r.kafka.Again(f.published)
}

// duplicate sends another transaction of the same user: its event is in the
// same partition behind the duplicate, so when its alert is there, the
// duplicate was dealt with.
func (r *run) duplicate(ctx context.Context, result *Result) error {
	if _, err := r.spend(ctx, "transport"); err != nil {
		return err
	}
	mine := func(kind string) func(admin.Message) bool {
		return func(m admin.Message) bool {
			return isData(m, kind, func(d struct {
				UserID uuid.UUID `json:"userId"`
			}) bool {
				return d.UserID == r.user
			})
		}
	}
	// Twice 85.00 would have passed the budget of 100.00.
	for kind, want := range map[string]int{event.TypeInsightGenerated: 2, event.TypeAlertSent: 2, event.TypeBudgetExceeded: 0} {
		if got := r.watch.Count(mine(kind)); got != want {
			return fmt.Errorf("%d events %s for two transactions, not %d: the duplicate had an effect", got, kind, want)
		}
	}
	for _, path := range []string{"/transactions", "/insights", "/alerts"} {
		if err := r.counts(ctx, path, 2); err != nil {
			return err
		}
	}
	result.Duplicate = "changed nothing: one request and one event sent twice, still one transaction, one insight, one alert"
	return nil
}

// counts waits until there are that many at path: what is on its way may not
// have arrived. More are a failure at once.
func (r *run) counts(ctx context.Context, path string, want int) error {
	for {
		items, err := r.api.List(ctx, path)
		if err != nil && ctx.Err() == nil {
			return err
		}
		if len(items) > want {
			return fmt.Errorf("%d at %s after two transactions, not %d: the duplicate had an effect", len(items), path, want)
		}
		if len(items) == want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d at %s after two transactions, not %d: %w", len(items), path, want, ctx.Err())
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// poison publishes an event whose data breaks the contract, and finds it among
// the dead letters; a transaction of the same user behind it goes all the way.
func (r *run) poison(ctx context.Context, result *Result) error {
	created, _ := event.OfType(event.TypeTransactionCreated)
	poisoned, err := event.New(ctx, event.Backend, event.TypeTransactionCreated, r.user.String(), map[string]string{
		"userId": r.user.String(), "amount": "a lot",
	})
	if err != nil {
		return err
	}
	if event.Check(poisoned) == nil {
		return errors.New("the poisoned event is within the contract: this tool and the contract disagree")
	}
	poisoned.Drill = true // nobody is woken for it
	raw, err := json.Marshal(poisoned)
	if err != nil {
		return err
	}
	sent := time.Now()
	if err := r.kafka.Publish(created.Name, r.user.String(), raw); err != nil {
		return err
	}
	dead, err := r.watch.Await(ctx, "event "+poisoned.ID+" on "+created.DeadLetter(), func(m admin.Message) bool {
		return m.Topic == created.DeadLetter() && m.Event.ID == poisoned.ID
	})
	if err != nil {
		return err
	}
	result.Poison = fmt.Sprintf("event %s is on %s (partition %d, offset %d) after %s",
		poisoned.ID, dead.Topic, dead.Partition, dead.Offset, dead.At.Sub(sent).Round(time.Millisecond))
	if _, err := r.spend(ctx, "health"); err != nil {
		return fmt.Errorf("a transaction behind it: %w", err)
	}
	result.Poison += ", and the next transaction went all the way"
	return nil
}

// consumers waits until every service that consumes transactions has taken the
// last one, also those that have nothing to say about it.
func (r *run) consumers(ctx context.Context, result *Result) error {
	topic, _ := event.OfType(event.TypeTransactionCreated)
	began := time.Now()
	for _, service := range topic.Consumers {
		if err := r.kafka.AwaitTaken(ctx, service, r.last); err != nil {
			return hint(err, service, "its sidecar")
		}
	}
	result.Consumers = fmt.Sprintf("%s have taken the last transaction, %s after it was looked at", strings.Join(topic.Consumers, ", "), time.Since(began).Round(time.Millisecond))
	return nil
}
