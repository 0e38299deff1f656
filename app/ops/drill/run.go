package drill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/wealth-companion/companion/app/ops/prometheus"
)

// Watcher knows which alerts fire. An error says that it cannot tell at the moment.
type Watcher interface {
	Alerts(context.Context) ([]prometheus.Alert, error)
}

// Options say where drills take place.
type Options struct {
	Target
	Cluster kubernetes.Interface
	Watcher Watcher      // nil: nobody watches the stack
	Report  func(string) // receives each step

	pace pace // standard, when zero
}

// pace are the times of a drill that tests make shorter.
type pace struct {
	// every is the time between two transactions, look that between two looks at the alerts, of which
	// no way is measured more closely, and again that before a request that failed is sent again.
	every, look, again time.Duration
	// calm is how long everything must have worked again.
	calm time.Duration
}

var standard = pace{500 * time.Millisecond, 500 * time.Millisecond, 500 * time.Millisecond, 10 * time.Second}

// Alarm is an alert that began to fire during a drill, and how long after its beginning.
type Alarm struct {
	Name  string        `json:"name"`
	After time.Duration `json:"afterNanoseconds"`
}

// Result is what came of a drill.
type Result struct {
	Drill
	Began time.Time `json:"began"`

	Requests int `json:"requests"`
	Failed   int `json:"failed"`
	// Recovered is when no request failed any more and every way from a transaction to its alert
	// was as fast as it should be again; 0 where nothing was noticed. It counts as the goal does. Ready is
	// when all pods were ready again, after they were killed or could start again.
	Recovered time.Duration `json:"recoveredNanoseconds"`
	Ready     time.Duration `json:"readyNanoseconds"`
	Slowest   time.Duration `json:"slowestNanoseconds"` // the longest way
	Books     Books         `json:"books"`
	Alarms    []Alarm       `json:"alarms"`
	Met       bool          `json:"met"`
	// Error is why the drill could not be carried out, or what was not as before afterwards.
	Error string `json:"error,omitempty"`
}

// The times of a drill.
const (
	// enough is how many transactions must have gone all the way before anything is made to fail, and
	// again afterwards.
	enough = 8
	// giveUp is how long recovery is awaited.
	giveUp = 4 * time.Minute
	// settling is how long what was begun may take to be accepted and to have its alert.
	settling = time.Minute
	// undoing is how long it may take to put everything right.
	undoing = 2 * time.Minute
)

// Run carries out drills one after the other. When ctx ends, what is wrong at the moment is put right
// first. The error says what kept a drill from being carried out; what came of each is in the
// results.
func Run(ctx context.Context, drills []Drill, o Options) (results []Result, err error) {
	o.pace = cmp.Or(o.pace, standard)
	if err := Check(ctx, o.Cluster); err != nil {
		return nil, err
	}
	// Of a run before that was ended by force.
	if err := (&field{o.Cluster, "", o.Report}).repair(ctx); err != nil {
		return nil, fmt.Errorf("put right what an earlier drill has left: %w", err)
	}
	if len(drills) == 0 {
		return nil, nil
	}
	// One crowd for all of them: an address registers so many in an hour, and no more.
	people, err := register(ctx, o.Target)
	defer func() {
		limited, done := context.WithTimeout(context.WithoutCancel(ctx), undoing)
		defer done()
		err = errors.Join(err, leave(limited, people))
	}()
	if err != nil {
		return nil, fmt.Errorf("people cannot register: %w", err)
	}
	for i, one := range drills {
		o.Report(fmt.Sprintf("drill %d of %d, %s: %s", i+1, len(drills), one.Name, one.About))
		result, err := run(ctx, one, people, o)
		if err != nil {
			result.Error = err.Error()
		}
		results = append(results, result)
		if ctx.Err() != nil {
			return results, fmt.Errorf("%s: interrupted, and put right: %w", one.Name, ctx.Err())
		}
	}
	return results, nil
}

// run carries out one drill.
func run(ctx context.Context, d Drill, people []*person, o Options) (Result, error) {
	result := Result{Drill: d, Began: time.Now().UTC()}
	l := newLoad(o.Target, people, o.pace)
	entering, stop := context.WithCancel(ctx)
	finishing, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		l.run(entering, finishing)
	}()
	defer func() { stop(); end(); <-ended }()

	err := result.endure(ctx, l, o)
	stop()
	if ctx.Err() != nil {
		return result, ctx.Err()
	}
	return result, errors.Join(err, result.settle(ctx, l))
}

