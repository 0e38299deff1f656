package db

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Setting is one by which row level security shows a row to who knows its name,
// before it is known whose it is.
type Setting string

// The settings, each with what it shows.
const (
	SessionID Setting = "app.session_id" // a session
	Issuer    Setting = "app.issuer"     // with Subject: an identity
	Subject   Setting = "app.subject"
)

// Show sets one for the rest of tx.
func Show(ctx context.Context, tx pgx.Tx, setting Setting, value string) error {
	_, err := tx.Exec(ctx, "SELECT set_config($1, $2, true)", string(setting), value)
	return err
}

// Work is what goes on for all users at once, on tables whose policies name it.
type Work string

// Such work.
const (
	Reminders Work = "reminders" // looking for those that are due
	Mail      Work = "mail"      // sending what was asked for
	Retention Work = "retention" // forgetting what is old
)

// Across has the rest of tx see the rows of all users in the tables of that work.
func Across(ctx context.Context, tx pgx.Tx, work Work) error {
	_, err := tx.Exec(ctx, "SELECT set_config('app.across_users', $1, true)", string(work))
	return err
}
