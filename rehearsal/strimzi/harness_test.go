package strimzi

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	"github.com/stretchr/testify/require"
	"github.com/wealth-companion/companion/rehearsal/internal/testcluster"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/releaseutil"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"
)

var (
	sharedCluster, stopCluster = testcluster.Shared(testcluster.Workloads...)
	installed                  sync.Once
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	code := m.Run()
	stopCluster()
	os.Exit(code)
}

// cached finds what the rehearsal's build made: the newest folder of that name.
func cached(t testing.TB, variable, pattern, build string) string {
	t.Helper()
	if dir := os.Getenv(variable); dir != "" {
		return dir
	}
	root := os.Getenv("REHEARSAL_CACHE")
	if root == "" {
		cache, err := os.UserCacheDir()
		require.NoError(t, err)
		root = filepath.Join(cache, "companion-rehearsal")
	}
	found, err := filepath.Glob(filepath.Join(root, pattern))
	require.NoError(t, err)
	newest, when := "", time.Time{}
	for _, path := range found {
		if info, err := os.Stat(path); err == nil && info.IsDir() && info.ModTime().After(when) {
			newest, when = path, info.ModTime()
		}
	}
	if newest == "" {
		t.Fatalf("nothing matches %s in %s: build it first (go run ./cmd/rehearsal build %s), or set %s", pattern, root, build, variable)
	}
	return newest
}

// bench is an API server with Strimzi's definitions, an operator, and a namespace
// of the test's own.
type bench struct {
	t         *testing.T
	namespace string
	api       client.Client
	kubelet   *kubelet
	connect   Connect
	tunes     []tune
}

type tune func(*Options)

// newBench starts an operator for one namespace. The kubelet runs what it is given.
func newBench(t *testing.T, containers containerRuntime, connect Connect, tunes ...tune) *bench {
	t.Helper()
	cluster := sharedCluster(t)
	installed.Do(func() {
		_, err := envtest.InstallCRDs(cluster.Config, envtest.CRDInstallOptions{
			Paths: []string{cached(t, "STRIMZI_DEFINITIONS", "definitions/strimzi-*", "charts")}, ErrorIfPathMissing: true,
		})
		require.NoError(t, err)
	})
	api, err := client.New(cluster.Config, client.Options{Scheme: Scheme()})
	require.NoError(t, err)

	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "kafka-"}}
	require.NoError(t, api.Create(t.Context(), namespace))
	b := &bench{t: t, namespace: namespace.Name, api: api}

	b.tunes, b.connect = tunes, connect
	b.install()
	b.kubelet = &kubelet{bench: b, runtime: containers, pods: map[types.UID]*runningPod{}}
	b.background("the kubelet", b.kubelet.run)
	return b
}

// in is the bench for a subtest, which fails on its own.
func (b *bench) in(t *testing.T) *bench {
	copied := *b
	copied.t = t
	return &copied
}

// install renders the chart as Helm would, and creates what it says.
func (b *bench) install() {
	b.t.Helper()
	for _, object := range b.render(nil) {
		if object.GetNamespace() == "" && object.GetKind() != "ClusterRole" {
			b.t.Fatalf("the chart has a %s that belongs to no namespace", object.GetKind())
		}
		require.NoError(b.t, b.api.Apply(b.t.Context(), client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("helm")))
	}
}

func (b *bench) render(values map[string]any) []*unstructured.Unstructured {
	b.t.Helper()
	chart, err := loader.Load("../charts/strimzi-kafka-operator")
	require.NoError(b.t, err)
	install := action.NewInstall(&action.Configuration{})
	install.ClientOnly, install.DryRun, install.ReleaseName, install.Namespace = true, true, "strimzi", b.namespace
	install.KubeVersion = &chartutil.KubeVersion{Version: "v1.36.2", Major: "1", Minor: "36"}
	release, err := install.RunWithContext(b.t.Context(), chart, values)
	require.NoError(b.t, err)
	var objects []*unstructured.Unstructured
	for _, document := range releaseutil.SplitManifests(release.Manifest) {
		object := &unstructured.Unstructured{}
		require.NoError(b.t, yaml.Unmarshal([]byte(document), &object.Object))
		objects = append(objects, object)
	}
	return objects
}

// runClusterOperator is what the chart's pod does: with its environment and with
// the permissions of its service account, no more.
func (b *bench) runClusterOperator(ctx context.Context, pod *corev1.Pod, ready func()) error {
	options, err := OptionsFromEnvironment(environmentOf(pod))
	if err != nil {
		return err
	}
	options.Address, options.Connect = "", b.connect
	for _, tune := range b.tunes {
		tune(&options)
	}
	ready()
	return RunClusterOperator(ctx, as(b.t, pod), options)
}

// as gives a client configuration of the pod's service account.
func as(t testing.TB, pod *corev1.Pod) *rest.Config {
	config := rest.CopyConfig(sharedCluster(t).Config)
	config.Impersonate.UserName = "system:serviceaccount:" + pod.Namespace + ":" + pod.Spec.ServiceAccountName
	return config
}

