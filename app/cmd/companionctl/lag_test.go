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
			[]string{"analytics\t2\t(all)\t-\t0 events\t-"}, nil,
		},
		"an event is on its way": {
			admin.Group{Name: "analytics", State: "Stable", Members: 2, Partitions: []admin.PartitionLag{quiet, {Topic: "t", Partition: 3, Waiting: 1, Oldest: ago(2 * time.Second)}}},
			[]string{"analytics\t2\tt\t3\t1 event\t2s"}, nil,
		},
		"events stand still": {
			admin.Group{Name: "analytics", State: "Stable", Members: 2, Partitions: []admin.PartitionLag{{Topic: "t", Partition: 3, Waiting: 1238, Oldest: ago(17 * time.Minute)}}},
			[]string{"analytics\t2\tt\t3\t1238 events\t17m0s"}, []string{"analytics: t/3 stands at an event of 17m0s ago", "Events stand still"},
		},
		"too many wait": {
			admin.Group{Name: "banking", State: "Stable", Members: 1, Partitions: []admin.PartitionLag{{Topic: "t", Waiting: 1001, Oldest: ago(time.Second)}}},
			[]string{"banking\t1\tt\t0\t1001 events\t1s"}, []string{"banking: t/0 has 1001 events waiting"},
		},
		"nobody reads": {
			admin.Group{Name: "banking", State: "Empty", Partitions: []admin.PartitionLag{{Topic: "t", Waiting: 2}}},
			[]string{"banking\t0\tt\t0\t2 events\tnot known"}, []string{"banking: nobody reads (Empty), and 2 events wait"},
		},
		"nobody reads, and nothing is there": {
			admin.Group{Name: "banking", State: "Empty", Partitions: []admin.PartitionLag{quiet}},
			[]string{"banking\t0\t(all)\t-\t0 events\t-"}, nil,
		},
		"a broker whose clock is ahead": {
			admin.Group{Name: "banking", State: "Stable", Members: 1, Partitions: []admin.PartitionLag{{Topic: "t", Waiting: 1, Oldest: ago(-time.Minute)}}},
			[]string{"banking\t1\tt\t0\t1 event\t0s"}, nil,
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

func TestOnlyLettersWhoseEventsAreRememberedAreReplayed(t *testing.T) {
	replayed := 0
	one := func(admin.Message) error { replayed++; return nil }
	young, old := admin.Message{Topic: "dlq.t", Time: time.Now().Add(-24 * time.Hour)}, admin.Message{Topic: "dlq.t", Time: time.Now().Add(-8 * 24 * time.Hour)}
	young.Event.ID, old.Event.ID = "young", "old"
	for name, c := range map[string]struct {
		letters   []admin.Message
		duplicate bool
		replayed  int
		err       string
	}{
		"a young one":           {[]admin.Message{young}, false, 1, ""},
		"an old one":            {[]admin.Message{old}, false, 0, "1 of 1"},
		"both":                  {[]admin.Message{old, young}, false, 1, "1 of 2"},
		"an old one, accepted":  {[]admin.Message{old}, true, 1, ""},
		"the same letter twice": {[]admin.Message{young, young}, false, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			replayed = 0
			err := replay(remembered(one, c.duplicate, time.Now()), c.letters, "")
			if c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
			require.Equal(t, c.replayed, replayed)
		})
	}
	require.ErrorContains(t, remembered(one, false, time.Now())(old), "--accept-duplicates")
}
