package stacks

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Database is PostgreSQL, outside the cluster.
type Database struct {
	// the most sessions that the database admits, without those that it reserves for administrators
	MaxConnections int    `json:"maxConnections" jsonschema:"minimum=10,maximum=100000" jsonschema_extras:"x-unit=sessions"`
	Authority      string `json:"authority,omitempty" jsonschema:"pattern=^-----BEGIN CERTIFICATE-----"` // the certificate (PEM) of the authority that signed the database's; the public authorities when empty
}

// What each pod of a service opens besides its pool: a session that holds the outbox's
// lock, and in the backend one that listens.
const (
	sessionsBesidePool        = 1
	sessionsBesideBackendPool = 2
	migrationSessions         = 3 // of the job of each release
)

// PoolSize is how many sessions a service's pool has at most, where its connection string
// does not say so (pool_max_conns). The program sets it, since the library's own default
// follows from the processors of a node.
func PoolSize(service string) int {
	if service == "backend" {
		return 16 // people wait for it (docs/benchmarks.md)
	}
	return 4
}

// databases checks how the services reach the database, and that it has sessions enough
// for all of the pods that they may have, one more of each while a release is rolled out. The connection
// strings are not shown: they have passwords.
func (p *problems) databases(c Config, s Secrets) {
	sessions := migrationSessions
	services := c.Services.ByName()
	for service, address := range s.DatabaseURLs.ByService() {
		pool := p.database("databaseUrls."+service, address, PoolSize(service))
		beside := sessionsBesidePool
		if service == "backend" {
			beside = sessionsBesideBackendPool
		}
		sessions += (services[service].Most() + 1) * (pool + beside)
	}
	p.database("migrationUrl", s.MigrationURL, 0)
	if c.Database.MaxConnections > 0 && sessions > c.Database.MaxConnections {
		p.add(namespace+"database.maxConnections", "is %d, but the services open up to %d sessions while a release is rolled out: choose a larger database, fewer replicas (of autoscaling, maxReplicas), or smaller pools (pool_max_conns=... in the connection strings)", c.Database.MaxConnections, sessions)
	}
}

// database checks a connection string, and returns the size of its pool.
func (p *problems) database(key string, secret Secret, pool int) int {
	if secret == "" || secret == encrypted {
		return pool
	}
	key = namespace + key
	address, err := url.Parse(string(secret))
	if err != nil || address.Host == "" || !slices.Contains([]string{"postgres", "postgresql"}, address.Scheme) {
		p.add(key, "is no connection string: set it to postgres://user:password@host/database?sslmode=verify-full")
		return pool
	}
	query := address.Query()
	if sslmode := query.Get("sslmode"); sslmode != "verify-full" {
		p.add(key, "has sslmode=%s: set it to verify-full, since with others somebody else could pose as the database", sslmode)
	}
	if pooler(address) {
		p.add(key, "leads to a pooler (%s): use the direct host, since LISTEN and advisory locks belong to a session, which a pooler shares", address.Host)
	}
	given := query.Get("pool_max_conns")
	if given == "" {
		return pool
	}
	size, err := strconv.Atoi(given)
	if err != nil || size < 2 {
		p.add(key, "has pool_max_conns=%s: set it to 2 or more, or leave it out", given)
		return pool
	}
	return size
}

// pooler tells whether an address is that of a pooler: Neon's have names that end with
// -pooler, DigitalOcean's and PgBouncer's own have ports of their own.
func pooler(address *url.URL) bool {
	name, _, _ := strings.Cut(address.Hostname(), ".")
	return strings.HasSuffix(name, "-pooler") || strings.Contains(address.Hostname(), "pgbouncer") ||
		slices.Contains([]string{"6432", "6543", "25061"}, address.Port())
}
