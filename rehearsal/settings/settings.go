// Package settings says where the rehearsal is on this machine: its folders,
// addresses and ports, in one place.
package settings

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/wealth-companion/companion/stacks"
)

// Addresses on loopback that only this machine sees.
const (
	APIAddress    = "127.0.0.1:8700" // DigitalOcean's API
	ChartsAddress = "127.0.0.1:8701" // a Helm chart repository
	PushAddress   = "127.0.0.1:8702" // DigitalOcean's image registry, where images are pushed to
	HTTPSPort     = 8443             // load balancer, for port 443; the stack's configuration names it too
	HTTPPort      = 8080             // load balancer, for port 80
)

// RegistryHost is DigitalOcean's image registry, as image names have it.
const RegistryHost = "registry.digitalocean.com"

// Ports on the bridge, which the nodes and pods see.
const (
	RegistryPort = "5000"
	PostgresPort = "5432"
	MailPort     = 2525 // the stack's configuration names it too
)

// Where the cluster lives. The stack's configuration names the same ranges:
// they are the VPC's, which the program asks DigitalOcean for.
var (
	Bridge   = "companion0"
	VPC      = netip.MustParsePrefix("10.110.0.0/20")
	Pods     = netip.MustParsePrefix("10.112.0.0/16")
	Services = netip.MustParsePrefix("10.113.0.0/16")
)

// Database is the application's, in which each service has a schema of its own.
const Database = "companion"

// Folders are where things are on disk.
type Folders struct {
	Root  string // the checkout
	Cache string // what was built; kept when the rehearsal is taken down
	State string // what runs; removed when the rehearsal is taken down
}

// NewFolders finds the checkout that the working directory is in, and the
// folders that REHEARSAL_CACHE and REHEARSAL_STATE name or their defaults.
func NewFolders() (Folders, error) {
	root, err := os.Getwd()
	if err != nil {
		return Folders{}, err
	}
	for {
		if _, err := os.Stat(filepath.Join(root, "Pulumi.yaml")); err == nil {
			break
		}
		parent := filepath.Dir(root)
		if parent == root {
			return Folders{}, errors.New("no Pulumi.yaml here or above: run this inside the project's checkout")
		}
		root = parent
	}
	cache := os.Getenv("REHEARSAL_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return Folders{}, fmt.Errorf("no cache folder: set REHEARSAL_CACHE or HOME: %w", err)
		}
		cache = filepath.Join(base, "companion-rehearsal")
	}
	state := os.Getenv("REHEARSAL_STATE")
	if state == "" {
		state = "/var/lib/companion-rehearsal"
	}
	for name, dir := range map[string]string{"REHEARSAL_CACHE": cache, "REHEARSAL_STATE": state} {
		if !filepath.IsAbs(dir) || filepath.Clean(dir) == "/" {
			return Folders{}, fmt.Errorf("%s is %q: it must be an absolute path, and not /", name, dir)
		}
	}
	return Folders{Root: root, Cache: filepath.Clean(cache), State: filepath.Clean(state)}, nil
}

// Bin is where the host's programs are linked under their plain names.
func (f Folders) Bin() string { return filepath.Join(f.State, "bin") }

// Program is the path of one of the host's programs.
func (f Folders) Program(name string) string { return filepath.Join(f.Bin(), name) }

// Mail is where the rehearsal's mail server keeps what it is given.
func (f Folders) Mail() string { return filepath.Join(f.State, "mail") }

// Secrets are made once for a rehearsal and kept in its state folder.
type Secrets struct {
	DigitalOceanToken string            `json:"digitalOceanToken"`
	Passphrase        string            `json:"passphrase"` // of the Pulumi stack
	PostgresAdmin     string            `json:"postgresAdmin"`
	Databases         map[string]string `json:"databases"` // password by service
	Migrator          string            `json:"migrator"`  // the password of who migrates them
	Redis             string            `json:"redis"`
	AuthSigningKey    string            `json:"authSigningKey"`
	SessionKey        string            `json:"sessionKey"`
	KafkaSeed         string            `json:"kafkaSeed"`
	SidecarSeed       string            `json:"sidecarSeed"`
	PushPrivateKey    string            `json:"pushPrivateKey"` // VAPID: a number of P-256, base64url
}

// LoadSecrets reads the rehearsal's secrets, or makes them.
func (f Folders) LoadSecrets() (Secrets, error) {
	path := filepath.Join(f.State, "secrets.json")
	raw, err := os.ReadFile(path)
	if err == nil {
		var secrets Secrets
		if err := json.Unmarshal(raw, &secrets); err != nil {
			return Secrets{}, fmt.Errorf("%s: %w (run `make down` and start again)", path, err)
		}
		if secrets.Migrator == "" || secrets.SidecarSeed == "" || secrets.SessionKey == "" {
			return Secrets{}, fmt.Errorf("%s is of an earlier version of this program: run `make down` and start again", path)
		}
		return secrets, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Secrets{}, err
	}
	secrets := Secrets{
		DigitalOceanToken: "dop_v1_" + rand.Text(),
		Passphrase:        rand.Text(),
		PostgresAdmin:     rand.Text(),
		Databases:         map[string]string{},
		Migrator:          rand.Text(),
		Redis:             rand.Text(),
		AuthSigningKey:    rand.Text() + rand.Text(),
		SessionKey:        rand.Text() + rand.Text(),
		KafkaSeed:         rand.Text() + rand.Text(),
		SidecarSeed:       rand.Text() + rand.Text(),
	}
	for _, service := range stacks.DatabaseServices {
		secrets.Databases[service] = rand.Text()
	}
	push, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return Secrets{}, err
	}
	secrets.PushPrivateKey = base64.RawURLEncoding.EncodeToString(push.Bytes())
	if raw, err = json.MarshalIndent(secrets, "", "  "); err != nil {
		return Secrets{}, err
	}
	if err := os.MkdirAll(f.State, 0o755); err != nil {
		return Secrets{}, err
	}
	// Renamed into place: a cut-off start must not leave half a file.
	if err := os.WriteFile(path+".new", raw, 0o600); err != nil {
		return Secrets{}, err
	}
	return secrets, os.Rename(path+".new", path)
}
