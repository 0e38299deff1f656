//go:build integration

package summary_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/household"
	"github.com/wealth-companion/companion/app/agent/observer"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/finance/budget"
	"github.com/wealth-companion/companion/app/finance/currency"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/internal/pgtest"
	"github.com/wealth-companion/companion/app/overview/summary"
	"github.com/wealth-companion/companion/app/store/db"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Run(m)) }

// home is a person whose money both the API and an agent know.
type home struct {
	t         *testing.T
	user      uuid.UUID
	zone      *time.Location
	pool      *pgxpool.Pool
	ledger    *ledger.Ledger
	budgets   *budget.Budgets
	summaries *summary.Summaries

	random *rand.Rand
	posted []uuid.UUID
	main   uuid.UUID // the wallet in EUR that is used for odd things
	abroad uuid.UUID // one in USD
	spare  uuid.UUID // one that is archived and taken up again

	// Each agent hears of what it needs: of budgets the one, of wallets the other.
	spending, banking *observer.Observer
	told              int64 // the last event of the outbox that the agent was given
	look              func(*observer.Case) error
	now               time.Time // the agent's present
}

func newHome(t *testing.T, seed uint64) *home {
	pool := pgtest.AsService(t, event.Backend)
	h := &home{
		t: t, user: tracing.NewID(), pool: pool, random: rand.New(rand.NewPCG(seed, 77)), zone: time.UTC, now: time.Now().UTC(),
		ledger: &ledger.Ledger{Pool: pool, Service: event.Backend}, budgets: &budget.Budgets{Pool: pool, Service: event.Backend},
	}
	h.summaries = &summary.Summaries{Pool: pool, Ledger: h.ledger, Rates: &currency.Rates{Pool: pool}}
	h.spending, h.banking = h.agent(event.Analytics), h.agent(event.Banking)
	require.NoError(t, db.InTx(t.Context(), pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), "INSERT INTO users (id, email, password_hash) VALUES ($1, 'a@example.org', '')", h.user); err != nil {
			return err
		}
		return h.ledger.Begin(t.Context(), tx, h.user)
	}))
	return h
}

func (h *home) agent(service string) *observer.Observer {
	return &observer.Observer{
		Pool: pgtest.AsService(h.t, service), Service: service, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return h.now },
		Settings: observer.Settings{Interval: time.Hour, Settle: time.Minute},
		Review:   func(_ context.Context, c *observer.Case, _ observer.Look) error { return h.look(c) },
	}
}

func (h *home) agents() []*observer.Observer { return []*observer.Observer{h.spending, h.banking} }

// move gives the person another time zone, as the API and the agent hear of it.
func (h *home) move(zone string) {
	h.t.Helper()
	h.zone = calendar.ZoneOrUTC(zone)
	require.NoError(h.t, db.AsUser(h.t.Context(), h.pool, h.user, func(tx pgx.Tx) error {
		_, err := tx.Exec(h.t.Context(), `INSERT INTO preferences (user_id, timezone, updated_at) VALUES ($1, $2, now())
			ON CONFLICT (user_id) DO UPDATE SET timezone = excluded.timezone`, h.user, zone)
		return err
	}))
	e, err := event.New(h.t.Context(), event.Backend, event.TypePreferencesChanged, "x", event.PreferencesChanged{
		UserID: h.user, Email: "a@example.org", Timezone: zone, Channels: []string{"in_app"}, Digest: "off", MutedTypes: []string{},
	})
	require.NoError(h.t, err)
	h.deliver(e)
}

func (h *home) deliver(e event.CloudEvent) {
	h.t.Helper()
	topic, ok := event.OfType(e.Type)
	require.True(h.t, ok, e.Type)
	for _, agent := range h.agents() {
		if handle, its := agent.Handlers()[topic.Name]; its {
			_, err := handle(h.t.Context(), e)
			require.NoError(h.t, err)
		}
	}
}

