//go:build integration && bench

package systemtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/internal/stack"
	"github.com/wealth-companion/companion/app/store/db"
)

// Bounds on the backend while many files are uploaded at the same moment.
const (
	uploaders   = 16
	uploadBytes = 3_250_000 // 3.1 MiB, before base64
	// mostResident leaves an eighth of the memory that production allows a pod (512 MiB).
	mostResident = 448 << 20
	// mostInTransaction are the files that are worked at, and the relay, the pruner and others
	// that work beside them.
	mostInTransaction = 8
)

// filled repeats numbered rows up to the size of an upload, at most so many.
func filled(begin, end string, rows int, row func(i int) string) string {
	var file strings.Builder
	file.WriteString(begin)
	for i := 0; i < rows && file.Len() < uploadBytes-len(end); i++ {
		file.WriteString(row(i))
	}
	return file.String() + end
}

// large are statements of 3.1 MiB: one with more rows than may be imported, and others with as
// many as may.
func large() map[string]string {
	const rows = 5_000
	day := func(i int) string { return time.Now().AddDate(0, 0, -1-i%300).Format(time.DateOnly) }
	compact := func(i int) string { return strings.ReplaceAll(day(i), "-", "") }
	wide := func(n int) string { return strings.Repeat("a long description ", n/19+1)[:n] }
	return map[string]string{
		"CSV of 95,000 rows": filled("Date,Payee,Amount\n", "", 1_000_000, func(i int) string {
			return fmt.Sprintf("%s,Shop number %d,-1.%02d\n", day(i), i, i%100)
		}),
		"CSV of 5,000 rows": filled("Date,Payee,Amount\n", "", rows, func(i int) string {
			return fmt.Sprintf("%s,Shop number %d %s,-%d.%02d\n", day(i), i, wide(590), 1+i/100, i%100)
		}),
		"OFX of 5,000 movements": filled("<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR<BANKTRANLIST>", "</BANKTRANLIST></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>", rows, func(i int) string {
			return fmt.Sprintf("<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>%s<TRNAMT>-%d.%02d<FITID>%d<NAME>Shop %d<MEMO>%s</STMTTRN>\n", compact(i), 1+i/100, i%100, i, i, wide(480))
		}),
	}
}

// held is the most that the backend held while something was done.
type held struct {
	resident                   int64
	connections, inTransaction int
	idle                       time.Duration // in a transaction, between two statements
}

// sampled samples what the backend holds until stop is called.
func sampled(t *testing.T, s *stack.Stack, b books) (stop func() held) {
	ctx, cancel := context.WithCancel(t.Context())
	var most held
	var sampling sync.WaitGroup
	sampling.Go(func() {
		for ctx.Err() == nil {
			most.resident = max(most.resident, s.Usage()[event.Backend].Resident)
			var all, busy int
			var idle float64
			if err := b.pool.QueryRow(ctx, `SELECT count(*), count(xact_start),
				coalesce(max(extract(epoch FROM clock_timestamp() - state_change)) FILTER (WHERE state = 'idle in transaction'), 0)::float
				FROM pg_stat_activity WHERE usename = 'backend'`).Scan(&all, &busy, &idle); err == nil {
				most.connections, most.inTransaction = max(most.connections, all), max(most.inTransaction, busy)
				most.idle = max(most.idle, time.Duration(idle*float64(time.Second)))
			}
		}
	})
	return func() held {
		cancel()
		sampling.Wait()
		return most
	}
}

// Sixteen people upload 3.1 MiB each at the same moment: the backend stays within its memory,
// few of them hold a connection to the database, and others are answered meanwhile.
func TestUploadsAtOnceStayWithinBounds(t *testing.T) {
	t.Setenv("GOGC", "100") // as production has it
	s := stack.Start(t, stack.Options{})
	b := openBooks(t, s)
	for _, service := range stack.Services() { // what is made of the imports is not measured here
		if service != event.Backend {
			s.Kill(stack.Sidecar(service))
			s.Kill(service)
		}
	}
	people := make([]user, uploaders+1)
	for i := range people {
		people[i] = newPerson(t, s)
	}
	other := people[uploaders]
	files := large()
	for _, kind := range slices.Sorted(maps.Keys(files)) {
		file := base64.StdEncoding.EncodeToString([]byte(files[kind]))
		bodies := make([][]byte, uploaders)
		for i, p := range people[:uploaders] {
			var err error
			bodies[i], err = json.Marshal(map[string]string{"walletId": p.wallet.ID.String(), "file": file})
			require.NoError(t, err)
		}
		stop := sampled(t, s, b)
		began := time.Now()
		var mu sync.Mutex
		statuses := map[string]int{}
		var uploading atomic.Int64
		uploading.Store(uploaders)
		var all sync.WaitGroup
		for i, p := range people[:uploaders] {
			all.Go(func() {
				defer uploading.Add(-1)
				status := uploaded(t, s, p, bodies[i])
				mu.Lock()
				defer mu.Unlock()
				statuses[status]++
			})
		}
		slowest := time.Duration(0)
		for uploading.Load() > 0 {
			asked := time.Now()
			require.NoError(t, other.Call(t.Context(), http.MethodGet, "/wallets", nil, nil, nil))
			slowest = max(slowest, time.Since(asked))
		}
		all.Wait()
		took, most := time.Since(began), stop()
		t.Logf("%d × %s, %.1f MiB each: %v after %.1f s; at most %d MiB resident, %d connections, %d in a transaction, which stood idle for %d ms at most; another's reads took %d ms at most", uploaders, kind,
			float64(len(files[kind]))/(1<<20), statuses, took.Seconds(), most.resident>>20, most.connections, most.inTransaction, most.idle.Milliseconds(), slowest.Milliseconds())
		require.Less(t, most.resident, int64(mostResident), kind)
		require.LessOrEqual(t, most.inTransaction, mostInTransaction, kind)
		// Beyond that PostgreSQL ends the session, and the import fails.
		require.Less(t, most.idle, db.IdleInTransaction*3/4, kind)
		for status := range statuses {
			require.Contains(t, []string{"201", "422", "503"}, status, kind)
		}
	}
}

// uploaded uploads a file and returns the status of the answer.
func uploaded(t *testing.T, s *stack.Stack, p user, body []byte) string {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/api/v1/imports", bytes.NewReader(body))
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+p.Token())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	return fmt.Sprint(response.StatusCode)
}
