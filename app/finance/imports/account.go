package imports

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/finance/ledger"
	"github.com/wealth-companion/companion/app/finance/statement"
	"github.com/wealth-companion/companion/app/store/db/backenddb"
)

// Account says which wallet an account is that a statement names as the other side
// of transfers.
type Account struct {
	Name     string     `json:"name" minLength:"1" maxLength:"100" doc:"As the statement writes it"`
	WalletID *uuid.UUID `json:"walletId,omitempty" format:"uuid" doc:"Without it, no wallet is kept of it: its transfers are income and expenses"`
}

// Where it is known from which wallet an account is.
const (
	fromAnswer = "answer" // of the request
	fromName   = "name"   // a wallet is called the same
	fromBefore = "before" // as was answered for an earlier file
	fromNobody = ""       // the person is to say it
)

// NamedAccount is an account that a statement names as the other side of transfers.
type NamedAccount struct {
	Account
	Lines int    `json:"lines" doc:"How many transfers name it"`
	Known string `json:"known,omitempty" enum:"answer,name,before" doc:"From where it is known: the request, a wallet's name, the answer for an earlier file. Without it, it is to be answered"`
}

// maxAccounts is how many accounts a statement may name.
const maxAccounts = 100

// namedAccounts finds the wallets of the accounts that lines name: as answered, else as
// answered before, else by the name. Accounts are in the order of the file.
func namedAccounts(lines []statement.Line, before, answered []Account, wallets []backenddb.OpenWalletsRow, currency string) ([]NamedAccount, error) {
	named, place := []NamedAccount{}, map[string]int{}
	for _, l := range lines {
		if l.Transfer == "" {
			continue
		}
		at, known := place[accountKey(l.Transfer)]
		if !known {
			at = len(named)
			place[accountKey(l.Transfer)] = at
			named = append(named, NamedAccount{Account: Account{Name: l.Transfer}})
		}
		named[at].Lines++
	}
	if len(named) > maxAccounts {
		return nil, apperror.Invalid{Field: "file", Reason: fmt.Sprintf("names %d other accounts, and at most %d can be told apart: import a shorter time", len(named), maxAccounts)}
	}
	for i := range named {
		named[i].byName(wallets, currency)
	}
	for _, a := range before {
		if at, is := place[accountKey(a.Name)]; is && (a.WalletID == nil || fits(*a.WalletID, wallets, currency) == nil) {
			named[at].WalletID, named[at].Known = a.WalletID, fromBefore
		}
	}
	for i, a := range answered {
		at, is := place[accountKey(a.Name)]
		if !is {
			return nil, apperror.Invalid{Field: fmt.Sprintf("accounts[%d].name", i), Reason: fmt.Sprintf("the statement names no account %q: a preview lists those that it names", a.Name)}
		}
		if a.WalletID != nil {
			if err := fits(*a.WalletID, wallets, currency); err != nil {
				return nil, apperror.Invalid{Field: fmt.Sprintf("accounts[%d].walletId", i), Reason: err.Error()}
			}
		}
		named[at].WalletID, named[at].Known = a.WalletID, fromAnswer
	}
	return named, nil
}

