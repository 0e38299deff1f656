package strimzi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	strimziv1 "github.com/scholzj/strimzi-go/pkg/apis/core.strimzi.io/v1"
	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// pollInterval is how soon a reconciliation that waits looks again, for changes that
// no watch reports.
const pollInterval = 2 * time.Second

// kafkas makes clusters of Kafka resources. Every pass lays out the whole cluster
// and then does one thing or waits for one; nothing blocks.
type kafkas struct {
	client  client.Client
	live    client.Reader
	apply   *applier
	secrets *secrets
	connect Connect
	events  events.EventRecorder
	now     func() time.Time
	settings

	mu      sync.Mutex
	waiting map[client.ObjectKey]time.Time // since when, for the operation timeout
}

// settings are the operator's own, from its environment.
type settings struct {
	namespace         string            // the operator's
	images            map[string]string // of Kafka, by version
	userOperatorImage string
	interval          time.Duration // between reconciliations that nothing asked for
	timeout           time.Duration // after which a cluster that waits is not ready
	noPolicies        bool
	noBudgets         bool
	restricted        bool
}

// state is what a pass came to.
type state struct {
	model *model
	wait  string // empty when everything is as it should be
	ca    []byte
}

func (r *kafkas) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	var kafka kafkav1.Kafka
	if err := r.live.Get(ctx, request.NamespacedName, &kafka); err != nil {
		r.progress(request.NamespacedName, false)
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if kafka.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	if kafka.Status == nil {
		kafka.Status = &kafkav1.KafkaStatus{}
	}
	before := kafka.DeepCopy()
	if kafka.Annotations[annotationPaused] == "true" {
		kafka.Status.Conditions = []kafkav1.Condition{{Type: conditionPaused, Status: "True"}}
		kafka.Status.ObservedGeneration = kafka.Generation
		return ctrl.Result{RequeueAfter: r.interval}, r.writeStatus(ctx, &kafka, before)
	}

	state, err := r.pass(ctx, &kafka)
	if ctx.Err() != nil {
		return ctrl.Result{}, nil // the operator ends; what is half done, the next one finds
	}
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: pollInterval}, nil // somebody else wrote: look again
	}
	return r.conclude(ctx, &kafka, before, state, err)
}

// conclude turns what the pass came to into the status and the next look.
func (r *kafkas) conclude(ctx context.Context, kafka, before *kafkav1.Kafka, state *state, err error) (ctrl.Result, error) {
	key := client.ObjectKeyFromObject(kafka)
	finish := func(reason, message string, warnings []warning) {
		kafka.Status.Conditions = warned(warnings, condition(conditionNotReady, reason, message))
		kafka.Status.ObservedGeneration = kafka.Generation
	}
	logger := log.FromContext(ctx)
	var bad invalid
	switch {
	case errors.As(err, &bad):
		r.progress(key, false)
		logger.Info("the resource is invalid", "reason", bad.message)
		finish(reasonInvalid, bad.message, nil)
		return ctrl.Result{RequeueAfter: r.interval}, r.writeStatus(ctx, kafka, before)
	case err != nil:
		if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || r.late(key) {
			finish(reasonClient, err.Error(), nil)
			err = errors.Join(err, r.writeStatus(ctx, kafka, before))
		}
		return ctrl.Result{}, err
	case state.wait == "":
		r.progress(key, false)
		m := state.model
		kafka.Status.Conditions = warned(m.warnings, condition(conditionReady, "", ""))
		kafka.Status.ObservedGeneration = kafka.Generation
		kafka.Status.KafkaVersion = m.version.version
		kafka.Status.KafkaMetadataVersion = m.version.metadata
		kafka.Status.OperatorLastSuccessfulVersion = Version
		kafka.Status.Listeners = m.listenerStatuses(state.ca)
		return ctrl.Result{RequeueAfter: r.interval}, r.writeStatus(ctx, kafka, before)
	}

	logger.V(1).Info("waiting", "for", state.wait)
	switch late := r.late(key); {
	case late:
		finish(reasonTimeout, fmt.Sprintf("Still waiting after %s: %s", r.timeout, state.wait), state.model.warnings)
	case len(kafka.Status.Conditions) == 0:
		finish(reasonCreating, "Kafka cluster is being deployed", state.model.warnings)
	}
	// Otherwise the status stays what it was: a cluster that is rolled serves on.
	return ctrl.Result{RequeueAfter: pollInterval}, r.writeStatus(ctx, kafka, before)
}

