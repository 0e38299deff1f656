//go:build integration

package rest

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestABodyThatBreaksOffIsTheCallersFault(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	server := httptest.NewServer(w.handler)
	defer server.Close()
	for name, c := range map[string]struct{ length, body string }{
		"chunks that are none":         {"Transfer-Encoding: chunked", "zz\r\n"},
		"less than what was announced": {"Content-Length: 100", `{"name":`},
	} {
		t.Run(name, func(t *testing.T) {
			connection, err := net.Dial("tcp", server.Listener.Addr().String())
			require.NoError(t, err)
			defer connection.Close()
			require.NoError(t, connection.SetDeadline(time.Now().Add(10*time.Second)))
			_, err = fmt.Fprintf(connection, "POST %s/wallets HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n\r\n%s", base, w.token, c.length, c.body)
			require.NoError(t, err)
			require.NoError(t, connection.(*net.TCPConn).CloseWrite())
			answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
			require.NoError(t, err)
			defer answer.Body.Close()
			require.Equal(t, 400, answer.StatusCode)
			require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"))
		})
	}
}
