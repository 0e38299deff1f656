package live

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/tracing"
)

func TestANoticeGoesToItsUserOnly(t *testing.T) {
	var h Hub
	ada, bob := tracing.NewID(), tracing.NewID()
	hers, err := h.Subscribe(ada)
	require.NoError(t, err)
	his, err := h.Subscribe(bob)
	require.NoError(t, err)
	h.tell(Notice{User: ada, Kind: Insight, ID: ada})
	require.Equal(t, Notice{User: ada, Kind: Insight, ID: ada}, <-hers.Notices)
	require.Empty(t, his.Notices)
	h.lost()
	require.Equal(t, Missed, (<-hers.Notices).Kind)
	require.Equal(t, Missed, (<-his.Notices).Kind)
}

func TestASlowReaderIsToldThatItMissedSomething(t *testing.T) {
	var h Hub
	ada := tracing.NewID()
	s, err := h.Subscribe(ada)
	require.NoError(t, err)
	for range 5 * waiting { // none of them may block
		h.tell(Notice{User: ada, Kind: Alert})
	}
	kinds := map[string]int{}
	for range len(s.Notices) {
		kinds[(<-s.Notices).Kind]++
	}
	require.Equal(t, map[string]int{Alert: waiting - 1, Missed: 1}, kinds)
	h.tell(Notice{User: ada, Kind: Alert})
	require.Equal(t, Alert, (<-s.Notices).Kind, "having caught up, it hears again")
}

func TestSubscriptionsAreBounded(t *testing.T) {
	var h Hub
	ada := tracing.NewID()
	var last *Subscription
	for range perUser {
		s, err := h.Subscribe(ada)
		require.NoError(t, err)
		last = s
	}
	_, err := h.Subscribe(ada)
	require.ErrorIs(t, err, ErrFull)
	_, err = h.Subscribe(tracing.NewID())
	require.NoError(t, err, "another user is not kept out")
	h.Leave(last)
	h.Leave(last)
	_, err = h.Subscribe(ada)
	require.NoError(t, err)
	require.Equal(t, perUser+1, h.count)
}
