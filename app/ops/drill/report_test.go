package drill

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func results() []Result {
	agree := Books{Accepted: 120, Stored: 120}
	return []Result{
		{
			Drill: Drill{Name: "broker-killed", Goal: 15 * time.Second}, Requests: 900, Failed: 3, Recovered: 11400 * time.Millisecond, Ready: 14 * time.Second,
			Slowest: 12 * time.Second, Books: agree, Alarms: []Alarm{{"EventsLate", 65 * time.Second}, {"OutboxStuck", 70 * time.Second}}, Met: true,
		},
		{Drill: Drill{Name: "web-killed", Goal: 30 * time.Second}, Recovered: 31 * time.Second, Books: agree},
		{Drill: Drill{Name: "agent-killed", Goal: 30 * time.Second}, Books: Books{Accepted: 120, Stored: 119, Lost: 1}, Met: true},
		{Drill: Drill{Name: "redis-away", Goal: 30 * time.Second}, Error: "a pod of the backend does not start without Redis"},
	}
}

func TestRows(t *testing.T) {
	all := results()
	columns := strings.Split(all[0].Row(), "\t")
	require.Len(t, strings.Split(Header, "\t"), len(columns))
	require.Equal(t, []string{"broker-killed", "15s", "11.4s", "14.0s", "3 of 900", "12.0s", "120", "0", "0", "EventsLate after 65s, OutboxStuck after 70s", "yes"}, columns)
	for _, one := range all[1:] {
		require.True(t, strings.HasSuffix(one.Row(), "\tnone\tno"), one.Row())
	}
}

func TestWhatDidNotGoAsItShould(t *testing.T) {
	require.NoError(t, Err(results()[:1]))
	require.EqualError(t, Err(results()), `web-killed: recovered after 31.0s, its pods ready after 0.0s, and not within 30s
  agent-killed: of 120 transactions that were accepted, 119 are stored: 1 lost, 0 doubled, 0 never accepted
  redis-away: a pod of the backend does not start without Redis`)
}

func TestJUnit(t *testing.T) {
	var written bytes.Buffer
	require.NoError(t, WriteJUnit(&written, results()))
	var read junitSuite
	require.NoError(t, xml.Unmarshal(written.Bytes(), &read))
	require.Equal(t, []int{4, 3}, []int{read.Tests, read.Failures})
	require.Equal(t, []string{"broker-killed", "11.400"}, []string{read.Cases[0].Name, read.Cases[0].Time})
	require.Nil(t, read.Cases[0].Failure)
	require.Equal(t, "a pod of the backend does not start without Redis", read.Cases[3].Failure.Message)
}

func TestDrillsByName(t *testing.T) {
	all, err := Named([]string{"all", "broker-killed"})
	require.NoError(t, err)
	require.Len(t, all, len(All()))
	some, err := Named([]string{"node-drained", "web-killed"})
	require.NoError(t, err)
	require.Equal(t, []string{"web-killed", "node-drained"}, []string{some[0].Name, some[1].Name})
	_, err = Named([]string{"web-killed", "meteor"})
	require.ErrorContains(t, err, `no drill is called "meteor"`)
	for _, one := range all {
		require.Positive(t, one.Goal, one.Name)
		require.NotEmpty(t, one.About, one.Name)
	}
}
