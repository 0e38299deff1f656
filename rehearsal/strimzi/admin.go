package strimzi

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
)

// Admin is what the operators ask of a running Kafka. One is opened for each
// reconciliation and closed after it: no connection outlives a broker's address
// or a certificate.
type Admin interface {
	// UnderReplicated counts the partitions that miss a replica.
	UnderReplicated() (int, error)
	// Hosting says which brokers hold replicas of partitions.
	Hosting() (map[int32]bool, error)
	// ActiveController is the node that leads the quorum, asked of the given
	// controller.
	ActiveController(address string) (int32, error)

	// Users are all that have credentials, ACLs or quotas.
	Users() ([]string, error)
	// HasPassword says whether SCRAM credentials of the user are there.
	HasPassword(user string) (bool, error)
	SetPassword(user, password string) error
	RemovePassword(user string) error
	// SetACLs leaves the principal with these rules and no others.
	SetACLs(principal string, rules []ACL) error
	// SetQuotas leaves the user with these quotas and no others.
	SetQuotas(user string, quotas map[string]float64) error
	Close() error
}

// Connect opens an Admin.
type Connect func(ctx context.Context, bootstrap []string, settings *tls.Config) (Admin, error)

// ACL is one rule of one principal.
type ACL struct {
	Type      sarama.AclResourceType
	Name      string
	Pattern   sarama.AclResourcePatternType
	Host      string
	Operation sarama.AclOperation
	Allow     sarama.AclPermissionType
}

const (
	scramIterations = 4096
	adminTimeout    = 10 * time.Second
	userPrefix      = "User:"
)

// DialKafka connects over TLS. A dial function other than nil replaces the
// network's, for tests that give brokers other addresses than they advertise.
func DialKafka(dial func(network, address string) (net.Conn, error)) Connect {
	return func(ctx context.Context, bootstrap []string, settings *tls.Config) (Admin, error) {
		config := sarama.NewConfig()
		config.Version = sarama.V4_0_0_0
		config.ClientID = clusterOperatorName
		config.Net.TLS.Enable = true
		config.Net.TLS.Config = settings
		config.Net.DialTimeout, config.Net.ReadTimeout, config.Net.WriteTimeout = adminTimeout, adminTimeout, adminTimeout
		config.Admin.Timeout = adminTimeout
		config.Metadata.Retry.Max = 1
		if deadline, ok := ctx.Deadline(); ok {
			config.Metadata.Timeout = time.Until(deadline)
		}
		if dial != nil {
			config.Net.Proxy.Enable = true
			config.Net.Proxy.Dialer = dialer(dial)
		}
		client, err := sarama.NewClusterAdmin(bootstrap, config)
		if err != nil {
			return nil, fmt.Errorf("connect to Kafka at %s: %w", strings.Join(bootstrap, ","), err)
		}
		return &saramaAdmin{client: client, config: config}, nil
	}
}

type dialer func(network, address string) (net.Conn, error)

func (d dialer) Dial(network, address string) (net.Conn, error) { return d(network, address) }

type saramaAdmin struct {
	client sarama.ClusterAdmin
	config *sarama.Config
}

func (a *saramaAdmin) Close() error { return a.client.Close() }

func (a *saramaAdmin) topics() ([]*sarama.TopicMetadata, error) {
	// Without names, the brokers tell of all topics.
	topics, err := a.client.DescribeTopics(nil)
	if err != nil {
		return nil, fmt.Errorf("describe topics: %w", err)
	}
	return topics, nil
}

func (a *saramaAdmin) UnderReplicated() (int, error) {
	topics, err := a.topics()
	if err != nil {
		return 0, err
	}
	count := 0
	for _, t := range topics {
		for _, p := range t.Partitions {
			if len(p.Isr) < len(p.Replicas) {
				count++
			}
		}
	}
	return count, nil
}

func (a *saramaAdmin) Hosting() (map[int32]bool, error) {
	topics, err := a.topics()
	if err != nil {
		return nil, err
	}
	hosting := map[int32]bool{}
	for _, t := range topics {
		for _, p := range t.Partitions {
			for _, id := range p.Replicas {
				hosting[id] = true
			}
		}
	}
	return hosting, nil
}

func (a *saramaAdmin) ActiveController(address string) (int32, error) {
	controller := sarama.NewBroker(address)
	if err := controller.Open(a.config); err != nil {
		return 0, fmt.Errorf("connect to the controller %s: %w", address, err)
	}
	defer func() { _ = controller.Close() }()
	request := sarama.NewDescribeClusterRequest(a.config.Version)
	request.EndpointType = sarama.DescribeClusterEndpointTypeControllers
	request.IncludeFencedBrokers = false
	response, err := controller.DescribeCluster(request)
	if err != nil {
		return 0, fmt.Errorf("ask %s for the active controller: %w", address, err)
	}
	if response.Err != sarama.ErrNoError {
		return 0, fmt.Errorf("ask %s for the active controller: %w", address, response.Err)
	}
	return response.ControllerID, nil
}

