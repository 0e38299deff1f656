// Package statement reads bank statements: CSV with a mapping of its columns,
// OFX (1, SGML, and 2, XML), CAMT, MT940 and QIF. It knows of no wallet and no database.
//
// A line that cannot be read is reported with its number, and the rest is read;
// the caller decides whether the rest goes in. A whole file is refused only
// when reading on would put money where it does not belong: too long, not
// text, several accounts, or dates that can be read in two ways.
package statement

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/money"
)

// Format is how a statement is written.
type Format string

// The formats that are read.
const (
	CSV   Format = "csv"
	OFX   Format = "ofx"
	QIF   Format = "qif"
	CAMT  Format = "camt"  // ISO 20022: camt.052, camt.053, camt.054
	MT940 Format = "mt940" // SWIFT
)

var (
	startCAMT  = regexp.MustCompile(`URN:ISO:STD:ISO:20022:TECH:XSD:CAMT\.05[2-4]|<([A-Z0-9]+:)?BKTOCSTMR(STMT|ACCTRPT|DBTCDTNTFCTN)\b`)
	startMT940 = regexp.MustCompile(`(?:^|[\r\n]|\{4:)\s*:20:[^\r\n]*[\r\n]+(?::(?:13D?|21|NS):[^\r\n]*[\r\n]+)*:(?:25P?|28C?|60[FM]):`)
)

var errFormat = invalid("format", "must be csv, ofx, camt, mt940 or qif")

// What is read at most.
const (
	MaxBytes      = 10 << 20 // of a file
	MaxLines      = 100_000  // of a file; of an OFX file: transactions
	MaxMovements  = 5_000    // lines that are movements, and lines that cannot be read: of each
	MaxLineLength = 64 << 10 // bytes, of a CSV or QIF line
	MaxText       = 500      // characters of a description, as the ledger takes it; more are cut off
	maxShort      = 100      // characters of a category or a reference
)

// Line is one movement of money.
type Line struct {
	// Number is the file's line on which it begins, from 1.
	Number int
	// At is the day on which the bank booked it, as the bank wrote it, at
	// midnight UTC; with the time of day when a CSV's layout has one. It is
	// never moved by a time zone: that would put a day's end into another month.
	At time.Time
	// Amount is negative when money goes out. It is never zero, has at most
	// 13 digits before and 4 after the point.
	Amount decimal.Decimal
	// Currency is an ISO 4217 code, or empty when the statement names none.
	Currency string
	// Symbol is the sign of money beside the amount that several currencies share ("$"), or
	// empty. Where Currency is empty, Writes tells whether the line may be in a currency.
	Symbol string
	// Description and Category are the bank's words, either may be empty.
	Description, Category string
	// Transfer is the other account's name where the statement says that the
	// movement is a transfer between the person's own accounts (QIF), else empty.
	Transfer string
	// Reference is the bank's own mark of the movement, if it gave one.
	Reference string
	// Fee: it is the bank's charge for the movement of the same Number.
	Fee bool
}

// Bad is a line that could not be read.
type Bad struct {
	Number int // the file's line, from 1
	Reason string
}

// Parse reads a statement. Lines come in the file's order. OFX, CAMT and
// MT940 need nothing of the mapping but the account, where a file holds several. QIF
// takes the layout of dates and the decimal mark from it, and finds them itself where
// they are empty and can be read in one way only.
//
// An error is a apperror.Invalid whose field is "file" or a field of the mapping,
// or comes from reading r.
func Parse(format Format, r io.Reader, m Mapping) ([]Line, []Bad, error) {
	if err := m.check(format); err != nil {
		return nil, nil, err
	}
	text, err := read(r, m.Encoding)
	if err != nil {
		return nil, nil, err
	}
	var s sink
	if format != CSV { // whose rows they are a column says
		s.want = m.Account
	}
	err = s.parse(format, text, m)
	if err == nil && format != CSV {
		err = s.chosen()
	}
	if err != nil {
		return nil, nil, err
	}
	tellApart(s.lines)
	if m.Inverted && format != CSV { // a CSV's marks decide first
		for i := range s.lines {
			s.lines[i].Amount = s.lines[i].Amount.Neg()
		}
	}
	return s.lines, s.bad, nil
}

