// Package secret makes several secrets of one, so that one is to be kept and
// all of them change with it.
package secret

import (
	"crypto/ecdh"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// PushKey returns the public VAPID key (RFC 8292) of a private one; both are
// base64url without padding, a point and a number of P-256.
func PushKey(private string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(private)
	if err != nil {
		return "", err
	}
	key, err := ecdh.P256().NewPrivateKey(raw)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(key.PublicKey().Bytes()), nil
}

// Derive returns the secret for that purpose (HMAC-SHA-256, 48 hexadecimal
// digits): who knows it learns nothing of the seed or of the others.
func Derive(seed Text, purpose string) Text {
	mac := hmac.New(sha256.New, []byte(seed))
	mac.Write([]byte(purpose))
	return Text(hex.EncodeToString(mac.Sum(nil)[:24]))
}
