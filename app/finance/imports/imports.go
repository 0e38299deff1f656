// Package imports takes banks' statements into the ledger: what a file would
// bring is shown first, what was brought can be taken out again.
package imports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/calendar"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/limits"
	"github.com/wealth-companion/companion/app/core/money"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/finance/statement"
	"github.com/wealth-companion/companion/app/store/db"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
	"github.com/wealth-companion/companion/app/store/idempotency"
	"github.com/wealth-companion/companion/app/store/pagination"
)

// What is taken and told at most.
const (
	MaxRows = statement.MaxMovements // of a file: they go in within one database transaction
	maxBad  = 100                    // bad lines that are told one by one
	shown   = 20                     // rows of a preview

	maxJoined = 1000 // transfers of a file that are joined with their other sides
)

// Imports takes statements in.
type Imports struct {
	Pool   *pgxpool.Pool
	Ledger *ledger.Ledger
}

// File is a statement, and how it is to be read.
type File struct {
	WalletID uuid.UUID          `json:"walletId" format:"uuid"`
	Format   string             `json:"format,omitempty" enum:"csv,ofx,camt,mt940,qif" doc:"Without it, told from the file"`
	FileName string             `json:"fileName,omitempty" maxLength:"200" doc:"For the list of imports"`
	File     []byte             `json:"file" doc:"The statement as the bank gave it, in base64"`
	Mapping  *statement.Mapping `json:"mapping,omitempty" doc:"Which columns hold what; without it, as a preview proposes"`
	Answered []statement.Field  `json:"answered,omitempty" maxItems:"20" enum:"file,encoding,account,date,dateLayout,amount,debit,direction,minus,decimalMark,inverted,currency,fee,feeMode,description,accounts" doc:"Fields of a preview's ambiguities for which the proposed value is right. A field of the mapping that has another value is answered by it"`
	Accounts []Account          `json:"accounts,omitempty" maxItems:"100" doc:"Which wallets the accounts are that the statement names as the other side of transfers (QIF). Without them, those that are called the same"`
}

// New is a statement that is to be imported.
type New struct {
	File
	BadLines   string `json:"badLines,omitempty" enum:"skip,refuse" doc:"What one bad line does: skip (without it) leaves it out, refuse has nothing imported"`
	Duplicates string `json:"duplicates,omitempty" enum:"skip,import" doc:"What becomes of what is there already; without it, skip. With import, what is only probably there is imported too"`
	Probable   string `json:"probable,omitempty" enum:"skip,import" doc:"What becomes of lines that are probably there already, as a preview lists them, and that skip and import do not name. Needed when there are any"`
	Skip       []int  `json:"skip,omitempty" maxItems:"5000" doc:"Lines that are probably there already and are left out, by their number in the file"`
	Again      string `json:"again,omitempty" enum:"import" doc:"Needed where a preview's again is not empty and lines would be booked: import says that the movements belong to this wallet as well. Lines that are probably there already, in another wallet, are then imported unless probable or skip say otherwise"`
	Import     []int  `json:"import,omitempty" maxItems:"5000" doc:"Lines that are probably there already and are imported all the same"`
}

// BadLine is a line that cannot be imported.
type BadLine struct {
	Line   int    `json:"line" doc:"The file's line, from 1"`
	Reason string `json:"reason"`
}

// Import is what became of a file.
type Import struct {
	ID         uuid.UUID  `json:"id"`
	WalletID   uuid.UUID  `json:"walletId"`
	Format     string     `json:"format" enum:"csv,ofx,camt,mt940,qif"`
	FileName   string     `json:"fileName"`
	Imported   int        `json:"imported" doc:"Transactions it brought"`
	Duplicates int        `json:"duplicates" doc:"Lines that were there already, and were left out"`
	Bad        int        `json:"bad" doc:"Lines that could not be read, and were left out"`
	BadLines   []BadLine  `json:"badLines" doc:"The first of these, at most 100"`
	CreatedAt  time.Time  `json:"createdAt"`
	UndoneAt   *time.Time `json:"undoneAt,omitempty" doc:"When its transactions were deleted again"`
}

// Ambiguity is what a file does not settle and a person must.
type Ambiguity struct {
	Field   statement.Field `json:"field" enum:"file,encoding,account,date,dateLayout,amount,debit,direction,minus,decimalMark,inverted,currency,fee,feeMode,description,accounts" doc:"A field of the mapping; file: the file itself; accounts: a field of the request"`
	Reason  string          `json:"reason"`
	Choices []string        `json:"choices" doc:"Values that fit; may be empty"`
}