// tell gives the agent the events that it has not had: those of each topic in order,
// the topics one after the other in any order.
func (h *home) tell() {
	h.t.Helper()
	rows, err := h.pool.Query(h.t.Context(), "SELECT id, payload FROM outbox WHERE id > $1 ORDER BY id", h.told)
	require.NoError(h.t, err)
	byType := map[string][]event.CloudEvent{}
	var payload []byte
	_, err = pgx.ForEachRow(rows, []any{&h.told, &payload}, func() error {
		var e event.CloudEvent
		err := json.Unmarshal(payload, &e)
		byType[e.Type] = append(byType[e.Type], e)
		return err
	})
	require.NoError(h.t, err)
	types := make([]string, 0, len(byType))
	for one := range byType {
		types = append(types, one)
	}
	slices.Sort(types)
	h.random.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
	for _, one := range types {
		topic, _ := event.OfType(one)
		if _, batched := h.spending.Batches()[topic.Name]; !batched {
			for _, e := range byType[one] {
				h.deliver(e)
			}
			continue
		}
		for events := range slices.Chunk(byType[one], 100) {
			for _, agent := range h.agents() {
				_, err := agent.Batches()[topic.Name](h.t.Context(), events)
				require.NoError(h.t, err)
			}
		}
	}
}

// ask has an agent look at all that it knows, as in a review.
func (h *home) ask(agent *observer.Observer, look func(*observer.Case) error) {
	h.t.Helper()
	h.now = h.now.Add(2 * time.Hour)
	asked := false
	h.look = func(c *observer.Case) error {
		asked = true
		return look(c)
	}
	_, err := agent.ReviewDue(h.t.Context())
	require.NoError(h.t, err)
	require.True(h.t, asked)
}

func (h *home) chance(percent int) bool { return h.random.IntN(100) < percent }

func (h *home) amount() string {
	return fmt.Sprintf("%d.%02d", h.random.IntN(300)+1, h.random.IntN(100))
}

var spentOn = []string{"groceries", "leisure", "shopping"}

// live posts a part of a made-up household's transactions; some are refunded, and
// some edited in every way there is.
func (h *home) live(part []history.Transaction, wallets map[uuid.UUID]uuid.UUID) {
	h.t.Helper()
	for _, one := range part {
		at := calendar.Instant(one.At, h.zone)
		n := ledger.NewTransaction{WalletID: wallets[one.WalletID], Amount: one.Amount.String(), Type: one.Type, Category: one.Category, Description: one.Description, Timestamp: &at}
		if one.ToWalletID != nil {
			to := wallets[*one.ToWalletID]
			n.ToWalletID = &to
		}
		posted, err := h.ledger.Post(h.t.Context(), h.user, n)
		require.NoError(h.t, err)
		h.posted = append(h.posted, posted.ID)
		if one.Type == event.Expense && h.chance(6) { // some of it comes back, at times in another month
			back := at.Add(time.Duration(h.random.IntN(40*24)) * time.Hour)
			refund, err := h.ledger.Post(h.t.Context(), h.user, ledger.NewTransaction{
				WalletID: n.WalletID, Amount: one.Amount.String(), Type: event.Income, Category: one.Category, Timestamp: &back,
			})
			require.NoError(h.t, err)
			h.posted = append(h.posted, refund.ID)
		}
		if h.chance(8) {
			h.abroadAt(at)
		}
		if h.chance(15) {
			h.edit(h.posted[h.random.IntN(len(h.posted))])
		}
		if h.chance(2) {
			h.changeWallet()
		}
	}
	h.ahead()
}

// post books what must be taken.
func (h *home) post(n ledger.NewTransaction) {
	h.t.Helper()
	posted, err := h.ledger.Post(h.t.Context(), h.user, n)
	require.NoError(h.t, err)
	h.posted = append(h.posted, posted.ID)
}

// abroadAt moves money between currencies, or spends it in the other one.
func (h *home) abroadAt(at time.Time) {
	h.t.Helper()
	amount := h.amount()
	switch h.random.IntN(3) {
	case 0:
		h.post(ledger.NewTransaction{WalletID: h.main, ToWalletID: &h.abroad, Amount: amount, ToAmount: h.amount(), Type: event.Transfer, Timestamp: &at})
	case 1:
		h.post(ledger.NewTransaction{WalletID: h.abroad, ToWalletID: &h.main, Amount: amount, ToAmount: h.amount(), Type: event.Transfer, Timestamp: &at})
	default:
		kind := event.Expense
		if h.chance(20) {
			kind = event.Income // a refund
		}
		h.post(ledger.NewTransaction{WalletID: h.abroad, Amount: amount, Type: kind, Category: spentOn[h.random.IntN(len(spentOn))], Timestamp: &at})
	}
}

// ahead books what is dated ahead of the present, as far as the ledger takes it.
func (h *home) ahead() {
	h.t.Helper()
	for _, after := range []time.Duration{time.Minute, 11 * time.Hour, limits.MaxAhead - time.Minute} {
		at := time.Now().Add(after)
		h.post(ledger.NewTransaction{WalletID: h.main, Amount: h.amount(), Type: event.Expense, Category: spentOn[0], Timestamp: &at})
		h.post(ledger.NewTransaction{WalletID: h.main, Amount: h.amount(), Type: event.Income, Category: spentOn[1], Timestamp: &at})
		h.abroadAt(at)
		if h.chance(30) {
			h.edit(h.posted[len(h.posted)-1])
		}
	}
}

