package admin

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/stretchr/testify/require"
)

func TestWhatATopicNeeds(t *testing.T) {
	week, day := "604800000", "86400000"
	want := Topic{Name: "a", Partitions: 3, Config: map[string]string{"retention.ms": week}}
	for name, one := range map[string]struct {
		have *sarama.TopicDetail
		want plan
	}{
		"a new topic is created": {nil, plan{create: true, detail: []string{"3 partitions"}}},
		"one that is as it shall be needs nothing": {
			&sarama.TopicDetail{NumPartitions: 3, ConfigEntries: map[string]*string{"retention.ms": &week}},
			plan{config: map[string]string{}},
		},
		"fewer partitions are raised": {
			&sarama.TopicDetail{NumPartitions: 1, ConfigEntries: map[string]*string{"retention.ms": &week}},
			plan{partitions: 3, config: map[string]string{}, detail: []string{"partitions 1 -> 3"}},
		},
		"more partitions are kept": {
			&sarama.TopicDetail{NumPartitions: 6, ConfigEntries: map[string]*string{"retention.ms": &week}},
			plan{config: map[string]string{}},
		},
		"another setting is set": {
			&sarama.TopicDetail{NumPartitions: 3, ConfigEntries: map[string]*string{"retention.ms": &day}},
			plan{config: map[string]string{"retention.ms": week}, detail: []string{"retention.ms 86400000 -> 604800000"}},
		},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, one.want, compare(want, one.have)) })
	}
}