func (s *sink) parse(format Format, text string, m Mapping) error {
	switch format {
	case OFX:
		return parseOFX(text, m, s)
	case CAMT:
		return parseCAMT(text, s)
	case MT940:
		return parseMT940(text, s)
	case QIF:
		return parseQIF(text, m, s)
	}
	return parseCSV(text, m, s)
}

// tellApart takes from lines the references that do not tell them apart: banks
// that make them of day and amount give one to two movements. Where a file has such
// references, none that it repeats counts.
func tellApart(lines []Line) {
	same := map[string][]int{}
	unreliable := false
	for i, l := range lines {
		if l.Reference == "" {
			continue
		}
		key := fmt.Sprintf("%s\n%s\n%s", l.At.Format(time.DateOnly), money.Format(l.Amount), l.Reference)
		same[key] = append(same[key], i)
		unreliable = unreliable || letters(l.Description) != letters(lines[same[key][0]].Description)
	}
	if !unreliable {
		return
	}
	for _, group := range same {
		if len(group) == 1 {
			continue
		}
		for _, i := range group {
			lines[i].Reference = ""
		}
	}
}

var (
	errBalance = errors.New("is a balance and no movement")
	errPending = errors.New("the transaction is not booked yet: import it when it is")
)

// What banks and programs write into the text of a balance that they list among
// the movements, as letters gives it.
var balances = map[string]bool{
	"saldo anterior": true, "saldo do dia": true, "saldo dia": true, "saldo inicial": true, "saldo final": true, "saldo atual": true,
	"saldo total disponivel dia": true, "saldo total disponível dia": true, "saldo parcial": true, "saldo disponivel": true, "saldo disponível": true,
	"opening balance": true, "closing balance": true, "balance forward": true, "balance brought forward": true, "balance carried forward": true,
	"beginning balance": true, "ending balance": true, "starting balance": true, "previous balance": true, "ledger balance": true,
	"anfangssaldo": true, "endsaldo": true, "schlusssaldo": true, "saldovortrag": true, "kontostand": true, "anfangsbestand": true, "eröffnungssaldo": true,
	"solde initial": true, "solde final": true, "solde précédent": true, "solde precedent": true, "ancien solde": true, "nouveau solde": true,
	"saldo iniziale": true, "saldo finale": true, "saldo precedente": true, "beginsaldo": true, "eindsaldo": true, "vorig saldo": true,
	"nieuw saldo": true, "oud saldo": true, "beginstand": true, "eindstand": true, "saldo": true, "saldo actual": true, "saldo disponible": true, "saldo previo": true,
	"saldo contabile": true, "saldo disponibile": true, "saldo em conta": true, "saldo bloqueado": true, "saldo em conta corrente": true,
	"alter kontostand": true, "neuer kontostand": true, "alter saldo": true, "neuer saldo": true, "schlussbestand": true, "endbestand": true,
	"solde": true, "solde d ouverture": true, "solde de clôture": true, "solde reporté": true, "solde créditeur": true, "solde débiteur": true,
	"balance": true, "brought forward": true, "carried forward": true, "balance b f": true, "balance c f": true, "available balance": true, "current balance": true, "new balance": true, "statement balance": true,
	"saldo początkowe": true, "saldo końcowe": true, "počáteční zůstatek": true, "konečný zůstatek": true, "počiatočný zostatok": true, "konečný zostatok": true,
	"nyitó egyenleg": true, "záró egyenleg": true, "nyitóegyenleg": true, "záróegyenleg": true, "sold initial": true, "sold final": true, "sold inițial": true,
	"ingående saldo": true, "utgående saldo": true, "inngående saldo": true, "primosaldo": true, "ultimosaldo": true, "alkusaldo": true, "loppusaldo": true,
	"açılış bakiyesi": true, "kapanış bakiyesi": true, "devreden bakiye": true, "devir bakiyesi": true, "početno stanje": true, "završno stanje": true, "začetno stanje": true, "končno stanje": true,
	"входящий остаток": true, "исходящий остаток": true, "начальный остаток": true, "конечный остаток": true, "вхідний залишок": true, "вихідний залишок": true,
	"начално салдо": true, "крайно салдо": true, "αρχικό υπόλοιπο": true, "τελικό υπόλοιπο": true, "υπόλοιπο": true,
	"前月繰越": true, "前月繰越残高": true, "繰越残高": true, "残高": true, "上期余额": true, "期初余额": true, "期末余额": true, "余额": true,
}

