package statement

import (
	"slices"
	"strings"
	"unicode"
)

// ownAccount are headers of the account that a row belongs to. Those that
// banks also use for the other party's account are not among them.
var ownAccount = phrases("account, account name, account number, account no, account id, accountname, accountnumber, accountid, auftragskonto, iban auftragskonto, rekening, compte, cuenta, číslo účtu vlastní, numéro de compte, n compte")

// accountNumbers are words in headers of numbers of accounts, whosever they are;
// parts those of what lies within an account, and cards; counterAccounts those of
// the other party's.
var (
	accountNumbers  = set(`account konto kontonummer kontonr rekening rekeningnummer compte cuenta conta conto conta účet účtu ucet rachunek rachunku számla számlaszám hesap iban счет счёт tili tilinumero kontosaldo acct tki račun računa cont`)
	accountParts    = set(`card karte kartennummer kort kortnummer carte tarjeta carta kartu karty karta product produkt produit prodotto subaccount unterkonto wallet pocket pot space vault depot cardnumber cardno`)
	counterAccounts = set(`gegenkonto gegenkontonummer tegenrekening protiúčet protiúčtu ellenszámla counterparty contra counter`)
)

const maxTellingAccounts = 8 // accounts of a person in one file that are asked about

// accountColumns are the columns of the account that a row belongs to: those that surely
// are, by their header or by values of which few fill every row, and those that may be, for
// the other party's accounts stand under such headers too, as many and missing with cards and
// cash. Where another column is the other party's, an account's number is one's own.
func (h headers) accountColumns(c columns, rows [][]string) (sure, maybe []int) {
	taken := append([]int{c.date, c.category, c.amount, c.debit, c.credit, c.reference, c.currency, c.direction}, c.description...)
	counter := slices.ContainsFunc(h.shown, func(name string) bool { return hasWord(fold(name), counterAccounts) })
	own := h.ownNumber(rows)
	for i, name := range h.shown {
		name = fold(name)
		if ownAccount[name] && !slices.Contains(taken, i) {
			sure = append(sure, i)
			continue
		}
		part := hasWord(name, accountParts)
		if !part && own {
			continue
		}
		if slices.Contains(taken, i) || !part && !hasWord(name, accountNumbers) ||
			hasWord(name, counterWords) || hasWord(name, typeWords) || hasWord(name, currencyWords) || hasWord(name, balanceWords) {
			continue
		}
		values, filled := distinct(rows, i, c.date)
		switch {
		case !part && (counter || filled && len(rows) >= 4 && 2*values <= len(rows)):
			sure = append(sure, i)
		case filled && values > 1 && values <= maxTellingAccounts:
			maybe = append(maybe, i)
		}
	}
	return sure, maybe
}

// ownNumber reports whether one's own account stands in a column that surely names it, one
// number in all rows: those under other headers are the other party's.
func (h headers) ownNumber(rows [][]string) bool {
	for i, name := range h.shown {
		if !ownAccount[fold(name)] {
			continue
		}
		accounts := accountsIn(rows, i)
		if len(accounts) == 1 && strings.Count(strings.Map(func(r rune) rune {
			if unicode.IsDigit(r) {
				return '0'
			}
			return r
		}, accounts[0]), "0") >= 4 {
			return true
		}
	}
	return false
}

// distinct counts a column's values, and tells whether every row with a date has one.
func distinct(rows [][]string, i, date int) (values int, filled bool) {
	filled = true
	for _, row := range rows {
		if date >= 0 && (date >= len(row) || !strings.ContainsAny(row[date], "0123456789")) {
			continue // text before or after the table
		}
		filled = filled && i < len(row) && accountIn(row, i) != ""
	}
	return len(accountsIn(rows, i)), filled
}

// accountsIn are a column's values, each once, in their order.
func accountsIn(rows [][]string, i int) (accounts []string) {
	seen := map[string]bool{}
	for _, row := range rows {
		if name := accountIn(row, i); name != "" && !seen[name] {
			seen[name] = true
			accounts = append(accounts, name)
		}
	}
	return accounts
}

func accountIn(row []string, i int) string {
	if i >= len(row) {
		return ""
	}
	return strings.Trim(clean(unwrap(row[i]), maxShort), "'")
}

