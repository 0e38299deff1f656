// Package words has the web's texts in each language, and writes and reads amounts and dates
// the way people of that language do.
package words

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"golang.org/x/text/currency"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"github.com/wealth-companion/companion/app/core/money"
)

// Locale is a language with its texts and its ways of writing.
type Locale struct {
	Tag  string // BCP 47, for the attribute lang
	Name string // in the language itself
	Text Text

	printer        *message.Printer
	group, point   string // separators of numbers
	symbolFirst    bool   // the currency's symbol stands before the number
	months, short  [12]string
	ordinal        string // behind the day of a month
	percentBetween string // between a number and the percent sign
}

// NBSP keeps an amount on one line.
const nbsp = "\u00a0"

// Minus is the sign that is as wide as plus.
const Minus = "\u2212"

func newLocale(tag language.Tag, name string, text Text) *Locale {
	l := &Locale{Tag: tag.String(), Name: name, Text: text, printer: message.NewPrinter(tag)}
	// The separators come from CLDR; amounts themselves never become floating point numbers.
	sample := []rune(l.printer.Sprint(number.Decimal(1234.5)))
	l.group, l.point = string(sample[1]), string(sample[len(sample)-2])
	return l
}

// All are the languages, the default first.
var All = func() []*Locale {
	english := newLocale(language.English, "English", english)
	english.symbolFirst = true
	english.months = [12]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	english.short = [12]string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
	german := newLocale(language.German, "Deutsch", german)
	german.months = [12]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}
	german.short = [12]string{"Jan.", "Feb.", "März", "Apr.", "Mai", "Juni", "Juli", "Aug.", "Sept.", "Okt.", "Nov.", "Dez."}
	german.ordinal, german.percentBetween = ".", nbsp
	return []*Locale{english, german}
}()

var matcher = func() language.Matcher {
	var tags []language.Tag
	for _, l := range All {
		tags = append(tags, language.Make(l.Tag))
	}
	return language.NewMatcher(tags)
}()

// Cookie is the name of the cookie with the language that a person chose.
const Cookie = "__Host-language"

// ByTag returns the language of a tag; nil: there is none.
func ByTag(tag string) *Locale {
	if i := slices.IndexFunc(All, func(l *Locale) bool { return l.Tag == tag }); i >= 0 {
		return All[i]
	}
	return nil
}

// Of returns the language for a request: the chosen one, or else the browser's.
func Of(r *http.Request) *Locale {
	if chosen, err := r.Cookie(Cookie); err == nil {
		if l := ByTag(chosen.Value); l != nil {
			return l
		}
	}
	_, i := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	return All[i]
}

// symbol is how a currency is written: by its sign, or else by its code.
func (l *Locale) symbol(code string) string {
	unit, err := currency.ParseISO(code)
	if err != nil {
		return code
	}
	return l.printer.Sprint(currency.NarrowSymbol(unit))
}

// digits writes a number with separators, and no sign.
func (l *Locale) digits(text string) string {
	whole, fraction, has := strings.Cut(text, ".")
	var b strings.Builder
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(l.group)
		}
		b.WriteRune(digit)
	}
	if has {
		b.WriteString(l.point + fraction)
	}
	return b.String()
}

// plain is a decimal string with the places of its currency, and more only where it has more.
func plain(amount decimal.Decimal, code string) string {
	places := money.Digits(code)
	if !amount.Equal(amount.Round(places)) {
		return amount.String()
	}
	return amount.StringFixed(places)
}

// Amount writes a decimal string of the API with its currency: −€1,234.50, −1.234,50 €. What is
// no decimal is returned as it is.
func (l *Locale) Amount(text, code string) string {
	value, err := decimal.NewFromString(text)
	if err != nil {
		return text + nbsp + code
	}
	return l.amount(value, code, "")
}

