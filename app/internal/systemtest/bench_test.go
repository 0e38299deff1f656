//go:build bench

package systemtest

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/internal/stack"
	"github.com/wealth-companion/companion/app/ops/admin"
)

// How much is measured.
const (
	callers  = 8 // at a time
	measured = 20 * time.Second
	// endurance is one round that shows whether a backlog grows.
	endurance = 60 * time.Second
	// looks is how often within a round the backlog is measured.
	looks = 6
	// warmUp is before that, with the same load: Kafka is compiled while it runs.
	warmUp    = 8 * time.Second
	flows     = 300
	flowPause = 100 * time.Millisecond
	// benchTopic is for what Kafka does alone.
	benchTopic = "bench"
	// baseline names a folder of an earlier release's programs, which migrate their own
	// schemas: they are measured before the present ones.
	baseline = "BENCH_BASELINE"
)

// TestBench measures the application and, in the same run and on the same
// servers, what it is compared with. It prints the rows of docs/benchmarks.md.
func TestBench(t *testing.T) {
	report := &strings.Builder{}
	fmt.Fprintf(report, "%s, %d cores, %s\n\n", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), runtime.Version())
	rounds := earlier(t, nil)
	s := stack.Start(t, stack.Options{Durable: true, Counted: true, Direct: true})
	m := newMeter(t, s)
	// Early: a new topic has no leader for a moment.
	topics := []admin.Topic{{Name: benchTopic, Partitions: 6}}
	for _, how := range deliveries {
		topics = append(topics, admin.Topic{Name: how.topic, Partitions: 6})
	}
	topics = append(topics, hopTopics...)
	require.NoError(t, s.Kafka.Apply(t.Context(), topics, 1, func(admin.Change) {}))

	c := s.Client()
	require.NoError(t, c.Register(t.Context()))
	var wallet stack.Identified
	require.NoError(t, c.Call(t.Context(), http.MethodPost, "/wallets", nil, map[string]string{"name": "Purse", "type": "cash", "currency": "EUR"}, &wallet))
	m.settle(t, time.Minute)

	alone := []float64{pgbench(t, s, m, c.User, wallet.ID)}
	ours := []throughput{rates(t, s, m, measured)}
	alone = append(alone, pgbench(t, s, m, c.User, wallet.ID))
	ours = append(ours, rates(t, s, m, endurance))
	alone = append(alone, pgbench(t, s, m, c.User, wallet.ID))
	middle := (alone[0] + alone[1] + alone[2]) / 3
	now := mean(ours)
	bare := bareKafka(t, s)
	alerts := acceptedToAlert(t, s, m, 0)
	// Three fifths of what all agents handle, what is measured included.
	pace := 0.6*now.handled - float64(time.Second)/float64(flowPause)
	loaded := acceptedToAlert(t, s, m, pace)
	var hopsAlone []time.Duration
	t.Run("Dapr alone", func(t *testing.T) {
		fmt.Fprintf(report, "| Dapr alone, three consumers that do nothing | published a second | delivered to all a second | processor for each, ms |\n|---|---|---|---|\n")
		for _, how := range deliveries {
			its := daprAlone(t, s, how)
			fmt.Fprintf(report, "| %s | %.0f | %.0f | %.2f |\n", how.name, its.published, its.delivered, its.processor)
		}
		report.WriteString("\n")
		hopsAlone = daprHops(t, s, pace)
	})
	s.Stop(stack.Kafka) // the other stack has the machine for itself
	rounds = earlier(t, rounds)
	before := mean(rounds)

	fmt.Fprintf(report, "| transactions a second, %d at a time | rate | of pgbench | of the baseline |\n|---|---|---|---|\n", callers)
	fmt.Fprintf(report, "| pgbench, the same statements | %.0f | 1 | |\n", middle)
	for _, row := range []struct {
		name      string
		now, then float64
	}{
		{"accepted by the API, agents at work", now.accepted, before.accepted},
		{"handled by all agents, while accepting", now.steady, before.steady},
		{"handled by all agents, until the last is", now.handled, before.handled},
	} {
		if before.accepted > 0 {
			fmt.Fprintf(report, "| baseline: %s | %.0f | %.2f | 1 |\n", row.name, row.then, row.then/middle)
		}
		fmt.Fprintf(report, "| %s | %.0f | %.2f | %s |\n", row.name, row.now, row.now/middle, ratio(row.now, row.then))
	}
	fmt.Fprintf(report, "\npgbench: %.0f; rounds of the baseline: %s; of this release: %s\n", alone, rounds, ours)
	fmt.Fprintf(report, "statements for each transaction, all agents: %s, now %.1f\n", orNone(before.statements), now.statements)
	fmt.Fprintf(report, "commits for each transaction, all agents: %s, now %.1f\n", orNone(before.commits), now.commits)
	fmt.Fprintf(report, "ms of the processor for each transaction, by all programs: %s, now %.1f\n", orNone(before.processor), now.processor)
	for i, round := range ours {
		fmt.Fprintf(report, "round %d: accepted but not known to the slowest agent, at equal intervals: %d; ms of the processor: %s\n", i+1, round.backlog, round.programs())
	}
	fmt.Fprintf(report, "MiB of memory before and after the rounds of this release: %d, %d\n\n", ours[0].memory>>20, ours[1].memory>>20)

	fmt.Fprintf(report, "| milliseconds, %d of them | P50 | P95 | P99 |\n|---|---|---|---|\n", flows)
	row := func(name string, samples []time.Duration) {
		fmt.Fprintf(report, "| %s | %.1f | %.1f | %.1f |\n", name, ms(samples, 50), ms(samples, 95), ms(samples, 99))
	}
	row("Kafka alone: produce and consume, one topic", bare)
	if hopsAlone != nil {
		row(fmt.Sprintf("Dapr alone: three topics, applications that do nothing, %.0f others a second", pace), hopsAlone)
	}
	for _, one := range []struct {
		name string
		hops []hop
	}{{"nothing else", alerts}, {fmt.Sprintf("%.0f other transactions a second", pace), loaded}} {
		for _, h := range one.hops {
			row(one.name+": "+h.name, h.samples)
		}
	}
	t.Log("\n" + report.String())
}

