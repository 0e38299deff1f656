package statement

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMT940(t *testing.T) {
	const head = ":20:STARTUMS\n:25:10020030/1234567\n:28C:1/1\n"
	for name, c := range map[string]struct {
		text  string
		lines []string
		bad   map[int]string
	}{
		"German: subfields that were cut at 27 letters, SEPA marks, a reference that says none": {
			head + ":60F:C260929EUR100,00\n:61:2609300930DR12,34N005NONREF//B7\n:86:177?00SEPA-LASTSCHRIFT?109310?20EREF+K-1?21SVWZ+Invoice 7 of the month?22 of Septem\nber?30GENODEF1ABC?31DE1234?32Corner Gro?33cer\n" +
				":61:2610011001CR2000,N054NONREF\n:86:166?00GUTSCHRIFT?20Salary?32Employer\n:62F:C261001EUR2087,66\n-\n",
			[]string{"2026-09-30T00:00|-12.34|EUR|Corner Gro cer Invoice 7 of the month of September||B7", "2026-10-01T00:00|2000|EUR|Employer Salary||"}, nil,
		},
		"Dutch: keywords, in an envelope": {
			"{1:F01BANKNL2AXXXX}{2:I940}{4:\n:20:X\n:25:NL11BANK0123456789\n:28C:1\n:60F:D260901EUR5,\n:61:260902D7,50NTRFEREF//26-1\n/TRCD/00100/\n" +
				":86:/TRTP/SEPA OVERBOEKING/IBAN/NL22BANK/BIC/BANKNL2A/NAME/Bakker Zon/REMI\n/USTD//Factuur 41/EREF/NOTPROVIDED\n:61:260903C1,N999NONREF\n:86:/EREF/E//CNTP/NL33/BANKNL2A/J. Jansen/Utrecht///REMI/USTD//Terug/\n:62F:D260903EUR11,50\n-}\n",
			[]string{"2026-09-02T00:00|-7.5|EUR|Bakker Zon Factuur 41||26-1", "2026-09-03T00:00|1|EUR|J. Jansen Terug||"}, nil,
		},
		"text without form; without :86: the details of :61:": {
			head + ":61:2609300930D1,NMSCREF1\nCARD 1234 KIOSK\n:61:2609300930C2,NMSCNONREF\n:86:Dividend of the second\nquarter\n",
			[]string{"2026-09-30T00:00|-1||CARD 1234 KIOSK||REF1", "2026-09-30T00:00|2||Dividend of the second quarter||"}, nil,
		},
		"the year of an entry is the one beside its value date": {
			head + ":61:2612310102D1,NMSCNONREF\n:61:2701021231D2,NMSCNONREF\n:61:2803010229D3,NMSCNONREF\n",
			[]string{"2027-01-02T00:00|-1||||", "2026-12-31T00:00|-2||||", "2028-02-29T00:00|-3||||"}, nil,
		},
		"what was taken back goes the other way": {
			head + ":60F:C260930EUR0,\n:61:260930RC5,NTRFNONREF\n:61:260930RD7,NTRFNONREF\n:62F:C260930EUR2,\n",
			[]string{"2026-09-30T00:00|-5|EUR|||", "2026-09-30T00:00|7|EUR|||"}, nil,
		},
		"pages of one statement": {
			head + ":60F:C260930EUR0,\n:61:260930C5,NTRFNONREF\n:62M:C260930EUR5,\n-\n:20:STARTUMS\n:25:10020030/1234567\n:28C:1/2\n:60M:C260930EUR5,\n:61:260930D1,NTRFNONREF\n:62F:C260930EUR4,\n-\n",
			[]string{"2026-09-30T00:00|5|EUR|||", "2026-09-30T00:00|-1|EUR|||"}, nil,
		},
		"a movement that is refused counts in the sum when its amount is known": {
			head + ":60F:C260930EUR0,\n:61:260930C5,NTRFNONREF\n:61:2609301301C1,NTRFNONREF\n:62F:C260930EUR6,\n",
			[]string{"2026-09-30T00:00|5|EUR|||"}, map[int]string{6: "is not a day"},
		},
		"spaces for the entry date, zeros before the amount, a name behind the other account": {
			head + ":60F:C260930EUR0000000000000010,00\n:61:260930    D000000000000005,00N0440121470966      W.P. Jansen\n:86:Rent\n:62F:C260930EUR5,\n",
			[]string{"2026-09-30T00:00|-5|EUR|W.P. Jansen Rent||0121470966"}, nil,
		},
		"interest to the thirtieth of February": {
			head + ":61:2602300301C1,NINTNONREF\n", []string{"2026-03-01T00:00|1||||"}, nil,
		},
		"references that the bank gives to several movements, and words for none": {
			head + ":61:260930C1,NTRFNONREF//DAY\n:61:260930C1,NTRFNONREF//DAY\n:61:260930C2,NTRFEREF\n:61:260930C3,NTRFNONREF//X\n",
			[]string{"2026-09-30T00:00|1||||", "2026-09-30T00:00|1||||", "2026-09-30T00:00|2||||", "2026-09-30T00:00|3||||X"}, nil,
		},
		"other separators, no code, and the separator in the text": {
			head + ":61:260930D1,NTRFNONREF\n:86:~00KIND~20Invoice 8~32Corner Grocer\n:61:260930D2,NTRFNONREF\n:86:020^00KIND^20Invoice 9\n",
			[]string{"2026-09-30T00:00|-1||Corner Grocer Invoice 8||", "2026-09-30T00:00|-2||Invoice 9||"}, nil,
		},
		"the same statement twice": {
			strings.Repeat(head+":61:260930C5,NTRFNONREF\n-\n", 2),
			[]string{"2026-09-30T00:00|5||||"}, map[int]string{6: "before already"},
		},
		"lines that say too little": {
			head + ":61:260930X5,NTRF\n:61:260931C5,NTRFNONREF\n:61:2609301301C5,NTRFNONREF\n:61:260930C1.234,50NTRFNONREF\n:61:260930C5.00NTRFNONREF\n:61:260930ED5,NTRFNONREF\n:61:260930C0,NTRFNONREF\n:61:260930C1,NTRFNONREF\n",
			[]string{"2026-09-30T00:00|1||||"},
			map[int]string{4: "is not a movement", 5: "is not a date", 6: "is not a day", 7: "is not an amount", 8: "is not an amount", 9: "not booked", 10: "zero"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, text := range []string{c.text, strings.ReplaceAll(c.text, "\n", "\r\n")} {
				require.Equal(t, MT940, FormatOf([]byte(text)))
				p, err := Detect(MT940, strings.NewReader(text))
				require.NoError(t, err)
				require.Empty(t, p.Ambiguities)
				lines, bad, err := Parse(MT940, strings.NewReader(text), p.Mapping)
				require.NoError(t, err)
				require.Equal(t, c.lines, shown(lines))
				requireBad(t, c.bad, bad)
			}
		})
	}
	require.Equal(t, CSV, FormatOf([]byte("Date;Text\n2026-11-01;:20: :25: camt.053")))
}

