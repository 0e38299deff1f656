//go:build integration

package notification

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

// postman notes the letters that it is given, and fails as told.
type postman struct {
	sent []event.MailRequested
	fail error
}

func (p *postman) SendLetter(_ context.Context, _ uuid.UUID, letter event.MailRequested) error {
	if p.fail == nil {
		p.sent = append(p.sent, letter)
	}
	return p.fail
}

func (h *household) letters() *postman {
	p := &postman{}
	h.agent.Letters = p
	return p
}

func (h *household) letter() event.MailRequested {
	h.t.Helper()
	letter := event.MailRequested{
		UserID: h.user.UserID, Email: "ada@example.org", Kind: event.MailConfirmAddress, Link: "https://app.example.org/#secret", ExpiresAt: h.now.Add(time.Hour),
	}
	h.take(event.TypeMailRequested, letter)
	return letter
}

func (h *household) deliverLetters() {
	h.t.Helper()
	for taken := true; taken; {
		var err error
		taken, err = h.agent.deliverLetter(h.t.Context(), slog.New(slog.DiscardHandler))
		require.NoError(h.t, err)
	}
}

func (h *household) keptLetters() (n int) {
	h.t.Helper()
	require.NoError(h.t, h.agent.Pool.QueryRow(h.t.Context(), "SELECT count(*) FROM letters").Scan(&n))
	return n
}

func TestALetterGoesToWhoWantsNoEmailAndIsNotKept(t *testing.T) {
	h := newHousehold(t)
	h.user.Channels = []string{inApp}
	h.take(event.TypePreferencesChanged, h.user)
	p := h.letters()
	letter := h.letter()
	h.deliverLetters()
	require.Equal(t, []event.MailRequested{letter}, p.sent)
	require.Zero(t, h.keptLetters(), "it holds a secret")
}

func TestALetterIsSentAgainUntilItsLinkExpires(t *testing.T) {
	h := newHousehold(t)
	p := h.letters()
	h.letter()
	p.fail = errors.New("the server is unavailable")
	h.deliverLetters()
	require.Equal(t, 1, h.keptLetters())
	h.now = h.now.Add(2 * time.Minute)
	p.fail = nil
	h.deliverLetters()
	require.Len(t, p.sent, 1)

	h.letter()
	p.fail = errors.New("the server is unavailable")
	h.deliverLetters()
	h.now = h.now.Add(time.Hour)
	p.fail = nil
	h.deliverLetters()
	require.Len(t, p.sent, 1)
	require.Zero(t, h.keptLetters())
}

func TestALetterThatNobodyTakesIsDropped(t *testing.T) {
	h := newHousehold(t)
	p := h.letters()
	h.letter()
	p.fail = ErrPermanent
	h.deliverLetters()
	require.Zero(t, h.keptLetters())
}

func TestADeletedUsersLettersGo(t *testing.T) {
	h := newHousehold(t)
	p := h.letters()
	h.letter()
	h.take(event.TypeUserDeleted, event.UserDeleted{UserID: h.user.UserID, DeletedAt: h.now})
	h.letter()
	h.deliverLetters()
	require.Empty(t, p.sent)
}
