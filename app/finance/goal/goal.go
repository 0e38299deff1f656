// Package goal is what users save for: a target, what is put aside for it, and
// whether the pace is enough.
package goal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/messaging/outbox"
	"github.com/wealth-companion/companion/app/people/preference"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/etag"
	"github.com/wealth-companion/companion/app/store/idempotency"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// The states of a goal. It is reached while what is saved is its target or more.
const (
	Active    = "active"
	Reached   = "reached"
	Abandoned = "abandoned"
)

// Goal is something to save for.
type Goal struct {
	ID        uuid.UUID    `json:"id"`
	Name      string       `json:"name"`
	Target    money.Amount `json:"target"`
	Saved     money.Amount `json:"saved" doc:"The sum of the contributions"`
	Currency  string       `json:"currency"`
	Deadline  string       `json:"deadline,omitempty" doc:"YYYY-MM-DD, a day of your calendar, which counts to its end"`
	Status    string       `json:"status" enum:"active,reached,abandoned"`
	CreatedAt time.Time    `json:"createdAt"`
	UpdatedAt time.Time    `json:"updatedAt"`
	Progress  *Progress    `json:"progress,omitempty" doc:"How far it is now"`

	version int64 // of its row
}

// Changed tells this state from the next.
func (g Goal) Changed() time.Time { return g.UpdatedAt }

// New is what a user enters.
type New struct {
	Name     string `json:"name" minLength:"1" maxLength:"100"`
	Target   string `json:"target" doc:"More than zero, a decimal string" example:"3000.00"`
	Currency string `json:"currency" doc:"ISO 4217" example:"EUR"`
	Deadline string `json:"deadline,omitempty" doc:"YYYY-MM-DD" example:"2027-06-30"`
}

// Change is what of a goal shall be otherwise; nil leaves it.
type Change struct {
	Name     *string `json:"name,omitempty" minLength:"1" maxLength:"100"`
	Target   *string `json:"target,omitempty" doc:"More than zero, a decimal string"`
	Deadline *string `json:"deadline,omitempty" doc:"YYYY-MM-DD; an empty string takes it away"`
	Status   *string `json:"status,omitempty" enum:"active,abandoned" doc:"abandoned gives the goal up, active takes it up again"`
}

// Contribution is money put aside for a goal, or taken out again.
type Contribution struct {
	ID        uuid.UUID    `json:"id"`
	GoalID    uuid.UUID    `json:"goalId"`
	Amount    money.Amount `json:"amount" doc:"Less than zero: taken out again"`
	Note      string       `json:"note"`
	CreatedAt time.Time    `json:"createdAt"`
}

// NewContribution is what a user enters.
type NewContribution struct {
	Amount string `json:"amount" doc:"A decimal string; with a minus it is taken out again" example:"150.00"`
	Note   string `json:"note,omitempty" maxLength:"200"`
}

// Contributed is a contribution and the goal after it.
type Contributed struct {
	Contribution Contribution `json:"contribution"`
	Goal         Goal         `json:"goal"`
}

func checkName(text string) (string, error) {
	text = strings.TrimSpace(text)
	if length := utf8.RuneCountInString(text); length < 1 || length > 100 {
		return text, apperror.Invalid{Field: "name", Reason: "must have 1 to 100 characters"}
	}
	return text, nil
}

func checkTarget(text, currency string) (money.Amount, error) {
	amount, err := money.ParseIn(text, currency)
	if err != nil {
		return money.Amount{}, apperror.Invalid{Field: "target", Reason: err.Error()}
	}
	return money.Of(amount), nil
}

// checkDeadline checks a day to come, or "": none. A day counts as gone by once it
// has ended everywhere on earth.
func checkDeadline(text string, at time.Time) error {
	if text == "" {
		return nil
	}
	day, err := time.Parse(time.DateOnly, text)
	switch {
	case err != nil || day.Year() > 2200:
		return apperror.Invalid{Field: "deadline", Reason: "must be a day such as 2027-06-30"}
	case day.AddDate(0, 0, 1).Add(12 * time.Hour).Before(at):
		return apperror.Invalid{Field: "deadline", Reason: text + " has gone by: choose a day to come, or leave the deadline out"}
	}
	return nil
}

