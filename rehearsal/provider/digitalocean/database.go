package digitalocean

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/digitalocean/godo"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

type databaseWindow struct {
	Day  string `json:"day" do:"required"`
	Hour string `json:"hour" do:"required"`
}

type databaseState struct {
	Name           string           `json:"name" do:"autoname,replace"`
	Engine         string           `json:"engine" do:"required,replace"`
	Version        string           `json:"version" do:"required"` // the official plugin calls it optional, and refuses to do without
	Size           string           `json:"size" do:"required"`
	Region         string           `json:"region" do:"required"`
	NodeCount      int              `json:"nodeCount" do:"required"`
	Maintenance    []databaseWindow `json:"maintenanceWindows,omitempty"`
	EvictionPolicy *string          `json:"evictionPolicy,omitempty"`
	SQLMode        *string          `json:"sqlMode,omitempty"`
	VPC            string           `json:"privateNetworkUuid,omitempty" do:"computed,replace"`
	Project        string           `json:"projectId,omitempty" do:"computed,replace"`
	StorageSize    string           `json:"storageSizeMib,omitempty" do:"computed"`
	Tags           []string         `json:"tags,omitempty" do:"set"`

	Host        string `json:"host" do:"output"`
	PrivateHost string `json:"privateHost" do:"output"`
	Port        int    `json:"port" do:"output"`
	URI         string `json:"uri" do:"output,secret"`
	PrivateURI  string `json:"privateUri" do:"output,secret"`
	Database    string `json:"database" do:"output"`
	User        string `json:"user" do:"output"`
	Password    string `json:"password" do:"output,secret"`
	URN         string `json:"clusterUrn" do:"output"`
}

var databaseCluster = handle(api[databaseState]{
	validate: func(wanted databaseState, fail func(string, string)) {
		if wanted.EvictionPolicy != nil && wanted.Engine != "" && wanted.Engine != "valkey" && wanted.Engine != "redis" {
			fail("evictionPolicy", "is only supported for Redis and Valkey Database Clusters")
		}
		if wanted.SQLMode != nil && wanted.Engine != "" && wanted.Engine != "mysql" {
			fail("sqlMode", "is only supported for MySQL Database Clusters")
		}
		if len(wanted.Maintenance) > 1 {
			fail("maintenanceWindows", "there is one window at most")
		}
		for i, tag := range wanted.Tags {
			checkTag(fmt.Sprintf("tags[%d]", i), tag, fail)
		}
	},
	create: createDatabase,
	read:   readDatabase,
	update: updateDatabase,
	delete: func(ctx context.Context, s *session, id string, _ databaseState) error {
		return unlessGone(s.client.Databases.Delete(ctx, id))
	},
	same: map[string]sameness{
		"maintenanceWindows[0].hour": func(there, wanted resource.PropertyValue, _ resource.PropertyMap) bool {
			return there.IsString() && wanted.IsString() && clock(there.StringValue()) == clock(wanted.StringValue())
		},
		// DigitalOcean upgrades by itself.
		"version": func(there, wanted resource.PropertyValue, _ resource.PropertyMap) bool {
			if !there.IsString() || !wanted.IsString() {
				return false
			}
			has, hasErr := strconv.Atoi(there.StringValue())
			asked, askedErr := strconv.Atoi(wanted.StringValue())
			return hasErr == nil && askedErr == nil && has > asked
		},
	},
})

// clock is an hour without its seconds.
func clock(hour string) string {
	parts := strings.Split(hour, ":")
	return strings.Join(parts[:min(2, len(parts))], ":")
}

func createDatabase(ctx context.Context, s *session, wanted databaseState) (string, error) {
	made, _, err := s.client.Databases.Create(ctx, &godo.DatabaseCreateRequest{
		Name: wanted.Name, EngineSlug: wanted.Engine, Version: wanted.Version, SizeSlug: wanted.Size, Region: wanted.Region, NumNodes: wanted.NodeCount,
		PrivateNetworkUUID: wanted.VPC, ProjectID: wanted.Project, Tags: wanted.Tags,
	})
	if err != nil {
		return "", err
	}
	if err := s.awaitDatabase(ctx, made.ID); err != nil {
		return made.ID, err
	}
	if err := s.maintainDatabase(ctx, made.ID, wanted); err != nil {
		return made.ID, err
	}
	if wanted.EvictionPolicy != nil {
		_, err = s.client.Databases.SetEvictionPolicy(ctx, made.ID, *wanted.EvictionPolicy)
	}
	return made.ID, err
}

