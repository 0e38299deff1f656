//go:build integration

package rest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/people/account"
	"github.com/wealth-companion/companion/app/store/db"
)

// importer is one person with a wallet and an access token.
type importer struct {
	token  string
	wallet uuid.UUID
}

// importers returns an API and so many people on a database of their own.
func importers(t testing.TB, count int) (http.Handler, []importer) {
	pool := pgtest.Pool(t, event.Backend)
	api := New(pool, event.Backend, []byte(strings.Repeat("k", 32)), slog.New(slog.DiscardHandler), func(context.Context, string, string, int, time.Duration) {})
	var all []importer
	for range count {
		user := tracing.NewID()
		require.NoError(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "INSERT INTO users (id, email, password_hash) VALUES ($1, $2, '')", user, user.String()+"@example.org"); err != nil {
				return err
			}
			return api.Ledger.Begin(t.Context(), tx, user)
		}))
		wallet, err := api.Ledger.CreateWallet(t.Context(), user, ledger.NewWallet{Name: "Main", Type: "checking", Currency: "EUR"})
		require.NoError(t, err)
		token, _, err := api.Tokens.Issue(account.Caller{User: user, Session: tracing.NewID()}, time.Now())
		require.NoError(t, err)
		all = append(all, importer{token, wallet.ID})
	}
	return api.Handler(), all
}

// upload is the body of a request that uploads a file.
func (i importer) upload(t testing.TB, file string) []byte {
	body, err := json.Marshal(object{"walletId": i.wallet, "file": base64.StdEncoding.EncodeToString([]byte(file))})
	require.NoError(t, err)
	return body
}

// post uploads a file for one person and returns the status of the answer.
func (i importer) post(t testing.TB, handler http.Handler, path, file string) (int, string) {
	return i.send(t, handler, path, i.upload(t, file))
}

func (i importer) send(t testing.TB, handler http.Handler, path string, body []byte) (int, string) {
	r := httptest.NewRequest("POST", "/api/v1"+path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+i.token)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	answer, err := io.ReadAll(recorder.Body)
	require.NoError(t, err)
	return recorder.Code, string(answer)
}

// peak runs work and returns by how much live and uncollected heap exceeded what
// it was before, in MiB, sampled every two milliseconds.
func peak(work func()) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(100)) // whatever the environment says
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	read := func() float64 { metrics.Read(sample); return float64(sample[0].Value.Uint64()) / (1 << 20) }
	runtime.GC()
	debug.FreeOSMemory()
	before := read()
	most := before
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				most = max(most, read())
			}
		}
	}()
	work()
	close(stop)
	<-done
	return most - before
}

// statementOf is a CSV of so many rows.
func statementOf(rows int) string {
	var file strings.Builder
	file.WriteString("Date,Payee,Amount\n")
	for i := range rows {
		fmt.Fprintf(&file, "2026-%02d-%02d,Shop number %d,-1.%02d\n", 1+i%10, 1+i%28, i, i%100)
	}
	return file.String()
}

// BenchmarkImportsAtOnce uploads statements of 95,000 rows (3.1 MiB, more than may
// be imported) and of 5,000 rows for several people at the same moment.
func BenchmarkImportsAtOnce(b *testing.B) {
	for _, c := range []struct{ people, rows int }{{1, 95_000}, {8, 95_000}, {16, 95_000}, {1, 5_000}, {8, 5_000}} {
		b.Run(fmt.Sprintf("%d of %d rows", c.people, c.rows), func(b *testing.B) {
			file := statementOf(c.rows)
			for b.Loop() {
				handler, people := importers(b, c.people)
				statuses := map[int]int{}
				bodies := make([][]byte, len(people))
				for i, one := range people {
					bodies[i] = one.upload(b, file)
				}
				var mu sync.Mutex
				began := time.Now()
				most := peak(func() {
					var wait sync.WaitGroup
					for i, one := range people {
						wait.Go(func() {
							status, _ := one.send(b, handler, "/imports", bodies[i])
							mu.Lock()
							statuses[status]++
							mu.Unlock()
						})
					}
					wait.Wait()
				})
				b.ReportMetric(most, "MiB")
				b.ReportMetric(time.Since(began).Seconds(), "s")
				b.Logf("%d people, %.1f MiB each: %v, %.0f MiB, %v", c.people, float64(len(file))/(1<<20), statuses, most, time.Since(began).Round(time.Millisecond))
			}
		})
	}
}
