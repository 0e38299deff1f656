package drill

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/prometheus"
)

// site is an application: of each transaction an insight and an alert come at once.
type site struct {
	mu       sync.Mutex
	accounts map[string]*account // by token
	answered map[string]any      // by idempotency key
	lose     bool                // transactions are accepted and not stored
	refuse   int                 // requests that are refused
}

type account struct {
	budgets                        map[string]string // category to id
	transactions, insights, alerts []any
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/api/v1")
	its := s.accounts[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	var body map[string]string
	_ = json.NewDecoder(r.Body).Decode(&body) // there is none
	key := r.Header.Get("Idempotency-Key")
	answer, known := s.answered[key]
	switch {
	case s.refuse > 0 && path == "/transactions":
		s.refuse--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case key != "" && known:
	case path == "/":
		return
	case path == "/auth/register":
		token := uuid.NewString()
		s.accounts[token] = &account{budgets: map[string]string{}}
		answer = map[string]string{"token": token}
	case its == nil:
		w.WriteHeader(http.StatusUnauthorized)
		return
	case r.Method == http.MethodDelete && path == "/account":
		delete(s.accounts, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
		w.WriteHeader(http.StatusNoContent)
		return
	case r.Method == http.MethodGet:
		answer = map[string]any{"items": map[string][]any{"/transactions": its.transactions, "/insights": its.insights, "/alerts": its.alerts}[path]}
	case path == "/categories":
		answer = map[string]string{"slug": strings.ReplaceAll(body["name"], " ", "-")}
	default:
		id := uuid.NewString()
		answer = map[string]string{"id": id}
		switch path {
		case "/budgets":
			its.budgets[body["category"]] = id
		case "/transactions":
			if !s.lose {
				its.transactions = append(its.transactions, answer)
			}
			insight := uuid.NewString()
			its.insights = append(its.insights, map[string]any{"id": insight, "relatedEntities": map[string]string{"budgetId": its.budgets[body["category"]], "detector": event.BudgetWarning}})
			its.alerts = append(its.alerts, map[string]string{"channel": "in_app", "insightId": insight}, map[string]string{"channel": "email", "insightId": insight})
		}
	}
	if key != "" {
		s.answered[key] = answer
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// opened is an application that people reach, and how.
func opened(t *testing.T) (*site, Options) {
	t.Helper()
	s := &site{accounts: map[string]*account{}, answered: map[string]any{}}
	server := httptest.NewUnstartedServer(s)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return s, Options{
		Target: Target{URL: server.URL, Authority: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})},
		Report: func(string) {},
		pace:   pace{20 * time.Millisecond, 20 * time.Millisecond, 10 * time.Millisecond, 500 * time.Millisecond},
	}
}

// fires has an alert fire from its second look on.
type fires struct{ looks int }

func (f *fires) Alerts(context.Context) ([]prometheus.Alert, error) {
	f.looks++
	return []prometheus.Alert{{Name: "Before", State: prometheus.Firing}, {Name: "Soon", State: prometheus.Pending}}, nil
}

func TestADrillFromBeginningToEnd(t *testing.T) {
	for name, c := range map[string]struct {
		site func(*site)
		want string // of Why
	}{
		"nothing is noticed":               {func(*site) {}, ""},
		"requests are refused for a while": {func(s *site) { s.refuse = 3 }, ""},
		"what was accepted is not there":   {func(s *site) { s.lose = true }, "lost"},
	} {
		t.Run(name, func(t *testing.T) {
			s, o := opened(t)
			c.site(s)
			cluster := stack()
			o.Cluster, o.Watcher = cluster, &fires{}
			before := settings(t, cluster)
			drills, err := Named([]string{"scheduler-away"})
			require.NoError(t, err)
			drills[0].Lasts = 50 * time.Millisecond
			results, err := Run(t.Context(), drills, o)
			require.NoError(t, err)
			require.Len(t, results, 1)
			require.Equal(t, before, settings(t, cluster))
			require.Empty(t, s.accounts, "nobody stays behind")
			require.Empty(t, results[0].Alarms, "what fired before tells of something else")
			require.GreaterOrEqual(t, results[0].Books.Accepted, 2*enough)
			if c.want == "" {
				require.Empty(t, results[0].Why())
				require.True(t, results[0].Met)
				return
			}
			require.Contains(t, results[0].Why(), c.want)
		})
	}
}

func TestADrillThatIsInterruptedPutsRightWhatItDid(t *testing.T) {
	s, o := opened(t)
	cluster := stack()
	o.Cluster = cluster
	before := settings(t, cluster)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	wrong := 0
	o.Report = func(step string) {
		if strings.HasPrefix(step, "scaled") {
			wrong = len(before) - same(before, settings(t, cluster))
			interrupt()
		}
	}
	drills, err := Named([]string{"dapr-away", "node-drained"})
	require.NoError(t, err)
	results, err := Run(ctx, drills, o)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, results, 1, "the second is not begun")
	require.Equal(t, 2, wrong, "it was interrupted while it lasted")
	require.Equal(t, before, settings(t, cluster))
	require.Empty(t, s.accounts)
}

func same(a, b map[string]any) int {
	count := 0
	for name, value := range a {
		if reflect.DeepEqual(value, b[name]) {
			count++
		}
	}
	return count
}

func TestNothingIsMadeToFailWhereItDoesNotWorkBefore(t *testing.T) {
	s, o := opened(t)
	s.refuse = 1 << 30
	cluster := stack()
	o.Cluster = cluster
	had := podNames(t, cluster)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	drills, err := Named([]string{"web-killed"})
	require.NoError(t, err)
	results, err := Run(ctx, drills, o)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotEmpty(t, results[0].Error)
	require.Equal(t, had, podNames(t, cluster))
}

func TestWhatAnEarlierRunHasLeftIsPutRight(t *testing.T) {
	_, o := opened(t)
	cluster := stack()
	o.Cluster = cluster
	before := settings(t, cluster)
	require.NoError(t, scaledDown("dapr-system", func(string) bool { return true })(t.Context(), &field{cluster, "dapr-away", func(string) {}}))
	require.NotEqual(t, before, settings(t, cluster))
	_, err := Run(t.Context(), nil, o)
	require.NoError(t, err)
	require.Equal(t, before, settings(t, cluster))
	list, err := cluster.AppsV1().StatefulSets("").List(t.Context(), metav1.ListOptions{LabelSelector: markLabel})
	require.NoError(t, err)
	require.Empty(t, list.Items)
	require.True(t, slices.Contains(podNames(t, cluster), "web-1"))
}
