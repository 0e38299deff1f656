package strimzi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"

	strimziv1 "github.com/scholzj/strimzi-go/pkg/apis/core.strimzi.io/v1"
	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Retries begin soon and stay frequent: what fails here mostly waits for a broker.
const (
	firstRetry = 500 * time.Millisecond
	lastRetry  = 10 * time.Second
)

// Options are how an operator runs, from its environment.
type Options struct {
	Namespaces     []string // to watch; none for all of them
	Namespace      string   // the operator's own
	Images         map[string]string
	UserOperator   string // its image
	Interval       time.Duration
	Timeout        time.Duration
	LeaderElection bool
	LeaseName      string
	NoPolicies     bool   // leave out NetworkPolicies
	NoBudgets      bool   // leave out PodDisruptionBudgets
	Restricted     bool   // containers keep to the restricted Pod Security Standard
	Address        string // of probes and metrics, empty for none
	Connect        Connect
}

// OptionsFromEnvironment reads what the chart gives the cluster operator.
func OptionsFromEnvironment(getenv func(string) string) (Options, error) {
	o := Options{
		Namespace:      getenv("STRIMZI_OPERATOR_NAMESPACE"),
		UserOperator:   orElse(getenv("STRIMZI_DEFAULT_USER_OPERATOR_IMAGE"), "quay.io/strimzi/operator:"+Version),
		LeaderElection: getenv("STRIMZI_LEADER_ELECTION_ENABLED") != "false",
		LeaseName:      orElse(getenv("STRIMZI_LEADER_ELECTION_LEASE_NAME"), clusterOperatorName),
		NoPolicies:     getenv("STRIMZI_NETWORK_POLICY_GENERATION") == "false",
		NoBudgets:      getenv("STRIMZI_POD_DISRUPTION_BUDGET_GENERATION") == "false",
		Restricted:     getenv("STRIMZI_POD_SECURITY_PROVIDER_CLASS") == "restricted",
		Address:        ":8080",
		Connect:        DialKafka(nil),
	}
	if watched := strings.TrimSpace(getenv(envNamespace)); watched != "" && watched != "*" {
		for _, namespace := range strings.Split(watched, ",") {
			o.Namespaces = append(o.Namespaces, strings.TrimSpace(namespace))
		}
	}
	var err error
	if o.Images, err = parseImages(getenv("STRIMZI_KAFKA_IMAGES")); err != nil {
		return o, err
	}
	if o.Interval, err = milliseconds(getenv, envInterval, defaultReconciliation); err != nil {
		return o, err
	}
	if o.Timeout, err = milliseconds(getenv, "STRIMZI_OPERATION_TIMEOUT_MS", 300000); err != nil {
		return o, err
	}
	if o.Namespace == "" {
		return o, errors.New("STRIMZI_OPERATOR_NAMESPACE is not set")
	}
	return o, nil
}

// parseImages reads lines of version=image.
func parseImages(text string) (map[string]string, error) {
	images := map[string]string{}
	for _, entry := range strings.Fields(text) {
		version, image, ok := strings.Cut(entry, "=")
		if !ok || version == "" || image == "" {
			return nil, fmt.Errorf("STRIMZI_KAFKA_IMAGES: %q is no version=image", entry)
		}
		images[version] = image
	}
	if len(images) == 0 {
		return nil, errors.New("STRIMZI_KAFKA_IMAGES names no image")
	}
	return images, nil
}

func milliseconds(getenv func(string) string, name string, other int64) (time.Duration, error) {
	value := getenv(name)
	if value == "" {
		return time.Duration(other) * time.Millisecond, nil
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%s: %q is no number of milliseconds", name, value)
	}
	return time.Duration(n) * time.Millisecond, nil
}

// Scheme knows the kinds that the operators work with.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(kafkav1.AddToScheme(scheme))
	utilruntime.Must(strimziv1.AddToScheme(scheme))
	return scheme
}

