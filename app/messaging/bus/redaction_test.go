package bus

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A mark that stands for what people search for, spend and are called.
const marked = "topsecret7q"

// A sidecar that is not reached: the addresses asked for hold the keys of answers,
// which hold what people searched for.
func TestAStateStoreThatIsAwayPutsNoKeyInTheLog(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, port, err := net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	t.Setenv("DAPR_HTTP_PORT", port)
	var log bytes.Buffer
	cache := NewCache("state", time.Minute, slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	_, found := cache.Find(t.Context(), "user /api/v1/transactions?search="+marked)
	require.False(t, found)
	require.Contains(t, log.String(), "the state store does not answer")
	require.Contains(t, log.String(), "connection refused")
	err = cache.write(t.Context(), entry{key: marked, value: []byte(`"` + marked + `"`)})
	require.Error(t, err)
	require.NotContains(t, log.String()+err.Error(), marked)
}

// Providers like to repeat the prompt, which holds a person's figures.
func TestARefusalOfTheModelDoesNotRepeatThePrompt(t *testing.T) {
	for name, answer := range map[string]string{
		"in the sidecar's message": `{"errorCode":"ERR_CONVERSATION_INVALID_PARAMS","message":"refused: ` + marked + `"}`,
		"in the code":              `{"errorCode":"` + marked + `"}`,
		"as text":                  marked,
	} {
		t.Run(name, func(t *testing.T) {
			sidecar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = io.WriteString(w, answer)
			}))
			defer sidecar.Close()
			at, err := url.Parse(sidecar.URL)
			require.NoError(t, err)
			t.Setenv("DAPR_HTTP_PORT", at.Port())
			_, err = Conversation{Name: "model", Client: sidecar.Client()}.Converse(t.Context(), "Be brief.", marked)
			require.ErrorContains(t, err, "conversation model: 500")
			require.NotContains(t, err.Error(), marked)
		})
	}
}
