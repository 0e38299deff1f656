package account

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
)

func TestPasswords(t *testing.T) {
	hashed, err := hash(t.Context(), "password", "correct horse")
	require.NoError(t, err)
	require.Regexp(t, `^\$argon2id\$v=19\$m=19456,t=2,p=1\$`, hashed)
	for password, want := range map[string]bool{"correct horse": true, "correct hors": false, "": false} {
		right, err := matches(t.Context(), password, &hashed)
		require.NoError(t, err)
		require.Equal(t, want, right, password)
	}
	right, err := matches(t.Context(), "nobody's password", nil)
	require.NoError(t, err)
	require.False(t, right, "who has no password cannot log in with any")
}

func TestAStormOfLoginsWaitsItsTurn(t *testing.T) {
	var now, most atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := turn(t.Context(), func() (bool, error) {
				if n := now.Add(1); n > most.Load() {
					most.Store(n)
				}
				time.Sleep(time.Millisecond)
				now.Add(-1)
				return true, nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	require.LessOrEqual(t, int(most.Load()), cap(atOnce))

	for range cap(atOnce) {
		atOnce <- struct{}{}
	}
	defer func() {
		for range cap(atOnce) {
			<-atOnce
		}
	}()
	before := patience
	patience = 10 * time.Millisecond
	defer func() { patience = before }()
	_, err := hash(t.Context(), "password", "correct horse")
	require.ErrorIs(t, err, apperror.ErrBusy)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = hash(gone, "password", "correct horse")
	require.ErrorIs(t, err, context.Canceled)
}

func TestAccessTokens(t *testing.T) {
	ours := Tokens{Key: []byte("a key of ours, of 32 characters!")}
	at := time.Now()
	who := Caller{User: tracing.NewID(), Session: tracing.NewID(), Authenticated: at.UTC().Truncate(time.Second)}
	token, ends, err := ours.Issue(who, at)
	require.NoError(t, err)
	require.WithinDuration(t, at.Add(15*time.Minute), ends, time.Second)
	read, err := ours.Caller(token)
	require.NoError(t, err)
	require.Equal(t, who, read)

	old, _, err := ours.Issue(who, at.Add(-16*time.Minute))
	require.NoError(t, err)
	forged, _, err := Tokens{Key: []byte("another key, of 32 characters!!!")}.Issue(who, at)
	require.NoError(t, err)
	unsigned, err := jwt.NewWithClaims(jwt.SigningMethodNone, jwt.RegisteredClaims{
		Subject: who.User.String(), Issuer: issuer, ExpiresAt: jwt.NewNumericDate(at.Add(time.Hour)),
	}).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	endless, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{Subject: who.User.String(), Issuer: issuer}).SignedString(ours.Key)
	require.NoError(t, err)
	for name, token := range map[string]string{"old": old, "forged": forged, "unsigned": unsigned, "endless": endless, "none": "", "cut": token[:len(token)-4]} {
		_, err := ours.Caller(token)
		require.ErrorIs(t, err, apperror.ErrUnauthorized, name)
	}
}
