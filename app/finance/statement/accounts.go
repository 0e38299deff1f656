package statement

import (
	"slices"
	"strings"
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
	for i, name := range h.shown {
		name = fold(name)
		if ownAccount[name] && !slices.Contains(taken, i) {
			sure = append(sure, i)
			continue
		}
		part := hasWord(name, accountParts)
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

// nameAccounts reports whether there may be a column of accounts.
func (h headers) nameAccounts() bool {
	return slices.ContainsFunc(h.shown, func(name string) bool {
		name = fold(name)
		return ownAccount[name] || hasWord(name, accountNumbers) || hasWord(name, accountParts)
	})
}

// distinct counts a column's values, and tells whether every row with a date has one.
func distinct(rows [][]string, i, date int) (values int, filled bool) {
	filled = true
	for _, row := range rows {
		if date >= 0 && (date >= len(row) || !strings.ContainsAny(row[date], "0123456789")) {
			continue // text before or after the table
		}
		filled = filled && i < len(row) && strings.TrimSpace(row[i]) != ""
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
	return clean(unwrap(row[i]), maxShort)
}

// ofAccount leaves the rows of an account. A file that surely has several needs one.
func (h headers) ofAccount(c columns, all []record, want string) ([]record, error) {
	rows := make([][]string, len(all))
	for i, row := range all {
		rows[i] = row.fields
	}
	sure, maybe := h.accountColumns(c, rows)
	for _, i := range append(sure, maybe...) {
		accounts := accountsIn(rows, i)
		switch {
		case len(accounts) < 2 && want == "":
		case want == "" && !slices.Contains(sure, i): // asked about, and answered
		case want == "":
			return nil, invalid("account", "is missing: %s", h.severalAccounts(i, accounts))
		case slices.Contains(accounts, want):
			return slices.DeleteFunc(slices.Clone(all), func(row record) bool { return accountIn(row.fields, i) != want }), nil
		}
	}
	if want != "" {
		return nil, invalid("account", "%s is no value of a column of accounts: leave it out", quote(want))
	}
	return all, nil
}

func (h headers) severalAccounts(i int, accounts []string) string {
	told := strings.Join(accounts[:min(len(accounts), maxTellingAccounts)], ", ")
	return "the file holds more than one account under " + quote(h.shown[i]) + ", " + told +
		": choose whose movements are meant; if these are other people's accounts, call the column Counterparty"
}

// tellColumns asks whose movements are meant in a CSV of several accounts.
func (p *Proposal) tellColumns(h headers, c columns, rows [][]string) {
	sure, maybe := h.accountColumns(c, rows)
	for _, i := range append(sure, maybe...) {
		accounts := accountsIn(rows, i)
		switch {
		case len(accounts) < 2:
		case slices.Contains(sure, i):
			p.unsure("account", h.severalAccounts(i, accounts), accounts[:min(len(accounts), maxAccounts)]...)
			return
		default:
			p.unsure("account", "under "+quote(h.shown[i])+" are "+strings.Join(accounts, ", ")+
				": where these are accounts of your own, choose whose movements are meant; where they are other people's, or cards of one account, leave account empty and read all", accounts...)
			return
		}
	}
}
