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
	h.deliver(Notice{User: ada, Kind: Insight, ID: ada})
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
		h.deliver(Notice{User: ada, Kind: Alert})
	}
	kinds := map[string]int{}
	for range len(s.Notices) {
		kinds[(<-s.Notices).Kind]++
	}
	require.Equal(t, map[string]int{Alert: waiting - 1, Missed: 1}, kinds)
	h.deliver(Notice{User: ada, Kind: Alert})
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

func TestWhatWaitsToBeSentIsBounded(t *testing.T) {
	var o outgoing
	ada := tracing.NewID()
	for range 10 * waiting {
		o.add(Notice{User: ada, Kind: Insight, ID: tracing.NewID()})
	}
	kept := o.take()
	require.Len(t, kept, waiting)
	require.Equal(t, Notice{User: ada, Kind: Missed}, kept[waiting-1], "the last says that there were more")
	require.Empty(t, o.take())
	for range mostUsers + 1 {
		o.add(Notice{User: tracing.NewID(), Kind: Alert, ID: ada})
	}
	require.Equal(t, []Notice{{Kind: Missed}}, o.take(), "everybody is to look again")
	require.Empty(t, o.take())
}

func TestAnEnvelopeIsShorterThanPostgreSQLAllows(t *testing.T) {
	var notices []Notice
	for range 2*perEnvelope + 1 {
		notices = append(notices, Notice{User: tracing.NewID(), Kind: Insight, ID: tracing.NewID(), Parent: tracing.NewParent()})
	}
	envelopes, err := sealed(tracing.NewID(), notices)
	require.NoError(t, err)
	require.Len(t, envelopes, 3)
	for _, text := range envelopes {
		require.Less(t, len(text), 8000)
	}
}

func TestANoticeOfNobodyGoesToEverybody(t *testing.T) {
	var h Hub
	s, err := h.Subscribe(tracing.NewID())
	require.NoError(t, err)
	h.deliver(Notice{Kind: Missed})
	require.Equal(t, Notice{User: s.user, Kind: Missed}, <-s.Notices)
}
