//go:build integration

package rest

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// listen serves the API as in production, with a bound on reading that is shorter
// than the test, and runs what hears of notices.
func (w *world) listen() (server *httptest.Server, shutDown func()) {
	ending, end := context.WithCancel(context.Background())
	w.api.Ending = ending.Done()
	w.api.Observe = func(context.Context, string, string, int, time.Duration) {}
	hub, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { w.api.Live.Run(hub); close(stopped) }()
	server = httptest.NewUnstartedServer(w.api.Handler())
	server.Config.ReadTimeout = time.Second
	server.Start()
	w.t.Cleanup(func() { end(); server.Close(); stop(); <-stopped })
	return server, end
}

// connect opens a live connection and returns what comes on it.
func (w *world) connect(server *httptest.Server) (status int, events <-chan string) {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, server.URL+livePath, nil)
	require.NoError(w.t, err)
	request.Header.Set("Authorization", "Bearer "+w.token)
	answer, err := server.Client().Do(request)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = answer.Body.Close() })
	found := make(chan string, 100)
	go func() {
		defer close(found)
		for lines := bufio.NewReader(answer.Body); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if text := strings.TrimSpace(line); strings.HasPrefix(text, "event:") || strings.HasPrefix(text, "data:") {
				found <- text
			}
		}
	}()
	return answer.StatusCode, found
}

// next reads one event.
func (w *world) next(events <-chan string) (kind string, data object) {
	w.t.Helper()
	line := func() string {
		select {
		case text, ok := <-events:
			require.True(w.t, ok, "the connection has ended")
			return text
		case <-time.After(20 * time.Second):
			w.t.Fatal("nothing came")
			return ""
		}
	}
	kind = strings.TrimPrefix(line(), "event: ")
	require.NoError(w.t, json.Unmarshal([]byte(strings.TrimPrefix(line(), "data: ")), &data))
	return kind, data
}

func TestWhatIsNewComesLive(t *testing.T) {
	w := newWorld(t)
	server, shutDown := w.listen()
	w.join()
	user := w.me()
	status, events := w.connect(server)
	require.Equal(t, 200, status)
	// The first is the connection's own, the second the hub's when it begins to listen.
	kind, _ := w.next(events)
	require.Equal(t, "missed", kind)
	require.Eventually(t, func() bool {
		var listening bool
		require.NoError(t, w.pool.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'LISTEN live%' AND datname = current_database())").Scan(&listening))
		return listening
	}, 20*time.Second, 20*time.Millisecond)

	// Longer than the server waits for requests.
	time.Sleep(server.Config.ReadTimeout + 500*time.Millisecond)
	insight := event.InsightGenerated{InsightID: tracing.NewID(), UserID: user, InsightType: event.SavingsTip, Title: "line\nbreak", Message: "m", Confidence: 1}
	other := insight
	other.InsightID, other.UserID, other.Title = tracing.NewID(), tracing.NewID(), "another's"
	w.told(event.TypeInsightGenerated, other)
	w.told(event.TypeInsightGenerated, insight)
	w.told(event.TypeAlertSent, event.AlertSent{AlertID: tracing.NewID(), UserID: user, Channel: "in_app", SourceEvent: event.TypeReminderDue,
		SourceEventID: tracing.NewID(), DeliveredAt: time.Now().UTC(), Status: "delivered", Title: "Reminder"})
	kind, data := w.next(events)
	if kind == "missed" {
		kind, data = w.next(events)
	}
	require.Equal(t, "insight", kind)
	require.Equal(t, "line\nbreak", data["title"])
	kind, data = w.next(events)
	require.Equal(t, "alert", kind)
	require.Equal(t, "Reminder", data["title"])

	// Told to end, the server is not held up.
	began := time.Now()
	shutDown()
	limited, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, server.Config.Shutdown(limited))
	require.Less(t, time.Since(began), 5*time.Second)
	_, more := <-events
	require.False(t, more)
}

