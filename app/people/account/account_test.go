package account

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
	"github.com/wealth-companion/companion/app/store/retention"
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

	require.Contains(t, header(t, token), `"kid":"`+keyID(ours.Key)+`"`)

	// Of before keys had ids.
	unnamed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims{
		RegisteredClaims: jwt.RegisteredClaims{Subject: who.User.String(), Issuer: issuer, ExpiresAt: jwt.NewNumericDate(at.Add(time.Minute))},
		Session:          who.Session, Authenticated: jwt.NewNumericDate(who.Authenticated),
	}).SignedString(ours.Key)
	require.NoError(t, err)
	rotated := Tokens{Key: []byte("the next key, of 32 characters!!"), Retired: [][]byte{ours.Key}}
	for _, good := range []string{token, unnamed} {
		read, err = rotated.Caller(good)
		require.NoError(t, err)
		require.Equal(t, who, read)
		_, err = Tokens{Key: rotated.Key}.Caller(good)
		require.ErrorIs(t, err, apperror.ErrUnauthorized, "the key is gone")
	}

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

func header(t *testing.T, token string) string {
	t.Helper()
	part, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(part)
	require.NoError(t, err)
	return string(raw)
}

func TestParseKeys(t *testing.T) {
	one, two := strings.Repeat("a", 32), strings.Repeat("b ,", 11)
	for name, c := range map[string]struct {
		text string
		want []string
		err  string
	}{
		"one key as it is":              {text: one, want: []string{one}},
		"one key with blanks in it":     {text: two, want: []string{two}},
		"a list of one":                 {text: `["` + one + `"]`, want: []string{one}},
		"a new one and the one before":  {text: `["` + two + `", "` + one + `"]`, want: []string{two, one}},
		"no key":                        {text: "", err: "too short"},
		"an empty list":                 {text: "[]", err: "empty"},
		"a list that breaks off":        {text: `["` + one, err: "no JSON list"},
		"a short one behind a long one": {text: `["` + one + `", "b"]`, err: "too short"},
		"the same twice":                {text: `["` + one + `", "` + one + `"]`, err: "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			tokens, err := ParseKeys(c.text)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				require.NotContains(t, err.Error(), one, "no error shows a key")
				return
			}
			require.NoError(t, err)
			var got []string
			for _, key := range tokens.All() {
				got = append(got, string(key))
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestDevices(t *testing.T) {
	ours := Tokens{Key: []byte("a key of ours, of 32 characters!")}
	device := Device{User: tracing.NewID(), ID: tracing.NewID()}
	token, err := ours.DeviceToken(device)
	require.NoError(t, err)
	require.Equal(t, device, ours.Device(token))
	require.Equal(t, device, Tokens{Key: []byte("the next key"), Retired: [][]byte{ours.Key}}.Device(token))
	access, _, err := ours.Issue(Caller{User: device.User}, time.Now())
	require.NoError(t, err)
	other := []byte(token)
	other[3] ^= 1
	for name, token := range map[string]string{"none": "", "made up": "AAAA", "cut": token[:40], "another's": string(other), "an access token": access} {
		require.Zero(t, ours.Device(token), name)
	}
	require.Zero(t, Tokens{Key: []byte("the next key")}.Device(token))
}

func TestEndedSessionsAreKeptLongerThanAccessTokensAreValid(t *testing.T) {
	require.Greater(t, retention.EndedSessions, 2*endedLife+endedOverlap, "a replica that starts reads so far back")
}
