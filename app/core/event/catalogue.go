// Package event is the contract between the services: which topics there are,
// who publishes and who consumes them, and what an event on each must look like.
//
// Versions: an event that tells what a thing is now, or how it changed, carries
// the version of the thing's row, which the database counts up under the row's
// lock. Consumers order by it, since clocks of several replicas differ: of two
// versions the higher is the later one. Events from before versions (Version is 0)
// are ordered among themselves by their time; one with a version is later than any
// without, unless the one without has the later time and comes after it.
package event

import (
	"slices"
	"time"
)

// The names of the services, which are also their Dapr app ids and consumer groups.
const (
	Backend      = "backend"
	Analytics    = "analytics"
	Banking      = "banking"
	Investment   = "investment"
	Notification = "notification"
	MCP          = "mcp"
	Web          = "web"
)

// Services lists those that publish or consume events.
func Services() []string { return []string{Backend, Analytics, Banking, Investment, Notification} }

// The types of the events, as CloudEvents name them.
const (
	TypeTransactionCreated = "transaction.created"
	TypeTransactionUpdated = "transaction.updated"
	TypeBudgetExceeded     = "budget.exceeded"
	TypeBudgetChanged      = "budget.changed"
	TypeWalletChanged      = "wallet.changed"
	TypeGoalChanged        = "goal.changed"
	TypeCategoryChanged    = "category.changed"
	TypePreferencesChanged = "preferences.changed"
	TypeUserDeleted        = "user.deleted"
	TypeMailRequested      = "mail.requested"
	TypeReminderDue        = "reminder.due"
	TypeInsightGenerated   = "ai.insight.generated"
	TypeInsightDismissed   = "insight.dismissed"
	TypeAlertSent          = "user.alert.sent"
)

// Topic is one topic of Kafka, and what the services agree on about it.
type Topic struct {
	Name      string
	Type      string   // the type of the events on it; a topic carries one
	Publisher string   // the one service that publishes on it, or the first of several
	Also      []string // further publishers
	Consumers []string
	// Partitions bound how many replicas of a consumer share the work. Key says what
	// stays in order. Where events are delivered together, more of them than replicas cost:
	// a sidecar sends one request at a time, with the events of one partition.
	Partitions int32
	// Retention is how long events are kept; 0 keeps them (compacted topics).
	Retention time.Duration
	// Compacted keeps the last event of each key for good.
	Compacted bool
	// Together has sidecars deliver several events at a time, which consumers handle in
	// batches: it costs less where there are many, and up to sidecar.TogetherWait, or
	// PatientWait, where there is one.
	Together bool
}

// DeadLetterRetention is how long a dead letter waits to be looked at.
const DeadLetterRetention = 14 * 24 * time.Hour

// week is the span within which a duplicate is known as such, so nothing older
// must come again.
const week = 7 * 24 * time.Hour

// observers are the agents that watch what people do with their money.
var observers = []string{Analytics, Banking, Investment}