// RunClusterOperator reconciles Kafka resources until the context ends.
func RunClusterOperator(ctx context.Context, cluster *rest.Config, o Options) error {
	namespaces := map[string]cache.Config{}
	for _, namespace := range o.Namespaces {
		namespaces[namespace] = cache.Config{}
	}
	mgr, err := newManager(cluster, o.Address, labelCluster, namespaces, func(options *ctrl.Options) {
		options.LeaderElection = o.LeaderElection
		options.LeaderElectionID = o.LeaseName
		options.LeaderElectionNamespace = o.Namespace
		// The process ends when its context does, so the lease can go at once.
		options.LeaderElectionReleaseOnCancel = true
	})
	if err != nil {
		return err
	}
	apply := newApplier(mgr.GetClient(), clusterOperatorName)
	r := &kafkas{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), apply: apply,
		secrets: &secrets{client: mgr.GetClient(), live: mgr.GetAPIReader(), apply: apply, now: time.Now},
		connect: o.Connect, events: mgr.GetEventRecorder(clusterOperatorName), now: time.Now,
		settings: settings{
			restricted: o.Restricted, namespace: o.Namespace, images: o.Images, userOperatorImage: o.UserOperator, interval: o.Interval, timeout: o.Timeout,
			noPolicies: o.NoPolicies, noBudgets: o.NoBudgets,
		},
		waiting: map[client.ObjectKey]time.Time{},
	}
	if err := r.setup(mgr); err != nil {
		return fmt.Errorf("watch Kafka resources: %w", err)
	}
	if err := (&podSets{client: mgr.GetClient()}).setup(mgr); err != nil {
		return fmt.Errorf("watch pod sets: %w", err)
	}
	return mgr.Start(ctx)
}

func newManager(cluster *rest.Config, address, selector string, namespaces map[string]cache.Config, more func(*ctrl.Options)) (manager.Manager, error) {
	ours, err := labels.Parse(selector)
	if err != nil {
		return nil, err
	}
	options := ctrl.Options{
		Scheme: Scheme(),
		Cache: cache.Options{
			// Of the cluster's Secrets and pods only those that are Kafka's are
			// watched; a Kafka resource itself has no such label.
			DefaultLabelSelector: ours,
			ByObject:             map[client.Object]cache.ByObject{&kafkav1.Kafka{}: {Label: labels.Everything()}},
			DefaultNamespaces:    namespaces,
		},
		HealthProbeBindAddress: "0",
		Metrics:                metricsserver.Options{BindAddress: orElse(address, "0")},
		Controller:             config.Controller{SkipNameValidation: ptr(true)},
	}
	if more != nil {
		more(&options)
	}
	health := &health{}
	options.Metrics.ExtraHandlers = map[string]http.Handler{
		"/healthy": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }),
		"/ready":   health,
	}
	mgr, err := ctrl.NewManager(cluster, options)
	if err != nil {
		return nil, fmt.Errorf("reach the API server: %w", err)
	}
	health.synced = mgr.GetCache().WaitForCacheSync
	return mgr, nil
}

// health answers the readiness probe: the operator knows what is there.
type health struct {
	synced func(context.Context) bool
}

func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 500*time.Millisecond)
	defer cancel()
	if !h.synced(ctx) {
		http.Error(w, "the caches are not filled yet", http.StatusServiceUnavailable)
	}
}

func limiter() workqueue.TypedRateLimiter[ctrl.Request] {
	return workqueue.NewTypedItemExponentialFailureRateLimiter[ctrl.Request](firstRetry, lastRetry)
}

// changed leaves out what only a status changed.
var changed = predicate.Or[client.Object](
	predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{})

func (r *kafkas) setup(mgr manager.Manager) error {
	build := ctrl.NewControllerManagedBy(mgr).Named("kafka").
		For(&kafkav1.Kafka{}, builder.WithPredicates(changed)).
		WithOptions(controller.Options{RateLimiter: limiter(), MaxConcurrentReconciles: 1})
	cluster := handler.EnqueueRequestsFromMapFunc(clusterOf)
	for _, object := range []client.Object{
		&kafkav1.KafkaNodePool{}, &strimziv1.StrimziPodSet{}, &corev1.ConfigMap{}, &corev1.Secret{},
		&networkingv1.NetworkPolicy{}, &rbacv1.Role{}, &rbacv1.RoleBinding{}, &corev1.ServiceAccount{}, &corev1.Service{},
	} {
		build = build.Watches(object, cluster, builder.WithPredicates(changedOrData))
	}
	// Of these, the status is what the operator waits for.
	for _, object := range []client.Object{&corev1.Pod{}, &appsv1.Deployment{}} {
		build = build.Watches(object, cluster)
	}
	return build.Watches(&policyv1.PodDisruptionBudget{}, cluster, builder.WithPredicates(changedOrData)).Complete(r)
}

