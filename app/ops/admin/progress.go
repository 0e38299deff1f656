package admin

import (
	"fmt"

	"github.com/IBM/sarama"
)

// ReplayGroup is the consumer group that says which dead letters were replayed: a letter stays
// where it is, so that nothing is lost whenever a replay ends. In each partition the group has
// committed the first letter that was not replayed, with all that were as the commit's
// metadata. Nobody reads as a member of it. Kafka forgets it a week after the last replay, when
// the letters of before are older than services remember, and are refused for that.
const ReplayGroup = "companionctl.replay"

// maxMetadata is how much metadata a commit has, in bytes: brokers take 4096.
const maxMetadata = 4000

// replayed reads which letters of the partitions of a topic of dead letters were replayed.
func (k *Kafka) replayed(name string, partitions []int32) (map[int32]offsetSet, error) {
	var committed *sarama.OffsetFetchResponse
	if err := k.coordinated(ReplayGroup, func() (err error) {
		committed, err = k.admin.ListConsumerGroupOffsets(ReplayGroup, map[string][]int32{name: partitions})
		return err
	}); err != nil {
		return nil, fmt.Errorf("offsets of group %s: %w", ReplayGroup, err)
	}
	found := map[int32]offsetSet{}
	for _, partition := range partitions {
		block := committed.GetBlock(name, partition)
		if block == nil || block.Offset < 0 {
			continue
		}
		offsets, err := parseOffsets(block.Metadata)
		if err != nil {
			return nil, fmt.Errorf("what the group %s says about %s/%d: %w", ReplayGroup, name, partition, err)
		}
		found[partition] = offsets
	}
	return found, nil
}

// note adds letters to those that were replayed. It reads before it writes, so that of two
// replays at once both are noted, but for what they write in the same moment: such letters are
// replayed again by the next replay, and services that have handled their events do nothing.
func (k *Kafka) note(name string, partition int32, replayed []span) error {
	before, err := k.replayed(name, []int32{partition})
	if err != nil {
		return err
	}
	first, _, err := k.offsets(name, partition)
	if err != nil {
		return err
	}
	// A set with very many gaps loses its oldest part, never claims more.
	all := before[partition].with(replayed...).from(first).within(maxMetadata)
	next := first
	if len(all) > 0 && all[0].first == first {
		next = all[0].last + 1
	}
	if err := k.commit(ReplayGroup, name, partition, sarama.OffsetAndMetadata{Offset: next, Metadata: all.String(), LeaderEpoch: -1}); err != nil {
		return fmt.Errorf("note what was replayed: %w", err)
	}
	return nil
}
