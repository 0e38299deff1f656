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
	Timestamp     time.Time `json:"timestamp"`
}

// Change is what a field was and became.
type Change struct {
	Before string `json:"before"`
	After  string `json:"after"`
}

// TransactionUpdated is the data of transaction.updated. Changes is keyed by the
// names of TransactionCreated's fields.
type TransactionUpdated struct {
	TransactionID uuid.UUID         `json:"transactionId"`
	UserID        uuid.UUID         `json:"userId"`
	Changes       map[string]Change `json:"changes"`
	UpdatedAt     time.Time         `json:"updatedAt"`
}

// BudgetChanged is the data of budget.changed: the budget as it is now.
type BudgetChanged struct {
	UserID   uuid.UUID `json:"userId"`
	BudgetID uuid.UUID `json:"budgetId"`
	Category string    `json:"category"`
	Limit    string    `json:"limit"`
	Currency string    `json:"currency"`
	Month    string    `json:"month"` // YYYY-MM
	Deleted  bool      `json:"deleted"`
}

// BudgetExceeded is the data of budget.exceeded.
type BudgetExceeded struct {
	UserID       uuid.UUID `json:"userId"`
	BudgetID     uuid.UUID `json:"budgetId"`
	Category     string    `json:"category"`
	BudgetAmount string    `json:"budgetAmount"`
	ActualAmount string    `json:"actualAmount"`
	PercentOver  string    `json:"percentOver"`
	Period       string    `json:"period"` // YYYY-MM
}

// InsightGenerated is the data of ai.insight.generated.
type InsightGenerated struct {
	InsightID       uuid.UUID         `json:"insightId"`
	UserID          uuid.UUID         `json:"userId"`
	InsightType     string            `json:"insightType"`
	Title           string            `json:"title"`
	Message         string            `json:"message"`
	Confidence      float64           `json:"confidence"` // a share, not money
	RelatedEntities map[string]string `json:"relatedEntities,omitempty"`
	ExpiresAt       *time.Time        `json:"expiresAt,omitempty"`
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
}
