package preference

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
)

func TestSettingsAreChecked(t *testing.T) {
	good := func(change func(*Settings)) Settings {
		s := Settings{Timezone: "Europe/Berlin", Channels: []string{"email", "email"}, Digest: "daily", QuietFrom: "22:00", QuietUntil: "07:00"}
		change(&s)
		return s
	}
	kept, err := good(func(*Settings) {}).check()
	require.NoError(t, err)
	require.Equal(t, []string{"in_app", "email"}, kept.Channels, "in the application always, and each once")
	require.Equal(t, []string{}, kept.MutedTypes)
	for name, c := range map[string]struct {
		field  string
		change func(*Settings)
	}{
		"a time zone that is none":     {"timezone", func(s *Settings) { s.Timezone = "Mars/Olympus" }},
		"no time zone":                 {"timezone", func(s *Settings) { s.Timezone = "" }},
		"the server's own time zone":   {"timezone", func(s *Settings) { s.Timezone = "Local" }},
		"a file as a time zone":        {"timezone", func(s *Settings) { s.Timezone = "../../etc/passwd" }},
		"an unknown channel":           {"channels", func(s *Settings) { s.Channels = []string{"pigeon"} }},
		"an unknown digest":            {"digest", func(s *Settings) { s.Digest = "hourly" }},
		"an unknown type":              {"mutedTypes", func(s *Settings) { s.MutedTypes = []string{"gossip"} }},
		"quiet hours without an end":   {"quietUntil", func(s *Settings) { s.QuietUntil = "" }},
		"quiet hours of no length":     {"quietUntil", func(s *Settings) { s.QuietUntil = s.QuietFrom }},
		"an hour that there is not":    {"quietFrom", func(s *Settings) { s.QuietFrom = "24:00" }},
		"an hour of a single figure":   {"quietUntil", func(s *Settings) { s.QuietUntil = "7:00" }},
		"an hour with a line after it": {"quietUntil", func(s *Settings) { s.QuietUntil = "07:00\n" }},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := good(c.change).check()
			var wrong apperror.Invalid
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, c.field, wrong.Field)
		})
	}
}

func TestPushSubscriptionsAreChecked(t *testing.T) {
	key, err := ecdh.P256().GenerateKey(rand.Reader)
	require.NoError(t, err)
	keys := Keys{P256dh: base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()), Auth: base64.URLEncoding.EncodeToString(make([]byte, 16))}
	require.NoError(t, NewSubscription{Endpoint: "https://fcm.example.com/send/abc:def", Keys: keys}.check())
	for name, endpoint := range map[string]string{
		"no encryption":                "http://fcm.example.com/send",
		"a name inside the cluster":    "https://backend/api",
		"a service inside the cluster": "https://kafka.companion.svc.cluster.local/",
		"this machine":                 "https://localhost/",
		"this machine, in full":        "https://localhost./",
		"an address":                   "https://10.0.0.1/",
		"an address as one number":     "https://167772161/",
		"an address in short":          "https://127.1/",
		"an address in hexadecimal":    "https://0x7f.0x1/",
		"an IPv6 address":              "https://[::1]/",
		"another port":                 "https://fcm.example.com:8443/",
		"a password":                   "https://a:b@fcm.example.com/",
		"not an address":               "https://",
		"too long a one":               "https://fcm.example.com/" + strings.Repeat("a", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			var wrong apperror.Invalid
			require.ErrorAs(t, NewSubscription{Endpoint: endpoint, Keys: keys}.check(), &wrong)
			require.Equal(t, "endpoint", wrong.Field)
		})
	}
	off := make([]byte, 65)
	off[0] = 4
	for name, spoilt := range map[string]Keys{
		"keys.p256dh": {P256dh: base64.RawURLEncoding.EncodeToString(off), Auth: keys.Auth}, // not on the curve
		"keys.auth":   {P256dh: keys.P256dh, Auth: "AAAA"},
	} {
		var wrong apperror.Invalid
		require.ErrorAs(t, NewSubscription{Endpoint: "https://fcm.example.com/", Keys: spoilt}.check(), &wrong)
		require.Equal(t, name, wrong.Field)
	}
}
