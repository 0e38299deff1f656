package imports

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/merchant"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/finance/statement"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// known is what the ledger knows of a file's lines.
type known struct {
	fingerprints []string
	// duplicates tell of each line why it is one, or hold "".
	duplicates []string
	filing     filing
}

func (k known) category(l statement.Line) string { return k.filing.category(l) }

// recall looks up what the ledger knows of lines. It is called within db.AsUser.
func recall(ctx context.Context, tx pgx.Tx, user, wallet uuid.UUID, lines []statement.Line) (known, error) {
	q := backenddb.New(tx)
	k := known{fingerprints: statement.Fingerprints(lines)}
	imported, err := q.Imported(ctx, user, wallet, k.fingerprints)
	if err != nil {
		return k, err
	}
	var entered []backenddb.EnteredByHandRow
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
		if entered, err = q.EnteredByHand(ctx, backenddb.EnteredByHandParams{
			UserID: user, WalletID: wallet, Since: day(first), Until: day(last).AddDate(0, 0, 1),
		}); err != nil {
			return k, err
		}
	}
	k.duplicates = duplicates(lines, k.fingerprints, imported, byHand(entered, wallet))
	filed, err := q.Filed(ctx, user)
	if err != nil {
		return k, err
	}
	categories, err := q.Categories(ctx, user, false)
	k.filing = file(filed, categories)
	return k, err
}

func day(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// byHand writes what was entered as a bank would write it.
func byHand(rows []backenddb.EnteredByHandRow, wallet uuid.UUID) []statement.Line {
	var lines []statement.Line
	for _, row := range rows {
		amount := row.Amount
		switch {
		case row.WalletID != wallet && row.ToAmount != nil: // a transfer arrives
			amount = *row.ToAmount
		case row.WalletID != wallet:
		case row.Type != event.Income:
			amount = amount.Neg()
		}
		lines = append(lines, statement.Line{At: row.OccurredAt, Amount: amount, Description: row.Description})
	}
	return lines
}

// Why a line is a duplicate.
const (
	importedBefore = "was imported before"
	twiceInFile    = "is in this file twice"
	enteredBefore  = "was entered already: same day, amount and description"
)

// duplicates tells of each line why it is one, or "". imported holds the
// fingerprints that the wallet knows, hand what was entered by hand; that has no
// reference of a bank's, so it is compared by its text.
func duplicates(lines []statement.Line, fingerprints, imported []string, hand []statement.Line) []string {
	set := func(all []string) map[string]bool {
		found := map[string]bool{}
		for _, one := range all {
			found[one] = true
		}
		return found
	}
	plain := make([]statement.Line, len(lines))
	for i, l := range lines {
		l.Reference = ""
		plain[i] = l
	}
	before, written, texts := set(imported), set(statement.Fingerprints(hand)), statement.Fingerprints(plain)
	seen := map[string]bool{}
	why := make([]string, len(lines))
	for i := range lines {
		switch {
		case before[fingerprints[i]]:
			why[i] = importedBefore
		case seen[fingerprints[i]]:
			why[i] = twiceInFile
		case lines[i].Description != "" && written[texts[i]]:
			why[i] = enteredBefore
		}
		seen[fingerprints[i]] = true
	}
	return why
}

// filing tells the category of a line.
type filing struct {
	merchants map[[2]string]string // by type and merchant
	banks     map[[2]string]string // by type and the bank's word, as a slug
	kinds     map[string]string    // of the categories, by slug
}

// file learns from how transactions were filed before, of a merchant as most
// often and then as latest, and from the categories' names.
func file(filed []backenddb.FiledRow, categories []backenddb.Category) filing {
	f := filing{map[[2]string]string{}, map[[2]string]string{}, map[string]string{}}
	open := map[string]bool{}
	for _, c := range categories {
		open[c.Slug] = true
		f.kinds[c.Slug] = c.Kind
		f.banks[[2]string{c.Kind, c.Slug}] = c.Slug
		f.banks[[2]string{c.Kind, ledger.Slug(c.Name)}] = c.Slug
	}
	times := map[[3]string]int64{}
	for _, row := range filed { // the latest first: of equally many, the first stays
		if !open[row.Category] || row.Type == event.Expense && f.kinds[row.Category] == event.Income {
			continue
		}
		for _, name := range names(row.Description) {
			who := [2]string{row.Type, name}
			times[[3]string{row.Type, name, row.Category}] += row.Times
			if best, known := f.merchants[who]; !known || times[[3]string{row.Type, name, row.Category}] > times[[3]string{row.Type, name, best}] {
				f.merchants[who] = row.Category
			}
		}
	}
	return f
}

// names are those of the merchant in a description, the closest first: the whole
// one and, since what follows is mostly a town, its first two words.
func names(description string) []string {
	name := merchant.Normalise(description)
	words := strings.Fields(name)
	switch {
	case len(words) == 0:
		return nil
	case len(words) > 2:
		return []string{name, strings.Join(words[:2], " ")}
	}
	return []string{name}
}

// category is where a line is filed: as its merchant before, else as the bank
// says, else among the others.
func (f filing) category(l statement.Line) string {
	kind, _ := direction(l)
	for _, name := range names(l.Description) {
		if category, known := f.merchants[[2]string{kind, name}]; known {
			return category
		}
	}
	if category, known := f.banks[[2]string{kind, ledger.Slug(strings.TrimSpace(l.Category))}]; known {
		return category
	}
	if kind == event.Income {
		return ledger.OtherIncome
	}
	return ledger.Other
}
