package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/pulumi/pulumi/sdk/v3/go/common/diag"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

// awaitTimes are how long things are waited for; tests shorten them.
type awaitTimes struct {
	limit    time.Duration // for an object to become ready, or to go
	poll     time.Duration // between two looks at it
	watch    time.Duration // between two looks at its pods
	hopeless time.Duration // for a pod that does not mend by waiting
	retry    time.Duration // before the first new attempt to create it
	settle   time.Duration // for a Service's endpoints to appear, if any will
}

var defaultAwaitTimes = awaitTimes{
	limit:    10 * time.Minute,
	poll:     500 * time.Millisecond,
	watch:    2 * time.Second,
	hopeless: time.Minute,
	retry:    time.Second,
	settle:   10 * time.Second,
}

// waitError is an object that did not become ready.
type waitError struct {
	cause   error
	reasons []string // what was seen of it and of its pods
}

func (e *waitError) Error() string { return e.cause.Error() }

func (e *waitError) Unwrap() error { return e.cause }

// verdict is what one look at an object says.
type verdict struct {
	ready   bool
	message string // what is being waited for
	failed  error  // it will not become ready by waiting
}

// check looks at an object once. before is the object as it was before an
// update, nil after a creation.
type check func(ctx context.Context, object *unstructured.Unstructured) (verdict, error)

// timeout is how long to wait for an object: the resource option customTimeouts,
// the annotation, or the default.
func (p *Provider) timeout(seconds float64, object *unstructured.Unstructured) time.Duration {
	if seconds > 0 {
		return time.Duration(seconds * float64(time.Second))
	}
	if text := annotation(object, timeoutAnnotation); text != "" {
		if value, err := strconv.Atoi(text); err == nil && value > 0 {
			return time.Duration(value) * time.Second
		}
	}
	return p.awaits.limit
}

// lookTimeout bounds one look at an object and at its pods.
const lookTimeout = 10 * time.Second

// await waits until the object is ready and returns it as it is then. It
// returns the last known object with an error too.
func (p *Provider) await(
	ctx context.Context, c *cluster, urn resource.URN, object, before *unstructured.Unstructured, seconds float64,
) (*unstructured.Unstructured, error) {
	if annotation(object, skipAwaitAnnotation) == "true" {
		return object, nil
	}
	done, err := p.checkFor(c, object, before, p.awaits.settle)
	if err != nil || done == nil {
		return object, err
	}
	client, err := c.client(object.GroupVersionKind(), object.GetNamespace())
	if err != nil {
		return object, err
	}
	limit := p.timeout(seconds, object)
	waiting, stop := p.during(ctx, urn, limit)
	defer stop()

	last := verdict{message: "waiting for it to be ready"}
	pods, told := p.watch(c, urn), ""
	for {
		// What is asked for near the limit may end after it: cut short, it would be the
		// reason that is reported, instead of what the object waits for.
		asking, end := context.WithTimeout(ctx, lookTimeout)
		seen, err := done(asking, object)
		trouble := ""
		if err == nil && !seen.ready && seen.failed == nil {
			trouble, seen.failed = pods.look(asking, object)
		}
		end()
		switch {
		case err != nil && waiting.Err() == nil:
			return object, err
		case err == nil && seen.failed != nil:
			return object, &waitError{cause: seen.failed, reasons: p.reasons(ctx, c, object, seen.message)}
		case err == nil && seen.ready:
			p.host.LogStatus(ctx, diag.Info, urn, "")
			return object, nil
		case err == nil:
			last = seen
			if line := join(seen.message, trouble); line != told {
				told = line
				p.host.LogStatus(ctx, diag.Info, urn, line)
			}
		}
		select {
		case <-waiting.Done():
			cause := fmt.Errorf("timed out after %s: %s", limit, last.message)
			if p.ctx.Err() != nil || ctx.Err() != nil {
				cause = fmt.Errorf("cancelled while %s", last.message)
			}
			// The context is over, and what was wrong is still worth knowing.
			late, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer stop()
			return object, &waitError{cause: cause, reasons: p.reasons(late, c, object, last.message)}
		case <-time.After(p.awaits.poll):
		}
		current, err := client.Get(waiting, object.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return object, &waitError{cause: errors.New("it was deleted while it was waited for")}
		}
		// Any other error may pass, and the time limit ends it if it does not.
		if err == nil {
			object = current
		}
	}
}

// join is what is waited for and what is in its way, in one line.
func join(message, trouble string) string {
	if trouble == "" {
		return message
	}
	return strings.Join(strings.Fields(message+": "+trouble), " ")
}

// look is await without waiting, for a refresh: nil when the object is ready.
func (p *Provider) look(ctx context.Context, c *cluster, inputs, live *unstructured.Unstructured) error {
	if annotation(inputs, skipAwaitAnnotation) == "true" || annotation(inputs, waitForAnnotation) != "" {
		return nil
	}
	switch live.GroupVersionKind().GroupKind() {
	case kindDeployment, kindStatefulSet, kindDaemonSet, kindJob, kindPod, kindService, kindIngress:
	default:
		return nil // the others have no state that a refresh would tell of
	}
	done, err := p.checkFor(c, live, live, 0)
	if err != nil || done == nil {
		return err
	}
	seen, err := done(ctx, live)
	if err != nil || seen.ready {
		return err
	}
	cause := seen.failed
	if cause == nil {
		cause = errors.New(seen.message)
	}
	return &waitError{cause: cause, reasons: p.reasons(ctx, c, live, seen.message)}
}

