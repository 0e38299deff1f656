// Package ledger is what users earn and spend: wallets, categories and
// transactions. Every change that other services need is published as an event.
package ledger

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/store/db"
)

// Ledger keeps wallets, categories and transactions.
type Ledger struct {
	Pool    *pgxpool.Pool
	Service string // who publishes its events
}

// tell has an event published once the transaction of q is committed. Events of
// a key stay in order.
func (l *Ledger) tell(ctx context.Context, q db.Querier, kind string, subject, key uuid.UUID, data any) error {
	e, err := event.New(ctx, l.Service, kind, subject.String(), data)
	if err != nil {
		return err
	}
	return outbox.Put(ctx, q, e, key.String())
}

// label checks a name that a user gives to something.
func label(field, text string) (string, error) {
	text = strings.TrimSpace(text)
	if length := utf8.RuneCountInString(text); length < 1 || length > 100 {
		return text, apperror.Invalid{Field: field, Reason: "must have 1 to 100 characters"}
	}
	return text, nil
}

func utc(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	moved := at.UTC()
	return &moved
}

// set makes target what value points to, if it points to anything.
func set[T any](target *T, value *T) {
	if value != nil {
		*target = *value
	}
}
