package strimzi

import (
	"strings"
	"testing"
	"time"

	kafkav1 "github.com/scholzj/strimzi-go/pkg/apis/kafka.strimzi.io/v1"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var rollTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// pods are written as words: the pod's id, then what is true of it.
func membersOf(states ...string) []member {
	var members []member
	for id, state := range states {
		m := member{
			node:   node{id: int32(id), pod: string(rune('a' + id)), broker: true, controller: true},
			wanted: map[string]string{annotationConfiguration: "new", annotationRevision: "new"},
		}
		words := strings.Fields(state)
		has := func(word string) bool {
			for _, w := range words {
				if w == word {
					return true
				}
			}
			return false
		}
		if has("absent") {
			members = append(members, m)
			continue
		}
		m.pod = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Name: m.node.pod, Annotations: map[string]string{annotationConfiguration: "new", annotationRevision: "new"},
			CreationTimestamp: metav1.NewTime(rollTime.Add(-time.Hour)),
		}}
		if has("old") {
			m.pod.Annotations = map[string]string{annotationConfiguration: "old", annotationRevision: "old"}
		}
		if has("asked") {
			m.pod.Annotations[annotationManualRolling] = "true"
		}
		if has("stopping") {
			m.pod.DeletionTimestamp = &metav1.Time{Time: rollTime}
		}
		status, since := corev1.ConditionFalse, rollTime.Add(-10*time.Minute)
		if has("ready") {
			status = corev1.ConditionTrue
		}
		if has("starting") {
			since = rollTime.Add(-5 * time.Second)
		}
		m.pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: status, LastTransitionTime: metav1.NewTime(since)}}
		if has("crashing") {
			m.pod.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{
				Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}}}
		}
		members = append(members, m)
	}
	return members
}

func TestNextStep(t *testing.T) {
	for sentence, c := range map[string]struct {
		pods   []string
		rolls  string
		waits  string
		checks bool
	}{
		"nothing to do when all are ready and new":                       {pods: []string{"ready", "ready", "ready"}},
		"the first old one is rolled when all are ready":                 {pods: []string{"ready", "ready old", "ready old"}, rolls: "b", checks: true},
		"a person's order rolls":                                         {pods: []string{"ready", "ready asked", "ready"}, rolls: "b", checks: true},
		"no other is rolled while one starts":                            {pods: []string{"starting", "ready old", "ready old"}, waits: "pod a is not ready"},
		"no other is rolled while one stops":                             {pods: []string{"ready stopping", "ready old", "ready"}, waits: "pod a is stopping"},
		"no other is rolled while one is absent":                         {pods: []string{"absent", "ready old", "ready"}, waits: "pod a is not there yet"},
		"one that is old and not ready goes first, without asking Kafka": {pods: []string{"ready old", "ready old", "starting old"}, rolls: "c"},
		"of several that are not ready, only one that is stuck goes":     {pods: []string{"starting", "starting old", "ready old"}, waits: "pod a is not ready; pod b is not ready"},
		"all broken by a configuration, the next goes though one starts": {pods: []string{"starting", "crashing old", "crashing old"}, rolls: "b"},
		"one not ready for long counts as broken":                        {pods: []string{"starting", "old", "ready"}, rolls: "b"},
		"one that crashes on the present configuration is waited for":    {pods: []string{"crashing", "ready", "ready"}, waits: "pod a is not ready (CrashLoopBackOff)"},
	} {
		t.Run(sentence, func(t *testing.T) {
			next := nextStep(membersOf(c.pods...), rollTime)
			rolls := ""
			if next.roll != nil {
				rolls = next.roll.node.pod
			}
			require.Equal(t, c.rolls, rolls)
			require.Equal(t, c.waits, next.wait)
			require.Equal(t, c.checks, next.check)
		})
	}
}

