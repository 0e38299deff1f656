//go:build rehearsal && drills

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// The step of load: readers of the API and of pages, each from an address of their own. Each
// stays below what one person, and one address, may ask for.
const (
	readers     = 20
	apiRate     = 240 // requests a second
	pageRate    = 120
	loadLasts   = 3 * time.Minute
	scaledUp    = time.Minute     // until the first pod more serves
	scaledDown  = 8 * time.Minute // until there are as few as before: a minute of stabilization, then one a minute
	lookedEvery = 2 * time.Second
)

// TestServicesFollowTheLoad sends a step of load and looks at the number of pods, up and down
// again. Nobody may notice.
func TestServicesFollowTheLoad(t *testing.T) {
	m := loadedMachine(t)
	story(t, []step{
		{"what pods take is measured", func(t *testing.T) {
			eventually(t, 2*time.Minute, "the autoscalers know what pods take", func() bool { return m.measured(t) })
		}},
		{"more load, more pods; less load, fewer", m.followsTheLoad},
	})
}

// loadedMachine is one that runs already and stays (LOAD_RUNNING=true, as `make load` has it),
// or one of the drill's own.
func loadedMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getenv("LOAD_RUNNING") == "true" {
		return newMachine(t)
	}
	return runningMachine(t)
}

// scaler is an autoscaler as Kubernetes has it.
type scaler struct {
	Metadata struct{ Name string }
	Spec     struct{ MinReplicas, MaxReplicas int }
	Status   struct {
		CurrentReplicas int
		CurrentMetrics  []json.RawMessage
	}
}

func (m *machine) scalers(t *testing.T) map[string]scaler {
	t.Helper()
	var list struct{ Items []scaler }
	require.NoError(t, json.Unmarshal([]byte(m.kubectl(t, "--namespace", "companion", "get", "horizontalpodautoscalers", "--output", "json")), &list))
	found := map[string]scaler{}
	for _, one := range list.Items {
		found[one.Metadata.Name] = one
	}
	return found
}

func (m *machine) measured(t *testing.T) bool {
	all := m.scalers(t)
	for _, one := range all {
		if len(one.Status.CurrentMetrics) == 0 {
			return false
		}
	}
	return len(all) > 0
}

// serving counts the pods of each service that are ready.
func (m *machine) serving(t *testing.T) map[string]int {
	t.Helper()
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct{ ReadyReplicas int }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(m.kubectl(t, "--namespace", "companion", "get", "deployments", "--output", "json")), &list))
	ready := map[string]int{}
	for _, one := range list.Items {
		ready[one.Metadata.Name] = one.Status.ReadyReplicas
	}
	return ready
}

