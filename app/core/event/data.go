package event

import (
	"time"

	"github.com/google/uuid"
)

// Kinds of transaction.
const (
	Income   = "income"
	Expense  = "expense"
	Transfer = "transfer"
)

// Kinds of insight.
const (
	SpendingPattern      = "spending_pattern"
	BudgetWarning        = "budget_warning"
	SavingsTip           = "savings_tip"
	InvestmentSuggestion = "investment_suggestion"
)

// TransactionCreated is the data of transaction.created. Amounts in events are
// decimal strings.
type TransactionCreated struct {
	TransactionID uuid.UUID `json:"transactionId"`
	UserID        uuid.UUID `json:"userId"`
	Amount        string    `json:"amount"`
	Currency      string    `json:"currency"`
	Type          string    `json:"type"`
	Category      string    `json:"category"`
	Description   string    `json:"description,omitempty"`
	WalletID      uuid.UUID `json:"walletId"`
	// A transfer's other end, and what arrives there when its currency differs.
	ToWalletID *uuid.UUID `json:"toWalletId,omitempty"`
	ToAmount   string     `json:"toAmount,omitempty"`
	Timestamp  time.Time  `json:"timestamp"`
	// Date is the day of the person's calendar on which it counts, YYYY-MM-DD; "",
	// in events of old: the day of Timestamp in UTC.
	Date string `json:"date,omitempty"`
	// Refund is money that came back of what was spent on Category: it lowers that,
	// and is no income though Type is.
	Refund bool `json:"refund,omitempty"`
}

// What the field "status" of a transaction's changes holds: a deleted
// transaction may be restored.
const (
	Active  = "active"
	Deleted = "deleted"
)

// Change is what a field was and became.
type Change struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// TransactionUpdated is the data of transaction.updated. Changes is keyed by the
// names of TransactionCreated's fields. Where timestamp is among them date is too,
// maybe unchanged; a change of timestamp alone, of old, puts date to its day in
// UTC. refund is "true" or "".
type TransactionUpdated struct {
	TransactionID uuid.UUID         `json:"transactionId"`
	UserID        uuid.UUID         `json:"userId"`
	Changes       map[string]Change `json:"changes"`
	UpdatedAt     time.Time         `json:"updatedAt"`
	Version       int64             `json:"version,omitempty"` // see Versions in the package's documentation
}

// BudgetChanged is the data of budget.changed: the budget as it is now.
type BudgetChanged struct {
	UserID   uuid.UUID `json:"userId"`
	BudgetID uuid.UUID `json:"budgetId"`
	Category string    `json:"category"`
	Limit    string    `json:"limit"`
	Currency string    `json:"currency"`
	Month    string    `json:"month"` // YYYY-MM
	// Threshold is the percentage of the limit at which its user is warned; 0: 80.
	Threshold int `json:"threshold,omitempty"`
	// Rollover adds what was left of the month before to the limit.
	Rollover bool  `json:"rollover,omitempty"`
	Deleted  bool  `json:"deleted"`
	Version  int64 `json:"version,omitempty"`
}

// WalletChanged is the data of wallet.changed: the wallet as it is now.
type WalletChanged struct {
	UserID         uuid.UUID `json:"userId"`
	WalletID       uuid.UUID `json:"walletId"`
	Name           string    `json:"name"`
	Type           string    `json:"type"`
	Currency       string    `json:"currency"`
	OpeningBalance string    `json:"openingBalance"` // signed: before its first transaction
	Deleted        bool      `json:"deleted"`
	Version        int64     `json:"version,omitempty"`
}

// GoalChanged is the data of goal.changed: the goal as it is now.
type GoalChanged struct {
	UserID    uuid.UUID `json:"userId"`
	GoalID    uuid.UUID `json:"goalId"`
	Name      string    `json:"name"`
	Target    string    `json:"target"`
	Saved     string    `json:"saved"`
	Currency  string    `json:"currency"`
	Status    string    `json:"status"`             // active, reached or abandoned
	Deadline  string    `json:"deadline,omitempty"` // YYYY-MM-DD
	CreatedAt time.Time `json:"createdAt"`
	Deleted   bool      `json:"deleted"`
	Version   int64     `json:"version,omitempty"`
}

// CategoryChanged is the data of category.changed: a category that its user made
// or renamed, as it is now. Those that everybody starts with are not published
// until they are renamed.
type CategoryChanged struct {
	UserID     uuid.UUID `json:"userId"`
	CategoryID uuid.UUID `json:"categoryId"`
	Slug       string    `json:"slug"` // by which transactions and budgets name it; it stays
	Name       string    `json:"name"`
	Kind       string    `json:"kind"` // income or expense
	Deleted    bool      `json:"deleted"`
	Version    int64     `json:"version,omitempty"`
}

// ReminderDue is the data of reminder.due: it is time to tell the user of a task.
type ReminderDue struct {
	UserID   uuid.UUID `json:"userId"`
	TaskID   uuid.UUID `json:"taskId"`
	Title    string    `json:"title"`
	Due      string    `json:"due,omitempty"` // YYYY-MM-DD
	RemindAt time.Time `json:"remindAt"`      // when the user wanted to be told
}

