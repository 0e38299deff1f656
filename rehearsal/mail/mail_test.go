package mail

import (
	"net"
	"net/smtp"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func serving(t *testing.T) (address, dir string) {
	dir = t.TempDir() + "/mail"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := NewServer(dir)
	ended := make(chan error, 1)
	go func() { ended <- Serve(server, listener) }()
	t.Cleanup(func() {
		require.NoError(t, server.Close())
		require.NoError(t, <-ended)
	})
	return listener.Addr().String(), dir
}

func TestEveryMailIsKeptInOrder(t *testing.T) {
	address, dir := serving(t)
	none, err := List(dir)
	require.NoError(t, err)
	require.Empty(t, none)
	for _, to := range []string{"anna@example.com", "ben@example.com"} {
		require.NoError(t, smtp.SendMail(address, nil, "alerts@example.com", []string{to}, []byte(
			"From: Alerts <alerts@example.com>\r\nTo: somebody@example.com\r\nSubject: =?utf-8?q?80=25_of_caf=C3=A9s?=\r\n\r\nHello.\r\n")))
	}
	got, err := List(dir)
	require.NoError(t, err)
	require.Len(t, got, 2)
	require.Equal(t, "anna@example.com", got[0].To, "the connection's recipient, not the header's")
	require.Equal(t, "ben@example.com", got[1].To)
	require.Equal(t, "80% of cafés", got[0].Subject)
	require.Equal(t, "Alerts <alerts@example.com>", got[0].From)
	require.Equal(t, map[string]string{"": "Hello.\r\n"}, got[0].Parts)
	raw, err := os.ReadFile(got[0].File)
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(raw), "\r\n\r\nHello.\r\n"), "%q", raw)
}

func TestThePartsOfAMailAreRead(t *testing.T) {
	address, dir := serving(t)
	require.NoError(t, smtp.SendMail(address, nil, "alerts@example.com", []string{"anna@example.com"}, []byte(
		"Subject: x\r\nMessage-ID: <1@example.com>\r\nList-Unsubscribe: <https://example.com/u>\r\n"+
			"Content-Type: multipart/alternative; boundary=b\r\n\r\n"+
			"--b\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n80=25\r\n"+
			"--b\r\nContent-Type: text/html; charset=UTF-8\r\n\r\n<p>80%</p>\r\n--b--\r\n")))
	got, err := List(dir)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"text/plain": "80%", "text/html": "<p>80%</p>"}, got[0].Parts)
	require.Equal(t, "<1@example.com>", got[0].MessageID)
	require.Equal(t, "<https://example.com/u>", got[0].Unsubscribe)
}

func TestWhatIsTooLongIsRefusedAndNotKept(t *testing.T) {
	address, dir := serving(t)
	long := "Subject: long\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", longest/72+1)
	require.ErrorContains(t, smtp.SendMail(address, nil, "a@example.com", []string{"b@example.com"}, []byte(long)), "552")
	got, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, got)
}
