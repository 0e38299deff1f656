//go:build !integration

// Once a run is enough: the pass of the tests with real servers leaves it out.

package quality

import (
	"cmp"
	"flag"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/agent/finding"
	"github.com/wealth-companion/companion/app/agent/household"
)

// The detectors were tuned on seeds 1 to 30. They are measured on others.
var (
	firstSeed = flag.Uint64("first", 30001, "the first household's seed")
	howMany   = flag.Int("households", 40, "how many households")
	mistakes  = flag.String("mistakes", "", "a detector of which to print what it got wrong, or all")
)

// floors are slightly under what was measured on the evaluation seeds.
var floors = map[string]struct{ precision, recall float64 }{
	"anomaly":          {0.94, 0.85},
	"budget_forecast":  {0.95, 0.95},
	"cash_flow":        {0.93, 0.81},
	"category_growth":  {0.98, 0.85},
	"category_pace":    {0.83, 0.74},
	"duplicate_charge": {0.90, 0.95},
	"emergency_fund":   {0.98, 0.98},
	"goal_pace":        {0.95, 0.95},
	"idle_cash":        {0.98, 0.98},
	"price_rise":       {0.95, 0.98},
	"recurring_charge": {0.95, 0.98},
	"savings_rate":     {0.95, 0.95},
	"upcoming_bill":    {0.94, 0.98},
	"weekend_pattern":  {0.90, 0.98},
}

// score counts what a detector got right and wrong.
type score struct{ hit, wrong, missed int }

func (s score) precision() float64 { return share(s.hit, s.hit+s.wrong) }

func (s score) recall() float64 { return share(s.hit, s.hit+s.missed) }

func share(part, all int) float64 {
	if all == 0 {
		return 0
	}
	return float64(part) / float64(all)
}

// card is what was counted for a household.
type card struct {
	scores map[string]*score
	notes  []string
}

func (c *card) of(kind string) *score {
	if c.scores[kind] == nil {
		c.scores[kind] = &score{}
	}
	return c.scores[kind]
}

func (c *card) hit(kind string) { c.of(kind).hit++ }

func (c *card) wrong(kind string, f finding.Finding, at time.Time) {
	c.of(kind).wrong++
	c.note(kind, "wrong: %s %s | %s %v", at.Format(time.DateOnly), f.Title, f.Message, f.Facts)
}

func (c *card) missed(kind, format string, args ...any) {
	c.of(kind).missed++
	c.note(kind, "missed: "+format, args...)
}

func (c *card) note(kind, format string, args ...any) {
	if kind == *mistakes || *mistakes == "all" {
		c.notes = append(c.notes, kind+" "+fmt.Sprintf(format, args...))
	}
}

// measure runs every detector on many households.
func measure(first uint64, many int) (map[string]score, []string) {
	cards := make([]*card, many)
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range cards {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			h := household.Generate(first+uint64(i), household.Options{})
			cards[i] = judge(h, watch(h))
		})
	}
	wait.Wait()
	sums := map[string]score{}
	var notes []string
	for i, c := range cards {
		for kind, s := range c.scores {
			sum := sums[kind]
			sums[kind] = score{sum.hit + s.hit, sum.wrong + s.wrong, sum.missed + s.missed}
		}
		for _, note := range c.notes {
			notes = append(notes, fmt.Sprintf("household %d: %s", first+uint64(i), note))
		}
	}
	return sums, notes
}

// table is the table of docs/insights.md.
func table(sums map[string]score) string {
	var text strings.Builder
	text.WriteString("| detector | found | wrong | missed | precision | recall |\n|---|---:|---:|---:|---:|---:|\n")
	for _, kind := range slices.SortedFunc(maps.Keys(sums), cmp.Compare[string]) {
		s := sums[kind]
		fmt.Fprintf(&text, "| %s | %d | %d | %d | %.3f | %.3f |\n", kind, s.hit, s.wrong, s.missed, s.precision(), s.recall())
	}
	return text.String()
}

func TestEveryDetectorKeepsItsQuality(t *testing.T) {
	sums, notes := measure(*firstSeed, *howMany)
	t.Log("\n" + table(sums))
	for _, note := range notes {
		t.Log(note)
	}
	if *firstSeed != 30001 || *howMany != 40 {
		return // the floors are those of the evaluation seeds
	}
	for kind, floor := range floors {
		require.GreaterOrEqual(t, sums[kind].precision(), floor.precision, "precision of %s", kind)
		require.GreaterOrEqual(t, sums[kind].recall(), floor.recall, "recall of %s", kind)
	}
	require.Len(t, floors, len(sums), "each detector has its floor")
}