var (
	kindDeployment  = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	kindStatefulSet = schema.GroupKind{Group: "apps", Kind: "StatefulSet"}
	kindDaemonSet   = schema.GroupKind{Group: "apps", Kind: "DaemonSet"}
	kindJob         = schema.GroupKind{Group: "batch", Kind: "Job"}
	kindPod         = schema.GroupKind{Kind: "Pod"}
	kindService     = schema.GroupKind{Kind: "Service"}
	kindIngress     = schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}
	kindClaim       = schema.GroupKind{Kind: "PersistentVolumeClaim"}
	kindVolume      = schema.GroupKind{Kind: "PersistentVolume"}
	kindNamespace   = schema.GroupKind{Kind: "Namespace"}
	kindSecret      = schema.GroupKind{Kind: "Secret"}
	kindController  = schema.GroupKind{Kind: "ReplicationController"}
	kindDefinition  = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
)

// checkFor is what makes an object ready: the program's own condition, or what
// is known of its kind. It is nil for kinds that are ready once they exist.
func (p *Provider) checkFor(
	c *cluster, object, before *unstructured.Unstructured, settle time.Duration,
) (check, error) {
	if text := annotation(object, waitForAnnotation); text != "" {
		return parseWaitFor(text)
	}
	switch object.GroupVersionKind().GroupKind() {
	case kindDeployment, kindStatefulSet, kindDaemonSet, kindController, kindNamespace, kindDefinition:
		return computed, nil
	case kindPod:
		return podReady, nil
	case kindJob:
		return jobDone, nil
	case kindService:
		return serviceReady(c, settle), nil
	case kindIngress:
		return ingressReady, nil
	case kindClaim:
		return claimBound(c, before), nil
	case kindVolume:
		return volumeReady, nil
	case kindSecret:
		if kind, _, _ := unstructured.NestedString(object.Object, "type"); kind == string(corev1.SecretTypeServiceAccountToken) {
			return tokenIssued, nil
		}
		return nil, nil
	}
	if os.Getenv("PULUMI_K8S_AWAIT_ALL") == "true" {
		return computed, nil
	}
	return nil, nil
}

// computed asks kstatus.
func computed(_ context.Context, object *unstructured.Unstructured) (verdict, error) {
	res, err := status.Compute(object)
	if err != nil {
		return verdict{}, err
	}
	switch res.Status {
	case status.CurrentStatus:
		return verdict{ready: true}, nil
	case status.FailedStatus:
		return verdict{message: res.Message, failed: errors.New(res.Message)}, nil
	default:
		return verdict{message: res.Message}, nil
	}
}

func podReady(ctx context.Context, object *unstructured.Unstructured) (verdict, error) {
	seen, err := computed(ctx, object)
	// A container that crashes may yet come up; a pod that is over may not.
	if phase, _, _ := unstructured.NestedString(object.Object, "status", "phase"); phase != string(corev1.PodFailed) {
		seen.failed = nil
	}
	return seen, err
}

func volumeReady(_ context.Context, object *unstructured.Unstructured) (verdict, error) {
	phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
	ready := phase == string(corev1.VolumeAvailable) || phase == string(corev1.VolumeBound)
	return verdict{ready: ready, message: "waiting for the volume to be available"}, nil
}

func tokenIssued(_ context.Context, object *unstructured.Unstructured) (verdict, error) {
	data, _, _ := unstructured.NestedMap(object.Object, "data")
	return verdict{ready: len(data) > 0, message: "waiting for the token to be issued"}, nil
}

// claimBound waits for a volume, unless the storage class makes one only for a
// pod that asks.
func claimBound(c *cluster, before *unstructured.Unstructured) check {
	return func(ctx context.Context, object *unstructured.Unstructured) (verdict, error) {
		phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
		if phase == string(corev1.ClaimBound) {
			return verdict{ready: true}, nil
		}
		waiting := verdict{message: "waiting for a volume to be bound"}
		class, _, _ := unstructured.NestedString(object.Object, "spec", "storageClassName")
		if class == "" {
			return waiting, nil
		}
		found, err := c.typed.StorageV1().StorageClasses().Get(ctx, class, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			waiting.message = fmt.Sprintf("waiting for a volume to be bound: there is no storage class %q", class)
			return waiting, nil
		}
		if err != nil {
			return waiting, err
		}
		if mode := found.VolumeBindingMode; mode != nil && *mode == storagev1.VolumeBindingWaitForFirstConsumer {
			return verdict{ready: true}, nil
		}
		return waiting, nil
	}
}

