package export

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
)

func over(its *turn) bool {
	select {
	case <-its.over:
		return true
	default:
		return false
	}
}

// Readers who take their time must not keep everybody else from their own data.
func TestSlowExportsMakeRoom(t *testing.T) {
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	e := &Exporter{now: func() time.Time { return at }}
	users := make([]uuid.UUID, inAll)
	turns := make([]*turn, inAll)
	for i := range users {
		users[i] = uuid.New()
		var err error
		turns[i], err = e.enter(users[i])
		require.NoError(t, err)
		at = at.Add(time.Second)
	}
	_, err := e.enter(uuid.New())
	require.ErrorIs(t, err, apperror.ErrBusy, "each has its time")
	at = at.Add(turnTime - 3*time.Second)
	_, err = e.enter(users[0])
	require.ErrorIs(t, err, apperror.ErrBusy, "nobody has two")
	newcomer := uuid.New()
	its, err := e.enter(newcomer)
	require.NoError(t, err)
	require.True(t, over(turns[0]), "the oldest makes room")
	for _, another := range turns[1:] {
		require.False(t, over(another))
	}
	_, err = e.enter(uuid.New())
	require.ErrorIs(t, err, apperror.ErrBusy, "the others have their time still")

	e.leave(users[0], turns[0])
	require.Len(t, e.users, inAll, "who made room has no place to leave")
	e.leave(newcomer, its)
	again, err := e.enter(users[0])
	require.NoError(t, err)
	e.leave(users[0], turns[0])
	require.Same(t, again, e.users[users[0]], "a place of the same user's is not left by an earlier export")
}
