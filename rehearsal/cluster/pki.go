package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// pki makes and keeps the cluster's certificates, as PEM files in one folder.
// What exists is kept: an interrupted start goes on with the same authorities.
type pki struct{ dir string }

// validity covers any rehearsal; a cluster lives for hours.
const validity = 365 * 24 * time.Hour

func (p pki) cert(name string) string { return filepath.Join(p.dir, name+".crt") }
func (p pki) key(name string) string  { return filepath.Join(p.dir, name+".key") }

// authority makes the certificate authority NAME.
func (p pki) authority(name string) error {
	if p.exists(name) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := certificate(pkix.Name{CommonName: name})
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fmt.Errorf("certificate authority %s: %w", name, err)
	}
	return p.write(name, der, key)
}

// leaf makes the certificate NAME, signed by the authority, for the subject and
// the given host names and IP addresses. It serves as server and as client.
func (p pki) leaf(authority, name string, subject pkix.Name, hosts ...string) error {
	if p.exists(name) {
		return nil
	}
	caCert, caKey, err := p.load(authority)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := certificate(subject)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, caCert, key.Public(), caKey)
	if err != nil {
		return fmt.Errorf("certificate %s: %w", name, err)
	}
	return p.write(name, der, key)
}

// signingKey makes the RSA key with which service account tokens are signed.
func (p pki) signingKey(name string) error {
	if _, err := os.Stat(p.key(name)); err == nil {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	return writePEM(p.key(name), "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key), 0o600)
}

func (p pki) exists(name string) bool {
	_, certErr := os.Stat(p.cert(name))
	_, keyErr := os.Stat(p.key(name))
	return certErr == nil && keyErr == nil
}

func (p pki) load(name string) (*x509.Certificate, any, error) {
	certPEM, certErr := os.ReadFile(p.cert(name))
	keyPEM, keyErr := os.ReadFile(p.key(name))
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, nil, err
	}
	certBlock, _ := pem.Decode(certPEM)
	keyBlock, _ := pem.Decode(keyPEM)
	if certBlock == nil || keyBlock == nil {
		return nil, nil, fmt.Errorf("%s holds no PEM: %w", p.cert(name), fs.ErrInvalid)
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", p.cert(name), err)
	}
	key, err := x509.ParsePKCS8PrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", p.key(name), err)
	}
	return cert, key, nil
}

func (p pki) write(name string, der []byte, key *ecdsa.PrivateKey) error {
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(p.key(name), "PRIVATE KEY", keyDER, 0o600); err != nil {
		return err
	}
	return writePEM(p.cert(name), "CERTIFICATE", der, 0o644)
}

func writePEM(path, kind string, der []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

func certificate(subject pkix.Name) *x509.Certificate {
	// 127 random bits: RFC 5280 wants at most 20 octets, positive.
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		// An hour back, for machines whose clocks were just set.
		NotBefore: time.Now().Add(-time.Hour).UTC(),
		NotAfter:  time.Now().Add(validity).UTC(),
	}
}