// Row is a line as it would be imported.
type Row struct {
	Line        int          `json:"line" doc:"The file's line, from 1"`
	Timestamp   time.Time    `json:"timestamp"`
	Type        string       `json:"type" enum:"income,expense,transfer"`
	Amount      money.Amount `json:"amount"`
	OtherWallet *uuid.UUID   `json:"otherWalletId,omitempty" doc:"Of transfers: where the money goes or comes from"`
	OtherSide   *uuid.UUID   `json:"otherSideId,omitempty" doc:"Of transfers: the transaction of the other wallet that is its other side and becomes one transfer with it, which can be undone"`
	Category    string       `json:"category" doc:"As the same merchant was filed before, or as the bank says; else other"`
	Description string       `json:"description"`
	Refund      bool         `json:"refund,omitempty" doc:"It would lower what was spent on the category"`
	Duplicate   string       `json:"duplicate,omitempty" doc:"Why it is one; without it, it is none"`
}

// Probable is a line that is probably there already.
type Probable struct {
	Line          int          `json:"line" doc:"The file's line, from 1"`
	Timestamp     time.Time    `json:"timestamp"`
	Type          string       `json:"type" enum:"income,expense"`
	Amount        money.Amount `json:"amount"`
	Description   string       `json:"description"`
	TransactionID uuid.UUID    `json:"transactionId" doc:"The transaction that it probably is"`
	WalletID      uuid.UUID    `json:"walletId" doc:"That transaction's wallet"`
	Reason        string       `json:"reason" doc:"What speaks for it"`
}

// Preview is what a file would bring.
type Preview struct {
	Format      string            `json:"format" enum:"csv,ofx,camt,mt940,qif"`
	Mapping     statement.Mapping `json:"mapping" doc:"As given or, where none was, as proposed"`
	Header      []string          `json:"header" doc:"A CSV's columns"`
	Cells       [][]string        `json:"cells" doc:"A CSV's first rows, as they are"`
	Ambiguities []Ambiguity       `json:"ambiguities" doc:"What is to be decided before it is imported"`
	Remembered  []statement.Field `json:"remembered" enum:"file,encoding,account,date,dateLayout,amount,debit,direction,minus,decimalMark,inverted,currency,fee,feeMode,description,accounts" doc:"What is answered as for an earlier file with the same columns that was imported into the wallet. The mapping has the answers"`
	Problem     string            `json:"problem,omitempty" doc:"Why it cannot be read with this mapping"`
	Lines       int               `json:"lines" doc:"That can be imported, duplicates among them"`
	Rows        []Row             `json:"rows" doc:"The first of these"`
	Bad         int               `json:"bad" doc:"Lines that cannot be imported"`
	BadLines    []BadLine         `json:"badLines" doc:"The first of these, at most 100"`
	Duplicates  int               `json:"duplicates" doc:"Lines that are there already"`
	Probable    []Probable        `json:"probable" doc:"Lines that are probably there already: whether they are imported is to be said"`
	Again       []Again           `json:"again" doc:"Earlier imports of the same file, into this or another wallet, the latest first, at most 20: whether it is imported once more is to be said"`
	Accounts    []NamedAccount    `json:"accounts" doc:"The accounts that the statement names as the other side of transfers"`
}

// format is the file's, as given or as it looks.
func (f File) format() statement.Format {
	if f.Format != "" {
		return statement.Format(f.Format)
	}
	return statement.FormatOf(f.File)
}

// parsed is what a file holds by a mapping, before anything is known of the wallet.
type parsed struct {
	lines []statement.Line
	bad   []BadLine
	digests
}

// parse reads the file by a mapping.
func (f File) parse(mapping statement.Mapping) (parsed, error) {
	lines, unread, err := statement.Parse(f.format(), bytes.NewReader(f.File), mapping)
	if err != nil {
		return parsed{}, err
	}
	p := parsed{lines, []BadLine{}, f.digestsOf(mapping, lines)}
	for _, b := range unread {
		p.bad = append(p.bad, BadLine{b.Number, b.Reason})
	}
	return p, nil
}