func TestOnlyALiveConnectionGoesOn(t *testing.T) {
	w := newWorld(t)
	bounded := map[string]bool{}
	router := chi.NewRouter()
	router.Use(w.api.observed)
	router.Get("/*", func(_ http.ResponseWriter, r *http.Request) { _, bounded[r.URL.Path] = r.Context().Deadline() })
	for _, path := range []string{livePath, base + "/wallets", livePath + "/", "/"} {
		router.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	require.Equal(t, map[string]bool{livePath: false, base + "/wallets": true, livePath + "/": true, "/": true}, bounded)
}

func TestLiveConnectionsAreBounded(t *testing.T) {
	w := newWorld(t)
	server, _ := w.listen()
	w.join()
	for range 5 {
		status, _ := w.connect(server)
		require.Equal(t, 200, status)
	}
	status, _ := w.connect(server)
	require.Equal(t, 429, status)
	w.token = ""
	answer, err := server.Client().Get(server.URL + livePath)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 401, answer.StatusCode)
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
}

// A connection that is open ends with its session, on every replica and without
// anything new to tell.
func TestALiveConnectionEndsWithItsSession(t *testing.T) {
	ways := map[string]func(w *world, l login){
		"logged out":            func(w *world, l login) { w.call(204, "POST", "/auth/logout", object{"refreshToken": l.refresh}) },
		"logged out everywhere": func(w *world, _ login) { w.call(204, "POST", "/auth/logout-all", nil) },
		"deleted":               func(w *world, _ login) { w.call(204, "DELETE", "/account", object{"password": password}) },
	}
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.api.Observe = quiet
			server, _ := w.listen()
			stranger := w.newcomer()
			_, others := w.connect(server)
			l := w.newcomer()
			status, events := w.connect(server)
			require.Equal(t, 200, status)
			end(w, l)
			began := time.Now()
			require.Eventually(t, func() bool {
				for {
					select {
					case _, open := <-events:
						if !open {
							return true
						}
					default:
						return false
					}
				}
			}, 30*time.Second, 20*time.Millisecond)
			require.Less(t, time.Since(began), 5*time.Second)
			w.token = stranger.token
			w.call(200, "GET", "/wallets", nil)
			for drained := false; !drained; {
				select {
				case _, open := <-others:
					require.True(t, open, "a stranger's connection goes on")
				default:
					drained = true
				}
			}
		})
	}
}

func TestWhoGetsNoStreamWaits(t *testing.T) {
	w := newWorld(t)
	server, shutDown := w.listen()
	w.join()
	user := w.me()
	told := func() string {
		id := tracing.NewID()
		w.told(event.TypeAlertSent, event.AlertSent{AlertID: id, UserID: user, Channel: "in_app", SourceEvent: event.TypeReminderDue,
			SourceEventID: tracing.NewID(), DeliveredAt: time.Now().UTC(), Status: "delivered", Title: "Reminder"})
		return id.String()
	}
	wait := func(query string) (status int, changed bool, took time.Duration) {
		began := time.Now()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+base+"/alerts/wait"+query, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+w.token)
		answer, err := server.Client().Do(request)
		require.NoError(t, err)
		defer answer.Body.Close()
		var news News
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&news))
		return answer.StatusCode, news.Changed, time.Since(began)
	}
	status, changed, _ := wait("")
	require.Equal(t, 200, status)
	require.False(t, changed, "there is no alert")
	known := told()
	_, changed, took := wait("?seconds=25")
	require.True(t, changed, "what came before the request")
	require.Less(t, took, 5*time.Second)
	_, changed, _ = wait("?newest=" + known)
	require.False(t, changed)

	// What comes while the caller waits ends the wait. The hub says once that it listens, and
	// a caller that waits then looks in vain: it comes again.
	came := make(chan time.Duration, 1)
	go func() {
		for {
			if _, changed, took := wait("?seconds=25&newest=" + known); changed && took > 400*time.Millisecond {
				came <- took
				return
			}
		}
	}()
	time.Sleep(500 * time.Millisecond)
	told()
	select {
	case took := <-came:
		require.Less(t, took, 10*time.Second)
	case <-time.After(20 * time.Second):
		t.Fatal("the wait goes on")
	}
	status, _, _ = wait("?seconds=26")
	require.Equal(t, 422, status)

	ended := make(chan bool, 1)
	newest := w.call(200, "GET", "/alerts?limit=1", nil)["items"].([]any)[0].(object)["id"].(string)
	go func() {
		_, changed, _ := wait("?seconds=25&newest=" + newest)
		ended <- changed
	}()
	time.Sleep(500 * time.Millisecond)
	shutDown()
	select {
	case changed := <-ended:
		require.False(t, changed)
	case <-time.After(10 * time.Second):
		t.Fatal("a wait holds the server's end up")
	}
}
