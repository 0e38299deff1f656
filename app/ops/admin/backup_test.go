package admin

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
)

// A backup holds what Kafka holds, to the byte.
func TestARecordIsTheMessageAgain(t *testing.T) {
	at := time.Date(2026, 11, 27, 12, 0, 0, 123e6, time.UTC)
	for name, m := range map[string]*sarama.ConsumerMessage{
		"an event":         {Topic: "finance.transaction.created", Partition: 1, Offset: 7, Timestamp: at, Key: []byte("user"), Value: []byte(`{"a":1}`)},
		"the end of a key": {Topic: "finance.budget.changed", Timestamp: at, Key: []byte("budget")},
		"without a key":    {Topic: "dlq.finance.transaction.created", Timestamp: at, Value: []byte{0xff, 0, '"'}},
		"with headers":     {Topic: "finance.transaction.created", Timestamp: at, Value: []byte("x"), Headers: []*sarama.RecordHeader{{Key: []byte("traceparent"), Value: []byte("00-1")}}},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := json.Marshal(recordOf(m))
			require.NoError(t, err)
			var got []*sarama.ProducerMessage
			require.NoError(t, Records(bytes.NewReader(raw), func(r Record) error { got = append(got, messageOf(r)); return nil }))
			require.Len(t, got, 1)
			require.Equal(t, m.Topic, got[0].Topic)
			require.Equal(t, at, got[0].Timestamp)
			for _, part := range []struct {
				want []byte
				got  sarama.Encoder
			}{{m.Key, got[0].Key}, {m.Value, got[0].Value}} {
				if part.want == nil {
					require.Nil(t, part.got)
					continue
				}
				encoded, err := part.got.Encode()
				require.NoError(t, err)
				require.Equal(t, part.want, encoded)
			}
			require.Len(t, got[0].Headers, len(m.Headers))
			for i, header := range m.Headers {
				require.Equal(t, *header, got[0].Headers[i])
			}
		})
	}
}

// A file that is damaged is refused before anything of it is published: there is no Kafka here.
func TestADamagedBackupIsRefused(t *testing.T) {
	const good = `{"topic":"finance.transaction.created","partition":0,"offset":0,"time":"2026-11-27T12:00:00Z","key":null,"value":"eA=="}` + "\n"
	for name, c := range map[string]struct{ file, want string }{
		"cut off":            {good + good[:40], "record 2 of the backup"},
		"of another program": {good + `{"hello":1}`, "record 2 of the backup"},
		"of another topic":   {good + strings.Replace(good, "finance.transaction.created", "__consumer_offsets", 1), `record 2 of the backup is of the topic "__consumer_offsets"`},
	} {
		t.Run(name, func(t *testing.T) {
			done, err := (&Kafka{}).Restore(t.Context(), strings.NewReader(c.file), false, time.Now())
			require.ErrorContains(t, err, c.want)
			require.Zero(t, done)
		})
	}
}