func accountKey(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// byName takes an account for the only wallet that is called the same.
func (a *NamedAccount) byName(wallets []backenddb.OpenWalletsRow, currency string) {
	var same []uuid.UUID
	for _, w := range wallets {
		if accountKey(w.Name) == accountKey(a.Name) {
			same = append(same, w.ID)
		}
	}
	if len(same) == 1 && fits(same[0], wallets, currency) == nil {
		a.WalletID, a.Known = &same[0], fromName
	}
}

// fits tells why a wallet cannot be the other end of a transfer of which a statement
// gives the amount in a currency.
func fits(id uuid.UUID, wallets []backenddb.OpenWalletsRow, currency string) error {
	for _, w := range wallets {
		switch {
		case w.ID != id:
		case w.Currency != currency:
			return fmt.Errorf("this wallet keeps %s, and the statement does not say how much of it a transfer of %s is: leave walletId out, and make transfers of them afterwards (GET /api/v1/transfers/suggestions)", w.Currency, currency)
		default:
			return nil
		}
	}
	return errors.New("there is no such wallet, or it is archived")
}

// unanswered are the questions about accounts whose wallet is not known.
func unanswered(named []NamedAccount, wallets []backenddb.OpenWalletsRow, currency string) []Ambiguity {
	var open []Ambiguity
	for _, a := range named {
		if a.Known != fromNobody {
			continue
		}
		choices := []string{}
		for _, w := range wallets {
			if w.Currency == currency {
				choices = append(choices, w.ID.String())
			}
		}
		open = append(open, Ambiguity{statement.AskAccounts, fmt.Sprintf("%q is the other side of %d transfers: name its wallet, or give it none to have them be income and expenses", a.Name, a.Lines), choices})
	}
	return open
}

// settle takes the lines out that correct the account's own balance, and returns the
// wallets at the other end of the others that are transfers, by line.
func (p *parsed) settle(named []NamedAccount, own uuid.UUID) map[int]*move {
	wallets := map[string]*uuid.UUID{}
	for _, a := range named {
		wallets[accountKey(a.Name)] = a.WalletID
	}
	moves, good := map[int]*move{}, p.lines[:0]
	for _, l := range p.lines {
		other := wallets[accountKey(l.Transfer)]
		switch {
		case l.Transfer == "" || other == nil:
		case *other == own:
			p.bad = append(p.bad, BadLine{l.Number, "is a correction of the account's own balance and no movement: enter it by hand if money did move"})
			continue
		default:
			moves[len(good)] = &move{wallet: *other}
		}
		good = append(good, l)
	}
	p.lines = good
	return moves
}

// move is the transfer that a line is.
type move struct {
	wallet uuid.UUID // at the other end
	// joins is the transaction of that wallet that is the other side, if it is there
	// already.
	joins uuid.UUID
}

// book makes a transfer of an expense or income, or adds it to the pairs of
// transactions that become one.
func (m move) book(t *ledger.Transaction, pairs []ledger.TransferPair) []ledger.TransferPair {
	switch out := t.Type == event.Expense; {
	case m.joins != uuid.Nil && out:
		return append(pairs, ledger.TransferPair{OutID: t.ID, InID: m.joins})
	case m.joins != uuid.Nil:
		return append(pairs, ledger.TransferPair{OutID: m.joins, InID: t.ID})
	case out:
		t.ToWalletID = &m.wallet
	default:
		own := t.WalletID
		t.WalletID, t.ToWalletID = m.wallet, &own
	}
	t.Type, t.Category, t.Refund = event.Transfer, ledger.Transfers, false
	return pairs
}

// otherWallets are those at the other ends of transfers.
func otherWallets(moves map[int]*move) []uuid.UUID {
	found := []uuid.UUID{}
	for _, m := range moves {
		if !slices.Contains(found, m.wallet) {
			found = append(found, m.wallet)
		}
	}
	return found
}

// sidesApart is how many days the two sides of a transfer may be booked apart.
const sidesApart = 5

// side is a movement between this wallet and another, as this wallet's bank writes it.
type side struct {
	wallet uuid.UUID // the other
	amount string
	day    time.Time
}

// pairSides finds for each line that is a transfer the row that it is, of the nearest
// day; a row is at most one line's. rows that are nil are none.
func (k *known) pairSides(lines []statement.Line, rows []*side) map[int]int {
	free := map[side][]int{}
	for j, row := range rows {
		if row != nil {
			free[*row] = append(free[*row], j)
		}
	}
	found := map[int]int{}
	for apart := range sidesApart + 1 {
		for i, l := range lines {
			m := k.moves[i]
			if _, is := found[i]; is || m == nil || k.duplicates[i] != "" {
				continue
			}
			for _, lag := range []int{apart, -apart} {
				at := side{m.wallet, l.Amount.String(), day(l.At).AddDate(0, 0, lag)}
				if rest := free[at]; len(rest) > 0 {
					found[i], free[at] = rest[0], rest[1:]
					break
				}
			}
		}
	}
	return found
}

// arrived finds the lines that are the other side of a transfer which the statement
// of the other wallet brought.
func (k *known) arrived(lines []statement.Line, nearby []backenddb.NearbyRow, wallet uuid.UUID) map[int]int {
	if len(k.moves) == 0 {
		return nil
	}
	rows := make([]*side, len(nearby))
	for j, row := range nearby {
		if row.Type != event.Transfer || row.ToWalletID == nil || row.ImportedInto == nil || *row.ImportedInto == wallet {
			continue
		}
		other := row.WalletID
		if other == wallet {
			other = *row.ToWalletID
		}
		rows[j] = &side{other, movement(row, wallet).Amount.String(), day(row.Date)}
	}
	return k.pairSides(lines, rows)
}

// join finds the transactions of other wallets that are the other side of lines.
func (k *known) join(lines []statement.Line, others []backenddb.OtherSidesRow) {
	rows := make([]*side, len(others))
	for j, row := range others {
		amount := row.Amount // what came there left here
		if row.Type == event.Income {
			amount = amount.Neg()
		}
		rows[j] = &side{row.WalletID, amount.String(), day(row.Date)}
	}
	for i, j := range k.pairSides(lines, rows) {
		k.moves[i].joins = others[j].ID
	}
}