// What stands beside such words: "Solde au 31/08/2026", "Saldo do dia 02/09".
var besideBalance = map[string]bool{
	"au": true, "at": true, "as": true, "of": true, "on": true, "per": true, "em": true, "am": true, "vom": true, "zum": true, "al": true, "a": true, "le": true, "en": true, "op": true, "na": true, "ke": true, "eur": true,
}

// What a balance is called, and what stands beside that: a text of nothing but these names
// a balance ("Saldo total em conta corrente").
var (
	balanceNouns = set(`saldo solde balance kontostand saldot egyenleg zůstatek zostatok bakiye bakiyesi остаток остатък залишок салдо υπόλοιπο stanje sdo saldoul sold`)
	balanceKinds = set(`anterior dia do da de del em e en conta cta corrente aplic aplicação inicial final finale iniziale atual actual parcial disponível disponivel disponible disponibile total totale contábil contabil contabile bloqueado previo
		opening closing beginning ending starting previous ledger available current new brought carried forward b c f running statement account bf cf
		anfang anfangs end schluss alter neuer aktueller letzter buchungs précédent precedent initial ancien nouveau créditeur débiteur au le d ouverture clôture reporté comptable
		precedente begin eind vorig nieuw oud początkowe końcowe počáteční konečný počiatočný nyitó záró ingående utgående inngående açılış kapanış devreden devir
		am vom zum per ende anfang monatsende monatsanfang jahresende month end year as of at mes fin mois
		входящий исходящий начальный конечный на начало конец`)
)

// isBalance reports whether a text names a balance and nothing else.
func isBalance(text string) bool {
	if len(text) > maxShort {
		return false
	}
	words := strings.Fields(letters(text))
	if len(words) > 2 && !slices.ContainsFunc(words, func(word string) bool { return utf8.RuneCountInString(word) > 1 }) { // S A L D O
		words = []string{strings.Join(words, "")}
	}
	if balances[strings.Join(words, " ")] {
		return true
	}
	words = slices.DeleteFunc(words, func(word string) bool { return strings.Trim(word, "0123456789") == "" })
	for len(words) > 0 && besideBalance[words[len(words)-1]] {
		words = words[:len(words)-1]
	}
	if balances[strings.Join(words, " ")] {
		return true
	}
	noun := false
	for _, word := range words {
		word = fold(word)
		noun = noun || balanceNouns[word]
		if !balanceNouns[word] && !balanceKinds[word] {
			return false
		}
	}
	return noun
}

// FormatOf tells a statement's format from how it begins; what is none of the others
// is taken for CSV.
func FormatOf(sample []byte) Format {
	start := strings.ToUpper(string(sample[:min(len(sample), 4096)]))
	start = strings.TrimLeft(start, "\ufeff \t\r\n")
	switch {
	case strings.HasPrefix(start, "OFXHEADER"), strings.Contains(start, "<OFX>"), strings.Contains(start, "<?OFX"),
		strings.Contains(start, "<BANKTRANLIST>"), strings.Contains(start, "<STMTTRN>"):
		return OFX
	case strings.HasPrefix(start, "!TYPE:"), strings.HasPrefix(start, "!ACCOUNT"),
		strings.HasPrefix(start, "!OPTION:"), strings.HasPrefix(start, "!CLEAR:"):
		return QIF
	case startCAMT.MatchString(start):
		return CAMT
	case startMT940.MatchString(start):
		return MT940
	}
	return CSV
}

