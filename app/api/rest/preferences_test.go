//go:build integration

package rest

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/event"
)

func TestPreferences(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	before := w.call(200, "GET", "/preferences", nil)
	require.Equal(t, object{
		"timezone": "UTC", "channels": []any{"in_app"}, "digest": "off", "mutedTypes": []any{}, "phrasing": false, "emailConfirmed": false,
		"pushSubscriptions": []any{}, "updatedAt": before["updatedAt"],
	}, before)

	settings := object{
		"timezone": "Europe/Berlin", "channels": []string{"email"}, "quietFrom": "22:00", "quietUntil": "07:00", "digest": "daily",
		"mutedTypes": []string{"savings_tip"}, "phrasing": true,
	}
	tag := w.header("/preferences").Get("ETag")
	after := w.call(200, "PUT", "/preferences", settings, "If-Match", tag)
	require.Equal(t, []any{"in_app", "email"}, after["channels"])
	require.Equal(t, after, w.call(200, "GET", "/preferences", nil))
	w.call(412, "PUT", "/preferences", settings, "If-Match", tag)
	settings["timezone"] = "Mars/Olympus"
	w.call(422, "PUT", "/preferences", settings)

	told, keys := outbox[event.PreferencesChanged](w, event.TypePreferencesChanged)
	require.Len(t, told, 2)
	require.Equal(t, told[1].UserID.String(), keys[1], "the topic is compacted by user")
	require.Equal(t, event.PreferencesChanged{
		UserID: told[0].UserID, Email: told[0].Email, Name: "Ada", Timezone: "Europe/Berlin", Channels: []string{"in_app", "email"},
		QuietFrom: "22:00", QuietUntil: "07:00", Digest: "daily", MutedTypes: []string{"savings_tip"}, Phrasing: true,
		Version: told[0].Version + 1,
	}, told[1])
}

// browser is a push subscription as a browser writes it.
func browser(t *testing.T, n int) object {
	t.Helper()
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	return object{
		"endpoint": fmt.Sprintf("https://push.example.com/send/%d", n), "expirationTime": nil,
		"keys": object{"p256dh": base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()), "auth": base64.RawURLEncoding.EncodeToString(make([]byte, 16))},
	}
}

func TestABrowserLearnsWhatToSubscribeWith(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	require.Equal(t, object{"applicationServerKey": "a public key"}, w.call(200, "GET", "/preferences/push", nil))
	w.api.PushKey = ""
	require.Contains(t, w.call(404, "GET", "/preferences/push", nil)["detail"], "not set up here")
}

func TestPushSubscriptions(t *testing.T) {
	w := newWorld(t)
	w.newcomer()
	one := browser(t, 1)
	w.call(201, "POST", "/preferences/push", one)
	require.Len(t, w.call(201, "POST", "/preferences/push", one)["pushSubscriptions"], 1, "the same again renews it")
	for n := range 11 {
		w.call(201, "POST", "/preferences/push", browser(t, 2+n))
	}
	kept := w.call(200, "GET", "/preferences", nil)["pushSubscriptions"].([]any)
	require.Len(t, kept, 10)
	require.Equal(t, "https://push.example.com/send/3", kept[0].(object)["endpoint"], "the newest stay")
	w.call(422, "POST", "/preferences/push", object{"endpoint": "https://10.0.0.1/", "keys": one["keys"]})

	gone := object{"endpoint": "https://push.example.com/send/3"}
	w.call(204, "DELETE", "/preferences/push", gone)
	w.call(404, "DELETE", "/preferences/push", gone)
	w.call(400, "DELETE", "/preferences/push", nil)
	w.call(422, "DELETE", "/preferences/push?endpoint="+url.QueryEscape("https://push.example.com/send/4"), gone)
	told, _ := outbox[event.PreferencesChanged](w, event.TypePreferencesChanged)
	last := told[len(told)-1]
	require.Len(t, last.PushSubscriptions, 9)
	require.NotEmpty(t, last.PushSubscriptions[0].P256dh)

	w.newcomer()
	require.Empty(t, w.call(200, "GET", "/preferences", nil)["pushSubscriptions"])
	w.call(404, "DELETE", "/preferences/push", object{"endpoint": "https://push.example.com/send/4"})
}
