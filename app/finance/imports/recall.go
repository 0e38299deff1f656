package imports

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/merchant"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/finance/matching"
	"github.com/wealth-companion/companion/app/finance/statement"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// known is what the ledger knows of a file's lines.
type known struct {
	fingerprints []string
	// duplicates tell of each line why it is certainly there already, or hold "".
	duplicates []string
	// probable are the lines that are probably there already, by their index.
	probable map[int]likeness
	// skipped are the lines that the person left out of an earlier import, by index.
	skipped map[int]bool
	// moves are the lines that are transfers to or from a known wallet, by index.
	moves  map[int]*move
	filing filing
}

// likeness is what a line probably is, and what speaks for it.
type likeness struct {
	transaction uuid.UUID
	wallet      uuid.UUID
	elsewhere   bool // an import into another wallet brought it
	reason      string
}

func (k known) category(l statement.Line) string { return k.filing.category(l) }

// Banks book up to a week after a purchase and people note it up to days late:
// transactions so far from a file's days may be lines of it.
const (
	daysBefore = 7
	daysAfter  = 3
)

// recall looks up what the ledger knows of lines of a wallet of a currency, of which
// moves are transfers. It is called within db.AsUser.
func recall(ctx context.Context, tx pgx.Tx, user, wallet uuid.UUID, currency string, lines []statement.Line, moves map[int]*move, filing filing) (known, error) {
	q := backenddb.New(tx)
	k := known{fingerprints: statement.Fingerprints(lines), moves: moves, filing: filing}
	imported, err := q.Imported(ctx, user, wallet, k.fingerprints)
	if err != nil {
		return k, err
	}
	skipped, err := q.Skipped(ctx, user, wallet, k.fingerprints)
	if err != nil {
		return k, err
	}
	var nearby []backenddb.NearbyRow
	var others []backenddb.OtherSidesRow
	var elsewhere []backenddb.ImportedElsewhereRow
	if len(lines) > 0 {
		first, last := lines[0].At, lines[0].At
		for _, l := range lines {
			if l.At.Before(first) {
				first = l.At
			}
			if l.At.After(last) {
				last = l.At
			}
		}
		if nearby, err = q.Nearby(ctx, backenddb.NearbyParams{
			UserID: user, WalletID: wallet, Currency: currency, Since: day(first).AddDate(0, 0, -daysBefore), Until: day(last).AddDate(0, 0, daysAfter),
		}); err != nil {
			return k, err
		}
		if elsewhere, err = q.ImportedElsewhere(ctx, backenddb.ImportedElsewhereParams{
			UserID: user, WalletID: wallet, Fingerprints: k.fingerprints, Amounts: amountsOf(lines), Since: day(first), Until: day(last),
		}); err != nil {
			return k, err
		}
		if len(moves) > 0 {
			if others, err = q.OtherSides(ctx, backenddb.OtherSidesParams{
				UserID: user, WalletIds: otherWallets(moves), Since: day(first).AddDate(0, 0, -sidesApart), Until: day(last).AddDate(0, 0, sidesApart),
			}); err != nil {
				return k, err
			}
		}
	}
	k.compare(lines, imported, skipped, nearby, elsewhere, wallet)
	k.join(lines, others)
	return k, nil
}

// filing learns from the user's ledger where lines are filed. Reading thousands of descriptions
// takes seconds where a processor has much to do, so that it must be in no transaction.
func (s *Imports) filing(ctx context.Context, user uuid.UUID, lines []statement.Line) (filing, error) {
	var filed []backenddb.FiledRow
	var categories []backenddb.Category
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) (err error) {
		q := backenddb.New(tx)
		if filed, err = q.Filed(ctx, user); err != nil {
			return err
		}
		categories, err = q.Categories(ctx, user, false)
		return err
	})
	if err != nil {
		return filing{}, err
	}
	return file(lines, filed, categories), nil
}

