package observer

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"github.com/wealth-companion/companion/app/core/merchant"
)

const (
	// wordingFrom is how far back descriptions are learnt from; series look as far.
	wordingFrom = 800 * 24 * time.Hour
	// mostDescriptions bounds how many different ones a review reads.
	mostDescriptions = 3000
	// mostTimes is how often one description counts at the most.
	mostTimes = 20
)

// wordingOf reads what a review kept; nothing is the zero value.
func wordingOf(raw []byte) (w merchant.Wording, err error) {
	if len(raw) == 0 {
		return w, nil
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return w, fmt.Errorf("the wording of a person's banks: %w", err)
	}
	return w, nil
}

// learn finds anew what the person's banks write around the names of merchants, and
// names the merchants of all that is kept accordingly.
func (c *Case) learn(ctx context.Context) error {
	rows, err := c.kept.Descriptions(ctx, c.User, c.Now.Add(-wordingFrom), mostDescriptions)
	if err != nil {
		return err
	}
	var all []string
	for _, row := range rows {
		for range min(row.Times, mostTimes) {
			all = append(all, row.Description)
		}
	}
	learnt := merchant.Learn(all)
	var descriptions, merchants []string
	for _, row := range rows {
		if name := learnt.Normalise(row.Description); name != row.Merchant {
			descriptions, merchants = append(descriptions, row.Description), append(merchants, name)
		}
	}
	if len(descriptions) > 0 {
		if err := c.kept.RenameMerchants(ctx, c.User, descriptions, merchants); err != nil {
			return fmt.Errorf("rename the merchants of %d descriptions: %w", len(descriptions), err)
		}
	}
	if reflect.DeepEqual(learnt, c.Wording) {
		return nil
	}
	c.Wording = learnt
	raw, err := json.Marshal(learnt)
	if err != nil {
		return err
	}
	return c.kept.KeepWording(ctx, raw, c.User)
}