// earlier measures an earlier release once more, if one is named.
func earlier(t *testing.T, rounds []throughput) []throughput {
	t.Helper()
	binaries := os.Getenv(baseline)
	if binaries == "" {
		return nil
	}
	// Its stack ends before another begins.
	require.True(t, t.Run("baseline", func(t *testing.T) {
		s := stack.Start(t, stack.Options{Durable: true, Counted: true, Direct: true, Binaries: binaries})
		rounds = append(rounds, rates(t, s, newMeter(t, s), measured))
	}))
	return rounds
}

// mean is that of rounds; zero: there are none.
func mean(rounds []throughput) (of throughput) {
	for _, one := range rounds {
		of.accepted += one.accepted / float64(len(rounds))
		of.handled += one.handled / float64(len(rounds))
		of.steady += one.steady / float64(len(rounds))
		of.statements += one.statements / float64(len(rounds))
		of.commits += one.commits / float64(len(rounds))
		of.processor += one.processor / float64(len(rounds))
	}
	return of
}

func ratio(now, then float64) string {
	if then == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", now/then)
}

func orNone(before float64) string {
	if before == 0 {
		return "not measured before"
	}
	return fmt.Sprintf("%.1f before", before)
}

// ms is a percentile in milliseconds.
func ms(samples []time.Duration, percent int) float64 {
	sorted := slices.Sorted(slices.Values(samples))
	return float64(sorted[min(len(sorted)-1, len(sorted)*percent/100)].Microseconds()) / 1000
}

// script is what the backend asks of PostgreSQL for one transaction, in the same
// two round trips (idempotency.Pipelined). Its events go to
// a table like the outbox, from which no relay takes them.
const script = `
\set number random(0, 999999999999)
\startpipeline
SELECT set_config('app.user_id', '%[1]s', true);
SELECT EXISTS (SELECT FROM idempotency_keys WHERE user_id = '%[1]s' AND key = ('00000000-0000-4000-8000-' || lpad(:number, 12, '0'))::uuid);
SELECT id, currency, archived_at IS NOT NULL, coalesce((SELECT timezone FROM preferences WHERE user_id = '%[1]s'), 'UTC')
	FROM wallets WHERE user_id = '%[1]s' AND id = ANY ('{%[2]s}');
SELECT kind FROM categories WHERE user_id = '%[1]s' AND slug = 'groceries' AND archived_at IS NULL;
\endpipeline
\startpipeline
SELECT set_config('app.user_id', '%[1]s', true);
INSERT INTO transactions (id, user_id, wallet_id, amount, currency, type, category, refund, description, tags, occurred_at, date, created_at, updated_at)
	VALUES (gen_random_uuid(), '%[1]s', '%[2]s', 12.50, 'EUR', 'expense', 'groceries', false, '', '{}', now(), current_date, now(), now());
INSERT INTO unrelayed (event_id, topic, key, payload)
	VALUES (gen_random_uuid(), 'finance.transaction.created', '%[1]s', '%[3]s');
INSERT INTO idempotency_keys (user_id, key, request, answer)
	VALUES ('%[1]s', ('00000000-0000-4000-8000-' || lpad(:number, 12, '0'))::uuid, '\x00', '\x%[4]s');
\endpipeline
`

