package statement

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Files of the largest size that are made to cost much are looked at and read in bounded
// time and memory, whatever becomes of them.
func TestHostileFilesOfEveryFormat(t *testing.T) {
	fill := func(start, part string) []byte {
		return []byte(start + strings.Repeat(part, (MaxBytes-len(start)-100)/len(part)))
	}
	numbered := func(start, format string) []byte {
		text := bytes.NewBufferString(start)
		for i := 0; text.Len() < MaxBytes-200; i++ {
			fmt.Fprintf(text, format, i)
		}
		return text.Bytes()
	}
	const header = "Date,Description,Amount,Account,Type\n"
	for name, c := range map[string]struct {
		format Format
		raw    []byte
	}{
		"CSV: short rows":             {CSV, fill(header, "2026-09-03,a,-1.00,1,x\n")},
		"CSV: one account each":       {CSV, numbered(header, "2026-09-03,a,-1.00,%d,x\n")},
		"CSV: empty lines":            {CSV, fill(header, "\n")},
		"CSV: quotation marks":        {CSV, fill(header, "\"\n")},
		"CSV: delimiters":             {CSV, fill(header, strings.Repeat(",", 199)+"\n")},
		"CSV: dates in every column":  {CSV, fill("", strings.Repeat("Thu 3 Sep 2026 2:15 PM,", 190)+"\n")},
		"CSV: one line":               {CSV, fill("", "a,")},
		"CSV: bytes of no encoding":   {CSV, fill(header, "2026-09-03,\xb1\xb7\xa4\xd7\xb1,-1.00,1,x\n")},
		"CSV: two-byte characters":    {CSV, fill(header, "2026-09-03,\xb3\xac\xca\xd0,-1.00,1,x\n")},
		"CSV: rows of sums":           {CSV, fill(header, "2026-09-03,Total,-1.00,1,x\n")},
		"CSV: headers again":          {CSV, fill(header, strings.Repeat("Datum,", 30)+"Betrag\n")},
		"CSV: pairs that may be":      {CSV, fill("", "2026-09-03,"+strings.Repeat("1.00,,", 99)+"\n2026-09-03,"+strings.Repeat(",1.00,", 99)+"\n")},
		"CSV: columns in no language": {CSV, fill(strings.Repeat("x,", 199)+"\n", "2026-09-03,"+strings.Repeat("ab c,", 190)+"1.00\n")},
		"OFX: transactions":           {OFX, fill("<OFX>", "<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20260903<TRNAMT>1</STMTTRN>")},
		"QIF: records":                {QIF, fill("!Type:Bank\n", "D3 Sep 2026\nT1\n^\n")},
		"QIF: parts of a split":       {QIF, fill("!Type:Bank\nD3/4/26\nT1\n", "Sa\n$1\n")},
		"QIF: one letter a line":      {QIF, fill("!Type:Bank\n", "D\n")},
		"MT940: movements":            {MT940, fill(":20:A\n:25:1\n:28C:1\n:60F:C260930EUR0,\n", ":61:2609300930DR12,34N005NONREF\n:86:a\n")},
		"MT940: one text":             {MT940, fill(":20:A\n:25:1\n:28C:1\n:60F:C260930EUR0,\n:61:2609300930DR12,34N005NONREF\n:86:", "?20a\n")},
		"MT940: statements":           {MT940, fill("", ":20:A\n:25:1\n:28C:1\n:60F:C260930EUR0,\n:62F:C260930EUR0,\n-\n")},
		"CAMT: entries":               {CAMT, []byte(camt(strings.Repeat(entry("1", "DBIT", ""), 4_000_000/len(entry("1", "DBIT", "")))))},
	} {
		t.Run(name, func(t *testing.T) {
			var start, end runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&start)
			before := processorTime(t)
			p, err := Detect(c.format, bytes.NewReader(c.raw))
			detected := processorTime(t) - before
			if err == nil {
				_, _, _ = Parse(c.format, bytes.NewReader(c.raw), p.Mapping)
			}
			took := processorTime(t) - before
			runtime.ReadMemStats(&end)
			t.Logf("%d KiB: looked at in %s, both in %s, %d MiB allocated in all", len(c.raw)>>10, detected.Round(time.Millisecond), took.Round(time.Millisecond), (end.TotalAlloc-start.TotalAlloc)>>20)
			require.Less(t, took, 6*time.Second)
			require.Less(t, (end.TotalAlloc-start.TotalAlloc)>>20, uint64(1500))
		})
	}
}
