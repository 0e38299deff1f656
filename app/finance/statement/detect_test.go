package statement

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
)

// fields are those that a proposal leaves open.
func fields(p Proposal) []string {
	var out []string
	for _, a := range p.Ambiguities {
		out = append(out, string(a.Field))
	}
	return out
}

func TestDetectFiles(t *testing.T) {
	for name, c := range map[string]struct {
		file   string
		want   Mapping
		unsure []string
	}{
		"a German account with lines before the header": {"girokonto.csv", Mapping{
			Delimiter: ";", SkipLines: 3, Date: "Buchungsdatum", DateLayout: "DD.MM.YY", Amount: "Betrag (€)", DecimalMark: ",",
			Description: []Column{"Zahlungsempfänger*in", "Verwendungszweck"},
		}, nil},
		"the same in Windows-1252": {"girokonto-1252.csv", Mapping{
			Delimiter: ";", SkipLines: 3, Date: "Buchungsdatum", DateLayout: "DD.MM.YY", Amount: "Betrag (€)", DecimalMark: ",",
			Description: []Column{"Zahlungsempfänger*in", "Verwendungszweck"}, Encoding: "windows-1252",
		}, nil},
		"debit and credit": {"checking.csv", Mapping{
			Delimiter: ",", Date: "Date", DateLayout: "MM/DD/YYYY", Debit: "Paid out", Credit: "Paid in", DecimalMark: ".",
			Description: []Column{"Description"}, Currency: "Currency",
		}, nil},
		"no header: the balance may be the amount": {"bare.csv", Mapping{
			Delimiter: ";", NoHeader: true, Date: "#1", DateLayout: "YYYY-MM-DD", Amount: "#3", DecimalMark: ".", Description: []Column{"#2"},
		}, []string{"amount"}},
	} {
		t.Run(name, func(t *testing.T) {
			raw := open(t, c.file)
			p, err := Detect(CSV, bytes.NewReader(raw))
			require.NoError(t, err)
			require.Equal(t, c.want, p.Mapping)
			require.Equal(t, c.unsure, fields(p))
			lines, _, err := Parse(CSV, bytes.NewReader(raw), p.Mapping)
			require.NoError(t, err)
			require.NotEmpty(t, lines, "what is proposed can be used")
		})
	}
}

func TestDetectTellsWhatIsOpen(t *testing.T) {
	for name, c := range map[string]struct {
		text    string
		unsure  []string
		choices []string // of the first
	}{
		"day and month":           {"Date,Amount,Text\n01/02/2026,-1.50,a\n", []string{"dateLayout"}, []string{"DD/MM/YYYY", "MM/DD/YYYY"}},
		"a 13th settles it":       {"Date,Amount,Text\n01/02/2026,-1.50,a\n01/13/2026,-1.50,a\n", nil, nil},
		"two ways in one file":    {"Date,Amount,Text\n13/02/2026,-1.50,a\n14/02/2026,-1.50,a\n02/13/2026,-1.50,a\n01/02/2026,-1.50,a\n", []string{"dateLayout"}, []string{"DD/MM/YYYY", "MM/DD/YYYY"}},
		"what is no date":         {"Date,Amount,Text\n13/02/2026,-1.50,a\nTotal,-1.50,\n", nil, nil},
		"the decimal mark":        {"Datum;Betrag;Text\n13.02.2026;-1.500;a\n", []string{"decimalMark"}, []string{".", ","}},
		"marks in conflict":       {"Datum;Betrag;Text\n13.02.2026;-1.50;a\n13.02.2026;-1,50;a\n", []string{"decimalMark"}, []string{".", ","}},
		"no amount is negative":   {"Date,Amount,Text\n2026-02-01,1.50,a\n", []string{"inverted"}, []string{"false", "true"}},
		"a side needs no sign":    {"Date,Amount,Debit/Credit,Text\n2026-02-01,1.50,D,a\n", nil, nil},
		"only one of the pair":    {"Date,Debit,Text\n2026-02-01,1.50,a\n", []string{"debit"}, nil},
		"no description":          {"Date,Amount\n2026-02-01,-1.50\n", []string{"description"}, nil},
		"a layout nobody knows":   {"Date,Amount,Text\n115/02/01,-1.50,a\n", []string{"dateLayout"}, nil},
		"no dates at all":         {"a,b\nc,d\n", []string{"date"}, nil},
		"a header and no lines":   {"Date,Amount,Text\n", []string{"file"}, nil},
		"a header in other words": {"Fecha;Importe;Concepto\n13.02.2026;-1,50;pan\n", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Detect(CSV, strings.NewReader(c.text))
			require.NoError(t, err)
			require.Equal(t, c.unsure, fields(p))
			if c.choices != nil {
				require.Equal(t, c.choices, p.Ambiguities[0].Choices)
			}
		})
	}
}

