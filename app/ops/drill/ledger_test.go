package drill

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return noon.Add(time.Duration(seconds * float64(time.Second))) }

// known is a ledger of transactions that were accepted and had their alert at those seconds; an alert
// at 0 is none.
func known(times ...[2]float64) (*ledger, []uuid.UUID) {
	l := &ledger{}
	var stored []uuid.UUID
	for i, its := range times {
		e := l.begin(i % 2)
		l.accept(e, uuid.New(), uuid.New(), at(its[0]))
		stored = append(stored, e.transaction)
		if its[1] != 0 {
			insight := uuid.New()
			l.look(i%2, found{insights: map[uuid.UUID][]uuid.UUID{e.budget: {insight}}, alerts: map[uuid.UUID]int{insight: 1}}, at(its[1]))
		}
	}
	return l, stored
}

func TestRecoveryIsWhenEverythingWorksAgain(t *testing.T) {
	for name, c := range map[string]struct {
		entries [][2]float64
		failed  []float64
		want    Recovery
	}{
		"nothing is noticed":                       {[][2]float64{{-3, -2}, {1, 2}}, nil, Recovery{Requests: 1, Slowest: time.Second}},
		"requests fail":                            {[][2]float64{{1, 2}}, []float64{2, 7, 4}, Recovery{Requests: 4, Failed: 3, Requested: 7 * time.Second, Slowest: time.Second}},
		"an alert takes long":                      {[][2]float64{{1, 2}, {2, 15}, {14, 16}}, nil, Recovery{Requests: 1, Handled: 15 * time.Second, Slowest: 13 * time.Second}},
		"of what was entered before too":           {[][2]float64{{-1, 12}}, nil, Recovery{Requests: 1, Handled: 12 * time.Second, Slowest: 13 * time.Second}},
		"of a request before, only the number":     {[][2]float64{{1, 2}}, []float64{-5}, Recovery{Requests: 2, Failed: 1, Slowest: time.Second}},
		"an alert that did not come has no moment": {[][2]float64{{1, 0}}, nil, Recovery{Requests: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := known(c.entries...)
			l.answered(at(3), false)
			for _, second := range c.failed {
				l.answered(at(second), true)
			}
			got := l.recovery(noon)
			require.Equal(t, c.want, got)
			require.Equal(t, max(got.Requested, got.Handled), got.All())
		})
	}
}

func TestCalm(t *testing.T) {
	for name, c := range map[string]struct {
		entries [][2]float64
		failed  float64
		want    bool
	}{
		"enough went all the way":              {[][2]float64{{1, 2}, {2, 3}, {3, 0}}, -1, true},
		"too few":                              {[][2]float64{{1, 2}, {3, 0}, {4, 0}}, -1, false},
		"a request failed":                     {[][2]float64{{1, 2}, {2, 3}}, 2, false},
		"what was entered before has no alert": {[][2]float64{{-1, 0}, {1, 2}, {2, 3}}, -1, false},
		"an alert took long":                   {[][2]float64{{1, 7}, {2, 3}, {3, 4}}, -1, false},
		"an alert took long before":            {[][2]float64{{-9, -1}, {2, 3}, {3, 4}}, -1, true},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := known(c.entries...)
			l.answered(at(c.failed), true)
			require.Equal(t, c.want, l.calm(noon, 2))
		})
	}
}

func TestTheBooksAreCompared(t *testing.T) {
	look := func(l *ledger, e *entry, insights ...int) { // with so many alerts each
		its := found{insights: map[uuid.UUID][]uuid.UUID{}, alerts: map[uuid.UUID]int{}}
		for _, alerts := range insights {
			id := uuid.New()
			its.insights[e.budget] = append(its.insights[e.budget], id)
			its.alerts[id] = alerts
		}
		l.look(e.person, its, at(9))
	}
	for name, c := range map[string]struct {
		happens func(*ledger, []uuid.UUID) []uuid.UUID // returns what is stored
		want    Books
	}{
		"they agree":                    {func(_ *ledger, s []uuid.UUID) []uuid.UUID { return s }, Books{Accepted: 2, Stored: 2}},
		"a transaction is lost":         {func(_ *ledger, s []uuid.UUID) []uuid.UUID { return s[:1] }, Books{Accepted: 2, Stored: 1, Lost: 1}},
		"a transaction is stored twice": {func(_ *ledger, s []uuid.UUID) []uuid.UUID { return append(s, uuid.New()) }, Books{Accepted: 2, Stored: 3, Doubled: 1}},
		"an alert is lost":              {func(l *ledger, s []uuid.UUID) []uuid.UUID { l.entries[1].seen = time.Time{}; return s }, Books{Accepted: 2, Stored: 2, Lost: 1}},
		"an insight comes twice":        {func(l *ledger, s []uuid.UUID) []uuid.UUID { look(l, l.entries[0], 1); return s }, Books{Accepted: 2, Stored: 2, Doubled: 1}},
		"an insight is alerted of twice": {func(l *ledger, s []uuid.UUID) []uuid.UUID {
			l.entries[0].insights = map[uuid.UUID]int{}
			look(l, l.entries[0], 2)
			return s
		}, Books{Accepted: 2, Stored: 2, Doubled: 1}},
		"one is never accepted":           {func(l *ledger, s []uuid.UUID) []uuid.UUID { l.begin(0); return s }, Books{Accepted: 2, Stored: 2, Refused: 1}},
		"one is, and its answer was lost": {func(l *ledger, s []uuid.UUID) []uuid.UUID { l.begin(0); return append(s, uuid.New()) }, Books{Accepted: 2, Stored: 3, Refused: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			l, stored := known([2]float64{1, 2}, [2]float64{2, 3})
			got := l.books(c.happens(l, stored))
			require.Equal(t, c.want, got)
			require.Equal(t, c.want == Books{Accepted: 2, Stored: 2}, got.Agree())
		})
	}
}

func TestWhoHasSomethingOutstanding(t *testing.T) {
	l, _ := known([2]float64{1, 2}, [2]float64{2, 0})
	require.False(t, l.outstanding(0))
	require.True(t, l.outstanding(1))
	begun, accepted, seen := l.entered()
	require.Equal(t, []int{2, 2, 1}, []int{begun, accepted, seen})
}
