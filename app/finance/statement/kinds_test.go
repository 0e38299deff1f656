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

func TestACommissionBesideTheAmountIsTold(t *testing.T) {
	lines, bad, err := proposed(t, "Date,Description,Amount,Commission\n2026-09-13,A,-10.00,-0.50\n2026-09-14,B,-20.00,0.00\n")
	require.NoError(t, err)
	require.Len(t, lines, 2)
	require.Len(t, bad, 1)
	require.Contains(t, bad[0].Reason, `under "Commission" is not`)
}