// Signed is Amount with a plus before what is more than zero.
func (l *Locale) Signed(text, code string) string {
	value, err := decimal.NewFromString(text)
	if err != nil {
		return text + nbsp + code
	}
	return l.amount(value, code, "+")
}

func (l *Locale) amount(value decimal.Decimal, code, plus string) string {
	sign := ""
	switch {
	case value.IsNegative():
		sign = Minus
	case value.IsPositive():
		sign = plus
	}
	digits, symbol := l.digits(plain(value.Abs(), code)), l.symbol(code)
	switch {
	case !l.symbolFirst:
		return sign + digits + nbsp + symbol
	case len([]rune(symbol)) > 1: // CHF 12.00
		return sign + symbol + nbsp + digits
	default:
		return sign + symbol + digits
	}
}

// Input writes a decimal string as a person would type it: with the language's decimal mark
// and without separators.
func (l *Locale) Input(text, code string) string {
	value, err := decimal.NewFromString(text)
	if err != nil {
		return text
	}
	return strings.Replace(plain(value, code), ".", l.point, 1)
}

// ErrAmount says that a text is no amount, or could be two.
var ErrAmount = errors.New("not an amount")

// Parse reads an amount as people of the language type it and returns it as a decimal string.
// Group separators must stand where groups end. The other language's decimal mark is taken
// where it can be nothing else (12.50 in German); what could be two amounts is ErrAmount.
func (l *Locale) Parse(text string) (string, error) {
	for _, ignored := range []string{" ", nbsp, "\u202f", "'", "’"} {
		text = strings.ReplaceAll(text, ignored, "")
	}
	text = strings.ReplaceAll(text, Minus, "-")
	sign := ""
	if rest, is := strings.CutPrefix(text, "-"); is {
		sign, text = "-", rest
	}
	whole, fraction, has := strings.Cut(text, l.point)
	if !has && strings.Count(text, l.group) == 1 {
		if before, after, _ := strings.Cut(text, l.group); len(after) != 3 {
			whole, fraction, has = before, after, true
		}
	}
	if strings.Contains(whole, l.group) {
		groups := strings.Split(whole, l.group)
		for i, group := range groups {
			if i == 0 && (group == "" || len(group) > 3 || group == "0") || i > 0 && len(group) != 3 {
				return "", ErrAmount
			}
		}
		whole = strings.Join(groups, "")
	}
	if whole == "" && has {
		whole = "0"
	}
	if !onlyDigits(whole) || has && !onlyDigits(fraction) {
		return "", ErrAmount
	}
	if has {
		whole += "." + fraction
	}
	return sign + whole, nil
}

func onlyDigits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// Percent writes a share with one place at most.
func (l *Locale) Percent(value float64) string {
	text := strings.TrimSuffix(strconv.FormatFloat(value, 'f', 1, 64), ".0")
	sign := ""
	if rest, is := strings.CutPrefix(text, "-"); is {
		sign, text = Minus, rest
	}
	return sign + l.digits(text) + l.percentBetween + "%"
}

// Day writes a day: 27 Nov 2026.
func (l *Locale) Day(day time.Time) string {
	return strconv.Itoa(day.Day()) + l.ordinal + nbsp + l.short[day.Month()-1] + nbsp + strconv.Itoa(day.Year())
}

// DayText is Day of a date as the API writes it (2026-11-27); what is none is returned as it is.
func (l *Locale) DayText(text string) string {
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return text
	}
	return l.Day(day)
}

// Month writes a month of the API (2026-11): November 2026.
func (l *Locale) Month(text string) string {
	month, err := time.Parse("2006-01", text)
	if err != nil {
		return text
	}
	return l.months[month.Month()-1] + nbsp + strconv.Itoa(month.Year())
}

// Moment writes an instant in a time zone, to the minute: 27 Nov 2026, 14:05.
func (l *Locale) Moment(at time.Time, zone *time.Location) string {
	at = at.In(zone)
	return l.Day(at) + ", " + at.Format("15:04")
}
