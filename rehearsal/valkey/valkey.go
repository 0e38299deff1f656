// Package valkey runs the managed databases of the rehearsal's DigitalOcean API as real
// servers, with TLS, a password, an ACL like DigitalOcean's and trusted sources.
//
// The server is Debian's Redis 7.0, from which Valkey was forked: no registry has Valkey
// itself. It runs on loopback.
package valkey

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wealth-companion/companion/rehearsal/doapi"
)

// program is the server under another name: Debian's redis-tools has it as a checker of
// files, and it goes by the name that it is called with.
const program = "/usr/bin/redis-check-rdb"

// patience is how long a server may take to start or to end.
const patience = 10 * time.Second

// Servers is a doapi.Backend with databases; clusters are the embedded backend's.
type Servers struct {
	doapi.Backend

	dir string

	mu      sync.Mutex
	running map[string]*server
}

// New keeps the databases' data below dir. Clusters are left to the backend.
func New(dir string, clusters doapi.Backend) *Servers {
	return &Servers{Backend: clusters, dir: dir, running: map[string]*server{}}
}

// ApplyDatabase starts the server, or changes the one that runs: connections that are open
// stay, as at DigitalOcean.
func (s *Servers) ApplyDatabase(spec doapi.DatabaseSpec) (doapi.DatabaseAccess, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	current := s.running[spec.ID]
	if current == nil {
		var err error
		if current, err = newServer(filepath.Join(s.dir, spec.ID)); err != nil {
			return doapi.DatabaseAccess{}, fmt.Errorf("database %s: %w", spec.Name, err)
		}
		s.running[spec.ID] = current
	}
	current.trust(spec.Sources)
	if err := current.apply(spec); err != nil {
		return doapi.DatabaseAccess{}, fmt.Errorf("database %s: %w", spec.Name, err)
	}
	return doapi.DatabaseAccess{Public: current.address, Private: current.address, CA: current.authority}, nil
}

// DeleteDatabase ends the server and removes its data.
func (s *Servers) DeleteDatabase(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current := s.running[id]; current != nil {
		if err := current.close(); err != nil {
			return err
		}
		delete(s.running, id)
	}
	return os.RemoveAll(filepath.Join(s.dir, id))
}

// Close ends every server; their data stay.
func (s *Servers) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for id, current := range s.running {
		errs = append(errs, current.close())
		delete(s.running, id)
	}
	return errors.Join(errs...)
}

// server is one database: a door that looks at who connects, and the process behind it.
type server struct {
	dir       string
	door      net.Listener
	address   netip.AddrPort // the door's
	authority []byte         // PEM
	behind    string         // host:port of the process

	mu      sync.Mutex
	sources []netip.Prefix // everybody when nil

	settings string // with which the process runs
	password string // of the operator
	process  *exec.Cmd
	ended    chan struct{}
	log      bytes.Buffer
}

