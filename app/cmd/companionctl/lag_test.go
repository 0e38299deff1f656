package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/ops/admin"
)

func TestLag(t *testing.T) {
	now := time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	quiet := admin.PartitionLag{Topic: "finance.transaction.created", Partition: 1}
	bounds := lagBounds{age: time.Minute, waiting: 1000}
	for name, c := range map[string]struct {
		group admin.Group
		rows  []string
		wrong []string // nothing: all is in order
	}{
		"nothing waits": {
			admin.Group{Name: "analytics", State: "Stable", Members: 2, Partitions: []admin.PartitionLag{quiet}},
			[]string{"analytics\t2\t(all)\t-\t0 events\t-\t-\t-\t-"}, nil,
		},
		"an event is on its way": {
			admin.Group{Name: "analytics", State: "Stable", Members: 2, Partitions: []admin.PartitionLag{quiet, {Topic: "t", Partition: 3, Waiting: 1, Oldest: ago(2 * time.Second)}}},
			[]string{"analytics\t2\tt\t3\t1 event\t2s\t-\t-\t-"}, nil,
		},
		"events stand still": {
			admin.Group{Name: "analytics", State: "Stable", Members: 2, Partitions: []admin.PartitionLag{{Topic: "t", Partition: 3, Waiting: 1238, Oldest: ago(17 * time.Minute)}}},
			[]string{"analytics\t2\tt\t3\t1238 events\t17m0s\t-\t-\t-"}, []string{"analytics: t/3 stands at an event of 17m0s ago", "Events stand still"},
		},
		"too many wait": {
			admin.Group{Name: "banking", State: "Stable", Members: 1, Partitions: []admin.PartitionLag{{Topic: "t", Waiting: 1001, Oldest: ago(time.Second)}}},
			[]string{"banking\t1\tt\t0\t1001 events\t1s\t-\t-\t-"}, []string{"banking: t/0 has 1001 events waiting"},
		},
		"nobody reads": {
			admin.Group{Name: "banking", State: "Empty", Partitions: []admin.PartitionLag{{Topic: "t", Waiting: 2}}},
			[]string{"banking\t0\tt\t0\t2 events\tnot known\t-\t-\t-"}, []string{"banking: nobody reads (Empty), and 2 events wait"},
		},
		"nobody reads, and nothing is there": {
			admin.Group{Name: "banking", State: "Empty", Partitions: []admin.PartitionLag{quiet}},
			[]string{"banking\t0\t(all)\t-\t0 events\t-\t-\t-\t-"}, nil,
		},
		"a broker whose clock is ahead": {
			admin.Group{Name: "banking", State: "Stable", Members: 1, Partitions: []admin.PartitionLag{{Topic: "t", Waiting: 1, Oldest: ago(-time.Minute)}}},
			[]string{"banking\t1\tt\t0\t1 event\t0s\t-\t-\t-"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.rows, lagRows([]admin.Group{c.group}, false, now))
			require.GreaterOrEqual(t, len(lagRows([]admin.Group{c.group}, true, now)), len(c.group.Partitions))
			err := bounds.check([]admin.Group{c.group}, now)
			if len(c.wrong) == 0 {
				require.NoError(t, err)
			}
			for _, part := range c.wrong {
				require.ErrorContains(t, err, part)
			}
		})
	}
}

func TestPace(t *testing.T) {
	look := func(committed, next int64) []admin.Group {
		return []admin.Group{{Name: "analytics", Partitions: []admin.PartitionLag{{Topic: "t", Committed: committed, Next: next, Waiting: next - committed}}}}
	}
	for name, c := range map[string]struct {
		before, after []admin.Group
		want          string
	}{
		"it is worked off":            {look(0, 1000), look(100, 1000), "10.0/s\t0.0/s\tin 1m30s"},
		"while others come":           {look(0, 1000), look(100, 1050), "10.0/s\t5.0/s\tin 3m10s"},
		"more come than are handled":  {look(0, 1000), look(100, 1200), "10.0/s\t20.0/s\tnever, at this pace"},
		"it stands":                   {look(0, 1000), look(0, 1000), "0.0/s\t0.0/s\tnever, at this pace"},
		"nothing waits any more":      {look(0, 10), look(10, 10), "1.0/s\t0.0/s\tnow"},
		"a group that was reset back": {look(100, 1000), look(0, 1000), "0.0/s\t0.0/s\tnever, at this pace"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, pace(admin.Rates(c.before, c.after, 10*time.Second)[0].Partitions[0]))
		})
	}
	require.Equal(t, "-\t-\t-", pace(look(0, 1)[0].Partitions[0]))
}
