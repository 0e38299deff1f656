package drill

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/client"
)

// The load: what a few people do at once.
const (
	people = 4
	// patience is how long a request may take before it counts as failed.
	patience = 5 * time.Second
	// atOnce bounds what is under way, when nothing is answered.
	atOnce = 60
	// page is the most that a list shows at once, and so how many transactions a person enters.
	page = 200
)

// Target is how the application is reached.
type Target struct {
	URL       string            // https://, without /api/v1
	Authority []byte            // PEM; empty: the system's authorities only
	Resolve   map[string]string // host:port to host:port
}

// person enters transactions.
type person struct {
	*client.Client
	password string
	wallet   string
	// earlier are the transactions of drills before.
	earlier map[uuid.UUID]bool
}

// load is people who enter transactions, one after another, until they are told to stop.
type load struct {
	ledger
	site   *http.Client
	url    string
	people []*person
	month  string
	pace   pace
}

// register makes people. Those who could be registered are returned with an error too.
func register(ctx context.Context, at Target) ([]*person, error) {
	var all []*person
	var group errgroup.Group
	for range people {
		reached, err := client.New(at.URL, at.Authority, at.Resolve)
		if err != nil {
			return nil, err
		}
		// A connection that nothing comes from any more is given up as a browser gives it up, soon.
		if transport, is := reached.HTTP.Transport.(*http.Transport); is {
			transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: 2 * time.Second, PingTimeout: 2 * time.Second}
		}
		p := &person{Client: reached, password: uuid.NewString(), earlier: map[uuid.UUID]bool{}}
		all = append(all, p)
		group.Go(func() error { return p.register(ctx) })
	}
	return all, group.Wait()
}

// newLoad is people who have not begun yet.
func newLoad(at Target, people []*person, its pace) *load {
	l := &load{pace: its, month: time.Now().UTC().Format("2006-01"), url: strings.TrimSuffix(at.URL, "/") + "/", people: people, site: people[0].HTTP}
	for _, p := range people {
		p.HTTP.Timeout = patience // until now passwords took their time
	}
	return l
}

func (p *person) register(ctx context.Context) error {
	var session struct {
		Token string `json:"token"`
	}
	if _, err := p.Call(ctx, http.MethodPost, "/auth/register", nil, map[string]string{
		"email": "drill+" + uuid.NewString() + "@companion.invalid", "password": p.password, "name": "Drill",
	}, &session); err != nil {
		return err
	}
	p.Token = session.Token
	var wallet client.Identified
	_, err := p.Call(ctx, http.MethodPost, "/wallets", nil, map[string]string{"name": "Drill", "type": "checking", "currency": "EUR"}, &wallet)
	p.wallet = wallet.ID
	return err
}

// leave deletes people's accounts.
func leave(ctx context.Context, people []*person) error {
	var failed []error
	for _, p := range people {
		if p.Token == "" {
			continue
		}
		p.HTTP.Timeout = client.Timeout
		if _, err := p.Call(ctx, http.MethodDelete, "/account", nil, map[string]string{"password": p.password}, nil); err != nil {
			failed = append(failed, fmt.Errorf("delete the account of a drill: %w", err))
		}
	}
	return errors.Join(failed...)
}

// run enters transactions until ctx ends; what is begun then is sent again until finish ends.
// Meanwhile everybody looks at their alerts.
func (l *load) run(ctx, finish context.Context) {
	var begun sync.WaitGroup
	room := make(chan struct{}, atOnce)
	ticker := time.NewTicker(l.pace.every)
	defer ticker.Stop()
	looking, stop := context.WithCancel(finish)
	defer stop()
	for i := range l.people {
		go l.watch(looking, i)
	}
	for n := 0; n < people*page && ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
		case room <- struct{}{}:
			begun.Go(func() {
				defer func() { <-room }()
				l.enter(finish, n%people)
			})
			begun.Go(func() { l.visit(ctx) })
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
	begun.Wait()
}

