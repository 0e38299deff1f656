package imports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/finance/statement"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Again is an earlier import of the same file, or of its movements, which was not undone.
type Again struct {
	ImportID uuid.UUID `json:"importId"`
	WalletID uuid.UUID `json:"walletId" doc:"Into which it was imported"`
	Wallet   string    `json:"wallet" doc:"This wallet's name"`
	FileName string    `json:"fileName"`
	At       time.Time `json:"at"`
	Rows     int       `json:"rows" doc:"Transactions that it brought and that are still there"`
	Same     string    `json:"same" enum:"file,movements" doc:"file: the same bytes; movements: the same days and amounts, as when a file is downloaded or saved once more"`
}

// Values of Again.Same.
const (
	sameFile      = "file"
	sameMovements = "movements"
)

// importAgain is the answer that a file which was imported before is wanted.
const importAgain = "import"

// digests are by what a file is known when it comes again.
type digests struct {
	file string // of its bytes, with the account that was chosen of it
	// movements is of days and amounts; empty without any.
	movements string
}

// fewMovements is below how many days and amounts alone do not tell files apart: two
// accounts may have the same fee on the same day.
const fewMovements = 5

// digestsOf returns a file's digests. lines are all that it holds by the mapping,
// whatever a wallet can take of them.
func (f File) digestsOf(mapping statement.Mapping, lines []statement.Line) digests {
	sum := func(parts ...string) string {
		h := sha256.New()
		for _, part := range parts {
			fmt.Fprintf(h, "%d\n%s", len(part), part)
		}
		return hex.EncodeToString(h.Sum(nil))
	}
	d := digests{file: sum("1", mapping.Account, string(f.File))}
	if len(lines) == 0 {
		return d
	}
	movements := make([]string, len(lines))
	for i, l := range lines {
		movements[i] = l.At.Format(time.DateOnly) + " " + money.Format(l.Amount)
		if len(lines) < fewMovements {
			l.Reference = "" // a bank may give another one each time
			movements[i] = statement.Fingerprint(l, 1)
		}
	}
	slices.Sort(movements)
	d.movements = sum(append([]string{"1"}, movements...)...)
	return d
}

// again finds the imports of the same file. It is called within db.AsUser.
func (d digests) again(ctx context.Context, q *backenddb.Queries, user uuid.UUID) ([]Again, error) {
	rows, err := q.SameFiles(ctx, user, d.file, d.movements)
	found := []Again{}
	for _, row := range rows {
		one := Again{row.ID, row.WalletID, row.Wallet, row.FileName, row.CreatedAt.UTC(), int(row.Present), sameMovements}
		if row.FileDigest != nil && *row.FileDigest == d.file {
			one.Same = sameFile
		}
		found = append(found, one)
	}
	return found, err
}

// wanted refuses an import that would book a file's movements once more, unless the
// person says that they want it. taken are the lines that would be booked, by index.
func (n New) wanted(before []Again, lines []statement.Line, taken []int) error {
	if n.Again == importAgain {
		return nil
	}
	before = slices.DeleteFunc(slices.Clone(before), func(a Again) bool {
		return a.WalletID == n.WalletID && n.Duplicates == importAgain
	})
	named := func(i int) bool { return slices.Contains(n.Import, lines[i].Number) }
	if len(before) == 0 || !slices.ContainsFunc(taken, func(i int) bool { return !named(i) }) {
		return nil
	}
	what, a := "this file", before[0]
	if a.Same == sameMovements {
		what = "a file with the same days and amounts"
	}
	return apperror.Invalid{Field: "again", Reason: fmt.Sprintf(
		"%s was imported into the wallet %q on %s, and %d of its transactions are still there: undo that import (DELETE /api/v1/imports/%s), or say import here if they are to be booked in this wallet as well",
		what, a.Wallet, a.At.Format(time.DateOnly), a.Rows, a.ImportID)}
}
