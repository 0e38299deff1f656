package banking

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/finding/findingtest"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
)

// long is the longest that a description's first three words can be.
var long = strings.Repeat("Donaudampfschifffahrtsgesellschaft", 8)

// TestTexts holds every text of this agent against testdata/texts.md.
func TestTexts(t *testing.T) {
	var cases []findingtest.Case
	cases = append(cases, charges(t)...)
	cases = append(cases, duplicates(t)...)
	cases = append(cases, shortfalls(t)...)
	findingtest.Check(t, event.Banking, "testdata/texts.md", cases)
}

// in has transactions in a currency and a category.
func in(currency, category string, all []history.Transaction) []history.Transaction {
	for i := range all {
		all[i].Currency, all[i].Category = currency, category
	}
	return all
}

// every charges the same amount after so many days or months, so often.
func every(merchant, amount string, months, days, times int) []history.Transaction {
	var all []history.Transaction
	for i := range times {
		all = append(all, spent(merchant, amount, start.AddDate(0, months*i, 4+days*i).Add(9*time.Hour)))
	}
	return all
}

func charges(t *testing.T) []findingtest.Case {
	twice := sorted(every("Kita", "100", 1, 0, 4), monthly("Kita", "100", "100", "100", "100"))
	for i := range twice {
		if i%2 == 1 {
			twice[i].At = twice[i].At.AddDate(0, 0, 15)
		}
	}
	var cases []findingtest.Case
	for _, c := range []struct {
		when    string
		charges []history.Transaction
	}{
		{"a subscription", monthly("Netflix", "9.99", "9.99", "9.99")},
		{"a subscription in yen", in("JPY", "other", monthly("Netflix", "990", "990", "990"))},
		{"a subscription in dinars", in("KWD", "other", monthly("Netflix", "3.125", "3.125", "3.125"))},
		{"a yearly membership, charged twice so far", every("ADAC", "89", 12, 0, 2)},
		{"a class each week", every("Yoga Studio", "12", 0, 7, 6)},
		{"something every two weeks", every("Vegetable Box", "25", 0, 14, 6)},
		{"something every four weeks", every("Gym", "25", 0, 28, 6)},
		{"something twice a month", twice},
		{"something every two months", every("Water", "55", 2, 0, 4)},
		{"something every three months", every("Allianz", "155.50", 3, 0, 4)},
		{"something every six months", every("Car Tax", "180", 6, 0, 3)},
		{"a utility whose amount varies", monthly("Stadtwerke", "80", "95", "71", "88")},
		{"a payment that names nobody", in("EUR", "housing", monthly("", "800", "800", "800"))},
		{"a payment that names nobody, of a category with a long name", in("EUR", "long", monthly("", "800", "800", "800"))},
		{"a merchant with a name without end", monthly(long, "9.99", "9.99", "9.99")},
		{"a merchant with markup in its name", monthly(`<b>Fit</b> & "Fun"`, "9.99", "9.99", "9.99")},
	} {
		found := Recurring(recurring.Find(sorted(c.charges), c.charges[len(c.charges)-1].At))
		require.Len(t, found, 1, c.when)
		cases = append(cases, findingtest.Case{When: c.when + " comes again", Finding: found[0]})
		now := c.charges[len(c.charges)-1].At
		for len(UpcomingBills(recurring.Find(sorted(c.charges), now), now)) == 0 && now.Before(start.AddDate(3, 0, 0)) {
			now = now.AddDate(0, 0, 1)
		}
		if bills := UpcomingBills(recurring.Find(sorted(c.charges), now), now); len(bills) > 0 {
			cases = append(cases, findingtest.Case{When: c.when + " is due", Finding: bills[0]})
		}
	}
	for _, c := range []struct {
		when    string
		charges []history.Transaction
	}{
		{"a subscription costs more", monthly("Netflix", "9.99", "9.99", "9.99", "12.99")},
		{"a subscription costs twice as much", monthly("Netflix", "9.99", "9.99", "9.99", "19.98")},
		{"a subscription in yen costs more", in("JPY", "other", monthly("Netflix", "990", "990", "990", "1290"))},
		{"a subscription in dinars costs more", in("KWD", "other", monthly("Netflix", "3.125", "3.125", "3.125", "3.25"))},
		{"a payment that names nobody costs more", in("EUR", "housing", monthly("", "800", "800", "800", "850"))},
		{"a merchant with a name without end costs more", monthly(long, "9.99", "9.99", "9.99", "12.99")},
	} {
		now := c.charges[len(c.charges)-1].At
		found := PriceRises(recurring.Find(c.charges, now), now)
		require.Len(t, found, 1, c.when)
		cases = append(cases, findingtest.Case{When: c.when, Finding: found[0]})
	}
	return cases
}

