package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/ops/admin"
)

func TestWhereAGroupGoesOn(t *testing.T) {
	for text, want := range map[string]admin.Reset{
		"oldest":           {Offset: admin.Oldest},
		"newest":           {Offset: admin.Newest},
		"17":               {Offset: 17},
		"2026-11-28T03:00": {Time: time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)},
	} {
		var r admin.Reset
		require.NoError(t, resetTo(text, &r), text)
		require.Equal(t, want, r)
	}
	var ago admin.Reset
	require.NoError(t, resetTo("6h", &ago))
	require.WithinDuration(t, time.Now().Add(-6*time.Hour), ago.Time, time.Minute)
	for _, text := range []string{"-1", "", "latest"} {
		require.Error(t, resetTo(text, &ago), text)
	}
}

func TestWhatAResetDoesIsSaid(t *testing.T) {
	require.Equal(t, "t\t1\t5\t2\t3\t0\t-", moveRow(admin.Move{Topic: "t", Partition: 1, From: 5, To: 2, Again: 3}))
	require.Contains(t, moveRow(admin.Move{Topic: "t", From: 5, To: 2, Again: 3, Forgotten: true}), "older than services remember")
	require.Contains(t, moveRow(admin.Move{Topic: "t", From: -1, To: 2, Skipped: 2}), "(nothing read)\t2\t0\t2\twhat is skipped is never handled")
}
