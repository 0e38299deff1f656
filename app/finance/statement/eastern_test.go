package statement

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/charmap"
)

// easternFiles are statements by their encoding, with a description that they hold.
var easternFiles = map[string]struct{ file, description string }{
	"gb18030":   {"交易日期,摘要,金额,余额\n2026-09-03,超市购物,-32.50,967.50\n2026-09-14,工资,4000.00,4967.50\n", "超市购物"},
	"big5":      {"交易日期,摘要,支出,存入,餘額\n2026/09/03,超商購物,320,,680\n2026/09/14,薪資轉帳,,40000,40680\n", "超商購物"},
	"shift_jis": {"日付,内容,金額\n2026/09/03,パン屋,-320\n2026/09/14,給与振込,400000\n", "パン屋"},
	"euc-jp":    {"日付,内容,金額\n2026/09/03,ローソン新宿店,-320\n2026/09/14,給与振込,400000\n", "ローソン新宿店"},
	"euc-kr":    {"거래일자,적요,출금액,입금액,잔액\n2026-09-03,편의점,3200,,6800\n2026-09-14,급여,,400000,406800\n", "편의점"},
}

func TestEncodingsOfEastAsiaAreFoundByWhatIsWrittenOften(t *testing.T) {
	for name, c := range easternFiles {
		t.Run(name, func(t *testing.T) {
			raw, err := encodings[name].NewEncoder().Bytes([]byte(c.file))
			require.NoError(t, err)
			p, err := Detect(CSV, bytes.NewReader(raw))
			require.NoError(t, err)
			require.Equal(t, name, p.Mapping.Encoding)
			require.Empty(t, p.Ambiguities)
			lines, bad, err := Parse(CSV, bytes.NewReader(raw), p.Mapping)
			require.NoError(t, err)
			require.Empty(t, bad)
			require.Equal(t, c.description, lines[0].Description)
			require.Equal(t, []int{-1, 1}, []int{lines[0].Amount.Sign(), lines[1].Amount.Sign()})
		})
	}
}

// Texts of other encodings are not taken for those of East Asia.
func TestWesternTextsAreNotEastern(t *testing.T) {
	for name, c := range map[string]struct {
		code *charmap.Charmap
		file string
	}{
		"windows-1252": {charmap.Windows1252, "Datum;Text;Betrag\n03.09.2026;Bäckerei Müller Übergröße;-3,20\n04.09.2026;Café Zoë;-4,00\n"},
		"windows-1250": {charmap.Windows1250, "Datum;Popis;Částka\n03.09.2026;Řeznictví U Šťávy;-3,20\n04.09.2026;Žluťoučká čajovna;-4,00\n"},
		"windows-1251": {charmap.Windows1251, "Дата;Описание;Сумма\n03.09.2026;МАГАЗИН ПЯТЕРОЧКА;-250,00\n04.09.2026;Аптека;-4,00\n"},
		"koi8-r":       {charmap.KOI8R, "Дата;Описание;Сумма\n03.09.2026;Магазин продуктов;-250,00\n"},
		"windows-1253": {charmap.Windows1253, "Ημερομηνία;Περιγραφή;Ποσό\n03.09.2026;Φούρνος;-250,00\n"},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := c.code.NewEncoder().Bytes([]byte(c.file))
			require.NoError(t, err)
			d, err := decodeAs(raw, "")
			require.NoError(t, err)
			require.Equal(t, c.file, d.text)
		})
	}
}

// Bytes that no encoding makes words of are asked about.
func TestBytesOfNoEncodingAreAskedAbout(t *testing.T) {
	p, err := Detect(CSV, bytes.NewReader([]byte("Date,Description,Amount\n2026-09-03,\xb1\xb7\xa4\xd7\xb1\xa6\x85\xb2\x80\x9d,-3.20\n")))
	require.NoError(t, err)
	require.Contains(t, fields(p), "encoding")
}