func duplicates(t *testing.T) []findingtest.Case {
	var usual []history.Transaction
	for day := range 40 {
		usual = append(usual, spent("Rewe", decimal.NewFromInt(int64(20+day)).String(), at(day, 10)))
	}
	var cases []findingtest.Case
	for _, c := range []struct {
		when          string
		before, again history.Transaction
	}{
		{"the same was charged an hour later", spent("Rewe", "71.20", at(40, 9)), spent("Rewe", "71.20", at(40, 10))},
		{"the same was charged a day later, by a statement without times", spent("Rewe", "71.20", at(40, 12)), spent("Rewe", "71.20", at(41, 12))},
		{"the same was charged twice on a day, by a statement without times", spent("Rewe", "71.20", at(40, 12)), spent("Rewe", "71.20", at(40, 12))},
	} {
		if c.again.ID.String() < c.before.ID.String() {
			c.before.ID, c.again.ID = c.again.ID, c.before.ID
		}
		f, is := Duplicate(c.again, sorted(usual, []history.Transaction{c.before, c.again}))
		require.True(t, is, c.when)
		cases = append(cases, findingtest.Case{When: c.when, Finding: f})
	}
	return cases
}

func shortfalls(t *testing.T) []findingtest.Case {
	history := func(currency, rent, daily string, days int) []history.Transaction {
		var h []history.Transaction
		for month := range 5 {
			first := start.AddDate(0, month, 0)
			h = append(h, earned("Acme Payroll", "300000", first.AddDate(0, 0, 24)))
			if rent != "" {
				h = append(h, spent("Rent", rent, first.AddDate(0, 0, 4)))
			}
		}
		for day := range days {
			h = append(h, spent([]string{"Rewe", "Lidl", "Aldi"}[day%3], daily, at(day, 12)))
		}
		return sorted(in(currency, "other", h))
	}
	now := start.AddDate(0, 4, 27).Add(22 * time.Hour)
	var cases []findingtest.Case
	for _, c := range []struct{ when, wallet, currency, rent, daily, balance string }{
		{"bills and everyday spending empty a wallet", "Current account", "EUR", "1200", "40", "2000"},
		{"bills alone empty a wallet", "Current account", "EUR", "1200", "", "1000"},
		{"everyday spending alone empties a wallet", "Current account", "EUR", "", "40", "500"},
		{"a wallet that holds nothing", "Current account", "EUR", "1200", "40", "0"},
		{"a wallet in yen", "Current account", "JPY", "120000", "4000", "200000"},
		{"a wallet in dinars", "Current account", "KWD", "120.125", "4.5", "200.5"},
		{"a wallet with a long name", "The account that we share for everything that has to do with the house and the garden", "EUR", "1200", "40", "2000"},
		{"a wallet with markup and a line break in its name", "<b>Mine</b>\n& \u202eyours", "EUR", "1200", "40", "2000"},
	} {
		days := 151
		if c.daily == "" {
			days = 0
		}
		h := history(c.currency, c.rent, c.daily, days)
		w := walletOf(c.wallet, c.currency, c.balance)
		found := CashFlow(w, recurring.Find(h, now), h, now)
		require.Len(t, found, 1, c.when)
		cases = append(cases, findingtest.Case{When: c.when, Finding: found[0]})
	}
	return cases
}

func walletOf(name, currency, balance string) []history.Wallet {
	return []history.Wallet{{ID: wallet, UserID: uuid.UUID{1}, Name: name, Type: history.Bank, Currency: currency, Balance: decimal.RequireFromString(balance)}}
}

// Names that are shown are cut, and never turned into something else.
func TestNamesInTexts(t *testing.T) {
	require.Equal(t, "<b>Mine</b> & yours", finding.Name("<b>Mine</b>\n& \u202eyours"))
}
