package session

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	oldKey = strings.Repeat("o", 32)
	newKey = strings.Repeat("n", 32)
)

func keeper(t *testing.T, text string) *Keeper {
	t.Helper()
	k, err := New(text)
	require.NoError(t, err)
	return k
}

// written are the cookies that a keeper sets for a session.
func written(t *testing.T, k *Keeper, s Session) []*http.Cookie {
	t.Helper()
	answer := httptest.NewRecorder()
	require.NoError(t, k.Write(answer, s))
	return answer.Result().Cookies()
}

func with(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func TestASessionComesBackAsItWas(t *testing.T) {
	s := Session{Access: "access", AccessEnds: time.Now().UTC().Add(time.Minute), Refresh: "refresh", RefreshEnds: time.Now().UTC().Add(time.Hour), Name: "Ada <&>", Zone: "Europe/Berlin"}
	cookies := written(t, keeper(t, oldKey), s)
	require.Len(t, cookies, 1)
	c := cookies[0]
	require.True(t, c.HttpOnly && c.Secure && c.SameSite == http.SameSiteLaxMode && c.Path == "/" && c.Domain == "")
	require.NotContains(t, c.Value, "access")
	require.Equal(t, &s, keeper(t, oldKey).Read(with(c)))
	require.NotEqual(t, c.Value, written(t, keeper(t, oldKey), s)[0].Value, "the same is sealed differently each time")

	require.Equal(t, &s, keeper(t, `["`+newKey+`","`+oldKey+`"]`).Read(with(c)), "a key that is retired opens")
	again := written(t, keeper(t, `["`+newKey+`","`+oldKey+`"]`), s)[0]
	require.Nil(t, keeper(t, oldKey).Read(with(again)), "the new key seals")
}

func TestWhatIsNoSession(t *testing.T) {
	k := keeper(t, oldKey)
	lasting := Session{Refresh: "refresh", RefreshEnds: time.Now().Add(time.Hour)}
	good := written(t, k, lasting)[0]
	other := written(t, k, lasting)[0]
	device := httptest.NewRecorder()
	k.WriteDevice(device, "a device")
	changed := []byte(good.Value)
	changed[20] ^= 1
	for name, cookies := range map[string][]*http.Cookie{
		"nothing":                {},
		"an empty one":           {{Name: cookieName}},
		"what is no base64":      {{Name: cookieName, Value: "%%%"}},
		"one that was changed":   {{Name: cookieName, Value: string(changed)}},
		"one that was cut":       {{Name: cookieName, Value: good.Value[:10]}},
		"two of them":            {good, other},
		"one under another name": {{Name: deviceName, Value: good.Value}},
		"another cookie's value": {{Name: cookieName, Value: device.Result().Cookies()[0].Value}},
		"one that has expired":   written(t, k, Session{RefreshEnds: time.Now().Add(-time.Second)}),
		"one of another key":     written(t, keeper(t, newKey), lasting),
	} {
		t.Run(name, func(t *testing.T) { require.Nil(t, k.Read(with(cookies...))) })
	}
	require.Equal(t, "a device", k.Device(with(device.Result().Cookies()...)))
	require.Empty(t, k.Device(with(&http.Cookie{Name: deviceName, Value: good.Value})))
}

func TestOneAnswerSetsACookieOnce(t *testing.T) {
	k := keeper(t, oldKey)
	answer := httptest.NewRecorder()
	require.NoError(t, k.Write(answer, Session{RefreshEnds: time.Now().Add(time.Hour)}))
	k.WriteDevice(answer, "a device")
	k.Clear(answer)
	cookies := answer.Result().Cookies()
	require.Len(t, cookies, 2)
	require.Equal(t, deviceName, cookies[0].Name)
	require.Empty(t, cookies[1].Value)
}

func TestKeys(t *testing.T) {
	for name, text := range map[string]string{"none": "", "short": "short", "no list": "[" + oldKey, "an empty list": "[]", "a short one in a list": `["` + oldKey + `","short"]`} {
		t.Run(name, func(t *testing.T) {
			_, err := New(text)
			require.Error(t, err)
			require.NotContains(t, err.Error(), oldKey)
		})
	}
}
