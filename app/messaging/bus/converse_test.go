package bus

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConverse(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		answer     string
		want, fail string
	}{
		"an answer":                  {200, `{"outputs":[{"choices":[{"finishReason":"stop","message":{"content":"Hello."}}]}]}`, "Hello.", ""},
		"the first that says a word": {200, `{"outputs":[{"choices":[{"message":{"content":""}},{"message":{"content":"Hello."}}]}]}`, "Hello.", ""},
		"nothing":                    {200, `{"outputs":[]}`, "", "said nothing"},
		"no JSON":                    {200, `hello`, "", "conversation model"},
		"no such component":          {400, `{"errorCode":"ERR_CONVERSATION_NOT_FOUND"}`, "", "ERR_CONVERSATION_NOT_FOUND"},
	} {
		t.Run(name, func(t *testing.T) {
			var path string
			var body []byte
			sidecar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				path = r.URL.Path
				body, _ = io.ReadAll(r.Body)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.answer)
			}))
			defer sidecar.Close()
			at, err := url.Parse(sidecar.URL)
			require.NoError(t, err)
			t.Setenv("DAPR_HTTP_PORT", at.Port())
			got, err := Conversation{Name: "model", Client: sidecar.Client()}.Converse(t.Context(), "Be brief.", "Say hello.")
			if c.fail != "" {
				require.ErrorContains(t, err, c.fail)
			} else {
				require.NoError(t, err)
			}
			require.Equal(t, c.want, got)
			require.Equal(t, "/v1.0-alpha2/conversation/model/converse", path)
			require.JSONEq(t, `{"temperature": 0, "inputs": [{"scrubPii": false, "messages": [
				{"ofSystem": {"content": [{"text": "Be brief."}]}}, {"ofUser": {"content": [{"text": "Say hello."}]}}]}]}`, string(body))
		})
	}
}

func TestAnEndlessAnswerIsNotRead(t *testing.T) {
	sidecar := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"outputs":[{"choices":[{"message":{"content":"`+strings.Repeat("x", maxAnswer)+`"}}]}]}`)
	}))
	defer sidecar.Close()
	at, err := url.Parse(sidecar.URL)
	require.NoError(t, err)
	t.Setenv("DAPR_HTTP_PORT", at.Port())
	_, err = Conversation{Name: "model", Client: sidecar.Client()}.Converse(t.Context(), "", "")
	require.Error(t, err, "more than any message has")
}
