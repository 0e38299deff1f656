package event

import (
	"context"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/tracing"
)

func transaction() TransactionCreated {
	return TransactionCreated{
		TransactionID: tracing.NewID(), UserID: tracing.NewID(), Amount: "12.50", Currency: "EUR", Type: Expense,
		Category: "groceries", WalletID: tracing.NewID(), Timestamp: time.Now().UTC(),
	}
}

func TestEveryTypeHasASchema(t *testing.T) {
	for _, topic := range Catalogue() {
		require.Contains(t, compiled(), topic.Type)
	}
}

func TestNewContinuesTheTrace(t *testing.T) {
	ctx := tracing.Continue(context.Background(), "", tracing.NewParent())
	e, err := New(ctx, Backend, TypeTransactionCreated, "x", transaction())
	require.NoError(t, err)
	require.NoError(t, Check(e))
	require.Equal(t, tracing.From(ctx).CorrelationID, e.CorrelationID)
	require.Equal(t, tracing.Parent(ctx), e.TraceParent)
	require.Equal(t, uuid.Version(7), uuid.MustParse(e.ID).Version())
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*CloudEvent, *TransactionCreated)
		ok     bool
	}{
		"a complete event passes":             {func(*CloudEvent, *TransactionCreated) {}, true},
		"an amount of zero is refused":        {func(_ *CloudEvent, d *TransactionCreated) { d.Amount = "0.00" }, false},
		"a negative amount is refused":        {func(_ *CloudEvent, d *TransactionCreated) { d.Amount = "-3" }, false},
		"a small currency code is refused":    {func(_ *CloudEvent, d *TransactionCreated) { d.Currency = "eur" }, false},
		"an unknown kind is refused":          {func(_ *CloudEvent, d *TransactionCreated) { d.Type = "gift" }, false},
		"an unknown type of event is refused": {func(e *CloudEvent, _ *TransactionCreated) { e.Type = "x" }, false},
		"a missing correlation is refused":    {func(e *CloudEvent, _ *TransactionCreated) { e.CorrelationID = "" }, false},
		"an id that is no UUID is refused":    {func(e *CloudEvent, _ *TransactionCreated) { e.ID = "1" }, false},
		"another specversion is refused":      {func(e *CloudEvent, _ *TransactionCreated) { e.SpecVersion = "0.3" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			data := transaction()
			e, err := New(context.Background(), Backend, TypeTransactionCreated, "x", data)
			require.NoError(t, err)
			c.change(&e, &data)
			e.Data, err = json.Marshal(data)
			require.NoError(t, err)
			if c.ok {
				require.NoError(t, Check(e))
			} else {
				require.Error(t, Check(e))
			}
		})
	}
}

func TestAmountsAsNumbersAreRefused(t *testing.T) {
	e, err := New(context.Background(), Backend, TypeTransactionCreated, "x", transaction())
	require.NoError(t, err)
	var data map[string]any
	require.NoError(t, json.Unmarshal(e.Data, &data))
	data["amount"] = 12.5
	e.Data, err = json.Marshal(data)
	require.NoError(t, err)
	require.Error(t, Check(e))
}

func TestWhatIsWrongIsToldInALine(t *testing.T) {
	data := transaction()
	data.Amount, data.Currency = "a lot", "euro"
	e, err := New(context.Background(), Backend, TypeTransactionCreated, "x", data)
	require.NoError(t, err)
	err = Check(e)
	require.ErrorContains(t, err, "transaction.created is not as its schema says: ")
	require.ErrorContains(t, err, "amount: ")
	require.ErrorContains(t, err, "currency: ")
	require.NotContains(t, err.Error(), "file:")
	require.NotContains(t, err.Error(), "\n")
}

// An operator finds letters by their reason, and compares them.
func TestTheSameFaultHasTheSameWords(t *testing.T) {
	data := transaction()
	data.Amount, data.Currency, data.Category, data.Type = "a lot", "euro", "", "x"
	e, err := New(context.Background(), Backend, TypeTransactionCreated, "x", data)
	require.NoError(t, err)
	first := Check(e)
	require.Error(t, first)
	for range 30 {
		require.EqualError(t, Check(e), first.Error())
	}
}

// What breaks a schema is logged and dead-lettered with its reason, which repeats nothing
// that a person wrote.
func TestWhatIsWrongIsToldWithoutTheValue(t *testing.T) {
	const secret = "topsecret7q"
	good, err := New(context.Background(), Backend, TypeTransactionCreated, "x", transaction())
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(good.Data, &fields))
	for name := range fields {
		for _, wrong := range []any{secret, strings.Repeat(secret, 100), []string{secret}, map[string]any{secret: secret}, 4711.25} {
			broken := maps.Clone(fields)
			broken[name] = wrong
			e := good
			e.Data, err = json.Marshal(broken)
			require.NoError(t, err)
			if err := Check(e); err != nil {
				require.NotContains(t, err.Error(), secret, name)
				require.NotContains(t, err.Error(), "4711", name)
			}
		}
	}
	e := good
	fields[secret] = secret
	e.Data, err = json.Marshal(fields)
	require.NoError(t, err)
	err = Check(e)
	require.ErrorContains(t, err, "the schema does not know")
	require.NotContains(t, err.Error(), secret)
}

func TestKey(t *testing.T) {
	budget := CloudEvent{ID: "1", Type: TypeBudgetChanged, Subject: "the budget", Data: []byte(`{"userId":"ada"}`)}
	require.Equal(t, "the budget", Key(budget), "of which the topic keeps the last word")
	spent := CloudEvent{ID: "2", Type: TypeTransactionCreated, Subject: "the transaction", Data: []byte(`{"userId":"ada"}`)}
	require.Equal(t, "ada", Key(spent), "whose events stay in order")
	require.Equal(t, "3", Key(CloudEvent{ID: "3", Type: TypeTransactionCreated, Data: []byte(`[]`)}))
}

func TestServicesWriteAndReadWhatIsTheirs(t *testing.T) {
	require.Equal(t, []string{
		"ai.insight.generated", "dlq.account.user.deleted", "dlq.ai.insight.dismissed", "dlq.ai.insight.generated", "dlq.finance.category.changed",
		"dlq.finance.goal.changed", "dlq.finance.transaction.created", "dlq.finance.transaction.updated", "dlq.finance.wallet.changed",
		"dlq.notification.preferences.changed",
	}, WrittenBy(Investment))
	require.Equal(t, []string{"ai.insight.generated", "notification.alert.sent"}, ReadBy(Backend))
	require.Empty(t, WrittenBy(MCP))
	require.Empty(t, ReadBy(MCP))
}

// However many events follow from one another, each knows when the first was accepted.
func TestAnEventKnowsWhenWhatItFollowsFromWasAccepted(t *testing.T) {
	first, err := New(t.Context(), Backend, TypeTransactionCreated, "", TransactionCreated{})
	require.NoError(t, err)
	require.Nil(t, first.AcceptedAt)
	next := first
	for range 3 {
		next, err = New(next.Continue(t.Context()), Analytics, TypeInsightGenerated, "", InsightGenerated{})
		require.NoError(t, err)
		require.Equal(t, first.Time, *next.AcceptedAt)
		require.Equal(t, first.CorrelationID, next.CorrelationID)
	}
}
