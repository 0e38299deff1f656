package admin

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/IBM/sarama"

	"github.com/wealth-companion/companion/app/core/event"
)

// Purge is what deleting dead letters takes with it. Kafka deletes a partition's messages up to
// an offset and no other way: a letter goes with all that lie before it.
type Purge struct {
	Last        Position  // the last letter that goes
	Letters     int       // how many go
	From, Until time.Time // when the broker took the first and the last of them
	Replayed    int       // that were replayed
	Exported    int       // that were not, but are in the export
	// Unsaved are the first of those that are neither replayed nor exported: nobody would know
	// of them any more. Rest is how many more there are.
	Unsaved []Message
	Rest    int
}

// unsavedShown bounds Purge.Unsaved.
const unsavedShown = 10

// Exported reads the dead letters of an export.
func Exported(from io.Reader) (map[Position]Record, error) {
	found := map[Position]Record{}
	err := Records(from, func(r Record) error {
		found[Position{r.Topic, r.Partition, r.Offset}] = r
		return nil
	})
	return found, err
}

// PlanPurge looks what would go with the letter at last; it deletes nothing.
func (k *Kafka) PlanPurge(ctx context.Context, last Position, exported map[Position]Record) (Purge, error) {
	plan := Purge{Last: last}
	topic, letters := topicOf(last.Topic)
	if !letters {
		return plan, fmt.Errorf("%s holds no dead letters", last.Topic)
	}
	there := false
	err := k.eachPartition(topic.Name, func(name string, partition int32, first, next int64, replayed offsetSet) error {
		if partition != last.Partition {
			return nil
		}
		there = true
		if last.Offset < first || last.Offset >= next {
			return fmt.Errorf("there is no letter %s: %s/%d keeps the offsets from %d to before %d", last, name, partition, first, next)
		}
		return k.read(ctx, name, partition, first, last.Offset+1, func(m *sarama.ConsumerMessage) error {
			if plan.Letters++; plan.Letters == 1 {
				plan.From = m.Timestamp.UTC()
			}
			plan.Until = m.Timestamp.UTC()
			record, is := exported[Position{m.Topic, m.Partition, m.Offset}]
			switch {
			case replayed.has(m.Offset):
				plan.Replayed++
			case is && record.same(m):
				plan.Exported++
			case len(plan.Unsaved) < unsavedShown:
				plan.Unsaved = append(plan.Unsaved, read(m))
			default:
				plan.Rest++
			}
			return nil
		})
	})
	if err == nil && !there {
		err = fmt.Errorf("%s has no partition %d", event.DeadLetter(topic.Name), last.Partition)
	}
	return plan, err
}

// Purge deletes what the plan says, which takes nothing with it that is neither replayed nor
// exported.
func (k *Kafka) Purge(plan Purge) error {
	if len(plan.Unsaved) > 0 {
		return fmt.Errorf("%d letters are neither replayed nor exported", len(plan.Unsaved)+plan.Rest)
	}
	if err := k.admin.DeleteRecords(plan.Last.Topic, map[int32]int64{plan.Last.Partition: plan.Last.Offset + 1}); err != nil {
		return fmt.Errorf("delete up to %s: %w", plan.Last, err)
	}
	return nil
}
