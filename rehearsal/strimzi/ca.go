package strimzi

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// Strimzi's own defaults, in days.
const (
	defaultValidity = 365
	defaultRenewal  = 30
)

const organization = "io.strimzi"

// pair is a certificate and its key, both in PEM; Kafka reads keys in PKCS#8 only.
type pair struct{ cert, key []byte }

// request says for whom a certificate is.
type request struct {
	commonName string
	plain      bool // without the organization, as users have it
	dns        []string
	days       int32
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	signer      crypto.Signer
	pair
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode a key: %w", err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// newAuthority makes a certificate authority, or a new certificate for the given key.
func newAuthority(name string, days int32, key []byte, now time.Time) (*authority, error) {
	var signer crypto.Signer
	var err error
	if key == nil {
		signer, key, err = newKey()
	} else {
		signer, err = parseKey(key)
	}
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{organization}, CommonName: name + " v0"},
		NotBefore:             now.Add(-time.Minute), // clocks of brokers may be a little behind
		NotAfter:              now.AddDate(0, 0, int(days)),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate authority %s: %w", name, err)
	}
	return parseAuthority(pair{cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key: key})
}

func parseAuthority(p pair) (*authority, error) {
	cert, err := parseCertificate(p.cert)
	if err != nil {
		return nil, err
	}
	signer, err := parseKey(p.key)
	if err != nil {
		return nil, err
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(cert.PublicKey) {
		return nil, errors.New("the certificate authority's key does not belong to its certificate")
	}
	return &authority{certificate: cert, signer: signer, pair: p}, nil
}

// issue signs a certificate that serves as server and as client.
func (a *authority) issue(r request, now time.Time) (pair, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return pair{}, err
	}
	serial, err := newSerial()
	if err != nil {
		return pair{}, err
	}
	// A Java principal writes this subject as CN=name,O=io.strimzi, which is how
	// the brokers' super users are named.
	subject := pkix.Name{CommonName: r.commonName}
	if !r.plain {
		subject.Organization = []string{organization}
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      subject,
		DNSNames:     r.dns,
		NotBefore:    now.Add(-time.Minute),
		NotAfter:     earlier(now.AddDate(0, 0, int(r.days)), a.certificate.NotAfter),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.signer)
	if err != nil {
		return pair{}, fmt.Errorf("sign the certificate of %s: %w", r.commonName, err)
	}
	return pair{cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key: keyPEM}, nil
}

// stale says why a certificate must be issued again, or nothing.
func (a *authority) stale(p pair, r request, renewal int32, now time.Time) string {
	cert, err := parseCertificate(p.cert)
	if err != nil {
		return "it cannot be read"
	}
	if _, err := parseKey(p.key); err != nil {
		return "its key cannot be read"
	}
	if err := cert.CheckSignatureFrom(a.certificate); err != nil {
		return "it is not of this certificate authority"
	}
	if cert.Subject.CommonName != r.commonName || !sameSet(cert.DNSNames, r.dns) {
		return "it is for other names"
	}
	if due(cert, renewal, now) {
		return "it is about to expire"
	}
	return ""
}

func due(cert *x509.Certificate, renewal int32, now time.Time) bool {
	return now.AddDate(0, 0, int(renewal)).After(cert.NotAfter)
}

func parseCertificate(content []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(content)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("no certificate in PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read a certificate: %w", err)
	}
	return cert, nil
}

func parseKey(content []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, errors.New("no key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read a key: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	return signer, nil
}

// trustStore is a certificate as Java clients want it.
func trustStore(cert []byte, password string) ([]byte, error) {
	parsed, err := parseCertificate(cert)
	if err != nil {
		return nil, err
	}
	store, err := pkcs12.Modern.EncodeTrustStoreEntries(
		[]pkcs12.TrustStoreEntry{{Cert: parsed, FriendlyName: "ca.crt"}}, password)
	if err != nil {
		return nil, fmt.Errorf("encode a trust store: %w", err)
	}
	return store, nil
}

// keyStore is a user's certificate and key as Java clients want them.
func keyStore(p pair, password string) ([]byte, error) {
	cert, err := parseCertificate(p.cert)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(p.key)
	if err != nil {
		return nil, err
	}
	store, err := pkcs12.Modern.Encode(key, cert, nil, password)
	if err != nil {
		return nil, fmt.Errorf("encode a key store: %w", err)
	}
	return store, nil
}

const passwordLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newPassword is random, begins with a letter, and needs no quoting anywhere.
func newPassword(length int) (string, error) {
	const all = passwordLetters + "0123456789"
	var out bytes.Buffer
	for out.Len() < length {
		from := all
		if out.Len() == 0 {
			from = passwordLetters
		}
		i, err := rand.Int(rand.Reader, big.NewInt(int64(len(from))))
		if err != nil {
			return "", fmt.Errorf("make a password: %w", err)
		}
		out.WriteByte(from[i.Int64()])
	}
	return out.String(), nil
}

func newSerial() (*big.Int, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	return serial.Add(serial, big.NewInt(1)), nil
}

// fingerprint is short, since it stands in annotations.
func fingerprint(parts ...[]byte) string {
	hash := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(hash, "%d:", len(part))
		hash.Write(part)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func sameSet(a, b []string) bool {
	count := map[string]int{}
	for _, s := range a {
		count[s]++
	}
	for _, s := range b {
		count[s]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}
