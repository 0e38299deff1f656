// Package doapitest runs the DigitalOcean API for tests, with clusters that
// are running as soon as they are asked for.
package doapitest

import (
	"context"
	"maps"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/digitalocean/godo"
	"github.com/stretchr/testify/require"

	"github.com/wealth-companion/companion/rehearsal/doapi"
)

// Token is the token that the server of Start takes.
const Token = "dop_v1_rehearsal"

// Backend keeps what it was asked for and boots nothing.
type Backend struct {
	// Fail, if set, is asked before a cluster is created or updated.
	Fail func(doapi.ClusterSpec) error
	// Scale, if set, is the autoscaler.
	Scale func(doapi.ClusterSpec) (doapi.Scaling, error)

	mu        sync.Mutex
	clusters  map[string]doapi.ClusterSpec
	databases map[string]doapi.DatabaseSpec
}

// ApplyDatabase says that the database is online, at the hosts that the API makes up.
func (b *Backend) ApplyDatabase(spec doapi.DatabaseSpec) (doapi.DatabaseAccess, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.databases == nil {
		b.databases = map[string]doapi.DatabaseSpec{}
	}
	b.databases[spec.ID] = spec
	return doapi.DatabaseAccess{CA: []byte("a certificate")}, nil
}

// DeleteDatabase forgets the database.
func (b *Backend) DeleteDatabase(id string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.databases, id)
	return nil
}

// Databases are those that exist, by id, as they were last asked for.
func (b *Backend) Databases() map[string]doapi.DatabaseSpec {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.databases)
}

// Create says that every node runs.
func (b *Backend) Create(ctx context.Context, spec doapi.ClusterSpec, update func(doapi.NodeStatus)) (doapi.Credentials, error) {
	return doapi.Credentials{Server: "https://10.110.0.1:6443", CA: []byte("a certificate")}, b.Update(ctx, spec, update)
}

// Update says that every node runs.
func (b *Backend) Update(_ context.Context, spec doapi.ClusterSpec, update func(doapi.NodeStatus)) error {
	if b.Fail != nil {
		if err := b.Fail(spec); err != nil {
			return err
		}
	}
	b.mu.Lock()
	if b.clusters == nil {
		b.clusters = map[string]doapi.ClusterSpec{}
	}
	b.clusters[spec.ID] = spec
	b.mu.Unlock()
	for _, pool := range spec.Pools {
		for _, node := range pool.Nodes {
			update(doapi.NodeStatus{Node: node.Name, State: doapi.NodeRunning})
		}
	}
	return nil
}

// Autoscale asks Scale.
func (b *Backend) Autoscale(_ context.Context, spec doapi.ClusterSpec) (doapi.Scaling, error) {
	if b.Scale == nil {
		return doapi.Scaling{}, nil
	}
	return b.Scale(spec)
}

// Delete forgets the cluster.
func (b *Backend) Delete(_ context.Context, spec doapi.ClusterSpec) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.clusters, spec.ID)
	return nil
}

// Clusters are those that exist, by id, as they were last asked for.
func (b *Backend) Clusters() map[string]doapi.ClusterSpec {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.clusters)
}

// Clock is a clock that a test moves; it begins with the present.
type Clock struct{ ahead atomic.Int64 }

// Now is the clock's time.
func (c *Clock) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Advance moves the clock.
func (c *Clock) Advance(by time.Duration) { c.ahead.Add(int64(by)) }

// Start runs the API on loopback until the test ends, with its state in dir.
func Start(t testing.TB, dir string, backend doapi.Backend, options ...doapi.Option) (*doapi.Server, string) {
	t.Helper()
	server, err := doapi.New(dir, Token, backend, options...)
	require.NoError(t, err)
	listening := httptest.NewServer(server)
	t.Cleanup(func() {
		listening.Close()
		require.NoError(t, server.Close())
	})
	return server, listening.URL
}

// Client is godo, talking to the API at that address.
func Client(t testing.TB, address string) *godo.Client {
	t.Helper()
	client := godo.NewFromToken(Token)
	base, err := url.Parse(address + "/")
	require.NoError(t, err)
	client.BaseURL = base
	return client
}
