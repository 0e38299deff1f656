package status

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/wealth-companion/companion/app/core/event"
	"github.com/wealth-companion/companion/app/ops/admin"
	"github.com/wealth-companion/companion/app/ops/prometheus"
)

var now = time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)

func ago(d time.Duration) *time.Time {
	then := now.Add(-d)
	return &then
}

func TestAReportIsOneScreen(t *testing.T) {
	several := []Problem{{What: "one", Since: ago(3 * time.Minute), Runbook: "outboxstuck"}, {What: "two", Since: ago(30 * time.Second)}, {What: "three", Since: ago(50 * time.Hour)}}
	report := Run(t.Context(), []Check{
		{"alerts", func(context.Context) (string, []Problem, error) { return "3 fire", several, nil }},
		{"pods", func(context.Context) (string, []Problem, error) { return "2 of 2 ready", nil, nil }},
		{"metrics", func(context.Context) (string, []Problem, error) { return "", nil, errors.Join(ErrOff) }},
		{"consumers", func(context.Context) (string, []Problem, error) {
			return "", nil, errors.New("no broker answers\nin three lines")
		}},
		{"outboxes", func(context.Context) (string, []Problem, error) { return "", make([]Problem, 9), nil }},
	}, time.Minute, now)
	require.Equal(t, []string{
		"✗ alerts     3 fire",
		"    one, since 02:57 UTC (3m)  → docs/runbook.md#outboxstuck",
		"    two, since 30s ago",
		"    three, since 2026-11-26 01:00 UTC (2d)",
		"✓ pods       2 of 2 ready",
		"- metrics    it is off",
		"? consumers  no broker answers",
		"✗ outboxes   ",
		"    ", "    ", "    ", "    ", "    ",
		"    and 4 more (--output json)",
	}, report.Lines())
	require.EqualError(t, report.Err(), "unhealthy: alerts, outboxes\nnot known: consumers")
}

func TestWhatIsHealthyOrOffIsNoError(t *testing.T) {
	report := Run(t.Context(), []Check{
		{"pods", func(context.Context) (string, []Problem, error) { return "2 of 2 ready", nil, nil }},
		{"metrics", func(context.Context) (string, []Problem, error) { return "", nil, ErrOff }},
	}, time.Minute, now)
	require.NoError(t, report.Err())
}

// A broker that is silent must not keep the rest from being shown.
func TestWhatTakesTooLongIsNotKnown(t *testing.T) {
	ended := make(chan struct{})
	t.Cleanup(func() { close(ended) })
	report := Run(t.Context(), []Check{
		{"consumers", func(context.Context) (string, []Problem, error) { <-ended; return "", nil, nil }},
		{"pods", func(context.Context) (string, []Problem, error) { return "2 of 2 ready", nil, nil }},
	}, 10*time.Millisecond, now)
	require.Equal(t, []string{"? consumers  it took too long to look at", "✓ pods       2 of 2 ready"}, report.Lines())
	require.Error(t, report.Err())
}

func TestAlertsThatFire(t *testing.T) {
	says, problems := ofAlerts([]prometheus.Alert{
		{Name: "APIErrors", Severity: "page", State: prometheus.Firing, Since: *ago(time.Minute), Summary: "requests to the API: 5% failed", Runbook: "https://example.com/runbook.md#apierrors"},
		{Name: "OutboxStuck", Severity: "page", State: prometheus.Firing, Since: *ago(time.Hour), Summary: "an event waits", Runbook: "https://example.com/runbook.md#outboxstuck"},
		{Name: "EventsLate", Severity: "ticket", State: prometheus.Pending, Since: *ago(time.Minute)},
		{Name: "DaprDown", Severity: "ticket", State: prometheus.Silenced, Since: *ago(time.Minute)},
	})
	require.Equal(t, "2 fire, 1 pending, 1 silenced", says)
	require.Equal(t, []Problem{
		{What: "OutboxStuck (page): an event waits", Since: ago(time.Hour), Runbook: "outboxstuck"},
		{What: "APIErrors (page): requests to the API: 5% failed", Since: ago(time.Minute), Runbook: "apierrors"},
	}, problems, "what began first comes first")
	says, problems = ofAlerts(nil)
	require.Equal(t, "none fires", says)
	require.Empty(t, problems)
}

// monitor is Prometheus with an Alertmanager that does not answer.
type monitor struct{ Monitor }

func (monitor) Alerts(context.Context) ([]prometheus.Alert, error) { return nil, nil }
func (monitor) MarkSilenced(context.Context, []prometheus.Alert) error {
	return errors.New("alerts of Alertmanager: refused")
}

