package doapi

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// DatabaseSpec is what a backend must know of a managed database. Every engine here is
// Valkey: the API has no other.
type DatabaseSpec struct {
	ID       string
	Name     string
	Password string // of DatabaseUser
	// MemoryMiB is a node's.
	MemoryMiB int
	// EvictionPolicy in Valkey's own spelling, such as volatile-ttl.
	EvictionPolicy string
	// Sources are the networks that may connect: the trusted sources. Everybody when nil.
	Sources []netip.Prefix
}

// DatabaseUser is the one user of a Valkey database. DigitalOcean lets nobody add another.
const DatabaseUser = "default"

// DatabaseAccess is how a database that runs is reached. Both addresses are host:port.
type DatabaseAccess struct {
	Public, Private netip.AddrPort
	CA              []byte // PEM
}

// DatabaseBackend runs the databases that the API promises. A Backend that is none keeps
// them in the state alone: they stay `creating`.
//
// The server calls it from one goroutine. Every call may be repeated.
type DatabaseBackend interface {
	// ApplyDatabase starts the database, or makes one that runs into spec.
	ApplyDatabase(spec DatabaseSpec) (DatabaseAccess, error)
	// DeleteDatabase removes the database and its data. One that does not exist is no error.
	DeleteDatabase(id string) error
}

// The states of a database, in DigitalOcean's words.
const (
	databaseCreating = "creating"
	databaseOnline   = "online"
	databaseResizing = "resizing"
)

// valkey is the engine's slug.
const valkey = "valkey"

// otherEngines are those that DigitalOcean has and this API has not.
var otherEngines = []string{"pg", "mysql", "mongodb", "kafka", "opensearch"}

// databaseVersions are those of Valkey.
var databaseVersions = []string{"8"}

// databaseSize is what a database's nodes may be.
type databaseSize struct {
	slug      string
	memoryMiB int
	nodes     int // the most; the smallest size stands alone
}

var databaseSizes = []databaseSize{
	{"db-s-1vcpu-1gb", 1 << 10, 1}, {"db-s-1vcpu-2gb", 2 << 10, 3}, {"db-s-2vcpu-4gb", 4 << 10, 3},
	{"db-s-4vcpu-8gb", 8 << 10, 3}, {"db-s-6vcpu-16gb", 16 << 10, 3}, {"db-s-8vcpu-32gb", 32 << 10, 3},
}

// evictionPolicies are DigitalOcean's spellings; Valkey's have a dash.
var evictionPolicies = []string{"noeviction", "allkeys_lru", "allkeys_random", "volatile_lru", "volatile_random", "volatile_ttl"}

type database struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Version     string          `json:"version"`
	Size        string          `json:"size"`
	Region      string          `json:"region"`
	Nodes       int             `json:"num_nodes"`
	Status      string          `json:"status"`
	VPCID       string          `json:"private_network_uuid"`
	Tags        []string        `json:"tags"`
	ProjectID   string          `json:"project_id"`
	CreatedAt   time.Time       `json:"created_at"`
	Password    string          `json:"password"`
	Maintenance databaseWindow  `json:"maintenance_window"`
	Rules       []*databaseRule `json:"rules"`
	Config      map[string]any  `json:"config"`
	Access      *DatabaseAccess `json:"access,omitempty"`
	Generation  int64           `json:"generation"` // counts what the backend must do
	Deleting    bool            `json:"deleting,omitempty"`
}

type databaseWindow struct {
	Day         string   `json:"day"`
	Hour        string   `json:"hour"` // 15:04:05
	Pending     bool     `json:"pending"`
	Description []string `json:"description,omitempty"`
}

// databaseRule is a trusted source.
type databaseRule struct {
	ID        string    `json:"uuid"`
	ClusterID string    `json:"cluster_uuid"`
	Type      string    `json:"type"`
	Value     string    `json:"value"`
	CreatedAt time.Time `json:"created_at"`
}

type databaseRequest struct {
	Name      string          `json:"name"`
	Engine    string          `json:"engine"`
	Version   string          `json:"version"`
	Size      string          `json:"size"`
	Region    string          `json:"region"`
	Nodes     int             `json:"num_nodes"`
	VPCID     string          `json:"private_network_uuid"`
	Tags      []string        `json:"tags"`
	ProjectID string          `json:"project_id"`
	Rules     []*databaseRule `json:"rules"`
}