// keep leaves the lines that a wallet of a currency can take at a time; the others
// are bad.
func (p *parsed) keep(currency string, now time.Time) {
	good := p.lines[:0]
	for _, l := range p.lines {
		switch {
		case l.Currency != "" && l.Currency != currency:
			p.bad = append(p.bad, BadLine{l.Number, fmt.Sprintf("is in %s, and the wallet keeps %s", l.Currency, currency)})
		case l.Currency == "" && l.Symbol != "" && !statement.Writes(currency, l.Symbol):
			p.bad = append(p.bad, BadLine{l.Number, fmt.Sprintf("its amount is in %s, and the wallet keeps %s: import it into a wallet of that currency", l.Symbol, currency)})
		case l.At.After(now.Add(limits.MaxAhead)):
			p.bad = append(p.bad, BadLine{l.Number, "lies in the future: " + l.At.Format(time.DateOnly)})
		case l.At.Year() < 1970:
			p.bad = append(p.bad, BadLine{l.Number, "lies before 1970: " + l.At.Format(time.DateOnly)})
		default:
			good = append(good, l)
		}
	}
	p.lines = good
}

// propose is the mapping that a file suggests.
func (f File) propose() (statement.Proposal, error) {
	return statement.Detect(f.format(), bytes.NewReader(f.File))
}

// Preview tells what importing a file would do, and does nothing.
func (s *Imports) Preview(ctx context.Context, user uuid.UUID, f File) (Preview, error) {
	p := Preview{Format: string(f.format()), Header: []string{}, Cells: [][]string{}, Ambiguities: []Ambiguity{}, Remembered: []statement.Field{}, Rows: []Row{}, BadLines: []BadLine{}, Probable: []Probable{}, Again: []Again{}, Accounts: []NamedAccount{}}
	proposal, err := f.propose()
	if err != nil {
		return p, err
	}
	a, err := s.ask(ctx, user, f, proposal)
	if err != nil {
		return p, err
	}
	p.Mapping, p.Remembered = a.mapping, a.remembered
	if proposal.Header != nil {
		p.Header = proposal.Header
	}
	if proposal.Rows != nil {
		p.Cells = proposal.Rows
	}
	file, err := f.parse(p.Mapping)
	var wrong apperror.Invalid
	problem := errors.As(err, &wrong) // of the file or of the mapping: the person looks at both
	if err != nil && !problem {
		return p, err
	}
	filing, err := s.filing(ctx, user, file.lines)
	if err != nil {
		return p, err
	}
	return p, db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		currency, err := wallet(ctx, tx, user, f.WalletID)
		if err != nil {
			return err
		}
		for _, q := range a.open {
			p.Ambiguities = append(p.Ambiguities, Ambiguity{q.Field, q.Reason, append([]string{}, q.Choices...)})
		}
		if problem {
			p.Problem = wrong.Error()
			return nil
		}
		file.keep(currency, time.Now())
		if p.Again, err = file.again(ctx, backenddb.New(tx), user); err != nil {
			return err
		}
		wallets, err := backenddb.New(tx).OpenWallets(ctx, user)
		if err != nil {
			return err
		}
		if p.Accounts, err = namedAccounts(file.lines, a.preset.accounts, f.Accounts, wallets, currency); err != nil {
			return err
		}
		p.Ambiguities = append(p.Ambiguities, unanswered(p.Accounts, wallets, currency)...)
		moves := file.settle(p.Accounts, f.WalletID)
		known, err := recall(ctx, tx, user, f.WalletID, currency, file.lines, moves, filing)
		if err != nil {
			return err
		}
		p.Lines, p.Bad, p.BadLines = len(file.lines), len(file.bad), file.bad[:min(len(file.bad), maxBad)]
		for i, l := range file.lines {
			why := known.duplicates[i]
			if why != "" {
				p.Duplicates++
			}
			kind, amount := direction(l)
			if like, is := known.probable[i]; is {
				p.Probable = append(p.Probable, Probable{l.Number, l.At, kind, amount, l.Description, like.transaction, like.wallet, like.reason})
			}
			if i < shown {
				row := Row{Line: l.Number, Timestamp: l.At, Type: kind, Amount: amount, Category: known.category(l), Description: l.Description, Refund: known.refund(l), Duplicate: why}
				if m := moves[i]; m != nil {
					row.Type, row.Category, row.Refund, row.OtherWallet = event.Transfer, ledger.Transfers, false, &m.wallet
					if m.joins != uuid.Nil {
						row.OtherSide = &m.joins
					}
				}
				p.Rows = append(p.Rows, row)
			}
		}
		return nil
	})
}