func (a *saramaAdmin) Users() ([]string, error) {
	seen := map[string]bool{}
	credentials, err := a.client.DescribeUserScramCredentials(nil)
	if err != nil {
		return nil, fmt.Errorf("list SCRAM credentials: %w", err)
	}
	for _, c := range credentials {
		seen[c.User] = true
	}
	acls, err := a.client.ListAcls(anyACL())
	if err != nil && !noAuthorizer(err) {
		return nil, fmt.Errorf("list ACLs: %w", err)
	}
	for _, resource := range acls {
		for _, acl := range resource.Acls {
			if name, ok := strings.CutPrefix(acl.Principal, userPrefix); ok {
				seen[strings.TrimPrefix(name, "CN=")] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen)), nil
}

func (a *saramaAdmin) HasPassword(user string) (bool, error) {
	results, err := a.client.DescribeUserScramCredentials([]string{user})
	if err != nil {
		return false, fmt.Errorf("describe the SCRAM credentials of %s: %w", user, err)
	}
	for _, r := range results {
		if r.ErrorCode == errResourceNotFound {
			continue
		}
		if r.ErrorCode != sarama.ErrNoError {
			return false, fmt.Errorf("describe the SCRAM credentials of %s: %w", user, r.ErrorCode)
		}
		for _, c := range r.CredentialInfos {
			if c.Mechanism == sarama.SCRAM_MECHANISM_SHA_512 {
				return true, nil
			}
		}
	}
	return false, nil
}

// errResourceNotFound is Kafka's error 91; Sarama has no name for it.
const errResourceNotFound = sarama.KError(91)

func (a *saramaAdmin) SetPassword(user, password string) error {
	salt := make([]byte, 32)
	if _, err := rand.Read(salt); err != nil {
		return fmt.Errorf("make a salt: %w", err)
	}
	results, err := a.client.UpsertUserScramCredentials([]sarama.AlterUserScramCredentialsUpsert{{
		Name: user, Mechanism: sarama.SCRAM_MECHANISM_SHA_512,
		Iterations: scramIterations, Salt: salt, Password: []byte(password),
	}})
	return scramError("set", user, results, err)
}

func (a *saramaAdmin) RemovePassword(user string) error {
	results, err := a.client.DeleteUserScramCredentials([]sarama.AlterUserScramCredentialsDelete{{
		Name: user, Mechanism: sarama.SCRAM_MECHANISM_SHA_512,
	}})
	for _, r := range results {
		if r.ErrorCode == errResourceNotFound {
			r.ErrorCode = sarama.ErrNoError
		}
	}
	return scramError("remove", user, results, err)
}

func scramError(verb, user string, results []*sarama.AlterUserScramCredentialsResult, err error) error {
	if err != nil {
		return fmt.Errorf("%s the SCRAM credentials of %s: %w", verb, user, err)
	}
	for _, r := range results {
		if r.ErrorCode != sarama.ErrNoError {
			return fmt.Errorf("%s the SCRAM credentials of %s: %w", verb, user, r.ErrorCode)
		}
	}
	return nil
}

func (a *saramaAdmin) SetACLs(principal string, rules []ACL) error {
	filter := anyACL()
	filter.Principal = &principal
	resources, err := a.client.ListAcls(filter)
	if err != nil {
		if noAuthorizer(err) && len(rules) == 0 {
			return nil
		}
		return fmt.Errorf("list the ACLs of %s: %w", principal, err)
	}
	present := map[ACL]bool{}
	for _, r := range resources {
		for _, acl := range r.Acls {
			present[ACL{
				Type: r.ResourceType, Name: r.ResourceName, Pattern: r.ResourcePatternType,
				Host: acl.Host, Operation: acl.Operation, Allow: acl.PermissionType,
			}] = true
		}
	}
	wanted := map[ACL]bool{}
	var create []*sarama.ResourceAcls
	for _, rule := range rules {
		if wanted[rule] || present[rule] {
			wanted[rule] = true
			continue
		}
		wanted[rule] = true
		create = append(create, &sarama.ResourceAcls{
			Resource: sarama.Resource{ResourceType: rule.Type, ResourceName: rule.Name, ResourcePatternType: rule.Pattern},
			Acls: []*sarama.Acl{{
				Principal: principal, Host: rule.Host, Operation: rule.Operation, PermissionType: rule.Allow,
			}},
		})
	}
	// What is new comes first: a change of rules must not leave a moment without any.
	if len(create) > 0 {
		if err := a.client.CreateACLs(create); err != nil {
			return fmt.Errorf("create ACLs of %s: %w", principal, err)
		}
	}
	for rule := range present {
		if wanted[rule] {
			continue
		}
		if _, err := a.client.DeleteACL(sarama.AclFilter{
			ResourceType: rule.Type, ResourceName: &rule.Name, ResourcePatternTypeFilter: rule.Pattern,
			Principal: &principal, Host: &rule.Host, Operation: rule.Operation, PermissionType: rule.Allow,
		}, false); err != nil {
			return fmt.Errorf("delete ACLs of %s: %w", principal, err)
		}
	}
	return nil
}

func (a *saramaAdmin) SetQuotas(user string, quotas map[string]float64) error {
	entity := sarama.QuotaFilterComponent{EntityType: sarama.QuotaEntityUser, MatchType: sarama.QuotaMatchExact, Match: user}
	entries, err := a.client.DescribeClientQuotas([]sarama.QuotaFilterComponent{entity}, true)
	if err != nil {
		return fmt.Errorf("describe the quotas of %s: %w", user, err)
	}
	present := map[string]float64{}
	for _, e := range entries {
		maps.Copy(present, e.Values)
	}
	alter := func(op sarama.ClientQuotasOp) error {
		target := []sarama.QuotaEntityComponent{{EntityType: sarama.QuotaEntityUser, MatchType: sarama.QuotaMatchExact, Name: user}}
		if err := a.client.AlterClientQuotas(target, op, false); err != nil {
			return fmt.Errorf("alter the quotas of %s: %w", user, err)
		}
		return nil
	}
	for _, key := range slices.Sorted(maps.Keys(quotas)) {
		if old, ok := present[key]; ok && old == quotas[key] {
			continue
		}
		if err := alter(sarama.ClientQuotasOp{Key: key, Value: quotas[key]}); err != nil {
			return err
		}
	}
	for _, key := range slices.Sorted(maps.Keys(present)) {
		if _, ok := quotas[key]; ok {
			continue
		}
		if err := alter(sarama.ClientQuotasOp{Key: key, Remove: true}); err != nil {
			return err
		}
	}
	return nil
}

func anyACL() sarama.AclFilter {
	return sarama.AclFilter{
		ResourceType:              sarama.AclResourceAny,
		ResourcePatternTypeFilter: sarama.AclPatternAny,
		Operation:                 sarama.AclOperationAny,
		PermissionType:            sarama.AclPermissionAny,
	}
}

func noAuthorizer(err error) bool {
	var code sarama.KError
	return errors.As(err, &code) && code == sarama.ErrSecurityDisabled
}

// aclsOf spells out a user's rules, one operation each.
func aclsOf(authorization *kafkav1.KafkaUserAuthorization) ([]ACL, error) {
	if authorization == nil {
		return nil, nil
	}
	if authorization.Type != kafkav1.SIMPLE_KAFKAUSERAUTHORIZATIONTYPE {
		return nil, invalidf("authorization of type %q is not supported", authorization.Type)
	}
	var acls []ACL
	for _, rule := range authorization.Acls {
		base, err := resourceOf(rule)
		if err != nil {
			return nil, err
		}
		if len(rule.Operations) == 0 {
			return nil, invalidf("an ACL rule for %s has no operations", base.Name)
		}
		for _, name := range rule.Operations {
			acl := base
			if err := acl.Operation.UnmarshalText([]byte(name)); err != nil {
				return nil, invalidf("the ACL operation %q is not known", name)
			}
			acls = append(acls, acl)
		}
	}
	return acls, nil
}

func resourceOf(rule kafkav1.AclRule) (ACL, error) {
	acl := ACL{Host: orElse(rule.Host, "*"), Pattern: sarama.AclPatternLiteral, Allow: sarama.AclPermissionAllow}
	if rule.Type == kafkav1.DENY_ACLRULETYPE {
		acl.Allow = sarama.AclPermissionDeny
	}
	if rule.Resource == nil {
		return acl, invalidf("an ACL rule has no resource")
	}
	acl.Name = rule.Resource.Name
	if rule.Resource.PatternType == kafkav1.PREFIX_ACLRESOURCEPATTERNTYPE {
		acl.Pattern = sarama.AclPatternPrefixed
	}
	switch rule.Resource.Type {
	case kafkav1.TOPIC_ACLRULERESOURCETYPE:
		acl.Type = sarama.AclResourceTopic
	case kafkav1.GROUP_ACLRULERESOURCETYPE:
		acl.Type = sarama.AclResourceGroup
	case kafkav1.TRANSACTIONALID_ACLRULERESOURCETYPE:
		acl.Type = sarama.AclResourceTransactionalID
	case kafkav1.CLUSTER_ACLRULERESOURCETYPE:
		acl.Type, acl.Name = sarama.AclResourceCluster, "kafka-cluster"
	default:
		return acl, invalidf("the ACL resource type %q is not known", rule.Resource.Type)
	}
	if acl.Name == "" {
		return acl, invalidf("an ACL rule for a %s has no name", rule.Resource.Type)
	}
	return acl, nil
}

// clientTLS is how the operators show themselves to the brokers.
func clientTLS(certificate pair, authority []byte) (*tls.Config, error) {
	client, err := tls.X509KeyPair(certificate.cert, certificate.key)
	if err != nil {
		return nil, fmt.Errorf("the operator's certificate: %w", err)
	}
	settings, err := serverTLS(authority)
	if err != nil {
		return nil, err
	}
	settings.Certificates = []tls.Certificate{client}
	return settings, nil
}

// serverTLS trusts the cluster's brokers.
func serverTLS(authority []byte) (*tls.Config, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("the cluster's certificate authority is no certificate")
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, nil
}
