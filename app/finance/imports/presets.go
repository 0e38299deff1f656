package imports

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/wealth-companion/companion/app/finance/statement"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// preset is what a person answered about earlier files of a wallet that look the same.
type preset struct {
	answers  statement.Answers
	accounts []Account
}

// asked is what a file's proposal comes to with the answers that are known.
type asked struct {
	proposal statement.Proposal
	mapping  statement.Mapping
	// open are the questions that nobody answered, remembered those that are answered as
	// for an earlier file.
	open       []statement.Ambiguity
	remembered []statement.Field
	preset     preset
	header     string
}

// maxPresets is how many kinds of files are remembered of a wallet.
const maxPresets = 20

// ask returns what is open of a file. A wallet that is not there is told later.
func (s *Imports) ask(ctx context.Context, user uuid.UUID, f File, proposal statement.Proposal) (asked, error) {
	a := asked{proposal: proposal, header: headerOf(proposal)}
	card := false
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		ends, err := q.Ends(ctx, user, []uuid.UUID{f.WalletID})
		if err != nil {
			return err
		}
		card = len(ends) == 1 && ends[0].Type == "credit"
		row, err := q.ImportPreset(ctx, backenddb.ImportPresetParams{UserID: user, WalletID: f.WalletID, Format: string(f.format()), Header: a.header})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return errors.Join(json.Unmarshal(row.Answers, &a.preset.answers), json.Unmarshal(row.Accounts, &a.preset.accounts))
	})
	if err != nil {
		return a, err
	}
	if card {
		a.proposal.OfCard()
	}
	a.proposal.Doubt(a.preset.answers)
	a.mapping, a.remembered = a.proposal.Recall(a.preset.answers)
	if f.Mapping != nil {
		a.mapping = *f.Mapping
		a.remembered = a.proposal.Recalled(a.mapping, a.preset.answers)
	}
	a.open = a.proposal.Open(a.mapping, append(slices.Clone(f.Answered), a.remembered...))
	return a, nil
}

// headerOf is what files of one kind have in common: the names of their columns, or how
// many there are.
func headerOf(p statement.Proposal) string {
	kind := "none"
	switch {
	case len(p.Header) > 0:
		kind = strings.ToLower(strings.Join(p.Header, "\n"))
	case len(p.Rows) > 0:
		kind = fmt.Sprintf("#%d", len(p.Rows[0]))
	}
	sum := sha256.Sum256([]byte(kind))
	return hex.EncodeToString(sum[:])
}

// learn keeps what was answered about a file that was imported.
func (a asked) learn(ctx context.Context, q *backenddb.Queries, user uuid.UUID, done Import, named []NamedAccount) error {
	answers, accounts := a.proposal.Answered(a.mapping, a.preset.answers), a.learnAccounts(named)
	if len(answers)+len(accounts)+len(a.preset.answers) == 0 || reflect.DeepEqual(answers, a.preset.answers) && reflect.DeepEqual(accounts, a.preset.accounts) {
		return nil
	}
	said, err := json.Marshal(answers)
	if err != nil {
		return err
	}
	its, err := json.Marshal(accounts)
	if err != nil {
		return err
	}
	if err := q.PutImportPreset(ctx, backenddb.PutImportPresetParams{
		UserID: user, WalletID: done.WalletID, Format: done.Format, Header: a.header, Answers: said, Accounts: its, ImportID: done.ID, UpdatedAt: time.Now().UTC(),
	}); err != nil {
		return err
	}
	return q.TrimImportPresets(ctx, user, done.WalletID, maxPresets)
}

// learnAccounts returns the accounts that are known after a file.
func (a asked) learnAccounts(named []NamedAccount) []Account {
	known := map[string]Account{}
	for _, one := range a.preset.accounts {
		known[accountKey(one.Name)] = one
	}
	for _, one := range named {
		if one.Known == fromAnswer && (len(known) < maxAccounts || known[accountKey(one.Name)].Name != "") {
			known[accountKey(one.Name)] = one.Account
		}
	}
	accounts := []Account{}
	for _, key := range slices.Sorted(maps.Keys(known)) {
		accounts = append(accounts, known[key])
	}
	return accounts
}