var rate = regexp.MustCompile(`tps = ([0-9.]+) \(without initial connection time\)`)

// pgbench returns how many transactions PostgreSQL alone takes in a second.
func pgbench(t *testing.T, s *stack.Stack, m meter, user, wallet uuid.UUID) float64 {
	t.Helper()
	bin, err := pgtest.Programs()
	require.NoError(t, err)
	e, err := event.New(t.Context(), event.Backend, event.TypeTransactionCreated, user.String(), event.TransactionCreated{
		TransactionID: uuid.New(), UserID: user, Amount: "12.50", Currency: "EUR", Type: event.Expense, Category: "groceries",
		WalletID: wallet, Timestamp: time.Now().UTC(),
	})
	require.NoError(t, err)
	payload, err := json.Marshal(e)
	require.NoError(t, err)
	_, err = m.pool.Exec(t.Context(), `CREATE TABLE IF NOT EXISTS backend.unrelayed (LIKE backend.outbox INCLUDING ALL);
		GRANT ALL ON backend.unrelayed TO backend; GRANT ALL ON ALL SEQUENCES IN SCHEMA backend TO backend; TRUNCATE backend.unrelayed`)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "script.sql")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, script, user, wallet, payload, strings.Repeat("7b", 350)), 0o600))
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "pgbench"), "--no-vacuum", "--protocol=prepared", "--file="+file,
		fmt.Sprintf("--client=%d", callers), "--jobs=2", fmt.Sprintf("--time=%d", int(measured.Seconds())),
		s.DatabaseURL(event.Backend, "companion")).CombinedOutput()
	require.NoError(t, err, "%s", out)
	found := rate.FindSubmatch(out)
	require.NotNil(t, found, "%s", out)
	tps, err := strconv.ParseFloat(string(found[1]), 64)
	require.NoError(t, err)
	// Triggers look for the schema's tables where the session does.
	_, err = m.pool.Exec(t.Context(), fmt.Sprintf(`SET search_path TO backend; DELETE FROM transactions WHERE user_id = '%[1]s';
		DELETE FROM idempotency_keys WHERE user_id = '%[1]s'; RESET search_path`, user))
	require.NoError(t, err)
	_, err = m.pool.Exec(t.Context(), "VACUUM ANALYZE")
	require.NoError(t, err)
	return tps
}

// throughput is what the application does in a second, and what that takes.
type throughput struct {
	// Transactions a second: by the API; by every agent while more were accepted; by every
	// agent, until the last was.
	accepted, steady, handled float64
	// backlog is how many accepted transactions the slowest agent did not know, at equal
	// intervals of the round.
	backlog []int
	// Of PostgreSQL for each transaction, by all agents together.
	statements, commits float64
	processor           float64            // milliseconds for each transaction, of all programs
	by                  map[string]float64 // the same of each program
	memory              int64              // bytes, of the services at the end
}

func (r throughput) String() string {
	return fmt.Sprintf("%.0f accepted, %.0f handled meanwhile, %.0f in all", r.accepted, r.steady, r.handled)
}

// programs lists what each program took of the processor.
func (r throughput) programs() string {
	var all []string
	for _, name := range slices.SortedFunc(maps.Keys(r.by), func(a, b string) int { return cmp.Compare(r.by[b], r.by[a]) }) {
		all = append(all, fmt.Sprintf("%s %.2f", name, r.by[name]))
	}
	return strings.Join(all, ", ")
}

// usage is what all programs of the stack have taken of the processor, in milliseconds,
// and what memory the services have.
func usage(s *stack.Stack) (milliseconds float64, memory int64) {
	for name, its := range s.Usage() {
		milliseconds += its.CPU.Seconds() * 1000
		if slices.Contains(stack.Services(), name) {
			memory += its.Resident
		}
	}
	return milliseconds, memory
}

