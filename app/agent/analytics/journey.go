package analytics

import (
	"time"

	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/core/history"
	"github.com/wealth-companion/companion/app/core/merchant"
)

const (
	// away is how many merchants never seen before, within awayDays, mean a
	// journey, where other prices and other habits are usual.
	away     = 3
	awayDays = 4 * 24 * time.Hour
	// settled is how long a history must be before a merchant can be new in it.
	settled = 45 * 24 * time.Hour
)

// journeys are the purchases of a sorted history that were made on a journey: at
// merchants never seen before, when two others like that were met within four
// days before or after.
func journeys(h []history.Transaction) map[uuid.UUID]bool {
	if len(h) == 0 {
		return nil
	}
	type visit struct {
		at     time.Time
		number int
	}
	first := map[string]visit{} // of each merchant
	var met []time.Time         // new merchants, in order
	var candidates []history.Transaction
	for _, t := range h {
		if t.Type != event.Expense {
			continue
		}
		name := merchant.Of(t)
		v, known := first[name]
		if !known {
			v = visit{t.At, len(met)}
			first[name] = v
			met = append(met, t.At)
		}
		if v.at.After(h[0].At.Add(settled)) && t.At.Sub(v.at) <= awayDays {
			candidates = append(candidates, t)
		}
	}
	ids := map[uuid.UUID]bool{}
	for _, t := range candidates {
		near := 0
		number := first[merchant.Of(t)].number
		for i := max(0, number-away); i < min(len(met), number+away+1); i++ {
			if apart := met[i].Sub(t.At); apart.Abs() <= awayDays {
				near++
			}
		}
		if near >= away {
			ids[t.ID] = true
		}
	}
	return ids
}