func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// movement is what a transaction did to a wallet, as a bank would write it.
func movement(row backenddb.NearbyRow, wallet uuid.UUID) matching.Movement {
	amount := row.Amount
	switch {
	case row.Type == event.Transfer && row.WalletID != wallet: // it arrives
		if row.ToAmount != nil {
			amount = *row.ToAmount
		}
	case row.Type != event.Income:
		amount = amount.Neg()
	}
	return matching.Movement{Day: row.Date, Amount: amount, Description: row.Description}
}

func origin(row backenddb.NearbyRow, wallet uuid.UUID) matching.Origin {
	switch {
	case row.ImportedInto != nil && *row.ImportedInto == wallet:
		return matching.Imported
	case row.Type == event.Transfer:
		return matching.Moved
	case row.WalletID != wallet:
		return matching.Elsewhere
	case row.ImportID != nil:
		return matching.Imported
	default:
		return matching.Entered
	}
}

// Why a line is a duplicate.
const (
	importedBefore = "was imported before"
	twiceInFile    = "is in this file twice"
	enteredBefore  = "was entered already: same day, amount and description"
	skippedBefore  = "was left out before, for it is there already"
	otherSideThere = "is the other side of a transfer that the other account's statement brought"
)

// compare finds the lines that are certainly and those that are probably there
// already. Certain is what was imported with the same fingerprint, and what was
// entered on the same day with the same amount and text, which has no reference of
// a bank's and is compared without.
func (k *known) compare(lines []statement.Line, imported []backenddb.ImportedRow, skipped []backenddb.SkippedRow, nearby []backenddb.NearbyRow, elsewhere []backenddb.ImportedElsewhereRow, wallet uuid.UUID) {
	before, left, taken := map[string]bool{}, map[string]bool{}, map[uuid.UUID]bool{}
	for _, one := range imported {
		before[one.Fingerprint], taken[one.ID] = true, true
	}
	for _, one := range skipped {
		left[one.Fingerprint], taken[one.TransactionID] = true, true
	}
	written := entered(nearby, wallet)
	plain := make([]statement.Line, len(lines))
	for i, l := range lines {
		l.Reference = ""
		plain[i] = l
	}
	texts, seen := statement.Fingerprints(plain), map[string]bool{}
	k.duplicates, k.skipped = make([]string, len(lines)), map[int]bool{}
	certain, movements := make([]bool, len(lines)), make([]matching.Movement, len(lines))
	for i, l := range lines {
		same, is := written[texts[i]]
		switch {
		case before[k.fingerprints[i]]:
			k.duplicates[i] = importedBefore
		case seen[k.fingerprints[i]]:
			k.duplicates[i] = twiceInFile
		case left[k.fingerprints[i]]:
			k.duplicates[i], k.skipped[i] = skippedBefore, true
		case l.Description != "" && is:
			k.duplicates[i] = enteredBefore
			taken[same] = true
		}
		seen[k.fingerprints[i]] = true
		movements[i] = matching.Movement{Day: day(l.At), Amount: l.Amount, Description: l.Description}
	}
	for i, j := range k.arrived(lines, nearby, wallet) {
		k.duplicates[i] = otherSideThere
		taken[nearby[j].ID] = true
	}
	for i := range lines {
		certain[i] = k.duplicates[i] != ""
	}
	k.probable = map[int]likeness{}
	for i, row := range k.sameElsewhere(elsewhere) {
		k.probable[i] = likeness{row.ID, row.WalletID, true, fmt.Sprintf("the same line was imported into the wallet %q", row.Wallet)}
		certain[i], taken[row.ID] = true, true
	}
	rows := make([]matching.Row, 0, len(nearby)+len(elsewhere))
	for _, row := range nearby {
		rows = append(rows, matching.Row{Movement: movement(row, wallet), Origin: origin(row, wallet), Taken: taken[row.ID]})
	}
	for _, row := range elsewhere {
		rows = append(rows, matching.Row{Movement: movement(nearbyOf(row), row.ImportedInto), Origin: matching.ImportedElsewhere, Taken: taken[row.ID]})
	}
	for _, pair := range matching.Duplicates(k.filing.reader, movements, certain, rows) {
		if pair.Row < len(nearby) {
			row := nearby[pair.Row]
			k.probable[pair.Line] = likeness{row.ID, row.WalletID, false, pair.Reason}
			continue
		}
		row := elsewhere[pair.Row-len(nearby)]
		k.probable[pair.Line] = likeness{row.ID, row.WalletID, true, fmt.Sprintf("%s (imported into %q)", pair.Reason, row.Wallet)}
	}
}

