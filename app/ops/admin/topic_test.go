package admin

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatATopicNeeds(t *testing.T) {
	const week, day = "604800000", "86400000"
	want := Topic{Name: "a", Partitions: 3, Config: map[string]string{"retention.ms": week, insyncSetting: "1"}}
	as := func(partitions, replicas int, config map[string]string, byHand ...string) *existing {
		e := &existing{config: map[string]string{"retention.ms": week, insyncSetting: "1"}, byHand: byHand}
		for key, value := range config {
			e.config[key] = value
		}
		for range partitions {
			e.replicas = append(e.replicas, []int32{1, 2, 3}[:replicas])
		}
		return e
	}
	for name, c := range map[string]struct {
		want     Topic
		have     *existing
		reassign bool
		state    string
		what     []Difference
	}{
		"a new topic is created":                   {want, nil, false, Missing, []Difference{{What: "partitions", Want: "3", Applied: true}, {What: "replication", Want: "2", Applied: true}}},
		"one that is as it shall be needs nothing": {want, as(3, 2, nil), false, Same, nil},
		"fewer partitions are raised":              {want, as(1, 2, nil), false, Differs, []Difference{{"partitions", "1", "3", true, grownNote}}},
		"more partitions are kept":                 {want, as(6, 2, nil), false, Differs, []Difference{{"partitions", "6", "3", false, surplusNote}}},
		"another setting is set":                   {want, as(3, 2, map[string]string{"retention.ms": day}), false, Differs, []Difference{{"retention.ms", day, week, true, ""}}},
		"what is set by hand stays":                {want, as(3, 2, map[string]string{"max.message.bytes": "9"}, "max.message.bytes", "retention.ms"), false, Differs, []Difference{{"max.message.bytes", "9", "", false, byHandNote}}},
		"replicas stay":                            {want, as(3, 1, nil), false, Differs, []Difference{{"replication", "1", "2", false, reassignedNote}}},
		"replicas are moved when that is said":     {want, as(3, 1, nil), true, Differs, []Difference{{"replication", "1", "2", true, ""}}},
		"replicas in sync are not asked for before they are there": {
			Topic{Name: "a", Partitions: 3, Config: map[string]string{insyncSetting: "2"}}, as(3, 1, nil), false, Differs,
			[]Difference{{"replication", "1", "2", false, reassignedNote}, {insyncSetting, "1", "2", false, insyncNote}},
		},
		"but with them": {
			Topic{Name: "a", Partitions: 3, Config: map[string]string{insyncSetting: "2"}}, as(3, 1, nil), true, Differs,
			[]Difference{{"replication", "1", "2", true, ""}, {insyncSetting, "1", "2", true, ""}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := compare(c.want, 2, c.have, c.reassign)
			require.Equal(t, Drift{c.want.Name, c.state, c.what}, got)
		})
	}
}

func TestSpread(t *testing.T) {
	brokers := []int32{1, 2, 3}
	for name, c := range map[string]struct {
		have        [][]int32
		replication int
		want        [][]int32
	}{
		"as it is":         {[][]int32{{1, 2}, {2, 3}}, 2, [][]int32{{1, 2}, {2, 3}}},
		"more":             {[][]int32{{1}, {1}, {2}}, 2, [][]int32{{1, 3}, {1, 2}, {2, 3}}},
		"fewer":            {[][]int32{{1, 2, 3}, {3, 1, 2}}, 1, [][]int32{{1}, {3}}},
		"on every broker":  {[][]int32{{1}, {2}}, 3, [][]int32{{1, 3, 2}, {2, 1, 3}}},
		"not all the same": {[][]int32{{1, 2, 3}, {1}}, 2, [][]int32{{1, 2}, {1, 3}}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, spread(c.have, brokers, c.replication))
		})
	}
}
