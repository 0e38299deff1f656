package strimzi

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// model is what a Kafka resource and its node pools ask for, checked.
type model struct {
	names
	kafka     *kafkav1.Kafka
	id        string // the cluster's, as Kafka wants it
	version   kafkaVersion
	pools     []pool
	listeners []kafkav1.GenericKafkaListener
	warnings  []warning
	// restricted has containers keep to the restricted Pod Security Standard where their
	// template does not say otherwise.
	restricted bool
}

type kafkaVersion struct {
	version, metadata, image string
}

type pool struct {
	resource   *kafkav1.KafkaNodePool
	nodes      []node
	volumes    []volume
	jbod       bool
	jvm        *kafkav1.JvmOptions
	pod        *kafkav1.PodTemplate
	container  *kafkav1.ContainerTemplate
	podSetMeta *kafkav1.ResourceTemplate
	claim      *kafkav1.ResourceTemplate
}

type node struct {
	id                 int32
	pod                string
	broker, controller bool
}

// volume is one of a pool's, the same for each of its nodes.
type volume struct {
	name        string // as the pod names it, data-0
	claim       bool
	class       string
	size        string // of a claim, or the limit of an ephemeral one
	selector    map[string]string
	attributes  string
	deleteClaim bool
	metadata    bool // KRaft's metadata log lies here
}

func (v volume) mountPath() string { return "/var/lib/kafka/" + v.name }

type warning struct{ reason, message string }

// invalid is a resource that no retry makes better; Strimzi's word for it is the
// condition's reason.
type invalid struct{ message string }

func (e invalid) Error() string { return e.message }

func invalidf(format string, args ...any) error {
	return invalid{message: fmt.Sprintf(format, args...)}
}

// metadataVersions are those that Strimzi 1.2.0 gives a Kafka version by default.
var metadataVersions = map[string]string{
	"4.2.0": "4.2-IV1", "4.2.1": "4.2-IV1", "4.3.0": "4.3-IV0", "4.3.1": "4.3-IV0",
}

