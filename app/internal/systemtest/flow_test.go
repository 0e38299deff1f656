//go:build integration

package systemtest

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
	"github.com/wealth-companion/companion/app/ops/admin"
	"github.com/wealth-companion/companion/app/ops/validate"
)

func TestFlow(t *testing.T) {
	s := stack.Start(t, stack.Options{})
	b := openBooks(t, s)

	// Settling comes first: the steps behind it leave events without a sender.
	t.Run("what a person does is followed by what agents find, in one trace", func(t *testing.T) { trace(t, s, b) })
	t.Run("a transaction goes all the way, a duplicate changes nothing, poison holds nothing up", func(t *testing.T) {
		result, err := validate.Run(t.Context(), s.Kafka, validate.Options{URL: s.URL, Within: 5 * time.Second, Report: func(string) {}})
		require.NoError(t, err)
		for _, hop := range result.Hops {
			t.Logf("%-10s after %s", hop.Name, hop.After.Round(time.Millisecond))
		}
	})
	t.Run("an import holds up nobody else's events", func(t *testing.T) { fair(t, s, b) })
	t.Run("what waits for a service that hangs is seen", func(t *testing.T) { lag(t, s) })
	t.Run("a dead letter says how it died", func(t *testing.T) { deadLetter(t, s) })
	t.Run("what PostgreSQL breaks uses up no attempt, and no event is lost", func(t *testing.T) { transient(t, s, b) })
	t.Run("without PostgreSQL what was read before is read from Redis", func(t *testing.T) { degraded(t, s) })
	t.Run("without Redis nothing is handled twice", func(t *testing.T) {
		s.Kill(stack.Redis)
		t.Cleanup(func() { s.Run(stack.Redis) })
		_, err := validate.Run(t.Context(), s.Kafka, validate.Options{URL: s.URL, Within: 5 * time.Second, Report: func(string) {}})
		require.NoError(t, err)
	})
}

// lag has two services hang while an event comes that both consume, and looks at what waits for them.
func lag(t *testing.T, s *stack.Stack) {
	hang := []string{event.Analytics, event.Banking}
	// waits tells since when events wait for a service, in the partitions where any do, and
	// whether its sidecar reads.
	waits := func(service string) (since []*time.Time, reads bool) {
		groups, err := s.Kafka.Lags(t.Context())
		if err != nil {
			t.Log(err) // the coordinator of a group that nobody read before is loading
		}
		for _, group := range groups {
			if group.Name != service {
				continue
			}
			reads = group.Members > 0
			for _, p := range group.Partitions {
				if p.Waiting > 0 {
					since = append(since, p.Oldest)
				}
			}
		}
		return since, reads
	}
	nothing := func() bool {
		return !slices.ContainsFunc(hang, func(service string) bool {
			since, reads := waits(service)
			return len(since) > 0 || !reads
		})
	}
	require.Eventually(t, nothing, 30*time.Second, 200*time.Millisecond)
	resume := sync.OnceFunc(func() {
		for _, service := range hang {
			s.Resume(service)
		}
	})
	t.Cleanup(resume)
	for _, service := range hang {
		s.Pause(service)
	}
	began := time.Now()
	newPerson(t, s) // whose preferences are an event
	for _, service := range hang {
		require.Eventually(t, func() bool { since, _ := waits(service); return len(since) > 0 }, 30*time.Second, 200*time.Millisecond)
		since, _ := waits(service)
		for _, oldest := range since {
			require.NotNil(t, oldest, service)
			require.WithinDuration(t, began, *oldest, 10*time.Second, service)
		}
	}
	resume()
	require.Eventually(t, nothing, 30*time.Second, 200*time.Millisecond)
}

