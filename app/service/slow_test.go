package service

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/limits"
)

// Callers who send their headers a byte at a time lose their connections, all of them,
// and others are answered meanwhile. Every service serves so, the API and MCP.
func TestHeadersThatComeAByteAtATimeHoldNothingUp(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	ctx, end := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- listener{address: address, handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "answered") })}.serve(ctx, slog.New(slog.DiscardHandler))
	}()
	defer func() { end(); require.NoError(t, <-served) }()
	require.Eventually(t, func() bool {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			_ = connection.Close()
		}
		return err == nil
	}, 5*time.Second, 10*time.Millisecond)

	const slow = 300
	began := time.Now()
	var all sync.WaitGroup
	longest := make([]time.Duration, slow)
	for i := range slow {
		connection, err := net.Dial("tcp", address)
		require.NoError(t, err)
		all.Go(func() {
			defer connection.Close()
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				_, _ = io.Copy(io.Discard, connection)
			}()
			_, _ = fmt.Fprint(connection, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
			for {
				select {
				case <-ended:
					longest[i] = time.Since(began)
					return
				case <-time.After(500 * time.Millisecond):
					_, _ = fmt.Fprint(connection, "x")
				}
				if time.Since(began) > 4*limits.ReadHeaders {
					longest[i] = time.Since(began)
					return
				}
			}
		})
	}
	client := &http.Client{Timeout: 2 * time.Second}
	for range 20 {
		answer, err := client.Get("http://" + address)
		require.NoError(t, err, "others are answered")
		_, _ = io.Copy(io.Discard, answer.Body)
		require.NoError(t, answer.Body.Close())
	}
	all.Wait()
	for _, took := range longest {
		require.Less(t, took, limits.ReadHeaders+5*time.Second)
	}
}