// wallet returns the currency of a wallet that takes transactions.
func wallet(ctx context.Context, tx pgx.Tx, user, id uuid.UUID) (string, error) {
	rows, err := backenddb.New(tx).Ends(ctx, user, []uuid.UUID{id})
	switch {
	case err != nil:
		return "", err
	case len(rows) == 0:
		return "", apperror.Invalid{Field: "walletId", Reason: "there is no such wallet"}
	case rows[0].ArchivedAt != nil:
		return "", apperror.Invalid{Field: "walletId", Reason: "this wallet is archived: restore it, or choose another"}
	}
	return rows[0].Currency, nil
}

// direction tells a signed line's type, and its amount.
func direction(l statement.Line) (kind string, amount money.Amount) {
	if l.Amount.IsNegative() {
		return event.Expense, money.Of(l.Amount.Neg())
	}
	return event.Income, money.Of(l.Amount)
}

func unansweredQuestion(q statement.Ambiguity) error {
	return apperror.Invalid{Field: "mapping." + string(q.Field), Reason: q.Reason + "; choose a value in the mapping, or name the field in answered to keep the one that POST /api/v1/imports/preview proposes"}
}

// Import records what a file holds, all of it or nothing.
func (s *Imports) Import(ctx context.Context, user uuid.UUID, n New) (Import, error) {
	proposal, err := n.propose()
	if err != nil {
		return Import{}, err
	}
	a, err := s.ask(ctx, user, n.File, proposal)
	if err != nil {
		return Import{}, err
	}
	// What is open is asked before the file is read: a proposal with questions may be no
	// way to read it.
	if len(a.open) > 0 {
		return Import{}, unansweredQuestion(a.open[0])
	}
	file, err := n.parse(a.mapping)
	if err != nil {
		return Import{}, err
	}
	filing, err := s.filing(ctx, user, file.lines)
	if err != nil {
		return Import{}, err
	}
	return idempotency.Do(ctx, s.Pool, user, func(tx pgx.Tx) (Import, error) {
		currency, err := wallet(ctx, tx, user, n.WalletID)
		if err != nil {
			return Import{}, err
		}
		file.keep(currency, time.Now())
		// Of two files at the same moment the second sees what the first brought, of other
		// wallets too: it may be the other side of a transfer.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", db.LockID("import:"+user.String())); err != nil {
			return Import{}, err
		}
		return s.record(ctx, tx, user, n, currency, file, filing, a)
	})
}

// refusal tells why a file with bad lines was refused.
func refusal(bad []BadLine) string {
	var told []string
	for _, b := range bad[:min(len(bad), 3)] {
		told = append(told, fmt.Sprintf("line %d: %s", b.Line, b.Reason))
	}
	return fmt.Sprintf("nothing was imported, for %d lines are bad (%s); a preview lists them", len(bad), strings.Join(told, "; "))
}