func ingressReady(_ context.Context, object *unstructured.Unstructured) (verdict, error) {
	addresses, _, _ := unstructured.NestedSlice(object.Object, "status", "loadBalancer", "ingress")
	return verdict{ready: len(addresses) > 0, message: "waiting for an address from the ingress controller"}, nil
}

// serviceReady waits for the load balancer's address and for every endpoint
// that is there to be ready. A Service may stand before its pods do, so one
// without any endpoints is given some time and then taken as it is.
func serviceReady(c *cluster, settle time.Duration) check {
	started := time.Now()
	return func(ctx context.Context, object *unstructured.Unstructured) (verdict, error) {
		kind, _, _ := unstructured.NestedString(object.Object, "spec", "type")
		addresses, _, _ := unstructured.NestedSlice(object.Object, "status", "loadBalancer", "ingress")
		if kind == string(corev1.ServiceTypeLoadBalancer) && len(addresses) == 0 {
			return verdict{message: "waiting for the load balancer's address"}, nil
		}
		address, _, _ := unstructured.NestedString(object.Object, "spec", "clusterIP")
		selects, _, _ := unstructured.NestedMap(object.Object, "spec", "selector")
		if kind == string(corev1.ServiceTypeExternalName) || address == corev1.ClusterIPNone || len(selects) == 0 {
			return verdict{ready: true}, nil
		}
		ready, pending, err := endpoints(ctx, c, object.GetNamespace(), object.GetName())
		switch {
		case err != nil:
			return verdict{}, err
		case pending > 0:
			return verdict{message: fmt.Sprintf("waiting for %d of %d endpoints to be ready", pending, ready+pending)}, nil
		case ready > 0, time.Since(started) >= settle:
			return verdict{ready: true}, nil
		default:
			return verdict{message: "looking for pods that the selector matches"}, nil
		}
	}
}

// endpoints counts the addresses of a Service that are ready and that are not.
func endpoints(ctx context.Context, c *cluster, namespace, name string) (ready, pending int, err error) {
	slices, err := c.typed.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{
		LabelSelector: "kubernetes.io/service-name=" + name,
	})
	if err != nil {
		return 0, 0, fmt.Errorf("listing the endpoints of %s: %w", name, err)
	}
	seen := map[string]bool{} // a pod with two address families has two entries
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			key := strings.Join(endpoint.Addresses, ",")
			if endpoint.TargetRef != nil {
				key = string(endpoint.TargetRef.UID)
			}
			if seen[key] || endpoint.Conditions.Terminating != nil && *endpoint.Conditions.Terminating {
				continue
			}
			seen[key] = true
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				ready++
			} else {
				pending++
			}
		}
	}
	return ready, pending, nil
}

// jobDone waits for the Job to complete. What the pods of one that failed wrote
// last comes with the reasons.
func jobDone(_ context.Context, object *unstructured.Unstructured) (verdict, error) {
	count := func(field string) int64 {
		value, _, _ := unstructured.NestedInt64(object.Object, "status", field)
		return value
	}
	suspended, _, _ := unstructured.NestedBool(object.Object, "spec", "suspend")
	if suspended || condition(object, "Complete") != nil {
		return verdict{ready: true}, nil
	}
	seen := verdict{message: fmt.Sprintf("waiting for the job to complete (%d active, %d succeeded, %d failed)",
		count("active"), count("succeeded"), count("failed"))}
	if failure := condition(object, "Failed"); failure != nil {
		seen.failed = fmt.Errorf("the job failed: %s: %s", failure["reason"], failure["message"])
	}
	return seen, nil
}

// condition is a condition of the object that is true, or nil.
func condition(object *unstructured.Unstructured, kind string) map[string]any {
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, item := range conditions {
		entry, ok := item.(map[string]any)
		if ok && entry["type"] == kind && entry["status"] == "True" {
			return entry
		}
	}
	return nil
}

// awaitDeletion waits until the object is gone, or another has its name.
func (p *Provider) awaitDeletion(
	ctx context.Context, client dynamic.ResourceInterface, urn resource.URN,
	gvk schema.GroupVersionKind, name string, uid types.UID,
) error {
	var last string
	for {
		object, err := client.Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && uid != "" && object.GetUID() != uid {
			return nil
		}
		if err == nil {
			message := "waiting for it to be gone"
			if finalizers := object.GetFinalizers(); len(finalizers) > 0 {
				message += "; it is held by " + strings.Join(finalizers, ", ")
			}
			for _, kind := range []string{
				"NamespaceContentRemaining", "NamespaceFinalizersRemaining", "NamespaceDeletionContentFailure",
				"NamespaceDeletionDiscoveryFailure",
			} {
				if held := condition(object, kind); held != nil {
					message += fmt.Sprintf("; %s", held["message"])
				}
			}
			if message != last {
				last = message
				p.host.LogStatus(ctx, diag.Info, urn, message)
			}
		}
		select {
		case <-ctx.Done():
			if p.ctx.Err() != nil {
				return fmt.Errorf("deleting %s %s: cancelled while %s", gvk.Kind, name, last)
			}
			return fmt.Errorf("deleting %s %s: timed out while %s", gvk.Kind, name, last)
		case <-time.After(p.awaits.poll):
		}
	}
}