// endure makes the drill's part fail, and waits until everything works again.
func (r *Result) endure(ctx context.Context, l *load, o Options) (err error) {
	field := &field{o.Cluster, r.Name, o.Report}
	if err := l.await(ctx, settling, func() bool { return l.calm(time.Now().Add(-l.pace.calm), enough) }); err != nil {
		_, accepted, seen := l.entered()
		return fmt.Errorf("it does not work before anything fails: of %d transactions that were accepted, %d have their alert: %w", accepted, seen, err)
	}
	brokers, err := readyBrokers(ctx, o.Cluster)
	if err != nil {
		return err
	}
	quiet, cancel := context.WithCancel(ctx)
	defer cancel()
	since := time.Now()
	heard := listen(quiet, o.Watcher, since)

	undo := func() error {
		limited, done := context.WithTimeout(context.WithoutCancel(ctx), undoing)
		defer done()
		return field.repair(limited)
	}
	err = r.fail(ctx, field)
	if err == nil {
		err = pause(ctx, r.Lasts)
	}
	if wrong := undo(); wrong != nil {
		return errors.Join(err, fmt.Errorf("not put right, `companionctl drill run` tries again: %w", wrong))
	}
	if err != nil {
		return err
	}
	lastly := time.Now() // when it was put right
	if r.FromHealing {
		since = lastly
	}
	began := since
	if r.Lasts > 0 {
		began = lastly // its pods cannot be ready before
	}
	err = l.await(ctx, giveUp, func() bool {
		all, failed := allReady(ctx, o.Cluster, brokers)
		if failed != nil || !all {
			r.Ready = 0
			return false
		}
		if r.Ready == 0 {
			r.Ready = time.Since(began)
		}
		calmSince := time.Now().Add(-l.pace.calm)
		return calmSince.After(lastly) && l.calm(calmSince, enough)
	})
	cancel()
	r.Alarms = <-heard
	its := l.recovery(since)
	r.Requests, r.Failed, r.Recovered, r.Slowest = its.Requests, its.Failed, max(0, its.All()), its.Slowest
	if err != nil {
		return fmt.Errorf("it does not work again after %s: %w", giveUp, err)
	}
	// Of what is to be away without anybody's notice, the goal is people's.
	r.Met = r.Recovered <= r.Goal && (r.Ready <= r.Goal || r.Lasts > 0)
	return nil
}

// settle waits until what was begun is accepted and has its alert, and compares the books.
func (r *Result) settle(ctx context.Context, l *load) error {
	limited, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	for pause(limited, l.pace.again) == nil {
		if begun, _, seen := l.entered(); begun == seen {
			break
		}
		for i := range l.people {
			if l.outstanding(i) {
				l.lookAt(limited, i)
			}
		}
	}
	// Doubles may come later than the first, and are looked for in the lists as they are then.
	for i := range l.people {
		l.lookAt(ctx, i)
	}
	stored, err := l.transactions(ctx)
	if err != nil {
		return fmt.Errorf("the books cannot be read: %w", err)
	}
	r.Books = l.books(stored)
	r.Met = r.Met && r.Books.Agree()
	return nil
}

// await waits until something holds, for so long.
func (l *load) await(ctx context.Context, within time.Duration, holds func() bool) error {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for !holds() {
		if err := pause(limited, l.pace.again); err != nil {
			return err
		}
	}
	return nil
}

// namespaces are those of what drills make fail, without the brokers', which no Deployment counts.
var namespaces = []string{application, "dapr-system", "data", "nginx-gateway"}

// allReady tells whether every Deployment and StatefulSet has the pods that it is to have, and there are
// so many ready brokers.
func allReady(ctx context.Context, cluster kubernetes.Interface, brokers int) (bool, error) {
	for _, namespace := range namespaces {
		deployments, err := cluster.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, one := range deployments.Items {
			if one.Status.ObservedGeneration < one.Generation || one.Status.ReadyReplicas < pods(one.Spec.Replicas) {
				return false, nil
			}
		}
		sets, err := cluster.AppsV1().StatefulSets(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		for _, one := range sets.Items {
			if one.Status.ObservedGeneration < one.Generation || one.Status.ReadyReplicas < pods(one.Spec.Replicas) {
				return false, nil
			}
		}
	}
	now, err := readyBrokers(ctx, cluster)
	return now >= brokers, err
}

// readyBrokers counts the pods of brokers that are ready.
func readyBrokers(ctx context.Context, cluster kubernetes.Interface) (int, error) {
	list, err := cluster.CoreV1().Pods("kafka").List(ctx, metav1.ListOptions{LabelSelector: brokerLabel})
	if err != nil {
		return 0, err
	}
	count := 0
	for _, pod := range list.Items {
		if ready(pod) {
			count++
		}
	}
	return count, nil
}

// listenEvery is how often it is looked which alerts fire.
const listenEvery = 5 * time.Second

// listen notes which alerts begin to fire until ctx ends, and how long after since.
func listen(ctx context.Context, w Watcher, since time.Time) <-chan []Alarm {
	heard := make(chan []Alarm, 1)
	if w == nil {
		heard <- nil
		return heard
	}
	go func() {
		alarms := []Alarm{}
		known := map[string]bool{}
		first := true
		for {
			limited, cancel := context.WithTimeout(ctx, listenEvery)
			alerts, err := w.Alerts(limited)
			cancel()
			if err == nil {
				for _, one := range alerts {
					if one.State == prometheus.Firing && !known[one.Name] {
						known[one.Name] = true
						if !first { // those that fired before tell of something else
							alarms = append(alarms, Alarm{one.Name, time.Since(since)})
						}
					}
				}
				first = false
			}
			if pause(ctx, listenEvery) != nil {
				heard <- alarms
				return
			}
		}
	}()
	return heard
}

// Err says which drills did not go as they should.
func Err(results []Result) error {
	var wrong []string
	for _, r := range results {
		if why := r.Why(); why != "" {
			wrong = append(wrong, r.Name+": "+why)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return errors.New(strings.Join(wrong, "\n  "))
}

// Why says what did not go as it should; nothing when all did.
func (r Result) Why() string {
	switch {
	case r.Error != "":
		return r.Error
	case !r.Books.Agree():
		return fmt.Sprintf("of %d transactions that were accepted, %d are stored: %d lost, %d doubled, %d never accepted", r.Books.Accepted, r.Books.Stored, r.Books.Lost, r.Books.Doubled, r.Books.Refused)
	case !r.Met:
		return fmt.Sprintf("recovered after %s, its pods ready after %s, and not within %s", seconds(r.Recovered), seconds(r.Ready), r.Goal)
	}
	return ""
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1fs", d.Seconds()) }