// valkeyConfig are the settings that can be changed, by their names, and their defaults.
var valkeyConfig = map[string]any{
	"valkey_maxmemory_policy": "noeviction", "valkey_ssl": true, "valkey_timeout": float64(300), "valkey_persistence": "rdb",
	"valkey_notify_keyspace_events": "", "valkey_acl_channels_default": "allchannels", "valkey_number_of_databases": float64(16),
	"valkey_io_threads": float64(1), "valkey_lfu_log_factor": float64(10), "valkey_lfu_decay_time": float64(1),
	"valkey_pubsub_client_output_buffer_limit": float64(64), "frequent_snapshots": true, "valkey_active_expire_effort": float64(1),
}

const maxmemoryPolicy = "valkey_maxmemory_policy"

var (
	databaseName = regexp.MustCompile(`^[a-z][a-z0-9-]{1,61}[a-z0-9]$`)
	clockHour    = regexp.MustCompile(`^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$`)
)

// DigitalOcean's ports of Valkey.
const valkeyPort = 25061

func (s *Server) routeDatabases() {
	s.read("GET /v2/databases/options", func(*state, *http.Request) (any, error) { return databaseOptions(), nil })
	s.read("GET /v2/databases", func(now *state, r *http.Request) (any, error) {
		all := []object{}
		for _, d := range now.Databases {
			if tag := r.URL.Query().Get("tag_name"); !d.Deleting && (tag == "" || slices.Contains(d.Tags, tag)) {
				all = append(all, d.shown())
			}
		}
		return page(r, "databases", all)
	})
	of := func(pattern string, answer func(*state, *database) (any, error)) {
		s.read(pattern, func(now *state, r *http.Request) (any, error) {
			found, err := now.database(r.PathValue("id"))
			if err != nil {
				return nil, err
			}
			return answer(now, found)
		})
	}
	of("GET /v2/databases/{id}", func(_ *state, d *database) (any, error) { return object{"database": d.shown()}, nil })
	of("GET /v2/databases/{id}/ca", func(_ *state, d *database) (any, error) {
		if d.Access == nil {
			return nil, failf(http.StatusPreconditionFailed, "the cluster is not online")
		}
		return object{"ca": object{"certificate": d.Access.CA}}, nil // as base64
	})
	of("GET /v2/databases/{id}/config", func(_ *state, d *database) (any, error) { return object{"config": d.Config}, nil })
	of("GET /v2/databases/{id}/firewall", func(_ *state, d *database) (any, error) {
		return object{"rules": append([]*databaseRule{}, d.Rules...)}, nil
	})
	of("GET /v2/databases/{id}/eviction_policy", func(_ *state, d *database) (any, error) {
		return object{"eviction_policy": strings.ReplaceAll(d.policy(), "-", "_")}, nil
	})
	of("GET /v2/databases/{id}/users", func(_ *state, d *database) (any, error) {
		return object{"users": []object{d.user()}}, nil
	})

	change := func(pattern string, status int, edit func(*state, *database, *http.Request) (any, error)) {
		s.write(pattern, status, func(next *state, r *http.Request) (any, error) {
			found, err := next.database(r.PathValue("id"))
			if err != nil {
				return nil, err
			}
			found.Generation++
			return edit(next, found, r)
		})
	}
	s.write("POST /v2/databases", http.StatusCreated, createDatabase)
	change("DELETE /v2/databases/{id}", http.StatusNoContent, func(_ *state, d *database, _ *http.Request) (any, error) {
		d.Deleting = true // gone for clients; its address leaves the VPC a little later
		return nil, nil
	})
	change("PUT /v2/databases/{id}/resize", http.StatusAccepted, resizeDatabase)
	change("PUT /v2/databases/{id}/maintenance", http.StatusNoContent, func(_ *state, d *database, r *http.Request) (any, error) {
		request, err := decode[databaseWindow](r)
		if err != nil {
			return nil, err
		}
		return nil, d.maintain(request)
	})
	change("PUT /v2/databases/{id}/firewall", http.StatusNoContent, func(next *state, d *database, r *http.Request) (any, error) {
		request, err := decode[struct {
			Rules []*databaseRule `json:"rules"`
		}](r)
		if err != nil {
			return nil, err
		}
		return nil, next.trust(d, request.Rules)
	})
	change("PUT /v2/databases/{id}/eviction_policy", http.StatusNoContent, func(_ *state, d *database, r *http.Request) (any, error) {
		request, err := decode[struct {
			Policy string `json:"eviction_policy"`
		}](r)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(evictionPolicies, request.Policy) {
			return nil, invalid("invalid eviction policy %q; it must be one of %s", request.Policy, strings.Join(evictionPolicies, ", "))
		}
		d.Config[maxmemoryPolicy] = strings.ReplaceAll(request.Policy, "_", "-")
		return nil, nil
	})
	change("PATCH /v2/databases/{id}/config", http.StatusOK, configureDatabase)
	// Valkey's ACL stays DigitalOcean's own: the API refuses users, and does it like this.
	change("POST /v2/databases/{id}/users", http.StatusCreated, func(*state, *database, *http.Request) (any, error) {
		return nil, failf(http.StatusInternalServerError, "Server Error")
	})
}