// awaitDatabase waits until a database is online.
func (s *session) awaitDatabase(ctx context.Context, id string) error {
	return poll(ctx, "waiting for the database to be online", func() (bool, error) {
		found, _, err := s.client.Databases.Get(ctx, id)
		if err != nil {
			return false, err
		}
		s.tell("the database is %s", found.Status)
		return found.Status == "online", nil
	})
}

func (s *session) maintainDatabase(ctx context.Context, id string, wanted databaseState) error {
	for _, window := range wanted.Maintenance {
		if _, err := s.client.Databases.UpdateMaintenance(ctx, id, &godo.DatabaseUpdateMaintenanceRequest{Day: window.Day, Hour: window.Hour}); err != nil {
			return err
		}
	}
	return nil
}

func readDatabase(ctx context.Context, s *session, id string, before databaseState) (*databaseState, error) {
	found, answer, err := s.client.Databases.Get(ctx, id)
	if err != nil {
		return nil, unlessGone(answer, err)
	}
	public, private := value(found.Connection), value(found.PrivateConnection)
	now := &databaseState{
		Name: found.Name, Engine: found.EngineSlug, Version: found.VersionSlug, Size: found.SizeSlug, Region: found.RegionSlug, NodeCount: found.NumNodes,
		VPC: found.PrivateNetworkUUID, Project: found.ProjectID, StorageSize: strconv.FormatUint(found.StorageSizeMib, 10), Tags: found.Tags,
		Host: public.Host, PrivateHost: private.Host, Port: public.Port, URI: public.URI, PrivateURI: private.URI,
		Database: public.Database, User: public.User, Password: public.Password, URN: found.URN(),
	}
	// What the program leaves to DigitalOcean is not looked at.
	if len(before.Maintenance) > 0 && found.MaintenanceWindow != nil {
		now.Maintenance = []databaseWindow{{Day: found.MaintenanceWindow.Day, Hour: found.MaintenanceWindow.Hour}}
	}
	if before.EvictionPolicy != nil {
		policy, _, err := s.client.Databases.GetEvictionPolicy(ctx, id)
		if err != nil {
			return nil, err
		}
		now.EvictionPolicy = &policy
	}
	return now, nil
}

func updateDatabase(ctx context.Context, s *session, id string, there, wanted databaseState) error {
	if there.Size != wanted.Size || there.NodeCount != wanted.NodeCount {
		if _, err := s.client.Databases.Resize(ctx, id, &godo.DatabaseResizeRequest{SizeSlug: wanted.Size, NumNodes: wanted.NodeCount}); err != nil {
			return err
		}
	}
	if there.Region != wanted.Region {
		if _, err := s.client.Databases.Migrate(ctx, id, &godo.DatabaseMigrateRequest{Region: wanted.Region}); err != nil {
			return err
		}
	}
	// An update may follow on one that was cut off while it waited.
	if err := s.awaitDatabase(ctx, id); err != nil {
		return err
	}
	if err := s.maintainDatabase(ctx, id, wanted); err != nil {
		return err
	}
	if policy := value(wanted.EvictionPolicy); policy != value(there.EvictionPolicy) {
		if policy == "" {
			policy = godo.EvictionPolicyNoEviction
		}
		if _, err := s.client.Databases.SetEvictionPolicy(ctx, id, policy); err != nil {
			return err
		}
	}
	if there.Version != wanted.Version {
		if _, err := s.client.Databases.UpgradeMajorVersion(ctx, id, &godo.UpgradeVersionRequest{Version: wanted.Version}); err != nil {
			return err
		}
	}
	return s.tagDatabase(ctx, id, there.Tags, wanted.Tags)
}

func (s *session) tagDatabase(ctx context.Context, id string, there, wanted []string) error {
	of := []godo.Resource{{ID: id, Type: godo.DatabaseResourceType}}
	for _, tag := range wanted {
		if slices.Contains(there, tag) {
			continue
		}
		if _, err := s.client.Tags.TagResources(ctx, tag, &godo.TagResourcesRequest{Resources: of}); err != nil {
			return err
		}
	}
	for _, tag := range there {
		if slices.Contains(wanted, tag) {
			continue
		}
		if _, err := s.client.Tags.UntagResources(ctx, tag, &godo.UntagResourcesRequest{Resources: of}); err != nil {
			return err
		}
	}
	return nil
}