// contributed reads an amount that may have a minus, but is not zero.
func contributed(text, currency string) (decimal.Decimal, error) {
	amount, err := money.ParseSignedIn(text, currency)
	switch {
	case err != nil:
		return amount, apperror.Invalid{Field: "amount", Reason: err.Error()}
	case amount.IsZero():
		return amount, apperror.Invalid{Field: "amount", Reason: "must not be zero: more than zero is put aside, less is taken out"}
	}
	return amount, nil
}

// settle sets the status to what the amounts say, unless the goal is given up.
func (g *Goal) settle() {
	switch {
	case g.Status == Abandoned:
	case g.Saved.GreaterThanOrEqual(g.Target.Decimal):
		g.Status = Reached
	default:
		g.Status = Active
	}
}

// Goals keeps the goals, and enqueues an event for every change.
type Goals struct {
	Pool    *pgxpool.Pool
	Service string // who publishes its events
}

// Create makes a goal.
func (s *Goals) Create(ctx context.Context, user uuid.UUID, n New) (Goal, error) {
	name, err := checkName(n.Name)
	if err != nil {
		return Goal{}, err
	}
	if err := money.CheckCurrency(n.Currency); err != nil {
		return Goal{}, apperror.Invalid{Field: "currency", Reason: err.Error()}
	}
	target, err := checkTarget(n.Target, n.Currency)
	if err != nil {
		return Goal{}, err
	}
	at := db.Now()
	if err := checkDeadline(n.Deadline, at); err != nil {
		return Goal{}, err
	}
	g := Goal{ID: tracing.NewID(), Name: name, Target: target, Currency: n.Currency, Deadline: n.Deadline, Status: Active, CreatedAt: at, UpdatedAt: at, version: 1}
	return idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (Goal, error) {
		there, err := backenddb.New(tx).CountGoals(ctx, user)
		if err == nil && there >= limits.MaxOwned {
			err = fmt.Errorf("there are %d goals already, and no more can be kept: remove one: %w", there, apperror.ErrConflict)
		}
		if err != nil {
			return g, err
		}
		if err := backenddb.New(tx).InsertGoal(ctx, backenddb.InsertGoalParams{
			ID: g.ID, UserID: user, Name: g.Name, Target: g.Target.Decimal, Currency: g.Currency, Deadline: day(g.Deadline), Status: g.Status, CreatedAt: at,
		}); err != nil {
			return g, err
		}
		zone, err := preference.Zone(ctx, tx, user)
		if err != nil {
			return g, err
		}
		return g.assessed(decimal.Zero, at, zone), s.tell(ctx, tx, user, g, false)
	})
}

func (g Goal) assessed(contributed decimal.Decimal, at time.Time, zone *time.Location) Goal {
	progress := Assess(g, contributed, at, zone)
	g.Progress = &progress
	return g
}

// day is a checked day as the database takes it; "" is none.
func day(text string) *time.Time {
	parsed, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return nil
	}
	return &parsed
}

func goalOf(row backenddb.Goal) Goal {
	g := Goal{
		ID: row.ID, Name: row.Name, Target: money.Of(row.Target), Saved: money.Of(row.Saved), Currency: row.Currency,
		Status: row.Status, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(), version: row.Version,
	}
	if row.Deadline != nil {
		g.Deadline = row.Deadline.Format(time.DateOnly)
	}
	return g
}

func (s *Goals) tell(ctx context.Context, tx pgx.Tx, user uuid.UUID, g Goal, deleted bool) error {
	e, err := event.New(ctx, s.Service, event.TypeGoalChanged, g.ID.String(), event.GoalChanged{
		UserID: user, GoalID: g.ID, Name: g.Name, Target: g.Target.String(), Saved: g.Saved.String(), Currency: g.Currency,
		Status: g.Status, Deadline: g.Deadline, CreatedAt: g.CreatedAt, Deleted: deleted, Version: g.version,
	})
	if err != nil {
		return err
	}
	// The topic is compacted: its key is what the event is the last word on.
	return outbox.Put(ctx, tx, e, g.ID.String())
}

