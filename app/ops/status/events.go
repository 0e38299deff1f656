package status

import (
	"context"
	"fmt"
	"time"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
)

// Brokers are Kafka, as far as it is looked at.
type Brokers interface {
	Lags(context.Context) ([]admin.Group, error)
	DeadLetters(ctx context.Context, topic string, limit int) ([]admin.Message, error)
}

// Connect opens a connection with the brokers; the function ends it.
type Connect func(context.Context) (Brokers, func(), error)

// longestWait is how long an event may wait for its consumer.
const longestWait = time.Minute

// Consumers looks how far services are behind in their topics.
func Consumers(connect Connect) Check {
	return Check{"consumers", func(ctx context.Context) (string, []Problem, error) {
		kafka, done, err := connect(ctx)
		if err != nil {
			return "", nil, err
		}
		defer done()
		groups, err := kafka.Lags(ctx)
		if err != nil {
			return "", nil, err
		}
		says, problems := ofGroups(groups, time.Now())
		return says, problems, nil
	}}
}

func ofGroups(groups []admin.Group, now time.Time) (string, []Problem) {
	var problems []Problem
	const entry = "events-stand-still"
	all := int64(0)
	for _, group := range groups {
		waiting, late := int64(0), map[string]*Problem{}
		for _, p := range group.Partitions {
			waiting += p.Waiting
			if p.Oldest == nil || now.Sub(*p.Oldest) <= longestWait {
				continue
			}
			// One line a topic: its partitions mostly stand together.
			if before := late[p.Topic]; before == nil || p.Oldest.Before(*before.Since) {
				oldest := *p.Oldest
				late[p.Topic] = &Problem{What: fmt.Sprintf("%s is behind in %s", group.Name, p.Topic), Since: &oldest, Runbook: entry}
			}
		}
		all += waiting
		for _, problem := range late {
			problems = append(problems, *problem)
		}
		if group.Members == 0 {
			problems = append(problems, Problem{What: fmt.Sprintf("nobody reads for %s (%s), and %s", group.Name, group.State, counted(int(waiting), "event waits", "events wait")), Runbook: entry})
		}
	}
	return fmt.Sprintf("%s of %s", counted(int(all), "event waits", "events wait"), counted(len(groups), "service", "services")), oldestFirst(problems)
}

// deadLetterAge is how old the dead letters are that are told of: older ones were seen, or
// replayed, and stay for 14 days all the same.
const deadLetterAge = 24 * time.Hour

// deadLettersRead is how many of the newest of each topic are looked at.
const deadLettersRead = 100

// DeadLetters looks at the events of the last day that nobody could handle. Those that were
// sent to see what becomes of them are left out.
func DeadLetters(connect Connect) Check {
	return Check{"dead letters", func(ctx context.Context) (string, []Problem, error) {
		kafka, done, err := connect(ctx)
		if err != nil {
			return "", nil, err
		}
		defer done()
		letters := map[string][]admin.Message{}
		for _, topic := range event.Catalogue() {
			if letters[topic.Name], err = kafka.DeadLetters(ctx, topic.Name, deadLettersRead); err != nil {
				return "", nil, err
			}
		}
		says, problems := ofDeadLetters(letters, time.Now())
		return says, problems, nil
	}}
}

func ofDeadLetters(letters map[string][]admin.Message, now time.Time) (string, []Problem) {
	var problems []Problem
	total := 0
	for topic, found := range letters {
		var first *time.Time
		count := 0
		for _, letter := range found {
			if letter.Event.Drill || now.Sub(letter.Time) > deadLetterAge {
				continue
			}
			count++
			if first == nil || letter.Time.Before(*first) {
				first = &letter.Time
			}
		}
		total += count
		if count > 0 {
			what := fmt.Sprintf("%d of %s", count, topic)
			if count >= deadLettersRead {
				what = fmt.Sprintf("%d or more of %s", count, topic)
			}
			problems = append(problems, Problem{What: what, Since: first, Runbook: "deadletters"})
		}
	}
	if total == 0 {
		return "none within a day", nil
	}
	return fmt.Sprintf("%d within a day", total), oldestFirst(problems)
}