func databaseOptions() object {
	slugs := make([]string, len(regions))
	for i, region := range regions {
		slugs[i] = region.Slug
	}
	var layouts []object
	for nodes := 1; nodes <= 3; nodes++ {
		var offered []string
		for _, z := range databaseSizes {
			if nodes <= z.nodes {
				offered = append(offered, z.slug)
			}
		}
		layouts = append(layouts, object{"num_nodes": nodes, "sizes": offered})
	}
	return object{
		"options":              object{valkey: object{"regions": slugs, "versions": databaseVersions, "layouts": layouts}},
		"version_availability": object{valkey: []object{{"version": databaseVersions[0], "end_of_life": nil, "end_of_availability": nil}}},
	}
}

func (d *database) urn() string { return "do:dbaas:" + d.ID }

func (d *database) policy() string { return fmt.Sprint(d.Config[maxmemoryPolicy]) }

func (d *database) user() object {
	return object{"name": DatabaseUser, "role": "primary", "password": d.Password}
}

// shown is the database as clients see it. Its hosts are known from the beginning, like
// DigitalOcean's; they lead somewhere once it is online.
func (d *database) shown() object {
	shown := object{
		"id": d.ID, "name": d.Name, "engine": valkey, "version": d.Version, "semantic_version": d.Version + ".0.0", "size": d.Size, "region": d.Region,
		"num_nodes": d.Nodes, "status": d.Status, "private_network_uuid": d.VPCID, "project_id": d.ProjectID, "created_at": d.CreatedAt,
		"maintenance_window": d.Maintenance, "users": []object{d.user()}, "storage_size_mib": 0,
		"connection":         d.connection(d.host(""), d.publicAddress()),
		"private_connection": d.connection(d.host("private-"), d.privateAddress()),
	}
	if len(d.Tags) > 0 {
		shown["tags"] = d.Tags
	}
	return shown
}

func (d *database) host(prefix string) string {
	return fmt.Sprintf("%s%s-do-user-258992-0.%s.db.ondigitalocean.com", prefix, d.Name, d.ID[:1])
}

func (d *database) publicAddress() netip.AddrPort {
	if d.Access == nil {
		return netip.AddrPort{}
	}
	return d.Access.Public
}

func (d *database) privateAddress() netip.AddrPort {
	if d.Access == nil {
		return netip.AddrPort{}
	}
	return d.Access.Private
}

func (d *database) connection(host string, address netip.AddrPort) object {
	port := valkeyPort
	if address.IsValid() {
		host, port = address.Addr().String(), int(address.Port())
	}
	return object{
		"protocol": "rediss", "uri": fmt.Sprintf("rediss://%s:%s@%s:%d", DatabaseUser, d.Password, host, port),
		"database": "", "host": host, "port": port, "user": DatabaseUser, "password": d.Password, "ssl": true,
	}
}