// late says whether the cluster has been waiting longer than it may.
func (r *kafkas) late(key client.ObjectKey) bool {
	return r.now().Sub(r.progress(key, true)) > r.timeout
}

// progress remembers since when a cluster waits, or that it does not.
func (r *kafkas) progress(key client.ObjectKey, waits bool) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !waits {
		delete(r.waiting, key)
		return time.Time{}
	}
	if _, ok := r.waiting[key]; !ok {
		r.waiting[key] = r.now()
	}
	return r.waiting[key]
}

func (r *kafkas) writeStatus(ctx context.Context, kafka, before *kafkav1.Kafka) error {
	kafka.Status.Conditions = dated(kafka.Status.Conditions, before.Status.Conditions, r.now())
	if equality.Semantic.DeepEqual(kafka.Status, before.Status) {
		return nil
	}
	if err := r.client.Status().Update(ctx, kafka); ignoreConflict(err) != nil {
		return fmt.Errorf("status of Kafka %s: %w", kafka.Name, client.IgnoreNotFound(err))
	}
	return nil
}

// pass brings everything about the cluster where it should be, as far as it can
// be brought now.
func (r *kafkas) pass(ctx context.Context, kafka *kafkav1.Kafka) (*state, error) {
	pools, err := r.poolsOf(ctx, kafka)
	if err != nil {
		return nil, err
	}
	sized, warnings, err := r.holdSizes(ctx, kafka, pools)
	if err != nil {
		return nil, err
	}
	m, err := newModel(kafka, sized, r.images)
	if err != nil {
		return nil, err
	}
	m.restricted = r.restricted
	m.warnings = append(m.warnings, warnings...)
	if err := r.identify(ctx, m, pools); err != nil {
		return nil, err
	}
	if ignored := forbidden(kafka.Spec.Kafka.Config); len(ignored) > 0 {
		log.FromContext(ctx).Info("options that the operator decides are ignored", "options", ignored)
	}

	certs, err := r.secrets.reconcile(ctx, m)
	if err != nil {
		return nil, err
	}
	settings, err := clientTLS(certs.operator, certs.cluster.cert)
	if err != nil {
		return nil, err
	}
	wanted, err := r.applyCluster(ctx, m, certs)
	if err != nil {
		return nil, err
	}
	state := &state{model: m, ca: certs.cluster.cert}
	if state.wait, err = r.roll(ctx, m, wanted, settings); err != nil || state.wait != "" {
		return state, err
	}
	if err := r.clean(ctx, m); err != nil {
		return nil, err
	}
	state.wait, err = r.entityOperator(ctx, m, certs)
	return state, err
}

func (r *kafkas) poolsOf(ctx context.Context, kafka *kafkav1.Kafka) ([]kafkav1.KafkaNodePool, error) {
	var list kafkav1.KafkaNodePoolList
	if err := r.live.List(ctx, &list, client.InNamespace(kafka.Namespace), client.MatchingLabels{labelCluster: kafka.Name}); err != nil {
		return nil, fmt.Errorf("list node pools: %w", err)
	}
	return slices.DeleteFunc(list.Items, func(p kafkav1.KafkaNodePool) bool { return p.DeletionTimestamp != nil }), nil
}