// rates measures while people enter transactions as fast as they can.
func rates(t *testing.T, s *stack.Stack, m meter, during time.Duration) throughput {
	t.Helper()
	post(t, endless(t, s), warmUp)
	l := endless(t, s)
	m.settle(t, 2*time.Minute)
	statements, commits := m.statements(t)
	before := s.Usage()
	began := time.Now()
	backlog := make(chan []int, 1)
	go func() { backlog <- m.backlog(t, during/looks, looks) }()
	post(t, l, during)
	took := time.Since(began)
	behind := <-backlog
	total := m.settle(t, 5*time.Minute).Sub(began)
	many := float64(l.progress())
	r := throughput{
		accepted: many / took.Seconds(), steady: (many - float64(behind[len(behind)-1])) / took.Seconds(), handled: many / total.Seconds(),
		backlog: behind, by: map[string]float64{},
	}
	t.Logf("%s; the last after %s; backlog %d", r, total.Round(time.Millisecond), behind)
	moreStatements, moreCommits := m.statements(t)
	r.statements, r.commits = (moreStatements-statements)/many, (moreCommits-commits)/many
	for name, its := range s.Usage() {
		name, _, _ = strings.Cut(name, "/") // PostgreSQL's sessions belong to it
		r.by[name] += (its.CPU).Seconds() * 1000 / many
		if slices.Contains(stack.Services(), name) {
			r.memory += its.Resident
		}
	}
	for name, its := range before {
		name, _, _ = strings.Cut(name, "/")
		r.by[name] -= its.CPU.Seconds() * 1000 / many
	}
	for _, its := range r.by {
		r.processor += its
	}
	return r
}

// post has people enter transactions for a while.
func post(t *testing.T, l *load, during time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), during)
	defer cancel()
	if err := l.run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		require.NoError(t, err)
	}
}

// statements is how many statements PostgreSQL has run for the agents, and how many of
// them were commits.
func (m meter) statements(t *testing.T) (all, commits float64) {
	t.Helper()
	require.NoError(t, m.pool.QueryRow(t.Context(), `SELECT coalesce(sum(calls), 0), coalesce(sum(calls) FILTER (WHERE query ILIKE 'commit%'), 0)
		FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = ANY($1)`, observers).Scan(&all, &commits))
	return all, commits
}

// endless is people who mean to enter more than they can.
func endless(t *testing.T, s *stack.Stack) *load {
	t.Helper()
	const enough = 100_000
	l := newLoad(t, s, callers, callers, 1)
	for _, p := range l.people {
		template := p.plan[0]
		p.plan = nil
		for range enough / callers {
			next := template
			next.key, next.twice = uuid.New(), false
			next.raised = next.raised.Sub(next.raised)
			p.plan = append(p.plan, next)
		}
	}
	return l
}