// database finds a database that is not being deleted.
func (s *state) database(id string) (*database, error) {
	return find(s.Databases, func(d *database) bool { return d.ID == id && !d.Deleting })
}

func createDatabase(next *state, r *http.Request) (any, error) {
	request, err := decode[databaseRequest](r)
	if err != nil {
		return nil, err
	}
	switch {
	case slices.Contains(otherEngines, request.Engine):
		return nil, failf(http.StatusNotImplemented, "the engine %s is not part of the rehearsal's DigitalOcean API", request.Engine)
	case request.Engine != valkey:
		return nil, invalid("invalid engine %q", request.Engine)
	case !databaseName.MatchString(request.Name):
		return nil, invalid("invalid name %q: it must be 3 to 63 lowercase letters, numbers and dashes, and begin with a letter", request.Name)
	case slices.ContainsFunc(next.Databases, func(d *database) bool { return d.Name == request.Name && !d.Deleting }):
		return nil, invalid("cluster name is not available")
	case !knownRegion(request.Region):
		return nil, invalid("invalid region %q", request.Region)
	case request.Version != "" && !slices.Contains(databaseVersions, request.Version):
		return nil, invalid("invalid engine version %q; available: %s", request.Version, strings.Join(databaseVersions, ", "))
	}
	made := &database{
		ID: uuid.NewString(), Name: request.Name, Version: databaseVersions[0], Region: request.Region, Status: databaseCreating, CreatedAt: now(),
		Password: "AVNS_" + rand.Text(), Maintenance: databaseWindow{Day: "monday", Hour: "20:00:00"}, Config: map[string]any{}, Generation: 1,
	}
	for key, value := range valkeyConfig {
		made.Config[key] = value
	}
	if err := made.resize(request.Size, request.Nodes); err != nil {
		return nil, err
	}
	network, err := next.defaultOrVPC(request.VPCID, request.Region)
	if err != nil {
		return nil, err
	}
	made.VPCID = network.ID
	for _, tag := range request.Tags {
		if err := next.addTag(tag); err != nil {
			return nil, err
		}
	}
	made.Tags = request.Tags
	if err := next.trust(made, request.Rules); err != nil {
		return nil, err
	}
	next.Databases = append(next.Databases, made)
	next.assignToDefault(made.urn())
	if request.ProjectID != "" {
		found, err := next.project(request.ProjectID)
		if err != nil {
			return nil, invalid("project %q does not exist", request.ProjectID)
		}
		next.Assignments[made.urn()] = assignment{Project: found.ID, AssignedAt: now()}
	}
	made.ProjectID = next.Assignments[made.urn()].Project
	return object{"database": made.shown()}, nil
}

// resize sets the nodes.
func (d *database) resize(slug string, nodes int) error {
	at := slices.IndexFunc(databaseSizes, func(z databaseSize) bool { return z.slug == slug })
	if at < 0 {
		return invalid("invalid size %q", slug)
	}
	if nodes < 1 || nodes > databaseSizes[at].nodes {
		return invalid("invalid number of nodes %d for the size %s", nodes, slug)
	}
	d.Size, d.Nodes = slug, nodes
	return nil
}

func resizeDatabase(_ *state, d *database, r *http.Request) (any, error) {
	request, err := decode[struct {
		Size  string `json:"size"`
		Nodes int    `json:"num_nodes"`
	}](r)
	if err != nil {
		return nil, err
	}
	if d.Status != databaseOnline {
		return nil, failf(http.StatusConflict, "the cluster is %s", d.Status)
	}
	d.Status = databaseResizing
	return nil, d.resize(request.Size, request.Nodes)
}

func (d *database) maintain(wanted databaseWindow) error {
	day := strings.ToLower(wanted.Day)
	if day == "any" || !slices.Contains(weekdays, day) {
		return invalid("invalid day %q", wanted.Day)
	}
	if !clockHour.MatchString(wanted.Hour) {
		return invalid("invalid hour %q", wanted.Hour)
	}
	if strings.Count(wanted.Hour, ":") == 1 {
		wanted.Hour += ":00"
	}
	d.Maintenance = databaseWindow{Day: day, Hour: wanted.Hour}
	return nil
}

