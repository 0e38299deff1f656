package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
)

// dlq is a letter of what came.
func dlq(value string) admin.Letter {
	return admin.Letter{Message: admin.Message{Topic: "dlq.finance.transaction.created", Offset: 7, Time: time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC), Value: []byte(value)}}
}

func TestALetterIsShownWhateverItIs(t *testing.T) {
	read := dlq(`{"id":"1"}`)
	read.Event = event.CloudEvent{ID: "1", Type: "transaction.created", CorrelationID: "c", TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}
	read.Death = &event.Death{Handler: "analytics", Tries: 3, Reason: "the database\nat line 1\x1b[2J"}
	read.Replayed = true
	for name, c := range map[string]struct {
		letter admin.Letter
		row    string
		page   []string
	}{
		"an event": {
			read, "dlq.finance.transaction.created/0/7\t2026-11-28T03:00:00Z\ttransaction.created\t1\tc\tanalytics\t3\tyes\tthe database…",
			[]string{"correlation  c\n", "trace        4bf92f3577b34da6a3ce929d0e0e4736\n", "replayed     yes\n", `\x1b[2J`, `"id": "1"`},
		},
		"text": {
			dlq("hello\x1b[2J\nworld"), "dlq.finance.transaction.created/0/7\t2026-11-28T03:00:00Z\t(no event)\t-\t-\t(sidecar)\t-\tno\tit is no event: the sidecar dead-lettered it: hello\\x1b[2J…",
			[]string{"event        none", "replayed     no, and would be refused: it would die again", "came         hello\\x1b[2J\n             world\n"},
		},
		"bytes": {
			dlq("\xff\x00"), "dlq.finance.transaction.created/0/7\t2026-11-28T03:00:00Z\t(no event)\t-\t-\t(sidecar)\t-\tno\tit is no event: the sidecar dead-lettered it: 2 bytes, ff00…",
			[]string{"ff 00"},
		},
		"nothing": {
			dlq(""), "dlq.finance.transaction.created/0/7\t2026-11-28T03:00:00Z\t(no event)\t-\t-\t(sidecar)\t-\tno\tit is no event: the sidecar dead-lettered it",
			[]string{"letter       dlq.finance.transaction.created/0/7\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.row, letterRow(shown(c.letter)))
			page := letterPage(c.letter, c.letter.Time)
			for _, part := range c.page {
				require.Contains(t, page, part)
			}
			require.NotContains(t, page, "\x1b", "a terminal obeys nothing of it")
		})
	}
}

// A format that is read by programs has all that came, to the byte.
func TestALetterAsAValue(t *testing.T) {
	var out strings.Builder
	require.NoError(t, writeValue(&out, "yaml", []letter{shown(dlq("\xff\x00")), shown(dlq("hello"))}))
	require.Contains(t, out.String(), "bytes: /wA=\n")
	require.Contains(t, out.String(), "text: hello\n")
	require.Contains(t, out.String(), "letter: dlq.finance.transaction.created/0/7\n")
	require.ErrorIs(t, writeValue(&out, "xml", nil), errUsage)
}

func TestMoment(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-28":                "2026-11-28T00:00:00Z",
		"2026-11-28T03:00":          "2026-11-28T03:00:00Z",
		"2026-11-28T03:00:05":       "2026-11-28T03:00:05Z",
		"2026-11-28T03:00:00+01:00": "2026-11-28T02:00:00Z",
	} {
		var m moment
		require.NoError(t, m.Set(text))
		require.Equal(t, want, m.UTC().Format(time.RFC3339))
	}
	var ago moment
	require.NoError(t, ago.Set("90m"))
	require.WithinDuration(t, time.Now().Add(-90*time.Minute), ago.Time, time.Minute)
	require.Error(t, ago.Set("-1h"))
}

func TestHowAReplayEnds(t *testing.T) {
	outcome := func(what string) admin.Outcome {
		return admin.Outcome{Letter: dlq("x").Message, What: what, Err: errors.New("it would die again")}
	}
	for name, c := range map[string]struct {
		came        []string
		err         error
		interrupted bool
		want        string // empty: all is well
	}{
		"all":                {[]string{admin.Replayed, admin.SameAs}, nil, false, ""},
		"all were before":    {[]string{admin.Before}, nil, false, ""},
		"one is refused":     {[]string{admin.Replayed, admin.Refused}, nil, false, "1 dead letters are not replayed"},
		"none is meant":      {nil, nil, false, "no dead letter is meant"},
		"Kafka went away":    {[]string{admin.Replayed}, errors.New("no broker"), false, "no broker; what was not replayed is as it was"},
		"it was interrupted": {[]string{admin.Replayed}, errors.New("canceled"), true, "interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			counted := newTally(false, time.Now())
			for _, what := range c.came {
				counted.add(outcome(what))
			}
			err := counted.end(c.err, c.interrupted)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
		})
	}
}