// changeWallet archives the spare wallet, takes it up again, spends from it or has it
// begin with another balance.
func (h *home) changeWallet() {
	h.t.Helper()
	ctx := h.t.Context()
	switch h.random.IntN(4) {
	case 0:
		_, _ = h.ledger.ArchiveWallet(ctx, h.user, h.spare, "")
	case 1:
		_, _ = h.ledger.RestoreWallet(ctx, h.user, h.spare, "")
	case 2:
		if posted, err := h.ledger.Post(ctx, h.user, ledger.NewTransaction{WalletID: h.spare, Amount: h.amount(), Type: event.Expense, Category: spentOn[2]}); err == nil {
			h.posted = append(h.posted, posted.ID)
		}
	default:
		opening := h.amount()
		_, _ = h.ledger.UpdateWallet(ctx, h.user, h.spare, "", ledger.WalletEdit{OpeningBalance: &opening})
	}
}

// edit changes a transaction; an edit that is refused changes nothing.
func (h *home) edit(id uuid.UUID) {
	h.t.Helper()
	ctx := h.t.Context()
	before, err := h.ledger.Get(ctx, h.user, id)
	require.NoError(h.t, err)
	amount, category := h.amount(), spentOn[h.random.IntN(len(spentOn))]
	switch h.random.IntN(8) {
	case 0:
		_, _ = h.ledger.Update(ctx, h.user, id, "", ledger.Edit{Amount: &amount})
	case 1:
		_, _ = h.ledger.Update(ctx, h.user, id, "", ledger.Edit{Category: &category})
	case 2:
		at := before.Timestamp.Add(time.Duration(h.random.IntN(2000)-1000) * time.Hour)
		_, _ = h.ledger.Update(ctx, h.user, id, "", ledger.Edit{Timestamp: &at})
	case 3:
		_, _ = h.ledger.Delete(ctx, h.user, id, "")
	case 4:
		_, _ = h.ledger.Restore(ctx, h.user, id, "")
	case 6: // from another wallet, maybe of another currency
		wallet := []uuid.UUID{h.main, h.abroad, h.spare}[h.random.IntN(3)]
		_, _ = h.ledger.Update(ctx, h.user, id, "", ledger.Edit{WalletID: &wallet, Amount: &amount})
	case 5:
		kind := event.Expense
		if before.Type == event.Expense {
			kind = event.Income // of an expense's category: a refund
		}
		_, _ = h.ledger.Update(ctx, h.user, id, "", ledger.Edit{Type: &kind, Category: &category})
	default: // a line of a statement turns out to be two purchases
		if before.Type == event.Transfer || before.Amount.LessThan(decimal.NewFromInt(2)) {
			return
		}
		one, rest := "1.00", before.Amount.Sub(decimal.NewFromInt(1)).String()
		if _, err := h.ledger.Update(ctx, h.user, id, "", ledger.Edit{Amount: &rest}); err != nil {
			return
		}
		other, err := h.ledger.Post(ctx, h.user, ledger.NewTransaction{WalletID: before.WalletID, Amount: one, Type: event.Expense, Category: category, Timestamp: &before.Timestamp})
		require.NoError(h.t, err)
		h.posted = append(h.posted, other.ID)
	}
}

// plan makes budgets, with and without rollover, and with gaps between them.
func (h *home) plan(months []time.Time) {
	h.t.Helper()
	for _, category := range spentOn {
		for _, month := range months {
			if h.chance(12) {
				continue
			}
			made, err := h.budgets.Create(h.t.Context(), h.user, budget.New{
				Category: category, Amount: fmt.Sprintf("%d.50", 100+h.random.IntN(500)), Currency: "EUR", Month: calendar.MonthName(month), Rollover: h.chance(75),
			})
			require.NoError(h.t, err)
			switch h.random.IntN(8) {
			case 0:
				require.NoError(h.t, h.budgets.Delete(h.t.Context(), h.user, made.ID))
			case 1:
				amount, roll := h.amount(), h.chance(50)
				_, err = h.budgets.Update(h.t.Context(), h.user, made.ID, "", budget.Change{Amount: &amount, Rollover: &roll})
				require.NoError(h.t, err)
			}
		}
	}
}