// List lists the user's goals and how far they are, oldest first. status is ""
// for all of them.
func (s *Goals) List(ctx context.Context, user uuid.UUID, status string) ([]Goal, error) {
	which := backenddb.GoalsWithPaceParams{}
	if status != "" {
		which.Status = &status
	}
	return s.find(ctx, user, which)
}

// Get returns one goal and how far it is.
func (s *Goals) Get(ctx context.Context, user, id uuid.UUID) (Goal, error) {
	found, err := s.find(ctx, user, backenddb.GoalsWithPaceParams{ID: &id})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("goal %s: %w", id, apperror.ErrNotFound)
	}
	if err != nil {
		return Goal{}, err
	}
	return found[0], nil
}

func (s *Goals) find(ctx context.Context, user uuid.UUID, which backenddb.GoalsWithPaceParams) (found []Goal, err error) {
	err = db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		found, err = find(ctx, tx, user, which)
		return err
	})
	return found, err
}

func find(ctx context.Context, tx pgx.Tx, user uuid.UUID, which backenddb.GoalsWithPaceParams) ([]Goal, error) {
	zone, err := preference.Zone(ctx, tx, user)
	if err != nil {
		return nil, err
	}
	at := db.Now()
	which.UserID, which.Since = user, at.Add(-PaceWindow)
	rows, err := backenddb.New(tx).GoalsWithPace(ctx, which)
	found := make([]Goal, 0, len(rows))
	for _, row := range rows {
		found = append(found, goalOf(row.Goal).assessed(row.Contributed, at, zone))
	}
	return found, err
}

// Update changes a goal. ErrStale: it is not as ifMatch says any more.
func (s *Goals) Update(ctx context.Context, user, id uuid.UUID, ifMatch string, change Change) (Goal, error) {
	return s.change(ctx, user, id, func(tx pgx.Tx, g *Goal) (err error) {
		if err := etag.Check(ifMatch, g.UpdatedAt); err != nil {
			return err
		}
		if change.Name != nil {
			if g.Name, err = checkName(*change.Name); err != nil {
				return err
			}
		}
		if change.Target != nil {
			if g.Target, err = checkTarget(*change.Target, g.Currency); err != nil {
				return err
			}
		}
		if change.Deadline != nil {
			if *change.Deadline != g.Deadline {
				if err := checkDeadline(*change.Deadline, db.Now()); err != nil {
					return err
				}
			}
			g.Deadline = *change.Deadline
		}
		if change.Status != nil {
			if *change.Status != Active && *change.Status != Abandoned {
				return apperror.Invalid{Field: "status", Reason: "must be active or abandoned; reached is what the amounts say"}
			}
			g.Status = *change.Status
		}
		return nil
	})
}

// change has a goal changed under its lock, stores it and enqueues its event.
func (s *Goals) change(ctx context.Context, user, id uuid.UUID, how func(tx pgx.Tx, g *Goal) error) (Goal, error) {
	var g Goal
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) (err error) {
		g, err = s.changeIn(ctx, tx, user, id, how)
		return err
	})
	return g, err
}

func (s *Goals) changeIn(ctx context.Context, tx pgx.Tx, user, id uuid.UUID, how func(tx pgx.Tx, g *Goal) error) (Goal, error) {
	g, err := lock(ctx, tx, user, id)
	if err != nil {
		return g, err
	}
	if err := how(tx, &g); err != nil {
		return g, err
	}
	g.settle()
	g.UpdatedAt, g.version = etag.Next(g.UpdatedAt), g.version+1
	if err := backenddb.New(tx).UpdateGoal(ctx, backenddb.UpdateGoalParams{
		ID: id, Name: g.Name, Target: g.Target.Decimal, Saved: g.Saved.Decimal, Deadline: day(g.Deadline), Status: g.Status, UpdatedAt: g.UpdatedAt,
	}); err != nil {
		return g, err
	}
	if err := s.tell(ctx, tx, user, g, false); err != nil {
		return g, err
	}
	found, err := find(ctx, tx, user, backenddb.GoalsWithPaceParams{ID: &id})
	if err != nil {
		return g, err
	}
	return found[0], nil
}