func TestWithoutAlertmanagerNobodyIsTold(t *testing.T) {
	_, problems, err := Alerts(monitor{}).Look(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Problem{{What: "nobody is told of alerts: alerts of Alertmanager: refused", Runbook: "alertingbroken"}}, problems)
}

func TestOutboxes(t *testing.T) {
	says, problems := ofOutboxes(map[string]float64{"backend": 600, "banking": 3}, map[string]float64{"backend": 12}, now)
	require.Equal(t, "the oldest event waits for 600s", says)
	require.Equal(t, []Problem{{What: "backend does not publish: 12 events wait", Since: ago(10 * time.Minute), Runbook: "outboxstuck"}}, problems)
}

func TestTargets(t *testing.T) {
	says, problems := ofTargets([]prometheus.Target{{Job: "backend", Pod: "backend-1", Health: "up"}, {Job: "web", Pod: "web-1", Health: "down", Error: "refused"}, {Job: "new", Health: "unknown"}})
	require.Equal(t, "2 of 3 targets are read", says)
	require.Equal(t, []Problem{{What: "web web-1 is not read: refused", Runbook: "targetdown"}}, problems)
}

func TestConsumers(t *testing.T) {
	const topic = "finance.transaction.created"
	says, problems := ofGroups([]admin.Group{
		{Name: "analytics", State: "Stable", Members: 1, Partitions: []admin.PartitionLag{
			{Topic: topic, Partition: 0, Waiting: 3, Oldest: ago(2 * time.Minute)}, {Topic: topic, Partition: 1, Waiting: 4, Oldest: ago(10 * time.Minute)},
			{Topic: topic, Partition: 2, Waiting: 1, Oldest: ago(10 * time.Second)}, {Topic: topic, Partition: 3},
		}},
		{Name: "banking", State: "Empty"},
	}, now)
	require.Equal(t, "8 events wait of 2 services", says)
	require.Equal(t, []Problem{
		{What: "analytics is behind in " + topic, Since: ago(10 * time.Minute), Runbook: "events-stand-still"},
		{What: "nobody reads for banking (Empty), and 0 events wait", Runbook: "events-stand-still"},
	}, problems)
}

func TestDeadLetters(t *testing.T) {
	const topic = "finance.transaction.created"
	letters := map[string][]admin.Message{topic: {
		{Time: *ago(48 * time.Hour)}, {Time: *ago(time.Hour)}, {Time: *ago(2 * time.Hour)},
		{Time: *ago(time.Minute), Event: event.CloudEvent{Drill: true}},
	}}
	says, problems := ofDeadLetters(letters, now)
	require.Equal(t, "2 within a day", says)
	require.Equal(t, []Problem{{What: "2 of " + topic, Since: ago(2 * time.Hour), Runbook: "deadletters"}}, problems)
	says, problems = ofDeadLetters(nil, now)
	require.Equal(t, "none within a day", says)
	require.Empty(t, problems)
}

// pod is one of the stack's, with a condition Ready.
func pod(namespace, name string, ready bool, since time.Duration, change func(*corev1.Pod)) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, CreationTimestamp: metav1.NewTime(*ago(since))}}
	p.Status.Phase = corev1.PodRunning
	is := corev1.ConditionFalse
	if ready {
		is = corev1.ConditionTrue
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: is, LastTransitionTime: metav1.NewTime(*ago(since))}}
	if change != nil {
		change(&p)
	}
	return p
}

func TestPods(t *testing.T) {
	waiting := func(reason string, restarts int32) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "backend", RestartCount: restarts, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}}
		}
	}
	pods := []corev1.Pod{
		pod("companion", "ready", true, time.Hour, nil),
		pod("companion", "just-begun", false, 10*time.Second, nil),
		pod("companion", "crashes", false, 20*time.Minute, waiting("CrashLoopBackOff", 7)),
		pod("kafka", "no-image", false, 10*time.Minute, waiting("ImagePullBackOff", 0)),
		pod("dapr-system", "no-room", false, time.Hour, func(p *corev1.Pod) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/4 nodes are available"}}
		}),
		pod("companion", "job-done", false, time.Hour, func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }),
		pod("companion", "going", false, time.Hour, func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: now} }),
		pod("companion", "tried-again", false, time.Hour, func(p *corev1.Pod) {
			p.Status.Phase = corev1.PodFailed
			controls := true
			p.OwnerReferences = []metav1.OwnerReference{{Kind: "Job", Controller: &controls}}
		}),
	}
	says, problems := ofPods(pods, now)
	require.Equal(t, "1 of 5 ready", says)
	require.Equal(t, []Problem{
		{What: "dapr-system/no-room is not ready: no node takes it (0/4 nodes are available)", Since: ago(time.Hour), Runbook: "daprdown"},
		{What: "companion/crashes is not ready: backend: CrashLoopBackOff, begun 7 times anew", Since: ago(20 * time.Minute), Runbook: "servicedown"},
		{What: "kafka/no-image is not ready: backend: ImagePullBackOff", Since: ago(10 * time.Minute), Runbook: "nodes-and-pods"},
	}, problems)
}

