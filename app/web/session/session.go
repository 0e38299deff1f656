// Package session keeps a person's log-in in one cookie, encrypted and authenticated
// (AES-256-GCM), so that any replica can serve any request and no store has to be available.
// The browser holds the tokens but cannot read them.
package session

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The cookies. The prefix has browsers refuse them from other hosts, paths and plain HTTP.
const (
	cookieName = "__Host-session"
	deviceName = "__Host-device"
)

// deviceLife is as long as browsers keep a cookie.
const deviceLife = 400 * 24 * time.Hour

// Session is a person's log-in.
type Session struct {
	Access      string    `json:"a"` // the API's access token
	AccessEnds  time.Time `json:"ae"`
	Refresh     string    `json:"r"` // gets the next access token, once
	RefreshEnds time.Time `json:"re"`
	Name        string    `json:"n"`
	Zone        string    `json:"z"` // IANA
}

// Keeper seals sessions into cookies and opens them.
type Keeper struct {
	// sealers: the first seals, all open.
	sealers []cipher.AEAD
}

// minKey is the number of characters that a key has at least.
const minKey = 32

// New reads the keys: one as it is, or a JSON list of which the first seals and all open. Each
// has at least 32 characters. Errors never show a key.
func New(text string) (*Keeper, error) {
	keys := []string{text}
	if strings.HasPrefix(text, "[") {
		if err := json.Unmarshal([]byte(text), &keys); err != nil {
			return nil, errors.New("the keys begin with [ but are no JSON list of texts")
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the list of keys is empty: give one at least")
	}
	k := &Keeper{}
	for _, key := range keys {
		if len(key) < minKey {
			return nil, fmt.Errorf("a key is too short: each has at least %d characters", minKey)
		}
		derived, err := hkdf.Key(sha256.New, []byte(key), nil, "wealth-companion web session", 32)
		if err != nil {
			return nil, err
		}
		block, err := aes.NewCipher(derived)
		if err != nil {
			return nil, err
		}
		sealer, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			return nil, err
		}
		k.sealers = append(k.sealers, sealer)
	}
	return k, nil
}

// seal encrypts a value for the cookie of that name: it is of no use as another one.
func (k *Keeper) seal(name string, value []byte) string {
	return base64.RawURLEncoding.EncodeToString(k.sealers[0].Seal(nil, nil, value, []byte(name)))
}

func (k *Keeper) open(r *http.Request, name string) ([]byte, bool) {
	// Of two cookies of one name, which only somebody who plants one makes, none counts.
	found := r.CookiesNamed(name)
	if len(found) != 1 {
		return nil, false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(found[0].Value)
	if err != nil {
		return nil, false
	}
	for _, sealer := range k.sealers {
		if value, err := sealer.Open(nil, nil, sealed, []byte(name)); err == nil {
			return value, true
		}
	}
	return nil, false
}

// Read returns the session of a request; nil: there is none, or it has expired.
func (k *Keeper) Read(r *http.Request) *Session {
	raw, ok := k.open(r, cookieName)
	if !ok {
		return nil
	}
	var s Session
	if json.Unmarshal(raw, &s) != nil || !time.Now().Before(s.RefreshEnds) {
		return nil
	}
	return &s
}

// Write sets the cookie of a session, in place of one that there was.
func (k *Keeper) Write(w http.ResponseWriter, s Session) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	set(w, cookieName, k.seal(cookieName, raw), s.RefreshEnds)
	return nil
}

// Clear takes the session's cookie away.
func (k *Keeper) Clear(w http.ResponseWriter) { set(w, cookieName, "", time.Unix(1, 0)) }

// Device returns the token by which the API tells this browser from strangers; "": it has none.
func (k *Keeper) Device(r *http.Request) string {
	raw, _ := k.open(r, deviceName)
	return string(raw)
}

// WriteDevice keeps a device's token, also after the log-out.
func (k *Keeper) WriteDevice(w http.ResponseWriter, token string) {
	if token != "" {
		set(w, deviceName, k.seal(deviceName, []byte(token)), time.Now().Add(deviceLife))
	}
}

func set(w http.ResponseWriter, name, value string, ends time.Time) {
	c := http.Cookie{Name: name, Value: value, Path: "/", Expires: ends, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	// A second Set-Cookie of the same name in one answer would leave it to the browser which counts.
	kept := w.Header()["Set-Cookie"][:0]
	for _, line := range w.Header()["Set-Cookie"] {
		if !strings.HasPrefix(line, name+"=") {
			kept = append(kept, line)
		}
	}
	w.Header()["Set-Cookie"] = append(kept, c.String())
}