// holdSizes keeps pools at the size they have where another would break the
// cluster: a quorum is fixed once it is formed, and a broker takes its partitions
// with it. The pools it returns are copies.
func (r *kafkas) holdSizes(ctx context.Context, kafka *kafkav1.Kafka, pools []kafkav1.KafkaNodePool) ([]kafkav1.KafkaNodePool, []warning, error) {
	var out []kafkav1.KafkaNodePool
	var warnings []warning
	for i := range pools {
		p := pools[i].DeepCopy()
		if p.Spec != nil && p.Status != nil && len(p.Status.NodeIds) > 0 {
			warning, err := r.holdSize(ctx, kafka, p)
			if err != nil {
				return nil, nil, err
			}
			if warning != nil {
				warnings = append(warnings, *warning)
			}
		}
		out = append(out, *p)
	}
	return out, warnings, nil
}

func (r *kafkas) holdSize(ctx context.Context, kafka *kafkav1.Kafka, p *kafkav1.KafkaNodePool) (*warning, error) {
	has, wants := int32(len(p.Status.NodeIds)), p.Spec.Replicas
	controllers := slices.Contains(p.Spec.Roles, kafkav1.CONTROLLER_PROCESSROLES)
	if controllers != slices.Contains(p.Status.Roles, kafkav1.CONTROLLER_PROCESSROLES) {
		return nil, invalidf("KafkaNodePool %s: the controller role cannot be added to or taken from nodes that exist", p.Name)
	}
	if has == wants {
		return nil, nil
	}
	keep := func(format string, args ...any) *warning {
		p.Spec.Replicas = has
		return &warning{reason: "ScaleDownPreventionCheck", message: fmt.Sprintf("KafkaNodePool %s keeps its %d replicas: %s", p.Name, has, fmt.Sprintf(format, args...))}
	}
	if controllers {
		return keep("the quorum of controllers is fixed"), nil
	}
	if wants > has {
		return nil, nil
	}
	hosting, err := r.hosting(ctx, kafka)
	if err != nil {
		return keep("whether the brokers hold partitions cannot be told: %v", err), nil
	}
	ids := slices.Sorted(slices.Values(p.Status.NodeIds))
	for _, id := range ids[wants:] {
		if hosting[id] {
			return keep("broker %d still holds partitions", id), nil
		}
	}
	return nil, nil
}

func (r *kafkas) hosting(ctx context.Context, kafka *kafkav1.Kafka) (map[int32]bool, error) {
	n := names{namespace: kafka.Namespace, cluster: kafka.Name}
	operator, err := r.secrets.read(ctx, n.namespace, n.operatorCerts())
	if err != nil {
		return nil, err
	}
	ca, err := r.secrets.read(ctx, n.namespace, n.clusterCACert())
	if err != nil {
		return nil, err
	}
	settings, err := clientTLS(pair{
		cert: operator.Data[clusterOperatorKey+".crt"], key: operator.Data[clusterOperatorKey+".key"],
	}, ca.Data["ca.crt"])
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	m := model{names: n}
	admin, err := r.connect(ctx, []string{m.replicationBootstrap()}, settings)
	if err != nil {
		return nil, err
	}
	defer func() { _ = admin.Close() }()
	return admin.Hosting()
}