// Of a cluster, only the stack's namespaces are looked at; one without any is the wrong one.
func TestPodsAreTheStacks(t *testing.T) {
	inStack := pod("companion", "backend", true, time.Hour, nil)
	other := pod("others", "theirs", false, time.Hour, nil)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "companion", Labels: map[string]string{"app.kubernetes.io/part-of": "companion"}}}
	says, problems, err := Pods(fake.NewClientset(namespace, &inStack, &other)).Look(t.Context())
	require.NoError(t, err)
	require.Equal(t, "1 of 1 ready", says)
	require.Empty(t, problems)
	_, _, err = Pods(fake.NewClientset(&other)).Look(t.Context())
	require.ErrorContains(t, err, "is the stack in it?")
}

func TestNodes(t *testing.T) {
	node := func(name string, is corev1.ConditionStatus) corev1.Node {
		return corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
			{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse},
			{Type: corev1.NodeReady, Status: is, Message: "the kubelet is silent", LastTransitionTime: metav1.NewTime(*ago(time.Hour))},
		}}}
	}
	says, problems := ofNodes([]corev1.Node{node("one", corev1.ConditionTrue), node("two", corev1.ConditionUnknown)})
	require.Equal(t, "1 of 2 ready", says)
	require.Equal(t, []Problem{{What: "two is not ready: the kubelet is silent", Since: ago(time.Hour), Runbook: "nodes-and-pods"}}, problems)
}

func TestCertificates(t *testing.T) {
	found, err := managed([]byte(`{"items": [
		{"metadata": {"namespace": "nginx-gateway", "name": "companion-tls"}, "status": {"notAfter": "2027-01-28T03:00:00Z", "renewalTime": "2026-12-28T03:00:00Z",
			"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-10-30T03:00:00Z"}]}},
		{"metadata": {"namespace": "data", "name": "redis"}, "status": {"notAfter": "2026-11-30T03:00:00Z", "renewalTime": "2026-11-27T03:00:00Z",
			"conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-10-30T03:00:00Z"}]}},
		{"metadata": {"namespace": "data", "name": "new", "creationTimestamp": "2026-11-28T01:00:00Z"}, "status": {}}]}`))
	require.NoError(t, err)
	says, problems := ofCertificates(found, now)
	require.Equal(t, "3 certificates, the first ends in 2d (data/redis)", says)
	require.Equal(t, []Problem{
		{What: "data/redis is not renewed, and ends 2026-11-30 03:00 UTC", Since: ago(24 * time.Hour), Runbook: "certificatenotrenewed"},
		{What: "data/new is not valid: it has never been issued", Since: ago(2 * time.Hour), Runbook: "certificatenotrenewed"},
	}, problems)
	_, err = managed([]byte("no JSON"))
	require.ErrorContains(t, err, "cert-manager's certificates")
}

// The authorities' own renewal is not known; theirs is late when a tenth of the life is left.
func TestAnAuthorityIsRenewedInTime(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-92 * time.Hour), NotAfter: now.Add(8 * time.Hour)}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	ends, renewal, err := ofPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded}))
	require.NoError(t, err)
	require.Equal(t, now.Add(8*time.Hour), ends)
	require.Equal(t, now.Add(-2*time.Hour), renewal)
	for name, c := range map[string]struct {
		after time.Duration
		late  int
	}{"in time": {0, 0}, "half of the rest is gone": {4 * time.Hour, 1}} {
		_, problems := ofCertificates([]certificate{{name: "kafka/events-cluster-ca-cert", ends: ends, renewal: renewal, ready: true}}, now.Add(c.after))
		require.Len(t, problems, c.late, name)
	}
	_, _, err = ofPEM([]byte("nothing"))
	require.Error(t, err)
}

// Every entry that a problem names is in the runbook.
func TestEntriesAreInTheRunbook(t *testing.T) {
	document, err := os.ReadFile("../../../docs/runbook.md")
	require.NoError(t, err)
	headings := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(document), -1) {
		headings[strings.ReplaceAll(strings.ToLower(heading[1]), " ", "-")] = true
	}
	entries := []string{"outboxstuck", "targetdown", "alertingbroken", "events-stand-still", "deadletters", "nodes-and-pods", "servicedown", "daprdown", "certificatenotrenewed"}
	for _, a := range authorities {
		entries = append(entries, a.entry)
	}
	for _, entry := range entries {
		require.True(t, headings[entry], "docs/runbook.md has no %s", entry)
	}
}
