package account

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	digest "hash"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/tracing"
)

// compact makes a token of parts as they are given, signed by HMAC.
func compact(h func() digest.Hash, key []byte, header, claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	mac := hmac.New(h, key)
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}

// claimsOf are those of a good token, with some changed; nil takes one away.
func claimsOf(t *testing.T, who Caller, changes map[string]any) string {
	t.Helper()
	now := time.Now()
	all := map[string]any{
		"iss": issuer, "sub": who.User.String(), "sid": who.Session.String(), "auth_time": now.Unix(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}
	for name, value := range changes {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	raw, err := json.Marshal(all)
	require.NoError(t, err)
	return string(raw)
}

// A key's id chooses among the keys that there are, and leads nowhere else.
func TestAKeyIDLeadsToNoOtherKey(t *testing.T) {
	current, retired, gone := []byte(strings.Repeat("c", minKey)), []byte(strings.Repeat("r", minKey)), []byte(strings.Repeat("g", minKey))
	ours := Tokens{Key: current, Retired: [][]byte{retired}}
	quoted := func(id string) string {
		raw, err := json.Marshal(id)
		require.NoError(t, err)
		return string(raw)
	}
	its := quoted(keyID(current))
	for name, c := range map[string]struct {
		kid  string // as JSON; "": none
		key  []byte
		good bool
	}{
		"the current key":                            {its, current, true},
		"a retired key":                              {quoted(keyID(retired)), retired, true},
		"none, as before keys had ids":               {"", current, true},
		"none, signed by a retired key":              {"", retired, true},
		"none, signed by a key that is gone":         {"", gone, false},
		"none, signed by nothing":                    {"", nil, false},
		"a key that is gone":                         {quoted(keyID(gone)), gone, false},
		"the current key's, signed by a retired one": {its, retired, false},
		"a retired key's, signed by the current one": {quoted(keyID(retired)), current, false},
		"the current key's, signed by a stranger":    {its, gone, false},
		"the current key's, signed by nothing":       {its, nil, false},
		"the current key's, signed by its id":        {its, []byte(keyID(current)), false},
		"in capitals":                                {quoted(strings.ToUpper(keyID(current))), current, false},
		"a part of the current key's":                {quoted(keyID(current)[:6]), current, false},
		"with a blank":                               {quoted(keyID(current) + " "), current, false},
		"with a line's end":                          {quoted(keyID(current) + "\n"), current, false},
		"with a NUL":                                 {quoted(keyID(current) + "\x00"), current, false},
		"empty":                                      {`""`, current, false},
		"empty, signed by nothing":                   {`""`, nil, false},
		"a path to a file of nothing":                {quoted("../../../../../../dev/null"), nil, false},
		"a path to a file of nothing, ended by NUL":  {quoted("/dev/null\x00.pem"), nil, false},
		"a path that everybody can read":             {quoted("../../../../proc/sys/kernel/ostype"), []byte("Linux\n"), false},
		"a path around the current key's":            {quoted("./" + keyID(current)), current, false},
		"an address":                                 {quoted("https://example.org/keys.json"), gone, false},
		"a query":                                    {quoted("x' UNION SELECT 'g"), gone, false},
		"a command":                                  {quoted("$(id)|id"), gone, false},
		"a megabyte":                                 {quoted(strings.Repeat("k", 1<<20)), current, false},
		"control characters":                         {quoted("\x1b[2J\r\n\u202e\x07"), current, false},
		"a number":                                   {"0", current, false},
		"a huge number":                              {"1e308", current, false},
		"true":                                       {"true", current, false},
		"null":                                       {"null", current, false},
		"a list":                                     {"[" + its + "]", current, false},
		"an object":                                  {`{"kid":` + its + `}`, current, false},
		"twice, the second a stranger's":             {its + `,"kid":` + quoted(keyID(gone)), gone, false},
		"twice, the first a stranger's":              {quoted(keyID(gone)) + `,"kid":` + its, gone, false},
	} {
		t.Run(name, func(t *testing.T) {
			header := `{"alg":"HS256","typ":"JWT"`
			if c.kid != "" {
				header += `,"kid":` + c.kid
			}
			who := Caller{User: tracing.NewID(), Session: tracing.NewID()}
			read, err := ours.Caller(compact(sha256.New, c.key, header+"}", claimsOf(t, who, nil)))
			if c.good {
				require.NoError(t, err)
				require.Equal(t, who.User, read.User)
				require.Equal(t, who.Session, read.Session)
				return
			}
			require.ErrorIs(t, err, apperror.ErrUnauthorized)
			require.Zero(t, read)
		})
	}
}

// spare is another spelling of a token: the last character has bits that mean nothing.
func spare(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

// A token says neither how it is checked nor by which key, nor is one of another purpose an
// access token.
func TestForgedAccessTokensAreRefused(t *testing.T) {
	key := []byte(strings.Repeat("k", minKey))
	ours := Tokens{Key: key}
	who := Caller{User: tracing.NewID(), Session: tracing.NewID()}
	good := claimsOf(t, who, nil)
	header := func(more string) string { return fmt.Sprintf(`{"typ":"JWT","kid":%q,%s}`, keyID(key), more) }
	pair, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	byPair, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{Subject: who.User.String(), Issuer: issuer, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute))}).SignedString(pair)
	require.NoError(t, err)
	public := x509.MarshalPKCS1PublicKey(&pair.PublicKey)
	encode := base64.RawURLEncoding.EncodeToString
	unsigned := func(alg string) string {
		return encode([]byte(header(`"alg":"`+alg+`"`))) + "." + encode([]byte(good)) + "."
	}
	token := compact(sha256.New, key, header(`"alg":"HS256"`), good)
	read, err := ours.Caller(token)
	require.NoError(t, err, "which the others are made of")
	require.Equal(t, who.User, read.User)
	device, err := ours.DeviceToken(Device{User: who.User, ID: who.Session})
	require.NoError(t, err)
	parts := strings.Split(token, ".")
	with := func(changes map[string]any) string {
		return compact(sha256.New, key, header(`"alg":"HS256"`), claimsOf(t, who, changes))
	}
	now := time.Now()
	for name, token := range map[string]string{
		"unsigned":                           unsigned("none"),
		"unsigned, spelt otherwise":          unsigned("nOnE"),
		"unsigned, with a signature":         unsigned("none") + parts[2],
		"of no algorithm":                    compact(sha256.New, key, header(`"alg":""`), good),
		"of an algorithm that is no text":    compact(sha256.New, key, header(`"alg":["HS256"]`), good),
		"without an algorithm":               compact(sha256.New, key, fmt.Sprintf(`{"kid":%q}`, keyID(key)), good),
		"HS256 in small letters":             compact(sha256.New, key, header(`"alg":"hs256"`), good),
		"HS384":                              compact(sha512.New384, key, header(`"alg":"HS384"`), good),
		"HS512":                              compact(sha512.New, key, header(`"alg":"HS512"`), good),
		"HS256 that calls itself RS256":      compact(sha256.New, key, header(`"alg":"RS256"`), good),
		"HS256 that calls itself ES256":      compact(sha256.New, key, header(`"alg":"ES256"`), good),
		"RS256":                              byPair,
		"HS256 with somebody's public key":   compact(sha256.New, public, header(`"alg":"HS256"`), good),
		"a key of its own in the header":     compact(sha256.New, public, header(`"alg":"HS256","jwk":{"kty":"oct","k":"`+encode(public)+`"}`), good),
		"the address of a key in the header": compact(sha256.New, public, header(`"alg":"HS256","jku":"http://127.0.0.1:1/keys","x5u":"http://127.0.0.1:1/"`), good),
		"signed by half":                     token[:len(token)-20],
		"with nothing behind":                parts[0] + "." + parts[1] + ".",
		"with another's claims":              parts[0] + "." + encode([]byte(claimsOf(t, Caller{User: tracing.NewID()}, nil))) + "." + parts[2],
		"a part too many":                    token + "." + parts[2],
		"a part too few":                     parts[0] + "." + parts[1],
		"with blanks":                        " " + token,
		"with a line's end":                  token + "\n",
		"padded":                             token + "=",
		"of nothing":                         "",
		"points alone":                       "..",
		"many points":                        strings.Repeat(".", 1<<16),
		"that ended":                         with(map[string]any{"exp": now.Add(-time.Second).Unix()}),
		"that never ends":                    with(map[string]any{"exp": nil}),
		"whose end is no time":               with(map[string]any{"exp": "tomorrow"}),
		"whose end is null":                  with(map[string]any{"exp": json.RawMessage("null")}),
		"whose end is at the beginning":      with(map[string]any{"exp": 0}),
		"that begins tomorrow":               with(map[string]any{"nbf": now.Add(24 * time.Hour).Unix()}),
		"of another issuer":                  with(map[string]any{"iss": "somebody"}),
		"of no issuer":                       with(map[string]any{"iss": nil}),
		"of several issuers":                 with(map[string]any{"iss": []string{issuer}}),
		"of nobody":                          with(map[string]any{"sub": nil}),
		"of somebody who cannot be":          with(map[string]any{"sub": "admin"}),
		"of the user of zeros":               with(map[string]any{"sub": uuid.Nil.String()}),
		"of somebody who never proved it":    with(map[string]any{"auth_time": nil}),
		"of the session of zeros":            with(map[string]any{"sid": uuid.Nil.String()}),
		"with bits to spare":                 spare(token),
		"of no session":                      with(map[string]any{"sid": nil}),
		"of a session that cannot be":        with(map[string]any{"sid": "x"}),
		"a device's":                         device,
	} {
		t.Run(name, func(t *testing.T) {
			read, err := ours.Caller(token)
			require.ErrorIs(t, err, apperror.ErrUnauthorized)
			require.Zero(t, read)
		})
	}
}