// compare asks the API and the agent for the same and wants the same numbers.
func (h *home) compare(months []time.Time) {
	h.t.Helper()
	ctx := h.t.Context()
	h.ask(h.banking, func(c *observer.Case) error {
		h.compareBalances(c)
		return nil
	})
	h.ask(h.spending, func(c *observer.Case) error {
		all, err := c.History(ctx, months[0].AddDate(0, -3, 0), months[len(months)-1].AddDate(0, 3, 0), 1_000_000)
		if err != nil {
			return err
		}
		spent, earned := map[string]decimal.Decimal{}, map[string]decimal.Decimal{}
		for _, t := range all {
			month := history.Month(t.At) + " " + t.Currency
			spent[month+" "+t.Category] = spent[month+" "+t.Category].Add(t.Spending())
			earned[month] = earned[month].Add(t.Earning())
		}
		for _, month := range months {
			h.compareBudgets(c, month)
			name, last := calendar.MonthName(month), month.AddDate(0, 1, -1)
			period := summary.Period{From: calendar.DayName(month), To: calendar.DayName(last)}
			by, err := h.summaries.Categories(ctx, h.user, period, event.Expense)
			require.NoError(h.t, err)
			expenses := map[string]decimal.Decimal{}
			for _, item := range by.Items {
				place := name + " " + item.Currency + " " + item.Category
				require.Equal(h.t, item.Amount.StringFixed(2), spent[place].StringFixed(2), place)
				delete(spent, place)
				expenses[item.Currency] = expenses[item.Currency].Add(item.Amount.Decimal)
			}
			total, err := h.summaries.Financial(ctx, h.user, period, "EUR")
			require.NoError(h.t, err)
			income := map[string]decimal.Decimal{}
			for _, t := range total.Currencies {
				require.Equal(h.t, expenses[t.Currency].StringFixed(2), t.Expenses.StringFixed(2), "%s in %s", name, t.Currency)
				income[t.Currency] = t.Income.Decimal
			}
			for _, code := range []string{"EUR", "USD"} {
				require.Equal(h.t, income[code].StringFixed(2), earned[name+" "+code].StringFixed(2), "earned in %s in %s", code, name)
			}
		}
		for place, amount := range spent {
			if place[:7] >= calendar.MonthName(months[0]) && place[:7] <= calendar.MonthName(months[len(months)-1]) {
				require.True(h.t, amount.IsZero(), "%s: the agent has %s, the API nothing", place, amount)
			}
		}
		return nil
	})
}

// compareBalances wants the balances of the wallets in use to be those that the API shows.
func (h *home) compareBalances(c *observer.Case) {
	h.t.Helper()
	mine, err := h.ledger.Wallets(h.t.Context(), h.user, false)
	require.NoError(h.t, err)
	its, err := c.Wallets(h.t.Context())
	require.NoError(h.t, err)
	api, agent := map[uuid.UUID]string{}, map[uuid.UUID]string{}
	for _, w := range mine {
		api[w.ID] = w.Currency + " " + w.Balance.StringFixed(2)
	}
	for _, w := range its {
		agent[w.ID] = w.Currency + " " + w.Balance.StringFixed(2)
	}
	require.Equal(h.t, api, agent)
}

func (h *home) compareBudgets(c *observer.Case, month time.Time) {
	h.t.Helper()
	mine, err := h.budgets.Between(h.t.Context(), h.user, month, month)
	require.NoError(h.t, err)
	its, err := c.Budgets(h.t.Context(), calendar.MonthName(month))
	require.NoError(h.t, err)
	line := func(category, currency, limit, spent string) string {
		return fmt.Sprintf("%s %s: %s of %s", category, currency, spent, limit)
	}
	var api, agent []string
	for _, b := range mine {
		api = append(api, line(b.Category, b.Currency, b.Status.Limit.StringFixed(2), b.Status.Spent.StringFixed(2)))
	}
	for _, b := range its {
		agent = append(agent, line(b.Category, b.Currency, b.Limit.StringFixed(2), b.Spent.StringFixed(2)))
	}
	slices.Sort(api)
	slices.Sort(agent)
	require.Equal(h.t, api, agent, calendar.MonthName(month))
}