// newModel checks the resources and lays out the cluster. Ids of nodes that are
// there already stay as the pools' statuses tell.
func newModel(kafka *kafkav1.Kafka, pools []kafkav1.KafkaNodePool, images map[string]string) (*model, error) {
	m := &model{names: names{namespace: kafka.Namespace, cluster: kafka.Name}, kafka: kafka}
	if kafka.Spec == nil || kafka.Spec.Kafka == nil {
		return nil, invalidf("spec.kafka is missing")
	}
	checks := []func() error{
		func() error { return m.setVersion(images) },
		m.checkUnsupported,
		m.setListeners,
		func() error { return m.setPools(pools) },
		m.checkReplication,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *model) setVersion(images map[string]string) error {
	spec := m.kafka.Spec.Kafka
	supported := slices.Sorted(maps.Keys(images))
	version := spec.Version
	if version == "" {
		if len(supported) == 0 {
			return invalidf("the operator was given no Kafka image")
		}
		version = supported[len(supported)-1]
	}
	image, ok := images[version]
	if !ok {
		return invalidf("Kafka version %s is not supported. Supported versions are: %v.", version, supported)
	}
	metadata, ok := metadataVersions[version]
	if !ok {
		return invalidf("Kafka version %s is not supported: its metadata version is not known", version)
	}
	if wanted := spec.MetadataVersion; wanted != "" && wanted != metadata && !strings.HasPrefix(metadata, wanted+"-") {
		return invalidf("Metadata version %s is invalid: Kafka %s runs with %s here", wanted, version, metadata)
	}
	if spec.Image != "" {
		image = spec.Image
	}
	m.version = kafkaVersion{version: version, metadata: metadata, image: image}
	return nil
}

// checkUnsupported refuses what this stand-in would otherwise leave out silently.
func (m *model) checkUnsupported() error {
	spec := m.kafka.Spec
	unsupported := map[string]bool{
		"spec.cruiseControl":                spec.CruiseControl != nil,
		"spec.kafkaExporter":                spec.KafkaExporter != nil,
		"spec.entityOperator.topicOperator": spec.EntityOperator != nil && spec.EntityOperator.TopicOperator != nil,
		"spec.kafka.rack":                   spec.Kafka.Rack != nil,
		"spec.kafka.jmxOptions":             spec.Kafka.JmxOptions != nil,
		"spec.kafka.metricsConfig":          spec.Kafka.MetricsConfig != nil,
		"spec.kafka.tieredStorage":          spec.Kafka.TieredStorage != nil,
		"spec.kafka.quotas":                 spec.Kafka.Quotas != nil,
		"spec.kafka.logging of type external": spec.Kafka.Logging != nil &&
			spec.Kafka.Logging.Type == kafkav1.EXTERNAL_LOGGINGTYPE,
		"spec.clusterCa.certificateExpirationPolicy of replace-key": replacesKey(spec.ClusterCa),
		"spec.clientsCa.certificateExpirationPolicy of replace-key": replacesKey(spec.ClientsCa),
	}
	for _, field := range slices.Sorted(maps.Keys(unsupported)) {
		if unsupported[field] {
			return invalidf("%s is not supported by this operator, a stand-in for Strimzi %s", field, Version)
		}
	}
	if a := spec.Kafka.Authorization; a != nil && a.Type != kafkav1.SIMPLE_KAFKAAUTHORIZATIONTYPE {
		return invalidf("spec.kafka.authorization of type %s is not supported by this operator, a stand-in for Strimzi %s", a.Type, Version)
	}
	return nil
}

func replacesKey(ca *kafkav1.CertificateAuthority) bool {
	return ca != nil && ca.CertificateExpirationPolicy == kafkav1.REPLACE_KEY_CERTIFICATEEXPIRATIONPOLICY
}

func (m *model) setListeners() error {
	listeners := m.kafka.Spec.Kafka.Listeners
	if len(listeners) == 0 {
		return invalidf("The required field .spec.kafka.listeners is missing")
	}
	var errs []string
	seenName, seenPort := map[string]bool{}, map[int32]bool{}
	for _, l := range listeners {
		if seenName[l.Name] {
			errs = append(errs, fmt.Sprintf("every listener needs a name of its own, %s is given twice", l.Name))
		}
		if seenPort[l.Port] {
			errs = append(errs, fmt.Sprintf("every listener needs a port of its own, %d is given twice", l.Port))
		}
		seenName[l.Name], seenPort[l.Port] = true, true
		if l.Port < portFirstUser || l.Port == 9404 || l.Port == 9999 {
			errs = append(errs, fmt.Sprintf("listener %s: port %d is reserved, use 9092 or higher except 9404 and 9999", l.Name, l.Port))
		}
		if l.Type != kafkav1.INTERNAL_KAFKALISTENERTYPE {
			errs = append(errs, fmt.Sprintf("listener %s: type %s is not supported by this operator", l.Name, l.Type))
		}
		if c := l.Configuration; c != nil && c.BrokerCertChainAndKey != nil {
			errs = append(errs, fmt.Sprintf("listener %s: brokerCertChainAndKey is not supported by this operator", l.Name))
		}
		if l.Authentication == nil {
			continue
		}
		switch l.Authentication.Type {
		case kafkav1.SCRAM_SHA_512_KAFKALISTENERAUTHENTICATIONTYPE:
		case kafkav1.TLS_KAFKALISTENERAUTHENTICATIONTYPE:
			if !l.Tls {
				errs = append(errs, fmt.Sprintf("listener %s: authentication by tls needs tls: true", l.Name))
			}
		default:
			errs = append(errs, fmt.Sprintf("listener %s: authentication %s is not supported by this operator", l.Name, l.Authentication.Type))
		}
	}
	if len(errs) > 0 {
		return invalidf("Listener configuration is not valid: %s", strings.Join(errs, "; "))
	}
	m.listeners = listeners
	return nil
}

func (m *model) setPools(resources []kafkav1.KafkaNodePool) error {
	if len(resources) == 0 {
		return invalidf("KafkaNodePools for Kafka cluster %s do not exist or are not labelled %s=%s", m.cluster, labelCluster, m.cluster)
	}
	resources = slices.Clone(resources)
	slices.SortFunc(resources, func(a, b kafkav1.KafkaNodePool) int { return cmp.Compare(a.Name, b.Name) })

	assigned, err := m.assign(resources)
	if err != nil {
		return err
	}
	brokers, controllers := 0, 0
	for i := range resources {
		resource := &resources[i]
		volumes, jbod, err := volumesOf(resource)
		if err != nil {
			return err
		}
		p := pool{resource: resource, volumes: volumes, jbod: jbod, jvm: m.kafka.Spec.Kafka.JvmOptions}
		if resource.Spec.JvmOptions != nil {
			p.jvm = resource.Spec.JvmOptions
		}
		p.setTemplates(m.kafka.Spec.Kafka.Template, resource.Spec.Template)
		for _, id := range assigned[i] {
			n := node{
				id: id, pod: m.pod(resource.Name, id),
				broker:     slices.Contains(resource.Spec.Roles, kafkav1.BROKER_PROCESSROLES),
				controller: slices.Contains(resource.Spec.Roles, kafkav1.CONTROLLER_PROCESSROLES),
			}
			p.nodes = append(p.nodes, n)
			if n.broker {
				brokers++
			}
			if n.controller {
				controllers++
			}
		}
		m.pools = append(m.pools, p)
	}
	if controllers == 0 {
		return invalidf("The Kafka cluster %s is invalid: at least one KafkaNodePool with the controller role and at least one replica is required", m.cluster)
	}
	if brokers == 0 {
		return invalidf("The Kafka cluster %s is invalid: at least one KafkaNodePool with the broker role and at least one replica is required", m.cluster)
	}
	if controllers%2 == 0 {
		m.warn("KafkaKRaftControllerNodeCount", "An even number of controllers (%d) tolerates no more failures than one less would.", controllers)
	}
	if controllers == 1 && brokers > 1 {
		m.warn("KafkaKRaftControllerNodeCount", "A quorum of one controller does not survive its loss; three are recommended.")
	}
	return nil
}

// assign gives each pool its nodes' ids: those it has, fewer or more of them. A
// new node takes the lowest id that is free in the whole cluster; the highest go.
func (m *model) assign(pools []kafkav1.KafkaNodePool) ([][]int32, error) {
	used := map[int32]bool{}
	for _, p := range pools {
		if p.Spec == nil {
			return nil, invalidf("KafkaNodePool %s has no spec", p.Name)
		}
		if len(p.Spec.Roles) == 0 {
			return nil, invalidf("KafkaNodePool %s has no role", p.Name)
		}
		if p.Status == nil {
			continue
		}
		for _, id := range p.Status.NodeIds {
			used[id] = true
		}
	}
	assigned := make([][]int32, len(pools))
	for i, p := range pools {
		var ids []int32
		if p.Status != nil {
			ids = slices.Clone(p.Status.NodeIds)
		}
		slices.Sort(ids)
		if surplus := len(ids) - int(p.Spec.Replicas); surplus > 0 {
			ids = ids[:len(ids)-surplus]
		}
		for id := int32(0); len(ids) < int(p.Spec.Replicas); id++ {
			if !used[id] {
				used[id] = true
				ids = append(ids, id)
			}
		}
		slices.Sort(ids)
		assigned[i] = ids
	}
	return assigned, nil
}

func volumesOf(p *kafkav1.KafkaNodePool) ([]volume, bool, error) {
	storage := p.Spec.Storage
	if storage == nil {
		return nil, false, invalidf("KafkaNodePool %s has no storage", p.Name)
	}
	var volumes []volume
	add := func(v volume) error {
		if v.claim {
			if _, err := resource.ParseQuantity(v.size); err != nil {
				return invalidf("KafkaNodePool %s: the size %q of volume %s is not valid", p.Name, v.size, v.name)
			}
		}
		volumes = append(volumes, v)
		return nil
	}
	if storage.Type != kafkav1.JBOD_STORAGETYPE {
		v := volume{
			name: "data", claim: storage.Type == kafkav1.PERSISTENT_CLAIM_STORAGETYPE, class: storage.Class,
			size: storage.Size, selector: storage.Selector, attributes: storage.VolumeAttributesClass,
			deleteClaim: storage.DeleteClaim, metadata: true,
		}
		if !v.claim {
			v.size = storage.SizeLimit
		}
		if err := add(v); err != nil {
			return nil, false, err
		}
		return volumes, false, nil
	}
	if len(storage.Volumes) == 0 {
		return nil, false, invalidf("KafkaNodePool %s: storage of type jbod has no volumes", p.Name)
	}
	for _, s := range storage.Volumes {
		if s.Id == nil {
			return nil, false, invalidf("KafkaNodePool %s: a volume of jbod storage has no id", p.Name)
		}
		v := volume{
			name:  "data-" + strconv.Itoa(int(*s.Id)),
			claim: s.Type == kafkav1.PERSISTENT_CLAIM_SINGLEVOLUMESTORAGETYPE, class: s.Class,
			size: s.Size, selector: s.Selector, attributes: s.VolumeAttributesClass,
			deleteClaim: s.DeleteClaim, metadata: s.KraftMetadata == kafkav1.SHARED_KRAFTMETADATASTORAGE,
		}
		if !v.claim {
			v.size = s.SizeLimit
		}
		if slices.ContainsFunc(volumes, func(o volume) bool { return o.name == v.name }) {
			return nil, false, invalidf("KafkaNodePool %s: two volumes of jbod storage have the id %d", p.Name, *s.Id)
		}
		if err := add(v); err != nil {
			return nil, false, err
		}
	}
	slices.SortFunc(volumes, func(a, b volume) int { return cmp.Compare(a.name, b.name) })
	// Without a word about it, the metadata lies on the first volume.
	switch marked := slices.DeleteFunc(slices.Clone(volumes), func(v volume) bool { return !v.metadata }); len(marked) {
	case 0:
		volumes[0].metadata = true
	case 1:
	default:
		return nil, false, invalidf("KafkaNodePool %s: only one volume can hold KRaft's metadata", p.Name)
	}
	return volumes, true, nil
}

// setTemplates takes each of the pool's templates, or else the cluster's.
func (p *pool) setTemplates(cluster *kafkav1.KafkaClusterTemplate, own *kafkav1.KafkaNodePoolTemplate) {
	if cluster != nil {
		p.pod, p.container, p.podSetMeta, p.claim = cluster.Pod, cluster.KafkaContainer, cluster.PodSet, cluster.PersistentVolumeClaim
	}
	if own == nil {
		return
	}
	if own.Pod != nil {
		p.pod = own.Pod
	}
	if own.KafkaContainer != nil {
		p.container = own.KafkaContainer
	}
	if own.PodSet != nil {
		p.podSetMeta = own.PodSet
	}
	if own.PersistentVolumeClaim != nil {
		p.claim = own.PersistentVolumeClaim
	}
}

// checkReplication refuses factors that the brokers cannot meet, and warns of
// defaults that lose data.
func (m *model) checkReplication() error {
	brokers := len(m.brokers())
	for _, option := range []string{
		"default.replication.factor", "offsets.topic.replication.factor",
		"transaction.state.log.replication.factor", "transaction.state.log.min.isr",
	} {
		value, set := m.kafka.Spec.Kafka.Config[option]
		if !set {
			continue
		}
		factor, err := strconv.Atoi(configValue(value))
		if err != nil {
			return invalidf("Property %s should be an integer", option)
		}
		if factor > brokers {
			return invalidf("Kafka configuration option '%s' should be set to %d or less because this cluster has only %d Kafka broker(s)", option, brokers, brokers)
		}
	}
	if brokers < 2 {
		return nil
	}
	if _, set := m.kafka.Spec.Kafka.Config["default.replication.factor"]; !set {
		m.warn("KafkaDefaultReplicationFactor", "default.replication.factor is not set in .spec.kafka.config: its default of 1 keeps a single copy of each record.")
	}
	if _, set := m.kafka.Spec.Kafka.Config["min.insync.replicas"]; !set {
		m.warn("KafkaMinInsyncReplicas", "min.insync.replicas is not set in .spec.kafka.config: its default of 1 acknowledges records that only one broker has.")
	}
	return nil
}

func (m *model) warn(reason, format string, args ...any) {
	m.warnings = append(m.warnings, warning{reason: reason, message: fmt.Sprintf(format, args...)})
}

func (m *model) nodes() []node {
	var all []node
	for _, p := range m.pools {
		all = append(all, p.nodes...)
	}
	slices.SortFunc(all, func(a, b node) int { return cmp.Compare(a.id, b.id) })
	return all
}

func (m *model) controllers() []node {
	return slices.DeleteFunc(m.nodes(), func(n node) bool { return !n.controller })
}

func (m *model) brokers() []node {
	return slices.DeleteFunc(m.nodes(), func(n node) bool { return !n.broker })
}

// simple says whether the cluster checks ACLs.
func (m *model) simple() bool { return m.kafka.Spec.Kafka.Authorization != nil }

func (m *model) hasUserOperator() bool {
	return m.kafka.Spec.EntityOperator != nil && m.kafka.Spec.EntityOperator.UserOperator != nil
}

// resources of a container; nil pointers are common in these types.
func resourcesOf(r *corev1.ResourceRequirements) corev1.ResourceRequirements {
	if r == nil {
		return corev1.ResourceRequirements{}
	}
	return *r
}
