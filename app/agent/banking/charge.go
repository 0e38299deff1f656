// Package banking is the agent that watches accounts: what is charged again and
// again, what rose in price or was charged twice, which bills come next and
// whether the money lasts until payday. Its detectors are pure functions of a
// person's history, sorted by time, and of the present.
package banking

import (
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/recurring"
	"github.com/wealth-companion/companion/app/agent/stats"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/money"
)

// The detectors, by the names that findings bear.
const (
	KindRecurring    = "recurring_charge"
	KindPriceRise    = "price_rise"
	KindDuplicate    = "duplicate_charge"
	KindUpcomingBill = "upcoming_bill"
	KindCashFlow     = "cash_flow"
)

// Recurring tells of each charge that comes again, once: a subscription that was
// forgotten is the easiest money to save. series are what recurring.Find found.
func Recurring(series []recurring.Series) []finding.Finding {
	var found []finding.Finding
	for _, s := range series {
		if s.Type != event.Expense || s.Ended {
			continue
		}
		last := s.Last()
		about := ""
		if s.Variable {
			about = "about "
		}
		yearly := money.Rounded(s.PerYear(), last.Currency)
		who := fmt.Sprintf("%s has charged you %s", s.Name, finding.Count(len(s.Charges), "time"))
		if s.Merchant == "" {
			who = fmt.Sprintf("You have made %s on %s", finding.Count(len(s.Charges), "payment"), s.Name)
		}
		found = append(found, finding.Finding{
			Subject: last.UserID, Kind: KindRecurring, Detail: s.Key, InsightType: event.SpendingPattern,
			Title: fmt.Sprintf("%s: %s%s %s %s", s.Name, about, money.Rounded(s.Amount, last.Currency), last.Currency, s.Cadence.Every()),
			Message: fmt.Sprintf("%s, now %s%s %s %s. That is about %s %s a year.",
				who, about, money.Rounded(s.Amount, last.Currency), last.Currency, s.Cadence.Every(), yearly, last.Currency),
			Dismiss:    "It ends when the charge fails to come.",
			Confidence: s.Confidence,
			Facts: map[string]string{
				"merchant": s.Name, "cadence": s.Cadence.Name, "charges": fmt.Sprint(len(s.Charges)), "amount": money.Rounded(s.Amount, last.Currency),
				"perYear": yearly, "currency": last.Currency, "next": s.Next.Format(time.DateOnly),
			},
			Related: map[string]string{"transactionId": last.ID.String(), "category": last.Category, "merchant": s.Merchant},
		})
	}
	return found
}

var (
	// A rise of less than 3% is exchange rates or rounding.
	leastRise = decimal.RequireFromString("1.03")
	// A charge of more than two and a half times the old price is something else.
	mostRise = decimal.RequireFromString("2.5")
	// Amounts that differ at all are taken to stray by at least 1.5%.
	wobble  = decimal.RequireFromString("0.015")
	hundred = decimal.NewFromInt(100)
)

const (
	// riseNews is how long a new price is news.
	riseNews = 45 * 24 * time.Hour
	// before is how many charges the old price is taken from.
	before = 6
)

// PriceRises tells of charges whose price went up with the last charge or one
// shortly before it. Where earlier amounts wobbled, as those in a foreign
// currency do, the rise must be an outlier among them by the modified z-score.
// A single higher charge may be an extra; the second makes it nearly certain.
func PriceRises(series []recurring.Series, now time.Time) []finding.Finding {
	var found []finding.Finding
	for _, s := range series {
		if s.Type != event.Expense || s.Variable || s.Ended {
			continue
		}
		at, old, ok := rise(s.Charges, now)
		if !ok {
			continue
		}
		is := s.Charges[at]
		percent := is.Amount.Sub(old).Mul(hundred).DivRound(old, 1)
		more := is.Amount.Sub(old)
		aYear := money.Rounded(s.PerYear().Sub(s.PerYear().Mul(old).DivRound(s.Amount, 4)), is.Currency)
		confidence := 0.75
		if at < len(s.Charges)-1 {
			confidence = 0.95
		}
		found = append(found, finding.Finding{
			Subject: is.UserID, Kind: KindPriceRise, Detail: s.Key + "|" + money.Format(is.Amount), InsightType: event.SavingsTip,
			Title: fmt.Sprintf("%s now costs %s %s more", s.Name, money.Rounded(more, is.Currency), is.Currency),
			Message: fmt.Sprintf("%s went from %s to %s %s (%s%%) on %s. Over a year that is about %s %s more.",
				s.Name, money.Rounded(old, is.Currency), money.Decimals(is.Amount, is.Currency), is.Currency, percent, is.At.Format(time.DateOnly), aYear, is.Currency),
			Dismiss:    "The next charge at the old price.",
			Confidence: stats.Round(confidence * min(1, s.Confidence+0.1)),
			Facts: map[string]string{
				"merchant": s.Name, "was": money.Rounded(old, is.Currency), "is": money.Decimals(is.Amount, is.Currency), "percent": percent.String(),
				"perYear": aYear, "currency": is.Currency, "since": is.At.Format(time.DateOnly),
			},
			Related: map[string]string{"transactionId": is.ID.String(), "category": is.Category, "merchant": s.Merchant},
		})
	}
	return found
}

// rise finds the first charge of the present price, when that is higher than the
// price before and still news.
func rise(charges []history.Transaction, now time.Time) (at int, old decimal.Decimal, ok bool) {
	at = len(charges) - 1
	for at > 0 && charges[at-1].Amount.Sub(charges[at].Amount).Abs().Mul(hundred).LessThanOrEqual(charges[at].Amount) {
		at--
	}
	if at < 2 || now.Sub(charges[at].At) > riseNews {
		return at, old, false // one charge before is no price
	}
	var earlier []decimal.Decimal
	for _, t := range charges[max(0, at-before):at] {
		earlier = append(earlier, t.Amount)
	}
	spread := stats.SpreadOf(earlier)
	old = money.Round(spread.Median, charges[at].Currency)
	amount := charges[at].Amount
	if amount.LessThan(old.Mul(leastRise)) || amount.GreaterThan(old.Mul(mostRise)) || !amount.GreaterThan(charges[at-1].Amount) {
		return at, old, false
	}
	if !spread.MeanAD.IsPositive() {
		return at, old, true
	}
	if len(earlier) < 4 {
		return at, old, false // a utility's first months may look steady
	}
	spread.MAD = decimal.Max(spread.MAD, old.Mul(wobble))
	score, _ := spread.Score(amount)
	return at, old, stats.Float(score) > stats.Threshold
}
