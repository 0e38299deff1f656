package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/IBM/sarama"
)

// Reassignment says how brokers move replicas.
type Reassignment struct {
	// Throttle is how many bytes a second a broker sends and takes for it; 0: as many as it can.
	Throttle int64
	// Moving receives how many of a topic's partitions are not moved yet, whenever it was looked.
	Moving func(topic string, left, all int)
}

// movingPause is between two looks at a reassignment.
const movingPause = 500 * time.Millisecond

// The settings that bound what brokers send for replicas that are moved.
const (
	leaderRate      = "leader.replication.throttled.rate"
	followerRate    = "follower.replication.throttled.rate"
	leaderThrottle  = "leader.replication.throttled.replicas"
	followThrottled = "follower.replication.throttled.replicas"
)

// spread gives every partition as many replicas as it shall have: it keeps those that it has, the
// preferred leader first, and adds the brokers that have the fewest.
func spread(have [][]int32, brokers []int32, replication int) [][]int32 {
	held := map[int32]int{}
	for _, replicas := range have {
		for _, broker := range replicas {
			held[broker]++
		}
	}
	wanted := make([][]int32, len(have))
	for partition, replicas := range have {
		replicas = slices.Clone(replicas)
		for _, broker := range replicas[min(len(replicas), replication):] {
			held[broker]--
		}
		replicas = replicas[:min(len(replicas), replication)]
		for len(replicas) < replication {
			best := int32(-1)
			for _, broker := range brokers {
				if !slices.Contains(replicas, broker) && (best < 0 || held[broker] < held[best]) {
					best = broker
				}
			}
			if best < 0 {
				break // there are fewer brokers than replicas; the caller looked
			}
			held[best]++
			replicas = append(replicas, best)
		}
		wanted[partition] = replicas
	}
	return wanted
}

// reassign has brokers move a topic's replicas, and waits until they have. When ctx ends first,
// they go on; running it again waits for the rest.
func (k *Kafka) reassign(ctx context.Context, topic string, have *existing, replication int16, r Reassignment) (err error) {
	brokers, _, err := k.admin.DescribeCluster()
	if err != nil {
		return fmt.Errorf("brokers: %w", err)
	}
	var ids []int32
	for _, broker := range brokers {
		ids = append(ids, broker.ID())
	}
	slices.Sort(ids)
	if len(ids) < int(replication) {
		return fmt.Errorf("%d replicas need as many brokers, and %d are there", replication, len(ids))
	}
	if r.Throttle > 0 {
		if err := k.throttle(topic, ids, r.Throttle); err != nil {
			return errors.Join(err, k.unthrottle(topic, ids))
		}
		defer func() { err = errors.Join(err, k.unthrottle(topic, ids)) }()
	}
	all := len(have.replicas)
	if err := k.admin.AlterPartitionReassignments(topic, spread(have.replicas, ids, int(replication))); err != nil {
		return fmt.Errorf("move replicas: %w", err)
	}
	var partitions []int32
	for partition := range have.replicas {
		partitions = append(partitions, int32(partition))
	}
	for {
		left, err := k.admin.ListPartitionReassignments(topic, partitions)
		if err != nil {
			return fmt.Errorf("replicas that are moved: %w", err)
		}
		r.Moving(topic, len(left[topic]), all)
		if len(left[topic]) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d partitions are not moved yet (brokers go on; run this again to wait for them): %w", len(left[topic]), all, ctx.Err())
		case <-time.After(movingPause):
		}
	}
}

func (k *Kafka) throttle(topic string, brokers []int32, rate int64) error {
	every := "*"
	if err := k.set(sarama.TopicResource, topic, map[string]*string{leaderThrottle: &every, followThrottled: &every}); err != nil {
		return err
	}
	text := strconv.FormatInt(rate, 10)
	for _, broker := range brokers {
		if err := k.set(sarama.BrokerResource, fmt.Sprint(broker), map[string]*string{leaderRate: &text, followerRate: &text}); err != nil {
			return err
		}
	}
	return nil
}

func (k *Kafka) unthrottle(topic string, brokers []int32) error {
	err := k.set(sarama.TopicResource, topic, map[string]*string{leaderThrottle: nil, followThrottled: nil})
	for _, broker := range brokers {
		err = errors.Join(err, k.set(sarama.BrokerResource, fmt.Sprint(broker), map[string]*string{leaderRate: nil, followerRate: nil}))
	}
	return err
}

// set changes settings of a topic or a broker; nil takes one back.
func (k *Kafka) set(kind sarama.ConfigResourceType, name string, values map[string]*string) error {
	entries := map[string]sarama.IncrementalAlterConfigsEntry{}
	for key, value := range values {
		entry := sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationDelete}
		if value != nil {
			entry = sarama.IncrementalAlterConfigsEntry{Operation: sarama.IncrementalAlterConfigsOperationSet, Value: value}
		}
		entries[key] = entry
	}
	if err := k.admin.IncrementalAlterConfig(kind, name, entries, false); err != nil {
		return fmt.Errorf("throttle of %s: %w", name, err)
	}
	return nil
}
