package valkey

import (
	"encoding/pem"
	"os"
	"path/filepath"

	"k8s.io/client-go/util/cert"
)

// certify makes an authority and a certificate of the server's by it, as files in dir, and
// returns the authority's (PEM).
func certify(dir string) ([]byte, error) {
	chain, key, err := cert.GenerateSelfSignedCertKey("127.0.0.1", nil, nil)
	if err != nil {
		return nil, err
	}
	_, authority := pem.Decode(chain) // behind the server's
	for name, content := range map[string][]byte{"ca.crt": authority, "tls.crt": chain, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return nil, err
		}
	}
	return authority, nil
}