// enter makes a category and a budget, and spends most of it.
func (l *load) enter(ctx context.Context, i int) {
	e, p := l.begin(i), l.people[i]
	name := "drill " + uuid.NewString()
	var category struct {
		Slug string `json:"slug"`
	}
	if !l.insist(ctx, p, "/categories", map[string]string{"name": name, "kind": "expense"}, &category) {
		return
	}
	var budget, transaction struct {
		ID uuid.UUID `json:"id"`
	}
	if !l.insist(ctx, p, "/budgets", map[string]string{"category": category.Slug, "amount": "100.00", "currency": "EUR", "month": l.month}, &budget) {
		return
	}
	if !l.insist(ctx, p, "/transactions", map[string]string{
		"walletId": p.wallet, "amount": "85.00", "type": event.Expense, "category": category.Slug, "timestamp": time.Now().UTC().Format(time.RFC3339),
	}, &transaction) {
		return
	}
	l.accept(e, budget.ID, transaction.ID, time.Now())
}

// insist sends a request with the same idempotency key until it succeeds, or ctx ends.
func (l *load) insist(ctx context.Context, p *person, path string, body, out any) bool {
	headers := map[string]string{"Idempotency-Key": uuid.NewString()}
	for ctx.Err() == nil {
		_, err := p.Call(ctx, http.MethodPost, path, headers, body, out)
		if ctx.Err() != nil {
			return false
		}
		l.answered(time.Now(), err != nil)
		if err == nil {
			return true
		}
		if pause(ctx, l.pace.again) != nil {
			return false
		}
	}
	return false
}

// visit opens the start page.
func (l *load) visit(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.url, nil)
	if err != nil {
		return
	}
	answer, err := l.site.Do(request)
	if err == nil {
		_ = answer.Body.Close()
	}
	if ctx.Err() == nil {
		l.answered(time.Now(), err != nil || answer.StatusCode >= http.StatusBadRequest)
	}
}

// watch looks at a person's alerts until ctx ends.
func (l *load) watch(ctx context.Context, i int) {
	for pause(ctx, l.pace.look) == nil {
		if l.outstanding(i) {
			l.lookAt(ctx, i)
		}
	}
}

// lookAt reads what a person is shown.
func (l *load) lookAt(ctx context.Context, i int) {
	its, err := l.people[i].lists(ctx)
	if ctx.Err() != nil {
		return
	}
	now := time.Now()
	l.answered(now, err != nil)
	if err == nil {
		l.look(i, its, now)
	}
}

// lists reads a person's insights and alerts.
func (p *person) lists(ctx context.Context) (found, error) {
	its := found{insights: map[uuid.UUID][]uuid.UUID{}, alerts: map[uuid.UUID]int{}}
	var alerts struct {
		Items []struct {
			Channel   string     `json:"channel"`
			InsightID *uuid.UUID `json:"insightId"`
		} `json:"items"`
	}
	if _, err := p.Call(ctx, http.MethodGet, fmt.Sprintf("/alerts?limit=%d", page), nil, nil, &alerts); err != nil {
		return its, err
	}
	for _, one := range alerts.Items {
		if one.Channel == "in_app" && one.InsightID != nil {
			its.alerts[*one.InsightID]++
		}
	}
	var insights struct {
		Items []struct {
			ID      uuid.UUID         `json:"id"`
			Related map[string]string `json:"relatedEntities"`
		} `json:"items"`
	}
	if _, err := p.Call(ctx, http.MethodGet, fmt.Sprintf("/insights?limit=%d&type=%s&state=all", page, event.BudgetWarning), nil, nil, &insights); err != nil {
		return its, err
	}
	for _, one := range insights.Items {
		budget, err := uuid.Parse(one.Related["budgetId"])
		if err == nil && one.Related["detector"] == event.BudgetWarning {
			its.insights[budget] = append(its.insights[budget], one.ID)
		}
	}
	return its, nil
}

// transactions are those of all people's lists, but for earlier ones. A list shows the newest first.
func (l *load) transactions(ctx context.Context) ([]uuid.UUID, error) {
	var all []uuid.UUID
	for _, p := range l.people {
		items, err := p.List(ctx, "/transactions")
		if err != nil {
			return nil, err
		}
		for _, one := range items {
			id, err := uuid.Parse(one.ID)
			if err != nil {
				return nil, err
			}
			if !p.earlier[id] {
				all = append(all, id)
				p.earlier[id] = true
			}
		}
	}
	return all, nil
}