// identify writes down the cluster's id and the nodes' before anything is made of
// them: a later pass must find the same.
func (r *kafkas) identify(ctx context.Context, m *model, pools []kafkav1.KafkaNodePool) error {
	m.id = m.kafka.Status.ClusterId
	for _, p := range pools {
		if m.id == "" && p.Status != nil {
			m.id = p.Status.ClusterId
		}
	}
	if m.id == "" {
		m.id = newClusterID()
	}
	used := make([]kafkav1.UsedNodePoolStatus, 0, len(m.pools))
	for _, p := range m.pools {
		used = append(used, kafkav1.UsedNodePoolStatus{Name: p.resource.Name})
	}
	if m.kafka.Status.ClusterId != m.id || !equality.Semantic.DeepEqual(m.kafka.Status.KafkaNodePools, used) {
		m.kafka.Status.ClusterId, m.kafka.Status.KafkaNodePools = m.id, used
		if len(m.kafka.Status.Conditions) == 0 {
			m.kafka.Status.ObservedGeneration = m.kafka.Generation
			m.kafka.Status.Conditions = dated([]kafkav1.Condition{
				condition(conditionNotReady, reasonCreating, "Kafka cluster is being deployed")}, nil, r.now())
		}
		if err := r.client.Status().Update(ctx, m.kafka); err != nil {
			return fmt.Errorf("status of Kafka %s: %w", m.kafka.Name, err)
		}
	}
	for _, p := range m.pools {
		i := slices.IndexFunc(pools, func(o kafkav1.KafkaNodePool) bool { return o.Name == p.resource.Name })
		if err := r.poolStatus(ctx, m, p, &pools[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *kafkas) poolStatus(ctx context.Context, m *model, p pool, resource *kafkav1.KafkaNodePool) error {
	status := &kafkav1.KafkaNodePoolStatus{
		ObservedGeneration: resource.Generation,
		ClusterId:          m.id,
		Roles:              p.resource.Spec.Roles,
		Replicas:           int32(len(p.nodes)),
		LabelSelector:      labels.SelectorFromSet(with(m.kafkaSelector(), labelPool, resource.Name)).String(),
	}
	for _, n := range p.nodes {
		status.NodeIds = append(status.NodeIds, n.id)
	}
	if equality.Semantic.DeepEqual(resource.Status, status) {
		return nil
	}
	resource.Status = status
	if err := r.client.Status().Update(ctx, resource); err != nil {
		return fmt.Errorf("status of KafkaNodePool %s: %w", resource.Name, err)
	}
	return nil
}

// applyCluster writes everything but the entity operator, and returns what each
// pod's annotations should be.
func (r *kafkas) applyCluster(ctx context.Context, m *model, certs *certificates) (map[string]map[string]string, error) {
	objects := []client.Object{
		m.kafkaServiceAccount(), m.bootstrapService(), m.brokersService(),
		m.kafkaNetworkPolicy(r.settings.namespace), m.kafkaBudget(),
	}
	for _, p := range m.pools {
		if err := r.ensureClaims(ctx, m, p); err != nil {
			return nil, err
		}
		for _, n := range p.nodes {
			config := m.configMap(p, n)
			certs.generations.configuration[n.pod] = fingerprint(
				[]byte(config.Data["server.config"]), []byte(config.Data["log4j2.properties"]))
			objects = append(objects, config)
		}
	}
	wanted := map[string]map[string]string{}
	for _, p := range m.pools {
		set, err := m.podSet(p, certs.generations)
		if err != nil {
			return nil, err
		}
		pods, err := podsOf(set)
		if err != nil {
			return nil, err
		}
		for _, pod := range pods {
			wanted[pod.Name] = pod.Annotations
		}
		objects = append(objects, set)
	}
	return wanted, r.applyAll(ctx, objects)
}

// applyAll writes the objects but for the kinds that the operator was told to leave out.
func (r *kafkas) applyAll(ctx context.Context, objects []client.Object) error {
	for _, object := range objects {
		switch object.(type) {
		case *networkingv1.NetworkPolicy:
			if r.noPolicies {
				continue
			}
		case *policyv1.PodDisruptionBudget:
			if r.noBudgets {
				continue
			}
		}
		if err := r.apply.apply(ctx, object); err != nil {
			return err
		}
	}
	return nil
}

// ensureClaims makes volumes once: they outlive changes of the pool.
func (r *kafkas) ensureClaims(ctx context.Context, m *model, p pool) error {
	claims, err := m.claims(p)
	if err != nil {
		return err
	}
	for _, claim := range claims {
		err := r.client.Get(ctx, client.ObjectKeyFromObject(claim), claim.DeepCopy())
		if err == nil {
			continue
		}
		if !apierrors.IsNotFound(err) {
			return fmt.Errorf("read claim %s: %w", claim.Name, err)
		}
		if err := r.client.Create(ctx, claim, client.FieldOwner(clusterOperatorName)); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create claim %s: %w", claim.Name, err)
		}
	}
	return nil
}

// clean removes what belonged to pools and nodes that are gone.
func (r *kafkas) clean(ctx context.Context, m *model) error {
	var sets strimziv1.StrimziPodSetList
	if err := r.client.List(ctx, &sets, client.InNamespace(m.namespace), client.MatchingLabels(m.kafkaSelector())); err != nil {
		return fmt.Errorf("list pod sets: %w", err)
	}
	for i := range sets.Items {
		set := &sets.Items[i]
		if slices.ContainsFunc(m.pools, func(p pool) bool { return m.names.podSet(p.resource.Name) == set.Name }) {
			continue
		}
		if err := r.client.Delete(ctx, set); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete StrimziPodSet %s: %w", set.Name, err)
		}
	}
	return r.secrets.sweep(ctx, m)
}

// entityOperator runs the user operator once the cluster serves, and removes it
// when it is no longer asked for.
func (r *kafkas) entityOperator(ctx context.Context, m *model, certs *certificates) (string, error) {
	if !m.hasUserOperator() {
		return "", r.removeEntityOperator(ctx, m)
	}
	if err := r.applyAll(ctx, m.entityObjects()); err != nil {
		return "", err
	}
	deployment, err := m.entityDeployment(r.userOperatorImage, map[string]string{
		annotationServerCert:    certs.userOperator,
		annotationClusterCACert: certs.generations.clusterCACert,
		annotationClientsCACert: certs.generations.clientsCACert,
	})
	if err != nil {
		return "", err
	}
	if err := r.apply.apply(ctx, deployment); err != nil {
		return "", err
	}
	var present appsv1.Deployment
	if err := r.live.Get(ctx, client.ObjectKeyFromObject(deployment), &present); err != nil {
		return "", fmt.Errorf("read Deployment %s: %w", deployment.Name, err)
	}
	status := present.Status
	if status.ObservedGeneration < present.Generation || status.UpdatedReplicas < 1 || status.AvailableReplicas < 1 ||
		status.Replicas != status.UpdatedReplicas {
		return fmt.Sprintf("Deployment %s is not ready", deployment.Name), nil
	}
	return "", nil
}

func (r *kafkas) removeEntityOperator(ctx context.Context, m *model) error {
	key := client.ObjectKey{Namespace: m.namespace, Name: m.entityOperator()}
	deployment := &appsv1.Deployment{}
	if err := r.client.Get(ctx, key, deployment); err != nil {
		return client.IgnoreNotFound(err)
	}
	// The other objects need the resource's entity operator only for its
	// template, so an empty one will do to name them.
	named := *m
	named.kafka = m.kafka.DeepCopy()
	named.kafka.Spec.EntityOperator = &kafkav1.EntityOperatorSpec{UserOperator: &kafkav1.EntityUserOperatorSpec{}}
	objects := append(named.entityObjects(), deployment)
	secret := r.secrets.secret(m, m.userCerts(), nil, nil, nil)
	for _, object := range append(objects, secret) {
		if err := r.client.Delete(ctx, object, client.PropagationPolicy(metav1.DeletePropagationBackground)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete %s: %w", object.GetName(), err)
		}
	}
	return nil
}

// newClusterID is a random UUID as Kafka writes it; its tools take one that
// begins with a dash for an option.
func newClusterID() string {
	for {
		id := uuid.New()
		if encoded := base64.RawURLEncoding.EncodeToString(id[:]); !strings.HasPrefix(encoded, "-") {
			return encoded
		}
	}
}

// clusterOf finds the Kafka resource that an object belongs to by its label.
func clusterOf(_ context.Context, object client.Object) []ctrl.Request {
	name := object.GetLabels()[labelCluster]
	if name == "" {
		return nil
	}
	return []ctrl.Request{{NamespacedName: client.ObjectKey{Namespace: object.GetNamespace(), Name: name}}}
}

func ignoreConflict(err error) error {
	if apierrors.IsConflict(err) {
		return nil
	}
	return err
}