// ofAccount leaves of a CSV's rows those of the account that is asked for. A file that
// surely has several needs one.
func (m Mapping) ofAccount(s *sink, h headers, c columns, all []record) ([]record, error) {
	if m.AccountColumn == notThere {
		return all, nil
	}
	rows := cellsOf(slices.DeleteFunc(slices.Clone(all), h.tooWide(all)))
	sure, maybe := h.accountColumns(c, rows)
	if c.account >= 0 {
		sure, maybe = []int{c.account}, nil
	}
	for _, i := range append(sure, maybe...) {
		accounts := accountsIn(rows, i)
		switch {
		case len(accounts) < 2 && m.Account == "":
		case m.Account == "" && !slices.Contains(sure, i): // asked about, and answered
		case m.Account == "":
			return nil, invalid("account", "is missing: %s", h.severalAccounts(i, accounts))
		case slices.Contains(accounts, m.Account):
			return h.kept(s, c, all, i, m.Account)
		}
	}
	switch {
	case m.Account == "":
		return all, nil
	case c.account >= 0:
		accounts := accountsIn(rows, c.account)
		return nil, invalid("account", "%s is no value of a column of accounts: %s holds %s", quote(m.Account), quote(h.nameOf(c.account)), strings.Join(accounts[:min(len(accounts), maxTellingAccounts)], ", "))
	}
	return nil, invalid("account", "%s is no value of a column of accounts: leave it out", quote(m.Account))
}

// kept leaves the rows that have an account under a column. By another column that surely
// tells accounts they must be of one, for accounts may have the same name.
func (h headers) kept(s *sink, c columns, all []record, column int, account string) ([]record, error) {
	tooWide := h.tooWide(all)
	var kept []record
	for _, row := range all {
		if tooWide(row) { // it will be refused
			kept = append(kept, row)
			continue
		}
		switch accountIn(row.fields, column) {
		case account:
			kept = append(kept, row)
		case "":
			if c.date >= len(row.fields) || !strings.ContainsAny(row.fields[c.date], "0123456789") {
				continue // text before or after the table
			}
			s.refuse(row.number, "the file does not say to which account this belongs")
		}
	}
	rows := cellsOf(slices.DeleteFunc(slices.Clone(kept), tooWide))
	for i, name := range h.shown {
		if i == column || !ownAccount[fold(name)] || i == c.category || slices.Contains(c.description, i) {
			continue
		}
		if accounts := accountsIn(rows, i); len(accounts) > 1 {
			return nil, invalid("account", "%s under %s is more than one account: name the column %s in accountColumn, and choose one of %s",
				quote(account), quote(h.nameOf(column)), quote(h.shown[i]), strings.Join(accounts[:min(len(accounts), maxTellingAccounts)], ", "))
		}
	}
	return kept, nil
}

// tooWide returns whether a row has more values than there are columns: what stands under
// the account may belong into another one.
func (h headers) tooWide(all []record) func(record) bool {
	width := len(h.shown)
	if width == 0 {
		width = usualWidth(all)
	}
	return func(row record) bool { return used(row.fields) > width }
}

// nameOf is what a column is called, or its place.
func (h headers) nameOf(i int) string {
	if i < len(h.shown) {
		return h.shown[i]
	}
	return string(h.column(i))
}

func cellsOf(all []record) [][]string {
	rows := make([][]string, len(all))
	for i, row := range all {
		rows[i] = row.fields
	}
	return rows
}

func (h headers) severalAccounts(i int, accounts []string) string {
	told := strings.Join(accounts[:min(len(accounts), maxTellingAccounts)], ", ")
	return "the file holds more than one account under " + quote(h.nameOf(i)) + ", " + told +
		": choose whose movements are meant; if these are other people's accounts, give accountColumn -"
}

// tellColumns asks whose movements are meant in a CSV of several accounts, by the column
// that tells most of them apart.
func (p *Proposal) tellColumns(h headers, c columns, rows [][]string) {
	sure, maybe := h.accountColumns(c, rows)
	column, accounts := -1, []string{}
	for _, i := range sure {
		if its := accountsIn(rows, i); len(its) > max(1, len(accounts)) {
			column, accounts = i, its
		}
	}
	if column >= 0 {
		p.Mapping.AccountColumn = h.column(column)
		p.askAccount(h.severalAccounts(column, accounts), accounts)
		return
	}
	for _, i := range maybe {
		if accounts := accountsIn(rows, i); len(accounts) > 1 {
			p.askAccount("under "+quote(h.shown[i])+" are "+strings.Join(accounts, ", ")+
				": where these are accounts of your own, choose whose movements are meant; where they are other people's, or cards of one account, leave account empty and read all", accounts)
			return
		}
	}
}

func (p *Proposal) askAccount(reason string, accounts []string) {
	p.ask(Ambiguity{Field: AskAccount, Reason: reason, Choices: accounts[:min(len(accounts), maxAccounts)], or: []Field{"accountColumn"}})
}