func TestMT940ThatIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"nothing booked": {":20:A\n:25:1\n:28C:1\n:60F:C260930EUR0,\n:62F:C260930EUR0,\n", "no transactions"},
		"balances that the movements do not explain": {":20:A\n:25:1\n:60F:C260930EUR0,\n:61:260930C5,NTRFNONREF\n:62F:C260930EUR6,\n",
			"add up to 5.00, but its balances differ by 6.00, so that 1.00 is missing or too much"},
		"cut off within a statement":    {":20:A\n:25:1\n:60F:C260930EUR0,\n:61:260930C5,NTRFNONREF\n", "ends within"},
		"a balance that cannot be read": {":20:A\n:25:1\n:60F:C260930EUR0.00\n:61:260930C5,NTRFNONREF\n:62F:C260930EUR6,\n", "is not a balance"},
		"two opening balances":          {":20:A\n:25:1\n:60F:C260930EUR0,\n:60F:C260930EUR1,\n", "two balances"},
		"another currency at the end":   {":20:A\n:25:1\n:60F:C260930EUR0,\n:61:260930C5,NTRFNONREF\n:62F:C260930USD5,\n", "begins in EUR and ends in USD"},
		"a page that is missing": {":20:A\n:25:1\n:28C:1/1\n:60F:C260930EUR0,\n:61:260930C5,NTRFNONREF\n:62M:C260930EUR5,\n:20:A\n:25:1\n:28C:1/3\n:60M:C260930EUR7,\n:61:260930C1,NTRFNONREF\n:62F:C260930EUR8,\n",
			"a page is missing"},
		"two accounts":       {":20:A\n:25:1\n:61:260930C5,NTRFNONREF\n:20:A\n:25:2\n:61:260930C5,NTRFNONREF\n", "more than one account"},
		"too many movements": {":20:A\n:25:1\n" + strings.Repeat(":61:260930C5,NTRFNONREF\n", MaxMovements+1), "at most so many"},
		"too many bad lines": {":20:A\n:25:1\n" + strings.Repeat(":61:x\n", MaxMovements+1), "at most so many"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Parse(MT940, strings.NewReader(c.text), Mapping{})
			require.ErrorContains(t, err, c.says)
		})
	}
}
