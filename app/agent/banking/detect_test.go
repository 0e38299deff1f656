package banking

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/tracing"
)

var (
	user   = uuid.UUID{1}
	wallet = uuid.UUID{2}
	start  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

func at(days, hour int) time.Time {
	return start.AddDate(0, 0, days).Add(time.Duration(hour) * time.Hour)
}

func spent(merchant, amount string, when time.Time) history.Transaction {
	return history.Transaction{
		ID: tracing.NewID(), UserID: user, WalletID: wallet, Amount: decimal.RequireFromString(amount), Currency: "EUR",
		Type: event.Expense, Category: "other", Description: merchant, At: when,
	}
}

func earned(merchant, amount string, when time.Time) history.Transaction {
	t := spent(merchant, amount, when)
	t.Type = event.Income
	return t
}

// monthly charges amounts on the 5th, from January on.
func monthly(merchant string, amounts ...string) []history.Transaction {
	var all []history.Transaction
	for i, amount := range amounts {
		all = append(all, spent(merchant, amount, start.AddDate(0, i, 4).Add(9*time.Hour)))
	}
	return all
}

func sorted(parts ...[]history.Transaction) []history.Transaction {
	var all []history.Transaction
	for _, part := range parts {
		all = append(all, part...)
	}
	history.Sort(all)
	return all
}

// fits checks that each finding fits its event, and that its text rests on facts.
func fits(t *testing.T, found []finding.Finding) {
	t.Helper()
	for _, f := range found {
		e, err := event.New(t.Context(), event.Banking, event.TypeInsightGenerated, "x", f.Insight(tracing.NewID(), user))
		require.NoError(t, err)
		require.NoError(t, event.Check(e))
		require.NotEmpty(t, f.Detail)
		require.NotEmpty(t, f.Dismiss)
		require.NotEmpty(t, f.Facts)
	}
}

func TestPriceRises(t *testing.T) {
	for name, c := range map[string]struct {
		amounts, want string
		after         time.Duration
	}{
		"the last charge is higher":               {"9.99 9.99 9.99 9.99 12.99", "9.99 to 12.99", 0},
		"the one before was, and stayed":          {"9.99 9.99 9.99 12.99 12.99", "9.99 to 12.99", 0},
		"news grow old":                           {"9.99 9.99 9.99 9.99 12.99", "", 46 * 24 * time.Hour},
		"it fell":                                 {"12.99 12.99 12.99 12.99 9.99", "", 0},
		"back to where it was":                    {"12.99 12.99 9.99 12.99 12.99", "", 0},
		"rounding":                                {"9.99 9.99 9.99 9.99 10.09", "", 0},
		"exchange rates":                          {"9.99 10.12 9.91 10.20 10.02 10.41", "", 0},
		"more than exchange rates do":             {"9.99 10.12 9.91 10.20 10.02 12.95", "10.02 to 12.95", 0},
		"three times as much is something else":   {"9.99 9.99 9.99 9.99 29.99", "", 0},
		"a utility's first months, alike by luck": {"80.00 80.50 95.00", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := monthly("Netflix", strings.Fields(c.amounts)...)
			now := h[len(h)-1].At.Add(time.Hour + c.after)
			found := PriceRises(recurring.Find(h, now), now)
			fits(t, found)
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Contains(t, found[0].Message, c.want)
			require.Equal(t, PriceRises(recurring.Find(h, now.AddDate(0, 0, 1)), now.AddDate(0, 0, 1))[0].Detail, found[0].Detail, "said once")
		})
	}
}