// lock reads a goal and keeps others from changing it until tx ends.
func lock(ctx context.Context, tx pgx.Tx, user, id uuid.UUID) (Goal, error) {
	row, err := backenddb.New(tx).GoalForUpdate(ctx, id, user)
	if errors.Is(err, pgx.ErrNoRows) {
		return Goal{}, fmt.Errorf("goal %s: %w", id, apperror.ErrNotFound)
	}
	return goalOf(row), err
}

// Delete removes a goal and its contributions.
func (s *Goals) Delete(ctx context.Context, user, id uuid.UUID) error {
	return db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		g, err := lock(ctx, tx, user, id)
		if err != nil {
			return err
		}
		if err := backenddb.New(tx).DeleteGoal(ctx, id); err != nil {
			return err
		}
		g.version++
		return s.tell(ctx, tx, user, g, true)
	})
}

// Contribute puts money aside for a goal or, with a minus, takes some out: never
// more than there is.
func (s *Goals) Contribute(ctx context.Context, user, id uuid.UUID, n NewContribution) (Contributed, error) {
	note := strings.TrimSpace(n.Note)
	if utf8.RuneCountInString(note) > 200 {
		return Contributed{}, apperror.Invalid{Field: "note", Reason: "must have at most 200 characters"}
	}
	made := Contribution{ID: tracing.NewID(), GoalID: id, Note: note, CreatedAt: db.Now()}
	return idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (Contributed, error) {
		g, err := s.changeIn(ctx, tx, user, id, func(tx pgx.Tx, g *Goal) error {
			amount, err := contributed(n.Amount, g.Currency)
			if err != nil {
				return err
			}
			made.Amount = money.Of(amount)
			saved := g.Saved.Add(amount)
			switch {
			case saved.IsNegative():
				return apperror.Invalid{Field: "amount", Reason: fmt.Sprintf("is more than is saved (%s)", money.FormatIn(g.Saved.Decimal, g.Currency))}
			case saved.GreaterThan(money.Max):
				return apperror.Invalid{Field: "amount", Reason: "makes more than can be saved for one goal"}
			}
			g.Saved = money.Of(saved)
			return backenddb.New(tx).InsertContribution(ctx, backenddb.InsertContributionParams{
				ID: made.ID, UserID: user, GoalID: id, Amount: amount, Note: made.Note, CreatedAt: made.CreatedAt,
			})
		})
		return Contributed{Contribution: made, Goal: g}, err
	})
}

// Contributions lists what was put aside for a goal and taken out, newest first.
func (s *Goals) Contributions(ctx context.Context, user, id uuid.UUID, p pagination.Request) (pagination.List[Contribution], error) {
	found := []Contribution{}
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		goals, err := find(ctx, tx, user, backenddb.GoalsWithPaceParams{ID: &id})
		if err != nil {
			return err
		}
		if len(goals) == 0 {
			return fmt.Errorf("goal %s: %w", id, apperror.ErrNotFound)
		}
		rows, err := backenddb.New(tx).Contributions(ctx, backenddb.ContributionsParams{
			UserID: user, GoalID: id, BeforeAt: p.At, BeforeID: p.ID, Most: int32(p.Limit + 1),
		})
		for _, row := range rows {
			found = append(found, Contribution{ID: row.ID, GoalID: row.GoalID, Amount: money.Of(row.Amount), Note: row.Note, CreatedAt: row.CreatedAt.UTC()})
		}
		return err
	})
	return pagination.Of(found, p.Limit, func(c Contribution) (time.Time, uuid.UUID) { return c.CreatedAt, c.ID }), err
}