// trust replaces a database's trusted sources; a rule that was there keeps its id.
func (s *state) trust(d *database, rules []*databaseRule) error {
	var trusted []*databaseRule
	for _, wanted := range rules {
		if err := s.checkSource(wanted); err != nil {
			return err
		}
		rule := &databaseRule{ID: uuid.NewString(), ClusterID: d.ID, Type: wanted.Type, Value: wanted.Value, CreatedAt: now()}
		if known, err := find(d.Rules, func(r *databaseRule) bool { return r.Type == wanted.Type && r.Value == wanted.Value }); err == nil {
			rule = known
		}
		trusted = append(trusted, rule)
	}
	d.Rules = trusted
	return nil
}

func (s *state) checkSource(rule *databaseRule) error {
	switch rule.Type {
	case "ip_addr":
		_, prefixErr := netip.ParsePrefix(rule.Value)
		if _, err := netip.ParseAddr(rule.Value); err != nil && prefixErr != nil {
			return invalid("invalid IP address %q", rule.Value)
		}
	case "k8s":
		record, err := s.cluster(rule.Value)
		if err != nil || record.Cluster.nodes() == 0 || record.Deleting {
			return invalid("no VMs found for Kubernetes cluster")
		}
	case "tag":
		if _, err := s.tag(rule.Value); err != nil {
			return invalid("tag %q does not exist", rule.Value)
		}
	case "droplet", "app":
		return failf(http.StatusNotImplemented, "sources of the type %s are not part of the rehearsal's DigitalOcean API", rule.Type)
	default:
		return invalid("invalid firewall rule type %q", rule.Type)
	}
	return nil
}

// sources are the networks of the trusted sources; nil, everybody, without any.
func (s *state) sources(d *database) []netip.Prefix {
	if len(d.Rules) == 0 {
		return nil
	}
	found := []netip.Prefix{}
	for _, rule := range d.Rules {
		switch rule.Type {
		case "ip_addr":
			if prefix, err := netip.ParsePrefix(rule.Value); err == nil {
				found = append(found, prefix)
			} else if address, err := netip.ParseAddr(rule.Value); err == nil {
				found = append(found, netip.PrefixFrom(address, address.BitLen()))
			}
		case "k8s":
			// Pods of a VPC-native cluster keep their addresses on the way.
			if record, err := s.cluster(rule.Value); err == nil {
				found = append(found, record.Cluster.PodRange)
				if network, err := s.vpc(record.Cluster.VPCID); err == nil {
					found = append(found, network.Range)
				}
			}
		}
	}
	return found
}

func configureDatabase(_ *state, d *database, r *http.Request) (any, error) {
	request, err := decode[struct {
		Config map[string]json.RawMessage `json:"config"`
	}](r)
	if err != nil {
		return nil, err
	}
	for key, raw := range request.Config {
		known, is := valkeyConfig[key]
		if !is {
			return nil, failf(http.StatusBadRequest, "json: unknown field %s", strconv.Quote(key))
		}
		var value any
		if err := json.Unmarshal(raw, &value); err != nil || fmt.Sprintf("%T", value) != fmt.Sprintf("%T", known) {
			return nil, failf(http.StatusBadRequest, "error parsing request body: config.%s must be a %T", key, known)
		}
		if key == maxmemoryPolicy && !slices.Contains(evictionPolicies, strings.ReplaceAll(fmt.Sprint(value), "-", "_")) {
			return nil, invalid("invalid %s %q", key, value)
		}
		d.Config[key] = value
	}
	return nil, nil
}

// databaseSpec is what the backend is told.
func (s *state) databaseSpec(d *database) DatabaseSpec {
	at := slices.IndexFunc(databaseSizes, func(z databaseSize) bool { return z.slug == d.Size })
	return DatabaseSpec{
		ID: d.ID, Name: d.Name, Password: d.Password, MemoryMiB: databaseSizes[at].memoryMiB,
		EvictionPolicy: d.policy(), Sources: s.sources(d),
	}
}

func (s *state) removeDatabase(id string) {
	s.Databases = slices.DeleteFunc(s.Databases, func(d *database) bool {
		if d.ID != id {
			return false
		}
		delete(s.Assignments, d.urn())
		return true
	})
}
