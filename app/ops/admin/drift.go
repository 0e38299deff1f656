package admin

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
)

// How a topic compares with the catalogue.
const (
	Same    = "same"
	Missing = "missing"
	Differs = "differs"
	Unknown = "unknown" // the catalogue has no such topic
)

// Drift is how a topic compares with what it shall be.
type Drift struct {
	Topic       string       `json:"topic"`
	State       string       `json:"state"`
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is one thing about a topic that is not as it shall be.
type Difference struct {
	What string `json:"what"` // partitions, replication, or a setting's name
	Have string `json:"have"` // empty: it is not set, or there is none
	Want string `json:"want"` // empty: nothing is asked for
	// Apply changes it; if not, Note says why.
	Applied bool   `json:"applied"`
	Note    string `json:"note,omitempty"`
}

// The settings and properties that are spoken of by name.
const (
	partitionsProperty  = "partitions"
	replicationProperty = "replication"
	insyncSetting       = "min.insync.replicas"
)

// What a change means, for whoever is about to apply it.
const (
	grownNote = "most keys move to another partition: for a moment events of one key may be handled out of order, while those of " +
		"before wait in the old one. Consumers tell by versions which is the later one; it is safest while `companionctl lag` shows none. It cannot be taken back"
	surplusNote    = "partitions cannot be taken back: they stay"
	reassignedNote = "brokers copy the topic's messages: --reassign does it"
	insyncNote     = "not before there are as many replicas: writes would be refused"
	byHandNote     = "set by hand: it stays"
	unknownNote    = "the catalogue has no such topic: it stays"
)

// existing is a topic as the cluster has it.
type existing struct {
	replicas [][]int32         // of each partition, the preferred leader first
	config   map[string]string // every setting's value in force
	byHand   []string          // settings that somebody set on the topic
}

// replication is how many replicas the partition with the fewest has.
func (e *existing) replication() int {
	fewest := 0
	for n, replicas := range e.replicas {
		if n == 0 || len(replicas) < fewest {
			fewest = len(replicas)
		}
	}
	return fewest
}

// compare lists what is different. Partitions cannot be taken back, so a topic keeps those that it
// has beyond the catalogue's; and what else is set on a topic was somebody's decision. reassign
// has the replication changed too.
func compare(want Topic, replication int16, have *existing, reassign bool) Drift {
	if have == nil {
		return Drift{want.Name, Missing, []Difference{
			{What: partitionsProperty, Want: fmt.Sprint(want.Partitions), Applied: true}, {What: replicationProperty, Want: fmt.Sprint(replication), Applied: true},
		}}
	}
	d := Drift{Topic: want.Name, State: Same}
	differs := func(what, have, want string, applied bool, note string) {
		d.State, d.Differences = Differs, append(d.Differences, Difference{what, have, want, applied, note})
	}
	switch count := int32(len(have.replicas)); {
	case count < want.Partitions:
		differs(partitionsProperty, fmt.Sprint(count), fmt.Sprint(want.Partitions), true, grownNote)
	case count > want.Partitions:
		differs(partitionsProperty, fmt.Sprint(count), fmt.Sprint(want.Partitions), false, surplusNote)
	}
	if slices.ContainsFunc(have.replicas, func(replicas []int32) bool { return len(replicas) != int(replication) }) {
		note := ""
		if !reassign {
			note = reassignedNote
		}
		differs(replicationProperty, counts(have.replicas), fmt.Sprint(replication), reassign, note)
	}
	for _, key := range slices.Sorted(maps.Keys(want.Config)) {
		if have.config[key] == want.Config[key] {
			continue
		}
		applied, note := true, ""
		if needed, err := strconv.Atoi(want.Config[key]); key == insyncSetting && err == nil && needed > have.replication() && !reassign {
			applied, note = false, insyncNote
		}
		differs(key, have.config[key], want.Config[key], applied, note)
	}
	for _, key := range slices.Sorted(slices.Values(have.byHand)) {
		if _, known := want.Config[key]; !known {
			differs(key, have.config[key], "", false, byHandNote)
		}
	}
	return d
}

// counts is how many replicas the partitions have, as one number where it is one.
func counts(replicas [][]int32) string {
	var all []string
	for _, one := range replicas {
		all = append(all, fmt.Sprint(len(one)))
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " to ")
}

// Drift compares topics with what they shall be, and lists those that nobody asked for. Topics
// that Kafka keeps for itself, whose names begin with two underscores, are left out.
func (k *Kafka) Drift(topics []Topic, replication int16, reassign bool) ([]Drift, error) {
	have, err := k.existing(topics)
	if err != nil {
		return nil, err
	}
	var all []Drift
	for _, want := range topics {
		all = append(all, compare(want, replication, have[want.Name], reassign))
		delete(have, want.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		all = append(all, Drift{name, Unknown, []Difference{{What: partitionsProperty, Have: fmt.Sprint(len(have[name].replicas)), Note: unknownNote}}})
	}
	return all, nil
}

// existing returns the topics that there are, and the settings of those that are asked for.
func (k *Kafka) existing(topics []Topic) (map[string]*existing, error) {
	listed, err := k.admin.ListTopics()
	if err != nil {
		return nil, fmt.Errorf("list topics: %w", err)
	}
	have := map[string]*existing{}
	for name, detail := range listed {
		if strings.HasPrefix(name, "__") {
			continue
		}
		one := &existing{config: map[string]string{}, replicas: make([][]int32, detail.NumPartitions)}
		for partition, replicas := range detail.ReplicaAssignment {
			if int(partition) < len(one.replicas) {
				one.replicas[partition] = replicas
			}
		}
		have[name] = one
	}
	for _, want := range topics {
		one := have[want.Name]
		if one == nil {
			continue
		}
		// ListTopics leaves out what equals a default.
		//nolint:staticcheck // one at a time has one error that names its topic
		entries, err := k.admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: want.Name})
		if err != nil {
			return nil, fmt.Errorf("settings of topic %s: %w", want.Name, err)
		}
		for _, entry := range entries {
			one.config[entry.Name] = entry.Value
			if entry.Source == sarama.SourceTopic {
				one.byHand = append(one.byHand, entry.Name)
			}
		}
	}
	return have, nil
}
