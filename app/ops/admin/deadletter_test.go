package admin

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

// kept is the dead letter that a service makes of what it cannot read.
func kept(t *testing.T, came string) []byte {
	t.Helper()
	raw, err := json.Marshal(map[string]any{
		"specversion": "1.0", "id": "made", "source": "/services/analytics", "type": event.TypeUnreadable, "datacontenttype": "text/plain",
		"data": came, "dlqreason": "it is no JSON object", "dlqhandler": event.Analytics, "dlqtries": 1,
	})
	require.NoError(t, err)
	return raw
}

// What came is known of every letter, whoever wrote it and whatever it is.
func TestWhatCame(t *testing.T) {
	for name, c := range map[string]struct {
		value    []byte
		came     string // as JSON or as it is
		why      string // it is not known
		readable bool
		reason   string
	}{
		"an event":                 {[]byte(`{"type":"transaction.created","id":"1","dlqreason":"the database"}`), `{"type":"transaction.created","id":"1"}`, "", true, "the database"},
		"an event of the sidecar":  {[]byte(`{"type":"transaction.created","id":"1"}`), `{"type":"transaction.created","id":"1"}`, "", true, "the sidecar dead-lettered it"},
		"text of the sidecar":      {[]byte("hello"), "hello", "", false, "it is no event"},
		"a list":                   {[]byte("[1]"), "[1]", "", false, "it is no event"},
		"nothing at all":           {nil, "", "", false, "it is no event"},
		"null":                     {[]byte("null"), "null", "", false, "it is no event"},
		"bytes":                    {[]byte{0xff, 0}, "\xff\x00", "", false, "it is no event"},
		"text that a service kept": {kept(t, "hello"), "hello", "", false, "it is no JSON object"},
		"the begin of it":          {kept(t, strings.Repeat("x", event.MaxUnreadable)), strings.Repeat("x", event.MaxUnreadable), "only the first", false, "no JSON"},
		"bytes that it kept":       {kept(t, "a\xffb"), "a�b", "no text", false, "no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			letter := read(&sarama.ConsumerMessage{Topic: "dlq.finance.transaction.created", Value: c.value})
			came, err := letter.Original()
			if c.why == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.why)
			}
			if strings.HasPrefix(c.came, "{") {
				require.JSONEq(t, c.came, string(came))
			} else {
				require.Equal(t, c.came, string(came))
			}
			require.Equal(t, c.readable, letter.Readable())
			require.Contains(t, letter.Reason(), c.reason)
		})
	}
}

func TestSelection(t *testing.T) {
	now := time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)
	letter := Message{
		Topic: "dlq.a", Partition: 1, Offset: 7, Time: now, Event: event.CloudEvent{ID: "it", Type: "a"}, Death: &event.Death{Reason: "Connection refused"},
	}
	for name, c := range map[string]struct {
		meant Selection
		want  bool
	}{
		"all":                        {Selection{}, true},
		"its event":                  {Selection{Event: "it"}, true},
		"another event":              {Selection{Event: "other"}, false},
		"its place":                  {Selection{At: []Position{{"dlq.a", 1, 7}}}, true},
		"its place of any topic":     {Selection{At: []Position{{"", 1, 6}, {"", 1, 7}}}, true},
		"that place of another":      {Selection{At: []Position{{"dlq.b", 1, 7}}}, false},
		"another partition":          {Selection{At: []Position{{"dlq.a", 0, 7}}}, false},
		"its reason":                 {Selection{Reason: "connection REFUSED"}, true},
		"another reason":             {Selection{Reason: "schema"}, false},
		"since then":                 {Selection{Since: now}, true},
		"since later":                {Selection{Since: now.Add(time.Second)}, false},
		"until then, which is not":   {Selection{Until: now}, false},
		"until later":                {Selection{Until: now.Add(time.Second)}, true},
		"its event, another's place": {Selection{Event: "it", At: []Position{{"dlq.a", 1, 8}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, c.meant.Takes(letter))
			require.Equal(t, name == "all", c.meant.Empty())
		})
	}
}

func TestTrace(t *testing.T) {
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", Message{Event: event.CloudEvent{TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}.Trace())
	require.Empty(t, Message{}.Trace())
	require.Empty(t, Message{Event: event.CloudEvent{TraceParent: "?"}}.Trace())
}