func newServer(dir string) (*server, error) {
	if _, err := os.Stat(program); err != nil {
		return nil, fmt.Errorf("%w: install Debian's redis-tools (`make packages`)", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &server{dir: dir, password: rand.Text()}
	if err := os.Symlink(program, s.file("redis-server")); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	authority, err := certify(dir)
	if err != nil {
		return nil, err
	}
	s.authority = authority
	if s.behind, err = freeAddress(); err != nil {
		return nil, err
	}
	if s.door, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	s.address = netip.MustParseAddrPort(s.door.Addr().String())
	go s.admit()
	return s, nil
}

func (s *server) file(name string) string { return filepath.Join(s.dir, name) }

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func (s *server) trust(sources []netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources = sources
}

func (s *server) trusts(address netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sources == nil || slices.ContainsFunc(s.sources, func(p netip.Prefix) bool { return p.Contains(address) })
}

// admit hands connections of trusted sources to the process. Others are closed: at
// DigitalOcean they get no answer at all.
func (s *server) admit() {
	for {
		from, err := s.door.Accept()
		if err != nil {
			return // closed
		}
		peer, err := netip.ParseAddrPort(from.RemoteAddr().String())
		if err != nil || !s.trusts(peer.Addr().Unmap()) {
			_ = from.Close()
			continue
		}
		go s.connect(from)
	}
}

func (s *server) connect(from net.Conn) {
	defer func() { _ = from.Close() }()
	to, err := net.DialTimeout("tcp", s.behind, time.Second)
	if err != nil {
		return
	}
	defer func() { _ = to.Close() }()
	// Each side may end its half and still read the other's.
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Go(func() {
			_, _ = io.Copy(way[1], way[0])
			if end, ok := way[1].(*net.TCPConn); ok {
				_ = end.CloseWrite()
			}
		})
	}
	both.Wait()
}

// settingsOf has the one user that there is at DigitalOcean, without the commands by which
// a server is run.
func (s *server) settingsOf(spec doapi.DatabaseSpec) string {
	_, port, _ := net.SplitHostPort(s.behind)
	return strings.Join([]string{
		"port 0", "bind 127.0.0.1", "tls-port " + port, "tls-auth-clients no", `tls-protocols "TLSv1.2 TLSv1.3"`,
		"tls-cert-file " + s.file("tls.crt"), "tls-key-file " + s.file("tls.key"), "tls-ca-cert-file " + s.file("ca.crt"),
		"dir " + s.dir, "save 3600 1", "appendonly no",
		fmt.Sprintf("user %s on >%s ~* &* +@all -@admin", doapi.DatabaseUser, spec.Password),
		fmt.Sprintf("user %s on >%s resetkeys resetchannels -@all +config|set", operator, s.password), "",
	}, "\n")
}

// operator is DigitalOcean's own user, which changes a server that runs.
const operator = "operator"

// configure sets what changes without a restart.
func (s *server) configure(spec doapi.DatabaseSpec) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	host, port, _ := net.SplitHostPort(s.behind)
	command := exec.CommandContext(ctx, "redis-cli", "-h", host, "-p", port, "--tls", "--cacert", s.file("ca.crt"), "--user", operator, "--no-auth-warning", "-e",
		"config", "set", "maxmemory", fmt.Sprintf("%dmb", spec.MemoryMiB*memoryShare/100), "maxmemory-policy", spec.EvictionPolicy)
	command.Env = append(os.Environ(), "REDISCLI_AUTH="+s.password)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("configure the server: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// memoryShare is the part of a node's memory that data may take, in percent.
const memoryShare = 75

func (s *server) apply(spec doapi.DatabaseSpec) error {
	settings := s.settingsOf(spec)
	if settings == s.settings && s.alive() {
		return s.configure(spec)
	}
	if err := s.stop(); err != nil {
		return err
	}
	s.log.Reset()
	s.process = exec.Command(s.file("redis-server"), "-")
	s.process.Stdin, s.process.Stdout, s.process.Stderr = strings.NewReader(settings), &s.log, &s.log
	if err := s.process.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	s.ended = ended
	go func(process *exec.Cmd) {
		_ = process.Wait() // it is asked to end, or its log says why it did
		close(ended)
	}(s.process)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if connection, err := net.DialTimeout("tcp", s.behind, time.Second); err == nil {
			s.settings = settings
			return errors.Join(connection.Close(), s.configure(spec))
		}
		if !s.alive() {
			return fmt.Errorf("the server ended: %s", strings.TrimSpace(s.log.String()))
		}
		if time.Now().After(deadline) {
			return errors.Join(errors.New("the server does not answer"), s.stop())
		}
	}
}

func (s *server) alive() bool {
	if s.ended == nil {
		return false
	}
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// stop ends the process, which writes its data first.
func (s *server) stop() error {
	if !s.alive() {
		return nil
	}
	_ = s.process.Process.Signal(os.Interrupt) // it may have ended meanwhile
	select {
	case <-s.ended:
		return nil
	case <-time.After(patience):
	}
	if err := s.process.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.ended
	return nil
}

func (s *server) close() error { return errors.Join(s.door.Close(), s.stop()) }