func (s *Imports) record(ctx context.Context, tx pgx.Tx, user uuid.UUID, n New, currency string, file parsed, filing filing, a asked) (Import, error) {
	q := backenddb.New(tx)
	wallets, err := q.OpenWallets(ctx, user)
	if err != nil {
		return Import{}, err
	}
	named, err := namedAccounts(file.lines, a.preset.accounts, n.Accounts, wallets, currency)
	if err != nil {
		return Import{}, err
	}
	if open := unanswered(named, wallets, currency); len(open) > 0 {
		return Import{}, apperror.Invalid{Field: string(open[0].Field), Reason: open[0].Reason}
	}
	moves := file.settle(named, n.WalletID)
	if n.BadLines == "refuse" && len(file.bad) > 0 {
		return Import{}, apperror.Invalid{Field: "file", Reason: refusal(file.bad)}
	}
	lines, bad := file.lines, file.bad
	known, err := recall(ctx, tx, user, n.WalletID, currency, lines, moves, filing)
	if err != nil {
		return Import{}, err
	}
	at := time.Now().UTC().Truncate(time.Microsecond)
	done := Import{
		ID: tracing.NewID(), WalletID: n.WalletID, Format: string(n.format()), FileName: n.FileName,
		Bad: len(bad), BadLines: bad[:min(len(bad), maxBad)], CreatedAt: at,
	}
	before, err := file.again(ctx, q, user)
	if err != nil {
		return Import{}, err
	}
	taken, open, err := n.choose(lines, known)
	if err != nil {
		return Import{}, err
	}
	// Of a file that came before as a whole, that is asked and not each of its lines.
	if err := n.wanted(before, lines, append(slices.Clone(taken), open...)); err != nil {
		return Import{}, err
	}
	if err := answered(lines, open); err != nil {
		return Import{}, err
	}
	done.Imported, done.Duplicates = len(taken), len(lines)-len(taken)
	told, err := json.Marshal(done.BadLines)
	if err != nil {
		return Import{}, err
	}
	if err := q.InsertImport(ctx, backenddb.InsertImportParams{
		ID: done.ID, UserID: user, WalletID: done.WalletID, Format: done.Format, FileName: done.FileName, Imported: int32(done.Imported),
		Duplicates: int32(done.Duplicates), Bad: int32(done.Bad), BadLines: told, CreatedAt: at,
		FileDigest: &file.file, MovementsDigest: &file.movements,
	}); err != nil {
		return Import{}, err
	}
	if err := n.remember(ctx, q, user, done.ID, taken, known); err != nil {
		return Import{}, err
	}
	if err := a.learn(ctx, q, user, done, named); err != nil {
		return Import{}, err
	}
	var all []ledger.Transaction
	var fingerprints []string
	var pairs []ledger.TransferPair
	for _, i := range taken {
		l := lines[i]
		kind, amount := direction(l)
		t := ledger.Transaction{
			ID: tracing.NewID(), WalletID: n.WalletID, Amount: amount, Currency: currency, Type: kind, Category: known.category(l),
			Refund:      known.refund(l),
			Description: l.Description, Tags: []string{}, Status: event.Active, ImportID: &done.ID, Timestamp: l.At, CreatedAt: at, UpdatedAt: at,
			// The day that the statement names, whatever the time zone.
			Date: calendar.DayName(l.At),
		}
		if m := moves[i]; m != nil {
			pairs = m.book(&t, pairs)
		}
		all, fingerprints = append(all, t), append(fingerprints, known.fingerprints[i])
	}
	if len(pairs) > maxJoined {
		return Import{}, apperror.Invalid{Field: "file", Reason: fmt.Sprintf("has %d transfers whose other side is there already, and at most %d are joined at once: import a shorter time", len(pairs), maxJoined)}
	}
	many, err := s.Ledger.NewMany(ctx, user, all, fingerprints)
	if err != nil {
		return Import{}, err
	}
	if err := many.Insert(ctx, tx); err != nil || len(pairs) == 0 {
		return done, err
	}
	return done, s.Ledger.JoinTransfers(ctx, tx, user, pairs)
}

// remember keeps which lines the person left out for they were probably there already.
func (n New) remember(ctx context.Context, q *backenddb.Queries, user, id uuid.UUID, taken []int, known known) error {
	skips := backenddb.PutSkipsParams{UserID: user, WalletID: n.WalletID, ImportID: id}
	for i, like := range known.probable {
		if !slices.Contains(taken, i) {
			skips.Fingerprints, skips.TransactionIds = append(skips.Fingerprints, known.fingerprints[i]), append(skips.TransactionIds, like.transaction)
		}
	}
	if len(skips.Fingerprints) == 0 {
		return nil
	}
	return q.PutSkips(ctx, skips)
}

// refund tells whether a line would be filed as a refund.
func (k known) refund(l statement.Line) bool {
	kind, _ := direction(l)
	return ledger.Refunds(kind, k.filing.kinds[k.category(l)])
}

// choose returns the lines that are to be imported, and those of which only the person
// knows it, by index.
func (n New) choose(lines []statement.Line, k known) (taken, open []int, err error) {
	answers := map[int]bool{} // by line: whether it is imported
	for _, one := range []struct {
		field    string
		numbers  []int
		imported bool
	}{{"skip", n.Skip, false}, {"import", n.Import, true}} {
		for _, number := range one.numbers {
			if before, is := answers[number]; is && before != one.imported {
				return nil, nil, apperror.Invalid{Field: one.field, Reason: fmt.Sprintf("line %d is to be left out and to be imported: name it once", number)}
			}
			answers[number] = one.imported
		}
	}
	used := map[int]bool{}
	for i, l := range lines {
		like, probable := k.probable[i]
		imported, answered := answers[l.Number]
		if (probable || k.skipped[i]) && answered {
			used[l.Number] = true
		}
		switch {
		case k.skipped[i] && imported, n.Duplicates == "import", k.duplicates[i] == "" && !probable, probable && answered && imported, probable && !answered && n.Probable == "import",
			probable && !answered && n.Probable == "" && n.Again == importAgain && like.elsewhere:
			taken = append(taken, i)
		case probable && !answered && n.Probable == "":
			open = append(open, i)
		}
	}
	for number := range answers {
		if !used[number] && n.Duplicates != "import" {
			return nil, nil, apperror.Invalid{Field: "skip", Reason: fmt.Sprintf("line %d is not among the lines that are probably there already: a preview lists them", number)}
		}
	}
	return taken, open, nil
}

