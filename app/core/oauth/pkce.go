package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
)

// S256 is the one method of PKCE (RFC 7636) there is.
const S256 = "S256"

// ValidChallenge tells whether a text is the hash of a verifier: 32 bytes in base64url, in the
// one spelling that they have.
func ValidChallenge(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == sha256.Size && !strings.ContainsAny(text, "\r\n")
}

// Verifies tells whether a verifier is the one of a challenge.
func Verifies(verifier, challenge string) bool {
	if len(verifier) < 43 || len(verifier) > 128 {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}