// The first five are those of the contract. The others are what services must
// know of one another's state beyond them: the last state of each thing, or
// what ended it.
var catalogue = []Topic{
	{
		Name: "finance.transaction.created", Type: TypeTransactionCreated,
		Publisher: Backend, Consumers: observers, Partitions: 2, Retention: week, Together: true,
	},
	{
		Name: "finance.transaction.updated", Type: TypeTransactionUpdated,
		Publisher: Backend, Consumers: observers, Partitions: 6, Retention: week,
	},
	{
		Name: "finance.budget.exceeded", Type: TypeBudgetExceeded,
		Publisher: Analytics, Consumers: []string{Notification}, Partitions: 3, Retention: week,
	},
	{
		Name: "ai.insight.generated", Type: TypeInsightGenerated,
		Publisher: Analytics, Also: []string{Banking, Investment}, Consumers: []string{Backend, Notification}, Partitions: 3, Retention: week,
	},
	{
		Name: "notification.alert.sent", Type: TypeAlertSent,
		Publisher: Notification, Consumers: []string{Backend}, Partitions: 3, Retention: week,
	},
	{
		Name: "finance.budget.changed", Type: TypeBudgetChanged,
		Publisher: Backend, Consumers: []string{Analytics, Banking}, Partitions: 3, Compacted: true,
	},
	{
		Name: "finance.wallet.changed", Type: TypeWalletChanged,
		Publisher: Backend, Consumers: []string{Banking, Investment}, Partitions: 3, Compacted: true,
	},
	{
		Name: "finance.goal.changed", Type: TypeGoalChanged,
		Publisher: Backend, Consumers: []string{Investment}, Partitions: 3, Compacted: true,
	},
	{
		Name: "finance.category.changed", Type: TypeCategoryChanged,
		Publisher: Backend, Consumers: observers, Partitions: 3, Compacted: true,
	},
	{
		Name: "finance.reminder.due", Type: TypeReminderDue,
		Publisher: Backend, Consumers: []string{Notification}, Partitions: 3, Retention: week,
	},
	{
		Name: "notification.preferences.changed", Type: TypePreferencesChanged,
		Publisher: Backend, Consumers: []string{Analytics, Banking, Investment, Notification}, Partitions: 3, Compacted: true,
	},
	{
		Name: "ai.insight.dismissed", Type: TypeInsightDismissed,
		Publisher: Backend, Consumers: observers, Partitions: 3, Retention: week,
	},
	{
		Name: "account.user.deleted", Type: TypeUserDeleted,
		Publisher: Backend, Consumers: []string{Analytics, Banking, Investment, Notification}, Partitions: 3, Retention: week,
	},
	{
		// Its events hold one-time links, so they are kept no longer than the links are good for.
		Name: "account.mail.requested", Type: TypeMailRequested,
		Publisher: Backend, Consumers: []string{Notification}, Partitions: 3, Retention: 24 * time.Hour,
	},
}

// Catalogue lists every topic but the dead letters'.
func Catalogue() []Topic { return slices.Clone(catalogue) }

// Find returns the topic of that name.
func Find(name string) (Topic, bool) {
	for _, topic := range catalogue {
		if topic.Name == name {
			return topic, true
		}
	}
	return Topic{}, false
}

// OfType returns the topic that carries events of that type.
func OfType(kind string) (Topic, bool) {
	for _, topic := range catalogue {
		if topic.Type == kind {
			return topic, true
		}
	}
	return Topic{}, false
}

// DeadLetter names the topic for what a consumer of topic could not handle.
func DeadLetter(topic string) string { return "dlq." + topic }

// DeadLetter names the topic's dead letters.
func (t Topic) DeadLetter() string { return DeadLetter(t.Name) }

// Publishers lists every service that publishes on the topic.
func (t Topic) Publishers() []string { return append([]string{t.Publisher}, t.Also...) }

// ConsumedBy lists the topics that the service consumes.
func ConsumedBy(service string) []Topic {
	var found []Topic
	for _, topic := range catalogue {
		if slices.Contains(topic.Consumers, service) {
			found = append(found, topic)
		}
	}
	return found
}

// PublishedBy lists the topics that the service publishes on.
func PublishedBy(service string) []Topic {
	var found []Topic
	for _, topic := range catalogue {
		if slices.Contains(topic.Publishers(), service) {
			found = append(found, topic)
		}
	}
	return found
}

// WrittenBy lists the names of the topics that the service may write to: those that it
// publishes on, and the dead letters of these and of those that it consumes. What the broker
// refuses of the former, the outbox puts there, and what the service cannot handle of the
// latter, the service or its sidecar.
func WrittenBy(service string) []string {
	var names []string
	for _, topic := range PublishedBy(service) {
		names = append(names, topic.Name, topic.DeadLetter())
	}
	for _, topic := range ConsumedBy(service) {
		names = append(names, topic.DeadLetter())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// ReadBy lists the names of the topics that the service consumes.
func ReadBy(service string) []string {
	var names []string
	for _, topic := range ConsumedBy(service) {
		names = append(names, topic.Name)
	}
	slices.Sort(names)
	return names
}