func TestDetectOtherWordsAndFormats(t *testing.T) {
	p, err := Detect(CSV, strings.NewReader("Fecha;Importe;Concepto\n13.02.2026;-1,50;pan\n"))
	require.NoError(t, err)
	require.Equal(t, Mapping{Delimiter: ";", Date: "Fecha", DateLayout: "DD.MM.YYYY", Amount: "Importe", DecimalMark: ",",
		Description: []Column{"Concepto"}}, p.Mapping)

	p, err = Detect(QIF, bytes.NewReader(open(t, "quicken.qif")))
	require.NoError(t, err)
	require.Equal(t, Proposal{Mapping: Mapping{DateLayout: "MM/DD/YYYY", DecimalMark: "."}, Accounts: []string{"Everyday"}}, p)
	p, err = Detect(QIF, strings.NewReader("!Type:Bank\nD02/03/2026\nT1,000\n^\n"))
	require.NoError(t, err)
	require.Equal(t, []string{"dateLayout", "decimalMark"}, fields(p))

	both := "!Type:Bank\nD02/13/2026\nT1.00\n^\nD02/14/2026\nT1.00\n^\nD13/02/2026\nT1.00\n^\n"
	p, err = Detect(QIF, strings.NewReader(both))
	require.NoError(t, err)
	require.Equal(t, []string{"dateLayout"}, fields(p))
	_, _, err = Parse(QIF, strings.NewReader(both), Mapping{})
	require.ErrorContains(t, err, "written in two ways")

	p, err = Detect(OFX, bytes.NewReader(open(t, "bank.ofx")))
	require.NoError(t, err)
	require.Empty(t, p.Ambiguities)

	var wrong apperror.Invalid
	_, err = Detect(CSV, strings.NewReader("hello\nworld\n"))
	require.ErrorAs(t, err, &wrong)
	_, err = Detect(CSV, strings.NewReader(""))
	require.ErrorAs(t, err, &wrong)
}

func TestDetectLooksAtTheBeginningOnly(t *testing.T) {
	text := "Date,Amount,Text\n" + strings.Repeat("2026-11-13,-1.50,something bought\n", sampleBytes/30)
	require.Greater(t, len(text), sampleBytes)
	p, err := Detect(CSV, strings.NewReader(text))
	require.NoError(t, err)
	require.Empty(t, p.Ambiguities)
	require.Len(t, p.Rows, previewRows)
}

func TestCurrencyOfAHeader(t *testing.T) {
	for column, want := range map[string]string{
		"Betrag (€)": "EUR", "Amount in USD": "USD", "Betrag (EUR)": "EUR", "Amount": "", "VAT": "", "#3": "",
		"Kwota (PLN)": "PLN", "Amount_SEK": "SEK", "Amount ($)": "", "PAID OUT ALL": "", "金額(円)": "JPY",
	} {
		require.Equal(t, want, unitOf(column).currency, column)
	}
}