// Where the person lives now says which month it is; where they lived when something
// was entered, on which day it counts. A move in mid-month changes the one and not
// the other.
func TestAMoveChangesTodayAndNothingOfThePast(t *testing.T) {
	h := newHome(t, 9)
	w, err := h.ledger.CreateWallet(t.Context(), h.user, ledger.NewWallet{Name: "Main", Type: "cash", Currency: "EUR"})
	require.NoError(t, err)
	noon := time.Date(2026, 10, 31, 12, 0, 0, 0, time.UTC)
	h.summaries.Now = func() time.Time { return noon }
	spend := func(amount string, at time.Time) {
		_, err := h.ledger.Post(t.Context(), h.user, ledger.NewTransaction{WalletID: w.ID, Amount: amount, Type: event.Expense, Category: "groceries", Timestamp: &at})
		require.NoError(t, err)
	}
	stand := func() string {
		now, err := h.summaries.Financial(t.Context(), h.user, summary.Period{}, "EUR")
		require.NoError(t, err)
		trends, err := h.summaries.Trends(t.Context(), h.user, 2, "EUR")
		require.NoError(t, err)
		var spent []string
		for _, m := range trends.Months {
			amount := "nothing"
			if m.Total != nil {
				amount = m.Total.Expenses.String()
			}
			spent = append(spent, m.Month+" "+amount)
		}
		return fmt.Sprint(now.From, " to ", now.To, ": ", spent)
	}
	h.move("Pacific/Pago_Pago")
	spend("1", noon.Add(-time.Hour)) // midnight of 31 October, eleven hours behind UTC
	spend("2", noon.Add(-2*time.Hour))
	require.Equal(t, "2026-10-01 to 2026-10-31: [2026-09 nothing 2026-10 3.00]", stand())
	h.move("Pacific/Kiritimati")
	require.Equal(t, "2026-11-01 to 2026-11-01: [2026-10 3.00 2026-11 nothing]", stand(), "it is November there; what was spent stays in October")
	spend("4", noon.Add(-time.Hour)) // the same moment as the first
	require.Equal(t, "2026-11-01 to 2026-11-01: [2026-10 3.00 2026-11 4.00]", stand())
	h.move("Pacific/Pago_Pago")
	require.Equal(t, "2026-10-01 to 2026-10-31: [2026-09 nothing 2026-10 3.00]", stand(), "back again it is October, and November is still to come")
}

// The API and the agents each keep a person's history for themselves: for the same
// history both must name the same numbers, whatever happened and wherever the person
// lives.
func TestTheAPIAndTheAgentsNameTheSameNumbers(t *testing.T) {
	for seed, zones := range [][2]string{
		{"America/Los_Angeles", "America/Los_Angeles"},
		{"Pacific/Kiritimati", "Pacific/Pago_Pago"}, // over the date line in the middle of it
		{"America/Santiago", "Europe/Berlin"},
	} {
		t.Run(zones[0]+" to "+zones[1], func(t *testing.T) {
			h := newHome(t, uint64(seed))
			made := household.Generate(uint64(seed), household.Options{Months: 14, Start: calendar.Date(2024, 6, 1)})
			wallets := map[uuid.UUID]uuid.UUID{}
			for _, w := range made.Wallets {
				its, err := h.ledger.CreateWallet(t.Context(), h.user, ledger.NewWallet{Name: w.Name, Type: w.Type, Currency: "EUR", OpeningBalance: w.Opening.String()})
				require.NoError(t, err)
				wallets[w.ID] = its.ID
			}
			for currency, its := range map[string]*uuid.UUID{"USD": &h.abroad, "EUR": &h.spare} {
				w, err := h.ledger.CreateWallet(t.Context(), h.user, ledger.NewWallet{Name: "Also " + currency, Type: "cash", Currency: currency, OpeningBalance: "100.10"})
				require.NoError(t, err)
				*its = w.ID
			}
			h.main = wallets[made.Wallets[0].ID]
			var months []time.Time
			next := calendar.Month(time.Now().UTC()).AddDate(0, 1, 0) // what is dated ahead may count there
			for month := made.Start; !month.After(next); month = month.AddDate(0, 1, 0) {
				months = append(months, month)
			}
			for _, name := range []string{"Travel", "Gifts"} { // a household's own
				_, err := h.ledger.CreateCategory(t.Context(), h.user, ledger.NewCategory{Name: name, Kind: event.Expense})
				require.NoError(t, err)
			}
			h.plan(months)
			h.move(zones[0])
			lived := slices.DeleteFunc(made.Transactions, func(history.Transaction) bool { return h.chance(50) }) // half of it shows as much
			half := len(lived) / 2
			h.live(lived[:half], wallets)
			h.tell()
			h.compare(months)
			h.move(zones[1])
			h.live(lived[half:], wallets)
			h.tell()
			h.compare(months)
		})
	}
}