// answered refuses lines of which the person has to say whether they are imported.
func answered(lines []statement.Line, open []int) error {
	if len(open) == 0 {
		return nil
	}
	return apperror.Invalid{Field: "probable", Reason: fmt.Sprintf(
		"%d lines are probably there already, the first of them line %d: say skip or import, or name them in skip and import; a preview lists them with what speaks for it", len(open), lines[open[0]].Number)}
}

func importOf(row backenddb.Import) (Import, error) {
	i := Import{
		ID: row.ID, WalletID: row.WalletID, Format: row.Format, FileName: row.FileName, Imported: int(row.Imported),
		Duplicates: int(row.Duplicates), Bad: int(row.Bad), BadLines: []BadLine{}, CreatedAt: row.CreatedAt.UTC(),
	}
	if row.UndoneAt != nil {
		at := row.UndoneAt.UTC()
		i.UndoneAt = &at
	}
	return i, json.Unmarshal(row.BadLines, &i.BadLines)
}

// List lists the user's imports, newest first.
func (s *Imports) List(ctx context.Context, user uuid.UUID, p pagination.Request) (pagination.List[Import], error) {
	var found []Import
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		rows, err := backenddb.New(tx).Imports(ctx, backenddb.ImportsParams{UserID: user, BeforeAt: p.At, BeforeID: p.ID, Most: int32(p.Limit) + 1})
		if err != nil {
			return err
		}
		for _, row := range rows {
			one, err := importOf(row)
			if err != nil {
				return err
			}
			found = append(found, one)
		}
		return nil
	})
	return pagination.Of(found, p.Limit, func(i Import) (time.Time, uuid.UUID) { return i.CreatedAt, i.ID }), err
}

// Get returns one import.
func (s *Imports) Get(ctx context.Context, user, id uuid.UUID) (Import, error) {
	var found Import
	err := db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		row, err := backenddb.New(tx).ImportByID(ctx, id, user)
		if err != nil {
			return missing(id, err)
		}
		found, err = importOf(row)
		return err
	})
	return found, err
}

func missing(id uuid.UUID, err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("import %s: %w", id, apperror.ErrNotFound)
	}
	return err
}

// Undo deletes the transactions that an import brought, those that were changed
// since too, and enqueues an event for each. Undone once more, nothing happens.
func (s *Imports) Undo(ctx context.Context, user, id uuid.UUID) error {
	return db.AsUser(ctx, s.Pool, user, func(tx pgx.Tx) error {
		q := backenddb.New(tx)
		row, err := q.ImportForUpdate(ctx, id, user)
		if err != nil {
			return missing(id, err)
		}
		if row.UndoneAt != nil {
			return nil
		}
		// A transfer must not go with one of its sides.
		if err := s.Ledger.PartTransfers(ctx, tx, user, id); err != nil {
			return err
		}
		rows, err := q.ActiveOfImport(ctx, user, &id)
		if err != nil {
			return err
		}
		at := time.Now().UTC().Truncate(time.Microsecond)
		var ids []uuid.UUID
		batch := &pgx.Batch{}
		for _, row := range rows {
			t := ledger.TransactionOf(row)
			// Later than any change, whatever the clock of who made it.
			if !at.After(t.UpdatedAt) {
				at = t.UpdatedAt.Add(time.Microsecond)
			}
			ids = append(ids, t.ID)
		}
		for _, row := range rows {
			t := ledger.TransactionOf(row)
			t.UpdatedAt, t.Version = at, t.Version+1
			if err := s.Ledger.TellChanges(ctx, db.Queue{Batch: batch}, user, t, ledger.Deletion()); err != nil {
				return err
			}
		}
		if err := q.DeleteSkips(ctx, user, id); err != nil {
			return err
		}
		if err := q.DeleteImportPresets(ctx, user, id); err != nil { // they may be why it was undone
			return err
		}
		if err := q.DeleteTransactions(ctx, &at, ids); err != nil {
			return err
		}
		if err := q.UndoImport(ctx, &at, id); err != nil {
			return err
		}
		return tx.SendBatch(ctx, batch).Close()
	})
}
