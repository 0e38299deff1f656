package account

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/wealth-companion/companion/app/core/apperror"
	"github.com/wealth-companion/companion/app/core/oauth"
)

// tokenLife is how long an access token lasts, unless its session ends before (Ended).
const tokenLife = 15 * time.Minute

// Who issues tokens: those of people name another than those of assistants, so that
// whoever does not know of assistants refuses theirs.
const (
	issuer          = "wealth-companion"
	assistantIssuer = "wealth-companion-assistants"
)

// minKey is how many characters a signing key has at least.
const minKey = 32

// Caller is who an access token is of.
type Caller struct {
	User    uuid.UUID
	Session uuid.UUID
	// Authenticated is when the user last proved who they are, UTC.
	Authenticated time.Time
	// Assistant is whom the user has let in; zero: it is the user themselves.
	Assistant Grant
}

// Grant is what a user lets an assistant do.
type Grant struct {
	Client   uuid.UUID   // which of them
	Scope    oauth.Scope // what it may do
	Resource string      // where: the address of the MCP server
}

// IsPerson tells whether the caller is the user themselves.
func (c Caller) IsPerson() bool { return c.Assistant == Grant{} }

// Tokens signs and checks access tokens (JWT, HS256) and what else is signed for
// callers. Each key has an id that follows from it, which tokens carry as kid.
type Tokens struct {
	// Key signs.
	Key []byte
	// Retired keys sign nothing any more. What they signed is still good.
	Retired [][]byte
}

// ParseKeys reads signing keys: one key as it is, or a JSON list of keys, of which
// the first signs and all verify. A key has at least 32 characters.
func ParseKeys(text string) (Tokens, error) {
	keys := []string{text}
	if strings.HasPrefix(text, "[") {
		if err := json.Unmarshal([]byte(text), &keys); err != nil {
			return Tokens{}, errors.New("the signing keys begin with [ but are no JSON list of texts") // the cause would show them
		}
	}
	var t Tokens
	known := map[string]bool{}
	for _, key := range keys {
		switch {
		case len(key) < minKey:
			return Tokens{}, fmt.Errorf("a signing key is too short: each has at least %d characters", minKey)
		case known[key]:
			return Tokens{}, errors.New("a signing key is given twice: the new one comes first, the one before it second")
		}
		known[key] = true
		t.Retired = append(t.Retired, []byte(key))
	}
	if len(t.Retired) == 0 {
		return Tokens{}, errors.New("the list of signing keys is empty: give one at least")
	}
	t.Key, t.Retired = t.Retired[0], t.Retired[1:]
	return t, nil
}

// All are the keys that verify; the first of them signs.
func (t Tokens) All() [][]byte { return append([][]byte{t.Key}, t.Retired...) }

// keyID is public: it says nothing of the key.
func keyID(key []byte) string {
	sum := sha256.Sum256(append([]byte("kid:"), key...))
	return hex.EncodeToString(sum[:6])
}

type claims struct {
	jwt.RegisteredClaims
	Session       uuid.UUID        `json:"sid"`
	Authenticated *jwt.NumericDate `json:"auth_time"`
	Client        uuid.UUID        `json:"client_id,omitzero"`
	Scope         oauth.Scope      `json:"scope,omitempty"`
}

// grant is what the claims let an assistant do; whole: they are either a person's or an
// assistant's, and nothing between.
func (c claims) grant() (g Grant, whole bool) {
	if c.Issuer == issuer {
		return Grant{}, c.Client == uuid.Nil && c.Scope == "" && len(c.Audience) == 0
	}
	if c.Issuer != assistantIssuer || c.Client == uuid.Nil || len(c.Audience) != 1 || c.Audience[0] == "" || !c.Scope.Within(oauth.ReadWrite) {
		return Grant{}, false
	}
	return Grant{c.Client, c.Scope, c.Audience[0]}, true
}

// Issue returns a token for the caller, and when it ends.
func (t Tokens) Issue(c Caller, now time.Time) (string, time.Time, error) {
	ends := now.UTC().Add(tokenLife).Truncate(time.Second)
	its := claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject: c.User.String(), Issuer: issuer, IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(ends),
		},
		Session: c.Session, Authenticated: jwt.NewNumericDate(c.Authenticated),
	}
	if !c.IsPerson() {
		its.Issuer, its.Audience = assistantIssuer, jwt.ClaimStrings{c.Assistant.Resource}
		its.Client, its.Scope = c.Assistant.Client, c.Assistant.Scope
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, its)
	unsigned.Header["kid"] = keyID(t.Key)
	token, err := unsigned.SignedString(t.Key)
	return token, ends, err
}

// key finds the one that a token was signed with. Tokens of before keys had ids
// name none: any of them may have signed it.
func (t Tokens) key(token *jwt.Token) (any, error) {
	id, has := token.Header["kid"]
	if !has {
		var all jwt.VerificationKeySet
		for _, key := range t.All() {
			all.Keys = append(all.Keys, key)
		}
		return all, nil
	}
	for _, key := range t.All() {
		if id == keyID(key) {
			return key, nil
		}
	}
	return nil, errors.New("the key is not known, or no longer")
}

// Caller returns whose token this is, or ErrUnauthorized. Whether its session has
// ended meanwhile Ended knows; a token that names no session would never end before
// its time.
func (t Tokens) Caller(token string) (Caller, error) {
	var its claims
	_, err := jwt.ParseWithClaims(token, &its, t.key, jwt.WithStrictDecoding(),
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired())
	// Base64 leaves line ends out, so that a token would have several spellings.
	grant, whole := its.grant()
	if err != nil || !whole || strings.ContainsAny(token, "\r\n") {
		return Caller{}, apperror.Say(apperror.ErrUnauthorized, "the access token is not valid, or no longer: log in again")
	}
	user, err := uuid.Parse(its.Subject)
	if err != nil || user == uuid.Nil || its.Session == uuid.Nil || its.Authenticated == nil {
		return Caller{}, apperror.Say(apperror.ErrUnauthorized, "the access token names nobody: log in again")
	}
	return Caller{User: user, Session: its.Session, Authenticated: its.Authenticated.UTC(), Assistant: grant}, nil
}

// Device is a browser or program in which somebody has logged in to their account.
// Its attempts to log in there are counted apart from those of strangers, who
// therefore cannot keep its owner out.
type Device struct{ User, ID uuid.UUID }

// deviceMAC signs a device with a key that is made of a signing key, so that
// neither can be taken for the other.
func deviceMAC(secret []byte, d Device) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "companion: devices that are known", 32)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(d.User[:])
	mac.Write(d.ID[:])
	return mac.Sum(nil)[:16], nil
}

// DeviceToken is by which a device is known again. It lets nobody in.
func (t Tokens) DeviceToken(d Device) (string, error) {
	mac, err := deviceMAC(t.Key, d)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(append(append([]byte{}, d.User[:]...), d.ID[:]...), mac...)), nil
}

// Device returns the device that a token is of; the zero one when it is of none.
func (t Tokens) Device(token string) Device {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) != 48 {
		return Device{}
	}
	d := Device{uuid.UUID(raw[:16]), uuid.UUID(raw[16:32])}
	for _, key := range t.All() {
		if mac, err := deviceMAC(key, d); err == nil && hmac.Equal(mac, raw[32:]) {
			return d
		}
	}
	return Device{}
}