// sameElsewhere finds the lines that were imported into another wallet.
func (k *known) sameElsewhere(elsewhere []backenddb.ImportedElsewhereRow) map[int]backenddb.ImportedElsewhereRow {
	rows, found := map[string]backenddb.ImportedElsewhereRow{}, map[int]backenddb.ImportedElsewhereRow{}
	for _, row := range elsewhere {
		rows[row.Fingerprint] = row
	}
	for i, fingerprint := range k.fingerprints {
		if row, is := rows[fingerprint]; is && k.duplicates[i] == "" {
			found[i] = row
		}
	}
	return found
}

// nearbyOf is a row as if it touched the wallet into which it was imported.
func nearbyOf(row backenddb.ImportedElsewhereRow) backenddb.NearbyRow {
	return backenddb.NearbyRow{
		ID: row.ID, WalletID: row.WalletID, ToWalletID: row.ToWalletID, Type: row.Type, Amount: row.Amount, ToAmount: row.ToAmount,
		Description: row.Description, Date: row.Date, ImportedInto: &row.ImportedInto,
	}
}

func amountsOf(lines []statement.Line) []decimal.Decimal {
	amounts, seen := []decimal.Decimal{}, map[string]bool{}
	for _, l := range lines {
		amount := l.Amount.Abs()
		if key := amount.String(); !seen[key] {
			seen[key] = true
			amounts = append(amounts, amount)
		}
	}
	return amounts
}

// entered are the transactions that were entered for the wallet by no import, by
// what the fingerprints of their lines would be.
func entered(nearby []backenddb.NearbyRow, wallet uuid.UUID) map[string]uuid.UUID {
	var lines []statement.Line
	var ids []uuid.UUID
	for _, row := range nearby {
		if o := origin(row, wallet); row.ImportID == nil && o != matching.Elsewhere {
			m := movement(row, wallet)
			lines, ids = append(lines, statement.Line{At: m.Day, Amount: m.Amount, Description: m.Description}), append(ids, row.ID)
		}
	}
	found := map[string]uuid.UUID{}
	for i, fingerprint := range statement.Fingerprints(lines) {
		found[fingerprint] = ids[i]
	}
	return found
}

// filing tells the category of a line.
type filing struct {
	wording   merchant.Wording
	merchants map[[2]string]string // by type and merchant
	banks     map[[2]string]string // by type and the bank's word, as a slug
	kinds     map[string]string    // of the categories, by slug
	fees      string               // the category of banks' fees
	// purchases are what was paid to merchants, by the first word of their names, the
	// latest first.
	purchases map[string][]purchase
	// reader has read the descriptions of the file and of what was filed, and named are the
	// merchants' names in them.
	reader *merchant.Reader
	named  map[string]string
}

// purchase is what was paid to a merchant and filed under a category.
type purchase struct {
	name, category string
	largest        decimal.Decimal // the most that was paid at once
}

