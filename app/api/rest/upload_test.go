//go:build integration

package rest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/limits"
)

// Without bounds eight files of 3.2 MiB at once take 600 MiB, and sixteen 830.
func TestFilesAtOnceTakeBoundedMemory(t *testing.T) {
	handler, people := importers(t, 12)
	file := statementOf(95_000)
	statuses, bodies := make([]int, len(people)), make([][]byte, len(people))
	for i, one := range people {
		bodies[i] = one.upload(t, file)
	}
	most := peak(func() {
		var wait sync.WaitGroup
		for i, one := range people {
			wait.Go(func() { statuses[i], _ = one.send(t, handler, "/imports", bodies[i]) })
		}
		wait.Wait()
	})
	t.Logf("%.0f MiB", most)
	require.Less(t, most, 300.0, "MiB of live and uncollected heap")
	for _, status := range statuses {
		require.Contains(t, []int{http.StatusUnprocessableEntity, http.StatusServiceUnavailable}, status)
	}
}

// slowly begins to upload a file, and stops before its end once it is being read.
func slowly(t *testing.T, address, token string) net.Conn {
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = connection.Close() })
	_, err = fmt.Fprintf(connection, "POST /api/v1/imports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n", token)
	require.NoError(t, err)
	require.NoError(t, connection.SetReadDeadline(time.Now().Add(10*time.Second)))
	answer, err := bufio.NewReader(connection).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue", strings.TrimSpace(answer))
	return connection
}

func TestASlowUploadHoldsUpItsSenderAlone(t *testing.T) {
	handler, people := importers(t, 3)
	server := httptest.NewServer(handler)
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	first := slowly(t, address, people[0].token)
	second := slowly(t, address, people[1].token)

	status, body := people[0].post(t, handler, "/imports/preview", "Date,Payee,Amount\n2026-11-02,A,-1.00\n")
	require.Equal(t, http.StatusTooManyRequests, status, "one file of a user at a time: %s", body)
	status, body = people[2].post(t, handler, "/imports", "Date,Payee,Amount\n2026-11-02,A,-1.00\n")
	require.Equal(t, http.StatusCreated, status, body)

	// What breaks off sets its place free.
	require.NoError(t, first.Close())
	require.Eventually(t, func() bool {
		status, _ := people[0].post(t, handler, "/imports", "Date,Payee,Amount\n2026-11-02,A,-1.00\n")
		return status == http.StatusCreated
	}, 5*time.Second, 5*time.Millisecond)
	require.NoError(t, second.Close())
}

func TestPlacesForUploads(t *testing.T) {
	u := newUploads()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	ada := uuid.New()
	require.NoError(t, u.enter(t.Context(), ada))
	require.ErrorIs(t, u.enter(t.Context(), ada), errUploadOfOwn)
	for range uploadsInAll - 1 {
		require.NoError(t, u.enter(t.Context(), uuid.New()))
	}
	ben := uuid.New()
	require.ErrorIs(t, u.enter(ended, ben), errUploads)
	u.leave(ada)
	require.NoError(t, u.enter(t.Context(), ben), "one that was refused left nothing behind")
	require.Len(t, u.users, uploadsInAll)
}

func TestAnUploadThatIsTooLargeIsRefusedUnread(t *testing.T) {
	handler, people := importers(t, 1)
	server := httptest.NewServer(handler)
	defer server.Close()
	send := func(length string, body io.Reader) *http.Response {
		connection, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = connection.Close() })
		_, err = fmt.Fprintf(connection, "POST /api/v1/imports HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", people[0].token, length)
		require.NoError(t, err)
		go func() { _, _ = io.Copy(connection, body) }() // fails when the answer comes first
		answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
		require.NoError(t, err)
		return answer
	}
	announced := send(fmt.Sprintf("Content-Length: %d", limits.MaxFileBody+1), strings.NewReader(""))
	require.Equal(t, http.StatusRequestEntityTooLarge, announced.StatusCode)
	chunk := fmt.Sprintf("100000\r\n%s\r\n", strings.Repeat("x", 1<<20))
	unannounced := send("Transfer-Encoding: chunked", strings.NewReader(strings.Repeat(chunk, 7)))
	require.Equal(t, http.StatusRequestEntityTooLarge, unannounced.StatusCode)
	require.Equal(t, "application/problem+json", unannounced.Header.Get("Content-Type"))
}

// A limit is the size of the largest body that is taken.
func TestTheLargestBodyIsTaken(t *testing.T) {
	handler, people := importers(t, 1)
	one := people[0]
	padded := func(body []byte, size int) []byte { // white space is part of JSON
		return append(body, bytes.Repeat([]byte(" "), size-len(body))...)
	}
	for _, c := range []struct {
		path string
		body []byte
		most int
	}{
		{"/wallets", []byte(`{"name": "Purse", "type": "cash", "currency": "EUR"}`), limits.MaxBody},
		{"/imports", one.upload(t, statementOf(1)), limits.MaxFileBody},
	} {
		status, answer := one.send(t, handler, c.path, padded(c.body, c.most+1))
		require.Equal(t, http.StatusRequestEntityTooLarge, status, answer)
		status, answer = one.send(t, handler, c.path, padded(c.body, c.most))
		require.Equal(t, http.StatusCreated, status, answer)
	}
}
