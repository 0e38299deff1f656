// Package secret makes several secrets of one, so that one is to be kept and
// all of them change with it.
package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Derive returns the secret for that purpose (HMAC-SHA-256, 48 hexadecimal
// digits): who knows it learns nothing of the seed or of the others.
func Derive(seed pulumi.StringInput, purpose string) pulumi.StringOutput {
	return pulumi.ToSecret(seed.ToStringOutput().ApplyT(func(seed string) string {
		mac := hmac.New(sha256.New, []byte(seed))
		mac.Write([]byte(purpose))
		return hex.EncodeToString(mac.Sum(nil)[:24])
	})).(pulumi.StringOutput)
}