// background runs until the test ends, and must end then.
func (b *bench) background(what string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil && !errors.Is(err, context.Canceled) {
				b.t.Errorf("%s: %v", what, err)
			}
		case <-time.After(90 * time.Second):
			b.t.Errorf("%s does not end", what)
		}
	})
}

// create writes the resources of one file, in the bench's namespace.
func (b *bench) create(documents string) {
	b.t.Helper()
	for _, document := range splitDocuments(documents) {
		object := b.decode(document)
		object.SetNamespace(b.namespace)
		require.NoError(b.t, b.api.Create(b.t.Context(), object))
	}
}

func (b *bench) decode(document string) client.Object {
	b.t.Helper()
	var kind metav1.TypeMeta
	require.NoError(b.t, yaml.Unmarshal([]byte(document), &kind))
	object, err := Scheme().New(kind.GroupVersionKind())
	require.NoError(b.t, err)
	require.NoError(b.t, yaml.UnmarshalStrict([]byte(document), object))
	return object.(client.Object)
}

func (b *bench) get(object client.Object, name string) error {
	return b.api.Get(b.t.Context(), client.ObjectKey{Namespace: b.namespace, Name: name}, object)
}

// change edits an object until nobody writes at the same time.
func change[T client.Object](b *bench, object T, name string, edit func(T)) {
	b.t.Helper()
	b.eventually(10*time.Second, "write "+name, func() error {
		if err := b.get(object, name); err != nil {
			return err
		}
		edit(object)
		return b.api.Update(b.t.Context(), object)
	})
}

func (b *bench) eventually(limit time.Duration, what string, check func() error) {
	b.t.Helper()
	var err error
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	b.t.Fatalf("%s: still after %s: %v", what, limit, err)
}

// awaitKafka waits for a condition of the resource at its present generation.
func (b *bench) awaitKafka(name, kind, reason string, limit time.Duration) *kafkav1.Kafka {
	b.t.Helper()
	kafka := &kafkav1.Kafka{}
	b.eventually(limit, fmt.Sprintf("Kafka %s should be %s %s", name, kind, reason), func() error {
		if err := b.get(kafka, name); err != nil {
			return err
		}
		if kafka.Status == nil || kafka.Status.ObservedGeneration != kafka.Generation {
			return fmt.Errorf("status %+v of generation %d", kafka.Status, kafka.Generation)
		}
		return hasCondition(kafka.Status.Conditions, kind, reason)
	})
	return kafka
}

func (b *bench) awaitUser(name, kind, reason string, limit time.Duration) *kafkav1.KafkaUser {
	b.t.Helper()
	user := &kafkav1.KafkaUser{}
	b.eventually(limit, fmt.Sprintf("KafkaUser %s should be %s %s", name, kind, reason), func() error {
		if err := b.get(user, name); err != nil {
			return err
		}
		if user.Status == nil || user.Status.ObservedGeneration != user.Generation {
			return fmt.Errorf("status %+v of generation %d", user.Status, user.Generation)
		}
		return hasCondition(user.Status.Conditions, kind, reason)
	})
	return user
}

func hasCondition(conditions []kafkav1.Condition, kind, reason string) error {
	for _, c := range conditions {
		if c.Type == kind && c.Reason == reason && c.Status == "True" {
			return nil
		}
	}
	return fmt.Errorf("conditions are %+v", conditions)
}

// containerRuntime runs a pod until the context ends, and calls ready when its
// readiness probe would succeed.
type containerRuntime func(ctx context.Context, b *bench, pod *corev1.Pod, ready func()) error

// atOnce is a runtime of pods that do nothing and are ready.
func atOnce(ctx context.Context, _ *bench, _ *corev1.Pod, ready func()) error {
	ready()
	<-ctx.Done()
	return nil
}

// kubelet does what a node's would: it binds pods, runs them, writes their status
// and lets those go that are deleted.
type kubelet struct {
	bench   *bench
	runtime containerRuntime

	mu      sync.Mutex
	pods    map[types.UID]*runningPod
	history []string // pods in the order in which they stopped and became ready
	running sync.WaitGroup
}

type runningPod struct {
	stop context.CancelFunc
	done chan struct{}
}

func (k *kubelet) run(ctx context.Context) error {
	defer k.running.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
		var pods corev1.PodList
		if err := k.bench.api.List(ctx, &pods, client.InNamespace(k.bench.namespace)); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		for i := range pods.Items {
			k.sync(ctx, &pods.Items[i])
		}
	}
}

