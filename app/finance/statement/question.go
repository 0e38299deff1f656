package statement

// Field is what of a file a question is about: a field of the mapping, the file itself,
// or the accounts that it names.
type Field string

// What may be asked.
const (
	AskFile        Field = "file" // it cannot be read at all
	AskEncoding    Field = "encoding"
	AskAccount     Field = "account"
	AskDate        Field = "date"
	AskDateLayout  Field = "dateLayout"
	AskAmount      Field = "amount"
	AskDebit       Field = "debit"
	AskDirection   Field = "direction"
	AskMinus       Field = "minus"
	AskDecimalMark Field = "decimalMark"
	AskInverted    Field = "inverted"
	AskCurrency    Field = "currency"
	AskFee         Field = "fee"
	AskFeeMode     Field = "feeMode"
	AskDescription Field = "description"
	AskAccounts    Field = "accounts" // which wallets the other sides of transfers are
)

// Fields are all that may be asked.
func Fields() []Field {
	return []Field{
		AskFile, AskEncoding, AskAccount, AskDate, AskDateLayout, AskAmount, AskDebit, AskDirection, AskMinus,
		AskDecimalMark, AskInverted, AskCurrency, AskFee, AskFeeMode, AskDescription, AskAccounts,
	}
}

// Ambiguity is a field of the mapping that the file does not settle.
type Ambiguity struct {
	Field   Field
	Reason  string
	Choices []string // values of the field that fit; may be empty
	// or are other fields whose value answers it as well, if it is not as proposed.
	or []Field
	// contradicts: what was answered for another file speaks against this one.
	contradicts bool
}

func (p *Proposal) ask(a Ambiguity) { p.Ambiguities = append(p.Ambiguities, a) }

func (p *Proposal) unsure(field Field, reason string, choices ...string) {
	p.ask(Ambiguity{Field: field, Reason: reason, Choices: choices})
}
