package statement

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// proposed reads a CSV file as its preview proposes it.
func proposed(t *testing.T, file string) ([]Line, []Bad, error) {
	t.Helper()
	p, err := Detect(CSV, strings.NewReader(file))
	require.NoError(t, err)
	return Parse(CSV, strings.NewReader(file), p.Mapping)
}

func TestFilesOfSeveralAccountsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		file    string
		refused string // a part of the reason; empty: it is read
	}{
		"an account column beside the other party's": {
			"Rekeningnummer;Tegenrekening;Datum;Omschrijving;Bedrag\n1;77;13-09-2026;A;-1,00\n2;78;14-09-2026;B;-2,00\n", "more than one account"},
		"few accounts in every row": {
			"IBAN;Buchungstag;Text;Betrag\nDE1;13.09.2026;A;-1,00\nDE2;14.09.2026;B;-2,00\nDE1;15.09.2026;C;-3,00\nDE2;16.09.2026;D;-4,00\n", "more than one account"},
		"one account beside the other party's": {
			"Konto;Gegenkonto;Buchungstag;Text;Betrag\n1;77;13.09.2026;A;-1,00\n1;78;14.09.2026;B;-2,00\n", ""},
		"the other parties' accounts, one missing": {
			"Buchungstag;Text;IBAN;Betrag\n13.09.2026;A;DE1;-1,00\n14.09.2026;B;;-2,00\n15.09.2026;C;DE1;-3,00\n16.09.2026;D;DE2;-4,00\n", ""},
		"as many other parties as rows": {
			"Buchungstag;Text;IBAN;Betrag\n13.09.2026;A;DE1;-1,00\n14.09.2026;B;DE2;-2,00\n15.09.2026;C;DE3;-3,00\n16.09.2026;D;DE4;-4,00\n", ""},
		"several cards of one account": {
			"Date,Card No.,Description,Debit,Credit\n2026-09-13,1234,A,1.00,\n2026-09-14,5678,B,2.00,\n2026-09-15,1234,C,3.00,\n2026-09-16,5678,D,4.00,\n", ""},
		"a table for each account": {
			"Date,Description,Amount\n2026-09-13,A,-1.00\n2026-09-14,C,-1.50\nDate,Description,Amount\n2026-09-15,B,-2.00\n", "its header once more in line 4"},
	} {
		t.Run(name, func(t *testing.T) {
			lines, bad, err := proposed(t, c.file)
			if c.refused != "" {
				require.ErrorContains(t, err, c.refused)
				return
			}
			require.NoError(t, err)
			require.Empty(t, bad)
			require.NotEmpty(t, lines)
		})
	}
}

func TestBalancesAmongTheRowsAreTold(t *testing.T) {
	for name, file := range map[string]string{
		"English":    "Date,Description,Amount\n2026-09-01,Opening Balance,100.00\n2026-09-13,Rewe,-1.00\n2026-09-30,Closing Balance,99.00\n",
		"Portuguese": "Data;Histórico;Valor\n01/09/2026;SALDO ANTERIOR;1.000,00\n13/09/2026;Mercado;-3,00\n30/09/2026;SALDO TOTAL DISPONÍVEL DIA;997,00\n",
		"Japanese":   "Date,Description,Amount\n2026-09-01,前月繰越,1000\n2026-09-13,Conbini,-300\n",
	} {
		t.Run(name, func(t *testing.T) {
			lines, bad, err := proposed(t, file)
			require.NoError(t, err)
			require.Len(t, lines, 1)
			require.NotEmpty(t, bad)
			for _, b := range bad {
				require.Contains(t, b.Reason, "is a balance and no movement")
			}
		})
	}
}

func TestAFeeThatIsNotBookedIsTold(t *testing.T) {
	lines, bad, err := Parse(CSV, strings.NewReader("Date,Description,Amount,Commission\n2026-09-13,A,-10.00,-0.50\n2026-09-14,B,-20.00,0.00\n"),
		Mapping{Delimiter: ",", Date: "Date", DateLayout: "YYYY-MM-DD", Amount: "Amount", DecimalMark: "."})
	require.NoError(t, err)
	require.Len(t, lines, 2)
	require.Len(t, bad, 1)
	require.Contains(t, bad[0].Reason, `under "Commission" is not`)
}