func TestRollOrder(t *testing.T) {
	members := []member{
		{node: node{id: 0, broker: true}}, {node: node{id: 1, broker: true, controller: true}},
		{node: node{id: 2, controller: true}}, {node: node{id: 3, broker: true}}, {node: node{id: 4, controller: true}},
	}
	rollOrder(members, 4)
	var order []int32
	for _, m := range members {
		order = append(order, m.id)
	}
	require.Equal(t, []int32{2, 0, 1, 3, 4}, order)
}

func TestRolling(t *testing.T) {
	admin := newFakeAdmin()
	b := newBench(t, userOperatorInPod(admin), connectTo(admin))
	b.create(observedKafka)
	b.awaitKafka("events", "Ready", "", time.Minute)

	rolls := func(t *testing.T, order ...string) {
		t.Helper()
		b := b.in(t)
		var want []string
		for _, pod := range order {
			want = append(want, "stop "+pod, "ready "+pod)
		}
		b.eventually(time.Minute, "pods should be rolled", func() error {
			if got := b.kubelet.seen(); strings.Join(got, ",") != strings.Join(want, ",") {
				return &mismatch{got: got, want: want}
			}
			return nil
		})
		b.awaitKafka("events", "Ready", "", 10*time.Second)
	}

	t.Run("a pass that changes nothing writes nothing", func(t *testing.T) {
		b := b.in(t)
		before := b.versions()
		b.kubelet.forget()
		change(b, &kafkav1.Kafka{}, "events", func(k *kafkav1.Kafka) { k.Annotations = map[string]string{"example": "look again"} })
		time.Sleep(2 * time.Second)
		require.Equal(t, before, b.versions())
		require.Empty(t, b.kubelet.seen())
	})
	t.Run("configuration rolls one at a time, the active controller last", func(t *testing.T) {
		b := b.in(t)
		admin.locked(func() { admin.active, admin.asked = 0, 0 })
		b.kubelet.forget()
		change(b, &kafkav1.Kafka{}, "events", func(k *kafkav1.Kafka) { k.Spec.Kafka.Config["log.retention.hours"] = 24 })
		rolls(t, "events-dual-1", "events-dual-2", "events-dual-0")
		admin.locked(func() { require.GreaterOrEqual(t, admin.asked, 3) })
	})
	t.Run("no broker is rolled while partitions are under-replicated", func(t *testing.T) {
		b := b.in(t)
		admin.locked(func() { admin.underReplicated, admin.active, admin.asked = 2, -1, 0 })
		b.kubelet.forget()
		change(b, &kafkav1.KafkaNodePool{}, "dual", func(p *kafkav1.KafkaNodePool) {
			p.Spec.JvmOptions = &kafkav1.JvmOptions{Xmx: "300m"}
		})
		b.eventually(20*time.Second, "Kafka should be asked", func() error {
			var err error
			admin.locked(func() {
				if admin.asked < 2 {
					err = &mismatch{got: []string{"asked too seldom"}}
				}
			})
			return err
		})
		require.Empty(t, b.kubelet.seen())
		admin.locked(func() { admin.underReplicated = 0 })
		rolls(t, "events-dual-0", "events-dual-1", "events-dual-2")
		var pod corev1.Pod
		require.NoError(t, b.get(&pod, "events-dual-0"))
		require.Equal(t, "-Xmx300m", environmentOf(&pod)("KAFKA_HEAP_OPTS"))
	})
	t.Run("a renewed certificate authority rolls", func(t *testing.T) {
		b := b.in(t)
		b.kubelet.forget()
		var old corev1.Secret
		require.NoError(t, b.get(&old, "events-cluster-ca-cert"))
		change(b, &corev1.Secret{}, "events-cluster-ca-cert", func(s *corev1.Secret) {
			s.Annotations["strimzi.io/force-renew"] = "true"
		})
		rolls(t, "events-dual-0", "events-dual-1", "events-dual-2")
		var renewed corev1.Secret
		require.NoError(t, b.get(&renewed, "events-cluster-ca-cert"))
		require.Equal(t, "1", renewed.Annotations["strimzi.io/ca-cert-generation"])
		require.NotContains(t, renewed.Annotations, "strimzi.io/force-renew")
		require.NotEqual(t, old.Data["ca.crt"], renewed.Data["ca.crt"])
		// Who trusts the old certificate trusts what the new one signs.
		before, err := parseCertificate(old.Data["ca.crt"])
		require.NoError(t, err)
		after, err := parseCertificate(renewed.Data["ca.crt"])
		require.NoError(t, err)
		require.Equal(t, before.PublicKey, after.PublicKey)
		require.Equal(t, before.RawSubject, after.RawSubject)
	})
	t.Run("a pod that is deleted or fails comes back", func(t *testing.T) {
		b := b.in(t)
		b.kubelet.forget()
		var pod corev1.Pod
		require.NoError(t, b.get(&pod, "events-dual-1"))
		pod.Status.Phase = corev1.PodFailed
		require.NoError(t, b.api.Status().Update(t.Context(), &pod))
		// It ended, so no kubelet stops it.
		b.eventually(20*time.Second, "a new pod", func() error {
			if got := b.kubelet.seen(); strings.Join(got, ",") != "ready events-dual-1" {
				return &mismatch{got: got}
			}
			return nil
		})
	})
	t.Run("the manual order of a person rolls that pod", func(t *testing.T) {
		b := b.in(t)
		b.kubelet.forget()
		change(b, &corev1.Pod{}, "events-dual-2", func(p *corev1.Pod) { p.Annotations[annotationManualRolling] = "true" })
		rolls(t, "events-dual-2")
	})
	t.Run("paused, nothing happens", func(t *testing.T) {
		b := b.in(t)
		b.kubelet.forget()
		change(b, &kafkav1.Kafka{}, "events", func(k *kafkav1.Kafka) {
			k.Annotations = map[string]string{annotationPaused: "true"}
			k.Spec.Kafka.Config["log.retention.hours"] = 48
		})
		b.awaitKafka("events", "ReconciliationPaused", "", 10*time.Second)
		time.Sleep(time.Second)
		require.Empty(t, b.kubelet.seen())
		change(b, &kafkav1.Kafka{}, "events", func(k *kafkav1.Kafka) { k.Annotations = nil })
		rolls(t, "events-dual-0", "events-dual-1", "events-dual-2")
	})
	t.Run("without an entity operator its objects go", func(t *testing.T) {
		b := b.in(t)
		change(b, &kafkav1.Kafka{}, "events", func(k *kafkav1.Kafka) { k.Spec.EntityOperator = nil })
		b.awaitKafka("events", "Ready", "", 20*time.Second)
		b.eventually(20*time.Second, "the Deployment should go", func() error {
			if names := listed(t, b.list(&corev1.ServiceAccountList{})); len(names) != 1 {
				return &mismatch{got: names}
			}
			return nil
		})
	})
}

type mismatch struct{ got, want []string }

func (m *mismatch) Error() string {
	return "got " + strings.Join(m.got, ", ") + "; want " + strings.Join(m.want, ", ")
}

func (b *bench) list(list client.ObjectList) client.ObjectList {
	b.t.Helper()
	require.NoError(b.t, b.api.List(b.t.Context(), list, client.InNamespace(b.namespace), client.HasLabels{labelCluster}))
	return list
}

// versions are of everything that the operator writes.
func (b *bench) versions() map[string]string {
	b.t.Helper()
	versions := map[string]string{}
	for _, list := range []client.ObjectList{
		&corev1.SecretList{}, &corev1.ConfigMapList{}, &corev1.ServiceList{}, &corev1.PodList{}, &corev1.ServiceAccountList{},
		&kafkav1.KafkaNodePoolList{},
	} {
		require.NoError(b.t, forEach(b.list(list), func(o client.Object) {
			versions[strings.TrimPrefix(strings.ToLower(typeName(o)), "*")+" "+o.GetName()] = o.GetResourceVersion()
		}))
	}
	return versions
}