// databaseRule is a trusted source. What the API adds to it says nothing to a program.
type databaseRule struct {
	Type      string `json:"type" do:"required"`
	Value     string `json:"value" do:"required"`
	UUID      string `json:"uuid,omitempty" do:"computed"`
	CreatedAt string `json:"createdAt,omitempty" do:"computed"`
}

type databaseFirewallState struct {
	ClusterID string         `json:"clusterId" do:"required,replace"`
	Rules     []databaseRule `json:"rules" do:"required,set"`
}

var sourceTypes = []string{"ip_addr", "droplet", "k8s", "tag", "app"}

// databaseFirewall are the trusted sources of a database: one list, which belongs to the
// resource as a whole.
var databaseFirewall = handle(api[databaseFirewallState]{
	validate: func(wanted databaseFirewallState, fail func(string, string)) {
		for i, rule := range wanted.Rules {
			if rule.Type != "" && !slices.Contains(sourceTypes, rule.Type) {
				fail(fmt.Sprintf("rules[%d].type", i), "must be one of "+strings.Join(sourceTypes, ", ")+", not "+rule.Type)
			}
		}
	},
	create: func(ctx context.Context, s *session, wanted databaseFirewallState) (string, error) {
		if err := s.trustSources(ctx, wanted.ClusterID, wanted.Rules); err != nil {
			return "", err
		}
		return wanted.ClusterID + "-" + strconv.FormatInt(time.Now().UnixNano(), 10), nil
	},
	read: func(ctx context.Context, s *session, _ string, before databaseFirewallState) (*databaseFirewallState, error) {
		found, answer, err := s.client.Databases.GetFirewallRules(ctx, before.ClusterID)
		if err != nil {
			return nil, unlessGone(answer, err)
		}
		now := &databaseFirewallState{ClusterID: before.ClusterID, Rules: []databaseRule{}}
		for _, rule := range found {
			now.Rules = append(now.Rules, databaseRule{Type: rule.Type, Value: rule.Value, UUID: rule.UUID, CreatedAt: rule.CreatedAt.Format(time.RFC3339)})
		}
		return now, nil
	},
	update: func(ctx context.Context, s *session, _ string, _, wanted databaseFirewallState) error {
		return s.trustSources(ctx, wanted.ClusterID, wanted.Rules)
	},
	delete: func(ctx context.Context, s *session, _ string, there databaseFirewallState) error {
		answer, err := s.client.Databases.UpdateFirewallRules(ctx, there.ClusterID, &godo.DatabaseUpdateFirewallRulesRequest{Rules: []*godo.DatabaseFirewallRule{}})
		return unlessGone(answer, err)
	},
	locate: func(_ context.Context, _ *session, given string) (string, databaseFirewallState, error) {
		return given + "-" + strconv.FormatInt(time.Now().UnixNano(), 10), databaseFirewallState{ClusterID: given}, nil
	},
	same: map[string]sameness{"rules": func(there, wanted resource.PropertyValue, _ resource.PropertyMap) bool {
		return there.IsArray() && wanted.IsArray() && slices.Equal(sources(there), sources(wanted))
	}},
})

// sources are the rules by what they trust, in a steady order. One that is not known yet
// is like no other.
func sources(rules resource.PropertyValue) []string {
	var all []string
	for i, rule := range rules.ArrayValue() {
		if !rule.IsObject() || !rule.ObjectValue()["type"].IsString() || !rule.ObjectValue()["value"].IsString() {
			all = append(all, fmt.Sprintf("unknown %d", i))
			continue
		}
		all = append(all, rule.ObjectValue()["type"].StringValue()+" "+rule.ObjectValue()["value"].StringValue())
	}
	slices.Sort(all)
	return all
}

func (s *session) trustSources(ctx context.Context, id string, rules []databaseRule) error {
	request := &godo.DatabaseUpdateFirewallRulesRequest{Rules: []*godo.DatabaseFirewallRule{}}
	for _, rule := range rules {
		request.Rules = append(request.Rules, &godo.DatabaseFirewallRule{Type: rule.Type, Value: rule.Value})
	}
	_, err := s.client.Databases.UpdateFirewallRules(ctx, id, request)
	return err
}
