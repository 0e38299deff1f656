package notification

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

func TestABudgetIsExceededInWords(t *testing.T) {
	const name = "Everything that the children need for school and their sports clubs in winter"
	for when, c := range map[string]struct {
		spent, limit, currency, category string
		title, text                      string
	}{
		"by a fifth": {"120.00", "100.00", "EUR", "Groceries",
			"Your Groceries budget is exceeded", "You have spent 120.00 EUR of 100.00 EUR on Groceries in November 2026: 20.00 EUR (20%) too much."},
		"by a cent, which is no percentage": {"10000.01", "10000.00", "EUR", "Groceries",
			"Your Groceries budget is exceeded", "You have spent 10000.01 EUR of 10000.00 EUR on Groceries in November 2026: 0.01 EUR too much."},
		"by more than a percentage can say": {"1000.00", "0.01", "EUR", "Groceries",
			"Your Groceries budget is exceeded", "You have spent 1000.00 EUR of 0.01 EUR on Groceries in November 2026: 999.99 EUR too much."},
		"in yen": {"12000.00", "10000.00", "JPY", "Groceries",
			"Your Groceries budget is exceeded", "You have spent 12000 JPY of 10000 JPY on Groceries in November 2026: 2000 JPY (20%) too much."},
		"in dinars": {"12.125", "10.00", "KWD", "Groceries",
			"Your Groceries budget is exceeded", "You have spent 12.125 KWD of 10.000 KWD on Groceries in November 2026: 2.125 KWD (21%) too much."},
		"by an event of before currencies were in it": {"120.00", "100.00", "", "Groceries",
			"Your Groceries budget is exceeded", "You have spent 120.00 of 100.00 on Groceries in November 2026: 20.00 (20%) too much."},
		"of a category that is named by its slug only": {"120.00", "100.00", "EUR", "",
			"Your other expense budget is exceeded", "You have spent 120.00 EUR of 100.00 EUR on other expense in November 2026: 20.00 EUR (20%) too much."},
		"of a category with a long name": {"120.00", "100.00", "EUR", name,
			"Your Everything that the children need for s… budget is exceeded",
			"You have spent 120.00 EUR of 100.00 EUR on Everything that the children need for s… in November 2026: 20.00 EUR (20%) too much."},
		"of a category with markup and a line break in its name": {"120.00", "100.00", "EUR", "<b>Fun</b>\n& games",
			"Your <b>Fun</b> & games budget is exceeded", "You have spent 120.00 EUR of 100.00 EUR on <b>Fun</b> & games in November 2026: 20.00 EUR (20%) too much."},
	} {
		t.Run(when, func(t *testing.T) {
			title, text := exceeded(event.BudgetExceeded{Category: "other-expense", CategoryName: c.category, Period: "2026-11", Currency: c.currency, BudgetAmount: c.limit, ActualAmount: c.spent})
			require.Equal(t, c.title, title)
			require.Equal(t, c.text, text)
			require.LessOrEqual(t, utf8.RuneCountInString(title), 100)
		})
	}
}

func TestOneNoteIsLeftOutInTheSingular(t *testing.T) {
	for more, want := range map[int]string{0: "", 1: "1 more is in the application", 2: "2 more are in the application"} {
		asHTML, asText, err := alertBody.render(page{More: more})
		require.NoError(t, err)
		require.Contains(t, asHTML, want)
		require.Contains(t, asText, want)
	}
}