func (m *machine) followsTheLoad(t *testing.T) {
	services := []string{"backend", "web"}
	bounds := m.scalers(t)
	eventually(t, scaledDown, "no more pods than at rest", func() bool {
		ready := m.serving(t)
		return ready["backend"] == bounds["backend"].Spec.MinReplicas && ready["web"] == bounds["web"].Spec.MinReplicas
	})
	api, pages := m.readers(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	results := map[string]chan *vegeta.Metrics{
		"API":   attack(ctx, m.crowd(t), "api", api, apiRate),
		"pages": attack(ctx, m.crowd(t), "pages", pages, pageRate),
	}
	began := time.Now()
	first, most, before := map[string]time.Duration{}, map[string]int{}, m.serving(t)
	t.Logf("| after | %s |", strings.Join(services, " | "))
	look := func() map[string]int {
		now := m.serving(t)
		after := time.Since(began).Round(time.Second)
		if now["backend"] != before["backend"] || now["web"] != before["web"] {
			t.Logf("| %s | %d | %d |", after, now["backend"], now["web"])
		}
		for _, service := range services {
			require.LessOrEqual(t, now[service], bounds[service].Spec.MaxReplicas, service)
			if now[service] > bounds[service].Spec.MinReplicas && first[service] == 0 {
				first[service] = after
			}
			most[service] = max(most[service], now[service])
		}
		before = now
		return now
	}
	t.Logf("| 0s | %d | %d |", before["backend"], before["web"])
	for ; time.Since(began) < loadLasts; time.Sleep(lookedEvery) {
		look()
	}
	for name, result := range results {
		metrics := <-result
		t.Logf("%s: %d requests at %.0f a second, P50 %s, P95 %s, P99 %s, %v", name, metrics.Requests, metrics.Rate,
			metrics.Latencies.P50.Round(time.Millisecond), metrics.Latencies.P95.Round(time.Millisecond), metrics.Latencies.P99.Round(time.Millisecond), metrics.StatusCodes)
		require.Empty(t, metrics.Errors, "%s: somebody noticed", name)
	}
	t.Logf("the load has ended after %s", time.Since(began).Round(time.Second))
	eventually(t, scaledDown, "as few pods as before", func() bool {
		now := look()
		return now["backend"] == bounds["backend"].Spec.MinReplicas && now["web"] == bounds["web"].Spec.MinReplicas
	})
	for _, service := range services {
		t.Logf("%s: the first pod more served after %s, most were %d of %d", service, first[service], most[service], bounds[service].Spec.MaxReplicas)
		require.NotZero(t, first[service], "%s has got no pod", service)
	}
	require.LessOrEqual(t, first["backend"], scaledUp)
}

// readers are people with something to read, and what they ask for.
func (m *machine) readers(t *testing.T) (api, pages []vegeta.Target) {
	t.Helper()
	for n := range readers {
		p := m.registerFrom(t, m.from(t, n))
		for _, path := range []string{"/dashboard", "/wallets", "/transactions"} {
			require.NoError(t, p.do(t.Context(), http.MethodGet, path, nil, nil), path)
			api = append(api, vegeta.Target{
				Method: http.MethodGet, URL: "https://" + application + "/api/v1" + path,
				Header: http.Header{"Authorization": {"Bearer " + p.session.Token}},
			})
		}
	}
	return api, []vegeta.Target{{Method: http.MethodGet, URL: "https://" + application + "/"}}
}

// from is a client at the nth reader's address, of this machine as all loopback addresses are.
func (m *machine) from(t *testing.T, n int) *http.Client {
	t.Helper()
	client := m.browser(t)
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+n))}}
	client.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, "127.0.0.1:8443")
	}
	return client
}

// crowd is a client that sends one request from each reader's address in turn.
func (m *machine) crowd(t *testing.T) *http.Client {
	t.Helper()
	var all inTurn
	for n := range readers {
		client := m.from(t, n)
		client.Transport.(*http.Transport).MaxIdleConnsPerHost = 20
		all.transports = append(all.transports, client.Transport)
	}
	return &http.Client{Timeout: 10 * time.Second, Transport: &all}
}

// inTurn sends each request by the next of its transports.
type inTurn struct {
	transports []http.RoundTripper
	sent       atomic.Uint64
}

func (i *inTurn) RoundTrip(request *http.Request) (*http.Response, error) {
	return i.transports[i.sent.Add(1)%uint64(len(i.transports))].RoundTrip(request)
}

// attack asks for the targets in turn at that rate, until the load ends or ctx does.
func attack(ctx context.Context, client *http.Client, name string, targets []vegeta.Target, rate int) chan *vegeta.Metrics {
	attacker := vegeta.NewAttacker(vegeta.Client(client), vegeta.MaxWorkers(200))
	results := attacker.Attack(vegeta.NewStaticTargeter(targets...), vegeta.ConstantPacer{Freq: rate, Per: time.Second}, loadLasts, name)
	done := make(chan *vegeta.Metrics, 1)
	context.AfterFunc(ctx, func() { attacker.Stop() })
	go func() {
		metrics := &vegeta.Metrics{}
		for result := range results {
			if result.Code >= http.StatusMultipleChoices && result.Error == "" {
				result.Error = fmt.Sprint(result.Code)
			}
			metrics.Add(result)
		}
		metrics.Close()
		done <- metrics
	}()
	return done
}
