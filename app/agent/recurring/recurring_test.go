package recurring

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
)

var counter byte

// charges reads "2026-01-03:9.99 2026-02-03:9.99".
func charges(text string) []history.Transaction {
	var all []history.Transaction
	for word := range strings.FieldsSeq(text) {
		day, amount, _ := strings.Cut(word, ":")
		at, err := time.Parse("2006-01-02", day)
		if err != nil {
			panic(err)
		}
		counter++
		all = append(all, history.Transaction{
			ID: uuid.UUID{counter, byte(len(all))}, Amount: decimal.RequireFromString(amount), Currency: "EUR", Type: event.Expense,
			Category: "subscriptions", Description: "Netflix", At: at.Add(10 * time.Hour),
		})
	}
	history.Sort(all)
	return all
}

func TestFind(t *testing.T) {
	for name, c := range map[string]struct {
		charges string
		now     string
		want    []string // cadence, amount, next
	}{
		"monthly": {
			"2026-01-03:9.99 2026-02-03:9.99 2026-03-03:9.99", "2026-03-05", []string{"monthly 9.99 2026-04-03"},
		},
		"two are not enough": {"2026-01-03:9.99 2026-02-03:9.99", "2026-03-01", nil},
		"moved by weekends": {
			"2026-01-31:9.99 2026-03-02:9.99 2026-03-31:9.99 2026-04-30:9.99", "2026-05-01", []string{"monthly 9.99 2026-05-31"},
		},
		"a price that rose": {
			"2026-01-03:9.99 2026-02-03:9.99 2026-03-03:9.99 2026-04-03:12.99", "2026-04-05", []string{"monthly 12.99 2026-05-03"},
		},
		"another payment to the merchant on the day before the charge": {
			"2026-01-03:9.99 2026-02-03:9.99 2026-03-03:9.99 2026-04-02:50", "2026-04-02", []string{"monthly 9.99 2026-04-03"},
		},
		"another payment halfway": {
			"2026-01-03:9.99 2026-02-03:9.99 2026-03-03:9.99 2026-03-18:50", "2026-03-19", []string{"monthly 9.99 2026-04-03"},
		},
		"a small payment, such as for the address to be changed": {
			"2026-01-03:59.99 2026-02-03:59.99 2026-03-03:59.99 2026-04-02:5", "2026-04-02", []string{"monthly 59.99 2026-04-03"},
		},
		"three times the price, twice": {
			"2026-01-03:9.99 2026-02-03:9.99 2026-03-03:9.99 2026-04-03:29.99 2026-05-03:29.99", "2026-05-04", []string{"monthly 29.99 2026-06-03"},
		},
		"a salary of two parts that differ much": {
			"2026-01-01:500 2026-01-15:1500 2026-01-30:500 2026-02-13:1500 2026-02-27:500 2026-03-13:1500", "2026-03-14", []string{"twice a month 500.00 2026-03-30"},
		},
		"charged twice once": {
			"2026-01-03:9.99 2026-02-03:9.99 2026-02-04:9.99 2026-03-03:9.99 2026-04-03:9.99", "2026-04-05", []string{"monthly 9.99 2026-05-03"},
		},
		"a month left out": {
			"2026-01-03:9.99 2026-02-03:9.99 2026-03-03:9.99 2026-05-03:9.99", "2026-05-05", []string{"monthly 9.99 2026-06-03"},
		},
		"a utility": {
			"2026-01-15:91.20 2026-02-15:85.11 2026-03-16:70.40 2026-04-15:66.02", "2026-04-16", []string{"monthly 66.02 2026-05-15 variable"},
		},
		"weekly": {
			"2026-01-05:12 2026-01-12:12 2026-01-19:12 2026-01-26:12 2026-02-02:12", "2026-02-03", []string{"weekly 12.00 2026-02-09"},
		},
		"the weekend's shopping is no charge": {
			"2026-01-03:81.10 2026-01-10:64.20 2026-01-17:92.55 2026-01-24:71.03 2026-01-31:88.42 2026-02-07:60", "2026-02-08", nil,
		},
		"quarterly": {
			"2025-07-10:55 2025-10-10:55 2026-01-12:55", "2026-01-20", []string{"quarterly 55.00 2026-04-10"},
		},
		"yearly": {"2025-01-10:89 2026-01-11:95", "2026-01-20", []string{"yearly 95.00 2027-01-11"}},
		"two things a year apart that are not alike": {"2025-01-10:89 2026-01-11:250", "2026-01-20", nil},
		"visits now and then":                        {"2026-01-03:40 2026-02-09:40 2026-03-22:40 2026-04-27:40 2026-06-02:40", "2026-06-03", nil},
		"each day":                                   {"2026-01-03:3 2026-01-04:3 2026-01-05:3 2026-01-06:3 2026-01-07:3 2026-01-08:3", "2026-01-09", nil},
		"two subscriptions of one company": {
			"2026-01-03:9.99 2026-02-03:9.99 2026-03-03:9.99 2026-01-20:2.99 2026-02-20:2.99 2026-03-20:2.99 2026-04-03:9.99 2026-04-20:2.99", "2026-04-21",
			[]string{"monthly 2.99 2026-05-20", "monthly 9.99 2026-05-03"},
		},
		"among purchases, with a new price": {
			"2025-12-03:8.99 2026-01-03:8.99 2026-01-11:25.10 2026-01-14:70 2026-02-03:8.99 2026-02-05:13.40 2026-03-03:8.99 2026-03-09:31 2026-04-03:10.99", "2026-04-04",
			[]string{"monthly 10.99 2026-05-03"},
		},
		"equal purchases months apart, among others": {
			"2025-01-03:24.50 2025-03-11:25.10 2025-07-03:24.50 2025-08-14:70 2025-10-05:13.40 2026-01-03:24.50", "2026-01-04", nil,
		},
		"a utility with seasons, cheaper this year": {
			"2025-01-15:100 2025-02-15:90 2025-03-15:80 2025-04-15:60 2025-05-15:50 2025-06-15:40 2025-07-15:40 2025-08-15:40 2025-09-15:50 " +
				"2025-10-15:60 2025-11-15:80 2025-12-15:90 2026-01-15:90 2026-02-15:81 2026-03-15:72", "2026-03-16", []string{"monthly 54.00 2026-04-15 variable"},
		},
		"a salary on the 1st and the 15th": {
			"2026-01-01:1500 2026-01-15:1500 2026-01-30:1500 2026-02-13:1500 2026-02-27:1500 2026-03-13:1500 2026-04-01:1500 2026-04-15:1500", "2026-04-16", []string{"twice a month 1500.00 2026-04-30"},
		},
		"a salary on the 15th and the last, of different amounts": {
			"2026-01-15:1000 2026-01-30:1400 2026-02-13:1000 2026-02-27:1400 2026-03-13:1000 2026-03-31:1400", "2026-04-01", []string{"twice a month 1000.00 2026-04-13"},
		},
		"every four weeks": {
			"2026-01-02:1800 2026-01-30:1800 2026-02-27:1800 2026-03-27:1800 2026-04-24:1800", "2026-04-25", []string{"four-weekly 1800.00 2026-05-22"},
		},
		"every two months": {
			"2026-01-10:3000 2026-03-10:3000 2026-05-11:3000 2026-07-10:3000", "2026-07-11", []string{"two-monthly 3000.00 2026-09-10"},
		},
		"every two weeks stays so": {
			"2026-01-02:900 2026-01-16:900 2026-01-30:900 2026-02-13:900 2026-02-27:900 2026-03-13:900", "2026-03-14", []string{"fortnightly 900.00 2026-03-27"},
		},
		"a salary of hours each two weeks": {
			"2026-01-02:900 2026-01-16:955 2026-01-30:820 2026-02-13:1010 2026-02-27:930 2026-03-13:870", "2026-03-14", []string{"fortnightly 870.00 2026-03-27 variable"},
		},
		"the last working day": {
			"2026-01-30:2000 2026-02-27:2000 2026-03-31:2000 2026-04-30:2000 2026-05-29:2000 2026-06-30:2000", "2026-07-01", []string{"monthly 2000.00 2026-07-30"},
		},
		"ended": {
			"2026-01-03:9.99 2026-02-03:9.99 2026-03-03:9.99", "2026-04-20", []string{"monthly 9.99 2026-04-03 ended"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			now, err := time.Parse("2006-01-02", c.now)
			require.NoError(t, err)
			var got []string
			h := charges(c.charges)
			if strings.Contains(name, "salary") {
				for i := range h {
					h[i].Type = event.Income
				}
			}
			for _, s := range Find(h, now) {
				what := fmt.Sprintf("%s %s %s", s.Cadence.Name, s.Amount.StringFixed(2), s.Next.Format("2006-01-02"))
				if s.Variable {
					what += " variable"
				}
				if s.Ended {
					what += " ended"
				}
				require.GreaterOrEqual(t, s.Confidence, 0.5)
				require.LessOrEqual(t, s.Confidence, 1.0)
				got = append(got, what)
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestDates(t *testing.T) {
	day := func(text string) time.Time {
		at, err := time.Parse("2006-01-02", text)
		require.NoError(t, err)
		return at
	}
	s := Find(charges("2026-01-31:9.99 2026-02-28:9.99 2026-03-31:9.99"), day("2026-04-01"))[0]
	require.Equal(t, []time.Time{day("2026-04-30"), day("2026-05-31")}, s.Dates(day("2026-04-01"), day("2026-06-01")))
	require.Equal(t, []time.Time{day("2026-05-01"), day("2026-05-31")}, s.Dates(day("2026-05-01"), day("2026-06-01")), "what is overdue is due now")
	require.Equal(t, "119.88", s.PerYear().String())
	require.True(t, s.Contains(s.Charges[0]))
}

func TestWithoutAMerchantTheCategoryStandsForIt(t *testing.T) {
	h := charges("2026-01-01:800 2026-02-01:800 2026-03-01:800")
	for i := range h {
		h[i].Description, h[i].Category = "", "housing"
	}
	found := Find(h, h[2].At)
	require.Len(t, found, 1)
	require.Equal(t, finding.Category("housing"), found[0].Name)
}

// Who gets money back each month has no income to count on.
func TestRefundsAreNoSeries(t *testing.T) {
	h := charges("2026-01-03:9.99 2026-02-03:9.99 2026-03-03:9.99 2026-04-03:9.99")
	for i := range h {
		h[i].Type, h[i].Refund = event.Income, true
	}
	require.Empty(t, Find(h, h[3].At.AddDate(0, 0, 2)))
	for i := range h {
		h[i].Refund = false
	}
	require.Len(t, Find(h, h[3].At.AddDate(0, 0, 2)), 1)
}