func (k *kubelet) sync(ctx context.Context, pod *corev1.Pod) {
	k.mu.Lock()
	defer k.mu.Unlock()
	running, known := k.pods[pod.UID]
	switch {
	case !known && pod.DeletionTimestamp == nil:
		binding := &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name},
			Target:     corev1.ObjectReference{Kind: "Node", Name: "bench"},
		}
		// A pod with a node is not deleted before its kubelet says so.
		if err := k.bench.api.SubResource("binding").Create(ctx, pod, binding); err != nil {
			return
		}
		podContext, stop := context.WithCancel(ctx)
		running = &runningPod{stop: stop, done: make(chan struct{})}
		k.pods[pod.UID] = running
		k.running.Go(func() {
			defer close(running.done)
			run := k.runtime
			if pod.Labels[labelKind] == "cluster-operator" {
				run = func(ctx context.Context, b *bench, pod *corev1.Pod, ready func()) error {
					return b.runClusterOperator(ctx, pod, ready)
				}
			}
			err := run(podContext, k.bench, pod.DeepCopy(), func() { k.ready(ctx, pod) })
			if err != nil && podContext.Err() == nil {
				k.bench.t.Errorf("pod %s: %v", pod.Name, err)
			}
		})
	case known && pod.DeletionTimestamp != nil:
		running.stop()
		select {
		case <-running.done:
			k.note("stop", pod)
			_ = k.bench.api.Delete(ctx, pod, client.GracePeriodSeconds(0))
		default:
		}
	}
}

func (k *kubelet) ready(ctx context.Context, pod *corev1.Pod) {
	pod = pod.DeepCopy()
	k.mu.Lock()
	k.note("ready", pod)
	k.mu.Unlock()
	k.setReady(ctx, pod, corev1.ConditionTrue)
}

func (k *kubelet) setReady(ctx context.Context, pod *corev1.Pod, status corev1.ConditionStatus) {
	patch := fmt.Sprintf(`{"status":{"phase":"Running","conditions":[{"type":"Ready","status":%q,"lastTransitionTime":%q}]}}`,
		status, time.Now().UTC().Format(time.RFC3339))
	err := k.bench.api.Status().Patch(ctx, pod, client.RawPatch(types.StrategicMergePatchType, []byte(patch)))
	if client.IgnoreNotFound(err) != nil && ctx.Err() == nil {
		k.bench.t.Errorf("status of pod %s: %v", pod.Name, err)
	}
}

// note remembers what happened to a broker.
func (k *kubelet) note(what string, pod *corev1.Pod) {
	if pod.Labels[labelController] == "strimzipodset" {
		k.history = append(k.history, what+" "+pod.Name)
	}
}

func (k *kubelet) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.history = nil
}

func (k *kubelet) seen() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.history)
}

// fakeAdmin is a Kafka that is told what to say.
type fakeAdmin struct {
	mu              sync.Mutex
	underReplicated int
	asked           int
	hosting         map[int32]bool
	active          int32
	passwords       map[string]string
	acls            map[string][]ACL
	quotas          map[string]map[string]float64
}

func newFakeAdmin() *fakeAdmin {
	return &fakeAdmin{active: -1, passwords: map[string]string{}, acls: map[string][]ACL{}, quotas: map[string]map[string]float64{}}
}

func (f *fakeAdmin) locked(do func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	do()
}

func (f *fakeAdmin) UnderReplicated() (n int, _ error) {
	f.locked(func() { f.asked++; n = f.underReplicated })
	return n, nil
}

func (f *fakeAdmin) Hosting() (h map[int32]bool, _ error) {
	f.locked(func() { h = f.hosting })
	return h, nil
}

func (f *fakeAdmin) ActiveController(string) (id int32, _ error) {
	f.locked(func() { id = f.active })
	return id, nil
}

func (f *fakeAdmin) Users() (names []string, _ error) {
	f.locked(func() {
		for name := range f.passwords {
			names = append(names, name)
		}
	})
	return names, nil
}

func (f *fakeAdmin) HasPassword(user string) (has bool, _ error) {
	f.locked(func() { _, has = f.passwords[user] })
	return has, nil
}

func (f *fakeAdmin) SetPassword(user, password string) error {
	f.locked(func() { f.passwords[user] = password })
	return nil
}

func (f *fakeAdmin) RemovePassword(user string) error {
	f.locked(func() { delete(f.passwords, user) })
	return nil
}

func (f *fakeAdmin) SetACLs(principal string, rules []ACL) error {
	f.locked(func() { f.acls[principal] = rules })
	return nil
}

func (f *fakeAdmin) SetQuotas(user string, quotas map[string]float64) error {
	f.locked(func() { f.quotas[user] = quotas })
	return nil
}

func (f *fakeAdmin) Close() error { return nil }

func connectTo(admin Admin) Connect {
	return func(context.Context, []string, *tls.Config) (Admin, error) { return admin, nil }
}

func forEach(list client.ObjectList, do func(client.Object)) error {
	return meta.EachListItem(list, func(o runtime.Object) error {
		do(o.(client.Object))
		return nil
	})
}

func splitDocuments(text string) []string { return strings.Split(text, "\n---\n") }

func objectMeta(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}