// PreferencesChanged is the data of preferences.changed: how a user wants to be
// told, as it is now.
type PreferencesChanged struct {
	UserID uuid.UUID `json:"userId"`
	Email  string    `json:"email"`
	// EmailConfirmed: the user has proved that the address is theirs. Nothing is
	// e-mailed to an address that is not confirmed, but the confirmation itself.
	EmailConfirmed bool `json:"emailConfirmed,omitempty"`
	// UnsubscribeURL ends all e-mail to the user by one POST (RFC 8058); "" where
	// the installation has no public address.
	UnsubscribeURL    string             `json:"unsubscribeUrl,omitempty"`
	Name              string             `json:"name,omitempty"`
	Timezone          string             `json:"timezone"`             // IANA
	Channels          []string           `json:"channels"`             // in_app, email, push
	QuietFrom         string             `json:"quietFrom,omitempty"`  // HH:MM in Timezone; without both there are no quiet hours
	QuietUntil        string             `json:"quietUntil,omitempty"` // may lie before QuietFrom: over midnight
	Digest            string             `json:"digest"`               // off, daily, weekly: of what goes by e-mail
	MutedTypes        []string           `json:"mutedTypes"`           // kinds of insight of which the user is not notified
	Phrasing          bool               `json:"phrasing"`             // consent to have a language model phrase insights
	PushSubscriptions []PushSubscription `json:"pushSubscriptions,omitempty"`
	Version           int64              `json:"version,omitempty"`
}

// PushSubscription is where a browser takes web push (RFC 8030), and its keys.
type PushSubscription struct {
	Endpoint string `json:"endpoint"`
	P256dh   string `json:"p256dh"`
	Auth     string `json:"auth"`
}

// UserDeleted is the data of user.deleted: everything kept of the user goes.
type UserDeleted struct {
	UserID    uuid.UUID `json:"userId"`
	DeletedAt time.Time `json:"deletedAt"`
}

// Kinds of e-mail about an account, in MailRequested.
const (
	// MailConfirmAddress asks whether the address belongs to the account's owner.
	MailConfirmAddress = "confirm_address"
	// MailAccountExists answers a registration with an address that has an account.
	MailAccountExists = "account_exists"
	// MailResetPassword brings the link that sets another password.
	MailResetPassword = "reset_password"
)

// MailRequested is the data of mail.requested: an e-mail about the account itself,
// sent at once and whatever the user's preferences are. Its text is the sender's
// own: no field of it was written by whoever asked for the e-mail.
type MailRequested struct {
	UserID uuid.UUID `json:"userId"`
	Email  string    `json:"email"`
	Kind   string    `json:"kind"`
	// Link is where the e-mail leads to. It holds a one-time secret.
	Link string `json:"link"`
	// ExpiresAt is when the link ends, and with it the attempts to send the e-mail.
	ExpiresAt time.Time `json:"expiresAt"`
}

// InsightDismissed is the data of insight.dismissed.
type InsightDismissed struct {
	UserID      uuid.UUID `json:"userId"`
	InsightID   uuid.UUID `json:"insightId"`
	InsightType string    `json:"insightType"`
	Detector    string    `json:"detector,omitempty"` // relatedEntities["detector"] of the insight
	Feedback    string    `json:"feedback"`           // none, useful, not_useful or wrong
	DismissedAt time.Time `json:"dismissedAt"`
}

// BudgetExceeded is the data of budget.exceeded.
type BudgetExceeded struct {
	UserID       uuid.UUID `json:"userId"`
	BudgetID     uuid.UUID `json:"budgetId"`
	Category     string    `json:"category"`
	BudgetAmount string    `json:"budgetAmount"`
	ActualAmount string    `json:"actualAmount"`
	PercentOver  string    `json:"percentOver"`
	Period       string    `json:"period"`                 // YYYY-MM
	Currency     string    `json:"currency,omitempty"`     // ISO 4217
	CategoryName string    `json:"categoryName,omitempty"` // as its user calls it now
}

// InsightGenerated is the data of ai.insight.generated.
type InsightGenerated struct {
	InsightID       uuid.UUID         `json:"insightId"`
	UserID          uuid.UUID         `json:"userId"`
	InsightType     string            `json:"insightType"`
	Title           string            `json:"title"`
	Message         string            `json:"message"`
	Confidence      float64           `json:"confidence"`                // a share, not money
	RelatedEntities map[string]string `json:"relatedEntities,omitempty"` // "detector" names what found it
	// Facts are what the insight rests on, and Dismiss what would end it.
	Facts     map[string]string `json:"facts,omitempty"`
	Dismiss   string            `json:"dismiss,omitempty"`
	ExpiresAt *time.Time        `json:"expiresAt,omitempty"`
}

// AlertSent is the data of user.alert.sent.
type AlertSent struct {
	AlertID       uuid.UUID `json:"alertId"`
	UserID        uuid.UUID `json:"userId"`
	Channel       string    `json:"channel"`
	SourceEvent   string    `json:"sourceEvent"`
	SourceEventID uuid.UUID `json:"sourceEventId"`
	DeliveredAt   time.Time `json:"deliveredAt"`
	Status        string    `json:"status"`
	// What the user was told.
	Title   string `json:"title,omitempty"`
	Message string `json:"message,omitempty"`
}

// Redacted stands where a text of a deleted thing was.
const Redacted = "deleted"

// The last words on things that are deleted. They say little more than that.

func (b BudgetChanged) redacted() any {
	if b.Deleted {
		b.Category, b.Limit, b.Threshold, b.Rollover = Redacted, "0.01", 0, false
	}
	return b
}

func (w WalletChanged) redacted() any {
	if w.Deleted {
		w.Name = Redacted // an archived wallet may come back, and its money counts meanwhile
	}
	return w
}

func (g GoalChanged) redacted() any {
	if g.Deleted {
		g.Name, g.Target, g.Saved, g.Deadline = Redacted, "0.01", "0.00", ""
	}
	return g
}