func TestDuplicate(t *testing.T) {
	var usual []history.Transaction
	for day := range 40 {
		usual = append(usual, spent("Rewe", decimal.NewFromInt(int64(20+day)).String(), at(day, 10)))
	}
	for name, c := range map[string]struct {
		before []history.Transaction
		last   history.Transaction
		want   bool
	}{
		"the same again after an hour":     {[]history.Transaction{spent("Rewe", "71.20", at(40, 9))}, spent("REWE 4711", "71.20", at(40, 10)), true},
		"two days and more apart":          {[]history.Transaction{spent("Rewe", "71.20", at(40, 9))}, spent("Rewe", "71.20", at(42, 10)), false},
		"another amount":                   {[]history.Transaction{spent("Rewe", "71.20", at(40, 9))}, spent("Rewe", "71.21", at(40, 10)), false},
		"another merchant":                 {[]history.Transaction{spent("Lidl", "71.20", at(40, 9))}, spent("Rewe", "71.20", at(40, 10)), false},
		"two tickets at a place first met": {[]history.Transaction{spent("Kino", "71.20", at(40, 9))}, spent("Kino", "71.20", at(40, 10)), false},
		"paid back in between": {
			[]history.Transaction{spent("Rewe", "71.20", at(40, 9)), earned("Rewe", "71.20", at(40, 10))}, spent("Rewe", "71.20", at(40, 11)), false,
		},
		"a subscription twice": {monthly("Netflix", "29.99", "29.99", "29.99"), spent("Netflix", "29.99", start.AddDate(0, 2, 5)), true},
		"a habit": {
			[]history.Transaction{spent("Bar", "30", at(20, 9)), spent("Bar", "30", at(20, 12)), spent("Bar", "30", at(40, 9))}, spent("Bar", "30", at(40, 11)), false,
		},
		"small change": {
			[]history.Transaction{spent("Kiosk", "2.50", at(3, 9)), spent("Kiosk", "3.10", at(40, 9))}, spent("Kiosk", "3.10", at(40, 10)), false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := sorted(usual, c.before, []history.Transaction{c.last})
			f, is := Duplicate(c.last, h)
			require.Equal(t, c.want, is)
			if is {
				fits(t, []finding.Finding{f})
				require.Equal(t, c.last.ID, f.Subject)
			}
			require.Len(t, Duplicates(h, c.last.At, c.last.At), len(Duplicates(h, c.last.At, c.last.At.AddDate(0, 0, 1))))
		})
	}
}

func TestEqualTimesGiveOneDuplicate(t *testing.T) {
	var h []history.Transaction
	for day := range 20 {
		h = append(h, spent("Rewe", decimal.NewFromInt(int64(20+day)).String(), at(day, 10)))
	}
	a, b := spent("Rewe", "71.20", at(30, 9)), spent("Rewe", "71.20", at(30, 9))
	h = sorted(h, []history.Transaction{a, b})
	require.Len(t, Duplicates(h, at(30, 0), at(31, 0)), 1)
}

func TestRecurringAndBills(t *testing.T) {
	h := sorted(monthly("Netflix", "9.99", "9.99", "9.99"), monthly("Stadtwerke", "80", "95", "71", "88"))
	now := start.AddDate(0, 3, 4).Add(12 * time.Hour) // April 5
	h = sorted(h, []history.Transaction{spent("Netflix", "9.99", now.Add(-time.Hour))})
	series := recurring.Find(h, now)
	found := Recurring(series)
	fits(t, found)
	require.Len(t, found, 2)
	require.Equal(t, "Netflix: 9.99 EUR every month", found[0].Title)
	require.Equal(t, "119.88", found[0].Facts["perYear"])
	require.Equal(t, "Stadtwerke: about 88.00 EUR every month", found[1].Title)

	require.Empty(t, UpcomingBills(series, now))
	near := start.AddDate(0, 4, 2)
	found = UpcomingBills(recurring.Find(h, near), near)
	fits(t, found)
	require.Len(t, found, 2)
	require.Equal(t, "2026-05-05", found[0].Facts["due"])
	require.Empty(t, UpcomingBills(recurring.Find(h, near.AddDate(0, 2, 0)), near.AddDate(0, 2, 0)), "what ended is not due")

	bills := Bills(series, near, near.AddDate(0, 2, 0))
	require.Len(t, bills, 4)
	require.Equal(t, time.May, bills[0].Day.Month())
	require.Equal(t, time.June, bills[3].Day.Month())
}

// A household is paid 3000 on the 25th, pays 1200 rent on the 5th and spends 40 a
// day.
func TestCashFlow(t *testing.T) {
	var h []history.Transaction
	for month := range 5 {
		first := start.AddDate(0, month, 0)
		h = append(h, earned("Acme Payroll", "3000", first.AddDate(0, 0, 24)), spent("Rent", "1200", first.AddDate(0, 0, 4)))
	}
	for day := range 151 {
		h = append(h, spent([]string{"Rewe", "Lidl", "Aldi"}[day%3], "40", at(day, 12)))
	}
	h = sorted(h)
	now := start.AddDate(0, 4, 27).Add(22 * time.Hour) // May 28: rent and 27 days to come
	for name, c := range map[string]struct {
		wallet history.Wallet
		want   string
	}{
		"enough":              {history.Wallet{ID: wallet, Type: history.Bank, Balance: decimal.NewFromInt(2500)}, ""},
		"not enough":          {history.Wallet{ID: wallet, Type: history.Bank, Balance: decimal.NewFromInt(2000)}, "280.00"},
		"empty already":       {history.Wallet{ID: wallet, Type: history.Bank, Balance: decimal.NewFromInt(-10)}, ""},
		"no income on it":     {history.Wallet{ID: uuid.UUID{9}, Type: history.Bank, Balance: decimal.NewFromInt(1)}, ""},
		"savings pay no rent": {history.Wallet{ID: wallet, Type: history.Savings, Balance: decimal.NewFromInt(2000)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.wallet.Name, c.wallet.Currency = "Current account", "EUR"
			found := CashFlow([]history.Wallet{c.wallet}, recurring.Find(h, now), h, now)
			fits(t, found)
			if c.want == "" {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, c.want, found[0].Facts["missing"])
			require.Equal(t, "2026-06-25", found[0].Facts["payday"])
			require.Equal(t, "40.00", found[0].Facts["perDay"])
		})
	}
}