// sink collects what a parser finds.
type sink struct {
	lines []Line
	bad   []Bad

	want     string   // the account whose movements are kept; empty: the only one
	accounts []string // that the file names, in its order
	current  string   // the account of what is added
}

const maxAccounts = 100 // of a file, that are told

// in says whose movements follow: an account's number with what else tells it apart.
func (s *sink) in(account ...string) {
	account = slices.DeleteFunc(account, func(part string) bool { return part == "" })
	s.current = clean(strings.Join(account, " "), maxShort)
	if s.current != "" && len(s.accounts) < maxAccounts && !slices.Contains(s.accounts, s.current) {
		s.accounts = append(s.accounts, s.current)
	}
}

// chosen says whether it is settled whose movements were kept.
func (s *sink) chosen() error {
	switch {
	case s.want == "" && len(s.accounts) > 1:
		return invalid("account", "is missing: the file holds more than one account: choose one of %s", strings.Join(s.accounts, ", "))
	case s.want != "" && !slices.Contains(s.accounts, s.want):
		if len(s.accounts) == 0 {
			return invalid("account", "must be left out: the file names no account")
		}
		return invalid("account", "%s is not in the file: it holds %s", quote(s.want), strings.Join(s.accounts, ", "))
	}
	return nil
}

// other reports whether what is read belongs to an account that is not asked for. In
// a file of several of which none is chosen nothing is kept: it will be refused.
func (s *sink) other() bool {
	if s.want == "" {
		return len(s.accounts) > 1
	}
	return s.current != "" && s.current != s.want
}

func (s *sink) add(l Line) {
	switch {
	case s.other():
		return
	case s.want != "" && s.current == "":
		s.refuse(l.Number, "the file does not say to which account this belongs")
		return
	}
	l.Description = clean(l.Description, MaxText)
	l.Category = clean(l.Category, maxShort)
	l.Reference = clean(l.Reference, maxShort)
	l.Transfer = clean(l.Transfer, maxShort)
	l.Currency = strings.ToUpper(strings.TrimSpace(l.Currency))
	if l.Currency != "" && !money.ValidCurrency(l.Currency) {
		s.refuse(l.Number, "%s is not a currency's code such as EUR", quote(l.Currency))
		return
	}
	s.lines = append(s.lines, l)
}

func (s *sink) refuse(number int, reason string, args ...any) {
	if s.other() {
		return
	}
	s.bad = append(s.bad, Bad{Number: number, Reason: fmt.Sprintf(reason, args...)})
}

// unique drops references that the file has more than once: a bank that gives one to
// a whole batch, or to a day, marks no movement by it.
func (s *sink) unique() {
	count := map[string]int{}
	for _, l := range s.lines {
		count[l.Reference]++
	}
	for i, l := range s.lines {
		if count[l.Reference] > 1 {
			s.lines[i].Reference = ""
		}
	}
}

// full reports whether a file has more than is read at most: parsers then stop.
func (s *sink) full() error {
	if max(len(s.lines), len(s.bad)) <= MaxMovements {
		return nil
	}
	return invalid("file", "has more than %d movements, and at most so many are imported at once: export a shorter time, several files one after the other", MaxMovements)
}

// contradiction refuses a file whose movements do not lead from one balance to the next:
// one is missing or twice, or was read as something else.
func contradiction(line int, sum, change decimal.Decimal) error {
	if sum.Equal(change) {
		return nil
	}
	return invalid("file", "the movements of the statement on line %d add up to %s, but its balances differ by %s, so that %s is missing or too much: download it again",
		line, money.Format(sum), money.Format(change), money.Format(sum.Sub(change).Abs()))
}

func invalid(field, reason string, args ...any) error {
	return apperror.Invalid{Field: field, Reason: fmt.Sprintf(reason, args...)}
}
