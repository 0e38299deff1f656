// Package drill makes parts of a running stack fail, one after the other, while people enter
// transactions, and compares what was accepted with what came of it.
package drill

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/wealth-companion/companion/app/core/event"
)

// The names that infra gives to what is drilled.
const (
	application = "companion"
	// Allowed is the ConfigMap in the application's namespace without which nothing is drilled: it is
	// there where the stack says companion:drills.
	Allowed = "drills-allowed"
)

// Drill is something that fails, and within what time everything must work again.
type Drill struct {
	Name  string        `json:"name"`
	About string        `json:"about"`
	Goal  time.Duration `json:"goalNanoseconds"`
	// Lasts is how long it stays so; 0: it is over at once, as when a pod is killed.
	Lasts time.Duration `json:"lastsNanoseconds,omitempty"`
	// FromHealing has the goal count from when it is put right: what is cut off from the database
	// cannot work before.
	FromHealing bool `json:"fromHealing,omitempty"`

	fail func(context.Context, *field) error
}

// All lists the drills in the order in which they are run.
func All() []Drill {
	const pod, broker, node = 30 * time.Second, 15 * time.Second, 90 * time.Second
	return []Drill{
		{Name: "backend-killed", About: "a pod of the backend is killed", Goal: pod, fail: killed(application, service(event.Backend))},
		{Name: "web-killed", About: "a pod of the web is killed", Goal: pod, fail: killed(application, service(event.Web))},
		{Name: "agent-killed", About: "a pod of analytics, which every alert of this load comes from, is killed", Goal: pod, fail: killed(application, service(event.Analytics))},
		{Name: "nginx-killed", About: "a pod of NGINX is killed", Goal: pod, fail: killed("nginx-gateway", service("nginx-gateway-fabric"))},
		{Name: "broker-killed", About: "a Kafka broker is killed", Goal: broker, fail: killed("kafka", brokerLabel)},
		{Name: "redis-away", About: "Redis is away for a minute, and a pod of the backend starts meanwhile", Goal: pod, Lasts: time.Minute, fail: redisAway},
		{Name: "dapr-away", About: "Dapr's control plane, without the scheduler, is away for a minute", Goal: pod, Lasts: time.Minute, fail: scaledDown("dapr-system", func(name string) bool { return name != daprScheduler })},
		{Name: "scheduler-away", About: "Dapr's scheduler is away for a minute", Goal: pod, Lasts: time.Minute, fail: scaledDown("dapr-system", func(name string) bool { return name == daprScheduler })},
		{Name: "kafka-cut", About: "the backend cannot reach Kafka for half a minute", Goal: pod, Lasts: 30 * time.Second, FromHealing: true, fail: cutOff(event.Backend, kafkaPort)},
		{Name: "database-cut", About: "the backend cannot reach PostgreSQL for half a minute", Goal: pod, Lasts: 30 * time.Second, FromHealing: true, fail: cutOff(event.Backend, databasePort)},
		{Name: "node-drained", About: "a node of the services is drained, within their disruption budgets", Goal: node, fail: drained},
	}
}

// Named are the drills of those names, in the order of All; "all" is every one.
func Named(names []string) ([]Drill, error) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	every := wanted["all"]
	delete(wanted, "all")
	var found []Drill
	for _, one := range All() {
		if every || wanted[one.Name] {
			found = append(found, one)
		}
		delete(wanted, one.Name)
	}
	for name := range wanted {
		return nil, fmt.Errorf("no drill is called %q: `companionctl drill list` shows which there are", name)
	}
	return found, nil
}

// ErrRefused is of a stack on which nothing may be made to fail.
var ErrRefused = errors.New("this stack allows no drills: set companion:drills to true in its file and update it; where companion:cluster.protected is true, it cannot be set")

// Check returns ErrRefused where drills are not allowed.
func Check(ctx context.Context, cluster kubernetes.Interface) error {
	_, err := cluster.CoreV1().ConfigMaps(application).Get(ctx, Allowed, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return ErrRefused
	}
	return err
}

// field is where a drill takes place.
type field struct {
	cluster kubernetes.Interface
	drill   string
	report  func(string)
}

func (f *field) says(format string, values ...any) { f.report(fmt.Sprintf(format, values...)) }

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