// What is dated ahead of the present is in the balance; a charge among it is not
// expected once more, and what is none changes nothing of what is to come.
func TestWhatIsBookedAheadIsNotExpectedOnceMore(t *testing.T) {
	var h []history.Transaction
	for month := range 5 {
		first := start.AddDate(0, month, 0)
		h = append(h, earned("Acme Payroll", "3000", first.AddDate(0, 0, 24)), spent("Rent", "1200", first.AddDate(0, 0, 4)),
			spent("Amazon", "8.99", first.AddDate(0, 0, 5)), spent("Stadtwerke", []string{"80", "95", "71", "88", "90"}[month], first.AddDate(0, 0, 6)))
	}
	for day := range 155 {
		h = append(h, spent([]string{"Rewe", "Lidl", "Aldi"}[day%3], "40", at(day, 12)))
	}
	for i, day := range []int{13, 40, 57, 99, 130} { // purchases beside the membership
		h = append(h, spent("Amazon", decimal.NewFromInt(int64(23+17*i)).String(), at(day, 15)))
	}
	h = sorted(h)
	now := start.AddDate(0, 5, 3).Add(22 * time.Hour) // June 4
	ahead := now.Add(12 * time.Hour)
	w := history.Wallet{ID: wallet, Name: "Current account", Type: history.Bank, Currency: "EUR", Balance: decimal.NewFromInt(5000)}
	inDollars := spent("Rent", "1200", ahead)
	inDollars.Currency = "USD"
	for name, c := range map[string]struct {
		booked []history.Transaction
		bills  string
	}{
		"nothing is booked":       {nil, "1298.99"},
		"the rent":                {[]history.Transaction{spent("Rent", "1200", ahead)}, "98.99"},
		"the rent at a new price": {[]history.Transaction{spent("Rent", "1260", ahead)}, "98.99"},
		"a deposit to the landlord, beside the rent":    {[]history.Transaction{spent("Rent", "3600", ahead)}, "1298.99"},
		"the rent and a deposit":                        {[]history.Transaction{spent("Rent", "1200", ahead), spent("Rent", "3600", ahead)}, "98.99"},
		"a purchase at the shop of the membership":      {[]history.Transaction{spent("Amazon", "45.90", ahead)}, "1298.99"},
		"a purchase of nearly the membership's amount":  {[]history.Transaction{spent("Amazon", "9.99", ahead)}, "1298.99"},
		"the membership":                                {[]history.Transaction{spent("Amazon", "8.99", ahead)}, "1290"},
		"the membership and a purchase":                 {[]history.Transaction{spent("Amazon", "45.90", ahead), spent("Amazon", "8.99", ahead)}, "1290"},
		"a bill that varies":                            {[]history.Transaction{spent("Stadtwerke", "76", ahead)}, "1208.99"},
		"a year's settlement beside a bill that varies": {[]history.Transaction{spent("Stadtwerke", "412", ahead)}, "1298.99"},
		"another currency":                              {[]history.Transaction{inDollars}, "1298.99"},
		"money that comes back from the merchant":       {[]history.Transaction{earned("Rent", "1200", ahead)}, "1298.99"},
	} {
		t.Run(name, func(t *testing.T) {
			all := sorted(h, c.booked)
			o, ok := LookAhead(w, recurring.Find(all, now), all, now)
			require.True(t, ok)
			require.Equal(t, c.bills, o.Bills.String())
		})
	}
	with := func(balance int64) []history.Wallet {
		w.Balance = decimal.NewFromInt(balance)
		return []history.Wallet{w}
	}
	require.NotEmpty(t, CashFlow(with(1000), recurring.Find(h, now), h, now), "the rent is still to come")
	booked := sorted(h, []history.Transaction{spent("Rent", "1200", ahead)})
	require.Empty(t, CashFlow(with(1000), recurring.Find(booked, now), booked, now), "the rent is paid, and 1000 last for 20 days of 40")
}
