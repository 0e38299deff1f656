package statement

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Column names a column of a CSV: by its header ("Booking date"; case and
// spaces do not count) or by its place, from the left ("#3", from 1).
type Column string

// Mapping says how a CSV is to be read. Of a QIF file it says DateLayout (its
// order of day, month and year is what counts) and DecimalMark, when these
// cannot be found from the file; Encoding and Inverted count for every format.
type Mapping struct {
	// Delimiter stands between the columns: "," ";" "|" or a tab.
	Delimiter string `json:"delimiter,omitempty"`
	// SkipLines is how many lines of the file stand before the header, or
	// before the first row where there is none.
	SkipLines int `json:"skipLines,omitempty"`
	// NoHeader: the first row holds data, columns are named by place.
	NoHeader bool `json:"noHeader,omitempty"`

	Date Column `json:"date,omitempty"`
	// DateLayout is written with DD, MM (or MMM: Jan), YYYY or YY, HH, mm, ss
	// and what stands between them; or EXCEL, UNIX or UNIX-MS, where dates are numbers:
	// days since the end of 1899, seconds or milliseconds since 1970.
	DateLayout string `json:"dateLayout,omitempty"`

	// Either Amount, which is signed unless Direction is given (a column that
	// says debit or credit, S or H), or Debit and Credit, or one of the two. Of OFX,
	// Direction is OFXType or OFXSign.
	Amount    Column `json:"amount,omitempty"`
	Direction Column `json:"direction,omitempty"`
	Debit     Column `json:"debit,omitempty"`
	Credit    Column `json:"credit,omitempty"`
	// Minus says what a minus in a column of debits or credits means: MinusColumn, the
	// column's amounts are written so; MinusOpposite, the money goes the other way, as
	// a refund does. Empty: as most amounts of the column are written.
	Minus string `json:"minus,omitempty"`
	// DecimalMark is "." or ",".
	DecimalMark string `json:"decimalMark,omitempty"`
	// Inverted turns the signs of amounts that no word and no plus marks as
	// credit or debit: credit cards' statements often list what was bought
	// without a minus. Other formats: every sign.
	Inverted bool `json:"inverted,omitempty"`

	// Description may be several columns (payee, purpose), joined by a space.
	Description []Column `json:"description,omitempty"`
	Category    Column   `json:"category,omitempty"`
	// Currency is the column of the amounts' currencies; empty: as the amounts, their header or
	// the lines around the table name it; "-": all are in the wallet's, whatever these lines say.
	Currency  Column `json:"currency,omitempty"`
	Reference Column `json:"reference,omitempty"`

	// Encoding is utf-8, utf-16 or a code page such as windows-1250 or
	// iso-8859-2; empty: found by the words that the file's letters make.
	Encoding string `json:"encoding,omitempty"`

	// Account is whose movements are read where a file holds those of several
	// accounts: one of those that a proposal lists.
	Account string `json:"account,omitempty"`
	// AccountColumn says to which of one's own accounts a CSV's row belongs; empty: the
	// column is found by its header and values; "-": no column does, those that look like it
	// are other people's accounts, or cards of one account.
	AccountColumn Column `json:"accountColumn,omitempty"`

	// Fee is the column of charges beside the amounts, which become lines of their
	// own; "-": they are not booked. FeeMode says whether they were added to the
	// amounts or are included in them.
	Fee     Column `json:"fee,omitempty"`
	FeeMode string `json:"feeMode,omitempty"`
}

// The values of Mapping.Minus.
const (
	MinusColumn   = "column"
	MinusOpposite = "opposite"
)

// What Mapping.Direction is for OFX, where the type of a transaction and the sign of its
// amount contradict each other: the one that counts.
const (
	OFXType Column = "TRNTYPE"
	OFXSign Column = "TRNAMT"
)

// maxColumns bounds how wide a row and a list of columns may be.
const maxColumns = 200

func (m Mapping) check(format Format) error {
	if _, known := encodings[m.Encoding]; !known && m.Encoding != "" {
		return invalid("encoding", "must be empty or one of %s", encodingNames())
	}
	switch format {
	case OFX:
		if m.Direction != "" && m.Direction != OFXType && m.Direction != OFXSign {
			return invalid("direction", "of an OFX file must be empty, %s or %s", OFXType, OFXSign)
		}
		return nil
	case CAMT, MT940:
		return nil
	case CSV, QIF:
	default:
		return errFormat
	}
	if m.DateLayout != "" {
		if _, err := goLayout(m.DateLayout); err != nil {
			return invalid("dateLayout", "%s", err.Error())
		}
	}
	if m.DecimalMark != "" && m.DecimalMark != "." && m.DecimalMark != "," {
		return invalid("decimalMark", `must be "." or ","`)
	}
	if format == QIF {
		return nil
	}
	switch {
	case m.DateLayout == "":
		return invalid("dateLayout", "is missing: write for instance DD.MM.YYYY")
	case m.DecimalMark == "":
		return invalid("decimalMark", `is missing: "." or ","`)
	case len(m.Delimiter) != 1 || !strings.Contains(delimiters, m.Delimiter):
		return invalid("delimiter", `must be ",", ";", "|" or a tab`)
	case m.SkipLines < 0 || m.SkipLines > MaxLines:
		return invalid("skipLines", "must be from 0 to %d", MaxLines)
	case m.Date == "":
		return invalid("date", "is missing: name the column with the date")
	case m.Amount == "" && m.Debit == "" && m.Credit == "":
		return invalid("amount", "is missing: name the column with the amount, or those of debit and credit")
	case m.Amount != "" && (m.Debit != "" || m.Credit != ""):
		return invalid("amount", "is given beside debit or credit: name either the amount or these")
	case m.Minus != "" && m.Minus != MinusColumn && m.Minus != MinusOpposite:
		return invalid("minus", "must be %s or %s", MinusColumn, MinusOpposite)
	case m.Direction != "" && m.Amount == "":
		return invalid("direction", "belongs to an amount: name its column")
	case m.Account != "" && m.AccountColumn == notThere:
		return invalid("account", "is given though accountColumn says that there are no accounts: leave one of both out")
	case m.booksFees() && m.FeeMode != FeeAdded && m.FeeMode != FeeIncluded:
		return invalid("feeMode", "must be added (the fees went off on top of the amounts) or included (the amounts have them in them)")
	case len(m.Description) > maxColumns:
		return invalid("description", "names more than %d columns", maxColumns)
	}
	return nil
}

// headers finds columns by name or place.
type headers struct {
	names []string // normalised; nil when there is no header
	shown []string
}

func newHeaders(row []string) headers {
	h := headers{names: []string{}}
	for _, name := range row {
		h.names = append(h.names, header(name))
		h.shown = append(h.shown, clean(name, maxShort))
	}
	return h
}

func header(name string) string { return strings.ToLower(clean(name, maxShort)) }

// column names a column: by its header, by its place where that is not the only such one.
func (h headers) column(i int) Column {
	if i < len(h.names) && h.names[i] != "" && !strings.HasPrefix(h.names[i], "#") && h.names[i] != string(notThere) &&
		slices.Index(h.names, h.names[i]) == i && !slices.Contains(h.names[i+1:], h.names[i]) {
		return Column(h.shown[i])
	}
	return Column(fmt.Sprintf("#%d", i+1))
}

// find gives a column's index, -1 for a column that is not asked for.
func (h headers) find(field string, column Column) (int, error) {
	if column == "" {
		return -1, nil
	}
	found := -1
	for i, name := range h.names {
		if name == "" || name != header(string(column)) {
			continue
		}
		if found >= 0 {
			return 0, invalid(field, "the header has %s twice: name the column by its place, #%d or #%d", quote(string(column)), found+1, i+1)
		}
		found = i
	}
	if found >= 0 {
		return found, nil
	}
	if place, ok := strings.CutPrefix(string(column), "#"); ok {
		if i, err := strconv.Atoi(place); err == nil && i >= 1 && i <= maxColumns {
			return i - 1, nil
		}
		return 0, invalid(field, "%s is no column's place: write #1 to #%d", quote(string(column)), maxColumns)
	}
	if h.names == nil {
		return 0, invalid(field, "the file has no header: name the column by its place, such as #3, not %s", quote(string(column)))
	}
	return 0, invalid(field, "the header has no column %s; it has: %s", quote(string(column)), clean(strings.Join(h.shown, ", "), 300))
}