// changedOrData is for kinds of which some have no generation: their contents are
// all there is, so every new version counts, except one of a status alone.
var changedOrData = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		if e.ObjectNew.GetGeneration() == 0 {
			return e.ObjectNew.GetResourceVersion() != e.ObjectOld.GetResourceVersion()
		}
		return changed.Update(e)
	},
}

func (r *podSets) setup(mgr manager.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).Named("strimzipodset").
		For(&strimziv1.StrimziPodSet{}).
		Owns(&corev1.Pod{}).
		WithOptions(controller.Options{RateLimiter: limiter(), MaxConcurrentReconciles: 1}).
		Complete(r)
}

// UserSettingsFromEnvironment reads what the cluster operator tells the user operator.
func UserSettingsFromEnvironment(getenv func(string) string) (UserSettings, error) {
	s := UserSettings{
		Namespace: getenv(envNamespace), Bootstrap: getenv(envBootstrap),
		Cluster:       strings.TrimPrefix(getenv(envLabels), labelCluster+"="),
		ClientsCACert: getenv(envClientsCACert), ClientsCAKey: getenv(envClientsCAKey),
		ClusterCACert: getenv(envClusterCACert), Certificate: getenv(envEntityKeySecret),
		SecretPrefix: getenv(envSecretPrefix), ACLs: getenv(envACLs) == "true",
	}
	var missing []string
	for name, value := range map[string]string{
		envNamespace: s.Namespace, envBootstrap: s.Bootstrap, envLabels: s.Cluster, envClientsCACert: s.ClientsCACert,
		envClientsCAKey: s.ClientsCAKey, envClusterCACert: s.ClusterCACert, envEntityKeySecret: s.Certificate,
	} {
		if value == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		sort.Strings(missing)
		return s, fmt.Errorf("not set: %s", strings.Join(missing, ", "))
	}
	for name, days := range map[string]*int32{envCAValidity: &s.Validity, envCARenewal: &s.Renewal} {
		n, err := strconv.ParseInt(getenv(name), 10, 32)
		if err != nil || n <= 0 {
			return s, fmt.Errorf("%s: %q is no number of days", name, getenv(name))
		}
		*days = int32(n)
	}
	var err error
	s.Interval, err = milliseconds(getenv, envInterval, defaultReconciliation)
	return s, err
}

// RunUserOperator reconciles the KafkaUsers of one cluster until the context ends.
func RunUserOperator(ctx context.Context, cluster *rest.Config, s UserSettings, connect Connect, address string) error {
	mgr, err := newManager(cluster, address, labelCluster+"="+s.Cluster, map[string]cache.Config{s.Namespace: {}}, nil)
	if err != nil {
		return err
	}
	r := &users{
		client: mgr.GetClient(), live: mgr.GetAPIReader(), apply: newApplier(mgr.GetClient(), userOperatorName),
		connect: connect, now: time.Now, UserSettings: s, known: map[string]string{},
		strays: make(chan event.TypedGenericEvent[*kafkav1.KafkaUser]),
	}
	if err := r.setup(mgr); err != nil {
		return fmt.Errorf("watch users: %w", err)
	}
	return mgr.Start(ctx)
}

func (r *users) setup(mgr manager.Manager) error {
	if err := mgr.Add(manager.RunnableFunc(r.sweep)); err != nil {
		return err
	}
	// A Secret that a person deletes or changes is put right.
	owner := handler.EnqueueRequestsFromMapFunc(func(_ context.Context, object client.Object) []ctrl.Request {
		for _, ref := range object.GetOwnerReferences() {
			if ref.Kind == "KafkaUser" {
				return []ctrl.Request{{NamespacedName: client.ObjectKey{Namespace: object.GetNamespace(), Name: ref.Name}}}
			}
		}
		return nil
	})
	strays := source.TypedChannel(r.strays, handler.TypedEnqueueRequestsFromMapFunc(
		func(_ context.Context, user *kafkav1.KafkaUser) []ctrl.Request {
			return []ctrl.Request{{NamespacedName: client.ObjectKeyFromObject(user)}}
		}))
	return ctrl.NewControllerManagedBy(mgr).Named("kafkauser").
		For(&kafkav1.KafkaUser{}, builder.WithPredicates(changed)).
		Watches(&corev1.Secret{}, owner).
		WatchesRawSource(strays).
		WithOptions(controller.Options{RateLimiter: limiter(), MaxConcurrentReconciles: 1}).
		Complete(r)
}
