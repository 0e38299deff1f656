package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/ops/admin"
)

func TestDriftIsShownAsADiff(t *testing.T) {
	require.Equal(t, []string{
		"+ new",
		"  + partitions           (none) -> 3",
		"~ other",
		"  ~ retention.ms         1 -> 2",
		"  ! replication          1 -> 3   # why",
		"! unknown",
		"  ! partitions           1 -> (nothing)   # nobody's",
		"3 of 4 topics differ",
	}, driftLines([]admin.Drift{
		{Topic: "new", State: admin.Missing, Differences: []admin.Difference{{What: "partitions", Want: "3", Applied: true}}},
		{Topic: "same", State: admin.Same},
		{Topic: "other", State: admin.Differs, Differences: []admin.Difference{
			{What: "retention.ms", Have: "1", Want: "2", Applied: true}, {What: "replication", Have: "1", Want: "3", Note: "why"},
		}},
		{Topic: "unknown", State: admin.Unknown, Differences: []admin.Difference{{What: "partitions", Have: "1", Note: "nobody's"}}},
	}))
	require.Equal(t, []string{"0 of 1 topics differ"}, driftLines([]admin.Drift{{Topic: "same", State: admin.Same}}))
}