// accountsAsked reads a CSV file and returns the choices of the question whose movements are meant.
func accountsAsked(t *testing.T, file string) (choices []string, p Proposal) {
	t.Helper()
	p, err := Detect(CSV, strings.NewReader(file))
	require.NoError(t, err)
	for _, a := range p.Ambiguities {
		if a.Field == "account" {
			choices = a.Choices
		}
	}
	return choices, p
}

// Where nothing tells whether accounts are one's own, the person is asked; who chooses
// one gets its movements alone.
func TestAccountsOfACSVAreChosen(t *testing.T) {
	for name, c := range map[string]struct {
		file    string
		choices []string
	}{
		"two rows under IBAN":        {"IBAN;Buchungstag;Text;Betrag\nDE1;13.09.2026;A;-1,00\nDE2;14.09.2026;B;-2,00\n", []string{"DE1", "DE2"}},
		"Konto, text at the end":     {"Konto;Datum;Text;Betrag\n1;13.09.2026;A;-1,00\n2;14.09.2026;B;-2,00\n;;Ende;\n", []string{"1", "2"}},
		"numéro compte":              {"Numéro compte;Date;Libellé;Montant\n1;13/09/2026;A;-1,00\n2;14/09/2026;B;-2,00\n", []string{"1", "2"}},
		"číslo účtu":                 {"Číslo účtu;Datum;Popis;Částka\n1;13.09.2026;A;-1,00\n2;14.09.2026;B;-2,00\n", []string{"1", "2"}},
		"cards":                      {"Transaction Date,Posted Date,Card No.,Description,Category,Debit,Credit\n2026-09-13,2026-09-14,1234,A,X,1.00,\n2026-09-14,2026-09-15,5678,B,X,2.00,\n", []string{"1234", "5678"}},
		"pots of an account":         {"Product,Date,Description,Amount\nCurrent,2026-09-13,A,-1.00\nCurrent,2026-09-13,C,-1.00\nSavings,2026-09-14,B,-2.00\n", []string{"Current", "Savings"}},
		"accounts in Japanese":       {"口座番号,日付,内容,金額\n1,2026/09/13,A,-100\n2,2026/09/14,B,-200\n", []string{"1", "2"}},
		"surely one's own":           {"Account,Date,Description,Amount\n1,2026-09-13,A,-1.00\n2,2026-09-14,B,-2.00\n", []string{"1", "2"}},
		"in blocks after a while":    {"IBAN,Date,Description,Amount\n" + strings.Repeat("DE1,2026-09-13,"+strings.Repeat("long ", 60)+",-1.00\n", 1200) + "DE2,2026-09-14,B,-2.00\n", []string{"DE1", "DE2"}},
		"one account":                {"IBAN;Buchungstag;Text;Betrag\nDE1;13.09.2026;A;-1,00\nDE1;14.09.2026;B;-2,00\n", nil},
		"other parties, one missing": {"Buchungstag;Text;IBAN;Betrag\n13.09.2026;A;DE1;-1,00\n14.09.2026;B;;-2,00\n", nil},
		"the other party's, by name": {"Buchungstag;Text;IBAN Empfänger;Betrag\n13.09.2026;A;DE1;-1,00\n14.09.2026;B;DE2;-2,00\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			choices, p := accountsAsked(t, c.file)
			require.Equal(t, c.choices, choices)
			if choices == nil {
				return
			}
			p.Mapping.Account = choices[1]
			lines, bad, err := Parse(CSV, strings.NewReader(c.file), p.Mapping)
			require.NoError(t, err)
			require.Empty(t, bad)
			require.Len(t, lines, 1)
			require.Equal(t, "B", lines[0].Description)
			p.Mapping.Account = "another"
			_, _, err = Parse(CSV, strings.NewReader(c.file), p.Mapping)
			require.ErrorContains(t, err, `"another" is no value of a column of accounts`)
		})
	}
}