func degraded(t *testing.T, s *stack.Stack) {
	c := newPerson(t, s)
	get := func() (status int, asOf, body string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/api/v1/wallets", nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+c.Token())
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		defer response.Body.Close()
		raw, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, response.Header.Get("X-Data-As-Of"), string(raw)
	}
	status, asOf, fresh := get()
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, asOf)
	require.Contains(t, fresh, c.wallet.ID.String())

	s.Refuse(stack.PostgreSQL)
	heal := sync.OnceFunc(func() { s.Heal(stack.PostgreSQL) })
	t.Cleanup(heal)
	// What is read is kept beside the answer, so it may arrive a little later.
	require.Eventually(t, func() bool {
		status, asOf, kept := get()
		return status == http.StatusOK && asOf != "" && kept == fresh
	}, 30*time.Second, 50*time.Millisecond)
	another := map[string]string{"name": "Another", "type": "cash", "currency": "EUR"}
	var refused stack.StatusError
	require.ErrorAs(t, c.Call(t.Context(), http.MethodPost, "/wallets", nil, another, nil), &refused)
	require.Equal(t, http.StatusServiceUnavailable, refused.Status, "what is written must not be lost")

	heal()
	require.Eventually(t, func() bool {
		return c.Call(t.Context(), http.MethodPost, "/wallets", nil, another, nil) == nil
	}, 30*time.Second, 50*time.Millisecond)
	_, asOf, fresh = get()
	require.Empty(t, asOf)
	require.Contains(t, fresh, "Another")
}

// trace follows one request through the services' logs.
func trace(t *testing.T, s *stack.Stack, b books) {
	c := s.Client()
	require.NoError(t, c.Register(t.Context()))
	var wallet, transaction stack.Identified
	require.NoError(t, c.Call(t.Context(), http.MethodPost, "/wallets", nil, map[string]string{"name": "Purse", "type": "cash", "currency": "EUR"}, &wallet))
	require.NoError(t, c.Call(t.Context(), http.MethodPost, "/budgets", nil, map[string]string{
		"category": "groceries", "amount": "10.00", "currency": "EUR", "month": time.Now().UTC().Format("2006-01"),
	}, nil))
	b.settle(t, 30*time.Second)
	correlation, traceID := uuid.NewString(), strings.ReplaceAll(uuid.NewString(), "-", "")
	require.NoError(t, c.Call(t.Context(), http.MethodPost, "/transactions", map[string]string{
		"Idempotency-Key": uuid.NewString(), "X-Correlation-Id": correlation, "Traceparent": "00-" + traceID + "-00f067aa0ba902b7-01",
	}, map[string]string{
		"walletId": wallet.ID.String(), "amount": "8.50", "type": "expense", "category": "groceries",
		"timestamp": time.Now().UTC().Format(time.RFC3339),
	}, &transaction))
	b.settle(t, 30*time.Second)
	its := []string{`"trace_id":"` + traceID + `"`, `"correlation_id":"` + correlation + `"`}
	for _, step := range []struct {
		service string
		says    []string
	}{
		{event.Backend, []string{`"msg":"request"`, "/transactions"}},
		{event.Analytics, []string{"event handled", event.TypeTransactionCreated}},
		{event.Notification, []string{"event handled", event.TypeInsightGenerated}},
		{event.Backend, []string{"event handled", event.TypeInsightGenerated}},
		{event.Backend, []string{"event handled", event.TypeAlertSent}},
	} {
		require.Positive(t, inLog(t, s, step.service, append(its, step.says...)...), "%s says %v of trace %s", step.service, step.says, traceID)
	}
}

// deadLetter publishes what breaks the contract and reads its dead letter.
func deadLetter(t *testing.T, s *stack.Stack) {
	created, _ := event.OfType(event.TypeTransactionCreated)
	poisoned := poison(t, s)
	var letters []admin.Message
	require.Eventually(t, func() bool {
		var err error
		letters, err = s.Kafka.DeadLetters(t.Context(), created.Name, 1)
		return err == nil && len(letters) == 1 && letters[0].Event.ID == poisoned
	}, 30*time.Second, 100*time.Millisecond)
	died := letters[0].Death
	require.Contains(t, died.Reason, "schema")
	require.Equal(t, created.Name, died.Topic)
	require.Contains(t, created.Consumers, died.Handler)
	require.False(t, died.First.IsZero())
	require.False(t, died.Last.Before(died.First))
}
