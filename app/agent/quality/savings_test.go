//go:build !integration

package quality

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/household"
	"github.com/wealth-companion/companion/app/agent/investment"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
)

// The detector of savings rates was tuned on seeds 1 to 300, and is measured on others: of
// 40 households half have a change, which is too few to tell.
const (
	savingsSeed = 40001
	savers      = 300
)

// rates is what is said of a household's savings rate, month by month.
func rates(h *household.Household) []said {
	var found []said
	before := map[string]bool{}
	for day := h.Start; day.Before(h.End); day = day.AddDate(0, 1, 0) {
		night := day.Add(24*time.Hour - time.Second)
		so := history.Between(h.Transactions, h.Start.AddDate(0, -1, 0), night.Add(1))
		for _, f := range investment.SavingsRate(so, h.Currency, night) {
			if !before[f.Detail] {
				before[f.Detail] = true
				found = append(found, said{f, night})
			}
		}
	}
	return found
}

func TestSavingsRatesOfManyHouseholds(t *testing.T) {
	c := &card{scores: map[string]*score{}}
	for seed := range uint64(savers) {
		h := household.Generate(savingsSeed+seed, household.Options{})
		judgeRate(c, h, rates(h))
	}
	s := *c.of(investment.KindSavingsRate)
	t.Logf("found %d, wrong %d, missed %d: precision %.3f, recall %.3f", s.hit, s.wrong, s.missed, s.precision(), s.recall())
	for _, note := range c.notes {
		t.Log(note)
	}
	require.GreaterOrEqual(t, s.precision(), 0.90)
	require.GreaterOrEqual(t, s.recall(), 0.90)
}

// Households whose income stays have a cost of a quarter of their income from a month on: for
// good, or for two months only.
func TestALastingCostIsToldAndAPassingOneIsNot(t *testing.T) {
	told := func(seed uint64, months int) (has, is bool) {
		h := household.Generate(seed, household.Options{})
		if len(h.Planted(household.RateChange))+len(h.Planted(household.Growth)) > 0 {
			return false, false
		}
		before := len(rates(h))
		earned := decimal.Zero
		for _, t := range h.Transactions {
			if t.Type == event.Income && t.Category == "salary" {
				earned = earned.Add(t.Amount)
			}
		}
		cost := earned.Div(decimal.NewFromInt(26 * 4)).Round(2)
		for month := range months {
			h.Transactions = append(h.Transactions, history.Transaction{
				ID: uuid.New(), UserID: h.UserID, WalletID: h.Wallets[0].ID, Amount: cost, Currency: h.Currency, Type: event.Expense, Category: "education",
				Description: "Kindergarten", At: h.Start.AddDate(0, 13+month, 4),
			})
		}
		history.Sort(h.Transactions)
		return true, len(rates(h)) > before
	}
	for name, c := range map[string]struct {
		months      int
		least, most float64
	}{
		"for good":       {13, 0.5, 1},
		"for two months": {2, 0, 0.12},
	} {
		t.Run(name, func(t *testing.T) {
			all, found := 0, 0
			for seed := range uint64(savers) {
				has, is := told(savingsSeed+seed, c.months)
				if has {
					all++
				}
				if is {
					found++
				}
			}
			t.Logf("told to %d of %d", found, all)
			require.GreaterOrEqual(t, share(found, all), c.least)
			require.LessOrEqual(t, share(found, all), c.most)
		})
	}
}