// acceptedToAlert has people in turn post transactions that each use up most of a
// budget, one after the other, and returns how long each took from its acceptance until
// notification.alert.sent was on its topic, with the hops between. Others enter so many a
// second meanwhile.
func acceptedToAlert(t *testing.T, s *stack.Stack, m meter, pace float64) []hop {
	t.Helper()
	people := make([]*stack.Client, callers)
	wallets := make([]stack.Identified, callers)
	for i := range people {
		people[i] = s.Client()
		require.NoError(t, people[i].Register(t.Context()))
		require.NoError(t, people[i].Call(t.Context(), http.MethodPost, "/wallets", nil, map[string]string{"name": "Purse", "type": "cash", "currency": "EUR"}, &wallets[i]))
	}
	now := time.Now().UTC()
	category := func(i int) string { return fmt.Sprintf("purpose-%d", i) }
	byBudget := map[string]int{}
	for i := range flows {
		c := people[i%callers]
		require.NoError(t, c.Call(t.Context(), http.MethodPost, "/categories", nil, map[string]string{"name": category(i), "kind": event.Expense}, nil))
		var budget stack.Identified
		require.NoError(t, c.Call(t.Context(), http.MethodPost, "/budgets", nil, map[string]string{
			"category": category(i), "amount": "100.00", "currency": "EUR", "month": now.Format("2006-01"),
		}, &budget))
		byBudget[budget.ID.String()] = i
	}
	m.settle(t, time.Minute)
	created, _ := event.OfType(event.TypeTransactionCreated)
	insights, _ := event.OfType(event.TypeInsightGenerated)
	alerts, _ := event.OfType(event.TypeAlertSent)
	watch, err := s.Kafka.Watch(created.Name, insights.Name, alerts.Name)
	require.NoError(t, err)
	defer watch.Close()
	if pace > 0 {
		l := endless(t, s)
		l.pause = time.Duration(float64(callers) / pace * float64(time.Second))
		l.steady = true
		busy, done := context.WithCancel(t.Context())
		others := make(chan error, 1)
		go func() { others <- l.run(busy) }()
		defer func() { done(); require.ErrorIs(t, <-others, context.Canceled) }()
		time.Sleep(2 * time.Second) // the load is what is measured under
	}
	acceptedAt := make([]time.Time, flows)
	transactions := make([]stack.Identified, flows)
	for i := range flows {
		c, wallet := people[i%callers], wallets[i%callers]
		require.NoError(t, c.Call(t.Context(), http.MethodPost, "/transactions", map[string]string{"Idempotency-Key": uuid.NewString()}, map[string]string{
			"walletId": wallet.ID.String(), "amount": "85.00", "type": "expense", "category": category(i), "timestamp": now.Format(time.RFC3339),
		}, &transactions[i]))
		acceptedAt[i] = time.Now()
		time.Sleep(flowPause) // the pace that is measured at
	}
	hops := []hop{{name: "accepted to published"}, {name: "to the insight written"}, {name: "published"}, {name: "to the alert written"}, {name: "published"},
		{name: "accepted to alert"}}
	for budget, i := range byBudget {
		limited, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		insight, err := watch.Await(limited, "the warning of budget "+budget, func(m admin.Message) bool {
			return m.Topic == insights.Name && m.Event.Subject == budget
		})
		require.NoError(t, err)
		alert, err := watch.Await(limited, "the alert of "+insight.Event.ID, func(m admin.Message) bool {
			if m.Topic != alerts.Name {
				return false
			}
			data, err := event.Decode[event.AlertSent](m.Event)
			return err == nil && data.SourceEventID.String() == insight.Event.ID
		})
		require.NoError(t, err)
		transaction, err := watch.Await(limited, "the transaction", func(m admin.Message) bool {
			return m.Topic == created.Name && m.Event.Subject == transactions[i].ID.String()
		})
		require.NoError(t, err)
		cancel()
		at := acceptedAt[i]
		for n, next := range []time.Time{transaction.Time, insight.Event.Time, insight.Time, alert.Event.Time, alert.Time} {
			hops[n].samples = append(hops[n].samples, next.Sub(at))
			at = next
		}
		hops[len(hops)-1].samples = append(hops[len(hops)-1].samples, alert.At.Sub(acceptedAt[i]))
	}
	return hops
}

// hop is a part of the way from a transaction to its alert. All programs have one clock
// here; what is published bears the sidecar's time, to the millisecond.
type hop struct {
	name    string
	samples []time.Duration
}

// bareKafka produces to one topic and consumes from it with Sarama alone, at
// the same pace, and returns how long each message took.
func bareKafka(t *testing.T, s *stack.Stack) []time.Duration {
	t.Helper()
	config := sarama.NewConfig()
	config.Version = sarama.V3_6_0_0
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Consumer.MaxWaitTime = 100 * time.Millisecond
	brokers := []string{s.KafkaAddress()}
	producer, err := sarama.NewSyncProducer(brokers, config)
	require.NoError(t, err)
	defer producer.Close()
	consumer, err := sarama.NewConsumer(brokers, config)
	require.NoError(t, err)
	defer consumer.Close()
	var mu sync.Mutex
	arrived := map[string]time.Time{}
	partitions, err := consumer.Partitions(benchTopic)
	require.NoError(t, err)
	for _, partition := range partitions {
		stream, err := consumer.ConsumePartition(benchTopic, partition, sarama.OffsetNewest)
		require.NoError(t, err)
		defer stream.AsyncClose()
		go func() {
			for m := range stream.Messages() {
				mu.Lock()
				arrived[string(m.Key)] = time.Now()
				mu.Unlock()
			}
		}()
	}
	body := strings.Repeat("x", 700) // as large as an event
	sent := map[string]time.Time{}
	for range flows {
		key := uuid.NewString()
		sent[key] = time.Now()
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: benchTopic, Key: sarama.StringEncoder(key), Value: sarama.StringEncoder(body)})
		require.NoError(t, err)
		time.Sleep(flowPause)
	}
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return len(arrived) == flows }, 30*time.Second, 10*time.Millisecond)
	var samples []time.Duration
	for key, at := range sent {
		samples = append(samples, arrived[key].Sub(at))
	}
	return samples
}