// file learns from how transactions were filed before, of a merchant as most
// often and then as latest, and from the categories' names.
func file(lines []statement.Line, filed []backenddb.FiledRow, categories []backenddb.Category) filing {
	reader := merchant.NewReader()
	f := filing{wordingOf(reader, lines, filed), map[[2]string]string{}, map[[2]string]string{}, map[string]string{}, ledger.Other, map[string][]purchase{}, reader, map[string]string{}}
	for _, l := range lines {
		f.name(l.Description)
	}
	open := map[string]bool{}
	for _, c := range categories {
		open[c.Slug] = true
		f.kinds[c.Slug] = c.Kind
		f.banks[[2]string{c.Kind, c.Slug}] = c.Slug
		f.banks[[2]string{c.Kind, ledger.Slug(c.Name)}] = c.Slug
		if f.fees == ledger.Other && c.Kind == event.Expense && statement.IsFee(c.Name) {
			f.fees = c.Slug
		}
	}
	times := map[[3]string]int64{}
	for _, row := range filed { // the latest first: of equally many, the first stays
		if !open[row.Category] || row.Type == event.Expense && f.kinds[row.Category] == event.Income {
			continue
		}
		if name := f.name(row.Description); name != "" && row.Type == event.Expense && f.kinds[row.Category] == event.Expense {
			first := strings.Fields(name)[0]
			f.purchases[first] = append(f.purchases[first], purchase{name, row.Category, row.Largest})
		}
		for _, name := range f.names(row.Description) {
			who := [2]string{row.Type, name}
			times[[3]string{row.Type, name, row.Category}] += row.Times
			if best, known := f.merchants[who]; !known || times[[3]string{row.Type, name, row.Category}] > times[[3]string{row.Type, name, best}] {
				f.merchants[who] = row.Category
			}
		}
	}
	return f
}

// mostTimes is how often a description counts at the most for the wording.
const mostTimes = 20

// wordingOf learns what the person's banks write around names, from what was filed
// and from the file.
func wordingOf(reader *merchant.Reader, lines []statement.Line, filed []backenddb.FiledRow) merchant.Wording {
	var descriptions []string
	for _, row := range filed {
		for range min(row.Times, mostTimes) {
			descriptions = append(descriptions, row.Description)
		}
	}
	for _, l := range lines {
		descriptions = append(descriptions, l.Description)
	}
	return reader.Learn(descriptions)
}

// name is the merchant's in a description; "" when there is none.
func (f filing) name(description string) string {
	name, known := f.named[description]
	if !known {
		name = f.wording.Name(f.reader.Words(description))
		f.named[description] = name
	}
	return name
}

// names are those of the merchant in a description, the closest first: the whole
// one and, since what follows is mostly a town, its first two words.
func (f filing) names(description string) []string {
	name := f.name(description)
	words := strings.Fields(name)
	switch {
	case len(words) == 0:
		return nil
	case len(words) > 2:
		return []string{name, strings.Join(words[:2], " ")}
	}
	return []string{name}
}

// category is where a line is filed: a fee among the fees, else as its merchant before, else as the bank
// says, else among the others. What comes from a merchant who was paid as much
// before is a refund, filed where the purchases are.
func (f filing) category(l statement.Line) string {
	if l.Fee {
		return f.fees
	}
	kind, _ := direction(l)
	for _, name := range f.names(l.Description) {
		if category, known := f.merchants[[2]string{kind, name}]; known {
			return category
		}
	}
	if category, is := f.refunded(l); is && kind == event.Income {
		return category
	}
	if category, known := f.banks[[2]string{kind, ledger.Slug(strings.TrimSpace(l.Category))}]; known {
		return category
	}
	if kind == event.Income {
		return ledger.OtherIncome
	}
	return ledger.Other
}

// refunded returns the category of the latest purchase that a line may refund: at
// the same merchant, of as much at least. One name may go on where the other ends,
// for what banks write behind it is mostly a town.
func (f filing) refunded(l statement.Line) (category string, is bool) {
	name := f.name(l.Description)
	if name == "" {
		return "", false
	}
	for _, p := range f.purchases[strings.Fields(name)[0]] {
		if p.largest.GreaterThanOrEqual(l.Amount) && (strings.HasPrefix(name+" ", p.name+" ") || strings.HasPrefix(p.name+" ", name+" ")) {
			return p.category, true
		}
	}
	return "", false
}
