//go:build integration

package rest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// held is what this process holds.
type held struct {
	memory     uint64 // of heap and stacks, in bytes
	goroutines int
}

func holding() held {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return held{m.HeapAlloc + m.StackInuse, runtime.NumGoroutine()}
}

func (h held) String() string {
	return fmt.Sprintf("%.1f MiB, %d goroutines", float64(h.memory)/(1<<20), h.goroutines)
}

// askAndLeave opens a connection of its own that requests a path and does not read the answer.
func askAndLeave(t *testing.T, address, token, path string) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	require.NoError(t, connection.(*net.TCPConn).SetReadBuffer(4096))
	_, err = fmt.Fprintf(connection, "GET %s%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", base, path, token)
	require.NoError(t, err)
	return connection
}

// Exports are few at a time. Readers who take a byte a second lose theirs.
func TestReadersOfAByteASecondDoNotKeepExportsForThemselves(t *testing.T) {
	w := newWorld(t)
	server, _ := w.listen()
	address := server.Listener.Addr().String()
	var slow []login
	for range 4 {
		slow = append(slow, w.newcomer())
		_, err := w.pool.Exec(t.Context(), `INSERT INTO tasks (id, user_id, title, notes, created_at, updated_at)
			SELECT gen_random_uuid(), $1, 'task ' || n, md5(n::text) || md5(random()::text) || repeat('x', 900), now(), now() FROM generate_series(1, 20000) n`, w.me())
		require.NoError(t, err)
	}
	other := w.newcomer()
	before := holding()
	for _, l := range slow {
		connection := askAndLeave(t, address, l.token, "/account/export")
		_, err := connection.Read(make([]byte, 1)) // it has begun
		require.NoError(t, err)
		go func() {
			for one := make([]byte, 1); ; time.Sleep(time.Second) {
				if _, err := connection.Read(one); err != nil {
					return
				}
			}
		}()
	}
	began := time.Now()
	peak, refused := holding(), 0
	for {
		asked := time.Now()
		answer := w.ask("GET", "/account/export", nil, "Authorization", "Bearer "+other.token)
		require.Less(t, time.Since(asked), 3*time.Second, "others are answered at once")
		if answer.Code == http.StatusOK {
			break
		}
		require.Equal(t, http.StatusServiceUnavailable, answer.Code)
		refused++
		asked = time.Now()
		require.Equal(t, http.StatusOK, w.ask("GET", "/dashboard", nil, "Authorization", "Bearer "+other.token).Code)
		require.Less(t, time.Since(asked), 3*time.Second)
		if now := holding(); now.memory > peak.memory {
			peak = now
		}
		require.Less(t, time.Since(began), exportGrace+2*writeTime)
		time.Sleep(200 * time.Millisecond)
	}
	t.Logf("another's export after %s and %d refusals; before %s, most %s", time.Since(began).Round(100*time.Millisecond), refused, before, peak)
	require.NotZero(t, refused, "the slow ones had all places, or this shows nothing")
	require.Less(t, peak.memory, before.memory+4*20<<20)
	require.Eventually(t, func() bool { return holding().memory < before.memory+8<<20 }, 30*time.Second, 500*time.Millisecond, "nothing of theirs is held")
}

// Live connections whose readers never read are bounded for each user, cost little, and
// end with their callers.
func TestLiveConnectionsThatNobodyReadsCostLittle(t *testing.T) {
	const people, each = 40, 8 // of which 5 may be open
	w := newWorld(t)
	server, _ := w.listen()
	address := server.Listener.Addr().String()
	var tokens []string
	for range people {
		tokens = append(tokens, w.newcomer().token)
	}
	before := holding()
	var open []net.Conn
	refused := 0
	for _, token := range tokens {
		for range each {
			connection := askAndLeave(t, address, token, "/live")
			line := make([]byte, len("HTTP/1.1 200"))
			_, err := io.ReadFull(connection, line)
			require.NoError(t, err)
			if string(line) != "HTTP/1.1 200" {
				require.Equal(t, "HTTP/1.1 429", string(line))
				refused++
				continue
			}
			open = append(open, connection)
		}
	}
	require.Len(t, open, 5*people)
	require.Equal(t, 3*people, refused)
	during := holding()
	one := (during.memory - before.memory) / uint64(len(open))
	t.Logf("%d connections: before %s, with them %s: %d KiB each", len(open), before, during, one>>10)
	require.Less(t, one, uint64(64<<10), "2000 of a replica stay below 128 MiB")
	asked := time.Now()
	require.Equal(t, http.StatusOK, w.ask("GET", "/dashboard", nil, "Authorization", "Bearer "+tokens[0]).Code)
	require.Less(t, time.Since(asked), 3*time.Second)
	for _, connection := range open {
		_ = connection.Close()
	}
	require.Eventually(t, func() bool { return holding().goroutines < before.goroutines+20 }, 30*time.Second, 200*time.Millisecond)
	status, _ := w.connect(server)
	require.Equal(t, http.StatusOK, status, "there is room again")
}

// Hashing a password takes a processor for a while. However many register at once, those
// who are logged in are answered, and whoever must wait too long is told so.
func TestAStormOfRegistrationsDoesNotKeepOthersWaiting(t *testing.T) {
	const strangers, reads = 64, 40
	w := newWorld(t)
	w.join()
	slowest := func() (median, last time.Duration) {
		var took []time.Duration
		for range reads {
			asked := time.Now()
			require.Equal(t, http.StatusOK, w.ask("GET", "/wallets", nil, "Authorization", "Bearer "+w.token).Code)
			took = append(took, time.Since(asked))
		}
		slices.Sort(took)
		return took[reads/2], took[reads*95/100]
	}
	quiet, quietLast := slowest()

	stop := make(chan struct{})
	var storm sync.WaitGroup
	var counting sync.Mutex
	began, counts := atomic.Int64{}, map[int]int{}
	for range strangers {
		storm.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				began.Add(1)
				answer := w.ask("POST", "/auth/register", object{"email": uuid.NewString() + "@example.org", "password": password})
				code := answer.Code
				if code == http.StatusServiceUnavailable && answer.Header().Get("Retry-After") == "" {
					code = 0
				}
				counting.Lock()
				counts[code]++
				counting.Unlock()
			}
		})
	}
	require.Eventually(t, func() bool { return began.Load() >= strangers }, 10*time.Second, 10*time.Millisecond)
	during, duringLast := slowest()
	close(stop)
	storm.Wait()
	t.Logf("reads: median %s and 95th %s quiet, %s and %s in the storm; registrations by status: %v", quiet, quietLast, during, duringLast, counts)
	require.Less(t, duringLast, 3*time.Second)
	for code := range counts {
		require.Contains(t, []int{http.StatusCreated, http.StatusTooManyRequests, http.StatusServiceUnavailable}, code, "0: 503 that does not say when to try again")
	}
}
